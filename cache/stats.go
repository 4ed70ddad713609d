package cache

import (
	"sync/atomic"
	"time"
)

// Bypass is a reason why a read did not ask the store.
type Bypass uint8

// The reasons.
const (
	// Uncacheable: the statement's result must come from the database each
	// time; Explain says why.
	Uncacheable Bypass = iota
	// InTransaction: the connection is in a transaction.
	InTransaction
	// Tainted: the connection's session was changed, or its inner connection
	// was handed out.
	Tainted
	// NoLease: the feed is not live.
	NoLease
	// Argument: an argument has a type that cannot be part of a key.
	Argument
	// OptedOut: the context says NoCache.
	OptedOut
	// Elsewhere: the connection was dialled to another database than the
	// feed's.
	Elsewhere
	// OpenResult: another result is still being read on the connection, whose
	// snapshot the read would share.
	OpenResult
	// Behind: the context waits for a token that the feed has not reached.
	Behind
	bypasses
)

var bypassNames = [bypasses]string{
	"uncacheable statement", "in a transaction", "session changed", "feed not live",
	"argument type", "opted out", "connected elsewhere", "another result open", "behind the token",
}

func (b Bypass) String() string {
	if b < bypasses {
		return bypassNames[b]
	}
	return "unknown"
}

// Rejection is a reason why the result of a read was not stored.
type Rejection uint8

// The reasons.
const (
	// Outdated: one of its tables was written while it was read, or the lease
	// ended.
	Outdated Rejection = iota
	// TooLarge: it outgrew the budget of one result.
	TooLarge
	// NotWhole: it ended with an error, has several results, or values that
	// cannot be copied.
	NotWhole
	// Ineligible: the connection turned out not to be one that may fill.
	Ineligible
	// Fruitless: results of the statement are nearly always killed before
	// somebody asks for them again. It is not kept for a while, and then tried
	// again.
	Fruitless
	rejections
)

var rejectionNames = [rejections]string{"outdated", "too large", "not whole", "ineligible connection", "killed before it is asked for"}

func (r Rejection) String() string {
	if r < rejections {
		return rejectionNames[r]
	}
	return "unknown"
}

// counters count what happens. Each is a single atomic, so a snapshot of all
// is not of one instant.
type counters struct {
	hits                                          striped
	shared, misses, stores                        atomic.Uint64
	awaited, verified, violations                 atomic.Uint64
	resets, rests                                 atomic.Uint64
	stale, refreshed, expired                     atomic.Uint64
	evictedByWrites, evictedByFeed, evictedBySize atomic.Uint64
	bypassed                                      [bypasses]atomic.Uint64
	rejected                                      [rejections]atomic.Uint64
}

// striped is a counter that is counted all the time, by connections of several
// processors: each has a part of its own, as far as there are, so that they do
// not take a cache line from each other.
type striped [16]struct {
	atomic.Uint64
	_ [56]byte
}

// add counts one for the connection with that number.
func (s *striped) add(connection uint32) { s[connection%uint32(len(s))].Add(1) }

// Load returns the sum.
func (s *striped) Load() uint64 {
	n := uint64(0)
	for i := range s {
		n += s[i].Load()
	}
	return n
}

// Stats is a snapshot of a cache's counters.
type Stats struct {
	// Hits counts reads answered from memory, Shared those of them that
	// waited for a read under way instead of finding an entry.
	Hits, Shared uint64
	// Stale counts hits with a result that others had made out of date, Refreshed
	// the reads in the background that were begun for them: see
	// [StaleWhileRevalidate].
	Stale, Refreshed uint64
	// Expired counts reads that found a result older than the TTL, and asked the
	// database.
	Expired uint64
	// Misses counts reads that asked the store and then the database.
	Misses uint64
	// Stores counts results stored.
	Stores uint64
	// Rejected counts results that were read whole or in part but not stored.
	Rejected map[Rejection]uint64
	// Bypassed counts reads that never asked the store.
	Bypassed map[Bypass]uint64
	// InvalidatedByWrites and InvalidatedByFeed count entries that died of a
	// write of this process and of a reported change; a write of this process
	// is reported too, and kills what was stored in between once more.
	InvalidatedByWrites, InvalidatedByFeed uint64
	// EvictedBySize counts entries that made room for others.
	EvictedBySize uint64
	// Resets counts how often everything was forgotten.
	Resets uint64
	// Rests counts how often a statement was found not to be worth keeping, for
	// a while: see Fruitless.
	Rests uint64
	// Awaited counts writes that returned only when the change feed had told
	// what else they changed.
	Awaited uint64
	// Verified counts hits that were compared with the database, Violations
	// those that turned out to be wrong: out of date for longer than the change
	// feed takes to tell, or never right. Each is logged, without values.
	Verified, Violations uint64
	// Entries and Bytes are what is stored now, about.
	Entries int
	Bytes   int64
	// Leased reports whether there is a valid lease, LeaseAge its age: how far
	// an answer from memory may lag behind the database.
	Leased   bool
	LeaseAge time.Duration
}

// Stats returns a snapshot.
func (c *Cache) Stats() Stats {
	now := c.now()
	age, _ := c.core.LeaseAge(now)
	s := Stats{
		Hits:                c.stats.hits.Load(),
		Shared:              c.stats.shared.Load(),
		Stale:               c.stats.stale.Load(),
		Refreshed:           c.stats.refreshed.Load(),
		Expired:             c.stats.expired.Load(),
		Misses:              c.stats.misses.Load(),
		Stores:              c.stats.stores.Load(),
		Rejected:            make(map[Rejection]uint64),
		Bypassed:            make(map[Bypass]uint64),
		InvalidatedByWrites: c.stats.evictedByWrites.Load(),
		InvalidatedByFeed:   c.stats.evictedByFeed.Load(),
		EvictedBySize:       c.stats.evictedBySize.Load(),
		Resets:              c.stats.resets.Load(),
		Rests:               c.stats.rests.Load(),
		Awaited:             c.stats.awaited.Load(),
		Verified:            c.stats.verified.Load(),
		Violations:          c.stats.violations.Load(),
		Entries:             c.entries.Len(),
		Bytes:               c.entries.Bytes(),
		Leased:              c.core.Valid(now),
		LeaseAge:            age,
	}
	for i := range c.stats.rejected {
		if n := c.stats.rejected[i].Load(); n > 0 {
			s.Rejected[Rejection(i)] = n
		}
	}
	for i := range c.stats.bypassed {
		if n := c.stats.bypassed[i].Load(); n > 0 {
			s.Bypassed[Bypass(i)] = n
		}
	}
	return s
}

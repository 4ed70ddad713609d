package cache

import (
	sqldriver "database/sql/driver"
	"sync"
	"sync/atomic"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
)

// Serving a result that others have made out of date, while it is read anew:
//
//	the feed tells of a change ─→ entry killed ─→ stays in the store, outdated: good at the poll before
//	                                                  │
//	read that allows for it ──────────────────────────┤ no own write of its tables since, no reset,
//	                                                  │ younger than the bound, same key
//	                                                  ├─→ its rows, and one refresh of the key in the background
//	                                                  └ else ─→ a miss, as ever
//
// An own write kills what it finds alive, and does not leave it in the store; and
// it is counted, by table, before the caller hears of it. So an outdated entry
// whose tables have a higher count than there was when it was killed may miss an
// own write, and is not served. Where it is not proven what a write changes, it
// counts as one of every table.

// Refresh is a read that is to be made again.
type Refresh struct {
	Text string
	// Args are those that reached the driver.
	Args []sqldriver.NamedValue
	// Prepared: by a prepared statement.
	Prepared bool
	// Done must be called when the read has ended, however it did.
	Done func()
}

// revalidation is what serving outdated entries needs. The zero value is ready,
// but for the step of its moments.
type revalidation struct {
	// used: somebody allows for outdated entries, so that they have to be left in
	// the store.
	used atomic.Bool
	// outdated are the polls before those that killed entries.
	outdated moments

	// refreshesMu guards underWay: the hashes of keys that are being refreshed. It
	// is held for map operations only.
	refreshesMu sync.Mutex
	underWay    map[uint64]struct{}

	own ownWrites
}

// ownWrites counts the writes of the handle's own.
type ownWrites struct {
	count atomic.Uint64
	// ownMu guards what follows: the counts at the last write of any table, and of
	// each. It is held for map operations only.
	ownMu  sync.Mutex
	all    uint64
	tables map[dialects.Table]uint64
}

// maxOwnTables is how many tables are counted on their own.
const maxOwnTables = 10_000

// note counts a write of these rows, or of any table.
func (o *ownWrites) note(rows []core.Rows, all bool) {
	o.ownMu.Lock()
	defer o.ownMu.Unlock()
	n := o.count.Add(1)
	if all || len(o.tables) > maxOwnTables {
		o.all, o.tables = n, nil
	}
	if o.tables == nil {
		o.tables = make(map[dialects.Table]uint64)
	}
	for i := range rows {
		o.tables[rows[i].Table] = n
	}
}

// since reports whether one of the tables may have been written since there were
// n writes.
func (o *ownWrites) since(n uint64, tables []dialects.Table) bool {
	if o.count.Load() == n {
		return false
	}
	o.ownMu.Lock()
	defer o.ownMu.Unlock()
	if o.all > n {
		return true
	}
	for _, t := range tables {
		if o.tables[t] > n {
			return true
		}
	}
	return false
}

// outdate does what drop does, and leaves the entries in the store for those who
// allow for them. Good is the poll before the one that told of the change, of
// whose time the entries still are; writes counts the own ones before the entries
// were killed.
func (c *Cache) outdate(killed []core.Killed, good core.Instant, writes uint64) {
	c.stats.evictedByFeed.Add(uint64(len(killed)))
	number := uint32(0)
	for _, k := range killed {
		if number == 0 {
			number = c.revalidation.outdated.note(good, writes)
		}
		shape, used := c.entries.Change(k.Owner,
			func(e *kept) bool { return e.core == k.Entry },
			func(e *kept) { e.core = e.core.Dead(number) })
		if shape != nil && statementOf(shape).worth.killed(used) {
			c.stats.rests.Add(1)
		}
	}
}

// outdated returns an entry of the key that others have made out of date and that
// may be served all the same, if it can be refreshed.
func (s *session) outdated(o *readOptions, level Consistency, k *key, args []sqldriver.NamedValue, now core.Instant) *entry {
	c, st := s.cache, k.statement
	r := &c.revalidation
	if !r.used.Load() {
		r.used.Store(true)
	}
	if o != nil && len(o.tokens) > 0 || c.config.Evict {
		return nil
	}
	if st.unkept.Load() > 0 || st.worth.resting() {
		return nil // what is read anew would not be kept
	}
	if fresh, known := c.fresh.known(); c.prober != nil && (!known || fresh != k.settings()) {
		return nil // a connection of the refresh would have other settings
	}
	hash := c.hasher.key(k)
	e := &entry{}
	if e.shape = c.entries.Get(hash, &e.kept, k.is); e.shape == nil {
		return nil
	}
	m := r.outdated.of(e.core.Note())
	switch {
	case e.core.Note() == 0 || m == nil || !now.Fresh(m.at, level.bound) || !c.young(&e.kept, now):
		return nil
	case e.core.Generation() != c.core.Generation():
		return nil
	case r.own.since(m.writes, st.analysis.Reads):
		return nil
	}
	if !c.refresh(hash, k, args) {
		return nil
	}
	return e
}

// refresh makes a read again in the background, unless that is under way. It
// reports false if nobody does.
func (c *Cache) refresh(hash uint64, k *key, args []sqldriver.NamedValue) bool {
	r := &c.revalidation
	r.refreshesMu.Lock()
	_, under := r.underWay[hash]
	if !under {
		if r.underWay == nil {
			r.underWay = make(map[uint64]struct{})
		}
		r.underWay[hash] = struct{}{}
	}
	r.refreshesMu.Unlock()
	if under {
		return true
	}
	done := func() {
		r.refreshesMu.Lock()
		defer r.refreshesMu.Unlock()
		delete(r.underWay, hash)
	}
	if !c.config.Refresh(Refresh{Text: k.statement.text, Args: keepArgs(args), Prepared: driver.Path(k.rest[viaAt]) == driver.Prepared, Done: done}) {
		done()
		return false
	}
	c.stats.refreshed.Add(1)
	return true
}

// serveOutdated answers with it.
func (s *session) serveOutdated(e *entry) sqldriver.Rows {
	s.cache.stats.hits.add(s.number)
	s.cache.stats.stale.Add(1)
	return s.replay(e)
}

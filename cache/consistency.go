package cache

import (
	"context"
	"strings"
	"time"

	"github.com/vantage-go/live/cache/core"
)

// Consistency is how current an answer from memory has to be. The zero value
// asks for the handle's default; that of a handle is an answer that is not
// older than the lease. Reads that cannot be answered so go to the database.
type Consistency struct {
	kind  consistencyKind
	bound time.Duration
}

type consistencyKind uint8

const (
	byDefault consistencyKind = iota
	strong
	bounded
	stale
	revalidated
)

// Strong asks for answers that hold whatever was committed, by whomever, before
// the read began. What is in memory is good for that only after a poll of the
// change feed that was sent since; readers that come at the same time share
// one. It takes about as long as one short query, and spares the database
// everything but that poll.
func Strong() Consistency { return Consistency{kind: strong} }

// Bounded asks for answers that hold whatever was committed until d before the
// read began. With a d of the lease or more it is the same as the default.
func Bounded(d time.Duration) Consistency { return Consistency{bounded, d} }

// AllowStale accepts answers that are out of date by up to d while the change
// feed is away: a program that can live with that goes on answering while its
// database restarts. What this process has written itself is never missing, and
// what is known to be out of date is not returned. While the feed is live it is
// the same as the default.
func AllowStale(d time.Duration) Consistency { return Consistency{stale, d} }

// StaleWhileRevalidate accepts answers that others have made out of date, for up
// to d, while one reader in the background asks the database anew: nobody waits
// for a result that is asked for all the time and changed now and then. Without
// it, the first reader after a change waits for the database, and those who come
// meanwhile wait with it.
//
// Such an answer holds whatever was committed until d before the read began: the
// bound counts from the last poll of the change feed that knew of no change, so
// that a d of less than the time between polls does nothing. It is an answer to
// the same statement with the same arguments, for the same account and settings.
// Not served so are
//
//   - what a write through this handle may have changed, since the write was
//     acknowledged, whichever connection made it;
//   - what was forgotten as a whole: after a change of the schema or of rights, a
//     failover, or changes that nobody can list;
//   - reads while the feed is away, in transactions, and under a token of WaitFor:
//     these are as without it;
//   - results older than the TTL of the handle.
//
// Refreshes run on connections of their own, few at a time. Where one cannot be
// begun, the reader asks the database itself. More than a hundred seconds after a
// change, and sooner where this handle writes all the time, d may not be used up.
func StaleWhileRevalidate(d time.Duration) Consistency { return Consistency{revalidated, d} }

// Valid reports whether the bound makes sense: it must be positive.
func (c Consistency) Valid() bool { return c.bound > 0 || c.kind == byDefault || c.kind == strong }

// String returns the form of a DSN parameter: "strong", "bounded:500ms",
// "stale:1m0s", "revalidate:5s", or "lease".
func (c Consistency) String() string {
	switch c.kind {
	case strong:
		return "strong"
	case bounded:
		return "bounded:" + c.bound.String()
	case stale:
		return "stale:" + c.bound.String()
	case revalidated:
		return "revalidate:" + c.bound.String()
	default:
		return "lease"
	}
}

// WithConsistency returns a context whose reads are answered with that
// consistency.
func WithConsistency(ctx context.Context, c Consistency) context.Context {
	return with(ctx, func(o *readOptions) { o.consistency = c })
}

// consistency is that of reads under o, which may be nil.
func (c *Cache) consistency(o *readOptions) Consistency {
	if o != nil && o.refresh {
		return Consistency{}
	}
	if o == nil || o.consistency.kind == byDefault {
		return c.config.Consistency
	}
	return o.consistency
}

// mayAnswer tells whether entries that are alive are good enough at now. If not,
// why says what is missing.
func (c *Cache) mayAnswer(level Consistency, now core.Instant) (ok bool, why Bypass) {
	switch {
	case level.kind == stale && !c.core.Valid(now):
		return c.core.WasLeased(now, level.bound), NoLease
	case !c.core.Valid(now):
		return false, NoLease
	case level.kind == bounded && !c.core.Leased(now, level.bound):
		return false, Behind
	}
	return true, 0
}

// catchUp waits until the lease has begun at or after since. It reports false
// when that takes too long, or will not happen.
func (c *Cache) catchUp(ctx context.Context, since core.Instant) bool {
	if c.core.LeasedSince(since, c.now()) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Lease)
	defer cancel()
	return c.config.Sync(ctx) == nil && c.core.LeasedSince(since, c.now())
}

// ParseConsistency returns what String has made, and false for other texts.
func ParseConsistency(text string) (Consistency, bool) {
	kind, bound, _ := strings.Cut(text, ":")
	c := Consistency{}
	switch kind {
	case "strong":
		c.kind = strong
	case "lease":
	case "bounded":
		c.kind = bounded
	case "stale":
		c.kind = stale
	case "revalidate":
		c.kind = revalidated
	default:
		return c, false
	}
	if c.kind == bounded || c.kind == stale || c.kind == revalidated {
		c.bound, _ = time.ParseDuration(bound)
	}
	return c, c.Valid() && c.String() == text || c.bound > 0
}

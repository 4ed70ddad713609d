package livesql

import (
	"context"
	"time"

	"github.com/vantage-go/live/cache"
)

// NoCache returns a context whose reads go to the database and are not stored.
func NoCache(ctx context.Context) context.Context { return cache.NoCache(ctx) }

// WaitFor returns a context whose reads see at least what token stands for,
// which another process got from Feed.Token after it had written. Reads under
// it are answered from memory once this handle's feed has come as far, and go
// to the database until then. Feed.WaitFor waits instead.
func WaitFor(ctx context.Context, token string) context.Context { return cache.WaitFor(ctx, token) }

// WithConsistency returns a context whose reads are answered from memory only
// with that consistency, and else from the database. Without it they are
// answered with that of the handle; see [DefaultConsistency].
func WithConsistency(ctx context.Context, c Consistency) context.Context {
	return cache.WithConsistency(ctx, c)
}

// Strong asks for answers that hold whatever was committed, by whomever, before
// the read began: as if there were no cache. What is in memory is good for that
// only after a poll of the change feed that was sent since; readers that come at
// the same time share one. So a hit takes about as long as one short query, and
// a hundred at a time cost the database one poll.
func Strong() Consistency { return cache.Strong() }

// Bounded asks for answers that hold whatever was committed until d before the
// read began. With a d of the lease or more it is the same as the default.
func Bounded(d time.Duration) Consistency { return cache.Bounded(d) }

// AllowStale accepts answers that are out of date by up to d while the change
// feed is away: a program that can live with that goes on answering while its
// database restarts. What the handle itself has written is never missing, and
// what is known to be out of date is not returned. While the feed is live it is
// the same as the default.
func AllowStale(d time.Duration) Consistency { return cache.AllowStale(d) }

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
func StaleWhileRevalidate(d time.Duration) Consistency { return cache.StaleWhileRevalidate(d) }

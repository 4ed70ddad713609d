package feed

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/vantage-go/live/listen"
)

// sleeper decides when writers have to ring for this reader. NOTIFY is the most
// expensive thing that a commit can do, and makes commits wait for each other;
// a reader that polls all the time has no use for it. So a reader that goes to
// sleep says so, by a lock that all sleeping readers share, and writers ring
// only if somebody has that lock (see ringBlock).
//
// Nothing is overslept. A writer's transaction has a number before it looks at
// the lock, since it has written. The reader takes the lock first, then a
// transaction number N for itself, and then polls. A transaction that looked
// before the lock was taken has a number below N. So it had ended before the
// snapshot of that poll, which is above N, and is in it; or the snapshot lists it
// as running. Until the last of those has ended, the reader polls at intervals
// that are a fraction of the time since: such a transaction is noticed later by
// a fraction of the time that it took. All others ring.
//
// The lock belongs to the session of the polls, and is gone with it.
type sleeper struct {
	asleep bool      // the lock is held
	since  time.Time // when it was taken
	number uint64    // N, until a snapshot that is above it was seen
	// doubtful are the transactions that may have looked before and still run,
	// ascending.
	doubtful []uint64
	full     int    // polls in a row that found rows
	missed   int    // attempts in a row to take the lock
	refused  string // why the lock cannot be had at all
}

// fullPolls is how many polls in a row find rows before the reader sleeps no
// longer.
const fullPolls = 3

var (
	// lieDownSQL returns the number N, or nothing if a writer looked at the
	// lock in that very moment.
	lieDownSQL = fmt.Sprintf("SELECT CASE WHEN pg_try_advisory_lock_shared(%d, 0) THEN pg_current_xact_id()::text ELSE '' END", lockSleep)
	getUpSQL   = fmt.Sprintf("SELECT pg_advisory_unlock_shared(%d, 0)::text", lockSleep)
)

// rings reports whether writers ring when this reader sleeps.
func (r *reader) rings() bool {
	return (r.mode == listen.BellGated || r.mode == listen.BellEvery) && !r.prepares && r.bell.works()
}

// turnOver goes to sleep or gets up, before a poll.
func (r *reader) turnOver(ctx context.Context) error {
	s := &r.sleeper
	wanted := r.rings() && s.refused == "" && (r.mode == listen.BellEvery || s.full == 0 || s.asleep && s.full < fullPolls)
	if wanted == s.asleep {
		return nil
	}
	statement := getUpSQL
	if wanted {
		statement = lieDownSQL
	}
	var text string
	err := r.own().QueryRowContext(ctx, statement).Scan(&text)
	switch {
	case err != nil && sqlState(err) != "" && ctx.Err() == nil && wanted:
		// Functions can be taken away from roles. Then polls have to do.
		s.refused = err.Error()
		r.db.log.Warn("livesql: this role cannot tell writers to ring for it; changes are found by polling", "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("postgres: setting the bell: %w", err)
	case !wanted:
		*s = sleeper{full: s.full}
	case text == "":
		s.missed++
	default:
		number, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("postgres: setting the bell: %w", err)
		}
		*s = sleeper{asleep: true, since: time.Now(), number: number, full: s.full}
	}
	return nil
}

// dream notes how many rows a poll has found and what its snapshot shows. It
// reports whether somebody should have rung for the rows.
func (s *sleeper) dream(rows int, seen snapshot) (unrung bool) {
	if s.full++; rows == 0 {
		s.full = 0
	}
	switch {
	case !s.asleep:
		return false
	case s.number != 0 && s.number < seen.xmax:
		before := s.number
		s.number, s.doubtful = 0, slices.DeleteFunc(slices.Clone(seen.xip), func(xid uint64) bool { return xid > before })
		return false
	case s.doubts():
		s.doubtful = slices.DeleteFunc(s.doubtful, func(xid uint64) bool {
			_, runs := slices.BinarySearch(seen.xip, xid)
			return !runs
		})
		return false
	}
	return rows > 0
}

// doubts reports whether there may be transactions that do not ring.
func (s *sleeper) doubts() bool { return s.number != 0 || len(s.doubtful) > 0 }

// How a reader polls that does not sleep as it may: while it is awake, it will
// lie down with the next poll.
const (
	awakeEvery   = 6 * time.Millisecond
	pollingEvery = 250 * time.Millisecond
	// doubtShare is which part of the time since it lay down a reader waits
	// for transactions that may not ring.
	doubtShare = 4
)

// longest is how long to wait for the next poll at most, if that is sleep for
// one who sleeps.
func (s *sleeper) longest(now time.Time, sleep time.Duration) time.Duration {
	switch {
	case !s.asleep:
		return min(awakeEvery<<min(s.missed, 6), pollingEvery)
	case s.doubts():
		return min(max(now.Sub(s.since)/doubtShare, awakeEvery), sleep)
	}
	return sleep
}

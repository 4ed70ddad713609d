package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// When stamping is done.
const (
	stampEvery = 200 * time.Millisecond
	stampPause = 5 * time.Second // after a failure
	stampNever = time.Minute     // without the right to it
	pruneEvery = 10 * time.Second
	// stampTimeout bounds one transaction.
	stampTimeout = 10 * time.Second
)

// The most rows that one transaction deletes, and transactions in a row.
const (
	stampChunks = 100
	pruneChunk  = 1000
	pruneChunks = 50
)

// stamper gives batches to rows of the log and deletes old ones, over a
// connection of its own: no poll waits for it. Any number of processes may
// have one; whoever finds the head locked has nothing to do.
type stamper struct {
	db     *database
	server *host
	woken  chan struct{}
	reason atomic.Pointer[string]
}

func newStamper(d *database, on *host) *stamper {
	return &stamper{db: d, server: on, woken: make(chan struct{}, 1)}
}

// wake tells that there are rows without a batch.
func (s *stamper) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// why says why nothing is stamped, or returns nothing.
func (s *stamper) why() string {
	if reason := s.reason.Load(); reason != nil {
		return *reason
	}
	return ""
}

// run stamps until ctx ends, in chunks of no rows never.
func (s *stamper) run(ctx context.Context) {
	if s.db.chunk <= 0 {
		return
	}
	timer := time.NewTimer(pruneEvery)
	defer timer.Stop()
	var pruned time.Time
	more := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.woken:
		case <-timer.C:
		}
		err := s.stampAll(ctx)
		if err == nil && (more || time.Since(pruned) >= pruneEvery) {
			more, err = s.prune(ctx)
			pruned = time.Now()
			if more {
				s.wake()
			}
		}
		pause := stampEvery
		if err != nil && ctx.Err() == nil {
			pause = s.failed(err)
		} else {
			s.reason.Store(nil)
		}
		if !wait(ctx, pause) {
			return
		}
		timer.Reset(pruneEvery)
	}
}

// failed notes a failure and returns how long to pause.
func (s *stamper) failed(err error) time.Duration {
	reason := err.Error()
	if old := s.reason.Swap(&reason); old == nil || *old != reason {
		s.db.log.Warn("livesql: the change log is not stamped by this process; it works, but grows unless another one stamps it", "error", err)
	}
	if failed(err, errTableAccess, errColumnAccess, errMissingRight, errReadOnly) {
		return stampNever
	}
	return stampPause
}

// wait returns false if ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// stampAll stamps what is there, in transactions of a bounded size, one after
// the other while many rows wait.
func (s *stamper) stampAll(ctx context.Context) error {
	for range stampChunks {
		n, err := s.stamp(ctx)
		if err != nil {
			return fmt.Errorf("mysql: stamping the change log: %w", err)
		}
		if n < s.db.chunk {
			return nil
		}
	}
	s.wake()
	return nil
}

// stamp gives the next batch to rows that are committed. It returns how many
// there were, none if another process is at it.
func (s *stamper) stamp(ctx context.Context) (n int, err error) {
	err = s.locked(ctx, func(ctx context.Context, tx *sql.Conn, last uint64) error {
		// Not a locking read, and READ COMMITTED: it neither sees nor waits
		// for what is not committed, and its snapshot is younger than the lock
		// on the head. The update names the rows and the index: to scan the
		// table would be to wait for writers that have not committed.
		var ids []string
		err := each(ctx, tx, fmt.Sprintf("SELECT id FROM %s FORCE INDEX (batch) WHERE batch IS NULL AND %s LIMIT %d", logTable, s.server.tidy(), s.db.chunk), func(scan scanFunc) error {
			var id uint64
			if err := scan(&id); err != nil {
				return err
			}
			ids = append(ids, strconv.FormatUint(id, 10))
			return nil
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		n = len(ids)
		for _, statement := range []string{
			fmt.Sprintf("UPDATE %s FORCE INDEX (PRIMARY) SET batch = %d, at = NOW(3) WHERE %s AND %s", logTable, last+1, isOneOf("id", ids), s.server.tidy()),
			fmt.Sprintf("UPDATE %s SET last_batch = %d WHERE one = 1", headTable, last+1),
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// prune deletes rows that were stamped longer than the retention ago, and says
// in the head up to which batch that was. There may be more of them when it
// has deleted as many as it may in a row.
func (s *stamper) prune(ctx context.Context) (more bool, err error) {
	for range pruneChunks {
		old, _, err := s.oldest(ctx, s.db.own, 1)
		if err != nil || len(old) == 0 {
			return false, err
		}
		owned := false
		err = s.locked(ctx, func(ctx context.Context, tx *sql.Conn, _ uint64) error {
			owned = true
			ids, floor, err := s.oldest(ctx, tx, pruneChunk)
			if err != nil || len(ids) == 0 {
				return err
			}
			for _, statement := range []string{
				fmt.Sprintf("UPDATE %s SET floor_batch = GREATEST(floor_batch, %d) WHERE one = 1", headTable, floor),
				fmt.Sprintf("DELETE l FROM %s AS l FORCE INDEX (PRIMARY) WHERE %s AND %s", logTable, isOneOf("l.id", ids), s.server.tidy()),
			} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return false, fmt.Errorf("mysql: pruning the change log: %w", err)
		}
		if !owned {
			return false, nil
		}
	}
	return true, nil
}

// oldest looks at the first stamped rows and returns which of them are too
// old, and their highest batch. Batches are in the order of their times, unless
// the clock was set: rows from a time that is yet to come count as old, or
// nothing behind them would be found until then.
func (s *stamper) oldest(ctx context.Context, q querier, limit int) (ids []string, batch uint64, err error) {
	err = each(ctx, q, fmt.Sprintf("SELECT id, batch, at NOT BETWEEN NOW(3) - INTERVAL %d MICROSECOND AND NOW(3) + INTERVAL %[1]d MICROSECOND FROM %s FORCE INDEX (batch) WHERE batch IS NOT NULL AND %s ORDER BY batch LIMIT %d",
		s.db.retention.Microseconds(), logTable, s.server.tidy(), limit), func(scan scanFunc) error {
		var id, at uint64
		var old sql.NullBool
		if err := scan(&id, &at, &old); err != nil {
			return err
		}
		if old.Bool {
			ids, batch = append(ids, strconv.FormatUint(id, 10)), max(batch, at)
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("mysql: looking for old rows in the change log: %w", err)
	}
	return ids, batch, err
}

// isOneOf is the condition that the column is one of ids, by which the rows are
// looked up. MariaDB makes a subquery of a list of 1000, or of as many as
// in_predicate_conversion_threshold says, and joins it with the whole table,
// whatever index is forced: within an OR it does not.
func isOneOf(column string, ids []string) string {
	return "(" + column + " IN (" + strings.Join(ids, ",") + ") OR FALSE)"
}

// locked runs f in a transaction that holds the head, or not at all when
// somebody else does. The transaction ends by statements: the driver's own
// commit listens to no context, and would wait without end for an answer that
// was lost.
func (s *stamper) locked(ctx context.Context, f func(ctx context.Context, tx *sql.Conn, last uint64) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, stampTimeout)
	defer cancel()
	conn, err := s.db.own.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, discard(conn))
			return
		}
		err = conn.Close()
	}()
	suffix := " FOR UPDATE SKIP LOCKED"
	if !s.server.skips {
		// Without it, whoever comes second would wait behind the first.
		suffix = " FOR UPDATE"
		name := quoteText(lockName("stamp", s.server.database))
		var got sql.NullBool
		if err := one(ctx, conn, "SELECT GET_LOCK("+name+", 0)", &got); err != nil {
			return err
		}
		if !got.Bool {
			return nil
		}
		defer func() {
			if err == nil { // else the session ends, and the lock with it
				err = one(ctx, conn, "SELECT RELEASE_LOCK("+name+")", &got)
			}
		}()
	}
	if _, err := conn.ExecContext(ctx, "START TRANSACTION"); err != nil {
		return err
	}
	end := "COMMIT"
	var last uint64
	switch err := one(ctx, conn, "SELECT last_batch FROM "+headTable+" WHERE one = 1"+suffix, &last); {
	case errors.Is(err, sql.ErrNoRows):
		end = "ROLLBACK"
	case err != nil:
		return err
	default:
		if err := f(ctx, conn, last); err != nil {
			return err // the session ends, and the transaction with it
		}
	}
	_, err = conn.ExecContext(ctx, end)
	return err
}

// lockName is the name of a lock of the server, of at most 64 characters.
func lockName(purpose, database string) string {
	name := "livesql_" + purpose + ":" + database
	if r := []rune(name); len(r) > 64 {
		// Two databases that share a name wait for each other, no more.
		name = string(r[:64])
	}
	return name
}

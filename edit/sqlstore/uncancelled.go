package sqlstore

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"reflect"
	"strconv"
	"sync"
	"time"
)

// isPQ reports whether a driver is lib/pq, behind whatever wraps it. It starts a
// goroutine for each statement whose context can end, which then asks the server
// to cancel the statement, and waits for that. On two processors this makes a single
// update about a quarter slower.
func isPQ(d sqldriver.Driver) bool {
	for {
		wrapper, ok := d.(interface{ Unwrap() sqldriver.Driver })
		if !ok {
			break
		}
		d = wrapper.Unwrap()
	}
	t := reflect.TypeOf(d)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t != nil && t.PkgPath() == "github.com/lib/pq"
}

// canceller has statements of a connection of lib/pq given up without that
// goroutine: after their time by the server itself, where their context ends
// earlier by asking it to over another connection, which is all that lib/pq does. A
// server that does not answer is waited for in either case.
type canceller struct {
	timeout time.Duration // after which the server gives a statement up at the latest, 0 if that is not known
	ours    bool          // because it was told so here
	pid     int           // of the connection's process, 0 if that is not known
	since   string        // when it was started

	runningMu sync.Mutex
	running   string // the statement
}

// bound has the server itself give up statements of lib/pq after the time that the
// context has, where it does not do so earlier.
func (l *link) bound(ctx context.Context) {
	end, ok := ctx.Deadline()
	if !l.store.deaf || !ok {
		return
	}
	left := time.Until(end)
	c := &l.cancels
	if c.timeout > 0 && left < c.timeout*5/4 || left < time.Second {
		return
	}
	ms := strconv.FormatInt(left.Milliseconds(), 10)
	set, err := l.on.ExecContext(ctx, "SELECT set_config('statement_timeout', '"+ms+"', false) FROM pg_catalog.pg_settings"+
		" WHERE name = 'statement_timeout' AND (setting = '0' OR setting::bigint > "+ms+" OR "+strconv.FormatBool(c.ours)+")")
	if err != nil {
		return
	}
	n, err := set.RowsAffected() // of a SELECT, lib/pq tells how many it returned
	if err != nil {
		return
	}
	c.timeout, c.ours = left, c.ours || n > 0
	if c.pid == 0 && l.store.spare() {
		err = l.query(ctx, "SELECT pid, backend_start::text FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()", nil, func(rows *sql.Rows) error {
			return rows.Scan(&c.pid, &c.since)
		})
		if err != nil {
			c.pid = 0
		}
	}
}

// spare reports whether the pool has a connection for somebody who must not wait.
func (s *Store) spare() bool {
	limit := s.db.Stats().MaxOpenConnections
	return limit == 0 || limit > connections
}

// uncancelled returns a context that does not end for a statement that is a
// transaction by itself, and who sees to it that it is given up all the same. That one
// is told when the statement has ended, and is nil where the context is the same.
func (l *link) uncancelled(ctx context.Context) (context.Context, *watch) {
	c := &l.cancels
	end, ok := ctx.Deadline()
	if c.timeout == 0 || c.pid == 0 || !ok || ctx.Err() != nil || time.Until(end) < c.timeout/2 {
		return ctx, nil
	}
	w := &watch{link: l, asked: make(chan struct{})}
	w.stop = context.AfterFunc(ctx, w.cancel)
	return context.WithoutCancel(ctx), w
}

// watch waits for the end of a statement's context.
type watch struct {
	link  *link
	stop  func() bool
	asked chan struct{} // closed when the server was asked
}

// ended ends the watch. A connection whose server may have been asked too late is not
// used again: the next statement would be given up.
func (w *watch) ended() (reusable bool) {
	if w == nil || w.stop() {
		return true
	}
	<-w.asked
	return false
}

const cancelTime = 5 * time.Second

// cancel asks the server to give up what the connection runs, if it is still that:
// behind a pooler, the process may be somebody else's by now.
func (w *watch) cancel() {
	defer close(w.asked)
	c := &w.link.cancels
	c.runningMu.Lock()
	running := c.running
	c.runningMu.Unlock()
	ctx, stop := context.WithTimeout(context.Background(), cancelTime)
	defer stop()
	// If it cannot be asked, it gives the statement up after its time.
	_, _ = w.link.store.db.ExecContext(ctx, "SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity"+
		" WHERE pid = $1 AND backend_start = $2::timestamptz AND state = 'active' AND pg_catalog.starts_with($3, query)",
		c.pid, c.since, running)
}

// runs notes the statement that comes next.
func (c *canceller) runs(text string) {
	if c.pid == 0 {
		return
	}
	c.runningMu.Lock()
	c.running = text
	c.runningMu.Unlock()
}

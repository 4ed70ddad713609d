package driver_test

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// errFake is the error that scripted failures return.
var errFake = errors.New("fake: refused")

// server is a scripted database. It logs every call that reaches it, so that
// a raw and a wrapped pool can be compared by what they do to it.
type server struct {
	look

	mu      sync.Mutex
	on      script
	changed *sync.Cond
	log     []string
	dials   int
	closes  int // of connections
	open    int // connections, statements and rows that were not closed
}

// look is what the connections, statements and rows of a server show of
// themselves; nil is everything.
type look struct {
	conn func(*fakeConn) sqldriver.Conn
	stmt func(*fakeStmt) sqldriver.Stmt
	rows func(*fakeRows) sqldriver.Rows
}

func newServer(l look) *server {
	s := &server{look: l}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// call logs one call and returns what the script says to it.
func (s *server) call(ctx context.Context, op, text string, args ...string) error {
	key := strings.TrimSpace(op + " " + text)
	s.write(key + strings.Join(args, ""))
	s.mu.Lock()
	on := s.on
	s.mu.Unlock()
	if on != nil {
		return on(ctx, key)
	}
	return nil
}

// script is asked on every call and may fail it. key is the operation and,
// where there is one, the text: "query-ctx select 1".
type script func(ctx context.Context, key string) error

// scripted fails the operations in fail.
func scripted(fail map[string]error) script {
	return func(_ context.Context, key string) error { return fail[key] }
}

func (s *server) play(on script) {
	s.mu.Lock()
	s.on = on
	s.mu.Unlock()
}

// failOn fails the first calls of an operation, with a context or without.
func failOn(op string, err error, times int64) script {
	var left atomic.Int64
	left.Store(times)
	return func(_ context.Context, key string) error {
		is := strings.Fields(key)[0]
		if (is == op || is == op+"-ctx") && left.Add(-1) >= 0 {
			return err
		}
		return nil
	}
}

func (s *server) write(line string) {
	s.mu.Lock()
	s.log = append(s.log, line)
	s.changed.Broadcast()
	s.mu.Unlock()
}

func (s *server) count(dials, closes, open int) {
	s.mu.Lock()
	s.dials += dials
	s.closes += closes
	s.open += open
	s.changed.Broadcast()
	s.mu.Unlock()
}

func (s *server) dialled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}

func (s *server) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// await blocks until what holds, for what database/sql does on goroutines of
// its own.
func (s *server) await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	late := time.AfterFunc(20*time.Second, func() { s.write("late: " + what) })
	defer late.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !holds() {
		if slices.Contains(s.log, "late: "+what) {
			tb.Fatalf("never happened: %s; log:\n%s", what, strings.Join(s.log, "\n"))
		}
		s.changed.Wait()
	}
}

func (s *server) awaitLines(tb testing.TB, line string, times int) {
	tb.Helper()
	s.await(tb, fmt.Sprint(times, " times ", line), func() bool { return occurrences(s.log, line) >= times })
}

func (s *server) seen(line string) int { return occurrences(s.lines(), line) }

func occurrences(log []string, line string) int {
	n := 0
	for _, l := range log {
		if l == line {
			n++
		}
	}
	return n
}

func (s *server) awaitCloses(tb testing.TB, n int) {
	tb.Helper()
	s.await(tb, fmt.Sprint(n, " closed connections"), func() bool { return s.closes == n })
}

// Connector and driver.

type fakeConnector struct{ s *server }

func (c *fakeConnector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	c.s.count(1, 0, 0)
	if err := c.s.call(ctx, "connect", ""); err != nil {
		return nil, err
	}
	c.s.count(0, 0, 1)
	fc := &fakeConn{s: c.s}
	if c.s.conn != nil {
		return c.s.conn(fc), nil
	}
	return fc, nil
}

func (c *fakeConnector) Driver() sqldriver.Driver { return fakeDriver{c.s} }

// closingConnector is a connector that can be closed.
type closingConnector struct {
	*fakeConnector
	closed int
}

func (c *closingConnector) Close() error { c.closed++; return errFake }

// fakeDriver has Open only.
type fakeDriver struct{ s *server }

func (d fakeDriver) Open(name string) (sqldriver.Conn, error) {
	d.s.write("open " + name)
	return (&fakeConnector{d.s}).Connect(context.Background())
}

// fakeContextDriver also makes connectors.
type fakeContextDriver struct{ fakeDriver }

func (d fakeContextDriver) OpenConnector(name string) (sqldriver.Connector, error) {
	d.s.write("connector " + name)
	if name == "bad" {
		return nil, errFake
	}
	return &fakeConnector{d.s}, nil
}

package cache_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb"
)

// store is a database with one table of one row, and points at which a test
// can hold the statements that run on it.
type store struct {
	storeMu sync.Mutex
	value   []byte
	gates   map[string]*gate
}

// gate holds whoever comes to a point.
type gate struct {
	reached chan struct{} // closed when somebody is held
	open    chan struct{} // closed to let go
	once    sync.Once
}

func newStore(value string) *store {
	return &store{value: []byte(value), gates: make(map[string]*gate)}
}

// hold sets a gate at a point, for the next that comes there.
func (s *store) hold(point string) *gate {
	g := &gate{reached: make(chan struct{}), open: make(chan struct{})}
	s.storeMu.Lock()
	defer s.storeMu.Unlock()
	s.gates[point] = g
	return g
}

// release lets go whoever is held.
func (g *gate) release() { g.once.Do(func() { close(g.open) }) }

// pass is called at a point.
func (s *store) pass(ctx context.Context, point string) error {
	s.storeMu.Lock()
	g := s.gates[point]
	delete(s.gates, point)
	s.storeMu.Unlock()
	if g == nil {
		return nil
	}
	close(g.reached)
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// set changes the value as another program would.
func (s *store) set(value string) {
	s.storeMu.Lock()
	defer s.storeMu.Unlock()
	s.value = []byte(value)
}

func (s *store) get() []byte {
	s.storeMu.Lock()
	defer s.storeMu.Unlock()
	return append([]byte(nil), s.value...)
}

// Connect implements driver.Connector.
func (s *store) Connect(context.Context) (sqldriver.Conn, error) { return &storeConn{s}, nil }

// Driver implements driver.Connector.
func (s *store) Driver() sqldriver.Driver { return nil }

type storeConn struct{ store *store }

func (c *storeConn) Prepare(string) (sqldriver.Stmt, error) {
	return nil, errors.New("no prepared statements")
}
func (c *storeConn) Close() error                 { return nil }
func (c *storeConn) Begin() (sqldriver.Tx, error) { return nil, errors.New("no transactions") }

// QueryContext takes its snapshot, then comes to the point "snapshot".
func (c *storeConn) QueryContext(ctx context.Context, query string, _ []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if err := c.store.pass(ctx, "before snapshot"); err != nil {
		return nil, err
	}
	rows := &storeRows{value: c.store.get()}
	if strings.Contains(query, "broken") {
		return nil, errBroken
	}
	if err := c.store.pass(ctx, "snapshot"); err != nil {
		return nil, err
	}
	return rows, nil
}

var errBroken = errors.New("the query is broken")

// ExecContext comes to the point "commit", changes the value, and comes to the
// point "ack".
func (c *storeConn) ExecContext(ctx context.Context, query string, _ []sqldriver.NamedValue) (sqldriver.Result, error) {
	if err := c.store.pass(ctx, "commit"); err != nil {
		return nil, err
	}
	if _, value, ok := strings.Cut(query, "v = "); ok {
		c.store.set(strings.Trim(value, "'"))
	}
	if err := c.store.pass(ctx, "ack"); err != nil {
		return nil, err
	}
	return sqldriver.RowsAffected(1), nil
}

// storeRows reuses its buffer, as drivers may.
type storeRows struct {
	value  []byte
	done   bool
	buffer [64]byte
}

func (r *storeRows) Columns() []string { return []string{"v"} }

func (r *storeRows) Close() error {
	clear(r.buffer[:])
	return nil
}

func (r *storeRows) Next(dest []sqldriver.Value) error {
	clear(r.buffer[:])
	if r.done {
		return io.EOF
	}
	r.done = true
	dest[0] = r.buffer[:copy(r.buffer[:], r.value)]
	return nil
}

// open returns a live handle over the store. Neither a lease nor a poll ends because
// the machine is busy.
func open(t *testing.T, s *store, opts ...livesql.Option) (*livesql.DB, *testdb.Feed) {
	t.Helper()
	opts = append([]livesql.Option{livesql.Lease(time.Minute), livesql.FeedDeadline(30 * time.Second)}, opts...)
	return testdb.Scripted(t, "sqlmock-sqlite", s, testdb.Tables("t"), testdb.Options(opts...))
}

const query = "SELECT v FROM t"

// read reads the value through the handle.
func read(t *testing.T, db *sql.DB) string {
	t.Helper()
	v, err := tryRead(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func tryRead(ctx context.Context, db *sql.DB) (string, error) {
	var v string
	if err := db.QueryRowContext(ctx, query).Scan(&v); err != nil {
		return "", fmt.Errorf("read: %w", err)
	}
	return v, nil
}

// reading returns the start of a read in the background.
func reading(t *testing.T, db *sql.DB) func() <-chan string {
	t.Helper()
	return func() <-chan string {
		got := make(chan string, 1)
		go func() {
			v, err := tryRead(t.Context(), db)
			if err != nil {
				v = err.Error()
			}
			got <- v
		}()
		return got
	}
}

// writing returns the start of a write in the background.
func writing(t *testing.T, db *sql.DB, value string) func() <-chan error {
	t.Helper()
	return func() <-chan error {
		done := make(chan error, 1)
		go func() {
			_, err := db.ExecContext(t.Context(), "UPDATE t SET v = '"+value+"'")
			done <- err
		}()
		return done
	}
}

// during starts a statement, holds it when it comes to the point, and lets it
// go after meanwhile, which may do so earlier. It returns how the statement
// ended.
func during[T any](t *testing.T, s *store, point string, start func() <-chan T, meanwhile func(held *gate)) T {
	t.Helper()
	held := s.hold(point)
	defer held.release()
	ended := start()
	soon(t, "the first statement's "+point, held.reached)
	meanwhile(held)
	held.release()
	return soon(t, "the first statement's end", ended)
}

// inUse waits until so many connections are in use.
func inUse(db *sql.DB, n int) {
	for db.Stats().InUse < n {
		time.Sleep(time.Millisecond)
	}
}

// soon returns what comes, or fails.
func soon[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case v := <-c:
		return v
	case <-timer.C:
		t.Fatalf("%s did not happen", what)
		panic("unreachable")
	}
}

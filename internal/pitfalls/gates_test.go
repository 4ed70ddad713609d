package pitfalls

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	modernc "modernc.org/sqlite"
)

// gates is a connector whose connections can be held at points of a statement.
type gates struct {
	sqldriver.Connector
	// hides: SQLite cannot be asked what a statement means, as behind other
	// wrappers.
	hides bool

	// gatesMu guards closed. It is held for map operations only.
	gatesMu sync.Mutex
	closed  []*gate
	held    []*gate
}

// The points at which a statement can be held.
const (
	// sent: the program has sent it, the database has not got it.
	sent = "sent"
	// done: the database has executed it, or shows its first row; the program
	// has not heard of it.
	done = "done"
)

// gate holds the next statement that comes to its point.
type gate struct {
	point, text string
	// fails is what the program gets in place of the outcome.
	fails   error
	reached chan struct{} // closed when somebody is held
	open    chan struct{} // closed to let go
	once    sync.Once
}

// hold makes a gate for the next statement whose text contains text.
func (g *gates) hold(point, text string) *gate {
	h := &gate{point: point, text: text, reached: make(chan struct{}), open: make(chan struct{})}
	g.gatesMu.Lock()
	defer g.gatesMu.Unlock()
	g.closed = append(g.closed, h)
	return h
}

// fail makes the next statement with text fail after the database has executed
// it.
func (g *gates) fail(text string, err error) {
	h := g.hold(done, text)
	h.fails = err
	h.release()
}

// wait returns when somebody is held.
func (h *gate) wait(tb testing.TB) {
	tb.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-h.reached:
	case <-timer.C:
		tb.Fatalf("no statement with %q was %s", h.text, h.point)
	}
}

// release lets go.
func (h *gate) release() { h.once.Do(func() { close(h.open) }) }

// openAll lets everybody go.
func (g *gates) openAll() {
	g.gatesMu.Lock()
	defer g.gatesMu.Unlock()
	for _, h := range append(g.closed, g.held...) {
		h.release()
	}
	g.closed, g.held = nil, nil
}

// pass is called at a point.
func (g *gates) pass(ctx context.Context, point, text string) error {
	g.gatesMu.Lock()
	var at *gate
	for i, h := range g.closed {
		if h.point == point && strings.Contains(text, h.text) {
			at = h
			g.closed = append(g.closed[:i:i], g.closed[i+1:]...)
			g.held = append(g.held, h)
			break
		}
	}
	g.gatesMu.Unlock()
	if at == nil {
		return nil
	}
	close(at.reached)
	select {
	case <-at.open:
		return at.fails
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Connect opens a connection behind the gates.
func (g *gates) Connect(ctx context.Context) (sqldriver.Conn, error) {
	c, err := g.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	gated := &gatedConn{c, g}
	if _, ok := c.(sqliteConn); ok && !g.hides {
		return &gatedSQLiteConn{gated}, nil
	}
	return gated, nil
}

// sqliteConn is what the dialect of SQLite asks of its driver.
type sqliteConn interface {
	modernc.AuthorizerRegisterer
	ColumnInfo(query string) ([]modernc.ColumnInfo, error)
}

// gatedSQLiteConn tells what SQLite tells.
type gatedSQLiteConn struct{ *gatedConn }

func (c *gatedSQLiteConn) RegisterAuthorizer(a modernc.AuthorizerFn) error {
	return c.Conn.(sqliteConn).RegisterAuthorizer(a)
}

func (c *gatedSQLiteConn) ColumnInfo(query string) ([]modernc.ColumnInfo, error) {
	return c.Conn.(sqliteConn).ColumnInfo(query)
}

// gatedConn has every optional interface that the drivers of the suite have.
type gatedConn struct {
	sqldriver.Conn
	gates *gates
}

var (
	_ sqldriver.QueryerContext     = (*gatedConn)(nil)
	_ sqldriver.ExecerContext      = (*gatedConn)(nil)
	_ sqldriver.ConnBeginTx        = (*gatedConn)(nil)
	_ sqldriver.ConnPrepareContext = (*gatedConn)(nil)
	_ sqldriver.NamedValueChecker  = (*gatedConn)(nil)
	_ sqldriver.SessionResetter    = (*gatedConn)(nil)
	_ sqldriver.Validator          = (*gatedConn)(nil)
	_ sqldriver.Pinger             = (*gatedConn)(nil)
)

// Raw returns what is behind the gates, as wrappers for tracing do.
func (c *gatedConn) Raw() sqldriver.Conn { return c.Conn }

func (c *gatedConn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if err := c.gates.pass(ctx, sent, query); err != nil {
		return nil, err
	}
	rows, err := c.Conn.(sqldriver.QueryerContext).QueryContext(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if err := c.gates.pass(ctx, done, query); err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	return rows, nil
}

func (c *gatedConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	if err := c.gates.pass(ctx, sent, query); err != nil {
		return nil, err
	}
	res, err := c.Conn.(sqldriver.ExecerContext).ExecContext(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return res, c.gates.pass(ctx, done, query)
}

func (c *gatedConn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	return c.Conn.(sqldriver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c *gatedConn) BeginTx(ctx context.Context, opts sqldriver.TxOptions) (sqldriver.Tx, error) {
	tx, err := c.Conn.(sqldriver.ConnBeginTx).BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &gatedTx{tx, c.gates}, nil
}

func (c *gatedConn) CheckNamedValue(nv *sqldriver.NamedValue) error {
	if checker, ok := c.Conn.(sqldriver.NamedValueChecker); ok {
		return checker.CheckNamedValue(nv)
	}
	return sqldriver.ErrSkip
}

func (c *gatedConn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.Conn.(sqldriver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

func (c *gatedConn) IsValid() bool {
	v, ok := c.Conn.(sqldriver.Validator)
	return !ok || v.IsValid()
}

func (c *gatedConn) Ping(ctx context.Context) error {
	if p, ok := c.Conn.(sqldriver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

// gatedTx comes to the gates with the text COMMIT.
type gatedTx struct {
	sqldriver.Tx
	gates *gates
}

func (t *gatedTx) Commit() error {
	if err := t.gates.pass(context.Background(), sent, "COMMIT"); err != nil {
		return err
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return t.gates.pass(context.Background(), done, "COMMIT")
}

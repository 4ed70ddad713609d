package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/driver"
)

func TestRawTellsTheSessionBeforeAndAfter(t *testing.T) {
	srv := newServer(look{})
	db := open(t, srv, &recorder{srv: srv})
	err := raw(t.Context(), db, func(c driver.RawConn) error {
		return c.Raw(t.Context(), func(inner sqldriver.Conn) error {
			if _, ok := inner.(*fakeConn); !ok {
				t.Errorf("handed out %T", inner)
			}
			srv.write("used")
			return errFake
		})
	})
	if err != errFake { //nolint:errorlint // the very error is wanted
		t.Errorf("got %v", err)
	}
	want := []string{
		"session: open", "connect", "session: dialed",
		"session: raw", "used", "session: raw",
		"valid", "session: released",
	}
	if d := cmp.Diff(want, srv.lines()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestUnwrap finds the fake below every wrapper; whatever belongs to a
// connection tells the session.
func TestUnwrap(t *testing.T) {
	srv := newServer(look{})
	fake := &fakeConnector{srv}
	c := driver.Wrap(fake, watching(srv, false))
	if got := c.(interface{ Unwrap() sqldriver.Connector }).Unwrap(); got != fake {
		t.Errorf("connector: %T", got)
	}
	for _, d := range []sqldriver.Driver{fakeDriver{srv}, fakeContextDriver{fakeDriver{srv}}} {
		if got := driver.WrapDriver(d, nil).(interface{ Unwrap() sqldriver.Driver }).Unwrap(); got != d {
			t.Errorf("driver: %T", got)
		}
	}

	cn, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cn.Close()
	st, err := cn.Prepare("select")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := cn.Begin() //nolint:staticcheck // the interface has no other
	if err != nil {
		t.Fatal(err)
	}
	rows, err := cn.(sqldriver.QueryerContext).QueryContext(t.Context(), "select", nil)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for what, unwrap := range map[string]func() any{
		"conn": func() any { return cn.(interface{ Unwrap() sqldriver.Conn }).Unwrap().(*fakeConn) },
		"stmt": func() any { return st.(interface{ Unwrap() sqldriver.Stmt }).Unwrap().(*fakeStmt) },
		"tx":   func() any { return tx.(interface{ Unwrap() sqldriver.Tx }).Unwrap().(*fakeTx) },
		"rows": func() any { return rows.(interface{ Unwrap() sqldriver.Rows }).Unwrap().(*fakeRows) },
	} {
		unwrap() // panics if it is something else
		told++
		if got := srv.seen("session: raw"); got != told {
			t.Errorf("%s: the session was told %d times of %d", what, got, told)
			told = got
		}
	}
}

func TestUnwrapOfAShell(t *testing.T) {
	srv := newServer(look{})
	srv.play(failOn("connect", errFake, 1))
	db := open(t, srv, &recorder{srv: srv})
	if err := raw(t.Context(), db, func(c driver.RawConn) error {
		if got := c.Unwrap(); got != nil {
			t.Errorf("got %T of a connection that could not be dialled", got)
		}
		if srv.seen("session: raw") != 0 {
			t.Error("the session was told of a connection that is not there")
		}
		if _, ok := c.Unwrap().(*fakeConn); !ok {
			t.Error("the shell did not dial")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestSessionOf(t *testing.T) {
	srv := newServer(look{})
	db := open(t, srv, &recorder{srv: srv})
	if err := raw(t.Context(), db, func(c driver.RawConn) error {
		s, ok := driver.SessionOf(c)
		if r, isRecorded := s.(*recorded); !ok || !isRecorded || r.srv != srv {
			t.Errorf("got %v, %t", s, ok)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if srv.dialled() != 0 || srv.seen("session: raw") != 0 {
		t.Errorf("the connection was touched: %q", srv.lines())
	}
	if s, ok := driver.SessionOf(&fakeConn{}); ok {
		t.Errorf("a connection that is not wrapped has the session %v", s)
	}
}

// TestDiscardAfterInterruptedTransaction: database/sql closes a connection
// that cannot be both reset and validated if the context of its transaction
// ended. It cannot see through the wrapper which ones these are.
func TestDiscardAfterInterruptedTransaction(t *testing.T) {
	for _, sh := range shapes() {
		t.Run(sh.name, func(t *testing.T) {
			cn, _ := (&fakeConnector{newServer(sh.look)}).Connect(t.Context())
			_, resets := cn.(sqldriver.SessionResetter)
			_, validates := cn.(sqldriver.Validator)

			srv := newServer(sh.look)
			db := open(t, srv, nil)
			db.SetMaxOpenConns(1)
			ctx, cancel := context.WithCancel(t.Context())
			if _, err := db.BeginTx(ctx, nil); err != nil {
				t.Fatal(err)
			}
			cancel()
			// The pool has one connection: this waits until it is back.
			if _, err := db.Exec("update"); err != nil {
				t.Fatal(err)
			}
			if got, want := srv.dialled() == 1, resets && validates; got != want {
				t.Errorf("kept the connection: %t, want %t", got, want)
			}

			// A transaction that ends in time costs no connection.
			before := srv.dialled()
			ctx, cancel = context.WithCancel(t.Context())
			defer cancel()
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := tx.Rollback(); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec("update"); err != nil {
				t.Fatal(err)
			}
			if srv.dialled() != before {
				t.Error("a connection was dropped after a normal rollback")
			}
		})
	}
}

// TestDiscardReachesTheBorrower: the holder of a *sql.Conn loses it, as with
// the raw driver.
func TestDiscardReachesTheBorrower(t *testing.T) {
	uses := map[string]func(ctx context.Context, c *sql.Conn, st *sql.Stmt) error{
		"query": func(ctx context.Context, c *sql.Conn, _ *sql.Stmt) error { return drain(c.QueryContext(ctx, "select")) },
		"exec": func(ctx context.Context, c *sql.Conn, _ *sql.Stmt) error {
			_, err := c.ExecContext(ctx, "update")
			return err
		},
		"stmt query": func(ctx context.Context, _ *sql.Conn, st *sql.Stmt) error { return drain(st.QueryContext(ctx)) },
		"stmt exec":  func(ctx context.Context, _ *sql.Conn, st *sql.Stmt) error { _, err := st.ExecContext(ctx); return err },
		"begin":      func(ctx context.Context, c *sql.Conn, _ *sql.Stmt) error { _, err := c.BeginTx(ctx, nil); return err },
	}
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			srv := newServer(look{conn: func(c *fakeConn) sqldriver.Conn {
				return struct {
					conn0
					ctxExec
					ctxQuery
					resetter
				}{c, c, c, c}
			}})
			// The session would answer: not on this connection any more.
			db := open(t, srv, answering(srv))
			c, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			st, err := c.PrepareContext(t.Context(), "select")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			if _, err := c.BeginTx(ctx, nil); err != nil {
				t.Fatal(err)
			}
			cancel()
			srv.awaitLines(t, "rollback", 1)
			before := len(srv.lines())
			err = use(t.Context(), c, st)
			if !errors.Is(err, sqldriver.ErrBadConn) && !errors.Is(err, sql.ErrConnDone) {
				t.Errorf("got %v", err)
			}
			for _, l := range srv.lines()[before:] {
				if l != "stmt-close select" && l != "close" && l != "session: closed" && l != "session: ended rolled back" {
					t.Errorf("the connection was used: %s", l)
				}
			}
			if err := c.PingContext(t.Context()); !errors.Is(err, sql.ErrConnDone) {
				t.Errorf("the borrower still has it: %v", err)
			}
		})
	}
}

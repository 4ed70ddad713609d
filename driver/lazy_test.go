package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/vantage-go/live/driver"
)

// open returns a pool over a wrapped fake.
func open(t *testing.T, srv *server, h driver.Hooks, opts ...driver.Option) *sql.DB {
	t.Helper()
	db := sql.OpenDB(driver.Wrap(&fakeConnector{srv}, h, opts...))
	t.Cleanup(func() { db.Close() })
	return db
}

// needs are all ways in which a program can need the database.
var needs = []struct {
	name string
	call func(ctx context.Context, db *sql.DB) error
}{
	{"query", func(ctx context.Context, db *sql.DB) error { return drain(db.QueryContext(ctx, "select")) }},
	{"query with arguments", func(ctx context.Context, db *sql.DB) error {
		return drain(db.QueryContext(ctx, "select", 1, marked("m"), "x"))
	}},
	{"exec", func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "update")
		return err
	}},
	{"exec with arguments", func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "update", marked("m"), 1)
		return err
	}},
	{"prepare", func(ctx context.Context, db *sql.DB) error {
		st, err := db.PrepareContext(ctx, "select")
		if err != nil {
			return err
		}
		return st.Close()
	}},
	{"begin", func(ctx context.Context, db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		return tx.Rollback()
	}},
	{"ping", func(ctx context.Context, db *sql.DB) error { return db.PingContext(ctx) }},
	{"raw", func(ctx context.Context, db *sql.DB) error {
		return raw(ctx, db, func(c driver.RawConn) error {
			return c.Raw(ctx, func(sqldriver.Conn) error { return nil })
		})
	}},
}

func drain(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}

// raw borrows a connection and calls f with the wrapper's.
func raw(ctx context.Context, db *sql.DB, f func(c driver.RawConn) error) error {
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Raw(func(c any) error { return f(c.(driver.RawConn)) })
}

type ctxKey struct{}

func TestShellDialsWithTheContextOfTheCall(t *testing.T) {
	for _, n := range needs {
		t.Run(n.name, func(t *testing.T) {
			srv := newServer(look{})
			var dialedWith any
			srv.play(func(ctx context.Context, key string) error {
				if key == "connect" {
					dialedWith = ctx.Value(ctxKey{})
				}
				return nil
			})
			db := open(t, srv, nil)
			c, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if srv.dialled() != 0 {
				t.Fatal("a connection that was only borrowed was dialled")
			}
			if err := n.call(context.WithValue(t.Context(), ctxKey{}, n.name), db); err != nil {
				t.Fatal(err)
			}
			if srv.dialled() != 1 {
				t.Errorf("dialled %d times", srv.dialled())
			}
			if dialedWith != n.name {
				t.Errorf("dialled with the context of %v", dialedWith)
			}
		})
	}
}

func TestShellReturnsDialErrorAsItIs(t *testing.T) {
	for _, n := range needs {
		t.Run(n.name, func(t *testing.T) {
			srv := newServer(look{})
			srv.play(failOn("connect", errFake, 1))
			db := open(t, srv, nil)
			db.SetMaxOpenConns(1)
			err := n.call(t.Context(), db)
			if err != errFake { //nolint:errorlint // the very error is wanted
				t.Fatalf("got %v (%T)", err, err)
			}
			if srv.dialled() != 1 {
				t.Errorf("dialled %d times for one failure", srv.dialled())
			}
			if open := db.Stats().OpenConnections; open != 0 {
				t.Errorf("the pool keeps %d shells that could not be dialled", open)
			}
			if err := n.call(t.Context(), db); err != nil {
				t.Errorf("the next call: %v", err)
			}
		})
	}
}

// TestBadConnFromDialIsNotRetried: database/sql would dial three times.
func TestBadConnFromDialIsNotRetried(t *testing.T) {
	refusal := fmt.Errorf("handshake: %w (%w)", sqldriver.ErrBadConn, &fs.PathError{Op: "dial", Path: "sock", Err: fs.ErrNotExist})
	for _, n := range needs {
		t.Run(n.name, func(t *testing.T) {
			for _, by := range []string{"connector", "session"} {
				srv := newServer(look{})
				h := &recorder{srv: srv}
				if by == "connector" {
					srv.play(failOn("connect", refusal, 9))
				} else {
					h.dialed = func(context.Context, sqldriver.Conn) error { return refusal }
				}
				db := open(t, srv, h)
				err := n.call(t.Context(), db)
				var de *driver.DialError
				var pe *fs.PathError
				switch {
				case errors.Is(err, sqldriver.ErrBadConn):
					t.Errorf("%s: ErrBadConn shows", by)
				case !errors.As(err, &de) || de.Err != refusal: //nolint:errorlint // the very error is wanted
					t.Errorf("%s: got %v (%T)", by, err, err)
				case err.Error() != refusal.Error():
					t.Errorf("%s: text %q", by, err)
				case !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &pe):
					t.Errorf("%s: what else the error is does not show", by)
				}
				if srv.dialled() != 1 {
					t.Errorf("%s: dialled %d times", by, srv.dialled())
				}
			}
		})
	}
}

func TestSessionMayRefuseTheInnerConnection(t *testing.T) {
	for _, n := range needs {
		t.Run(n.name, func(t *testing.T) {
			srv := newServer(look{})
			h := &recorder{srv: srv, dialed: func(_ context.Context, inner sqldriver.Conn) error {
				if _, ok := inner.(*fakeConn); !ok {
					t.Errorf("the session was shown %T", inner)
				}
				return errFake
			}}
			db := open(t, srv, h)
			if err := n.call(t.Context(), db); err != errFake { //nolint:errorlint // the very error is wanted
				t.Fatalf("got %v (%T)", err, err)
			}
			if open := db.Stats().OpenConnections; open != 0 {
				t.Errorf("the pool keeps %d refused connections", open)
			}
			srv.awaitCloses(t, 1)
			for _, l := range srv.lines() {
				if l != "connect" && l != "close" && !strings.HasPrefix(l, "session: ") {
					t.Errorf("a refused connection was used: %s", l)
				}
			}
		})
	}
}

// TestBorrowedShellDialsAgain: the holder of a *sql.Conn has no other.
func TestBorrowedShellDialsAgain(t *testing.T) {
	srv := newServer(look{})
	srv.play(failOn("connect", errFake, 1))
	db := open(t, srv, nil)
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ExecContext(t.Context(), "update", 1); !errors.Is(err, errFake) {
		t.Fatal(err)
	}
	if _, err := c.ExecContext(t.Context(), "update", 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if open := db.Stats().OpenConnections; open != 1 {
		t.Errorf("a connection that works was dropped: %d open", open)
	}
}

func TestEagerDialsInConnect(t *testing.T) {
	srv := newServer(look{})
	c := driver.Wrap(&fakeConnector{srv}, &recorder{srv: srv}, driver.Eager())
	cn, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if srv.dialled() != 1 {
		t.Errorf("dialled %d times", srv.dialled())
	}
	if err := cn.Close(); err != nil {
		t.Fatal(err)
	}

	for _, refusal := range []error{errFake, sqldriver.ErrBadConn} {
		srv := newServer(look{})
		srv.play(failOn("connect", refusal, 9))
		_, err := driver.Wrap(&fakeConnector{srv}, &recorder{srv: srv}, driver.Eager()).Connect(t.Context())
		if err != refusal { //nolint:errorlint // the very error is wanted
			t.Errorf("got %v (%T)", err, err)
		}
		if srv.seen("session: closed") != 1 {
			t.Errorf("the session of a connection that never was is still open: %q", srv.lines())
		}
	}
}

func TestClosedShell(t *testing.T) {
	srv := newServer(look{})
	cn, err := driver.Wrap(&fakeConnector{srv}, &recorder{srv: srv}).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := cn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if srv.seen("session: closed") != 1 {
		t.Errorf("the session was closed %d times", srv.seen("session: closed"))
	}
	if _, err := cn.Prepare("select"); err == nil {
		t.Error("a closed shell prepares statements")
	}
	if cn.(driver.RawConn).Unwrap() != nil {
		t.Error("a closed shell unwraps")
	}
	if cn.(sqldriver.Validator).IsValid() {
		t.Error("a closed shell is valid")
	}
	if srv.dialled() != 0 {
		t.Errorf("a closed shell was dialled %d times", srv.dialled())
	}
}

// TestConnectorWithoutConnection: a broken connector is an error, not a panic.
func TestConnectorWithoutConnection(t *testing.T) {
	srv := newServer(look{conn: func(*fakeConn) sqldriver.Conn { return nil }})
	if err := open(t, srv, nil).Ping(); err == nil {
		t.Error("no connection was taken for one")
	}
}

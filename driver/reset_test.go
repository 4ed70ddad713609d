package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vantage-go/live/driver"
)

// resets counts the resets of inner connections so far.
func (s *server) resets() int { return s.seen("reset") }

// TestLazyReset: the inner connection is reset before it is used, as without the
// option, and for answers that come from elsewhere at most once in an epoch.
func TestLazyReset(t *testing.T) {
	t.Parallel()
	var epoch atomic.Uint64
	for _, lazy := range []bool{false, true} {
		srv := newServer(look{})
		hit := false
		policy := &recorder{
			srv: srv, takes: func(any) bool { return true },
			query: func(_ context.Context, _ driver.Statement, args []sqldriver.NamedValue, _ driver.Path) (sqldriver.Rows, driver.Call, error) {
				if hit {
					return srv.newRows(args), nil, nil
				}
				return nil, nil, nil
			},
		}
		var opts []driver.Option
		if lazy {
			opts = append(opts, driver.LazyReset(epoch.Load))
		}
		db := open(t, srv, policy, opts...)
		db.SetMaxOpenConns(1)
		read := func(answered bool) {
			t.Helper()
			hit = answered
			if err := drain(db.QueryContext(t.Context(), "select", 1)); err != nil {
				t.Fatal(err)
			}
		}
		expect := func(what string, want int) {
			t.Helper()
			if got := srv.resets(); got != want {
				t.Errorf("lazy %v, %s: %d resets, want %d", lazy, what, got, want)
			}
		}
		many := func(n int) {
			for range n {
				read(true)
			}
		}
		read(false)
		expect("a new connection", 0)
		read(false)
		expect("one that was used", 1)
		many(10)
		if !lazy {
			expect("answers from elsewhere", 11)
			continue
		}
		valid := srv.seen("valid")
		many(10)
		if n := srv.seen("valid") - valid; n != 0 {
			t.Errorf("asked %d times whether a connection is valid that nobody used", n)
		}
		expect("answers from elsewhere", 2)
		read(false)
		expect("its next use", 3)
		many(10)
		expect("answers after that", 4)
		epoch.Add(1)
		many(10)
		expect("answers in the next epoch", 5)
		uses := map[string]func() error{
			"exec":    func() error { _, err := db.ExecContext(t.Context(), "update"); return err },
			"begin":   func() error { return within(db, func(*sql.Tx) error { return nil }) },
			"prepare": func() error { return prepared(db, func(*sql.Stmt) error { return nil }) },
			"ping":    func() error { return db.PingContext(t.Context()) },
		}
		for what, use := range uses {
			many(3)
			before, valid := srv.resets(), srv.seen("valid")
			if err := use(); err != nil {
				t.Fatal(err)
			}
			expect(what, before+1)
			if srv.seen("valid") == valid {
				t.Errorf("%s: not asked whether a connection that was used is valid", what)
			}
		}
	}
}

func within(db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	return errors.Join(f(tx), tx.Rollback())
}

func prepared(db *sql.DB, f func(*sql.Stmt) error) error {
	st, err := db.Prepare("select")
	if err != nil {
		return err
	}
	return errors.Join(f(st), st.Close())
}

// TestLazyResetOfABadConnection: one that turns out to be bad when its reset is
// made up for is replaced, and the statement never reaches it.
func TestLazyResetOfABadConnection(t *testing.T) {
	t.Parallel()
	srv := newServer(look{})
	hit := false
	db := open(t, srv, &recorder{
		srv: srv, takes: func(any) bool { return true },
		query: func(_ context.Context, _ driver.Statement, args []sqldriver.NamedValue, _ driver.Path) (sqldriver.Rows, driver.Call, error) {
			if hit {
				return srv.newRows(args), nil, nil
			}
			return nil, nil, nil
		},
	}, driver.LazyReset(func() uint64 { return 0 }))
	db.SetMaxOpenConns(1)
	statement, err := db.Prepare("select")
	if err != nil {
		t.Fatal(err)
	}
	defer statement.Close()
	for what, use := range map[string]func() error{
		"query":         func() error { return drain(db.QueryContext(t.Context(), "select", 1)) },
		"exec":          func() error { _, err := db.ExecContext(t.Context(), "update"); return err },
		"begin":         func() error { return within(db, func(*sql.Tx) error { return nil }) },
		"prepared":      func() error { return drain(statement.Query(1)) },
		"prepared exec": func() error { _, err := statement.Exec(1); return err },
	} {
		if err := drain(statement.Query(1)); err != nil { // prepares it on the connection that there is
			t.Fatal(err)
		}
		hit = true
		for range 3 { // the first makes up for the use before
			if err := drain(db.QueryContext(t.Context(), "select", 1)); err != nil {
				t.Fatal(err)
			}
		}
		hit = false
		dials, seen := srv.dialled(), len(srv.lines())
		srv.play(failOn("reset", sqldriver.ErrBadConn, 1))
		if err := use(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		srv.play(nil)
		if n := srv.dialled() - dials; n != 1 {
			t.Errorf("%s: dialled %d times, want 1", what, n)
		}
		lines := srv.lines()[seen:]
		reached := slices.IndexFunc(lines, func(line string) bool {
			return slices.ContainsFunc([]string{"reset", "query", "exec", "begin", "stmt-query", "stmt-exec"}, func(op string) bool { return strings.HasPrefix(line, op) })
		})
		if reached < 0 || lines[reached] != "reset" {
			t.Errorf("%s: reached a bad connection: %q", what, lines)
		}
	}
}

// TestLazyResetThatFails: an error that says nothing of the connection is nobody's,
// as without the option: database/sql goes on with the connection.
func TestLazyResetThatFails(t *testing.T) {
	t.Parallel()
	for _, lazy := range []bool{false, true} {
		srv := newServer(look{})
		hit := true
		policy := &recorder{
			srv: srv, takes: func(any) bool { return true },
			query: func(_ context.Context, _ driver.Statement, args []sqldriver.NamedValue, _ driver.Path) (sqldriver.Rows, driver.Call, error) {
				if hit {
					return srv.newRows(args), nil, nil
				}
				return nil, nil, nil
			},
		}
		var opts []driver.Option
		if lazy {
			opts = append(opts, driver.LazyReset(func() uint64 { return 0 }))
		}
		db := open(t, srv, policy, opts...)
		db.SetMaxOpenConns(1)
		if err := db.PingContext(t.Context()); err != nil { // dials
			t.Fatal(err)
		}
		for range 3 { // the first makes up for the use before
			if err := drain(db.QueryContext(t.Context(), "select", 1)); err != nil {
				t.Fatal(err)
			}
		}
		hit = false
		resets := srv.resets()
		srv.play(failOn("reset", errFake, 1))
		if err := drain(db.QueryContext(t.Context(), "select", 1)); err != nil {
			t.Errorf("lazy %v: %v", lazy, err)
		}
		if n := srv.resets() - resets; n != 1 || srv.dialled() != 1 {
			t.Errorf("lazy %v: %d resets, want 1; dialled %d times, want 1", lazy, n, srv.dialled())
		}
	}
}

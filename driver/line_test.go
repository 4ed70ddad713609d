package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/vantage-go/live/driver"
)

// lined are rows whose value is the type of the connection that they are read on.
type lined struct {
	sqldriver.Rows
	line driver.Line
}

func (r *lined) SetLine(l driver.Line) { r.line = l }

func (r *lined) Next(dest []sqldriver.Value) error {
	if err := r.Rows.Next(dest); err != nil {
		return err
	}
	inner, err := r.line.Inner()
	dest[0] = fmt.Sprintf("%T", inner)
	return err
}

// TestLine: rows are told which connection they are read on, which is dialled when
// they ask, be they the answer of a session or of a call, to a query or to a
// prepared statement.
func TestLine(t *testing.T) {
	for _, call := range []bool{false, true} {
		for _, prepared := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %t, prepared %t", call, prepared), func(t *testing.T) {
				srv := newServer(look{})
				policy := &recorder{srv: srv}
				policy.query = func(context.Context, driver.Statement, []sqldriver.NamedValue, driver.Path) (sqldriver.Rows, driver.Call, error) {
					if call {
						return nil, lineCall{}, nil
					}
					return &lined{Rows: srv.newRows(nil)}, nil, nil
				}
				db := open(t, srv, policy)
				db.SetMaxOpenConns(1)
				query := func() *sql.Row { return db.QueryRow("select") }
				if prepared {
					st, err := db.Prepare("select")
					if err != nil {
						t.Fatal(err)
					}
					defer st.Close()
					query = func() *sql.Row { return st.QueryRow() }
				}
				var got string
				if err := query().Scan(&got); err != nil || got != "*driver_test.fakeConn" {
					t.Errorf("read on a %s, %v", got, err)
				}
				if srv.dialled() != 1 {
					t.Errorf("dialled %d times", srv.dialled())
				}
			})
		}
	}
}

// lineCall answers with such rows.
type lineCall struct{}

func (lineCall) Rows(_ context.Context, inner sqldriver.Rows) (sqldriver.Rows, error) {
	return &lined{Rows: inner}, nil
}

func (lineCall) Failed(error) {}

// TestLineOfAnOwedReset: rows that are read from elsewhere get the connection that there
// is without the reset that was put off, which its next use makes up for.
func TestLineOfAnOwedReset(t *testing.T) {
	srv := newServer(look{})
	hit := false
	policy := &recorder{
		srv: srv, takes: func(any) bool { return true },
		query: func(context.Context, driver.Statement, []sqldriver.NamedValue, driver.Path) (sqldriver.Rows, driver.Call, error) {
			if hit {
				return &lined{Rows: srv.newRows(nil)}, nil, nil
			}
			return nil, nil, nil
		},
	}
	db := open(t, srv, policy, driver.LazyReset(func() uint64 { return 0 }))
	db.SetMaxOpenConns(1)
	read := func() {
		t.Helper()
		var got string
		if err := db.QueryRow("select").Scan(&got); err != nil || hit && got != "*driver_test.fakeConn" {
			t.Fatalf("read on a %s, %v", got, err)
		}
	}
	read()
	hit = true
	read() // makes up for the use before
	before := srv.resets()
	srv.play(failOn("reset", errFake, 1))
	for range 3 {
		read()
	}
	if n := srv.resets() - before; n != 0 || srv.dialled() != 1 {
		t.Errorf("%d resets, dialled %d times", n, srv.dialled())
	}
	srv.play(nil)
	hit = false
	read()
	if n := srv.resets() - before; n != 1 {
		t.Errorf("%d resets before the next use", n)
	}
}

// TestNoLine: rows that nobody asked for have no connection.
func TestNoLine(t *testing.T) {
	if inner, err := (driver.Line{}).Inner(); err == nil || inner != nil {
		t.Errorf("read on a %T", inner)
	}
	srv := newServer(look{})
	srv.play(failOn("connect", errFake, 1))
	policy := &recorder{srv: srv}
	policy.query = func(context.Context, driver.Statement, []sqldriver.NamedValue, driver.Path) (sqldriver.Rows, driver.Call, error) {
		return &lined{Rows: srv.newRows(nil)}, nil, nil
	}
	var got string
	if err := open(t, srv, policy).QueryRow("select").Scan(&got); !errors.Is(err, errFake) {
		t.Errorf("%v; want the error of dialling", err)
	}
}

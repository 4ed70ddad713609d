//go:build go1.27

package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/vantage-go/live/driver"
)

// scanning are rows that put more into a destination than a driver.Value.
type scanning struct {
	*fakeRows
	fail error
}

type native struct{ v string }

func (r *scanning) NextRow() error {
	if r.fail != nil {
		return r.fail
	}
	return r.Next(make([]sqldriver.Value, 1))
}

func (r *scanning) ScanColumn(scanCtx sqldriver.ScanContext, _ int, dest any) error {
	if n, ok := dest.(*native); ok {
		n.v = "native"
		return nil
	}
	return sql.ConvertAssign(scanCtx, dest, "converted")
}

var (
	newCapabilities = []capability{
		{"rows", "RowsColumnScanner", reflect.TypeFor[sqldriver.RowsColumnScanner](), ifInner},
	}
	newShapes = []shape{
		{"rows that scan", look{rows: func(r *fakeRows) sqldriver.Rows { return &scanning{fakeRows: r} }}},
	}
)

// TestColumnScanner: observed rows scan if the inner rows do, and only then.
func TestColumnScanner(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		srv := newServer(look{rows: func(r *fakeRows) sqldriver.Rows { return &scanning{fakeRows: r} }})
		var c sqldriver.Connector = &fakeConnector{srv}
		if wrapped {
			c = driver.Wrap(c, watching(srv, false))
		}
		db := sql.OpenDB(c)
		rows, err := db.Query("select")
		if err != nil {
			t.Fatal(err)
		}
		var (
			n   native
			s   string
			raw sql.RawBytes
			got []string
		)
		for rows.Next() {
			if err := errors.Join(rows.Scan(&n), rows.Scan(&s), rows.Scan(&raw)); err != nil {
				t.Errorf("wrapped %t: %v", wrapped, err)
			}
			got = append(got, n.v, s, string(raw))
		}
		if err := errors.Join(rows.Err(), rows.Close(), db.Close()); err != nil {
			t.Error(err)
		}
		if len(got) != 3 || got[0] != "native" || got[1] != "converted" || got[2] != "converted" {
			t.Errorf("wrapped %t: got %q", wrapped, got)
		}
		if wrapped && srv.seen("call: done: <nil>") != 1 {
			t.Errorf("the rows were not observed: %q", srv.lines())
		}
	}
}

func TestColumnScannerErrorsAreSeen(t *testing.T) {
	for _, fail := range []error{errFake, io.EOF} {
		srv := newServer(look{})
		inner := &scanning{fakeRows: &fakeRows{s: srv}, fail: fail}
		var got error
		rows := driver.ObserveRows(inner, func(err error) { got = err })
		if !driver.ScansColumns(rows) || !driver.ScansColumns(inner) {
			t.Fatal("rows that scan were said not to")
		}
		if err := rows.(sqldriver.RowsColumnScanner).NextRow(); err != fail { //nolint:errorlint // the very error is wanted
			t.Errorf("NextRow returned %v", err)
		}
		rows.Close()
		if want := map[error]error{errFake: errFake}[fail]; got != want { //nolint:errorlint // the very error is wanted
			t.Errorf("done got %v, want %v", got, want)
		}
	}
}

func TestColumnScannerUnwrapTellsTheSession(t *testing.T) {
	srv := newServer(look{rows: func(r *fakeRows) sqldriver.Rows { return &scanning{fakeRows: r} }})
	cn, err := driver.Wrap(&fakeConnector{srv}, watching(srv, false)).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cn.Close()
	rows, err := cn.(sqldriver.QueryerContext).QueryContext(t.Context(), "select", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if _, ok := rows.(interface{ Unwrap() sqldriver.Rows }).Unwrap().(*scanning); !ok {
		t.Error("unwrapped to something else")
	}
	if srv.seen("session: raw") != 1 {
		t.Error("the session was not told")
	}
}

// natively scans into natives alone, with the connection that it is given.
type natively struct{ srv *server }

func (n natively) Knows(sqldriver.Conn, string) bool { return true }

func (n natively) Scans(dest any) bool {
	_, ok := dest.(*native)
	return ok
}

func (n natively) Scan(conn sqldriver.Conn, columnType string, v sqldriver.Value, dest any) error {
	if conn == nil {
		return errFake
	}
	if columnType != (&fakeRows{s: n.srv}).ColumnTypeDatabaseTypeName(0) {
		return errors.New("another type: " + columnType)
	}
	dest.(*native).v = "natively " + v.(string)
	return nil
}

// TestScanRows: rows that were read before scan as those of the driver, on the
// connection that asked for them, be they the answer of a session or of a call, to
// a query or to a prepared statement.
func TestScanRows(t *testing.T) {
	for _, call := range []bool{false, true} {
		for _, prepared := range []bool{false, true} {
			srv := newServer(look{})
			policy := &recorder{srv: srv}
			policy.query = func(context.Context, driver.Statement, []sqldriver.NamedValue, driver.Path) (sqldriver.Rows, driver.Call, error) {
				if call {
					return nil, scanCall{srv}, nil
				}
				return driver.ScanRows(srv.newRows(nil), natively{srv}), nil, nil
			}
			db := open(t, srv, policy)
			db.SetMaxOpenConns(1)
			query := func() (*sql.Rows, error) { return db.Query("select") }
			if prepared {
				st, err := db.Prepare("select")
				if err != nil {
					t.Fatal(err)
				}
				defer st.Close()
				query = func() (*sql.Rows, error) { return st.Query() }
			}
			rows, err := query()
			if err != nil {
				t.Fatal(err)
			}
			dialled := srv.dialled()
			if want := map[bool]int{true: 1}[call || prepared]; dialled != want {
				t.Errorf("dialled %d times, want %d", dialled, want)
			}
			var n native
			var text string
			for rows.Next() {
				if err := rows.Scan(&text); err != nil {
					t.Fatal(err)
				}
				if srv.dialled() != dialled {
					t.Error("dialled for what database/sql converts")
				}
				if err := rows.Scan(&n); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				t.Fatal(err)
			}
			if n.v != "natively "+text {
				t.Errorf("call %t, prepared %t: got %q of %q", call, prepared, n.v, text)
			}
			if srv.dialled() != 1 {
				t.Errorf("dialled %d times", srv.dialled())
			}
		}
	}
}

// scanCall answers with rows that it has read.
type scanCall struct{ srv *server }

func (c scanCall) Rows(_ context.Context, inner sqldriver.Rows) (sqldriver.Rows, error) {
	return driver.ScanRows(inner, natively{c.srv}), nil
}

func (scanCall) Failed(error) {}

// TestScanRowsOfNobody: rows that nobody asked for have no connection to scan with.
func TestScanRowsOfNobody(t *testing.T) {
	srv := newServer(look{})
	rows := driver.ScanRows(srv.newRows(nil), natively{srv}).(sqldriver.RowsColumnScanner)
	if err := rows.NextRow(); err != nil {
		t.Fatal(err)
	}
	if err := rows.ScanColumn(sqldriver.ScanContext{}, 0, new(native)); err == nil {
		t.Error("scanned without a connection")
	}
	var text string
	if err := rows.ScanColumn(sqldriver.ScanContext{}, 0, &text); err != nil {
		t.Error(err)
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
}

//go:build go1.27

package driver_test

import (
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

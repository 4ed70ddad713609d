package driver_test

import (
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/vantage-go/live/driver"
)

// TestObserveRows: done is called once, after Close, with the first error. What
// the rows show of the inner rows is TestIndistinguishable's matter.
func TestObserveRows(t *testing.T) {
	errClose := errors.New("fake: not closed")
	read := func(t *testing.T, r sqldriver.Rows) {
		t.Helper()
		dest := make([]sqldriver.Value, 1)
		for r.Next(dest) == nil {
		}
		sets := r.(sqldriver.RowsNextResultSet)
		for sets.HasNextResultSet() && sets.NextResultSet() == nil {
			for r.Next(dest) == nil {
			}
		}
	}
	tests := []struct {
		name   string
		fail   map[string]error
		unread bool
		want   error
	}{
		{name: "read", want: nil},
		{name: "unread", unread: true, want: nil},
		{name: "next fails", fail: map[string]error{"next": errFake}, want: errFake},
		{name: "next set fails", fail: map[string]error{"next-set": errFake}, want: errFake},
		{name: "close fails", fail: map[string]error{"rows-close": errClose}, want: errClose},
		{name: "first error counts", fail: map[string]error{"next": errFake, "rows-close": errClose}, want: errFake},
		{name: "close fails unread", fail: map[string]error{"rows-close": errClose}, unread: true, want: errClose},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(look{})
			inner := srv.newRows(nil)
			var got []error
			rows := driver.ObserveRows(inner, func(err error) {
				if srv.open != 0 {
					t.Error("called before the inner rows were closed")
				}
				got = append(got, err)
			})
			srv.play(scripted(tt.fail))
			if !tt.unread {
				read(t, rows)
			}
			if len(got) != 0 {
				t.Fatal("called before Close")
			}
			for range 2 {
				if err := rows.Close(); err != tt.fail["rows-close"] { //nolint:errorlint // the very error is wanted
					t.Errorf("Close returned %v", err)
				}
				srv.count(0, 0, 1) // the fake counts each Close
			}
			if len(got) != 1 || got[0] != tt.want { //nolint:errorlint // the very error is wanted
				t.Errorf("done got %v, want %v once", got, tt.want)
			}
		})
	}
}

// TestObservedRowsPassErrorsOn: the rows answer what the inner rows answer.
func TestObservedRowsPassErrorsOn(t *testing.T) {
	srv := newServer(look{})
	rows := driver.ObserveRows(srv.newRows(nil), func(error) {})
	srv.play(failOn("next", errFake, 1))
	dest := make([]sqldriver.Value, 1)
	for i, want := range []error{errFake, nil, io.EOF} {
		if err := rows.Next(dest); err != want { //nolint:errorlint // the very error is wanted
			t.Errorf("Next %d: %v, want %v", i, err, want)
		}
	}
	sets := rows.(sqldriver.RowsNextResultSet)
	for i, want := range []error{nil, io.EOF} {
		if err := sets.NextResultSet(); err != want { //nolint:errorlint // the very error is wanted
			t.Errorf("NextResultSet %d: %v, want %v", i, err, want)
		}
	}
}

// TestObservedRowsOutsideAConnection: a policy may use them on its own.
func TestObservedRowsOutsideAConnection(t *testing.T) {
	inner := newServer(look{}).newRows(nil)
	rows := driver.ObserveRows(inner, func(error) {})
	if got := rows.(interface{ Unwrap() sqldriver.Rows }).Unwrap(); got != inner {
		t.Errorf("got %T", got)
	}
}

func TestScansColumns(t *testing.T) {
	if driver.ScansColumns(newServer(look{}).newRows(nil)) {
		t.Error("rows that have only Next were said to scan")
	}
}

package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/driver"
)

// answering is a policy that answers every query itself.
func answering(srv *server) *recorder {
	return &recorder{
		srv: srv,
		takes: func(v any) bool {
			_, isMarked := v.(marked)
			_, isDropped := v.(dropped)
			return !isMarked && !isDropped
		},
		query: func(_ context.Context, _ driver.Statement, args []sqldriver.NamedValue, _ driver.Path) (sqldriver.Rows, driver.Call, error) {
			return srv.newRows(args), nil, nil
		},
	}
}

func TestAnsweredQueriesNeedNoConnection(t *testing.T) {
	srv := newServer(look{})
	db := open(t, srv, answering(srv))
	db.SetMaxOpenConns(1)
	for range 10 {
		var v string
		if err := db.QueryRow("select", "a", 2, sql.NullInt64{Int64: 3, Valid: true}).Scan(&v); err != nil {
			t.Fatal(err)
		}
		if want := " [1 string a] [2 int64 2] [3 int64 3]"; v != want {
			t.Fatalf("got %q, want %q", v, want)
		}
	}
	if srv.dialled() != 0 {
		t.Errorf("dialled %d times for answers that were there", srv.dialled())
	}
}

// TestArgumentsTheSessionDoesNotTake: the session is asked with what the inner
// driver makes of them, shell or not.
func TestArgumentsTheSessionDoesNotTake(t *testing.T) {
	srv := newServer(look{})
	db := open(t, srv, answering(srv))
	for range 2 { // a shell, then a dialled connection
		var v string
		if err := db.QueryRow("select", "a", marked("b"), dropped{}, 3).Scan(&v); err != nil {
			t.Fatal(err)
		}
		if want := " [1 string a] [2 string conn:b] [3 int64 3]"; v != want {
			t.Errorf("got %q, want %q", v, want)
		}
	}
	if srv.dialled() != 1 {
		t.Errorf("dialled %d times", srv.dialled())
	}
}

// TestLostArguments: database/sql may give up between the arguments and the
// statement. What the shell remembers of them must not touch the next one.
func TestLostArguments(t *testing.T) {
	srv := newServer(look{})
	cn, err := driver.Wrap(&fakeConnector{srv}, answering(srv)).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cn.Close()
	ch := cn.(sqldriver.NamedValueChecker)
	// The first is for database/sql to convert, the marked value for nobody yet.
	args := []sqldriver.NamedValue{{Ordinal: 1, Value: int8(1)}}
	for _, check := range []struct {
		nv   sqldriver.NamedValue
		want error
	}{
		{args[0], sqldriver.ErrSkip},
		{sqldriver.NamedValue{Ordinal: 2, Value: marked("m")}, nil},
		{args[0], sqldriver.ErrSkip},
	} {
		if err := ch.CheckNamedValue(&check.nv); err != check.want { //nolint:errorlint // the very error is wanted
			t.Fatalf("%v: got %v, want %v", check.nv, err, check.want)
		}
	}
	query := func(args []sqldriver.NamedValue) {
		t.Helper()
		rows, err := cn.(sqldriver.QueryerContext).QueryContext(t.Context(), "select", args)
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	query(args)
	if err := ch.CheckNamedValue(&sqldriver.NamedValue{Ordinal: 1, Value: marked("m")}); err != nil {
		t.Fatal(err)
	}
	query(nil)
	if srv.dialled() != 0 {
		t.Error("an answered query was dialled for because of another's arguments")
	}
}

func TestNothingIsServedToADoneContext(t *testing.T) {
	for _, prepared := range []bool{false, true} {
		srv := newServer(look{})
		ctx, cancel := context.WithCancel(t.Context())
		h := answering(srv)
		served := h.query
		h.query = func(ctx context.Context, st driver.Statement, args []sqldriver.NamedValue, via driver.Path) (sqldriver.Rows, driver.Call, error) {
			cancel()
			return served(ctx, st, args, via)
		}
		cn, err := driver.Wrap(&fakeConnector{srv}, h).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var rows sqldriver.Rows
		if prepared {
			st, errp := cn.Prepare("select")
			if errp != nil {
				t.Fatal(errp)
			}
			rows, err = st.(sqldriver.StmtQueryContext).QueryContext(ctx, nil)
			st.Close()
		} else {
			rows, err = cn.(sqldriver.QueryerContext).QueryContext(ctx, "select", nil)
		}
		if rows != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("prepared %t: got %v, %v", prepared, rows, err)
		}
		cn.Close()
		if srv.open != 0 {
			t.Errorf("prepared %t: the rows were left open", prepared)
		}
	}
}

func TestSessionErrorIsTheCallers(t *testing.T) {
	srv := newServer(look{})
	db := open(t, srv, &recorder{
		srv: srv,
		query: func(context.Context, driver.Statement, []sqldriver.NamedValue, driver.Path) (sqldriver.Rows, driver.Call, error) {
			return nil, nil, errFake
		},
	})
	if _, err := db.Query("select"); err != errFake { //nolint:errorlint // the very error is wanted
		t.Errorf("got %v", err)
	}
	if srv.dialled() != 0 {
		t.Error("dialled for a query that the session refused")
	}
}

// TestUnansweredRowsAndResultsAreTheDriversOwn: programs look for more than
// the interfaces in them.
func TestUnansweredRowsAndResultsAreTheDriversOwn(t *testing.T) {
	srv := newServer(look{})
	cn, err := driver.Wrap(&fakeConnector{srv}, &recorder{srv: srv}).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cn.Close()
	st, err := cn.Prepare("select")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()

	var results []any
	for _, query := range []func() (sqldriver.Rows, error){
		func() (sqldriver.Rows, error) {
			return cn.(sqldriver.QueryerContext).QueryContext(t.Context(), "select", nil)
		},
		func() (sqldriver.Rows, error) { return st.(sqldriver.StmtQueryContext).QueryContext(t.Context(), nil) },
	} {
		rows, err := query()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := rows.(*fakeRows); !ok {
			t.Errorf("rows are %T", rows)
		}
		rows.Close()
	}
	res, err := cn.(sqldriver.ExecerContext).ExecContext(t.Context(), "update", nil)
	if err != nil {
		t.Fatal(err)
	}
	results = append(results, res)
	if res, err = st.(sqldriver.StmtExecContext).ExecContext(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	results = append(results, res)
	if d := cmp.Diff([]any{fakeResult{}, fakeResult{}}, results); d != "" {
		t.Error(d)
	}
}

// TestTakenArguments: what the session takes is what database/sql makes of it, and
// the driver is not asked, on a shell, on a connection and for a statement.
func TestTakenArguments(t *testing.T) {
	srv := newServer(look{})
	db := open(t, srv, &recorder{srv: srv, takes: func(any) bool { return true }})
	db.SetMaxOpenConns(1)
	st, err := db.Prepare("select ? ? ? ? ? ? ? ?")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	args := []any{1, int64(2), "x", []byte("y"), 1.5, at, true, nil}
	var want []sqldriver.NamedValue
	for i, arg := range args {
		v, err := sqldriver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, sqldriver.NamedValue{Ordinal: i + 1, Value: v})
	}
	for what, query := range map[string]func() *sql.Row{
		"connection": func() *sql.Row { return db.QueryRow("select", args...) },
		"statement":  func() *sql.Row { return st.QueryRow(args...) },
	} {
		var got string
		if err := query().Scan(&got); err != nil || got != show(want) {
			t.Errorf("%s: got %q, %v, want %q", what, got, err, show(want))
		}
	}
	for _, line := range srv.lines() {
		if strings.Contains(line, "-check ") {
			t.Errorf("asked about an argument that the session takes: %s", line)
		}
	}
}

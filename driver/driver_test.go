package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/driver"
)

// TestWrapDriver: sql.Open treats the two kinds of drivers differently, and
// what it does shows in what reaches them.
func TestWrapDriver(t *testing.T) {
	tests := []struct {
		name       string
		driver     func(s *server) sqldriver.Driver
		connectors bool
		want       []string
	}{
		{"open only", func(s *server) sqldriver.Driver { return fakeDriver{s} }, false, []string{
			"session: open", "open dsn", "connect", "session: dialed", "ping", "valid", "session: released",
		}},
		{"connectors", func(s *server) sqldriver.Driver { return fakeContextDriver{fakeDriver{s}} }, true, []string{
			"connector dsn", "session: open", "connect", "session: dialed", "ping", "valid", "session: released",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(look{})
			d := driver.WrapDriver(tt.driver(srv), &recorder{srv: srv})
			dc, ok := d.(sqldriver.DriverContext)
			if ok != tt.connectors {
				t.Fatalf("makes connectors: %t, want %t", ok, tt.connectors)
			}
			name := fmt.Sprintf("%s %p", tt.name, srv) // the registry forgets nothing
			sql.Register(name, d)
			db, err := sql.Open(name, "dsn")
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.Ping(); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, srv.lines()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if tt.connectors {
				if _, err := dc.OpenConnector("bad"); !errors.Is(err, errFake) {
					t.Errorf("a name that the driver refuses: %v", err)
				}
				if _, ok := db.Driver().(fakeDriver); !ok {
					t.Errorf("the pool's driver is %T", db.Driver())
				}
			}

			// Open is there for both.
			cn, err := d.Open("other")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := cn.(sqldriver.ExecerContext).ExecContext(t.Context(), "update", nil); err != nil {
				t.Fatal(err)
			}
			if err := cn.Close(); err != nil {
				t.Fatal(err)
			}
			if srv.seen("open other") != 1 {
				t.Errorf("%q", srv.lines())
			}
		})
	}
}

func TestConnectorCloses(t *testing.T) {
	srv := newServer(look{})
	inner := &closingConnector{fakeConnector: &fakeConnector{srv}}
	if err := sql.OpenDB(driver.Wrap(inner, nil)).Close(); !errors.Is(err, errFake) {
		t.Errorf("the inner connector's error is lost: %v", err)
	}
	if inner.closed != 1 {
		t.Errorf("closed %d times", inner.closed)
	}
	if err := driver.Wrap(&fakeConnector{srv}, nil).(io.Closer).Close(); err != nil {
		t.Errorf("a connector without Close: %v", err)
	}
	if _, ok := driver.Wrap(inner, nil).Driver().(fakeDriver); !ok {
		t.Error("the driver is not the inner connector's")
	}
}

// TestHooksWithoutSession: no session is no policy.
func TestHooksWithoutSession(t *testing.T) {
	srv := newServer(look{})
	if err := drain(open(t, srv, noSession{}).Query("select", 1)); err != nil {
		t.Error(err)
	}
}

type noSession struct{}

func (noSession) Open() driver.Session { return nil }

// TestMethodsWithoutContext: database/sql does not use them, others may.
func TestMethodsWithoutContext(t *testing.T) {
	srv := newServer(look{})
	cn, err := driver.Wrap(&fakeConnector{srv}, &recorder{srv: srv}).Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer cn.Close()
	st, err := cn.Prepare("select")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	rows, err := st.Query([]sqldriver.Value{int64(1)}) //nolint:staticcheck // it is the one under test
	if err != nil {
		t.Fatal(err)
	}
	rows.Close()
	if _, err := st.Exec([]sqldriver.Value{"x", nil}); err != nil { //nolint:staticcheck // it is the one under test
		t.Fatal(err)
	}
	for _, want := range []string{
		"stmt-query-ctx select [1 int64 1]",
		"stmt-exec-ctx select [1 string x] [2 <nil> <nil>]",
		"session: executed meaning of select [1 string x] [2 <nil> <nil>]: <nil>",
	} {
		if srv.seen(want) != 1 {
			t.Errorf("%q is missing in %q", want, srv.lines())
		}
	}
}

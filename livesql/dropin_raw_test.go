package livesql_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

// TestRaw hands the inner connection out and writes through it.
func TestRaw(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		t.Run(e.dialect, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			db, live := scripted()(t, e, e.dsn(t))
			for _, statement := range e.schema {
				db.MustExec(statement)
			}
			fill(db)
			synced(t, live)
			read := func(what, want string, hit bool) {
				t.Helper()
				before := live.CacheStats()
				var name string
				if err := db.Get(&name, "SELECT name FROM item WHERE id = 1"); err != nil {
					t.Fatal(err)
				}
				after := live.CacheStats()
				if name != want || after.Hits-before.Hits != map[bool]uint64{true: 1}[hit] {
					t.Errorf("%s: read %q with %d hits, want %q from memory %v", what, name, after.Hits-before.Hits, want, hit)
				}
			}
			db.SetMaxOpenConns(1)
			read("first", "Rye", false)
			read("second", "Rye", true)

			conn, err := db.Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var kept sqldriver.Conn
			err = livesql.Raw(ctx, conn, func(inner sqldriver.Conn) error {
				kept = inner
				_, err := inner.(sqldriver.ExecerContext).ExecContext(ctx, "UPDATE item SET name = 'Raw' WHERE id = 1", nil)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := fmt.Sprintf("%T", kept), innerType(t, e); got != want {
				t.Errorf("Raw hands out a %s, want %s", got, want)
			}
			if err := livesql.Raw(ctx, conn, func(sqldriver.Conn) error { return errSpy }); !errors.Is(err, errSpy) {
				t.Errorf("Raw returns %v, want the error of its function", err)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			read("after Raw", "Raw", false)
			read("after Raw, again", "Raw", false) // for the life of the connection
			if n := live.CacheStats().Bypassed[cache.Tainted]; n != 2 {
				t.Errorf("%d reads past the cache because of Raw, want 2", n)
			}
			if err := live.Feed().Sync(ctx); err != nil { // without a lease nothing is stored
				t.Fatal(err)
			}
			db.SetMaxIdleConns(0) // a new connection
			db.SetMaxIdleConns(2)
			read("new connection", "Raw", false)
			read("new connection, again", "Raw", true)
		})
	}
}

// TestRawOnPlain: on a pool that is not livesql's, Raw is sql.Conn's.
func TestRawOnPlain(t *testing.T) {
	db, err := sql.Open("sqlite", server.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var got string
	if err := livesql.Raw(t.Context(), conn, func(inner sqldriver.Conn) error {
		got = reflect.TypeOf(inner).String()
		return nil
	}); err != nil || got != "*sqlite.conn" {
		t.Errorf("Raw hands out %s, %v", got, err)
	}
}

// innerType returns the type of the connections of the plain driver.
func innerType(t *testing.T, e engine) string {
	t.Helper()
	db, err := sql.Open(e.driver, e.dsn(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var name string
	if err := conn.Raw(func(inner any) error { name = fmt.Sprintf("%T", inner); return nil }); err != nil {
		t.Fatal(err)
	}
	return name
}

package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// dialledTo is a connection of a program.
func dialledTo(tb testing.TB, dsn string) sqldriver.Conn {
	tb.Helper()
	connector, err := Dialect{}.Connector(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := connector.Connect(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestProbeSettings: whatever a result may depend on gives a session another
// number, and the old value the old one.
func TestProbeSettings(t *testing.T) {
	db := server.MariaDB(t)
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	conn := dialledTo(t, db.SocketDSN())
	settings := func() uint64 {
		t.Helper()
		place, err := f.backend.Probe(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		return place.Settings
	}
	first := settings()
	if other, err := f.backend.Probe(t.Context(), dialledTo(t, db.SocketDSN())); err != nil || other.Settings != first || first == 0 {
		t.Errorf("two connections are %d and %d, error %v", first, other.Settings, err)
	}
	changed := 0
	for _, name := range dialects.MySQLSettings() {
		for _, value := range []string{"1", "7", "1024", "'+02:00'", "'ANSI'", "latin1", "latin1_swedish_ci", "'de_DE'", "'DOTALL'", "'UTF8_IS_UTF8MB3'", "'2020-01-01'"} {
			if execute(t.Context(), conn, fmt.Sprintf("SET SESSION %s = %s", name, value)) != nil {
				continue
			}
			number := settings()
			if err := execute(t.Context(), conn, fmt.Sprintf("SET SESSION %s = DEFAULT", name)); err != nil {
				t.Fatal(err)
			}
			// Some values are the default.
			if number != first {
				changed++
				break
			}
		}
		// The driver has set these otherwise than the server's default.
		if err := execute(t.Context(), conn, "SET NAMES utf8mb4"); err != nil {
			t.Fatal(err)
		}
		if again := settings(); again != first {
			t.Errorf("after %s was changed and set back, the session is %d, not %d", name, again, first)
		}
	}
	if changed < 15 {
		t.Errorf("only %d settings made a difference", changed)
	}
}

// TestProbeBeforeTheFeed: nobody knows what to ask before the feed has seen the
// server.
func TestProbeBeforeTheFeed(t *testing.T) {
	db := server.MariaDB(t)
	b := newBackend(t, db.SocketDSN(), listen.InstallNever)
	if _, err := b.Probe(t.Context(), dialledTo(t, db.DSN())); err == nil {
		t.Error("a connection was asked")
	}
}

// BenchmarkProbe is what a connection costs before its first read.
func BenchmarkProbe(b *testing.B) {
	r, _ := benchReader(b, 1)
	err := r.conn.Raw(func(conn any) error {
		for b.Loop() {
			if _, err := r.db.Probe(b.Context(), conn.(sqldriver.Conn)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

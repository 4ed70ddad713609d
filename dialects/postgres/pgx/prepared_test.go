package pgx_test

import (
	"context"
	"database/sql"
	"testing"

	pgxdialect "github.com/vantage-go/live/dialects/postgres/pgx"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

// TestPreparedForOtherSettings: pgx keeps what it has prepared for a text, and with it
// what a date in the text meant under the settings of that time. Sessions that have the
// newer settings from the start are not given that.
func TestPreparedForOtherSettings(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	for _, s := range []string{
		"CREATE TABLE moment (at timestamptz PRIMARY KEY)", "INSERT INTO moment VALUES ('2025-12-31 20:00+00')",
		"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET TimeZone = UTC', current_database()); END $$",
	} {
		if _, err := d.DB().ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := (pgxdialect.Dialect{}).Install(t.Context(), d.DB(), listen.InstallOptions{}); err != nil {
		t.Fatal(err)
	}
	db, err := livesql.Open(t.Context(), "pgx", d.DSN(), calm()...)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Feed().WaitLive(t.Context()); err != nil {
		t.Fatal(err)
	}
	connection := func() *sql.Conn {
		t.Helper()
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	count := func(ctx context.Context, c *sql.Conn) (n int) {
		t.Helper()
		if err := c.QueryRowContext(ctx, "SELECT count(*) FROM moment WHERE at < '2026-01-01 00:00'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	run := func(c *sql.Conn, text string) {
		t.Helper()
		if _, err := c.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	reads := func(c *sql.Conn, want int, where string) {
		t.Helper()
		for range 3 {
			if n := count(t.Context(), c); n != want {
				t.Errorf("%d rows before midnight in %s, want %d", n, where, want)
			}
		}
	}
	// Prepared in UTC, asked for in Tokyo.
	one, other := connection(), connection()
	count(livesql.NoCache(t.Context()), one)
	run(one, "SET TimeZone = 'Asia/Tokyo'")
	if n := count(t.Context(), one); n != 1 {
		t.Fatalf("pgx has not kept what it prepared: %d", n)
	}
	run(other, "SET TimeZone = 'Asia/Tokyo'")
	reads(other, 0, "Tokyo")
	// Prepared in Tokyo for the time of a transaction, asked for in UTC.
	one, other = connection(), connection()
	run(one, "BEGIN")
	run(one, "SET LOCAL TimeZone = 'Asia/Tokyo'")
	count(t.Context(), one)
	run(one, "COMMIT")
	if n := count(t.Context(), one); n != 0 {
		t.Fatalf("pgx has not kept what it prepared: %d", n)
	}
	reads(other, 1, "UTC")
	if hits := db.CacheStats().Hits; hits < 4 {
		t.Errorf("%d answers from memory", hits)
	}
}

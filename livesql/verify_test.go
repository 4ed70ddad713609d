package livesql_test

import (
	"testing"

	_ "github.com/vantage-go/live/dialects/mysql"
	_ "github.com/vantage-go/live/dialects/postgres"
	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

// TestVerify: hits are compared with the database on every engine, also where the
// driver sends a query as a prepared statement.
func TestVerify(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ dsn, query string }{
		"sqlite":   {t.TempDir() + "/v.db", "SELECT name FROM item WHERE id = ?"},
		"postgres": {server.Postgres(t).DSN(), "SELECT name FROM item WHERE id = $1"},
		"mysql":    {server.MariaDB(t).DSN(), "SELECT name FROM item WHERE id = ?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			db, err := livesql.Open(ctx, name, c.dsn, patient(livesql.Verify(2))...)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for _, q := range []string{"CREATE TABLE item (id INTEGER PRIMARY KEY, name VARCHAR(9))", "INSERT INTO item VALUES (1, 'a')"} {
				if _, err := db.ExecContext(ctx, q); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.WaitCached(ctx, c.query, 1); err != nil {
				t.Fatal(err)
			}
			db.SetMaxOpenConns(1)
			for range 9 {
				var v string
				if err := db.QueryRowContext(ctx, c.query, 1).Scan(&v); err != nil || v != "a" {
					t.Fatalf("%q, error %v", v, err)
				}
			}
			if s := db.CacheStats(); s.Verified < 3 || s.Violations != 0 {
				t.Errorf("%d hits were verified, %d of them wrong, want at least 3, and none", s.Verified, s.Violations)
			}
		})
	}
}

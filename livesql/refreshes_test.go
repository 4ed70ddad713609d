package livesql_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/livesql"
)

// otherSQLite opens the file of a live handle as another program.
func otherSQLite(t *testing.T, db *livesql.DB) *sql.DB {
	t.Helper()
	var seq int
	var name, file string
	if err := db.QueryRow("PRAGMA database_list").Scan(&seq, &name, &file); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", filepath.Clean(file)+"?_pragma=busy_timeout(30000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return other
}

// TestRefreshes: who allows for it is answered at once with what others have made
// out of date, by whichever way it reads, and soon with what is right.
func TestRefreshes(t *testing.T) {
	t.Parallel()
	db := live(t, 3, calm(livesql.DefaultConsistency(livesql.StaleWhileRevalidate(time.Minute)))...)
	other := otherSQLite(t, db)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stmt, err := db.PrepareContext(ctx, "SELECT name FROM t WHERE id = ?")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	for way, row := range map[string]func() *sql.Row{
		"direct":    func() *sql.Row { return db.QueryRowContext(ctx, "SELECT name FROM t WHERE id = ?", 1) },
		"literal":   func() *sql.Row { return db.QueryRowContext(ctx, "SELECT name FROM t WHERE id = 2") },
		"prepared":  func() *sql.Row { return stmt.QueryRowContext(ctx, 3) },
		"aggregate": func() *sql.Row { return db.QueryRowContext(ctx, "SELECT max(name) FROM t") },
	} {
		read := func() (name string) {
			t.Helper()
			if err := row().Scan(&name); err != nil {
				t.Fatalf("%s: %v", way, err)
			}
			return name
		}
		if _, err := other.ExecContext(ctx, "UPDATE t SET name = 'old'"); err != nil {
			t.Fatal(err)
		}
		if err := db.Feed().Sync(ctx); err != nil {
			t.Fatal(err)
		}
		for hits := db.CacheStats().Hits; read() != "old" || db.CacheStats().Hits == hits; hits = db.CacheStats().Hits {
		}
		stale := db.CacheStats().Stale
		if _, err := other.ExecContext(ctx, "UPDATE t SET name = 'new'"); err != nil {
			t.Fatal(err)
		}
		if err := db.Feed().Sync(ctx); err != nil {
			t.Fatal(err)
		}
		if got := read(); got != "old" || db.CacheStats().Stale == stale {
			t.Errorf("%s: %q, %d answers were out of date", way, got, db.CacheStats().Stale-stale)
		}
		for read() != "new" {
		}
		if _, err := db.ExecContext(ctx, "UPDATE t SET name = 'own'"); err != nil {
			t.Fatal(err)
		}
		if got := read(); got != "own" {
			t.Errorf("%s: %q after an own write", way, got)
		}
	}
	if got := db.CacheStats().Refreshed; got < 4 {
		t.Errorf("%d refreshes", got)
	}
}

// TestRefreshesEnd: closing the handle ends what is being read in the background.
func TestRefreshesEnd(t *testing.T) {
	t.Parallel()
	db := live(t, 50, calm(livesql.DefaultConsistency(livesql.StaleWhileRevalidate(time.Minute)))...)
	other := otherSQLite(t, db)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				var name string
				err := db.QueryRow("SELECT name FROM t WHERE id = ?", (g*10+i)%50+1).Scan(&name)
				if errors.Is(err, sql.ErrConnDone) || err != nil && err.Error() == "sql: database is closed" {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for db.CacheStats().Refreshed < 5 {
		if _, err := other.ExecContext(t.Context(), "UPDATE t SET name = name || '.'"); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

func TestAgesByName(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "t.db")
	db, err := livesql.Open(t.Context(), "sqlite", file+"?livesql_ttl=5m&livesql_consistency=revalidate:7s")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if e, _ := db.Explain(t.Context(), "SELECT 1"); e.TTL != 5*time.Minute || e.StaleFor != 7*time.Second {
		t.Errorf("TTL %v, stale for %v", e.TTL, e.StaleFor)
	}
	ctx := livesql.WithConsistency(t.Context(), livesql.Bounded(time.Second))
	if e, _ := db.Explain(ctx, "SELECT 1"); e.StaleFor != 0 {
		t.Errorf("bounded, and stale for %v", e.StaleFor)
	}
	for _, bad := range []string{"livesql_ttl=soon", "livesql_ttl=1ms", "livesql_consistency=revalidate:0s", "livesql_consistency=revalidate"} {
		var oe *livesql.OptionError
		if _, err := livesql.Open(t.Context(), "sqlite", file+"?"+bad); !errors.As(err, &oe) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	said := livesql.Explanation{Cached: true, TTL: time.Minute, StaleFor: time.Second}.String()
	if want := "cached until a change of  and, by others, up to 1s longer while it is read anew, at most 1m0s"; said != want {
		t.Errorf("%q", said)
	}
}

package orm

import (
	"context"
	"database/sql"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/dialects"
	_ "github.com/vantage-go/live/dialects/mysql" // registers the dialect
	_ "github.com/vantage-go/live/dialects/postgres"
	_ "github.com/vantage-go/live/dialects/postgres/pgx"
	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/livesql"
)

// patience bounds the wait for the cache.
const patience = 30 * time.Second

// TestSameAsWithoutLivesql runs the program with every library on every
// database, over the plain driver and over livesql.
func TestSameAsWithoutLivesql(t *testing.T) {
	for _, e := range engines() {
		for _, l := range libraries {
			t.Run(e.name+"/"+l.name, func(t *testing.T) {
				t.Parallel()
				want := onPlain(t, e, l.open)
				got, stats := onLive(t, e, l.open)
				if got != want {
					t.Errorf("over livesql, the program prints\n%s\nover the plain driver\n%s", got, want)
				}
				reads := stats.Hits + stats.Misses
				for why, n := range stats.Bypassed {
					if why != cache.InTransaction {
						reads += n
					}
				}
				share := float64(stats.Hits) / float64(max(reads, 1))
				t.Logf("%d lines; %d of %d reads were hits (%.0f%%), %d results stored", strings.Count(got, "\n"), stats.Hits, reads, 100*share, stats.Stores)
				// Of four looks in a row, three can come from memory.
				if share < 0.5 {
					t.Errorf("only %.0f%% of the reads were hits: %+v", 100*share, stats)
				}
			})
		}
	}
}

// prepare makes an empty database with the tables.
func prepare(t *testing.T, e engine) (dsn string) {
	t.Helper()
	dsn = e.open(t)
	db := opened(t, e, dsn)
	for _, s := range strings.Split(e.schema, ";\n") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return dsn
}

func opened(t *testing.T, e engine, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(e.plain, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func onPlain(t *testing.T, e engine, open func(*sql.DB, engine) (shop, error)) string {
	t.Helper()
	return run(t, e, opened(t, e, prepare(t, e)), open)
}

func onLive(t *testing.T, e engine, open func(*sql.DB, engine) (shop, error)) (string, livesql.Stats) {
	t.Helper()
	// Hits are counted: neither a long read nor a late poll may end the lease.
	db, err := livesql.Open(t.Context(), e.dialect, prepare(t, e), livesql.AutoInstall(), livesql.Lease(time.Minute), livesql.FeedDeadline(patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	text := "SELECT * FROM bakery WHERE id = ?"
	if d, err := dialects.Lookup(e.dialect); err == nil && d.Flavor() == dialects.Postgres {
		text = "SELECT * FROM bakery WHERE id = $1"
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := db.WaitCached(ctx, text, 1); err != nil {
		t.Fatal(err)
	}
	return run(t, e, db.DB, open), db.CacheStats()
}

func run(t *testing.T, e engine, db *sql.DB, open func(*sql.DB, engine) (shop, error)) string {
	t.Helper()
	s, err := open(db, e)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := s.(io.Closer); ok {
		defer func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	out, err := trade(t.Context(), s)
	if err != nil {
		t.Fatalf("%v; so far:\n%s", err, out)
	}
	return out
}

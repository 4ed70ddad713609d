package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/conform"
)

// conformEngine is SQLite as the conformance suites see it.
func conformEngine() conform.Engine {
	return conform.Engine{
		Name:    "sqlite",
		Open:    conformDatabase,
		Upsert:  "ON CONFLICT (id) DO UPDATE SET ver = excluded.ver",
		Uncover: []string{"DROP TRIGGER livesql_on_item_ai"},
		Extras: []conform.Extra{
			{Name: "REPLACE", Write: conformReplace},
			{Name: "UPDATE OR REPLACE", Write: conformUpdateOrReplace},
		},
		Lacks: map[conform.Feature]string{
			conform.ConcurrentWriters: "SQLite has one writer at a time",
			conform.Capped:            "row triggers log every row",
			conform.Truncation:        "SQLite has no TRUNCATE",
			conform.TwoPhase:          "SQLite has no two-phase commit",
			conform.Freezing:          "there is no network between a program and its file",
			conform.NaiveCursor:       "with one writer at a time, ids follow the order of commits",
		},
	}
}

func conformDatabase(tb testing.TB) *conform.Database {
	tb.Helper()
	// Others wait as long as a statement on very many rows takes on a slow machine.
	patient := strings.Replace(quick, "_busy_timeout=5000", "_busy_timeout=60000", 1)
	dsn := tb.TempDir() + "/test.db" + patient + "&_pragma=foreign_keys(on)&_txlock=immediate"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	for _, s := range conform.Schema() {
		if _, err := db.ExecContext(tb.Context(), s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
	install := func(ctx context.Context) error {
		_, err := Dialect{}.Install(ctx, db, listen.InstallOptions{})
		return err
	}
	if err := install(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return &conform.Database{
		DB: db, Schema: "main", Install: install,
		Source: func() listen.Source { return conform.SourceOf(tb, Dialect{}, dsn) },
		Prune: func(ctx context.Context) error {
			_, err := db.ExecContext(ctx, "DELETE FROM "+logTable)
			return err
		},
	}
}

// conformReplace replaces old rows and inserts new ones.
func conformReplace(ctx context.Context, conn *sql.Conn, old, fresh []int64) ([]conform.Row, error) {
	var rows []conform.Row
	var values []string
	for _, ids := range [][]int64{old, fresh} {
		for _, id := range ids {
			rows = append(rows, conform.Row{Table: "item", Key: id})
			values = append(values, fmt.Sprintf("(%d, 1, 'r', 1)", id))
		}
	}
	_, err := conn.ExecContext(ctx, "REPLACE INTO item(id, grp, note, ver) VALUES "+strings.Join(values, ", "))
	return rows, err
}

// conformUpdateOrReplace gives one row the key of another, which is thrown out.
func conformUpdateOrReplace(ctx context.Context, conn *sql.Conn, old, fresh []int64) ([]conform.Row, error) {
	if len(old) < 2 {
		return conformReplace(ctx, conn, old, fresh)
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf("UPDATE OR REPLACE item SET id = %d WHERE id = %d", old[0], old[1]))
	return []conform.Row{{Table: "item", Key: old[0]}, {Table: "item", Key: old[1]}}, err
}

func TestConformSource(t *testing.T) {
	t.Parallel()
	conform.Source(t, conformEngine())
}

func TestConformRace(t *testing.T) {
	options := conform.RaceOptions{Writers: 4, Duration: 2 * time.Second}
	if conform.Long() {
		options.Duration = 30 * time.Second
	}
	report := conform.Race(t, conformEngine(), options)
	if report.Commits < 20 {
		t.Errorf("too little was written to prove anything: %v", report)
	}
}

func TestConformBulk(t *testing.T) {
	// More rows than a delta may have, and than the log keeps: a reset.
	conform.Race(t, conformEngine(), conform.RaceOptions{Writers: 2, Duration: 1500 * time.Millisecond, Bulk: 70_000})
}

// TestConformFigures holds figures against bounds in long runs only.
func TestConformFigures(t *testing.T) {
	var (
		latency    conform.LatencyOptions
		throughput conform.ThroughputOptions
		idle       = time.Second
	)
	if conform.Long() {
		latency.Duration, throughput.Duration, idle = 20*time.Second, 10*time.Second, 10*time.Second
	} else {
		latency.Duration, throughput.Duration = time.Second, time.Second
	}
	l := conform.Latency(t, conformEngine(), latency)
	p := conform.Throughput(t, conformEngine(), throughput)
	i := conform.Idle(t, conformEngine(), idle)
	t.Logf("latency: %v; throughput: %v; idle: %v", l, p, i)
	if !conform.Long() {
		return
	}
	if l.P50 > 30*time.Millisecond {
		t.Errorf("half of the commits reach a subscriber after %v, want at most 30ms", l.P50)
	}
	if p.PerSecond < 10_000 {
		t.Errorf("%.0f rows/s, want at least 10000", p.PerSecond)
	}
	if i.CPU > 0.01 || i.PollsPerSecond > 20 {
		t.Errorf("idle: %v, want at most 20 polls/s and 1%% of a core", i)
	}
}

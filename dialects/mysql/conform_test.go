package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/conform"
	"github.com/vantage-go/live/testdb/server"
)

// conformEngine is MariaDB as the conformance suites see it.
func conformEngine() conform.Engine {
	return conform.Engine{
		Name:   "mariadb",
		Open:   conformDatabase,
		Upsert: "ON DUPLICATE KEY UPDATE ver = VALUES(ver)",
		// Of the second table in order of their names, which is item.
		Uncover:  []string{"DROP TRIGGER livesql_2_i"},
		Swap:     []string{"CREATE TABLE item_coming LIKE item", "RENAME TABLE item TO item_gone, item_coming TO item"},
		Truncate: "TRUNCATE scratch", TruncateUnseen: true,
		Prepared: &conform.Prepared{
			Begin: []string{"XA START '{name}'"}, Prepare: []string{"XA END '{name}'", "XA PREPARE '{name}'"},
			Commit: []string{"XA COMMIT '{name}'"}, Rollback: []string{"XA ROLLBACK '{name}'"},
		},
		Naive: "CREATE TABLE trace (id bigint AUTO_INCREMENT PRIMARY KEY, k integer NOT NULL)",
		Extras: []conform.Extra{
			{Name: "REPLACE", Write: conformReplace},
			{Name: "INSERT … SELECT", Write: conformSelect},
			{Name: "update of two tables", Write: conformBoth},
		},
		Lacks: map[conform.Feature]string{conform.Capped: "row triggers log every row"},
	}
}

func conformDatabase(tb testing.TB) *conform.Database {
	tb.Helper()
	d := server.MariaDB(tb)
	pool := d.DB()
	for _, s := range conform.Schema() {
		// A key is told as it is stored: 'a' and 'A' must be two.
		if _, err := pool.ExecContext(tb.Context(), s+" COLLATE utf8mb4_bin"); err != nil {
			tb.Fatalf("%.60s: %v", s, err)
		}
	}
	install := func(ctx context.Context) error {
		_, err := Dialect{}.Install(ctx, pool, listen.InstallOptions{})
		return err
	}
	if err := install(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	proxy := server.NewProxy(tb, d.Addr())
	return &conform.Database{
		DB: pool, Schema: d.Name(), Install: install,
		Source: func() listen.Source { return conform.SourceOf(tb, Dialect{}, d.DSNVia(proxy.Addr())) },
		Prune:  func(ctx context.Context) error { return conformPrune(ctx, pool) },
		Freeze: conform.FreezeBy(tb, proxy),
	}
}

// conformPrune stamps what is committed, and removes all that is stamped.
func conformPrune(ctx context.Context, db *sql.DB) (err error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var last uint64
	if err := tx.QueryRowContext(ctx, "SELECT last_batch FROM livesql_head FOR UPDATE").Scan(&last); err != nil {
		return err
	}
	// Not those of transactions that are under way: their locks are not to be
	// waited for.
	rows, err := tx.QueryContext(ctx, "SELECT id FROM livesql_log WHERE batch IS NULL")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	ids := []string{"0"}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, s := range []string{
		fmt.Sprintf("UPDATE livesql_log SET batch = %d WHERE id IN (%s)", last+1, strings.Join(ids, ",")),
		"DELETE FROM livesql_log WHERE batch IS NOT NULL",
		fmt.Sprintf("UPDATE livesql_head SET last_batch = %d, floor_batch = %[1]d", last+1),
	} {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%.60s: %w", s, err)
		}
	}
	return tx.Commit()
}

func conformRows(table string, ids ...int64) []conform.Row {
	rows := make([]conform.Row, len(ids))
	for i, id := range ids {
		rows[i] = conform.Row{Table: table, Key: id}
	}
	return rows
}

func conformList(ids []int64, format string) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = fmt.Sprintf(format, id)
	}
	return strings.Join(parts, ", ")
}

func conformReplace(ctx context.Context, conn *sql.Conn, old, fresh []int64) ([]conform.Row, error) {
	ids := slices.Concat(old, fresh)
	_, err := conn.ExecContext(ctx, "REPLACE INTO item(id, grp, note, ver) VALUES "+conformList(ids, "(%d, 1, 'r', 1)"))
	return conformRows("item", ids...), err
}

// conformSelect copies one row to new keys.
func conformSelect(ctx context.Context, conn *sql.Conn, _, fresh []int64) ([]conform.Row, error) {
	_, err := conn.ExecContext(ctx, "INSERT INTO item(id, grp, note, ver) SELECT n.id, 1, 's', 1 FROM ("+
		strings.ReplaceAll(conformList(fresh, "SELECT %d AS id"), ", ", " UNION ALL ")+") AS n")
	return conformRows("item", fresh...), err
}

// conformBoth writes two tables with one statement.
func conformBoth(ctx context.Context, conn *sql.Conn, _, fresh []int64) ([]conform.Row, error) {
	for _, s := range []string{
		"INSERT INTO item(id, grp, note, ver) VALUES " + conformList(fresh, "(%d, 1, 'b', 1)"),
		"INSERT INTO scratch(id, ver) VALUES " + conformList(fresh, "(%d, 1)"),
		"UPDATE item JOIN scratch ON item.id = scratch.id SET item.ver = item.ver + 1, scratch.ver = 5 WHERE item.id IN (" + conformList(fresh, "%d") + ")",
	} {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return nil, err
		}
	}
	return slices.Concat(conformRows("item", fresh...), conformRows("scratch", fresh...)), nil
}

func TestConformSource(t *testing.T) { conform.Source(t, conformEngine()) }

func TestConformRace(t *testing.T) {
	options := conform.RaceOptions{Writers: 8, Duration: 3 * time.Second}
	if conform.Long() {
		options = conform.RaceOptions{Writers: 12, Duration: 180 * time.Second, Bulk: 1_000_000}
	}
	conform.Race(t, conformEngine(), options)
}

// TestConformFigures holds figures against bounds in long runs only.
func TestConformFigures(t *testing.T) {
	var (
		latency    conform.LatencyOptions
		throughput conform.ThroughputOptions
		idle       = time.Second
	)
	latency.Duration, throughput.Duration = time.Second, time.Second
	if conform.Long() {
		latency.Duration, throughput.Duration, idle = 20*time.Second, 10*time.Second, 10*time.Second
	}
	l := conform.Latency(t, conformEngine(), latency)
	th := conform.Throughput(t, conformEngine(), throughput)
	i := conform.Idle(t, conformEngine(), idle)
	t.Logf("latency: %v\nthroughput: %v\nidle: %v", l, th, i)
	if !conform.Long() {
		return
	}
	if l.P50 > 30*time.Millisecond {
		t.Error("p50 must be under 30 ms")
	}
	if th.PerSecond < 10_000 {
		t.Error("10,000 rows a second must be told by their keys")
	}
	if i.PollsPerSecond > 20 || i.CPU > 0.01 {
		t.Error("idle, a process may send 20 polls a second and use 1 % of a core")
	}
}

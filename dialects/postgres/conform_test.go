package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects/postgres"
	"github.com/vantage-go/live/dialects/postgres/pgx"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/conform"
	"github.com/vantage-go/live/testdb/server"
)

// dialect is one driver's.
type dialect interface {
	listen.Backer
	listen.Capturer
}

func drivers() map[string]dialect {
	return map[string]dialect{"pq": postgres.Dialect{}, "pgx": pgx.Dialect{}}
}

// partitions is the name of an extra.
const partitions = "partitions"

// engine is PostgreSQL as the conformance suites see it, with databases of
// open.
func engine(d dialect, open func(tb testing.TB, seed ...server.DatabaseOption) *server.Database) conform.Engine {
	return conform.Engine{
		Name: "postgres with " + d.Name(),
		Open: func(tb testing.TB) *conform.Database {
			tb.Helper()
			return openConform(tb, d, open(tb, server.Seed("conform", prepare)))
		},
		Upsert:   "ON CONFLICT (id) DO UPDATE SET ver = excluded.ver",
		Uncover:  []string{"ALTER TABLE item DISABLE TRIGGER ALL"},
		Cap:      256,
		Truncate: "TRUNCATE scratch",
		Prepared: &conform.Prepared{
			Begin: []string{"BEGIN"}, Prepare: []string{"PREPARE TRANSACTION '{name}'"},
			Commit: []string{"COMMIT PREPARED '{name}'"}, Rollback: []string{"ROLLBACK PREPARED '{name}'"},
		},
		Naive: "CREATE TABLE trace (id bigserial PRIMARY KEY, k integer NOT NULL)",
		Extras: []conform.Extra{
			{Name: "COPY", Write: copyItems},
			{Name: "MERGE", Write: mergeItems},
			{Name: "data-modifying CTE", Write: moveItems},
			{Name: partitions, Write: writePartitions},
			{Name: "inheritance", Write: writeChildren},
		},
	}
}

// unsettled is engine with writers that also change the schema. Each time,
// everything is void, so that a race proves less of the rows.
func unsettled(e conform.Engine) conform.Engine {
	for i := range e.Extras {
		// What is written through the root is told of the partitions that the
		// reader knows, and it hears of new ones when it looks.
		e.Extras[i].Voids = e.Extras[i].Voids || e.Extras[i].Name == partitions
	}
	e.Extras = append(e.Extras,
		conform.Extra{Name: "swap", Write: swapTables, Voids: true},
		conform.Extra{Name: "attach and detach", Write: attachPartition, Voids: true})
	return e
}

// prepare makes the tables of the suites and of the extras.
func prepare(ctx context.Context, db *sql.DB) error {
	for _, s := range append(
		conform.Schema(),
		"CREATE TABLE part (id integer NOT NULL PRIMARY KEY, ver integer NOT NULL) PARTITION BY RANGE (id)",
		"CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (MINVALUE) TO (1000000)",
		"CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (1000000) TO (2000000)",
		"CREATE TABLE base (id integer NOT NULL PRIMARY KEY, ver integer NOT NULL)",
		"CREATE TABLE derived (extra text, PRIMARY KEY (id)) INHERITS (base)",
		"CREATE TABLE swapped (id integer NOT NULL PRIMARY KEY, ver integer NOT NULL)",
	) {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%.60s: %w", s, err)
		}
	}
	_, err := postgres.Dialect{}.Install(ctx, db, listen.InstallOptions{})
	return err
}

func openConform(tb testing.TB, d dialect, db *server.Database) *conform.Database {
	tb.Helper()
	pool := db.DB()
	proxy := server.NewProxy(tb, db.Addr())
	return &conform.Database{
		DB: pool, Schema: "public",
		Install: func(ctx context.Context) error {
			_, err := d.Install(ctx, pool, listen.InstallOptions{})
			return err
		},
		Source: func() listen.Source { return conform.SourceOf(tb, d, db.DSNVia(proxy.Addr())) },
		Prune:  func(ctx context.Context) error { return prune(ctx, pool) },
		Freeze: conform.FreezeBy(tb, proxy),
	}
}

// prune empties the log. Open transactions of other databases hold the horizon
// back, too.
func prune(ctx context.Context, db *sql.DB) error {
	for n := 1; n > 0; {
		var pruned int64
		if err := db.QueryRowContext(ctx, "SELECT livesql.prune('0')").Scan(&pruned); err != nil {
			return err
		}
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM livesql.log").Scan(&n); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// own is a server with its settings as they come, which is to say without
// prepared transactions: there the bell rings.
func own(tb testing.TB) func(testing.TB, ...server.DatabaseOption) *server.Database {
	tb.Helper()
	s := server.OwnPostgres(tb, server.Setting("max_prepared_transactions", "0"))
	return s.Database
}

func rowsOf(table string, ids ...int64) []conform.Row {
	rows := make([]conform.Row, len(ids))
	for i, id := range ids {
		rows[i] = conform.Row{Table: table, Key: id}
	}
	return rows
}

func list(ids []int64) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = fmt.Sprint(id)
	}
	return strings.Join(texts, ",")
}

func copyItems(ctx context.Context, conn *sql.Conn, _, fresh []int64) ([]conform.Row, error) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	stmt, err := tx.PrepareContext(ctx, "COPY item (id, grp, note, ver) FROM STDIN")
	if err != nil {
		return nil, err
	}
	for _, id := range fresh {
		if _, err := stmt.ExecContext(ctx, id, 1, "copied", 1); err != nil {
			return nil, err
		}
	}
	if _, err := stmt.ExecContext(ctx); err != nil {
		return nil, err
	}
	if err := stmt.Close(); err != nil {
		return nil, err
	}
	return rowsOf("item", fresh...), tx.Commit()
}

func mergeItems(ctx context.Context, conn *sql.Conn, old, fresh []int64) ([]conform.Row, error) {
	ids := slices.Concat(old, fresh)
	_, err := conn.ExecContext(ctx, `MERGE INTO item USING (SELECT unnest('{`+list(ids)+`}'::int[]) AS id) AS n ON item.id = n.id
		WHEN MATCHED THEN UPDATE SET ver = ver + 1 WHEN NOT MATCHED THEN INSERT (id, grp, note, ver) VALUES (n.id, 1, 'merged', 1)`)
	return rowsOf("item", ids...), err
}

// moveItems deletes old rows and inserts new ones in one statement.
func moveItems(ctx context.Context, conn *sql.Conn, old, fresh []int64) ([]conform.Row, error) {
	_, err := conn.ExecContext(ctx, `WITH gone AS (DELETE FROM item WHERE id = ANY ('{`+list(old)+`}') RETURNING ver)
		INSERT INTO item (id, grp, note, ver) SELECT unnest('{`+list(fresh)+`}'::int[]), 1, 'moved', 1`)
	return rowsOf("item", slices.Concat(old, fresh)...), err
}

// writePartitions writes through the root, to a partition, and moves a row
// from one to the other. Each is a change of the root, too, and both
// partitions tell both keys of the row that has moved.
func writePartitions(ctx context.Context, conn *sql.Conn, _, fresh []int64) ([]conform.Row, error) {
	if len(fresh) < 2 {
		return nil, fmt.Errorf("%d ids are too few", len(fresh))
	}
	a, b := fresh[0], fresh[1]
	far := a + 1_000_000
	for _, s := range []string{
		fmt.Sprintf("INSERT INTO part VALUES (%d, 1)", a),
		fmt.Sprintf("INSERT INTO part_low VALUES (%d, 1)", b),
		fmt.Sprintf("UPDATE part SET id = %d WHERE id = %d", far, a),
	} {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return nil, err
		}
	}
	return slices.Concat(rowsOf("part", a, b, far), rowsOf("part_low", a, b, far), rowsOf("part_high", a, far)), nil
}

// writeChildren writes a child of a table, and through its parent. Two rows of
// the parent can have one key, so both are told by marks.
func writeChildren(ctx context.Context, conn *sql.Conn, _, fresh []int64) ([]conform.Row, error) {
	if _, err := conn.ExecContext(ctx, "INSERT INTO derived (id, ver) SELECT unnest('{"+list(fresh)+"}'::int[]), 1"); err != nil {
		return nil, err
	}
	_, err := conn.ExecContext(ctx, "UPDATE base SET ver = ver + 1 WHERE id = ANY ('{"+list(fresh)+"}')")
	return []conform.Row{{Table: "derived"}, {Table: "base"}}, err
}

// swapTables puts a new table, with capture, in the place of another.
func swapTables(ctx context.Context, conn *sql.Conn, _, _ []int64) ([]conform.Row, error) {
	err := exclusively(ctx, conn,
		"CREATE TABLE coming (LIKE swapped INCLUDING ALL)",
		"INSERT INTO coming SELECT generate_series(1, 10), 1",
		"DROP TABLE swapped",
		"ALTER TABLE coming RENAME TO swapped")
	return []conform.Row{{Table: "swapped"}}, err
}

// attachPartition takes a partition out with its rows, or back in.
func attachPartition(ctx context.Context, conn *sql.Conn, _, _ []int64) ([]conform.Row, error) {
	var attached bool
	err := conn.QueryRowContext(ctx, "SELECT relispartition FROM pg_class WHERE oid = 'part_high'::regclass").Scan(&attached)
	if err != nil {
		return nil, err
	}
	if attached {
		err = exclusively(ctx, conn, "ALTER TABLE part DETACH PARTITION part_high")
	} else {
		err = exclusively(ctx, conn, "ALTER TABLE part ATTACH PARTITION part_high FOR VALUES FROM (1000000) TO (2000000)")
	}
	return []conform.Row{{Table: "part"}}, err
}

// exclusively runs DDL in a transaction that waits for nobody for long.
func exclusively(ctx context.Context, conn *sql.Conn, statements ...string) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, s := range append([]string{"SET LOCAL lock_timeout = 200", "SELECT pg_advisory_xact_lock(7)"}, statements...) {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func TestConformSource(t *testing.T) {
	for name, d := range drivers() {
		t.Run(name, func(t *testing.T) { conform.Source(t, unsettled(engine(d, server.Postgres))) })
	}
}

func TestConformRace(t *testing.T) {
	for name, d := range drivers() {
		t.Run(name, func(t *testing.T) {
			options := conform.RaceOptions{Writers: 8, Duration: 3 * time.Second}
			if conform.Long() {
				options = conform.RaceOptions{Writers: 12, Duration: 150 * time.Second, Bulk: 1_000_000}
			}
			conform.Race(t, engine(d, server.Postgres), options)
			if conform.Long() {
				options.Bulk, options.Duration = 0, 60*time.Second
			}
			conform.Race(t, unsettled(engine(d, server.Postgres)), options)
		})
	}
}

// TestConformFigures holds figures against bounds in long runs only.
func TestConformFigures(t *testing.T) {
	for name, d := range drivers() {
		t.Run(name, func(t *testing.T) {
			e := engine(d, own(t))
			e.Prepared, e.Lacks = nil, map[conform.Feature]string{conform.TwoPhase: "the server is set up without"}
			var (
				latency    conform.LatencyOptions
				throughput conform.ThroughputOptions
				idle       = time.Second
			)
			latency.Duration, throughput.Duration = time.Second, time.Second
			if conform.Long() {
				latency.Duration, throughput.Duration, idle = 20*time.Second, 10*time.Second, 10*time.Second
			}
			l := conform.Latency(t, e, latency)
			th := conform.Throughput(t, e, throughput)
			i := conform.Idle(t, e, idle)
			t.Logf("latency: %v\nthroughput: %v\nidle: %v", l, th, i)
			if !conform.Long() {
				return
			}
			if l.P50 > 5*time.Millisecond || l.P95 > 25*time.Millisecond {
				t.Error("p50 must be under 5 ms, p95 under 25 ms")
			}
			if th.PerSecond < 10_000 {
				t.Error("10,000 rows a second must be told by their keys")
			}
			if i.PollsPerSecond > 20 || i.CPU > 0.01 {
				t.Error("idle, a process may send 20 polls a second and use 1 % of a core")
			}
		})
	}
}

package feed

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// captured is a database with a log and a captured table item.
func captured(t *testing.T) *server.Database {
	t.Helper()
	return capturedOn(t, server.Postgres(t))
}

func capturedOn(t *testing.T, d *server.Database) *server.Database {
	t.Helper()
	fixtureExec(t, d.DB(), "CREATE TABLE item (id bigserial PRIMARY KEY, name text)")
	fixtureInstallWith(t, d.DB(), listen.InstallOptions{Bell: listen.BellGated})
	return d
}

// naive is the cursor that everybody writes first: what is greater than the
// last number seen.
type naive struct {
	db   *sql.DB
	last uint64
}

func (n *naive) poll(t *testing.T) []string {
	t.Helper()
	rows, err := n.db.QueryContext(t.Context(), fmt.Sprintf("SELECT l.xid::text, k::text FROM livesql.log l, jsonb_array_elements(l.keys) k WHERE l.xid > '%d'::xid8", n.last))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var keys []string
	for rows.Next() {
		var xid, key string
		if err := rows.Scan(&xid, &key); err != nil {
			t.Fatal(err)
		}
		x, err := strconv.ParseUint(xid, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		n.last = max(n.last, x)
		keys = append(keys, key)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestSlowTransactionIsNotMissed(t *testing.T) {
	d := captured(t)
	db := d.DB()
	f := follow(t, d.SocketDSN())
	n := &naive{db: db}
	n.poll(t)
	slow, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Rollback() }()
	if _, err := slow.Exec("INSERT INTO item (id) VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	fixtureExec(t, db, "INSERT INTO item (id) VALUES (2)")
	f.expect(f.glance(), "", "I item 2")
	if got := n.poll(t); !slices.Equal(got, []string{"2"}) {
		t.Errorf("the naive cursor found %v", got)
	}
	f.expect(f.glance(), "")
	if err := slow.Commit(); err != nil {
		t.Fatal(err)
	}
	f.expect(f.glance(), "", "I item 1")
	if got := n.poll(t); len(got) != 0 {
		t.Errorf("the naive cursor found %v: this test cannot tell it from an exact one", got)
	}
	f.expect(f.glance(), "")
}

func TestSubtransactionsAndPreparedTransactions(t *testing.T) {
	d := captured(t)
	db := d.DB()
	f := follow(t, d.SocketDSN())
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	do := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := conn.ExecContext(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
	do("BEGIN", "SAVEPOINT a", "INSERT INTO item (id) VALUES (1)", "SAVEPOINT b", "INSERT INTO item (id) VALUES (2)",
		"ROLLBACK TO b", "INSERT INTO item (id) VALUES (3)", "RELEASE a")
	fixtureExec(t, db, "INSERT INTO item (id) VALUES (4)")
	f.expect(f.glance(), "", "I item 4")
	do("INSERT INTO item (id) VALUES (5)", "PREPARE TRANSACTION 'one'")
	fixtureExec(t, db, "INSERT INTO item (id) VALUES (6)")
	f.expect(f.glance(), "", "I item 6")
	f.connect()
	f.expect(f.glance(), "")
	fixtureExec(t, db, "COMMIT PREPARED 'one'")
	f.expect(f.glance(), "", "I item 1", "I item 3", "I item 5")
	do("BEGIN", "INSERT INTO item (id) VALUES (7)", "PREPARE TRANSACTION 'two'")
	fixtureExec(t, db, "ROLLBACK PREPARED 'two'")
	f.expect(f.glance(), "")
}

// TestEveryCommitIsReportedOnce lets writers commit, roll back, dawdle and use
// savepoints, and compares what was committed with what two cursors find: the
// exact one each row once, the naive one not all of them.
func TestEveryCommitIsReportedOnce(t *testing.T) {
	d := captured(t)
	db := d.DB()
	db.SetMaxOpenConns(20)
	f := follow(t, d.SocketDSN())
	n := &naive{db: db}
	n.poll(t)

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var mu sync.Mutex
	committed := map[string]bool{}
	write := func(rnd *rand.Rand, slow bool) error {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		var keys []string
		for range 1 + rnd.IntN(3) {
			if rnd.IntN(3) == 0 {
				if _, err := tx.Exec("SAVEPOINT s"); err != nil {
					return err
				}
			}
			var id int64
			if err := tx.QueryRow("INSERT INTO item (name) VALUES ('x') RETURNING id").Scan(&id); err != nil {
				return err
			}
			keys = append(keys, fmt.Sprintf("I item %d", id))
			if slow {
				if _, err := tx.Exec("SELECT pg_sleep(0.2)"); err != nil {
					return err
				}
			}
		}
		if rnd.IntN(6) == 0 {
			return nil
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, k := range keys {
			committed[k] = true
		}
		return nil
	}
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 1))
			for ctx.Err() == nil {
				if err := write(rnd, i == 0); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()

	exact, lossy := map[string]int{}, map[string]bool{}
	look := func() {
		delta := f.glance()
		if delta.Reset != "" {
			t.Fatalf("reset: %s", delta.Reset)
		}
		for _, r := range reported(delta) {
			exact[r]++
		}
		for _, k := range n.poll(t) {
			lossy["I item "+k] = true
		}
	}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		look()
		if rand.IntN(50) == 0 {
			f.connect()
		}
	}
	look()
	missed, lost := 0, 0
	for k := range committed {
		if exact[k] != 1 {
			missed++
		}
		if !lossy[k] {
			lost++
		}
	}
	if missed > 0 || len(exact) != len(committed) {
		t.Errorf("%d of %d committed rows were not reported once; %d were reported", missed, len(committed), len(slices.Collect(maps.Keys(exact))))
	}
	if lost == 0 {
		t.Error("the naive cursor lost nothing: the run does not tell it from an exact one")
	}
	t.Logf("%d rows committed; the naive cursor lost %d", len(committed), lost)
}

// TestPollReadsTheDelta looks at the plan of a poll on a log that was never
// analysed.
func TestPollReadsTheDelta(t *testing.T) {
	t.Parallel()
	db := captured(t).DB()
	fixtureExec(t, db, "ALTER TABLE livesql.log SET (autovacuum_enabled = false)",
		"INSERT INTO livesql.log (xid, rel, op, n, keys) SELECT g::text::xid8, 'item'::regclass, 'U', 1, '[1]' FROM generate_series(1, 30000) AS g")
	since := cursor{epoch: "e", snapshot: snapshot{xmin: 29990, xmax: 29995, xip: []uint64{29990}}}
	plan := strings.Join(fixtureList(t, db, "EXPLAIN "+question(since, false)), "\n")
	if strings.Contains(plan, "Seq Scan on log") || strings.Count(plan, "log_xid") != 2 {
		t.Errorf("a poll reads all of the log:\n%s", plan)
	}
}

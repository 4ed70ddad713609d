package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// TestEpochOfARestoredCopy begins an epoch over rows and a floor that come
// from a server whose transactions were further on.
func TestEpochOfARestoredCopy(t *testing.T) {
	t.Parallel()
	d := captured(t)
	db := d.DB()
	fixtureExec(t, db, "UPDATE livesql.meta SET floor_xid = '900000000'",
		"INSERT INTO livesql.log (xid, rel, op, n) VALUES ('900000001', 'item'::regclass, 'T', -1)", "INSERT INTO item VALUES (1)")
	f := follow(t, d.SocketDSN())
	fixtureExec(t, db, "INSERT INTO item VALUES (2)")
	f.expect(f.glance(), "", "I item 2")
	f.expect(f.glance(), "")
	if n := fixtureValue[int](t, db, "SELECT count(*) FROM livesql.log WHERE keys = '[1]'"); n != 1 {
		t.Errorf("the epoch left %d of the rows that had been", n)
	}
}

func TestTruncatedLogIsNoticed(t *testing.T) {
	t.Parallel()
	d := captured(t)
	f := follow(t, d.SocketDSN())
	fixtureExec(t, d.DB(), "INSERT INTO item VALUES (1)", "TRUNCATE livesql.log")
	f.expect(f.poll(), "the change log was pruned since it was last read")
	// While a transaction of another test is older than the truncation, what it
	// logs may be gone.
	for id, deadline := 2, time.Now().Add(time.Minute); ; id++ {
		fixtureExec(t, d.DB(), fmt.Sprintf("INSERT INTO item VALUES (%d)", id))
		delta := f.glance()
		if delta.Reset != "" && time.Now().Before(deadline) {
			continue
		}
		f.expect(delta, "", fmt.Sprint("I item ", id))
		return
	}
}

func TestHiddenLogCoversNothing(t *testing.T) {
	t.Parallel()
	db := captured(t).DB()
	for _, s := range [][2]string{
		{"ALTER TABLE livesql.log ENABLE ROW LEVEL SECURITY", "ALTER TABLE livesql.log DISABLE ROW LEVEL SECURITY"},
		{"CREATE RULE r AS ON INSERT TO livesql.log DO INSTEAD NOTHING", "DROP RULE r ON livesql.log"},
	} {
		fixtureWant(t, "covered before "+s[0], fixtureCovered(t, db), "public.item")
		fixtureExec(t, db, s[0])
		fixtureWant(t, "covered after "+s[0], fixtureCovered(t, db))
		fixtureExec(t, db, s[1])
	}
}

// TestPruningGoesOn has more old rows than are deleted at once, in a database
// that publishes all tables.
func TestPruningGoesOn(t *testing.T) {
	t.Parallel()
	d := calmServer(t, server.Setting("wal_level", "logical"), server.Setting("max_prepared_transactions", "0")).Database(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE item (id bigint PRIMARY KEY)")
	fixtureInstallWith(t, db, listen.InstallOptions{Bell: listen.BellPoll})
	fixtureExec(t, db, "CREATE PUBLICATION p FOR ALL TABLES",
		fmt.Sprintf("INSERT INTO livesql.log (at, rel, op, n) SELECT now() - interval '1 hour', 'item'::regclass, 'U', 1 FROM generate_series(1, %d)", 2*pruneRows+10))
	f := follow(t, d.SocketDSN())
	f.reader.pruned = time.Now().Add(-2 * pruneEvery)
	for range 20 {
		f.glance()
	}
	if n := fixtureValue[int](t, db, "SELECT count(*) FROM livesql.log WHERE at < now() - interval '10 min'"); n != 0 {
		t.Errorf("%d old rows are left", n)
	}
	if time.Since(f.reader.pruned) > pruneEvery {
		t.Error("the feed goes on pruning what is short enough")
	}
}

// TestLayoutsOfOthers polls logs of other layouts.
func TestLayoutsOfOthers(t *testing.T) {
	t.Parallel()
	d := captured(t)
	f := follow(t, d.SocketDSN())
	for version, terminal := range map[int]bool{layoutVersion - 1: false, layoutVersion + 1: true} {
		fixtureExec(t, d.DB(), fmt.Sprintf("UPDATE livesql.meta SET version = %d", version))
		_, err := f.reader.Poll(t.Context(), f.cursor)
		var no *listen.NoLogError
		if err == nil || errors.As(err, &no) != terminal {
			t.Errorf("layout %d: %v", version, err)
		}
	}
}

// TestAnnouncementsMayFail rings as a role that the server does not let.
func TestAnnouncementsMayFail(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE item (id bigint PRIMARY KEY)")
	fixtureInstallWith(t, db, listen.InstallOptions{Bell: listen.BellApp})
	role, _ := fixtureRole(t, d, "reader")
	for _, grant := range strings.Split(strings.TrimSuffix(grants(role), ";"), ";") {
		fixtureExec(t, db, grant)
	}
	fixtureExec(t, db, "REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM PUBLIC")
	f := follow(t, d.SocketDSN("user="+role))
	for range 2 {
		if err := f.reader.Announce(t.Context()); err != nil {
			t.Errorf("announcing: %v", err)
		}
	}
	fixtureExec(t, db, "INSERT INTO item VALUES (1)")
	f.expect(f.glance(), "", "I item 1")
}

// TestKeysOfOnePollAreBounded has keys behind which no more are delivered.
func TestKeysOfOnePollAreBounded(t *testing.T) {
	t.Parallel()
	d := captured(t)
	db := d.DB()
	f := follow(t, d.SocketDSN())
	f.poll()
	fill := func(rows, n int) {
		t.Helper()
		fixtureExec(t, db, fmt.Sprintf("INSERT INTO livesql.log (rel, op, n, keys) SELECT 'item'::regclass, 'I', %d, (SELECT jsonb_agg(1000 * i + k) FROM generate_series(1, %d) AS k) FROM generate_series(1, %d) AS i", n, n, rows))
	}
	keyed := func() (rows int) {
		t.Helper()
		a, err := ask(t.Context(), db, question(f.cursor.(cursor), false), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range a.rows {
			if row.keys != "" {
				rows++
			}
		}
		return rows
	}
	fill(10_000, 1)
	if n := keyed(); n != 10_000 {
		t.Errorf("of 10000 rows of one key, %d came with it", n)
	}
	if n := len(f.glance().Changes); n != 10_000 {
		t.Errorf("%d of 10000 changes", n)
	}
	fill(maxKeys/250+10, 250)
	if n := keyed(); n != maxKeys/250 {
		t.Errorf("%d rows of 250 keys came with them, want %d", n, maxKeys/250)
	}
	f.expect(f.glance(), "", "T item")
}

// TestPollsAreNotCompiled looks at what the planner thinks of a poll: above
// jit_above_cost it would be compiled, for many times the rest.
func TestPollsAreNotCompiled(t *testing.T) {
	t.Parallel()
	d := captured(t)
	db := d.DB()
	f := follow(t, d.SocketDSN())
	c := f.cursor.(cursor)
	c.snapshot.xip = []uint64{c.snapshot.xmin}
	for _, log := range []string{"SELECT", "INSERT INTO livesql.log (rel, op, n) SELECT 0, 'T', -1 FROM generate_series(1, 20000)", "ANALYZE livesql.log"} {
		fixtureExec(t, db, log)
		var plans []struct {
			Plan struct {
				Cost float64 `json:"Total Cost"`
			}
		}
		if err := json.Unmarshal([]byte(fixtureValue[string](t, db, "EXPLAIN (FORMAT JSON) "+question(c, true))), &plans); err != nil {
			t.Fatal(err)
		}
		if cost := plans[0].Plan.Cost; cost <= 0 || cost >= 10_000 {
			t.Errorf("after %.20s: a poll is planned to cost %v", log, cost)
		}
	}
}

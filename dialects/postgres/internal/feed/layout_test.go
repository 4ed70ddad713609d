package feed

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// TestBell hears what commits ring, in each mode.
func TestBell(t *testing.T) {
	t.Parallel()
	s := server.OwnPostgres(t, server.Setting("max_prepared_transactions", "0"))
	d := s.Database(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY)")
	listener := pq.NewListener(d.DSN(), time.Second, time.Minute, nil)
	t.Cleanup(func() { _ = listener.Close() })
	for _, name := range []string{channel, "end"} {
		if err := listener.Listen(name); err != nil {
			t.Fatal(err)
		}
	}
	// heard counts the rings up to now: a notification of its own ends them,
	// since all come in the order of their commits.
	heard := func() (n int) {
		t.Helper()
		fixtureExec(t, db, "NOTIFY \"end\"")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for {
			select {
			case note := <-listener.Notify:
				switch {
				case note == nil:
					t.Fatal("the connection was lost")
				case note.Channel == "end":
					return n
				case note.Extra != "":
					t.Errorf("a ring says %q", note.Extra)
				}
				n++
			case <-ctx.Done():
				t.Fatal("nothing was heard")
			}
		}
	}
	id := 0
	write := func(in fixtureExecutor) {
		t.Helper()
		id++
		fixtureExec(t, in, fmt.Sprintf("INSERT INTO a VALUES (%d)", id))
	}
	expect := func(what string, want int) {
		t.Helper()
		if n := heard(); n != want {
			t.Errorf("%s: %d rings, want %d", what, n, want)
		}
	}
	fixtureInstall(t, db)
	write(db)
	expect("while nobody sleeps", 0)
	sleeper, other := fixtureConn(t, db), fixtureConn(t, db)
	for _, c := range []fixtureExecutor{sleeper, other} {
		fixtureExec(t, c, lieDownSQL)
	}
	fixtureExec(t, other, getUpSQL)
	fixtureExec(t, db, "CREATE TABLE b (id int PRIMARY KEY)")
	fixtureInstall(t, db)
	expect("installing", 1)
	write(db)
	write(db)
	expect("two commits", 2)
	fixtureExec(t, db, "BEGIN; INSERT INTO a VALUES (-1); INSERT INTO a VALUES (-2); COMMIT", "BEGIN; INSERT INTO a VALUES (-3); ROLLBACK", "UPDATE a SET id = 0 WHERE false",
		"SET session_replication_role = replica; INSERT INTO a VALUES (-5); SET session_replication_role = origin")
	expect("one long transaction, one rolled back, one without rows, one of a replica", 2)
	// Whoever holds the gate makes the others silent, and not fail.
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	write(tx)
	expect("before it is committed", 0)
	// It keeps them silent that began when it did, and rings once, whatever it
	// writes.
	for began := time.Now(); heard() == 0; write(db) {
		if time.Since(began) > time.Minute {
			t.Fatal("a transaction that is open keeps those silent that began later")
		}
	}
	write(tx)
	if n := fixtureValue[int](t, tx, fmt.Sprintf("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %d AND pid = pg_backend_pid()", lockBells)); n != 1 {
		t.Errorf("it went through %d gates", n)
	}
	heard()
	// While somebody is in the gate, nobody rings.
	holder, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback() }()
	fixtureExec(t, holder, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d, %s) FROM generate_series(0, 6000) AS g", lockBells, strings.Replace(ringGate, "LOCALTIMESTAMP", "LOCALTIMESTAMP + g * interval '0.01 s'", 1)))
	write(db)
	expect("while another transaction commits", 0)
	fixtureInstallWith(t, db, listen.InstallOptions{Bell: listen.BellEvery})
	heard()
	write(db)
	expect("every, while another transaction commits", 1)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	expect("the other one", 1)
	for _, silent := range []listen.Bell{listen.BellApp, listen.BellPoll} {
		fixtureInstallWith(t, db, listen.InstallOptions{Bell: silent})
		write(db)
		expect(string(silent), 0)
	}
	fixtureInstallWith(t, db, listen.InstallOptions{Bell: listen.BellEvery})
	heard()
	fixtureExec(t, db, "SET lock_timeout = '1min'; INSERT INTO a VALUES (-10); SET lock_timeout = 0", "INSERT INTO a SELECT g FROM generate_series(-30, -20) AS g", "INSERT INTO a SELECT g FROM generate_series(-1030, -500) AS g", "TRUNCATE a")
	expect("with little patience, of many rows, of too many, and truncating", 4)
	fixtureExec(t, sleeper, getUpSQL)
	write(db)
	expect("when the sleeper has got up", 0)
}

// TestPreparedTransactions prepares transactions that were logged, whatever
// the bell.
func TestPreparedTransactions(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY)")
	for i, bell := range []listen.Bell{listen.BellGated, listen.BellEvery, listen.BellApp, listen.BellPoll} {
		fixtureInstallWith(t, db, listen.InstallOptions{Bell: bell})
		fixtureLog(t, db)
		name := d.Name() + string(bell)
		fixtureExec(t, db, fmt.Sprintf("BEGIN; INSERT INTO a VALUES (%d); PREPARE TRANSACTION '%s'", i, name))
		fixtureWant(t, "the log before the commit", fixtureLog(t, db))
		fixtureExec(t, db, "COMMIT PREPARED '"+name+"'")
		fixtureWant(t, "the log", fixtureLog(t, db), fmt.Sprintf("I a 1 [%d]", i))
	}
}

func TestAttend(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureInstall(t, db)
	attend := func() string {
		t.Helper()
		return fixtureValue[string](t, db, "SELECT livesql.attend()")
	}
	first := attend()
	if again := attend(); again != first {
		t.Errorf("the epoch changed from %s to %s", first, again)
	}
	fixtureExec(t, db, "DELETE FROM livesql.epoch")
	second := attend()
	if second == first {
		t.Error("an epoch came back")
	}
	for _, moved := range []string{"sysid = sysid + 1", "dboid = 1"} {
		fixtureExec(t, db, "UPDATE livesql.epoch SET "+moved)
		if third := attend(); third == second {
			t.Errorf("after %s, the epoch is the same", moved)
		}
		if n := fixtureValue[int](t, db, "SELECT count(*) FROM livesql.epoch"); n != 1 {
			t.Errorf("%d epochs", n)
		}
	}
	if ok := fixtureValue[bool](t, db, "SELECT sysid = (SELECT system_identifier FROM pg_control_system()) AND dboid = (SELECT oid FROM pg_database WHERE datname = current_database()) FROM livesql.epoch"); !ok {
		t.Error("the epoch is of another database")
	}
}

func TestPrune(t *testing.T) {
	db := calmServer(t).Database(t).DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY)")
	fixtureInstall(t, db)
	fixtureLog(t, db)
	prune := func(in querier, keep string) int {
		t.Helper()
		return fixtureValue[int](t, in, "SELECT livesql.prune($1)", keep)
	}
	left := func() int {
		t.Helper()
		return fixtureValue[int](t, db, "SELECT count(*) FROM livesql.log")
	}
	floor := func() int64 {
		t.Helper()
		return fixtureValue[int64](t, db, "SELECT floor_xid::text::bigint FROM livesql.meta")
	}
	fixtureExec(t, db, "INSERT INTO a VALUES (1)")
	if n := prune(db, "1 hour"); n != 0 || left() != 1 || floor() != 0 {
		t.Errorf("a young row: %d deleted, %d left, floor %d", n, left(), floor())
	}
	// The row of a transaction that began after a running one stays.
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	fixtureExec(t, tx, "INSERT INTO a VALUES (2)")
	fixtureExec(t, db, "INSERT INTO a VALUES (3)")
	highest := fixtureValue[int64](t, db, "SELECT xid::text::bigint FROM livesql.log ORDER BY xid LIMIT 1")
	if n := prune(db, "0"); n != 1 || left() != 1 || floor() != highest {
		t.Errorf("with a running transaction: %d deleted, %d left, floor %d, want 1, 1, %d", n, left(), floor(), highest)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	highest = fixtureValue[int64](t, db, "SELECT xid::text::bigint FROM livesql.log ORDER BY xid DESC LIMIT 1")
	if n := prune(db, "0"); n != 2 || left() != 0 || floor() != highest {
		t.Errorf("once it was committed: %d deleted, %d left, floor %d, want 2, 0, %d", n, left(), floor(), highest)
	}
	if n := prune(db, "0"); n != 0 || floor() != highest {
		t.Errorf("of an empty log: %d deleted, floor %d", n, floor())
	}
	// One call deletes so many and no more.
	fixtureExec(t, db, fmt.Sprintf("INSERT INTO livesql.log (rel, op, n) SELECT 0, 'T', -1 FROM generate_series(1, %d)", pruneRows+10))
	if n := prune(db, "0"); n != pruneRows || left() != 10 {
		t.Errorf("of a long log: %d deleted, %d left", n, left())
	}
	// Two at once, and one that would make writers fail, do nothing.
	other := fixtureConn(t, db)
	fixtureExec(t, other, fmt.Sprintf("BEGIN; SELECT pg_advisory_xact_lock(%d, %d)", lockClass, lockPrune))
	if n := prune(db, "0"); n != 0 {
		t.Errorf("while another prunes: %d deleted", n)
	}
	fixtureExec(t, other, "ROLLBACK; BEGIN ISOLATION LEVEL SERIALIZABLE")
	if n := prune(other, "0"); n != 0 {
		t.Errorf("in a serializable transaction: %d deleted", n)
	}
	fixtureExec(t, other, "ROLLBACK")
	if n := prune(db, "0"); n != 10 {
		t.Errorf("at last, %d deleted", n)
	}
}

// TestSerializableWriters runs two serializable transactions that have nothing
// in common but the log.
func TestSerializableWriters(t *testing.T) {
	db := server.Postgres(t).DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY, v int)", "CREATE TABLE b (id int PRIMARY KEY, v int)", "INSERT INTO a VALUES (1, 1)", "INSERT INTO b VALUES (1, 1)")
	fixtureInstall(t, db)
	one, two := fixtureConn(t, db), fixtureConn(t, db)
	for range 3 {
		fixtureExec(t, one, "BEGIN ISOLATION LEVEL SERIALIZABLE", "UPDATE a SET v = v + 1 WHERE id = 1")
		fixtureExec(t, two, "BEGIN ISOLATION LEVEL SERIALIZABLE", "UPDATE b SET v = v + 1 WHERE id = 1")
		fixtureExec(t, db, "SELECT livesql.prune('0')")
		fixtureExec(t, one, "UPDATE a SET v = v + 1 WHERE id = 1", "COMMIT")
		fixtureExec(t, two, "UPDATE b SET v = v + 1 WHERE id = 1", "COMMIT")
	}
}

// dynamicCapture is a capture function for any key, the baseline for those with
// static SQL.
const dynamicCapture = `CREATE FUNCTION dynamic_capture() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = 0 AS $$
DECLARE k jsonb; c int := -1; src text;
BEGIN
  <<collect>>
  BEGIN
    src := CASE TG_OP WHEN 'INSERT' THEN 'SELECT %1$s FROM newt LIMIT 257' WHEN 'DELETE' THEN 'SELECT %1$s FROM oldt LIMIT 257'
      ELSE '(SELECT %1$s FROM oldt LIMIT 257) UNION (SELECT %1$s FROM newt LIMIT 257) LIMIT 257' END;
    EXECUTE format('SELECT count(*), jsonb_agg(to_jsonb(s)) FROM (' || src || ') AS s', TG_ARGV[0]) INTO c, k;
  EXCEPTION WHEN OTHERS THEN c := -1; k := NULL;
  END;
  INSERT INTO livesql.log (rel, op, n, keys) VALUES (TG_RELID, left(TG_OP, 1)::"char", c, k);
  RETURN NULL;
END $$`

// BenchmarkCapture measures what an update of one row costs, on one connection
// and without waiting for the disk.
func BenchmarkCapture(b *testing.B) {
	s := server.OwnPostgres(b, server.Setting("max_prepared_transactions", "0"), server.Setting("synchronous_commit", "off"))
	db := s.Database(b).DB()
	db.SetMaxOpenConns(1)
	for _, table := range []string{"plain", "dynamic", "static", "whole"} {
		key := "PRIMARY KEY"
		if table == "whole" {
			key = "UNIQUE"
		}
		fixtureExec(b, db, fmt.Sprintf("CREATE TABLE %q (id int8 %s, v int) WITH (fillfactor = 50)", table, key), fmt.Sprintf("INSERT INTO %q SELECT g, 0 FROM generate_series(0, 999) AS g", table))
	}
	fixtureInstall(b, db, "static", "whole")
	fixtureExec(b, db, dynamicCapture, "CREATE TRIGGER u AFTER UPDATE ON dynamic REFERENCING OLD TABLE AS oldt NEW TABLE AS newt FOR EACH STATEMENT EXECUTE FUNCTION dynamic_capture('id')")
	for _, bell := range []listen.Bell{listen.BellPoll, listen.BellGated, listen.BellEvery} {
		fixtureInstallWith(b, db, listen.InstallOptions{Tables: []string{"static"}, Bell: bell})
		for _, table := range []string{"plain", "whole", "static", "dynamic"} {
			b.Run(string(bell)+"/"+table, func(b *testing.B) {
				update, err := db.PrepareContext(b.Context(), fmt.Sprintf("UPDATE %q SET v = v + 1 WHERE id = $1", table))
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = update.Close() }()
				i, best := 0, time.Hour
				for b.Loop() {
					start := time.Now()
					if _, err := update.ExecContext(b.Context(), i%1000); err != nil {
						b.Fatal(err)
					}
					i++
					best = min(best, time.Since(start))
				}
				b.ReportMetric(float64(best.Nanoseconds()), "best-ns/op")
			})
		}
	}
}

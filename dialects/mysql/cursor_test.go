package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// The race between commits and polls, for a short while: what the exact cursor
// reports is what was committed, while a cursor on ids loses some of it.
func TestEveryCommitIsReportedOnce(t *testing.T) {
	db := newDB(t, "CREATE TABLE w (id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT)")
	f := follow(t, db.SocketDSN(), listen.InstallNever, func(d *database) { d.chunk = 50 })
	second := follow(t, db.SocketDSN(), listen.InstallNever) // another process that stamps
	naive := newNaive(t, db.DB())

	var mu sync.Mutex // guards committed
	committed := make(map[int64]bool)
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for ctx.Err() == nil {
				ids, err := writeSome(db.DB(), i)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, id := range ids {
					committed[id] = true
				}
				mu.Unlock()
			}
		})
	}
	seen := make(map[int64]int)
	count := func(d listen.Delta) {
		for _, c := range d.Changes {
			if id, ok := c.Key.(int64); ok {
				seen[id]++
			} else {
				t.Error("a mark on the whole table")
			}
		}
	}
	poll := func() {
		delta := f.poll()
		if delta.Reset != "" {
			t.Fatalf("reset: %s", delta.Reset)
		}
		count(delta)
		naive.poll()
		second.poll()
	}
	for ctx.Err() == nil {
		poll()
	}
	writers.Wait()
	poll()
	// The stampers may die at any moment, and rows be stamped at any other.
	f.until("all rows are stamped", func(d listen.Delta) bool {
		count(d)
		return len(f.cursor.(cursor).early) == 0
	})
	missed, lost := 0, 0
	for id := range committed {
		if seen[id] == 0 {
			missed++
		}
		if !naive.seen[id] {
			lost++
		}
	}
	twice := 0
	for id, n := range seen {
		if n > 1 {
			twice++
		}
		if !committed[id] {
			t.Errorf("row %d was reported and not committed", id)
		}
	}
	t.Logf("%d rows: missed %d, twice %d; by ids alone %d would be lost", len(committed), missed, twice, lost)
	if missed > 0 || twice > 0 {
		t.Errorf("missed %d, reported twice %d of %d rows", missed, twice, len(committed))
	}
	if lost == 0 {
		t.Error("a cursor on ids lost nothing: the test shows nothing")
	}
}

// writeSome writes a few rows in one transaction and returns those committed.
func writeSome(db *sql.DB, writer int) ([]int64, error) {
	tx, err := db.Begin()
	if err != nil {
		return nil, err
	}
	var ids []int64
	for range 1 + rand.IntN(3) {
		result, err := tx.Exec("INSERT INTO w (v) VALUES (1)")
		if err != nil {
			return nil, err
		}
		id, err := result.LastInsertId()
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
		if rand.IntN(10) == 0 {
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		}
	}
	if writer == 0 {
		time.Sleep(400 * time.Millisecond) // the slow transaction
	}
	switch rand.IntN(8) {
	case 0:
		return nil, tx.Rollback()
	case 1:
		if _, err := tx.Exec("SAVEPOINT s"); err != nil {
			return nil, err
		}
		if _, err := tx.Exec("INSERT INTO w (v) VALUES (2)"); err != nil {
			return nil, err
		}
		if _, err := tx.Exec("ROLLBACK TO SAVEPOINT s"); err != nil {
			return nil, err
		}
	}
	return ids, tx.Commit()
}

// naive is the broken variant: it remembers the highest id.
type naive struct {
	t    *testing.T
	db   *sql.DB
	last uint64
	seen map[int64]bool
}

func newNaive(t *testing.T, db *sql.DB) *naive {
	t.Helper()
	return &naive{t: t, db: db, seen: make(map[int64]bool)}
}

func (n *naive) poll() {
	n.t.Helper()
	err := each(context.Background(), n.db, fmt.Sprintf("SELECT id, COALESCE(k, '') FROM livesql_log WHERE id > %d ORDER BY id", n.last), func(scan scanFunc) error {
		var key []byte
		if err := scan(&n.last, &key); err != nil {
			return err
		}
		if id, ok := decodeKey(key).(int64); ok {
			n.seen[id] = true
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

func TestTransactionsAppearWhenTheyCommit(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	slow, other := programOn(t, db.DB()), programOn(t, db.DB())
	mustExec(t, slow, "BEGIN", "INSERT INTO t VALUES (1)", "SAVEPOINT s", "INSERT INTO t VALUES (2)", "ROLLBACK TO SAVEPOINT s", "INSERT INTO t VALUES (3)")
	for i := range 3 {
		mustExec(t, other, fmt.Sprintf("INSERT INTO t VALUES (%d)", 10+i))
		f.expect(fmt.Sprintf("t I int64:%d", 10+i))
		// Batches pass by the rows of the transaction that is still open.
		f.until("stamped", func(listen.Delta) bool { return len(f.cursor.(cursor).early) == 0 })
	}
	mustExec(t, slow, "COMMIT")
	f.expect("t I int64:1", "t I int64:3")

	mustExec(t, slow, "BEGIN", "INSERT INTO t VALUES (4)", "ROLLBACK")
	f.expect()

	mustExec(t, slow, "XA START 'x'", "INSERT INTO t VALUES (5)", "XA END 'x'", "XA PREPARE 'x'")
	f.expect()
	mustExec(t, other, "INSERT INTO t VALUES (20)")
	f.expect("t I int64:20")
	f.until("stamped", func(listen.Delta) bool { return len(f.cursor.(cursor).early) == 0 })
	mustExec(t, slow, "XA COMMIT 'x'")
	f.expect("t I int64:5")
}

// Nothing depends on a stamper: rows that have no batch are reported once.
func TestWithoutAStamper(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	f := follow(t, db.SocketDSN(), listen.InstallNever, noStamper)
	mustExec(t, db.DB(), "INSERT INTO t VALUES (1), (2)")
	f.expect("t I int64:1", "t I int64:2")
	f.expect()
	mustExec(t, db.DB(), "INSERT INTO t VALUES (3)")
	f.expect("t I int64:3")
	// Another process stamps some of it at last, and more comes.
	other := newBackend(t, db.SocketDSN(), listen.InstallNever, func(d *database) { d.chunk = 2 })
	host, err := lookAtServer(t.Context(), db.DB())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := newStamper(other, host).stamp(t.Context()); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	f.expect()
	mustExec(t, db.DB(), "INSERT INTO t VALUES (4)")
	if err := newStamper(other, host).stampAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.expect("t I int64:4")
	f.expect()
	// On a new connection the cursor means the same.
	mustExec(t, db.DB(), "INSERT INTO t VALUES (5)")
	f.connect()
	f.expect("t I int64:5")
	f.expect()
}

// Too many rows to read: tables are marked, nothing is lost and there is no
// reset.
func TestOverflow(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE u (id INT PRIMARY KEY)")
	f := follow(t, db.SocketDSN(), listen.InstallNever, noStamper, func(d *database) { d.limit = 10 })
	many := newBackend(t, db.SocketDSN(), listen.InstallNever)
	host, err := lookAtServer(t.Context(), db.DB())
	if err != nil {
		t.Fatal(err)
	}
	stamp := func() {
		t.Helper()
		if err := newStamper(many, host).stampAll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	mustExec(t, db.DB(), "INSERT INTO t SELECT seq FROM seq_1_to_10")
	if got := len(f.poll().Changes); got != 10 {
		t.Errorf("%d changes", got)
	}
	// What was reported already does not count.
	mustExec(t, db.DB(), "INSERT INTO t SELECT seq FROM seq_11_to_20")
	if got := len(f.poll().Changes); got != 10 {
		t.Errorf("%d changes", got)
	}
	stamp()
	f.expect()
	open := programOn(t, db.DB())
	mustExec(t, open, "BEGIN", "INSERT INTO t VALUES (1000)")
	mustExec(t, db.DB(), "INSERT INTO t SELECT seq FROM seq_21_to_40")
	stamp()
	mustExec(t, db.DB(), "INSERT INTO u VALUES (1)")
	f.expect("t T all", "u T all")
	if _, err := f.backend.Token(f.cursor); err == nil {
		t.Error("a cursor that does not know its rows became a token")
	}
	mustExec(t, open, "COMMIT")
	f.expect("t I int64:1000", "u I int64:1") // the second once more
	f.expect()
	mustExec(t, db.DB(), "INSERT INTO t SELECT seq FROM seq_41_to_60", "INSERT INTO u VALUES (2)")
	f.expect("t T all", "u T all")
	stamp()
	f.expect("t T all", "u T all") // too many are stamped now
	f.expect()
	mustExec(t, db.DB(), "INSERT INTO u VALUES (3)")
	f.expect("u I int64:3")

	// A cursor that would remember too many rows is given up, likewise.
	f.backend.limit, f.backend.earlyLimit = 1000, 3
	mustExec(t, db.DB(), "INSERT INTO t SELECT seq FROM seq_61_to_65")
	f.expect("t T all", "u T all")
}

func TestPrunedBeyondTheCursor(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	f := follow(t, db.SocketDSN(), listen.InstallNever, noStamper)
	pruner := newBackend(t, db.SocketDSN(), listen.InstallNever, func(d *database) { d.retention = -time.Second })
	host, err := lookAtServer(t.Context(), db.DB())
	if err != nil {
		t.Fatal(err)
	}
	s := newStamper(pruner, host)
	turn := func() {
		t.Helper()
		err := s.stampAll(t.Context())
		_, perr := s.prune(t.Context())
		if err := errors.Join(err, perr); err != nil {
			t.Fatal(err)
		}
	}
	rows := func() (n int) {
		if err := one(t.Context(), db.DB(), "SELECT COUNT(*) FROM livesql_log", &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	mustExec(t, db.DB(), "INSERT INTO t VALUES (1)")
	f.expect("t I int64:1")
	// What is pruned had no batch in the cursor, so all it says may be gone.
	turn()
	if n := rows(); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if d := f.poll(); d.Reset == "" {
		t.Error("no reset although the log was pruned")
	}
	mustExec(t, db.DB(), "INSERT INTO t SELECT seq FROM seq_2_to_2500")
	f.poll()
	if err := s.stampAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.expect()
	turn() // in chunks
	if n := rows(); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	f.expect() // the cursor has seen those batches
	// Young rows stay.
	pruner.retention = time.Hour
	mustExec(t, db.DB(), "INSERT INTO t VALUES (3000)")
	turn()
	if n := rows(); n != 1 {
		t.Errorf("%d rows are left", n)
	}
	f.expect("t I int64:3000")
	// A backup of the log that is restored.
	mustExec(t, db.DB(), "UPDATE livesql_head SET last_batch = 1, floor_batch = 0")
	if d := f.poll(); d.Reset == "" {
		t.Error("no reset although the log was set back")
	}
	mustExec(t, db.DB(), "UPDATE livesql_head SET epoch = REPEAT('x', 16)")
	if d := f.poll(); d.Reset == "" {
		t.Error("no reset although the log is another one")
	}
}

func TestRestartedServer(t *testing.T) {
	s := server.OwnMariaDB(t)
	db := s.Database(t)
	mustExec(t, db.DB(), "CREATE TABLE t (id INT PRIMARY KEY)")
	installAll(t, db.DB())
	for name, restart := range map[string]func() error{
		"restart": func() error { return s.Restart(t.Context()) },
		"kill":    func() error { return errors.Join(s.Kill(), s.Start(t.Context())) },
	} {
		f := follow(t, db.SocketDSN(), listen.InstallNever)
		identity := f.backend.Identity()
		mustExec(t, db.DB(), "REPLACE INTO t VALUES (1)")
		f.poll()
		// Its start is told in seconds: two within bootSlack look like one.
		for uptime := ""; len(uptime) < 2 && uptime <= strconv.Itoa(bootSlack+1); {
			if err := one(t.Context(), db.DB(), "SHOW GLOBAL STATUS LIKE 'Uptime'", new(string), &uptime); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if err := restart(); err != nil {
			t.Fatal(err)
		}
		if _, err := f.reader.Poll(t.Context(), f.cursor); err == nil {
			t.Errorf("%s: the old connection works", name)
		}
		f.connect()
		if d := f.poll(); d.Reset == "" {
			t.Errorf("%s: no reset", name)
		}
		if f.backend.Identity() != identity {
			t.Errorf("%s: another identity, although no connection outlives it", name)
		}
		mustExec(t, db.DB(), "DELETE FROM t")
		f.expect("t D int64:1")
		f.disconnect()
	}
}

// A session of livesql that a dead process left behind must not hold the head
// for ever; and what others hold must not delay a poll.
func TestBlockedStamperDelaysNoPoll(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	holder := programOn(t, db.DB())
	f.until("stamped", func(listen.Delta) bool { return len(f.cursor.(cursor).early) == 0 })
	mustExec(t, holder, "BEGIN", "SELECT * FROM livesql_head FOR UPDATE")
	slow := 0 // polls that took as long as one that waits for the head; a busy machine may hold up a few
	for i := range 40 {
		mustExec(t, db.DB(), fmt.Sprintf("INSERT INTO t VALUES (%d)", i))
		begin := time.Now()
		f.expect(fmt.Sprintf("t I int64:%d", i))
		if time.Since(begin) > lockTimeout/2 {
			slow++
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := len(f.cursor.(cursor).early); n != 40 {
		t.Errorf("%d rows without a batch: the head was held", n)
	}
	if slow > 10 {
		t.Errorf("%d of 40 polls took more than %v", slow, lockTimeout/2)
	}
	mustExec(t, holder, "ROLLBACK")
	f.until("stamped", func(listen.Delta) bool { return len(f.cursor.(cursor).early) == 0 })
}

// The stamper neither waits for writers nor makes them wait.
func TestStamperAndOpenTransactions(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)")
	for _, skips := range []bool{true, false} {
		mustExec(t, db.DB(), "DELETE FROM livesql_log") // of the installation
		d := newBackend(t, db.SocketDSN(), listen.InstallNever, func(d *database) { d.retention = -time.Second })
		host, err := lookAtServer(t.Context(), db.DB())
		if err != nil {
			t.Fatal(err)
		}
		host.skips = skips
		s := newStamper(d, host)
		writer := programOn(t, db.DB())
		mustExec(t, writer, "BEGIN", "INSERT INTO t VALUES (1, 1)")
		mustExec(t, db.DB(), "INSERT INTO t VALUES (2, 2), (3, 3)")
		n, err := s.stamp(t.Context())
		if n != 2 || err != nil {
			t.Errorf("stamped %d rows, %v", n, err)
		}
		if _, err := s.prune(t.Context()); err != nil {
			t.Error(err)
		}
		// In the middle of a stamping.
		err = s.locked(t.Context(), func(context.Context, *sql.Conn, uint64) error {
			mustExec(t, writer, "SET innodb_lock_wait_timeout = 1", "INSERT INTO t VALUES (4, 4)", "COMMIT")
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if n, err := s.stamp(t.Context()); n != 2 || err != nil {
			t.Errorf("stamped %d rows, %v", n, err)
		}
		mustExec(t, db.DB(), "DELETE FROM t")
		if err := s.stampAll(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// However many rows are old: MariaDB would join a long list of them with the
// whole log, and come by what a writer has not committed.
func TestPruneWaitsForNoWriter(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	d := newBackend(t, db.SocketDSN(), listen.InstallNever, func(d *database) { d.retention = -time.Second })
	host, err := lookAtServer(t.Context(), db.DB())
	if err != nil {
		t.Fatal(err)
	}
	s := newStamper(d, host)
	mustExec(t, db.DB(), "DELETE FROM livesql_log", fmt.Sprintf("INSERT INTO t SELECT seq FROM seq_1_to_%d", 2*pruneChunk))
	if err := s.stampAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	writer := programOn(t, db.DB())
	mustExec(t, writer, "BEGIN", "INSERT INTO t VALUES (-1)")
	if more, err := s.prune(t.Context()); err != nil || more {
		t.Errorf("more %v, %v", more, err)
	}
	mustExec(t, writer, "COMMIT")
	var n int
	if err := one(t.Context(), db.DB(), "SELECT COUNT(*) FROM livesql_log", &n); err != nil || n != 1 {
		t.Errorf("%d rows are left, %v", n, err)
	}
}

// A clock that was ahead, and was set right, keeps nothing in the log until it
// has come as far again.
func TestPruneAfterAClockAhead(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	d := newBackend(t, db.SocketDSN(), listen.InstallNever)
	host, err := lookAtServer(t.Context(), db.DB())
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, db.DB(), "DELETE FROM livesql_log", "INSERT INTO livesql_log (tbl, op, batch, at) VALUES "+
		"(1, 'T', 1, NOW(3) + INTERVAL 1 YEAR), (1, 'T', 2, NOW(3) - INTERVAL 1 DAY), (1, 'T', 3, NOW(3))", "UPDATE livesql_head SET last_batch = 3")
	if more, err := newStamper(d, host).prune(t.Context()); err != nil || more {
		t.Errorf("more %v, %v", more, err)
	}
	var left, floor int
	if err := one(t.Context(), db.DB(), "SELECT COUNT(*), (SELECT floor_batch FROM livesql_head) FROM livesql_log", &left, &floor); err != nil || left != 1 || floor != 2 {
		t.Errorf("%d rows are left, up to batch %d they are not; %v", left, floor, err)
	}
}

// Two stampers at once would give one batch twice, and what the second gives it
// to would be lost to readers that had seen the first.
func TestStampersComeOneAfterTheOther(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	f := follow(t, db.SocketDSN(), listen.InstallNever, noStamper)
	host, err := lookAtServer(t.Context(), db.DB())
	if err != nil {
		t.Fatal(err)
	}
	for i, skips := range []bool{true, false} {
		host.skips = skips
		s := newStamper(newBackend(t, db.SocketDSN(), listen.InstallNever), host)
		mustExec(t, db.DB(), fmt.Sprintf("INSERT INTO t VALUES (%d)", 2*i))
		err = s.locked(t.Context(), func(ctx context.Context, tx *sql.Conn, last uint64) error {
			if n, err := s.stamp(ctx); n != 0 || err != nil {
				t.Errorf("a second stamper stamped %d rows, %v", n, err)
			}
			f.expect(fmt.Sprintf("t I int64:%d", 2*i))
			mustExec(t, db.DB(), fmt.Sprintf("INSERT INTO t VALUES (%d)", 2*i+1))
			for _, statement := range []string{
				fmt.Sprintf("UPDATE livesql_log FORCE INDEX (PRIMARY) SET batch = %d, at = NOW(3) ORDER BY id DESC LIMIT 1", last+1),
				fmt.Sprintf("UPDATE livesql_head SET last_batch = %d", last+1),
			} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		f.expect(fmt.Sprintf("t I int64:%d", 2*i+1))
	}
}

// LOCK TABLES … WRITE works while the log is read, stamped and pruned.
func TestLockTables(t *testing.T) {
	db := newDB(t, "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "CREATE TABLE b (id INT PRIMARY KEY, v INT)")
	f := follow(t, db.SocketDSN(), listen.InstallNever, noStamper)
	s := newStamper(newBackend(t, db.SocketDSN(), listen.InstallNever, func(d *database) { d.retention = -time.Second }), f.reader.server)
	program := programOn(t, db.DB())
	for i, before := range []func() error{
		func() error { f.poll(); return nil },
		func() error { return s.stampAll(t.Context()) },
		func() error { _, err := s.prune(t.Context()); return err },
	} {
		if err := before(); err != nil {
			t.Fatal(err)
		}
		mustExec(t, program, "LOCK TABLES a WRITE, b WRITE", fmt.Sprintf("INSERT INTO a VALUES (%d, 1)", i), "UPDATE a SET v = 2", fmt.Sprintf("REPLACE INTO b VALUES (%d, 1)", i), "UNLOCK TABLES")
	}
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"modernc.org/sqlite"

	"github.com/vantage-go/live/listen"
)

// captured returns a follower of a new database with a captured table t of
// three rows, and a connection to it.
func captured(t *testing.T, params string) (file string, db *sql.DB, f *follower) {
	t.Helper()
	file = newFile(t)
	db = plain(t, file+params)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
	if _, err := installTables(t.Context(), db, listen.InstallOptions{}); err != nil {
		t.Fatal(err)
	}
	return file, db, follow(t, file+params, listen.InstallNever)
}

// wantKeys checks that a delta reports these rows of t and nothing else.
func wantKeys(t *testing.T, delta listen.Delta, keys ...int64) {
	t.Helper()
	if delta.Reset != "" {
		t.Errorf("the reader started afresh: %s", delta.Reset)
	}
	var got, want []string
	for _, c := range delta.Changes {
		got = append(got, keyText(c.Key))
	}
	for _, key := range keys {
		want = append(want, keyText(key))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("reported %v, want %v", got, want)
	}
}

// wantReset checks that a delta voids everything, for the reason given.
func wantReset(t *testing.T, delta listen.Delta, reason string) {
	t.Helper()
	if !strings.Contains(delta.Reset, reason) || delta.Reset == "" {
		t.Errorf("reset %q, want one that says %q (changes: %v)", delta.Reset, reason, delta.Changes)
	}
}

// fill writes n rows of the log.
func fill(t *testing.T, db *sql.DB, n int) {
	t.Helper()
	mustExec(t, db, fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) UPDATE t SET v = i FROM n WHERE t.id = 1 AND 0", n),
		fmt.Sprintf("INSERT INTO t(v) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n", n))
}

func TestPollReportsEachChangeOnce(t *testing.T) {
	t.Parallel()
	_, db, f := captured(t, quick)
	wantKeys(t, f.poll())
	mustExec(t, db, "UPDATE t SET v = 9 WHERE id = 2")
	wantKeys(t, f.poll(), 2)
	wantKeys(t, f.poll())
	mustExec(t, db, "DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (7, 7)")
	wantKeys(t, f.poll(), 1, 7)
	// A rolled back change has the ids of the next.
	mustExec(t, db, "BEGIN", "UPDATE t SET v = 0 WHERE id = 3", "ROLLBACK", "UPDATE t SET v = 0 WHERE id = 7")
	wantKeys(t, f.poll(), 7)
	// On a new connection data_version starts afresh, the cursor does not.
	mustExec(t, db, "UPDATE t SET v = 10 WHERE id = 2")
	f.connect()
	wantKeys(t, f.poll(), 2)
	wantKeys(t, f.poll())
}

// An open transaction is never read, neither from its own connection's point
// of view nor when it commits later than one that began after it.
func TestPollSeesCommittedChangesOnly(t *testing.T) {
	t.Parallel()
	file, db, f := captured(t, quick)
	mustExec(t, db, "BEGIN", "UPDATE t SET v = 9 WHERE id = 2")
	wantKeys(t, f.poll())
	mustExec(t, db, "SAVEPOINT a", "UPDATE t SET v = 9 WHERE id = 3", "ROLLBACK TO a", "COMMIT")
	wantKeys(t, f.poll(), 2)
	other := newSession(t, file+quick)
	if err := other.run("BEGIN", "SELECT * FROM t"); err != nil {
		t.Fatal(err)
	}
	mustExec(t, db, "UPDATE t SET v = 10 WHERE id = 1")
	wantKeys(t, f.poll(), 1)
	if err := other.run("COMMIT", "UPDATE t SET v = 10 WHERE id = 2"); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, f.poll(), 2)
}

func TestLogIsPruned(t *testing.T) {
	t.Parallel()
	_, db, f := captured(t, quick)
	slow := f.cursor
	fill(t, db, 40_000)
	if n := len(f.poll().Changes); n != 40_000 {
		t.Fatalf("%d changes, want 40000", n)
	}
	fill(t, db, 40_000)
	if d := f.poll(); len(d.Changes) != 40_000 || d.Reset != "" {
		t.Fatalf("%d changes and reset %q, want 40000", len(d.Changes), d.Reset)
	}
	var rows int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM livesql_log").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if rows < keepRows || rows > keepRows+pruneEvery {
		t.Errorf("the log holds %d rows, want %d to %d", rows, keepRows, keepRows+pruneEvery)
	}
	f.cursor = slow
	wantReset(t, f.poll(), "pruned")
	mustExec(t, db, "UPDATE t SET v = 0 WHERE id = 1")
	wantKeys(t, f.poll(), 1)

	fill(t, db, maxDelta+10)
	wantReset(t, f.poll(), "too many")
	mustExec(t, db, "UPDATE t SET v = 1 WHERE id = 1")
	wantKeys(t, f.poll(), 1)
}

func TestLogThatWasTamperedWith(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		with   []string
		reason string
	}{
		{"emptied", []string{"DELETE FROM livesql_log"}, "emptied"},
		{"emptied and written to", []string{"DELETE FROM livesql_log", "UPDATE t SET v = 0 WHERE id = 1"}, ""},
		{"emptied and filled up", []string{"DELETE FROM livesql_log", "UPDATE t SET v = 0", "UPDATE t SET v = 1"}, "restored"},
		{"last row replaced", []string{"UPDATE livesql_log SET nonce = nonce + 1"}, "restored"},
		{"hole", []string{"UPDATE t SET v = 0", "DELETE FROM livesql_log WHERE id = (SELECT max(id) FROM livesql_log) - 1"}, "gap"},
		{"made anew", []string{"DROP TABLE livesql_log", baseStatements[0], baseStatements[3]}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, db, f := captured(t, quick)
			mustExec(t, db, "UPDATE t SET v = 7 WHERE id = 1")
			wantKeys(t, f.poll(), 1)
			mustExec(t, db, c.with...)
			wantReset(t, f.poll(), c.reason)
			wantKeys(t, f.poll())
			mustExec(t, db, "UPDATE t SET v = 8 WHERE id = 2")
			wantKeys(t, f.poll(), 2)
		})
	}
	t.Run("senseless rows", func(t *testing.T) {
		t.Parallel()
		_, db, f := captured(t, quick)
		mustExec(t, db, "INSERT INTO livesql_log(tbl, op, k) VALUES ('t', '', 5)")
		if d := f.poll(); len(d.Changes) != 1 || d.Changes[0].Op != listen.Whole {
			t.Errorf("%v, want a mark on the table", d.Changes)
		}
	})
}

// backup copies between the database of db and a file with SQLite's backup
// interface.
func backup(t *testing.T, db *sql.DB, restore bool, file string) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Raw(func(c any) error {
		b, err := c.(interface {
			NewBackup(string) (*sqlite.Backup, error)
		}).NewBackup(file)
		if restore {
			b, err = c.(interface {
				NewRestore(string) (*sqlite.Backup, error)
			}).NewRestore(file)
		}
		if err != nil {
			return err
		}
		for more := true; more && err == nil; {
			more, err = b.Step(100)
		}
		return errors.Join(err, b.Finish())
	})
	if err := errors.Join(err, conn.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestRestoredDatabase(t *testing.T) {
	t.Parallel()
	for _, params := range []string{quick, "?_journal_mode=DELETE&_sync=OFF"} {
		for _, c := range []struct {
			name string
			// unread are writes after the copy that no poll has seen.
			read, unread bool
		}{
			{"after writes that were read", true, false},
			{"after writes that were not", false, true},
			{"after both", true, true},
			{"after nothing", false, false},
		} {
			t.Run(c.name+params, func(t *testing.T) {
				t.Parallel()
				file, db, f := captured(t, params)
				mustExec(t, db, "UPDATE t SET v = 'old'")
				f.poll()
				backup(t, db, false, file+".copy")
				if c.read {
					mustExec(t, db, "UPDATE t SET v = 'newer' WHERE id = 1")
					f.poll()
				}
				if c.unread {
					mustExec(t, db, "UPDATE t SET v = 'newest' WHERE id = 2")
				}
				backup(t, db, true, file+".copy")
				if d := f.poll(); d.Reset == "" {
					t.Errorf("%v without a reset, although rows went back", d.Changes)
				}
				mustExec(t, db, "UPDATE t SET v = 'after' WHERE id = 3")
				wantKeys(t, f.poll(), 3)
			})
		}
	}
}

// replaceFile puts a copy of the database, changed by statements, in its
// place, as deployments and restores do.
func replaceFile(t *testing.T, file, with string) {
	t.Helper()
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(file + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.Rename(with, file); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReplacedFile(t *testing.T) {
	t.Parallel()
	const params = "?_journal_mode=DELETE&_sync=OFF"
	file, db, f := captured(t, params)
	copyFile(t, file, file+".copy")
	// Results were read after this change, which the feed has not seen and
	// will not find.
	mustExec(t, db, "UPDATE t SET v = 'lost' WHERE id = 1")
	identity := f.backend.Identity()

	replaceFile(t, file, file+".copy")
	if _, err := f.reader.Poll(context.Background(), f.cursor); !errors.Is(err, errReplaced) {
		t.Fatalf("polling a file that is gone: %v, want %v", err, errReplaced)
	}
	if f.backend.Identity() == identity {
		t.Error("the identity did not change")
	}
	f.connect()
	wantReset(t, f.poll(), "another file")
	mustExec(t, plain(t, file+params), "UPDATE t SET v = 'new' WHERE id = 2")
	wantKeys(t, f.poll(), 2)
}

// A link that leads to another file than it did is noticed, be the feed connected
// or not.
func TestLinkToAnotherFile(t *testing.T) {
	t.Parallel()
	for what, lose := range map[string]bool{"connected": false, "away": true} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			one, _, _ := captured(t, quick)
			two, db, _ := captured(t, quick)
			link := one + ".link"
			if err := os.Symlink(one, link); err != nil {
				t.Fatal(err)
			}
			f := follow(t, link+quick, listen.InstallNever)
			identity := f.backend.Identity()
			if err := errors.Join(os.Symlink(two, link+".new"), os.Rename(link+".new", link)); err != nil {
				t.Fatal(err)
			}
			if !lose {
				if _, err := f.reader.Poll(context.Background(), f.cursor); !errors.Is(err, errReplaced) {
					t.Fatalf("polling a file that is no longer meant: %v, want %v", err, errReplaced)
				}
			}
			f.connect()
			wantReset(t, f.poll(), "another file")
			if f.backend.Identity() == identity {
				t.Error("the identity did not change")
			}
			mustExec(t, db, "UPDATE t SET v = 'new' WHERE id = 2")
			wantKeys(t, f.poll(), 2)
		})
	}
}

// What statements mean is asked of the file that is there now.
func TestReplacedFileHasAnotherSchema(t *testing.T) {
	t.Parallel()
	const params = "?_journal_mode=DELETE&_sync=OFF"
	file, db, f := captured(t, params)
	mustExec(t, db, "CREATE TABLE s(id INTEGER PRIMARY KEY, v)", "CREATE VIEW w AS SELECT v FROM t")
	if _, err := installTables(t.Context(), db, listen.InstallOptions{}); err != nil {
		t.Fatal(err)
	}
	f.poll()
	wantReads(t, f.analyze("SELECT v FROM w"), "t")
	copyFile(t, file, file+".copy")
	other := plain(t, file+".copy"+params)
	mustExec(t, other, "DROP VIEW w", "CREATE VIEW w AS SELECT v FROM s")
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	replaceFile(t, file, file+".copy")
	if _, err := f.reader.Poll(context.Background(), f.cursor); !errors.Is(err, errReplaced) {
		t.Fatalf("polling a file that is gone: %v, want %v", err, errReplaced)
	}
	f.connect()
	f.poll()
	wantReads(t, f.analyze("SELECT v FROM w"), "s")
}

// What data_version says on one connection means nothing on another.
func TestDataVersionBelongsToAConnection(t *testing.T) {
	t.Parallel()
	_, db, f := captured(t, quick)
	// Two connections that have seen as many commits say the same number.
	f.connect()
	f.poll()
	for range 3 {
		mustExec(t, db, "UPDATE t SET v = v + 1 WHERE id = 2")
		f.connect()
		wantKeys(t, f.poll(), 2)
	}
}

// TestKeyWithNUL: SQLite tells of a text no more than what is before a NUL character.
// Such a key comes as a mark on the table.
func TestKeyWithNUL(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	db := plain(t, file+quick)
	mustExec(t, db, "CREATE TABLE t(a, b, v, PRIMARY KEY (a, b))",
		"INSERT INTO t VALUES ('x', 1, 0), ('x' || char(0) || 'y', 1, 0), (x'7800', 1, 0)")
	if _, err := installTables(t.Context(), db, listen.InstallOptions{}); err != nil {
		t.Fatal(err)
	}
	f := follow(t, file+quick, listen.InstallNever)
	for _, test := range []struct {
		where string
		whole bool
	}{
		{"a = 'x'", false},
		{"a = x'7800'", false},
		{"a = 'x' || char(0) || 'y'", true},
	} {
		for _, write := range []string{"UPDATE t SET v = v + 1 WHERE ", "UPDATE t SET b = b + 1 WHERE ", "DELETE FROM t WHERE "} {
			f.poll()
			mustExec(t, db, write+test.where)
			if got := digest(f.poll())["t"]; got == nil || got.whole != test.whole || !test.whole && len(got.keys) == 0 {
				t.Errorf("%s%s: %+v", write, test.where, got)
			}
		}
	}
}

package sqlite

import (
	"testing"

	"github.com/vantage-go/live/listen"
)

// A program that works on another database and has attached this one writes
// this one's log.
func TestWritesToAnAttachedDatabase(t *testing.T) {
	t.Parallel()
	file, _, f := captured(t, quick)
	w := newSession(t, newFile(t)+quick)
	err := w.run("ATTACH '"+file+"' AS shop", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO main.t VALUES (50, 50)", "UPDATE shop.t SET v = 9 WHERE id = 2",
		"BEGIN", "INSERT INTO t VALUES (51, 51)", "DELETE FROM shop.t WHERE id = 3", "COMMIT")
	if err != nil {
		t.Fatal(err)
	}
	wantKeys(t, f.poll(), 2, 3)
}

// Temporary objects of another connection with the names of livesql's and the
// program's tables keep nothing from the log.
func TestWritesBesideTemporaryObjects(t *testing.T) {
	t.Parallel()
	file, _, f := captured(t, quick)
	w := newSession(t, file+quick)
	err := w.run("CREATE TEMP TABLE livesql_log(id, nonce, tbl, op, k)", "CREATE TEMP TABLE t(id INTEGER PRIMARY KEY, v)",
		"CREATE TEMP TRIGGER x AFTER UPDATE ON main.t BEGIN SELECT RAISE(IGNORE); END",
		"INSERT INTO t VALUES (50, 50)", "UPDATE main.t SET v = 9 WHERE id = 2")
	if err != nil {
		t.Fatal(err)
	}
	wantKeys(t, f.poll(), 2)
}

// What gives rows other rowids, or tables other contents, without changing a
// row that a trigger could see, is a reset.
func TestChangesThatNoTriggerSees(t *testing.T) {
	t.Parallel()
	file, db, f := captured(t, quick)
	mustExec(t, db, "CREATE TABLE loose(v)", "INSERT INTO loose VALUES (1), (2), (3)", "DELETE FROM loose WHERE v = 2")
	install1(t, db)
	f.poll()
	wantReads(t, f.analyze("SELECT rowid, v FROM loose"), "loose")
	other := newSession(t, file+quick)
	for _, s := range []string{
		"VACUUM",
		"ALTER TABLE t ADD COLUMN w DEFAULT 7",
		"ALTER TABLE t DROP COLUMN w",
		"CREATE TABLE n AS SELECT * FROM t",
		"DROP TABLE loose",
		"CREATE VIEW w AS SELECT 1 AS one",
		"DROP VIEW w",
	} {
		if err := other.run(s); err != nil {
			t.Fatal(err)
		}
		wantReset(t, f.poll(), "schema")
	}
	if err := other.run("BEGIN", "ALTER TABLE t RENAME TO tt", "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, f.poll())
}

// Connections that share a cache are told apart all the same.
func TestSharedCache(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	params := "file:" + file + "?cache=shared&_busy_timeout=5000"
	db := plain(t, params)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
	install1(t, db)
	f := follow(t, params, listen.InstallNever)
	mustExec(t, db, "UPDATE t SET v = 9 WHERE id = 2")
	wantKeys(t, f.poll(), 2)
	wantKeys(t, f.poll())
	mustExec(t, plain(t, file), "UPDATE t SET v = 9 WHERE id = 3")
	wantKeys(t, f.poll(), 3)
}

package mysql_test

import (
	"fmt"
	"testing"

	"github.com/vantage-go/live/testdb/server"
)

// TestWhatCommits: whether a statement commits what stands before it, the server
// says. What is not committed is nobody else's, and is there when it is rolled
// back that it never was.
func TestWhatCommits(t *testing.T) {
	database := server.MariaDB(t)
	run(t, database.DB(), "CREATE TABLE t (n INT)", "INSERT INTO t VALUES (1)", "CREATE TABLE u (n INT)",
		"CREATE PROCEDURE commits() COMMIT", "CREATE PROCEDURE idles() SELECT 1", "CREATE USER IF NOT EXISTS ending@localhost")
	t.Cleanup(func() { _, _ = database.DB().Exec("DROP USER ending@localhost") })
	c := openCached(t, database, "multiStatements=true")
	committed := func() string {
		t.Helper()
		var got string
		if err := c.other.QueryRow("SELECT n FROM t").Scan(&got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	for i, statement := range []string{
		"SELECT 1", "UNLOCK TABLES", "SET autocommit = 1", "SET @@session.autocommit = ON", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
		"SAVEPOINT s", "RELEASE SAVEPOINT s", "ROLLBACK TO SAVEPOINT s",
		"FLUSH STATUS", "FLUSH TABLES u", "FLUSH PRIVILEGES", "RESET QUERY CACHE",
		"ANALYZE TABLE u", "CHECK TABLE u", "CHECKSUM TABLE u", "OPTIMIZE TABLE u", "REPAIR TABLE u", "LOAD INDEX INTO CACHE u", "CACHE INDEX u IN default",
		"TRUNCATE TABLE u", "CREATE TABLE IF NOT EXISTS v (n INT)", "DROP TABLE IF EXISTS v", "ALTER TABLE u COMMENT 'x'", "RENAME TABLE u TO w, w TO u",
		"CREATE TEMPORARY TABLE x (n INT)", "LOCK TABLES t READ",
		"SET PASSWORD FOR ending@localhost = PASSWORD('x')", "SET DEFAULT ROLE NONE FOR ending@localhost", "GRANT SELECT ON u TO ending@localhost",
		"REVOKE SELECT ON u FROM ending@localhost", "ALTER USER ending@localhost PASSWORD EXPIRE NEVER", "DO SLEEP(0)", "HANDLER t OPEN", "SHOW TABLES",
		"USE " + database.Name(), "KILL QUERY 999999999", "PREPARE p FROM 'COMMIT'", "PREPARE p FROM 'COMMIT'; EXECUTE p",
		"CALL commits()", "CALL idles()", "EXECUTE IMMEDIATE 'COMMIT'", "BEGIN NOT ATOMIC COMMIT; END", "START TRANSACTION", "BEGIN", "COMMIT AND CHAIN", "SET STATEMENT max_statement_time = 10 FOR SELECT 1",
		"XA RECOVER", "EXPLAIN UPDATE u SET n = 1", "ANALYZE SELECT n FROM u", "CREATE OR REPLACE VIEW y AS SELECT 1 AS one", "DROP VIEW y",
	} {
		t.Run(statement, func(t *testing.T) {
			// Each has a text of its own: one that is never found again is not kept for long.
			n := fmt.Sprint("SELECT n AS n", i, " FROM t")
			run(t, c.other, "UPDATE t SET n = 1")
			c.sync()
			c.keeps(c.conn, "1", n)
			w := c.connect()
			c.ask(w, n) // it tells where it is
			run(t, w, "BEGIN", "UPDATE t SET n = 2", "SAVEPOINT s")
			if _, err := w.ExecContext(soon(t), statement); err != nil {
				t.Log(err)
			}
			want := committed()
			if want != "1" && want != "2" {
				t.Fatal(want)
			}
			c.ask(w, n)
			if got, hit := c.ask(c.conn, n); got != want {
				t.Errorf("another connection has %s, from memory %v; %s is committed", got, hit, want)
			}
			_, _ = w.ExecContext(soon(t), "ROLLBACK")
			_, _ = w.ExecContext(soon(t), "UNLOCK TABLES")
			want = committed()
			if got, hit := c.ask(c.conn, n); got != want {
				t.Errorf("after a rollback another connection has %s, from memory %v; %s is committed", got, hit, want)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			c.db.SetMaxIdleConns(-1) // whatever it has done to its session
			c.db.SetMaxIdleConns(2)
		})
	}
}

// TestPreparedElsewhere: a statement stays with the database, and with the settings,
// that were there when it was prepared.
func TestPreparedElsewhere(t *testing.T) {
	elsewhere, database := server.MariaDB(t), server.MariaDB(t)
	run(t, elsewhere.DB(), "CREATE TABLE t (id INT)", "INSERT INTO t VALUES (99)")
	run(t, database.DB(), "CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1)")
	c := openCached(t, database)
	const id, other = "SELECT id FROM t", "SELECT id + 0 FROM t"
	w := c.connect()
	c.keeps(w, "1", id)
	run(t, w, "USE "+elsewhere.Name())
	for _, text := range []string{id, other} {
		there, err := w.PrepareContext(soon(t), text)
		if err != nil {
			t.Fatal(err)
		}
		defer there.Close()
		here, err := c.conn.PrepareContext(soon(t), text)
		if err != nil {
			t.Fatal(err)
		}
		defer here.Close()
		run(t, w, "USE "+database.Name())
		for range 2 {
			var got string
			if err := there.QueryRowContext(soon(t)).Scan(&got); err != nil || got != "99" {
				t.Errorf("%s, prepared elsewhere: %s, %v", text, got, err)
			}
			if err := here.QueryRowContext(soon(t)).Scan(&got); err != nil || got != "1" {
				t.Errorf("%s, prepared here: %s, %v", text, got, err)
			}
		}
		run(t, w, "USE "+elsewhere.Name())
	}
}

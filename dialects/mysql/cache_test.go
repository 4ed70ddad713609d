package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects/mysql"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

// cached is a database with a handle whose reads are kept, and a handle of
// another program.
type cached struct {
	t        *testing.T
	database *server.Database
	db       *livesql.DB
	conn     *sql.Conn // one connection of db
	other    *sql.DB
}

// soon bounds waiting for what happens at once on an idle machine.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func run(t *testing.T, on interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, statements ...string,
) {
	t.Helper()
	for _, s := range statements {
		if _, err := on.ExecContext(soon(t), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// openCached installs livesql over tables and opens a handle, with parameters
// of the data source name.
func openCached(t *testing.T, database *server.Database, params ...string) *cached {
	t.Helper()
	if _, err := (mysql.Dialect{}).Install(soon(t), database.DB(), listen.InstallOptions{}); err != nil {
		t.Fatal(err)
	}
	c := &cached{t: t, database: database, other: database.DB()}
	var err error
	// A lease that a busy machine does not lose, and polls that may take their time.
	if c.db, err = livesql.Open(t.Context(), "mysql", database.SocketDSN(params...), livesql.Lease(time.Minute), livesql.FeedDeadline(30*time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.db.Close(); err != nil {
			t.Error(err)
		}
	})
	c.sync()
	c.conn = c.connect()
	return c
}

// connect returns a connection of the handle.
func (c *cached) connect() *sql.Conn {
	c.t.Helper()
	conn, err := c.db.Conn(soon(c.t))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// sync returns when the handle knows of what is committed.
func (c *cached) sync() {
	c.t.Helper()
	if err := c.db.Feed().WaitLive(soon(c.t)); err != nil {
		c.t.Fatal(err)
	}
	if err := c.db.Feed().Sync(soon(c.t)); err != nil {
		c.t.Fatal(err)
	}
}

// ask runs a query and returns its rows as text, and whether they came from
// memory.
func (c *cached) ask(on *sql.Conn, query string, args ...any) (answer string, hit bool) {
	c.t.Helper()
	before := c.db.CacheStats().Hits
	rows, err := on.QueryContext(soon(c.t), query, args...)
	if err != nil {
		c.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		c.t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values := make([]any, len(columns))
		dest := make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			c.t.Fatal(err)
		}
		var fields []string
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			fields = append(fields, fmt.Sprint(v))
		}
		lines = append(lines, strings.Join(fields, ","))
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
	return strings.Join(lines, ";"), c.db.CacheStats().Hits > before
}

// want asks once and compares.
func (c *cached) want(on *sql.Conn, want string, hit bool, query string, args ...any) {
	c.t.Helper()
	if got, fromMemory := c.ask(on, query, args...); got != want || fromMemory != hit {
		c.t.Errorf("%s: %q, from memory %v; want %q, %v", query, got, fromMemory, want, hit)
	}
}

// keeps asks twice: the second answer has to come from memory.
func (c *cached) keeps(on *sql.Conn, want, query string, args ...any) {
	c.t.Helper()
	c.ask(on, query, args...)
	c.want(on, want, true, query, args...)
}

// passes asks twice: no answer may come from memory.
func (c *cached) passes(on *sql.Conn, want, query string, args ...any) {
	c.t.Helper()
	c.want(on, want, false, query, args...)
	c.want(on, want, false, query, args...)
}

func TestCacheProtocols(t *testing.T) {
	database := server.MariaDB(t)
	run(t, database.DB(), "CREATE TABLE t (id INT PRIMARY KEY, f FLOAT, d DATETIME)", "INSERT INTO t VALUES (1, 1.5, '2026-01-02 03:04:05')")
	for name, params := range map[string][]string{"plain": nil, "interpolated": {"interpolateParams=true"}, "times": {"parseTime=true"}} {
		t.Run(name, func(t *testing.T) {
			c := openCached(t, database, params...)
			const direct, withArg = "SELECT id, f, d FROM t WHERE id = 1", "SELECT id, f, d FROM t WHERE id = ?"
			first, _ := c.ask(c.conn, direct)
			c.want(c.conn, first, true, direct)
			second, _ := c.ask(c.conn, withArg, 1)
			c.want(c.conn, second, true, withArg, 1)
			if !strings.HasPrefix(first, "1,1.5,2026") || !strings.HasPrefix(second, "1,1.5,2026") {
				t.Errorf("%s, %s", first, second)
			}
			stmt, err := c.conn.PrepareContext(soon(t), direct)
			if err != nil {
				t.Fatal(err)
			}
			defer stmt.Close()
			var got []any
			for range 2 {
				before := c.db.CacheStats().Hits
				var id, f, d any
				if err := stmt.QueryRowContext(soon(t)).Scan(&id, &f, &d); err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%T %T %T", id, f, d), c.db.CacheStats().Hits > before)
			}
			if got[0] != got[2] || got[1] != false || got[3] != true {
				t.Errorf("a prepared statement: %v", got)
			}
		})
	}
}

func TestCacheOwnWrites(t *testing.T) {
	database := server.MariaDB(t)
	run(t, database.DB(),
		"CREATE TABLE t (id INT PRIMARY KEY, n INT)", "INSERT INTO t VALUES (1, 1), (2, 1)",
		"CREATE TABLE child (id INT PRIMARY KEY, t INT, FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE)", "INSERT INTO child VALUES (5, 2)",
		"CREATE TABLE source (id INT PRIMARY KEY)",
		"CREATE TRIGGER r AFTER INSERT ON source FOR EACH ROW UPDATE t SET n = n + 1 WHERE id = 1",
		"CREATE TABLE calls (id INT PRIMARY KEY)",
		"CREATE PROCEDURE p() UPDATE t SET n = n + 10 WHERE id = 1",
		"CREATE TRIGGER q AFTER INSERT ON calls FOR EACH ROW CALL p()",
		"CREATE VIEW v AS SELECT id, n FROM t",
		"CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2",
	)
	c := openCached(t, database, "multiStatements=true")
	w := c.connect()
	const n = "SELECT n FROM t WHERE id = 1"
	step := func(want, query, write string) {
		t.Helper()
		c.ask(c.conn, query)
		c.ask(c.conn, query)
		run(t, w, write)
		c.want(c.conn, want, false, query)
		c.sync() // the feed's own notice of the write
		c.keeps(c.conn, want, query)
	}
	step("2", n, "UPDATE t SET n = 2 WHERE id = 1")
	step("3", n, "INSERT INTO source VALUES (1)")
	step("13", n, "INSERT INTO calls VALUES (1)")
	w = c.connect() // that one may have temporary tables
	step("14", "SELECT n FROM v WHERE id = 1", "UPDATE v SET n = 14 WHERE id = 1")
	step("0", "SELECT COUNT(*) FROM child", "DELETE FROM t WHERE id = 2")
	step("1", "SELECT COUNT(*) FROM parts", "INSERT INTO parts VALUES (1)")
	step("0", "SELECT COUNT(*) FROM parts", "ALTER TABLE parts TRUNCATE PARTITION ALL")
	step("15", n, "UPDATE t SET n = 0 WHERE id = 1; UPDATE t SET n = 15 WHERE id = 1")
	step("16", n, "SET @a = 16; UPDATE t SET n = @a WHERE id = 1")
	step("26", n, "CALL p()")
}

func TestCacheForeignWrites(t *testing.T) {
	database := server.MariaDB(t)
	run(t, database.DB(), "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)", "CREATE VIEW v AS SELECT id FROM t", "CREATE TABLE u (id INT)")
	c := openCached(t, database)
	for _, s := range []struct{ query, write, want string }{
		{"SELECT COUNT(*) FROM t", "INSERT INTO t VALUES (2)", "2"},
		{"SELECT COUNT(*) FROM t", "TRUNCATE t", "0"},
		{"SELECT * FROM v", "INSERT INTO t VALUES (7)", "7"},
		{"SELECT * FROM v", "CREATE OR REPLACE VIEW v AS SELECT id + 1 FROM t", "8"},
		{"SELECT * FROM t", "ALTER TABLE t ADD COLUMN x INT NOT NULL DEFAULT 3", "7,3"},
	} {
		c.ask(c.conn, s.query)
		c.ask(c.conn, s.query)
		run(t, c.other, s.write)
		c.sync()
		if got, _ := c.ask(c.conn, s.query); got != s.want {
			t.Errorf("after %s: %s, want %s", s.write, got, s.want)
		}
	}
}

// TestCacheSessions: what is read on a connection whose session was changed is
// never somebody else's, and becomes its own again where that can be told.
func TestCacheSessions(t *testing.T) {
	elsewhere := server.MariaDB(t)
	run(t, elsewhere.DB(), "CREATE TABLE t (id INT, at TIMESTAMP NULL)", "INSERT INTO t VALUES (99, NULL)")
	database := server.MariaDB(t)
	run(t, database.DB(), "CREATE TABLE t (id INT, at TIMESTAMP NULL)", "INSERT INTO t VALUES (1, '2026-01-01 00:00:00')",
		"CREATE ROLE role_"+database.Name(), "GRANT role_"+database.Name()+" TO root@localhost")
	t.Cleanup(func() { _, _ = database.DB().ExecContext(context.Background(), "DROP ROLE role_"+database.Name()) })
	c := openCached(t, database)
	const at, id = "SELECT at FROM t", "SELECT id FROM t"
	c.keeps(c.conn, "2026-01-01 00:00:00", at)
	c.keeps(c.conn, "1", id)
	d := c.connect()
	c.want(d, "2026-01-01 00:00:00", true, at) // a fresh connection has the same settings

	// Settings that can be asked for: another answer, which is kept, too.
	run(t, d, "SET time_zone = '+05:00'")
	c.want(d, "2026-01-01 05:00:00", false, at)
	c.want(d, "2026-01-01 05:00:00", true, at)
	c.want(c.conn, "2026-01-01 00:00:00", true, at)
	run(t, d, "SET time_zone = '+00:00'")
	c.want(d, "2026-01-01 00:00:00", true, at)
	for change, back := range map[string]string{
		"SET sql_mode = 'ANSI_QUOTES'":         "SET sql_mode = DEFAULT",
		"SET NAMES latin1":                     "SET NAMES utf8mb4",
		"SET SESSION group_concat_max_len = 4": "SET SESSION group_concat_max_len = DEFAULT",
		"SET ROLE role_" + database.Name():     "SET ROLE NONE",
	} {
		run(t, d, change)
		c.want(d, "1", false, id)
		c.want(d, "1", true, id)
		run(t, d, back)
		c.want(d, "1", true, id)
	}

	// Sessions whose results are nobody's.
	for change, back := range map[string]string{
		"SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED": "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
		"SET sql_auto_is_null = 1":                                 "SET sql_auto_is_null = 0",
		"SET sql_mode = 'ORACLE'":                                  "SET sql_mode = DEFAULT",
		"SET autocommit = 0":                                       "SET autocommit = 1",
		"USE " + elsewhere.Name():                                  "USE " + database.Name(),
	} {
		run(t, d, change)
		if strings.HasPrefix(change, "USE") {
			c.passes(d, "99", id)
		} else {
			c.passes(d, "1", id)
		}
		run(t, d, back)
		if got, hit := c.ask(d, id); got != "1" || !hit {
			t.Errorf("after %s and %s: %s, from memory %v", change, back, got, hit)
		}
	}

	// What cannot be asked about lasts.
	for _, change := range []string{
		"CREATE TEMPORARY TABLE t (id INT) SELECT 5 AS id", "SELECT GET_LOCK('x', 1)", "LOCK TABLES t READ", "SET completion_type = 'CHAIN'",
		"SET timestamp = 1", "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
	} {
		e := c.connect()
		c.want(e, "1", true, id)
		run(t, e, change)
		want := "1"
		if strings.Contains(change, "TEMPORARY") {
			want = "5"
		}
		c.passes(e, want, id)
		run(t, e, "UNLOCK TABLES")
		c.want(c.conn, "1", true, id)
	}
}

// TestCacheTransactions: in a transaction nothing comes from memory, and what
// it wrote counts when it is committed.
func TestCacheTransactions(t *testing.T) {
	database := server.MariaDB(t)
	run(t, database.DB(), "CREATE TABLE t (n INT)", "INSERT INTO t VALUES (1)")
	c := openCached(t, database, "multiStatements=true")
	const n = "SELECT n FROM t"
	d := c.connect()
	for name, s := range map[string]struct{ begin, end []string }{
		"text":            {[]string{"BEGIN"}, []string{"COMMIT"}},
		"one text":        {[]string{"START TRANSACTION; SET @a = 1"}, []string{"SET @a = 2; COMMIT"}},
		"implicit commit": {[]string{"BEGIN"}, []string{"CREATE TABLE IF NOT EXISTS made (id INT)"}},
		"begin again":     {[]string{"BEGIN"}, []string{"BEGIN", "COMMIT"}},
		"lock tables":     {[]string{"BEGIN"}, []string{"LOCK TABLES t READ", "UNLOCK TABLES"}},
		"autocommit":      {[]string{"SET autocommit = 0"}, []string{"SET autocommit = 1"}},
		"manual":          {[]string{"SET autocommit = 0", "COMMIT"}, []string{"COMMIT", "SET autocommit = 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, c.other, "UPDATE t SET n = 1")
			c.sync()
			c.keeps(c.conn, "1", n)
			w := d
			if name == "lock tables" {
				w = c.connect()
			}
			run(t, w, s.begin...)
			run(t, w, "UPDATE t SET n = 2")
			c.passes(w, "2", n)
			// The old value is read and kept while the new one is not committed.
			c.keeps(c.conn, "1", n)
			run(t, w, s.end[0])
			c.want(c.conn, "2", false, n)
			run(t, w, s.end[1:]...)
			c.sync()
			c.keeps(c.conn, "2", n)
		})
	}
}

// TestCacheOpenTransactions: a transaction that seems to have ended and has not, or
// to have begun.
func TestCacheOpenTransactions(t *testing.T) {
	database := server.MariaDB(t)
	run(t, database.DB(), "CREATE TABLE t (n INT)", "INSERT INTO t VALUES (1)")
	c := openCached(t, database, "multiStatements=true")
	const n = "SELECT n FROM t"
	c.keeps(c.conn, "1", n)
	w := c.connect()
	run(t, w, "SET @x = 1") // dialled
	c.want(w, "1", true, n)
	for _, nothing := range []string{"UNLOCK TABLES", "SET autocommit = 1", "CACHE INDEX t IN default", "LOAD INDEX INTO CACHE t"} {
		run(t, w, "BEGIN", "UPDATE t SET n = 2", nothing)
		c.passes(w, "2", n)
		c.keeps(c.conn, "1", n)
		run(t, w, "ROLLBACK")
		c.keeps(c.conn, "1", n)
		c.keeps(w, "1", n)
		run(t, w, "BEGIN", "UPDATE t SET n = 2", nothing)
		c.keeps(c.conn, "1", n)
		run(t, w, "COMMIT")
		c.want(c.conn, "2", false, n)
		run(t, w, "UPDATE t SET n = 1")
		c.sync()
		c.keeps(c.conn, "1", n)
	}
	run(t, database.DB(), "CREATE PROCEDURE p() COMMIT")
	c.sync()
	for _, end := range []string{"CALL p()", "RESET QUERY CACHE"} {
		run(t, w, "UPDATE t SET n = 1")
		c.sync()
		c.keeps(c.conn, "1", n)
		u := c.connect() // a session that code was run in whose content nobody knows stays apart
		run(t, u, "BEGIN", "UPDATE t SET n = 2", end)
		c.want(c.conn, "2", false, n)
		run(t, u, "UPDATE t SET n = 3") // committed by itself
		c.want(c.conn, "3", false, n)
		run(t, u, "ROLLBACK")
	}
	c.sync()
	c.keeps(c.conn, "3", n)
	run(t, w, "UPDATE t SET n = 4; ROLLBACK") // of nothing
	c.want(c.conn, "4", false, n)
	c.sync()
	c.keeps(c.conn, "4", n)
	run(t, w, "SAVEPOINT a") // of no transaction
	run(t, w, "UPDATE t SET n = 5")
	c.want(c.conn, "5", false, n)
	run(t, database.DB(), "CREATE PROCEDURE q() BEGIN START TRANSACTION; UPDATE t SET n = 6; END")
	c.sync()
	u := c.connect()
	run(t, u, "CALL q()")
	c.sync()
	c.keeps(c.conn, "5", n)
	run(t, u, "COMMIT") // of what nobody saw begin
	c.want(c.conn, "6", false, n)
}

// TestShortLeases: a lease that the feed cannot renew in time is refused.
func TestShortLeases(t *testing.T) {
	const dsn = "root@tcp(127.0.0.1:1)/d"
	var refused *livesql.OptionError
	if _, err := livesql.Open(t.Context(), "mysql", dsn, livesql.Lease(299*time.Millisecond)); !errors.As(err, &refused) || refused.Option != "lease" {
		t.Errorf("a lease of 299 ms: %v", err)
	}
	for name, opts := range map[string][]livesql.Option{
		"long enough": {livesql.Lease(300 * time.Millisecond)},
		"not used":    {livesql.Lease(50 * time.Millisecond), livesql.Off()},
	} {
		db, err := livesql.Open(t.Context(), "mysql", dsn, opts...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

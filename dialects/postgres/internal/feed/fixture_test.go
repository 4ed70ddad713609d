package feed

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// fixtureExecutor is a pool, a session or a transaction.
type fixtureExecutor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// fixtureExec runs statements one by one.
func fixtureExec(tb testing.TB, db fixtureExecutor, statements ...string) {
	tb.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(tb.Context(), s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
}

// fixtureValue returns the one value of a query.
func fixtureValue[T any](tb testing.TB, db querier, query string, args ...any) (v T) {
	tb.Helper()
	if err := db.QueryRowContext(tb.Context(), query, args...).Scan(&v); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return v
}

// fixtureList returns the first column of a query.
func fixtureList(tb testing.TB, db querier, query string, args ...any) (list []string) {
	tb.Helper()
	err := each(tb.Context(), db, query, func(scan func(...any) error) error {
		var s string
		err := scan(&s)
		list = append(list, s)
		return err
	}, args...)
	if err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return list
}

// fixtureInstall installs and returns the names of the tables that changed.
func fixtureInstall(tb testing.TB, db *sql.DB, tables ...string) []string {
	tb.Helper()
	return fixtureInstallWith(tb, db, listen.InstallOptions{Tables: tables})
}

func fixtureInstallWith(tb testing.TB, db *sql.DB, options listen.InstallOptions) []string {
	tb.Helper()
	changed, err := Install(tb.Context(), db, options)
	if err != nil {
		tb.Fatal(err)
	}
	var names []string
	for _, table := range changed {
		names = append(names, table.String())
	}
	return names
}

// fixtureLog returns what the rows of the log tell, sorted, and empties it: the
// operation, the table, how many keys, -1 for a mark on the whole table, and
// the keys, each once, those of an update in their order.
func fixtureLog(tb testing.TB, db querier) []string {
	tb.Helper()
	return fixtureList(tb, db, `WITH gone AS (DELETE FROM livesql.log RETURNING *), told AS (
			SELECT op, rel, n, (SELECT jsonb_agg(k.value ORDER BY CASE WHEN op = 'U' THEN k.value END, k.at) FROM (
				SELECT e.value, min(e.at) AS at FROM jsonb_array_elements(keys) WITH ORDINALITY AS e (value, at) GROUP BY 1) AS k) AS keys FROM gone)
		SELECT concat_ws(' ', op, (SELECT relname FROM pg_class WHERE oid = rel), CASE WHEN keys IS NOT NULL THEN jsonb_array_length(keys) WHEN n > 256 THEN n ELSE -1 END, keys) FROM told ORDER BY 1`)
}

// fixtureWant compares two lists.
func fixtureWant(tb testing.TB, what string, got []string, want ...string) {
	tb.Helper()
	if !slices.Equal(got, want) {
		tb.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// fixtureSchema loads the schema of a database.
func fixtureSchema(tb testing.TB, db *sql.DB) *schema {
	tb.Helper()
	s, err := newWorker(db, 0, 0, nil).load(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// calmServer is a server on which nobody writes but the test: what is running in any
// database, an ANALYZE of the server's own too, keeps younger rows of a log from being
// pruned.
func calmServer(tb testing.TB, opts ...server.Option) *server.Server {
	tb.Helper()
	return server.OwnPostgres(tb, append(opts, server.Setting("autovacuum", "off"))...)
}

// fixtureRole makes a role that belongs to the test, and returns its name and a
// pool of its connections. The roles of a shared server are shared, too: who is a
// member of which and who is a superuser changes the schema of all its databases.
func fixtureRole(tb testing.TB, d *server.Database, name string) (string, *sql.DB) {
	tb.Helper()
	role := d.Name() + "_" + name
	fixtureExec(tb, d.DB(), "CREATE ROLE "+quoteName(role)+" LOGIN")
	db := fixturePool(tb, d.SocketDSN("user="+role))
	tb.Cleanup(func() {
		// The test's context is over.
		ctx := context.WithoutCancel(tb.Context())
		for _, s := range []string{"DROP OWNED BY %s CASCADE", "DROP ROLE %s"} {
			if _, err := d.DB().ExecContext(ctx, fmt.Sprintf(s, quoteName(role))); err != nil {
				tb.Error(err)
			}
		}
	})
	return role, db
}

// fixturePool is a pool that is closed when the test ends.
func fixturePool(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	db := sql.OpenDB(connector)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// fixtureConn is one session.
func fixtureConn(tb testing.TB, db *sql.DB) *sql.Conn {
	tb.Helper()
	conn, err := db.Conn(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return conn
}

// fixtureProgram finds a program that came with the server.
func fixtureProgram(tb testing.TB, name string) string {
	tb.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/", "/usr/pgsql-*/bin/", "/opt/homebrew/opt/postgresql@*/bin/"} {
		if found, _ := filepath.Glob(pattern + name); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	tb.Fatalf("%s is missing: install the package postgresql-client", name)
	return ""
}

// fixtureDump returns the whole schema of a database as pg_dump writes it.
func fixtureDump(tb testing.TB, d *server.Database) string {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), fixtureProgram(tb, "pg_dump"), "--schema-only", "--dbname", d.SocketDSN()).Output()
	if err != nil {
		tb.Fatalf("pg_dump: %v", err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		// Newer versions begin and end with a random word.
		if !strings.HasPrefix(line, `\restrict`) && !strings.HasPrefix(line, `\unrestrict`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// fixtureHandle is a pool over a connector, closed when the test ends.
func fixtureHandle(tb testing.TB, connector sqldriver.Connector) *sql.DB {
	tb.Helper()
	db := sql.OpenDB(connector)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

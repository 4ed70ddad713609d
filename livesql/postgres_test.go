package livesql_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects/postgres"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

// pgFixture is a database of PostgreSQL with capture in place, and a handle on
// it over one of the drivers.
type pgFixture struct {
	*testing.T

	ctx      context.Context
	dialect  string
	database *server.Database
	// other is another program: its writes are heard of through the feed.
	other *sql.DB
	db    *livesql.DB
}

// pgSchema is what the tests of PostgreSQL work on.
var pgSchema = []string{
	"CREATE TABLE item (id bigint PRIMARY KEY, name text NOT NULL, at timestamptz NOT NULL DEFAULT '2020-01-01 12:00+00')",
	"CREATE TABLE tag (item bigint REFERENCES item ON DELETE CASCADE, tag text, PRIMARY KEY (item, tag))",
	"INSERT INTO item VALUES (1, 'one'), (2, 'two')", "INSERT INTO tag VALUES (1, 'a'), (2, 'b')",
}

// onPostgres runs a test with each driver, on a database with pgSchema and
// what else there should be.
func onPostgres(t *testing.T, more []string, test func(*pgFixture)) {
	t.Helper()
	onPostgresOf(t, func(t *testing.T) *server.Database { t.Helper(); return server.Postgres(t) }, more, test)
}

// onOwnPostgres is onPostgres with a server for each driver: who is a superuser and
// who is a member of which role is the whole server's, and has the feeds of all its
// databases start afresh.
func onOwnPostgres(t *testing.T, more []string, test func(*pgFixture)) {
	t.Helper()
	onPostgresOf(t, func(t *testing.T) *server.Database { t.Helper(); return server.OwnPostgres(t).Database(t) }, more, test)
}

func onPostgresOf(t *testing.T, database func(*testing.T) *server.Database, more []string, test func(*pgFixture)) {
	t.Helper()
	for _, dialect := range []string{"postgres", "pgx"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			t.Cleanup(cancel)
			f := &pgFixture{T: t, ctx: ctx, dialect: dialect, database: database(t)}
			f.other = f.database.DB()
			f.exec(f.other, append(append([]string{}, pgSchema...), more...)...)
			if _, err := (postgres.Dialect{}).Install(ctx, f.other, listen.InstallOptions{}); err != nil {
				t.Fatal(err)
			}
			f.db = f.open(f.database.DSN())
			test(f)
		})
	}
}

// open opens a handle that a busy machine does not disturb.
func (f *pgFixture) open(dsn string, opts ...livesql.Option) *livesql.DB {
	f.Helper()
	db, err := livesql.Open(f.ctx, f.dialect, dsn, calm(opts...)...)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := db.Close(); err != nil {
			f.Error(err)
		}
	})
	if err := db.Feed().WaitLive(f.ctx); err != nil {
		f.Fatal(err)
	}
	return db
}

// pgExecutor is a pool, a session or a transaction.
type pgExecutor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (f *pgFixture) exec(db pgExecutor, statements ...string) {
	f.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(f.ctx, s); err != nil {
			f.Fatalf("%s: %v", s, err)
		}
	}
}

// rows returns the result of a query as one text.
func (f *pgFixture) rows(db pgExecutor, query string, args ...any) string {
	f.Helper()
	rows, err := db.QueryContext(f.ctx, query, args...)
	if err != nil {
		f.Fatalf("%s: %v", query, err)
	}
	return f.text(rows)
}

func (f *pgFixture) text(rows *sql.Rows) string {
	f.Helper()
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		f.Fatal(err)
	}
	var all []string
	for rows.Next() {
		row, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			f.Fatal(err)
		}
		for i, v := range row {
			if b, ok := v.([]byte); ok {
				row[i] = string(b)
			}
		}
		all = append(all, strings.Trim(fmt.Sprint(row), "[]"))
	}
	if err := rows.Err(); err != nil {
		f.Fatal(err)
	}
	return strings.Join(all, ";")
}

// sync returns when the handle has heard of everything that was committed.
func (f *pgFixture) sync() {
	f.Helper()
	if err := f.db.Feed().Sync(f.ctx); err != nil {
		f.Fatal(err)
	}
}

// cached returns when the query would be answered from memory.
func (f *pgFixture) cached(query string, args ...any) {
	f.Helper()
	if err := f.db.WaitCached(f.ctx, query, args...); err != nil {
		f.Fatalf("%s: %v", query, err)
	}
}

// until returns when done says so: what is not in the log, as changes of the
// schema, the feed looks for a few times a second.
func (f *pgFixture) until(done func() bool) {
	f.Helper()
	for !done() {
		if f.ctx.Err() != nil {
			f.Fatal("it never came")
		}
		f.sync()
	}
}

// hits counts the answers from memory that read gets.
func (f *pgFixture) hits(db *livesql.DB, read func()) uint64 {
	f.Helper()
	before := db.CacheStats().Hits
	read()
	return db.CacheStats().Hits - before
}

// want checks what a query returns, and whether the answer came from memory. One
// that should, may take more than one attempt: changes of the schema that the test
// itself has made may be told late.
func (f *pgFixture) want(db pgExecutor, hit bool, rows, query string, args ...any) {
	f.Helper()
	for attempt := 1; ; attempt++ {
		var got string
		n := f.hits(f.db, func() { got = f.rows(db, query, args...) })
		if got != rows {
			f.Errorf("%s\nreturns %q, want %q", query, got, rows)
		}
		if (n == 1) == hit {
			return
		}
		if !hit || attempt == 20 {
			e, err := f.db.Explain(f.ctx, query, args...)
			f.Errorf("%s\nfrom memory: %v, want %v; %v %v %+v", query, n == 1, hit, e, err, f.db.CacheStats().Bypassed)
			return
		}
		f.cached(query, args...)
	}
}

// conn is one connection of the handle, until the test ends.
func (f *pgFixture) conn(db *livesql.DB) *sql.Conn {
	f.Helper()
	conn, err := db.Conn(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = conn.Close() })
	return conn
}

// retire closes a connection for good, whatever was done to its session.
func (f *pgFixture) retire(conn *sql.Conn) {
	f.Helper()
	if err := conn.Raw(func(any) error { return sqldriver.ErrBadConn }); !errors.Is(err, sqldriver.ErrBadConn) {
		f.Fatal(err)
	}
}

// role makes a role of the test's own, which may read and write everything.
func (f *pgFixture) role(name string) string {
	f.Helper()
	role := f.database.Name() + "_" + name
	f.exec(f.other, "CREATE ROLE "+role+" LOGIN", "GRANT ALL ON ALL TABLES IN SCHEMA public TO "+role,
		"GRANT USAGE ON SCHEMA livesql TO "+role, "GRANT SELECT ON ALL TABLES IN SCHEMA livesql TO "+role, "GRANT EXECUTE ON FUNCTION livesql.attend(), livesql.fingerprint(), livesql.prune(interval) TO "+role)
	f.Cleanup(func() {
		ctx := context.WithoutCancel(f.ctx)
		for _, s := range []string{"DROP OWNED BY " + role + " CASCADE", "DROP ROLE " + role} {
			if _, err := f.other.ExecContext(ctx, s); err != nil {
				f.Error(err)
			}
		}
	})
	return role
}

package livesql_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	_ "github.com/vantage-go/live/dialects/mysql"
	_ "github.com/vantage-go/live/dialects/postgres"
	_ "github.com/vantage-go/live/dialects/postgres/pgx"
	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb"
	"github.com/vantage-go/live/testdb/server"
)

// engine is a kind of database with a driver for it.
type engine struct {
	dialect string
	driver  string // the driver's own name in database/sql
	bind    string // the name under which sqlx knows its placeholders
	dsn     func(t *testing.T) string
	schema  []string
	// slow is a query that takes until it is interrupted.
	slow string
	// two is a text with two results, or empty where drivers have none.
	two string
}

func engines() []engine {
	postgres := engine{
		driver: "postgres", bind: "postgres",
		dsn: func(t *testing.T) string {
			t.Helper()
			return server.Postgres(t).DSN()
		},
		schema: []string{
			"CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT NOT NULL, price DOUBLE PRECISION, made TIMESTAMPTZ, data BYTEA, flag BOOLEAN, note VARCHAR(20))",
			"CREATE TABLE tag (item BIGINT, tag TEXT NOT NULL)",
		},
		slow: "SELECT pg_sleep(60)",
	}
	pq, pgx := postgres, postgres
	pq.dialect, pq.two = "postgres", "SELECT 1 AS a; SELECT 'x' AS b, 2 AS c"
	pgx.dialect, pgx.driver = "pgx", "pgx"
	return []engine{
		{
			dialect: "sqlite", driver: "sqlite", bind: "sqlite3",
			dsn: func(t *testing.T) string {
				t.Helper()
				// Plain drivers fail at once where livesql waits for a lock.
				return server.SQLite(t) + "?_pragma=journal_mode(WAL)&_busy_timeout=5000"
			},
			schema: []string{
				"CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL, made DATETIME, data BLOB, flag BOOLEAN, note VARCHAR(20))",
				"CREATE TABLE tag (item INTEGER, tag TEXT NOT NULL)",
			},
			slow: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
		},
		pq, pgx,
		{
			dialect: "mysql", driver: "mysql", bind: "mysql",
			dsn: func(t *testing.T) string {
				t.Helper()
				return server.MariaDB(t).DSN("parseTime=true", "multiStatements=true")
			},
			schema: []string{
				"CREATE TABLE item (id BIGINT PRIMARY KEY, name VARCHAR(50) NOT NULL, price DOUBLE, made DATETIME(6), data BLOB, flag BOOLEAN, note VARCHAR(20))",
				"CREATE TABLE tag (item BIGINT, tag VARCHAR(50) NOT NULL)",
			},
			slow: "SELECT SLEEP(60)",
			two:  "SELECT 1 AS a; SELECT 'x' AS b, 2 AS c",
		},
	}
}

// variant is a way to open a database.
type variant struct {
	name string
	open func(t *testing.T, e engine, dsn string) (*sqlx.DB, *livesql.DB)
	// ready returns when what was created is followed by the feed. Nil where
	// nothing is.
	ready func(t *testing.T, db *livesql.DB)
	// hits: reads are answered from memory the second time.
	hits bool
}

var plain = variant{name: "plain", open: func(t *testing.T, e engine, dsn string) (*sqlx.DB, *livesql.DB) {
	t.Helper()
	return connect(t, e.driver, dsn), nil
}}

func connect(t *testing.T, driver, dsn string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Connect(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func variants(e engine) []variant {
	all := []variant{
		{name: "by name", open: byName("")},
		{name: "by name, off", open: byName("livesql_cache=off")},
		{name: "by name, eager", open: byName("livesql_eager=true")},
	}
	if e.dialect == "sqlite" { // whose files are live by themselves
		all[0].ready, all[0].hits = covered, true
		all[2].ready, all[2].hits = covered, true
	}
	if e.dialect != "mysql" {
		return append(all,
			variant{name: "by handle", open: byHandle(), ready: covered, hits: true},
			variant{name: "by handle, evicting", open: byHandle(livesql.ForcedEviction()), ready: covered},
			variant{name: "by handle, off", open: byHandle(livesql.Off())},
		)
	}
	handle := variant{name: "by handle", open: byHandle()}
	if e.dialect == "mysql" {
		handle.ready, handle.hits = covered, true
	}
	// The names install nothing, and others keep nothing in this version.
	return append(all,
		handle,
		variant{name: "scripted", open: scripted(), ready: synced, hits: true},
		variant{name: "scripted, evicting", open: scripted(livesql.ForcedEviction()), ready: synced},
	)
}

// calm are the options of a handle that a busy machine does not disturb: its lease
// lasts longer than the test, and a poll may take its time. With a lease or a poll of
// the usual length, what is in memory is not served whenever this process had to wait
// for a second or two.
func calm(more ...livesql.Option) []livesql.Option {
	return append([]livesql.Option{livesql.Lease(time.Minute), livesql.FeedDeadline(30 * time.Second)}, more...)
}

// byName opens a database as programs do that know nothing but its name.
func byName(param string) func(*testing.T, engine, string) (*sqlx.DB, *livesql.DB) {
	return func(t *testing.T, e engine, dsn string) (*sqlx.DB, *livesql.DB) {
		t.Helper()
		if param != "" {
			dsn += map[bool]string{true: "&", false: "?"}[strings.Contains(dsn, "?")] + param
		}
		db := connect(t, "livesql-"+e.dialect, dsn)
		live, err := livesql.From(t.Context(), db.DB)
		if err != nil {
			t.Fatal(err)
		}
		return db, live
	}
}

// byHandle opens a database through livesql's front door.
func byHandle(opts ...livesql.Option) func(*testing.T, engine, string) (*sqlx.DB, *livesql.DB) {
	return func(t *testing.T, e engine, dsn string) (*sqlx.DB, *livesql.DB) {
		t.Helper()
		live, err := livesql.Open(t.Context(), e.dialect, dsn, patient(opts...)...)
		if err != nil {
			t.Fatal(err)
		}
		db := sqlx.NewDb(live.DB, e.bind)
		if err := db.Ping(); err != nil { // as sqlx.Connect does
			t.Fatal(err)
		}
		return db, live
	}
}

// scripted opens a database with a change feed that believes the tests to be
// alone.
func scripted(opts ...livesql.Option) func(*testing.T, engine, string) (*sqlx.DB, *livesql.DB) {
	return func(t *testing.T, e engine, dsn string) (*sqlx.DB, *livesql.DB) {
		t.Helper()
		live, _ := testdb.Scripted(t, e.dialect, dialectConnector(t, e.dialect, dsn), testdb.Tables("item", "tag"), testdb.Options(calm(opts...)...))
		db := sqlx.NewDb(live.DB, e.bind)
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
		return db, live
	}
}

// covered returns when both tables have their triggers, and what was written
// before the call was reported.
func covered(t *testing.T, db *livesql.DB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if err := db.Feed().Sync(ctx); err != nil {
			t.Fatal(err)
		}
		e, err := db.Explain(ctx, "SELECT * FROM item, tag")
		switch {
		case ctx.Err() != nil:
			t.Fatalf("tables are not covered: %v, %v", e, err)
		case err == nil && e.Cached:
			return
		}
	}
}

// synced returns when a poll was applied that was sent after the call.
func synced(t *testing.T, db *livesql.DB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := db.Feed().Sync(ctx); err != nil {
		t.Fatal(err)
	}
}

package onengines_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects/mysql"
	"github.com/vantage-go/live/dialects/postgres"
	"github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/testdb/server"
)

const patience = time.Minute

// engine is one kind of database.
type engine struct {
	name    string
	dialect interface {
		listen.Backer
		listen.Capturer
	}
	// open returns the DSN of an empty database, a pool of another program, and
	// the server behind them, if there is one.
	open func(tb testing.TB) (dsn string, pool *sql.DB, on *server.Database)
	// counted is the type of a key that the database counts up.
	counted string
	// asks keeps the log from being read in transactions of others.
	asks bool
	// upsert is the clause that makes an insert write over what is there.
	upsert string
}

func engines() []engine {
	const excluded = " ON CONFLICT (id) DO UPDATE SET grp = excluded.grp, name = excluded.name, note = excluded.note"
	sqliteOn := func(mode string) func(tb testing.TB) (string, *sql.DB, *server.Database) {
		return func(tb testing.TB) (string, *sql.DB, *server.Database) {
			tb.Helper()
			dsn := server.SQLite(tb) + "?_pragma=synchronous(off)&_pragma=busy_timeout(20000)&_txlock=immediate&_pragma=journal_mode(" + mode + ")"
			pool, err := sql.Open("sqlite", dsn)
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { _ = pool.Close() })
			return dsn, pool, nil
		}
	}
	return []engine{
		{
			name: "sqlite", dialect: sqlite.Dialect{}, counted: "INTEGER PRIMARY KEY", upsert: excluded, open: sqliteOn("wal"),
		},
		{
			name: "sqlite without wal", dialect: sqlite.Dialect{}, counted: "INTEGER PRIMARY KEY", upsert: excluded, open: sqliteOn("delete"),
		},
		{
			name: "postgres", dialect: postgres.Dialect{}, counted: "BIGSERIAL PRIMARY KEY", upsert: excluded,
			open: func(tb testing.TB) (string, *sql.DB, *server.Database) {
				tb.Helper()
				db := server.Postgres(tb)
				return db.DSN(), db.DB(), db
			},
		},
		{
			name: "mariadb", dialect: mysql.Dialect{}, counted: "BIGINT AUTO_INCREMENT PRIMARY KEY",
			upsert: " ON DUPLICATE KEY UPDATE grp = VALUES(grp), name = VALUES(name), note = VALUES(note)",
			open: func(tb testing.TB) (string, *sql.DB, *server.Database) {
				tb.Helper()
				db := server.MariaDB(tb)
				return db.DSN(), db.DB(), db
			},
		},
	}
}

// rig is a database with a feed.
type rig struct {
	engine
	dsn   string
	other *sql.DB // of another program
	db    *table.Database
	proxy *server.Proxy // between the feed and its server; nil for SQLite
	// What went through db: statements, those that read whole tables, those that read
	// rows by their keys, and those that skip rows.
	*counts
}

// newRig opens a database with these tables, all captured but those whose name
// starts with loose.
func newRig(tb testing.TB, e engine, ddl ...string) *rig {
	tb.Helper()
	dsn, other, on := e.open(tb)
	r := &rig{engine: e, dsn: dsn, other: other}
	feedDSN := ""
	if on != nil {
		r.proxy = server.NewProxy(tb, on.Addr())
		feedDSN = on.DSNVia(r.proxy.Addr())
	}
	r.exec(tb, ddl...)
	covered := listen.InstallOptions{}
	for _, s := range ddl {
		if name := strings.Fields(s)[2]; strings.HasPrefix(s, "CREATE TABLE") && !strings.HasPrefix(name, "loose") {
			covered.Tables = append(covered.Tables, name)
		}
	}
	if _, err := e.dialect.Install(soon(tb), other, covered); err != nil {
		tb.Fatal(err)
	}
	connector, err := e.dialect.Connector(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	backend, err := e.dialect.Backend(listen.BackendConfig{
		Connector: connector, DSN: dsn, FeedDSN: feedDSN, Install: listen.InstallNever, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	source := listen.Source(backend)
	if e.asks {
		source = struct{ listen.Source }{backend}
	}
	feed := listen.NewFeed(source, listen.WithDeadline(3*time.Second))
	feed.Start()
	r.counts = new(counts)
	pool := sql.OpenDB(counting{connector, r.counts})
	tb.Cleanup(func() {
		for _, closing := range []func() error{feed.Close, backend.Close, pool.Close} {
			if err := closing(); err != nil {
				tb.Error(err)
			}
		}
	})
	r.db = &table.Database{DB: pool, Feed: feed, Analyzer: backend, Flavor: e.dialect.Flavor()}
	return r
}

func (r *rig) exec(tb testing.TB, statements ...string) {
	tb.Helper()
	for _, s := range statements {
		if _, err := r.other.ExecContext(soon(tb), s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
}

// items is the table of most tests.
func (e *engine) items(name string) string {
	return fmt.Sprintf("CREATE TABLE %s (id %s, grp BIGINT NOT NULL, name VARCHAR(60) NOT NULL, note VARCHAR(60))", name, e.counted)
}

func soon(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	tb.Cleanup(cancel)
	return ctx
}

// eachEngine runs a test on every engine.
func eachEngine(t *testing.T, test func(t *testing.T, e engine)) {
	t.Helper()
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

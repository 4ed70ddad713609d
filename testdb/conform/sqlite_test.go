package conform

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"testing"

	"github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/listen"
)

// sqliteEngine is an engine that is right, with one writer at a time. Wrap, if
// not nil, wraps what the writers connect through.
func sqliteEngine(wrap func(sqldriver.Connector) sqldriver.Connector) Engine {
	return Engine{
		Name: "sqlite",
		Open: func(tb testing.TB) *Database {
			tb.Helper()
			return openSQLite(tb, wrap)
		},
		Upsert:  "ON CONFLICT (id) DO UPDATE SET ver = excluded.ver",
		Uncover: []string{"DROP TRIGGER livesql_on_item_ai"},
		Lacks: map[Feature]string{
			ConcurrentWriters: "one writer at a time", Capped: "row triggers", Truncation: "there is none",
			TwoPhase: "there is none", Freezing: "there is no network", NaiveCursor: "ids follow commits",
		},
	}
}

func openSQLite(tb testing.TB, wrap func(sqldriver.Connector) sqldriver.Connector) *Database {
	tb.Helper()
	dsn := tb.TempDir() + "/test.db?_pragma=synchronous(off)&_pragma=journal_mode(wal)&_pragma=foreign_keys(on)&_busy_timeout=5000&_txlock=immediate"
	connector, err := sqlite.Dialect{}.Connector(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	written := connector
	if wrap != nil {
		written = wrap(connector)
	}
	db := sql.OpenDB(written)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	exec(tb, db, Schema()...)
	install := func(ctx context.Context) error {
		_, err := sqlite.Dialect{}.Install(ctx, db, listen.InstallOptions{})
		return err
	}
	if err := install(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return &Database{
		DB: db, Schema: "main", Install: install,
		Source: func() listen.Source { return SourceOf(tb, sqlite.Dialect{}, dsn) },
		Prune: func(ctx context.Context) error {
			_, err := db.ExecContext(ctx, "DELETE FROM livesql_log")
			return err
		},
	}
}

package testdb

import (
	"context"
	sqldriver "database/sql/driver"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/livesql"
)

// Scripted returns a livesql handle of a registered dialect over connector,
// with a scripted, live change feed instead of the dialect's own. Statements
// are understood by their words and [Tables] alone. It is for tests of what the
// cache does with the answers of a real driver: the database changes without
// the feed's knowledge, unless the script tells. The handle closes connector,
// and is closed when the test ends.
func Scripted(tb testing.TB, dialect string, connector sqldriver.Connector, opts ...Option) (*livesql.DB, *Feed) {
	tb.Helper()
	d, err := dialects.Lookup(dialect)
	if err != nil {
		tb.Fatal(err)
	}
	db, feed := scripted(tb, d, connector, collect(opts))
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("testdb: closing the handle: %v", err)
		}
	})
	return db, feed
}

// scripted returns the handle when its feed is live. The caller closes it.
func scripted(tb testing.TB, d dialects.Dialect, connector sqldriver.Connector, o *options) (*livesql.DB, *Feed) {
	tb.Helper()
	feed := newFeed(tb, o.tables)
	b := newBackend(feed, d.Flavor(), o.tables)
	db, err := livesql.OpenDB(tb.Context(), d.Name(), connector, append(o.livesql, livesql.WithBackend(b))...)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	if err := feed.follow(ctx, db.Feed()); err != nil {
		_ = db.Close() // the error above is the one that tells
		tb.Fatalf("testdb: %v", err)
	}
	return db, feed
}

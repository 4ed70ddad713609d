package testdb

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"

	"github.com/vantage-go/live/livesql"
)

// MockDB is a livesql handle over go-sqlmock. As an *sql.DB it is used from
// any goroutine; expectations are set as go-sqlmock wants it, before the calls
// that meet them.
type MockDB struct {
	// DB is the handle; its own *sql.DB is m.DB.DB, its own feed m.DB.Feed().
	*livesql.DB
	// Sqlmock sets expectations.
	sqlmock.Sqlmock
	// Feed is the script of the change feed.
	Feed *Feed
	// DSN is the name under which go-sqlmock's driver knows the mock.
	DSN string
}

// mocked counts the mocks: each has a DSN of its own.
var mocked atomic.Uint64

// Mock returns a livesql handle over a new go-sqlmock with a scripted, live
// change feed. As on the *sql.DB of sqlmock.New, one connection is open, and
// ExpectClose is met by closing the handle.
//
// When the test ends, every expectation that is left fails it, and the handle
// is closed.
func Mock(tb testing.TB, opts ...Option) *MockDB {
	tb.Helper()
	o := collect(opts)
	dsn := fmt.Sprintf("testdb_%d", mocked.Add(1))
	plain, mock, err := sqlmock.NewWithDSN(dsn,
		sqlmock.QueryMatcherOption(o.matcher), sqlmock.ValueConverterOption(o.converter), sqlmock.MonitorPingsOption(o.pings))
	if err != nil {
		tb.Fatalf("testdb: making a mock: %v", err)
	}
	mock.MatchExpectationsInOrder(!o.unordered)

	d := mocks[o.flavor]
	connector, err := d.Connector(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	// A mock has no place from which it could be dialled later: the one
	// connection is opened here, and opened is what its Close is counted by.
	o.livesql = append([]livesql.Option{livesql.Eager()}, o.livesql...)
	db, feed := scripted(tb, d, connector, o)
	tb.Cleanup(func() { _ = db.Close() }) // a mock complains of every Close that was not expected
	conn, err := db.Conn(tb.Context())
	if err != nil {
		tb.Fatalf("testdb: opening the mock's connection: %v", err)
	}
	if err := conn.Close(); err != nil {
		tb.Fatalf("testdb: returning the mock's connection: %v", err)
	}
	// Nothing is expected yet, so this Close uses no expectation up. The
	// connection above keeps the mock alive.
	_ = plain.Close()

	tb.Cleanup(func() {
		if err := mock.ExpectationsWereMet(); err != nil {
			tb.Errorf("testdb: %v", err)
		}
	})
	return &MockDB{DB: db, Sqlmock: mock, Feed: feed, DSN: dsn}
}

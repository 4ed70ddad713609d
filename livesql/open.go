package livesql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
)

// DB is a live database handle. It embeds the *sql.DB that programs use and
// shadows none of its methods. It may be used concurrently.
type DB struct {
	*sql.DB
	handle *handle
}

// ErrNotLive is returned by From for a *sql.DB that livesql did not open.
var ErrNotLive = errors.New("livesql: the *sql.DB was not opened through livesql")

// Open opens a database of the named dialect: "sqlite", "postgres", "pgx" or
// "mysql", whose package must be imported. Dsn is the inner driver's; its
// parameters that start with livesql_ are taken out and set options. Like
// sql.Open it does not need a reachable database; db.Feed().WaitLive does. It
// starts the feed's goroutine; closing the DB ends it.
//
// The error is a [*dialects.UnknownError], an [*OptionError], or the inner
// driver's opinion of dsn.
func Open(ctx context.Context, dialect, dsn string, opts ...Option) (*DB, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d, err := dialects.Lookup(dialect)
	if err != nil {
		return nil, err
	}
	h, err := openDSN(d, dsn, opts)
	if err != nil {
		return nil, err
	}
	return open(h), nil
}

// OpenDB is Open for a connector of the inner driver. The DB closes inner if
// it is an io.Closer. A connector around the driver's own, or one of another driver,
// may have a say in arguments: it is asked about all of them, for which a statement
// on a new connection has to dial, even if its answer is in memory.
func OpenDB(ctx context.Context, dialect string, inner sqldriver.Connector, opts ...Option) (*DB, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, err := openConnector(dialect, inner, opts)
	if err != nil {
		return nil, err
	}
	return open(h), nil
}

// NewConnector is OpenDB for programs that put further wrappers around the
// connector before they pass it to sql.OpenDB; [From] finds the handle of such
// a *sql.DB. The feed starts with the first connection. The connector is an
// io.Closer, which closing the *sql.DB calls.
func NewConnector(dialect string, inner sqldriver.Connector, opts ...Option) (sqldriver.Connector, error) {
	h, err := openConnector(dialect, inner, opts)
	if err != nil {
		return nil, err
	}
	return &connector{h}, nil
}

func openConnector(dialect string, inner sqldriver.Connector, opts []Option) (*handle, error) {
	d, err := dialects.Lookup(dialect)
	if err != nil {
		return nil, err
	}
	o, err := build(opts)
	if err != nil {
		return nil, err
	}
	n, ok := d.(native)
	o.stranger = !ok || !n.Native(inner)
	return newHandle(d, inner, "", o)
}

func open(h *handle) *DB {
	h.start()
	return &DB{DB: sql.OpenDB(&connector{h}), handle: h}
}

func openDSN(d dialects.Dialect, dsn string, opts []Option) (*handle, error) {
	rest, own, err := splitDSN(dsn)
	if err != nil {
		return nil, err
	}
	o, err := build(append(own, opts...))
	if err != nil {
		return nil, err
	}
	inner, err := d.Connector(rest)
	if err != nil {
		return nil, fmt.Errorf("livesql: %w", err)
	}
	return newHandle(d, inner, rest, o)
}

// From returns the handle of a *sql.DB that was opened by one of the livesql
// driver names, such as sql.Open("livesql-sqlite", dsn). It borrows a
// connection of the pool for a moment, bounded by ctx, and dials nothing. It
// returns [ErrNotLive] for any other *sql.DB.
func From(ctx context.Context, db *sql.DB) (_ *DB, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("livesql: borrowing a connection: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var h *handle
	err = conn.Raw(func(dc any) error {
		s, ok := driver.SessionOf(dc)
		if !ok {
			return ErrNotLive
		}
		owned, ok := s.(interface{ Owner() any })
		if !ok {
			return ErrNotLive
		}
		if h, ok = owned.Owner().(*handle); !ok {
			return ErrNotLive
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &DB{DB: db, handle: h}, nil
}

// Feed returns the change feed that keeps the handle current.
func (db *DB) Feed() *Feed { return db.handle.feed }

// CacheStats returns a snapshot of the cache's counters.
func (db *DB) CacheStats() Stats { return db.handle.cache.Stats() }

// Shutdown closes the DB: the feed, the pool and what belongs to them. Saves of
// edit sessions and queries that are running are waited for, but not longer than
// ctx lasts; then Shutdown returns its error and the rest ends by itself. Saves
// that were not written are an [*UnflushedError]. Close does the same, and waits
// for saves five seconds.
func (db *DB) Shutdown(ctx context.Context) error {
	unflushed := db.handle.tables.drain(ctx)
	done := make(chan error, 1)
	go func() { done <- errors.Join(unflushed, db.Close()) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("livesql: shutting down: %w", ctx.Err()), unflushed)
	}
}

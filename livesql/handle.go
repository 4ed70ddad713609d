package livesql

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// handle is everything that belongs to one opened database: the wrapped
// connector, the cache behind it and the feed that keeps it current.
type handle struct {
	dialect dialects.Dialect
	backend listen.Backend
	cache   *cache.Cache
	feed    *listen.Feed
	wrapped sqldriver.Connector
	tables  tables
	// refreshes are the reads in the background.
	refreshes refreshes
	// installs: capture is installed in every table.
	installs bool
	// keeping is how saves of edit sessions outlive the process.
	keeping keeping
	counted bool // see VersionsCounted
	log     *slog.Logger
	// place names the database in messages, where it is a file.
	place string

	startOnce, closeOnce sync.Once
	closeErr             error // written under closeOnce
}

// serial is a dialect whose connections must not be opened at the same time,
// be they the program's or the feed's.
type serial interface {
	OneByOne(inner sqldriver.Connector) sqldriver.Connector
}

// slow is a dialect whose feed cannot renew shorter leases in time.
type slow interface {
	MinLease() time.Duration
}

// columnar is a dialect whose driver has rows that scan their columns themselves.
type columnar interface {
	Columns() dialects.ColumnScanner
}

// varied is a dialect whose connectors can have code of the program's set connections
// up whenever one is taken from the pool.
type varied interface {
	Varies(inner sqldriver.Connector) bool
}

// preparing is a dialect whose driver keeps the texts that it has sent prepared.
type preparing interface {
	Prepares() bool
}

// placed is a dialect whose databases are files.
type placed interface {
	// Place returns the path in a data source name.
	Place(dsn string) string
}

// native is a dialect that knows the connectors of its own driver from those that
// are wrapped, or of other drivers: what it says in Takes is true of the former. All
// others are asked about each argument.
type native interface {
	Native(inner sqldriver.Connector) bool
}

// newHandle puts the parts together. It does no I/O.
func newHandle(dialect dialects.Dialect, inner sqldriver.Connector, dsn string, o *options) (*handle, error) {
	if d, ok := dialect.(serial); ok {
		inner = d.OneByOne(inner)
	}
	h := &handle{dialect: dialect, backend: o.backend, installs: o.install == listen.InstallAuto, keeping: o.keeping, counted: o.counted, log: o.log}
	h.keeping.never = o.install == listen.InstallNever
	if d, ok := dialect.(placed); ok {
		h.place = d.Place(dsn)
	}
	if h.backend == nil {
		if d, ok := dialect.(slow); ok && !o.off && o.lease < d.MinLease() {
			return nil, &OptionError{"lease", o.lease.String(), fmt.Sprintf("must be at least %v with %s, whose feed could not renew it in time", d.MinLease(), dialect.Name())}
		}
		var err error
		if h.backend, err = newBackend(dialect, inner, dsn, o); err != nil {
			return nil, err
		}
	}
	h.refreshes.log = o.log
	takes := dialect.Takes
	var columns dialects.ColumnScanner
	if d, ok := dialect.(columnar); ok {
		columns = d.Columns()
	}
	if o.stranger {
		takes = nil
	}
	varies := false
	if d, ok := dialect.(varied); ok {
		varies = d.Varies(inner)
	}
	prepares := false
	if d, ok := dialect.(preparing); ok {
		prepares = d.Prepares()
	}
	_, silent := h.backend.(unlogged)
	logged := !silent
	feedOptions := append([]listen.Option{listen.WithLease(o.lease), listen.WithLogger(o.log)}, o.feed...)
	h.feed = listen.NewFeed(h.backend, feedOptions...)
	var err error
	h.cache, err = cache.New(h.backend, h.feed.Committed, cache.Config{
		Lease:       o.lease,
		Bytes:       o.bytes,
		ResultBytes: o.resultBytes,
		Takes:       takes,
		Columns:     columns,
		Varies:      varies,
		Prepares:    prepares,
		// Two ways of SQLite. Without a log nothing is stored, and nothing
		// has to be counted.
		RowTypes:      dialect.Flavor() == dialects.SQLite,
		HoldsSnapshot: dialect.Flavor() == dialects.SQLite && logged,
		Reached:       h.feed.Reached,
		Sync:          h.feed.Sync,
		Consistency:   o.consistency,
		Deny:          o.denies,
		Verify:        o.verify,
		TTL:           o.ttl,
		Refresh:       func(r cache.Refresh) bool { return h.refreshes.begin(h, r) },
		Owner:         h,
		Log:           o.log,
		Evict:         o.evict,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("livesql: %w", err), h.backend.Close())
	}
	h.feed.Subscribe(h.cache)
	var heard func() uint64
	if logged && !varies {
		heard = h.cache.Heard
	}
	h.wrapped = driver.Wrap(inner, h.cache, o.driverOptions(heard)...)
	return h, nil
}

// newBackend asks the dialect for a backend.
func newBackend(dialect dialects.Dialect, inner sqldriver.Connector, dsn string, o *options) (listen.Backend, error) {
	backer, ok := dialect.(listen.Backer)
	if !ok || o.off {
		why := "livesql has no change feed for " + dialect.Name() + " in this version"
		if o.off {
			why = "the cache is switched off"
		}
		return unlogged{dialect.Flavor(), why}, nil
	}
	b, err := backer.Backend(listen.BackendConfig{Connector: inner, DSN: dsn, FeedDSN: o.feedDSN, Install: o.install, Log: o.log})
	if err != nil {
		return nil, fmt.Errorf("livesql: %w", err)
	}
	return b, nil
}

// start starts the feed, once.
func (h *handle) start() {
	h.startOnce.Do(h.feed.Start)
}

// close ends the feed and closes what the handle opened itself.
func (h *handle) close() error {
	h.closeOnce.Do(func() {
		// Without this a feed that never started could not be closed.
		h.start()
		// Saves first: what they write is known to the feed.
		h.closeErr = errors.Join(h.tables.close(), h.refreshes.close(), h.feed.Close(), h.backend.Close())
		if c, ok := h.wrapped.(io.Closer); ok {
			h.closeErr = errors.Join(h.closeErr, c.Close())
		}
	})
	return h.closeErr
}

// connector is what *sql.DB holds. Closing the DB reaches the handle through
// it.
type connector struct {
	handle *handle
}

var (
	_ sqldriver.Connector = (*connector)(nil)
	_ io.Closer           = (*connector)(nil)
)

// Connect opens a shell; see package driver.
func (c *connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	c.handle.start()
	return c.handle.wrapped.Connect(ctx)
}

// Driver returns the inner driver: programs recognise databases by its type.
func (c *connector) Driver() sqldriver.Driver { return c.handle.wrapped.Driver() }

// Unwrap returns the wrapped connector.
func (c *connector) Unwrap() sqldriver.Connector { return c.handle.wrapped }

// Close closes the handle.
func (c *connector) Close() error { return c.handle.close() }

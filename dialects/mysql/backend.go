package mysql

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/internal/places"
	"github.com/vantage-go/live/listen"
)

// database is the backend of one handle.
type database struct {
	// own dials livesql's own sessions. It is nil when refused says why there
	// will be none.
	own     *sql.DB
	refused error
	policy  listen.Install
	log     *slog.Logger
	// retention is how long stamped rows stay in the log.
	retention time.Duration
	// chunk is how many rows one transaction stamps, limit how many unseen
	// rows one poll reads, and earlyLimit how many unstamped ones a cursor
	// remembers.
	chunk, limit, earlyLimit int

	// unkept says why no result can be kept, or is empty.
	unkept string

	homes, sessions places.Places
	identity        atomic.Uint64
	question        atomic.Pointer[question]
	known           atomic.Pointer[known]
	versions        atomic.Uint64
}

var (
	_ listen.Backend = (*database)(nil)
	_ listen.Tokens  = (*database)(nil)
)

// The sizes of things. A reader that slept longer than the retention starts
// afresh.
const (
	logRetention  = 10 * time.Minute
	stampChunk    = 5000
	maxDelta      = 20_000
	maxRemembered = 200_000
)

func newDatabase(config listen.BackendConfig) (*database, error) {
	d := &database{
		policy: config.Install, log: config.Log,
		retention: logRetention, chunk: stampChunk, limit: maxDelta, earlyLimit: maxRemembered,
	}
	d.publish(&schema{server: &host{}})
	connector, err := connectorOf(config)
	switch {
	case errors.Is(err, listen.ErrNoLog):
		d.refused = err
		return d, nil
	case err != nil:
		return nil, err
	}
	d.unkept = unkept(config.DSN)
	d.own = sql.OpenDB(connector)
	d.own.SetMaxIdleConns(1)
	d.own.SetConnMaxIdleTime(idleTimeout / 2)
	return d, nil
}

// Identity numbers the databases of servers seen behind the connector.
func (d *database) Identity() uint64 { return d.identity.Load() }

// Version returns the current catalogue version.
func (d *database) Version() uint64 { return d.versions.Load() }

// publish makes s the schema that statements are analysed under.
func (d *database) publish(s *schema) {
	version := d.versions.Load() + 1
	d.known.Store(&known{s, s.catalog(version)})
	d.versions.Store(version)
}

// Close closes livesql's own connections.
func (d *database) Close() error {
	if d.own == nil {
		return nil
	}
	return d.own.Close()
}

// Connect opens the feed's connection.
func (d *database) Connect(ctx context.Context) (listen.Reader, error) {
	if d.refused != nil {
		return nil, d.refused
	}
	r, err := connect(ctx, d)
	if err != nil {
		return nil, err
	}
	return r, nil
}

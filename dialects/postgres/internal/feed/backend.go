package feed

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/dialects/postgres/internal/inner"
	"github.com/vantage-go/live/internal/places"
	"github.com/vantage-go/live/listen"
)

// database is the backend of one handle.
type database struct {
	driver inner.Driver
	// connector dials livesql's own connections. The program's pool is never
	// used. It is nil when refused says why there is no feed.
	connector sqldriver.Connector
	refused   error
	log       *slog.Logger
	times     times

	homes, sessions places.Places

	identity atomic.Uint64
	meaning  atomic.Pointer[meaning]
	versions atomic.Uint64

	// What follows belongs to the feed's goroutine.

	// always and never: the backend installs triggers, or does not, whatever
	// the database says. auto is the outcome.
	always, never, auto bool
	// missing: there are tables without triggers. The next installation is not
	// before nextInstall; installPause is the pause before that.
	missing      bool
	nextInstall  time.Time
	installPause time.Duration
	// schema is what catalog was made of, and fingerprint what it was then.
	schema      *schema
	fingerprint string
}

var _ listen.Backend = (*database)(nil)

// NewBackend returns the backend of one handle, over connections of driver.
// It is for the dialects: the driver's type is internal to them.
func NewBackend(driver inner.Driver, config listen.BackendConfig) (listen.Backend, error) {
	d := &database{
		driver: driver, log: config.Log, times: standardTimes(), installPause: installPause,
		always: config.Install == listen.InstallAuto, never: config.Install == listen.InstallNever,
	}
	d.auto = d.always
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.publish(noSchema(), "")
	switch {
	case config.FeedDSN != "":
		c, err := driver.Connector(config.FeedDSN)
		if err != nil {
			return nil, fmt.Errorf("postgres: the feed's data source name: %w", err)
		}
		d.connector = c
	case config.Connector == nil || !driver.Is(config.Connector.Driver()):
		// It may be a mock, which must not be asked anything.
		d.refused = &listen.NoLogError{Why: fmt.Sprintf(
			"the connector is not one of %s, so livesql does not know what is behind it; with a data source name for the feed it does", driver.Name)}
	case config.DSN != "":
		c, err := driver.Connector(config.DSN)
		if err != nil {
			return nil, fmt.Errorf("postgres: %w", err)
		}
		d.connector = c
	default:
		d.connector = config.Connector
	}
	return d, nil
}

// Identity numbers the databases of servers seen behind the connector.
func (d *database) Identity() uint64 { return d.identity.Load() }

// Version returns the current catalogue version.
func (d *database) Version() uint64 { return d.versions.Load() }

// publish makes s the schema that statements are analysed under.
func (d *database) publish(s *schema, fingerprint string) {
	version := d.versions.Load() + 1
	d.schema, d.fingerprint = s, fingerprint
	d.missing = slices.ContainsFunc(s.relations, func(r *relation) bool {
		return r.mine && r.harmed() || r.capturable() && r.mine && r.extension == "" && r.untriggered(s) != ""
	})
	d.meaning.Store(s.meaning(version))
	d.versions.Store(version)
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

// Close does nothing: connections belong to readers. The program's connector
// is not ours to close.
func (d *database) Close() error { return nil }

package postgres

import (
	sqldriver "database/sql/driver"
	"fmt"

	"github.com/lib/pq"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/dialects/postgres/internal/feed"
	"github.com/vantage-go/live/dialects/postgres/internal/inner"
	"github.com/vantage-go/live/dialects/postgres/internal/libpq"
	"github.com/vantage-go/live/listen"
)

func init() {
	dialects.Register(Dialect{})
}

// Dialect is PostgreSQL with lib/pq.
type Dialect struct{}

var _ listen.Backer = Dialect{}

// Name returns "postgres".
func (Dialect) Name() string { return "postgres" }

// BindName returns "postgres".
func (Dialect) BindName() string { return "postgres" }

// Flavor returns [dialects.Postgres].
func (Dialect) Flavor() dialects.Flavor { return dialects.Postgres }

// Takes reports whether v is of a type that lib/pq leaves to database/sql.
func (Dialect) Takes(v any) bool { return dialects.Plain(v) }

// Native reports whether c is a connector of lib/pq's.
func (Dialect) Native(c sqldriver.Connector) bool {
	_, ok := c.(*pq.Connector)
	return ok
}

// Connector returns a connector of lib/pq.
func (Dialect) Connector(dsn string) (sqldriver.Connector, error) {
	c, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", inner.WithoutDSN(err))
	}
	return c, nil
}

// Backend returns the backend of one handle. A connector that is not one of
// lib/pq's has no feed, unless the config has a data source name for it.
func (Dialect) Backend(config listen.BackendConfig) (listen.Backend, error) {
	return feed.NewBackend(libpq.Driver, config)
}

// StandbyError is the failure of a feed that is connected to a standby.
type StandbyError = feed.StandbyError

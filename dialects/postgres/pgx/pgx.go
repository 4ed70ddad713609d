// Package pgx opens PostgreSQL with pgx's stdlib, under the names "pgx" and
// livesql-pgx. Everything but the driver is that of package postgres.
package pgx

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/dialects/postgres/internal/feed"
	"github.com/vantage-go/live/listen"
)

func init() {
	dialects.Register(Dialect{})
}

// Dialect is PostgreSQL with pgx.
type Dialect struct{}

var (
	_ listen.Backer   = Dialect{}
	_ listen.Capturer = Dialect{}
)

// Name returns "pgx".
func (Dialect) Name() string { return "pgx" }

// BindName returns "pgx".
func (Dialect) BindName() string { return "pgx" }

// Flavor returns [dialects.Postgres].
func (Dialect) Flavor() dialects.Flavor { return dialects.Postgres }

// Takes reports whether v is of a type that pgx leaves to database/sql.
func (Dialect) Takes(v any) bool { return sqldriver.IsValue(v) }

// Native reports whether c is a connector of pgx's stdlib.
func (d Dialect) Native(c sqldriver.Connector) bool {
	return reflect.TypeOf(c) == reflect.TypeOf(stdlib.GetConnector(pgx.ConnConfig{})) || dialects.Makes(d, c)
}

// Connector returns a connector of pgx's stdlib.
func (Dialect) Connector(dsn string) (sqldriver.Connector, error) {
	d, ok := stdlib.GetDefaultDriver().(sqldriver.DriverContext)
	if !ok {
		return nil, fmt.Errorf("pgx: %T makes no connectors", stdlib.GetDefaultDriver())
	}
	c, err := d.OpenConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("pgx: %w", err)
	}
	return c, nil
}

// Backend returns the backend of one handle. A connector that is not one of
// pgx's stdlib has no feed, unless the config has a data source name for it.
// The feed holds two connections of its own; a connector over a pgxpool takes
// them from that pool.
func (Dialect) Backend(config listen.BackendConfig) (listen.Backend, error) {
	return feed.NewBackend(driver, config)
}

// Install is that of package postgres.
func (Dialect) Install(ctx context.Context, db *sql.DB, options listen.InstallOptions) ([]dialects.Table, error) {
	return feed.Install(ctx, db, options)
}

// Uninstall is that of package postgres.
func (Dialect) Uninstall(ctx context.Context, db *sql.DB, options listen.UninstallOptions) error {
	return feed.Uninstall(ctx, db, options)
}

// Coverage is that of package postgres.
func (Dialect) Coverage(ctx context.Context, db *sql.DB) (*listen.Coverage, error) {
	return feed.Coverage(ctx, db)
}

// Diagnose is that of package postgres.
func (Dialect) Diagnose(ctx context.Context, db *sql.DB) ([]listen.Finding, error) {
	return feed.Diagnose(ctx, db)
}

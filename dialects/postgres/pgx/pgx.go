// Package pgx opens PostgreSQL with pgx's stdlib, under the names "pgx" and
// livesql-pgx.
package pgx

import (
	sqldriver "database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vantage-go/live/dialects"
)

func init() {
	dialects.Register(Dialect{})
}

// Dialect is PostgreSQL with pgx.
type Dialect struct{}

var _ dialects.Dialect = Dialect{}

// Name returns "pgx".
func (Dialect) Name() string { return "pgx" }

// BindName returns "pgx".
func (Dialect) BindName() string { return "pgx" }

// Flavor returns [dialects.Postgres].
func (Dialect) Flavor() dialects.Flavor { return dialects.Postgres }

// Takes reports whether v is of a type that pgx leaves to database/sql.
func (Dialect) Takes(v any) bool { return sqldriver.IsValue(v) }

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

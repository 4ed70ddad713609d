package testdb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"

	"github.com/vantage-go/live/dialects"
)

func init() {
	for _, d := range mocks {
		dialects.Register(d)
	}
}

// mocks holds the dialect of each flavor, all spoken by go-sqlmock.
var mocks = map[dialects.Flavor]dialect{
	dialects.Postgres: {"sqlmock", "postgres", dialects.Postgres},
	dialects.MySQL:    {"sqlmock-mysql", "mysql", dialects.MySQL},
	dialects.SQLite:   {"sqlmock-sqlite", "sqlite3", dialects.SQLite},
}

// dialect is go-sqlmock in the place of a database.
type dialect struct {
	name, bindName string
	flavor         dialects.Flavor
}

var _ dialects.Dialect = dialect{}

func (d dialect) Name() string            { return d.name }
func (d dialect) BindName() string        { return d.bindName }
func (d dialect) Flavor() dialects.Flavor { return d.flavor }

// Takes reports false: a mock may have a converter of any kind, so it is asked
// about every argument.
func (d dialect) Takes(any) bool { return false }

// Connector returns a connector to the mock that was made with that dsn.
func (d dialect) Connector(dsn string) (sqldriver.Connector, error) {
	db, err := sql.Open("sqlmock", dsn) // the way to the driver; nothing is connected
	if err != nil {
		return nil, fmt.Errorf("testdb: %w", err)
	}
	c := &connector{driver: db.Driver(), dsn: dsn}
	if err := db.Close(); err != nil {
		return nil, fmt.Errorf("testdb: %w", err)
	}
	return c, nil
}

// connector connects through a driver that makes no connectors.
type connector struct {
	driver sqldriver.Driver
	dsn    string
}

func (c *connector) Connect(context.Context) (sqldriver.Conn, error) { return c.driver.Open(c.dsn) }

func (c *connector) Driver() sqldriver.Driver { return c.driver }

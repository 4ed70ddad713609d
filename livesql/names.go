package livesql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/vantage-go/live/dialects"
)

// DriverPrefix starts the names under which dialects are registered with
// database/sql: sql.Open("livesql-sqlite", dsn).
const DriverPrefix = "livesql-"

func init() {
	var registered sync.Map
	dialects.OnRegister(func(d dialects.Dialect) {
		name := DriverPrefix + d.Name()
		if _, again := registered.LoadOrStore(name, true); again {
			return // database/sql takes a name once; the driver looks its dialect up
		}
		sql.Register(name, namedDriver{d.Name()})
		// sqlx chooses placeholders by the driver's name.
		sqlx.BindDriver(name, sqlx.BindType(d.BindName()))
	})
}

// namedDriver opens the dialect of a registered name. Each sql.Open is a
// handle of its own.
type namedDriver struct {
	dialect string
}

var _ sqldriver.DriverContext = namedDriver{}

// OpenConnector is what sql.Open calls.
func (n namedDriver) OpenConnector(dsn string) (sqldriver.Connector, error) {
	d, err := dialects.Lookup(n.dialect)
	if err != nil {
		return nil, err
	}
	h, err := openDSN(d, dsn, nil)
	if err != nil {
		return nil, err
	}
	return &connector{h}, nil
}

// Open opens a single connection with a handle of its own, for callers that
// use drivers without database/sql.
func (n namedDriver) Open(dsn string) (sqldriver.Conn, error) {
	c, err := n.OpenConnector(dsn)
	if err != nil {
		return nil, err
	}
	conn, err := c.Connect(context.Background())
	if err != nil {
		return nil, fmt.Errorf("livesql: %w", err)
	}
	return conn, nil
}

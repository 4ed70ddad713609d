package mysql

import (
	sqldriver "database/sql/driver"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

func init() {
	dialects.Register(Dialect{})
}

// Dialect is MySQL and MariaDB with go-sql-driver/mysql.
type Dialect struct{}

var (
	_ listen.Backer   = Dialect{}
	_ listen.Capturer = Dialect{}
)

// Name returns "mysql".
func (Dialect) Name() string { return "mysql" }

// BindName returns "mysql".
func (Dialect) BindName() string { return "mysql" }

// Flavor returns [dialects.MySQL].
func (Dialect) Flavor() dialects.Flavor { return dialects.MySQL }

// Takes reports whether v is of a type that the driver leaves to database/sql.
func (Dialect) Takes(v any) bool { return dialects.Plain(v) }

// MinLease is the shortest lease that the feed keeps up. Only polls that look at
// the schema renew it. Those cost too much for more than a few in a second, and
// take some 10 ms themselves.
func (Dialect) MinLease() time.Duration { return minLease }

const minLease = listen.CheckEvery + listen.CheckEvery/5

// Native reports whether c is a connector of go-sql-driver/mysql.
func (d Dialect) Native(c sqldriver.Connector) bool { return dialects.Makes(d, c) }

// Connector returns a connector of go-sql-driver/mysql.
func (Dialect) Connector(dsn string) (sqldriver.Connector, error) {
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	c, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	return c, nil
}

// Backend returns the backend of one handle.
func (Dialect) Backend(config listen.BackendConfig) (listen.Backend, error) {
	return newDatabase(config)
}

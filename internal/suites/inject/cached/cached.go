// Package cached registers the modes in which the whole of livesql is in the
// way. Suites of the drivers import it from their external test package, so
// that livesql may import the driver under test. A connector is opened with
// the dialect of its driver.
package cached

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"time"

	_ "github.com/vantage-go/live/dialects/mysql" // registers the dialect
	_ "github.com/vantage-go/live/dialects/postgres"
	_ "github.com/vantage-go/live/dialects/postgres/pgx"
	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/internal/suites/inject"
	"github.com/vantage-go/live/livesql"
)

// The modes.
const (
	// Live installs nothing, so that nothing is cached: livesql tells what
	// every statement of the suite means and must not change what it does.
	Live = "live"
	// Cache has the cache on, with capture triggers in every table.
	Cache = "cache"
	// Evict is Cache with every entry evicted before it is read: all reads are
	// fills.
	Evict = "cache-evict"
)

// options are those that livesql is opened with in each mode.
var options = map[string][]livesql.Option{
	Live:  nil,
	Cache: {livesql.AutoInstall()},
	Evict: {livesql.AutoInstall(), livesql.ForcedEviction()},
}

func init() {
	for mode := range options {
		inject.Register(mode, func(c sqldriver.Connector) sqldriver.Connector { return wrap(mode, c, patience) })
	}
}

// dialects are the dialects by the package of the inner driver.
var dialects = []struct{ pkg, dialect string }{
	{"modernc.org/sqlite", "sqlite"},
	{"github.com/lib/pq", "postgres"},
	{"github.com/jackc/pgx/v5", "pgx"},
	{"github.com/go-sql-driver/mysql", "mysql"},
}

// wrap opens c through livesql. A connector of a driver without a dialect (an
// invention of the suite) gets the wrapper only.
func wrap(mode string, c sqldriver.Connector, patience time.Duration) sqldriver.Connector {
	t := reflect.TypeOf(c.Driver())
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for _, d := range dialects {
		if t == nil || !strings.HasPrefix(t.PkgPath(), d.pkg) {
			continue
		}
		live, err := livesql.NewConnector(d.dialect, patient(d.dialect, c), options[mode]...)
		if err != nil {
			return refused{c, fmt.Errorf("suites: %w", err)}
		}
		made := &connector{Connector: live}
		if mode != Live {
			made.rehearsal = &rehearsal{live: made.handle, evicts: mode == Evict, patience: patience, anchors: d.dialect != "sqlite"}
		}
		return made
	}
	return driver.Wrap(c, nil)
}

// patient gives connections to SQLite the busy timeout that livesql.Open adds:
// livesql writes to the database too, when it installs its triggers, and a
// program without a timeout would be told that the database is busy. Only the
// data source names of sql.Open can be changed. Databases in memory have no
// change log, so nothing writes to them.
func patient(dialect string, c sqldriver.Connector) sqldriver.Connector {
	v := reflect.ValueOf(c)
	if dialect != "sqlite" || v.Type().PkgPath() != "database/sql" || v.Kind() != reflect.Struct {
		return c
	}
	field := v.FieldByName("dsn")
	if !field.IsValid() || field.Kind() != reflect.String {
		return c
	}
	dsn := field.String()
	name, params, _ := strings.Cut(dsn, "?")
	if name == "" || name == ":memory:" || strings.Contains(params, "mode=memory") || strings.Contains(params, "timeout") {
		return c
	}
	separator := "?"
	if strings.Contains(dsn, "?") {
		separator = "&"
	}
	return dsnConnector{c.Driver(), dsn + separator + "_busy_timeout=5000"}
}

// dsnConnector is what sql.Open makes of a driver and a data source name.
type dsnConnector struct {
	driver sqldriver.Driver
	dsn    string
}

// Connect opens a connection.
func (c dsnConnector) Connect(context.Context) (sqldriver.Conn, error) { return c.driver.Open(c.dsn) }

// Driver returns the driver.
func (c dsnConnector) Driver() sqldriver.Driver { return c.driver }

// connector tells what its cache did.
type connector struct {
	sqldriver.Connector
	rehearsal *rehearsal // nil in mode Live

	once sync.Once
	pool *sql.DB // written under once
	live *livesql.DB
	err  error
}

// handle returns livesql's handle of the connector.
func (c *connector) handle() (*livesql.DB, error) {
	c.once.Do(func() {
		c.pool = sql.OpenDB(c.Connector)
		c.live, c.err = livesql.From(context.Background(), c.pool)
	})
	return c.live, c.err
}

// Connect opens a connection.
func (c *connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil || c.rehearsal == nil {
		return inner, err
	}
	return &conn{complete: inner.(complete), rehearsal: c.rehearsal}, nil
}

// Close closes livesql's connector.
func (c *connector) Close() error {
	c.once.Do(func() { c.err = errClosed })
	if c.pool != nil {
		return c.pool.Close()
	}
	return c.Connector.(io.Closer).Close()
}

var errClosed = errors.New("suites: closed")

// Unwrap returns livesql's connector.
func (c *connector) Unwrap() sqldriver.Connector { return c.Connector }

// refused is a connector that livesql would not open.
type refused struct {
	sqldriver.Connector
	err error
}

// Connect returns livesql's error.
func (r refused) Connect(context.Context) (sqldriver.Conn, error) { return nil, r.err }

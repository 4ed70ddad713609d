package operate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vantage-go/live/dialects"
	_ "github.com/vantage-go/live/dialects/mysql" // the dialects of the command line
	_ "github.com/vantage-go/live/dialects/postgres"
	_ "github.com/vantage-go/live/dialects/postgres/pgx"
	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/internal/params"
	"github.com/vantage-go/live/listen"
)

// Target is the database that a command is about.
type Target struct {
	Driver string `short:"d" placeholder:"NAME" env:"LIVESQL_DRIVER" help:"postgres, pgx, mysql or sqlite. Told from the data source name where that shows it."`
	DSN    string `name:"dsn" required:"" placeholder:"DSN" env:"LIVESQL_DSN" help:"Data source name, as the driver takes it."`
}

// ErrNoDriver is returned for a data source name that does not show whose it
// is.
var ErrNoDriver = errors.New("which driver the data source name is for cannot be told: add --driver")

// ErrMySQLURL is returned for a URL of a MySQL or MariaDB server, which many
// programs take and the driver does not.
var ErrMySQLURL = errors.New("the driver of MySQL takes no URL: write user:password@tcp(host:3306)/database")

// driver returns the name of the dialect.
func (t Target) driver() (string, error) {
	scheme, _, ok := strings.Cut(t.DSN, "://")
	switch {
	case ok && (scheme == "mysql" || scheme == "mariadb"):
		return "", ErrMySQLURL
	case t.Driver != "":
		return t.Driver, nil
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		return "postgres", nil
	case strings.HasPrefix(t.DSN, "file:"):
		return "sqlite", nil
	case strings.Contains(t.DSN, "@tcp(") || strings.Contains(t.DSN, "@unix("):
		return "mysql", nil
	}
	path, _, _ := strings.Cut(t.DSN, "?")
	switch filepath.Ext(path) {
	case ".db", ".sqlite", ".sqlite3":
		if !strings.ContainsAny(path, "=@") { // words of another driver, perhaps with a password
			return "sqlite", nil
		}
	}
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		return "sqlite", nil
	}
	return "", ErrNoDriver
}

// ErrNoFile is returned for a SQLite database that is not there: opening it
// would create it.
var ErrNoFile = errors.New("there is no such database file")

// exists returns an error if the database is a file that does not exist.
func (t Target) exists(d dialects.Dialect) error {
	if d.Flavor() != dialects.SQLite {
		return nil
	}
	path, query, _ := strings.Cut(t.DSN, "?")
	if p, ok := d.(interface{ Place(dsn string) string }); ok {
		path = p.Place(t.DSN) // a URI has a path that is written in another way
	}
	if path == "" || path == ":memory:" || strings.Contains(query, "mode=memory") {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return ErrNoFile
	}
	return nil
}

// capturer returns the dialect, as one that captures.
func (t Target) capturer() (listen.Capturer, error) {
	name, err := t.driver()
	if err != nil {
		return nil, err
	}
	d, err := dialects.Lookup(name)
	if err != nil {
		return nil, err
	}
	c, ok := d.(listen.Capturer)
	if !ok {
		return nil, fmt.Errorf("livesql cannot capture the changes of a %s database", name)
	}
	return c, nil
}

// use calls f with the database, over the plain driver.
func (t Target) use(ctx context.Context, f func(listen.Capturer, *sql.DB) error) (err error) {
	c, err := t.capturer()
	if err != nil {
		return err
	}
	if err := t.exists(c); err != nil {
		return err
	}
	// A program's name may be given as it is: what it says to livesql is not for the driver.
	dsn, _ := params.Split(t.DSN)
	connector, err := c.Connector(dsn)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("connecting to the database: %w", err)
	}
	return f(c, db)
}

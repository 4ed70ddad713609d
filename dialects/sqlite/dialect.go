package sqlite

import (
	sqldriver "database/sql/driver"
	"fmt"
	"strings"

	"modernc.org/sqlite"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

func init() {
	dialects.Register(Dialect{})
}

// Dialect is SQLite with modernc.org/sqlite.
type Dialect struct{}

var _ listen.Backer = Dialect{}

// Name returns "sqlite".
func (Dialect) Name() string { return "sqlite" }

// BindName returns the name under which sqlx knows SQLite's placeholders.
func (Dialect) BindName() string { return "sqlite3" }

// Flavor returns [dialects.SQLite].
func (Dialect) Flavor() dialects.Flavor { return dialects.SQLite }

// Takes reports true: SQLite drivers leave arguments to database/sql.
func (Dialect) Takes(any) bool { return true }

// Place returns the path of the file that dsn names, or nothing.
func (Dialect) Place(dsn string) string {
	path, _, _ := strings.Cut(dsn, "?")
	if uri, ok := strings.CutPrefix(path, "file:"); ok {
		path, _ = uriPath(uri)
	}
	return path
}

// Native reports whether c is a connector of modernc.org/sqlite.
func (d Dialect) Native(c sqldriver.Connector) bool { return dialects.Makes(d, c) }

// Connector returns a connector of modernc.org/sqlite. Unless dsn sets a busy
// timeout itself, connections wait up to five seconds for a lock instead of
// failing at once: livesql's own connections are further users of the file,
// and none of them may make a write of the program fail.
func (Dialect) Connector(dsn string) (sqldriver.Connector, error) {
	connector, err := sqlite.NewConnector(withBusyTimeout(dsn))
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	return connector, nil
}

// Backend returns the backend of one handle.
func (Dialect) Backend(config listen.BackendConfig) (listen.Backend, error) {
	return newDatabase(config), nil
}

package sqlite

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/internal/dial"
	"github.com/vantage-go/live/listen"
)

// database is the backend of one handle: its change log and the meaning of
// its statements, over connections of its own.
type database struct {
	// own dials livesql's own connections. The program's pool is never used.
	own *sql.DB
	log *slog.Logger

	// auto tells whether the backend installs triggers itself.
	auto atomic.Bool
	// nextInstall is when a failed installation may be tried again. It belongs
	// to the feed's goroutine.
	nextInstall time.Time
	// path is where the database is, and file what was last found there. They
	// belong to the feed's goroutine, too.
	path string
	file os.FileInfo

	identity atomic.Uint64
	catalog  atomic.Pointer[dialects.Catalog]
	versions atomic.Uint64

	analyst analyst
	memo    *dialects.Memo
}

// maxTemplates is the number of templates of statements whose meaning is
// remembered.
const maxTemplates = 2000

var _ listen.Backend = (*database)(nil)

func newDatabase(config listen.BackendConfig) *database {
	d := &database{own: sql.OpenDB(dial.Through(config.Connector)), log: config.Log, memo: dialects.NewMemo(dialects.SQLite, maxTemplates)}
	// A connection that is given back is gone: an idle one could be to a file
	// that was replaced.
	d.own.SetMaxIdleConns(-1)
	d.auto.Store(config.Install == listen.InstallAuto || config.Install == listen.InstallOwn && config.DSN != "" && absent(config.DSN))
	d.analyst.token = make(chan struct{}, 1)
	d.analyst.never = config.Install == listen.InstallNever
	d.publish(&schema{})
	return d
}

// Identity numbers the files seen behind the connector.
func (d *database) Identity() uint64 { return d.identity.Load() }

// changed notes that another file has taken the place of the database.
func (d *database) changed() {
	d.analyst.reopen.Store(true)
	d.identity.Add(1)
}

// Version returns the current catalogue version.
func (d *database) Version() uint64 { return d.versions.Load() }

// publish makes s the schema that statements are analysed under.
func (d *database) publish(s *schema) {
	version := d.versions.Load() + 1
	d.catalog.Store(s.catalog(version))
	d.versions.Store(version)
}

// Close closes livesql's own connections.
func (d *database) Close() error {
	d.analyst.close()
	return d.own.Close()
}

// Connect opens the feed's connection.
func (d *database) Connect(ctx context.Context) (listen.Reader, error) {
	r, err := connect(ctx, d)
	if err != nil {
		return nil, err
	}
	return r, nil
}

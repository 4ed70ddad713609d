package sqlite

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"sync"
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

	// always, auto and later tell whether the backend installs triggers itself:
	// because the program wants it, because the database is livesql's own and does
	// not say it yet, because the database says it. Who uninstalls ends the last two.
	always      bool
	auto, later atomic.Bool
	// nextInstall is when an installation may be tried again after pause, since it has
	// failed for failure. They belong to the feed's goroutine.
	nextInstall time.Time
	pause       time.Duration
	failure     string
	// installing has the outcome of an installation, and is nil if there is none. It
	// belongs to the feed's goroutine; the workers end with life.
	installing chan error
	workers    sync.WaitGroup
	life       context.Context //nolint:containedctx // the backend's own life, which Close ends
	end        context.CancelFunc
	// name is the path in the data source name, or empty; it does not change. path
	// is where the database is, and file what was last found there. They belong to
	// the feed's goroutine, too.
	name string
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
	d := &database{own: sql.OpenDB(dial.Through(config.Connector)), log: config.Log, name: Dialect{}.Place(config.DSN), memo: dialects.NewMemo(dialects.SQLite, maxTemplates)}
	d.life, d.end = context.WithCancel(context.Background())
	// A connection that is given back is gone: an idle one could be to a file
	// that was replaced.
	d.own.SetMaxIdleConns(-1)
	d.always = config.Install == listen.InstallAuto
	d.auto.Store(config.Install == listen.InstallOwn && config.DSN != "" && absent(config.DSN))
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
	d.end()
	d.workers.Wait()
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

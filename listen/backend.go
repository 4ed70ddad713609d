package listen

import (
	"errors"
	"io"
	"log/slog"

	sqldriver "database/sql/driver"

	"github.com/vantage-go/live/dialects"
)

// ErrNoLog is what a [*NoLogError] unwraps to.
var ErrNoLog = errors.New("no change feed")

// NoLogError is returned by Connect when the database has no change log and
// will not get one: the feed stays Off with it.
type NoLogError struct {
	// Why says why, for people.
	Why string
}

func (e *NoLogError) Error() string { return e.Why }

// Unwrap returns [ErrNoLog].
func (e *NoLogError) Unwrap() error { return ErrNoLog }

// Backend is everything that one handle needs of a database with a change log:
// the meaning of its statements, the log itself, and the identity of the
// database behind a connection. Opening one does no I/O.
type Backend interface {
	dialects.Analyzer
	Source

	// Identity numbers the databases that the feed has seen behind its
	// connector: it changes when another one took the place of the first, as
	// when a file is replaced. Results read over a connection that was dialled
	// under another identity say nothing about the current one.
	Identity() uint64

	io.Closer
}

// Backer is a dialect whose databases have change logs.
type Backer interface {
	dialects.Dialect

	// Backend returns the backend of one handle. Connections of its own are
	// dialled through config.Connector, when they are needed.
	Backend(config BackendConfig) (Backend, error)
}

// BackendConfig is what a handle tells its backend.
type BackendConfig struct {
	// Connector is the inner driver's.
	Connector sqldriver.Connector
	// DSN is what Connector was made of, or empty when the caller brought it.
	DSN string
	// FeedDSN, if not empty, is what the feed connects to instead: the database
	// itself when the program goes through a pooler.
	FeedDSN string
	// Install tells when the backend may install capture triggers itself.
	Install Install
	// Log is never nil.
	Log *slog.Logger
}

// Install is a policy for installing capture triggers.
type Install uint8

// The policies.
const (
	// InstallOwn: only in a database that livesql itself created.
	InstallOwn Install = iota
	// InstallAuto: in every table, including those created later.
	InstallAuto
	// InstallNever: only what `livesql install` put there is used.
	InstallNever
)

//go:build unix

package server

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// engine is what differs between the SQL servers.
type engine interface {
	program
	// initialize makes the data directory.
	initialize(ctx context.Context, i *instance) error
	// started is called after every start.
	started(ctx context.Context, i *instance) error
	// reconfigure brings new settings, already in i.settings, to a running
	// server. It reports whether the server has to be restarted for that.
	reconfigure(ctx context.Context, i *instance, settings map[string]string) (restart bool, err error)
	// create makes a database. If from is not "", it is a copy of that one; only
	// engines with copies are asked for it.
	create(ctx context.Context, i *instance, name, from string) error
	copies() bool
	drop(ctx context.Context, i *instance, name string) error
	// dsn addresses a database at "unix" or at a TCP address. An empty database
	// is the one for administration.
	dsn(i *instance, at, database string, params ...string) string
	connector(dsn string) (sqldriver.Connector, error)
}

// Server is a database server that belongs to one test. Its methods may be
// called from any goroutine; those that change its state wait for each other.
type Server struct {
	i    *instance
	eng  engine
	made atomic.Int64 // databases so far, for their names

	seedsMu sync.Mutex
	seeds   map[string]*seed
}

// Option configures a server that a test owns.
type Option func(*options)

type options struct {
	binDir   string
	settings map[string]string
}

// BinDir names the directory that holds the programs of the server, in place of
// those found on the machine.
func BinDir(dir string) Option {
	return func(o *options) { o.binDir = dir }
}

// Setting gives the server a configuration parameter: for PostgreSQL one of
// postgresql.conf, for MariaDB an option of mariadbd without the leading dashes.
func Setting(name, value string) Option {
	return func(o *options) { o.settings[name] = value }
}

func collect(opts []Option) options {
	o := options{settings: map[string]string{}}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// launch makes the data directory and starts the server.
func launch(ctx context.Context, name string, eng engine, settings map[string]string) (*Server, error) {
	i, err := newInstance(ctx, name, eng, settings)
	if err != nil {
		return nil, err
	}
	s := &Server{i: i, eng: eng, seeds: map[string]*seed{}}
	if err = eng.initialize(ctx, i); err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		_ = i.sup.close() // the first error is the one that tells
		return nil, err
	}
	return s, nil
}

// own launches a server that dies with its test.
func own(tb testing.TB, name string, find func(binDir string) (engine, error), opts []Option) *Server {
	tb.Helper()
	o := collect(opts)
	eng, err := find(o.binDir)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := launch(tb.Context(), name, eng, o.settings)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the end of the log of %s:\n%s", name, tail(s.i.log))
		}
		if err := s.i.sup.close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Addr is the server's TCP address. It stays the same over restarts.
func (s *Server) Addr() string { return s.i.addr() }

// PID is the server's main process, 0 if it does not run.
func (s *Server) PID() (int, error) { return s.i.pid() }

// Dir is the directory that holds everything the server writes.
func (s *Server) Dir() string { return s.i.dir }

// Start starts the server after Stop or Kill and returns when it answers.
func (s *Server) Start(ctx context.Context) error {
	if err := s.i.start(ctx); err != nil {
		return err
	}
	return s.eng.started(ctx, s.i)
}

// Stop shuts the server down in good order, without waiting for its clients. A
// server that does not run is no error.
func (s *Server) Stop(ctx context.Context) error { return s.i.stop(ctx) }

// Restart is Stop followed by Start.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(ctx); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Kill ends all processes of the server at once with SIGKILL and returns when
// none is left. A paused server can be killed too.
func (s *Server) Kill() error { return s.i.kill() }

// Pause freezes all processes of the server with SIGSTOP. The kernel goes on to
// accept connections and bytes for it, but nobody answers.
func (s *Server) Pause() error { return s.i.freeze() }

// Resume ends a Pause.
func (s *Server) Resume() error { return s.i.thaw() }

// Configure changes settings (see [Setting]) and returns when new connections
// see them. It restarts the server if a setting asks for it. Settings stay over
// restarts.
func (s *Server) Configure(ctx context.Context, settings map[string]string) error {
	s.i.set(settings)
	restart, err := s.eng.reconfigure(ctx, s.i, settings)
	if err != nil {
		return fmt.Errorf("server: configure: %w", err)
	}
	if restart {
		return s.Restart(ctx)
	}
	return nil
}

// open returns a pool on one of the server's databases.
func open(eng engine, i *instance, database string) (*sql.DB, error) {
	c, err := eng.connector(eng.dsn(i, "unix", database))
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return sql.OpenDB(c), nil
}

// administer runs a function on the database for administration.
func administer(eng engine, i *instance, f func(db *sql.DB) error) error {
	db, err := open(eng, i, "")
	if err != nil {
		return err
	}
	return errors.Join(f(db), db.Close())
}

// answers succeeds when the server lets somebody in.
func answers(ctx context.Context, eng engine, i *instance) error {
	return administer(eng, i, func(db *sql.DB) error { return db.PingContext(ctx) })
}

// shared is a server of the whole test binary, started by its first user.
type shared struct {
	once    sync.Once
	server  *Server
	err     error
	startup time.Duration
}

func (sh *shared) get(ctx context.Context, name string, find func(binDir string) (engine, error)) (*Server, error) {
	sh.once.Do(func() {
		begin := time.Now()
		eng, err := find("")
		if err != nil {
			sh.err = err
			return
		}
		// The first user's test may end, and its context with it, while others wait.
		sh.server, sh.err = launch(context.WithoutCancel(ctx), name, eng, nil)
		sh.startup = time.Since(begin)
	})
	return sh.server, sh.err
}

//go:build unix

package server

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// Database is one database on a server, made for one test.
type Database struct {
	s    *Server
	name string
	open func() *sql.DB
}

// DatabaseOption configures a new database.
type DatabaseOption func(*databaseOptions)

type databaseOptions struct {
	key  string
	fill func(context.Context, *sql.DB) error
}

// Seed fills the new database. Where the engine can copy databases
// (PostgreSQL), fill runs once per server and key, and each database with that
// key is a copy of the result; elsewhere it runs for each database. It must
// therefore depend on nothing but the key.
func Seed(key string, fill func(ctx context.Context, db *sql.DB) error) DatabaseOption {
	return func(o *databaseOptions) { o.key, o.fill = key, fill }
}

// seed is a database from which others are copied.
type seed struct {
	once sync.Once
	name string
	err  error
}

// dropTimeout bounds the removal of a database at the end of its test.
const dropTimeout = time.Minute

// Database makes a database that is closed when the test ends. It goes with its
// server, which may be down at that time.
func (s *Server) Database(tb testing.TB, opts ...DatabaseOption) *Database {
	tb.Helper()
	d, err := s.newDatabase(tb.Context(), tb.Name(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.close(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// database makes a database on a shared server and drops it when the test ends.
func (sh *shared) database(tb testing.TB, name string, find func(string) (engine, error), opts []DatabaseOption) *Database {
	tb.Helper()
	s, err := sh.get(tb.Context(), name, find)
	if err != nil {
		tb.Fatal(err)
	}
	d, err := s.newDatabase(tb.Context(), tb.Name(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		// The context of the test is over before its clean-up begins.
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		if err := errors.Join(d.close(), s.eng.drop(ctx, s.i, d.name)); err != nil {
			tb.Error(err)
		}
	})
	return d
}

func (s *Server) newDatabase(ctx context.Context, test string, opts []DatabaseOption) (*Database, error) {
	var o databaseOptions
	for _, opt := range opts {
		opt(&o)
	}
	d := &Database{s: s, name: s.databaseName(test)}
	if err := s.makeDatabase(ctx, d.name, o); err != nil {
		return nil, err
	}
	connector, err := s.eng.connector(d.SocketDSN())
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	d.open = sync.OnceValue(func() *sql.DB { return sql.OpenDB(connector) })
	return d, nil
}

// databaseName is unique on the server and tells whose database it is.
func (s *Server) databaseName(test string) string {
	const limit = 40
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(test))
	return fmt.Sprintf("t%d_%s", s.made.Add(1), clean[:min(len(clean), limit)])
}

func (s *Server) makeDatabase(ctx context.Context, name string, o databaseOptions) error {
	switch {
	case o.fill == nil:
		return s.eng.create(ctx, s.i, name, "")
	case !s.eng.copies():
		return s.makeFilled(ctx, name, o)
	}
	template, err := s.template(ctx, o)
	if err != nil {
		return err
	}
	return s.eng.create(ctx, s.i, name, template)
}

// template returns the name of the database to copy for a seed.
func (s *Server) template(ctx context.Context, o databaseOptions) (string, error) {
	s.seedsMu.Lock()
	sd := s.seeds[o.key]
	if sd == nil {
		sd = &seed{name: fmt.Sprintf("seed%d", len(s.seeds)+1)}
		s.seeds[o.key] = sd
	}
	s.seedsMu.Unlock()
	sd.once.Do(func() {
		// The test that came first may end while others wait for the seed.
		sd.err = s.makeFilled(context.WithoutCancel(ctx), sd.name, o)
	})
	return sd.name, sd.err
}

func (s *Server) makeFilled(ctx context.Context, name string, o databaseOptions) error {
	if err := s.eng.create(ctx, s.i, name, ""); err != nil {
		return err
	}
	db, err := open(s.eng, s.i, name)
	if err != nil {
		return err
	}
	if err := errors.Join(o.fill(ctx, db), db.Close()); err != nil {
		return fmt.Errorf("server: seed %q: %w", o.key, err)
	}
	return nil
}

func (d *Database) close() error { return d.open().Close() }

// Name is the database's name.
func (d *Database) Name() string { return d.name }

// Addr is the TCP address of the server, the target for a [Proxy].
func (d *Database) Addr() string { return d.s.Addr() }

// DSN is a data source name for a connection over TCP: the URL form for
// PostgreSQL (for lib/pq and pgx alike), the form of go-sql-driver for MariaDB.
// Each of params is one "name=value", appended as it is.
func (d *Database) DSN(params ...string) string {
	return d.s.eng.dsn(d.s.i, d.s.Addr(), d.name, params...)
}

// SocketDSN is DSN over the Unix socket, the faster way.
func (d *Database) SocketDSN(params ...string) string {
	return d.s.eng.dsn(d.s.i, "unix", d.name, params...)
}

// DSNVia is DSN with another TCP address, that of a [Proxy].
func (d *Database) DSNVia(addr string, params ...string) string {
	return d.s.eng.dsn(d.s.i, addr, d.name, params...)
}

// DB is a pool of plain connections over the Unix socket, through lib/pq or
// go-sql-driver. All calls return the same pool; it is closed when the test ends.
func (d *Database) DB() *sql.DB { return d.open() }

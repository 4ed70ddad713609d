//go:build unix

package server

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/vantage-go/live/internal/wait"
)

var findPostgres = finder{
	engine:   "PostgreSQL",
	pkg:      "postgresql",
	env:      "LIVESQL_POSTGRES_BIN",
	programs: [][]string{{"initdb"}, {"postgres"}},
	globs:    []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"},
}

var sharedPostgres shared

// Postgres returns a new database on the PostgreSQL server that the test binary
// shares. The first call starts the server. The superuser is "postgres", without
// a password.
func Postgres(tb testing.TB, opts ...DatabaseOption) *Database {
	tb.Helper()
	return sharedPostgres.database(tb, "postgres", newPostgres, opts)
}

// OwnPostgres starts a PostgreSQL server that belongs to the test.
func OwnPostgres(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	return own(tb, "postgres", newPostgres, opts)
}

// postgresSettings are the settings that each server starts with. Nothing is
// flushed to disk, but commits are acknowledged only after their WAL was written
// (synchronous_commit is left on): they survive the death of the processes.
func postgresSettings(i *instance) map[string]string {
	return map[string]string{
		"listen_addresses":          "127.0.0.1",
		"unix_socket_directories":   i.dir,
		"fsync":                     "off",
		"full_page_writes":          "off",
		"max_connections":           "200",
		"max_prepared_transactions": "50",
		"shared_buffers":            "64MB",
		"timezone":                  "UTC",
		"log_timezone":              "UTC",
		"log_line_prefix":           "%m [%p] %d ",
	}
}

type postgres struct {
	initdb, postgres string
	uid, gid         uint32
	version          atomic.Int64 // server_version_num, known after the first start
}

func newPostgres(binDir string) (engine, error) {
	paths, err := findPostgres.find(binDir)
	if err != nil {
		return nil, err
	}
	p := &postgres{initdb: paths[0], postgres: paths[1]}
	p.uid, p.gid, _ = identity("postgres")
	return p, nil
}

// initialize runs initdb anew for each server, rather than to copy the outcome
// of another run, because that is what gives a server an identity of its own
// (system_identifier).
func (p *postgres) initialize(_ context.Context, i *instance) error {
	if err := give(i.dir, p.uid, p.gid); err != nil {
		return err
	}
	err := i.sup.run(command{
		Argv: []string{p.initdb, "-D", i.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"},
		Dir:  i.dir,
		Log:  filepath.Join(i.dir, "initdb.log"),
		UID:  p.uid,
		GID:  p.gid,
	})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(i.data(), "postgresql.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\ninclude '" + postgresConf + "'\n")
	return errors.Join(err, f.Close())
}

// postgresConf is the file, next to postgresql.conf, with the settings of the test.
const postgresConf = "test.conf"

func (p *postgres) configure(i *instance) error {
	settings := postgresSettings(i)
	for name, value := range i.currentSettings() {
		settings[name] = value
	}
	settings["port"] = fmt.Sprint(i.tcpPort())
	var lines []string
	for name, value := range settings {
		lines = append(lines, fmt.Sprintf("%s = '%s'\n", name, strings.ReplaceAll(value, "'", "''")))
	}
	slices.Sort(lines)
	path := filepath.Join(i.data(), postgresConf)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644); err != nil {
		return err
	}
	return give(path, p.uid, p.gid)
}

func (p *postgres) command(i *instance) (command, error) {
	if err := p.configure(i); err != nil {
		return command{}, err
	}
	return command{
		Argv: []string{p.postgres, "-D", i.data()},
		UID:  p.uid,
		GID:  p.gid,
		Quit: syscall.SIGQUIT, // immediate shutdown, which releases shared memory
	}, nil
}

func (p *postgres) ping(ctx context.Context, i *instance) error { return answers(ctx, p, i) }

// stopSignal is the one for a "fast" shutdown: sessions are ended.
func (p *postgres) stopSignal() syscall.Signal { return syscall.SIGINT }

func (p *postgres) started(ctx context.Context, i *instance) error {
	return administer(p, i, func(db *sql.DB) error {
		var version int64
		if err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
			return fmt.Errorf("server: ask for the version: %w", err)
		}
		p.version.Store(version)
		return nil
	})
}

// reconfigure rewrites the configuration and returns when the postmaster, from
// which new sessions inherit, has read it.
func (p *postgres) reconfigure(ctx context.Context, i *instance, _ map[string]string) (restart bool, err error) {
	pid, err := i.pid()
	if err != nil || pid == 0 {
		return false, err // Start will write the configuration
	}
	if err := p.configure(i); err != nil {
		return false, err
	}
	loaded := func() (at time.Time, err error) {
		err = administer(p, i, func(db *sql.DB) error {
			return db.QueryRowContext(ctx, "SELECT pg_conf_load_time()").Scan(&at)
		})
		return at, err
	}
	before, err := loaded()
	if err != nil {
		return false, err
	}
	if _, err := i.sup.do(request{Op: opSignal, Signal: syscall.SIGHUP}); err != nil {
		return false, err
	}
	for {
		after, err := loaded()
		if err != nil {
			return false, err
		}
		if !after.Equal(before) {
			break
		}
		if err := wait.For(ctx, 2*time.Millisecond); err != nil {
			return false, err
		}
	}
	return restart, administer(p, i, func(db *sql.DB) error {
		var bad sql.NullString
		// A setting that waits for a restart counts as an error there, too.
		if err := db.QueryRowContext(ctx, `SELECT string_agg(coalesce(name || ': ', '') || error, '; ')
			FROM pg_file_settings f WHERE error IS NOT NULL
			AND NOT EXISTS (SELECT FROM pg_settings s WHERE s.name = f.name AND s.pending_restart)`).Scan(&bad); err != nil {
			return err
		}
		if bad.Valid {
			return errors.New(bad.String)
		}
		return db.QueryRowContext(ctx, "SELECT count(*) > 0 FROM pg_settings WHERE pending_restart").Scan(&restart)
	})
}

func (p *postgres) copies() bool { return true }

// create copies a database with STRATEGY = FILE_COPY where it can be chosen. With
// fsync off its checkpoints cost little, and it takes about 0.6 times as long as
// WAL_LOG (measured on a busy machine: 85 ms against 145 ms).
func (p *postgres) create(ctx context.Context, i *instance, name, from string) error {
	stmt := "CREATE DATABASE " + pq.QuoteIdentifier(name)
	if from == "" {
		from = "template0"
	}
	stmt += " TEMPLATE " + pq.QuoteIdentifier(from)
	if p.version.Load() >= 15_00_00 {
		stmt += " STRATEGY FILE_COPY"
	}
	return p.exec(ctx, i, stmt)
}

func (p *postgres) drop(ctx context.Context, i *instance, name string) error {
	return p.exec(ctx, i, "DROP DATABASE "+pq.QuoteIdentifier(name)+" WITH (FORCE)")
}

func (p *postgres) exec(ctx context.Context, i *instance, stmt string) error {
	return administer(p, i, func(db *sql.DB) error {
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("server: %s: %w", stmt, err)
		}
		return nil
	})
}

func (p *postgres) dsn(i *instance, at, database string, params ...string) string {
	if database == "" {
		database = "postgres"
	}
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: at, Path: "/" + database}
	query := []string{"sslmode=disable"}
	if at == "unix" {
		u.Host = ""
		query = append(query, "host="+url.QueryEscape(i.dir), "port="+fmt.Sprint(i.tcpPort()))
	}
	u.RawQuery = strings.Join(append(query, params...), "&")
	return u.String()
}

func (p *postgres) connector(dsn string) (sqldriver.Connector, error) { return pq.NewConnector(dsn) }

//go:build unix

package server

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

var findMariaDB = finder{
	engine:   "MariaDB",
	pkg:      "mariadb-server",
	env:      "LIVESQL_MARIADB_BIN",
	programs: [][]string{{"mariadb-install-db", "mysql_install_db"}, {"mariadbd", "mysqld"}},
	globs:    []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/opt/mariadb/bin"},
	// The one is a tool, in /usr/bin, the other a server, in /usr/sbin.
	scattered: true,
}

var sharedMariaDB shared

// MariaDB returns a new database on the MariaDB server that the test binary
// shares. The first call starts the server. The superuser is "root", without a
// password.
func MariaDB(tb testing.TB, opts ...DatabaseOption) *Database {
	tb.Helper()
	return sharedMariaDB.database(tb, "mariadb", newMariaDB, opts)
}

// OwnMariaDB starts a MariaDB server that belongs to the test.
func OwnMariaDB(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	return own(tb, "mariadb", newMariaDB, opts)
}

// mariaDBSettings are the options that each server starts with. The log is
// written at each commit, but not flushed to disk: commits survive the death of
// the process.
func mariaDBSettings(i *instance) map[string]string {
	return map[string]string{
		"datadir":                        i.data(),
		"socket":                         filepath.Join(i.dir, mariaDBSocket),
		"pid-file":                       filepath.Join(i.dir, "mariadbd.pid"),
		"tmpdir":                         i.dir,
		"bind-address":                   "127.0.0.1",
		"skip-name-resolve":              "ON",
		"character-set-server":           "utf8mb4",
		"default-time-zone":              "+00:00",
		"max-connections":                "200",
		"innodb-buffer-pool-size":        "64M",
		"innodb-log-file-size":           mariaDBLogSize,
		"innodb-flush-log-at-trx-commit": "2",
		"loose-innodb-flush-method":      "nosync",
	}
}

const (
	mariaDBSocket  = "socket"
	mariaDBLogSize = "8M"
)

type mariaDB struct {
	install, mariadbd string
	uid, gid          uint32
	root              bool // for want of a better user
}

func newMariaDB(binDir string) (engine, error) {
	paths, err := findMariaDB.find(binDir)
	if err != nil {
		return nil, err
	}
	m := &mariaDB{install: paths[0], mariadbd: paths[1]}
	var name string
	m.uid, m.gid, name = identity("mysql", "mariadb")
	m.root = m.uid == 0 && name == ""
	return m, nil
}

// initialize copies the system tables from the user's cache, or makes them and
// puts them there: mariadb-install-db takes some seconds.
func (m *mariaDB) initialize(_ context.Context, i *instance) error {
	if err := give(i.dir, m.uid, m.gid); err != nil {
		return err
	}
	argv := []string{
		m.install, "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db",
		"--innodb-log-file-size=" + mariaDBLogSize, "--loose-innodb-flush-method=nosync",
	}
	c := newCache("mariadb", argv, m.install, m.mariadbd)
	if c.copyTo(i.data()) {
		return give(i.data(), m.uid, m.gid)
	}
	err := i.sup.run(command{
		// A server that starts removes the temporary tables that it finds, those
		// of another installation, too.
		Argv: append(argv, "--datadir="+i.data(), "--tmpdir="+i.dir),
		Dir:  i.dir,
		Log:  filepath.Join(i.dir, "install.log"),
		UID:  m.uid,
		GID:  m.gid,
	})
	if err != nil {
		return err
	}
	c.fill(i.data())
	return nil
}

func (m *mariaDB) command(i *instance) (command, error) {
	settings := mariaDBSettings(i)
	for name, value := range i.currentSettings() {
		settings[strings.ReplaceAll(name, "_", "-")] = value
	}
	settings["port"] = strconv.Itoa(i.tcpPort())
	var args []string
	for name, value := range settings {
		args = append(args, "--"+name+"="+value)
	}
	slices.Sort(args)
	argv := append([]string{m.mariadbd, "--no-defaults"}, args...)
	if m.root {
		argv = append(argv, "--user=root")
	}
	return command{Argv: argv, UID: m.uid, GID: m.gid}, nil
}

func (m *mariaDB) ping(ctx context.Context, i *instance) error { return answers(ctx, m, i) }

func (m *mariaDB) stopSignal() syscall.Signal { return syscall.SIGTERM }

func (m *mariaDB) started(context.Context, *instance) error { return nil }

// reconfigure sets global variables. Some can be given at the start only.
func (m *mariaDB) reconfigure(ctx context.Context, i *instance, settings map[string]string) (restart bool, err error) {
	pid, err := i.pid()
	if err != nil || pid == 0 {
		return false, err // Start takes the settings along
	}
	const readOnly = 1238
	return restart, administer(m, i, func(db *sql.DB) error {
		for name, value := range settings {
			_, err := db.ExecContext(ctx, "SET GLOBAL "+strings.ReplaceAll(name, "-", "_")+" = "+mariaDBLiteral(value))
			var refused *mysql.MySQLError
			if errors.As(err, &refused) && refused.Number == readOnly {
				restart = true
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

// mariaDBLiteral quotes what is not a number.
func mariaDBLiteral(value string) string {
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return value
	}
	return "'" + strings.ReplaceAll(strings.ReplaceAll(value, `\`, `\\`), "'", "''") + "'"
}

func (m *mariaDB) copies() bool { return false }

func (m *mariaDB) create(ctx context.Context, i *instance, name, _ string) error {
	return m.exec(ctx, i, "CREATE DATABASE `"+name+"`")
}

func (m *mariaDB) drop(ctx context.Context, i *instance, name string) error {
	return m.exec(ctx, i, "DROP DATABASE `"+name+"`")
}

func (m *mariaDB) exec(ctx context.Context, i *instance, stmt string) error {
	return administer(m, i, func(db *sql.DB) error {
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("server: %s: %w", stmt, err)
		}
		return nil
	})
}

func (m *mariaDB) dsn(i *instance, at, database string, params ...string) string {
	address := "tcp(" + at + ")"
	if at == "unix" {
		address = "unix(" + filepath.Join(i.dir, mariaDBSocket) + ")"
	}
	dsn := "root@" + address + "/" + database
	if len(params) > 0 {
		dsn += "?" + strings.Join(params, "&")
	}
	return dsn
}

func (m *mariaDB) connector(dsn string) (sqldriver.Connector, error) {
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	c.Logger = &mysql.NopLogger{} // it would print every refused connection of a start
	return mysql.NewConnector(c)
}

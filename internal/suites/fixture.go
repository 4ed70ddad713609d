//go:build unix

package suites

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vantage-go/live/testdb/server"
)

// Fixture is the servers that suites need. Each is started by the first suite
// that asks for it and stopped by Close.
type Fixture struct {
	dir  string // for what is not the server's own
	root string // of this module's source
	tb   *scope

	pg, maria     *server.Server
	pgDB, mariaDB *sql.DB // for administration
	sqliteFiles   int
}

func newFixture(root, dir string) *Fixture {
	return &Fixture{root: root, dir: dir, tb: newScope("suites")}
}

// Close stops the servers.
func (f *Fixture) Close() error { return f.tb.close() }

// postgres returns a server that answers with and without TLS, as lib/pq's
// suite wants it; the other suites do not mind.
func (f *Fixture) postgres(ctx context.Context) (*server.Server, error) {
	if f.pg != nil {
		return f.pg, nil
	}
	testdata, err := f.pqTestdata(ctx)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(f.dir, "postgres")
	if err := copyTree(filepath.Join(testdata, "ssl"), dir); err != nil {
		return nil, err
	}
	if err := copyTree(filepath.Join(testdata, "postgres"), dir); err != nil {
		return nil, err
	}
	if err := private(filepath.Join(dir, "server.key"), "postgres"); err != nil {
		return nil, err
	}
	roles, err := os.ReadFile(filepath.Join(dir, "docker-entrypoint-initdb.d", "20-config.sql"))
	if err != nil {
		return nil, err
	}
	var pg *server.Server
	var db *sql.DB
	err = f.tb.do(func(tb *scope) {
		pg = server.OwnPostgres(tb,
			server.Setting("ssl", "on"),
			server.Setting("ssl_ca_file", filepath.Join(dir, "root.crt")),
			server.Setting("ssl_cert_file", filepath.Join(dir, "server.crt")),
			server.Setting("ssl_key_file", filepath.Join(dir, "server.key")),
			server.Setting("hba_file", filepath.Join(dir, "pg_hba.conf")),
		)
		db = pg.Database(tb).DB()
	})
	if err != nil {
		return nil, err
	}
	// The certificates are settings of the server already.
	statements := []string{"CREATE ROLE pqgo SUPERUSER LOGIN"}
	for _, s := range strings.Split(string(roles), ";\n") {
		if !strings.HasPrefix(s, "alter system") {
			statements = append(statements, s)
		}
	}
	if err := execute(ctx, db, statements...); err != nil {
		return nil, err
	}
	f.pg, f.pgDB = pg, db
	return pg, nil
}

// mariadb returns a server with everything that go-sql-driver's suite uses.
func (f *Fixture) mariadb(ctx context.Context) (*server.Server, error) {
	if f.maria != nil {
		return f.maria, nil
	}
	testdata, err := f.pqTestdata(ctx)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(f.dir, "mariadb")
	if err := copyTree(filepath.Join(testdata, "ssl"), dir); err != nil {
		return nil, err
	}
	if err := private(filepath.Join(dir, "server.key"), "mysql"); err != nil {
		return nil, err
	}
	var maria *server.Server
	var db *sql.DB
	err = f.tb.do(func(tb *scope) {
		maria = server.OwnMariaDB(tb,
			server.Setting("local_infile", "ON"),
			server.Setting("performance_schema", "ON"),
			// TestLongData sends packets of up to 32 MB if it may, and fails
			// at the limit itself when it compresses them.
			server.Setting("max_allowed_packet", "64M"),
			// TestConcurrent opens as many connections as it may, all at once.
			server.Setting("max_connections", "100"),
			server.Setting("back_log", "500"),
			server.Setting("ssl_ca", filepath.Join(dir, "root.crt")),
			server.Setting("ssl_cert", filepath.Join(dir, "server.crt")),
			server.Setting("ssl_key", filepath.Join(dir, "server.key")),
		)
		db = maria.Database(tb).DB()
	})
	if err != nil {
		return nil, err
	}
	f.maria, f.mariaDB = maria, db
	return maria, nil
}

// pqTestdata returns lib/pq's testdata, which has certificates and a
// pg_hba.conf that no other suite contradicts.
func (f *Fixture) pqTestdata(ctx context.Context) (string, error) {
	dir, err := download(ctx, f.root, pqModule)
	return filepath.Join(dir, "testdata"), err
}

// private makes a key file readable for one user only: the one that runs the
// server when that is not the user of this process.
func private(file, owner string) error {
	if err := os.Chmod(file, 0o600); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(owner)
	if err != nil {
		return nil //nolint:nilerr // without such a user the server runs as this one
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return os.Chown(file, uid, gid)
}

// anchor is the table of that name in package cached.
const anchor = "livesql_suites_anchor"

func execute(ctx context.Context, db *sql.DB, statements ...string) error {
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// emptyPostgres makes an empty database, in place of one that is there, and
// returns the server's address.
func (f *Fixture) emptyPostgres(ctx context.Context, name string) (host, port string, err error) {
	pg, err := f.postgres(ctx)
	if err != nil {
		return "", "", err
	}
	if host, port, err = net.SplitHostPort(pg.Addr()); err != nil {
		return "", "", err
	}
	if err := execute(ctx, f.pgDB, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)", "CREATE DATABASE "+name); err != nil {
		return "", "", err
	}
	db, err := sql.Open("postgres", fmt.Sprintf("host=%s port=%s user=postgres dbname=%s sslmode=disable", host, port, name))
	if err != nil {
		return "", "", err
	}
	return host, port, errors.Join(execute(ctx, db, "CREATE TABLE "+anchor+" (id int)"), db.Close())
}

// emptyMariaDB makes an empty database, in place of one that is there, and
// returns the server's address.
func (f *Fixture) emptyMariaDB(ctx context.Context, name string) (addr string, err error) {
	maria, err := f.mariadb(ctx)
	if err != nil {
		return "", err
	}
	return maria.Addr(), execute(ctx, f.mariaDB, "DROP DATABASE IF EXISTS "+name, "CREATE DATABASE "+name,
		"CREATE TABLE "+name+"."+anchor+" (id int)")
}

func setupSQLX(ctx context.Context, f *Fixture) ([]string, error) {
	host, port, err := f.emptyPostgres(ctx, "sqlxtest")
	if err != nil {
		return nil, err
	}
	maria, err := f.emptyMariaDB(ctx, "sqlxtest")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return nil, err
	}
	f.sqliteFiles++
	return []string{
		"SQLX_POSTGRES_DSN=postgres://postgres@" + net.JoinHostPort(host, port) + "/sqlxtest?sslmode=disable",
		"SQLX_MYSQL_DSN=root@tcp(" + maria + ")/sqlxtest",
		"SQLX_SQLITE_DSN=" + filepath.Join(f.dir, fmt.Sprintf("sqlx%d.db", f.sqliteFiles)),
	}, nil
}

func setupPGX(ctx context.Context, f *Fixture) ([]string, error) {
	host, port, err := f.emptyPostgres(ctx, "pgx_test")
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("postgres", fmt.Sprintf("host=%s port=%s user=postgres dbname=pgx_test sslmode=disable", host, port))
	if err != nil {
		return nil, err
	}
	err = execute(ctx, db, "CREATE EXTENSION hstore", "CREATE EXTENSION ltree", "CREATE DOMAIN uint64 AS numeric(20,0)")
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	dsn := fmt.Sprintf("host=%s port=%s user=postgres dbname=pgx_test", host, port)
	return []string{"PGX_TEST_DATABASE=" + dsn, "PGX_TEST_TCP_CONN_STRING=" + dsn}, nil
}

func setupMySQL(ctx context.Context, f *Fixture) ([]string, error) {
	addr, err := f.emptyMariaDB(ctx, "gotest")
	if err != nil {
		return nil, err
	}
	return []string{
		"MYSQL_TEST_ADDR=" + addr, "MYSQL_TEST_PROT=tcp", "MYSQL_TEST_USER=root",
		"MYSQL_TEST_DBNAME=gotest", "MYSQL_TEST_CONCURRENT=1",
	}, nil
}

func setupPQ(ctx context.Context, f *Fixture) ([]string, error) {
	_, port, err := f.emptyPostgres(ctx, "pqgo")
	if err != nil {
		return nil, err
	}
	return []string{"PGHOST=localhost", "PGPORT=" + port, "PGUSER=pqgo", "PGDATABASE=pqgo"}, nil
}

package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/vantage-go/live/internal/dial"
	"github.com/vantage-go/live/listen"
)

// How long livesql's own sessions wait. The server rolls back what a process
// that vanished has left open, and lets go of its locks, after idleTimeout.
const (
	idleTimeout = 30 * time.Second
	lockTimeout = 2 * time.Second
)

// sessionStatements make a session of livesql the same whatever the server's
// defaults and the parameters of the data source name are. A poll must see
// each statement's own snapshot; and under READ COMMITTED the stamper locks
// rows only, and no gap in which a writer is about to log.
func sessionStatements(lock time.Duration) []string {
	seconds := max(1, int64(lock.Round(time.Second)/time.Second))
	return []string{
		"SET NAMES utf8mb4",
		"SET SESSION sql_mode = '" + captureMode + "', autocommit = 1, time_zone = '+00:00'",
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
		"SET SESSION sql_select_limit = 18446744073709551615", // or what is not read would count as not being there
		fmt.Sprintf("SET SESSION wait_timeout = %d, lock_wait_timeout = %d, innodb_lock_wait_timeout = %[2]d",
			int64(idleTimeout/time.Second), seconds),
	}
}

// ownConnector dials livesql's own sessions.
type ownConnector struct {
	dial.Connector
}

// Connect dials and sets up one session.
func (c ownConnector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, statement := range sessionStatements(lockTimeout) {
		if err := execute(ctx, conn, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("mysql: setting up a session: %w", err), conn.Close())
		}
	}
	return conn, nil
}

func execute(ctx context.Context, conn sqldriver.Conn, statement string) error {
	execer, ok := conn.(sqldriver.ExecerContext)
	if !ok {
		return errors.New("the driver's connections execute nothing")
	}
	_, err := execer.ExecContext(ctx, statement, nil)
	return err
}

// connectorOf returns a connector for livesql's own sessions. What the data
// source name asks of sessions is for the program's: only the way to the
// server is kept. A connector that is not of go-sql-driver/mysql, as a mock's,
// is never dialled.
func connectorOf(config listen.BackendConfig) (sqldriver.Connector, error) {
	dsn := config.FeedDSN
	if dsn == "" {
		if _, ok := config.Connector.Driver().(*mysql.MySQLDriver); !ok {
			return nil, &listen.NoLogError{Why: fmt.Sprintf("the driver is a %T: only go-sql-driver/mysql is known to reach a MySQL database", config.Connector.Driver())}
		}
		dsn = config.DSN
	}
	if dsn == "" {
		return ownConnector{dial.Through(config.Connector)}, nil
	}
	own, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("mysql: the data source name of the feed: %w", err)
	}
	own.Params, own.Collation, own.Loc = nil, "", time.UTC
	own.ClientFoundRows, own.ColumnsWithAlias, own.InterpolateParams = false, false, false
	own.MultiStatements, own.ParseTime, own.RejectReadOnly = false, false, false
	own.ReadTimeout, own.WriteTimeout = 0, 0
	own.CheckConnLiveness = true
	own.Logger = &mysql.NopLogger{} // the feed reports its failures itself
	c, err := mysql.NewConnector(own)
	if err != nil {
		return nil, fmt.Errorf("mysql: the data source name of the feed: %w", err)
	}
	return ownConnector{dial.Through(c)}, nil
}

// querier is the part of *sql.DB, *sql.Conn and *sql.Tx that reads need.
// Queries have no arguments: with them the driver would ask for a prepared
// statement, or not, as the program's data source name has it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

type scanFunc func(dest ...any) error

// each calls f for every row of a query.
func each(ctx context.Context, q querier, query string, f func(scanFunc) error) (err error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one reads the only row of a query, or returns [sql.ErrNoRows].
func one(ctx context.Context, q querier, query string, dest ...any) error {
	found := false
	err := each(ctx, q, query, func(scan scanFunc) error {
		found = true
		return scan(dest...)
	})
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

// discard closes a connection for good, instead of giving it back to its pool:
// its session is livesql's, and its state may be unknown. It waits for a
// statement that is running.
func discard(conn *sql.Conn) error {
	err := conn.Raw(func(any) error { return sqldriver.ErrBadConn })
	if errors.Is(err, sqldriver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		err = nil
	}
	if cerr := conn.Close(); cerr != nil && !errors.Is(cerr, sql.ErrConnDone) {
		err = errors.Join(err, cerr)
	}
	return err
}

// The server's errors that mean something here.
const (
	errNoSuchTable     = 1146
	errLockWaitTimeout = 1205
	errDeadlock        = 1213
	errDBAccess        = 1044
	errTableAccess     = 1142
	errColumnAccess    = 1143
	errMissingRight    = 1227
	errReadOnly        = 1290
	errNoRoutine       = 1305
	errRoutineAccess   = 1370
	errUnsafeRoutine   = 1418
	errNeedsSuper      = 1419
)

// failed reports whether err is one of the server's, with one of the numbers.
func failed(err error, numbers ...uint16) bool {
	var m *mysql.MySQLError
	if !errors.As(err, &m) {
		return false
	}
	for _, n := range numbers {
		if m.Number == n {
			return true
		}
	}
	return false
}

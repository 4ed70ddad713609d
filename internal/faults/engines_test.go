package faults

import (
	"context"
	"database/sql"
	"fmt"
	"syscall"
	"testing"

	"github.com/vantage-go/live/dialects/mysql"
	"github.com/vantage-go/live/dialects/postgres"
	"github.com/vantage-go/live/dialects/postgres/pgx"
	"github.com/vantage-go/live/testdb/server"
)

func engines() []engine {
	pq := engine{
		name: "postgres", dialect: postgres.Dialect{}, endures: true,
		own:     func(tb testing.TB) *server.Server { tb.Helper(); return server.OwnPostgres(tb) },
		read:    "SELECT n FROM counter WHERE id = $1",
		uncover: []string{"ALTER TABLE counter DISABLE TRIGGER ALL"},
		swap: []string{
			"CREATE TABLE coming (id INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL)",
			"INSERT INTO coming SELECT * FROM counter",
			"BEGIN; ALTER TABLE counter RENAME TO gone; ALTER TABLE coming RENAME TO counter; COMMIT",
		},
		prune: prunePostgres, crash: crashPostgres,
	}
	px := pq
	px.name, px.dialect = "pgx", pgx.Dialect{}
	return []engine{pq, px, {
		name: "mariadb", dialect: mysql.Dialect{},
		own:     func(tb testing.TB) *server.Server { tb.Helper(); return server.OwnMariaDB(tb) },
		read:    "SELECT n FROM counter WHERE id = ?",
		uncover: []string{"DROP TRIGGER livesql_1_u"}, // of the first table that was captured
		swap: []string{
			"CREATE TABLE coming (id INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL)",
			"INSERT INTO coming SELECT * FROM counter",
			"RENAME TABLE counter TO gone, coming TO counter",
		},
		prune: pruneMariaDB, uptime: "SHOW GLOBAL STATUS LIKE 'Uptime'",
	}}
}

// prunePostgres removes what no transaction under way has written.
func prunePostgres(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, `WITH gone AS (DELETE FROM livesql.log WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) RETURNING xid)
		UPDATE livesql.meta SET floor_xid = greatest(floor_xid, (SELECT max(xid) FROM gone)) WHERE EXISTS (SELECT 1 FROM gone)`)
	return err
}

// crashPostgres kills the process behind a connection, as a bug in an
// extension does. The server then restarts all others.
func crashPostgres(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	var pid int
	err = conn.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&pid)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	// The connection is dead: closing it cannot succeed.
	_ = conn.Close()
	if err != nil {
		return fmt.Errorf("killing process %d: %w", pid, err)
	}
	return nil
}

// pruneMariaDB stamps what has no batch, as another process would while the
// one that is cut off cannot, and removes everything.
func pruneMariaDB(ctx context.Context, db *sql.DB) error {
	for _, statement := range []string{
		"UPDATE livesql_log SET batch = (SELECT last_batch + 1 FROM livesql_head) WHERE batch IS NULL",
		"UPDATE livesql_head SET last_batch = last_batch + 1, floor_batch = last_batch",
		"DELETE FROM livesql_log",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

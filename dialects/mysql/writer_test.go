package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"

	"github.com/vantage-go/live/testdb/server"
)

func contains(all []string, one string) bool { return slices.Contains(all, one) }

// newTwin is a database without capture.
func newTwin(t *testing.T, statements ...string) *server.Database {
	t.Helper()
	db := server.MariaDB(t)
	mustExec(t, db.DB(), statements...)
	return db
}

// unprivileged is a session of an account that may do what it likes to the
// tables of the database, and nothing to livesql's.
func unprivileged(t *testing.T, db *server.Database) *sql.Conn {
	t.Helper()
	user := "w_" + db.Name()[:min(len(db.Name()), 20)]
	mustExec(t, db.DB(), "CREATE USER IF NOT EXISTS "+user)
	t.Cleanup(func() { _, _ = db.DB().ExecContext(context.Background(), "DROP USER IF EXISTS "+user) })
	tables := tableNames(t, db.DB())
	for _, name := range tables {
		mustExec(t, db.DB(), fmt.Sprintf("GRANT SELECT, INSERT, UPDATE, DELETE ON %s.%s TO %s", quoteName(db.Name()), quoteName(name), user))
	}
	return programOn(t, openAs(t, db, user))
}

func tableNames(t *testing.T, db *sql.DB) []string {
	t.Helper()
	var names []string
	err := each(t.Context(), db, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT LIKE 'livesql%'", func(scan scanFunc) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// openAs opens the database as another user, who has no password.
func openAs(t *testing.T, db *server.Database, user string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("mysql", dsnAs(db, user))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool
}

func dsnAs(db *server.Database, user string) string { return user + db.SocketDSN()[len("root"):] }

// answer is everything that a program is told of a statement.
func answer(t *testing.T, conn *sql.Conn, statement string) string {
	t.Helper()
	result, err := conn.ExecContext(t.Context(), statement)
	if err != nil {
		return err.Error()
	}
	id, _ := result.LastInsertId()
	rows, _ := result.RowsAffected()
	var rowCount, last, warnings int64
	if err := one(t.Context(), conn, "SELECT ROW_COUNT(), LAST_INSERT_ID(), @@warning_count", &rowCount, &last, &warnings); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("insert id %d, %d rows, ROW_COUNT %d, LAST_INSERT_ID %d, %d warnings", id, rows, rowCount, last, warnings)
}

package orm

import (
	"database/sql"
	"testing"

	"github.com/vantage-go/live/testdb/server"
)

// engine is one driver with a kind of database behind it.
type engine struct {
	name string
	// plain is the name of the plain driver, dialect that of livesql's.
	plain, dialect string
	// bind is the name by which sqlx and the others know the database.
	bind   string
	schema string
	// open makes an empty database and returns its data source name.
	open func(tb testing.TB) string
}

// engines are all that the program runs on.
func engines() []engine {
	postgres := func(tb testing.TB) string { tb.Helper(); return server.Postgres(tb).SocketDSN() }
	return []engine{
		{"pq", "postgres", "postgres", "postgres", postgresSchema, postgres},
		{"pgx", "pgx", "pgx", "postgres", postgresSchema, postgres},
		{"mysql", "mysql", "mysql", "mysql", mysqlSchema, func(tb testing.TB) string {
			tb.Helper()
			return server.MariaDB(tb).SocketDSN("parseTime=true")
		}},
		{"sqlite", "sqlite", "sqlite", "sqlite3", sqliteSchema, func(tb testing.TB) string {
			tb.Helper()
			return server.SQLite(tb) + "?_pragma=foreign_keys(1)&_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)"
		}},
	}
}

// libraries are all that the program is written for.
var libraries = []struct {
	name string
	open func(*sql.DB, engine) (shop, error)
}{
	{"sqlx", newSQLX},
	{"bun", newBun},
	{"gorm", newGorm},
	{"sqlc", newSQLC},
}

package pitfalls

import (
	"flag"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/vantage-go/live/dialects"
	mysqldialect "github.com/vantage-go/live/dialects/mysql"
	pqdialect "github.com/vantage-go/live/dialects/postgres"
	"github.com/vantage-go/live/dialects/postgres/pgx"
	sqlitedialect "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// TestMain lets more tests run at the same time than there are processors: most
// of the time they wait for a feed.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("8")
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { os.Exit(code) }))
}

// engine is a database with one of its drivers.
type engine struct {
	name, family string
	dialect      interface {
		dialects.Dialect
		listen.Capturer
	}
	// plain is the driver's name in database/sql.
	plain string
	// dsn makes a database. Params are appended, each as "name=value".
	dsn func(tb testing.TB, params ...string) string
}

func engines() []engine {
	onPostgres := func(tb testing.TB, params ...string) string {
		tb.Helper()
		return server.Postgres(tb).DSN(params...)
	}
	return []engine{
		{
			name: "sqlite", family: sqlite, dialect: sqlitedialect.Dialect{}, plain: "sqlite",
			dsn: func(tb testing.TB, params ...string) string {
				tb.Helper()
				params = append([]string{"_pragma=journal_mode(WAL)", "_pragma=busy_timeout(10000)", "_pragma=foreign_keys(1)"}, params...)
				return server.SQLite(tb) + "?" + strings.Join(params, "&")
			},
		},
		{name: "postgres", family: postgres, dialect: pqdialect.Dialect{}, plain: "postgres", dsn: onPostgres},
		{name: "pgx", family: postgres, dialect: pgx.Dialect{}, plain: "pgx", dsn: onPostgres},
		{
			name: "mariadb", family: mariadb, dialect: mysqldialect.Dialect{}, plain: "mysql",
			dsn: func(tb testing.TB, params ...string) string {
				tb.Helper()
				return server.MariaDB(tb).DSN(append([]string{"multiStatements=true"}, params...)...)
			},
		},
	}
}

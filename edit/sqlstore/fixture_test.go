package sqlstore_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"
	"modernc.org/sqlite"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
	"github.com/vantage-go/live/testdb/server"
)

// kit is one database through one driver.
type kit struct {
	name   string
	flavor dialects.Flavor
	open   func(tb testing.TB) sqldriver.Connector
	counts bool // see sqlstore.VersionsCounted
}

func must[T any](tb testing.TB) func(v T, err error) T {
	tb.Helper()
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

var kits = []kit{
	{"postgres", dialects.Postgres, func(tb testing.TB) sqldriver.Connector {
		tb.Helper()
		return must[*pq.Connector](tb)(pq.NewConnector(server.Postgres(tb).SocketDSN()))
	}, false},
	{"pgx", dialects.Postgres, func(tb testing.TB) sqldriver.Connector {
		tb.Helper()
		return pgxTo(tb, server.Postgres(tb))
	}, false},
	{"mariadb", dialects.MySQL, func(tb testing.TB) sqldriver.Connector {
		tb.Helper()
		return mysqlTo(tb, server.MariaDB(tb))
	}, false},
	{"sqlite", dialects.SQLite, func(tb testing.TB) sqldriver.Connector {
		tb.Helper()
		return sqliteTo(tb, "off")
	}, false},
}

// counted is a kit whose writers all count versions up, and say so.
func (k kit) counted() kit {
	k.counts = true
	return k
}

// countedKits are kits on which that makes a difference.
func countedKits() []kit {
	var all []kit
	for _, k := range kits {
		if k.flavor != dialects.MySQL {
			k.name += "_counted"
			all = append(all, k.counted())
		}
	}
	return all
}

// options are those of a store on the kit.
func (k kit) options(opts ...sqlstore.Option) []sqlstore.Option {
	if k.counts {
		opts = append(opts, sqlstore.VersionsCounted())
	}
	return opts
}

func pgxTo(tb testing.TB, d *server.Database) sqldriver.Connector {
	tb.Helper()
	config := must[*pgx.ConnConfig](tb)(pgx.ParseConfig(d.SocketDSN()))
	return stdlib.GetConnector(*config)
}

func mysqlTo(tb testing.TB, d *server.Database) sqldriver.Connector {
	tb.Helper()
	config := must[*mysql.Config](tb)(mysql.ParseDSN(d.SocketDSN("parseTime=true")))
	config.Logger = &mysql.NopLogger{}
	return must[sqldriver.Connector](tb)(mysql.NewConnector(config))
}

func sqliteTo(tb testing.TB, synchronous string) sqldriver.Connector {
	tb.Helper()
	return must[sqldriver.Connector](tb)(sqlite.NewConnector(server.SQLite(tb) +
		"?_pragma=synchronous(" + synchronous + ")&_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(on)"))
}

// ddl are the tables, in words that kit.exec translates.
var ddl = []string{
	`CREATE TABLE bakery (id SERIAL_KEY, name VARCHAR(40) NOT NULL UNIQUE, city VARCHAR(40), stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0), version INTEGER NOT NULL)`,
	`CREATE TABLE product (id SERIAL_KEY, bakery_id BIGINT NOT NULL REFERENCES bakery (id), name VARCHAR(40), price INTEGER)`,
	`CREATE TABLE shelf (a BIGINT, b VARCHAR(20), n INTEGER, PRIMARY KEY (a, b))`,
}

type bakery struct {
	ID      int64   `db:"id,pk"`
	Name    string  `db:"name"`
	City    *string `db:"city"`
	Stock   int     `db:"stock"`
	Version int64   `db:"version,version"`
}

type product struct {
	ID     int64   `db:"id,pk"`
	Bakery int64   `db:"bakery_id"`
	Name   *string `db:"name"`
	Price  *int64  `db:"price"`
}

type shelf struct {
	A int64  `db:"a,pk"`
	B string `db:"b,pk"`
	N *int   `db:"n"`
}

type shelfKey struct {
	A int64
	B string
}

// bench is a database with its writer.
type bench struct {
	testing.TB
	kit       kit
	connector sqldriver.Connector
	db        *sql.DB // of the test
	store     *sqlstore.Store
	writer    *edit.Writer
	bakeries  *edit.Editor[int64, bakery]
	products  *edit.Editor[int64, product]
	shelves   *edit.Editor[shelfKey, shelf]
	prepared  map[string]*sql.Stmt // for benchmarks
}

// allKits are all databases, with versions that all count, too.
func allKits() []kit { return append(slices.Clone(kits), countedKits()...) }

// kitsOf are those of one kind of database.
func kitsOf(flavor dialects.Flavor) []kit {
	return slices.DeleteFunc(allKits(), func(k kit) bool { return k.flavor != flavor })
}

// onEach runs a test on every database.
func onEach(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	for _, k := range allKits() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			test(t, k.start(t, nil))
		})
	}
}

// closing closes what may be replaced meanwhile.
func closing(s *sqlstore.Store) func() { return func() { _ = s.Close() } }

// start makes the tables and a writer, whose connections wrap wraps.
func (k kit) start(tb testing.TB, wrap func(sqldriver.Connector) sqldriver.Connector, opts ...edit.Option) *bench {
	tb.Helper()
	connector := k.open(tb)
	b := &bench{TB: tb, kit: k, connector: connector, db: sql.OpenDB(connector)}
	tb.Cleanup(func() { _ = b.db.Close() })
	b.exec(ddl...)
	own := connector
	if wrap != nil {
		own = wrap(connector)
	}
	pool := sql.OpenDB(own)
	tb.Cleanup(func() { _ = pool.Close() })
	b.store = sqlstore.New(pool, k.flavor, k.options()...)
	tb.Cleanup(closing(b.store))
	b.writer = edit.NewWriter(b.store, opts...)
	tb.Cleanup(func() { _ = b.writer.Close() })
	b.bakeries = editorOf[int64, bakery](b, "bakery")
	b.products = editorOf[int64, product](b, "product", edit.Ranked(1))
	b.shelves = editorOf[shelfKey, shelf](b, "shelf")
	return b
}

func editorOf[K comparable, T any](b *bench, name string, opts ...edit.TableOption) *edit.Editor[K, T] {
	b.Helper()
	table := must[*edit.Table](b)(sqlstore.Table[T](context.Background(), b.store, "", name, opts...))
	return must[*edit.Editor[K, T]](b)(edit.NewEditor[K, T](b.writer, table))
}

// exec runs statements as another program would.
func (b *bench) exec(statements ...string) {
	b.Helper()
	for _, s := range statements {
		switch b.kit.flavor {
		case dialects.Postgres:
			s = strings.ReplaceAll(s, "SERIAL_KEY", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY")
		case dialects.MySQL:
			s = strings.ReplaceAll(s, "SERIAL_KEY", "BIGINT AUTO_INCREMENT PRIMARY KEY")
			s = strings.ReplaceAll(s, "BIGINT NOT NULL REFERENCES bakery (id)", "BIGINT NOT NULL, FOREIGN KEY (bakery_id) REFERENCES bakery (id)")
			// The last one must stay a list of columns.
			if strings.Contains(s, "FOREIGN KEY (bakery_id)") {
				s = "CREATE TABLE product (id BIGINT AUTO_INCREMENT PRIMARY KEY, bakery_id BIGINT NOT NULL, name VARCHAR(40), price INTEGER, FOREIGN KEY (bakery_id) REFERENCES bakery (id))"
			}
		default:
			s = strings.ReplaceAll(s, "SERIAL_KEY", "INTEGER PRIMARY KEY AUTOINCREMENT")
		}
		if _, err := b.db.ExecContext(context.Background(), s); err != nil {
			b.Fatalf("%s: %v", s, err)
		}
	}
}

// one reads a single value.
func one[V any](b *bench, query string) V {
	b.Helper()
	var v V
	if err := b.db.QueryRowContext(context.Background(), query).Scan(&v); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
	return v
}

func (b *bench) edit(id int64) *edit.RecordEdit[int64, bakery] {
	b.Helper()
	e := must[*edit.RecordEdit[int64, bakery]](b)(b.bakeries.Edit(context.Background(), id))
	b.Cleanup(func() { _ = e.Close() })
	return e
}

func (b *bench) make(v bakery) *edit.RecordEdit[int64, bakery] {
	b.Helper()
	e := b.bakeries.New(v)
	b.Cleanup(func() { _ = e.Close() })
	return e
}

func pointer[T any](v T) *T { return &v }

// ledgered gives the bench a store with a ledger, on other connections.
func (b *bench) ledgered(on sqldriver.Connector) {
	b.Helper()
	pool := sql.OpenDB(on)
	b.Cleanup(func() { _ = pool.Close() })
	b.store = sqlstore.New(pool, b.kit.flavor, b.kit.options(sqlstore.WithLedger())...)
	b.Cleanup(closing(b.store))
	if err := b.store.InstallLedger(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.writer = edit.NewWriter(b.store, edit.Retries(5, time.Millisecond, time.Millisecond))
	b.Cleanup(func() { _ = b.writer.Close() })
	b.bakeries = editorOf[int64, bakery](b, "bakery")
}

// another is another program on the same database.
func (b *bench) another(tb testing.TB, opts ...edit.Option) *edit.Editor[int64, counted] {
	tb.Helper()
	pool := sql.OpenDB(b.connector)
	tb.Cleanup(func() { _ = pool.Close() })
	store := sqlstore.New(pool, b.kit.flavor, b.kit.options()...)
	tb.Cleanup(func() { _ = store.Close() })
	w := edit.NewWriter(store, opts...)
	tb.Cleanup(func() { _ = w.Close() })
	table := must[*edit.Table](tb)(sqlstore.Table[counted](context.Background(), store, "", "bakery"))
	return must[*edit.Editor[int64, counted]](tb)(edit.NewEditor[int64, counted](w, table))
}

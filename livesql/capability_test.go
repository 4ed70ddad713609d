package livesql_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb"
)

// subject is an inner driver whose capabilities are compared with and without
// livesql around it.
type subject struct {
	name, dialect string
	// open returns a connector to a database with a table item, with the same
	// content each time.
	open func(t *testing.T) sqldriver.Connector
}

func subjects() []subject {
	var all []subject
	add := func(name string, e engine) {
		all = append(all, subject{name, e.dialect, func(t *testing.T) sqldriver.Connector {
			t.Helper()
			dsn := e.dsn(t)
			db := connect(t, e.driver, dsn)
			for _, statement := range e.schema {
				db.MustExec(statement)
			}
			fill(db)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			return dialectConnector(t, e.dialect, dsn)
		}})
	}
	for _, e := range engines() {
		add(e.dialect, e)
		if plainDSN := e.dsn; e.dialect == "mysql" {
			e.dsn = func(t *testing.T) string {
				t.Helper()
				return withParams(plainDSN(t), "interpolateParams=true")
			}
			add("mysql, interpolating", e)
		}
	}
	return append(all, subject{"sqlmock", "sqlmock", openMock})
}

func dialectConnector(t *testing.T, dialect, dsn string) sqldriver.Connector {
	t.Helper()
	d, err := dialects.Lookup(dialect)
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Connector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var mocksOpened atomic.Int64

// openMock returns a connector to a mock that has an answer to everything.
func openMock(t *testing.T) sqldriver.Connector {
	t.Helper()
	dsn := fmt.Sprintf("capabilities %d", mocksOpened.Add(1))
	db, m, err := sqlmock.NewWithDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	m.MatchExpectationsInOrder(false)
	for range 50 {
		m.ExpectQuery("SELECT").WillReturnRows(sqlmock.NewRowsWithColumnDefinition(
			sqlmock.NewColumn("id").OfType("INT8", int64(0)).Nullable(false),
			sqlmock.NewColumn("name").OfType("TEXT", "").WithLength(7).WithPrecisionAndScale(5, 2)).AddRow(1, "Rye").AddRow(2, nil))
		m.ExpectExec("UPDATE").WillReturnResult(sqlmock.NewResult(3, 4))
		m.ExpectPrepare(".")
		m.ExpectBegin()
		m.ExpectRollback()
		m.ExpectClose()
	}
	return dialectConnector(t, "sqlmock", dsn)
}

// wrap returns a connection of livesql over a connector, as (*sql.Conn).Raw
// shows it.
func wrap(t *testing.T, s subject, inner sqldriver.Connector) sqldriver.Conn {
	t.Helper()
	db, _ := testdb.Scripted(t, s.dialect, inner, testdb.Tables("item"))
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var wrapped sqldriver.Conn
	if err := conn.Raw(func(dc any) error { wrapped = dc.(sqldriver.Conn); return nil }); err != nil {
		t.Fatal(err)
	}
	// From here on it is dialled; what a shell does is seen by the drop-in
	// tests.
	if err := wrapped.(sqldriver.Pinger).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	return wrapped
}

// optional lists the interfaces that database/sql looks for at each level.
var optional = map[string][]reflect.Type{
	"conn": {
		reflect.TypeFor[sqldriver.ConnPrepareContext](), reflect.TypeFor[sqldriver.ConnBeginTx](), reflect.TypeFor[sqldriver.ExecerContext](),
		reflect.TypeFor[sqldriver.QueryerContext](), reflect.TypeFor[sqldriver.Pinger](), reflect.TypeFor[sqldriver.SessionResetter](),
		reflect.TypeFor[sqldriver.Validator](), reflect.TypeFor[sqldriver.NamedValueChecker](),
	},
	"stmt": {
		reflect.TypeFor[sqldriver.StmtExecContext](), reflect.TypeFor[sqldriver.StmtQueryContext](), reflect.TypeFor[sqldriver.NamedValueChecker](),
		reflect.TypeFor[sqldriver.ColumnConverter](), //nolint:staticcheck // database/sql still looks for it
	},
	"rows": {
		reflect.TypeFor[sqldriver.RowsNextResultSet](), reflect.TypeFor[sqldriver.RowsColumnTypeScanType](), reflect.TypeFor[sqldriver.RowsColumnTypeDatabaseTypeName](),
		reflect.TypeFor[sqldriver.RowsColumnTypeLength](), reflect.TypeFor[sqldriver.RowsColumnTypeNullable](), reflect.TypeFor[sqldriver.RowsColumnTypePrecisionScale](),
	},
}

// presence lists the optional interfaces that v has.
func presence(level string, v any) []string {
	var has []string
	for _, i := range optional[level] {
		if reflect.TypeOf(v).Implements(i) {
			has = append(has, i.String())
		}
	}
	return has
}

// TestCapabilities compares what database/sql can find out about a connection
// and what comes from it.
func TestCapabilities(t *testing.T) {
	t.Parallel()
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			inner, err := s.open(t).Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := behaviour(t, s, inner)
			wrapped := wrap(t, s, s.open(t))
			got := behaviour(t, s, wrapped)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("behaviour (-inner +wrapped):\n%s", diff)
			}
		})
	}
}

// TestInterfacesArePresent dumps the optional interfaces of both sides. What
// the inner driver has, the wrapper must have; of those whose presence alone
// database/sql acts upon, it must have no other.
func TestInterfacesArePresent(t *testing.T) {
	t.Parallel()
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := livesql.NoCache(t.Context())
			inner, err := s.open(t).Connect(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer inner.Close()
			wrapped := wrap(t, s, s.open(t))
			missing := func(level string, inner, wrapped any) {
				t.Helper()
				has := presence(level, wrapped)
				t.Logf("%s: %T has %v, %T has %v", level, inner, presence(level, inner), wrapped, has)
				for _, i := range presence(level, inner) {
					if !slices.Contains(has, i) {
						t.Errorf("%s: %T lacks %s", level, wrapped, i)
					}
				}
			}
			missing("conn", inner, wrapped)

			innerStmt, err := inner.(sqldriver.ConnPrepareContext).PrepareContext(ctx, "SELECT id, name FROM item")
			if err != nil {
				t.Fatal(err)
			}
			defer innerStmt.Close()
			stmt, err := wrapped.(sqldriver.ConnPrepareContext).PrepareContext(ctx, "SELECT id, name FROM item")
			if err != nil {
				t.Fatal(err)
			}
			defer stmt.Close()
			missing("stmt", innerStmt, stmt)
			_, innerConverts := innerStmt.(sqldriver.ColumnConverter)                       //nolint:staticcheck // database/sql still looks for it
			if _, converts := stmt.(sqldriver.ColumnConverter); converts != innerConverts { //nolint:staticcheck // database/sql still looks for it
				t.Errorf("stmt: column converter %v, inner %v", converts, innerConverts)
			}

			for _, ctx := range []context.Context{ctx, t.Context(), t.Context()} { // passed, missed, hit
				innerRows, err := inner.(sqldriver.QueryerContext).QueryContext(ctx, "SELECT id, name FROM item", nil)
				if err != nil {
					t.Fatal(err)
				}
				rows, err := wrapped.(sqldriver.QueryerContext).QueryContext(ctx, "SELECT id, name FROM item", nil)
				if err != nil {
					t.Fatal(err)
				}
				missing("rows", innerRows, rows)
				if err := errors.Join(innerRows.Close(), rows.Close()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// countingConnector counts dials, and Close.
type countingConnector struct {
	sqldriver.Connector
	dials, closes atomic.Int64
}

func (c *countingConnector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	c.dials.Add(1)
	return c.Connector.Connect(ctx)
}

func (c *countingConnector) Close() error {
	c.closes.Add(1)
	return nil
}

// TestInterruptedTransactions: whether a connection is kept whose transaction
// was rolled back because of its context depends on the interfaces that the
// inner connection has.
func TestInterruptedTransactions(t *testing.T) {
	t.Parallel()
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			dials := func(open func(c sqldriver.Connector) *sql.DB) int64 {
				c := &countingConnector{Connector: s.open(t)}
				db := open(c)
				defer db.Close()
				db.SetMaxOpenConns(1)
				for range 2 {
					ctx, cancel := context.WithCancel(t.Context())
					tx, err := db.BeginTx(ctx, nil)
					if err != nil {
						t.Fatal(err)
					}
					if err := tx.QueryRow("SELECT id, name FROM item").Scan(new(any), new(any)); err != nil {
						t.Fatal(err)
					}
					cancel()
					// The only connection is free when the rollback is over.
					if err := db.QueryRow("SELECT id, name FROM item").Scan(new(any), new(any)); err != nil {
						t.Fatal(err)
					}
				}
				return c.dials.Load()
			}
			// A driver may notice the end of the context while its connection
			// goes back, or just after: on a busy machine, it is a toss each time.
			for try := 1; ; try++ {
				want := dials(sql.OpenDB)
				got := dials(func(c sqldriver.Connector) *sql.DB {
					db, _ := testdb.Scripted(t, s.dialect, c, testdb.Options(livesql.Eager()))
					return db.DB
				})
				if got == want {
					t.Logf("%d dials", want)
					return
				}
				if try == 20 {
					t.Fatalf("%d dials, %d without livesql", got, want)
				}
			}
		})
	}
}

func TestConnectorAndDriver(t *testing.T) {
	t.Parallel()
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := &countingConnector{Connector: s.open(t)}
			db, err := livesql.OpenDB(t.Context(), s.dialect, c)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := reflect.TypeOf(db.Driver()), reflect.TypeOf(c.Driver()); got != want {
				t.Errorf("the driver is a %v, want %v", got, want)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
			if n := c.closes.Load(); n != 1 {
				t.Errorf("the inner connector was closed %d times", n)
			}
		})
	}
}

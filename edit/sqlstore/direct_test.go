package sqlstore_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
)

// plainly hides what a driver can do beyond what all can: its statements take no
// contexts.
type plainly struct{ sqldriver.Connector }

func (p plainly) Connect(ctx context.Context) (sqldriver.Conn, error) {
	return connect(ctx, p.Connector, func(inner cutConn) sqldriver.Conn { return plainConn{inner} })
}

type plainConn struct{ cutConn }

func (c plainConn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	stmt, err := c.cutConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return plainStmt{stmt}, nil
}

// plainStmt has the methods of sqldriver.Stmt, and no others.
type plainStmt struct{ sqldriver.Stmt }

// TestIndirect: a driver whose statements take no contexts is used as database/sql
// uses it.
func TestIndirect(t *testing.T) {
	t.Parallel()
	for _, k := range kits {
		if k.name == "pgx" {
			continue // has none that do not
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector { return plainly{c} })
			b.exec("INSERT INTO bakery (id, name, version) VALUES (1001, 'Rye', 1)")
			e := b.edit(1001)
			for i := range 3 {
				e.V.Stock = i + 5
				if r, err := e.Save(context.Background()); err != nil || r.Row.Stock != i+5 || r.Row.Version != int64(i+2) {
					t.Fatalf("result is %+v, %v", r, err)
				}
			}
			if _, err := b.make(bakery{Name: "new"}).Save(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDirectEnds: a statement that returns rows ends with its context, though nobody
// but the driver looks at that, and the connection is of use after that, or replaced.
func TestDirectEnds(t *testing.T) {
	t.Parallel()
	for _, k := range kits {
		if k.flavor == dialects.SQLite {
			continue // nothing in it takes time
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			b := k.start(t, nil)
			b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1)")
			pause := "pg_sleep(20)::text"
			if k.flavor == dialects.MySQL {
				pause = "sleep(20)"
			}
			b.exec("CREATE VIEW slow AS SELECT id, " + pause + " AS name FROM bakery")
			type row struct {
				ID   int64  `db:"id,pk"`
				Name string `db:"name"`
			}
			table := must[*edit.Table](t)(sqlstore.Table[row](context.Background(), b.store, "", "slow"))
			for range 2 {
				ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
				began := time.Now()
				_, err := b.store.Read(ctx, table, []any{int64(1)})
				cancel()
				if took := time.Since(began); err == nil || took > 10*time.Second {
					t.Errorf("%v after %v", err, took)
				}
			}
			e := b.edit(1)
			e.V.Stock = 5
			if _, err := e.Save(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDirectValues: values get to a driver as database/sql gives them, and errors of
// that come back.
func TestDirectValues(t *testing.T) {
	t.Parallel()
	for _, k := range kits {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector { return &cutter{Connector: c} })
			placeholder := "?"
			if k.flavor == dialects.Postgres {
				placeholder = "$1"
			}
			text := "SELECT name FROM bakery WHERE name = " + placeholder
			b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1)")
			conn := must[*sql.Conn](t)(b.db.Conn(ctx))
			defer conn.Close()
			for _, arg := range []any{"Rye", named("Rye"), sql.NullString{String: "Rye", Valid: true}, valued{"Rye", nil}, sql.NullString{}, valued{"", errors.ErrUnsupported}, make(chan int)} {
				var want, got []string
				rows, wantErr := conn.QueryContext(ctx, text, arg)
				if wantErr == nil {
					for rows.Next() {
						want = append(want, "")
						wantErr = errors.Join(wantErr, rows.Scan(&want[len(want)-1]))
					}
					wantErr = errors.Join(wantErr, rows.Err(), rows.Close())
				}
				err := b.store.Rows(ctx, text, []any{arg}, func(rows *sql.Rows) error {
					got = append(got, "")
					return rows.Scan(&got[len(got)-1])
				})
				if !reflect.DeepEqual(got, want) || (err == nil) != (wantErr == nil) {
					t.Errorf("%T: %v, %v, want %v, %v", arg, got, err, want, wantErr)
				}
			}
		})
	}
}

type named string

type valued struct {
	text string
	err  error
}

func (v valued) Value() (sqldriver.Value, error) { return v.text, v.err }

// TestDirectStatementsEnd: those that were prepared on the driver's connection are
// closed with it, and when there are too many.
func TestDirectStatementsEnd(t *testing.T) {
	t.Parallel()
	for _, k := range kits {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			open := &census{}
			b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector {
				open.Connector = c
				return open
			})
			open.asked.Store(0)
			for i := range 250 {
				if err := b.store.Rows(ctx, "SELECT 1"+strings.Repeat(" ", i), nil, func(*sql.Rows) error { return nil }); err != nil {
					t.Fatal(err)
				}
			}
			if n := open.count.Load(); n < 1 || n > 100 {
				t.Errorf("%d statements are prepared", n)
			}
			if n := open.asked.Load(); n != 0 {
				t.Errorf("%d statements were database/sql's", n)
			}
			if err := b.store.Close(); err != nil || open.count.Load() != 0 {
				t.Errorf("%d statements are left, %v", open.count.Load(), err)
			}
		})
	}
}

// census counts the statements that are prepared.
type census struct {
	sqldriver.Connector
	count atomic.Int64
	asked atomic.Int64 // how many arguments one takes, which database/sql asks each time
}

func (c *census) Connect(ctx context.Context) (sqldriver.Conn, error) {
	return connect(ctx, c.Connector, func(inner cutConn) sqldriver.Conn { return &censusConn{inner, c} })
}

type censusConn struct {
	cutConn
	census *census
}

func (c *censusConn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	stmt, err := c.cutConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.census.count.Add(1)
	return &countedStmt{stmt, c.census}, nil
}

type countedStmt struct {
	sqldriver.Stmt
	census *census
}

func (s *countedStmt) QueryContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return s.Stmt.(sqldriver.StmtQueryContext).QueryContext(ctx, args)
}

func (s *countedStmt) NumInput() int {
	s.census.asked.Add(1)
	return s.Stmt.NumInput()
}

func (s *countedStmt) Close() error {
	s.census.count.Add(-1)
	return s.Stmt.Close()
}

package sqlstore_test

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// listener remembers the statements of its connections.
type listener struct {
	sqldriver.Connector
	mu         sync.Mutex
	statements []string
}

func (l *listener) Connect(ctx context.Context) (sqldriver.Conn, error) {
	return connect(ctx, l.Connector, func(inner cutConn) sqldriver.Conn { return &heardConn{inner, l} })
}

func (l *listener) hear(query string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statements = append(l.statements, query)
}

// heard are the statements since the last call; those that are prepared once.
func (l *listener) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	heard := l.statements
	l.statements = nil
	return heard
}

type heardConn struct {
	cutConn
	listener *listener
}

func (c *heardConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	c.listener.hear(query)
	return c.cutConn.ExecContext(ctx, query, args)
}

func (c *heardConn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	c.listener.hear(query)
	return c.cutConn.QueryContext(ctx, query, args)
}

func (c *heardConn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	c.listener.hear(query)
	return c.cutConn.PrepareContext(ctx, query)
}

// TestNotCounted: a store that was not told that all count reads back each row that
// it has written, and asks for nothing that only the others need.
func TestNotCounted(t *testing.T) {
	t.Parallel()
	for _, k := range allKits() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			heard := &listener{}
			b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector {
				heard.Connector = c
				return heard
			})
			s := b.watch(edit.Linger(time.Millisecond))
			heard.heard()
			const rows = 40
			var edits []*edit.RecordEdit[int64, bakery]
			for i := range rows {
				b.exec(fmt.Sprintf("INSERT INTO bakery (id, name, version) VALUES (%d, 'B%d', 1)", i+1, i))
				edits = append(edits, b.edit(int64(i+1)))
			}
			save := func(edits ...*edit.RecordEdit[int64, bakery]) {
				t.Helper()
				var saves []*edit.Pending[int64, bakery]
				for _, e := range edits {
					e.V.Stock++
					saves = append(saves, e.SaveAsync())
				}
				for _, p := range saves {
					if _, err := p.Wait(context.Background()); err != nil {
						t.Fatal(err)
					}
				}
			}
			save(edits[0])
			save(edits...)
			statements := heard.heard()
			unread := slices.ContainsFunc(statements, func(s string) bool {
				return strings.Contains(s, "UPDATE") && k.flavor != dialects.MySQL && !strings.Contains(s, " RETURNING d.ord, ") &&
					!strings.Contains(s, " RETURNING "+quoted(k, "id")+", "+quoted(k, "name"))
			})
			looked := slices.ContainsFunc(statements, func(s string) bool {
				for _, part := range []string{"pg_trigger", "pg_class", "foreign_key_list"} {
					if strings.Contains(s, part) {
						return true
					}
				}
				return false
			})
			if inferred, _ := s.inferred(); unread != k.counts || looked != k.counts || inferred > 0 != k.counts {
				t.Errorf("unread=%t, looked at the catalogue=%t, %d rows were not read:\n%s", unread, looked, inferred, strings.Join(statements, "\n"))
			}
		})
	}
}

func quoted(k kit, name string) string {
	if k.flavor == dialects.Postgres {
		return `"` + name + `"`
	}
	return "`" + name + "`"
}

// TestVersionsCounted is what a program promises, and what becomes of a save if
// others do not keep it: nobody's change is lost in either case, and without the
// promise the save tells of it.
func TestVersionsCounted(t *testing.T) {
	t.Parallel()
	for _, together := range []bool{false, true} {
		t.Run(fmt.Sprintf("together=%t", together), func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, b *bench) {
				t.Helper()
				notCounted(t, b, together)
			})
		})
	}
}

func notCounted(t *testing.T, b *bench, together bool) {
	t.Helper()
	ctx := context.Background()
	b.watch(edit.Linger(time.Millisecond))
	rows := 1
	if together {
		rows = 20
	}
	var edits []*edit.RecordEdit[int64, bakery]
	for i := range rows {
		b.exec(fmt.Sprintf("INSERT INTO bakery (id, name, city, version) VALUES (%d, 'B%d', 'Riga', 1)", i+1, i))
		edits = append(edits, b.edit(int64(i+1)))
	}
	save := func(stock int, check func(i int, r edit.Result[int64, bakery])) {
		t.Helper()
		var saves []*edit.Pending[int64, bakery]
		for _, e := range edits {
			e.V.Stock = stock
			saves = append(saves, e.SaveAsync())
		}
		for i, p := range saves {
			r, err := p.Wait(ctx)
			if err != nil {
				t.Fatal(err)
			}
			check(i, r)
		}
	}
	isAt := func(city string, stock, version int) func(i int, r edit.Result[int64, bakery]) {
		return func(i int, r edit.Result[int64, bakery]) {
			t.Helper()
			if r.Row.Stock != stock || *r.Row.City != city || r.Row.Version != int64(version) {
				t.Errorf("row %d: %d in stock in %s, version %d, instead of %d in %s, version %d",
					i+1, r.Row.Stock, *r.Row.City, r.Row.Version, stock, city, version)
			}
		}
	}
	stored := func(city string, stock, version int) {
		t.Helper()
		query := fmt.Sprintf("SELECT COUNT(*) FROM bakery WHERE city = '%s' AND stock = %d AND version = %d", city, stock, version)
		if n := one[int](b, query); n != rows {
			t.Errorf("%d of %d rows have %d in stock in %s, version %d", n, rows, stock, city, version)
		}
	}
	save(1, isAt("Riga", 1, 2))

	b.exec("UPDATE bakery SET city = 'Tartu', version = version + 1") // as promised
	save(2, isAt("Tartu", 2, 4))
	stored("Tartu", 2, 4)

	b.exec("UPDATE bakery SET city = 'Ventspils'") // and not
	if b.kit.counts {
		save(3, isAt("Tartu", 3, 5))
	} else {
		save(3, isAt("Ventspils", 3, 5))
	}
	stored("Ventspils", 3, 5)
	for i, e := range edits {
		if conflicts, err := e.RefreshSnapshot(ctx); err != nil || len(conflicts) > 0 || *e.V.City != "Ventspils" || len(e.Modified()) > 0 {
			t.Errorf("row %d, read again: %+v, %v, %v", i+1, e.V, conflicts, err)
		}
	}
	save(4, isAt("Ventspils", 4, 6))
	stored("Ventspils", 4, 6)

	b.exec("UPDATE bakery SET stock = 50, version = version + 1")
	for _, e := range edits {
		e.V.Stock = 5
		_, err := e.Save(ctx)
		wantErr(t, err, edit.ErrConflict)
	}
	stored("Ventspils", 50, 7)
}

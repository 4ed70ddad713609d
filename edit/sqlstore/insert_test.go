package sqlstore_test

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
)

// spy counts the statements that insert many rows, and those that were taken
// back. It may pretend that the server is another one.
type spy struct {
	sqldriver.Connector
	version      string
	many, undone atomic.Int32
}

func (s *spy) Connect(ctx context.Context) (sqldriver.Conn, error) {
	return connect(ctx, s.Connector, func(inner cutConn) sqldriver.Conn { return &spyConn{inner, s} })
}

type spyConn struct {
	cutConn
	spy *spy
}

func (c *spyConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	switch query {
	case "SAVEPOINT livesql_rows":
		c.spy.many.Add(1)
	case "ROLLBACK TO SAVEPOINT livesql_rows":
		c.spy.undone.Add(1)
	}
	return c.cutConn.ExecContext(ctx, query, args)
}

func (c *spyConn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	if query == "SELECT VERSION()" && c.spy.version != "" {
		query = "SELECT '" + c.spy.version + "'"
	}
	return c.cutConn.PrepareContext(ctx, query)
}

// mysqlVersion is that of a server whose INSERT returns nothing.
const mysqlVersion = "8.0.36"

// onMariaDB runs a test with statements as for MariaDB, and as for MySQL.
func onMariaDB(t *testing.T, test func(t *testing.T, b *bench, s *spy)) {
	t.Helper()
	for _, k := range kits {
		if k.flavor != dialects.MySQL {
			continue
		}
		for name, version := range map[string]string{"mariadb": "", "mysql": mysqlVersion} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := &spy{version: version}
				b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector {
					s.Connector = c
					return s
				}, edit.Linger(50*time.Millisecond))
				test(t, b, s)
			})
		}
	}
}

// saveAll saves new records together and returns what became of each.
func saveAll[K comparable, T any](b *bench, editor *edit.Editor[K, T], rows ...T) ([]*edit.RecordEdit[K, T], []error) {
	b.Helper()
	edits := make([]*edit.RecordEdit[K, T], len(rows))
	saves := make([]*edit.Pending[K, T], len(rows))
	for i, v := range rows {
		edits[i] = editor.New(v)
		b.Cleanup(func() { _ = edits[i].Close() })
	}
	for i, e := range edits {
		saves[i] = e.SaveAsync()
	}
	errs := make([]error, len(rows))
	for i, p := range saves {
		_, errs[i] = p.Wait(context.Background())
	}
	return edits, errs
}

// TestManyInserts: rows that are inserted together get the keys of their own
// rows, whether the database makes them or not.
func TestManyInserts(t *testing.T) {
	t.Parallel()
	onMariaDB(t, func(t *testing.T, b *bench, s *spy) {
		t.Helper()
		var rows []bakery
		for i := range 300 {
			rows = append(rows, bakery{Name: fmt.Sprintf("bakery %03d", 299-i), Stock: i % 3})
		}
		edits, errs := saveAll(b, b.bakeries, rows...)
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		ids := make(map[int64]bool)
		for i, e := range edits {
			ids[e.ID()] = true
			if got := one[string](b, fmt.Sprintf("SELECT name FROM bakery WHERE id = %d AND stock = %d", e.ID(), i%3)); got != rows[i].Name {
				t.Errorf("%q has the key of %q", rows[i].Name, got)
			}
			if len(e.Modified()) > 0 || e.V.ID != e.ID() {
				t.Errorf("modified %v, V is %+v", e.Modified(), e.V)
			}
		}
		if len(ids) != len(rows) {
			t.Errorf("%d keys", len(ids))
		}
		many, returning := s.many.Load(), s.version == ""
		if returning != (many > 0) || s.undone.Load() > 0 {
			t.Errorf("%d statements for many rows, %d taken back", many, s.undone.Load())
		}

		// Keys of the program's own, of two columns.
		var shelves []shelf
		for i := range 200 {
			shelves = append(shelves, shelf{A: int64(i % 20), B: fmt.Sprintf("b %d ", i/20), N: pointer(i)})
		}
		placed, errs := saveAll(b, b.shelves, shelves...)
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		for i, e := range placed {
			if *e.V.N != i || len(e.Modified()) > 0 {
				t.Errorf("V is %+v, modified %v", e.V, e.Modified())
			}
		}
		if n := one[int](b, "SELECT COUNT(*) FROM shelf WHERE n = a + 20 * CAST(SUBSTRING(b, 3) AS INTEGER)"); n != len(shelves) || s.many.Load() == many || s.undone.Load() > 0 {
			t.Errorf("%d rows are right; %d statements, %d taken back", n, s.many.Load()-many, s.undone.Load())
		}

		// Rows that hold the same: which is whose does not matter, but each is one's.
		twins := make([]product, 50)
		id := edits[0].ID()
		for i := range twins {
			twins[i] = product{Bakery: id, Name: pointer("twin"), Price: pointer(int64(i % 2))}
		}
		products, errs := saveAll(b, b.products, twins...)
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		clear(ids)
		for i, e := range products {
			ids[e.ID()] = true
			if price := one[int](b, fmt.Sprintf("SELECT price FROM product WHERE id = %d", e.ID())); price != i%2 {
				t.Errorf("%d has the price %d", i, price)
			}
		}
		if len(ids) != len(twins) {
			t.Errorf("%d keys of %d rows", len(ids), len(twins))
		}
	})
}

// TestManyInsertsWithBadRows: what the database refuses of many rows is told of
// the row, and the others are inserted.
func TestManyInsertsWithBadRows(t *testing.T) {
	t.Parallel()
	onMariaDB(t, func(t *testing.T, b *bench, s *spy) {
		t.Helper()
		b.exec("INSERT INTO bakery (name, version) VALUES ('taken', 1)")
		var rows []bakery
		for i := range 150 {
			rows = append(rows, bakery{ID: int64(i + 1000), Name: fmt.Sprint("new ", i)})
		}
		rows[3].Name, rows[77].Stock, rows[140].Name = "taken", -1, strings.Repeat("x", 41)
		edits, errs := saveAll(b, b.bakeries, rows...)
		for i, err := range errs {
			want := map[int]error{3: edit.ErrDuplicate, 77: edit.ErrCheck, 140: edit.ErrInvalid}[i]
			if !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%d: error is %v, want %v", i, err, want)
			}
			if want != nil {
				if edits[i].Phase() != edit.PhaseFailed || edits[i].V.Name != rows[i].Name {
					t.Errorf("%d is %v, V is %+v", i, edits[i].Phase(), edits[i].V)
				}
			}
		}
		var c *edit.ConstraintError
		if !errors.As(errs[3], &c) || len(c.Fields) != 1 || c.Fields[0] != "name" {
			t.Errorf("error is %+v", errs[3])
		}
		if n := one[int](b, "SELECT COUNT(*) FROM bakery WHERE name LIKE 'new %'"); n != 147 || s.many.Load() == 0 {
			t.Errorf("%d rows", n)
		}
	})
}

// TestManyInsertsThatAreAdjusted: where the rows that come back do not hold what
// was sent, they are inserted one by one, and each session gets its own.
func TestManyInsertsThatAreAdjusted(t *testing.T) {
	t.Parallel()
	for name, trigger := range map[string]string{
		"upper case": "SET NEW.name = UPPER(NEW.name)",
		"exchanged":  "SET NEW.stock = 49 - NEW.stock", // each row holds the stock of another
		"its key":    "SET NEW.id = 5000 + NEW.stock",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onMariaDB(t, func(t *testing.T, b *bench, _ *spy) {
				t.Helper()
				b.exec("CREATE TRIGGER adjust BEFORE INSERT ON bakery FOR EACH ROW " + trigger)
				var rows []bakery
				for i := range 50 {
					rows = append(rows, bakery{Name: fmt.Sprint("new ", i), Stock: i})
				}
				edits, errs := saveAll(b, b.bakeries, rows...)
				for i, e := range edits {
					if errs[i] != nil && !errors.Is(errs[i], edit.ErrPartial) {
						t.Errorf("%d: %v", i, errs[i])
						continue
					}
					if name == "its key" {
						continue // which LastInsertId does not know
					}
					got := one[string](b, fmt.Sprintf("SELECT LOWER(name) FROM bakery WHERE id = %d", e.ID()))
					if got != rows[i].Name || !strings.EqualFold(e.V.Name, got) {
						t.Errorf("%q has the key of %q, V is %+v", rows[i].Name, got, e.V)
					}
				}
				if n := one[int](b, "SELECT COUNT(*) FROM bakery"); n != len(rows) {
					t.Errorf("%d rows", n)
				}
			})
		})
	}
}

// TestOwnersOfRows: in whatever order rows come back, each is that of the save
// whose values it holds.
func TestOwnersOfRows(t *testing.T) {
	t.Parallel()
	table := must[*edit.Table](t)(edit.NewTable[product]("product"))
	set := table.Plan().All().Without(table.Plan().Key())
	var ops []*edit.Op
	var rows []any
	for i := range int64(40) {
		v := product{Bakery: i % 4, Name: pointer(fmt.Sprint(i % 5)), Price: pointer(i % 10)}
		ops = append(ops, &edit.Op{Table: table, Kind: edit.Insert, Row: &v, Set: set})
		stored := v
		stored.ID = 100 + i
		rows = append(rows, &stored)
	}
	rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	owners := sqlstore.OwnersOf(ops, rows)
	if len(owners) != len(ops) {
		t.Fatalf("%d of %d rows have owners", len(owners), len(ops))
	}
	ids := make(map[int64]bool)
	for op, row := range owners {
		if differ := table.Plan().DiffIn(row, op.Row, set); !differ.Empty() {
			t.Errorf("%+v is not %+v", row, op.Row)
		}
		ids[row.(*product).ID] = true
	}
	if len(ids) != len(ops) {
		t.Errorf("%d rows", len(ids))
	}
	if sqlstore.OwnersOf(ops, rows[1:]) != nil {
		t.Error("a row is missing")
	}
	rows[7].(*product).Price = pointer(int64(99))
	if sqlstore.OwnersOf(ops, rows) != nil {
		t.Error("a row holds what nobody has sent")
	}
}

// TestReturnsInserted: by the version, it is known which servers return rows.
func TestReturnsInserted(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"10.11.19-MariaDB-0+deb12u1": true, "5.5.5-10.6.12-MariaDB": true, "11.4.2-MariaDB": true, "10.5.0-MariaDB-log": true,
		"10.4.34-MariaDB": false, "8.0.36": false, "8.4.0-commercial": false, "5.7.44-log": false, "": false, "x-MariaDB": false,
	} {
		if got := sqlstore.ReturnsInserted(version); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

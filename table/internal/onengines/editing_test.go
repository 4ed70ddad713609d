package onengines_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
	"github.com/vantage-go/live/table"
)

// editing saves in batches on a pool of its own, as the handle of a program does.
type editing struct {
	store  *sqlstore.Store
	writer *edit.Writer
	pool   *sql.DB
	flavor dialects.Flavor
}

func (r *rig) editing(t *testing.T) *editing {
	t.Helper()
	connector, err := r.dialect.Connector(r.dsn)
	if err != nil {
		t.Fatal(err)
	}
	e := &editing{pool: sql.OpenDB(connector), flavor: r.dialect.Flavor()}
	e.pool.SetMaxOpenConns(2)
	e.store = sqlstore.New(e.pool, e.flavor)
	e.writer = edit.NewWriter(e.store)
	t.Cleanup(func() {
		for _, closing := range []func() error{e.writer.Close, e.store.Close, e.pool.Close} {
			if err := closing(); err != nil {
				t.Error(err)
			}
		}
	})
	return e
}

func (e *editing) Writer() *edit.Writer { return e.writer }

func (e *editing) Describe(ctx context.Context, schema, name string) ([]edit.Column, error) {
	return sqlstore.Describe(ctx, e.pool, e.flavor, schema, name)
}

// dough is a row whose key the database counts up.
type dough struct {
	ID   int64  `db:"id,pk"`
	City string `db:"city"`
	Name string `db:"name"`
}

// TestEditing: sessions of live tables save, show what they save at once, hear of
// others, and reach no row outside of the table's condition: in batches, and one
// by one where there is a condition.
func TestEditing(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, "CREATE TABLE dough (id "+e.counted+", city VARCHAR(30) NOT NULL, name VARCHAR(30) NOT NULL)")
		r.exec(t, "INSERT INTO dough (city, name) VALUES ('Riga', 'rye'), ('Riga', 'spelt'), ('Ventspils', 'wheat')")
		r.db.Editing = r.editing(t)
		all := live[int64, dough](t, r, "dough")
		riga := live[int64, dough](t, r, "dough", table.Where("city = ?", "Riga"))
		for name, l := range map[string]*table.LiveTable[int64, dough]{"all": all, "riga": riga} {
			synchronize(t, l) // the other one has written
			s, err := l.Edit(1)
			if err != nil {
				t.Fatal(err)
			}
			s.V.Name = "by " + name
			if _, err := s.Save(soon(t)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if row, _ := l.Get(1); row.Name != "by "+name {
				t.Errorf("%s shows %v after the save", name, row)
			}
			// Somebody else changes the other column, then the same one.
			r.exec(t, "UPDATE dough SET name = 'theirs' WHERE id = 1")
			for deadline := time.Now().Add(patience); s.V.Name != "theirs"; time.Sleep(time.Millisecond) {
				if _, err := s.Merge(); err != nil || time.Now().After(deadline) {
					t.Fatalf("%s: the session was not told: %v, %v", name, s.V, err)
				}
			}
			s.V.Name = "mine"
			r.exec(t, "UPDATE dough SET name = 'theirs again' WHERE id = 1")
			var conflict *edit.ConflictError
			if _, err := s.Save(soon(t)); !errors.As(err, &conflict) || conflict.Fields[0].Theirs != "theirs again" {
				t.Errorf("%s: a conflict: %v", name, err)
			}
			if err := s.Resolve(edit.KeepMine()); err != nil {
				t.Error(err)
			}
			if _, err := s.Save(soon(t)); err != nil {
				t.Errorf("%s: resolved: %v", name, err)
			}
			fresh := l.New(dough{City: "Riga", Name: "new by " + name})
			result, err := fresh.Save(soon(t))
			if err != nil || result.ID == 0 {
				t.Fatalf("%s: a new row: %v, %v", name, result.ID, err)
			}
			if row, ok := l.Get(result.ID); !ok || row != result.Row {
				t.Errorf("%s shows %v, %v after the insert of %v", name, row, ok, result.Row)
			}
			if _, err := fresh.Delete(soon(t)); err != nil {
				t.Errorf("%s: deleted: %v", name, err)
			}
			if _, ok := l.Get(result.ID); ok {
				t.Errorf("%s shows a row that was deleted", name)
			}
			synchronize(t, l)
			_, _ = s.Close(), fresh.Close()
		}

		// What is not in the set, sessions of the set do not reach.
		outside := riga.New(dough{City: "Ventspils", Name: "x"})
		if _, err := outside.Save(soon(t)); !errors.Is(err, table.ErrOutside) {
			t.Errorf("a new row outside of the condition: %v", err)
		}
		moved, err := riga.Edit(2)
		if err != nil {
			t.Fatal(err)
		}
		r.exec(t, "UPDATE dough SET city = 'Ventspils' WHERE id = 2")
		moved.V.Name = "reached"
		if _, err := moved.Save(soon(t)); !errors.Is(err, edit.ErrDeleted) {
			t.Errorf("a row that has left the set: %v", err)
		}
		var name string
		if err := r.other.QueryRowContext(soon(t), "SELECT name FROM dough WHERE id = 2").Scan(&name); err != nil || name != "spelt" {
			t.Errorf("a row outside of the condition was written: %s, %v", name, err)
		}
		if _, err := riga.Edit(3); !errors.Is(err, edit.ErrDeleted) {
			t.Errorf("a row that was never in the set: %v", err)
		}
		_, _ = outside.Close(), moved.Close()
	})
}

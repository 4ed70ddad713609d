package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
)

func wantErr(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Fatalf("error is %v, want %v", err, want)
	}
}

func TestLifeOfARecord(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		e := b.make(bakery{Name: "Rye"})
		r, err := e.Save(ctx)
		if err != nil || r.Kind != edit.Created || r.ID == 0 || r.Row.Version != 1 {
			t.Fatalf("result is %+v, %v", r, err)
		}
		e.V.City, e.V.Stock = pointer("Riga"), 5
		r, err = e.Save(ctx)
		if err != nil || r.Kind != edit.Saved || r.Row.Version != 2 || *r.Row.City != "Riga" || len(e.Modified()) > 0 {
			t.Fatalf("result is %+v, %v, modified %v", r, err, e.Modified())
		}
		if r, err = e.Save(ctx); err != nil || r.Kind != edit.Unchanged {
			t.Fatalf("result is %+v, %v", r, err)
		}
		e.V.City = nil
		if _, err = e.Save(ctx); err != nil {
			t.Fatal(err)
		}
		if n := one[int](b, "SELECT COUNT(*) FROM bakery WHERE city IS NULL AND stock = 5 AND version = 3"); n != 1 {
			t.Error("not stored")
		}
		if r, err = e.Delete(ctx); err != nil || r.Kind != edit.Deleted {
			t.Fatalf("result is %+v, %v", r, err)
		}
		if n := one[int](b, "SELECT COUNT(*) FROM bakery"); n != 0 {
			t.Error("not deleted")
		}
	})
}

func TestOthersWriteToo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		b.exec("INSERT INTO bakery (id, name, city, version) VALUES (1, 'Rye', 'Riga', 1), (2, 'Bun', 'Riga', 1)")
		e := b.edit(1)
		// One foreign update makes the very version that ours would have made.
		b.exec("UPDATE bakery SET city = 'Liepaja', version = version + 1 WHERE id = 1")
		e.V.Name = "Rye and Shine"
		r, err := e.Save(ctx)
		if err != nil || !r.Rebased || r.Row.Version != 3 || *r.Row.City != "Liepaja" || r.Row.Name != "Rye and Shine" {
			t.Fatalf("result is %+v, %v", r, err)
		}
		b.exec("UPDATE bakery SET name = 'Theirs', version = version + 1 WHERE id = 1")
		e.V.Name = "Mine"
		_, err = e.Save(ctx)
		wantErr(t, err, edit.ErrConflict)
		if got := one[string](b, "SELECT name FROM bakery WHERE id = 1"); got != "Theirs" {
			t.Errorf("stored is %q", got)
		}
		if err := e.Resolve(edit.KeepMine()); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Save(ctx); err != nil {
			t.Fatal(err)
		}
		gone := b.edit(2)
		b.exec("DELETE FROM bakery WHERE id = 2")
		gone.V.Name = "x"
		_, err = gone.Save(ctx)
		wantErr(t, err, edit.ErrDeleted)
		if err := gone.Recreate(); err != nil {
			t.Fatal(err)
		}
		if r, err := gone.Save(ctx); err != nil || r.Kind != edit.Created || r.ID != 2 {
			t.Errorf("result is %+v, %v", r, err)
		}
	})
}

// TestWithoutVersion checks the columns that are written.
func TestWithoutVersion(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1)", "INSERT INTO product (id, bakery_id, name, price) VALUES (1, 1, 'bun', 5)")
		e := must[*edit.RecordEdit[int64, product]](t)(b.products.Edit(ctx, 1))
		defer e.Close()
		b.exec("UPDATE product SET price = 6 WHERE id = 1")
		e.V.Name = pointer("roll")
		if r, err := e.Save(ctx); err != nil || *r.Row.Price != 6 {
			t.Fatalf("result is %+v, %v", r, err)
		}
		b.exec("UPDATE product SET name = 'ROLL' WHERE id = 1") // the same to many collations
		e.V.Name = pointer("loaf")
		_, err := e.Save(ctx)
		wantErr(t, err, edit.ErrConflict)
		if err := e.Resolve(edit.TakeTheirs()); err != nil {
			t.Fatal(err)
		}
		e.V.Name = nil
		if _, err := e.Save(ctx); err != nil {
			t.Fatal(err)
		}
		b.exec("UPDATE product SET price = NULL WHERE id = 1")
		_, err = e.Delete(ctx)
		wantErr(t, err, edit.ErrConflict)
		if err := e.Resolve(edit.TakeTheirs()); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Delete(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCompositeKey(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		var saves []*edit.Pending[shelfKey, shelf]
		for i := range 20 {
			e := b.shelves.New(shelf{A: int64(i % 5), B: fmt.Sprint("b", i)})
			defer e.Close()
			saves = append(saves, e.SaveAsync())
		}
		for i, p := range saves {
			r, err := p.Wait(ctx)
			if err != nil || r.ID != (shelfKey{int64(i % 5), fmt.Sprint("b", i)}) {
				t.Fatalf("result is %+v, %v", r, err)
			}
			e := must[*edit.RecordEdit[shelfKey, shelf]](t)(b.shelves.Edit(ctx, r.ID))
			defer e.Close()
			e.V.N = pointer(i)
			saves[i] = e.SaveAsync()
		}
		for _, p := range saves {
			if _, err := p.Wait(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if n := one[int](b, "SELECT COUNT(*) FROM shelf WHERE b = "+concat(b.kit, "'b'", "n")); n != 20 {
			t.Errorf("%d rows are right", n)
		}
	})
}

func concat(k kit, a, b string) string {
	if k.flavor == dialects.MySQL {
		return "CONCAT(" + a + ", " + b + ")"
	}
	return a + " || " + b
}

// TestBatch inserts, updates and deletes many at once, with some that fail.
func TestBatch(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		const n = 300
		var edits []*edit.RecordEdit[int64, bakery]
		var saves []*edit.Pending[int64, bakery]
		for i := range n {
			name := fmt.Sprint("bakery ", i)
			switch i {
			case 77:
				name = "bakery 10" // twice
			case 150:
				name = "a name that is longer than forty characters, which is too long"
			}
			e := b.make(bakery{Name: name, Stock: i})
			if i == 200 {
				e.V.Stock = -1 // is checked
			}
			edits = append(edits, e)
			saves = append(saves, e.SaveAsync())
		}
		failed := map[int]error{77: edit.ErrDuplicate, 200: edit.ErrCheck}
		if b.kit.flavor != dialects.SQLite {
			failed[150] = edit.ErrInvalid
		}
		for i, p := range saves {
			r, err := p.Wait(ctx)
			if want := failed[i]; !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Fatalf("%d: error is %v, want %v", i, err, want)
			}
			if err != nil {
				checkConstraint(t, b, i, err)
				continue
			}
			if r.Row.Stock != i || r.ID != edits[i].ID() || r.Row.Name != fmt.Sprint("bakery ", i) && i != 150 {
				t.Fatalf("%d: result is %+v", i, r)
			}
		}
		// Ids went to the right records.
		wrong := one[int](b, "SELECT COUNT(*) FROM bakery WHERE name <> "+concat(b.kit, "'bakery '", "stock")+" AND stock <> 150")
		if wrong != 0 {
			t.Errorf("%d rows are wrong", wrong)
		}
		b.exec("UPDATE bakery SET city = 'Riga', version = version + 1 WHERE name = 'bakery 20'",
			"DELETE FROM bakery WHERE name = 'bakery 30'",
			"UPDATE bakery SET stock = 999, version = version + 1 WHERE name = 'bakery 40'")
		for i, e := range edits {
			if failed[i] != nil {
				continue
			}
			switch {
			case i == 50:
				e.V.Stock = -1
			case i >= 280:
				saves[i] = e.DeleteAsync()
				continue
			default:
				e.V.Stock += 1000
			}
			saves[i] = e.SaveAsync()
		}
		want := map[int]error{30: edit.ErrDeleted, 40: edit.ErrConflict, 50: edit.ErrCheck}
		for i, p := range saves {
			if failed[i] != nil {
				continue
			}
			r, err := p.Wait(ctx)
			if w := want[i]; !errors.Is(err, w) || (err == nil) != (w == nil) {
				t.Fatalf("%d: error is %v, want %v", i, err, w)
			}
			if err == nil && i < 280 && (r.Row.Stock != 1000+i || len(edits[i].Modified()) > 0) {
				t.Fatalf("%d: result is %+v", i, r)
			}
		}
		if got := one[int](b, "SELECT COUNT(*) FROM bakery WHERE stock >= 1000"); got != 280-3-len(failed) {
			t.Errorf("%d rows are updated", got)
		}
	})
}

func checkConstraint(t *testing.T, b *bench, i int, err error) {
	t.Helper()
	var c *edit.ConstraintError
	if !errors.As(err, &c) {
		t.Fatalf("%d: error is %#v", i, err)
	}
	if i == 77 && !slices.Equal(c.Fields, []string{"name"}) {
		t.Errorf("%s: fields are %v: %v", b.kit.name, c.Fields, c.Err)
	}
}

func TestConstraints(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1)")
		p := b.products.New(product{Bakery: 7})
		defer p.Close()
		_, err := p.Save(ctx)
		wantErr(t, err, edit.ErrForeignKey)
		wantErr(t, err, edit.ErrConstraint)
		p.V.Bakery = 1
		if _, err := p.Save(ctx); err != nil {
			t.Fatal(err)
		}
		_, err = b.edit(1).Delete(ctx)
		wantErr(t, err, edit.ErrForeignKey)
	})
}

func TestGroups(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		b.exec("INSERT INTO bakery (id, name, version) VALUES (1000, 'Rye', 1)")
		parent := b.make(bakery{Name: "parent"})
		child := b.products.New(product{Name: pointer("child")})
		defer child.Close()
		if err := child.Link(&child.V.Bakery, parent); err != nil {
			t.Fatal(err)
		}
		old := b.edit(1000)
		old.V.Stock = 1
		orphan := b.products.New(product{Bakery: 7777})
		defer orphan.Close()
		err := edit.Group(ctx, child, parent, old, orphan) // the orphan comes last
		wantErr(t, err, edit.ErrForeignKey)
		if n := one[int](b, "SELECT (SELECT COUNT(*) FROM bakery WHERE stock = 0) + (SELECT COUNT(*) FROM product)"); n != 1 {
			t.Errorf("%d rows after a group that failed", n)
		}
		if err := edit.Group(ctx, child, parent, old); err != nil {
			t.Fatal(err)
		}
		if n := one[int](b, "SELECT COUNT(*) FROM product p JOIN bakery b ON b.id = p.bakery_id WHERE b.name = 'parent'"); n != 1 {
			t.Error("the child has no parent")
		}
		if err := edit.Group(ctx, edit.Deleting(parent), edit.Deleting(child)); err != nil {
			t.Error(err)
		}
	})
}

// TestSuppressed has a trigger that lets updates do nothing.
func TestSuppressed(t *testing.T) {
	t.Parallel()
	for _, k := range allKits() {
		var trigger []string
		switch k.flavor {
		case dialects.Postgres:
			trigger = []string{
				"CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
				"CREATE TRIGGER nothing BEFORE UPDATE ON bakery FOR EACH ROW EXECUTE FUNCTION nothing()",
			}
		case dialects.SQLite:
			trigger = []string{"CREATE TRIGGER ignoring BEFORE UPDATE ON bakery BEGIN SELECT RAISE(IGNORE); END"}
		default:
			continue // no such thing
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			b := k.start(t, nil)
			b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1)")
			b.exec(trigger...)
			e := b.edit(1)
			e.V.Name = "x"
			_, err := e.Save(context.Background())
			wantErr(t, err, edit.ErrSuppressed)
		})
	}
}

// TestTriggerOverrides has a trigger that stores something else.
func TestTriggerOverrides(t *testing.T) {
	t.Parallel()
	overridden(t, func(*bench, *edit.RecordEdit[int64, bakery]) {})
}

// TestTriggerMadeLater: what the store knows of a table does not outlive the
// table's triggers.
func TestTriggerMadeLater(t *testing.T) {
	t.Parallel()
	overridden(t, func(b *bench, e *edit.RecordEdit[int64, bakery]) {
		e.V.Name = "BEFORE"
		if r, err := e.Save(context.Background()); err != nil || r.Row.Name != "BEFORE" {
			b.Fatalf("result is %+v, %v", r, err)
		}
	})
}

// overridden saves a name that a trigger changes, which is made after something
// else was done.
func overridden(t *testing.T, before func(b *bench, e *edit.RecordEdit[int64, bakery])) {
	t.Helper()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1)")
		e := b.edit(1)
		before(b, e)
		switch b.kit.flavor {
		case dialects.Postgres:
			b.exec("CREATE FUNCTION low() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name = lower(NEW.name); RETURN NEW; END'",
				"CREATE TRIGGER low BEFORE UPDATE ON bakery FOR EACH ROW EXECUTE FUNCTION low()")
		case dialects.MySQL:
			b.exec("CREATE TRIGGER low BEFORE UPDATE ON bakery FOR EACH ROW SET NEW.name = LOWER(NEW.name)")
		default:
			b.exec("CREATE TRIGGER low AFTER UPDATE ON bakery BEGIN UPDATE bakery SET name = lower(name) WHERE id = NEW.id; END")
		}
		e.V.Name = "UPPER"
		r, err := e.Save(context.Background())
		wantErr(t, err, edit.ErrPartial)
		if r.Row.Name != "upper" || e.V.Name != "upper" || len(e.Modified()) > 0 {
			t.Errorf("result is %+v, V %+v", r, e.V)
		}
	})
}

// TestOneConnection: a pool of one connection is enough for everything.
func TestOneConnection(t *testing.T) {
	t.Parallel()
	for _, k := range allKits() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			b := k.start(t, nil)
			pool := sql.OpenDB(b.connector)
			defer pool.Close()
			pool.SetMaxOpenConns(1)
			store := sqlstore.New(pool, k.flavor, k.options()...)
			defer store.Close()
			w := edit.NewWriter(store, edit.BatchTimeout(15*time.Second))
			defer w.Close()
			columns, err := sqlstore.Describe(ctx, b.db, k.flavor, "", "bakery")
			if err != nil {
				t.Fatal(err)
			}
			table := must[*edit.Table](t)(edit.NewTable[bakery]("bakery", edit.Catalogue(columns)))
			bakeries := must[*edit.Editor[int64, bakery]](t)(edit.NewEditor[int64, bakery](w, table))
			var all sync.WaitGroup
			for i := range 10 {
				all.Go(func() {
					e := bakeries.New(bakery{Name: fmt.Sprint("bakery ", i)})
					defer e.Close()
					if _, err := e.Save(ctx); err != nil {
						t.Error(err)
					}
					if _, err := e.RefreshSnapshot(ctx); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			e := bakeries.New(bakery{Name: "bakery 0"})
			defer e.Close()
			began := time.Now()
			var c *edit.ConstraintError
			if _, err := e.Save(ctx); !errors.As(err, &c) || !slices.Equal(c.Fields, []string{"name"}) {
				t.Errorf("error is %v, of the fields %v", err, c)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("that took %v", took)
			}
		})
	}
}

// TestSaveTx saves in a transaction of the caller's.
func TestSaveTx(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		b.exec("INSERT INTO bakery (id, name, version) VALUES (1000, 'Rye', 1)")
		e, n := b.edit(1000), b.make(bakery{Name: "new"})
		e.V.Stock = 5
		for _, commit := range []bool{false, true} {
			tx, err := b.db.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			saved, err := e.SaveTx(ctx, tx)
			if err != nil || saved.Kind != edit.Saved || saved.Row.Version != 2 {
				t.Fatalf("result is %+v, %v", saved, err)
			}
			made, err := n.SaveTx(ctx, tx)
			if err != nil || made.Kind != edit.Created || made.ID == 0 {
				t.Fatalf("result is %+v, %v", made, err)
			}
			wrong := b.make(bakery{Name: "new"})
			_, err = wrong.SaveTx(ctx, tx)
			wantErr(t, err, edit.ErrDuplicate)
			if len(e.Modified()) == 0 || !n.IsNew() {
				t.Error("a session believes in what is not committed")
			}
			if !commit {
				if err := tx.Rollback(); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(e.Committed(saved), n.Committed(made)); err != nil {
				t.Fatal(err)
			}
			if n.ID() != made.ID {
				t.Errorf("id is %v", n.ID())
			}
		}
		if m := append(e.Modified(), n.Modified()...); len(m) > 0 || n.IsNew() {
			t.Errorf("modified %v", m)
		}
		n.V.Stock = 7
		if r, err := n.Save(ctx); err != nil || r.Row.Version != 2 {
			t.Errorf("result is %+v, %v", r, err)
		}
	})
}

// TestCommittedLate: a session that is told late of its transaction does not take others
// back to what was before they saved.
func TestCommittedLate(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1)")
		one, two := b.edit(1), b.edit(1)
		one.V.Stock = 5
		tx := must[*sql.Tx](t)(b.db.BeginTx(ctx, nil))
		saved, err := one.SaveTx(ctx, tx)
		if err = errors.Join(err, tx.Commit()); err != nil {
			t.Fatal(err)
		}
		two.V.City = new("Riga")
		if _, err := two.Save(ctx); err != nil {
			t.Fatal(err)
		}
		if err := one.Committed(saved); err != nil {
			t.Fatal(err)
		}
		// Whatever it was told is taken in.
		if err := two.Resolve(edit.KeepMine()); err != nil || two.V.City == nil {
			t.Errorf("the city is %v, %v", two.V.City, err)
		}
		two.V.Name = "Rye and more"
		one.V.Stock = 6
		for i, e := range []*edit.RecordEdit[int64, bakery]{two, one} {
			r, err := e.Save(ctx)
			if err != nil || r.Row.City == nil || *r.Row.City != "Riga" || r.Row.Stock != 5+i || int(r.Row.Version) != 4+i {
				t.Errorf("result is %+v, %v", r.Row, err)
			}
		}
	})
}

package edit_test

import (
	"context"
	"testing"

	"github.com/vantage-go/live/edit"
)

// inferring is a store that does everything at once, and does not look at what it
// has done.
type inferring struct {
	*edit.Memory
	whole  []bool // of each operation, whether its base was read
	during func() // while an operation is under way
}

func (s *inferring) Apply(_ context.Context, ops []*edit.Op) []edit.Outcome {
	outcomes := make([]edit.Outcome, len(ops))
	for i, op := range ops {
		s.whole = append(s.whole, op.Whole())
		row := *op.Row.(*bakery)
		row.Version++
		outcomes[i] = edit.Outcome{State: edit.Done, Row: &row, Inferred: true}
		s.Put(op.Table, &row)
	}
	if s.during != nil {
		s.during()
	}
	return outcomes
}

// TestInferred: what is read of a row counts more than what was only inferred, of
// the same version, too.
func TestInferred(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := &inferring{Memory: edit.NewMemory()}
	w := edit.NewWriter(store)
	defer func() { _ = w.Close() }()
	editor := editorOf[bakery](t, w, "bakery")
	store.Put(editor.Table(), &bakery{ID: 1, Name: "Rye", Version: 1})
	e := openOf(t, editor, 1)
	save := func(stock int) {
		t.Helper()
		e.V.Stock = stock
		if _, err := e.Save(ctx); err != nil {
			t.Fatal(err)
		}
	}
	save(5)
	really := bakery{ID: 1, Name: "rye", Stock: 5, Version: 2} // by a trigger that nobody knew of
	editor.Observe(1, really)
	if _, err := e.Merge(); err != nil || e.V.Name != "rye" || e.V.Version != 2 || e.Dirty() {
		t.Fatalf("V is %+v, %v", e.V, err)
	}
	editor.Observe(1, bakery{ID: 1, Name: "an echo", Stock: 5, Version: 2})
	if _, err := e.Merge(); err != nil || e.V.Name != "rye" {
		t.Fatalf("a row of the version that was read is taken: %+v, %v", e.V, err)
	}
	store.during = func() { editor.Observe(1, bakery{ID: 1, Name: "while it was under way", Stock: 6, Version: 3}) }
	save(6)
	store.during = nil
	if _, err := e.Merge(); err != nil || e.V.Name != "while it was under way" {
		t.Fatalf("V is %+v, %v", e.V, err)
	}
	save(7)
	editor.Observe(1, bakery{ID: 1, Name: "older", Version: 3})
	if _, err := e.Merge(); err != nil || e.V.Name == "older" {
		t.Fatalf("an older row is taken: %+v, %v", e.V, err)
	}
}

// TestInferredFromWholeRows: nothing can be inferred from a row that the caller
// has brought, before it was read.
func TestInferredFromWholeRows(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := &inferring{Memory: edit.NewMemory()}
	w := edit.NewWriter(store)
	defer func() { _ = w.Close() }()
	editor := editorOf[bakery](t, w, "bakery")
	store.Put(editor.Table(), &bakery{ID: 1, Name: "Rye", Version: 1})
	brought, err := editor.EditRow(1, bakery{ID: 1, Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer brought.Close()
	for stock := range 2 {
		brought.V.Stock = 5 + stock
		if _, err := brought.Save(ctx); err != nil {
			t.Fatal(err)
		}
	}
	again, err := editor.EditRow(1, bakery{ID: 1, Stock: 6, Version: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	again.V.Stock = 8
	if _, err := again.Save(ctx); err != nil {
		t.Fatal(err)
	}
	read := openOf(t, editor, 1)
	read.V.Stock = 9
	if _, err := read.Save(ctx); err != nil {
		t.Fatal(err)
	}
	if want := []bool{false, true, false, true}; len(store.whole) != 4 || store.whole[0] != want[0] || store.whole[1] != want[1] ||
		store.whole[2] != want[2] || store.whole[3] != want[3] {
		t.Errorf("the bases were read: %v, want %v", store.whole, want)
	}
}

package acceptance_test

import (
	"testing"

	"github.com/vantage-go/live/edit"
)

// TestRecordEdit are the scenarios of tests/record_edit.rs.
func TestRecordEdit(t *testing.T) {
	t.Parallel()
	onEach(t, []scenario{
		{name: "edit_existing_record", test: func(w *world) {
			e := w.client(ann)
			w.is(e.V.Name == "Ann" && e.V.Email == "ann@example.org", "V is %+v", e.V)
			e.V.Name, e.V.Phone = "Anna", "555-NEW"
			w.modified(e.Modified(), "name", "phone")
			w.mock.updates(client{1, "Anna", ann.Email, "555-NEW", false, 2}, "name", "phone")
			save(w, e, edit.Saved)
			w.stored("SELECT name FROM client WHERE id = 1", "Anna")
		}},
		{name: "create_new_record", test: func(w *world) {
			e := w.bakeries.New(bakery{Name: "Twin Pines", Margin: 20})
			defer e.Close()
			ref := e.Ref()
			w.is(e.IsNew() && e.ID() == 0, "is new %v, id %v", e.IsNew(), e.ID())
			e.V.Name = "Lone Pine"
			w.mock.inserts(bakery{100, "Lone Pine", 20, 1})
			r := save(w, e, edit.Created)
			w.is(r.ID != 0 && e.ID() == r.ID && !e.IsNew(), "id is %v, of the session %v", r.ID, e.ID())
			w.is(e.Ref() == ref, "the name of the session has changed")
			w.is(e.V.Name == "Lone Pine", "V is %+v", e.V)
			w.stored("SELECT margin FROM bakery WHERE name = 'Lone Pine'", "20")
		}},
		{name: "field_modification_tracking", test: func(w *world) {
			e := w.client(ann)
			w.modified(e.Modified())
			e.V.Name = "Anna"
			w.is(e.IsModified("name") && !e.IsModified("email"), "modified are %v", e.Modified())
			w.modified(e.Modified(), "name")
			e.V.Name = "Ann" // typed back
			w.modified(e.Modified())
		}},
		{name: "revert_changes", test: func(w *world) {
			e := w.client(ann)
			e.V.Name = "Anna"
			e.Revert()
			w.is(e.V == ann, "V is %+v", e.V)
			w.modified(e.Modified())
		}},
		{name: "snapshot_comparison", test: func(w *world) {
			w.mock.read(crust)
			e := session(w, w.products, 1)
			e.V.Price = 150
			s := e.Snapshot()
			w.is(s.Name == "Crust" && s.Price == 120 && e.V.Price == 150, "snapshot is %+v", s)
			for c := range e.Changes() {
				w.is(c.Field == "price" && c.Old == 120 && c.New == 150, "change is %+v", c)
			}
		}},
		{name: "multiple_edits_same_record", test: func(w *world) {
			w.mock.read(rye)
			first := session(w, w.bakeries, 1)
			first.V.Margin = 20
			w.mock.updates(bakery{1, "Rye", 20, 2}, "margin")
			save(w, first, edit.Saved)
			w.mock.read(bakery{1, "Rye", 20, 2})
			second := session(w, w.bakeries, 1)
			w.is(second.V.Margin == 20, "V is %+v", second.V)
			// Upstream's sessions come one after the other; these are open at once.
			second.V.Name = "Rye and Shine"
			w.mock.updates(bakery{1, "Rye and Shine", 20, 3}, "name")
			save(w, second, edit.Saved)
			_, err := first.Merge()
			w.is(err == nil && first.V == bakery{1, "Rye and Shine", 20, 3}, "V is %+v, %v", first.V, err)
		}},
		{name: "deref_access", test: func(w *world) {
			e := w.client(ann)
			email := &e.V.Email
			*email = "ann@example.com"
			w.is(e.V.Email == "ann@example.com" && e.Snapshot().Email == ann.Email, "V is %+v", e.V)
		}},
		{name: "nested_struct_modification", test: func(w *world) {
			w.mock.read(crust)
			e := session(w, w.products, 1)
			e.V.Inventory.Stock = 100
			w.modified(e.Modified(), "inventory")
			w.is(e.Snapshot().Inventory.Stock == 50, "the snapshot has changed")
		}},
		{name: "save_updates_both_cache_and_backend", test: func(w *world) {
			e := w.client(bob)
			e.V.Phone = "555-TEST"
			w.mock.updates(client{2, "Bob", bob.Email, "555-TEST", true, 2}, "phone")
			save(w, e, edit.Saved)
			again := w.client(client{2, "Bob", bob.Email, "555-TEST", true, 2})
			w.is(again.V.Phone == "555-TEST", "V is %+v", again.V)
		}},
	})
}

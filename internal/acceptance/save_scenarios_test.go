package acceptance_test

import (
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// TestSaveScenarios are those of tests/save_scenarios.rs.
func TestSaveScenarios(t *testing.T) {
	t.Parallel()
	onEach(t, []scenario{
		{name: "save_with_validation_error", test: func(w *world) {
			e := w.client(ann)
			e.V.Email = "ann@"
			w.mock.refuses(ann, "23514", "email")
			_, err := e.Save(w.ctx)
			w.wantErr(err, edit.ErrCheck)
			w.wantErr(err, edit.ErrConstraint)
			w.is(e.Phase() == edit.PhaseFailed && e.V.Email == "ann@", "phase %v, V %+v", e.Phase(), e.V)
			w.modified(e.Modified(), "email")
			w.stored("SELECT email FROM client WHERE id = 1", ann.Email)
		}},
		{name: "save_partial_update", test: func(w *world) {
			switch w.flavor {
			case dialects.Postgres:
				w.others("CREATE FUNCTION low() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.email = lower(NEW.email); RETURN NEW; END'",
					"CREATE TRIGGER low BEFORE UPDATE ON client FOR EACH ROW EXECUTE FUNCTION low()")
			case dialects.MySQL:
				w.others("CREATE TRIGGER low BEFORE UPDATE ON client FOR EACH ROW SET NEW.email = LOWER(NEW.email)")
			default:
				w.others("CREATE TRIGGER low AFTER UPDATE OF email ON client BEGIN UPDATE client SET email = lower(email) WHERE id = NEW.id AND email <> lower(email); END")
			}
			e := w.client(ann)
			e.V.Email, e.V.Phone = "ANN@EXAMPLE.COM", "555-9"
			w.mock.updates(client{1, "Ann", "ann@example.com", "555-9", false, 2}, "email", "phone")
			r, err := e.Save(w.ctx)
			w.wantErr(err, edit.ErrPartial)
			w.is(r.Kind == edit.Saved && len(r.Adjusted) == 1 && r.Adjusted[0] == "email", "result is %+v", r)
			// What is stored is taken in, where upstream keeps what was typed: it
			// would be modified for ever.
			w.is(e.Snapshot().Email == "ann@example.com" && e.V.Email == "ann@example.com", "V is %+v", e.V)
		}},
		{name: "save_retry_after_error", test: func(w *world) {
			e := w.client(ann)
			e.V.Email = "ann@"
			w.mock.refuses(ann, "23514", "email")
			_, err := e.Save(w.ctx)
			w.wantErr(err, edit.ErrConstraint)
			e.V.Email = "ann@example.com"
			w.mock.updates(client{1, "Ann", "ann@example.com", ann.Phone, false, 2}, "email")
			save(w, e, edit.Saved)
			w.stored("SELECT email FROM client WHERE id = 1", "ann@example.com")
		}},
		{name: "save_new_record_with_generated_id", test: func(w *world) {
			e := w.bakeries.New(bakery{Name: "New"})
			defer e.Close()
			w.is(e.IsNew() && e.ID() == 0, "id is %v", e.ID())
			w.mock.inserts(bakery{100, "New", 0, 1})
			r := save(w, e, edit.Created)
			w.is(r.ID != 0 && e.ID() == r.ID, "id is %v", r.ID)
			e.V.Margin = 5
			w.mock.updates(bakery{100, "New", 5, 2}, "margin")
			save(w, e, edit.Saved)
			w.stored("SELECT COUNT(*) FROM bakery WHERE name = 'New' AND margin = 5 AND version = 2", "1")
		}},
		{name: "save_clears_modified_fields", test: func(w *world) {
			e := w.client(ann)
			e.V.Name, e.V.Email = "Anna", "anna@example.org"
			w.modified(e.Modified(), "name", "email")
			w.mock.updates(client{1, "Anna", "anna@example.org", ann.Phone, false, 2}, "name", "email")
			save(w, e, edit.Saved)
			w.modified(e.Modified())
			w.is(e.Snapshot() == e.V, "snapshot is %+v, V %+v", e.Snapshot(), e.V)
		}},
		{name: "save_persists_to_both_cache_and_backend", test: func(w *world) {
			e := w.client(ann)
			e.V.Name = "Anna"
			if w.mock != nil {
				w.mock.updates(client{1, "Anna", ann.Email, ann.Phone, false, 2}, "name")
				save(w, e, edit.Saved)
				return
			}
			live := w.live()
			save(w, e, edit.Saved)
			w.stored("SELECT name FROM client WHERE id = 1", "Anna")
			if err := live.Sync(w.ctx); err != nil {
				w.Fatal(err)
			}
			row, _ := live.Get(1)
			w.is(row.Name == "Anna", "the live table has %+v", row)
			row, _ = w.live().Get(1) // another one
			w.is(row.Name == "Anna", "a new live table has %+v", row)
		}},
		{name: "save_nested_document_changes", test: func(w *world) {
			w.mock.read(crust)
			e := session(w, w.products, 1)
			e.V.Inventory.Stock = 49
			w.mock.updates(product{1, "Crust", 120, inventory{49, "shelf"}, 2}, "inventory")
			r := save(w, e, edit.Saved)
			w.is(r.Row.Inventory == inventory{49, "shelf"}, "row is %+v", r.Row)
			w.modified(e.Modified())
			w.mock.read(product{1, "Crust", 120, inventory{49, "shelf"}, 2})
			w.is(session(w, w.products, 1).V.Inventory.Stock == 49, "not stored")
		}},
		{name: "save_after_backend_changed", test: func(w *world) {
			e := w.client(ann)
			e.V.Name = "Anna"
			w.others("UPDATE client SET phone = '555-7', version = version + 1 WHERE id = 1")
			w.mock.rebases(client{1, "Ann", ann.Email, "555-7", false, 2}, client{1, "Anna", ann.Email, "555-7", false, 3}, "name")
			r := save(w, e, edit.Saved)
			w.is(r.Rebased && e.V.Name == "Anna" && e.V.Phone == "555-7", "result is %+v, V %+v", r, e.V)
			w.stored("SELECT COUNT(*) FROM client WHERE name = 'Anna' AND phone = '555-7' AND version = 3", "1")
		}},
		{name: "multiple_saves_same_session", test: func(w *world) {
			e := w.client(ann)
			for i, name := range []string{"A", "B", "C"} {
				e.V.Name = name
				w.mock.updates(client{1, name, ann.Email, ann.Phone, false, int64(i) + 2}, "name")
				save(w, e, edit.Saved)
			}
			w.stored("SELECT COUNT(*) FROM client WHERE name = 'C' AND version = 4", "1")
		}},
		{name: "save_empty_changes", test: func(w *world) {
			e := w.client(ann)
			w.modified(e.Modified())
			save(w, e, edit.Unchanged)
			w.stored("SELECT version FROM client WHERE id = 1", "1")
		}},
		{name: "save_updates_snapshot_timestamp", test: func(w *world) {
			e := w.client(ann)
			before := e.SnapshotTime()
			e.V.Name = "Anna"
			w.mock.updates(client{1, "Anna", ann.Email, ann.Phone, false, 2}, "name")
			save(w, e, edit.Saved)
			w.is(e.SnapshotTime().After(before), "the snapshot is of %v, before of %v", e.SnapshotTime(), before)
		}},
		{name: "save_with_concurrent_modification", test: func(w *world) {
			e := w.client(ann)
			e.V.Name = "Mine"
			w.others("UPDATE client SET name = 'Theirs', version = version + 1 WHERE id = 1")
			w.mock.conflicts(client{1, "Theirs", ann.Email, ann.Phone, false, 2}, "name")
			_, err := e.Save(w.ctx)
			w.wantErr(err, edit.ErrConflict) // upstream: the last one wins
			w.is(e.V.Name == "Mine" && e.Phase() == edit.PhaseConflicted, "V is %+v, phase %v", e.V, e.Phase())
			w.stored("SELECT name FROM client WHERE id = 1", "Theirs")
		}},
		{name: "batch_save_different_records", test: func(w *world) {
			a, b := w.client(ann), w.client(bob)
			w.mock.read(crust)
			p := session(w, w.products, 1)
			a.V.Name, b.V.Name, p.V.Price = "A", "B", 1
			w.mock.updates(client{1, "A", ann.Email, ann.Phone, false, 2}, "name")
			save(w, a, edit.Saved)
			w.mock.updates(client{2, "B", bob.Email, bob.Phone, true, 2}, "name")
			save(w, b, edit.Saved)
			w.mock.updates(product{1, "Crust", 1, crust.Inventory, 2}, "price")
			save(w, p, edit.Saved)
			w.stored("SELECT COUNT(*) FROM client WHERE id = 1 AND name = 'A' OR id = 2 AND name = 'B'", "2")
			w.stored("SELECT price FROM product", "1")
		}},
		{name: "save_after_revert", test: func(w *world) {
			e := w.client(ann)
			e.V.Name = "Anna"
			e.Revert()
			save(w, e, edit.Unchanged)
			w.stored("SELECT COUNT(*) FROM client WHERE name = 'Ann' AND version = 1", "1")
		}},
		{name: "save_failure_preserves_local_state", test: func(w *world) {
			e := w.client(ann)
			e.V.Name, e.V.Email, e.V.Paying = "Anna", "ann@", true
			w.mock.refuses(ann, "23514", "name", "email", "paying")
			_, err := e.Save(w.ctx)
			w.wantErr(err, edit.ErrConstraint)
			w.is(e.V.Name == "Anna" && e.V.Email == "ann@" && e.V.Paying, "V is %+v", e.V)
			w.modified(e.Modified(), "name", "email", "paying")
			e.V.Email = ann.Email // the others need not be typed again
			w.mock.updates(client{1, "Anna", ann.Email, ann.Phone, true, 2}, "name", "paying")
			save(w, e, edit.Saved)
		}},
	})
}

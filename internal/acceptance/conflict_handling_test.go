package acceptance_test

import (
	"fmt"
	"testing"

	"github.com/vantage-go/live/edit"
)

// refresh refreshes a session and requires the fields of the conflicts.
func refresh(w *world, e *edit.RecordEdit[int64, client], want ...string) {
	w.Helper()
	conflicts, err := e.RefreshSnapshot(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	var got []string
	for _, c := range conflicts {
		got = append(got, c.Field)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("conflicts in %v, want %v", got, want)
	}
}

// TestConflictHandling are the scenarios of tests/conflict_handling.rs.
func TestConflictHandling(t *testing.T) {
	t.Parallel()
	onEach(t, []scenario{
		{name: "refresh_snapshot_no_conflict", test: func(w *world) {
			e := w.client(ann)
			e.V.Name = "Anna"
			w.others("UPDATE client SET phone = '555-7', version = version + 1 WHERE id = 1")
			w.mock.read(client{1, "Ann", ann.Email, "555-7", false, 2})
			refresh(w, e)
			w.is(e.V.Name == "Anna" && e.V.Phone == "555-7" && e.Snapshot().Phone == "555-7", "V is %+v", e.V)
			w.modified(e.Modified(), "name")
		}},
		{name: "refresh_snapshot_with_conflict", test: func(w *world) {
			e := w.client(ann)
			e.V.Email = "mine@example.org"
			w.others("UPDATE client SET email = 'theirs@example.org', version = version + 1 WHERE id = 1")
			w.mock.read(client{1, "Ann", "theirs@example.org", ann.Phone, false, 2})
			refresh(w, e, "email")
			c := e.Conflicts()[0]
			w.is(c.Base == ann.Email && c.Mine == "mine@example.org" && c.Theirs == "theirs@example.org", "conflict is %+v", c)
			w.is(e.V.Email == "mine@example.org", "V is %+v", e.V)
		}},
		{name: "multiple_field_conflicts", test: func(w *world) {
			e := w.client(ann)
			e.V.Name, e.V.Email, e.V.Phone = "Mine", "mine@example.org", "555-7"
			w.others("UPDATE client SET name = 'Theirs', email = 'theirs@example.org', phone = '555-7', version = version + 1 WHERE id = 1")
			w.mock.read(client{1, "Theirs", "theirs@example.org", "555-7", false, 2})
			refresh(w, e, "name", "email") // on the phone both agree
		}},
		{name: "on_backend_change_updates_cache", live: true, test: func(w *world) {
			live := w.live()
			w.others("UPDATE client SET name = 'Theirs' WHERE id = 1")
			if err := live.OnBackendChange(w.ctx, 1); err != nil {
				w.Fatal(err)
			}
			row, _ := live.Get(1)
			w.is(row.Name == "Theirs", "the live table has %+v", row)
		}},
		{name: "snapshot_time_tracking", test: func(w *world) {
			e := w.client(ann)
			before := e.SnapshotTime()
			w.others("UPDATE client SET phone = '555-7', version = version + 1 WHERE id = 1")
			w.mock.read(client{1, "Ann", ann.Email, "555-7", false, 2})
			refresh(w, e)
			w.is(e.SnapshotTime().After(before), "the snapshot is of %v, before of %v", e.SnapshotTime(), before)
		}},
		{name: "conflict_resolution_keep_local", test: func(w *world) {
			e := w.client(ann)
			e.V.Email = "mine@example.org"
			w.others("UPDATE client SET email = 'theirs@example.org', version = version + 1 WHERE id = 1")
			w.mock.read(client{1, "Ann", "theirs@example.org", ann.Phone, false, 2})
			refresh(w, e, "email")
			_, err := e.Save(w.ctx)
			w.wantErr(err, edit.ErrConflict) // upstream: overwrites; here one has to say so
			if err := e.Resolve(edit.KeepMine()); err != nil {
				w.Fatal(err)
			}
			w.mock.updates(client{1, "Ann", "mine@example.org", ann.Phone, false, 3}, "email")
			save(w, e, edit.Saved)
			w.stored("SELECT email FROM client WHERE id = 1", "mine@example.org")
		}},
		{name: "conflict_resolution_use_remote", test: func(w *world) {
			e := w.client(ann)
			e.V.Email = "mine@example.org"
			w.others("UPDATE client SET email = 'theirs@example.org', version = version + 1 WHERE id = 1")
			w.mock.read(client{1, "Ann", "theirs@example.org", ann.Phone, false, 2})
			refresh(w, e, "email")
			e.Revert()
			w.is(e.V.Email == "theirs@example.org" && e.Snapshot() == e.V, "V is %+v", e.V)
			w.modified(e.Modified())
			save(w, e, edit.Unchanged)
		}},
		{name: "conflict_with_callback", live: true, test: func(w *world) {
			e := w.client(ann)
			e.V.Email = "mine@example.org"
			live := w.live()
			called := make(chan int64, 16)
			stop := live.OnRemoteChange(func(id int64) {
				row, _ := live.Get(id)
				w.clients.Observe(id, row)
				called <- id
			})
			defer stop()
			w.others("UPDATE client SET email = 'theirs@example.org', version = version + 1 WHERE id = 1")
			select {
			case id := <-called:
				w.is(id == 1, "called for %d", id)
			case <-w.ctx.Done():
				w.Fatal("not called")
			}
			conflicts, err := e.Merge()
			w.is(err == nil && len(conflicts) == 1 && conflicts[0].Theirs == "theirs@example.org", "conflicts are %+v, %v", conflicts, err)
		}},
		{name: "edit_during_backend_change", test: func(w *world) {
			e := w.client(ann)
			e.V.Name, e.V.Phone = "Mine", "555-8"
			now := client{1, "Theirs", ann.Email, ann.Phone, false, 2}
			w.others("UPDATE client SET name = 'Theirs', version = version + 1 WHERE id = 1")
			w.clients.Observe(1, now)
			w.is(e.V.Name == "Mine" && e.V.Phone == "555-8", "V is %+v", e.V)
			w.mock.read(now)
			refresh(w, e, "name")
			w.is(e.V.Name == "Mine" && e.V.Phone == "555-8", "V is %+v", e.V)
		}},
		{name: "no_conflict_after_save", test: func(w *world) {
			e := w.client(ann)
			e.V.Email = "mine@example.org"
			w.others("UPDATE client SET email = 'theirs@example.org', version = version + 1 WHERE id = 1")
			w.mock.read(client{1, "Ann", "theirs@example.org", ann.Phone, false, 2})
			refresh(w, e, "email")
			e.V.Email = "both@example.org"
			if err := e.Resolve(edit.KeepMine()); err != nil {
				w.Fatal(err)
			}
			w.mock.updates(client{1, "Ann", "both@example.org", ann.Phone, false, 3}, "email")
			save(w, e, edit.Saved)
			w.is(e.Snapshot() == e.V && len(e.Conflicts()) == 0 && e.Phase() == edit.PhaseIdle, "snapshot %+v, V %+v, phase %v", e.Snapshot(), e.V, e.Phase())
			w.modified(e.Modified())
		}},
	})
}

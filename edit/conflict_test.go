package edit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/vantage-go/live/edit"
)

func TestConflict(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]bool{"told": true, "found": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, e := started(t, nil)
			e.V.Name, e.V.City = "Mine", "Liepaja"
			if tell {
				d.change(1, func(b *bakery) { b.Name, b.Stock = "Theirs", 3 })
			} else {
				d.changeQuietly(1, func(b *bakery) { b.Name, b.Stock = "Theirs", 3 })
			}
			_, err := e.Save(context.Background())
			wantErr(t, err, edit.ErrConflict)
			var c *edit.ConflictError
			if !errors.As(err, &c) || c.Key != int64(1) || len(c.Fields) != 1 ||
				c.Fields[0] != (edit.FieldConflict{Field: "name", Base: "Rye", Mine: "Mine", Theirs: "Theirs"}) {
				t.Fatalf("error is %+v", c)
			}
			if tell && d.store.Batches() != 0 {
				t.Error("a conflict that was known was sent")
			}
			wantPhase(t, e, edit.PhaseConflicted)
			if e.V.Name != "Mine" || e.V.City != "Liepaja" {
				t.Errorf("V is %+v", e.V)
			}
			_, err = e.Save(context.Background())
			wantErr(t, err, edit.ErrConflict) // still
			if d.read(1).Name != "Theirs" {
				t.Error("a conflict was written")
			}
			if err := e.Resolve(edit.KeepMine()); err != nil {
				t.Fatal(err)
			}
			mustSave(t, e)
			if got := d.read(1); got.Name != "Mine" || got.City != "Liepaja" || got.Stock != 3 {
				t.Errorf("stored is %+v", got)
			}
			wantModified(t, e)
		})
	}
}

func TestConflictEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settle func(e *edit.RecordEdit[int64, bakery]) error
		want   string
	}{
		"keep mine":   {func(e *edit.RecordEdit[int64, bakery]) error { return e.Resolve(edit.KeepMine()) }, "Mine"},
		"take theirs": {func(e *edit.RecordEdit[int64, bakery]) error { return e.Resolve(edit.TakeTheirs()) }, "Theirs"},
		"merge": {func(e *edit.RecordEdit[int64, bakery]) error {
			return e.Resolve(edit.MergeFunc(func(c edit.FieldConflict) (any, error) {
				return c.Mine.(string) + c.Theirs.(string), nil
			}))
		}, "MineTheirs"},
		"revert":       {func(e *edit.RecordEdit[int64, bakery]) error { e.Revert(); return nil }, "Theirs"},
		"revert field": {func(e *edit.RecordEdit[int64, bakery]) error { return e.RevertField("name") }, "Theirs"},
		"type theirs":  {func(e *edit.RecordEdit[int64, bakery]) error { e.V.Name = "Theirs"; return nil }, "Theirs"},
		"type back":    {func(e *edit.RecordEdit[int64, bakery]) error { e.V.Name = "Rye"; return nil }, "Theirs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, e := started(t, nil)
			e.V.Name = "Mine"
			d.change(1, func(b *bakery) { b.Name = "Theirs" })
			conflicts, err := e.RefreshSnapshot(context.Background())
			if err != nil || len(conflicts) != 1 || conflicts[0].Field != "name" {
				t.Fatalf("conflicts are %+v, %v", conflicts, err)
			}
			if err := c.settle(e); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Save(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got := d.read(1); got.Name != c.want || e.V.Name != c.want {
				t.Errorf("stored is %q, V %q, want %q", got.Name, e.V.Name, c.want)
			}
			wantPhase(t, e, edit.PhaseIdle)
		})
	}
}

func TestRefreshSnapshot(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	taken := e.SnapshotTime()
	e.V.Name = "Mine"
	d.changeQuietly(1, func(b *bakery) { b.City, b.Stock = "Liepaja", 3 })
	conflicts, err := e.RefreshSnapshot(context.Background())
	if err != nil || len(conflicts) != 0 {
		t.Fatalf("conflicts are %+v, %v", conflicts, err)
	}
	if e.V.City != "Liepaja" || e.V.Stock != 3 || e.V.Name != "Mine" {
		t.Errorf("V is %+v", e.V)
	}
	wantModified(t, e, "name")
	if !e.SnapshotTime().After(taken) {
		t.Error("the time of the snapshot stands still")
	}
	d.changeQuietly(1, func(b *bakery) { b.Name = "Mine" }) // converges
	if conflicts, err := e.RefreshSnapshot(context.Background()); err != nil || len(conflicts) != 0 {
		t.Errorf("conflicts are %+v, %v", conflicts, err)
	}
	wantModified(t, e)
}

// TestRemoteChangesStayOut checks that V is not written to behind the back.
func TestRemoteChangesStayOut(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	d.change(1, func(b *bakery) { b.Name = "Theirs" })
	wantModified(t, e)
	if e.V.Name != "Rye" || e.Phase() != edit.PhaseIdle {
		t.Errorf("V is %+v", e.V)
	}
	if _, err := e.Merge(); err != nil || e.V.Name != "Theirs" {
		t.Errorf("V is %+v, %v", e.V, err)
	}
}

func TestMergeByTag(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	e.V.Stock -= 4
	d.changeQuietly(1, func(b *bakery) { b.Stock += 100 })
	mustSave(t, e)
	if got := d.read(1); got.Stock != 106 || e.V.Stock != 106 {
		t.Errorf("stock is %d, V %d", got.Stock, e.V.Stock)
	}
}

// TestGroupOfFields: one half of an address each is an address of nobody.
func TestGroupOfFields(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	e.V.Street = "Mine 1"
	d.changeQuietly(1, func(b *bakery) { b.Zip = "LV-2000" })
	_, err := e.Save(context.Background())
	wantErr(t, err, edit.ErrConflict)
	if got := d.read(1); got.Street != "" {
		t.Errorf("stored is %+v", got)
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy edit.Policy
		theirs func(*bakery)
		want   error
		stored string
	}{
		"keep mine":     {edit.KeepMine(), func(b *bakery) { b.Name = "Theirs" }, nil, "Mine"},
		"take theirs":   {edit.TakeTheirs(), func(b *bakery) { b.Name = "Theirs" }, edit.ErrPartial, "Theirs"},
		"any change":    {edit.FailOnAnyChange(), func(b *bakery) { b.City = "Theirs" }, edit.ErrConflict, "Rye"},
		"merge refuses": {edit.MergeFunc(func(edit.FieldConflict) (any, error) { return nil, errors.New("no") }), func(b *bakery) { b.Name = "Theirs" }, edit.ErrConflict, "Theirs"},
		"merge of another type": {
			edit.MergeFunc(func(edit.FieldConflict) (any, error) { return 5, nil }), func(b *bakery) { b.Name = "Theirs" }, edit.ErrConflict, "Theirs",
		},
	} {
		for _, tell := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d := newDeskWith(t, nil, []edit.TableOption{edit.OnConflict(c.policy)})
				d.put(bakery{ID: 1, Name: "Rye", City: "Riga"})
				e := d.open(1)
				e.V.Name = "Mine"
				if tell {
					d.change(1, c.theirs)
				} else {
					d.changeQuietly(1, c.theirs)
				}
				_, err := e.Save(context.Background())
				wantErr(t, err, c.want)
				if got := d.read(1); got.Name != c.stored {
					t.Errorf("stored is %q, want %q", got.Name, c.stored)
				}
			})
		}
	}
}

func TestDeleteOfChangedRecord(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	d.changeQuietly(1, func(b *bakery) { b.Name = "Theirs" })
	_, err := e.Delete(context.Background())
	wantErr(t, err, edit.ErrConflict)
	if d.read(1) == nil {
		t.Fatal("a record was deleted that nobody here has seen")
	}
	if err := e.Resolve(edit.KeepMine()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Delete(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestRemoteDelete(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]bool{"told": true, "found": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, e := started(t, nil)
			e.V.Name = "Draft"
			d.store.Drop(d.bakeries.Table(), int64(1))
			if tell {
				d.bakeries.ObserveDeleted(1)
				wantPhase(t, e, edit.PhaseGone)
			}
			_, err := e.Save(context.Background())
			wantErr(t, err, edit.ErrDeleted)
			wantErr(t, err, edit.ErrConflict)
			wantPhase(t, e, edit.PhaseGone)
			if e.V.Name != "Draft" || d.read(1) != nil {
				t.Error("the draft is lost, or the record back")
			}
			if err := e.Recreate(); err != nil {
				t.Fatal(err)
			}
			if r := mustSave(t, e); r.Kind != edit.Created || r.ID != 1 {
				t.Errorf("result is %+v", r)
			}
			if got := d.read(1); got.Name != "Draft" || got.City != "Riga" {
				t.Errorf("stored is %+v", got)
			}
		})
	}
}

func TestRemoteRecreation(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	e.V.Name = "Draft"
	d.bakeries.ObserveDeleted(1)
	wantPhase(t, e, edit.PhaseGone)
	d.put(bakery{ID: 1, Name: "Rye", City: "Ventspils"})
	d.bakeries.Observe(1, *d.read(1))
	wantPhase(t, e, edit.PhaseIdle)
	mustSave(t, e)
	if got := d.read(1); got.Name != "Draft" || got.City != "Ventspils" {
		t.Errorf("stored is %+v", got)
	}
}

func TestManySessionsOnOneRecord(t *testing.T) {
	t.Parallel()
	d, a := started(t, nil)
	b := d.open(1)
	a.V.Name = "A"
	mustSave(t, a)
	b.V.City = "B"
	mustSave(t, b) // takes in what a did
	if got := d.read(1); got.Name != "A" || got.City != "B" || b.V.Name != "A" {
		t.Errorf("stored is %+v", got)
	}
	a.V.City, b.V.City = "A2", "B2"
	mustSave(t, b)
	_, err := a.Save(context.Background())
	var c *edit.ConflictError
	if !errors.As(err, &c) || c.Origin != edit.Local {
		t.Errorf("error is %+v", err)
	}
}

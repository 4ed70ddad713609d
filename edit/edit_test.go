package edit_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vantage-go/live/edit"
)

// The names of these tests follow the acceptance tests of the crate that this
// package succeeds: record_edit, save_scenarios, conflict_handling.

func TestRecordEdit(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	wantModified(t, e)
	wantPhase(t, e, edit.PhaseIdle)
	if e.ID() != 1 || e.IsNew() || e.Ref() == 0 {
		t.Errorf("id %v, new %v, ref %v", e.ID(), e.IsNew(), e.Ref())
	}

	e.V.Name, e.V.Tags = "Rye and Shine", []string{"rye"}
	wantModified(t, e, "name", "tags")
	if !e.IsModified("name") || !e.IsModified("Name") || e.IsModified("city") || e.IsModified("nonsense") {
		t.Error("modified fields by name")
	}
	if e.Snapshot().Name != "Rye" {
		t.Error("the snapshot follows V")
	}
	for c := range e.Changes() {
		if c.Field == "name" && (c.Old != "Rye" || c.New != "Rye and Shine" || c.Remote != "Rye" || c.Conflict) {
			t.Errorf("change is %+v", c)
		}
	}

	e.V.Name = "Rye" // typed back
	wantModified(t, e, "tags")
	if err := e.RevertField("Tags"); err != nil {
		t.Error(err)
	}
	wantModified(t, e)
	if err := e.RevertField("nonsense"); err == nil {
		t.Error("a field that does not exist was reverted")
	}
	e.V.City = "Liepaja"
	e.Revert()
	wantModified(t, e)
	if d.store.Batches() != 0 {
		t.Error("something was sent")
	}
}

func TestSnapshotIsDeep(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	margin := 0.5
	d.put(bakery{ID: 1, Tags: []string{"a"}, Margin: &margin})
	e := d.open(1)
	e.V.Tags[0] = "b"
	*e.V.Margin = 0.7
	wantModified(t, e, "margin", "tags")
	s := e.Snapshot()
	s.Tags[0] = "c"
	if e.Snapshot().Tags[0] != "a" {
		t.Error("the snapshot can be written to")
	}
}

func TestSaveExisting(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	taken := e.SnapshotTime()
	e.V.Name = "Rye and Shine"
	r := mustSave(t, e)
	if r.Kind != edit.Saved || r.ID != 1 || r.Row.Name != "Rye and Shine" || r.Row.Version != 2 || r.Attempts != 1 {
		t.Errorf("result is %+v", r)
	}
	wantModified(t, e)
	if e.Snapshot().Name != "Rye and Shine" || e.V.Version != 2 {
		t.Error("the snapshot does not follow the save")
	}
	if e.SnapshotTime().Before(taken) {
		t.Error("the time of the snapshot went back")
	}
	e.V.Name = "Again" // several saves in one session
	mustSave(t, e)
	if got := d.read(1); got.Name != "Again" || got.Version != 3 {
		t.Errorf("stored is %+v", got)
	}
}

func TestSaveUnchanged(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	if r := mustSave(t, e); r.Kind != edit.Unchanged || r.Row.Name != "Rye" {
		t.Errorf("result is %+v", r)
	}
	e.V.Name = "x"
	e.Revert()
	mustSave(t, e)
	if d.store.Batches() != 0 || d.read(1).Version != 1 {
		t.Error("something was sent")
	}
}

func TestSaveWritesChangedColumnsOnly(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	e.V.Name = "Mine"
	d.changeQuietly(1, func(b *bakery) { b.City = "Theirs" })
	r := mustSave(t, e)
	if got := d.read(1); got.Name != "Mine" || got.City != "Theirs" {
		t.Errorf("stored is %+v", got)
	}
	if !r.Rebased || e.V.City != "Theirs" {
		t.Errorf("rebased %v, V %+v", r.Rebased, e.V)
	}
	wantModified(t, e)
}

func TestSaveNew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	e := d.bakeries.New(bakery{Name: "Brand New"})
	defer e.Close()
	ref := e.Ref()
	if !e.IsNew() || e.ID() != 0 {
		t.Error("not new")
	}
	wantPhase(t, e, edit.PhaseNew)
	e.V.Name = "Even Better"
	r := mustSave(t, e)
	if r.Kind != edit.Created || r.ID == 0 || e.ID() != r.ID || e.V.ID != r.ID || e.IsNew() || e.Ref() != ref {
		t.Errorf("result is %+v, id %v", r, e.ID())
	}
	wantModified(t, e)
	if got := d.read(r.ID); got == nil || got.Name != "Even Better" || got.Version != 1 {
		t.Errorf("stored is %+v", got)
	}
	e.V.Stock = 5
	if r := mustSave(t, e); r.Kind != edit.Saved {
		t.Errorf("second save: %+v", r)
	}
}

func TestNewRevertsToZero(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	e := d.bakeries.New(bakery{})
	defer e.Close()
	wantModified(t, e)
	e.V.Name = "x"
	e.Revert()
	if e.V.Name != "" {
		t.Error("not reverted")
	}
}

// TestFailureKeepsDraft tries every way in which a save can fail.
func TestFailureKeepsDraft(t *testing.T) {
	t.Parallel()
	refused := &edit.ConstraintError{Kind: edit.ErrNotNull, Fields: []string{"name"}, Err: errors.New("driver")}
	for name, c := range map[string]struct {
		outcome edit.Outcome
		want    error
	}{
		"constraint": {edit.Outcome{State: edit.Failed, Err: refused}, edit.ErrConstraint},
		"not null":   {edit.Outcome{State: edit.Failed, Err: refused}, edit.ErrNotNull},
		"suppressed": {edit.Outcome{State: edit.Suppressed}, edit.ErrSuppressed},
		"denied":     {edit.Outcome{State: edit.Failed, Err: edit.ErrDenied}, edit.ErrDenied},
		"transient":  {edit.Outcome{State: edit.Transient}, edit.ErrRetriesExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, e := started(t, nil, edit.Retries(3, time.Microsecond, time.Microsecond))
			fail := true
			d.store.Fault = func(*edit.Op) edit.Outcome {
				if fail {
					return c.outcome
				}
				return edit.Outcome{}
			}
			e.V.Name, e.V.Tags = "Draft", []string{"x"}
			_, err := e.Save(context.Background())
			wantErr(t, err, c.want)
			wantPhase(t, e, edit.PhaseFailed)
			wantErr(t, e.Err(), c.want)
			if e.V.Name != "Draft" || e.Snapshot().Name != "Rye" {
				t.Errorf("V is %+v", e.V)
			}
			wantModified(t, e, "name", "tags")
			fail = false // nothing is under way
			mustSave(t, e)
			wantPhase(t, e, edit.PhaseIdle)
			if d.read(1).Name != "Draft" {
				t.Error("the second save did not work")
			}
		})
	}
}

func TestFailedInsertStaysNew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	fail := true
	d.store.Fault = func(*edit.Op) edit.Outcome {
		if fail {
			return edit.Outcome{State: edit.Failed, Err: &edit.ConstraintError{Kind: edit.ErrCheck}}
		}
		return edit.Outcome{}
	}
	e := d.bakeries.New(bakery{Name: "x"})
	defer e.Close()
	_, err := e.Save(context.Background())
	wantErr(t, err, edit.ErrCheck)
	if !e.IsNew() || e.V.Name != "x" {
		t.Error("not new any more")
	}
	fail = false
	if r := mustSave(t, e); r.Kind != edit.Created {
		t.Errorf("result is %+v", r)
	}
}

// TestPartialSave has a trigger that stores something else.
func TestPartialSave(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	d.store.Trigger = func(_ *edit.Table, row any) {
		if b, ok := row.(*bakery); ok {
			b.Name = "lower"
			b.Slug = "slug"
		}
	}
	e.V.Name = "UPPER"
	e.V.Slug = "mine"
	r, err := e.Save(context.Background())
	wantErr(t, err, edit.ErrPartial)
	var p *edit.PartialError
	if !errors.As(err, &p) || len(p.Fields) != 2 {
		t.Fatalf("error is %#v", err)
	}
	if p.Fields[0].Field != "slug" || p.Fields[0].Reason != edit.ReadOnlyField ||
		p.Fields[1].Field != "name" || p.Fields[1].Sent != "UPPER" || p.Fields[1].Stored != "lower" || p.Fields[1].Reason != edit.Overridden {
		t.Errorf("fields are %+v", p.Fields)
	}
	if r.Kind != edit.Saved || !slices.Equal(r.Adjusted, []string{"name"}) || r.Row.Name != "lower" {
		t.Errorf("result is %+v", r)
	}
	if e.V.Name != "lower" {
		t.Error("what the database stored does not appear")
	}
}

func TestOnlyReadOnlyChanged(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	e.V.Slug = "mine"
	r, err := e.Save(context.Background())
	wantErr(t, err, edit.ErrPartial)
	if r.Kind != edit.Unchanged || d.store.Batches() != 0 {
		t.Errorf("result is %+v", r)
	}
}

func TestKeyChanged(t *testing.T) {
	t.Parallel()
	_, e := started(t, nil)
	e.V.ID = 2
	_, err := e.Save(context.Background())
	wantErr(t, err, edit.ErrKeyChanged)
}

func TestDelete(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	r, err := e.Delete(context.Background())
	if err != nil || r.Kind != edit.Deleted || r.ID != 1 || d.read(1) != nil {
		t.Fatalf("result is %+v, %v", r, err)
	}
	wantPhase(t, e, edit.PhaseGone)
	_, err = e.Save(context.Background())
	wantErr(t, err, edit.ErrDeleted)
	if _, err := e.Delete(context.Background()); err != nil {
		t.Errorf("deleting twice: %v", err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	e.V.Name = "x"
	var unsaved *edit.UnsavedError
	if err := e.CloseChecked(); !errors.As(err, &unsaved) || !slices.Equal(unsaved.Fields, []string{"name"}) {
		t.Errorf("checked close: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	wantPhase(t, e, edit.PhaseClosed)
	_, err := e.Save(context.Background())
	wantErr(t, err, edit.ErrClosed)
	_, err = e.RefreshSnapshot(context.Background())
	wantErr(t, err, edit.ErrClosed)
	wantErr(t, e.Resolve(edit.KeepMine()), edit.ErrClosed)
	if e.V.Name != "x" {
		t.Error("V is gone")
	}
	if d.store.Batches() != 0 {
		t.Error("closing saved")
	}
}

// TestCloseWhileSaving: what was accepted goes on.
func TestCloseWhileSaving(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g)
	e.V.Name = "Accepted"
	p := e.SaveAsync()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	g.pass()
	mustWait(t, p)
	if d.read(1).Name != "Accepted" {
		t.Error("not saved")
	}
}

// TestUntyped does with maps what the others do with structs.
func TestUntyped(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	columns := []edit.Column{{Name: "id", Key: true, Default: true}, {Name: "name"}, {Name: "city"}, {Name: "version"}}
	table, err := edit.NewTable[edit.Record]("thing", edit.Catalogue(columns), edit.VersionColumn("version"))
	if err != nil {
		t.Fatal(err)
	}
	things, err := edit.NewEditor[int64, edit.Record](d.writer, table)
	if err != nil {
		t.Fatal(err)
	}
	e := things.New(edit.Record{"name": "x"})
	defer e.Close()
	r := mustSave(t, e)
	if r.Kind != edit.Created || r.ID == 0 || e.V["id"] != r.ID {
		t.Fatalf("result is %+v", r)
	}
	wantModified(t, e)
	e.V["name"] = "y"
	wantModified(t, e, "name")
	other, err := things.Edit(context.Background(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.V["city"] = "Riga"
	mustSave(t, other)
	mustSave(t, e)
	if e.V["city"] != "Riga" || e.V["name"] != "y" {
		t.Errorf("V is %v", e.V)
	}
	other.V["name"] = "z"
	_, err = other.Save(context.Background())
	wantErr(t, err, edit.ErrConflict)
	other.Revert()
	if other.V["name"] != "y" {
		t.Errorf("V is %v", other.V)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	d, _ := started(t, nil)
	tries := 0
	r, err := d.bakeries.Update(context.Background(), 1, func(b *bakery) error {
		if tries++; tries == 1 {
			d.changeQuietly(1, func(b *bakery) { b.Name += "!" })
		}
		b.Name += "?"
		return nil
	})
	if err != nil || tries != 2 || r.Row.Name != "Rye!?" {
		t.Errorf("result is %+v after %d tries, %v", r, tries, err)
	}
	refused := errors.New("refused")
	_, err = d.bakeries.Update(context.Background(), 1, func(*bakery) error { return refused })
	wantErr(t, err, refused)
	_, err = d.bakeries.Update(context.Background(), 2, func(*bakery) error { return nil })
	wantErr(t, err, edit.ErrDeleted)
}

func TestInverse(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	e.V.Name = "Mine"
	r := mustSave(t, e)
	d.changeQuietly(1, func(b *bakery) { b.City = "Theirs" })
	undo, err := r.Inverse()
	if err != nil {
		t.Fatal(err)
	}
	defer undo.Close()
	wantModified(t, undo, "name")
	back := mustSave(t, undo)
	if got := d.read(1); got.Name != "Rye" || got.City != "Theirs" {
		t.Errorf("stored is %+v", got)
	}
	d.changeQuietly(1, func(b *bakery) { b.Name = "Theirs" })
	redo, err := back.Inverse()
	if err != nil {
		t.Fatal(err)
	}
	defer redo.Close()
	_, err = redo.Save(context.Background())
	wantErr(t, err, edit.ErrConflict)

	gone, err := d.open(1).Delete(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	again, err := gone.Inverse()
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	mustSave(t, again)
	if got := d.read(1); got == nil || got.Name != "Theirs" {
		t.Errorf("stored is %+v", got)
	}
}

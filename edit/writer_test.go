package edit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/vantage-go/live/edit"
)

// half is a source of chance that always says half.
func half(n int64) int64 { return n / 2 }

// TestNaturalBatching: the first save goes at once, what comes while it is
// under way makes up one batch.
func TestNaturalBatching(t *testing.T) {
	t.Parallel()
	g := newGate()
	d := newDesk(t, g)
	var edits []*edit.RecordEdit[int64, bakery]
	for id := range int64(100) {
		d.put(bakery{ID: 100 - id})
		edits = append(edits, d.open(100-id))
	}
	for _, e := range edits {
		e.V.Name = "x"
	}
	edits[0].SaveAsync()
	first := <-g.arrived
	for _, e := range edits[1:] {
		e.SaveAsync()
	}
	g.through <- struct{}{}
	second := g.pass()
	if len(first) != 1 || len(second) != 99 {
		t.Errorf("batches of %d and %d", len(first), len(second))
	}
	if !slices.IsSortedFunc(second, func(a, b *edit.Op) int { return int(a.Key()[0].(int64) - b.Key()[0].(int64)) }) {
		t.Error("the batch is not sorted by key")
	}
	if err := d.writer.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	s := d.writer.Stats()
	if s.Accepted != 100 || s.Done != 100 || s.Batches != 2 || s.Largest != 99 || s.Queued != 0 || s.InFlight != 0 || s.QueuedBytes != 0 {
		t.Errorf("stats are %+v", s)
	}
}

func TestBatchLimit(t *testing.T) {
	t.Parallel()
	g := newGate()
	d := newDesk(t, g, edit.BatchLimit(10, 1<<20))
	var sizes []int
	for id := range int64(25) {
		d.put(bakery{ID: id + 1})
		e := d.open(id + 1)
		e.V.Name = "x"
		e.SaveAsync()
		if id == 0 {
			sizes = append(sizes, len(<-g.arrived))
		}
	}
	g.through <- struct{}{}
	for range 3 {
		sizes = append(sizes, len(g.pass()))
	}
	if want := []int{1, 10, 10, 4}; !slices.Equal(sizes, want) {
		t.Errorf("batches of %v, want %v", sizes, want)
	}
}

// TestBurst: a thousand saves of one record are few updates.
func TestBurst(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g)
	var saves []*edit.Pending[int64, bakery]
	for i := range 1000 {
		e.V.Name = fmt.Sprint("typed ", i)
		saves = append(saves, e.SaveAsync())
		if i == 0 {
			<-g.arrived // else all may be one update
		}
	}
	g.through <- struct{}{}
	g.pass()
	for _, p := range saves {
		mustWait(t, p)
	}
	if got := d.read(1); got.Name != "typed 999" || got.Version != 3 {
		t.Errorf("stored is %+v", got)
	}
	wantModified(t, e)
	if n := d.writer.Stats().Coalesced; n != 998 {
		t.Errorf("%d saves joined others", n)
	}
}

// TestTypingWhileSaving: what is typed while a save is under way stays.
func TestTypingWhileSaving(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g)
	d.store.Trigger = func(_ *edit.Table, row any) { row.(*bakery).City = "from a trigger" }
	e.V.Name = "first"
	p := e.SaveAsync()
	wantPhase(t, e, edit.PhaseSaving)
	<-g.arrived
	e.V.Name = "second"
	g.through <- struct{}{}
	if r := mustWait(t, p); r.Row.Name != "first" {
		t.Errorf("result is %+v", r)
	}
	wantModified(t, e, "name")
	if e.V.Name != "second" || e.V.City != "from a trigger" || e.Snapshot().Name != "first" {
		t.Errorf("V is %+v", e.V)
	}
	p = e.SaveAsync()
	if op := g.pass()[0]; op.Set.Len() != 1 {
		t.Errorf("%d columns were sent", op.Set.Len())
	}
	mustWait(t, p)
	wantModified(t, e)
}

// TestTypedBackWhileSaving: the old value is a change once the new one is sent.
func TestTypedBackWhileSaving(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g)
	e.V.Name = "new"
	first := e.SaveAsync()
	<-g.arrived
	e.V.Name = "Rye"
	second := e.SaveAsync()
	g.through <- struct{}{}
	g.pass()
	mustWait(t, first)
	mustWait(t, second)
	if got := d.read(1); got.Name != "Rye" {
		t.Errorf("stored is %+v", got)
	}
	wantModified(t, e)
}

// TestNextSaveSurvivesFailure: what waits behind a save that fails holds its
// changes, too.
func TestNextSaveSurvivesFailure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fields []string
		second error
		stored string
	}{
		"culprit changed":   {[]string{"name"}, nil, "short"},
		"culprit unknown":   {nil, nil, "short"},
		"culprit unchanged": {[]string{"city"}, edit.ErrCheck, "Rye"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate()
			d, e := started(t, g)
			sends := 0
			d.store.Fault = func(*edit.Op) edit.Outcome {
				if sends++; sends == 1 {
					return edit.Outcome{State: edit.Failed, Err: &edit.ConstraintError{Kind: edit.ErrCheck, Fields: c.fields}}
				}
				return edit.Outcome{}
			}
			e.V.Name, e.V.City = "far too long", "Riga!"
			first := e.SaveAsync()
			<-g.arrived
			e.V.Name = "short"
			second := e.SaveAsync()
			g.through <- struct{}{}
			if c.second == nil {
				g.pass()
			}
			_, err := first.Wait(context.Background())
			wantErr(t, err, edit.ErrCheck)
			_, err = second.Wait(context.Background())
			wantErr(t, err, c.second)
			if got := d.read(1); got.Name != c.stored || c.second == nil && got.City != "Riga!" {
				t.Errorf("stored is %+v", got)
			}
			if e.V.Name != "short" || e.V.City != "Riga!" {
				t.Errorf("V is %+v", e.V)
			}
		})
	}
}

func TestNewRecordIsSavedTwice(t *testing.T) {
	t.Parallel()
	t.Run("before it is sent", func(t *testing.T) {
		t.Parallel()
		g := newGate()
		d := newDesk(t, g)
		blocker := d.bakeries.New(bakery{Name: "blocker"})
		defer blocker.Close()
		blocker.SaveAsync()
		<-g.arrived
		e := d.bakeries.New(bakery{Name: "one"})
		defer e.Close()
		first := e.SaveAsync()
		e.V.Name = "two"
		second := e.SaveAsync()
		g.through <- struct{}{}
		g.pass()
		a, b := mustWait(t, first), mustWait(t, second)
		if a.Kind != edit.Created || b.Kind != edit.Created || a.ID != b.ID || d.read(a.ID).Name != "two" || d.read(a.ID).Version != 1 {
			t.Errorf("results are %+v and %+v", a, b)
		}
	})
	t.Run("while it is sent", func(t *testing.T) {
		t.Parallel()
		g := newGate()
		d := newDesk(t, g)
		e := d.bakeries.New(bakery{Name: "one"})
		defer e.Close()
		first := e.SaveAsync()
		<-g.arrived
		e.V.Name = "two"
		second := e.SaveAsync()
		g.through <- struct{}{}
		g.pass()
		a, b := mustWait(t, first), mustWait(t, second)
		if a.Kind != edit.Created || b.Kind != edit.Saved || a.ID != b.ID || d.read(a.ID).Name != "two" {
			t.Errorf("results are %+v and %+v", a, b)
		}
		wantModified(t, e)
	})
	t.Run("after it failed", func(t *testing.T) {
		t.Parallel()
		g := newGate()
		d := newDesk(t, g)
		sends := 0
		d.store.Fault = func(*edit.Op) edit.Outcome {
			if sends++; sends == 1 {
				return edit.Outcome{State: edit.Failed, Err: &edit.ConstraintError{Kind: edit.ErrCheck}}
			}
			return edit.Outcome{}
		}
		e := d.bakeries.New(bakery{Name: "one", City: "Riga"})
		defer e.Close()
		first := e.SaveAsync()
		<-g.arrived
		e.V.Name = "two"
		second := e.SaveAsync()
		g.through <- struct{}{}
		g.pass()
		_, err := first.Wait(context.Background())
		wantErr(t, err, edit.ErrCheck)
		r := mustWait(t, second)
		if got := d.read(r.ID); r.Kind != edit.Created || got.Name != "two" || got.City != "Riga" {
			t.Errorf("result is %+v, stored %+v", r, got)
		}
	})
}

func TestDeleteOfNewRecord(t *testing.T) {
	t.Parallel()
	t.Run("before it is sent", func(t *testing.T) {
		t.Parallel()
		g := newGate()
		d := newDesk(t, g)
		blocker := d.bakeries.New(bakery{})
		defer blocker.Close()
		blocker.SaveAsync()
		<-g.arrived
		e := d.bakeries.New(bakery{Name: "one"})
		defer e.Close()
		save := e.SaveAsync()
		del := e.DeleteAsync()
		if r := mustWait(t, save); r.Kind != edit.Deleted || len(r.Superseded) == 0 {
			t.Errorf("result is %+v", r)
		}
		mustWait(t, del)
		g.through <- struct{}{}
		if err := d.writer.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		if n := d.store.Batches(); n != 1 {
			t.Errorf("%d batches", n)
		}
		wantPhase(t, e, edit.PhaseGone)
	})
	t.Run("while it is sent", func(t *testing.T) {
		t.Parallel()
		g := newGate()
		d := newDesk(t, g)
		e := d.bakeries.New(bakery{Name: "one"})
		defer e.Close()
		save := e.SaveAsync()
		<-g.arrived
		del := e.DeleteAsync()
		g.through <- struct{}{}
		g.pass()
		r := mustWait(t, save)
		mustWait(t, del)
		if r.Kind != edit.Created || d.read(r.ID) != nil {
			t.Errorf("result is %+v", r)
		}
	})
}

func TestDeleteSupersedesSave(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g)
	blocker := d.bakeries.New(bakery{})
	defer blocker.Close()
	blocker.SaveAsync()
	<-g.arrived
	e.V.Name = "x"
	save, del := e.SaveAsync(), e.DeleteAsync()
	other := d.open(1)
	other.V.City = "y"
	_, err := other.TrySave(context.Background())
	wantErr(t, err, edit.ErrDeleted)
	g.through <- struct{}{}
	if ops := g.pass(); len(ops) != 1 || ops[0].Kind != edit.Delete {
		t.Errorf("operations are %v", ops)
	}
	if r := mustWait(t, save); r.Kind != edit.Deleted || !slices.Equal(r.Superseded, []string{"name"}) {
		t.Errorf("result is %+v", r)
	}
	mustWait(t, del)
}

func TestTwoSessionsAtOnce(t *testing.T) {
	t.Parallel()
	for name, strict := range map[string]bool{"later wins": false, "strict": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate()
			var opts []edit.TableOption
			if strict {
				opts = append(opts, edit.StrictLocal())
			}
			d := newDeskWith(t, g, opts)
			d.put(bakery{ID: 1, Name: "Rye", City: "Riga"})
			a, b := d.open(1), d.open(1)
			blocker := d.bakeries.New(bakery{})
			defer blocker.Close()
			blocker.SaveAsync()
			<-g.arrived
			a.V.Name, a.V.City = "A", "A"
			b.V.Name, b.V.Slug = "B", ""
			first := a.SaveAsync()
			second := b.SaveAsync()
			if strict {
				_, err := second.Wait(context.Background())
				var c *edit.ConflictError
				if !errors.As(err, &c) || c.Origin != edit.Local {
					t.Errorf("error is %v", err)
				}
			}
			g.through <- struct{}{}
			g.pass()
			r := mustWait(t, first)
			if strict {
				return
			}
			mustWait(t, second)
			if !slices.Equal(r.Superseded, []string{"name"}) {
				t.Errorf("superseded are %v", r.Superseded)
			}
			if got := d.read(1); got.Name != "B" || got.City != "A" || got.Version != 2 {
				t.Errorf("stored is %+v", got)
			}
			wantModified(t, a)
			wantModified(t, b)
			if b.V.City != "A" {
				t.Errorf("V is %+v", b.V)
			}
		})
	}
}

// TestReplacedAndSuperseded: where another session's save took the place of one, it took
// that of those which had gathered behind it as well.
func TestReplacedAndSuperseded(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, a := started(t, g)
	b := d.open(1)
	blocker := d.bakeries.New(bakery{})
	defer blocker.Close()
	blocker.SaveAsync()
	<-g.arrived
	a.V.Name = "A"
	first := a.SaveAsync()
	a.V.City = "A"
	second := a.SaveAsync()
	b.V.Name, b.V.City = "B", "B"
	third := b.SaveAsync()
	g.through <- struct{}{}
	g.pass()
	if r := mustWait(t, first); !slices.Equal(r.Superseded, []string{"name"}) {
		t.Errorf("superseded are %v of the first", r.Superseded)
	}
	if r := mustWait(t, second); !slices.Equal(r.Superseded, []string{"name", "city"}) {
		t.Errorf("superseded are %v of the second", r.Superseded)
	}
	mustWait(t, third)
}

// TestSiblingSavesWhileSaving: the second session saves when the first's save
// is on its way.
func TestSiblingSavesWhileSaving(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, a := started(t, g)
	b := d.open(1)
	a.V.Name, a.V.City = "A", "A"
	first := a.SaveAsync()
	<-g.arrived
	b.V.Name = "B"
	second := b.SaveAsync()
	g.through <- struct{}{}
	g.pass()
	mustWait(t, first)
	mustWait(t, second)
	if got := d.read(1); got.Name != "B" || got.City != "A" {
		t.Errorf("stored is %+v", got)
	}
}

func TestRevertWhileSaving(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g)
	e.V.Name = "sent"
	first := e.SaveAsync()
	<-g.arrived
	e.V.Name = "waits"
	second := e.SaveAsync()
	e.Revert()
	if e.V.Name != "Rye" {
		t.Errorf("V is %+v", e.V)
	}
	_, err := second.Wait(context.Background())
	wantErr(t, err, edit.ErrWithdrawn)
	g.through <- struct{}{}
	mustWait(t, first)
	if err := d.writer.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := d.read(1); got.Name != "sent" {
		t.Errorf("stored is %+v", got)
	}
}

// TestUniqueValueMoves: a value is freed and claimed in one batch, in the wrong
// order.
func TestUniqueValueMoves(t *testing.T) {
	t.Parallel()
	g := newGate()
	d := newDesk(t, g)
	d.store.Fault = func(op *edit.Op) edit.Outcome {
		name := op.Row.(*bakery).Name
		for id := range int64(3) {
			if b := d.peek(id + 1); b != nil && b.Name == name && op.Key()[0] != b.ID {
				return edit.Outcome{State: edit.Failed, Err: &edit.ConstraintError{Kind: edit.ErrDuplicate, Fields: []string{"name"}}}
			}
		}
		return edit.Outcome{}
	}
	d.put(bakery{ID: 1, Name: "a"})
	d.put(bakery{ID: 2, Name: "b"})
	d.put(bakery{ID: 3, Name: "c"})
	blocker := d.bakeries.New(bakery{Name: "blocker"})
	defer blocker.Close()
	blocker.SaveAsync()
	<-g.arrived
	one, two := d.open(1), d.open(2)
	two.V.Name = "free"
	one.V.Name = "b"
	first, second := one.SaveAsync(), two.SaveAsync()
	g.through <- struct{}{}
	g.pass()
	g.pass()
	mustWait(t, first)
	mustWait(t, second)
}

func TestEchoAndRemoteWhileSaving(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g)
	e.V.Name = "mine"
	p := e.SaveAsync()
	<-g.arrived
	old := *d.read(1)
	old.City = "older"
	d.bakeries.Observe(1, old) // the version before the save
	echo := bakery{ID: 1, Name: "mine", City: "Riga", Stock: 10, Version: 2}
	d.bakeries.Observe(1, echo)
	later := bakery{ID: 1, Name: "mine", City: "later", Stock: 10, Version: 3}
	d.bakeries.Observe(1, later)
	g.through <- struct{}{}
	mustWait(t, p)
	wantModified(t, e)
	if e.V.City != "Riga" {
		t.Errorf("V is %+v", e.V)
	}
	if _, err := e.Merge(); err != nil || e.V.City != "later" {
		t.Errorf("V is %+v, %v", e.V, err)
	}
	d.bakeries.Observe(1, old) // much too late
	if _, err := e.Merge(); err != nil || e.V.City != "later" {
		t.Errorf("V is %+v, %v", e.V, err)
	}
}

// TestUpdateLosesNothing: changes that depend on the old value are made one
// after the other, also within one program and where they come to the same
// value.
func TestUpdateLosesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)

	d.store.Put(d.products.Table(), &product{ID: 1, Price: 0})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 25 {
				if _, err := d.products.Update(context.Background(), 1, func(p *product) error { p.Price++; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	row, err := d.store.Read(context.Background(), d.products.Table(), []any{int64(1)})
	if err != nil || row.(*product).Price != 200 {
		t.Errorf("stored is %+v, %v", row, err)
	}
}

// TestUpdateOfTheSameValue: somebody who makes the same change meanwhile does not
// stand for it.
func TestUpdateOfTheSameValue(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.store.Put(d.products.Table(), &product{ID: 1, Price: 0})
	calls := 0
	add := func(p *product) error { p.Price++; return nil }
	_, err := d.products.Update(context.Background(), 1, func(p *product) error {
		if calls++; calls == 1 {
			if _, err := d.products.Update(context.Background(), 1, add); err != nil {
				return err
			}
		}
		return add(p)
	})
	row, readErr := d.store.Read(context.Background(), d.products.Table(), []any{int64(1)})
	if err != nil || readErr != nil || row.(*product).Price != 2 || calls != 2 {
		t.Errorf("after %d calls stored is %+v, %v, %v", calls, row, err, readErr)
	}
}

// TestNewRecordIsSavedThrice: what waits behind the insert holds all that was
// typed since, not only the last of it.
func TestNewRecordIsSavedThrice(t *testing.T) {
	t.Parallel()
	g := newGate()
	d := newDesk(t, g)
	e := d.bakeries.New(bakery{Name: "one"})
	defer e.Close()
	saves := []*edit.Pending[int64, bakery]{e.SaveAsync()}
	<-g.arrived
	e.V.Name = "two"
	saves = append(saves, e.SaveAsync())
	e.V.City = "Riga"
	saves = append(saves, e.SaveAsync())
	g.through <- struct{}{}
	g.pass()
	for _, p := range saves {
		mustWait(t, p)
	}
	if got := d.read(e.ID()); got.Name != "two" || got.City != "Riga" || got.Version != 2 {
		t.Errorf("stored is %+v", got)
	}
	wantModified(t, e)
}

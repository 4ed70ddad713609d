package edit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vantage-go/live/edit"
)

// TestGivenInPart has a session on a row that its caller brought and that lacks columns,
// beside one on the same record: what that saves is not merged with what is not there.
func TestGivenInPart(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		for _, city := range []string{"", "Liepaja"} {
			t.Run(fmt.Sprintf("first=%v/to=%q", first, city), func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, nil, edit.Patience(5*time.Second))
				d.put(bakery{ID: 1, Name: "Rye", City: "Riga", Stock: 10, Street: "s"})
				var e *edit.RecordEdit[int64, bakery]
				if !first {
					e = d.open(1)
				}
				partial, err := d.bakeries.EditRow(1, bakery{ID: 1, Name: "Rye", Version: 1})
				if err != nil {
					t.Fatal(err)
				}
				defer partial.Close()
				if first {
					e = d.open(1)
				}
				e.V.City = city
				r, err := e.Save(context.Background())
				if got := d.read(1); err != nil || got.City != city {
					t.Errorf("saved %v, %v; stored is %+v", r.Kind, err, got)
				}
			})
		}
	}
}

// TestGivenStale has a session on an older row, of which no version tells that: saves to
// what it holds are not done already, and others are no conflicts.
func TestGivenStale(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil, edit.Patience(5*time.Second))
	d.store.Put(d.products.Table(), &product{ID: 1, Name: "old", Price: 1})
	e, err := d.products.Edit(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.V.Price = 2
	older := mustSave(t, e)
	e.V.Price = 3
	mustSave(t, e)
	undo, err := older.Inverse()
	if err != nil {
		t.Fatal(err)
	}
	defer undo.Close()
	for _, price := range []int{2, 5} {
		e.V.Price = price
		r, err := e.Save(context.Background())
		row, _ := d.store.Read(context.Background(), d.products.Table(), []any{int64(1)})
		if err != nil || row.(*product).Price != price {
			t.Errorf("saved %v, %v; stored is %+v, want a price of %v", r.Kind, err, row, price)
		}
	}
}

// TestMergedIsOwn writes into a value that a policy took from the other side.
func TestMergedIsOwn(t *testing.T) {
	t.Parallel()
	theirs := edit.OnConflict(edit.MergeFunc(func(c edit.FieldConflict) (any, error) { return c.Theirs, nil }))
	d := newDeskWith(t, nil, []edit.TableOption{theirs}, edit.Patience(5*time.Second))
	d.put(bakery{ID: 1, Tags: []string{"a"}})
	e := d.open(1)
	e.V.Tags = []string{"b"}
	d.change(1, func(b *bakery) { b.Tags = []string{"c"} })
	if _, err := e.Merge(); err != nil {
		t.Fatal(err)
	}
	e.V.Tags[0] = "d"
	r, err := e.Save(context.Background())
	if got := d.read(1); err != nil || got.Tags[0] != "d" {
		t.Errorf("saved %v, %v; stored is %+v", r.Kind, err, got)
	}
}

// TestDeletedMeanwhile tells of the end of a record while a save of it is under way.
func TestDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g, edit.Patience(5*time.Second))
	e.V.Name = "x"
	p := e.SaveAsync()
	<-g.arrived
	g.through <- struct{}{}
	mustWait(t, p)
	e.V.Name = "y"
	p = e.SaveAsync()
	<-g.arrived
	// It is done in the database, and then deleted, before the answer is here.
	d.bakeries.ObserveDeleted(1)
	g.through <- struct{}{}
	mustWait(t, p)
	d.store.Drop(d.bakeries.Table(), int64(1))
	wantPhase(t, e, edit.PhaseGone)
}

// TestDeletedAfterChange: what others wrote while a save was under way is not there any more
// when the row is found gone later.
func TestDeletedAfterChange(t *testing.T) {
	t.Parallel()
	type session = edit.RecordEdit[int64, bakery]
	for name, c := range map[string]struct {
		send func(*session) *edit.Pending[int64, bakery]
		want error
	}{
		"update": {(*session).SaveAsync, edit.ErrDeleted},
		"delete": {(*session).DeleteAsync, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, e := started(t, nil, edit.Chance(half))
				d.store.Fault = func(*edit.Op) edit.Outcome {
					return edit.Outcome{State: edit.Unknown, Err: errors.New("connection lost")}
				}
				e.V.Name = "x"
				p := c.send(e)
				synctest.Wait()
				d.change(1, func(b *bakery) { b.City = "Theirs" })
				d.store.Drop(d.bakeries.Table(), int64(1))
				_, err := p.Wait(context.Background())
				wantErr(t, err, c.want)
				wantPhase(t, e, edit.PhaseGone)
				_, err = e.Save(context.Background())
				wantErr(t, err, edit.ErrDeleted)
			})
		})
	}
}

// TestFoundEarly opens a new record, and saves it, before it is known that it was made:
// what was saved there is still under way when the record is known.
func TestFoundEarly(t *testing.T) {
	t.Parallel()
	const pause = 20 * time.Millisecond
	g := newGate()
	d := newDesk(t, g, edit.Patience(5*time.Second), edit.Retries(5, pause, pause), edit.Chance(func(n int64) int64 { return n - 1 }))
	made := false
	d.store.Fault = func(op *edit.Op) edit.Outcome {
		if op.Kind == edit.Insert && !made {
			made = true
			return edit.Outcome{State: edit.Unknown}
		}
		return edit.Outcome{}
	}
	d.put(bakery{ID: 1})
	other := d.open(1)
	e := d.bakeries.New(bakery{ID: 9, Name: "new", City: "x"})
	defer e.Close()
	p := e.SaveAsync()
	<-g.arrived
	other.V.City = "other"
	other.SaveAsync()
	g.through <- struct{}{}
	<-g.arrived // the other one: nobody looks the record up while that is under way
	s := d.open(9)
	s.V.City = "y"
	q := s.SaveAsync()
	time.Sleep(2 * pause) // from then on it is looked up, together with the save of s
	g.through <- struct{}{}
	g.pass()
	mustWait(t, p)
	mustWait(t, q)
	s.V.City = "x" // what it was made with is not what is there
	q = s.SaveAsync()
	select {
	case <-g.arrived:
		g.through <- struct{}{}
	case <-q.Done():
	}
	r, err := q.Wait(context.Background())
	if got := d.read(9); err != nil || got.City != "x" {
		t.Errorf("saved %v, %v; stored is %+v", r.Kind, err, got)
	}
}

package edit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vantage-go/live/edit"
)

func (d *desk) product(id int64) *product {
	d.tb.Helper()
	row, err := d.store.Read(context.Background(), d.products.Table(), []any{id})
	if err != nil {
		d.tb.Fatal(err)
	}
	if row == nil {
		return nil
	}
	return row.(*product)
}

func TestGroup(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	d.put(bakery{ID: 2, Name: "other"})
	old := d.open(2)
	e.V.Name = "x"
	n := d.products.New(product{Bakery: 1, Name: "bun"})
	defer n.Close()
	if err := edit.Group(context.Background(), e, n, edit.Deleting(old)); err != nil {
		t.Fatal(err)
	}
	if d.read(1).Name != "x" || d.read(2) != nil || d.product(n.ID()).Name != "bun" {
		t.Error("not all was saved")
	}
	if n := d.store.Batches(); n != 1 {
		t.Errorf("%d batches", n)
	}
	if err := edit.Group(context.Background(), e); err != nil { // nothing to save
		t.Error(err)
	}
}

func TestGroupFails(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	d.store.Fault = func(op *edit.Op) edit.Outcome {
		if op.Table.Name == "product" {
			return edit.Outcome{State: edit.Failed, Err: &edit.ConstraintError{Kind: edit.ErrNotNull}}
		}
		return edit.Outcome{}
	}
	e.V.Name = "x"
	n := d.products.New(product{Bakery: 1})
	defer n.Close()
	err := edit.Group(context.Background(), e, n)
	wantErr(t, err, edit.ErrNotNull)
	if d.read(1).Name != "Rye" {
		t.Error("half of a group was saved")
	}
	wantModified(t, e, "name")
	if !errors.Is(e.Err(), edit.ErrDependency) || !n.IsNew() {
		t.Errorf("the other failed with %v", e.Err())
	}
	mustSave(t, e) // alone
}

func TestGroupConflicts(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	d.put(bakery{ID: 2, Name: "other"})
	other := d.open(2)
	e.V.Name, other.V.Name = "x", "y"
	d.changeQuietly(2, func(b *bakery) { b.Name = "theirs" })
	err := edit.Group(context.Background(), e, other)
	wantErr(t, err, edit.ErrConflict)
	if d.read(1).Name != "Rye" {
		t.Error("half of a group was saved")
	}
	wantPhase(t, other, edit.PhaseConflicted)
}

func TestLinkedRecords(t *testing.T) {
	t.Parallel()
	open := func(d *desk) (*edit.RecordEdit[int64, bakery], *edit.RecordEdit[int64, product]) {
		parent := d.bakeries.New(bakery{Name: "parent"})
		child := d.products.New(product{Name: "child"})
		t.Cleanup(func() { _, _ = parent.Close(), child.Close() })
		if err := child.Link(&child.V.Bakery, parent); err != nil {
			t.Fatal(err)
		}
		return parent, child
	}
	check := func(t *testing.T, d *desk, parent *edit.RecordEdit[int64, bakery], child *edit.RecordEdit[int64, product]) {
		t.Helper()
		wantModified(t, child)
		if parent.ID() == 0 || child.V.Bakery != parent.ID() || d.product(child.ID()).Bakery != parent.ID() {
			t.Errorf("parent %d, child %+v", parent.ID(), child.V)
		}
	}
	t.Run("parent is saved", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, nil)
		parent, child := open(d)
		mustSave(t, parent)
		mustSave(t, child)
		check(t, d, parent, child)
	})
	t.Run("parent is being saved", func(t *testing.T) {
		t.Parallel()
		g := newGate()
		d := newDesk(t, g)
		parent, child := open(d)
		p := parent.SaveAsync()
		<-g.arrived
		c := child.SaveAsync()
		g.through <- struct{}{}
		g.pass()
		mustWait(t, p)
		mustWait(t, c)
		check(t, d, parent, child)
	})
	t.Run("in a group, in the wrong order", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, nil)
		parent, child := open(d)
		if err := edit.Group(context.Background(), child, parent); err != nil {
			t.Fatal(err)
		}
		check(t, d, parent, child)
	})
	t.Run("parent is not saved", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, nil)
		_, child := open(d)
		_, err := child.Save(context.Background())
		wantErr(t, err, edit.ErrDependency)
	})
	t.Run("parent is taken back", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, nil, edit.Linger(2*time.Second)) // it is taken back long before
		parent, child := open(d)
		ctx, cancel := context.WithCancel(context.Background())
		taken := make(chan error)
		go func() {
			_, err := parent.Save(ctx)
			taken <- err
		}()
		for d.writer.Stats().Accepted == 0 {
			time.Sleep(time.Millisecond)
		}
		c := child.SaveAsync()
		cancel()
		wantErr(t, <-taken, context.Canceled)
		_, err := c.Wait(context.Background())
		wantErr(t, err, edit.ErrDependency)
		if !child.IsNew() {
			t.Error("the child was saved")
		}
	})
	t.Run("in a group, and nobody knows", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, nil, edit.Retries(5, time.Millisecond, time.Millisecond))
		d.store.Fault = func(*edit.Op) edit.Outcome {
			return edit.Outcome{State: edit.Unknown, Err: errors.New("connection lost")}
		}
		parent, child := open(d)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		wantErr(t, edit.Group(ctx, parent, child), edit.ErrOutcomeUnknown)
		if !errors.Is(child.Err(), edit.ErrOutcomeUnknown) && !errors.Is(child.Err(), edit.ErrDependency) {
			t.Errorf("of the child: %v", child.Err())
		}
	})
	t.Run("parent fails", func(t *testing.T) {
		t.Parallel()
		g := newGate()
		d := newDesk(t, g)
		d.store.Fault = func(op *edit.Op) edit.Outcome {
			if op.Table.Name == "bakery" {
				return edit.Outcome{State: edit.Failed, Err: &edit.ConstraintError{Kind: edit.ErrCheck}}
			}
			return edit.Outcome{}
		}
		parent, child := open(d)
		p := parent.SaveAsync()
		<-g.arrived
		c := child.SaveAsync()
		g.through <- struct{}{}
		_, err := p.Wait(context.Background())
		wantErr(t, err, edit.ErrCheck)
		_, err = c.Wait(context.Background())
		wantErr(t, err, edit.ErrDependency)
		if child.V.Name != "child" || !child.IsNew() {
			t.Error("the draft is lost")
		}
	})
}

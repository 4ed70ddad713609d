package edit_test

import (
	"context"
	"testing"
)

// TestCounter: each step of a counter counts, whoever takes it and when.
func TestCounter(t *testing.T) {
	t.Parallel()
	want := func(t *testing.T, d *desk, n int) {
		t.Helper()
		if got := d.read(1).Stock; got != n {
			t.Errorf("stock is %d, want %d", got, n)
		}
	}
	t.Run("the same step of others, told", func(t *testing.T) {
		t.Parallel()
		d, e := started(t, nil)
		e.V.Stock++
		d.change(1, func(b *bakery) { b.Stock++ })
		mustSave(t, e)
		want(t, d, 12)
		wantModified(t, e)
	})
	t.Run("the same step of others, found", func(t *testing.T) {
		t.Parallel()
		d, e := started(t, nil)
		e.V.Stock++
		d.changeQuietly(1, func(b *bakery) { b.Stock++ })
		mustSave(t, e)
		want(t, d, 12)
		wantModified(t, e)
	})
	t.Run("two sessions, one save waits", func(t *testing.T) {
		t.Parallel()
		g := newGate()
		d, a := started(t, g)
		b := d.open(1)
		a.V.Stock++
		first := a.SaveAsync()
		<-g.arrived
		b.V.Stock++
		second := b.SaveAsync()
		g.through <- struct{}{}
		g.pass()
		mustWait(t, first)
		mustWait(t, second)
		want(t, d, 12)
	})
	t.Run("two sessions, both saves wait", func(t *testing.T) {
		t.Parallel()
		g := newGate()
		d, a := started(t, g)
		b := d.open(1)
		blocker := d.bakeries.New(bakery{})
		defer blocker.Close()
		blocker.SaveAsync()
		<-g.arrived
		a.V.Stock++
		b.V.Stock += 2
		first, second := a.SaveAsync(), b.SaveAsync()
		g.through <- struct{}{}
		g.pass()
		if r := mustWait(t, first); len(r.Superseded) > 0 {
			t.Errorf("superseded are %v", r.Superseded)
		}
		mustWait(t, second)
		want(t, d, 13)
		wantModified(t, a)
		wantModified(t, b)
	})
	t.Run("typed while saving, with steps of others", func(t *testing.T) {
		t.Parallel()
		g := newGate()
		d, e := started(t, g)
		e.V.Stock++ // 11
		first := e.SaveAsync()
		<-g.arrived
		e.V.Stock++ // 12
		second := e.SaveAsync()
		e.V.Stock++ // 13
		d.changeQuietly(1, func(b *bakery) { b.Stock += 100 })
		g.through <- struct{}{}
		g.pass()
		mustWait(t, first)
		mustWait(t, second)
		want(t, d, 112)
		wantModified(t, e, "stock")
		if e.V.Stock != 113 {
			t.Errorf("V holds %d", e.V.Stock)
		}
		last := e.SaveAsync()
		g.pass()
		if _, err := last.Wait(context.Background()); err != nil {
			t.Fatal(err)
		}
		want(t, d, 113)
	})
}

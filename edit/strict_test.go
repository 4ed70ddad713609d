package edit_test

import (
	"context"
	"testing"
)

// TestReplayUpdate: what Editor.Update saves is not done because others did the same. Its
// replay either takes the step or tells that it is not known whether it was taken.
func TestReplayUpdate(t *testing.T) {
	t.Parallel()
	g, b := newGate(), &box{}
	d := outboxed(t, g, b)
	d.store.Put(d.products.Table(), &product{ID: 1, Price: 5})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = d.products.Update(context.Background(), 1, func(p *product) error { p.Price++; return nil })
	}()
	<-g.arrived
	left := b.copied()
	d.store.Put(d.products.Table(), &product{ID: 1, Price: 6}) // another program counts, too
	_, replayed := newLife(t, d, left)
	row, err := d.store.Read(context.Background(), d.products.Table(), []any{int64(1)})
	if err != nil || len(replayed) != 1 {
		t.Fatalf("%+v, %v", replayed, err)
	}
	if replayed[0].Err == nil && row.(*product).Price != 7 {
		t.Errorf("a step is lost: %+v", row)
	}
	_ = d.writer.Close() // ends the Update
	<-ended
}

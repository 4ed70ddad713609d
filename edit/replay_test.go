package edit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vantage-go/live/edit"
)

// opening is a process that opens its tables one after the other, on the store
// of another one.
func opening(tb testing.TB, d *desk, b edit.Outbox, opts ...edit.Option) *desk {
	tb.Helper()
	n := &desk{tb: tb, store: d.store}
	n.writer = edit.NewWriter(d.store, append(opts, edit.WithOutbox(b))...)
	tb.Cleanup(func() { _ = n.writer.Close() })
	n.bakeries = editorOf[bakery](tb, n.writer, "bakery")
	n.products = editorOf[product](tb, n.writer, "product", edit.Ranked(1))
	return n
}

// replayTable replays one table, and returns how many saves of it were done.
func replayTable(tb testing.TB, w *edit.Writer, editor edit.Replayable) int {
	tb.Helper()
	replayed, err := w.ReplayTable(context.Background(), editor)
	if err != nil {
		tb.Fatal(err)
	}
	for _, r := range replayed {
		if r.Err != nil {
			tb.Errorf("replayed %+v", r)
		}
	}
	return len(replayed)
}

// family is a process that ends with a change of a bakery, and with a new
// bakery and a product of it, in a group or one after the other.
func family(tb testing.TB, grouped bool) (*desk, *box) {
	tb.Helper()
	g, b := newGate(), &box{}
	d := outboxed(tb, g, b)
	e := d.open(1)
	e.V.City = "Liepaja"
	accepted(tb, e.SaveAsync())
	<-g.arrived
	parent, child := d.bakeries.New(bakery{ID: 8, Name: "parent"}), d.products.New(product{ID: 9, Name: "child"})
	tb.Cleanup(func() { _, _ = parent.Close(), child.Close() })
	if err := child.Link(&child.V.Bakery, parent); err != nil {
		tb.Fatal(err)
	}
	if grouped {
		ended := make(chan struct{})
		tb.Cleanup(func() { <-ended })
		go func() {
			defer close(ended)
			_ = edit.Group(context.Background(), child, parent)
		}()
		waitFor(tb, func() bool { return b.len() == 3 })
		tb.Cleanup(func() { _ = d.writer.Close() })
	} else {
		accepted(tb, parent.SaveAsync())
		accepted(tb, child.SaveAsync())
	}
	return d, b.copied()
}

// TestReplayTables opens tables one after the other: a table gets its saves when
// it is opened, and takes new ones from then on; what needs another table, too,
// waits for that.
func TestReplayTables(t *testing.T) {
	t.Parallel()
	for name, grouped := range map[string]bool{"linked": false, "grouped": true} {
		for first, parentFirst := range map[string]bool{"parent first": true, "child first": false} {
			t.Run(name+" "+first, func(t *testing.T) {
				t.Parallel()
				d, left := family(t, grouped)
				n := opening(t, d, left)
				fresh := n.products.New(product{ID: 1, Name: "fresh"})
				defer fresh.Close()
				_, err := fresh.Save(context.Background())
				wantErr(t, err, edit.ErrNotReplayed)
				if parentFirst {
					want := 2
					if grouped {
						want = 1
					}
					if got := replayTable(t, n.writer, n.bakeries); got != want {
						t.Errorf("%d saves of the first table were replayed, want %d", got, want)
					}
					_, err := fresh.Save(context.Background())
					wantErr(t, err, edit.ErrNotReplayed)
					if row := d.store.Peek(n.products.Table(), int64(9)); row != nil {
						t.Errorf("stored is %+v before its table was opened", row)
					}
					if got := replayTable(t, n.writer, n.products); got != 1 {
						t.Errorf("%d saves of the second table were replayed", got)
					}
				} else {
					if got := replayTable(t, n.writer, n.products); got != 0 {
						t.Errorf("%d saves were replayed without what they refer to", got)
					}
					mustSave(t, fresh)
					if left.len() < 3 {
						t.Errorf("%d saves are left", left.len())
					}
					replayTable(t, n.writer, n.bakeries)
				}
				if got := replayTable(t, n.writer, n.products); got != 1 {
					t.Errorf("%d saves of the product were replayed", got)
				}
				if got := replayTable(t, n.writer, n.bakeries); got != 2 {
					t.Errorf("%d saves of bakeries were replayed", got)
				}
				if got := n.read(1); got.City != "Liepaja" || got.Version != 2 {
					t.Errorf("stored is %+v", got)
				}
				if row := d.store.Peek(n.products.Table(), int64(9)); row == nil || row.(*product).Bakery != 8 || n.read(8) == nil {
					t.Errorf("stored is %+v", row)
				}
				_ = fresh.Close()
				if err := n.writer.Shutdown(context.Background()); err != nil || left.len() != 0 || n.writer.Stats().Records != 0 {
					t.Errorf("%d saves and %d records are left, %v", left.len(), n.writer.Stats().Records, err)
				}
			})
		}
	}
}

// TestReplayIsGoneOnWith: a replay whose context ends is gone on with by the
// next call, and what it has sent is not sent twice.
func TestReplayIsGoneOnWith(t *testing.T) {
	t.Parallel()
	d, left := family(t, false)
	g := newGate()
	g.Store = d.store
	w := edit.NewWriter(g, edit.WithOutbox(left))
	t.Cleanup(func() { _ = w.Close() })
	bakeries := editorOf[bakery](t, w, "bakery")
	ctx, cancel := context.WithCancel(context.Background())
	replaying := make(chan error, 1)
	go func() {
		_, err := w.ReplayTable(ctx, bakeries)
		replaying <- err
	}()
	<-g.arrived
	cancel()
	wantErr(t, <-replaying, context.Canceled)
	e := bakeries.New(bakery{ID: 20})
	defer e.Close()
	_, err := e.Save(context.Background())
	wantErr(t, err, edit.ErrNotReplayed)
	go func() {
		_, err := w.ReplayTable(context.Background(), bakeries)
		replaying <- err
	}()
	g.through <- struct{}{}
	for done := false; !done; {
		select {
		case <-g.arrived:
			g.through <- struct{}{}
		case err := <-replaying:
			done = true
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := replayTable(t, w, bakeries); n != 2 {
		t.Errorf("%d saves were replayed", n)
	}
	row, _ := d.store.Peek(bakeries.Table(), int64(1)).(*bakery)
	if row == nil || row.Version != 2 || left.len() != 1 {
		t.Errorf("stored is %+v, %d saves are left", row, left.len())
	}
}

// TestReplayedGroupIsWhole: of a group of which a save cannot be made any more,
// nothing is saved.
func TestReplayedGroupIsWhole(t *testing.T) {
	t.Parallel()
	d, left := family(t, true)
	w := edit.NewWriter(d.store, edit.WithOutbox(left))
	t.Cleanup(func() { _ = w.Close() })
	bakeries := editorOf[bakery](t, w, "bakery")
	replayed, err := w.Replay(context.Background(), bakeries)
	if err != nil || len(replayed) != 3 {
		t.Fatalf("replayed %+v, %v", replayed, err)
	}
	for _, r := range replayed {
		switch {
		case r.Table == "product" && !errors.Is(r.Err, edit.ErrSchemaChanged),
			r.Table == "bakery" && r.Kind == edit.Insert && !errors.Is(r.Err, edit.ErrDependency),
			r.Kind == edit.Update && r.Err != nil:
			t.Errorf("replayed %+v", r)
		}
	}
	if row := d.store.Peek(bakeries.Table(), int64(8)); row != nil || left.len() != 2 {
		t.Errorf("half of a group was saved: %+v; %d saves are left", row, left.len())
	}
}

// exclusive is an outbox that does not bear two calls at a time.
type exclusive struct {
	*box
	busy chan struct{}
	bad  func()
}

func (x *exclusive) Write(add []edit.OutboxEntry, remove []string) error {
	select {
	case x.busy <- struct{}{}:
	default:
		x.bad()
		return x.box.Write(add, remove)
	}
	defer func() { <-x.busy }()
	time.Sleep(time.Millisecond) // as a disk: time for another call to come
	return x.box.Write(add, remove)
}

// TestReplayBesideSaves: one table is saved to while another is replayed, and the
// outbox is called once at a time.
func TestReplayBesideSaves(t *testing.T) {
	t.Parallel()
	d, left := family(t, false)
	n := opening(t, d, &exclusive{left, make(chan struct{}, 1), func() { t.Error("the outbox was called twice at a time") }})
	replayTable(t, n.writer, n.products)
	saved := make(chan error, 1)
	go func() {
		for id := range int64(50) {
			e := n.products.New(product{ID: 100 + id})
			_, err := e.Save(context.Background())
			_ = e.Close()
			if err != nil {
				saved <- err
				return
			}
		}
		saved <- nil
	}()
	replayTable(t, n.writer, n.bakeries)
	if err := <-saved; err != nil {
		t.Error(err)
	}
	if err := n.writer.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if got := n.read(8); got == nil || left.len() != 0 {
		t.Errorf("stored is %+v, %d saves are left", got, left.len())
	}
}

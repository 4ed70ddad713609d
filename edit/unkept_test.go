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

// hooked is an outbox that asks for the answer to each write, once it is on.
type hooked struct {
	box
	arrived chan []edit.OutboxEntry
	answer  chan error
	on      bool
	over    chan struct{} // nobody answers any more
}

func newHooked() *hooked {
	return &hooked{arrived: make(chan []edit.OutboxEntry), answer: make(chan error), over: make(chan struct{})}
}

// answers gives one answer to all writes from now on, until the test ends.
func (h *hooked) answers(tb testing.TB, err error) {
	tb.Helper()
	tb.Cleanup(func() { close(h.over) })
	go func() {
		for {
			select {
			case <-h.arrived:
				h.answer <- err
			case <-h.over:
				return
			}
		}
	}()
}

func (h *hooked) Write(add []edit.OutboxEntry, remove []string) error {
	if h.on {
		select {
		case h.arrived <- add:
			if err := <-h.answer; err != nil {
				return err
			}
		case <-h.over:
		}
	}
	return h.box.Write(add, remove)
}

// outboxedBy is outboxed with an outbox of any kind.
func outboxedBy(tb testing.TB, g *gate, o edit.Outbox, opts ...edit.Option) *desk {
	tb.Helper()
	d := newDesk(tb, g, append(opts, edit.WithOutbox(o), edit.Patience(5*time.Second))...)
	if _, err := d.writer.Replay(context.Background(), d.bakeries, d.products); err != nil {
		tb.Fatal(err)
	}
	d.put(bakery{ID: 1, Name: "Rye", City: "Riga", Stock: 10})
	return d
}

// TestNotKeptBehind has a save wait behind one that the outbox does not take: each
// ends once, with what took its place.
func TestNotKeptBehind(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]error{"second kept": nil, "second not kept": errors.New("full")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHooked()
			d := outboxedBy(t, nil, h)
			h.on = true
			e := d.open(1)
			e.V.Name = "a"
			p := e.SaveAsync()
			<-h.arrived
			e.V.Name = "b"
			q := e.SaveAsync()
			h.answer <- errors.New("full")
			h.answers(t, second)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_, err := p.Wait(ctx)
			_, err2 := q.Wait(ctx)
			if !errors.Is(err, second) || !errors.Is(err2, second) || second != nil && !errors.Is(err, edit.ErrOutbox) {
				t.Errorf("errors are %v and %v", err, err2)
			}
			if got := d.read(1).Name; second == nil && got != "b" || second != nil && got != "Rye" || e.V.Name != "b" {
				t.Errorf("stored is %s, V is %s", got, e.V.Name)
			}
			if s := d.writer.Stats(); s.Queued != 0 || s.QueuedBytes != 0 {
				t.Errorf("left are %+v", s)
			}
		})
	}
}

// TestGroupIsNotKeptBehind has a save wait behind a group that the outbox does not take:
// it is done, and the group has ended.
func TestGroupIsNotKeptBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHooked()
		p := newPair(t, edit.WithOutbox(h))
		if _, err := p.writer.Replay(context.Background(), p.bakeries, p.products); err != nil {
			t.Fatal(err)
		}
		h.on = true
		p.left.V.Name, p.right.V.Name = "new", "new"
		p.group()
		<-h.arrived
		p.left.V.City = "Riga"
		save := p.left.SaveAsync()
		h.answer <- errors.New("full")
		h.answers(t, nil)
		p.release(false)
		if _, err := save.Wait(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-p.grouped; !errors.Is(err, edit.ErrOutbox) {
			t.Errorf("the group: %v", err)
		}
		if left, right := p.read(1), p.read(2); left.City != "Riga" || right.Name == "new" {
			t.Errorf("stored are %+v and %+v", left, right)
		}
		if s := p.writer.Stats(); s.Queued != 0 || s.QueuedBytes != 0 {
			t.Errorf("left are %+v", s)
		}
	})
}

// blob is a record that holds what JSON has no words for.
type blob struct {
	ID      int64     `db:"id,pk"`
	Data    string    `db:"data"`
	At      time.Time `db:"at"`
	Version int64     `db:"version,version"`
}

// TestKeptAsItIs: what JSON has no words for comes back from the outbox as it was.
func TestKeptAsItIs(t *testing.T) {
	t.Parallel()
	noon := time.Date(1890, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]blob{
		"a text that is not UTF-8": {Data: "caf\xe9", At: noon},
		"a zone with seconds":      {At: noon.In(time.FixedZone("LMT", 19*60+32))},
		"a year of five digits":    {At: noon.AddDate(10_000, 0, 0)},
		"a year before all others": {At: noon.AddDate(-2000, 0, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, b := newGate(), &box{}
			store := edit.NewMemory()
			g.Store = store
			w := edit.NewWriter(g, edit.WithOutbox(b))
			defer w.Close()
			blobs := editorOf[blob](t, w, "blob")
			if _, err := w.Replay(context.Background(), blobs); err != nil {
				t.Fatal(err)
			}
			store.Put(blobs.Table(), &blob{ID: 1, Data: "x"})
			e, err := blobs.Edit(context.Background(), 1)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			e.V.Data, e.V.At = want.Data, want.At
			accepted(t, e.SaveAsync())
			<-g.arrived
			next := edit.NewWriter(store, edit.WithOutbox(b.copied()))
			defer next.Close()
			replayed, err := next.Replay(context.Background(), editorOf[blob](t, next, "blob"))
			if err != nil || len(replayed) != 1 || replayed[0].Err != nil {
				t.Fatalf("%+v, %v", replayed, err)
			}
			row, err := store.Read(context.Background(), blobs.Table(), []any{int64(1)})
			if err != nil {
				t.Fatal(err)
			}
			if got := row.(*blob); got.Data != want.Data || !got.At.Equal(want.At) {
				t.Errorf("stored is %q %v, want %q %v", got.Data, got.At, want.Data, want.At)
			}
		})
	}
}

// TestKeptAnew has the outbox fail when a save has ended on which another stands: once
// it works again, that one must not be left on what is not there any more. Nor must it
// if there is room for what is there only.
func TestKeptAnew(t *testing.T) {
	t.Parallel()
	for _, isNew := range []bool{false, true} {
		for _, brimful := range []bool{false, true} {
			t.Run(fmt.Sprintf("new=%v/brimful=%v", isNew, brimful), func(t *testing.T) {
				t.Parallel()
				g, b := newGate(), &box{}
				d := outboxedBy(t, g, b)
				var e *edit.RecordEdit[int64, bakery]
				if isNew {
					e = d.bakeries.New(bakery{Name: "n"})
					defer e.Close()
				} else {
					e = d.open(1)
				}
				e.V.Name = "a"
				p := e.SaveAsync()
				accepted(t, p)
				<-g.arrived
				e.V.Name = "b"
				accepted(t, e.SaveAsync())
				b.boxMu.Lock()
				b.fail = errors.New("full")
				n := b.writes
				b.boxMu.Unlock()
				g.through <- struct{}{}
				mustWait(t, p)
				waitFor(t, func() bool { b.boxMu.Lock(); defer b.boxMu.Unlock(); return b.writes > n })
				b.boxMu.Lock()
				b.fail, b.brimful = nil, brimful
				b.boxMu.Unlock()
				<-g.arrived // the second save is under way
				other := d.products.New(product{ID: 3})
				defer other.Close()
				if p := other.SaveAsync(); brimful {
					ctx, cancel := context.WithTimeout(context.Background(), patience)
					defer cancel()
					_, err := p.Wait(ctx)
					wantErr(t, err, edit.ErrOutbox)
				} else {
					accepted(t, p)
				}
				_, replayed := newLife(t, d, b.copied())
				for _, r := range replayed {
					if r.Err != nil {
						t.Errorf("%s %v: %v", r.Table, r.Values, r.Err)
					}
				}
			})
		}
	}
}

// holding is a store that answers when the writer is stopped, and not before.
type holding struct {
	edit.Store
	arrived chan struct{}
	answer  edit.State
}

func (h *holding) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	h.arrived <- struct{}{}
	<-ctx.Done()
	outcomes := skipped(ops)
	for i := range outcomes {
		outcomes[i].State = h.answer
	}
	return outcomes
}

// TestStoppedAtLast stops the writer in the last attempt of a save: it is left over, and
// has not failed.
func TestStoppedAtLast(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]edit.State{"transient": edit.Transient, "unavailable": edit.Unavailable, "unknown": edit.Unknown} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &box{}
			d := &desk{tb: t, store: edit.NewMemory()}
			held := &holding{d.store, make(chan struct{}), answer}
			// The first attempt is the last one, by number and by time.
			d.writer = edit.NewWriter(held, edit.WithOutbox(b), edit.Retries(1, time.Microsecond, time.Microsecond), edit.Patience(time.Nanosecond))
			d.bakeries = editorOf[bakery](t, d.writer, "bakery")
			if _, err := d.writer.Replay(context.Background(), d.bakeries); err != nil {
				t.Fatal(err)
			}
			d.put(bakery{ID: 1, Name: "Rye"})
			e := d.open(1)
			e.V.Name = "x"
			p := e.SaveAsync()
			accepted(t, p)
			<-held.arrived
			err := d.writer.Close()
			_, why := p.Wait(context.Background())
			var u *edit.UnflushedError
			if !errors.As(err, &u) || b.len() != 1 || !errors.Is(why, edit.ErrKept) {
				t.Errorf("shut down: %v; the save: %v; %d are kept", err, why, b.len())
			}
		})
	}
}

// TestDiscarded: what was discarded is not replayed when its table is opened anew.
func TestDiscarded(t *testing.T) {
	t.Parallel()
	g, b := newGate(), &box{}
	d := outboxed(t, g, b)
	e := d.open(1)
	e.V.Name = "x"
	accepted(t, e.SaveAsync())
	<-g.arrived
	w := edit.NewWriter(d.store, edit.WithOutbox(b.copied()))
	defer w.Close()
	type narrow struct {
		ID   int64  `db:"id,pk"`
		City string `db:"city"`
	}
	r, err := w.ReplayTable(context.Background(), editorOf[narrow](t, w, "bakery"))
	if err != nil || len(r) != 1 || !errors.Is(r[0].Err, edit.ErrSchemaChanged) {
		t.Fatalf("%+v %v", r, err)
	}
	if err := w.Discard(r...); err != nil {
		t.Fatal(err)
	}
	if _, err = w.ReplayTable(context.Background(), editorOf[bakery](t, w, "bakery")); err != nil {
		t.Fatal(err)
	}
	if got := d.read(1); got.Name != "Rye" {
		t.Errorf("a save that was discarded is done: %+v", got)
	}
}

// noting is a store with a ledger that holds notes from the start.
type noting struct {
	edit.Store
	notes map[string]edit.Note
}

func (n *noting) Noted(_ context.Context, saves []string) (map[string]edit.Note, error) {
	found := make(map[string]edit.Note)
	for _, id := range saves {
		if note, ok := n.notes[id]; ok {
			found[id] = note
		}
	}
	return found, nil
}

// TestReplayedBefore has a save of a record come while what the outbox has of that waits
// to be looked up: what is found out tells nothing about it.
func TestReplayedBefore(t *testing.T) {
	t.Parallel()
	g, b := newGate(), &box{}
	d := outboxed(t, g, b)
	block := d.open(1)
	block.V.City = "z"
	accepted(t, block.SaveAsync())
	<-g.arrived
	d.store.Put(d.products.Table(), &product{ID: 5, Name: "n", Price: 1})
	parent := d.bakeries.New(bakery{ID: 8, Name: "parent"})
	defer parent.Close()
	child, err := d.products.Edit(context.Background(), 5)
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	if err := child.Link(&child.V.Bakery, parent); err != nil {
		t.Fatal(err)
	}
	accepted(t, parent.SaveAsync())
	p := child.SaveAsync()
	accepted(t, p)
	left := b.copied()
	g.through <- struct{}{}
	g.pass()
	g.pass()
	mustWait(t, p)

	ledger := &noting{notes: make(map[string]edit.Note)}
	for i, key := range []int64{1, 8, 5} {
		ledger.notes[left.entries[i].ID] = edit.Note{Key: []any{key}}
	}
	g = newGate()
	g.Store, ledger.Store = d.store, g
	n := &desk{tb: t, store: d.store}
	n.writer = edit.NewWriter(ledger, edit.WithOutbox(left), edit.Patience(5*time.Second))
	t.Cleanup(func() { _ = n.writer.Close() })
	n.bakeries = editorOf[bakery](t, n.writer, "bakery")
	n.products = editorOf[product](t, n.writer, "product", edit.Ranked(1))
	if got := replayTable(t, n.writer, n.products); got != 0 {
		t.Fatalf("%d products are replayed before their bakeries", got)
	}
	user, err := n.products.Edit(context.Background(), 5)
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	occupy := func(id int64) { // the writer, once what is under way is let through
		e := n.products.New(product{ID: id})
		t.Cleanup(func() { _ = e.Close() })
		accepted(t, e.SaveAsync())
	}
	waiting := func(saves uint64) {
		waitFor(t, func() bool { return n.writer.Stats().Accepted == saves })
	}
	occupy(99)
	<-g.arrived
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		replayTable(t, n.writer, n.bakeries)
	}()
	waiting(3) // the bakeries
	occupy(98)
	g.through <- struct{}{}
	<-g.arrived // with this batch, the bakeries are looked up
	occupy(97)
	g.through <- struct{}{}
	<-g.arrived
	waiting(6) // now the product, too
	user.V.Price = 2
	q := user.SaveAsync()
	g.through <- struct{}{}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-g.arrived:
				g.through <- struct{}{}
			case <-q.Done():
				return
			}
		}
	}()
	r := mustWait(t, q)
	<-over
	<-ended
	row, _ := d.store.Read(context.Background(), n.products.Table(), []any{int64(5)})
	if row.(*product).Price != 2 {
		t.Errorf("saved %v, stored is %+v", r.Kind, row)
	}
}

// TestShutdownOfTwo: who shuts down second does not return before the outbox knows what
// has ended, either.
func TestShutdownOfTwo(t *testing.T) {
	t.Parallel()
	h, g := newHooked(), newGate()
	d := outboxedBy(t, g, h)
	t.Cleanup(func() { close(h.over) })
	e := d.open(1)
	e.V.Name = "a"
	accepted(t, e.SaveAsync())
	<-g.arrived
	h.on = true
	ended := make(chan error, 2)
	shutdown := func() { ended <- d.writer.Shutdown(context.Background()) }
	go shutdown()
	waitFor(t, func() bool { // it has begun
		_, err := d.bakeries.Edit(context.Background(), 1)
		return errors.Is(err, edit.ErrClosed)
	})
	g.through <- struct{}{}
	<-h.arrived
	go shutdown()
	select {
	case <-ended:
		t.Error("it returned before the outbox had been written to")
		h.answer <- nil
		return
	case <-time.After(100 * time.Millisecond):
	}
	h.answer <- nil
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if n := h.len(); n != 0 {
		t.Errorf("%d saves are left in the outbox", n)
	}
}

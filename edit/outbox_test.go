package edit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/edit"
)

// box is an outbox in memory.
type box struct {
	boxMu   sync.Mutex
	entries []edit.OutboxEntry
	fail    error
	brimful bool // it takes no more saves than it has
	limit   int  // writes after so many more are lost; 0 is none
	writes  int
	stopped chan struct{} // writes wait for it, if it is set
}

func (b *box) Write(add []edit.OutboxEntry, remove []string) error {
	b.boxMu.Lock()
	stopped := b.stopped
	b.boxMu.Unlock()
	if stopped != nil {
		<-stopped
	}
	b.boxMu.Lock()
	defer b.boxMu.Unlock()
	b.writes++
	if b.fail != nil {
		return b.fail
	}
	if b.brimful && slices.ContainsFunc(add, func(e edit.OutboxEntry) bool { return b.at(e.ID) < 0 }) {
		return errors.New("full")
	}
	if b.limit > 0 && b.writes > b.limit {
		return errors.New("the process is no more")
	}
	for _, e := range add {
		if i := b.at(e.ID); i >= 0 {
			b.entries[i] = e
		} else {
			b.entries = append(b.entries, e)
		}
	}
	b.entries = slices.DeleteFunc(b.entries, func(e edit.OutboxEntry) bool { return slices.Contains(remove, e.ID) })
	return nil
}

// at returns where a save is, or -1.
func (b *box) at(id string) int {
	return slices.IndexFunc(b.entries, func(e edit.OutboxEntry) bool { return e.ID == id })
}

func (b *box) Load() ([]edit.OutboxEntry, error) {
	b.boxMu.Lock()
	defer b.boxMu.Unlock()
	return slices.Clone(b.entries), b.fail
}

func (b *box) len() int {
	all, _ := b.Load()
	return len(all)
}

// copied is what a crash leaves.
func (b *box) copied() *box {
	all, _ := b.Load()
	return &box{entries: all}
}

// newLife is a process with an outbox, on the store of another one.
func newLife(tb testing.TB, d *desk, b *box, opts ...edit.Option) (*desk, []edit.Replayed) {
	tb.Helper()
	n := &desk{tb: tb, store: d.store}
	n.writer = edit.NewWriter(d.store, append(opts, edit.WithOutbox(b), edit.Retries(3, time.Microsecond, time.Microsecond))...)
	tb.Cleanup(func() { _ = n.writer.Close() })
	n.bakeries = editorOf[bakery](tb, n.writer, "bakery")
	n.products = editorOf[product](tb, n.writer, "product", edit.Ranked(1))
	left, err := n.writer.Replay(context.Background(), n.bakeries, n.products)
	if err != nil {
		tb.Fatal(err)
	}
	return n, left
}

// outboxed is a desk with a bakery and an empty outbox.
func outboxed(tb testing.TB, g *gate, b *box) *desk {
	tb.Helper()
	d := newDesk(tb, g, edit.WithOutbox(b))
	if _, err := d.writer.Replay(context.Background(), d.bakeries, d.products); err != nil {
		tb.Fatal(err)
	}
	d.put(bakery{ID: 1, Name: "Rye", City: "Riga", Stock: 10})
	return d
}

func accepted[T any](tb testing.TB, p *edit.Pending[int64, T]) {
	tb.Helper()
	select {
	case <-p.Accepted():
	case <-time.After(patience):
		tb.Fatal("not accepted")
	}
	select {
	case <-p.Done():
		tb.Fatal("ended")
	default:
	}
}

func TestTwoStages(t *testing.T) {
	t.Parallel()
	g, b := newGate(), &box{}
	d := outboxed(t, g, b)
	e := d.open(1)
	b.boxMu.Lock()
	b.stopped = make(chan struct{})
	b.boxMu.Unlock()
	e.V.Name = "x"
	p := e.SaveAsync()
	select {
	case <-p.Accepted():
		t.Fatal("accepted before it was kept")
	case <-g.arrived:
		t.Fatal("sent before it was kept")
	case <-time.After(10 * time.Millisecond):
	}
	close(b.stopped)
	accepted(t, p)
	g.pass()
	mustWait(t, p)
	if err := d.writer.Shutdown(context.Background()); err != nil || b.len() != 0 {
		t.Errorf("%d saves are left, %v", b.len(), err)
	}
}

// TestReplay has a process end when a save was done, and another was not; with
// and without a change of somebody else.
func TestReplay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		done    bool // before the process was lost
		foreign func(*bakery)
		err     error
		name    string
		version int64
	}{
		"done":                {done: true, name: "x", version: 2},
		"not done":            {name: "x", version: 2},
		"changed elsewhere":   {foreign: func(b *bakery) { b.City = "y" }, name: "x", version: 3},
		"changed meanwhile":   {foreign: func(b *bakery) { b.Name = "y" }, err: edit.ErrConflict, name: "y", version: 2},
		"changed to the same": {foreign: func(b *bakery) { b.Name = "x" }, name: "x", version: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, b := newGate(), &box{}
			d := outboxed(t, g, b)
			e := d.open(1)
			e.V.Name = "x"
			p := e.SaveAsync()
			accepted(t, p)
			<-g.arrived
			left := b.copied()
			if c.done {
				g.through <- struct{}{}
				mustWait(t, p)
			}
			if c.foreign != nil {
				d.changeQuietly(1, c.foreign)
			}
			n, replayed := newLife(t, d, left)
			if len(replayed) != 1 || !errors.Is(replayed[0].Err, c.err) || replayed[0].Key != int64(1) || replayed[0].Values["name"] != "x" {
				t.Fatalf("replayed %+v", replayed)
			}
			if got := d.read(1); got.Name != c.name || got.Version != c.version {
				t.Errorf("stored is %+v", got)
			}
			if c.err == nil {
				if err := n.writer.Shutdown(context.Background()); err != nil || left.len() != 0 {
					t.Errorf("%d saves are left, %v", left.len(), err)
				}
				return
			}
			// The draft is not lost.
			again, err := n.bakeries.Reopen(replayed[0])
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			wantModified(t, again, "name")
			if _, err := again.RefreshSnapshot(context.Background()); err != nil {
				t.Fatal(err)
			}
			if c := again.Conflicts(); len(c) != 1 || c[0].Mine != "x" || c[0].Theirs != "y" || c[0].Base != "Rye" {
				t.Errorf("conflicts are %+v", c)
			}
			if err := again.Resolve(edit.KeepMine()); err != nil {
				t.Fatal(err)
			}
			mustSave(t, again)
			kept, _ := left.Load()
			if !slices.ContainsFunc(kept, func(e edit.OutboxEntry) bool { return e.ID == replayed[0].ID }) {
				t.Error("a draft was dropped that nobody has seen to")
			}
			if err := n.writer.Discard(replayed...); err != nil {
				t.Error(err)
			}
			waitFor(t, func() bool { return left.len() == 0 })
			if got := d.read(1); got.Name != "x" {
				t.Errorf("stored is %+v", got)
			}
		})
	}
}

// TestReplayChains has saves of one record wait behind each other, of two
// sessions, with a counter, when the process ends.
func TestReplayChains(t *testing.T) {
	t.Parallel()
	for _, done := range []bool{false, true} {
		t.Run(fmt.Sprint(done), func(t *testing.T) {
			t.Parallel()
			g, b := newGate(), &box{}
			d := outboxed(t, g, b)
			one, two := d.open(1), d.open(1)
			one.V.Name = "a"
			p := one.SaveAsync()
			accepted(t, p)
			<-g.arrived
			one.V.Name = "b"
			accepted(t, one.SaveAsync())
			two.V.City = "c"
			accepted(t, two.SaveAsync())
			one.V.Street = "d"
			accepted(t, one.SaveAsync())
			left := b.copied()
			if left.len() != 3 {
				t.Errorf("%d saves are kept", left.len())
			}
			if done {
				g.through <- struct{}{}
				mustWait(t, p)
			}
			_, replayed := newLife(t, d, left)
			for _, r := range replayed {
				if r.Err != nil {
					t.Errorf("replayed %+v", r)
				}
			}
			if got := d.read(1); got.Name != "b" || got.City != "c" || got.Street != "d" {
				t.Errorf("stored is %+v", got)
			}
		})
	}
}

// TestReplayNewRecords has a new record, and what was saved of it since, and a
// group with a link.
func TestReplayNewRecords(t *testing.T) {
	t.Parallel()
	g, b := newGate(), &box{}
	d := outboxed(t, g, b)
	blocker := d.open(1)
	blocker.V.Name = "blocker"
	accepted(t, blocker.SaveAsync())
	<-g.arrived
	e := d.bakeries.New(bakery{ID: 7, Name: "new"})
	defer e.Close()
	accepted(t, e.SaveAsync())
	e.V.City = "Riga"
	accepted(t, e.SaveAsync())
	parent, child := d.bakeries.New(bakery{ID: 8, Name: "parent"}), d.products.New(product{ID: 9, Name: "child"})
	if err := child.Link(&child.V.Bakery, parent); err != nil {
		t.Fatal(err)
	}
	grouped := make(chan error, 1)
	go func() { grouped <- edit.Group(context.Background(), child, parent) }()
	waitFor(t, func() bool { return b.len() == 4 })
	_, replayed := newLife(t, d, b.copied())
	for _, r := range replayed {
		if r.Err != nil {
			t.Errorf("replayed %+v", r)
		}
	}
	if got := d.read(7); got == nil || got.City != "Riga" || got.Version != 1 {
		t.Errorf("stored is %+v", got)
	}
	if row := d.store.Peek(d.products.Table(), int64(9)); row == nil || row.(*product).Bakery != 8 {
		t.Errorf("stored is %+v", row)
	}
	_ = d.writer.Close()
	if err := <-grouped; !errors.Is(err, edit.ErrKept) {
		t.Errorf("error is %v", err)
	}
}

// TestReplayWithoutKey: whether a row was made whose key the database makes,
// nothing tells but a ledger.
func TestReplayWithoutKey(t *testing.T) {
	t.Parallel()
	g, b := newGate(), &box{}
	d := outboxed(t, g, b)
	e := d.bakeries.New(bakery{Name: "new"})
	defer e.Close()
	accepted(t, e.SaveAsync())
	<-g.arrived
	n, replayed := newLife(t, d, b.copied())
	if len(replayed) != 1 || !errors.Is(replayed[0].Err, edit.ErrOutcomeUnknown) {
		t.Fatalf("replayed %+v", replayed)
	}
	again, err := n.bakeries.Reopen(replayed[0])
	if err != nil || again.V.Name != "new" || !again.IsNew() {
		t.Errorf("V is %+v, %v", again.V, err)
	}
	defer again.Close()
}

func TestNotReplayed(t *testing.T) {
	t.Parallel()
	b := &box{}
	d := newDesk(t, nil, edit.WithOutbox(b))
	d.put(bakery{ID: 1})
	e := d.open(1)
	e.V.Name = "x"
	_, err := e.Save(context.Background())
	wantErr(t, err, edit.ErrNotReplayed)
	b.entries = []edit.OutboxEntry{{ID: "a", Data: []byte(`{"table":"nowhere"}`)}, {ID: "b", Data: []byte("not JSON")}}
	left, err := d.writer.Replay(context.Background(), d.bakeries)
	if err != nil || len(left) != 2 || !errors.Is(left[0].Err, edit.ErrSchemaChanged) || !errors.Is(left[1].Err, edit.ErrOutbox) {
		t.Errorf("replayed %+v, %v", left, err)
	}
	mustSave(t, e)
	if _, err := d.writer.Replay(context.Background(), d.bakeries); err == nil {
		t.Error("replayed twice")
	}
	if err := d.writer.Shutdown(context.Background()); err != nil || b.len() != 2 {
		t.Errorf("%d entries, %v", b.len(), err)
	}
}

// TestOutboxFails: a save that cannot be kept is not accepted, and the one that
// it took the place of comes back.
func TestOutboxFails(t *testing.T) {
	t.Parallel()
	g, b := newGate(), &box{}
	d := outboxed(t, g, b)
	blocker := d.bakeries.New(bakery{ID: 2})
	defer blocker.Close()
	accepted(t, blocker.SaveAsync())
	<-g.arrived
	e := d.open(1)
	e.V.Name = "kept"
	first := e.SaveAsync()
	accepted(t, first)
	b.boxMu.Lock()
	b.fail = errors.New("disk is gone")
	b.boxMu.Unlock()
	e.V.Name = "not kept"
	second := e.SaveAsync()
	_, err := second.Wait(context.Background())
	wantErr(t, err, edit.ErrOutbox)
	wantErr(t, err, b.fail)
	b.boxMu.Lock()
	b.fail = nil
	b.boxMu.Unlock()
	g.through <- struct{}{}
	g.pass()
	mustWait(t, first)
	if got := d.read(1); got.Name != "kept" {
		t.Errorf("stored is %+v", got)
	}
	wantModified(t, e, "name")
	if e.V.Name != "not kept" {
		t.Errorf("V is %+v", e.V)
	}
	if err := d.writer.Shutdown(context.Background()); err != nil || b.len() != 0 {
		t.Errorf("%d saves are left, %v", b.len(), err)
	}
}

// TestWithdrawnFromOutbox: what was withdrawn is not replayed; what it had taken
// the place of is.
func TestWithdrawnFromOutbox(t *testing.T) {
	t.Parallel()
	g, b := newGate(), &box{}
	d := outboxed(t, g, b)
	blocker := d.bakeries.New(bakery{ID: 2})
	defer blocker.Close()
	accepted(t, blocker.SaveAsync())
	<-g.arrived
	e := d.open(1)
	e.V.Name = "kept"
	accepted(t, e.SaveAsync())
	e.V.Name = "withdrawn"
	ctx, cancel := context.WithCancel(context.Background())
	writes := func() int {
		b.boxMu.Lock()
		defer b.boxMu.Unlock()
		return b.writes
	}
	before := writes()
	go func() {
		waitFor(t, func() bool { return writes() > before })
		cancel()
	}()
	_, err := e.Save(ctx)
	wantErr(t, err, context.Canceled)
	waitFor(t, func() bool { return writes() > before+1 })
	_, replayed := newLife(t, d, b.copied())
	if got := d.read(1); got.Name != "kept" || len(replayed) != 2 {
		t.Errorf("stored is %+v, replayed %d", got, len(replayed))
	}
}

func TestKeptAtTheEnd(t *testing.T) {
	t.Parallel()
	g, b := newGate(), &box{}
	d := outboxed(t, g, b)
	e := d.open(1)
	e.V.Name = "x"
	p := e.SaveAsync()
	accepted(t, p)
	<-g.arrived
	err := d.writer.Close()
	var u *edit.UnflushedError
	if !errors.As(err, &u) || len(u.Ops) != 1 || !u.Ops[0].Kept {
		t.Fatalf("error is %v", err)
	}
	_, err = p.Wait(context.Background())
	wantErr(t, err, edit.ErrKept)
	wantErr(t, err, edit.ErrClosed)
	if b.len() != 1 {
		t.Fatalf("%d saves are kept", b.len())
	}
	newLife(t, d, b)
	if got := d.read(1); got.Name != "x" {
		t.Errorf("stored is %+v", got)
	}
}

// odd has values that JSON alone does not bring back.
type odd struct {
	ID    int64          `db:"id,pk"`
	F     float64        `db:"f"`
	P     *float64       `db:"p"`
	Bytes []byte         `db:"bytes"`
	None  []byte         `db:"none"`
	At    time.Time      `db:"at"`
	Opt   *time.Time     `db:"opt"`
	Big   uint64         `db:"big"`
	Tags  []string       `db:"tags"`
	Named map[string]int `db:"named"`
	Zero  *int           `db:"zero"`
}

func TestOddValuesAreKept(t *testing.T) {
	t.Parallel()
	store, b := edit.NewMemory(), &box{}
	g := newGate()
	g.Store = store
	life := func(s edit.Store) (*edit.Writer, *edit.Editor[int64, odd]) {
		w := edit.NewWriter(s, edit.WithOutbox(b))
		t.Cleanup(func() { _ = w.Close() })
		editor := editorOf[odd](t, w, "odd")
		left, err := w.Replay(context.Background(), editor)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range left {
			if r.Err != nil {
				t.Errorf("replayed %+v", r)
			}
		}
		return w, editor
	}
	w, editor := life(g)
	inf, at, zero := math.Inf(-1), time.Date(2026, 5, 1, 12, 0, 0, 123456789, time.FixedZone("x", 7200)), 0
	v := odd{
		1, math.NaN(), &inf, []byte{0, 255}, nil, at, &at, math.MaxUint64, []string{"a", ""}, map[string]int{"b": 1}, &zero,
	}
	e := editor.New(v)
	defer e.Close()
	accepted(t, e.SaveAsync())
	<-g.arrived
	_ = w.Close()
	life(store)
	row := store.Peek(editor.Table(), int64(1))
	if row == nil {
		t.Fatal("not saved")
	}
	if differ := editor.Table().Plan().Diff(row, &v); !differ.Empty() || row.(*odd).Zero == nil {
		t.Errorf("stored is %+v, differs in %v", row, editor.Table().Plan().Names(differ))
	}
}

// TestKilledWhileReplaying ends the process again and again in the middle of its
// replay: after some batches, and after some writes to the outbox. Whenever it
// is, the next one has all that it needs.
func TestKilledWhileReplaying(t *testing.T) {
	t.Parallel()
	for batches := range 4 {
		for writes := range 4 {
			t.Run(fmt.Sprint(batches, writes), func(t *testing.T) {
				t.Parallel()
				d, b := leftBehind(t)
				left := b.copied()
				left.limit = writes
				ctx, cancel := context.WithCancel(context.Background())
				store := &limited{Store: d.store, batches: batches, ended: cancel}
				w := edit.NewWriter(store, edit.WithOutbox(left), edit.Retries(3, time.Microsecond, time.Microsecond))
				bakeries := editorOf[bakery](t, w, "bakery")
				products := editorOf[product](t, w, "product", edit.Ranked(1))
				_, _ = w.Replay(ctx, bakeries, products) // may or may not get through
				_ = w.Close()
				cancel()
				_, replayed := newLife(t, d, left.copied())
				for _, r := range replayed {
					if r.Err != nil {
						t.Errorf("replayed %+v", r)
					}
				}
				if got := d.read(7); got == nil || got.Name != "new" || got.City != "Riga" {
					t.Errorf("stored is %+v", got)
				}
				if row := d.store.Peek(d.products.Table(), int64(9)); row == nil || row.(*product).Bakery != 8 || row.(*product).Name != "child" {
					t.Errorf("stored is %+v", row)
				}
				if got := d.read(1); got.Name != "b" || got.City != "c" {
					t.Errorf("stored is %+v", got)
				}
			})
		}
	}
}

// leftBehind is a process that has ended with a new record that was changed
// before it was known to be made, a child whose parent is new, and two sessions
// on one record.
func leftBehind(t *testing.T) (*desk, *box) {
	t.Helper()
	g, b := newGate(), &box{}
	d := outboxed(t, g, b)
	made := d.bakeries.New(bakery{ID: 7, Name: "new"})
	parent, child := d.bakeries.New(bakery{ID: 8, Name: "parent"}), d.products.New(product{ID: 9, Name: "child"})
	one, two := d.open(1), d.open(1)
	accepted(t, made.SaveAsync())
	<-g.arrived
	made.V.City = "Riga"
	accepted(t, made.SaveAsync()) // behind the insert
	if err := child.Link(&child.V.Bakery, parent); err != nil {
		t.Fatal(err)
	}
	accepted(t, parent.SaveAsync())
	accepted(t, child.SaveAsync())
	one.V.Name = "b"
	accepted(t, one.SaveAsync())
	two.V.City = "c"
	accepted(t, two.SaveAsync())
	t.Cleanup(func() { _, _, _ = made.Close(), parent.Close(), child.Close() })
	return d, b
}

// limited is a store that is of no more use after some batches.
type limited struct {
	edit.Store
	limitMu sync.Mutex
	batches int
	ended   func()
}

func (l *limited) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	l.limitMu.Lock()
	l.batches--
	over := l.batches < 0
	l.limitMu.Unlock()
	if over {
		l.ended()
		<-ctx.Done()
		return skipped(ops)
	}
	return l.Store.Apply(ctx, ops)
}

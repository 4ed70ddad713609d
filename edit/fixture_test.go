package edit_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/vantage-go/live/edit"
)

// bakery has a version.
type bakery struct {
	ID      int64    `db:"id,pk"`
	Name    string   `db:"name"`
	City    string   `db:"city"`
	Margin  *float64 `db:"margin"`
	Stock   int      `db:"stock,merge=sum"`
	Street  string   `db:"street,merge=group:address"`
	Zip     string   `db:"zip,merge=group:address"`
	Slug    string   `db:"slug,readonly"`
	Tags    []string `db:"tags"`
	Version int64    `db:"version,version"`
}

// product has none, and refers to a bakery.
type product struct {
	ID     int64  `db:"id,pk"`
	Bakery int64  `db:"bakery_id"`
	Name   string `db:"name"`
	Price  int    `db:"price"`
}

// fataler is what helpers need of a test.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

// desk is a writer to a store in memory with two tables.
type desk struct {
	tb       testing.TB
	store    *edit.Memory
	writer   *edit.Writer
	bakeries *edit.Editor[int64, bakery]
	products *edit.Editor[int64, product]
}

// newDesk opens a writer to a store. The store is that of gate, if there is
// one, so that a test can hold its batches up.
func newDesk(tb testing.TB, gate *gate, opts ...edit.Option) *desk {
	tb.Helper()
	return newDeskWith(tb, gate, nil, opts...)
}

func newDeskWith(tb testing.TB, gate *gate, tableOpts []edit.TableOption, opts ...edit.Option) *desk {
	tb.Helper()
	d := &desk{tb: tb, store: edit.NewMemory()}
	var store edit.Store = d.store
	if gate != nil {
		gate.Store = d.store
		store = gate
	}
	d.writer = edit.NewWriter(store, opts...)
	tb.Cleanup(func() { _ = d.writer.Close() })
	d.bakeries = editorOf[bakery](tb, d.writer, "bakery", tableOpts...)
	d.products = editorOf[product](tb, d.writer, "product", append(tableOpts, edit.Ranked(1))...)
	return d
}

func editorOf[T any](tb fataler, w *edit.Writer, name string, opts ...edit.TableOption) *edit.Editor[int64, T] {
	tb.Helper()
	table, err := edit.NewTable[T](name, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	editor, err := edit.NewEditor[int64, T](w, table)
	if err != nil {
		tb.Fatal(err)
	}
	return editor
}

// put stores a bakery as another program would, and does not tell.
func (d *desk) put(b bakery) {
	d.store.Put(d.bakeries.Table(), &b)
}

// read returns the bakery in the store, nil if there is none.
func (d *desk) read(id int64) *bakery {
	d.tb.Helper()
	row, err := d.store.Read(context.Background(), d.bakeries.Table(), []any{id})
	if err != nil {
		d.tb.Fatal(err)
	}
	if row == nil {
		return nil
	}
	return row.(*bakery)
}

// change changes the bakery in the store as another program would, and tells.
func (d *desk) change(id int64, f func(*bakery)) {
	d.tb.Helper()
	d.changeQuietly(id, f)
	d.bakeries.Observe(id, *d.read(id))
}

// changeQuietly does not tell.
func (d *desk) changeQuietly(id int64, f func(*bakery)) {
	d.tb.Helper()
	b := d.read(id)
	f(b)
	d.put(*b)
}

// open opens a session on a bakery.
func (d *desk) open(id int64) *edit.RecordEdit[int64, bakery] {
	d.tb.Helper()
	e, err := d.bakeries.Edit(context.Background(), id)
	if err != nil {
		d.tb.Fatal(err)
	}
	d.tb.Cleanup(func() { _ = e.Close() })
	return e
}

// started is a desk with one bakery and a session on it.
func started(tb testing.TB, gate *gate, opts ...edit.Option) (*desk, *edit.RecordEdit[int64, bakery]) {
	tb.Helper()
	d := newDesk(tb, gate, opts...)
	d.put(bakery{ID: 1, Name: "Rye", City: "Riga", Stock: 10})
	return d, d.open(1)
}

// gate holds batches up until it is told to let them through.
type gate struct {
	edit.Store
	arrived chan []*edit.Op
	through chan struct{}
}

func newGate() *gate {
	return &gate{arrived: make(chan []*edit.Op), through: make(chan struct{})}
}

func (g *gate) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	select {
	case g.arrived <- ops:
	case <-ctx.Done():
		return skipped(ops)
	}
	select {
	case <-g.through:
	case <-ctx.Done():
		return skipped(ops)
	}
	return g.Store.Apply(ctx, ops)
}

func skipped(ops []*edit.Op) []edit.Outcome { return make([]edit.Outcome, len(ops)) }

// pass lets one batch through and returns it.
func (g *gate) pass() []*edit.Op {
	ops := <-g.arrived
	g.through <- struct{}{}
	return ops
}

// mustSave saves and expects success.
func mustSave[K comparable, T any](tb testing.TB, e *edit.RecordEdit[K, T]) edit.Result[K, T] {
	tb.Helper()
	r, err := e.Save(context.Background())
	if err != nil {
		tb.Fatalf("save: %v", err)
	}
	return r
}

// mustWait waits for a save and expects success.
func mustWait[K comparable, T any](tb testing.TB, p *edit.Pending[K, T]) edit.Result[K, T] {
	tb.Helper()
	r, err := p.Wait(context.Background())
	if err != nil {
		tb.Fatalf("wait: %v", err)
	}
	return r
}

func wantErr(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Fatalf("error is %v, want %v", err, want)
	}
}

func wantPhase[K comparable, T any](tb testing.TB, e *edit.RecordEdit[K, T], want edit.Phase) {
	tb.Helper()
	if got := e.Phase(); got != want {
		tb.Fatalf("phase is %v, want %v", got, want)
	}
}

func wantModified[K comparable, T any](tb testing.TB, e *edit.RecordEdit[K, T], want ...string) {
	tb.Helper()
	got := e.Modified()
	if len(got) != len(want) {
		tb.Fatalf("modified are %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			tb.Fatalf("modified are %v, want %v", got, want)
		}
	}
}

// patience bounds waiting for what happens at once on an idle machine.
const patience = 30 * time.Second

// peek is read for a fault of the store, which holds the store already.
func (d *desk) peek(id int64) *bakery {
	row := d.store.Peek(d.bakeries.Table(), id)
	if row == nil {
		return nil
	}
	return row.(*bakery)
}

// waitFor waits for what no event tells.
func waitFor(tb testing.TB, done func() bool) {
	tb.Helper()
	for end := time.Now().Add(patience); !done(); {
		if time.Now().After(end) {
			tb.Fatal("it does not happen")
		}
		time.Sleep(time.Millisecond)
	}
}

// collect collects what nobody refers to.
func collect() { runtime.GC() }

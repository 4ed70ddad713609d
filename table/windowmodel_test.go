package table

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// gallery is a source that others write to, and what a window was to show after
// each of their transactions.
type gallery struct {
	*ledger

	galleryMu sync.Mutex
	n         int64    // of the last transaction
	states    [][]item // after each, in order
	at        int      // the state that the window has shown last
	wrong     string
}

// write commits a transaction on some rows; negative ones are deleted.
func (g *gallery) write(keys []int64) {
	g.galleryMu.Lock()
	defer g.galleryMu.Unlock()
	g.n++
	g.Commit(func(tx *MemoryTx[int64, item]) {
		for _, k := range keys {
			if k < 0 {
				tx.Delete(-k)
			} else {
				tx.Set(item{ID: k, N: g.n, Name: fmt.Sprint(9 - g.n%3)})
			}
		}
	})
	g.states = append(g.states, slices.SortedFunc(maps.Values(g.Rows()), byName))
}

func (g *gallery) truncate() {
	g.galleryMu.Lock()
	defer g.galleryMu.Unlock()
	g.Truncate()
	g.states = append(g.states, nil)
}

func byName(a, b item) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) }

// judge finds a version among the states, not before the one of the last version.
func (g *gallery) judge(s WindowSnapshot[int64, item]) {
	g.galleryMu.Lock()
	defer g.galleryMu.Unlock()
	if s.Version() == 0 || g.wrong != "" {
		return
	}
	total, kind := s.Total()
	for i := g.at; i < len(g.states); i++ {
		state, same := g.states[i], true
		for at, row := range s.Rows(0, unbounded) {
			same = same && at < len(state) && state[at] == row
		}
		switch kind {
		case TotalExact:
			same = same && total == len(state)
		case TotalAtLeast:
			same = same && total <= len(state)
		case TotalEstimate:
		}
		if same {
			g.at = i
			return
		}
	}
	g.wrong = fmt.Sprintf("version %d has %d rows (%v), %v, which is no state from %v on; all: %v", s.Version(), total, kind, s.f.stretches, g.states[g.at], g.states)
}

// TestWindowVersionsAreCommittedStates: whatever is committed whenever, and
// wherever the viewport is, each version is the state after some transaction, and
// they follow one another as the transactions did; in the end all that is visible
// is what it should be.
func TestWindowVersionsAreCommittedStates(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]MemoryConfig[item]{"told": {Tells: true}, "untold": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) { checkWindow(t, r, config) })
		})
	}
}

var windowKeys = rapid.SliceOfNDistinct(rapid.Int64Range(-15, 15).Filter(func(k int64) bool { return k != 0 }), 1, 5, func(k int64) int64 { return max(k, -k) })

func checkWindow(t *testing.T, r *rapid.T, config MemoryConfig[item]) {
	t.Helper()
	g := &gallery{ledger: &ledger{Memory: newMemory(t, config)}}
	if rapid.Bool().Draw(r, "held") {
		g.Hold()
	}
	g.write([]int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	points := rapid.SampledFrom([]Point{BeforeOpen, BeforeTell, BeforeTotal, BeforePage})
	script := func() {
		keys := windowKeys.Draw(r, "scripted keys")
		g.At(points.Draw(r, "point"), func() error { g.write(keys); return nil })
	}
	for range rapid.IntRange(0, 2).Draw(r, "while opening") {
		script()
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit/4)
	defer cancel()
	var w *Window[int64, item]
	opened := make(chan struct{})
	g.opened = func() { // between each two versions there is a reading
		<-opened
		g.judge(w.Snapshot())
	}
	kind := rapid.SampledFrom([]TotalKind{TotalExact, TotalExact, TotalAtLeast, TotalEstimate}).Draw(r, "totals")
	w, err := NewWindow(ctx, g, OrderBy("name"), PageSize(2), KeepRows(rapid.IntRange(6, 12).Draw(r, "keep")), Debounce(0), Totals(kind), InBackground())
	if err != nil {
		r.Fatal(err)
	}
	close(opened)
	defer func() { _ = w.Close() }()
	for range rapid.IntRange(1, 15).Draw(r, "steps") {
		switch rapid.IntRange(0, 11).Draw(r, "step") {
		case 0, 1:
			g.write(windowKeys.Draw(r, "keys"))
		case 2, 3, 4, 5:
			from := rapid.IntRange(0, 14).Draw(r, "from")
			w.SetViewport(from, from+rapid.IntRange(0, 4).Draw(r, "rows"))
		case 6, 7:
			script()
		case 8:
			g.Poll()
		case 9:
			g.truncate()
		case 10:
			g.Reset()
		case 11:
			g.At(points.Draw(r, "fails"), func() error { return errScripted })
		}
		if rapid.IntRange(0, 2).Draw(r, "sync") == 0 {
			_ = w.Sync(ctx) // a fetch may fail, as scripted
		}
	}
	g.settle(ctx, r, w)
}

// settle waits until nothing happens any more, and looks at what is visible.
func (g *gallery) settle(ctx context.Context, r *rapid.T, w *Window[int64, item]) {
	for tries := 0; ; tries++ { // what is still in the script happens, too
		err := w.Sync(ctx)
		w.SetViewport(w.Viewport())
		if err != nil && (ctx.Err() != nil || tries > 100) {
			r.Fatal(err)
		}
		if err == nil && tries >= 6 {
			break
		}
	}
	if err := w.Sync(ctx); err != nil {
		r.Fatal(err)
	}
	g.judge(w.Snapshot())
	g.galleryMu.Lock()
	defer g.galleryMu.Unlock()
	if g.wrong != "" {
		r.Fatal(g.wrong)
	}
	want := g.states[len(g.states)-1]
	snap := w.Snapshot()
	if n, kind := snap.Total(); kind == TotalExact && n != len(want) {
		r.Fatalf("in the end there are %d rows, want %d", n, len(want))
	}
	from, to := w.Viewport()
	for i := from; i < min(to, len(want)); i++ {
		if row, ok := snap.Row(i); !ok || row != want[i] {
			r.Fatalf("in the end, at %d is %v, %v, want %v of %v", i, row, ok, want[i], want)
		}
	}
	if from < len(want) && snap.Load() == LoadPending {
		r.Fatal("nothing was loaded")
	}
}

// TestWindowPlan: what is missing is always within what is read, of which nothing
// is wasted on what nobody sees.
func TestWindowPlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		end, page := rapid.IntRange(0, 60).Draw(r, "end"), rapid.IntRange(1, 10).Draw(r, "page")
		f := &frame[int64, item]{number: 1, kind: TotalExact, total: end}
		for range rapid.IntRange(0, 4).Draw(r, "stretches") {
			from := rapid.IntRange(0, 50).Draw(r, "at")
			s := stretch[int64, item]{from: from}
			for i := from; i < min(end, from+rapid.IntRange(1, 15).Draw(r, "length")); i++ {
				s.rows = append(s.rows, entry[int64, item]{int64(i), &item{ID: int64(i)}})
			}
			f.stretches = f.with(s, span{0, unbounded})
		}
		for i, s := range f.stretches {
			if len(s.rows) == 0 || i > 0 && f.stretches[i-1].span().to >= s.from {
				r.Fatalf("%v", f.stretches)
			}
			for j, e := range s.rows {
				if e.key != int64(s.from+j) {
					r.Fatalf("row %d is at %d", e.key, s.from+j)
				}
			}
		}
		from := rapid.IntRange(0, 60).Draw(r, "from")
		visible := span{from, from + rapid.IntRange(0, 15).Draw(r, "visible")}
		fetch, ok := f.missing(visible, page, end)
		missing := 0
		for i := visible.from; i < min(visible.to, end); i++ {
			if !f.has(i) {
				missing++
				if i < fetch.from || i >= fetch.to {
					r.Fatalf("%d is missing and not in %v", i, fetch)
				}
			}
		}
		switch {
		case ok != (missing > 0):
			r.Fatalf("%d are missing, and %v is read", missing, fetch)
		case ok && (fetch.from < 0 || fetch.to > end || fetch.len() > max(page, visible.len())):
			r.Fatalf("%v of %d is read for %v", fetch, end, visible)
		}
		around := f.around(visible, page, end)
		if around.len() > visible.len()+2*page || around.clip(visible) != visible.clip(span{0, end}) && !visible.clip(span{0, end}).empty() {
			r.Fatalf("%v is read again for %v", around, visible)
		}
		if a := f.anchor(fetch); ok && a != nil && (a.Key != int64(a.At) || a.At >= fetch.from && a.At < fetch.to) {
			r.Fatalf("the anchor of %v is %v", fetch, *a)
		}
	})
}

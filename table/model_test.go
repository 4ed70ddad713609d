package table

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// world is a source that others write to, and everything that was ever
// committed.
type world struct {
	source *Memory[int64, item]

	worldMu sync.Mutex
	n       int64    // of the last transaction
	states  []string // after each transaction
}

func newWorld(tb testing.TB, config MemoryConfig[item]) *world {
	tb.Helper()
	w := &world{source: newMemory(tb, config)}
	w.states = []string{state(w.source.Rows())}
	return w
}

func state(rows map[int64]item) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(&b, "%d=%d ", k, rows[k].N)
	}
	return b.String()
}

// write commits a transaction on some rows; negative ones are deleted.
func (w *world) write(keys []int64) {
	w.worldMu.Lock()
	defer w.worldMu.Unlock()
	w.n++
	w.source.Commit(func(tx *MemoryTx[int64, item]) {
		for _, k := range keys {
			if k < 0 {
				tx.Delete(-k)
			} else {
				tx.Set(item{ID: k, N: w.n})
			}
		}
	})
	w.states = append(w.states, state(w.source.Rows()))
}

func (w *world) truncate() {
	w.worldMu.Lock()
	defer w.worldMu.Unlock()
	w.n++
	w.source.Truncate()
	w.states = append(w.states, state(w.source.Rows()))
}

// spy sees every version as an index does: none is missed.
type spy struct {
	spyMu sync.Mutex
	rows  map[int64]item
	seen  []string
	back  string // a row that went back, if one did
}

func (s *spy) build(v *version[int64, item]) any {
	s.spyMu.Lock()
	defer s.spyMu.Unlock()
	s.rows = map[int64]item{}
	for k, row := range v.rows.All() {
		s.rows[k] = *row
	}
	s.seen = append(s.seen, state(s.rows))
	return nil
}

func (s *spy) next(_ any, diffs []Diff[int64, item]) any {
	s.spyMu.Lock()
	defer s.spyMu.Unlock()
	for i := range diffs {
		d := &diffs[i]
		was, known := s.rows[d.Key]
		if known != (d.old != nil) || known && was != *d.old {
			s.back = fmt.Sprintf("a diff from %v, which was %v", d.Old(), was)
		}
		if d.new == nil {
			delete(s.rows, d.Key)
			continue
		}
		if known && d.new.N < was.N {
			s.back = fmt.Sprintf("row %d went from %d back to %d", d.Key, was.N, d.new.N)
		}
		s.rows[d.Key] = *d.new
	}
	s.seen = append(s.seen, state(s.rows))
	return nil
}

func watch(t *LiveTable[int64, item]) *spy {
	s := &spy{}
	t.addIndex(s)
	return s
}

// TestVersionsAreCommittedStates: whatever is committed whenever, each version
// is the state after some transaction, and versions follow one another as the
// transactions did.
func TestVersionsAreCommittedStates(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]MemoryConfig[item]{
		"lasting": {}, "brief": {Brief: true}, "telling": {Tells: true}, "telling brief": {Tells: true, Brief: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) { checkVersions(t, r, config) })
		})
	}
}

var keySets = rapid.SliceOfNDistinct(rapid.SampledFrom([]int64{1, 2, 3, 4, -1, -2, -3, -4}), 1, 4, func(k int64) int64 { return max(k, -k) })

func checkVersions(t *testing.T, r *rapid.T, config MemoryConfig[item]) {
	t.Helper()
	w := newWorld(t, config)
	if rapid.Bool().Draw(r, "held") {
		w.source.Hold()
	}
	w.write([]int64{1, 2, 3})
	// In between, others write: while rows are loaded, and while they are read.
	script := func(p Point) {
		keys := keySets.Draw(r, string(p))
		w.source.At(p, func() error { w.write(keys); return nil })
	}
	for range rapid.IntRange(0, 2).Draw(r, "while loading") {
		script(rapid.SampledFrom([]Point{BeforeOpen, BeforeLoad}).Draw(r, "point"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit/4)
	defer cancel()
	table, err := Open(ctx, w.source, InBackground())
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = table.Close() }()
	s := watch(table)
	if !config.Brief {
		if err := table.Sync(ctx); err != nil {
			r.Fatal(err)
		}
	}
	for range rapid.IntRange(1, 12).Draw(r, "steps") {
		switch rapid.IntRange(0, 9).Draw(r, "step") {
		case 0, 1, 2, 3:
			w.write(keySets.Draw(r, "keys"))
		case 4, 5:
			script(rapid.SampledFrom([]Point{BeforeOpen, BeforeTell, BeforeRead, BeforeLoad}).Draw(r, "point"))
		case 6:
			w.source.Poll()
		case 7:
			w.truncate()
		case 8:
			w.source.Reset()
		case 9:
			w.source.At(rapid.SampledFrom([]Point{BeforeOpen, BeforeTell, BeforeRead, BeforeLoad}).Draw(r, "fails"), func() error { return errScripted })
		}
		if rapid.IntRange(0, 3).Draw(r, "sync") == 0 {
			if err := table.Sync(ctx); err != nil {
				r.Fatal(err)
			}
		}
	}
	// What is still in the script happens at the end, too.
	for range 4 {
		if err := table.Sync(ctx); err != nil {
			r.Fatal(err)
		}
	}
	w.worldMu.Lock()
	defer w.worldMu.Unlock()
	if err := table.Sync(ctx); err != nil {
		r.Fatal(err)
	}
	s.judge(r, w.states)
}

// judge finds each version among the states, in their order.
func (s *spy) judge(r *rapid.T, states []string) {
	s.spyMu.Lock()
	defer s.spyMu.Unlock()
	if s.back != "" {
		r.Fatal(s.back)
	}
	at := 0
	for i, v := range s.seen {
		if i == 0 && v == "" { // not loaded
			continue
		}
		next := slices.Index(states[at:], v)
		if next < 0 {
			r.Fatalf("version %d is {%s}, which is no state from {%s} on; all: %q", i, v, states[at], states)
		}
		at += next
	}
	if last := states[len(states)-1]; s.seen[len(s.seen)-1] != last {
		r.Fatalf("the last version is {%s}, want {%s}", s.seen[len(s.seen)-1], last)
	}
}

// TestRowsNeverGoBack: with changes of the program's own on top, whenever they
// are acknowledged and whoever else writes, no row is ever shown older than it
// was.
func TestRowsNeverGoBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, MemoryConfig[item]{Tells: rapid.Bool().Draw(r, "tells")})
		if rapid.Bool().Draw(r, "held") {
			w.source.Hold()
		}
		w.write([]int64{1, 2, 3})
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		table, err := Open(ctx, w.source)
		if err != nil {
			r.Fatal(err)
		}
		defer func() { _ = table.Close() }()
		s := watch(table)
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			switch rapid.IntRange(0, 6).Draw(r, "step") {
			case 0, 1:
				w.write([]int64{rapid.Int64Range(1, 3).Draw(r, "key")})
			case 2, 3, 4:
				w.save(r, table, rapid.Int64Range(1, 3).Draw(r, "key"))
			case 5:
				key := rapid.Int64Range(1, 3).Draw(r, "key")
				w.source.At(rapid.SampledFrom([]Point{BeforeOpen, BeforeTell, BeforeRead}).Draw(r, "point"), func() error {
					w.write([]int64{key})
					return nil
				})
			case 6:
				w.source.Poll()
			}
		}
		for range 4 {
			if err := table.Sync(ctx); err != nil {
				r.Fatal(err)
			}
		}
		s.spyMu.Lock()
		defer s.spyMu.Unlock()
		if s.back != "" {
			r.Fatal(s.back)
		}
		if got, want := state(s.rows), state(w.source.Rows()); got != want {
			r.Fatalf("the last version is {%s}, want {%s}", got, want)
		}
		table.core.writeMu.Lock()
		defer table.core.writeMu.Unlock()
		if n := len(table.core.overlay); n > 0 {
			r.Fatalf("%d rows are still in the overlay", n)
		}
	})
}

// save changes a row as an edit session does: shown at once, then written.
func (w *world) save(r *rapid.T, table *LiveTable[int64, item], key int64) {
	w.worldMu.Lock()
	defer w.worldMu.Unlock()
	w.n++
	n := w.n
	staged := table.Stage(Change[int64, item]{Key: key, Apply: func(base *item) *item {
		if base == nil || base.N > n {
			return base
		}
		return &item{ID: key, N: n}
	}})
	if _, err := w.source.Apply(context.Background(), []Mutation[int64, item]{{Kind: Patch, Key: key, Row: &item{ID: key, N: n}, Columns: []string{"n"}}}); err != nil {
		staged.Drop()
		if !errors.Is(err, ErrNotFound) {
			r.Fatal(err)
		}
		return
	}
	staged.Acked()
}

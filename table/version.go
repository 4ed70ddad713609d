package table

import (
	"iter"
	"slices"
	"sync/atomic"

	"github.com/vantage-go/live/table/internal/rows"
	"github.com/vantage-go/live/table/internal/treap"
)

// version is one state of the rows that programs see. It is immutable, but for
// the order, which is made when somebody first asks for it.
type version[K comparable, T any] struct {
	number  uint64
	rows    rows.Map[K, T]
	order   atomic.Pointer[treap.Tree[entry[K, T]]]
	list    []entry[K, T]        // the rows as they were read, where that is the order
	indexes map[*place[K, T]]any // of each index, what it has for this version
	compare func(a, b entry[K, T]) int
}

// with returns the version with other indexes.
func (v *version[K, T]) with(indexes map[*place[K, T]]any) *version[K, T] {
	next := &version[K, T]{number: v.number, rows: v.rows, list: v.list, indexes: indexes, compare: v.compare}
	next.order.Store(v.order.Load())
	return next
}

// entry is a row with its key.
type entry[K comparable, T any] struct {
	key K
	row *T
}

// ordered returns the rows in order.
func (v *version[K, T]) ordered() treap.Tree[entry[K, T]] {
	if t := v.order.Load(); t != nil {
		return *t
	}
	all := make([]entry[K, T], 0, v.rows.Len())
	for k, r := range v.rows.All() {
		all = append(all, entry[K, T]{k, r})
	}
	slices.SortFunc(all, v.compare)
	t := treap.New(v.compare, all)
	v.order.Store(&t)
	return t
}

// from yields the rows in order from a position on.
func (v *version[K, T]) from(position int) iter.Seq[entry[K, T]] {
	if v.list != nil {
		return slices.Values(v.list[min(max(position, 0), len(v.list)):])
	}
	return v.ordered().From(position)
}

// follows makes the order of v from that of the version before, if it has one
// and it is less work than sorting.
func (v *version[K, T]) follows(before *version[K, T], diffs []Diff[K, T]) {
	t := before.order.Load()
	if t == nil || len(diffs) > 16+v.rows.Len()/8 {
		return
	}
	tree := *t
	for i := range diffs {
		d := &diffs[i]
		if d.old != nil {
			tree = tree.Delete(entry[K, T]{d.Key, d.old})
		}
		if d.new != nil {
			tree = tree.Insert(entry[K, T]{d.Key, d.new})
		}
	}
	v.order.Store(&tree)
}

// Snapshot is one consistent version of a table. It never changes, and taking
// one costs nothing. The rows are shared: what their fields refer to must not
// be modified.
type Snapshot[K comparable, T any] struct{ v *version[K, T] }

// Version numbers the versions of a table.
func (s Snapshot[K, T]) Version() uint64 { return s.v.number }

// Len returns the number of rows.
func (s Snapshot[K, T]) Len() int { return s.v.rows.Len() }

// Get returns the row with a key.
func (s Snapshot[K, T]) Get(key K) (row T, ok bool) {
	if p := s.v.rows.Get(key); p != nil {
		return *p, true
	}
	return row, false
}

// All yields all rows, in no particular order.
func (s Snapshot[K, T]) All() iter.Seq2[K, T] {
	return func(yield func(K, T) bool) {
		for k, p := range s.v.rows.All() {
			if !yield(k, *p) {
				return
			}
		}
	}
}

// Ascend yields all rows in the order of the table: that of its keys, or that
// of OrderBy. The first call for a table sorts; from then on the order is kept.
func (s Snapshot[K, T]) Ascend() iter.Seq2[K, T] { return s.From(0) }

// From is Ascend from a position on, as pages need it.
func (s Snapshot[K, T]) From(position int) iter.Seq2[K, T] {
	return func(yield func(K, T) bool) {
		for e := range s.v.from(position) {
			if !yield(e.key, *e.row) {
				return
			}
		}
	}
}

// Find yields the rows for which match is true, in no particular order. It
// looks at all of them; see [NewIndex].
func (s Snapshot[K, T]) Find(match func(T) bool) iter.Seq2[K, T] {
	return func(yield func(K, T) bool) {
		for k, p := range s.v.rows.All() {
			if match(*p) && !yield(k, *p) {
				return
			}
		}
	}
}

// comparer orders entries by a chain of comparisons, and last by key.
func comparer[K comparable, T any](schema *Schema[K, T], by []func(a, b *T) int) func(a, b entry[K, T]) int {
	return func(a, b entry[K, T]) int {
		for _, compare := range by {
			if c := compare(a.row, b.row); c != 0 {
				return c
			}
		}
		return schema.compare(a.key, b.key)
	}
}

// empty returns the version of a table that is not loaded.
func empty[K comparable, T any](schema *Schema[K, T], by []func(a, b *T) int) *version[K, T] {
	return &version[K, T]{rows: rows.New[K, T](), compare: comparer(schema, by)}
}

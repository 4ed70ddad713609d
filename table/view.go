package table

import (
	"slices"

	"github.com/vantage-go/live/table/internal/treap"
)

// View is a part of a live table in an order of its own: what a list on a
// screen shows. It is current whenever the table is: the rows that change come,
// go and move, and nothing is sorted again. Its methods may be called
// concurrently, take no lock and do no I/O.
type View[K comparable, T any] struct {
	core    *core[K, T]
	match   func(T) bool
	compare func(a, b entry[K, T]) int
	place   *place[K, T]
}

// NewView adds a view to a live table: of the rows for which match is true, nil
// for all, ordered by columns as [OrderBy] has them. Match must depend on the
// row alone, and must not call the table. The view is current until the table is
// closed, and then stays what it is.
func NewView[K comparable, T any](t *LiveTable[K, T], match func(T) bool, columns ...string) (*View[K, T], error) {
	by, err := t.core.schema.order(columns)
	if err != nil {
		return nil, err
	}
	v := &View[K, T]{core: t.core, match: match, compare: comparer(t.core.schema, by)}
	v.place = t.addIndex(v)
	return v, nil
}

// Page returns the rows of the view from a position on, limit at most, and how
// many there are in all. Both are of one version. The row at a position costs
// as much as a search.
func (v *View[K, T]) Page(offset, limit int) (rows []T, total int) {
	return v.In(Snapshot[K, T]{v.place.now(v.core)}, offset, limit)
}

// In is Page in a version of the table. A version from before the view has no
// rows in it, nor has one from after its end.
func (v *View[K, T]) In(s Snapshot[K, T], offset, limit int) (rows []T, total int) {
	tree, ok := v.place.of(s.v).(treap.Tree[entry[K, T]])
	if !ok {
		return nil, 0
	}
	total = tree.Len()
	if limit <= 0 || offset >= total {
		return nil, total
	}
	for e := range tree.From(offset) {
		rows = append(rows, *e.row)
		if len(rows) == limit {
			break
		}
	}
	return rows, total
}

// Len returns the number of rows.
func (v *View[K, T]) Len() int {
	_, total := v.Page(0, 0)
	return total
}

func (v *View[K, T]) has(row *T) bool { return row != nil && (v.match == nil || v.match(*row)) }

// build makes the view of a version.
func (v *View[K, T]) build(of *version[K, T]) any {
	var all []entry[K, T]
	for k, row := range of.rows.All() {
		if v.has(row) {
			all = append(all, entry[K, T]{k, row})
		}
	}
	slices.SortFunc(all, v.compare)
	return treap.New(v.compare, all)
}

// next makes the view of the version that diffs lead to.
func (v *View[K, T]) next(before any, diffs []Diff[K, T]) any {
	tree := before.(treap.Tree[entry[K, T]])
	for i := range diffs {
		d := &diffs[i]
		if v.has(d.old) {
			tree = tree.Delete(entry[K, T]{d.Key, d.old})
		}
		if v.has(d.new) {
			tree = tree.Insert(entry[K, T]{d.Key, d.new})
		}
	}
	return tree
}

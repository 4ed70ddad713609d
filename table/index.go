package table

import (
	"iter"
	"slices"

	"github.com/vantage-go/live/table/internal/rows"
)

// Index finds the rows of a live table by something other than their key. It is
// current whenever the table is. Its methods may be called concurrently.
type Index[K comparable, T any, V comparable] struct {
	core  *core[K, T]
	value func(T) V
	at    int // in version.indexes
}

// found holds the rows with one value.
type found[K comparable, T any] struct{ rows rows.Map[K, T] }

// NewIndex adds an index over what value returns to a live table. It looks at
// all rows once, and from then on at those that change. Value must depend on
// the row alone, and must not call the table. The index lives as long as the
// table.
func NewIndex[K comparable, T any, V comparable](t *LiveTable[K, T], value func(T) V) *Index[K, T, V] {
	x := &Index[K, T, V]{core: t.core, value: value}
	t.core.addIndex(func(at int) index[K, T] {
		x.at = at
		return x
	})
	return x
}

// addIndex adds what made returns for its place among the indexes, and makes it
// for the current version.
func (c *core[K, T]) addIndex(made func(at int) index[K, T]) {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	x := made(len(c.indexes))
	c.indexes = append(c.indexes, x)
	now := c.current.Load()
	next := &version[K, T]{number: now.number, rows: now.rows, compare: now.compare, list: now.list}
	next.order.Store(now.order.Load())
	next.indexes = append(slices.Clone(now.indexes), x.build(now))
	c.current.Store(next)
}

// Find yields the rows for which the index has the value v, in no particular
// order.
func (x *Index[K, T, V]) Find(v V) iter.Seq2[K, T] {
	return x.In(Snapshot[K, T]{x.core.current.Load()}, v)
}

// Len returns the number of rows for which the index has the value v.
func (x *Index[K, T, V]) Len(v V) int {
	if f := x.find(x.core.current.Load(), v); f != nil {
		return f.rows.Len()
	}
	return 0
}

// In is Find in a version of the table. A version from before the index has no
// rows in it.
func (x *Index[K, T, V]) In(s Snapshot[K, T], v V) iter.Seq2[K, T] {
	return func(yield func(K, T) bool) {
		f := x.find(s.v, v)
		if f == nil {
			return
		}
		for k, row := range f.rows.All() {
			if !yield(k, *row) {
				return
			}
		}
	}
}

func (x *Index[K, T, V]) find(v *version[K, T], value V) *found[K, T] {
	if x.at >= len(v.indexes) {
		return nil
	}
	m := v.indexes[x.at].(rows.Map[V, found[K, T]])
	return m.Get(value)
}

// build makes the index of a version.
func (x *Index[K, T, V]) build(v *version[K, T]) any {
	edits := make(map[V]*rows.Edit[K, T])
	for k, row := range v.rows.All() {
		value := x.value(*row)
		e := edits[value]
		if e == nil {
			m := v.rows.Like(0)
			e = m.Edit()
			edits[value] = e
		}
		e.Set(k, row)
	}
	m := rows.New[V, found[K, T]]()
	all := m.Edit()
	for value, e := range edits {
		all.Set(value, &found[K, T]{e.Map()})
	}
	return all.Map()
}

// next makes the index of the version that diffs lead to.
func (x *Index[K, T, V]) next(before any, diffs []Diff[K, T]) any {
	m := before.(rows.Map[V, found[K, T]])
	all := m.Edit()
	edits := make(map[V]*rows.Edit[K, T])
	edit := func(value V) *rows.Edit[K, T] {
		e := edits[value]
		if e == nil {
			m := x.core.current.Load().rows.Like(0)
			if f := all.Get(value); f != nil {
				m = f.rows
			}
			e = m.Edit()
			edits[value] = e
		}
		return e
	}
	for i := range diffs {
		d := &diffs[i]
		if d.old != nil {
			edit(x.value(*d.old)).Delete(d.Key)
		}
		if d.new != nil {
			edit(x.value(*d.new)).Set(d.Key, d.new)
		}
	}
	for value, e := range edits {
		if e.Len() == 0 {
			all.Delete(value)
			continue
		}
		all.Set(value, &found[K, T]{e.Map()})
	}
	return all.Map()
}

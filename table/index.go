package table

import (
	"iter"
	"maps"
	"sync/atomic"

	"github.com/vantage-go/live/table/internal/rows"
)

// Index finds the rows of a live table by something other than their key. It is
// current whenever the table is. Its methods may be called concurrently.
type Index[K comparable, T any, V comparable] struct {
	core  *core[K, T]
	value func(T) V
	place *place[K, T]
}

// found holds the rows with one value.
type found[K comparable, T any] struct{ rows rows.Map[K, T] }

// NewIndex adds an index over what value returns to a live table. It looks at
// all rows once, and from then on at those that change. Value must depend on
// the row alone, and must not call the table. The index is current until the table
// is closed, and then stays what it is.
func NewIndex[K comparable, T any, V comparable](t *LiveTable[K, T], value func(T) V) *Index[K, T, V] {
	x := &Index[K, T, V]{core: t.core, value: value}
	x.place = t.addIndex(x)
	return x
}

// place is where versions have what an index has for them.
type place[K comparable, T any] struct {
	index index[K, T]
	// last is set when the table is closed: what the index had for the current
	// version then, and no rows.
	last atomic.Pointer[version[K, T]]
}

// now returns the version that the index shows.
func (p *place[K, T]) now(c *core[K, T]) *version[K, T] {
	v := c.current.Load()
	if _, ok := v.indexes[p]; !ok {
		v = p.last.Load() // set before the current version lost it
	}
	return v
}

// of returns what the index has for a version, nil if nothing.
func (p *place[K, T]) of(v *version[K, T]) any {
	if last := p.last.Load(); last != nil && last.number == v.number {
		v = last // the rows are the same
	}
	return v.indexes[p]
}

// leave makes what the index has for a version the last.
func (p *place[K, T]) leave(number uint64, has any) {
	p.last.Store(&version[K, T]{number: number, indexes: map[*place[K, T]]any{p: has}})
}

// addIndex makes an index for the current version, and for those that follow until
// the table is closed.
func (t *LiveTable[K, T]) addIndex(x index[K, T]) *place[K, T] {
	c, p := t.core, &place[K, T]{index: x}
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	now := t.now()
	has := x.build(now)
	if t.ctx.Err() != nil { // dropIndexes may have been here
		p.leave(now.number, has)
		return p
	}
	t.places = append(t.places, p)
	indexes := map[*place[K, T]]any{p: has}
	maps.Copy(indexes, now.indexes)
	c.current.Store(now.with(indexes))
	return p
}

// dropIndexes makes the version of now the last that a closed table shows, and ends
// its indexes: those who share its rows would make them for each version.
func (t *LiveTable[K, T]) dropIndexes() {
	c := t.core
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	now := c.current.Load()
	t.last.Store(now)
	if len(t.places) == 0 {
		return
	}
	indexes := maps.Clone(now.indexes)
	for _, p := range t.places {
		p.leave(now.number, now.indexes[p])
		delete(indexes, p)
	}
	t.places = nil
	c.current.Store(now.with(indexes))
}

// Find yields the rows for which the index has the value v, in no particular
// order.
func (x *Index[K, T, V]) Find(v V) iter.Seq2[K, T] {
	return x.In(Snapshot[K, T]{x.place.now(x.core)}, v)
}

// Len returns the number of rows for which the index has the value v.
func (x *Index[K, T, V]) Len(v V) int {
	if f := x.find(x.place.now(x.core), v); f != nil {
		return f.rows.Len()
	}
	return 0
}

// In is Find in a version of the table. A version from before the index has no
// rows in it, nor has one from after its end.
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
	m, ok := x.place.of(v).(rows.Map[V, found[K, T]])
	if !ok {
		return nil
	}
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

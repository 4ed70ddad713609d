package table

import (
	"slices"

	"github.com/vantage-go/live/table/internal/rows"
)

// edition is the next version while it is made, under writeMu.
type edition[K comparable, T any] struct {
	core   *core[K, T]
	before *version[K, T]
	rows   *rows.Edit[K, T]
	origin Origin
	diffs  []Diff[K, T]
	at     map[K]int     // of the diffs
	list   []entry[K, T] // the order of a source that has its own
}

// edit begins the next version. It is called under writeMu.
func (c *core[K, T]) edit(origin Origin) *edition[K, T] {
	before := c.current.Load()
	return &edition[K, T]{core: c, before: before, rows: before.rows.Edit(), origin: origin}
}

// get returns the row as it is in the edition.
func (e *edition[K, T]) get(key K) *T { return e.rows.Get(key) }

// set makes row what programs see under a key, nil for none. A row that holds
// the same as before stays the one it was.
func (e *edition[K, T]) set(key K, row *T) {
	now := e.rows.Get(key)
	switch {
	case row == nil && now == nil:
		return
	case row == nil:
		e.rows.Delete(key)
	case now != nil && e.core.schema.Equal(now, row):
		return
	default:
		e.rows.Set(key, row)
	}
	d := diff(key, now, row, e.origin)
	if e.at == nil {
		e.at = make(map[K]int, len(e.diffs))
		for i := range e.diffs {
			e.at[e.diffs[i].Key] = i
		}
	}
	if i, again := e.at[key]; again {
		e.diffs[i] = e.diffs[i].then(d, e.core.schema.Equal)
		return
	}
	e.at[key] = len(e.diffs)
	e.diffs = append(e.diffs, d)
}

// base makes row what the database has under a key, nil for none.
func (e *edition[K, T]) base(key K, row *T) {
	if p := e.core.overlay[key]; p != nil {
		p.base = row
		row = p.show()
	}
	e.set(key, row)
}

// replace makes all what the database has: nothing else is there.
func (e *edition[K, T]) replace(all []entry[K, T]) {
	fresh := e.before.rows.Like(len(all))
	next := fresh.Edit()
	keep := func(key K, row *T) {
		if now := e.before.rows.Get(key); now != nil && e.core.schema.Equal(now, row) {
			row = now
		}
		next.Set(key, row)
	}
	for _, p := range e.core.overlay {
		p.base = nil
	}
	for _, one := range all {
		if p := e.core.overlay[one.key]; p != nil {
			p.base = one.row
			continue
		}
		keep(one.key, one.row)
	}
	for key, p := range e.core.overlay {
		if row := p.show(); row != nil {
			keep(key, row)
		}
	}
	e.rows = next
	if e.core.listed {
		e.list = all
		if e.list == nil {
			e.list = []entry[K, T]{}
		}
	}
	e.compare(next.Map())
	e.at = nil // made when it is needed: rarely
}

// compare makes the differences between the version before and what replaced
// its rows.
func (e *edition[K, T]) compare(next rows.Map[K, T]) {
	if more := next.Len() - e.before.rows.Len(); more > 0 {
		e.diffs = slices.Grow(e.diffs, more)
	}
	for key, row := range next.All() {
		if now := e.before.rows.Get(key); now != row {
			e.diffs = append(e.diffs, diff(key, now, row, e.origin))
		}
	}
	for key, row := range e.before.rows.All() {
		if next.Get(key) == nil {
			e.diffs = append(e.diffs, diff(key, row, nil, e.origin))
		}
	}
}

// sameOrder reports whether two lists have the same keys in the same order.
func sameOrder[K comparable, T any](a, b []entry[K, T]) bool {
	return slices.EqualFunc(a, b, func(x, y entry[K, T]) bool { return x.key == y.key })
}

// publish makes the edition the current version, unless nothing differs, and
// tells the subscribers. It is called under writeMu.
func (c *core[K, T]) publish(e *edition[K, T]) {
	diffs := e.diffs[:0]
	for _, d := range e.diffs {
		if d.Op != 0 {
			diffs = append(diffs, d)
		}
	}
	if len(diffs) == 0 && (e.list == nil || sameOrder(e.list, e.before.list)) {
		return
	}
	next := &version[K, T]{number: e.before.number + 1, rows: e.rows.Map(), compare: e.before.compare, list: e.list}
	next.follows(e.before, diffs)
	if len(e.before.indexes) > 0 {
		next.indexes = make(map[*place[K, T]]any, len(e.before.indexes))
	}
	for p, has := range e.before.indexes {
		next.indexes[p] = p.index.next(has, diffs)
	}
	c.current.Store(next)
	snap := Snapshot[K, T]{next}
	for _, q := range c.queues {
		q.add(diffs, snap)
	}
	for _, ch := range c.flags {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

package table

import "github.com/vantage-go/live/edit"

// display shows in a live table what its edit sessions save.
type display[K comparable, T any] struct{ core *core[K, T] }

var _ edit.Display = (*display[int, struct{}])(nil)

// Show shows a save on top of what the database has.
func (d *display[K, T]) Show(s edit.Saving) edit.Shown {
	shown := &shown[K, T]{core: d.core, saving: s}
	if key, ok := s.Key.(K); ok {
		shown.staged = d.core.stage([]Change[K, T]{{Key: key, Apply: shown.typed}})
	}
	return shown
}

// Saw keeps sessions from being told of the row until the table has read what
// the writer has seen.
func (d *display[K, T]) Saw(key, row any, after func(known any) bool) {
	k, ok := key.(K)
	if !ok {
		return
	}
	c := d.core
	until := c.changes.Ask()
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	e := c.edit(Local)
	nothing := Change[K, T]{Key: k, Apply: func(base *T) *T { return base }}
	c.put(e, &staged[K, T]{Change: nothing, acked: true, until: until})
	if p := c.overlay[k]; after(anyRow(p.known)) {
		p.known, _ = row.(*T)
	}
	c.publish(e)
	c.awaits(until)
}

// anyRow is a row, or nil without a type.
func anyRow[T any](row *T) any {
	if row == nil {
		return nil
	}
	return row
}

// Known returns the row with the changes that the database has acknowledged.
func (d *display[K, T]) Known(key any) (row any, settled bool) {
	k, ok := key.(K)
	if !ok {
		return nil, false
	}
	found, settled := d.core.known(k)
	return anyRow(found), settled
}

// known returns the row that the database is known to have, nil for none, and
// whether nothing is on its way to it.
func (c *core[K, T]) known(key K) (row *T, settled bool) {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if p := c.overlay[key]; p != nil {
		return p.known, false
	}
	return c.current.Load().rows.Get(key), true
}

// shown is one save that the table shows.
type shown[K comparable, T any] struct {
	core   *core[K, T]
	saving edit.Saving
	staged *Staged[K, T] // nil while the row has no key
}

// typed is the row with what was typed.
func (s *shown[K, T]) typed(base *T) *T {
	return s.with(base, s.saving.Row)
}

// with is the row with the changed columns as another one has them.
func (s *shown[K, T]) with(base *T, from any) *T {
	row, _ := from.(*T)
	switch {
	case s.saving.Kind == edit.Delete:
		return nil
	case base == nil && s.saving.Kind == edit.Insert:
		return row
	case base == nil || row == nil:
		return base
	}
	plan := s.core.schema.plan
	next := s.core.schema.Clone(base)
	plan.CopyIn(next, row, s.saving.Set)
	return next
}

// Saved shows the row as it is stored, until the table has read it.
func (s *shown[K, T]) Saved(key, row any) {
	k, ok := key.(K)
	if !ok {
		s.Dropped()
		return
	}
	after := func(base *T) *T {
		if base != nil && s.saving.Kind == edit.Insert {
			return base // it was read already, and may have changed since
		}
		return s.with(base, row)
	}
	if row == nil {
		after = func(*T) *T { return nil }
	}
	late := s.staged == nil
	if late {
		s.staged = s.core.stage([]Change[K, T]{{Key: k, Apply: after}})
	}
	s.staged.ackedAs(k, after, func(p *pile[K, T]) {
		// Until now nothing kept a new row from being read, and changed by others.
		if !late || p.known == nil {
			p.known, _ = row.(*T)
		}
	})
}

// Dropped takes the save back.
func (s *shown[K, T]) Dropped() {
	if s.staged != nil {
		s.staged.Drop()
	}
}

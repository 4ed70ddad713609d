package table

// Change is a change of one row that the program shows before the database has
// it, or before it is known to have arrived: see [LiveTable.Stage].
type Change[K comparable, T any] struct {
	Key K
	// Apply returns the row as it is with the change, nil for none. It is given
	// what the database has, nil for none, which it must not modify; and again
	// whenever that changes. It must not call the table.
	Apply func(base *T) *T
}

// Staged are changes on top of what the database has. Its methods may be called
// concurrently; each takes effect at once, and in one version.
type Staged[K comparable, T any] struct {
	core    *core[K, T]
	changes []*staged[K, T] // guarded by core.writeMu
}

// staged is one change in the pile of its row.
type staged[K comparable, T any] struct {
	Change[K, T]
	acked bool
	until Position // acked changes stay until this is reflected
}

// pile holds the changes on top of one row, in the order in which they were
// staged, and the row itself.
type pile[K comparable, T any] struct {
	base    *T
	changes []*staged[K, T]
	// known is what the database was known to have when the first change was
	// staged, or what it has acknowledged since. Unlike base it never goes back:
	// what is read while a change is on its way may be older than its
	// acknowledgement, or newer, and nobody can tell.
	known *T
}

// show returns the row as programs see it.
func (p *pile[K, T]) show() *T {
	row := p.base
	for _, c := range p.changes {
		row = c.Apply(row)
	}
	return row
}

// Stage shows changes on top of what the database has, for as long as the
// database does not have them: until Acked has been called and the table has
// seen everything that was committed before that, or until Drop. What others
// write to the same rows meanwhile shows through, as far as Apply lets it.
func (t *LiveTable[K, T]) Stage(changes ...Change[K, T]) *Staged[K, T] {
	return t.core.stage(changes)
}

func (c *core[K, T]) stage(changes []Change[K, T]) *Staged[K, T] {
	s := &Staged[K, T]{core: c}
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	e := c.edit(Local)
	for _, change := range changes {
		one := &staged[K, T]{Change: change}
		s.changes = append(s.changes, one)
		c.put(e, one)
	}
	c.publish(e)
	return s
}

// put lays a change on its pile. It is called under writeMu.
func (c *core[K, T]) put(e *edition[K, T], s *staged[K, T]) {
	p := c.overlay[s.Key]
	if p == nil {
		p = &pile[K, T]{base: e.get(s.Key)}
		p.known = p.base
		c.overlay[s.Key] = p
	}
	p.changes = append(p.changes, s)
	e.set(s.Key, p.show())
}

// remove takes a change from its pile. It is called under writeMu.
func (c *core[K, T]) remove(e *edition[K, T], s *staged[K, T]) {
	p := c.overlay[s.Key]
	if p == nil {
		return
	}
	kept := p.changes[:0]
	for _, other := range p.changes {
		if other != s {
			kept = append(kept, other)
		}
	}
	clear(p.changes[len(kept):])
	p.changes = kept
	e.set(s.Key, p.show())
	if len(kept) == 0 {
		delete(c.overlay, s.Key)
		c.touch(s.Key)
	}
}

// Acked says that the database has committed the changes. They stay visible
// until the table has read as much, so that nobody sees the rows go back.
func (s *Staged[K, T]) Acked() {
	// Asked before the lock: the feed has locks of its own.
	until := s.core.changes.Ask()
	s.core.writeMu.Lock()
	defer s.core.writeMu.Unlock()
	for _, c := range s.changes {
		c.acked, c.until = true, until
	}
	s.core.awaits(until)
}

// awaits makes acknowledged changes go when the base has everything up to a
// position. It may have it already: then the round that has read it has looked for
// them too early, and another one may not come for a long time. It is called under
// writeMu.
func (c *core[K, T]) awaits(until Position) {
	if c.acked = true; until <= c.reflected {
		e := c.edit(Remote) // what shows now was read
		c.settle(e)
		c.publish(e)
	}
}

// AckedAs is Acked for one change whose row got its key from the database. The
// row moves from the key that it was staged under to that one, in one version.
func (s *Staged[K, T]) AckedAs(key K, apply func(base *T) *T) {
	s.ackedAs(key, apply, func(*pile[K, T]) {})
}

// ackedAs is AckedAs that tells the pile what is known by it.
func (s *Staged[K, T]) ackedAs(key K, apply func(base *T) *T, learn func(p *pile[K, T])) {
	until := s.core.changes.Ask()
	s.core.writeMu.Lock()
	defer s.core.writeMu.Unlock()
	e := s.core.edit(Local)
	for _, c := range s.changes {
		moves := c.Key != key || s.core.overlay[key] == nil
		if moves {
			s.core.remove(e, c)
		}
		c.Key, c.acked, c.until = key, true, until
		if apply != nil {
			c.Apply = apply
		}
		if moves {
			s.core.put(e, c)
		}
		p := s.core.overlay[key]
		learn(p)
		e.set(key, p.show())
	}
	s.core.publish(e)
	s.core.awaits(until)
}

// Drop takes the changes back, and nothing else: they were not committed.
func (s *Staged[K, T]) Drop() {
	s.core.writeMu.Lock()
	defer s.core.writeMu.Unlock()
	e := s.core.edit(Local)
	for _, c := range s.changes {
		s.core.remove(e, c)
	}
	s.core.publish(e)
}

// settle removes the changes that the base has by now. It is called under
// writeMu.
func (c *core[K, T]) settle(e *edition[K, T]) {
	if !c.acked {
		return
	}
	c.acked = false
	for _, p := range c.overlay {
		for _, s := range append([]*staged[K, T](nil), p.changes...) {
			switch {
			case !s.acked:
			case s.until <= c.reflected:
				c.remove(e, s)
			default:
				c.acked = true
			}
		}
	}
}

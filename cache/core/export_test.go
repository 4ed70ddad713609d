package core

import "time"

// MakeInstant returns an instant with the given readings: tests move the two
// clocks apart.
func MakeInstant(mono time.Duration, wall int64) Instant { return Instant{mono: mono, wall: wall} }

// Tick is for how long one reading of the wall clock is good enough.
const Tick = tick

// Remember makes i the last reading of both clocks.
func (c *Clock) Remember(i Instant) { c.read(i) }

// IndexSize counts what the index holds: tables, the links of entries, and the
// tickets, once per table. It counts the links of the lists, and -1 if there are
// others.
func (c *Core) IndexSize() (tables, links, tickets int) {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	x := c.index
	list := func(n uint32) {
		for previous := uint32(0); n != 0; n = x.links.At(n).next {
			if x.links.At(n).previous != previous {
				links = -1 << 32
			}
			previous = n
			links++
		}
	}
	for _, t := range x.tables {
		list(t.whole)
		t.rows.Each(list)
		for d := t.waiting; d != nil; d = d.next {
			tickets++
		}
	}
	if links != x.links.Len() {
		links = -1
	}
	return len(x.tables), links, tickets
}

// BeginAnyway is Begin without a look at the lease, the broken variant of it.
func (c *Core) BeginAnyway(deps []Rows) *Ticket {
	t := &Ticket{}
	c.depend(t, deps)
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	c.enter(t)
	return t
}

// ForgetOthers makes a ticket forget what changed beside the rows that it
// depends on, the broken variant of it.
func (t *Ticket) ForgetOthers() { t.others = false }

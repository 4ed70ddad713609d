package core

import (
	"time"

	"github.com/vantage-go/live/dialects"
)

// MakeInstant returns an instant with the given readings: tests move the two
// clocks apart.
func MakeInstant(mono time.Duration, wall int64) Instant { return Instant{mono: mono, wall: wall} }

// IndexSize counts what the index holds: tables, and the entries and tickets
// registered under them, once per table.
func (c *Core) IndexSize() (tables, entries, tickets int) {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	for _, t := range c.tables {
		entries += len(t.entries)
		tickets += len(t.tickets)
	}
	return len(c.tables), entries, tickets
}

// BeginAnyway is Begin without a look at the lease, the broken variant of it.
func (c *Core) BeginAnyway(deps []dialects.Table) *Ticket {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	c.begun++
	t := &Ticket{deps: deps, generation: c.generation.Load(), order: c.begun}
	for _, dep := range deps {
		c.table(dep).tickets[t] = struct{}{}
	}
	return t
}

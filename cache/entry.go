package cache

import (
	sqldriver "database/sql/driver"
	"sync/atomic"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/cache/internal/store"
	"github.com/vantage-go/live/internal/rowset"
)

// entry is one stored result. It is a small value, which connections that
// remember it and those who wait for it have copies of; the rows and the rest of
// the key are one piece of memory that they share. It lives as long as the core
// says: a copy is good for nothing afterwards.
type entry struct {
	// shape describes the columns, and knows the statement.
	shape *rowset.Shape
	kept
}

// kept is the part of an entry that is its own: a pointer, and numbers.
type kept struct {
	set   rowset.Packed
	bytes uint32 // of set
	// born is the moment at which its read began, where there is a limit to its
	// age.
	born uint32
	core core.Entry
}

type entries = store.Store[kept, rowset.Shape]

const (
	// outside is about what the core needs for an entry, of one row of one table: a
	// cell, a link and its place in the index.
	outside = 80
	// further is what it needs for each further table or row.
	further = 48
)

func newStore(config Config, evicted func(kept)) *entries {
	return store.New[kept, rowset.Shape](store.Options[kept, rowset.Shape]{
		Bytes: config.Bytes, Largest: config.ResultBytes, Outside: outside, Common: common, Evicted: evicted,
	})
}

// common is the memory of what entries of one statement share, which they keep alive
// also when the memo has forgotten it.
func common(shape *rowset.Shape) int64 { return shape.Size() + statementOf(shape).size() }

// young reports whether an entry may still be served at now as far as its age is
// concerned.
func (c *Cache) young(e *kept, now core.Instant) bool {
	if c.config.TTL == 0 {
		return true
	}
	m := c.births.of(e.born)
	return m != nil && now.Fresh(m.at, c.config.TTL)
}

func (e *entry) rows() sqldriver.Rows { return e.set.Rows(e.shape) }

func (e *entry) statement() *statement { return statementOf(e.shape) }

func statementOf(shape *rowset.Shape) *statement {
	return shape.Owner().(*statement) // see analyze
}

// publish puts a committed entry into the store, unless there is one for its key
// whose read began later. Links is on how many tables and rows it depends, cost how
// long the read took.
func (c *Cache) publish(hash uint64, e *entry, links int, cost uint64) {
	bytes := int64(e.bytes) + int64(max(links-1, 0))*further
	old, replaced, stored := c.entries.Put(hash, e.kept, e.shape, bytes, cost, e.core.Generation(), func(old *kept, shape *rowset.Shape) bool {
		return old.core.Newer(e.core) && c.core.Alive(old.core) && statementOf(shape).same(e.statement()) && old.set.Head() == e.set.Head()
	})
	if replaced {
		c.core.Remove(old.core)
	}
	if !stored {
		c.core.Remove(e.core)
	}
}

// drop takes killed entries out of the store. They are dead already: this only
// frees their memory, and tells their statements what became of them.
func (c *Cache) drop(killed []core.Killed, count *atomic.Uint64) {
	count.Add(uint64(len(killed)))
	for _, k := range killed {
		shape, used := c.entries.Remove(k.Owner, func(e *kept) bool { return e.core == k.Entry })
		if shape != nil && statementOf(shape).worth.killed(used) {
			c.stats.rests.Add(1)
		}
	}
}

// evicted hears of every entry that made room for others.
func (c *Cache) evicted(e kept) {
	c.stats.evictedBySize.Add(1)
	c.core.Remove(e.core)
}

// reset forgets everything. Whoever reads meanwhile stores nothing.
func (c *Cache) reset() {
	c.core.Reset()
	c.cleared()
}

// cleared drops what the core has just reset, and counts it.
func (c *Cache) cleared() {
	c.entries.Reset(c.core.Generation())
	c.stats.resets.Add(1)
}

package core

import (
	"sync/atomic"

	"github.com/vantage-go/live/cache/internal/slab"
	"github.com/vantage-go/live/dialects"
)

// index tells which entries and tickets of one generation depend on which rows.
// A reset takes a new one.
//
// A stored entry is a cell, and one link for each table or row that it depends
// on. The links of a table's entries, and of a row's, form a list. Cells and
// links lie in slabs and know each other by number; keys of rows are known by
// their hashes: there are as many of all these as there are entries, and none
// holds a pointer. Two keys with one hash are invalidated together, which does
// no harm.
type index struct {
	tables map[dialects.Table]*table
	// numbers are the tables by their numbers, from 1; spare are those of
	// tables that nothing depends on any more.
	numbers []*table
	spare   []uint32
	last    *table // that was looked for last, nil if it is gone
	cells   slab.Slab[cell, *cell]
	links   slab.Slab[link, *link]
}

// table is what depends on one table.
type table struct {
	name   dialects.Table
	number uint32
	// whole is the first link of the entries that depend on any row.
	whole uint32
	// rows finds the first link of the entries that depend on a row, by the
	// hash of its key.
	rows slab.Index[link, *link]
	// waiting is the first of the open tickets' dependencies.
	waiting *dependency
}

// dependency is a part that a ticket depends on. While the ticket is open, it
// stands in the list of those that hear of changes of the table: a list, since
// every fill enters and leaves one, and a map takes its time for that.
type dependency struct {
	part
	ticket         *Ticket
	in             *table // whose list it stands in
	next, previous *dependency
}

// cell is what the index knows of an entry.
type cell struct {
	// order is that of the entry's ticket, 0 once the entry is dead. Nothing
	// else is read without a lock.
	order atomic.Uint64
	owner uint64
	links uint32 // the first of the entry's links; where cells that are not in use are chained
}

// Spare chains cells that are not in use.
func (c *cell) Spare() *uint32 { return &c.links }

// link says that an entry depends on a table, or on a row of it.
type link struct {
	row   uint64 // the hash of its key, 0 for any row
	cell  uint32
	table uint32
	// next and previous are those of the table or row, 0 at the ends.
	next, previous uint32
	sibling        uint32 // the entry's next link
}

// Spare chains links that are not in use.
func (l *link) Spare() *uint32 { return &l.next }

// Hash is what the first link of a row is found by.
func (l *link) Hash() uint64 { return l.row }

func newIndex() *index {
	return &index{tables: make(map[dialects.Table]*table), numbers: make([]*table, 1)}
}

// table returns what depends on a table, to be added to.
func (x *index) table(name dialects.Table) *table {
	if x.last != nil && x.last.name == name {
		return x.last
	}
	t := x.tables[name]
	if t != nil {
		x.last = t
		return t
	}
	t = &table{name: name}
	if last := len(x.spare) - 1; last >= 0 {
		t.number = x.spare[last]
		x.spare = x.spare[:last]
	} else {
		t.number = uint32(len(x.numbers))
		x.numbers = append(x.numbers, nil)
	}
	x.numbers[t.number] = t
	x.tables[name] = t
	return t
}

// shrink drops a table that nothing depends on.
func (x *index) shrink(t *table) {
	if t.whole == 0 && t.rows.Len() == 0 && t.waiting == nil {
		delete(x.tables, t.name)
		if x.last == t {
			x.last = nil
		}
		x.numbers[t.number] = nil
		x.spare = append(x.spare, t.number)
	}
}

// wait has a ticket hear of changes of a table.
func (x *index) wait(d *dependency) {
	t := x.table(d.table)
	d.in, d.next = t, t.waiting
	if d.next != nil {
		d.next.previous = d
	}
	t.waiting = d
}

// leave ends that.
func (x *index) leave(d *dependency) {
	if d.previous != nil {
		d.previous.next = d.next
	} else {
		d.in.waiting = d.next
	}
	if d.next != nil {
		d.next.previous = d.previous
	}
	x.shrink(d.in)
	d.in, d.next, d.previous = nil, nil, nil
}

// register makes it known what an entry depends on. Its ticket has not left.
func (x *index) register(n uint32, deps []dependency) {
	x.cells.At(n).links = 0
	for i := range deps {
		t := deps[i].in
		if deps[i].whole() {
			t.whole = x.link(n, t, 0, t.whole)
			continue
		}
		for _, row := range deps[i].keys {
			first := t.rows.Find(&x.links, row)
			if l := x.link(n, t, row, first); first == 0 {
				t.rows.Add(&x.links, l)
			} else {
				t.rows.Remove(&x.links, first, l)
			}
		}
	}
}

// link puts a new link of an entry before the first one of a list.
func (x *index) link(entry uint32, t *table, row uint64, first uint32) uint32 {
	c := x.cells.At(entry)
	l, n := x.links.Take()
	*l = link{row: row, cell: entry, table: t.number, next: first, sibling: c.links}
	if first != 0 {
		x.links.At(first).previous = n
	}
	c.links = n
	return n
}

// forget takes an entry out of all lists. Its number may become another's.
func (x *index) forget(entry uint32) {
	for n := x.cells.At(entry).links; n != 0; {
		l := x.links.At(n)
		t := x.numbers[l.table]
		switch {
		case l.previous != 0:
			x.links.At(l.previous).next = l.next
		case l.row == 0:
			t.whole = l.next
		default:
			t.rows.Remove(&x.links, n, l.next)
		}
		if l.next != 0 {
			x.links.At(l.next).previous = l.previous
		}
		sibling := l.sibling
		x.links.Give(n)
		n = sibling
		x.shrink(t)
	}
	x.cells.Give(entry)
}

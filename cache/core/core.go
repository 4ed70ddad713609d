package core

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/cache/internal/slab"
)

// Core is the coherence state of one cache. Its methods may be called
// concurrently.
type Core struct {
	duration time.Duration

	// lease is the start of the current lease, nil when there is none. Hits
	// read it without a lock.
	lease atomic.Pointer[Instant]
	// last is the start of the last lease, also after it was withdrawn.
	last atomic.Pointer[Instant]
	// cells are those of the index, for those who ask without a lock.
	cells atomic.Pointer[[]*slab.Chunk[cell]]
	// generation numbers the resets. Entries of an older one are dead.
	generation atomic.Uint64

	seed maphash.Seed

	// coherenceMu guards everything below. It is held for operations on the
	// index only.
	coherenceMu sync.Mutex
	index       *index
	// revoked is when the lease was last revoked: polls sent before it do not
	// renew it.
	revoked Instant
	anyRev  bool
	begun   uint64 // tickets so far; orders them
}

// Entry is a stored result as the core sees it: a small value, to be copied.
// The zero Entry is dead.
type Entry struct {
	generation uint64
	order      uint64
	cell       uint32 // its number in the index of its generation
}

// Killed is an entry that Invalidate has killed.
type Killed struct {
	Entry Entry
	// Owner is what Commit was given.
	Owner uint64
}

// Ticket is the right to store the result of one read. It is good for one
// Commit or Abort.
type Ticket struct {
	deps []dependency
	// What most reads depend on finds room here: one table, and one row of it.
	one        [1]dependency
	oneKey     [1]uint64
	generation uint64
	order      uint64
	poisoned   atomic.Bool
	// The rest is guarded by Core.coherenceMu. Others: rows changed that the
	// result depends on if it turns out to be empty.
	others bool
	done   bool
}

// New returns a core that leases for d. It serves and stores nothing until the
// first Renew.
func New(d time.Duration) *Core {
	c := &Core{duration: d, seed: maphash.MakeSeed()}
	c.begin()
	return c
}

// Valid reports whether the lease holds at now, or began only after that was read.
// Without a valid lease nothing may be served and nothing stored.
func (c *Core) Valid(now Instant) bool {
	start := c.lease.Load()
	return start != nil && now.Fresh(*start, c.duration)
}

// LeaseAge returns the age of the lease at now, and false when there is none.
func (c *Core) LeaseAge(now Instant) (time.Duration, bool) {
	start := c.lease.Load()
	if start == nil {
		return 0, false
	}
	return now.Sub(*start), true
}

// Alive reports whether e may still be served, given a valid lease. It takes
// no lock.
func (c *Core) Alive(e Entry) bool {
	if e.order == 0 || e.generation != c.generation.Load() {
		return false
	}
	// After a reset in between these are other cells, whose orders are others.
	cell := slab.In(*c.cells.Load(), e.cell)
	return cell != nil && cell.order.Load() == e.order
}

// Generation returns the number of resets so far.
func (c *Core) Generation() uint64 { return c.generation.Load() }

// Begin registers a read of deps that is about to be sent. It returns nil
// when there is no valid lease at now: then the result must not be stored.
// Where deps have keys, the result must depend on these rows alone unless it is
// empty. The caller ends the ticket with Commit or Abort. Deps must still be
// right when Begin has returned: whoever looked them up before asks once more
// whether the catalogue is the same.
func (c *Core) Begin(deps []Rows, now Instant) *Ticket {
	t := new(Ticket)
	if !c.BeginIn(t, deps, now) {
		return nil
	}
	return t
}

// BeginIn is Begin with memory for the ticket, which must be a zero one. It
// reports whether there is a lease.
func (c *Core) BeginIn(t *Ticket, deps []Rows, now Instant) bool {
	c.depend(t, deps)
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	// Not before the lock is held: a Revoke in between would let a ticket into
	// the new generation without a lease of its own.
	if !c.Valid(now) {
		return false
	}
	c.enter(t)
	return true
}

// depend notes what a ticket depends on.
func (c *Core) depend(t *Ticket, rows []Rows) {
	if len(rows) == 1 {
		t.one[0].part = c.part(&rows[0], t.oneKey[:0])
		t.deps = t.one[:]
	} else {
		parts := c.parts(rows)
		t.deps = make([]dependency, len(parts))
		for i, p := range parts {
			t.deps[i].part = p
		}
	}
	for i := range t.deps {
		d := &t.deps[i]
		if d.ticket = t; len(d.keys) > maxKeys {
			d.keys = nil
		}
	}
}

func (c *Core) enter(t *Ticket) {
	c.begun++
	t.generation, t.order = c.generation.Load(), c.begun
	for i := range t.deps {
		c.index.wait(&t.deps[i])
	}
}

// Joinable reports whether a reader that starts at now may wait for the result
// of t instead of reading itself: nothing that it must see has happened since
// t began, unless the result turns out to be empty and Commit refuses it.
func (c *Core) Joinable(t *Ticket, now Instant) bool {
	return !t.poisoned.Load() && t.generation == c.generation.Load() && c.Valid(now)
}

// Commit ends t after its result was read whole. It returns the entry under
// which the result may be stored and served, and false when the result may
// already be out of date. An empty result depends on the whole of each table: a
// row that was looked for and not found has no key to be known by. Owner comes
// back when the entry is killed.
func (c *Core) Commit(t *Ticket, now Instant, empty bool, owner uint64) (Entry, bool) {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	defer c.forget(t)
	if t.done || t.poisoned.Load() || t.generation != c.generation.Load() || !c.Valid(now) {
		return Entry{}, false
	}
	if empty {
		if t.others {
			return Entry{}, false
		}
		for i := range t.deps {
			t.deps[i].keys = nil
		}
	}
	cell, n := c.index.cells.Take()
	cell.owner = owner
	c.index.register(n, t.deps)
	cell.order.Store(t.order)
	if chunks := c.index.cells.Chunks(); len(chunks) > len(*c.cells.Load()) {
		c.cells.Store(new(chunks))
	}
	return Entry{t.generation, t.order, n}, true
}

// Abort ends t without a result. Ending a ticket twice is harmless.
func (c *Core) Abort(t *Ticket) {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	c.forget(t)
}

// Links is on how many tables and rows the entry depends that Commit made of t,
// each of which takes memory.
func (t *Ticket) Links() int {
	n := 0
	for i := range t.deps {
		n += max(len(t.deps[i].keys), 1)
	}
	return n
}

// Generation is the number of resets before e was stored.
func (e Entry) Generation() uint64 { return e.generation }

// Dead returns an entry that is dead for good, with a note that is not 0.
func (e Entry) Dead(note uint32) Entry { return Entry{generation: e.generation, cell: note} }

// Note returns what Dead was given, and 0 for other entries.
func (e Entry) Note() uint32 {
	if e.order != 0 {
		return 0
	}
	return e.cell
}

// Newer reports whether e comes from a read that began after that of old.
func (e Entry) Newer(old Entry) bool { return e.order > old.order }

// Remove takes e out of the core after the store dropped it.
func (c *Core) Remove(e Entry) {
	if !c.Alive(e) {
		return
	}
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	if c.Alive(e) {
		c.kill(e.cell)
	}
}

// Invalidate tells that rows have changed, now or at some time before. It
// returns the entries that it killed, so that the store can drop them; they
// are dead when it returns, dropped or not. A row whose key has changed is two
// rows. Beyond looking up each changed row, the cost is that of what depends
// on them.
func (c *Core) Invalidate(changed []Rows) []Killed {
	parts := c.parts(changed)
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	var killed []Killed
	for i := range parts {
		p := &parts[i]
		t := c.index.tables[p.table]
		if t == nil {
			continue
		}
		for d := t.waiting; d != nil; d = d.next {
			d.hear(p)
		}
		for t.whole != 0 {
			killed = append(killed, c.killFirst(t.whole))
		}
		if p.whole() {
			for n := t.rows.Any(); n != 0; n = t.rows.Any() {
				killed = append(killed, c.killFirst(n))
			}
			continue
		}
		for _, row := range p.keys {
			for n := t.rows.Find(&c.index.links, row); n != 0; n = t.rows.Find(&c.index.links, row) {
				killed = append(killed, c.killFirst(n))
			}
		}
	}
	return killed
}

// hear takes in a change of the table.
func (d *dependency) hear(change *part) {
	if d.touches(change) {
		d.ticket.poisoned.Store(true)
	}
	d.ticket.others = true
}

// killFirst kills the entry of a link.
func (c *Core) killFirst(link uint32) Killed {
	n := c.index.links.At(link).cell
	cell := c.index.cells.At(n)
	k := Killed{Entry{c.generation.Load(), cell.order.Load(), n}, cell.owner}
	c.kill(n)
	return k
}

// Reset tells that changes may have been missed, or that anything may have
// changed: every entry and every open ticket is void. Its cost does not depend
// on their number.
func (c *Core) Reset() {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	c.reset()
}

// Revoke resets and withdraws the lease. Only a poll sent after now can renew
// it. It is for changes that may alter what statements mean: what their
// dependencies are is unknown until the catalogue was read again.
func (c *Core) Revoke(now Instant) {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	c.reset()
	c.lease.Store(nil)
	if !c.anyRev || c.revoked.Before(now) { // calls may overtake each other
		c.revoked, c.anyRev = now, true
	}
}

// Suspend withdraws the lease but keeps the entries: they are served again
// when a later poll proves that they are still good.
func (c *Core) Suspend() { c.lease.Store(nil) }

// Renew moves the lease to sent, the time at which a poll was sent whose
// changes have all been applied. A lease never moves back.
func (c *Core) Renew(sent Instant) {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	if c.anyRev && !c.revoked.Before(sent) {
		return
	}
	if old := c.lease.Load(); old != nil && sent.Before(*old) {
		return
	}
	c.lease.Store(&sent)
	c.last.Store(&sent)
}

func (c *Core) reset() {
	c.generation.Add(1)
	// Tickets and entries know their generation; the index starts afresh.
	c.begin()
}

// begin makes an empty index.
func (c *Core) begin() {
	c.index = newIndex()
	c.cells.Store(new([]*slab.Chunk[cell]))
}

func (c *Core) forget(t *Ticket) {
	if t.done {
		return
	}
	t.done = true
	if t.generation != c.generation.Load() {
		return // a reset has dropped the index it stood in
	}
	for i := range t.deps {
		c.index.leave(&t.deps[i])
	}
}

// kill ends an entry of this generation.
func (c *Core) kill(n uint32) {
	c.index.cells.At(n).order.Store(0)
	c.index.forget(n)
}

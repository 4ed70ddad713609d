package core

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/dialects"
)

// Core is the coherence state of one cache. Its methods may be called
// concurrently.
type Core struct {
	duration time.Duration

	// lease is the start of the current lease, nil when there is none. Hits
	// read it without a lock.
	lease atomic.Pointer[Instant]
	// generation numbers the resets. Entries of an older one are dead.
	generation atomic.Uint64

	// coherenceMu guards everything below. It is held for map operations only.
	coherenceMu sync.Mutex
	tables      map[dialects.Table]*table
	// revoked is when the lease was last revoked: polls sent before it do not
	// renew it.
	revoked Instant
	anyRev  bool
	begun   uint64 // tickets so far; orders them
}

// table is what depends on one table.
type table struct {
	entries map[*Entry]struct{}
	tickets map[*Ticket]struct{}
}

// Entry is a stored result as the core sees it. The zero Entry is not usable:
// entries come from Commit.
type Entry struct {
	// Owner is what Commit was given: the store's own record of the entry.
	Owner any

	deps       []dialects.Table
	generation uint64
	order      uint64
	dead       atomic.Bool
}

// Ticket is the right to store the result of one read. It is good for one
// Commit or Abort.
type Ticket struct {
	deps       []dialects.Table
	generation uint64
	order      uint64
	poisoned   atomic.Bool
	done       bool // guarded by Core.coherenceMu
}

// New returns a core that leases for d. It serves and stores nothing until the
// first Renew.
func New(d time.Duration) *Core {
	return &Core{duration: d, tables: make(map[dialects.Table]*table)}
}

// Valid reports whether the lease holds at now. Without a valid lease nothing
// may be served and nothing stored.
func (c *Core) Valid(now Instant) bool {
	start := c.lease.Load()
	return start != nil && now.Within(*start, c.duration)
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
func (c *Core) Alive(e *Entry) bool {
	return !e.dead.Load() && e.generation == c.generation.Load()
}

// Generation returns the number of resets so far.
func (c *Core) Generation() uint64 { return c.generation.Load() }

// Begin registers a read of deps that is about to be sent. It returns nil
// when there is no valid lease at now: then the result must not be stored.
// The caller ends the ticket with Commit or Abort. It must not change deps
// afterwards, and deps must still be right when Begin has returned: whoever
// looked them up before asks once more whether the catalogue is the same.
func (c *Core) Begin(deps []dialects.Table, now Instant) *Ticket {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	// Not before the lock is held: a Revoke in between would let a ticket into
	// the new generation without a lease of its own.
	if !c.Valid(now) {
		return nil
	}
	c.begun++
	t := &Ticket{deps: deps, generation: c.generation.Load(), order: c.begun}
	for _, dep := range deps {
		c.table(dep).tickets[t] = struct{}{}
	}
	return t
}

// Joinable reports whether a reader that starts at now may wait for the result
// of t instead of reading itself: nothing that it must see has happened since
// t began.
func (c *Core) Joinable(t *Ticket, now Instant) bool {
	return !t.poisoned.Load() && t.generation == c.generation.Load() && c.Valid(now)
}

// Commit ends t after its result was read whole. It returns the entry under
// which the result may be stored and served, or nil when the result may
// already be out of date. Owner becomes the entry's.
func (c *Core) Commit(t *Ticket, now Instant, owner any) *Entry {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	defer c.forget(t)
	if t.done || t.poisoned.Load() || t.generation != c.generation.Load() || !c.Valid(now) {
		return nil
	}
	e := &Entry{Owner: owner, deps: t.deps, generation: t.generation, order: t.order}
	for _, dep := range t.deps {
		c.table(dep).entries[e] = struct{}{}
	}
	return e
}

// Abort ends t without a result. Ending a ticket twice is harmless.
func (c *Core) Abort(t *Ticket) {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	c.forget(t)
}

// Newer reports whether e comes from a read that began after that of old.
func (e *Entry) Newer(old *Entry) bool { return e.order > old.order }

// Remove takes e out of the core after the store dropped it.
func (c *Core) Remove(e *Entry) {
	if e.dead.Load() {
		return
	}
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	c.kill(e)
}

// Invalidate tells that rows of the tables have changed, now or at some time
// before. It returns the entries that it killed, so that the store can drop
// them; they are dead when it returns, dropped or not.
func (c *Core) Invalidate(tables []dialects.Table) []*Entry {
	c.coherenceMu.Lock()
	defer c.coherenceMu.Unlock()
	var killed []*Entry
	for _, name := range tables {
		t := c.tables[name]
		if t == nil {
			continue
		}
		for e := range t.entries {
			killed = append(killed, e)
			c.kill(e)
		}
		for ticket := range t.tickets {
			ticket.poisoned.Store(true)
		}
	}
	return killed
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
}

func (c *Core) reset() {
	c.generation.Add(1)
	// Tickets and entries know their generation; the index starts afresh.
	c.tables = make(map[dialects.Table]*table)
}

func (c *Core) table(name dialects.Table) *table {
	t := c.tables[name]
	if t == nil {
		t = &table{entries: make(map[*Entry]struct{}), tickets: make(map[*Ticket]struct{})}
		c.tables[name] = t
	}
	return t
}

func (c *Core) forget(t *Ticket) {
	if t.done {
		return
	}
	t.done = true
	if t.generation != c.generation.Load() {
		return // a reset has dropped the index it stood in
	}
	for _, dep := range t.deps {
		if tab := c.tables[dep]; tab != nil { // nil after a repeated dep
			delete(tab.tickets, t)
			c.shrink(dep, tab)
		}
	}
}

func (c *Core) kill(e *Entry) {
	if e.dead.Swap(true) || e.generation != c.generation.Load() {
		return
	}
	for _, dep := range e.deps {
		if tab := c.tables[dep]; tab != nil { // nil after a repeated dep
			delete(tab.entries, e)
			c.shrink(dep, tab)
		}
	}
}

// shrink drops a table that nothing depends on.
func (c *Core) shrink(name dialects.Table, t *table) {
	if len(t.entries) == 0 && len(t.tickets) == 0 {
		delete(c.tables, name)
	}
}

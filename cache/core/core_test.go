package core_test

import (
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
)

var (
	bakery = core.Tables(dialects.Table{Name: "bakery"})
	city   = core.Tables(dialects.Table{Name: "city"})
)

// at is an instant on clocks that agree.
func at(d time.Duration) core.Instant { return core.MakeInstant(d, int64(d)) }

// leased returns a core with a lease from 0 on.
func leased() *core.Core {
	c := core.New(leaseTime)
	c.Renew(at(0))
	return c
}

// some is Commit of a result with rows; it returns nil when it is refused.
func some(c *core.Core, t *core.Ticket, now core.Instant, owner uint64) *core.Entry {
	return finish(c, t, now, false, owner)
}

func finish(c *core.Core, t *core.Ticket, now core.Instant, empty bool, owner uint64) *core.Entry {
	e, ok := c.Commit(t, now, empty, owner)
	if !ok {
		return nil
	}
	return &e
}

func empty(t *testing.T, c *core.Core) {
	t.Helper()
	if tables, entries, tickets := c.IndexSize(); tables+entries+tickets != 0 {
		t.Errorf("the index holds %d tables, %d entries, %d tickets", tables, entries, tickets)
	}
}

func TestColdServesNothing(t *testing.T) {
	c := core.New(leaseTime)
	if c.Valid(at(0)) || c.Begin(bakery, at(0)) != nil {
		t.Error("there is a lease before the first poll")
	}
	if _, ok := c.LeaseAge(at(0)); ok {
		t.Error("the lease has an age before the first poll")
	}
	c.Suspend()
	c.Invalidate(bakery)
	empty(t, c)
}

// TestInvalidateBetween is the race that a delete-on-change cache loses: the
// write comes after the read's snapshot and before its result is stored.
func TestInvalidateBetween(t *testing.T) {
	c := leased()
	ticket := c.Begin(bakery, at(1))
	other := c.Begin(city, at(1))
	if killed := c.Invalidate(bakery); len(killed) != 0 {
		t.Errorf("%d entries were killed, there are none", len(killed))
	}
	if c.Joinable(ticket, at(2)) || !c.Joinable(other, at(2)) {
		t.Error("a poisoned ticket is joinable, or one of another table is not")
	}
	if some(c, ticket, at(2), 0) != nil {
		t.Error("a poisoned ticket was committed")
	}
	if some(c, other, at(2), 0) == nil {
		t.Error("a ticket of another table was refused")
	}
}

func TestInvalidateAfter(t *testing.T) {
	c := leased()
	e := some(c, c.Begin(append(bakery[:1:1], city...), at(1)), at(2), 7)
	kept := some(c, c.Begin(city, at(1)), at(2), 0)
	killed := c.Invalidate(bakery)
	if len(killed) != 1 || killed[0] != (core.Killed{Entry: *e, Owner: 7}) || c.Alive(*e) || !c.Alive(*kept) {
		t.Errorf("killed %v; alive %t, of the other table %t", killed, c.Alive(*e), c.Alive(*kept))
	}
	if again := c.Invalidate(bakery); len(again) != 0 {
		t.Errorf("killed again: %v", again)
	}
	c.Remove(*e) // the store hears of it late
	c.Remove(*kept)
	if c.Alive(*kept) {
		t.Error("a removed entry is alive")
	}
	empty(t, c)
}

// TestRepeatedTables: a table that is named twice is one table.
func TestRepeatedTables(t *testing.T) {
	twice := []core.Rows{bakery[0], bakery[0]}
	c := leased()
	c.Abort(c.Begin(twice, at(1)))
	empty(t, c)
	e := some(c, c.Begin(twice, at(1)), at(1), 0)
	if killed := c.Invalidate(twice); len(killed) != 1 || killed[0].Entry != *e {
		t.Errorf("killed %v", killed)
	}
	empty(t, c)
	c.Remove(*some(c, c.Begin(twice, at(1)), at(1), 0))
	empty(t, c)
}

// TestWithoutTables: SELECT 1 depends on nothing but resets.
func TestWithoutTables(t *testing.T) {
	c := leased()
	e := some(c, c.Begin(nil, at(1)), at(1), 0)
	c.Invalidate(bakery)
	if !c.Alive(*e) {
		t.Error("an entry without tables died of a change of a table")
	}
	if c.Reset(); c.Alive(*e) {
		t.Error("an entry without tables survived a reset")
	}
}

func TestTicketsEndOnce(t *testing.T) {
	c := leased()
	ticket := c.Begin(bakery, at(1))
	c.Abort(ticket)
	c.Abort(ticket)
	if some(c, ticket, at(1), 0) != nil {
		t.Error("an aborted ticket was committed")
	}
	empty(t, c)
	ticket = c.Begin(bakery, at(1))
	if some(c, ticket, at(1), 0) == nil || some(c, ticket, at(1), 0) != nil {
		t.Error("a ticket was not committed exactly once")
	}
	c.Abort(ticket)
	if _, entries, tickets := c.IndexSize(); entries != 1 || tickets != 0 {
		t.Errorf("%d entries and %d tickets in the index, want 1 and 0", entries, tickets)
	}
}

// TestReset: tickets and entries of before are void, whenever they end.
func TestReset(t *testing.T) {
	c := leased()
	e := some(c, c.Begin(bakery, at(1)), at(1), 0)
	committed, aborted := c.Begin(bakery, at(1)), c.Begin(bakery, at(1))
	c.Reset()
	empty(t, c)
	if c.Generation() != 1 || c.Alive(*e) || c.Joinable(committed, at(1)) {
		t.Error("something survived the reset")
	}
	now := some(c, c.Begin(bakery, at(1)), at(1), 0) // the lease goes on
	if now == nil {
		t.Fatal("nothing can be stored after a reset")
	}
	if some(c, committed, at(1), 0) != nil {
		t.Error("a ticket of before the reset was committed")
	}
	c.Abort(aborted)
	c.Remove(*e)
	if killed := c.Invalidate(bakery); len(killed) != 1 || killed[0].Entry != *now {
		t.Errorf("killed %v, want the entry of after the reset", killed)
	}
	empty(t, c)
}

// TestRevoke: what a poll says that was sent before the revocation, or at its
// very time, does not count.
func TestRevoke(t *testing.T) {
	c := leased()
	c.Revoke(at(5))
	for _, sent := range []time.Duration{0, 4, 5} {
		if c.Renew(at(sent)); c.Valid(at(6)) {
			t.Errorf("a poll sent at %d renewed a lease that was revoked at 5", sent)
		}
	}
	// A slower caller that revokes as of an earlier time takes nothing back.
	c.Revoke(at(3))
	if c.Renew(at(4)); c.Valid(at(6)) {
		t.Error("a poll sent at 4 renewed a lease that was revoked at 5")
	}
	if c.Renew(at(6)); !c.Valid(at(6)) {
		t.Error("a poll sent at 6 did not renew")
	}
}

func TestLeaseNeverMovesBack(t *testing.T) {
	c := leased()
	c.Renew(at(10))
	c.Renew(at(5))
	if age, _ := c.LeaseAge(at(20)); age != 10 {
		t.Errorf("the lease is %v old, want 10ns", age)
	}
}

// TestSuspend: entries wait for the lease to come back.
func TestSuspend(t *testing.T) {
	c := leased()
	e := some(c, c.Begin(bakery, at(1)), at(1), 0)
	ticket := c.Begin(bakery, at(1))
	c.Suspend()
	if c.Valid(at(1)) || c.Joinable(ticket, at(1)) || c.Begin(bakery, at(1)) != nil {
		t.Error("there is a lease after Suspend")
	}
	c.Renew(at(2))
	if !c.Valid(at(2)) || !c.Alive(*e) || some(c, ticket, at(2), 0) == nil {
		t.Error("an entry or a ticket was lost with the lease")
	}
}

func TestNewer(t *testing.T) {
	c := leased()
	first, second := c.Begin(bakery, at(1)), c.Begin(bakery, at(1))
	late, early := some(c, second, at(1), 0), some(c, first, at(1), 0)
	if !late.Newer(*early) || early.Newer(*late) || late.Newer(*late) {
		t.Error("entries are not ordered by the beginning of their reads")
	}
}

// TestBeginWhileRevoked: a ticket belongs to the lease that it was given
// under. One that is given while the lease is revoked is void.
func TestBeginWhileRevoked(t *testing.T) {
	for range 3000 {
		c := leased()
		var ticket *core.Ticket
		var wg sync.WaitGroup
		start := make(chan struct{})
		wg.Go(func() { <-start; ticket = c.Begin(bakery, at(1)) })
		wg.Go(func() { <-start; c.Revoke(at(1)) })
		close(start)
		wg.Wait()
		if ticket == nil {
			continue
		}
		if c.Renew(at(2)); some(c, ticket, at(2), 0) != nil {
			t.Fatal("a ticket of before the revocation was committed after it")
		}
	}
}

package core_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
)

// clocks is one reading of the model's clocks.
type clocks struct{ mono, wall time.Duration }

func (c clocks) instant() core.Instant { return core.MakeInstant(c.mono, int64(c.wall)) }

// reference does what Core is documented to do, slowly and without an index.
// It calls the core alongside and tells where the two disagree.
type reference struct {
	core *core.Core

	leased     bool
	lease      clocks
	generation uint64
	revoked    *clocks
	tickets    []*ticket // open ones
	entries    []*entry  // alive ones, and those that a reset killed
	owners     uint64    // entries so far

	err error // the first disagreement
}

// ticket and entry are the reference's view of the core's.
type ticket struct {
	core       *core.Ticket
	deps       []core.Rows
	generation uint64
	poisoned   bool
	others     bool // changed in its tables, though it does not depend on them
}

type entry struct {
	core       core.Entry
	owner      uint64
	deps       []core.Rows
	generation uint64
	dead       bool
}

// touch reports whether some row may be among both.
func touch(a, b []core.Rows) bool {
	return slices.ContainsFunc(a, func(x core.Rows) bool {
		return slices.ContainsFunc(b, func(y core.Rows) bool {
			return x.Table == y.Table && (len(x.Keys) == 0 || len(y.Keys) == 0 ||
				slices.ContainsFunc(x.Keys, func(k dialects.Key) bool { return slices.Contains(y.Keys, k) }))
		})
	})
}

// whole returns all rows of the tables.
func whole(rows []core.Rows) []core.Rows {
	var tables []dialects.Table
	for _, r := range rows {
		tables = append(tables, r.Table)
	}
	return core.Tables(tables...)
}

func newReference(lease time.Duration) *reference {
	return &reference{core: core.New(lease)}
}

func (r *reference) disagree(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("the core and the reference disagree: "+format, args...)
	}
}

func (r *reference) valid(now clocks) bool {
	mono, wall := now.mono-r.lease.mono, now.wall-r.lease.wall
	want := r.leased && (mono < 0 || mono < leaseTime && wall >= 0 && wall < leaseTime)
	if got := r.core.Valid(now.instant()); got != want {
		r.disagree("Valid is %t, want %t (lease %v, now %v)", got, want, r.lease, now)
	}
	return want
}

func (r *reference) begin(deps []core.Rows, now clocks) *ticket {
	t := &ticket{deps: deps, generation: r.generation, core: r.core.Begin(deps, now.instant())}
	if want := r.valid(now); (t.core != nil) != want {
		r.disagree("Begin gives a ticket: %t, want %t", t.core != nil, want)
	}
	if t.core == nil {
		return nil
	}
	r.tickets = append(r.tickets, t)
	return t
}

// beginAnyway begins without a lease.
func (r *reference) beginAnyway(deps []core.Rows) *ticket {
	t := &ticket{deps: deps, generation: r.generation, core: r.core.BeginAnyway(deps)}
	r.tickets = append(r.tickets, t)
	return t
}

func (r *reference) joinable(t *ticket, now clocks) bool {
	want := !t.poisoned && t.generation == r.generation && r.valid(now)
	if got := r.core.Joinable(t.core, now.instant()); got != want {
		r.disagree("Joinable is %t, want %t", got, want)
	}
	return want
}

func (r *reference) end(t *ticket) {
	r.tickets = slices.DeleteFunc(r.tickets, func(other *ticket) bool { return other == t })
}

func (r *reference) commit(t *ticket, now clocks, empty bool) *entry {
	want := !t.poisoned && t.generation == r.generation && r.valid(now) && (!empty || !t.others)
	r.owners++
	e := &entry{deps: t.deps, generation: t.generation, owner: r.owners}
	if empty {
		e.deps = whole(t.deps)
	}
	var ok bool
	e.core, ok = r.core.Commit(t.core, now.instant(), empty, e.owner)
	if ok != want {
		r.disagree("Commit gives an entry: %t, want %t", ok, want)
	}
	if _, again := r.core.Commit(t.core, now.instant(), empty, e.owner); again {
		r.disagree("a second Commit gives an entry")
	}
	r.end(t)
	if !ok {
		return nil
	}
	r.entries = append(r.entries, e)
	return e
}

// forgetOthers makes a ticket forget the rows that changed beside its own, the
// broken variant of a ticket.
func (r *reference) forgetOthers(t *ticket) {
	t.core.ForgetOthers()
	t.others = false
}

func (r *reference) abort(t *ticket, now clocks) {
	r.core.Abort(t.core)
	if _, late := r.core.Commit(t.core, now.instant(), false, 0); late {
		r.disagree("a Commit after Abort gives an entry")
	}
	r.end(t)
}

func (r *reference) alive(e *entry) bool {
	want := !e.dead && e.generation == r.generation
	if got := r.core.Alive(e.core); got != want {
		r.disagree("Alive is %t, want %t", got, want)
	}
	return want
}

func (r *reference) remove(e *entry) {
	r.core.Remove(e.core)
	e.dead = true
	r.entries = slices.DeleteFunc(r.entries, func(other *entry) bool { return other == e })
	r.alive(e)
}

func (r *reference) invalidate(changed []core.Rows) {
	want := map[core.Killed]bool{}
	r.entries = slices.DeleteFunc(r.entries, func(e *entry) bool {
		hit := e.generation == r.generation && touch(e.deps, changed)
		if hit {
			e.dead = true
			want[core.Killed{Entry: e.core, Owner: e.owner}] = true
		}
		return hit
	})
	for _, t := range r.tickets {
		if t.generation != r.generation {
			continue
		}
		t.poisoned = t.poisoned || touch(t.deps, changed)
		t.others = t.others || touch(whole(t.deps), changed)
	}
	killed := r.core.Invalidate(changed)
	if len(killed) != len(want) {
		r.disagree("Invalidate(%v) kills %d entries, want %d", changed, len(killed), len(want))
	}
	for _, k := range killed {
		if !want[k] {
			r.disagree("Invalidate(%v) kills an entry that does not depend on it", changed)
		}
		if r.core.Alive(k.Entry) {
			r.disagree("Invalidate(%v) returns an entry that is alive", changed)
		}
	}
}

func (r *reference) reset() {
	r.core.Reset()
	r.generation++
}

func (r *reference) revoke(at clocks) {
	r.core.Revoke(at.instant())
	r.generation++
	r.leased = false
	if r.revoked == nil || at.mono > r.revoked.mono {
		r.revoked = &at
	}
}

func (r *reference) suspend() {
	r.core.Suspend()
	r.leased = false
}

func (r *reference) renew(sent clocks) {
	r.core.Renew(sent.instant())
	if r.revoked != nil && sent.mono <= r.revoked.mono {
		return
	}
	if !r.leased || sent.mono >= r.lease.mono {
		r.leased, r.lease = true, sent
	}
}

// check compares what cannot be seen in a single call: the index, which must
// hold what is open or alive and nothing else, the generation and the age of
// the lease.
func (r *reference) check(now clocks) {
	tables := map[dialects.Table]bool{}
	links, tickets := 0, 0
	for _, e := range r.entries {
		if e.generation != r.generation {
			continue
		}
		for _, d := range e.deps {
			links += max(len(d.Keys), 1)
			tables[d.Table] = true
		}
	}
	for _, t := range r.tickets {
		if t.generation != r.generation {
			continue
		}
		for _, d := range t.deps {
			tickets++
			tables[d.Table] = true
		}
	}
	if gotTables, gotLinks, gotTickets := r.core.IndexSize(); gotTables != len(tables) || gotLinks != links || gotTickets != tickets {
		r.disagree("the index holds %d tables, %d links, %d tickets; want %d, %d, %d",
			gotTables, gotLinks, gotTickets, len(tables), links, tickets)
	}
	if got := r.core.Generation(); got != r.generation {
		r.disagree("generation %d, want %d", got, r.generation)
	}
	age, leased := r.core.LeaseAge(now.instant())
	want := max(now.mono-r.lease.mono, now.wall-r.lease.wall)
	if leased != r.leased || leased && age != want {
		r.disagree("LeaseAge is %v %t, want %v %t", age, leased, want, r.leased)
	}
}

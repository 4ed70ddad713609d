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

	err error // the first disagreement
}

// ticket and entry are the reference's view of the core's.
type ticket struct {
	core       *core.Ticket
	deps       []dialects.Table
	generation uint64
	poisoned   bool
}

type entry struct {
	core       *core.Entry
	deps       []dialects.Table
	generation uint64
	dead       bool
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
	want := r.leased && mono >= 0 && mono < leaseTime && wall >= 0 && wall < leaseTime
	if got := r.core.Valid(now.instant()); got != want {
		r.disagree("Valid is %t, want %t (lease %v, now %v)", got, want, r.lease, now)
	}
	return want
}

func (r *reference) begin(deps []dialects.Table, now clocks) *ticket {
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
func (r *reference) beginAnyway(deps []dialects.Table) *ticket {
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

func (r *reference) commit(t *ticket, now clocks) *entry {
	want := !t.poisoned && t.generation == r.generation && r.valid(now)
	e := &entry{deps: t.deps, generation: t.generation}
	e.core = r.core.Commit(t.core, now.instant(), e)
	if (e.core != nil) != want {
		r.disagree("Commit gives an entry: %t, want %t", e.core != nil, want)
	}
	if again := r.core.Commit(t.core, now.instant(), e); again != nil {
		r.disagree("a second Commit gives an entry")
	}
	r.end(t)
	if e.core == nil {
		return nil
	}
	r.entries = append(r.entries, e)
	return e
}

func (r *reference) abort(t *ticket, now clocks) {
	r.core.Abort(t.core)
	if late := r.core.Commit(t.core, now.instant(), nil); late != nil {
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

func (r *reference) invalidate(tables []dialects.Table) {
	var want []*entry
	r.entries = slices.DeleteFunc(r.entries, func(e *entry) bool {
		hit := e.generation == r.generation && slices.ContainsFunc(e.deps, func(t dialects.Table) bool { return slices.Contains(tables, t) })
		if hit {
			e.dead = true
			want = append(want, e)
		}
		return hit
	})
	for _, t := range r.tickets {
		if t.generation == r.generation && slices.ContainsFunc(t.deps, func(d dialects.Table) bool { return slices.Contains(tables, d) }) {
			t.poisoned = true
		}
	}
	killed := r.core.Invalidate(tables)
	if len(killed) != len(want) {
		r.disagree("Invalidate(%v) kills %d entries, want %d", tables, len(killed), len(want))
	}
	for _, e := range killed {
		if !slices.Contains(want, e.Owner.(*entry)) {
			r.disagree("Invalidate(%v) kills an entry of %v", tables, e.Owner.(*entry).deps)
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
	entries, tickets := 0, 0
	for _, e := range r.entries {
		if e.generation == r.generation {
			entries += len(e.deps)
			for _, d := range e.deps {
				tables[d] = true
			}
		}
	}
	for _, t := range r.tickets {
		if t.generation == r.generation {
			tickets += len(t.deps)
			for _, d := range t.deps {
				tables[d] = true
			}
		}
	}
	if gotTables, gotEntries, gotTickets := r.core.IndexSize(); gotTables != len(tables) || gotEntries != entries || gotTickets != tickets {
		r.disagree("the index holds %d tables, %d entries, %d tickets; want %d, %d, %d",
			gotTables, gotEntries, gotTickets, len(tables), entries, tickets)
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

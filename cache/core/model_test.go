package core_test

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The model: one database, one change feed, and the threads of one process
// that read and write through a cache. Each step of the world is one call of
// one of them, so that every interleaving can happen. The driver below uses
// the core as the package documentation says, or in a way that is broken on
// purpose. Whatever is served is held against the history of the database.

const (
	leaseTime  = 100 * time.Millisecond
	queryCount = 2
	maxReads   = 3 // at once
	maxWrites  = 3
)

// variant is a way to use the core wrongly.
type variant int

const (
	correct           variant = iota
	fillWithoutTicket         // Begin when the rows are there
	invalidateBefore          // before the commit instead of after it
	renewBefore               // before the changes are applied
	renewToApplied            // to the time at which they were applied
	fillWithoutLease          // Begin regardless of it
	hitWithoutLease           // serve whatever is alive
	joinAnything              // wait for any flight
	trustOldAnalysis          // no look at the catalogue version after Begin
	resetForSchema            // Reset instead of Revoke
	ignoreGaps                // go on when the log cannot prove completeness
	ignoreKeys                // do not evict what depends on the rows that changed
	newKeyOnly                // report only one of the two keys of a row whose key changes
	collapseToFirst           // too many keys: report the first
	pinEmpty                  // an empty result depends on the rows it asked for
	forgetOthers              // an empty result does not mind what changed beside its rows
	variants
)

func (v variant) String() string {
	return [variants]string{
		"correct", "fill without a ticket", "invalidate before the commit", "renew before the delta is applied",
		"renew to the time of applying", "fill without a lease", "hit without a lease", "join anything",
		"trust an old analysis", "reset for a schema change", "ignore gaps",
		"ignore keys", "new key only", "collapse to the first", "pin empty results", "forget other rows",
	}[v]
}

// chooser makes the decisions of a run.
type chooser interface {
	// choose returns a number below n.
	choose(n int, what string) int
}

// commit is a transaction of the database's history. Its number is its place.
type commit struct {
	at     time.Duration // true time
	rows   scope
	alters int // the statement whose meaning changes, -1 for none
	own    bool
	acked  int // step after which the writer has its answer, 0 before
}

// write is a writer of this process under way.
type write struct {
	rows   scope
	query  int // of a schema change, -1 for rows
	steps  []func()
	commit int
	at     clocks
}

// read is a reader of this process under way.
type read struct {
	query   int
	started int           // step
	at      time.Duration // true time
	known   int           // commits that the process had heard of
	next    func(*read)

	deps    scope
	version int
	ticket  *ticket
	result  result
	waiting []*read
}

// result is what a statement returned.
type result struct {
	begun    int   // step at which the read began
	snapshot int   // commits seen
	meaning  scope // of the statement at that time
	deps     scope // what the process took for its meaning
	// empty: there were no such rows. Any new one could be one of them.
	empty bool
}

// sees is what the result depends on.
func (r *result) sees(s scope) scope {
	if r.empty {
		return s.whole()
	}
	return s
}

// stored is a result in the store.
type stored struct {
	result
	entry *entry
}

// trace is what happened in a run.
type trace []event

type event struct {
	step  int
	truth time.Duration
	now   clocks
	what  string
}

func (t trace) String() string {
	var b strings.Builder
	for _, e := range t {
		fmt.Fprintf(&b, "step %d at %v (mono %v, wall %v): %s\n", e.step, e.truth, e.now.mono, e.now.wall, e.what)
	}
	return b.String()
}

type world struct {
	chooser
	variant variant
	ref     *reference
	step    int
	trace   trace
	counts  map[string]int
	err     error

	now    clocks
	truth  time.Duration
	sleeps bool // the machine sleeps; otherwise its wall clock is set back

	history []commit
	meaning [queryCount]scope // of the statements, to the database

	catalog [queryCount]scope // to the process
	version int
	store   [queryCount]*stored
	flights [queryCount]*read
	reads   []*read
	writes  []*write
	reset   int // step of the last reset

	poll struct {
		next   func()
		sent   clocks
		cursor int // commits known, -1 before the first poll
		to     int
		gap    bool
		schema bool
	}
}

func newWorld(c chooser, v variant) *world {
	w := &world{chooser: c, variant: v, ref: newReference(leaseTime), counts: map[string]int{}}
	w.sleeps = c.choose(2, "sleeps") == 1
	w.now.wall = time.Hour
	w.poll.cursor, w.poll.next = -1, w.send
	for q := range w.meaning {
		w.meaning[q] = w.someScope()
	}
	return w
}

// run lets the world go on for a number of steps, then comes to rest.
func (w *world) run(steps int) error {
	for range steps {
		w.act()
		if w.ref.check(w.now); w.failure() != nil {
			return w.failure()
		}
	}
	for len(w.reads) > 0 {
		r := w.reads[0]
		w.reads = w.reads[1:]
		if r.ticket != nil {
			w.ref.abort(r.ticket, w.now)
		}
	}
	for _, s := range w.store {
		if s != nil {
			w.ref.remove(s.entry)
		}
	}
	w.ref.check(w.now)
	if tables, entries, tickets := w.ref.core.IndexSize(); tables+entries+tickets != 0 {
		w.violate("at rest the index still holds %d tables, %d entries, %d tickets", tables, entries, tickets)
	}
	return w.failure()
}

func (w *world) failure() error {
	if w.err != nil {
		return w.err
	}
	return w.ref.err
}

func (w *world) violate(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("step %d: "+format, append([]any{w.step}, args...)...)
	}
}

func (w *world) note(what string) {
	w.counts[what]++
	w.trace = append(w.trace, event{w.step, w.truth, w.now, what})
}

// act does one step of somebody.
func (w *world) act() {
	w.step++
	switch k := w.choose(64, "who"); {
	case k < 24: // a reader
		if n := len(w.reads); n == 0 || n < maxReads && w.choose(5, "another read") == 0 {
			w.startRead()
		} else {
			r := w.reads[w.choose(n, "reader")]
			r.next(r)
		}
	case k < 40: // the feed
		w.poll.next()
	case k < 52: // a writer
		if n := len(w.writes); n == 0 || n < maxWrites && w.choose(3, "another write") == 0 {
			w.startWrite()
		} else {
			w.goOnWriting(w.choose(n, "writer"))
		}
	case k < 58:
		d := milliseconds([]int{0, 1, 5, 10, 20, 40, 110}[w.choose(7, "tick")])
		w.pass(d, d, d)
	case k < 61:
		w.foreign()
	default:
		switch w.choose(16, "seldom") {
		case 0, 1, 2:
			w.trick()
		case 3, 4:
			w.breakdown()
		case 5:
			w.note("flush")
			w.ref.reset()
			w.reset = w.step
		case 6, 7, 8:
			if s := w.store[w.choose(queryCount, "query")]; s != nil {
				w.note("evict")
				w.ref.remove(s.entry)
			}
		}
	}
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// pass lets time pass, on each clock its own.
func (w *world) pass(truth, mono, wall time.Duration) {
	w.truth += truth
	w.now.mono += mono
	w.now.wall += wall
	w.note("time")
}

// trick does what happens to clocks. The machine sleeps: the monotonic clock
// stands still; or its wall clock is set, to and fro. (Both at once could make
// any time seem never to have passed.)
func (w *world) trick() {
	d := milliseconds([]int{1, 60, 150, 5000}[w.choose(4, "trick")])
	switch {
	case w.sleeps && w.choose(2, "forward") == 0:
		w.pass(d, 0, d)
	case w.sleeps || w.choose(2, "forward") == 0:
		w.pass(0, 0, d)
	default:
		w.pass(0, 0, -d)
	}
}

// The database.

func (w *world) commit(c commit) int {
	c.at = w.truth
	w.history = append(w.history, c)
	return len(w.history) - 1
}

// alter changes what a statement means.
func (w *world) alter(q int, own bool) int {
	w.meaning[q] = w.someScope()
	return w.commit(commit{alters: q, own: own})
}

func (w *world) foreign() {
	if w.choose(6, "schema") == 0 {
		w.note("foreign schema change")
		w.alter(w.choose(queryCount, "query"), false)
		return
	}
	w.note("foreign write")
	w.commit(commit{rows: w.someScope(), alters: -1})
}

// served holds a result against the history. A commit concerns it if it
// changes what the statement means, or a table that the statement meant when
// it was read: as long as the result may miss the change of meaning, it may
// miss what was written to tables that are new to it.
//
// That a write of this process is seen at once is promised under the meaning
// that the process can know. What somebody else has just made of a statement
// comes with the lease, and with it what was written to tables that nobody
// here knew it had.
func (w *world) served(r *read, res result) {
	redefined := slices.ContainsFunc(w.history[min(r.known, res.snapshot):res.snapshot], func(c commit) bool {
		return c.alters == r.query && (c.acked == 0 || c.acked >= r.started)
	})
	for i, c := range w.history[res.snapshot:] {
		switch {
		case c.alters != r.query && !c.rows.touch(res.sees(res.meaning)):
		case redefined && c.alters < 0 && !c.rows.touch(res.sees(res.deps)) && c.at > r.at-leaseTime:
		case c.acked > 0 && c.acked < r.started:
			w.violate("a read that began at step %d misses commit %d, acknowledged at step %d", r.started, res.snapshot+i, c.acked)
		case c.at <= r.at-leaseTime:
			w.violate("a read that began at %v misses commit %d of %v", r.at, res.snapshot+i, c.at)
		}
	}
	if w.reset < r.started && res.begun < w.reset {
		w.violate("a result that was read at step %d is served after the reset at step %d", res.begun, w.reset)
	}
}

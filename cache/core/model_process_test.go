package core_test

import "slices"

// The writers.

func (w *world) startWrite() {
	x := &write{query: -1}
	acked := func() {
		w.note("acked")
		w.history[x.commit].acked = w.step
	}
	switch w.choose(8, "write") {
	case 0:
		x.query = w.choose(queryCount, "query")
		x.steps = []func(){
			func() { w.note("alter"); x.commit = w.alter(x.query, true) },
			func() { x.at = w.now },
			func() {
				if w.variant == resetForSchema {
					w.ref.reset()
				} else {
					w.note("revoke")
					w.ref.revoke(x.at)
				}
				w.reset = w.step
				acked()
			},
		}
	case 1:
		// It is not known what it wrote.
		x.rows = w.someScope()
		x.steps = []func(){
			func() { x.commit = w.commit(commit{rows: x.rows, alters: -1, own: true}) },
			func() { w.ref.reset(); w.reset = w.step; acked() },
		}
	default:
		x.rows = w.someScope()
		invalidate := func() { w.ref.invalidate(w.told(x.rows)) }
		x.steps = []func(){
			func() { w.note("write"); x.commit = w.commit(commit{rows: x.rows, alters: -1, own: true}) },
			func() { invalidate(); acked() },
		}
		if w.variant == invalidateBefore {
			x.steps = []func(){invalidate, x.steps[0], acked}
		}
	}
	w.writes = append(w.writes, x)
}

func (w *world) goOnWriting(i int) {
	x := w.writes[i]
	x.steps[0]()
	if x.steps = x.steps[1:]; len(x.steps) == 0 {
		w.writes = slices.Delete(w.writes, i, i+1)
	}
}

// The feed.

func (w *world) send() {
	w.note("poll sent")
	w.poll.sent = w.now
	w.poll.next = w.execute
}

func (w *world) execute() {
	p := &w.poll
	p.to, p.gap, p.schema = len(w.history), false, false
	p.next = w.apply
	if p.cursor >= 0 {
		p.gap = w.choose(16, "gap") == 0
	}
	reread := p.cursor < 0
	for _, c := range w.history[max(p.cursor, 0):p.to] {
		if c.alters < 0 {
			continue
		}
		reread = true
		// One that this process has made known needs no further reset.
		p.schema = p.schema || c.acked == 0 && p.cursor >= 0
	}
	if reread {
		w.note("catalogue read")
		w.catalog, w.version = w.meaning, w.version+1
	}
	if w.variant == renewBefore {
		p.next = func() { w.ref.renew(p.sent); p.next = w.apply }
	}
}

func (w *world) apply() {
	p := &w.poll
	if p.gap || p.schema {
		if !p.gap || w.variant != ignoreGaps {
			w.note("reset")
			w.ref.reset()
			w.reset = w.step
		}
	}
	if p.cursor >= 0 && !p.gap {
		var all scope
		for _, c := range w.history[p.cursor:p.to] {
			all = all.union(c.rows)
		}
		w.ref.invalidate(w.told(all))
	}
	p.cursor = p.to
	p.next = w.renew
	if w.variant == renewBefore {
		p.next = w.send
	}
}

func (w *world) renew() {
	w.note("renew")
	p := &w.poll
	if w.variant == renewToApplied {
		p.sent = w.now
	}
	w.ref.renew(p.sent)
	p.next = w.send
}

// breakdown loses the connection, before the answer is applied.
func (w *world) breakdown() {
	w.note("lost")
	w.ref.suspend()
	w.poll.next = w.send
}

// The readers.

func (w *world) startRead() {
	q := w.choose(queryCount, "query")
	if !w.ref.valid(w.now) && w.variant != fillWithoutLease && w.variant != hitWithoutLease {
		return // to the database, and nothing is stored
	}
	w.reads = append(w.reads, &read{
		query: q, started: w.step, at: w.truth, next: w.find,
		deps: w.catalog[q], version: w.version, known: max(w.poll.cursor, 0),
	})
}

func (w *world) done(r *read) {
	w.reads = slices.DeleteFunc(w.reads, func(other *read) bool { return other == r })
}

func (w *world) find(r *read) {
	leased := w.variant != fillWithoutLease || w.ref.valid(w.now)
	if s := w.store[r.query]; s != nil && leased && w.ref.alive(s.entry) {
		w.note("hit")
		w.served(r, s.result)
		w.done(r)
		return
	}
	f := w.flights[r.query]
	if f != nil && (w.variant == joinAnything || w.ref.joinable(f.ticket, w.now)) {
		w.note("join")
		f.waiting = append(f.waiting, r)
		w.done(r)
		return
	}
	r.next = w.begin
}

func (w *world) begin(r *read) {
	r.result.begun = w.step
	r.next = w.verify
	switch w.variant {
	case fillWithoutTicket:
		r.next = w.query
		return
	case fillWithoutLease:
		r.ticket = w.ref.beginAnyway(r.deps.rows())
	default:
		r.ticket = w.ref.begin(r.deps.rows(), w.now)
	}
	if r.ticket == nil {
		w.done(r)
	}
}

func (w *world) verify(r *read) {
	if r.version != w.version && w.variant != trustOldAnalysis {
		w.note("analysis out of date")
		w.ref.abort(r.ticket, w.now)
		w.done(r)
		return
	}
	w.flights[r.query] = r
	r.next = w.query
}

// query is the moment at which the database takes the statement's snapshot.
func (w *world) query(r *read) {
	r.result.snapshot, r.result.meaning, r.result.deps = len(w.history), w.meaning[r.query], r.deps
	r.result.empty = w.choose(3, "empty") == 0
	r.next = w.land
}

func (w *world) land(r *read) {
	w.done(r)
	if w.flights[r.query] == r {
		w.flights[r.query] = nil
	}
	if r.ticket == nil { // fillWithoutTicket
		if r.ticket = w.ref.begin(r.deps.rows(), w.now); r.ticket == nil {
			return
		}
	}
	if w.choose(8, "failed") == 0 {
		w.ref.abort(r.ticket, w.now)
		for _, waiter := range r.waiting {
			waiter.next = w.find
			w.reads = append(w.reads, waiter)
		}
		return
	}
	if w.variant == forgetOthers {
		w.ref.forgetOthers(r.ticket)
	}
	e := w.ref.commit(r.ticket, w.now, r.result.empty && w.variant != pinEmpty)
	for _, waiter := range r.waiting {
		if e == nil && r.result.empty {
			waiter.next = w.find // it may have missed rows that nobody knew to matter
			w.reads = append(w.reads, waiter)
			continue
		}
		w.served(waiter, r.result)
	}
	if e == nil {
		w.note("not stored")
		return
	}
	w.note("stored")
	old := w.store[r.query]
	if old != nil && w.ref.alive(old.entry) {
		newer := old.entry.core.Newer(e.core)
		if newer != (old.begun > r.result.begun) && w.variant != fillWithoutTicket {
			w.violate("Newer is %t for reads that began at %d and %d", newer, old.begun, r.result.begun)
		}
		if newer {
			w.ref.remove(e)
			return
		}
	}
	if old != nil {
		w.ref.remove(old.entry)
	}
	w.store[r.query] = &stored{r.result, e}
}

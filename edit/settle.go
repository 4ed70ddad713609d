package edit

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vantage-go/live/internal/rowmap"
)

// maxRebases is how often an operation that lost a race is sent again at once.
const maxRebases = 3

// end deals with the outcome of one operation.
func (w *Writer) end(op *Op, o Outcome, f *flight) Event {
	r, now := op.record, f.acked
	r.inflight = nil
	event := Event{Table: op.Table.Name, Kind: op.Kind, Key: r.key, State: o.State, Err: o.Err, Attempts: op.attempts}
	if o.Err != nil || op.trouble != nil {
		op.troubled().lastErr = o.Err
	}
	if op.Kind == Delete && o.State == Absent {
		o = Outcome{State: Done}
	}
	switch o.State {
	case Locked, Unavailable, Transient, Unknown, Skipped:
		w.refuse(op) // they are not sent again
	default:
	}
	switch o.State {
	case Done:
		w.done(op, o.Row, outcome{attempts: int32(op.attempts), flight: f})
		r.inferred = o.Inferred && o.Row != nil
		event.Key = r.key
	case Absent:
		w.vanish(op)
	case Conflicting:
		w.conflict(op, o)
	case Suppressed:
		w.fail(op, errors.Join(ErrSuppressed, o.Err))
	case Failed:
		if f.rows > 1 && !op.second && op.Group == 0 && (errors.Is(o.Err, ErrDuplicate) || errors.Is(o.Err, ErrForeignKey)) {
			// What it collides with may have been further back in the batch.
			op.second = true
			w.refuse(op)
			w.requeue(op)
			break
		}
		w.fail(op, o.Err)
	case Locked:
		op.slow = true
		w.retryUntil(op, now, o.Err)
	case Unavailable:
		if op.unknown {
			w.postpone(op, now, o.Err)
			break
		}
		w.retryUntil(op, now, o.Err)
	case Transient:
		w.retry(op, now, o.Err)
	case Unknown:
		w.stats.Unknown++
		op.unknown = true
		op.troubled().notBefore = now.Add(w.jitter(max(op.attempts, 1)))
		w.postpone(op, now, o.Err)
	default: // Skipped
		op.attempts = max(op.attempts-1, 0)
		w.requeue(op)
	}
	if r.inflight == nil {
		w.held(r)
	}
	if op.group != nil && r.next != op && r.inflight != op {
		if o.State != Done {
			w.breakGroup(op) // it may have been given up before the others
		} else {
			op.group.leave(op)
		}
	}
	w.forget(r)
	return event
}

// held takes in what others did while an operation was under way. Without a
// version, nothing tells it from an echo: whoever observes tells again.
func (w *Writer) held(r *record) {
	row, gone := r.heldRow, r.heldGone
	r.heldRow, r.heldGone = nil, false
	if gone && !r.gone {
		w.takeIn(r, nil, Remote) // should there be another row by now, whoever observes tells
	}
	if row == nil || r.base == nil {
		return
	}
	newer, known := r.table.newer(row, r.base)
	if !newer && r.inferred && r.table.sameVersion(row, r.base) {
		differ := r.table.plan.Diff(row, r.base)
		newer = !differ.Empty()
	}
	if known && newer {
		w.takeIn(r, row, Remote)
	}
}

// done tells that an operation is committed.
func (w *Writer) done(op *Op, row any, base outcome) {
	r := op.record
	w.moved(r)
	before, at := op.Base, base.flight.acked
	if op.Kind == Delete {
		r.lost()
		for _, p := range op.parts {
			o := base
			o.kind, o.key, o.before, o.row = Deleted, r.key, before, before
			w.finish(p, o, nil, parcel{kind: vanished, origin: Local, at: at})
		}
		r.tell(parcel{kind: vanished, origin: Local, at: at}, op.parts...)
		w.refuse(op)
		w.strand(r)
		return
	}
	r.learn(row)
	r.writer, r.gone = nil, false
	if n := len(op.parts); n > 0 {
		r.writer = op.parts[n-1].box
	}
	if op.Kind == Insert {
		w.created(op, row)
	}
	for _, p := range op.parts {
		o := base
		o.kind, o.key, o.row, o.before, o.set = Saved, r.key, row, before, p.asked
		if op.Kind == Insert {
			o.kind = Created
		}
		o.rebased = p.rebased
		err := compare(p, op, row, &o)
		w.finish(p, o, err, parcel{kind: acked, row: row, at: at})
	}
	r.tell(parcel{kind: changed, row: row, origin: Local, at: at}, op.parts...)
	w.refuse(op)
	switch next := r.next; {
	case next != nil:
		wrote := &sent{row: op.Row, set: op.Set, stored: row, parts: op.taken}
		if op.Kind == Insert {
			wrote.set = op.Table.plan.All()
		}
		for _, p := range next.parts {
			p.tied().over = wrote
			if w.journal != nil {
				p.base, p.named.after = p.overtaken(), ""
				w.keep(p)
			}
		}
	case op.plain():
		op.parts[0].exhaust(op)
	}
}

// plain reports whether the operation is one save, and was nothing else meanwhile.
func (o *Op) plain() bool {
	if o.Kind != Update || o.trouble != nil || o.group != nil || len(o.taken) != 1 || len(o.parts) != 1 {
		return false
	}
	p := o.parts[0]
	return p == o.first[0] && p.ties == nil && p.named == nil
}

// compare finds what the database does not hold as asked.
func compare(p *part, op *Op, row any, o *outcome) error {
	plan := op.Table.plan
	x := p.except
	if x == nil {
		x = &exceptions{}
	}
	if !x.superseded.Empty() {
		o.supersede(x.superseded)
	}
	asked := p.asked.Without(x.superseded)
	asked = asked.Without(x.dropped)
	asked = asked.Without(x.written)
	var adjusted Columns
	if !op.noted {
		adjusted = plan.DiffIn(row, p.row, asked)
	}
	if !adjusted.Empty() {
		o.adjust(adjusted)
	}
	overridden := adjusted
	for i := range adjusted.All() {
		if f := &plan.Fields()[i]; !f.Exact() || f.Merge != rowmap.MergeAsk {
			overridden.Clear(i)
		}
	}
	if len(x.lost) == 0 && x.skipped.Empty() && overridden.Empty() && x.dropped.Empty() {
		return nil
	}
	e := &PartialError{Table: op.Table.Name, Fields: x.lost}
	add := func(columns Columns, why Reason) {
		for i := range columns.All() {
			e.Fields = append(e.Fields, FieldOutcome{
				Field: plan.Fields()[i].Name, Sent: plan.Value(p.typed, i), Stored: plan.Value(row, i), Reason: why,
			})
		}
	}
	add(x.skipped, ReadOnlyField)
	add(overridden, Overridden)
	add(x.dropped, TheirsWon)
	return e
}

// created gives a record its key.
func (w *Writer) created(op *Op, row any) {
	r := op.record
	for _, p := range op.parts {
		p.box.created = true
	}
	for b := range r.boxes {
		b.created = true
	}
	key, err := op.parts0().box.keyOf(row)
	if err != nil {
		w.options.log.Error("edit: no key for a new record", "table", op.Table.Name, "err", err)
		return
	}
	r.key = key
	w.keepChildren(op)
	at := recordKey{op.Table, key}
	old := w.records[at]
	if old == nil || old == r {
		w.records[at] = r
		return
	}
	// Someone has found the row already: the sessions are on one record from
	// now on.
	for b := range old.boxes {
		b.record = r
		r.boxes[b] = struct{}{}
		b.put(parcel{kind: changed, row: row, origin: Local, at: time.Now()})
	}
	old.boxes = make(map[*inbox]struct{})
	if old.next != nil && r.next == nil {
		old.next.record, r.next, old.next = r, old.next, nil
	}
	if old.inflight != nil && r.inflight == nil {
		// What it leaves is the newest known row of both.
		old.inflight.record, r.inflight, old.inflight = r, old.inflight, nil
	}
	w.records[at] = r
}

// keepChildren has the outbox know the key of a new record where it is referred
// to: what makes the record is about to be dropped there.
func (w *Writer) keepChildren(op *Op) {
	if w.journal == nil {
		return
	}
	for q := range w.queue.all() {
		for _, p := range q.parts {
			for _, l := range p.links() {
				if l.parent.record == op.record {
					w.keep(p)
					break
				}
			}
		}
	}
}

// refuse ends the saves that a merge found in conflict.
func (w *Writer) refuse(op *Op) {
	for _, p := range op.refused() {
		err := fmt.Errorf("%w: it shares a row of %s with a save of a group", ErrDependency, op.Table.Name)
		if p.except != nil && p.except.conflict != nil {
			w.stats.Conflicts++
			err = p.except.conflict
		}
		w.finish(p, outcome{}, err, parcel{kind: refused, row: op.latest, origin: p.origin})
	}
	if op.trouble != nil {
		op.trouble.refused = nil
	}
}

// vanish tells that the row of an update is gone.
func (w *Writer) vanish(op *Op) {
	r := op.record
	r.lost()
	w.refuse(op)
	for _, p := range op.parts {
		w.stats.Conflicts++
		w.finish(p, outcome{}, gone(op.Table, r.key), parcel{kind: vanished})
	}
	r.tell(parcel{kind: vanished, at: time.Now()})
	w.strand(r)
}

func gone(t *Table, key any) error { return &ConflictError{Table: t.Name, Key: key, Deleted: true} }

// strand ends what waits for a row that is gone.
func (w *Writer) strand(r *record) {
	op := r.next
	if op == nil || op.Kind == Insert {
		return
	}
	w.remove(op)
	broken := slices.ContainsFunc(op.parts, func(p *part) bool { return p.kind != Delete && p.grouped() })
	for _, p := range op.parts {
		if p.kind == Delete {
			w.finish(p, outcome{kind: Deleted, key: r.key}, nil, parcel{kind: vanished, origin: Local})
			continue
		}
		w.finish(p, outcome{}, gone(op.Table, r.key), parcel{kind: vanished})
	}
	switch {
	case broken:
		w.breakGroup(op)
	case op.group != nil:
		op.group.leave(op)
	}
}

// conflict ends an operation that cannot be merged with the row, or sends it
// again if it can.
func (w *Writer) conflict(op *Op, o Outcome) {
	r := op.record
	if o.Row != nil {
		if o.Row != r.base {
			r.learn(o.Row)
			r.writer = nil
			w.moved(r)
			r.tell(parcel{kind: changed, row: o.Row, at: time.Now()})
			r.saw(always, append(slices.Clone(op.parts), op.refused()...)...)
		}
	}
	if len(op.parts) > 0 && op.troubled().rebases < maxRebases {
		op.trouble.rebases++
		w.refuse(op)
		w.requeue(op)
		return
	}
	op.refuse(op.parts...)
	for _, p := range op.parts {
		if x := p.excepted(); x.conflict == nil {
			x.conflict = &ConflictError{Table: op.Table.Name, Key: r.key}
		}
	}
	op.parts = nil
	w.refuse(op)
}

// fail ends an operation that the database will refuse again.
func (w *Writer) fail(op *Op, err error) {
	w.refuse(op)
	w.failNext(op, err)
	for _, p := range op.parts {
		w.finish(p, outcome{}, err, parcel{kind: refused})
	}
}

// failNext ends what waits behind an operation that failed, unless it changes
// what made that fail.
func (w *Writer) failNext(op *Op, err error) {
	next := op.record.next
	if next == nil {
		return
	}
	plan := op.Table.plan
	for _, p := range append([]*part(nil), next.parts...) {
		if p.ended { // with its group
			continue
		}
		if p.kind == Delete && op.Kind != Insert {
			continue
		}
		if p.kind != Delete {
			culprit := plan.Writable()
			var c *ConstraintError
			if errors.As(err, &c) && len(c.Fields) > 0 {
				culprit = Columns{}
				for _, name := range c.Fields {
					if i, ok := plan.Index(name); ok {
						culprit.Set(i)
					}
				}
			}
			if d := plan.DiffIn(p.row, op.Row, culprit); !d.Empty() && errors.Is(err, ErrConstraint) {
				if op.Kind == Insert {
					p.kind, next.Kind, p.base = Insert, Insert, nil
					p.set = p.set.Or(op.Set)
					p.asked = p.set
					p.box.made = p.id()
					if p.named != nil {
						p.named.after = ""
					}
					w.keep(p)
				}
				continue
			}
		}
		w.drop(p, err)
	}
}

// stopped reports whether the writer was stopped: what has no outcome for that
// reason is left over, and has not failed.
func (w *Writer) stopped() bool { return w.lifetime.Err() != nil }

// retry sends an operation again after a pause, a number of times.
func (w *Writer) retry(op *Op, now time.Time, err error) {
	if op.attempts >= w.options.tries && !w.stopped() {
		w.fail(op, errors.Join(ErrRetriesExhausted, err))
		return
	}
	w.stats.Retries++
	op.troubled().notBefore = now.Add(w.jitter(op.attempts))
	w.requeue(op)
}

// retryUntil sends an operation again after a pause, for a time.
func (w *Writer) retryUntil(op *Op, now time.Time, err error) {
	if now.Sub(op.first[0].queued()) >= w.options.patience && !w.stopped() {
		w.fail(op, errors.Join(ErrRetriesExhausted, err))
		return
	}
	w.stats.Retries++
	op.troubled().notBefore = now.Add(w.jitter(max(op.attempts, 1)))
	w.requeue(op)
}

// postpone keeps an operation under way whose outcome is not known, until it
// can be looked up.
func (w *Writer) postpone(op *Op, now time.Time, err error) {
	if now.Sub(op.first[0].queued()) >= w.options.patience && !w.stopped() {
		w.fail(op, errors.Join(ErrOutcomeUnknown, err))
		return
	}
	op.record.inflight = op
	op.slow = false
	w.push(op)
}

// push puts an operation at the head of the queue.
func (w *Writer) push(op *Op) {
	w.queue.prepend(op)
	w.bytes += op.bytes
}

// requeue puts an operation back, before what came after it, which joins it.
func (w *Writer) requeue(op *Op) {
	r := op.record
	next := r.next
	r.next = op
	w.push(op)
	if next == nil {
		return
	}
	if w.queue.remove(next) {
		w.bytes -= next.bytes
	}
	if g := next.group; g != nil {
		g.leave(next)
		g.adopt(op)
	}
	for _, p := range next.parts {
		w.join(op, p)
	}
}

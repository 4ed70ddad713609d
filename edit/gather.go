package edit

import (
	"fmt"
	"time"
)

// gather takes the next batch of a lane out of the queue. When there is
// nothing to send now, it returns when there will be; a zero time means that
// nothing waits in this lane.
func (w *Writer) gather(slow bool, now time.Time) (batch []*Op, wakeAt time.Time) {
	w.dropOrphans() // a parent may have been taken back
	if !w.outage.since.IsZero() && now.Before(w.outage.until) {
		if w.queue.has(slow) {
			return nil, w.outage.until
		}
		return nil, time.Time{}
	}
	rows, bytes := w.options.batchRows, w.options.batchBytes
	if slow || !w.outage.since.IsZero() {
		rows = 1 // a probe, or a row that nothing else should wait for
	}
	if n := min(rows, w.queue.len); n > 1 {
		batch = make([]*Op, 0, n)
	}
	var taken map[*group]bool
	var alone [1]*Op
	size := 0
	for op := range w.queue.all() {
		if op.slow != slow || op.group != nil && taken[op.group] {
			continue
		}
		alone[0] = op
		members := alone[:]
		if op.group != nil {
			members = op.group.ops
		}
		ready, at := w.ready(members, now)
		if !ready {
			if !at.IsZero() && (wakeAt.IsZero() || at.Before(wakeAt)) {
				wakeAt = at
			}
			continue
		}
		more := 0
		for _, m := range members {
			more += m.bytes
		}
		if len(batch) > 0 && (len(batch)+len(members) > rows || size+more > bytes) {
			break
		}
		if op.group != nil {
			if taken == nil {
				taken = make(map[*group]bool)
			}
			taken[op.group] = true
		}
		batch = append(batch, members...)
		size += more
	}
	w.take(batch, now, slow)
	return batch, wakeAt
}

// take marks a batch as sent.
func (w *Writer) take(batch []*Op, now time.Time, slow bool) {
	if len(batch) == 0 {
		return
	}
	for _, op := range batch {
		w.queue.remove(op)
		w.bytes -= op.bytes
		r := op.record
		if r.next == op {
			r.next = nil
		}
		r.inflight, r.heldBefore = op, true
		op.latest, op.whole = r.base, !r.given
		op.taken = op.parts
		for _, p := range op.parts {
			p.origin = p.box.origin()
		}
		w.link(op)
	}
	w.lane(slow).batch = batch
	w.freed()
	w.stats.Sent += uint64(len(batch))
	w.stats.LastSent = now
}

// ready reports whether all of the operations can be sent now, and else when
// it may be so. A zero time means that only the end of another operation can
// make it so.
func (w *Writer) ready(members []*Op, now time.Time) (bool, time.Time) {
	var at time.Time
	ready := true
	for _, m := range members {
		switch {
		case m.record.inflight != nil && m.record.inflight != m || w.waits(m, members) || w.unkept(m):
			return false, time.Time{}
		case m.trouble != nil && now.Before(m.trouble.notBefore):
			ready = false
			if m.trouble.notBefore.After(at) {
				at = m.trouble.notBefore
			}
		}
	}
	return ready, at
}

// waits reports whether an operation needs another that is not with it: that
// which inserts its parent, or that which deletes the row whose key it takes.
func (w *Writer) waits(op *Op, with []*Op) bool {
	for _, p := range op.parts {
		for _, l := range p.links() {
			if l.parent.created {
				continue
			}
			// Both stand there where one that is to be looked up has been joined.
			next, inflight := l.parent.record.next, l.parent.record.inflight
			together := false
			for _, m := range with {
				together = together || m == next || m == inflight
			}
			if !together && (next != nil || inflight != nil) {
				return true
			}
		}
	}
	if op.Kind == Insert && op.record.key != nil {
		if r := w.records[recordKey{op.Table, op.record.key}]; r != nil && r != op.record && (r.inflight != nil || r.next != nil) {
			return true
		}
	}
	return false
}

// link gives the columns that refer to new records their values, or tells the
// store from which operation they come.
func (w *Writer) link(op *Op) {
	op.Links = nil
	for _, p := range op.parts {
		for _, l := range p.links() {
			parent := l.parent
			switch {
			case parent.created:
				p.unshare()
				key := parent.table.keyParts(parent.record.base)
				if len(key) == 1 && op.Table.plan.SetValue(p.row, l.column, key[0]) == nil {
					p.set.Set(l.column)
				}
			case parent.record.inflight != nil:
				p.unshare()
				op.Links = append(op.Links, Link{Column: l.column, Parent: parent.record.inflight})
			case parent.record.next != nil: // of the same group, taken a moment later
				p.unshare()
				op.Links = append(op.Links, Link{Column: l.column, Parent: parent.record.next})
			}
		}
	}
}

// dropOrphans ends saves whose parent was not saved: they cannot be sent any more.
func (w *Writer) dropOrphans() {
	for lost := w.orphans(); len(lost) > 0; lost = w.orphans() {
		for _, p := range lost { // of one group, the first takes the others with it
			w.drop(p, fmt.Errorf("%w: parent", ErrDependency))
		}
	}
}

// orphans are the saves whose parent was not saved. Those that may have been done are
// looked up first.
func (w *Writer) orphans() []*part {
	if w.linked == 0 {
		return nil
	}
	var lost []*part
	for op := range w.queue.all() {
		if op.record.next != op {
			continue // it may have been done, and is looked up
		}
		for _, p := range op.parts {
			for _, l := range p.links() {
				r := l.parent.record
				if !l.parent.created && r.next == nil && r.inflight == nil {
					lost = append(lost, p)
					break
				}
			}
		}
	}
	return lost
}

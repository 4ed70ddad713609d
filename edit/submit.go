package edit

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// admission is how a save is accepted.
type admission struct {
	try  bool // without waiting for room in the queue
	here bool // the caller waits for the end, whatever its context does, and may as well send the save
}

// submit accepts a save. It returns errAgain when something happened to the
// session that it has not looked at yet.
func (w *Writer) submit(ctx context.Context, p *part, how admission) error {
	w.stateMu.Lock()
	for {
		if err := w.admit(p); err != nil || w.fits(p) {
			var own []*Op
			if err == nil {
				own = w.accept(p, how.here)
			}
			w.stateMu.Unlock()
			if len(own) > 0 {
				w.sendHere(own)
			}
			return err
		}
		if how.try {
			w.stateMu.Unlock()
			return ErrQueueFull
		}
		space := w.room()
		w.stateMu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
			return ctx.Err()
		}
		w.stateMu.Lock()
	}
}

// submitGroup accepts saves that are done all or none.
func (w *Writer) submitGroup(ctx context.Context, parts []*part) error {
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	for _, p := range parts {
		if err := w.admit(p); err != nil {
			return err
		}
	}
	for !w.fits(parts...) {
		space := w.room()
		w.stateMu.Unlock()
		select {
		case <-space:
			w.stateMu.Lock()
		case <-ctx.Done():
			w.stateMu.Lock()
			return ctx.Err()
		}
		for _, p := range parts {
			if err := w.admit(p); err != nil {
				return err
			}
		}
	}
	w.groups++
	g := &group{id: w.groups}
	for _, p := range parts { // those before may refer to those behind
		w.name(p)
		if p.kind == Insert {
			p.box.made = p.id()
		}
	}
	for _, p := range parts {
		p.tied().group = g
		w.accept(p, false)
	}
	return nil
}

// again tells a session that it must look into its inbox first.
type again struct{}

func (again) Error() string { return "edit: something happened meanwhile" }

var errAgain error = again{}

// admit checks whether a save can be accepted at all.
func (w *Writer) admit(p *part) error {
	r := p.box.record
	switch {
	case w.closing:
		return ErrClosed
	case w.journal != nil && !p.replay && !w.journal.admits(p.table()):
		return ErrNotReplayed
	case len(p.box.parcels) > 0 && !p.replay:
		return errAgain
	case p.orphaned():
		return fmt.Errorf("%w: the record that it refers to is new and is not being saved", ErrDependency)
	case r.next != nil && r.next.Kind == Delete && p.kind != Delete,
		r.inflight != nil && r.inflight.Kind == Delete && p.kind != Insert:
		return &ConflictError{Table: p.table().Name, Key: r.key, Deleted: true, Origin: Local}
	case p.table().strict || p.policy.kind == strictly:
		if e := r.overlap(p); e != nil {
			return e
		}
	}
	return nil
}

// overlap returns a conflict with a save of another session that is under way.
func (r *record) overlap(p *part) error {
	var others []*part
	if r.inflight != nil {
		others = append(others, r.inflight.taken...)
	}
	if r.next != nil {
		others = append(others, r.next.parts...)
	}
	for _, other := range others {
		if other.kind == Delete || p.kind == Delete || other.box == p.box {
			continue
		}
		both := p.set.And(other.asked)
		if p.policy.kind != strictly {
			both = p.table().plan.DiffIn(p.row, other.typed, both)
		}
		if !both.Empty() {
			return conflictError(p.table(), r.key, p.base, p.row, other.typed, both, Local)
		}
	}
	return nil
}

// fits reports whether there is room for saves. One that joins an operation
// that waits already is no operation more, and an empty queue takes anything.
func (w *Writer) fits(parts ...*part) bool {
	ops, bytes := 0, 0
	for _, p := range parts {
		bytes += p.size()
		if p.box.record.next == nil {
			ops++
		}
	}
	return w.queue.len == 0 || (ops == 0 || w.queue.len+ops <= w.options.queueOps) && w.bytes+bytes <= w.options.queueBytes
}

// size estimates the bytes of the values of a save, once.
func (p *part) size() int {
	if p.bytes == 0 {
		p.bytes = 64
		if p.row != nil {
			p.bytes += p.table().plan.Size(p.row, p.set)
		}
	}
	return p.bytes
}

// accept puts a save into the queue and sees to it that it is sent. If the caller
// may do that, and nobody else does, it gets the batch to send.
func (w *Writer) accept(p *part, here bool) []*Op {
	op := w.add(p)
	switch {
	case op == nil:
		return nil
	case here && !op.slow && w.mayLend():
		return w.lend()
	}
	w.start(op.slow)
	return nil
}

// add puts a save into the queue, or into the operation of its record that
// waits there already, which it returns unless there is nothing to send.
func (w *Writer) add(p *part) *Op {
	r := p.box.record
	p.pending.outcome.queued = time.Now()
	p.box.open++
	w.stats.Accepted++
	if len(p.links()) > 0 {
		w.linked++
	}
	if made := r.making(p.box); made != nil {
		if w.named {
			p.naming().after = made.id()
		}
		if p.kind == Insert {
			// The row is being made: this changes it.
			p.kind, p.base = Update, made.typed
			p.set = p.table().plan.DiffIn(p.row, p.base, p.set)
		}
	}
	op := r.next
	if op == nil {
		op = p.operation()
		op.Table, op.Kind, op.record, op.unknown = p.table(), p.kind, r, p.replay
		op.parts = op.first[:0]
		if p.replay && r.inflight == nil {
			// It may have been done, and is looked up first. Saves that come
			// meanwhile have no part in what is found out: they wait behind it.
			r.inflight = op
		} else {
			r.next = op
		}
		w.queue.append(op)
	} else {
		w.stats.Coalesced++
	}
	p.show()
	w.join(op, p)
	if p.ended {
		return nil
	}
	if r.inflight == op {
		op.taken = op.parts
	}
	if old := p.replaced(); old != nil && p.group() == nil && old.group() == nil {
		if w.named { // takes its place in the outbox, too
			p.naming().id, p.named.since = old.named.id, old.named.since
		}
	}
	w.name(p)
	if p.kind == Insert {
		p.box.made = p.id()
	}
	if w.journal != nil && !p.replay {
		p.pending.kept = make(chan struct{})
		w.keep(p)
	}
	return op
}

// making returns the save of a session that makes the record, if that is under
// way.
func (r *record) making(b *inbox) *part {
	if r.inflight == nil || r.inflight.Kind != Insert {
		return nil
	}
	for _, p := range r.inflight.taken {
		if p.box == b {
			return p
		}
	}
	return nil
}

// join adds a save to an operation that has not been sent.
func (w *Writer) join(op *Op, p *part) {
	if g := p.group(); g != nil {
		g.adopt(op)
	}
	for q := range p.all { // those that were replaced are kept until they have ended
		op.bytes += q.size()
		w.bytes += q.size()
	}
	for i, old := range op.parts {
		if old.box == p.box {
			earliest := p // of those that have gathered behind old while that was under way
			for earliest.replaced() != nil {
				earliest = earliest.replaced()
			}
			earliest.tied().replaced = old
			op.parts = append(op.parts[:i:i], op.parts[i+1:]...)
			break
		}
	}
	switch {
	case op.Kind == Insert && p.kind == Delete:
		// The row is not there, and need not be.
		op.parts = append(op.parts, p)
		w.remove(op)
		if op.group != nil {
			op.group.leave(op)
		}
		for _, q := range op.parts {
			w.finish(q, outcome{kind: Deleted}, nil, parcel{kind: vanished, origin: Local})
		}
		return
	case p.kind == Delete:
		op.Kind = Delete
	case op.Kind == Insert && p.kind == Update:
		// The row that this changes was not made after all.
		p.kind, p.base = Insert, nil
		p.set = p.set.Or(op.parts0().asked)
		p.asked = p.set
	case p.kind == Insert:
		op.Kind = Insert
	}
	op.parts = append(op.parts, p)
}

// remove takes an operation out of the queue.
func (w *Writer) remove(op *Op) {
	if w.queue.remove(op) {
		w.bytes -= op.bytes
		w.freed()
	}
	if op.record.next == op {
		op.record.next = nil
	}
	w.forget(op.record)
}

// room is closed when operations leave the queue.
func (w *Writer) room() <-chan struct{} {
	if w.space == nil {
		w.space = make(chan struct{})
	}
	return w.space
}

// freed wakes those who wait for room.
func (w *Writer) freed() {
	if w.space != nil {
		close(w.space)
		w.space = nil
	}
}

// withdraw takes back a save that was not sent yet, and returns false if it
// was.
func (w *Writer) withdraw(p *part) bool {
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	if !w.takeBack(p) {
		return false
	}
	w.dropKept(p)
	p.box.open--
	w.resolve(p, outcome{}, ErrWithdrawn)
	w.stats.Withdrawn++
	return true
}

// takeBack takes a save out of the queue, where the one that it took the place
// of comes back. It returns false if the save was sent.
func (w *Writer) takeBack(p *part) bool {
	op := p.box.record.next
	if op == nil || p.group() != nil {
		return false
	}
	for i, q := range op.parts {
		if q != p {
			continue
		}
		if old := p.replaced(); old != nil {
			op.parts = slices.Clone(op.parts)
			op.parts[i], p.ties.replaced = old, nil
			if p.named != nil && old.id() == p.id() {
				p.named.lent = true
				w.keep(old)
			}
		} else {
			op.parts = append(op.parts[:i:i], op.parts[i+1:]...)
		}
		if len(op.parts) == 0 {
			w.remove(op)
			return true
		}
		op.Kind = op.parts[len(op.parts)-1].kind
		op.bytes -= p.size()
		w.bytes -= p.size()
		w.freed()
		return true
	}
	return false
}

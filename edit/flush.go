package edit

import (
	"context"
	"errors"
	"slices"
	"time"
)

// start makes sure that a goroutine sends what waits in a lane.
func (w *Writer) start(slow bool) {
	l := w.lane(slow)
	if l.running {
		select {
		case l.wake <- struct{}{}:
		default:
		}
		return
	}
	l.running = true
	w.lanes.Go(func() { w.run(l, slow) })
}

func (w *Writer) lane(slow bool) *lane {
	if slow {
		return &w.slow
	}
	return &w.fast
}

// mayLend reports whether the lane of the usual operations is idle, and a batch
// can be sent by someone else than its goroutine: nothing has to be waited for,
// nobody observes, who is told on that goroutine, where the caller may hold what the
// observer needs, and no ledger is to be tidied there.
func (w *Writer) mayLend() bool {
	return !w.fast.running && !w.named && w.options.linger == 0 && w.options.observe == nil && w.lifetime.Err() == nil
}

// lend takes the next batch out of the queue for a caller to send, who has the
// lane until sendHere. It returns nil if there is nothing to send now: then the
// lane's goroutine sees to it.
func (w *Writer) lend() []*Op {
	batch, _ := w.gather(false, time.Now())
	if len(batch) == 0 {
		w.start(false)
		return nil
	}
	w.fast.running = true
	w.lanes.Add(1)
	return batch
}

// sendHere sends a batch on the goroutine of a caller. What has come meanwhile
// is for the lane's own.
func (w *Writer) sendHere(batch []*Op) {
	defer w.lanes.Done()
	returned := false
	defer func() {
		if !returned {
			// A method of a value panicked, and the caller may go on after that:
			// what was sent has to be looked up.
			for _, op := range batch {
				op.tell(Outcome{State: Unknown, Err: errNoOutcome})
			}
			w.settle(&w.fast, batch, len(batch), time.Now())
		}
		w.stateMu.Lock()
		defer w.stateMu.Unlock()
		w.fast.running = false
		if w.queue.has(false) {
			w.start(false)
		}
	}()
	w.flush(&w.fast, batch)
	returned = true
}

// run sends batches until there is nothing left to send.
func (w *Writer) run(l *lane, slow bool) {
	if d := w.options.linger; d > 0 && !slow {
		w.pause(l, time.Now().Add(d), true)
	}
	for {
		w.stateMu.Lock()
		var batch []*Op
		var wakeAt time.Time
		if w.lifetime.Err() == nil {
			batch, wakeAt = w.gather(slow, time.Now())
		}
		if len(batch) == 0 && wakeAt.IsZero() {
			l.running = false
			w.stateMu.Unlock()
			return
		}
		w.stateMu.Unlock()
		if len(batch) == 0 {
			w.pause(l, wakeAt, false)
			continue
		}
		w.flush(l, batch)
		if !slow {
			w.tidy()
		}
	}
}

// pause waits for a time or for something new.
func (w *Writer) pause(l *lane, until time.Time, whole bool) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case <-w.lifetime.Done():
			return
		case <-l.wake:
			if !whole {
				return
			}
		}
	}
}

// within returns the context of a batch. Those of a lane, which sends one after the
// other, share one for a while: a timer for each would cost a single save a tenth
// of its time.
func (w *Writer) within(l *lane, now time.Time) context.Context {
	if timeout := w.options.timeout; l.within == nil || l.until.Sub(now) < timeout {
		if l.end != nil {
			l.end()
		}
		l.until = now.Add(timeout + timeout/8)
		l.within, l.end = context.WithDeadline(w.lifetime, l.until)
	}
	return l.within
}

// flush sends one batch and deals with what becomes of it.
func (w *Writer) flush(l *lane, batch []*Op) {
	began := time.Now()
	ctx := w.within(l, began)
	send := make([]*Op, 0, len(batch))
	for _, op := range batch {
		op.outcome = nil
		if op.unknown {
			if op.Row == nil && op.Base == nil {
				op.recall()
			}
			op.tell(w.lookUp(ctx, op))
			continue
		}
		if gone := w.lookAgain(ctx, op); gone != nil {
			op.tell(*gone)
			continue
		}
		op.compose()
		switch {
		case len(op.parts) == 0:
			op.tell(Outcome{State: Conflicting, Row: op.latest})
		case op.Kind == Update && op.Set.Empty() && len(op.Links) == 0:
			op.tell(Outcome{State: Done, Row: op.latest})
		default:
			op.attempts++
			if w.named {
				op.troubled().sentAs = op.Saves()
			}
			send = append(send, op)
		}
	}
	lookedUp(batch)
	send = whole(batch, send)
	arrange(send)
	if len(send) > 0 {
		outcomes := w.apply(ctx, send)
		for i, op := range send {
			op.outcome = &outcomes[i]
		}
	}
	together(batch)
	w.settle(l, batch, len(send), began)
}

// lookAgain reads the row of an operation whose saves were made on another row
// than the newest known one, if the caller of a session has brought that: it may
// be older than it seems, or lack columns, and a merge with it would make
// conflicts that are none, or find done what is not. It returns an outcome if
// there is no row to go on with.
func (w *Writer) lookAgain(ctx context.Context, op *Op) *Outcome {
	other := func(p *part) bool { return p.base != op.latest }
	if op.whole || op.Kind == Insert || op.latest == nil || !slices.ContainsFunc(op.parts, other) {
		return nil
	}
	row, err := w.store.Read(ctx, op.Table, op.Table.keyParts(op.latest))
	switch {
	case err != nil:
		return &Outcome{State: Unavailable, Err: err}
	case row == nil:
		return &Outcome{State: Absent}
	}
	op.latest, op.whole = row, true
	return nil
}

// tell notes what became of the operation in this batch.
func (o *Op) tell(outcome Outcome) { o.outcome = &outcome }

// apply calls the store, and makes sure that there is an outcome for each.
func (w *Writer) apply(ctx context.Context, send []*Op) []Outcome {
	outcomes := w.store.Apply(ctx, send)
	for len(outcomes) < len(send) {
		outcomes = append(outcomes, Outcome{State: Unknown, Err: errNoOutcome})
	}
	return outcomes[:len(send)]
}

var errNoOutcome = errors.New("edit: store returned no outcome")

// whole takes groups out of what is sent of which a member cannot be, or not yet.
func whole(batch, send []*Op) []*Op {
	all := fates(batch)
	if len(all) == 0 {
		return send
	}
	kept := send[:0]
	for _, op := range send {
		switch f := all[op.Group]; {
		case f != nil && f.refused:
			op.tell(Outcome{State: Failed, Err: ErrDependency})
		case f != nil && (f.again || f.unknown):
			op.tell(Outcome{State: Skipped})
		default:
			kept = append(kept, op)
		}
	}
	return kept
}

// settle tells everyone what became of a batch.
func (w *Writer) settle(l *lane, batch []*Op, sentRows int, began time.Time) {
	var events []Event
	now := time.Now()
	f := &flight{rows: sentRows, sent: began, acked: now}
	w.stateMu.Lock()
	l.batch, w.settling = nil, true
	w.stats.flush(sentRows, now.Sub(began))
	w.weather(batch, now)
	for _, op := range batch {
		o := op.outcome
		op.outcome = nil
		event := w.end(op, *o, f)
		if w.options.observe != nil {
			events = append(events, event)
		}
	}
	w.dropOrphans()
	// What ended may have been what the other lane waits for.
	for _, slow := range []bool{false, true} {
		if w.queue.has(slow) {
			w.start(slow)
		}
	}
	w.settling = false
	for _, p := range w.awaited {
		p.wake()
	}
	clear(w.awaited)
	w.awaited = w.awaited[:0]
	w.stateMu.Unlock()
	for _, e := range events {
		w.options.observe(e)
	}
}

// drop fails one save that waits in the queue, and with it what is done together with
// that.
func (w *Writer) drop(p *part, err error) {
	if p.ended {
		return
	}
	op, grouped := p.box.record.next, p.grouped()
	for i, q := range op.parts {
		if q == p {
			op.parts = append(op.parts[:i:i], op.parts[i+1:]...)
			break
		}
	}
	if len(op.parts) == 0 {
		w.remove(op)
	} else {
		op.Kind = op.parts0().kind
	}
	w.finish(p, outcome{}, err, parcel{kind: refused})
	if grouped {
		w.breakGroup(op)
	}
}

// weather keeps track of whether the database can be reached.
func (w *Writer) weather(batch []*Op, now time.Time) {
	away, answered := false, false
	for _, op := range batch {
		switch op.outcome.State {
		case Unavailable:
			away = true
		case Skipped, Unknown:
		default:
			answered = true
		}
	}
	switch {
	case answered:
		w.outage = outage{}
	case away:
		if w.outage.since.IsZero() {
			w.outage.since = now
		}
		w.outage.fails++
		w.outage.until = now.Add(w.jitter(w.outage.fails))
	}
}

// jitter is a random part of a pause that doubles with each attempt.
func (w *Writer) jitter(attempt int) time.Duration {
	pause := w.options.firstPause
	for range attempt - 1 {
		if pause *= 2; pause >= w.options.lastPause {
			pause = w.options.lastPause
			break
		}
	}
	return time.Duration(w.options.chance(int64(max(pause, 1))))
}

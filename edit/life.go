package edit

import (
	"context"
)

// Flush waits until all saves that were accepted before the call have ended,
// well or not.
func (w *Writer) Flush(ctx context.Context) error {
	w.stateMu.Lock()
	waiting := w.waiting()
	w.stateMu.Unlock()
	return await(ctx, waiting)
}

func (w *Writer) waiting() []*pending {
	var all []*pending
	for op := range w.queue.all() {
		all = append(all, pendings(op.parts)...)
	}
	for _, l := range []*lane{&w.fast, &w.slow} {
		for _, op := range l.batch {
			all = append(all, pendings(op.taken)...)
		}
	}
	return all
}

// pendings are what saves come to, and those that they replaced.
func pendings(parts []*part) []*pending {
	var all []*pending
	for _, p := range parts {
		for q := range p.all {
			all = append(all, q.pending)
		}
	}
	return all
}

// settled waits until the saves of a record that were accepted before the call
// have ended.
func (w *Writer) settled(ctx context.Context, key recordKey) error {
	w.stateMu.Lock()
	var waiting []*pending
	if r := w.records[key]; r != nil {
		if r.next != nil {
			waiting = pendings(r.next.parts)
		}
		if r.inflight != nil {
			waiting = append(waiting, pendings(r.inflight.taken)...)
		}
	}
	w.stateMu.Unlock()
	return await(ctx, waiting)
}

func await(ctx context.Context, saves []*pending) error {
	for _, p := range saves {
		if p.ended() {
			continue
		}
		select {
		case <-p.end():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Shutdown accepts no more saves and waits until all have ended. When the
// context ends first, it stops what is under way and returns an
// [*UnflushedError] with what was not written; those saves end with ErrClosed,
// or with ErrKept if the outbox has them.
func (w *Writer) Shutdown(ctx context.Context) error {
	w.stateMu.Lock()
	w.closing = true
	w.freed()
	w.stateMu.Unlock()
	err := w.Flush(ctx)
	w.cancel()
	w.lanes.Wait()
	if w.journal != nil {
		w.journal.last <- struct{}{} // of several who shut down
		w.runJournal()
		<-w.journal.last
	}
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	w.closed = true
	if w.journal != nil {
		w.journal.closing = true
	}
	var left []UnsavedOp
	for op := w.queue.head; op != nil; op = w.queue.head {
		w.remove(op)
		if op.record.inflight == op {
			op.record.inflight = nil
		}
		why := ErrClosed
		kept := w.journal != nil && !w.unkept(op)
		switch {
		case kept:
			why = ErrKept
		case op.unknown:
			why = ErrOutcomeUnknown
		}
		u := unsaved(op)
		u.Kept = kept
		left = append(left, u)
		for _, p := range op.parts {
			w.finish(p, outcome{}, why, parcel{kind: refused})
		}
	}
	if len(left) == 0 {
		return nil
	}
	return &UnflushedError{Ops: left, Err: err}
}

// Close is Shutdown without waiting: what is under way is stopped.
func (w *Writer) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return w.Shutdown(ctx)
}

// unsaved describes an operation, for someone who wants to keep it elsewhere.
func unsaved(op *Op) UnsavedOp {
	u := UnsavedOp{Table: op.Table.Name, Kind: op.Kind, Key: op.record.key}
	if op.trouble != nil {
		u.Err = op.trouble.lastErr
	}
	if op.Kind == Delete {
		return u
	}
	u.Values = make(map[string]any)
	for _, p := range op.parts {
		for i := range p.set.All() {
			u.Values[op.Table.plan.Fields()[i].Name] = op.Table.plan.Value(p.row, i)
		}
	}
	return u
}

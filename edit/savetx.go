package edit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// TxStore is a [Store] that can work in a transaction of the caller.
type TxStore interface {
	// ApplyTx is Apply within a transaction that is not its own: it neither
	// commits nor rolls back. What it could not do leaves no trace in the
	// transaction, which can go on.
	ApplyTx(ctx context.Context, tx *sql.Tx, ops []*Op) []Outcome
}

// SaveTx writes what was changed in a transaction of the caller, at once. The
// session stays as it is until the caller has committed and told so by
// [RecordEdit.Committed]. It does not go together with saves that are under
// way.
func (e *RecordEdit[K, T]) SaveTx(ctx context.Context, tx *sql.Tx) (Result[K, T], error) {
	store, ok := e.s.writer.store.(TxStore)
	if !ok {
		return Result[K, T]{}, fmt.Errorf("edit: %s: the store knows no transactions of others", e.s.table.Name)
	}
	e.s.settle()
	if len(e.s.saves) > 0 {
		return Result[K, T]{}, fmt.Errorf("edit: %s: a save is under way", e.s.table.Name)
	}
	p, done := e.s.build(Update)
	if done != nil {
		return typed(e.editor, done)
	}
	if len(p.links()) > 0 {
		return Result[K, T]{}, fmt.Errorf("%w: the record that it refers to is new", ErrDependency)
	}
	p.held = p.typed
	queued := time.Now()
	key := e.s.key()
	op := &Op{Table: e.s.table, Kind: p.kind, record: e.s.box.record, parts: []*part{p}, taken: []*part{p}, latest: p.base, attempts: 1}
	op.compose()
	got := store.ApplyTx(ctx, tx, []*Op{op})[0]
	if got.State != Done {
		return Result[K, T]{}, e.s.refusedInTx(op, got)
	}
	o := outcome{
		kind: Saved, key: key, row: got.Row, before: op.Base, set: p.asked, rebased: p.rebased,
		attempts: 1, queued: queued, flight: &flight{rows: 1, sent: queued, acked: time.Now()},
	}
	var err error
	if op.Kind == Insert {
		if o.key, err = e.editor.keyOf(got.Row); err != nil {
			return Result[K, T]{}, err
		}
		o.kind = Created
	}
	err = compare(p, op, got.Row, &o)
	r, err := typed(e.editor, settled(o, err))
	r.saved = op
	return r, err
}

// refusedInTx makes an error of an outcome, and takes note of a conflict.
func (s *session) refusedInTx(op *Op, o Outcome) error {
	switch {
	case o.State == Absent:
		return gone(s.table, s.key())
	case o.State == Suppressed:
		return ErrSuppressed
	case len(op.refused()) > 0:
		s.theirs, s.origin, s.conflicted = o.Row, Remote, true
		return op.refused()[0].except.conflict
	case o.Err != nil:
		return o.Err
	}
	return fmt.Errorf("edit: %s: %v", s.table.Name, o.State)
}

// Committed takes in a save of [RecordEdit.SaveTx] whose transaction the
// caller has committed.
func (e *RecordEdit[K, T]) Committed(r Result[K, T]) error {
	e.s.settle()
	switch {
	case e.s.closed:
		return ErrClosed
	case r.Kind == Unchanged:
		return nil
	case r.saved == nil || r.saved.taken[0].box != e.s.box:
		return errors.New("edit: not a result of SaveTx of this session")
	}
	w, op, row := e.s.writer, r.saved, r.after
	w.stateMu.Lock()
	record := e.s.box.record
	var later any // what somebody has written since
	if op.Kind != Insert && record.base != nil {
		if newer, _ := op.Table.newer(record.base, row); newer {
			later = record.base
		}
	}
	if later == nil {
		w.moved(record)
		record.learn(row)
		record.writer = e.s.box
		if op.Kind == Insert {
			w.created(op, row)
		}
		record.tell(parcel{kind: changed, row: row, origin: Local, at: time.Now()}, op.taken...)
		if d := e.s.box.display; d != nil {
			d.Show(Saving{Table: op.Table, Kind: op.Kind, Key: record.key, Row: row, Set: r.set}).Saved(record.key, row)
		}
	}
	w.stateMu.Unlock()
	e.s.acknowledge(&parcel{kind: acked, part: op.taken[0], row: row, at: r.Acked})
	if later != nil {
		e.s.absorb(&parcel{kind: changed, row: later, origin: Remote})
	}
	return nil
}

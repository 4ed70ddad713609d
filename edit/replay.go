package edit

import (
	"context"
	"errors"
	"fmt"
)

// Replayable is an [Editor], whose table [Writer.Replay] replays.
type Replayable interface {
	replayable() opening
}

func (d *Editor[K, T]) replayable() opening { return d.opening(opening{}) }

// Replayed is what became of a save that was left in the outbox.
type Replayed struct {
	ID     string
	Table  string
	Kind   OpKind
	Key    any            // nil for a new record that has none
	Values map[string]any // what was to be written
	Result ResultKind     // how it was saved, 0 if it was not
	Err    error          // why not, or in part only; nil if all is as it should be

	part *part
}

// Replay saves what is left in the outbox from before, each save once, and
// returns what became of them in the order in which they were accepted. What
// may have been done already is looked up first; what others have changed since
// is merged, or is a conflict. Saves that are refused stay in the outbox until
// [Writer.Discard]; [Editor.Reopen] makes a session of one.
//
// It needs the editors of all tables: a save of another stays where it is, with
// [ErrSchemaChanged]. Programs that open their tables one after the other call
// [Writer.ReplayTable] for each. The error is that of the outbox or of the
// context; what has not ended then is replayed by another Replay in this process
// or the next one.
func (w *Writer) Replay(ctx context.Context, editors ...Replayable) ([]Replayed, error) {
	if w.journal == nil {
		return nil, nil
	}
	p, err := w.journal.begin(ctx, w)
	if err != nil {
		return nil, err
	}
	defer w.journal.end()
	if w.replayed(nil) {
		return nil, errors.New("edit: outbox replayed already")
	}
	for _, e := range editors {
		p.know(e)
	}
	p.giveUp()
	if err := p.run(ctx); err != nil {
		return nil, err
	}
	w.letIn(nil)
	return p.results(nil), nil
}

// ReplayTable is [Writer.Replay] for one table, for programs that open tables
// one after the other: new saves of the table are accepted from then on. Saves
// that refer to new records of a table that is not there yet, or are part of a
// group with such saves, wait in the outbox until it is. The result is what has
// become of the table's saves so far; those that wait are not in it. Calling it
// again replays nothing twice.
//
// While one table is replayed, calls for others wait. The error is as that of
// Replay; after one, ReplayTable may be called again.
func (w *Writer) ReplayTable(ctx context.Context, editor Replayable) ([]Replayed, error) {
	if w.journal == nil {
		return nil, nil
	}
	p, err := w.journal.begin(ctx, w)
	if err != nil {
		return nil, err
	}
	defer w.journal.end()
	p.know(editor)
	if err := p.run(ctx); err != nil {
		return nil, err
	}
	t := editor.replayable().table
	w.letIn(t)
	return p.results(t), nil
}

// Discard drops saves from the outbox that were refused when they were
// replayed.
func (w *Writer) Discard(saves ...Replayed) error {
	ids := make([]string, len(saves))
	for i := range saves {
		ids[i] = saves[i].ID
	}
	if w.journal == nil || len(ids) == 0 {
		return nil
	}
	if err := w.journal.write(nil, ids); err != nil {
		return fmt.Errorf("%w: %w", ErrOutbox, err)
	}
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	for _, id := range ids {
		w.journal.dropped[id] = struct{}{}
	}
	return nil
}

// discarded reports whether a save was dropped by Discard.
func (w *Writer) discarded(id string) bool {
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	_, dropped := w.journal.dropped[id]
	return dropped
}

// Reopen opens a session on the draft of a save that was refused when it was
// replayed: V is what was to be saved, the snapshot what that was made on.
// [RecordEdit.RefreshSnapshot] shows what others have made of the record. The
// save stays in the outbox until [Writer.Discard].
func (d *Editor[K, T]) Reopen(r Replayed) (*RecordEdit[K, T], error) {
	if r.part == nil || r.part.table() != d.table {
		return nil, fmt.Errorf("edit: %s: not a save of this table", d.table.Name)
	}
	if r.Kind == Insert {
		e := d.New(*r.part.typed.(*T))
		return e, nil
	}
	key, _ := r.Key.(K)
	e, err := d.start(key, d.table.plan.Clone(r.part.base))
	if err != nil {
		return nil, err
	}
	if newest := e.s.snap; !d.table.sameRow(newest, r.part.base) {
		e.s.snap, e.s.theirs, e.s.conflicted = d.table.plan.Clone(r.part.base), newest, true
		d.table.plan.CopyAll(&e.V, r.part.base)
	}
	d.table.plan.CopyIn(&e.V, r.part.typed, r.part.asked)
	return e, nil
}

func (t *Table) sameRow(a, b any) bool {
	differ := t.plan.Diff(a, b)
	return differ.Empty()
}

func (t *track) result() Replayed {
	r := Replayed{ID: t.entry.id, Table: t.entry.Table, Kind: t.entry.Kind, Err: t.err, part: t.part}
	if t.part == nil {
		return r
	}
	if t.err == nil {
		r.Result, r.Key, r.Err = t.part.pending.outcome.kind, t.part.pending.outcome.key, t.part.pending.err
	}
	if r.Key == nil && t.part.base != nil && t.part.box.keyOf != nil {
		r.Key, _ = t.part.box.keyOf(t.part.base)
	}
	if r.Kind != Delete {
		r.Values = make(map[string]any)
		for i := range t.part.asked.All() {
			r.Values[t.part.table().plan.Fields()[i].Name] = t.part.table().plan.Value(t.part.typed, i)
		}
	}
	return r
}

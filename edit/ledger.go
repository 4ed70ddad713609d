package edit

import "context"

// Ledger is a [Store] that notes what it does: in the transaction of an
// operation it writes down the names of the saves that this stands for, see
// [Op.Saves], so that it can be asked later whether it was done.
type Ledger interface {
	// Noted returns what was noted of each of the saves, nothing for one that
	// was not done.
	Noted(ctx context.Context, saves []string) (map[string]Note, error)
}

// notes reports whether a store notes saves. A [Ledger] that can be switched off
// says so by a method Notes.
func notes(s Store) bool {
	_, ledger := s.(Ledger)
	if may, ok := s.(interface{ Notes() bool }); ok {
		return ledger && may.Notes()
	}
	return ledger
}

// Note is what a [Ledger] knows of a save that was done.
type Note struct {
	Key []any // values that [Store.Read] takes for the key of the row
}

// Saves names the saves that the operation stands for, if the writer has a
// use for notes about them: it has an outbox, or its store is a [Ledger].
func (o *Op) Saves() []string {
	var all []string
	for _, p := range o.parts {
		for q := range p.all {
			if q.id != "" {
				all = append(all, q.id)
			}
		}
	}
	return all
}

// noted asks the store whether an operation was done. It returns false if the
// store does not know.
func (w *Writer) noted(ctx context.Context, op *Op) (Outcome, bool) {
	ledger, ok := w.store.(Ledger)
	if !ok || len(op.sentAs) == 0 && len(op.Saves()) == 0 {
		return Outcome{}, false
	}
	ids := op.sentAs
	if len(ids) == 0 {
		ids = op.Saves()
	}
	notes, err := ledger.Noted(ctx, ids)
	if err != nil {
		return Outcome{State: Unavailable, Err: err}, true
	}
	if notes == nil {
		return Outcome{}, false // it keeps no notes
	}
	note, done := notes[ids[0]]
	if !done {
		op.unknown = false
		return Outcome{State: Skipped}, true
	}
	op.noted = true
	if op.Kind == Delete {
		return Outcome{State: Done}, true
	}
	row, err := w.store.Read(ctx, op.Table, note.Key)
	switch {
	case err != nil:
		return Outcome{State: Unavailable, Err: err}, true
	case row == nil: // done, and deleted by others since
		return Outcome{State: Absent}, true
	}
	return Outcome{State: Done, Row: row}, true
}

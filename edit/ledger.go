package edit

import (
	"context"
	"slices"
	"time"
)

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

// Forgetful is a [Ledger] that drops its notes after a while.
type Forgetful interface {
	Ledger
	// Tidy drops some of the notes that are old enough, if it is time for that.
	// The writer calls it between batches, when those who wait have been told:
	// it must not take longer than a batch.
	Tidy(ctx context.Context) error
	// Forgotten returns the time up to which notes may have been dropped, the
	// zero time if none were.
	Forgotten(ctx context.Context) (time.Time, error)
}

// clockSkew is how much the clocks of programs and of the database may differ.
const clockSkew = time.Hour

// tidy lets the ledger drop old notes.
func (w *Writer) tidy() {
	ledger, ok := w.store.(Forgetful)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(w.lifetime, w.options.timeout)
	defer cancel()
	if err := ledger.Tidy(ctx); err != nil && w.lifetime.Err() == nil {
		w.options.log.Warn("edit: ledger not tidied", "err", err)
	}
}

// forgotten reports whether the note of an operation may have been dropped.
func (w *Writer) forgotten(ctx context.Context, op *Op) (bool, error) {
	ledger, ok := w.store.(Forgetful)
	if !ok {
		return false, nil
	}
	until, err := ledger.Forgotten(ctx)
	if err != nil {
		return false, err
	}
	until = until.Add(clockSkew)
	return slices.ContainsFunc(op.parts, func(p *part) bool { return p.named != nil && p.named.since.Before(until) }), nil
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
			if id := q.id(); id != "" {
				all = append(all, id)
			}
		}
	}
	return all
}

// names are the saves that the operation stood for when it was sent last, or does
// if it was not.
func (o *Op) names() []string {
	if o.trouble != nil && len(o.trouble.sentAs) > 0 {
		return o.trouble.sentAs
	}
	return o.Saves()
}

// noted asks the store whether an operation was done. It returns false if the
// store does not know.
func (w *Writer) noted(ctx context.Context, op *Op) (Outcome, bool) {
	ledger, ok := w.store.(Ledger)
	if !ok || len(op.names()) == 0 {
		return Outcome{}, false
	}
	ids := op.names()
	notes, err := ledger.Noted(ctx, ids)
	if err != nil {
		return Outcome{State: Unavailable, Err: err}, true
	}
	if notes == nil {
		return Outcome{}, false // it keeps no notes
	}
	note, done := notes[ids[0]]
	if !done {
		lost, err := w.forgotten(ctx, op)
		switch {
		case err != nil:
			return Outcome{State: Unavailable, Err: err}, true
		case lost:
			return Outcome{}, false
		}
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

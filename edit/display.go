package edit

import (
	"context"
	"fmt"
)

// Display shows the rows of a table to the program, and with them what sessions
// have saved before the database has told of it: a live table. See
// [Editor.On].
//
// Its methods are called while the writer is locked, so that no save ends
// between what is shown and what sessions know. They must return at once, do no
// I/O, and call nothing of this package.
type Display interface {
	// Show is told of a save when it is accepted.
	Show(s Saving) Shown
	// Saw tells that the writer has just read the row with that key, nil for
	// none: what the display has may be older. It is Known from now on if after
	// says that it was read after what is Known so far.
	Saw(key, row any, after func(known any) bool)
	// Known returns the row that the database is known to have under a key, nil
	// if there is none: never one that is older than what Saw or Saved were told,
	// and the same pointer as long as nothing else is known.
	// Settled is false while it may lack what others have changed since.
	Known(key any) (row any, settled bool)
}

// Saving is a save that was accepted.
type Saving struct {
	Table *Table
	Kind  OpKind
	Key   any     // nil for a new record without a key of its own
	Row   any     // the row with the changes; immutable
	Set   Columns // the columns that were changed
}

// Shown is a save that a [Display] shows. One of its methods is called, once.
type Shown interface {
	// Saved is told of the row as it is stored, nil after a delete.
	Saved(key, row any)
	// Dropped takes it back: the save was not done.
	Dropped()
}

// On returns an editor of the same table whose sessions are shown by a display.
func (d *Editor[K, T]) On(display Display) *Editor[K, T] {
	on := *d
	on.display = display
	return &on
}

// Over returns an editor of the same table whose sessions are saved by another
// writer.
func (d *Editor[K, T]) Over(w *Writer) *Editor[K, T] {
	over := *d
	over.writer = w
	return &over
}

// Open opens a session on a record as the display knows it, see [Editor.On]. It
// does no I/O. A record that the display does not know is [ErrDeleted].
func (d *Editor[K, T]) Open(id K) (*RecordEdit[K, T], error) {
	if d.display == nil {
		return nil, fmt.Errorf("edit: %s: the editor has no display", d.table.Name)
	}
	box, row, err := d.writer.open(d.opening(opening{key: id, known: true}))
	if err != nil {
		return nil, err
	}
	return d.begin(box, row), nil
}

// Refresh tells open sessions what the display knows of their records by now.
// It is to be called when others have changed the rows, and when what was saved
// has been reflected.
func (d *Editor[K, T]) Refresh(ids ...K) {
	w := d.writer
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	for _, id := range ids {
		r := w.records[recordKey{d.table, id}]
		if r == nil {
			continue
		}
		// Whoever is not settled will be told again.
		if row, settled := d.display.Known(id); settled {
			w.observed(r, row, Remote)
		}
	}
}

// Settle waits until the saves of a record that were accepted before the call
// have ended, well or not.
func (d *Editor[K, T]) Settle(ctx context.Context, id K) error {
	return d.writer.settled(ctx, recordKey{d.table, id})
}

// show has the display of the session show a save.
func (p *part) show() {
	if p.box.display == nil {
		return
	}
	s := Saving{Table: p.table(), Kind: p.kind, Key: p.box.record.key, Row: p.typed, Set: p.asked}
	if key := p.table().plan.Key(); p.kind == Insert && s.Key == nil && key.Without(p.set).Empty() {
		if k, err := p.box.keyOf(p.row); err == nil {
			s.Key = k
		}
	}
	p.shown = p.box.display.Show(s)
}

// resolve ends the save for those who wait for it, and for those who see it.
func (w *Writer) resolve(p *part, o outcome, err error) {
	switch {
	case p.shown == nil:
	case o.key == nil || o.kind == Unchanged:
		p.shown.Dropped()
	case o.kind == Deleted:
		p.shown.Saved(o.key, nil)
	default:
		p.shown.Saved(o.key, o.row)
	}
	p.shown = nil
	if len(p.links()) > 0 {
		w.linked--
	}
	if p.pending.resolve(o, err) {
		w.wake(p.pending)
	}
}

// wake tells those who wait for a save that it has ended. While a batch is being
// settled they are told at the end: whoever waits for one save after the other would
// wake for each.
func (w *Writer) wake(p *pending) {
	if w.settling {
		w.awaited = append(w.awaited, p)
		return
	}
	p.wake()
}

// always is for rows that were read while the display waited for the writer.
func always(any) bool { return true }

// saw tells the displays of a record's sessions that its row was read, after
// what they know if after says so.
func (r *record) saw(after func(known any) bool, parts ...*part) {
	told := make(map[Display]bool)
	tell := func(b *inbox) {
		if b.display != nil && !told[b.display] {
			told[b.display] = true
			b.display.Saw(r.key, r.base, after)
		}
	}
	for b := range r.boxes {
		tell(b)
	}
	for _, p := range parts {
		tell(p.box)
	}
}

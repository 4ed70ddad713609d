package edit

import (
	"errors"
	"fmt"
	"slices"
)

// Outbox is a journal of accepted saves that outlives the process. A [Writer]
// that is made with [WithOutbox] makes one call at a time.
type Outbox interface {
	// Write adds entries, of which an entry with a known ID replaces the one
	// that is there in its place, and removes those with the IDs in remove, all
	// or none. What it wrote has reached the disk when it returns.
	Write(add []OutboxEntry, remove []string) error
	// Load returns the entries in the order in which they were added.
	Load() ([]OutboxEntry, error)
}

// OutboxEntry is an accepted save as an [Outbox] keeps it.
type OutboxEntry struct {
	ID   string // names the save for good, and is what a [Ledger] notes
	Data []byte // JSON that this package reads again
}

// The errors of writers with an outbox, for errors.Is.
var (
	// ErrOutbox: the save could not be kept in the outbox, and is not accepted.
	ErrOutbox = errors.New("edit: outbox failed")
	// ErrKept: the writer ended before the save was written. The outbox keeps
	// it for [Writer.Replay].
	ErrKept error = &classError{"edit: save kept in the outbox", ErrClosed}
	// ErrNotReplayed: what is left in the outbox comes before new saves; see
	// [Writer.Replay].
	ErrNotReplayed = errors.New("edit: outbox not replayed")
)

// OutboxError tells why a save could not be kept.
type OutboxError struct {
	Table string
	Err   error
}

func (e *OutboxError) Error() string {
	return fmt.Sprintf("edit: %s: save not kept in the outbox: %v", e.Table, e.Err)
}

// Unwrap makes it an ErrOutbox, and an error of the outbox.
func (e *OutboxError) Unwrap() []error { return []error{ErrOutbox, e.Err} }

// WithOutbox has accepted saves kept in a journal until they have ended, so
// that they outlive the process: see [Pending.Accepted]. No save is sent before
// it is kept, which costs one write to the disk for all saves that come
// together. Before its first save, a writer with an outbox must be told to
// [Writer.Replay] what is left from before, or before the first of a table, to
// [Writer.ReplayTable].
//
// Each save is written once, whatever happens when: what may have been done is
// looked up before it is sent again. For rows whose keys the database makes, and
// for counters, that takes a [Store] that is a [Ledger]; without one, such saves
// end with [ErrOutcomeUnknown] when the process or the connection was lost while
// they were under way.
func WithOutbox(o Outbox) Option { return func(w *options) { w.outbox = o } }

// journal is what a writer keeps in its outbox. Its fields are guarded by
// Writer.stateMu.
type journal struct {
	outbox  Outbox
	add     []draft // to be kept, for the first time or anew
	remove  []string
	running bool
	all     bool                   // everything is replayed
	tables  map[[2]string]struct{} // which are replayed, by schema and name
	closing bool                   // what ends now ends for the process only
	failed  bool                   // the last write; of the journal's goroutine
	dropped map[string]struct{}    // by Discard: they are not replayed any more

	last      chan struct{} // holds a value while somebody writes what is left at the end
	writing   chan struct{} // holds a value while somebody writes to the outbox
	replaying chan struct{} // holds a value while somebody replays
	playback  *playback     // of whoever replays; nil before the first
}

func newJournal(o Outbox) *journal {
	return &journal{
		outbox: o, tables: make(map[[2]string]struct{}), dropped: make(map[string]struct{}),
		last: make(chan struct{}, 1), writing: make(chan struct{}, 1), replaying: make(chan struct{}, 1),
	}
}

// write is that of the outbox.
func (j *journal) write(add []OutboxEntry, remove []string) error {
	j.writing <- struct{}{}
	defer func() { <-j.writing }()
	return j.outbox.Write(add, remove)
}

// admits reports whether new saves of a table may be accepted: what is left of
// it was replayed.
func (j *journal) admits(t *Table) bool {
	if j.all || t == nil {
		return j.all
	}
	_, replayed := j.tables[[2]string{t.Schema, t.Name}]
	return replayed
}

// replayed is admits outside of the writer's mutex; nil stands for all tables.
func (w *Writer) replayed(t *Table) bool {
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	return w.journal.admits(t)
}

// letIn lets new saves of a table be accepted, of all if it is nil.
func (w *Writer) letIn(t *Table) {
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	if t == nil {
		w.journal.all = true
		return
	}
	w.journal.tables[[2]string{t.Schema, t.Name}] = struct{}{}
}

// keep has a save stored in the outbox.
func (w *Writer) keep(p *part) {
	j := w.journal
	if j == nil {
		return
	}
	j.add = append(j.add, w.newDraft(p))
	w.startJournal()
}

// dropKept drops a save that has ended from the outbox. Those that are replayed
// are dropped by the playback, together with what becomes of those behind them.
func (w *Writer) dropKept(p *part) {
	j := w.journal
	if p.ended {
		return
	}
	p.ended = true
	if j != nil && p.kept && !p.named.lent && !p.replay && !j.closing {
		j.remove = append(j.remove, p.id())
		w.startJournal()
	}
}

func (w *Writer) startJournal() {
	if j := w.journal; !j.running && !w.closing {
		j.running = true
		w.lanes.Go(w.runJournal)
	}
}

// runJournal writes to the outbox until there is nothing left to write.
func (w *Writer) runJournal() {
	j := w.journal
	for {
		w.stateMu.Lock()
		add, remove := j.add, j.remove
		j.add, j.remove = nil, nil
		if len(add) == 0 && len(remove) == 0 {
			j.running = false
			w.stateMu.Unlock()
			return
		}
		drafts := slices.DeleteFunc(add, func(d draft) bool { return d.part.ended })
		for i := range drafts {
			drafts[i].again = drafts[i].part.kept
		}
		w.stateMu.Unlock()

		var entries, again []OutboxEntry
		failed := make(map[*part]error)
		for i := range drafts {
			data, err := drafts[i].encode()
			if err != nil {
				failed[drafts[i].part] = err
				continue
			}
			e := OutboxEntry{ID: drafts[i].part.id(), Data: data}
			entries = append(entries, e)
			if drafts[i].again {
				again = append(again, e)
			}
		}
		var err error
		if j.failed && len(remove) > 0 && j.write(again, remove) == nil {
			remove = nil // makes room; what stands behind what is removed must know of that at once
		}
		if len(entries) > 0 || len(remove) > 0 {
			err = j.write(entries, remove)
		}
		j.failed = err != nil

		w.stateMu.Lock()
		var stale []draft
		for _, d := range drafts {
			why := failed[d.part]
			if why == nil {
				why = err
			}
			if d.again && err != nil && failed[d.part] == nil {
				stale = append(stale, d)
			}
			w.wrote(d.part, why)
		}
		if err != nil {
			j.remove = append(remove, j.remove...)
			fresh := len(j.add) > 0
			j.add = append(stale, j.add...) // goes together with what is removed
			if !fresh {
				j.running = false // the next save tries again
				w.stateMu.Unlock()
				return
			}
		}
		w.stateMu.Unlock()
	}
}

// wrote lets a save go on that the outbox has, or ends one that it has not.
func (w *Writer) wrote(p *part, err error) {
	switch {
	case p.ended:
		if err == nil && !p.named.lent && !w.journal.closing {
			w.journal.remove = append(w.journal.remove, p.id())
		}
	case err == nil:
		p.kept = true
		p.pending.accept()
		if op := p.box.record.next; op != nil {
			w.start(op.slow)
		}
	case p.kept: // what is kept of it will do
		w.options.log.Warn("edit: outbox not brought up to date", "table", p.table().Name, "err", err)
	case p.group() == nil && p.superseded():
		// The save that has taken its place stands for it, and is kept under the
		// same name: if that is not kept either, this one comes back, and is tried
		// again.
	default:
		w.unaccept(p, &OutboxError{Table: p.table().Name, Err: err})
	}
}

// superseded reports whether a save waits in the queue only behind the one that
// has taken its place.
func (p *part) superseded() bool {
	op := p.box.record.next
	if op == nil || slices.Contains(op.parts, p) {
		return false
	}
	for _, latest := range op.parts {
		for q := range latest.all {
			if q == p {
				return true
			}
		}
	}
	return false
}

// unaccept ends a save that is in the queue, and brings back the one that it
// took the place of.
func (w *Writer) unaccept(p *part, err error) {
	if p.group() != nil || !w.takeBack(p) {
		if p.box.record.next != nil {
			w.drop(p, err)
		}
		return
	}
	w.dropKept(p)
	w.stats.Failed++
	p.box.open--
	p.box.last = err
	w.resolve(p, outcome{}, err)
	p.box.put(parcel{kind: refused, part: p, err: err})
}

// unkept reports whether a save that the operation stands for has not reached
// the outbox yet.
func (w *Writer) unkept(op *Op) bool {
	if w.journal == nil {
		return false
	}
	for _, p := range op.parts {
		if !p.kept {
			return true
		}
	}
	return false
}

package edit

import (
	"context"
	"sync"
	"time"
)

// ResultKind is what a save did.
type ResultKind uint8

// The kinds of results.
const (
	// Unchanged: there was nothing to save, and nothing was sent.
	Unchanged ResultKind = iota + 1
	// Saved: the row is updated.
	Saved
	// Created: the row is new, and has a key now.
	Created
	// Deleted: the row is gone.
	Deleted
)

func (k ResultKind) String() string {
	return [...]string{"none", "unchanged", "saved", "created", "deleted"}[k]
}

// Result is what a save did. Beside a [PartialError] it is filled, too; beside
// any other error it is empty.
type Result[K comparable, T any] struct {
	Kind ResultKind
	ID   K
	Row  T // as the database has it now, see [Outcome.Inferred]: a copy of the caller's own

	// Adjusted are the columns in which the database keeps something else
	// than was sent.
	Adjusted []string
	// Superseded are the columns in which a later save of this program took
	// the place of this one.
	Superseded []string
	// Rebased tells that others had changed the record, and that their
	// changes were kept.
	Rebased bool
	// Attempts is how often the save was sent; 0 if it was not.
	Attempts int
	// Batch is how many saves were sent together.
	Batch int
	// Queued, Sent and Acked are when the save was accepted, sent last and
	// acknowledged.
	Queued, Sent, Acked time.Time

	editor *Editor[K, T]
	before any // the row before the save
	after  any
	set    Columns
	saved  *Op // by SaveTx
}

// outcome is a result without its types.
type outcome struct {
	kind     ResultKind
	rebased  bool
	attempts int32
	key      any
	row      any // shared: to be copied before it is given away
	before   any
	set      Columns
	differs  *differences // nil if there are none
	queued   time.Time
	flight   *flight // nil if the save was not sent
}

// differences are the columns that are not what a save has made of them.
type differences struct {
	adjusted   Columns // by the database
	superseded Columns // by a later save
}

func (o *outcome) adjust(columns Columns) {
	o.differ(func(d *differences) { d.adjusted = columns })
}

func (o *outcome) supersede(columns Columns) {
	o.differ(func(d *differences) { d.superseded = columns })
}

// differ changes the differences. They are shared with outcomes that were the same.
func (o *outcome) differ(change func(*differences)) {
	var d differences
	if o.differs != nil {
		d = *o.differs
	}
	change(&d)
	if o.differs = nil; d != (differences{}) {
		o.differs = &d
	}
}

// flight is what the saves of one batch have in common.
type flight struct {
	rows        int
	sent, acked time.Time
}

// pending is a save under way. It has ended when resolved is true; what it has
// come to does not change after that.
type pending struct {
	kept    chan struct{} // closed when the outbox has it; nil without one
	outcome outcome
	err     error

	mu       sync.Mutex // guards done and resolved; held for nothing else
	resolved bool
	accepted bool          // guarded by Writer.stateMu
	done     chan struct{} // closed at the end; nil unless someone waits: most are looked at after the end
}

// settled returns a save that has ended already.
func settled(o outcome, err error) *pending {
	return &pending{outcome: o, err: err, resolved: true}
}

// resolve ends the save, unless somebody waits for that: then it returns true, and
// the save ends by wake.
func (p *pending) resolve(o outcome, err error) (awaited bool) {
	o.queued = p.outcome.queued
	p.outcome, p.err = o, err
	p.mu.Lock()
	p.resolved = p.done == nil
	awaited = !p.resolved
	p.mu.Unlock()
	if !awaited {
		p.accept() // who sees that looks whether it has ended
	}
	return awaited
}

// wake ends a save that somebody waits for.
func (p *pending) wake() {
	p.mu.Lock()
	p.resolved = true
	close(p.done)
	p.mu.Unlock()
	p.accept()
}

// ended reports whether the save has ended, and its outcome can be read.
func (p *pending) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resolved
}

// end is closed at the end of the save.
func (p *pending) end() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == nil {
		if p.resolved {
			p.done = closedChan
		} else {
			p.done = make(chan struct{})
		}
	}
	return p.done
}

// accept tells that the outbox has the save. The writer's mutex is held.
func (p *pending) accept() {
	if p.kept != nil && !p.accepted {
		p.accepted = true
		close(p.kept)
	}
}

var closedChan = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// handle is a save under way with what the caller gets of it.
type handle[K comparable, T any] struct {
	handed Pending[K, T]
	fresh  pending
}

// Pending is a save under way. It may be used by any goroutine.
type Pending[K comparable, T any] struct {
	inner  *pending
	editor *Editor[K, T]
}

// Accepted is closed when the save will outlive the process: the outbox has it.
// It is closed at the end of the save at the latest, and from the start where
// there is no outbox.
func (p *Pending[K, T]) Accepted() <-chan struct{} {
	if p.inner.kept == nil {
		return closedChan
	}
	return p.inner.kept
}

// Done is closed when the save has ended, well or not: the database has it
// then, or never will.
func (p *Pending[K, T]) Done() <-chan struct{} { return p.inner.end() }

// Wait waits for the end of the save. When the context ends first it returns
// the context's error, and the save goes on.
func (p *Pending[K, T]) Wait(ctx context.Context) (Result[K, T], error) {
	if p.inner.ended() {
		return typed(p.editor, p.inner)
	}
	select {
	case <-p.inner.end():
		return typed(p.editor, p.inner)
	case <-ctx.Done():
		return Result[K, T]{}, ctx.Err()
	}
}

// typed makes a result of an outcome.
func typed[K comparable, T any](d *Editor[K, T], p *pending) (Result[K, T], error) {
	t, o := d.table, &p.outcome
	r := Result[K, T]{
		Kind: o.kind, Rebased: o.rebased, Attempts: int(o.attempts), Queued: o.queued,
		editor: d, before: o.before, after: o.row, set: o.set,
	}
	if d := o.differs; d != nil {
		r.Adjusted, r.Superseded = t.plan.Names(d.adjusted), t.plan.Names(d.superseded)
	}
	if f := o.flight; f != nil {
		r.Batch, r.Sent, r.Acked = f.rows, f.sent, f.acked
	}
	if k, ok := o.key.(K); ok {
		r.ID = k
	}
	if row, ok := o.row.(*T); ok {
		if !t.plan.Flat() {
			row = t.plan.Clone(row).(*T)
		}
		r.Row = *row
	}
	return r, p.err
}

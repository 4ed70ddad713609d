package edit

import (
	"context"
	"errors"
	"fmt"
)

// Member is a session as part of a [Group]: a [RecordEdit], which is saved, or
// what [Deleting] makes of one.
type Member interface {
	member() (*session, OpKind)
}

func (e *RecordEdit[K, T]) member() (*session, OpKind) { return &e.s, Update }

// Deleting is a session whose record is deleted in a [Group].
func Deleting(m Member) Member { return deleting{m} }

type deleting struct{ m Member }

func (d deleting) member() (*session, OpKind) {
	s, _ := d.m.member()
	return s, Delete
}

// Group saves several sessions in one transaction, all or none, and waits for
// it. Sessions without changes are left out. New records may be linked to each
// other, see [RecordEdit.Link]; members are inserted after what they are
// linked to, whatever their order. The error is that of the member that
// failed; the others are not saved either and keep what was typed.
func Group(ctx context.Context, members ...Member) error {
	var w *Writer
	for _, m := range members {
		s, _ := m.member()
		if w == nil {
			w = s.writer
		}
		if s.writer != w {
			return fmt.Errorf("edit: a group of sessions of two writers")
		}
	}
	if w == nil {
		return nil
	}
	for {
		parts, err := buildGroup(members)
		if err != nil || len(parts) == 0 {
			return err
		}
		err = w.submitGroup(ctx, parts)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return err
		}
		return awaitGroup(ctx, members, parts)
	}
}

func buildGroup(members []Member) ([]*part, error) {
	var parts []*part
	var sessions []*session
	for _, m := range members {
		s, kind := m.member()
		s.settle()
		p, done := s.build(kind)
		if done == nil {
			p.pending = new(pending)
			parts = append(parts, p)
			sessions = append(sessions, s)
			continue
		}
		if !done.ended() { // the same save is under way already
			return nil, fmt.Errorf("edit: %s: a save of the record is under way", s.table.Name)
		}
		if done.err != nil {
			return nil, done.err
		}
	}
	for _, p := range parts {
		links := p.links()
		for i := range links {
			for _, s := range sessions {
				if s.box == links[i].parent {
					links[i].together = true
				}
			}
		}
	}
	return parts, nil
}

func awaitGroup(ctx context.Context, members []Member, parts []*part) error {
	for _, m := range members {
		s, _ := m.member()
		for _, p := range parts {
			if p.box == s.box {
				s.accepted(p)
			}
		}
	}
	var failed error
	for _, p := range parts {
		select {
		case <-p.pending.end():
		case <-ctx.Done():
			return &StillSavingError{Table: p.table().Name, Done: p.pending.end(), Err: ctx.Err()}
		}
		// What fails for another's sake is not the reason.
		if err := p.pending.err; err != nil && (failed == nil || errors.Is(failed, ErrDependency)) && !errors.Is(err, ErrPartial) {
			failed = err
		}
	}
	for _, m := range members {
		s, _ := m.member()
		s.settle()
	}
	return failed
}

// Inverse opens a session that undoes the save: V holds the old values of the
// columns that were saved, and is to be saved like any other. Whoever has
// changed the same columns since is in conflict with it. What undoes an insert
// is [RecordEdit.Delete] on the session; what undoes a delete is inserted anew
// with its old key.
func (r Result[K, T]) Inverse() (*RecordEdit[K, T], error) {
	d := r.editor
	if d == nil || r.Kind == Unchanged || r.after == nil {
		return nil, errors.New("edit: there is nothing to undo")
	}
	e, err := d.start(r.ID, d.table.plan.Clone(r.after))
	if err != nil {
		return nil, err
	}
	switch r.Kind {
	case Deleted:
		e.s.gone = true
		return e, e.Recreate()
	case Saved:
		// The session may have been given a newer row. What is compared is the
		// row that was saved.
		if newest := e.s.snap; newest != r.after {
			e.s.snap, e.s.theirs = d.table.plan.Clone(r.after), newest
			d.table.plan.CopyAll(&e.V, r.after)
		}
		d.table.plan.CopyIn(&e.V, r.before, r.set)
	default:
	}
	return e, nil
}

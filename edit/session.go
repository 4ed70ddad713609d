package edit

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/vantage-go/live/internal/rowmap"
)

// Phase is where a session stands.
type Phase uint8

// The phases of a session. Whether an idle one is clean or dirty is computed:
// see [RecordEdit.Modified].
const (
	PhaseNew        Phase = iota + 1 // the record is not in the database yet
	PhaseIdle                        // nothing is under way
	PhaseSaving                      // a save is under way
	PhaseConflicted                  // both sides changed a field: see [RecordEdit.Resolve]
	PhaseFailed                      // the last save failed; the draft is as it was
	PhaseGone                        // the record was deleted; the draft is as it was
	PhaseClosed
)

func (p Phase) String() string {
	return [...]string{"none", "new", "idle", "saving", "conflicted", "failed", "gone", "closed"}[p]
}

// session is a RecordEdit without its types. All of it belongs to the owner's
// goroutine; what the background has to tell comes through the inbox.
type session struct {
	writer *Writer
	table  *Table
	box    *inbox

	v      any // &RecordEdit.V
	snap   any // immutable: replaced, never written to
	snapAt time.Time
	theirs any // newest row of others that is not merged yet, nil if there is none
	origin Origin

	isNew      bool
	gone       bool
	conflicted bool
	failed     error
	closed     bool
	saves      []*part  // accepted and not ended
	spare      []parcel // for the inbox, when the parcels in it are taken out
	spent      *part    // a save that has ended, empty, for the next one
	links      []parentLink
	policy     *Policy // immutable
}

// settle takes in what happened. It changes V for the session's own saves
// only.
func (s *session) settle() {
	if s.closed {
		return
	}
	s.writer.stateMu.Lock()
	parcels := s.box.parcels
	if len(parcels) > 0 {
		s.box.parcels, s.spare = s.spare, nil
	}
	s.writer.stateMu.Unlock()
	if len(parcels) == 0 {
		return
	}
	for i := range parcels {
		s.absorb(&parcels[i])
		if p := parcels[i].part; p != nil && p.spent {
			s.spent = p.empty()
		}
	}
	clear(parcels)
	s.spare = parcels[:0]
}

func (s *session) absorb(p *parcel) {
	if p.part != nil {
		s.ended(p.part)
	}
	switch p.kind {
	case acked:
		s.acknowledge(p)
	case refused:
		var c *ConflictError
		if !errors.As(p.err, &c) {
			s.failed = p.err
			return
		}
		s.gone = s.gone || c.Deleted
		if p.row != nil {
			s.theirs, s.origin = p.row, p.origin
		}
		s.conflicted = !c.Deleted
	case changed:
		s.gone = false
		s.theirs, s.origin = p.row, p.origin
		if differ := s.table.plan.Diff(p.row, s.snap); differ.Empty() {
			s.theirs = nil
		}
	case vanished:
		s.gone, s.theirs, s.conflicted = true, nil, false
	case withdrawn:
	}
}

// ended drops a save that has ended, and those that it replaced.
func (s *session) ended(p *part) {
	if p.replaced() == nil {
		s.saves = slices.DeleteFunc(s.saves, func(x *part) bool { return x == p })
		return
	}
	all := make(map[*part]bool)
	for q := range p.all {
		all[q] = true
	}
	s.saves = slices.DeleteFunc(s.saves, func(x *part) bool { return all[x] })
}

// acknowledge takes in the row that a save left. A field that is still as it
// was sent takes what is stored; one that was typed since stays as it is.
func (s *session) acknowledge(p *parcel) {
	plan := s.table.plan
	sent := p.part.asked.Or(p.part.linked())
	if s.isNew || p.part.kind == Insert {
		sent = plan.All() // the key and what the database filled in are not typed
	}
	s.isNew, s.failed, s.gone = false, nil, false
	for i := range sent.All() {
		if plan.Same(s.v, p.part.held, i) {
			plan.Copy(s.v, p.row, i)
		} else if plan.Fields()[i].Merge == rowmap.MergeSum {
			s.count(p, i)
		}
	}
	s.snapAt, s.conflicted = p.at, false
	changed := plan.Diff(p.row, s.snap)
	others := changed.Without(sent)
	if foreign := others.Without(plan.Passive()); foreign.Empty() {
		// A merge would come to the same: mostly it is the version that counts.
		plan.CopyIn(s.v, p.row, others)
		s.snap, s.theirs = p.row, nil
		return
	}
	base := plan.Clone(s.snap)
	plan.CopyIn(base, p.row, sent)
	s.snap = base
	s.theirs, s.origin = p.row, Remote
	s.merge(*s.policy)
}

// count takes steps of a counter that others took into V, and into what later
// saves sent of it.
func (s *session) count(p *parcel, i int) {
	plan := s.table.plan
	shift := func(row any) {
		stored := plan.Clone(p.row)
		if step(s.table, p.part.held, row, stored, i) {
			plan.Copy(row, stored, i)
		}
	}
	shift(s.v)
	for _, later := range s.saves {
		if later.held != nil {
			later.held = plan.Clone(later.held)
			shift(later.held)
		}
	}
}

// merge takes what others changed into V, and reports whether that went
// without conflicts. What has none is taken in any case.
func (s *session) merge(policy Policy) (merged, bool) {
	if s.theirs == nil {
		return merged{}, true
	}
	plan := s.table.plan
	m := threeWay(s.table, s.snap, s.v, s.theirs, plan.All(), policy)
	plan.CopyIn(s.v, s.theirs, m.theirs)
	for _, v := range m.values {
		own := plan.New() // the value may be theirs, and V's must be written to
		if plan.SetValue(own, v.column, v.value) != nil {
			m.conflicts.Set(v.column)
			continue
		}
		plan.Copy(s.v, own, v.column)
	}
	if m.conflicts.Empty() {
		s.snap, s.theirs, s.conflicted = s.theirs, nil, false
		return m, true
	}
	// In the fields of the conflict the snapshot stays the common base.
	base := plan.Clone(s.theirs)
	plan.CopyIn(base, s.snap, m.conflicts)
	s.snap, s.conflicted = base, true
	return m, false
}

// conflicts returns the fields that both sides changed.
func (s *session) conflicts() Columns {
	if s.theirs == nil {
		return Columns{}
	}
	m := threeWay(s.table, s.snap, s.v, s.theirs, s.table.plan.All(), *s.policy)
	return m.conflicts
}

func (s *session) phase() Phase {
	s.settle()
	var none Columns
	switch {
	case s.closed:
		return PhaseClosed
	case s.gone:
		return PhaseGone
	case len(s.saves) > 0:
		return PhaseSaving
	case s.failed != nil:
		return PhaseFailed
	case s.isNew:
		return PhaseNew
	case s.conflicted && s.conflicts() != none:
		return PhaseConflicted
	}
	return PhaseIdle
}

// save accepts the changes of V for writing. What it returns is fresh, if that is
// what becomes of them.
func (s *session) save(ctx context.Context, kind OpKind, how admission, fresh *pending) (*part, *pending) {
	for {
		s.settle()
		p, done := s.build(kind)
		if done != nil {
			return nil, done
		}
		p.pending = fresh
		err := s.writer.submit(ctx, p, how)
		switch {
		case errors.Is(err, errAgain):
			continue
		case err != nil:
			return nil, s.notAccepted(err)
		}
		s.accepted(p)
		return p, p.pending
	}
}

func (s *session) accepted(p *part) {
	s.failed, p.held = nil, p.typed
	s.saves = append(s.saves, p)
}

// notAccepted makes a save of the reason why there is none.
func (s *session) notAccepted(err error) *pending {
	var c *ConflictError
	if errors.As(err, &c) && c.Deleted {
		return settled(outcome{}, err)
	}
	if errors.Is(err, ErrDependency) {
		s.failed = err
	}
	return settled(outcome{}, err)
}

func (s *session) key() any {
	s.writer.stateMu.Lock()
	defer s.writer.stateMu.Unlock()
	return s.box.record.key
}

// refresh takes in a row that was read just now.
func (s *session) refresh(row any) ([]FieldConflict, error) {
	s.settle()
	if s.gone {
		return nil, gone(s.table, s.key())
	}
	if row != nil && s.theirs == nil {
		if newer, known := s.table.newer(s.snap, row); !known || !newer {
			s.theirs, s.origin = row, Remote
		}
	}
	_, ok := s.merge(*s.policy)
	s.snapAt = time.Now()
	if ok {
		return nil, nil
	}
	return s.describe(), nil
}

func (s *session) describe() []FieldConflict {
	var all []FieldConflict
	conflicts := s.conflicts()
	if conflicts.Empty() {
		return nil
	}
	e := conflictError(s.table, nil, s.snap, s.v, s.theirs, conflicts, s.origin)
	return append(all, e.Fields...)
}

// revert drops the changes of V in some columns. In a conflict they become
// what others have made of them.
func (s *session) revert(columns Columns) {
	plan := s.table.plan
	all := columns == plan.All()
	if all {
		s.dropWaiting()
		s.failed = nil
	}
	if s.theirs != nil && s.conflicted {
		plan.CopyIn(s.v, s.theirs, columns)
		s.merge(*s.policy)
		return
	}
	plan.CopyIn(s.v, s.snap, columns)
}

// dropWaiting takes back the last save if it was not sent yet.
func (s *session) dropWaiting() {
	for len(s.saves) > 0 {
		last := s.saves[len(s.saves)-1]
		if last.kind == Delete || !s.writer.withdraw(last) {
			return
		}
		s.saves = s.saves[:len(s.saves)-1]
	}
}

func (s *session) resolve(policy Policy) error {
	s.settle()
	switch {
	case s.closed:
		return ErrClosed
	case s.gone:
		return gone(s.table, s.key())
	}
	if _, ok := s.merge(policy); !ok {
		return conflictError(s.table, s.key(), s.snap, s.v, s.theirs, s.conflicts(), s.origin)
	}
	return nil
}

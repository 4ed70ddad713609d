package edit

import (
	"slices"

	"github.com/vantage-go/live/internal/rowmap"
)

// build makes a save of V, or tells why there is nothing to save.
func (s *session) build(kind OpKind) (*part, *pending) {
	switch {
	case s.closed:
		return nil, settled(outcome{}, ErrClosed)
	case s.gone && kind == Delete:
		return nil, settled(outcome{kind: Deleted, key: s.key()}, nil)
	case s.gone:
		return nil, settled(outcome{}, gone(s.table, s.key()))
	case kind == Delete:
		return s.buildDelete()
	case s.isNew:
		return s.buildInsert()
	}
	return s.buildUpdate()
}

func (s *session) newPart(kind OpKind) *part {
	var p *part
	switch {
	case len(s.saves) > 0:
		p = new(part) // mostly it joins the operation of the one before
	case s.spent != nil:
		p, s.spent = s.spent, nil
	default:
		begun := new(start)
		p, begun.part.own = &begun.part, &begun.op
	}
	p.kind, p.box, p.base, p.policy = kind, s.box, s.snap, s.policy
	return p
}

func (s *session) buildDelete() (*part, *pending) {
	if s.isNew && len(s.saves) == 0 {
		s.gone = true
		return nil, settled(outcome{kind: Deleted}, nil)
	}
	p := s.newPart(Delete)
	if s.isNew {
		p.base = s.saves[len(s.saves)-1].typed
	}
	p.typed = p.base
	return p, nil
}

func (s *session) buildUpdate() (*part, *pending) {
	plan := s.table.plan
	key := plan.Key()
	if differ := plan.DiffIn(s.v, s.snap, key); !differ.Empty() {
		return nil, settled(outcome{}, ErrKeyChanged)
	}
	s.fillLinks()
	lost, ok := s.mergeForSave()
	if !ok {
		return nil, settled(outcome{}, conflictError(s.table, s.key(), s.snap, s.v, s.theirs, s.conflicts(), s.origin))
	}
	diff := plan.Diff(s.v, s.snap)
	writable := plan.Writable()
	p := s.newPart(Update)
	skipped := diff.Without(writable)
	if !skipped.Empty() || len(lost) > 0 {
		x := p.excepted()
		x.skipped, x.lost = skipped, lost
	}
	p.set = diff.And(writable)
	p.set = p.set.Or(s.underWay()) // what it writes may have to be taken back
	p.set = p.set.And(writable)
	s.addLinks(p)
	if p.set.Empty() && len(p.links()) == 0 {
		o := outcome{kind: Unchanged, key: s.key(), row: s.snap}
		e := &PartialError{Table: s.table.Name, Fields: lost}
		for i := range skipped.All() {
			e.Fields = append(e.Fields, FieldOutcome{
				Field: plan.Fields()[i].Name, Sent: plan.Value(s.v, i), Stored: plan.Value(s.snap, i), Reason: ReadOnlyField,
			})
		}
		if len(e.Fields) > 0 {
			return nil, settled(o, e)
		}
		return nil, settled(o, nil)
	}
	if same := s.sameAsLast(); same != nil {
		return nil, same
	}
	p.asked = p.set
	p.typed = plan.Clone(s.v)
	p.row = p.typed
	return p, nil
}

// underWay are the columns that the saves write which have not ended: each has
// taken over those of the save before it.
func (s *session) underWay() Columns {
	for _, p := range slices.Backward(s.saves) {
		if p.kind != Delete {
			return p.asked.Or(p.linked())
		}
	}
	return Columns{}
}

// mergeForSave takes in what others changed, and returns what was lost by it.
func (s *session) mergeForSave() ([]FieldOutcome, bool) {
	if s.theirs == nil {
		return nil, true
	}
	plan := s.table.plan
	before := plan.Clone(s.v)
	m, ok := s.merge(*s.policy)
	if !ok {
		return nil, false
	}
	var lost []FieldOutcome
	for i := range m.dropped.All() {
		lost = append(lost, FieldOutcome{
			Field: plan.Fields()[i].Name, Sent: plan.Value(before, i), Stored: plan.Value(s.v, i), Reason: TheirsWon,
		})
	}
	return lost, true
}

// sameAsLast returns the save under way if V has not changed since.
func (s *session) sameAsLast() *pending {
	if len(s.saves) == 0 {
		return nil
	}
	last := s.saves[len(s.saves)-1]
	if last.kind == Delete {
		return nil
	}
	if differ := s.table.plan.Diff(s.v, last.held); differ.Empty() {
		return last.pending
	}
	return nil
}

func (s *session) buildInsert() (*part, *pending) {
	s.fillLinks()
	if same := s.sameAsLast(); same != nil {
		return nil, same
	}
	plan := s.table.plan
	p := s.newPart(Insert)
	p.typed = plan.Clone(s.v)
	p.row, p.base = p.typed, nil
	p.set = insertColumns(s.table, s.v)
	if i, ok := plan.Version(); ok && plan.Zero(p.row, i) && !plan.Fields()[i].Column.Default {
		p.unshare()
		if plan.SetValue(p.row, i, int64(1)) == nil {
			p.set.Set(i)
		}
	}
	s.addLinks(p)
	p.asked = p.set
	if i, ok := plan.Version(); ok {
		p.asked.Clear(i)
	}
	return p, nil
}

// insertColumns are the columns that an insert writes: all that can be written,
// zero values, too. To the database are left the key while it is zero, columns
// that are tagged default while they are nil, and what an untyped row does not
// have.
func insertColumns(t *Table, row any) Columns {
	plan := t.plan
	set := plan.Writable()
	for i := range set.All() {
		f := &plan.Fields()[i]
		switch {
		case !plan.Has(row, i),
			f.Column.Key && plan.Zero(row, i) && madeByDatabase(plan, f),
			f.Options.Default && isNil(plan.Value(row, i)):
			set.Clear(i)
		}
	}
	if i, ok := plan.Version(); ok && plan.Has(row, i) && !plan.Zero(row, i) {
		set.Set(i)
	}
	return set
}

// madeByDatabase reports whether the database makes keys in a column: it has a
// default, or nothing is known but that the column is the whole key.
func madeByDatabase(plan *rowmap.Plan, f *rowmap.Field) bool {
	return f.Column.Default || f.Column.Type == "" && plan.Key().Len() == 1
}

// fillLinks gives V the keys of the records that it refers to, as far as they
// have one.
func (s *session) fillLinks() {
	kept := s.links[:0]
	for _, l := range s.links {
		s.writer.stateMu.Lock()
		var key []any
		if l.parent.created && l.parent.record.base != nil {
			key = l.parent.table.keyParts(l.parent.record.base)
		}
		s.writer.stateMu.Unlock()
		if len(key) != 1 || s.table.plan.SetValue(s.v, l.column, key[0]) != nil {
			kept = append(kept, l)
		}
	}
	s.links = kept
}

func (s *session) addLinks(p *part) {
	if len(s.links) == 0 {
		return
	}
	p.tied().links = slices.Clone(s.links)
	for _, l := range s.links {
		p.set.Clear(l.column)
	}
}

package edit

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/vantage-go/live/internal/rowmap"
)

// merged is the outcome of a three-way merge of one row.
type merged struct {
	theirs    rowmap.Bits // take the value of the other side
	mine      rowmap.Bits // keep the own value, which differs from theirs
	dropped   rowmap.Bits // part of theirs: an own value gives way
	values    []mergedValue
	conflicts rowmap.Bits
}

// mergedValue is a value that is neither side's.
type mergedValue struct {
	column int
	value  any
}

// threeWay merges two rows that come from one base, in the columns of own: it
// is the caller's part, elsewhere the other side counts. A column that one
// side changed takes that side's value, one that both changed alike has
// converged, and one that both changed differently is for the policy.
func threeWay(t *Table, base, mine, theirs any, own rowmap.Bits, policy Policy) merged {
	plan := t.plan
	var m merged
	locally := plan.DiffIn(mine, base, own)
	remotely := plan.Diff(theirs, base)
	apart := plan.Diff(mine, theirs)
	writable := plan.Writable()
	both := locally.And(remotely)
	for i := range both.All() {
		// Two equal steps of a counter are two steps.
		if !apart.Has(i) && plan.Fields()[i].Merge != rowmap.MergeSum && policy.kind != strictly {
			both.Clear(i)
		}
	}
	both = both.And(writable)
	if policy.kind == failOnAny && !locally.Empty() {
		touched := remotely.And(writable)
		both = both.Or(touched.And(apart))
	}
	for _, unit := range plan.Units() {
		l, r := locally.And(unit), remotely.And(unit)
		differ := apart.And(unit)
		if !l.Empty() && !r.Empty() && !differ.Empty() {
			changed := l.Or(r)
			both = both.Or(changed.And(differ))
		}
	}
	// Untouched columns and those that nobody here may write follow.
	m.theirs = apart.Without(locally)
	readOnly := apart.Without(writable)
	m.theirs = m.theirs.Or(readOnly.And(remotely))
	m.theirs = m.theirs.Without(both)
	m.mine = locally.And(apart)
	m.mine = m.mine.Without(m.theirs)
	sums := both.Without(apart)
	m.mine = m.mine.Or(sums)
	for i := range both.All() {
		m.mine.Clear(i)
		m.settle(t, base, mine, theirs, i, policy)
	}
	return m
}

// settle decides about one column that both sides changed.
func (m *merged) settle(t *Table, base, mine, theirs any, i int, policy Policy) {
	f := &t.plan.Fields()[i]
	switch policy.forField(f) {
	case keepMine:
		m.mine.Set(i)
	case takeTheirs:
		m.theirs.Set(i)
		m.dropped.Set(i)
	case mergeFunc:
		c := conflictIn(t, base, mine, theirs, i)
		merge := policy.merge
		if f.Merge != rowmap.MergeAsk {
			merge = func(c FieldConflict) (any, error) { return calculate(f.Merge, c) }
		}
		v, err := merge(c)
		if err != nil {
			m.conflicts.Set(i)
			return
		}
		m.values = append(m.values, mergedValue{i, v})
		m.mine.Set(i)
	default:
		m.conflicts.Set(i)
	}
}

func conflictIn(t *Table, base, mine, theirs any, i int) FieldConflict {
	p := t.plan
	return FieldConflict{
		Field: p.Fields()[i].Name,
		Base:  p.Value(base, i), Mine: p.Value(mine, i), Theirs: p.Value(theirs, i),
	}
}

// conflictError describes conflicts. It holds copies, since the rows go on to
// change.
func conflictError(t *Table, key, base, mine, theirs any, conflicts rowmap.Bits, origin Origin) *ConflictError {
	e := &ConflictError{Table: t.Name, Key: key, Origin: origin}
	base, mine, theirs = t.plan.Clone(base), t.plan.Clone(mine), t.plan.Clone(theirs)
	for i := range conflicts.All() {
		e.Fields = append(e.Fields, conflictIn(t, base, mine, theirs, i))
	}
	return e
}

var errNoNumber = errors.New("not a number")

// calculate merges numbers as a tag says.
func calculate(how rowmap.Merge, c FieldConflict) (any, error) {
	base, mine, theirs := number(c.Base), number(c.Mine), number(c.Theirs)
	if !base.IsValid() || !mine.IsValid() || !theirs.IsValid() {
		return nil, errNoNumber
	}
	switch {
	case mine.CanInt() && base.CanInt() && theirs.CanInt():
		return integers(how, base.Int(), mine.Int(), theirs.Int())
	case mine.CanUint() && base.CanUint() && theirs.CanUint():
		if b, m, t := base.Uint(), mine.Uint(), theirs.Uint(); max(b, m, t) <= math.MaxInt64 {
			return integers(how, int64(b), int64(m), int64(t))
		}
	case mine.CanFloat() && base.CanFloat() && theirs.CanFloat():
		b, m, t := base.Float(), mine.Float(), theirs.Float()
		switch how {
		case rowmap.MergeSum:
			return t + (m - b), nil
		case rowmap.MergeMax:
			return max(m, t), nil
		default:
			return min(m, t), nil
		}
	}
	return nil, errNoNumber
}

// step adds the change of one row against its base to a column of another, if
// that is a counter, and reports whether it is.
func step(t *Table, base, mine, to any, i int) bool {
	if t.plan.Fields()[i].Merge != rowmap.MergeSum {
		return false
	}
	c := conflictIn(t, base, mine, to, i)
	v, err := calculate(rowmap.MergeSum, c)
	return err == nil && t.plan.SetValue(to, i, v) == nil
}

func integers(how rowmap.Merge, base, mine, theirs int64) (any, error) {
	switch how {
	case rowmap.MergeSum:
		change := mine - base
		sum := theirs + change
		if (mine >= base) != (change >= 0) || (change >= 0) != (sum >= theirs) {
			return nil, fmt.Errorf("sum: %w", errOverflow)
		}
		return sum, nil
	case rowmap.MergeMax:
		return max(mine, theirs), nil
	default:
		return min(mine, theirs), nil
	}
}

var errOverflow = errors.New("overflow")

// number follows pointers.
func number(v any) reflect.Value {
	r := reflect.ValueOf(v)
	for r.IsValid() && r.Kind() == reflect.Pointer {
		r = r.Elem() // invalid behind nil
	}
	return r
}

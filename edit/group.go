package edit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/vantage-go/live/internal/rowmap"
)

// group is a set of operations that are done all or none. It is guarded by
// Writer.stateMu.
type group struct {
	id  uint64
	ops []*Op
}

// adopt makes an operation part of the group, with all that it is together
// with already.
func (g *group) adopt(op *Op) {
	old := op.group
	if old == g {
		return
	}
	if old == nil {
		op.group, op.Group = g, g.id
		g.ops = append(g.ops, op)
		return
	}
	for _, member := range old.ops {
		member.group, member.Group = g, g.id
		g.ops = append(g.ops, member)
	}
	old.ops = nil
}

// leave takes an operation that has ended out of its group.
func (g *group) leave(op *Op) {
	if i := slices.Index(g.ops, op); i >= 0 {
		g.ops = slices.Delete(g.ops, i, i+1)
		op.group, op.Group = nil, 0
	}
}

// grouped reports whether the save, or one that it took the place of, is done together
// with others.
func (p *part) grouped() bool {
	for q := range p.all {
		if q.group() != nil && !q.ended {
			return true
		}
	}
	return false
}

// breakGroup fails what was to be done together with an operation that was not done.
// Saves of no group that only share a row with that are sent all the same, as far as
// they wait.
func (w *Writer) breakGroup(op *Op) {
	g := op.group
	if g == nil {
		return
	}
	err := fmt.Errorf("%w: %s of the same group", ErrDependency, op.Table.Name)
	for _, m := range slices.Clone(g.ops) {
		switch {
		case m.outcome != nil: // it was in the same batch, and is settled next
			m.bereave(err)
		case m.unknown && m.record.inflight == m:
			m.bereft = true
		case m.record.next == m:
			g.leave(m)
			for _, p := range slices.Clone(m.parts) {
				if p.grouped() {
					w.drop(p, err)
				}
			}
		}
	}
	g.leave(op)
}

// bereave has an operation not sent again of whose group another was not done. What may
// have been done is looked up all the same.
func (o *Op) bereave(err error) {
	switch o.outcome.State {
	case Unknown:
		o.bereft = true
	case Unavailable:
		if o.unknown {
			o.bereft = true
			break
		}
		o.tell(Outcome{State: Failed, Err: err})
	default:
		if o.again() {
			o.tell(Outcome{State: Failed, Err: err})
		}
	}
}

// again reports whether the outcome of the operation has it sent again.
func (o *Op) again() bool {
	switch o.outcome.State {
	case Skipped, Locked, Transient, Unavailable:
		return true
	case Conflicting: // it lost a race
		return !o.Refused() && (o.trouble == nil || o.trouble.rebases < maxRebases)
	default:
		return false
	}
}

// fate is what became of a group.
type fate struct {
	refused bool // one was not done, and will not be
	again   bool // one is to be sent again
	unknown bool // one may have been done
}

// fates returns what became of the groups of a batch, nil if there is none.
func fates(batch []*Op) map[uint64]*fate {
	var all map[uint64]*fate
	for _, op := range batch {
		if op.Group == 0 || op.outcome == nil {
			continue
		}
		if all == nil {
			all = make(map[uint64]*fate)
		}
		f := all[op.Group]
		if f == nil {
			f = new(fate)
			all[op.Group] = f
		}
		switch o := op.outcome; {
		case o.State == Done, o.State == Absent && op.Kind == Delete:
		case o.State == Unknown, o.State == Unavailable && op.unknown:
			f.unknown = true
		case op.again():
			f.again = true
		case o.State == Failed && errors.Is(o.Err, ErrDependency): // for another's sake
		default:
			f.refused = true
		}
	}
	return all
}

// lookedUp makes sense of what was found out about the members of a group: if one was
// not done, none was, and if one cannot be looked up, all are looked up once more.
func lookedUp(batch []*Op) {
	all := fates(batch)
	if all == nil {
		return
	}
	for _, op := range batch {
		if op.outcome == nil || op.Group == 0 || op.Refused() {
			continue
		}
		switch f := all[op.Group]; {
		case f.again && op.bereft:
			op.unknown = false
			op.tell(Outcome{State: Failed, Err: fmt.Errorf("%w: another of the same group", ErrDependency)})
		case f.again:
			op.unknown = false
			op.tell(Outcome{State: Skipped})
		case f.unknown && op.unknown && !op.noted:
			op.tell(Outcome{State: Unavailable, Err: op.outcome.Err})
		}
	}
}

// together makes sense of what became of the members of a group that was sent, which is
// one transaction: all are sent again, or none is.
func together(batch []*Op) {
	all := fates(batch)
	for _, op := range batch {
		if op.Group == 0 || op.outcome == nil || op.unknown {
			continue
		}
		undone := op.outcome.State == Failed && errors.Is(op.outcome.Err, ErrDependency)
		switch f := all[op.Group]; {
		case f.refused:
			op.bereave(fmt.Errorf("%w: another of the same group", ErrDependency))
		case f.unknown && (undone || op.again()): // they are looked up together
			op.tell(Outcome{State: Unknown, Err: op.outcome.Err})
		case f.again && undone:
			op.tell(Outcome{State: Skipped})
		}
	}
}

// arrange sorts a batch: parents before those that get their keys from them,
// deletes before updates before inserts, so that unique values are free before
// they are claimed, tables by rank, and rows by key, so that batches of
// several programs lock rows in one order.
func arrange(batch []*Op) {
	if arranged(batch) {
		return
	}
	places := make([]place, len(batch))
	for i, op := range batch {
		places[i] = placeOf(op)
	}
	slices.SortStableFunc(places, comparePlaces)
	for i := range places {
		batch[i] = places[i].op
	}
}

// arranged reports whether a batch is sorted already, as most are.
func arranged(batch []*Op) bool {
	var last place
	for i, op := range batch {
		next := placeOf(op)
		if i > 0 && comparePlaces(last, next) > 0 {
			return false
		}
		last = next
	}
	return true
}

// place is what the place of an operation in a batch depends on.
type place struct {
	op     *Op
	level  int
	number int64 // the key, if it is one integer
	key    []any // the key, if it is anything else
}

func placeOf(op *Op) place {
	p := place{op: op, level: level(op, 0)}
	if op.Kind == Insert {
		return p
	}
	number, ok := op.Table.plan.IntKey(op.Base)
	if p.number = number; !ok {
		p.key = op.Key()
	}
	return p
}

func comparePlaces(x, y place) int {
	a, b := x.op, y.op
	if c := cmp.Or(cmp.Compare(x.level, y.level), cmp.Compare(phase(a), phase(b))); c != 0 {
		return c
	}
	if a.Table != b.Table {
		rank := cmp.Compare(a.Table.Rank, b.Table.Rank)
		if a.Kind == Delete {
			rank = -rank
		}
		if c := cmp.Or(rank, cmp.Compare(a.Table.Schema, b.Table.Schema), cmp.Compare(a.Table.Name, b.Table.Name)); c != 0 {
			return c
		}
	}
	if a.Kind == Insert {
		return 0 // the order of acceptance: keys may not be there yet
	}
	return cmp.Or(cmp.Compare(x.number, y.number), rowmap.CompareKeys(x.key, y.key))
}

func phase(op *Op) int {
	switch op.Kind {
	case Delete:
		return 0
	case Update:
		return 1
	default:
		return 2
	}
}

// level is how many parents stand above an operation. Links have no cycles:
// a session can be linked to a new record only before that is saved.
func level(op *Op, depth int) int {
	n := 0
	for _, l := range op.Links {
		if depth < maxDepth {
			n = max(n, 1+level(l.Parent, depth+1))
		}
	}
	return n
}

// maxDepth ends a search that a cycle of links would not let end.
const maxDepth = 64

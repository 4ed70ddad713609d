package edit

import (
	"cmp"
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

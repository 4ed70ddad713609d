package table

import "fmt"

// Op is what happened to a row, as a program sees it.
type Op uint8

// The kinds of differences.
const (
	Inserted Op = iota + 1
	Updated
	Deleted
)

func (o Op) String() string {
	switch o {
	case Inserted:
		return "inserted"
	case Updated:
		return "updated"
	case Deleted:
		return "deleted"
	}
	return "none"
}

// Origin tells who made a change.
type Origin uint8

// The origins.
const (
	// Remote: it was found in the database.
	Remote Origin = iota
	// Local: it was made through this table.
	Local
)

func (o Origin) String() string {
	if o == Local {
		return "local"
	}
	return "remote"
}

// Diff is the difference that a change has made to one row.
type Diff[K comparable, T any] struct {
	Op     Op
	Key    K
	Origin Origin

	old, new *T
}

// Old returns the row before; the zero row if it was inserted.
func (d *Diff[K, T]) Old() (row T) {
	if d.old != nil {
		row = *d.old
	}
	return row
}

// New returns the row after; the zero row if it was deleted.
func (d *Diff[K, T]) New() (row T) {
	if d.new != nil {
		row = *d.new
	}
	return row
}

// String tells what happened to which row, with its values, for people:
//
//	updated 7: {ID:7 Name:Rye} → {ID:7 Name:Crust}
func (d Diff[K, T]) String() string {
	switch d.Op {
	case Inserted:
		return fmt.Sprintf("inserted %v: %+v", d.Key, d.New())
	case Updated:
		return fmt.Sprintf("updated %v: %+v → %+v", d.Key, d.Old(), d.New())
	case Deleted:
		return fmt.Sprintf("deleted %v: %+v", d.Key, d.Old())
	}
	return fmt.Sprintf("%v %v", d.Op, d.Key)
}

// diff makes the difference between two rows, of which nil is none.
func diff[K comparable, T any](key K, before, after *T, origin Origin) Diff[K, T] {
	d := Diff[K, T]{Key: key, Origin: origin, old: before, new: after}
	switch {
	case before == nil && after != nil:
		d.Op = Inserted
	case before != nil && after == nil:
		d.Op = Deleted
	case before != nil:
		d.Op = Updated
	}
	return d
}

// then joins two differences of one row. One that comes to nothing has no Op.
func (d Diff[K, T]) then(next Diff[K, T], equal func(a, b *T) bool) Diff[K, T] {
	origin := Local
	if d.Origin == Remote || next.Origin == Remote {
		origin = Remote
	}
	joined := diff(d.Key, d.old, next.new, origin)
	if joined.Op == Updated && equal(d.old, next.new) {
		joined.Op = 0
	}
	return joined
}

package edit

import (
	"fmt"
	"slices"
	"time"

	"github.com/vantage-go/live/internal/rowmap"
)

// OpKind is what an operation does to its row.
type OpKind uint8

// The kinds of operations.
const (
	Insert OpKind = iota + 1
	Update
	Delete
)

func (k OpKind) String() string {
	return [...]string{"none", "insert", "update", "delete"}[k]
}

// Op is one operation on one row, made for a [Store]. It may stand for several
// saves.
type Op struct {
	Table *Table
	Kind  OpKind
	Base  any     // the row that the change was made on; nil for an insert
	Row   any     // the row with the values to write; nil for a delete
	Set   Columns // the columns to write
	Group uint64  // operations of one group are done all or none; 0 is no group
	Links []Link  // columns that get their value from operations of the same group

	record    *record
	parts     []*part
	refused   []*part // which Rebase or compose found in conflict
	latest    any     // newest known row when the operation was taken from the queue
	group     *group
	attempts  int
	rebases   int
	queued    time.Time
	notBefore time.Time
	slow      bool // in the lane of locked rows
	unknown   bool // to be looked up before it is sent again
	second    bool // failed among others, and gets a chance after them
	taken     []*part
	alone     [1]*part // backs parts: mostly there is one
	told      bool     // outcome is that of the batch that is under way
	whole     bool     // latest was read
	outcome   Outcome
	place     neighbours
	sentAs    []string // the saves that it stood for when it was sent last
	noted     bool     // a ledger knows that it was done: the row may have moved on since
	bytes     int
	lastErr   error
}

// Link is a column of an operation that takes the key of a row which another
// operation of the same group inserts before it.
type Link struct {
	Column int
	Parent *Op
}

// Key returns the values of the key columns.
func (o *Op) Key() []any {
	if o.Base != nil {
		return o.Table.keyParts(o.Base)
	}
	return o.Table.keyParts(o.Row)
}

// Whole reports whether Base is a row that a store or a display has read: its
// columns are what the database has, as long as the version is the same. A row
// that the caller of [Editor.EditRow] has brought may lack some.
func (o *Op) Whole() bool { return o.whole && o.Base == o.latest }

// Check returns the columns whose values must still be those of Base if the
// table has no version: those that are written, with the rest of their groups,
// or all if any change counts. Columns that the database compares in its own
// way are left to Rebase, which then sees every row of such a column.
//
// Where there is a token, it alone tells.
func (o *Op) Check() Columns {
	plan := o.Table.plan
	if i, ok := plan.Token(); ok {
		var token Columns
		token.Set(i)
		return token
	}
	check := o.Set
	for _, unit := range plan.Units() {
		if touched := check.And(unit); !touched.Empty() {
			check = check.Or(unit)
		}
	}
	if o.Kind == Delete || o.Table.policy.kind == failOnAny {
		check = plan.Writable()
	}
	return check.Without(plan.Key())
}

// Fill gives the linked columns their value after the parent was inserted.
func (o *Op) Fill(parent *Op, row any) error {
	for _, l := range o.Links {
		if l.Parent != parent {
			continue
		}
		key := parent.Table.keyParts(row)
		if len(key) != 1 {
			return fmt.Errorf("edit: %s: link to %s, whose key has %d columns", o.Table.Name, parent.Table.Name, len(key))
		}
		if err := o.Table.plan.SetValue(o.Row, l.Column, key[0]); err != nil {
			return err
		}
		o.Set.Set(l.Column)
	}
	return nil
}

// Rebase brings the operation up to the row as it is now, which the store has
// locked, and reports whether there is anything left to send. Saves that
// conflict with the row drop out.
func (o *Op) Rebase(current any) bool {
	o.latest = current
	o.compose()
	return len(o.parts) > 0 && (o.Kind == Delete || !o.Set.Empty())
}

// Refused reports whether Rebase found nothing but conflicts. An operation
// that is not refused and has nothing left to send is done.
func (o *Op) Refused() bool { return len(o.parts) == 0 }

// compose makes one operation of the saves that it stands for.
func (o *Op) compose() {
	refuses := func(p *part) bool {
		return o.Kind != Insert && p.base != o.latest && !p.rebase(o.Table, o.latest)
	}
	if first := slices.IndexFunc(o.parts, refuses); first >= 0 {
		kept := slices.Clone(o.parts[:first]) // taken is the same slice
		o.refused = append(o.refused, o.parts[first])
		for _, p := range o.parts[first+1:] {
			if refuses(p) {
				o.refused = append(o.refused, p)
			} else {
				kept = append(kept, p)
			}
		}
		o.parts = kept
	}
	kept := o.parts
	if len(kept) == 0 {
		return
	}
	last := kept[len(kept)-1]
	o.Set, o.Row = last.set, last.row
	if o.Kind != Insert {
		o.Base = o.latest
	}
	if o.Kind == Delete {
		o.Set = Columns{}
		return
	}
	if len(kept) == 1 {
		return
	}
	// Several sessions: the later save wins, column by column.
	plan := o.Table.plan
	o.Row = plan.Clone(o.Row)
	for i := len(kept) - 2; i >= 0; i-- {
		p := kept[i]
		overridden := p.set.And(o.Set)
		for c := range overridden.All() {
			if step(o.Table, o.latest, p.row, o.Row, c) {
				overridden.Clear(c)
			}
		}
		p.superseded = plan.DiffIn(p.row, o.Row, overridden)
		plan.CopyIn(o.Row, p.row, p.set.Without(o.Set))
		o.Set = o.Set.Or(p.set)
	}
}

// recall makes the operation what it was when a process sent it that is no
// more.
func (o *Op) recall() {
	p := o.parts[len(o.parts)-1]
	o.Set, o.Row, o.Base = p.set, p.row, p.base
	if o.Kind == Delete {
		o.Set, o.Row = Columns{}, nil
	}
}

// part is one save that an operation stands for.
type part struct {
	kind     OpKind
	box      *inbox
	table    *Table
	base     any     // the row that the change was made on
	row      any     // the row with the changes
	set      Columns // what is still to be written
	asked    Columns // what the caller changed
	typed    any     // V at the time of the save
	held     any     // the same as V counts now; the session's own
	skipped  Columns // what the caller changed and nobody can write
	policy   Policy
	links    []parentLink
	linked   Columns
	pending  *pending
	shown    Shown // by a display, nil if by none
	replaced *part // an earlier save of the session, whose changes are in this one
	group    *group
	queued   time.Time
	since    time.Time // when a save of this name was accepted first
	bytes    int       // estimated size of the values, 0 until it is asked for
	key      any       // of the record, when the operation was taken from the queue
	origin   Origin

	lost []FieldOutcome // which a merge dropped before the save was accepted
	prev *part          // the session's save before this one

	over   *sent  // an operation of the record that was under way when this save came, and is done
	owned  bool   // row is not shared with typed any more
	id     string // names the save in the outbox and the ledger; "" without either
	after  string // the save that makes the record, whose key is not known yet
	kept   bool   // the outbox has it
	ended  bool
	lent   bool // the id belongs to the save that this one had taken the place of
	replay bool // it comes from the outbox, and may have been done

	rebased    bool
	written    Columns // in the database already, when the operation was made
	dropped    Columns
	superseded Columns
	conflict   *ConflictError
}

// sent is what an earlier operation wrote, and what was stored then.
type sent struct {
	row    any
	set    Columns
	stored any
	parts  []*part
}

// parentLink is a column that takes the key of another session's new record.
type parentLink struct {
	column   int
	parent   *inbox
	together bool // the parent is saved in the same group
}

// rebase brings a save up to a newer row. It returns false if they conflict.
func (p *part) rebase(t *Table, current any) bool {
	plan := t.plan
	base := p.base
	if p.over != nil {
		// What the earlier operation wrote is no change of someone else.
		base = p.overtaken()
	}
	if p.kind == Delete {
		return p.rebaseDelete(t, base, current)
	}
	m := threeWay(t, base, p.row, current, p.set, p.policy)
	if !m.conflicts.Empty() {
		p.conflict = conflictError(t, p.key, base, p.row, current, m.conflicts, p.origin)
		return false
	}
	if len(m.values) > 0 {
		p.own()
	}
	for _, v := range m.values {
		if err := plan.SetValue(p.row, v.column, v.value); err != nil {
			var one rowmap.Bits
			one.Set(v.column)
			p.conflict = conflictError(t, p.key, base, p.row, current, one, Remote)
			return false
		}
	}
	elsewhere := plan.Diff(current, base)
	p.rebased = p.rebased || !elsewhere.Empty()
	p.dropped = p.dropped.Or(m.dropped)
	converged := p.set.Without(m.mine)
	p.written = p.written.Or(converged.Without(m.dropped))
	p.set, p.base = m.mine, current
	return true
}

// overtaken is the base of a save that came while an earlier operation was
// under way: what that wrote is no change of someone else.
func (p *part) overtaken() any {
	plan := p.table.plan
	over := p.over
	p.over = nil
	var own *part // what the session itself wrote with that operation
	for _, q := range over.parts {
		if q.box == p.box {
			own = q
		}
	}
	base := plan.Clone(p.base)
	for i := range over.set.All() {
		switch {
		case plan.Fields()[i].Merge == rowmap.MergeSum:
			// Steps of a counter that others took count as well.
			if own != nil {
				plan.Copy(base, own.typed, i)
			}
			continue
		case p.set.Has(i) && plan.Same(p.row, over.row, i):
			p.set.Clear(i)
			p.written.Set(i)
		}
		plan.Copy(base, over.stored, i)
	}
	return base
}

// rebaseDelete lets a record that others changed since be deleted only if that
// is the policy.
func (p *part) rebaseDelete(t *Table, base, current any) bool {
	changed := t.plan.DiffIn(current, base, t.plan.Writable())
	if !changed.Empty() && p.policy.kind != keepMine {
		p.conflict = conflictError(t, p.key, base, base, current, changed, p.origin)
		return false
	}
	p.rebased = p.rebased || !changed.Empty()
	p.base = current
	return true
}

// own makes row a row of the save's own, where it was what the caller typed.
func (p *part) own() {
	if !p.owned {
		p.row, p.owned = p.table.plan.Clone(p.row), true
	}
}

// orphaned reports whether the save refers to a new record that nobody saves.
func (p *part) orphaned() bool {
	for _, l := range p.links {
		r := l.parent.record
		if !l.parent.created && r.next == nil && r.inflight == nil && !l.together {
			return true
		}
	}
	return false
}

// parts0 is the latest save that the operation stands for, or what it was
// when the operation was sent last.
func (o *Op) parts0() *part {
	if n := len(o.parts); n > 0 {
		return o.parts[n-1]
	}
	return o.taken[len(o.taken)-1]
}

// all yields the save and those that it replaced.
func (p *part) all(yield func(*part) bool) {
	for ; p != nil; p = p.replaced {
		if !yield(p) {
			return
		}
	}
}

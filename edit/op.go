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
	Base  any     // the row that the change was made on; nil for an insert
	Row   any     // the row with the values to write; nil for a delete
	Set   Columns // the columns to write
	Group uint64  // operations of one group are done all or none; 0 is no group
	Links []Link  // columns that get their value from operations of the same group
	Kind  OpKind

	slow    bool // in the lane of locked rows
	unknown bool // to be looked up before it is sent again
	second  bool // failed among others, and gets a chance after them
	whole   bool // latest was read
	bereft  bool // to be looked up, and not to be sent again: another of its group was not done
	noted   bool // a ledger knows that it was done: the row may have moved on since
	waits   bool // in the queue

	record   *record
	parts    []*part
	taken    []*part
	first    [1]*part // the save that made it; backs parts: mostly there is one
	latest   any      // newest known row when the operation was taken from the queue
	group    *group
	attempts int
	bytes    int
	outcome  *Outcome // of the batch that is under way, nil until it is known
	place    neighbours
	trouble  *trouble // nil as long as there was none
}

// trouble is what most operations have no use for: a queue may hold many.
type trouble struct {
	refused   []*part // which Rebase or compose found in conflict
	rebases   int
	notBefore time.Time
	lastErr   error
	sentAs    []string // the saves that the operation stood for when it was sent last
}

// troubled returns what trouble the operation has, to be written to.
func (o *Op) troubled() *trouble {
	if o.trouble == nil {
		o.trouble = new(trouble)
	}
	return o.trouble
}

// refused are the saves that Rebase or compose found in conflict.
func (o *Op) refused() []*part {
	if o.trouble == nil {
		return nil
	}
	return o.trouble.refused
}

// refuse notes saves in conflict.
func (o *Op) refuse(parts ...*part) {
	t := o.troubled()
	t.refused = append(t.refused, parts...)
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
// conflict with the row drop out, and if one of them is of a group, all do.
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
		return o.Kind != Insert && p.base != o.latest && !p.rebase(o, o.latest)
	}
	if first := slices.IndexFunc(o.parts, refuses); first >= 0 {
		kept := slices.Clone(o.parts[:first]) // taken is the same slice
		o.refuse(o.parts[first])
		for _, p := range o.parts[first+1:] {
			if refuses(p) {
				o.refuse(p)
			} else {
				kept = append(kept, p)
			}
		}
		if slices.ContainsFunc(o.trouble.refused, (*part).grouped) {
			// The operation is the group's: none of it can be done, and what others
			// saved with it is not sent apart from what they have not asked for.
			o.refuse(kept...)
			kept = nil
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
		if superseded := plan.DiffIn(p.row, o.Row, overridden); p.except != nil || !superseded.Empty() {
			p.excepted().superseded = superseded
		}
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

// part is one save that an operation stands for. There is one for each save that
// waits: what most of them have no use for is apart.
type part struct {
	kind    OpKind
	origin  Origin
	owned   bool // row is not shared with typed any more
	rebased bool
	ended   bool
	kept    bool // the outbox has it
	replay  bool // it comes from the outbox, and may have been done
	spent   bool // it has ended, and nobody but its session knows of it and of own any more

	box     *inbox
	base    any     // the row that the change was made on
	row     any     // the row with the changes
	set     Columns // what is still to be written
	asked   Columns // what the caller changed
	typed   any     // V at the time of the save
	held    any     // the same as V counts now; the session's own
	policy  *Policy // immutable
	pending *pending
	shown   Shown // by a display, nil if by none
	bytes   int   // estimated size of the values, 0 until it is asked for
	own     *Op   // for the save to be an operation, until it is one or joins one; may be nil
	ties    *ties
	named   *named
	except  *exceptions
}

// table is that of the record.
func (p *part) table() *Table { return p.box.table }

// queued is when the save was accepted.
func (p *part) queued() time.Time { return p.pending.outcome.queued }

// ties are what a save has to do with others.
type ties struct {
	links    []parentLink
	replaced *part // an earlier save of the session, whose changes are in this one
	over     *sent // an operation of the record that was under way when this save came, and is done
	group    *group
}

// tied returns what the save has to do with others, to be written to.
func (p *part) tied() *ties {
	if p.ties == nil {
		p.ties = new(ties)
	}
	return p.ties
}

func (p *part) links() []parentLink {
	if p.ties == nil {
		return nil
	}
	return p.ties.links
}

func (p *part) replaced() *part {
	if p.ties == nil {
		return nil
	}
	return p.ties.replaced
}

func (p *part) over() *sent {
	if p.ties == nil {
		return nil
	}
	return p.ties.over
}

func (p *part) group() *group {
	if p.ties == nil {
		return nil
	}
	return p.ties.group
}

// start is a save and the operation that it mostly becomes, which live about as long.
type start struct {
	part part
	op   Op
}

// exhaust notes that the save, and the operation that it was, are known to nobody but
// the session any more, which may use them again.
func (p *part) exhaust(o *Op) { p.own, p.spent = o, true }

// empty makes a save that is spent a new one.
func (p *part) empty() *part {
	own := p.own
	*own, *p = Op{}, part{own: own}
	return p
}

// operation returns an operation for a save that joins none.
func (p *part) operation() *Op {
	op := p.own
	if p.own = nil; op == nil {
		op = new(Op)
	}
	return op
}

// named is what an outbox and a ledger know a save by.
type named struct {
	id    string
	after string    // the save that makes the record, whose key is not known yet
	since time.Time // when a save of this name was accepted first
	lent  bool      // the id belongs to the save that this one had taken the place of
}

// id names the save in the outbox and the ledger; it is "" without either.
func (p *part) id() string {
	if p.named == nil {
		return ""
	}
	return p.named.id
}

// exceptions are where a save is not just what the caller asked for.
type exceptions struct {
	skipped    Columns        // what the caller changed and nobody can write
	lost       []FieldOutcome // which a merge dropped before the save was accepted
	written    Columns        // in the database already, when the operation was made
	dropped    Columns
	superseded Columns
	conflict   *ConflictError
}

// excepted returns the exceptions of the save, to be written to.
func (p *part) excepted() *exceptions {
	if p.except == nil {
		p.except = new(exceptions)
	}
	return p.except
}

// linked are the columns that take the keys of other records.
func (p *part) linked() Columns {
	var linked Columns
	for _, l := range p.links() {
		linked.Set(l.column)
	}
	return linked
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
func (p *part) rebase(o *Op, current any) bool {
	t, plan, key := o.Table, o.Table.plan, o.record.key
	base := p.base
	if p.over() != nil {
		// What the earlier operation wrote is no change of someone else.
		base = p.overtaken()
	}
	if p.kind == Delete {
		return p.rebaseDelete(o, base, current)
	}
	m := threeWay(t, base, p.row, current, p.set, *p.policy)
	if !m.conflicts.Empty() {
		p.excepted().conflict = conflictError(t, key, base, p.row, current, m.conflicts, p.origin)
		return false
	}
	if len(m.values) > 0 {
		p.unshare()
	}
	for _, v := range m.values {
		if err := plan.SetValue(p.row, v.column, v.value); err != nil {
			var one rowmap.Bits
			one.Set(v.column)
			p.excepted().conflict = conflictError(t, key, base, p.row, current, one, Remote)
			return false
		}
	}
	elsewhere := plan.Diff(current, base)
	p.rebased = p.rebased || !elsewhere.Empty()
	if converged := p.set.Without(m.mine); !converged.Empty() || !m.dropped.Empty() {
		x := p.excepted()
		x.dropped = x.dropped.Or(m.dropped)
		x.written = x.written.Or(converged.Without(m.dropped))
	}
	p.set, p.base = m.mine, current
	return true
}

// overtaken is the base of a save that came while an earlier operation was
// under way: what that wrote is no change of someone else.
func (p *part) overtaken() any {
	plan := p.table().plan
	over := p.over()
	p.ties.over = nil
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
			p.excepted().written.Set(i)
		}
		plan.Copy(base, over.stored, i)
	}
	return base
}

// rebaseDelete lets a record that others changed since be deleted only if that
// is the policy.
func (p *part) rebaseDelete(o *Op, base, current any) bool {
	t := o.Table
	changed := t.plan.DiffIn(current, base, t.plan.Writable())
	if !changed.Empty() && p.policy.kind != keepMine {
		p.excepted().conflict = conflictError(t, o.record.key, base, base, current, changed, p.origin)
		return false
	}
	p.rebased = p.rebased || !changed.Empty()
	p.base = current
	return true
}

// unshare makes row a row of the save's own, where it was what the caller typed.
func (p *part) unshare() {
	if !p.owned {
		p.row, p.owned = p.table().plan.Clone(p.row), true
	}
}

// orphaned reports whether the save refers to a new record that nobody saves.
func (p *part) orphaned() bool {
	for _, l := range p.links() {
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
	for ; p != nil; p = p.replaced() {
		if !yield(p) {
			return
		}
	}
}

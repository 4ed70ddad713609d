package sqlstore

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"

	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/internal/rowmap"
)

// Apply implements [edit.Store].
func (s *Store) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	out := outcomesOf(ops)
	s.apply(ctx, ops, out)
	for i, op := range ops {
		if o := &out.all[i]; o.State == edit.Failed && errors.Is(o.Err, edit.ErrDuplicate) {
			s.nameColumns(ctx, op.Table, o.Err)
		}
	}
	return out.all
}

func (s *Store) apply(ctx context.Context, ops []*edit.Op, out *outcomes) {
	l, err := s.take(ctx)
	if err != nil {
		out.setAll(s.outcome(ops[0].Table, err))
		return
	}
	b := &batch{store: s, engine: s.engine, link: l, out: out}
	returned := false
	defer func() { s.put(l, b.broken || !returned) }() // a method of a value may panic
	s.learn(ctx, l, ops)
	l.bound(ctx)
	if !b.alone(ctx, ops) {
		b.transaction(ctx, ops)
	}
	returned = true
}

// ApplyTx implements [edit.TxStore].
func (s *Store) ApplyTx(ctx context.Context, tx *sql.Tx, ops []*edit.Op) []edit.Outcome {
	l := newLink(s.engine, tx)
	l.oneByOne = true
	b := &batch{store: s, engine: s.engine, link: l, out: outcomesOf(ops)}
	err := b.work(ctx, ops)
	for _, op := range b.missed {
		if err == nil {
			err = b.around(ctx, []*edit.Op{op})
		}
	}
	for _, stmt := range l.stmts {
		_ = stmt.Close()
	}
	if err != nil {
		b.fatal(ops, err)
	}
	return b.out.all
}

// outcome makes an outcome of an error.
func (s *Store) outcome(t *edit.Table, err error) edit.Outcome {
	f := understand(s.engine, err)
	return edit.Outcome{State: f.state, Err: f.failure(t, err)}
}

// outcomes collects what became of operations.
type outcomes struct {
	ops   []*edit.Op
	all   []edit.Outcome // of the operation at the same place
	known []bool
	next  int              // where the operation may stand that is asked for next, or one before that, or the first
	place map[*edit.Op]int // if it was ever needed
}

func outcomesOf(ops []*edit.Op) *outcomes {
	return &outcomes{ops: ops, all: make([]edit.Outcome, len(ops)), known: make([]bool, len(ops))}
}

// at is the place of an operation. Mostly they are asked for in their order, again and
// again.
func (o *outcomes) at(op *edit.Op) int {
	if o.ops[0] == op {
		o.next = 1
		return 0
	}
	for i := max(o.next-1, 0); i < len(o.ops) && i <= o.next; i++ {
		if o.ops[i] == op {
			o.next = i + 1
			return i
		}
	}
	if o.place == nil {
		o.place = make(map[*edit.Op]int, len(o.ops))
		for i, op := range o.ops {
			o.place[op] = i
		}
	}
	i, ok := o.place[op]
	if !ok {
		panic("sqlstore: not an operation of the batch")
	}
	o.next = i + 1
	return i
}

// hint says where the operation stands that is asked for next, where that is not the
// order: without it, a batch needs a map.
func (o *outcomes) hint(place int) { o.next = place }

func (o *outcomes) set(op *edit.Op, outcome edit.Outcome) {
	i := o.at(op)
	o.all[i], o.known[i] = outcome, true
}

func (o *outcomes) setAll(outcome edit.Outcome) {
	for i := range o.all {
		o.all[i], o.known[i] = outcome, true
	}
}

// of returns what became of an operation as far as that is known.
func (o *outcomes) of(op *edit.Op) edit.Outcome { return o.all[o.at(op)] }

func (o *outcomes) has(op *edit.Op) bool { return o.known[o.at(op)] }

func (o *outcomes) forget(op *edit.Op) {
	i := o.at(op)
	o.all[i], o.known[i] = edit.Outcome{}, false
}

// refuse notes that the database refused one operation of a loop, and reports
// whether the others can go on.
func (o *outcomes) refuse(e engine, op *edit.Op, err error) bool {
	f := understand(e, err)
	if f.state != edit.Failed {
		return false
	}
	o.set(op, edit.Outcome{State: edit.Failed, Err: f.failure(op.Table, err)})
	return true
}

// batch carries out operations on one connection.
type batch struct {
	store  *Store
	engine engine
	link   *link
	out    *outcomes
	missed []*edit.Op // which were not written
	single bool       // the transaction is one run, without a savepoint before it
	cause  error      // what the only run of the transaction has failed with before
	broken bool       // the connection is of no use any more
}

// transaction carries out operations in one transaction. What the database
// only finds at the end, it finds again in smaller ones.
func (b *batch) transaction(ctx context.Context, ops []*edit.Op) {
	if err := b.engine.begin(ctx, b.link); err != nil {
		b.fatal(ops, err)
		return
	}
	b.missed, b.link.mark = nil, ""
	b.single = b.cause == nil && oneRun(ops)
	var err error
	if !b.marksItself(ops) {
		b.link.mark, err = b.engine.mark(ctx, b.link)
	}
	if err == nil {
		err = b.work(ctx, ops)
	}
	if errors.Is(err, errApart) {
		b.apart(ctx, ops)
		return
	}
	if errors.Is(err, errOneByOne) && !b.link.oneByOne {
		b.rollback(ctx)
		b.link.oneByOne = true
		b.transaction(ctx, ops)
		b.link.oneByOne = false
		return
	}
	if errors.Is(err, errTold) {
		b.rollback(ctx)
		b.link.told = true
		b.transaction(ctx, ops)
		b.link.told = false
		return
	}
	if err == nil {
		err = b.note(ctx, ops)
	}
	if err == nil && b.link.mark == "" { // the rows came back after all
		b.link.mark, err = b.engine.mark(ctx, b.link)
	}
	if err != nil {
		b.fatal(ops, err)
		b.rollback(ctx)
		return
	}
	if err := b.commit(ctx); err != nil {
		b.notCommitted(ctx, ops, b.link.mark, err)
		return
	}
	b.second(ctx)
}

// commit ends the transaction. On SQLite nothing is won by interrupting that.
func (b *batch) commit(ctx context.Context) error {
	if _, ok := b.engine.(sqlite); ok {
		ctx = context.WithoutCancel(ctx)
	}
	return b.link.plain(ctx, "COMMIT")
}

// marksItself reports whether the only statement of the transaction returns its
// mark.
func (b *batch) marksItself(ops []*edit.Op) bool {
	p, ok := b.engine.(*postgres)
	return ok && b.single && p.marks(b.link, ops)
}

// apart ends a transaction whose only run has failed, and begins another one to
// find out which operations the database refuses.
func (b *batch) apart(ctx context.Context, ops []*edit.Op) {
	b.rollback(ctx)
	switch {
	case b.broken:
		b.cause = nil
		b.fatal(ops, errRollback)
	case len(ops) == 1:
		b.out.set(ops[0], b.store.outcome(ops[0].Table, b.cause))
		b.cause = nil
	default:
		b.transaction(ctx, ops)
	}
}

// errRollback is met when a transaction could not even be rolled back.
var errRollback = fmt.Errorf("edit: connection lost: %w", sqldriver.ErrBadConn)

// alone carries out updates or deletes without a transaction around them, where one
// statement does all: three round trips less. Only rows that were not written are
// looked at in a transaction. It returns false if that is no way to do it.
func (b *batch) alone(ctx context.Context, ops []*edit.Op) bool {
	if !b.mayBeAlone(ops) {
		return false
	}
	l := b.link
	err := b.runAlone(ctx, ops)
	if err == nil {
		for _, op := range ops {
			if !b.out.has(op) {
				b.missed = append(b.missed, op)
			}
		}
		b.second(ctx)
		return true
	}
	state := understand(b.engine, err).state
	switch {
	case lost(err):
		b.severed(ctx, ops, err)
	case l.sent && !answered(err):
		// The driver, or who takes what it gives, has refused what the server said of a
		// statement that was done.
		for _, op := range ops {
			if !b.out.has(op) {
				b.out.set(op, edit.Outcome{State: edit.Unknown, Err: err})
			}
		}
	case len(ops) == 1, state == edit.Transient, state == edit.Unavailable:
		b.broken = b.broken || outdated(err)
		b.out.setAll(b.store.outcome(ops[0].Table, err))
	case b.broken: // nothing of it was done, and this is no connection to go on with
		b.out.setAll(edit.Outcome{State: edit.Transient, Err: err})
	default: // nothing of it was done: a transaction finds out which of them the database refuses
		b.cause = err
		b.transaction(ctx, ops)
	}
	return true
}

// runAlone runs the statement.
func (b *batch) runAlone(ctx context.Context, ops []*edit.Op) error {
	l := b.link
	l.mark, l.alone, l.sent = "", true, false
	quiet, watch := l.uncancelled(ctx)
	defer func() { l.alone, b.broken = false, !watch.ended() }()
	return b.engine.run(quiet, l, ops, b.out)
}

func (b *batch) mayBeAlone(ops []*edit.Op) bool {
	op := ops[0]
	if _, ok := b.engine.(*postgres); !ok || op.Kind == edit.Insert || !op.Table.Plan().Keyed() {
		return false
	}
	if len(ops) > 1 && (counting(op) || !oneRun(ops)) {
		return false
	}
	for _, op := range ops {
		if op.Group != 0 || !comparable(op) || b.store.ledger && len(op.Saves()) > 0 {
			return false
		}
	}
	return true
}

// counting reports whether an operation sets columns that others count, too: whether
// one was done cannot be seen from its row.
func counting(op *edit.Op) bool {
	for i := range op.Set.All() {
		if op.Table.Plan().Fields()[i].Merge == rowmap.MergeSum {
			return true
		}
	}
	return false
}

// severed finds out what became of a statement that was a transaction by itself, and
// whose connection was lost. Its rows came before it was committed.
func (b *batch) severed(ctx context.Context, ops []*edit.Op, err error) {
	b.broken = true
	state := edit.Unknown
	if b.link.mark != "" {
		b.link.discard() // so that the server notices, too
		state = b.engine.resolve(ctx, b.store.db, b.link.mark)
	}
	for _, op := range ops {
		switch {
		case state != edit.Done:
			b.out.set(op, edit.Outcome{State: state, Err: fmt.Errorf("edit: connection lost: %w", err)})
		case !b.out.has(op): // its row did not come, or it has none
			b.out.set(op, edit.Outcome{State: edit.Unknown, Err: err})
		}
	}
}

// fatal gives all operations the state of an error that ended the transaction
// before its end.
func (b *batch) fatal(ops []*edit.Op, err error) {
	b.broken = b.broken || lost(err) || outdated(err)
	o := b.store.outcome(ops[0].Table, err)
	if errors.Is(err, errNoted) {
		o = edit.Outcome{State: edit.Unknown, Err: err} // it will be found in the ledger
	}
	for _, op := range ops {
		if op.Refused() {
			b.out.set(op, edit.Outcome{State: edit.Conflicting, Row: b.out.of(op).Row})
			continue
		}
		b.out.set(op, o)
	}
}

func (b *batch) rollback(ctx context.Context) {
	if b.broken {
		return
	}
	if err := b.link.plain(context.WithoutCancel(ctx), "ROLLBACK"); err != nil {
		b.broken = true
	}
}

// notCommitted finds out what became of a transaction whose COMMIT failed.
func (b *batch) notCommitted(ctx context.Context, ops []*edit.Op, mark string, err error) {
	if !lost(err) {
		b.rollback(ctx)
		if f := understand(b.engine, err); f.state == edit.Failed && len(units(ops)) > 1 {
			for _, op := range ops { // nothing of it was done
				b.out.forget(op)
			}
			for _, unit := range units(ops) { // a deferred constraint: whose, nobody tells
				if !b.broken {
					b.transaction(ctx, unit)
				}
			}
			return
		}
		b.fatal(ops, err)
		return
	}
	b.broken = true
	b.link.discard() // so that the server notices, too
	state := edit.Unknown
	if mark != "" {
		state = b.engine.resolve(ctx, b.store.db, mark)
	}
	if state == edit.Done {
		return // the outcomes stand
	}
	for _, op := range ops {
		if b.out.of(op).State == edit.Done {
			b.out.set(op, edit.Outcome{State: state, Err: fmt.Errorf("edit: connection lost in COMMIT: %w", err)})
		}
	}
}

// units splits operations into what may be done apart.
func units(ops []*edit.Op) [][]*edit.Op {
	all := make([][]*edit.Op, 0, len(ops))
	groups := make(map[uint64]int)
	for i, op := range ops {
		if op.Group == 0 {
			all = append(all, ops[i:i+1:i+1])
			continue
		}
		at, ok := groups[op.Group]
		if !ok {
			groups[op.Group] = len(all)
			all = append(all, []*edit.Op{op})
			continue
		}
		all[at] = append(all[at], op)
	}
	return all
}

// work carries out operations within a transaction: single ones in runs, then
// group by group. An error ends the transaction.
func (b *batch) work(ctx context.Context, ops []*edit.Op) error {
	single, groups := ops, [][]*edit.Op(nil)
	if !b.single {
		single = nil
		for _, unit := range units(ops) {
			if unit[0].Group == 0 {
				single = append(single, unit...)
			} else {
				groups = append(groups, unit)
			}
		}
	}
	for len(single) > 0 {
		n := 1
		for n < len(single) && alike(single[0], single[n]) {
			n++
		}
		if err := b.isolate(ctx, single[:n], 0); err != nil {
			return err
		}
		single = single[n:]
	}
	for _, group := range groups {
		if err := b.group(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// oneRun reports whether one run does all operations.
func oneRun(ops []*edit.Op) bool {
	for _, op := range ops {
		if op.Group != 0 || !alike(ops[0], op) {
			return false
		}
	}
	return true
}

// alike reports whether operations can be done by one statement.
func alike(a, b *edit.Op) bool { return a.Table == b.Table && a.Kind == b.Kind && a.Set == b.Set }

// group carries out the operations of one group, all or none.
func (b *batch) group(ctx context.Context, ops []*edit.Op) error {
	const savepoint = "livesql_group"
	if err := b.link.plain(ctx, "SAVEPOINT "+savepoint); err != nil {
		return err
	}
	for _, op := range ops {
		err := b.run(ctx, []*edit.Op{op})
		if err != nil {
			f := understand(b.engine, err)
			if f.state == edit.Transient || f.state == edit.Unavailable {
				return err
			}
			b.out.set(op, edit.Outcome{State: f.state, Err: f.failure(op.Table, err)})
		}
		if b.out.of(op).State != edit.Done && (op.Kind != edit.Delete || b.out.of(op).State != edit.Absent) {
			return b.undo(ctx, savepoint, ops, op)
		}
		for _, child := range ops {
			if err := child.Fill(op, b.out.of(op).Row); op.Kind == edit.Insert && err != nil {
				b.out.set(op, edit.Outcome{State: edit.Failed, Err: err})
				return b.undo(ctx, savepoint, ops, op)
			}
		}
	}
	return nil
}

// undo takes back a group of which one operation was not done.
func (b *batch) undo(ctx context.Context, savepoint string, ops []*edit.Op, culprit *edit.Op) error {
	state := b.out.of(culprit).State
	for _, op := range ops {
		if op == culprit {
			continue
		}
		switch state {
		case edit.Locked:
			b.out.set(op, edit.Outcome{State: state, Err: b.out.of(culprit).Err})
		default:
			b.out.set(op, edit.Outcome{
				State: edit.Failed, Err: fmt.Errorf("%w: %s of the same group was not", edit.ErrDependency, culprit.Table.Name),
			})
		}
	}
	return b.link.plain(ctx, "ROLLBACK TO SAVEPOINT "+savepoint)
}

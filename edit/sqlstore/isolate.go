package sqlstore

import (
	"context"
	"errors"
	"slices"

	"github.com/vantage-go/live/edit"
)

// second looks at the rows that were not written, in a transaction of their
// own: locking them together with those that were would not be in the order of
// the keys.
func (b *batch) second(ctx context.Context) {
	missed := b.missed
	b.missed = nil
	if len(missed) == 0 || b.broken {
		return
	}
	if err := b.engine.begin(ctx, b.link); err != nil {
		b.fatal(missed, err)
		return
	}
	mark, err := b.engine.mark(ctx, b.link)
	for rest := missed; err == nil && len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Table == rest[0].Table {
			n++
		}
		err = b.around(ctx, rest[:n])
		rest = rest[n:]
	}
	if err == nil {
		err = b.note(ctx, missed)
	}
	if err != nil {
		b.fatal(missed, err)
		b.rollback(ctx)
		return
	}
	if err := b.commit(ctx); err != nil {
		b.notCommitted(ctx, missed, mark, err)
	}
}

// around classifies rows, by themselves if the database refuses one of them or
// another transaction holds one.
func (b *batch) around(ctx context.Context, ops []*edit.Op) error {
	err := b.try(ctx, func() error { return b.classify(ctx, ops) })
	if err == nil {
		return nil
	}
	f := understand(b.engine, err)
	if f.state == edit.Transient || f.state == edit.Unavailable {
		return err
	}
	if len(ops) == 1 {
		b.out.set(ops[0], edit.Outcome{State: f.state, Err: f.failure(ops[0].Table, err)})
		return nil
	}
	for _, op := range ops {
		if err := b.around(ctx, []*edit.Op{op}); err != nil {
			return err
		}
	}
	return nil
}

// maxGuesses is how often the detail of an error is trusted.
const maxGuesses = 8

// isolate carries out a run, and finds the operations that the database
// refuses.
func (b *batch) isolate(ctx context.Context, ops []*edit.Op, guesses int) error {
	if len(ops) == 0 {
		return nil
	}
	err := b.attempt(ctx, ops)
	if err == nil {
		return nil
	}
	f := understand(b.engine, err)
	switch f.state {
	case edit.Transient, edit.Unavailable:
		return err
	case edit.Failed:
		if beginsAgain(err) || errors.Is(err, errApart) {
			return err
		}
	case edit.Locked:
		if len(ops) > 1 {
			return b.aroundLocks(ctx, ops, err)
		}
	default:
	}
	if len(ops) == 1 {
		b.out.set(ops[0], edit.Outcome{State: f.state, Err: f.failure(ops[0].Table, err)})
		return nil
	}
	if guesses < maxGuesses {
		if suspects := suspects(f, ops); len(suspects) > 0 && len(suspects) < len(ops) {
			var rest []*edit.Op
			for _, op := range ops {
				if !suspects[op] {
					rest = append(rest, op)
				}
			}
			if err := b.isolate(ctx, rest, guesses+1); err != nil {
				return err
			}
			for _, op := range ops {
				if suspects[op] {
					if err := b.isolate(ctx, []*edit.Op{op}, 0); err != nil {
						return err
					}
				}
			}
			return nil
		}
	}
	half := len(ops) / 2
	if err := b.isolate(ctx, ops[:half], maxGuesses); err != nil {
		return err
	}
	return b.isolate(ctx, ops[half:], maxGuesses)
}

// beginsAgain reports whether an error makes the transaction begin again to do its
// work in another way.
func beginsAgain(err error) bool { return errors.Is(err, errOneByOne) || errors.Is(err, errTold) }

// errApart makes the transaction begin again, to find out which of its
// operations the database refuses.
var errApart = errors.New("edit: an operation was refused")

// attempt carries out a run so that the transaction goes on if it fails. The only
// run of a transaction, which hardly ever fails, needs no savepoint for that: the
// transaction begins again then, and knows what the run would fail with.
func (b *batch) attempt(ctx context.Context, ops []*edit.Op) error {
	if b.cause != nil {
		cause := b.cause
		b.cause = nil
		return cause
	}
	if !b.single {
		return b.try(ctx, func() error { return b.run(ctx, ops) })
	}
	err := b.run(ctx, ops)
	if err == nil || beginsAgain(err) {
		return err
	}
	if state := understand(b.engine, err).state; state == edit.Unavailable || state == edit.Transient {
		return err
	}
	b.cause = err
	return errApart
}

// try runs f so that the transaction goes on if it fails.
func (b *batch) try(ctx context.Context, f func() error) error {
	if err := b.link.plain(ctx, "SAVEPOINT livesql_try"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		return nil // the next one of that name hides it
	}
	if state := understand(b.engine, err).state; state == edit.Unavailable || state == edit.Transient {
		return err
	}
	if back := b.link.plain(ctx, "ROLLBACK TO SAVEPOINT livesql_try"); back != nil {
		return back
	}
	return err
}

// aroundLocks carries out a run without the rows that others hold.
func (b *batch) aroundLocks(ctx context.Context, ops []*edit.Op, cause error) error {
	var free []*edit.Op
	var keys map[string]bool
	var ok bool
	err := b.try(ctx, func() (err error) {
		keys, ok, err = b.engine.unlocked(ctx, b.link, ops)
		return err
	})
	if err != nil {
		return err
	}
	for _, op := range ops {
		if !ok || op.Kind == edit.Insert || keys[keyText(op.Table, op.Key())] {
			free = append(free, op)
			continue
		}
		b.out.set(op, edit.Outcome{State: edit.Locked, Err: cause})
	}
	if len(free) < len(ops) {
		return b.isolate(ctx, free, 0)
	}
	// The locks are gone, or are none of these rows.
	for _, op := range ops {
		if err := b.isolate(ctx, []*edit.Op{op}, 0); err != nil {
			return err
		}
	}
	return nil
}

// run carries out a run, and looks at the rows that were not written.
func (b *batch) run(ctx context.Context, ops []*edit.Op) error {
	for _, op := range ops {
		b.out.forget(op)
	}
	b.missed = slices.DeleteFunc(b.missed, func(m *edit.Op) bool { return slices.Contains(ops, m) })
	var missed []*edit.Op
	direct := make([]*edit.Op, 0, len(ops))
	for _, op := range ops {
		if op.Kind == edit.Insert || comparable(op) {
			direct = append(direct, op)
		}
	}
	if len(direct) > 0 {
		if err := b.engine.run(ctx, b.link, direct, b.out); err != nil {
			return err
		}
	}
	for _, op := range ops {
		if !b.out.has(op) && op.Kind != edit.Insert {
			missed = append(missed, op)
		}
	}
	if len(missed) == 0 {
		return nil
	}
	if ops[0].Group == 0 {
		b.missed = append(b.missed, missed...)
		return nil
	}
	return b.classify(ctx, missed)
}

// classify finds out why rows were not written, and writes those that can be
// merged. It holds locks on them.
func (b *batch) classify(ctx context.Context, ops []*edit.Op) error {
	rows, err := b.engine.lock(ctx, b.link, ops)
	if err != nil {
		return err
	}
	for _, op := range ops {
		current, ok := rows[keyText(op.Table, op.Key())]
		same := ok && b.store.counted && op.Kind == edit.Update && stillBase(op, current)
		if same {
			b.store.forget(op.Table)
		}
		switch {
		case !ok:
			b.out.set(op, edit.Outcome{State: edit.Absent})
		case same || op.Rebase(current):
			row, found, err := b.engine.force(ctx, b.link, op)
			switch {
			case err != nil:
				return err
			case found:
				b.out.set(op, edit.Outcome{State: edit.Done, Row: row})
			default:
				b.out.set(op, edit.Outcome{State: edit.Suppressed})
			}
		case op.Refused():
			b.out.set(op, edit.Outcome{State: edit.Conflicting, Row: current})
		default:
			b.out.set(op, edit.Outcome{State: edit.Done, Row: current})
		}
	}
	return nil
}

// suspects are the operations that the detail of an error may be about. It is
// a guess: they are tried again by themselves.
func suspects(f fault, ops []*edit.Op) map[*edit.Op]bool {
	if f.detail == "" || len(f.columns) == 0 && f.kind == nil {
		return nil
	}
	found := make(map[*edit.Op]bool)
	for _, op := range ops {
		if op.Row != nil && matches(f, op) {
			found[op] = true
		}
	}
	return found
}

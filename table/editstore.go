package table

import (
	"context"
	"errors"

	"github.com/vantage-go/live/edit"
)

// editStore saves edit sessions through the source of a live table, whatever it
// is: one by one, each under the conditions of the set.
type editStore[K comparable, T any] struct{ source Source[K, T] }

var _ edit.Store = (*editStore[int, struct{}])(nil)

// faults is a source that knows what its errors mean.
type faults interface {
	fault(t *edit.Table, err error) edit.Outcome
}

// Apply carries out operations; those of a group in one transaction.
func (s *editStore[K, T]) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	outcomes := make([]edit.Outcome, len(ops))
	at := make(map[*edit.Op]int, len(ops))
	var units [][]*edit.Op
	groups := make(map[uint64]int)
	for i, op := range ops {
		at[op] = i
		if u, found := groups[op.Group]; found && op.Group != 0 {
			units[u] = append(units[u], op)
			continue
		}
		groups[op.Group] = len(units)
		units = append(units, []*edit.Op{op})
	}
	for _, unit := range units {
		for i, o := range s.unit(ctx, unit) {
			outcomes[at[unit[i]]] = o
		}
	}
	return outcomes
}

// maxRebases is how often operations are brought up to rows that others have
// changed before the writer is asked.
const maxRebases = 5

// unit carries out operations, all or none.
func (s *editStore[K, T]) unit(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	outcomes := make([]edit.Outcome, len(ops))
	done := make([]bool, len(ops)) // there is nothing left to send
	for range maxRebases {
		var changes []Mutation[K, T]
		var sent []int
		for i, op := range ops {
			if done[i] {
				continue
			}
			if len(op.Links) > 0 {
				return blame(outcomes, i, edit.Outcome{State: edit.Failed, Err: errLinked})
			}
			m, err := s.mutation(op)
			if err != nil {
				return blame(outcomes, i, edit.Outcome{State: edit.Failed, Err: err})
			}
			changes, sent = append(changes, m), append(sent, i)
		}
		results, err := s.source.Apply(ctx, changes)
		if err == nil {
			for n, r := range results {
				outcomes[sent[n]] = edit.Outcome{State: edit.Done}
				if r.Row != nil {
					outcomes[sent[n]].Row = r.Row
				}
			}
			return outcomes
		}
		failed := 0
		var change *ChangeError
		if errors.As(err, &change) && change.Index < len(sent) {
			failed = sent[change.Index]
		}
		op := ops[failed]
		var changed *ChangedError
		if !errors.As(err, &changed) {
			return blame(outcomes, failed, s.outcome(op, err))
		}
		row, _ := changed.Row.(*T)
		switch {
		case row == nil:
			return blame(outcomes, failed, edit.Outcome{State: edit.Absent})
		case op.Rebase(row):
		case op.Refused():
			return blame(outcomes, failed, edit.Outcome{State: edit.Conflicting, Row: row})
		default:
			done[failed], outcomes[failed] = true, edit.Outcome{State: edit.Done, Row: row}
			if len(changes) == 1 {
				return outcomes
			}
		}
	}
	return blame(outcomes, 0, edit.Outcome{State: edit.Transient, Err: errBusy})
}

var (
	errLinked = errors.New("table: rows of a set with conditions cannot be linked to new rows of others")
	errBusy   = errors.New("table: others change the row too often")
)

// blame gives one operation the outcome that is the reason why none of its unit
// was done.
func blame(outcomes []edit.Outcome, culprit int, o edit.Outcome) []edit.Outcome {
	for i := range outcomes {
		outcomes[i] = edit.Outcome{State: edit.Failed, Err: edit.ErrDependency}
		if o.State == edit.Transient || o.State == edit.Unknown || o.State == edit.Unavailable || o.State == edit.Locked {
			outcomes[i] = o
		}
	}
	outcomes[culprit] = o
	return outcomes
}

// mutation is what an operation asks of the source.
func (s *editStore[K, T]) mutation(op *edit.Op) (m Mutation[K, T], err error) {
	plan := op.Table.Plan()
	switch op.Kind {
	case edit.Insert:
		row := op.Row.(*T)
		return Mutation[K, T]{Kind: Create, Row: row, Columns: plan.Names(op.Set)}, nil
	case edit.Update:
		m = Mutation[K, T]{Kind: Patch, Row: op.Row.(*T), Columns: plan.Names(op.Set)}
	case edit.Delete:
		m = Mutation[K, T]{Kind: Delete}
	}
	m.Expect = op.Base.(*T)
	m.Check = plan.Names(op.Check())
	m.Key, err = s.source.Schema().key(m.Expect)
	return m, err
}

// outcome tells what an error means. Of one that nobody knows, it is not known
// either whether the change was made.
func (s *editStore[K, T]) outcome(op *edit.Op, err error) edit.Outcome {
	switch {
	case errors.Is(err, ErrNotFound):
		return edit.Outcome{State: edit.Absent}
	case errors.Is(err, ErrOutside):
		return edit.Outcome{State: edit.Failed, Err: err}
	case errors.Is(err, ErrExists):
		plan := op.Table.Plan()
		return edit.Outcome{State: edit.Failed, Err: &edit.ConstraintError{
			Kind: edit.ErrDuplicate, Table: op.Table.Name, Columns: plan.Names(plan.Key()), Fields: plan.Names(plan.Key()), Err: err,
		}}
	}
	if f, ok := s.source.(faults); ok {
		return f.fault(op.Table, err)
	}
	return edit.Outcome{State: edit.Unknown, Err: err}
}

// Read reads a row of the set.
func (s *editStore[K, T]) Read(ctx context.Context, t *edit.Table, parts []any) (row any, err error) {
	schema := s.source.Schema()
	named := new(T)
	for i, at := range schema.keys {
		if err := schema.plan.SetValue(named, at, parts[i]); err != nil {
			return nil, err
		}
	}
	key, err := schema.key(named)
	if err != nil {
		return nil, err
	}
	reading, err := s.source.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reading.Close()) }()
	err = reading.Read(ctx, []K{key}, func(_ K, found *T) error {
		row = found
		return nil
	})
	return row, err
}

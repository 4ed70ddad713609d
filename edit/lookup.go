package edit

import (
	"context"
	"slices"

	"github.com/vantage-go/live/internal/rowmap"
)

// lookUp finds out what became of an operation whose outcome is unknown, by
// the row as it is now. A version that has gone up by one proves nothing:
// someone else may have counted it up.
func (w *Writer) lookUp(ctx context.Context, op *Op) Outcome {
	if o, known := w.noted(ctx, op); known {
		return o
	}
	key := op.Key()
	plan := op.Table.plan
	if op.Kind == Insert {
		set := plan.Key()
		if missing := set.Without(op.Set); !missing.Empty() {
			return Outcome{State: Failed, Err: ErrOutcomeUnknown} // the database chose the key
		}
	}
	row, err := w.store.Read(ctx, op.Table, key)
	if err != nil {
		return Outcome{State: Unavailable, Err: err}
	}
	switch op.Kind {
	case Delete:
		if row == nil {
			return Outcome{State: Done}
		}
	case Insert:
		if row != nil {
			if differ := plan.DiffIn(row, op.Row, op.Set); differ.Empty() {
				return Outcome{State: Done, Row: row}
			}
			return Outcome{State: Failed, Err: &ConstraintError{
				Kind: ErrDuplicate, Table: op.Table.Name, Columns: plan.Names(plan.Key()), Fields: plan.Names(plan.Key()),
			}}
		}
	default:
		if row == nil {
			return Outcome{State: Absent}
		}
		if steps := op.steps(); !steps.Empty() || op.strict() {
			if !op.untouched(row) {
				// What others did may look the same as this.
				return Outcome{State: Failed, Err: ErrOutcomeUnknown}
			}
			break
		}
		if differ := plan.DiffIn(row, op.Row, op.Set); differ.Empty() {
			return Outcome{State: Done, Row: row} // the database holds what was asked for
		}
	}
	// It was not done; if the row has moved on meanwhile, sending it again
	// finds that out.
	op.unknown = false
	return Outcome{State: Skipped}
}

// steps are the counters that the operation counts.
func (o *Op) steps() Columns {
	var steps Columns
	for i := range o.Set.All() {
		if o.Table.plan.Fields()[i].Merge == rowmap.MergeSum && !o.Table.plan.Same(o.Row, o.Base, i) {
			steps.Set(i)
		}
	}
	return steps
}

// strict reports whether a change of others counts even if it came to the same:
// see [Editor.Update].
func (o *Op) strict() bool {
	return slices.ContainsFunc(o.parts, func(p *part) bool { return p.policy.kind == strictly })
}

// untouched reports whether a row still is what the operation was made on.
func (o *Op) untouched(row any) bool {
	if i, ok := o.Table.plan.Version(); ok {
		return o.Table.plan.Same(row, o.Base, i)
	}
	differ := o.Table.plan.DiffIn(row, o.Base, o.Check())
	return differ.Empty()
}

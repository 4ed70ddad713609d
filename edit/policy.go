package edit

import "github.com/vantage-go/live/internal/rowmap"

// Policy decides about a field that both sides changed. The zero value is Ask.
type Policy struct {
	kind  policyKind
	merge func(FieldConflict) (any, error)
}

type policyKind uint8

const (
	ask policyKind = iota
	keepMine
	takeTheirs
	mergeFunc
	failOnAny
	strictly // a conflict also if both sides came to the same value
)

// Ask reports the conflict to the caller. It is the default.
func Ask() Policy { return Policy{} }

// KeepMine overwrites what is in the database.
func KeepMine() Policy { return Policy{kind: keepMine} }

// TakeTheirs drops what was typed in the fields of the conflict. The save
// reports them as a [PartialError].
func TakeTheirs() Policy { return Policy{kind: takeTheirs} }

// MergeFunc lets f compute the value. It is called on the writer's goroutine
// or on the caller's, must not call the session, and asks when it returns an
// error.
func MergeFunc(f func(FieldConflict) (any, error)) Policy {
	return Policy{kind: mergeFunc, merge: f}
}

// FailOnAnyChange makes every change of someone else to the record a conflict,
// also one of other fields.
func FailOnAnyChange() Policy { return Policy{kind: failOnAny} }

// forField returns the policy of one column: its tag, if it has one.
func (p Policy) forField(f *rowmap.Field) policyKind {
	switch f.Merge {
	case rowmap.MergeMine:
		return keepMine
	case rowmap.MergeTheirs:
		return takeTheirs
	case rowmap.MergeSum, rowmap.MergeMax, rowmap.MergeMin:
		return mergeFunc
	default:
		if p.kind == strictly {
			return ask
		}
		return p.kind
	}
}

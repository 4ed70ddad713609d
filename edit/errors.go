package edit

import (
	"errors"
	"fmt"
	"strings"
)

// The errors of saves, for errors.Is. Errors that have more to tell are typed,
// and are one of these, too.
var (
	// ErrConflict: someone else changed what this save changes.
	ErrConflict = errors.New("edit: record changed by someone else")
	// ErrDeleted: the record is gone. It is a conflict, too.
	ErrDeleted error = &classError{"edit: record deleted", ErrConflict}
	// ErrPartial: the record was saved, but the database does not hold all
	// that was asked for.
	ErrPartial = errors.New("edit: record saved in part")
	// ErrConstraint: the database refused the values.
	ErrConstraint = errors.New("edit: constraint violated")
	// ErrDuplicate: a unique value exists already.
	ErrDuplicate error = &classError{"edit: duplicate value", ErrConstraint}
	// ErrForeignKey: a record that is referred to does not exist, or is
	// referred to itself.
	ErrForeignKey error = &classError{"edit: foreign key violated", ErrConstraint}
	// ErrNotNull: a value is missing.
	ErrNotNull error = &classError{"edit: value missing", ErrConstraint}
	// ErrCheck: a check of the table failed.
	ErrCheck error = &classError{"edit: check failed", ErrConstraint}
	// ErrInvalid: a value does not fit its column.
	ErrInvalid error = &classError{"edit: value does not fit", ErrConstraint}
	// ErrSuppressed: the database did nothing, and said nothing, as when a
	// trigger returns NULL.
	ErrSuppressed = errors.New("edit: database ignored the save")
	// ErrReadOnly: the database does not take writes at all.
	ErrReadOnly = errors.New("edit: not writable")
	// ErrDenied: the role may not do this.
	ErrDenied = errors.New("edit: permission denied")
	// ErrKeyChanged: the key of a record cannot be edited.
	ErrKeyChanged = errors.New("edit: key changed")
	// ErrOutcomeUnknown: the connection was lost, and nothing tells whether
	// the save was done.
	ErrOutcomeUnknown = errors.New("edit: outcome unknown")
	// ErrRetriesExhausted: the database could not do it in time.
	ErrRetriesExhausted = errors.New("edit: retries exhausted")
	// ErrDependency: another record that has to be saved with this one, or
	// before it, was not.
	ErrDependency = errors.New("edit: dependency not saved")
	// ErrWithdrawn: the save was taken back before it was sent.
	ErrWithdrawn = errors.New("edit: save withdrawn")
	// ErrQueueFull: too many saves wait already.
	ErrQueueFull = errors.New("edit: queue full")
	// ErrClosed: the session or its writer is closed.
	ErrClosed = errors.New("edit: closed")
	// ErrSchemaChanged: the table is not what it was when it was opened.
	ErrSchemaChanged = errors.New("edit: table has changed")
)

// classError is a sentinel that is a special case of another.
type classError struct {
	text string
	kind error
}

func (e *classError) Error() string        { return e.text }
func (e *classError) Is(target error) bool { return target == e.kind }

// Origin tells whose change it was.
type Origin uint8

// The origins of a change.
const (
	Remote Origin = iota // another program, or an unknown one
	Local                // another session of this program
)

func (o Origin) String() string {
	if o == Local {
		return "local"
	}
	return "remote"
}

// FieldConflict is a column that was changed on both sides.
type FieldConflict struct {
	Field  string // the column
	Base   any    // in the snapshot
	Mine   any    // in V
	Theirs any    // in the database
}

// ConflictError tells what could not be merged. The session stays as it is
// until [RecordEdit.Resolve], [RecordEdit.Revert] or an edit settles it.
type ConflictError struct {
	Table   string
	Key     any
	Fields  []FieldConflict
	Deleted bool // the record is gone
	Origin  Origin
}

func (e *ConflictError) Error() string {
	if e.Deleted {
		return fmt.Sprintf("edit: %s: record deleted", e.Table)
	}
	names := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		names[i] = f.Field
	}
	return fmt.Sprintf("edit: %s: changed by someone else: %s", e.Table, strings.Join(names, ", "))
}

// Is makes it an ErrConflict, and an ErrDeleted if the record is gone.
func (e *ConflictError) Is(target error) bool {
	return target == ErrConflict || e.Deleted && target == ErrDeleted
}

// ConstraintError tells which constraint the database found violated.
type ConstraintError struct {
	Kind       error // ErrDuplicate, ErrForeignKey, ErrNotNull, ErrCheck, ErrInvalid or ErrConstraint
	Table      string
	Constraint string   // its name, if the database told it
	Columns    []string // which it is about, as far as known
	Fields     []string // the mapped ones among them, for a form to mark
	Detail     string   // what else the database said; it may hold values
	Err        error    // of the driver
}

func (e *ConstraintError) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.Error())
	if e.Table != "" {
		b.WriteString(": " + e.Table)
	}
	if len(e.Columns) > 0 {
		b.WriteString(" (" + strings.Join(e.Columns, ", ") + ")")
	}
	if e.Constraint != "" {
		b.WriteString(": " + e.Constraint)
	}
	return b.String()
}

// Unwrap makes it an error of its kind, and of the driver.
func (e *ConstraintError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Reason tells why the database does not hold what was asked for.
type Reason uint8

// The reasons for a save in part.
const (
	ReadOnlyField Reason = iota // the column cannot be written and was skipped
	Overridden                  // the database stored something else: a trigger, ON UPDATE
	TheirsWon                   // a merge dropped the value
)

func (r Reason) String() string {
	return [...]string{"read-only", "overridden", "theirs won"}[r]
}

// FieldOutcome is a column whose value is not the one that was asked for.
type FieldOutcome struct {
	Field  string
	Sent   any
	Stored any
	Reason Reason
}

// PartialError tells which fields were not saved as asked. The rest is saved,
// and the result that comes with the error is filled.
type PartialError struct {
	Table  string
	Fields []FieldOutcome
}

func (e *PartialError) Error() string {
	names := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		names[i] = f.Field + " (" + f.Reason.String() + ")"
	}
	return fmt.Sprintf("edit: %s: saved, but for %s", e.Table, strings.Join(names, ", "))
}

// Is makes it an ErrPartial.
func (e *PartialError) Is(target error) bool { return target == ErrPartial }

// UnsavedOp is a save that was accepted and is not in the database.
type UnsavedOp struct {
	Table  string
	Kind   OpKind
	Key    any            // nil for a new record
	Values map[string]any // what was to be written
	Err    error          // why the last attempt failed, nil if there was none
	Kept   bool           // the outbox has it, for the next process
}

// UnflushedError is returned by Shutdown when its context ended first. It
// holds what the database does not.
type UnflushedError struct {
	Ops []UnsavedOp
	Err error // why it stopped
}

func (e *UnflushedError) Error() string {
	return fmt.Sprintf("edit: %d saves not written: %v", len(e.Ops), e.Err)
}

// Unwrap returns why it stopped.
func (e *UnflushedError) Unwrap() error { return e.Err }

// UnsavedError is returned by [RecordEdit.CloseChecked] when V was modified.
type UnsavedError struct {
	Table  string
	Fields []string
}

func (e *UnsavedError) Error() string {
	return fmt.Sprintf("edit: %s: not saved: %s", e.Table, strings.Join(e.Fields, ", "))
}

// StillSavingError is returned by [RecordEdit.Save] when its context ended
// after the save had been sent: it goes on. It wraps the error of the context.
type StillSavingError struct {
	Table string
	Done  <-chan struct{} // closed when the save has ended
	Err   error
}

func (e *StillSavingError) Error() string {
	return fmt.Sprintf("edit: %s: still saving: %v", e.Table, e.Err)
}

// Unwrap returns the error of the context.
func (e *StillSavingError) Unwrap() error { return e.Err }

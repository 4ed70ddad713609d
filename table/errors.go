package table

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is returned for a table that was closed.
	ErrClosed = errors.New("table: closed")

	// ErrNotFound is found in the error of a patch of a row that the set does
	// not have.
	ErrNotFound = errors.New("table: no such row in the set")

	// ErrOutside is found in the error of a change of a row that exists, or
	// would be created, outside of the set's condition.
	ErrOutside = errors.New("table: the row is not in the set")

	// ErrWholeTable is returned by a DeleteAll that would empty the table,
	// without [All].
	ErrWholeTable = errors.New("table: DeleteAll without a condition needs table.All")

	// ErrNotTold is found in the error of a [Telling] that can never tell what
	// has changed.
	ErrNotTold = errors.New("table: the reading cannot tell what has changed")

	// ErrExists is found in the error of an InsertReturnID whose key is taken.
	ErrExists = errors.New("table: the row exists")
)

// NoKeyError is returned for a table whose rows cannot be told apart: it has no
// primary key, or what is tagged with pk is no unique key without NULLs. A view,
// and the result of a query, have the key that is tagged; the error comes when
// two rows have the same.
type NoKeyError struct {
	Table string
	// Why says why.
	Why string
}

func (e *NoKeyError) Error() string {
	return fmt.Sprintf("table: the rows of %s cannot be told apart: %s", e.Table, e.Why)
}

// UncoveredError is returned for a table whose changes nobody tells.
type UncoveredError struct {
	Table string
	// Why says why.
	Why string
}

func (e *UncoveredError) Error() string {
	return fmt.Sprintf("table: changes of %s are not captured: %s; install capture, or open it with PollEvery", e.Table, e.Why)
}

// ConditionError is returned for a condition or an order that cannot be
// followed.
type ConditionError struct {
	Text string
	Why  string
}

func (e *ConditionError) Error() string { return fmt.Sprintf("table: %q: %s", e.Text, e.Why) }

// ChangeError is returned when a change of a row failed. It wraps the reason.
type ChangeError struct {
	Table string
	Kind  Kind
	// Index is the place of the change among those that were to be made
	// together.
	Index int
	Err   error
}

func (e *ChangeError) Error() string {
	return fmt.Sprintf("table: %v in %s: %v", e.Kind, e.Table, e.Err)
}

// Unwrap returns the reason.
func (e *ChangeError) Unwrap() error { return e.Err }

// ChangedError is found in the error of a change whose row was not what the
// change expected, see [Mutation].
type ChangedError struct {
	// Row is the row as it is, a pointer to the type of the table; nil if it is
	// gone.
	Row any
}

func (e *ChangedError) Error() string { return "table: the row is not what it was expected to be" }

package edit

import "context"

// Store is what a [Writer] writes to: one database.
type Store interface {
	// Apply carries out operations, in their order, and returns the outcome
	// of each. They are of different records, but for operations of one
	// group all are independent: what fails takes nothing else with it.
	// Operations of one group are done all or none.
	//
	// An operation is done only if the row still is what it was made on: it
	// has the version of Op.Base, or where there is no version the values of
	// Op.Base in the columns of [Op.Check]. A row that is not goes through
	// [Op.Rebase] while it is locked.
	//
	// Apply returns when the context ends, and keeps no operation: the writer uses
	// them again. It is called by one goroutine for
	// the usual operations, and by one other for those that were [Locked].
	Apply(ctx context.Context, ops []*Op) []Outcome

	// Read returns the row that an operation is about, as it is in the
	// database now: nil if there is none.
	Read(ctx context.Context, t *Table, key []any) (row any, err error)
}

// State tells what became of an operation.
type State uint8

// The states of an outcome.
const (
	// Skipped: it was not tried, or rolled back for no fault of its own.
	Skipped State = iota
	// Done: it is committed. Row is the row as it is stored now; nil after a
	// delete.
	Done
	// Absent: there is no such row, or none that this role may see.
	Absent
	// Conflicting: Row is what the database has, and [Op.Rebase] refused it,
	// or was not asked.
	Conflicting
	// Suppressed: the database did nothing, though the row is as expected.
	Suppressed
	// Failed: the database refused it, and will again. Err tells why.
	Failed
	// Locked: another transaction holds the row.
	Locked
	// Transient: it was rolled back for a reason that may pass, such as a
	// deadlock.
	Transient
	// Unavailable: the database cannot be reached, or takes no writes now.
	Unavailable
	// Unknown: the connection was lost when it may have been done.
	Unknown
)

func (s State) String() string {
	return [...]string{
		"skipped", "done", "absent", "conflicting", "suppressed", "failed", "locked", "transient", "unavailable", "unknown",
	}[s]
}

// Outcome is what became of one operation.
type Outcome struct {
	State State
	Row   any // a pointer to a row of the operation's table that nobody else holds
	Err   error
	// Inferred tells that Row was not read: it is Op.Base, of which [Op.Whole] said
	// that it was, with the values of the operation and the next version. That is
	// what the database has, if nobody changes rows without counting the version up.
	// What is read of the row later counts more, though it is of the same version.
	Inferred bool
}

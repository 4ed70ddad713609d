package table

import (
	"context"
)

// Source is where a live table takes its rows from, and where it sends what is
// to be changed. Its methods may be called concurrently.
type Source[K comparable, T any] interface {
	// Schema tells how rows are looked at.
	Schema() *Schema[K, T]

	// Follow begins to follow the changes: everything that is committed after
	// it has returned is told.
	Follow(ctx context.Context) (Changes[K], error)

	// Open opens a view of the rows. What it reads first decides of which
	// moment it is; whatever was committed before the call is in it.
	Open(ctx context.Context) (Reading[K, T], error)

	// Apply makes changes, all or none, and returns a result for each in its
	// order.
	Apply(ctx context.Context, changes []Mutation[K, T]) ([]Result[K, T], error)
}

// Changes tells which rows have changed. Next is called from one goroutine, the
// other methods may be called from any.
type Changes[K comparable] interface {
	// Next waits until there is something to tell: changes, or that a position
	// is reached for which Ask has asked. What has gathered since the last call
	// comes at once. An error is the end, and ErrClosed after Close.
	Next(ctx context.Context) (News[K], error)

	// Ask returns a position that is reached when everything has been told that
	// was committed before the call, and makes that happen soon.
	Ask() Position

	// Sync is Ask for those who can wait: it also knows of what was committed
	// past the capture, as far as looking at the capture shows it. What was
	// told by then is to be had from Next; the position may have been reached.
	Sync(ctx context.Context) (Position, error)

	// State tells whether changes are heard of at present, and what keeps them
	// from it.
	State() (State, error)

	// Close ends it.
	Close() error
}

// Position is a place in the order of what one [Changes] tells.
type Position uint64

// News is what has been told since the last time.
type News[K comparable] struct {
	// Position is up to where everything is told.
	Position Position
	// Keys are those of rows that were inserted, updated or deleted, each at
	// least once.
	Keys []K
	// Whole tells that any row may have changed.
	Whole bool
	// Mark is the position as the source knows it, for [Telling]; nil if it has
	// none.
	Mark any

	// told is up to where Keys and Whole were told; 0 if that is not known.
	told Position
}

// Reading is a view of the rows as they were at one moment, for one goroutine.
type Reading[K comparable, T any] interface {
	// Load yields all rows, in no particular order.
	Load(ctx context.Context, yield func(K, *T) error) error

	// Read yields those of the rows with these keys that exist.
	Read(ctx context.Context, keys []K, yield func(K, *T) error) error

	// Lasting reports whether it may stay open for some milliseconds
	// without standing in the way of writers.
	Lasting() bool

	Close() error
}

// Telling is a [Reading] that can itself tell what has changed up to its
// moment, so that nobody has to wait for the [Changes] to tell it.
type Telling[K comparable] interface {
	// Since returns the keys of the rows that were changed after a mark of
	// [News] and not after the moment of the reading. It may return others, too.
	// Called first, it decides of which moment the reading is. After an error,
	// which wraps ErrNotTold if it will always be one, the reading can only be
	// closed.
	Since(ctx context.Context, mark any) (News[K], error)
}

// Kind is a way to change a row.
type Kind uint8

// The kinds of mutations.
const (
	// Insert creates the row, unless there is one already, which stays as it
	// is.
	Insert Kind = iota + 1
	// Create creates the row and fails if there is one. Columns of the key that
	// are zero are left to the database.
	Create
	// Replace makes the row what it should be, and creates it if necessary.
	Replace
	// Patch writes some columns of a row that exists.
	Patch
	// Delete removes the row if there is one.
	Delete
	// Clear removes every row of the set.
	Clear
)

func (k Kind) String() string {
	switch k {
	case Insert:
		return "insert"
	case Create:
		return "create"
	case Replace:
		return "replace"
	case Patch:
		return "patch"
	case Delete:
		return "delete"
	case Clear:
		return "clear"
	}
	return "unknown"
}

// Mutation is one change of one row, or of all of the set.
type Mutation[K comparable, T any] struct {
	Kind Kind
	// Key names the row for Insert, Replace, Patch and Delete.
	Key K
	// Row holds the new values for Insert, Create, Replace and Patch.
	Row *T
	// Columns are those that Patch writes, and those that Create does not leave
	// to the database: all if there is none.
	Columns []string
	// Expect, if not nil, is what Patch and Delete expect the row to be, in the
	// columns of Check; otherwise they fail with a *ChangedError.
	Expect *T
	Check  []string
}

// Result is what became of a [Mutation].
type Result[K comparable, T any] struct {
	Key K
	// Row is the row as it is stored, also when Insert has found it; nil after
	// Delete and Clear.
	Row *T
	// Outside tells that the row, which was in the set, is no longer: Patch or
	// Replace has moved it out.
	Outside bool
}

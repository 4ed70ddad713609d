package table

import (
	"context"
)

// Record is a row of which no Go type is known: values by column.
type Record = map[string]any

// All is the scope of a DeleteAll that may empty the table.
const All Scope = 1

// Scope says how far a change may reach.
type Scope uint8

// ReadableSet is a set of rows that can be read.
type ReadableSet[K comparable, T any] interface {
	// List returns the rows in the order of the set.
	List(ctx context.Context) ([]T, error)
	// Get returns the row with a key. That there is none is no error.
	Get(ctx context.Context, id K) (row T, ok bool, err error)
	// GetSome returns the first row, if there is one.
	GetSome(ctx context.Context) (row T, ok bool, err error)
}

// WritableSet is a set whose rows can be changed. No change reaches a row that
// is not in the set, and none puts one into the table that would not be: that
// is an error that wraps ErrOutside. Only Patch and Replace may change a row so
// that it leaves the set. Each change is one transaction, and returns the row
// as it is stored, with what the database has made of it.
type WritableSet[K comparable, T any] interface {
	// Insert creates a row. If there is one with its key, that one stays as it
	// is, and is returned.
	Insert(ctx context.Context, row T) (T, error)
	// Replace makes the row with that key what row says, and creates it if
	// there is none.
	Replace(ctx context.Context, row T) (T, error)
	// Patch writes the columns that are in patch and leaves the others as they
	// are. The error wraps ErrNotFound if the set has no such row.
	Patch(ctx context.Context, id K, patch Record) (T, error)
	// PatchChanged writes the columns in which the rows differ, and nothing
	// if there is none. The key is that of before.
	PatchChanged(ctx context.Context, before, after T) (T, error)
	// Delete removes a row. That there is none is no error.
	Delete(ctx context.Context, id K) error
	// DeleteAll removes the rows of the set, and no others. A set without a
	// condition is the whole table, and needs All; ErrWholeTable otherwise.
	DeleteAll(ctx context.Context, scope ...Scope) error
}

// InsertableSet is a set whose keys the database can make.
type InsertableSet[K comparable, T any] interface {
	// InsertReturnID creates a row with each call, and returns its key. A key of
	// one column that is zero is left to the database; the error wraps
	// ErrExists when the key is taken.
	InsertReturnID(ctx context.Context, row T) (K, error)
}

// ImportingSet is a set into which others can be copied.
type ImportingSet[K comparable, T any] interface {
	// Import inserts the rows of another set, as Insert does, and returns how
	// many there were. It is not one transaction.
	Import(ctx context.Context, from ReadableSet[K, T]) (int, error)
}

// DataSet is a set of rows of which nothing is left out.
type DataSet[K comparable, T any] interface {
	ReadableSet[K, T]
	WritableSet[K, T]
	InsertableSet[K, T]
	ImportingSet[K, T]
	// Values returns the same set for rows whose Go type is not known.
	Values() ValueSet[K]
}

// ReadableValueSet is a [ReadableSet] of records.
type ReadableValueSet[K comparable] interface {
	ListValues(ctx context.Context) ([]Record, error)
	GetValue(ctx context.Context, id K) (row Record, ok bool, err error)
	GetSomeValue(ctx context.Context) (row Record, ok bool, err error)
}

// WritableValueSet is a [WritableSet] of records. What a record does not have
// is the zero value of its column in Insert and Replace.
type WritableValueSet[K comparable] interface {
	InsertValue(ctx context.Context, row Record) (Record, error)
	ReplaceValue(ctx context.Context, row Record) (Record, error)
	PatchValue(ctx context.Context, id K, patch Record) (Record, error)
	Delete(ctx context.Context, id K) error
	DeleteAll(ctx context.Context, scope ...Scope) error
}

// InsertableValueSet is an [InsertableSet] of records.
type InsertableValueSet[K comparable] interface {
	InsertReturnIDValue(ctx context.Context, row Record) (K, error)
}

// ValueSet is a set of records of which nothing is left out.
type ValueSet[K comparable] interface {
	ReadableValueSet[K]
	WritableValueSet[K]
	InsertableValueSet[K]
}

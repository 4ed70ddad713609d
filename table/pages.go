package table

import "context"

// Ordered is a source whose rows can be read by their place in an order, as a
// [Window] does it. Its methods may be called concurrently.
type Ordered[K comparable, T any] interface {
	// Schema tells how rows are looked at.
	Schema() *Schema[K, T]

	// Follow begins to follow the changes; see [Source].
	Follow(ctx context.Context) (Changes[K], error)

	// Sorted returns what opens readings of the rows in the order of these columns,
	// as [OrderBy] has them, and then of the key; collated is what [Collated] says.
	// The error is a *ConditionError for an order that cannot be.
	Sorted(ctx context.Context, columns []string, collated bool) (open func(ctx context.Context) (Pages[K, T], error), err error)
}

// Pages is a view of the rows as they were at one moment, in an order, for one
// goroutine. What is read first decides of which moment it is, and whatever was
// committed before it was opened is in it. It may be a [Telling], too.
type Pages[K comparable, T any] interface {
	// Total counts the rows.
	Total(ctx context.Context) (int, error)

	// Estimate tells about how many rows there are, exact if it had to count.
	Estimate(ctx context.Context) (n int, exact bool, err error)

	// Page yields those of the rows at the positions of the page that exist, in
	// order.
	Page(ctx context.Context, p Page[K], yield func(K, *T) error) error

	Close() error
}

// Page are the rows at positions From to To-1, and what helps to find them.
type Page[K comparable] struct {
	From, To int
	// Total is the number of all rows, negative if it is not known.
	Total int
	// Anchor, if not nil, is a row before or behind the page.
	Anchor *Anchor[K]
}

// Anchor is a row whose position is known.
type Anchor[K comparable] struct {
	Key K
	At  int
}

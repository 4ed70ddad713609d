package listen

import (
	"time"
)

// Batch is what one poll found, on its way to the consumers. Empty ones come
// too: they prove that nothing was committed.
type Batch struct {
	// Position orders batches of one feed.
	Position Position
	// Sent is when the poll was sent, or, of a poll that did not look whether
	// capture is in place, when the last one was that did. Everything committed
	// before it is in this batch or an earlier one.
	Sent time.Time
	// Reset, when not empty, says why everything that is known from before
	// this batch is void. The changes come after it.
	Reset string
	// Cursor is the place in the log behind the batch.
	Cursor Cursor
	// Changes must not be modified.
	Changes []Change
}

// Position is a place in the order of one feed's batches. Positions of
// different feeds cannot be compared.
type Position struct {
	n uint64
}

// Compare returns -1, 0 or 1 as p comes before q, is q, or comes after it.
func (p Position) Compare(q Position) int {
	switch {
	case p.n < q.n:
		return -1
	case p.n > q.n:
		return 1
	}
	return 0
}

package listen

import (
	"time"
)

// Batch is what one poll found, on its way to the consumers. Empty ones come
// too: they prove that nothing was committed.
type Batch struct {
	// Position orders batches of one feed.
	Position Position
	// Sent is when the poll was sent. Everything committed before it is in
	// this batch or an earlier one.
	Sent time.Time
	// Reset, when not empty, says why everything that is known from before
	// this batch is void. The changes come after it.
	Reset string
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

// Consumer is told about every batch.
type Consumer interface {
	// Apply is called for each batch in order, from the feed's goroutine and
	// never concurrently. The next poll waits for it, so it must not block
	// and must not call the feed.
	Apply(Batch)

	// Changed is called when the feed's state changes, under the same rules.
	// Between a state other than Live and the next batch, changes may have
	// been committed that no batch has reported yet. Suspect is not told: it
	// comes by time alone, so a consumer that depends on the lease compares
	// Sent of its last batch with the clock.
	Changed(State)
}

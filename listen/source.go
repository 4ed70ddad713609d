package listen

import (
	"context"
	"time"

	"github.com/vantage-go/live/dialects"
)

// Source connects to the change log of one database.
type Source interface {
	// Connect opens a connection that belongs to the feed alone. It is called
	// again after every failure.
	Connect(ctx context.Context) (Reader, error)
}

// Reader is one connection to a change log. The feed uses it from one
// goroutine.
type Reader interface {
	// Poll returns what was committed since the cursor was taken. Everything
	// that was committed before Poll was called, and is not in the cursor, is
	// in the delta. A nil cursor asks for a first one: the delta is a reset
	// without changes.
	Poll(ctx context.Context, since Cursor) (Delta, error)

	// Close closes the connection. The feed calls it once, from another
	// goroutine while Poll runs if Poll has not returned when its context
	// ended: a Poll that waits for a dead connection must return then.
	Close() error
}

// Cursor is a place in a change log. What it is, is the source's own; only
// the source that made it can read it, and it may be used on a new connection.
type Cursor any

// Delta is the answer to one poll.
type Delta struct {
	// Cursor is the place up to which the delta reports.
	Cursor Cursor
	// Changes holds what has changed, in an order without meaning.
	Changes []Change
	// Reset, when not empty, says in a few words why the log cannot prove
	// that Changes is complete, or why older results may have lost their
	// meaning: everything known before is void.
	Reset string
	// Unchecked reports that the poll did not look whether the capture of
	// changes is still in place, which may cost more than the changes
	// themselves. Such a delta delivers, and renews no lease. The first one of
	// a connection is always checked, and at least one of every [CheckEvery].
	Unchecked bool
}

// CheckEvery is the longest time that may pass between two polls that look
// whether capture is in place, on a feed that is polled all the while.
const CheckEvery = 250 * time.Millisecond

// Change tells that rows of a table were inserted, updated or deleted. It
// carries keys, never values: whoever wants the rows reads them.
type Change struct {
	Table dialects.Table
	// Op is Insert, Update, Delete or Whole.
	Op Op
	// Key is the primary key of the row as the log holds it, nil for a mark
	// on the whole table. A changed key comes as a change of each. It is an
	// int64, uint64, float64, string, bool or []byte, or a []any of these in
	// the order of the key's columns if there are several.
	Key any
}

// Op is the kind of a [Change].
type Op byte

// The kinds of changes.
const (
	Insert Op = 'I'
	Update Op = 'U'
	Delete Op = 'D'
	// Whole: any row of the table may have changed.
	Whole Op = 'T'
)

package listen

import (
	"context"
	"database/sql"
	"errors"
)

// Within is a [Source] whose log can also be read in a transaction of the
// program's own, as of the moment that the transaction sees.
type Within interface {
	// DeltaIn returns what was committed since the cursor, as far as tx sees
	// it, which reads all of its statements from one snapshot. It may tell of
	// more, and the cursor in the delta is none. The delta is a reset where the
	// log cannot prove that nothing is missing. It looks at the log alone, not
	// at the capture: like a delta that is Unchecked, it tells nothing of what
	// leaves no row in the log. After an error, tx may be of no more use.
	DeltaIn(ctx context.Context, tx *sql.Tx, since Cursor) (Delta, error)
}

// ErrNotWithin is returned by a feed whose log cannot be read in transactions
// of others.
var ErrNotWithin = errors.New("listen: this change log cannot be read in another transaction")

// Within reports whether the source can do what DeltaIn needs.
func (f *Feed) Within() bool {
	_, ok := f.source.(Within)
	return ok
}

// DeltaIn reads the log in a transaction of the program's own; see [Within]. It
// does not concern the feed itself. The cursor is that of a [Batch]. The error
// is [ErrNotWithin] where the source cannot do that.
func (f *Feed) DeltaIn(ctx context.Context, tx *sql.Tx, since Cursor) (Delta, error) {
	source, ok := f.source.(Within)
	if !ok || since == nil {
		return Delta{}, ErrNotWithin
	}
	return source.DeltaIn(ctx, tx, since)
}

// Keeper is a [Within] whose cursors outlive the process.
type Keeper interface {
	Within

	// Keep returns the bytes of a cursor. There may be none for this one, and
	// some for a later one.
	Keep(c Cursor) ([]byte, error)

	// Resume returns the cursor that was kept, on the condition that now, a
	// cursor of this process, goes on from it: that it is of the same log, and
	// that what is captured, and how, has not changed in between, as far as it
	// can be told. DeltaIn finds out whether the log goes back that far.
	Resume(kept []byte, now Cursor) (Cursor, error)
}

// Keep returns the bytes of a cursor; see [Keeper]. The error is [ErrNotWithin]
// where the source cannot do that.
func (f *Feed) Keep(c Cursor) ([]byte, error) {
	source, ok := f.source.(Keeper)
	if !ok || c == nil {
		return nil, ErrNotWithin
	}
	return source.Keep(c)
}

// Resume returns the cursor that was kept; see [Keeper]. The error is
// [ErrNotWithin] where the source cannot do that.
func (f *Feed) Resume(kept []byte, now Cursor) (Cursor, error) {
	source, ok := f.source.(Keeper)
	if !ok || now == nil {
		return nil, ErrNotWithin
	}
	return source.Resume(kept, now)
}

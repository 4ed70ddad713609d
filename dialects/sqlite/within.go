package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/vantage-go/live/listen"
)

var _ listen.Keeper = (*database)(nil)

// DeltaIn reads the log in a transaction, whose statements all see the same.
func (d *database) DeltaIn(ctx context.Context, tx *sql.Tx, since listen.Cursor) (delta listen.Delta, err error) {
	last, ok := since.(cursor)
	if !ok || last.log == 0 {
		return delta, errors.New("sqlite: the cursor is not one of a change log")
	}
	delta.Unchecked = true
	var schema int64
	if err := tx.QueryRowContext(ctx, "PRAGMA main.schema_version").Scan(&schema); err != nil {
		return delta, fmt.Errorf("sqlite: reading the schema version: %w", err)
	}
	if schema != last.schema {
		delta.Reset = "the schema has changed"
		return delta, nil
	}
	delta.Changes, _, _, err = changesIn(ctx, tx, last, last.composite)
	var gap *gapError
	if errors.As(err, &gap) {
		delta.Reset, err = gap.why, nil
	}
	return delta, err
}

// keptFormat has the number of the log, the id and nonce of the last row, and
// the version of the schema, which any change of capture raises.
const keptFormat = "sqlite:1:%x:%d:%d:%d"

// Keep returns the place of the cursor.
func (d *database) Keep(c listen.Cursor) ([]byte, error) {
	at, ok := c.(cursor)
	if !ok || at.log == 0 {
		return nil, listen.ErrNotWithin
	}
	return fmt.Appendf(nil, keptFormat, uint64(at.log), at.id, at.nonce, at.schema), nil
}

// Resume returns the place. That the row of the cursor is still there, with its
// nonce, proves that nothing is missing behind it.
func (d *database) Resume(kept []byte, now listen.Cursor) (listen.Cursor, error) {
	at, ok := now.(cursor)
	if !ok || at.log == 0 {
		return nil, listen.ErrNotWithin
	}
	var log uint64
	last := cursor{identity: at.identity, composite: at.composite}
	if _, err := fmt.Sscanf(string(kept), keptFormat, &log, &last.id, &last.nonce, &last.schema); err != nil {
		return nil, fmt.Errorf("sqlite: the cursor that was kept is damaged: %w", err)
	}
	last.log = int64(log)
	switch {
	case last.log != at.log:
		return nil, errors.New("sqlite: the cursor that was kept is of another change log")
	case last.schema != at.schema:
		return nil, errors.New("sqlite: the schema has changed")
	case last.id == 0:
		return nil, errors.New("sqlite: the change log was empty")
	}
	return last, nil
}

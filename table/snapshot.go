package table

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// snapshot is a transaction in which every statement sees the same: what was
// committed when the first one ran.
type snapshot[K comparable] struct {
	db  *Database
	tx  *sql.Tx
	on  *dependence // nil for rows whose changes nobody tells
	key func(any) (K, error)
}

func openSnapshot[K comparable](ctx context.Context, db *Database, on *dependence, key func(any) (K, error)) (snapshot[K], error) {
	options := &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	if db.Flavor == dialects.SQLite {
		options.Isolation = sql.LevelDefault // always serializable
	}
	tx, err := db.DB.BeginTx(ctx, options)
	if err != nil {
		return snapshot[K]{}, fmt.Errorf("opening a snapshot: %w", err)
	}
	return snapshot[K]{db, tx, on, key}, nil
}

// Since reads the change log in the same transaction.
func (s *snapshot[K]) Since(ctx context.Context, mark any) (News[K], error) {
	if s.on == nil {
		return News[K]{}, ErrNotTold
	}
	delta, err := s.db.Feed.DeltaIn(ctx, s.tx, mark)
	switch {
	case errors.Is(err, listen.ErrNotWithin):
		return News[K]{}, fmt.Errorf("%w: %w", ErrNotTold, err)
	case err != nil:
		return News[K]{}, err
	}
	keys, whole := concerns(s.on, s.key, delta.Reset, delta.Changes)
	return News[K]{Keys: keys, Whole: whole}, nil
}

// Close ends the transaction.
func (s *snapshot[K]) Close() error {
	if err := s.tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("closing a snapshot: %w", err)
	}
	return nil
}

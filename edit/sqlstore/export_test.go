package sqlstore

import (
	"context"
	"database/sql"
)

// For tests.
var (
	OwnersOf        = ownersOf
	ReturnsInserted = returnsInserted
	IsPQ            = isPQ
)

// Rows runs a statement on one of the store's connections.
func (s *Store) Rows(ctx context.Context, text string, args []any, f func(*sql.Rows) error) error {
	l, err := s.take(ctx)
	if err != nil {
		return err
	}
	err = l.query(ctx, text, args, f)
	s.put(l, false)
	return err
}

package table

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/vantage-go/live/dialects"
)

// inquiry asks a catalogue about a table: PostgreSQL by its name as statements have
// it, MySQL by its schema and name, and SQLite by its name.
type inquiry struct{ postgres, mysql, sqlite string }

// inquire calls each for what the catalogue tells.
func (d *Database) inquire(ctx context.Context, what string, t dialects.Table, q inquiry, each func(rows *sql.Rows) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("table: looking for the %s of %s: %w", what, t, err)
		}
	}()
	query, args := q.sqlite, []any{t.Name}
	switch d.Flavor {
	case dialects.Postgres:
		query, args = q.postgres, []any{quote(d.Flavor, t.Schema) + "." + quote(d.Flavor, t.Name)}
	case dialects.MySQL:
		query, args = q.mysql, []any{t.Schema, t.Name}
	default:
	}
	rows, err := d.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

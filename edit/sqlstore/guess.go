package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// matches reports whether the detail of an error of Postgres looks as if it
// was about an operation: "Key (email)=(a) already exists." and "Failing row
// contains (7, …).", in any language.
func matches(f fault, op *edit.Op) bool {
	plan := op.Table.Plan()
	if keyInDetail(f.detail) == nil {
		_, row, ok := strings.Cut(f.detail, "(")
		if !ok {
			return false
		}
		key := op.Key()
		text, _, err := postgresText(&plan.Fields()[0].Column, key[0])
		return err == nil && strings.HasPrefix(row, text+",") // the key is mostly the first column
	}
	_, held, ok := strings.Cut(f.detail, ")=(")
	if !ok {
		return false
	}
	values := make([]string, 0, len(f.columns))
	for _, name := range keyInDetail(f.detail) {
		i, ok := plan.Index(name)
		if !ok {
			return false
		}
		text, _, err := postgresText(&plan.Fields()[i].Column, plan.Value(op.Row, i))
		if err != nil {
			return false
		}
		values = append(values, text)
	}
	return strings.HasPrefix(held, strings.Join(values, ", ")+")")
}

// nameColumns finds the columns of a unique key that an error names.
func (s *Store) nameColumns(ctx context.Context, t *edit.Table, err error) {
	var c *edit.ConstraintError
	if !errors.As(err, &c) || len(c.Columns) > 0 || c.Constraint == "" || flavorOf(s.engine) != dialects.MySQL {
		return
	}
	// Over a connection of the store: its pool may have no other.
	l, err := s.take(ctx)
	if err != nil {
		return // the error says enough without
	}
	err = l.query(ctx, "SELECT column_name FROM information_schema.statistics WHERE table_schema = COALESCE(NULLIF(?, ''), DATABASE())"+
		" AND table_name = ? AND index_name = ? ORDER BY seq_in_index", []any{t.Schema, t.Name, c.Constraint}, func(rows *sql.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		c.Columns = append(c.Columns, name)
		if _, ok := t.Plan().Index(name); ok {
			c.Fields = append(c.Fields, name)
		}
		return nil
	})
	s.put(l, err != nil && (lost(err) || outdated(err)))
}

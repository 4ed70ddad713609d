package table

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
	"github.com/vantage-go/live/internal/rowmap"
)

// writes are the columns of a set that changes write, by their position.
type writes struct {
	insert  []int // all that the database does not make itself
	update  []int // without the key
	version int   // counts up with updates; -1 if there is none
	counted int   // the key if the database may count it up, else -1
}

func (s *Schema[K, T]) writes() writes {
	w := writes{version: -1, counted: -1}
	if v, ok := s.plan.Version(); ok && s.columns.Has(v) {
		w.version = v
	}
	key, writable := s.plan.Key(), s.plan.Writable()
	for i := range s.columns.All() {
		f := &s.plan.Fields()[i]
		if !f.Generated && !f.ReadOnly {
			w.insert = append(w.insert, i)
		}
		if writable.Has(i) && !key.Has(i) {
			w.update = append(w.update, i)
		}
	}
	if len(s.keys) == 1 {
		w.counted = s.keys[0]
	}
	return w
}

// Apply makes changes in one transaction.
func (s *sqlSource[K, T]) Apply(ctx context.Context, changes []Mutation[K, T]) (results []Result[K, T], err error) {
	for range 3 {
		results, err = s.transact(ctx, changes)
		// Somebody else may have inserted the row between looking and
		// inserting: it will be found.
		var raced *racedError
		if !errors.As(err, &raced) {
			break
		}
	}
	return results, err
}

// racedError wraps the error of an insert that may do better when repeated.
type racedError struct{ err error }

func (e *racedError) Error() string { return e.err.Error() }
func (e *racedError) Unwrap() error { return e.err }

func (s *sqlSource[K, T]) transact(ctx context.Context, changes []Mutation[K, T]) ([]Result[K, T], error) {
	failed := func(i int, err error) error {
		return &ChangeError{Table: s.name, Kind: changes[i].Kind, Index: i, Err: err}
	}
	if len(changes) == 0 {
		return nil, nil
	}
	tx, err := s.db.write(ctx)
	if err != nil {
		return nil, failed(0, err)
	}
	defer func() { _ = tx.Rollback() }() // err tells; a method of a value may panic
	results := make([]Result[K, T], len(changes))
	for i := range changes {
		if results[i], err = s.change(ctx, tx, &changes[i]); err != nil {
			return nil, failed(i, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, failed(0, &commitError{err})
	}
	return results, nil
}

// commitError is an error of a COMMIT: the changes may have been made.
type commitError struct{ err error }

func (e *commitError) Error() string { return e.err.Error() }
func (e *commitError) Unwrap() error { return e.err }

// fault tells an edit session what an error means.
func (s *sqlSource[K, T]) fault(t *edit.Table, err error) edit.Outcome {
	o := sqlstore.Outcome(s.db.Flavor, t, err)
	var commit *commitError
	if errors.As(err, &commit) && o.State == edit.Unavailable {
		o.State = edit.Unknown
	}
	return o
}

// expected returns a *ChangedError if the row is not what a change expects.
func (s *Schema[K, T]) expected(c *Mutation[K, T], now *T) error {
	if now == nil {
		return &ChangedError{}
	}
	for _, name := range c.Check {
		if i, ok := s.plan.Index(name); !ok || !s.plan.Same(now, c.Expect, i) {
			return &ChangedError{Row: now}
		}
	}
	return nil
}

// change makes one change.
func (s *sqlSource[K, T]) change(ctx context.Context, tx writing, c *Mutation[K, T]) (r Result[K, T], err error) {
	r.Key = c.Key
	if c.Kind == Clear {
		_, err := s.exec(ctx, tx, s.sql.clear())
		return r, err
	}
	if c.Kind == Create {
		return s.create(ctx, tx, c.Row, c.Columns)
	}
	key, err := s.schema.plan.SplitKey(c.Key)
	if err != nil {
		return r, err
	}
	if c.Expect != nil {
		row, inside, err := s.look(ctx, tx, key, true)
		if err != nil {
			return r, err
		}
		if !inside {
			row = nil
		}
		if err := s.schema.expected(c, row); err != nil {
			return r, err
		}
	}
	switch c.Kind {
	case Delete:
		_, err = s.exec(ctx, tx, s.sql.remove(key))
		return r, err
	case Insert:
		if _, err = s.insertAbsent(ctx, tx, key, c.Row); err != nil {
			return r, err
		}
		return s.stored(ctx, tx, c.Key, key, false)
	case Replace:
		return s.replace(ctx, tx, c, key)
	case Patch:
		return s.patch(ctx, tx, c, key)
	default:
		return r, fmt.Errorf("unknown kind %d", c.Kind)
	}
}

func (s *sqlSource[K, T]) exec(ctx context.Context, tx writing, t *text) (int64, error) {
	result, err := tx.ExecContext(ctx, t.sql.String(), t.args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// columns returns quoted names and the values of a row.
func (s *sqlSource[K, T]) values(row *T, at []int) (columns []string, values []any) {
	for _, i := range at {
		columns = append(columns, quote(s.db.Flavor, s.schema.plan.Fields()[i].Name))
		values = append(values, s.schema.plan.Value(row, i))
	}
	return columns, values
}

// look reads a row of the table and whether it is in the set; nil if there is
// none.
func (s *sqlSource[K, T]) look(ctx context.Context, tx writing, key []any, locked bool) (row *T, inside bool, err error) {
	t := s.sql.one(key, locked)
	rows, err := tx.QueryContext(ctx, t.sql.String(), t.args...)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if !rows.Next() {
		return nil, false, rows.Err()
	}
	row = new(T)
	if err := s.schema.plan.Scan(rows, row, s.schema.columns, &inside); err != nil {
		return nil, false, err
	}
	return row, inside, rows.Err()
}

// stored is the result of a change: the row as it is now. It must be in the
// set, unless it may leave it.
func (s *sqlSource[K, T]) stored(ctx context.Context, tx writing, key K, parts []any, leaves bool) (r Result[K, T], err error) {
	row, inside, err := s.look(ctx, tx, parts, false)
	switch {
	case err != nil:
		return r, err
	case row == nil:
		return r, ErrNotFound // a trigger has seen to it
	case !inside && !leaves:
		return r, ErrOutside
	}
	return Result[K, T]{Key: key, Row: row, Outside: !inside}, nil
}

func (s *sqlSource[K, T]) insertAbsent(ctx context.Context, tx writing, key []any, row *T) (inserted bool, err error) {
	columns, values := s.values(row, s.write.insert)
	n, err := s.exec(ctx, tx, s.sql.insertAbsent(columns, values, key))
	if err != nil {
		return false, &racedError{err}
	}
	return n > 0, nil
}

func (s *sqlSource[K, T]) replace(ctx context.Context, tx writing, c *Mutation[K, T], key []any) (r Result[K, T], err error) {
	inserted, err := s.insertAbsent(ctx, tx, key, c.Row)
	if err != nil {
		return r, err
	}
	if !inserted {
		_, inside, err := s.look(ctx, tx, key, true)
		switch {
		case err != nil:
			return r, err
		case !inside:
			return r, ErrOutside
		}
		if err := s.update(ctx, tx, c.Row, s.write.update, key); err != nil {
			return r, err
		}
	}
	return s.stored(ctx, tx, c.Key, key, !inserted)
}

func (s *sqlSource[K, T]) patch(ctx context.Context, tx writing, c *Mutation[K, T], key []any) (r Result[K, T], err error) {
	var at []int
	for _, name := range c.Columns {
		i, ok := s.schema.plan.Index(name)
		if !ok || !slices.Contains(s.write.update, i) {
			return r, fmt.Errorf("column %q cannot be patched", name)
		}
		at = append(at, i)
	}
	_, inside, err := s.look(ctx, tx, key, true)
	switch {
	case err != nil:
		return r, err
	case !inside:
		return r, ErrNotFound
	}
	if err := s.update(ctx, tx, c.Row, at, key); err != nil {
		return r, err
	}
	return s.stored(ctx, tx, c.Key, key, true)
}

// update changes columns of a row that is in the set.
func (s *sqlSource[K, T]) update(ctx context.Context, tx writing, row *T, at []int, key []any) error {
	version := ""
	if s.write.version >= 0 {
		version = quote(s.db.Flavor, s.schema.plan.Fields()[s.write.version].Name)
	}
	if len(at) == 0 && version == "" {
		return nil
	}
	columns, values := s.values(row, at)
	_, err := s.exec(ctx, tx, s.sql.update(columns, values, version, key))
	return err
}

// create inserts a row, whose key the database may count up.
func (s *sqlSource[K, T]) create(ctx context.Context, tx writing, row *T, only []string) (r Result[K, T], err error) {
	at := s.write.insert
	if len(only) > 0 {
		at = slices.DeleteFunc(slices.Clone(at), func(i int) bool { return !slices.Contains(only, s.schema.plan.Fields()[i].Name) })
	}
	counted := s.write.counted >= 0 && s.schema.plan.Zero(row, s.write.counted)
	if counted {
		at = slices.DeleteFunc(slices.Clone(at), func(i int) bool { return i == s.write.counted })
	}
	row = s.schema.Clone(row)
	columns, values := s.values(row, at)
	if !counted {
		key, err := s.schema.key(row)
		if err != nil {
			return r, err
		}
		parts, err := s.schema.plan.SplitKey(key)
		if err != nil {
			return r, err
		}
		inserted, err := s.insertAbsent(ctx, tx, parts, row)
		switch {
		case err != nil:
			return r, err
		case !inserted:
			return r, ErrExists
		}
		return s.stored(ctx, tx, key, parts, false)
	}
	if err := s.insertCounted(ctx, tx, row, s.sql.insert(columns, values)); err != nil {
		return r, err
	}
	key, err := s.schema.key(row)
	if err != nil {
		return r, err
	}
	parts, err := s.schema.plan.SplitKey(key)
	if err != nil {
		return r, err
	}
	return s.stored(ctx, tx, key, parts, false)
}

// insertCounted runs an insert, and sets the key of row to what the database
// made it.
func (s *sqlSource[K, T]) insertCounted(ctx context.Context, tx writing, row *T, t *text) (err error) {
	if s.db.Flavor == dialects.MySQL {
		result, err := tx.ExecContext(ctx, t.sql.String(), t.args...)
		if err != nil {
			return err
		}
		id, err := result.LastInsertId()
		if err != nil {
			return err
		}
		return s.schema.plan.SetValue(row, s.write.counted, id)
	}
	t.add(" RETURNING ", s.sql.key[0])
	rows, err := tx.QueryContext(ctx, t.sql.String(), t.args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if !rows.Next() {
		return errors.Join(rows.Err(), errors.New("the database has not told the key of the row"))
	}
	var key rowmap.Bits
	key.Set(s.write.counted)
	if err := s.schema.plan.Scan(rows, row, key); err != nil {
		return err
	}
	return rows.Err()
}

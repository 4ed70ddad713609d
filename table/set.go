package table

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// set makes a DataSet of what live and plain tables do differently.
type set[K comparable, T any] struct {
	schema  *Schema[K, T]
	bounded bool // it has a condition
	reads   ReadableSet[K, T]
	apply   func(ctx context.Context, m Mutation[K, T]) (Result[K, T], error)
}

var _ DataSet[int, struct{}] = (*set[int, struct{}])(nil)

// List returns the rows in order.
func (s *set[K, T]) List(ctx context.Context) ([]T, error) { return s.reads.List(ctx) }

// Get returns a row.
func (s *set[K, T]) Get(ctx context.Context, id K) (T, bool, error) { return s.reads.Get(ctx, id) }

// GetSome returns the first row.
func (s *set[K, T]) GetSome(ctx context.Context) (T, bool, error) { return s.reads.GetSome(ctx) }

// one makes a change and returns the row.
func (s *set[K, T]) one(ctx context.Context, m Mutation[K, T]) (row T, err error) {
	r, err := s.apply(ctx, m)
	if err != nil || r.Row == nil {
		return row, err
	}
	return *r.Row, nil
}

// keyed is a mutation of the row with its own key.
func (s *set[K, T]) keyed(ctx context.Context, kind Kind, row *T) (T, error) {
	key, err := s.schema.key(row)
	if err != nil {
		var none T
		return none, &ChangeError{Table: s.schema.table, Kind: kind, Err: err}
	}
	return s.one(ctx, Mutation[K, T]{Kind: kind, Key: key, Row: row})
}

// Insert creates a row unless there is one.
func (s *set[K, T]) Insert(ctx context.Context, row T) (T, error) {
	return s.keyed(ctx, Insert, &row)
}

// Replace makes a row what it should be.
func (s *set[K, T]) Replace(ctx context.Context, row T) (T, error) {
	return s.keyed(ctx, Replace, &row)
}

// Patch writes some columns.
func (s *set[K, T]) Patch(ctx context.Context, id K, patch Record) (T, error) {
	row := new(T)
	columns := slices.Sorted(maps.Keys(patch))
	if err := s.schema.fill(row, patch); err != nil {
		var none T
		return none, &ChangeError{Table: s.schema.table, Kind: Patch, Err: err}
	}
	return s.one(ctx, Mutation[K, T]{Kind: Patch, Key: id, Row: row, Columns: columns})
}

// PatchChanged writes the columns that differ.
func (s *set[K, T]) PatchChanged(ctx context.Context, before, after T) (T, error) {
	columns := s.schema.Changed(&before, &after)
	if len(columns) == 0 {
		return after, nil
	}
	key, err := s.schema.key(&before)
	if err != nil {
		return after, &ChangeError{Table: s.schema.table, Kind: Patch, Err: err}
	}
	return s.one(ctx, Mutation[K, T]{Kind: Patch, Key: key, Row: &after, Columns: columns})
}

// Delete removes a row.
func (s *set[K, T]) Delete(ctx context.Context, id K) error {
	_, err := s.apply(ctx, Mutation[K, T]{Kind: Delete, Key: id})
	return err
}

// DeleteAll removes the rows of the set.
func (s *set[K, T]) DeleteAll(ctx context.Context, scope ...Scope) error {
	if !s.bounded && !slices.Contains(scope, All) {
		return &ChangeError{Table: s.schema.table, Kind: Clear, Err: ErrWholeTable}
	}
	_, err := s.apply(ctx, Mutation[K, T]{Kind: Clear})
	return err
}

// InsertReturnID creates a row.
func (s *set[K, T]) InsertReturnID(ctx context.Context, row T) (K, error) {
	r, err := s.apply(ctx, Mutation[K, T]{Kind: Create, Row: &row})
	return r.Key, err
}

// Import inserts the rows of another set.
func (s *set[K, T]) Import(ctx context.Context, from ReadableSet[K, T]) (int, error) {
	rows, err := from.List(ctx)
	if err != nil {
		return 0, fmt.Errorf("table: importing into %s: %w", s.schema.table, err)
	}
	for i := range rows {
		if _, err := s.Insert(ctx, rows[i]); err != nil {
			return i, fmt.Errorf("table: importing into %s: %w", s.schema.table, err)
		}
	}
	return len(rows), nil
}

// Values returns the set for records.
func (s *set[K, T]) Values() ValueSet[K] { return &valueSet[K, T]{s} }

// fill writes the columns of a record into a row.
func (s *Schema[K, T]) fill(row *T, record Record) error {
	for name, v := range record {
		i, ok := s.plan.Index(name)
		if !ok || !s.columns.Has(i) {
			return fmt.Errorf("no field has column %q", name)
		}
		if err := s.plan.SetValue(row, i, v); err != nil {
			return err
		}
	}
	return nil
}

// record returns the columns of a row.
func (s *Schema[K, T]) record(row *T) Record {
	row = s.Clone(row) // values share memory with the row
	r := make(Record, s.columns.Len())
	for i := range s.columns.All() {
		r[s.plan.Fields()[i].Name] = s.plan.Value(row, i)
	}
	return r
}

// valueSet is a set of records.
type valueSet[K comparable, T any] struct{ *set[K, T] }

// ListValues returns the rows in order.
func (v *valueSet[K, T]) ListValues(ctx context.Context) ([]Record, error) {
	rows, err := v.List(ctx)
	if err != nil {
		return nil, err
	}
	records := make([]Record, len(rows))
	for i := range rows {
		records[i] = v.schema.record(&rows[i])
	}
	return records, nil
}

// GetValue returns a row.
func (v *valueSet[K, T]) GetValue(ctx context.Context, id K) (Record, bool, error) {
	row, ok, err := v.Get(ctx, id)
	if err != nil || !ok {
		return nil, false, err
	}
	return v.schema.record(&row), true, nil
}

// GetSomeValue returns the first row.
func (v *valueSet[K, T]) GetSomeValue(ctx context.Context) (Record, bool, error) {
	row, ok, err := v.GetSome(ctx)
	if err != nil || !ok {
		return nil, false, err
	}
	return v.schema.record(&row), true, nil
}

// with makes a change with a record.
func (v *valueSet[K, T]) with(record Record, change func(row T) (T, error)) (Record, error) {
	row := new(T)
	if err := v.schema.fill(row, record); err != nil {
		return nil, fmt.Errorf("table: a record for %s: %w", v.schema.table, err)
	}
	stored, err := change(*row)
	if err != nil {
		return nil, err
	}
	return v.schema.record(&stored), nil
}

// InsertValue creates a row unless there is one.
func (v *valueSet[K, T]) InsertValue(ctx context.Context, record Record) (Record, error) {
	return v.with(record, func(row T) (T, error) { return v.Insert(ctx, row) })
}

// ReplaceValue makes a row what it should be.
func (v *valueSet[K, T]) ReplaceValue(ctx context.Context, record Record) (Record, error) {
	return v.with(record, func(row T) (T, error) { return v.Replace(ctx, row) })
}

// PatchValue writes some columns.
func (v *valueSet[K, T]) PatchValue(ctx context.Context, id K, patch Record) (Record, error) {
	stored, err := v.Patch(ctx, id, patch)
	if err != nil {
		return nil, err
	}
	return v.schema.record(&stored), nil
}

// InsertReturnIDValue creates a row.
func (v *valueSet[K, T]) InsertReturnIDValue(ctx context.Context, record Record) (id K, err error) {
	_, err = v.with(record, func(row T) (T, error) {
		id, err = v.InsertReturnID(ctx, row)
		return row, err
	})
	return id, err
}

// Table is a table, or those of its rows that meet a condition, without any of
// them in memory: every call asks the database. It may be used concurrently.
type Table[K comparable, T any] struct{ set[K, T] }

// NewTable returns the table of a source.
func NewTable[K comparable, T any](source Source[K, T], opts ...Option) (*Table[K, T], error) {
	order, err := source.Schema().order(collect(opts).order)
	if err != nil {
		return nil, err
	}
	schema := source.Schema()
	t := &Table[K, T]{set[K, T]{
		schema: schema, bounded: bounded(source), reads: &plainReads[K, T]{source, comparer(schema, order)},
		apply: func(ctx context.Context, m Mutation[K, T]) (Result[K, T], error) {
			results, err := source.Apply(ctx, []Mutation[K, T]{m})
			if err != nil {
				return Result[K, T]{}, err
			}
			return results[0], nil
		},
	}}
	return t, nil
}

// bounder is a source that knows whether its set has a condition.
type bounder interface{ bounded() bool }

func (m *Memory[K, T]) bounded() bool { return m.config.Within != nil }

func (s *sqlSource[K, T]) bounded() bool { return !s.sql.where.empty() }

// bounded reports whether the set of a source is less than the whole table.
func bounded(source any) bool {
	b, ok := source.(bounder)
	return ok && b.bounded()
}

// plainReads reads from a source.
type plainReads[K comparable, T any] struct {
	source  Source[K, T]
	compare func(a, b entry[K, T]) int
}

// with reads in a reading of its own.
func (p *plainReads[K, T]) with(ctx context.Context, read func(Reading[K, T]) error) (err error) {
	reading, err := p.source.Open(ctx)
	if err == nil {
		defer func() { err = errors.Join(err, reading.Close()) }()
		err = read(reading)
	}
	if err != nil {
		return fmt.Errorf("table: reading %s: %w", p.source.Schema().table, err)
	}
	return nil
}

// List reads all rows and sorts them.
func (p *plainReads[K, T]) List(ctx context.Context) ([]T, error) {
	var all []entry[K, T]
	err := p.with(ctx, func(r Reading[K, T]) error {
		return r.Load(ctx, func(k K, row *T) error {
			all = append(all, entry[K, T]{k, row})
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, p.compare)
	rows := make([]T, len(all))
	for i, e := range all {
		rows[i] = *e.row
	}
	return rows, nil
}

// Get reads one row.
func (p *plainReads[K, T]) Get(ctx context.Context, id K) (row T, ok bool, err error) {
	err = p.with(ctx, func(r Reading[K, T]) error {
		return r.Read(ctx, []K{id}, func(_ K, found *T) error {
			row, ok = *found, true
			return nil
		})
	})
	return row, ok, err
}

// GetSome reads all rows for the first one: it is the first in the order of Go.
func (p *plainReads[K, T]) GetSome(ctx context.Context) (row T, ok bool, err error) {
	var first *entry[K, T]
	err = p.with(ctx, func(r Reading[K, T]) error {
		return r.Load(ctx, func(k K, row *T) error {
			if e := (entry[K, T]{k, row}); first == nil || p.compare(e, *first) < 0 {
				first = &e
			}
			return nil
		})
	})
	if err != nil || first == nil {
		return row, false, err
	}
	return *first.row, true, nil
}

// OpenPlain returns a table of a database that is not kept in memory. Options
// are Where, OrderBy and Columns.
func OpenPlain[K comparable, T any](ctx context.Context, db *Database, name string, opts ...Option) (*Table[K, T], error) {
	o := collect(opts)
	source, err := newSQLSource[K, T](ctx, db, name, o)
	if err != nil {
		return nil, err
	}
	return NewTable(source, opts...)
}

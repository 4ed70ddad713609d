package table

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"time"
)

// sqlSource takes the rows of a set from a SQL database.
type sqlSource[K comparable, T any] struct {
	db     *Database
	name   string
	schema *Schema[K, T]
	sql    *statements
	write  writes // columns
	tells  atomic.Pointer[tells]

	// For live tables: what they depend on, unless every makes them be read in
	// turns.
	on      *dependence
	every   time.Duration
	lasting bool
	seat    *seat // nil for those who read for themselves
}

// tells are the columns of a key as the change log has them, none if it has others,
// and their places as [Schema.keyFrom] needs them.
type tells struct {
	columns []string
	at      []int
}

// newSQLSource makes the source of a set, which can be read and written. It
// asks the database for the key, unless a tag of T says it.
func newSQLSource[K comparable, T any](ctx context.Context, db *Database, name string, o *options) (*sqlSource[K, T], error) {
	w, err := newWhere(o.where)
	if err != nil {
		return nil, err
	}
	s := &sqlSource[K, T]{db: db, name: name, every: o.every}
	tagged, err := taggedKey[T](name)
	if err != nil {
		return nil, err
	}
	key, told, proven, err := db.keyOf(ctx, name, tagged)
	if err != nil {
		return nil, err
	}
	if s.schema, err = newSchema[K, T](name, key, o.columns); err != nil {
		return nil, err
	}
	s.schema.unproven = !proven
	if told, err = s.spelled(ctx, told); err != nil {
		return nil, err
	}
	s.tells.Store(&tells{told, s.schema.tell(told)})
	s.sql = &statements{flavor: db.Flavor, table: db.quoteTable(name), where: w}
	for _, c := range s.schema.Columns() {
		s.sql.columns = append(s.sql.columns, quote(db.Flavor, c))
	}
	for _, i := range s.schema.keys {
		s.sql.key = append(s.sql.key, quote(db.Flavor, s.schema.plan.Fields()[i].Name))
	}
	s.write = s.schema.writes()
	return s, nil
}

// follow prepares the source for a live table.
func (s *sqlSource[K, T]) follow(ctx context.Context) (err error) {
	if s.lasting, err = s.db.lasting(ctx); err != nil || s.every > 0 {
		return err
	}
	s.on = &dependence{db: s.db, name: s.name, query: s.sql.all().sql.String(), keys: s.lookAtKeys}
	return s.on.begin(ctx)
}

// lookAtKeys finds out again which keys the change log tells: the table may have got
// others.
func (s *sqlSource[K, T]) lookAtKeys(ctx context.Context) error {
	if !s.db.asks() {
		return nil
	}
	names := s.schema.plan.Names(s.schema.plan.Key())
	_, told, _, err := s.db.keyOf(ctx, s.name, names)
	if err != nil {
		return err
	}
	if told, err = s.spelled(ctx, told); err != nil {
		return err
	}
	s.tells.Store(&tells{told, s.schema.tell(told)})
	return nil
}

// spelled returns the columns of a key that the change log tells, none if fields for
// texts hold one of them in another spelling: that of a time.
func (s *sqlSource[K, T]) spelled(ctx context.Context, told []string) ([]string, error) {
	text := func(i int) bool { return s.schema.plan.Fields()[i].Type.Kind() == reflect.String }
	if len(told) == 0 || !s.db.asks() || !slices.ContainsFunc(s.schema.keys, text) {
		return told, nil
	}
	t, _, err := s.db.lookUp(ctx, s.name)
	if err != nil {
		return nil, err
	}
	if timed, err := s.db.timed(ctx, t, told); timed || err != nil {
		return nil, err
	}
	return told, nil
}

// keyFrom makes a key of the values that the change log tells.
func (s *sqlSource[K, T]) keyFrom(told any) (K, error) {
	return s.schema.keyFrom(told, s.tells.Load().at)
}

// Schema tells how rows are looked at.
func (s *sqlSource[K, T]) Schema() *Schema[K, T] { return s.schema }

// Follow follows the feed, or the clock.
func (s *sqlSource[K, T]) Follow(context.Context) (Changes[K], error) {
	if s.every > 0 {
		return newTicks[K](s.every), nil
	}
	return followFeed(s.db.Feed, s.on, s.keyFrom), nil
}

// Open begins a transaction in which every statement sees the same: what was
// committed when the first one ran.
func (s *sqlSource[K, T]) Open(ctx context.Context) (Reading[K, T], error) {
	if s.on != nil {
		if err := s.on.look(ctx); err != nil {
			return nil, err
		}
	}
	shot, err := openSnapshot(ctx, s.db, s.on, s.keyFrom)
	if err != nil {
		return nil, err
	}
	return &sqlReading[K, T]{snapshot: shot, source: s}, nil
}

// sqlReading reads in a snapshot.
type sqlReading[K comparable, T any] struct {
	snapshot[K]
	source *sqlSource[K, T]
}

// Load reads all rows of the set.
func (r *sqlReading[K, T]) Load(ctx context.Context, yield func(K, *T) error) error {
	return r.source.query(ctx, r.tx, r.source.sql.all(), yield)
}

// Read reads some rows of the set.
func (r *sqlReading[K, T]) Read(ctx context.Context, keys []K, yield func(K, *T) error) error {
	parts := make([][]any, len(keys))
	for i, k := range keys {
		p, err := r.source.schema.plan.SplitKey(k)
		if err != nil {
			return err
		}
		parts[i] = p
	}
	for _, chunk := range chunks(parts) {
		if err := r.source.query(ctx, r.tx, r.source.sql.some(chunk), yield); err != nil {
			r.source.seat.failed(err)
			return err
		}
	}
	return nil
}

// Close ends the transaction.
func (r *sqlReading[K, T]) Close() error {
	r.source.seat.hasRead()
	return r.snapshot.Close()
}

// Keep returns a cursor of the feed in bytes.
func (s *sqlSource[K, T]) Keep(mark any) ([]byte, error) { return s.db.Feed.Keep(mark) }

// Resume makes a cursor of the feed of them.
func (s *sqlSource[K, T]) Resume(kept []byte, now any) (any, error) {
	return s.db.Feed.Resume(kept, now)
}

// Name tells the account, the table and the condition. The database is told by
// the cursor.
func (s *sqlSource[K, T]) Name(ctx context.Context) (string, error) {
	if s.on == nil || !s.db.Feed.Within() {
		return "", fmt.Errorf("table: rows of %s cannot be kept in a store: %w", s.name, ErrNotTold)
	}
	account, err := s.db.account(ctx, s.on.tables.Load())
	if err != nil {
		return "", fmt.Errorf("table: rows of %s cannot be kept in a store: %w", s.name, err)
	}
	all := s.sql.all()
	args := make([]string, len(all.args))
	for i, arg := range all.args {
		var ok bool
		if args[i], ok = canonical(arg); !ok {
			return "", fmt.Errorf("table: rows of %s cannot be kept in a store: argument %d, of type %T, is not told from others", s.name, i+1, arg)
		}
	}
	return fmt.Sprintf("%q %q %q %v", account, all.sql.String(), args, reflect.TypeFor[T]()), nil
}

// Lasting is false where a reader keeps writers from committing.
func (r *sqlReading[K, T]) Lasting() bool { return r.source.lasting }

// query runs a statement that reads rows.
func (s *sqlSource[K, T]) query(ctx context.Context, q querier, t *text, yield func(K, *T) error) (err error) {
	rows, err := q.QueryContext(ctx, t.sql.String(), t.args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		row := new(T)
		if err := s.schema.plan.Scan(rows, row, s.schema.columns); err != nil {
			return err
		}
		key, err := s.schema.key(row)
		if err != nil {
			return err
		}
		if err := yield(key, row); err != nil {
			return err
		}
	}
	return rows.Err()
}

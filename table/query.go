package table

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx/reflectx"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/internal/rowmap"
	"github.com/vantage-go/live/internal/wait"
)

// Query is a SELECT with its arguments, with the placeholders of the database.
type Query struct {
	Text string
	Args []any
}

// LiveQuery is the result of a SELECT, held in memory and kept current: it is
// run again when a table that it depends on has changed. Its methods may be
// called concurrently; those that read take no lock and do no I/O.
//
// A query that lists rows of one table, with conditions that compare columns with
// values and with the columns of the primary key in its result, is run only when a
// row was changed that is in its result or may meet these conditions now, or so
// many rows that this is less work than to look at them. Of what columns it can be
// said depends on their types: integers, UUIDs, and on PostgreSQL booleans and
// timestamptz; texts where equal ones have equal bytes, and by order where that is
// the order of their bytes.
//
// If such a query shows nothing but columns, is ordered by some whose order is
// certain, or not at all, and all of its conditions compare such columns with
// values (=, <, <=, >, >=, <>, BETWEEN, IN, IS NULL, joined by AND and OR), it is
// not run again at all: its result follows from the rows that have changed. With a
// LIMIT, its order has to name the key; then it is run again when a row has left
// the result and another one comes in that nobody knows.
//
// A query that is changed all the time is run at most half of the time. All of a
// database that are run again for every change of their tables share the time
// that one connection has, or up to three while that makes none of them slower:
// the more of them there are, the more changes a run answers.
type LiveQuery[T any] struct{ table *LiveTable[string, T] }

// Watch returns the live result of a query. Rows are structs with `db` tags;
// the columns that are tagged with pk tell them apart, and no two rows may have
// the same. Ctx bounds the loading only. Queries that are watched twice run
// once.
//
// The error is a *NoKeyError where no field is tagged, or an *UncoveredError for
// a query of whose result it cannot be told when it changes.
func Watch[T any](ctx context.Context, db *Database, q Query, opts ...Option) (*LiveQuery[T], error) {
	o := collect(opts)
	q.Args = slices.Clone(q.Args) // the program may use its slice again
	o.listed = true
	o.where = []condition{{q.Text, q.Args}}
	source, err := newQuerySource[T](db, q)
	if err != nil {
		return nil, err
	}
	source.on = &dependence{db: db, query: q.Text}
	if err := source.on.begin(ctx); err != nil {
		return nil, err
	}
	var unused func()
	source.sieve, source.listing, unused, err = db.sieveOf(ctx, q, source.on.tables.Load().others, o.log)
	if err != nil {
		return nil, err
	}
	defer unused() // it has a user of its own since the query follows it
	c, release, err := share(ctx, db, shapeOf[queryKey, T]("", o), source, o)
	if err != nil {
		return nil, fmt.Errorf("table: watching a query: %w", err)
	}
	t, err := opened(ctx, handle(c, release), o)
	if err != nil {
		return nil, err
	}
	return &LiveQuery[T]{t}, nil
}

// queryKey tells the shapes of queries from those of tables.
type queryKey struct{}

// Len returns the number of rows.
func (q *LiveQuery[T]) Len() int { return q.table.Len() }

// All yields the rows in the order of the query.
func (q *LiveQuery[T]) All() iter.Seq[T] {
	s := q.table.Snapshot()
	return func(yield func(T) bool) {
		for _, row := range s.Ascend() {
			if !yield(row) {
				return
			}
		}
	}
}

// Schema tells how the query looks at its rows.
func (q *LiveQuery[T]) Schema() *Schema[string, T] { return q.table.Schema() }

// Snapshot returns the current result. Its keys are those of the rows in a form
// of the package's own, in Ascend they are in the order of the query.
func (q *LiveQuery[T]) Snapshot() Snapshot[string, T] { return q.table.Snapshot() }

// Version numbers the results: it grows with each that differs.
func (q *LiveQuery[T]) Version() uint64 { return q.table.Version() }

// Events yields what happens to the rows from the call on; see
// [LiveTable.Events].
func (q *LiveQuery[T]) Events(ctx context.Context) iter.Seq2[Batch[string, T], error] {
	return q.table.Events(ctx)
}

// Changes returns a channel that has a value when the result has changed; see
// [LiveTable.Changes].
func (q *LiveQuery[T]) Changes() <-chan struct{} { return q.table.Changes() }

// State tells how far the result can be trusted.
func (q *LiveQuery[T]) State() (State, error) { return q.table.State() }

// Sync returns when the result holds everything that was committed before the
// call.
func (q *LiveQuery[T]) Sync(ctx context.Context) error { return q.table.Sync(ctx) }

// Close ends it. The rows stay what they are.
func (q *LiveQuery[T]) Close() error { return q.table.Close() }

// querySource takes the rows of a query, always all of them.
type querySource[T any] struct {
	db     *Database
	query  Query
	schema *Schema[string, T]
	on     *dependence
	// For a query that lists rows of one table.
	sieve   *sieve
	listing *dialects.Listing
	member  *member // since it follows the changes

	// What follows belongs to the goroutine that reads.
	rest   rest
	result *result[T] // nil if it cannot be kept, or has to be loaded
}

func newQuerySource[T any](db *Database, q Query) (*querySource[T], error) {
	plan, err := rowmap.For[T]()
	if err != nil {
		return nil, fmt.Errorf("table: the rows of a query: %w", err)
	}
	tagged := plan.Key()
	if tagged.Empty() {
		return nil, &NoKeyError{Table: "a query", Why: "no field is tagged with pk"}
	}
	s := &Schema[string, T]{table: "a query", plan: plan, keys: slices.Collect(tagged.All()), compare: strings.Compare}
	for i := range plan.Fields() {
		s.columns.Set(i)
	}
	s.key = func(row *T) (string, error) {
		var b strings.Builder
		for _, i := range s.keys {
			text, ok := canonical(plan.Value(row, i))
			if !ok {
				return "", fmt.Errorf("table: a key of type %T does not tell rows apart", plan.Value(row, i))
			}
			b.WriteString(text)
			b.WriteByte(',')
		}
		return b.String(), nil
	}
	return &querySource[T]{db: db, query: q, schema: s}, nil
}

// Schema tells how rows are looked at.
func (s *querySource[T]) Schema() *Schema[string, T] { return s.schema }

// Follow follows all tables that the query reads, or what a sieve lets through.
func (s *querySource[T]) Follow(context.Context) (Changes[string], error) {
	if s.sieve != nil {
		s.member = newMember(s.sieve, s.listing, s.query.Args)
		return s.member, nil
	}
	return followFeed[string](s.db.Feed, s.on, nil), nil
}

// Open waits until the query may be run again.
func (s *querySource[T]) Open(ctx context.Context) (Reading[string, T], error) {
	r := &queryReading[T]{source: s}
	err := wait.For(ctx, time.Until(s.rest.until))
	if err == nil && s.everyChange() {
		var taken bool
		if taken, err = s.db.budget.enter(ctx, s.rest.cost); taken {
			r.budget = &s.db.budget
		}
	}
	if err == nil {
		err = s.on.look(ctx)
	}
	if err != nil {
		r.settle(0)
		return nil, err
	}
	if s.member != nil {
		s.member.reads(s.on.tables.Load().others)
	}
	return r, nil
}

// everyChange reports whether the query is run again for every change of its
// tables, and not for the first time.
func (s *querySource[T]) everyChange() bool {
	return s.rest.cost > 0 && (s.member == nil || s.member.sieve.mesh.isWild(s.member))
}

// Apply is not there for queries.
func (s *querySource[T]) Apply(context.Context, []Mutation[string, T]) ([]Result[string, T], error) {
	return nil, errors.New("table: the result of a query cannot be changed")
}

// queryReading runs the query: one statement is of one moment.
type queryReading[T any] struct {
	source *querySource[T]
	budget *budget // from which the last cost was taken, or nil
}

// Load runs the query, and tells the sieve which rows it has.
func (r *queryReading[T]) Load(ctx context.Context, yield func(string, *T) error) error {
	m := r.source.member
	if m == nil {
		return r.run(ctx, &holds{ground: &ground{}}, nil, yield)
	}
	r.source.result = nil
	ground, test := m.sieve.mesh.begins(m)
	h := &holds{ground: ground}
	if err := r.run(ctx, h, test, yield); err != nil {
		r.source.result = nil // it may be a part of it
		m.sieve.mesh.failed(m)
		return err
	}
	if r.source.result != nil {
		r.source.result.loaded()
	}
	if !h.known {
		r.source.result, h.keeping = nil, nil
	}
	m.sieve.mesh.loaded(m, h)
	return nil
}

// Advance returns the rows of the result that have changed since the last time,
// nil for those that are gone, and all in order; false if it has to be loaded.
func (s *querySource[T]) Advance() (some map[string]*T, list []entry[string, T], ok bool) {
	if s.result == nil {
		return nil, nil, false
	}
	some, list, ok = s.result.apply(s.member.take())
	if !ok {
		s.result = nil
	}
	return some, list, ok
}

// settle gives back what was taken from the budget beyond what the run took.
func (r *queryReading[T]) settle(took time.Duration) {
	if r.budget != nil {
		r.budget.settle(took, r.source.rest.cost)
	}
}

// run runs the query: a single statement, which no cache answers.
func (r *queryReading[T]) run(ctx context.Context, h *holds, test *dialects.Test, yield func(string, *T) error) (err error) {
	s := r.source
	conn, err := s.db.DB.Conn(ctx)
	if err != nil {
		r.settle(0)
		return err
	}
	begun := time.Now() // now there is a connection
	defer func() {
		now := time.Now()
		took := now.Sub(begun)
		r.settle(took)
		s.rest.ran(took, now)
		if r.budget != nil && err == nil {
			r.budget.ran(took, s.rest.least, s.db.connections(), now)
		}
		if closing := conn.Close(); closing != nil && !errors.Is(closing, sql.ErrConnDone) {
			err = errors.Join(err, closing)
		}
	}()
	rows, err := conn.QueryContext(cache.NoCache(ctx), s.query.Text, s.query.Args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	names, fields, err := s.arrange(rows)
	if err != nil {
		return err
	}
	h.find(s.listing, names, fields)
	h.keeping, s.result = s.keep(h.ground, test, h, names, fields)
	seen := make(map[string]bool)
	for rows.Next() {
		row := new(T)
		if err := scan(rows, row, fields); err != nil {
			return err
		}
		key, err := s.schema.key(row)
		if err != nil {
			return err
		}
		if seen[key] {
			return &NoKeyError{Table: "a query", Why: "two of its rows have the same key"}
		}
		seen[key] = true
		if h.add(reflect.ValueOf(row).Elem()); h.known && s.result != nil {
			place, ok, err := h.keeping.placeOf(rows)
			if err != nil {
				return err
			}
			if ok {
				s.result.load(h.texts[len(h.texts)-1], key, row, place)
			} else {
				h.keeping, s.result = nil, nil
			}
		}
		if err := yield(key, row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// mapper finds fields as sqlx does.
var mapper = reflectx.NewMapperFunc("db", strings.ToLower)

// arrange finds the field of each column.
func (s *querySource[T]) arrange(rows *sql.Rows) (names []string, fields [][]int, err error) {
	if names, err = rows.Columns(); err != nil {
		return nil, nil, err
	}
	known := mapper.TypeMap(reflect.TypeFor[T]())
	for _, name := range names {
		info := known.GetByPath(name)
		if info == nil {
			return nil, nil, fmt.Errorf("no field of %v has column %q of the query", reflect.TypeFor[T](), name)
		}
		fields = append(fields, info.Index)
	}
	for _, key := range s.schema.keys {
		if name := s.schema.plan.Fields()[key].Name; !slices.Contains(names, name) {
			return nil, nil, fmt.Errorf("the query does not return column %q of the key", name)
		}
	}
	return names, fields, nil
}

// scan reads a row whose columns go into these fields.
func scan[T any](rows *sql.Rows, row *T, fields [][]int) error {
	dest := make([]any, len(fields))
	for i, index := range fields {
		dest[i] = reflectx.FieldByIndexes(reflect.ValueOf(row), index).Addr().Interface()
	}
	return rows.Scan(dest...)
}

// Read is never called: no change names a row of the result.
func (r *queryReading[T]) Read(context.Context, []string, func(string, *T) error) error {
	return errors.New("table: rows of a query cannot be read one by one")
}

// Lasting does not matter.
func (r *queryReading[T]) Lasting() bool { return true }

// Close does nothing.
func (r *queryReading[T]) Close() error { return nil }

package table

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/vantage-go/live/dialects"
)

// sharing is a source that can read rows that have changed together with others.
type sharing[K comparable, T any] interface {
	// share begins that, for a table of so many rows, and returns what ends it.
	share(rows func() int) (leave func())
	// together returns what became of the rows of a round, and of those that the
	// same transactions have changed. Fresh is for those who ask for rows that were
	// not told. The error is errAlone if they have to be read otherwise.
	together(ctx context.Context, r round[K], fresh bool) (map[K]*T, error)
	// worth is how many rows are read together before all are, if it is so many for
	// the table alone.
	worth(own int) int
}

// tableParty is a live table among those who read together.
type tableParty[K comparable, T any] struct {
	source     *sqlSource[K, T]
	rows       func() int
	listing    *dialects.Listing // nil if only the database can judge
	args       []driver.NamedValue
	projection *projection

	// doubtful: there are rows of which only the database can tell.
	doubtful atomic.Bool

	// The test on a ground; belongs to the sweep.
	ground *ground
	test   *dialects.Test
}

// share takes a seat, if the change log tells the keys of the table.
func (s *sqlSource[K, T]) share(rows func() int) func() {
	if s.every > 0 || !s.db.Feed.Within() {
		return func() {}
	}
	t := s.sql.all()
	p := &tableParty[K, T]{source: s, rows: rows, args: named(t.args), projection: s.projection()}
	if listing, ok := dialects.ListingOf(s.db.Flavor, t.sql.String()); ok {
		p.listing = listing
	}
	s.seat = s.db.joinRereads(s.on.tables.Load().own, s.tells.Load().columns, p)
	return s.seat.leave
}

// named makes arguments as the analysis of statements has them.
func named(args []any) []driver.NamedValue {
	all := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			v = nil // equal to nothing that is known
		}
		all[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return all
}

// projection makes rows of the table.
func (s *sqlSource[K, T]) projection() *projection {
	p := &projection{columns: s.schema.Columns()}
	p.name = projectionName{reflect.TypeFor[T](), "table " + strings.Join(p.columns, "\x00")}
	var names []string // of the sweep, and where the columns are among them
	at := make([]int, len(p.columns))
	p.make = func(raw *rawRow) (any, error) {
		if len(names) != len(raw.names) || &names[0] != &raw.names[0] {
			names = raw.names
			for i, c := range p.columns {
				at[i] = slices.Index(names, c)
			}
		}
		row := new(T)
		return row, s.schema.plan.Scan(spread{raw, at}, row, s.schema.columns)
	}
	return p
}

// spread scans the columns at these places.
type spread struct {
	row *rawRow
	at  []int
}

func (s spread) Scan(dest ...any) error { return s.row.scan(s.at, dest) }

func (p *tableParty[K, T]) worth() int { return max(wholeFrom, p.rows()/2) }

func (p *tableParty[K, T]) opens() taker { return &tableTaker[K, T]{party: p} }

// tableTaker takes the rows of a set.
type tableTaker[K comparable, T any] struct {
	party *tableParty[K, T]
	test  *dialects.Test // nil if the database judges
	rows  []*T
	// unsure: there are rows of which it is not known whether they are in the set,
	// or which cannot be made.
	unsure bool
}

func (t *tableTaker[K, T]) needs(ground func() *ground, add func(column string)) *where {
	p := t.party
	for _, c := range p.projection.columns {
		add(c)
	}
	if p.source.sql.where.empty() {
		return nil
	}
	if p.listing == nil || p.doubtful.Load() {
		return p.source.sql.where
	}
	g := ground()
	if g == nil {
		return p.source.sql.where
	}
	if p.ground != g {
		p.ground, p.test = g, p.listing.Test(g.kinds, p.args)
	}
	if !p.test.Exact() {
		return p.source.sql.where
	}
	p.test.Columns(add)
	t.test = p.test
	return nil
}

func (t *tableTaker[K, T]) take(row *rawRow) {
	if t.test != nil {
		switch t.test.Of(row.values) {
		case dialects.No:
			return
		case dialects.Maybe:
			t.unsure = true
			t.party.doubtful.Store(true)
			return
		case dialects.Yes:
		}
	}
	made, err := row.project(t.party.projection)
	if err != nil {
		t.unsure = true // what is wrong shows when the table reads for itself
		return
	}
	t.rows = append(t.rows, made.(*T))
}

// together reads with others what became of rows.
func (s *sqlSource[K, T]) together(ctx context.Context, r round[K], fresh bool) (map[K]*T, error) {
	if !s.seat.joins() {
		return nil, errAlone
	}
	if err := s.on.look(ctx); err != nil {
		return nil, fmt.Errorf("table: reading changed rows of %s: %w", s.name, err)
	}
	tells := s.tells.Load()
	if s.on.tables.Load().own != s.seat.rereads.table || !slices.Equal(tells.columns, s.seat.rereads.key) {
		return nil, errAlone
	}
	a := asked{keys: make(map[told]struct{}, len(r.keys)), position: r.position, told: r.told, mark: r.mark, fresh: fresh}
	for k := range r.keys {
		t, ok := s.toldOf(k, tells.at)
		if !ok {
			return nil, errAlone
		}
		a.keys[t] = struct{}{}
	}
	f, t, err := s.seat.read(ctx, a)
	if err != nil {
		return nil, err
	}
	keys, whole := concerns(s.on, s.keyFrom, f.delta.Reset, f.delta.Changes)
	taker := t.(*tableTaker[K, T])
	switch {
	case whole || f.many:
		return nil, errAny
	case taker.unsure:
		return nil, errAlone
	}
	found := make(map[K]*T, len(r.keys)+len(keys))
	for k := range r.keys {
		found[k] = nil
	}
	for _, k := range keys {
		found[k] = nil
	}
	for _, row := range taker.rows {
		k, err := s.schema.key(row)
		if err != nil {
			return nil, errAlone
		}
		found[k] = row
	}
	return found, nil
}

// toldOf returns a key as the change log tells it, whose columns are those of the
// fields at these places.
func (s *sqlSource[K, T]) toldOf(key K, at []int) (told, bool) {
	parts, err := s.schema.plan.SplitKey(key)
	if err != nil {
		return told{}, false
	}
	columns := make([]any, len(at))
	for i, field := range at {
		v, err := driver.DefaultParameterConverter.ConvertValue(parts[slices.Index(s.schema.keys, field)])
		if err != nil {
			return told{}, false
		}
		columns[i] = v
	}
	return plainKey(columns...)
}

func (s *sqlSource[K, T]) worth(own int) int { return s.seat.worth(own) }

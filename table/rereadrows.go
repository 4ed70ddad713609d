package table

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rawRow is a row as the driver has read it.
type rawRow struct {
	rows   *sql.Rows // at the row
	names  []string  // of the columns; there may be more, which are nobody's
	more   int
	values values
	made   map[projectionName]any
}

// project makes a row of it.
func (r *rawRow) project(p *projection) (any, error) {
	if made, ok := r.made[p.name]; ok {
		return made, nil
	}
	made, err := p.make(r)
	if err != nil {
		return nil, err
	}
	if r.made == nil {
		r.made = map[projectionName]any{}
	}
	r.made[p.name] = made
	return made, nil
}

// scan reads the columns at these places, in the order of dest.
func (r *rawRow) scan(at []int, dest []any) error {
	all := make([]any, len(r.names)+r.more)
	for i := range all {
		all[i] = unread{}
	}
	for i, d := range dest {
		all[at[i]] = d
	}
	return r.rows.Scan(all...)
}

// eachRow runs a statement that reads columns of these names, and behind them
// whether a row meets conditions.
func eachRow(ctx context.Context, q querier, t *text, names []string, conditions int, yield func(row *rawRow, met []bool) error) (err error) {
	rows, err := q.QueryContext(ctx, t.sql.String(), t.args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	met := make([]bool, conditions)
	read, into := make([]any, len(names)), make([]any, len(names)+conditions)
	for i := range read {
		into[i] = &read[i]
	}
	for i := range met {
		into[len(names)+i] = &met[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row := &rawRow{rows: rows, names: names, more: conditions, values: make(values, len(names))}
		for i, name := range names {
			row.values[name] = read[i]
		}
		if err := yield(row, met); err != nil {
			return err
		}
	}
	return rows.Err()
}

// judged is a taker with the condition of which the database has to tell.
type judged struct {
	taker taker
	where *where
}

// How many conditions one statement asks, and how many arguments they may have.
const (
	mostConditions = 128
	mostArguments  = 4096
)

// read does the reading of a sweep.
func (g *rereads) read(f *sweep) (err error) {
	columns := slices.Clone(g.key)
	add := func(c string) {
		if !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	var free []taker
	asking := [][]judged{nil} // by statement
	conditions, arguments := 0, 0
	// In one order, so that the statement is the same as long as the parties are.
	seats := slices.SortedFunc(maps.Keys(f.takers), func(a, b *seat) int { return cmp.Compare(a.number, b.number) })
	for _, s := range seats {
		t := f.takers[s]
		w := t.needs(g.look, add)
		if w == nil {
			free = append(free, t)
			continue
		}
		if conditions++; conditions > mostConditions || conditions > 1 && arguments+len(w.args) > mostArguments {
			asking, conditions, arguments = append(asking, nil), 1, 0
		}
		arguments += len(w.args)
		last := len(asking) - 1
		asking[last] = append(asking[last], judged{t, w})
	}
	slices.Sort(columns[len(g.key):])
	failed := func(err error) error { return fmt.Errorf("table: reading changed rows of %s: %w", g.table, err) }
	shot, err := openSnapshot(g.ctx, g.db, nil, tell)
	if err != nil {
		return failed(err)
	}
	defer func() { err = errors.Join(err, shot.Close()) }()
	if f.delta, err = g.db.Feed.DeltaIn(g.ctx, shot.tx, f.mark); err != nil {
		return untold(g.table.String(), err)
	}
	keys, err := g.keys(f)
	if err != nil || len(keys) == 0 {
		return err
	}
	for i, some := range asking {
		takers := free
		if i > 0 {
			takers = nil
		}
		for _, chunk := range chunks(keys) {
			t := g.statement(columns, some, chunk)
			err := eachRow(g.ctx, shot.tx, t, columns, len(some), func(row *rawRow, met []bool) error {
				for _, one := range takers {
					one.take(row)
				}
				for i := range some {
					if met[i] {
						some[i].taker.take(row)
					}
				}
				return nil
			})
			if err != nil {
				return &refusedError{failed(err)}
			}
		}
	}
	return nil
}

// keys returns those that a sweep has to read; none if all parties will find that
// any row may have changed, or that there are too many.
func (g *rereads) keys(f *sweep) (keys [][]any, err error) {
	if f.delta.Reset != "" {
		return nil, nil
	}
	read := make(map[told]struct{}, len(f.keys)+len(f.delta.Changes))
	for k := range f.keys {
		read[k] = struct{}{}
	}
	for i := range f.delta.Changes {
		c := &f.delta.Changes[i]
		if c.Table != g.table {
			continue
		}
		if c.Key == nil {
			return nil, nil
		}
		columns, composite := c.Key.([]any)
		if !composite {
			columns = []any{c.Key}
		}
		k, ok := plainKey(columns...)
		if !ok || len(columns) != len(g.key) {
			return nil, errAlone
		}
		read[k] = struct{}{}
	}
	if len(read) > wholeFrom {
		g.sweepsMu.Lock()
		worth := g.worth()
		g.sweepsMu.Unlock()
		if f.many = len(read) > min(worth, manyKeys); f.many {
			return nil, nil
		}
	}
	keys = make([][]any, 0, len(read))
	for k := range read {
		if len(k.columns()) != len(g.key) {
			return nil, errAlone
		}
		columns := slices.Clone(k.columns())
		for i, c := range columns {
			if b, ok := c.(octets); ok {
				columns[i] = []byte(b)
			}
		}
		keys = append(keys, columns)
	}
	return keys, nil
}

// statement reads columns of the rows with these keys, and whether they meet
// conditions.
func (g *rereads) statement(columns []string, asking []judged, keys [][]any) *text {
	s := selects(g.db.Flavor, g.table, g.key, columns[len(g.key):])
	t := s.text().add("SELECT ", strings.Join(s.columns, ", "))
	for i := range asking {
		t.add(", CASE WHEN ")
		asking[i].where.add(t)
		t.add(" THEN 1 ELSE 0 END")
	}
	return s.keyed(t.add(" FROM ", s.table, " WHERE "), keys)
}

// look returns what is known of the columns of the table under the present
// catalogue.
func (g *rereads) look() *ground {
	if version := g.db.Analyzer.Version(); g.ground == nil || g.version != version {
		ground, err := g.db.sifts(g.ctx, g.table)
		if err != nil {
			return nil
		}
		g.ground, g.version = ground, version
	}
	return g.ground
}

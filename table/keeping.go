package table

import (
	"cmp"
	"database/sql"
	"reflect"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx/reflectx"

	"github.com/vantage-go/live/dialects"
)

// keeping is how the result of a query is kept current without running it: it
// lists rows of one table by conditions that can be told of each row, shows
// nothing but columns, and its order, if it has one, is known. Then the rows that
// a sieve has read lead from one result to the next.
//
// With a LIMIT, rows behind its end are not known. When the result gets shorter
// than the limit and there may be such rows, the query is run again.
type keeping struct {
	projection *projection
	sorting    *dialects.Sorting
	at         []int // of the columns of sorting in the result
	width      int   // of the result
}

// looks calls add for the columns that it needs.
func (k *keeping) looks(add func(column string)) {
	for _, c := range k.projection.columns {
		add(c)
	}
	for _, c := range k.sorting.Columns() {
		add(c)
	}
}

// placeOf returns the place of the present row of the query, false if it is not
// certain.
func (k *keeping) placeOf(rows *sql.Rows) (dialects.Key, bool, error) {
	columns := k.sorting.Columns()
	if len(columns) == 0 {
		return "", true, nil
	}
	read, dest := make([]any, len(columns)), make([]any, k.width)
	for i := range dest {
		dest[i] = unread{}
	}
	for i, at := range k.at {
		dest[at] = &read[i]
	}
	if err := rows.Scan(dest...); err != nil {
		return "", false, err
	}
	row := make(values, len(columns))
	for i, c := range columns {
		row[c] = read[i]
	}
	place, ok := k.sorting.Place(row)
	return place, ok, nil
}

// projection makes rows of a query of what a sieve reads.
type projection struct {
	name    projectionName
	columns []string // of the table
	// make makes a row of what was read; other columns go elsewhere.
	make func(*rawRow) (any, error)
}

// projectionName tells projections apart.
type projectionName struct {
	row     reflect.Type
	columns string
}

// fate is what has become of a row: it has another place in the result, or,
// where row is nil, none any more.
type fate struct {
	row   any // a pointer to the type of the query
	place dialects.Key
}

// result is the result of a query that is kept. It belongs to the goroutine that
// reads.
type result[T any] struct {
	rows  []keptRow[T] // in order
	limit int          // -1 for none
	more  bool         // there may be rows behind these
	// proven: rows with different keys of the table have different ones here.
	proven bool
	key    func(*T) (string, error)
}

type keptRow[T any] struct {
	text  string // its key in the table
	place dialects.Key
	entry entry[string, T]
}

// keep returns how a result can be kept whose columns have these names and go
// into these fields, and an empty one; nil if it cannot.
func (s *querySource[T]) keep(g *ground, test *dialects.Test, h *holds, names []string, fields [][]int) (*keeping, *result[T]) {
	if s.member == nil || test == nil || !h.known || !s.listing.Plain() || !test.Exact() {
		return nil, nil
	}
	limit, ok := s.listing.Limit(s.member.args)
	if !ok {
		return nil, nil
	}
	sorting, ok := s.listing.Sorting(g.kinds)
	if !ok || !s.tells(g, h) || limit >= 0 && !containsAll(sorting.Columns(), g.key) {
		return nil, nil
	}
	known := map[string]string{}
	for c, alike := range g.alike {
		if alike {
			known[dialects.Fold(s.db.Flavor, c)] = c
		}
	}
	p, k := &projection{}, &keeping{sorting: sorting, width: len(names)}
	into, at := map[string][]int{}, map[string]int{}
	for i, name := range names {
		column, ok := known[dialects.Fold(s.db.Flavor, name)]
		if !ok {
			return nil, nil
		}
		if _, twice := into[column]; !twice {
			p.columns = append(p.columns, column)
		}
		into[column], at[column] = fields[i], i
	}
	for _, c := range sorting.Columns() {
		i, shown := at[c]
		if !shown {
			return nil, nil
		}
		k.at = append(k.at, i)
	}
	k.projection = p
	p.name = projectionName{reflect.TypeFor[T](), strings.Join(p.columns, "\x00")}
	p.make = func(raw *rawRow) (any, error) {
		var at []int
		var dest []any
		row := new(T)
		for i, c := range raw.names {
			if index, ok := into[c]; ok {
				at = append(at, i)
				dest = append(dest, reflectx.FieldByIndexes(reflect.ValueOf(row), index).Addr().Interface())
			}
		}
		return row, raw.scan(at, dest)
	}
	return k, &result[T]{limit: limit, key: s.schema.key, proven: s.isKey(g.key)}
}

// isKey reports whether rows are told apart by these columns.
func (s *querySource[T]) isKey(columns []string) bool {
	return (&uniqueKey{columns: columns}).is(s.schema.plan.Names(s.schema.plan.Key()))
}

// unread is where values go that nobody asks for.
type unread struct{}

// Scan does nothing.
func (unread) Scan(any) error { return nil }

// tells reports whether rows of the result can be told apart by the texts of
// their keys.
func (s *querySource[T]) tells(g *ground, h *holds) bool {
	for i, c := range g.key {
		switch kind := g.kinds[c]; {
		case kind.Kind != dialects.IntKey && kind.Kind != dialects.UUIDKey:
			return false
		case kind.Mixed: // unless nothing else fits into the field
			field := reflect.New(reflect.TypeFor[T]().FieldByIndex(h.fields[i]).Type).Elem()
			if !field.CanInt() && !field.CanUint() {
				return false
			}
		}
	}
	return true
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}

// load notes a row of the query, which stands at the end of those so far.
func (r *result[T]) load(text string, key string, row *T, place dialects.Key) {
	r.rows = append(r.rows, keptRow[T]{text, place, entry[string, T]{key, row}})
}

// loaded is called when all rows are there.
func (r *result[T]) loaded() { r.more = r.limit >= 0 && len(r.rows) >= r.limit }

// apply makes the result the next one. It returns the rows that differ, nil for
// those that are gone, and all rows in order; false if the query has to be run.
func (r *result[T]) apply(changes map[string]fate) (some map[string]*T, list []entry[string, T], ok bool) {
	some = make(map[string]*T, len(changes))
	if r.limit == 0 {
		return some, []entry[string, T]{}, true
	}
	end := dialects.Key("")
	if r.more {
		end = r.rows[len(r.rows)-1].place
	}
	outside := func(c *fate) bool { return r.more && c.place > end }
	next := make([]keptRow[T], 0, len(r.rows)+len(changes))
	placed := map[string]bool{}
	var moved []keptRow[T]
	for i := range r.rows {
		old := &r.rows[i]
		c, changed := changes[old.text]
		if !changed {
			next = append(next, *old)
			continue
		}
		some[old.entry.key] = nil
		if c.row != nil && c.place == old.place {
			row, ok := r.made(old.text, &c)
			if !ok {
				return nil, nil, false
			}
			next, placed[old.text] = append(next, row), true
		}
	}
	for text, c := range changes {
		if c.row == nil || placed[text] || outside(&c) {
			continue
		}
		row, ok := r.made(text, &c)
		if !ok {
			return nil, nil, false
		}
		moved = append(moved, row)
	}
	next = merged(next, moved)
	switch {
	case r.limit < 0:
	case len(next) > r.limit:
		for i := range next[r.limit:] {
			some[next[r.limit+i].entry.key] = nil
		}
		next, r.more = next[:r.limit], true
	case len(next) < r.limit && r.more:
		return nil, nil, false
	}
	list = make([]entry[string, T], len(next))
	seen := map[string]bool{}
	for i := range next {
		list[i] = next[i].entry
		_, changed := changes[next[i].text]
		// One behind the limit may have had the same key.
		if _, gone := some[list[i].key]; gone || changed {
			some[list[i].key] = list[i].row
		}
		if !r.proven {
			if seen[list[i].key] {
				return nil, nil, false
			}
			seen[list[i].key] = true
		}
	}
	r.rows = next
	return some, list, true
}

// made returns the row that a change makes.
func (r *result[T]) made(text string, c *fate) (k keptRow[T], ok bool) {
	row, ok := c.row.(*T)
	if !ok {
		return k, false
	}
	key, err := r.key(row)
	return keptRow[T]{text, c.place, entry[string, T]{key, row}}, err == nil
}

// merged returns rows that are in order with others in between that are not.
func merged[T any](rows, others []keptRow[T]) []keptRow[T] {
	if len(others) == 0 {
		return rows
	}
	slices.SortFunc(others, func(a, b keptRow[T]) int {
		if c := cmp.Compare(a.place, b.place); c != 0 {
			return c
		}
		return strings.Compare(a.text, b.text)
	})
	all := make([]keptRow[T], 0, len(rows)+len(others))
	for _, row := range rows {
		for len(others) > 0 && others[0].place < row.place {
			all, others = append(all, others[0]), others[1:]
		}
		all = append(all, row)
	}
	return append(all, others...)
}

package dialects

import (
	sqldriver "database/sql/driver"
	"slices"
)

// Listing is what the text of a SELECT tells that lists rows of one table: which
// of them it lists, and what it shows of one, depends on that row alone, but for
// a LIMIT, which cuts the list at its end. So a row that has changed matters
// only if it was in the result, or meets the condition now.
type Listing struct {
	// Schema and Name are the table as the text has it, folded; the schema may
	// be empty.
	Schema, Name string

	flavor Flavor
	where  Condition
	star   bool
	shown  []string // folded
	plain  bool     // nothing else is shown
	order  []orderTerm
	limit  *value
	// What of the end of the text was understood.
	orderKnown, limitKnown bool
}

// orderTerm is a column by which a listing is in order.
type orderTerm struct {
	column                 string // folded
	descending, nullsFirst bool
}

// maxLeaves is how many comparisons of a condition are looked at.
const maxLeaves = 128

// ListingOf returns the listing that a text is. It looks at nothing but the
// text: the table may be a view, and the text may be wrong. It returns false for
// a text that is none or was not understood.
func ListingOf(flavor Flavor, text string) (*Listing, bool) {
	s := scanners.Get().(*scanner)
	defer s.release()
	s.flavor, s.text = flavor, text
	l := lexer{flavor: flavor, text: text, quotes: quotings(flavor)[0], toks: s.buffer[:0]}
	l.run()
	s.buffer, s.toks = l.toks, l.toks
	if l.refusal != "" || l.doubt || l.hint || s.word(0) != "select" {
		return nil, false
	}
	p := s.parser()
	if p == nil || len(p.refs) != 1 || len(p.selects) != 1 || p.selects[0].items != 1 {
		return nil, false
	}
	ref := &p.refs[0]
	if ref.name == "" || ref.maybe {
		return nil, false
	}
	found := &Listing{Schema: ref.schema, Name: ref.name, flavor: flavor, plain: true}
	from := p.listed(found)
	if from < 0 || !p.tail(from, found) {
		return nil, false
	}
	return found, true
}

// listed reads what stands between SELECT and FROM, and returns the place of
// FROM. It returns -1 where there are parentheses: they may be those of an
// aggregate.
func (p *parser) listed(l *Listing) int {
	for start, i := 1, 1; i < p.hi; i++ {
		end := p.mark(i) == ',' || p.stopAt(i, stopFrom) != 0 && !p.isLabel(i)
		switch {
		case p.mark(i) == '(' || p.mark(i) == '[':
			return -1
		case !end:
			continue
		case p.mark(i-1) == '*' && (i-1 == start || p.mark(i-2) == '.' && i-3 == start):
			l.star = true
		default:
			if _, column, next := p.column(start, i); next == i {
				l.shown = append(l.shown, column)
			} else {
				l.plain = false
			}
		}
		if p.mark(i) != ',' {
			return i
		}
		start = i + 1
	}
	return -1
}

// tail reads what stands behind FROM, at i, which must be nothing but a table,
// WHERE, ORDER BY with columns, and LIMIT without an offset.
func (p *parser) tail(i int, l *Listing) bool {
	l.orderKnown, l.limitKnown = true, true
	l.plain = l.plain && p.word(i+1) != "only" // the rows of other tables have a key of their own
	where, order, limit := 0, 0, 0
	for ; i < p.hi; i++ {
		switch p.mark(i) {
		case '(', '[':
			if where == 0 || order > 0 || limit > 0 {
				return false
			}
			i = p.toks[i].pair()
			continue
		case ',':
			if limit > 0 {
				return false
			}
		}
		if p.isLabel(i) {
			continue
		}
		switch p.word(i) {
		case "where":
			where = i + 1
		case "order":
			order = i
		case "limit":
			limit = i + 1
		case "offset", "fetch", "for", "lock", "into", "with", "window", "group", "having", "procedure", "tablesample":
			return false
		default:
			if p.stopAt(i, stopSets) != 0 {
				return false
			}
		}
	}
	end := p.hi
	if limit > 0 {
		v, behind, ok := p.operand(limit, end)
		l.limit, l.limitKnown = &v, ok && behind == end
		end = limit - 1
	}
	if order > 0 {
		l.orderKnown = p.word(order+1) == "by" && p.terms(order+2, end, l)
		end = order
	}
	if where > 0 {
		leaves := maxLeaves
		l.where = p.condition(where, end, &leaves)
	} else {
		l.where = Condition{op: allOf}
	}
	return end > where
}

// terms reads the columns by which the result is in order.
func (p *parser) terms(i, hi int, l *Listing) bool {
	for i < hi {
		_, column, next := p.column(i, hi)
		if next == 0 {
			return false
		}
		t := orderTerm{column: column}
		switch p.word(next) {
		case "desc":
			t.descending = true
			next++
		case "asc":
			next++
		}
		// Postgres takes NULL for greater than everything, the others for less.
		t.nullsFirst = t.descending == (p.flavor == Postgres)
		if next < hi && p.word(next) == "nulls" {
			switch p.word(next + 1) {
			case "first":
				t.nullsFirst = true
			case "last":
				t.nullsFirst = false
			default:
				return false
			}
			next += 2
		}
		l.order = append(l.order, t)
		if next == hi {
			return true
		}
		if p.mark(next) != ',' {
			return false
		}
		i = next + 1
	}
	return false
}

// Shows reports whether the result has the column under its own name, provided
// that it has only one of that name.
func (l *Listing) Shows(column string) bool {
	return l.star || slices.Contains(l.shown, Fold(l.flavor, column))
}

// Plain reports whether the result has nothing but columns of the table under
// their own names.
func (l *Listing) Plain() bool { return l.plain }

// Test returns the test that rows of the listing meet, under args, where the
// table has these columns. Others may be compared in ways that nobody knows.
func (l *Listing) Test(columns map[string]ColumnKind, args []sqldriver.NamedValue) *Test {
	return l.where.bind(folded(l.flavor, columns), args)
}

// Limit returns how many rows the result has at most, under args; -1 if any
// number. It returns false if it cannot be told.
func (l *Listing) Limit(args []sqldriver.NamedValue) (int, bool) {
	switch {
	case !l.limitKnown:
		return 0, false
	case l.limit == nil:
		return -1, true
	}
	v, ok := l.limit.under(IntKey, args)
	if !ok {
		return 0, false
	}
	whole, _ := wholeNumber(v)
	n, ok := whole.(int64)
	return int(n), ok && 0 <= n && n <= maxLimit
}

// maxLimit is the largest LIMIT that is looked at.
const maxLimit = 1 << 30

// Sorting is the order of a listing of a table whose columns are known.
type Sorting struct{ terms []sortTerm }

type sortTerm struct {
	namedKind
	descending, nullsFirst bool
}

// Sorting returns the order of the listing, which has no columns if it is in
// none. It returns false if it is not certain.
func (l *Listing) Sorting(columns map[string]ColumnKind) (*Sorting, bool) {
	if !l.orderKnown {
		return nil, false
	}
	known, s := folded(l.flavor, columns), &Sorting{}
	for _, t := range l.order {
		column := known[t.column]
		if !column.Ordered {
			return nil, false
		}
		s.terms = append(s.terms, sortTerm{column, t.descending, t.nullsFirst})
	}
	return s, true
}

// Columns returns the columns that decide, the first one first.
func (s *Sorting) Columns() []string {
	var all []string
	for _, t := range s.terms {
		all = append(all, t.name)
	}
	return all
}

// Place returns the place of a row, whose values by column are as a driver has
// read them: places compare as the rows do. It returns false if that is not
// certain.
func (s *Sorting) Place(row map[string]any) (Key, bool) {
	var place []byte
	for _, t := range s.terms {
		v, read := row[t.name]
		switch {
		case read && v == nil && t.nullsFirst:
			place = append(place, 0)
			continue
		case read && v == nil:
			place = append(place, 2)
			continue
		}
		at, ok := t.Order(v)
		if !read || !ok {
			return "", false
		}
		place = append(place, 1)
		for i := range len(at) {
			b := at[i]
			if t.descending {
				b = ^b
			}
			place = append(place, b)
		}
	}
	return Key(place), true
}

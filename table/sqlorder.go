package table

import (
	"strings"

	"github.com/vantage-go/live/dialects"
)

// ordering is a total order of rows, as statements have it.
type ordering struct {
	terms   []term
	anchors bool   // the rows behind one can be asked for
	version uint64 // of the schema that it was made for
}

// term is a column of an order. NULL is last in either direction.
type term struct {
	expr       string
	descending bool
	nullable   bool
}

// way is how to get to a page: from the first row, from the last one back, or from
// a row, past some rows.
type way struct {
	skip, limit int
	back        bool
	anchored    bool
}

// add adds the order to a statement, back to front or not.
func (o *ordering) add(t *text, back bool) {
	t.add(" ORDER BY ").list(len(o.terms), func(i int) {
		one := &o.terms[i]
		down := one.descending != back
		direction := ""
		if down {
			direction = " DESC"
		}
		// Where the database puts NULL by itself: Postgres takes it for the largest
		// value, the others for the smallest.
		nullsLast := down
		if t.flavor == dialects.Postgres {
			nullsLast = !down
		}
		switch {
		case !one.nullable || nullsLast != back:
			t.add(one.expr, direction)
		case t.flavor == dialects.MySQL && back:
			t.add(one.expr, " IS NULL DESC, ", one.expr, direction)
		case t.flavor == dialects.MySQL:
			t.add(one.expr, " IS NULL, ", one.expr, direction)
		case back:
			t.add(one.expr, direction, " NULLS FIRST")
		default:
			t.add(one.expr, direction, " NULLS LAST")
		}
	})
}

// behind adds that rows come after the row with a key, or before it. Its values
// are taken from the table, where they are exact.
func (s *statements) behind(t *text, o *ordering, back bool, key []any) {
	operator := func(i int) string {
		if o.terms[i].descending != back {
			return " < "
		}
		return " > "
	}
	of := func(expr string) {
		t.add("(SELECT ", expr, " FROM ", s.table, " WHERE ")
		s.isKey(t, key).add(")")
	}
	uniform := true
	exprs := make([]string, len(o.terms))
	for i := range o.terms {
		exprs[i] = o.terms[i].expr
		uniform = uniform && operator(i) == operator(0)
	}
	if len(exprs) == 1 || uniform && t.flavor != dialects.MySQL {
		all := strings.Join(exprs, ", ")
		if len(exprs) == 1 {
			t.add(all)
		} else {
			t.add("(", all, ")")
		}
		t.add(operator(0))
		of(all)
		return
	}
	// MySQL finds no place in an index by a comparison of rows, but by the first
	// column.
	t.add(exprs[0], strings.TrimRight(operator(0), " "), "= ")
	of(exprs[0])
	t.add(" AND ")
	for i := range exprs {
		t.add("(", exprs[i], operator(i))
		of(exprs[i])
		if i < len(exprs)-1 {
			t.add(" OR ", exprs[i], " = ")
			of(exprs[i])
			t.add(" AND ")
		}
	}
	t.add(strings.Repeat(")", len(exprs)))
}

// page selects the rows at the end of a way, back to front if that goes back.
func (s *statements) page(o *ordering, w way, key []any) *text {
	t := s.all()
	if w.anchored {
		if s.where.empty() {
			t.add(" WHERE ")
		} else {
			t.add(" AND ")
		}
		s.behind(t, o, w.back, key)
	}
	o.add(t, w.back)
	t.add(" LIMIT ")
	t.arg(w.limit)
	if w.skip > 0 {
		t.add(" OFFSET ")
		t.arg(w.skip)
	}
	return t
}

// count counts the rows of the set.
func (s *statements) count() *text { return s.whole("SELECT COUNT(*)") }

// plan tells how many rows of the set the planner expects.
func (s *statements) plan() *text { return s.whole("EXPLAIN SELECT 1") }

func (s *statements) whole(what string) *text {
	t := s.text().add(what, " FROM ", s.table)
	if !s.where.empty() {
		t.add(" WHERE ")
		s.where.add(t)
	}
	return t
}

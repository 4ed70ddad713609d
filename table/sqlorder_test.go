package table

import (
	"testing"

	"github.com/vantage-go/live/dialects"
)

// TestPageStatements: the ways to a page, in each grammar.
func TestPageStatements(t *testing.T) {
	t.Parallel()
	up := &ordering{terms: []term{{expr: "a"}, {expr: "id"}}}
	mixed := &ordering{terms: []term{{expr: "a", descending: true}, {expr: "id"}}}
	nulls := &ordering{terms: []term{{expr: "a", nullable: true}, {expr: "b", nullable: true, descending: true}, {expr: "id"}}}
	for _, c := range []struct {
		name   string
		flavor dialects.Flavor
		order  *ordering
		way    way
		want   string
	}{
		{"from the first", dialects.Postgres, up, way{skip: 7, limit: 5}, "WHERE (x > $1) ORDER BY a, id LIMIT $2 OFFSET $3"},
		{"from the last", dialects.Postgres, mixed, way{limit: 5, back: true}, "WHERE (x > $1) ORDER BY a, id DESC LIMIT $2"},
		{
			"behind a row", dialects.Postgres, up,
			way{limit: 5, anchored: true},
			"WHERE (x > $1) AND (a, id) > (SELECT a, id FROM t WHERE id = $2) ORDER BY a, id LIMIT $3",
		},
		{
			"before a row", dialects.SQLite, up,
			way{limit: 5, skip: 2, anchored: true, back: true},
			"WHERE (x > ?) AND (a, id) < (SELECT a, id FROM t WHERE id = ?) ORDER BY a DESC, id DESC LIMIT ? OFFSET ?",
		},
		{
			"behind a row, in two directions", dialects.SQLite, mixed,
			way{limit: 5, anchored: true},
			"WHERE (x > ?) AND a <= (SELECT a FROM t WHERE id = ?) AND (a < (SELECT a FROM t WHERE id = ?) OR a = (SELECT a FROM t WHERE id = ?) AND (id > (SELECT id FROM t WHERE id = ?)))" +
				" ORDER BY a DESC, id LIMIT ?",
		},
		{
			"before a row", dialects.MySQL, up,
			way{limit: 5, anchored: true, back: true},
			"WHERE (x > ?) AND a <= (SELECT a FROM t WHERE id = ?) AND (a < (SELECT a FROM t WHERE id = ?) OR a = (SELECT a FROM t WHERE id = ?) AND (id < (SELECT id FROM t WHERE id = ?)))" +
				" ORDER BY a DESC, id DESC LIMIT ?",
		},
		{"NULL", dialects.Postgres, nulls, way{limit: 5}, "WHERE (x > $1) ORDER BY a, b DESC NULLS LAST, id LIMIT $2"},
		{"NULL, back", dialects.Postgres, nulls, way{limit: 5, back: true}, "WHERE (x > $1) ORDER BY a DESC, b NULLS FIRST, id DESC LIMIT $2"},
		{"NULL", dialects.SQLite, nulls, way{limit: 5}, "WHERE (x > ?) ORDER BY a NULLS LAST, b DESC, id LIMIT ?"},
		{"NULL, back", dialects.SQLite, nulls, way{limit: 5, back: true}, "WHERE (x > ?) ORDER BY a DESC NULLS FIRST, b, id DESC LIMIT ?"},
		{"NULL", dialects.MySQL, nulls, way{limit: 5}, "WHERE (x > ?) ORDER BY a IS NULL, a, b DESC, id LIMIT ?"},
		{"NULL, back", dialects.MySQL, nulls, way{limit: 5, back: true}, "WHERE (x > ?) ORDER BY a IS NULL DESC, a DESC, b, id DESC LIMIT ?"},
	} {
		w, err := newWhere([]condition{{"x > ?", []any{1}}})
		if err != nil {
			t.Fatal(err)
		}
		s := &statements{flavor: c.flavor, table: "t", columns: []string{"id"}, key: []string{"id"}, where: w}
		if got := s.page(c.order, c.way, []any{7}).sql.String(); got != "SELECT id FROM t "+c.want {
			t.Errorf("%s on %v:\n%s\nwant\nSELECT id FROM t %s", c.name, c.flavor, got, c.want)
		}
	}
}

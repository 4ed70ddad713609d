package dialects_test

import (
	sqldriver "database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
)

// TestListingOf: only texts are listings whose rows each speak for themselves.
func TestListingOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"SELECT id, a FROM t WHERE a = $1":                                true,
		"SELECT * FROM s.t WHERE a = $1 ORDER BY b DESC, id LIMIT 10":     true,
		"SELECT x.*, x.a + 1 AS more FROM t AS x WHERE x.a IN (1, 2)":     true,
		"SELECT id FROM t WHERE a = 1 AND (b > 2 OR lower(c) = 'x')":      true,
		"SELECT id FROM t WHERE a IS DISTINCT FROM 1 AND a = 2;":          true,
		"SELECT name, id FROM t":                                          true,
		"SELECT id FROM t WHERE b > 1":                                    true,
		"SELECT id FROM t WHERE a = 1 OR b = 2":                           true,
		"SELECT id FROM t WHERE":                                          false,
		"SELECT count(*) AS id FROM t WHERE a = 1":                        false,
		"SELECT id, row_number() OVER () FROM t WHERE a = 1":              false,
		"SELECT id, (SELECT 1) AS one FROM t WHERE a = 1":                 false,
		"SELECT DISTINCT ON (a) id FROM t WHERE a = 1":                    false,
		"SELECT a AS id FROM t WHERE a = 1 GROUP BY a":                    false,
		"SELECT id FROM t WHERE a = 1 ORDER BY count(*) OVER () LIMIT 1":  false,
		"SELECT id FROM t WHERE a = 1 LIMIT 10 OFFSET 5":                  false,
		"SELECT id FROM t WHERE a = 1 LIMIT 5, 10":                        false,
		"SELECT id FROM t WHERE a = 1 OFFSET 5":                           false,
		"SELECT id FROM t WHERE a = 1 FETCH FIRST 3 ROWS WITH TIES":       false,
		"SELECT id FROM t WHERE a = 1 UNION SELECT id FROM t WHERE a = 2": false,
		"SELECT id FROM t, u WHERE t.a = 1":                               false,
		"SELECT id FROM t JOIN u USING (id) WHERE t.a = 1":                false,
		"SELECT id FROM t WHERE a = 1 AND b IN (SELECT b FROM u)":         false,
		"SELECT id FROM t WHERE a = 1 AND NOT EXISTS (SELECT 1 FROM t)":   false,
		"SELECT id FROM (SELECT * FROM t) AS x WHERE a = 1":               false,
		"SELECT id FROM f(1) AS x WHERE a = 1":                            false,
		"SELECT id FROM t AS x (id, a) WHERE a = 1":                       false,
		"SELECT id FROM t TABLESAMPLE system (10) WHERE a = 1":            false,
		"WITH t AS (SELECT 1 AS id) SELECT id FROM t WHERE id = 1":        false,
		"SELECT id FROM t WHERE a = 1 FOR UPDATE":                         false,
		"UPDATE t SET a = 1 WHERE id = 1":                                 false,
		"SELECT id FROM t WHERE a = 1; SELECT id FROM t WHERE a = 2":      false,
	} {
		if _, got := dialects.ListingOf(dialects.Postgres, text); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// TestListingShows: a column is shown that stands there by itself.
func TestListingShows(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"SELECT id, a FROM t WHERE a = 1":            true,
		"SELECT a, x.ID FROM t AS x WHERE a = 1":     true,
		"SELECT * FROM t WHERE a = 1":                true,
		"SELECT a, x.* FROM t x WHERE a = 1":         true,
		`SELECT "id" FROM t WHERE a = 1`:             true,
		"SELECT a FROM t WHERE a = 1":                false,
		"SELECT id + 1 AS id FROM t WHERE a = 1":     false,
		"SELECT a AS id FROM t WHERE a = 1":          false,
		"SELECT a id FROM t WHERE a = 1":             false,
		"SELECT 2 * id FROM t WHERE a = 1":           false,
		"SELECT -id FROM t WHERE a = 1":              false,
		"SELECT id::text FROM t WHERE a = 1":         false,
		"SELECT id COLLATE \"C\" FROM t WHERE a = 1": false,
		"SELECT (id) FROM t WHERE a = 1":             false,
	} {
		l, ok := dialects.ListingOf(dialects.Postgres, text)
		if got := ok && l.Shows("id"); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// kinds are those of a table with columns of all kinds.
var kinds = map[string]dialects.ColumnKind{
	"a": {Kind: dialects.IntKey, Ordered: true},
	"b": {Kind: dialects.TextKey},
	"x": {},
	"c": {Kind: dialects.TextKey, Ordered: true},
	"t": {Kind: dialects.TimeKey, Ordered: true},
	"f": {Kind: dialects.BoolKey, Ordered: true},
	"u": {Kind: dialects.UUIDKey, Ordered: true},
	"m": {Kind: dialects.IntKey, Ordered: true, Mixed: true},
}

const uuidA, uuidB = "0192f0c1-0000-7000-8000-00000000000a", "0192F0C1-0000-7000-8000-00000000000B"

// TestConditions: what a row and a condition are told of each other.
func TestConditions(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 26, 12, 0, 0, 5000, time.UTC)
	for _, test := range []struct {
		where string
		args  []any
		row   map[string]any
		want  dialects.Verdict
	}{
		{"a = 1", nil, map[string]any{"a": int64(1)}, dialects.Yes},
		{"a = 1", nil, map[string]any{"a": []byte("1")}, dialects.Yes},
		{"a = 1", nil, map[string]any{"a": int64(2)}, dialects.No},
		{"a = 1", nil, map[string]any{"a": nil}, dialects.No},
		{"a = 1", nil, map[string]any{"a": 1.0}, dialects.Maybe},
		{"a = 1", nil, map[string]any{}, dialects.Maybe},
		{"a <> 1", nil, map[string]any{"a": nil}, dialects.No},
		{"a <> 1", nil, map[string]any{"a": int64(2)}, dialects.Yes},
		{"a != 1", nil, map[string]any{"a": int64(1)}, dialects.No},
		{"a < -1", nil, map[string]any{"a": int64(-2)}, dialects.Yes},
		{"a < -1", nil, map[string]any{"a": int64(-1)}, dialects.No},
		{"a <= -1", nil, map[string]any{"a": int64(-1)}, dialects.Yes},
		{"a > -1", nil, map[string]any{"a": int64(0)}, dialects.Yes},
		{"a > -1", nil, map[string]any{"a": int64(-9)}, dialects.No},
		{"a > -1", nil, map[string]any{"a": uint64(1) << 63}, dialects.Yes},
		{"a >= 5", nil, map[string]any{"a": int64(5)}, dialects.Yes},
		{"5 > a", nil, map[string]any{"a": int64(4)}, dialects.Yes},
		{"5 > a", nil, map[string]any{"a": int64(5)}, dialects.No},
		{"a BETWEEN 2 AND $1", []any{int64(4)}, map[string]any{"a": int64(4)}, dialects.Yes},
		{"a BETWEEN 2 AND $1", []any{int64(4)}, map[string]any{"a": int64(5)}, dialects.No},
		{"a BETWEEN 2 AND $1", []any{4.5}, map[string]any{"a": int64(3)}, dialects.Maybe},
		{"a BETWEEN 2 AND $1", []any{4.5}, map[string]any{"a": int64(1)}, dialects.No},
		{"a NOT BETWEEN 2 AND 4", nil, map[string]any{"a": int64(5)}, dialects.Yes},
		{"a NOT BETWEEN 2 AND 4", nil, map[string]any{"a": int64(4)}, dialects.No},
		{"a NOT IN (2, 3)", nil, map[string]any{"a": int64(4)}, dialects.Yes},
		{"a NOT IN (2, 3)", nil, map[string]any{"a": int64(3)}, dialects.No},
		{"a NOT IN (2, NULL)", nil, map[string]any{"a": int64(3)}, dialects.Maybe},
		{"a IS NULL", nil, map[string]any{"a": nil}, dialects.Yes},
		{"a IS NULL", nil, map[string]any{"a": 1.5}, dialects.No},
		{"a IS NOT NULL", nil, map[string]any{"a": nil}, dialects.No},
		{"a IS NOT NULL", nil, map[string]any{"a": 1.5}, dialects.Yes},
		{"x IS NULL", nil, map[string]any{"x": nil}, dialects.Yes},
		{"x IS NULL", nil, map[string]any{"x": 1.5}, dialects.No},
		{"x = 1", nil, map[string]any{"x": int64(2)}, dialects.Maybe},
		{"x > 1", nil, map[string]any{"x": int64(1)}, dialects.Maybe},
		{"x <> 1", nil, map[string]any{"x": nil}, dialects.Maybe},
		{"a IS NOT DISTINCT FROM 1", nil, map[string]any{"a": int64(2)}, dialects.Maybe},
		{"a = 1 OR a > 5", nil, map[string]any{"a": int64(3)}, dialects.No},
		{"a = 1 OR a > 5", nil, map[string]any{"a": int64(6)}, dialects.Yes},
		{"a = 1 OR lower(b) = 'x'", nil, map[string]any{"a": int64(3)}, dialects.Maybe},
		{"a = 1 OR lower(b) = 'x'", nil, map[string]any{"a": int64(1)}, dialects.Yes},
		{"a = 1 AND lower(b) = 'x'", nil, map[string]any{"a": int64(1)}, dialects.Maybe},
		{"a = 1 AND lower(b) = 'x'", nil, map[string]any{"a": int64(2)}, dialects.No},
		{"a = 1 OR a = 2 AND a = 3", nil, map[string]any{"a": int64(1)}, dialects.Yes},
		{"a = 1 OR a = 2 AND a = 3", nil, map[string]any{"a": int64(2)}, dialects.No},
		{"(a = 1 OR a = 2) AND a > 1", nil, map[string]any{"a": int64(2)}, dialects.Yes},
		{"a BETWEEN 1 AND 2 OR a = 7", nil, map[string]any{"a": int64(7)}, dialects.Yes},
		{"NOT a = 1", nil, map[string]any{"a": int64(1)}, dialects.Maybe},
		{"NOT (a = 1 OR a = 2)", nil, map[string]any{"a": int64(1)}, dialects.Maybe},
		{"CASE WHEN a = 1 OR a = 2 THEN true ELSE false END", nil, map[string]any{"a": int64(1)}, dialects.Maybe},
		{"a + 1 > 2", nil, map[string]any{"a": int64(1)}, dialects.Maybe},
		{"a > 1 + 1", nil, map[string]any{"a": int64(1)}, dialects.Maybe},
		{"a > 1.5", nil, map[string]any{"a": int64(1)}, dialects.Maybe},
		{"a > ALL (ARRAY[1])", nil, map[string]any{"a": int64(1)}, dialects.Maybe},
		{"(a, m) > (1, 2)", nil, map[string]any{"a": int64(0), "m": int64(0)}, dialects.Maybe},
		{"a > $1 AND m > $1", []any{int64(1) << 60}, map[string]any{"a": int64(1), "m": int64(1)}, dialects.Maybe},
		{"a > $1 AND m > $1", []any{int64(5)}, map[string]any{"a": int64(1), "m": int64(1)}, dialects.No},
		{"b = $1 AND c = $1", []any{"x "}, map[string]any{"b": "x", "c": "x"}, dialects.Maybe},
		{"b > 'x'", nil, map[string]any{"b": "a"}, dialects.Maybe},
		{"b <> 'x'", nil, map[string]any{"b": "x"}, dialects.No},
		{"c > 'x'", nil, map[string]any{"c": "a"}, dialects.No},
		{"c > 'x'", nil, map[string]any{"c": "x\x00"}, dialects.Yes},
		{"c > 'x'", nil, map[string]any{"c": "x"}, dialects.No},
		{"c >= 'x' AND c < 'y'", nil, map[string]any{"c": "x\xff"}, dialects.Maybe},
		{"c > 'x' COLLATE \"de\"", nil, map[string]any{"c": "a"}, dialects.Maybe},
		{"t > $1", []any{noon}, map[string]any{"t": noon.Add(time.Microsecond)}, dialects.Yes},
		{"t > $1", []any{noon}, map[string]any{"t": noon.In(time.FixedZone("", 3600))}, dialects.No},
		{"t > $1", []any{noon.Add(1)}, map[string]any{"t": noon}, dialects.Maybe},
		{"t > $1", []any{"2026-11-26"}, map[string]any{"t": noon}, dialects.Maybe},
		{"t > $1", []any{noon}, map[string]any{"t": []byte("infinity")}, dialects.Maybe},
		{"f > false", nil, map[string]any{"f": true}, dialects.Yes},
		{"f", nil, map[string]any{"f": true}, dialects.Maybe},
		{"u < '" + uuidB + "'", nil, map[string]any{"u": []byte(uuidA)}, dialects.Yes},
		{"u < '" + uuidA + "'", nil, map[string]any{"u": []byte(uuidB)}, dialects.No},
		{"m > 5", nil, map[string]any{"m": []byte("4")}, dialects.Maybe},
		{"m > 5", nil, map[string]any{"m": "4"}, dialects.Maybe},
		{"m > 5", nil, map[string]any{"m": int64(4)}, dialects.No},
		{"m = 5", nil, map[string]any{"m": []byte("4")}, dialects.Maybe},
	} {
		l, ok := dialects.ListingOf(dialects.Postgres, "SELECT id FROM t WHERE "+test.where)
		if !ok {
			t.Errorf("%s is no condition of a listing", test.where)
			continue
		}
		args := make([]sqldriver.NamedValue, len(test.args))
		for i, v := range test.args {
			args[i] = sqldriver.NamedValue{Ordinal: i + 1, Value: v}
		}
		condition := l.Test(kinds, args)
		if got := condition.Of(test.row); got != test.want {
			t.Errorf("%s with %v, of %v: %v, want %v", test.where, test.args, test.row, got, test.want)
		}
		if test.want == dialects.Maybe || condition.Of(test.row) == dialects.No {
			continue
		}
		if paths, ok := condition.Paths(); ok && !slices.ContainsFunc(paths, func(p dialects.Path) bool { return leads(t, p, test.row) }) {
			t.Errorf("%s: no path of %+v leads to %v", test.where, paths, test.row)
		}
	}
}

// leads reports whether a row is on a path.
func leads(t *testing.T, p dialects.Path, row map[string]any) bool {
	t.Helper()
	key, ok := dialects.PathKey(p.Columns, kinds, row)
	if !ok || !slices.Contains(p.Keys, key) {
		return !ok
	}
	if p.Range == "" {
		return true
	}
	at, ok := kinds[p.Range].Order(row[p.Range])
	return !ok && row[p.Range] != nil || ok && p.From <= at && at < p.To
}

// TestPaths: rows are found by as much as the condition tells of them.
func TestPaths(t *testing.T) {
	t.Parallel()
	for where, want := range map[string]string{
		"a = 1":                                 "a",
		"a IN (1, 2)":                           "a",
		"a = 1 AND c = 'x' AND b IN ('x', 'y')": "a c",
		"a = 1 AND m > 5":                       "a >m",
		"a > 1 AND a < 9":                       ">a",
		"a > 1 AND m < 9":                       ">a",
		"a IS NULL AND lower(b) = 'x'":          "a",
		"a IS NOT NULL":                         ">a",
		"b IS NOT NULL":                         "all",
		"b > 'x'":                               "all",
		"a <> 1":                                "all",
		"a = 1 OR c = 'x' AND m = 3":            "a, c m",
		"a = 1 OR b > 'x'":                      "all",
		"(a = 1 OR c = 'x') AND b <> 'x'":       "a, c",
		"(a = 1 OR c = 'x') AND m = 3":          "m",
		"a > 5 AND a < 5":                       "",
	} {
		l, _ := dialects.ListingOf(dialects.Postgres, "SELECT id FROM t WHERE "+where)
		paths, ok := l.Test(kinds, nil).Paths()
		var got []string
		for _, p := range paths {
			columns := slices.Clone(p.Columns)
			if p.Range != "" {
				columns = append(columns, ">"+p.Range)
			}
			got = append(got, strings.Join(columns, " "))
		}
		if !ok {
			got = []string{"all"}
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%s: %q, want %q", where, text, want)
		}
	}
}

// TestListingEnds: what a listing is ordered and limited by, and whether it shows
// columns alone.
func TestListingEnds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SELECT id FROM t":                                     "plain -1 []",
		"SELECT * FROM t ORDER BY a DESC, c LIMIT 5":           "plain 5 [a c]",
		"SELECT x.*, x.a FROM t AS x ORDER BY x.a NULLS FIRST": "plain -1 [a]",
		"SELECT id FROM t ORDER BY b":                          "plain -1 unknown",
		"SELECT id FROM t ORDER BY x":                          "plain -1 unknown",
		"SELECT id FROM t ORDER BY 1":                          "plain -1 unknown",
		"SELECT id FROM t ORDER BY a + 1":                      "plain -1 unknown",
		"SELECT id FROM t ORDER BY c COLLATE \"C\"":            "plain -1 unknown",
		"SELECT id FROM t ORDER BY a USING >":                  "plain -1 unknown",
		"SELECT id FROM t LIMIT $1":                            "plain 7 []",
		"SELECT id FROM t LIMIT ALL":                           "plain unknown []",
		"SELECT id FROM t LIMIT 2 + 3":                         "plain unknown []",
		"SELECT id, a AS b FROM t":                             "-1 []",
		"SELECT id, a b FROM t":                                "-1 []",
		"SELECT DISTINCT a, id FROM t":                         "-1 []",
		"SELECT id, a + 1 FROM t":                              "-1 []",
		"SELECT id FROM ONLY t":                                "-1 []",
	} {
		l, ok := dialects.ListingOf(dialects.Postgres, text)
		if !ok {
			t.Errorf("%s is no listing", text)
			continue
		}
		got := ""
		if l.Plain() {
			got = "plain "
		}
		if n, ok := l.Limit([]sqldriver.NamedValue{{Ordinal: 1, Value: int64(7)}}); ok {
			got += fmt.Sprint(n)
		} else {
			got += "unknown"
		}
		if s, ok := l.Sorting(kinds); ok {
			got += fmt.Sprintf(" %v", s.Columns())
		} else {
			got += " unknown"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestSorting: places compare as each database compares the rows.
func TestSorting(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		postgres, sqlite []any
	}{
		"ORDER BY a":                  {[]any{int64(-5), int64(-1), int64(0), int64(7), nil}, []any{nil, int64(-5), int64(-1), int64(0), int64(7)}},
		"ORDER BY a DESC":             {[]any{nil, int64(7), int64(0), int64(-1)}, []any{int64(7), int64(0), int64(-1), nil}},
		"ORDER BY a DESC NULLS LAST":  {[]any{int64(7), int64(0), int64(-1), nil}, []any{int64(7), int64(0), int64(-1), nil}},
		"ORDER BY a NULLS FIRST":      {[]any{nil, int64(7)}, []any{nil, int64(7)}},
		"ORDER BY c":                  {[]any{"", "a", "a\x00", "aa", "b", nil}, []any{nil, "", "a", "a\x00", "aa", "b"}},
		"ORDER BY c DESC NULLS FIRST": {[]any{nil, "b", "aa", "a\x00", "a", ""}, []any{nil, "b", "aa", "a\x00", "a", ""}},
	} {
		for flavor, values := range map[dialects.Flavor][]any{dialects.Postgres: want.postgres, dialects.SQLite: want.sqlite} {
			l, _ := dialects.ListingOf(flavor, "SELECT id FROM t "+text)
			s, ok := l.Sorting(kinds)
			if !ok {
				t.Errorf("%s is not understood", text)
				continue
			}
			var last dialects.Key
			for _, v := range values {
				place, ok := s.Place(map[string]any{s.Columns()[0]: v})
				if !ok || place <= last {
					t.Errorf("%s: %v is not behind the one before: %q, %q, %v", text, v, place, last, ok)
				}
				last = place
			}
			if _, ok := s.Place(map[string]any{}); ok {
				t.Errorf("%s: a row without the column has a place", text)
			}
		}
	}
}

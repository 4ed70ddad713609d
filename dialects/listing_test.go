package dialects_test

import (
	sqldriver "database/sql/driver"
	"testing"

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
		"SELECT name, id FROM t":                                          false,
		"SELECT id FROM t WHERE b > 1":                                    false,
		"SELECT id FROM t WHERE a = 1 OR b = 2":                           false,
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

// TestConditionKeys: what a condition asks for and what is stored have one form,
// or none.
func TestConditionKeys(t *testing.T) {
	t.Parallel()
	l, ok := dialects.ListingOf(dialects.Postgres, "SELECT id FROM t WHERE a = $1 AND b IN ('x', 'y') AND c = $1 AND d = 5::text")
	if !ok || len(l.Conditions) < 3 {
		t.Fatalf("%+v, %v", l, ok)
	}
	args := func(v any) []sqldriver.NamedValue { return []sqldriver.NamedValue{{Ordinal: 1, Value: v}} }
	a, b := &l.Conditions[0], &l.Conditions[1]
	stored, _ := dialects.IntKey.Stored([]byte("7"))
	if keys, ok := a.Keys(dialects.IntKey, args(int64(7))); !ok || len(keys) != 1 || keys[0] != stored {
		t.Errorf("%q, %v, want %q", keys, ok, stored)
	}
	for _, v := range []any{nil, 7.0, "07", "x", []byte("7"), int64(1) << 60} { // $1 stands twice
		if keys, ok := a.Keys(dialects.IntKey, args(v)); ok {
			t.Errorf("%v: %q", v, keys)
		}
	}
	stored, _ = dialects.TextKey.Stored("y")
	if keys, ok := b.Keys(dialects.TextKey, nil); !ok || len(keys) != 2 || keys[1] != stored {
		t.Errorf("%q, %v, want %q", keys, ok, stored)
	}
	if _, ok := b.Keys(dialects.NoKey, nil); ok {
		t.Error("the values of a type that is not known are known")
	}
	for _, v := range []any{nil, 1.5, "x", "1.0"} {
		if key, ok := dialects.IntKey.Stored(v); ok {
			t.Errorf("%v as an integer is %q", v, key)
		}
	}
	if !l.On(a, "a") || l.On(a, "b") {
		t.Error("the condition is on another column")
	}
}

package dialects

import (
	"slices"
	"testing"
)

// TestPostgresHiddenClock: what becomes a date must not have been a text in a
// table, which may say 'now'.
func TestPostgresHiddenClock(t *testing.T) {
	isDate := func(name string) bool { return name == "mydate" }
	for _, c := range []struct {
		text  string
		clock bool     // the text depends on the clock, as far as can be told
		dated []string // or it does unless these columns hold dates
	}{
		{text: "SELECT id FROM t"},
		{text: "SELECT date, t.time, \"timestamp\" FROM t ORDER BY date DESC"},
		{text: "SELECT a AS date, max(date) FROM t WHERE timestamp IS NOT NULL GROUP BY date"},
		{text: "SELECT date '2020-01-01', timestamp(3) '2020-01-01', timestamp with time zone '2020-01-01' FROM t"},
		{text: "SELECT '2020-01-01'::date, $1::timestamptz, CAST($2 AS pg_catalog.date), null::date FROM t"},
		{text: "SELECT date_trunc('day', a)::date, max(to_timestamp(a))::date, to_date(a, 'YYYY')::timestamp(3)::date FROM t"},
		{text: "SELECT a AT TIME ZONE 'UTC' FROM t"},
		{text: "SELECT a::interval, a::text, (a || 'x')::varchar FROM t"},

		{text: "SELECT a::date FROM t", dated: []string{"a"}},
		{text: "SELECT t.a::date, (b)::timestamptz::date, CAST(c AS date), date(d) FROM t GROUP BY t.a::date", dated: []string{"a", "b", "c", "d"}},
		{text: "SELECT (a AT TIME ZONE 'UTC')::date, min(b)::date FROM t", dated: []string{"a", "b"}},
		{text: "SELECT lower(a) AS x, f(b)::text FROM t WHERE a::date > $1 AND (t.c).a IS NULL", dated: []string{"a"}},
		{text: "SELECT a::mydate, b::public.mydate FROM t", dated: []string{"a", "b"}},

		{text: "SELECT (a || b)::date FROM t", clock: true},
		{text: "SELECT (a || b AT TIME ZONE 'UTC')::date FROM t", clock: true},
		{text: "SELECT lower(a)::date FROM t", clock: true},
		{text: "SELECT a::text::date FROM t", clock: true},
		{text: "SELECT (j->>'d')::date FROM t", clock: true},
		{text: "SELECT CASE WHEN a THEN b ELSE c END::date FROM t", clock: true},
		{text: "SELECT date(a || b), timestamptz(lower(a)) FROM t", clock: true},
		{text: "SELECT CAST(a || b AS date) FROM t", clock: true},
		{text: "SELECT a[1]::date FROM t", clock: true},
		{text: "SELECT array_agg(a)::date[] FROM t", clock: true},
		{text: "SELECT array_agg(a)::_date FROM t", clock: true},
		{text: "SELECT lower(a)::tstzrange FROM t", clock: true},
		{text: "SELECT * FROM t, json_to_record(j) AS x(a date)", clock: true},
		{text: "SELECT * FROM t, json_to_record(j) AS x(a timestamp(3))", clock: true},
		{text: "SELECT * FROM t, json_to_record(j) AS x(a timestamp with time zone)", clock: true},
		{text: "SELECT json_value(j, '$.a' RETURNING date) FROM t", clock: true},

		// Something else may have the name of the column.
		{text: "SELECT a::date FROM (SELECT note AS a FROM t) s", clock: true},
		{text: "SELECT a::date FROM (SELECT note a FROM t) s", clock: true},
		{text: "SELECT a::date FROM (SELECT value a FROM t) s", clock: true},
		{text: "SELECT a::date FROM (SELECT between a FROM t) s", clock: true},
		{text: "SELECT a::date FROM (SELECT lower(note) a FROM t) s", clock: true},
		{text: "WITH s(a) AS (SELECT note FROM t) SELECT a::date FROM s", clock: true},
		{text: "WITH s(b, a) AS MATERIALIZED (SELECT 1, note FROM t) SELECT a::date FROM s", clock: true},
		{text: "SELECT a::date FROM t AS x(b, a)", clock: true},
		{text: "SELECT a::date FROM t x(b, a)", clock: true},
		{text: "SELECT a::date FROM unnest(t.b) a", clock: true},
		{text: "SELECT a::date FROM unnest(t.b) AS x(a)", clock: true},
		{text: "SELECT unnest::date FROM t, unnest(t.b)", clock: true},
		{text: "SELECT text::date FROM (SELECT note::text FROM t) s", clock: true},
		{text: "SELECT value::date FROM t, json_each_text(t.j)", clock: true},
		{text: `SELECT "a"::date FROM (SELECT note AS "a" FROM t) s`, clock: true},
	} {
		got := PostgresHidden(c.text, isDate)
		if (got.Clock != "") != c.clock || !c.clock && !slices.Equal(got.Dated, c.dated) {
			t.Errorf("%s\nclock %q, dated %q", c.text, got.Clock, got.Dated)
		}
	}
}

func TestPostgresHiddenOperators(t *testing.T) {
	none := func(string) bool { return false }
	for text, want := range map[string][]string{
		"SELECT a FROM t":                                 nil,
		"SELECT a=b, a = -1, a<>b AND c@>d FROM t":        {"=", "-", "<>", "@>"},
		"SELECT a ? 'x', b ?| c, $1 + $2, a::text FROM t": {"?", "?|", "+"},
		"SELECT '%' -- ===\n, a /* @@ */ || b FROM t":     {"||"},
		"SELECT a OPERATOR(public.===) b FROM t":          {"==="},
		"SELECT count(*) FROM t":                          {"*"},
	} {
		if got := PostgresHidden(text, none).Operators; !slices.Equal(got, want) {
			t.Errorf("%s\noperators %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string][2]bool{
		"SELECT a AT TIME ZONE 'UTC' FROM t":                         {true, false},
		"SELECT timezone('UTC', a) FROM t":                           {true, false},
		"SELECT a AT LOCAL FROM t":                                   {true, false},
		"SELECT a::time AT TIME ZONE 'UTC' FROM t":                   {true, true},
		"SELECT CAST('12:00' AS time) AT TIME ZONE 'UTC' FROM t":     {true, true},
		"SELECT time '12:00' AT TIME ZONE 'UTC' FROM t":              {true, true},
		"SELECT a::timestamp with time zone, '12:00'::time FROM t":   {false, true},
		"SELECT timestamp with time zone '2020-01-01 00:00' FROM t ": {false, false},
	} {
		if got := PostgresHidden(text, none); got.Zone != want[0] || got.OfDay != want[1] {
			t.Errorf("%s\nzone %v, time of day %v", text, got.Zone, got.OfDay)
		}
	}
}

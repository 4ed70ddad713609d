package dialects

import (
	sqldriver "database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// pinned is a catalogue with keys of all kinds.
func pinned(f Flavor) *Catalog {
	schema := map[Flavor]string{SQLite: "main", Postgres: "public", MySQL: "db"}[f]
	table := func(name string, key ...KeyColumn) Object {
		return Object{Table: Table{Schema: schema, Name: name}, Covered: true, Key: key}
	}
	id := KeyColumn{"id", IntKey}
	parent := table("parent", id)
	parent.Fires = []string{"child"}
	child := table("child", id)
	tree := table("tree", id)
	tree.Fires = []string{"tree"}
	fired := table("fired", id)
	fired.Fires = []string{"new", "updated_at"}
	replaces := table("replaces", id)
	replaces.Replaces = true
	view := table("v")
	view.View, view.Mentions = true, []string{"b", "id"}
	double := table("d", id)
	double2 := double
	double2.Table.Schema = "other"
	return NewCatalog(1, f, []Object{
		table("a", id), table("b", id), table("c", KeyColumn{"x", IntKey}, KeyColumn{"y", TextKey}),
		table("u", KeyColumn{"id", UUIDKey}), table("t", KeyColumn{"name", TextKey}), table("n"),
		parent, child, tree, fired, replaces, view, double, double2,
	})
}

// pinsOf describes pins: a[1] a[$1] c[1,'x'].
func pinsOf(pins []Pin) string {
	var all []string
	for _, p := range pins {
		var rows []string
		for _, row := range p.Rows {
			var values []string
			for _, o := range row {
				switch {
				case o.Param > 0 && o.approximate:
					values = append(values, fmt.Sprintf("~$%d", o.Param))
				case o.Param > 0:
					values = append(values, fmt.Sprintf("$%d", o.Param))
				default:
					values = append(values, fmt.Sprint(o.Literal))
				}
			}
			rows = append(rows, strings.Join(values, ","))
		}
		all = append(all, p.Table.Name+"["+strings.Join(rows, " ")+"]")
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestPins(t *testing.T) {
	t.Parallel()
	for f, cases := range map[Flavor][]clauseCase{
		SQLite:   append(slices.Clone(everyPin), sqlitePins...),
		Postgres: append(slices.Clone(everyPin), postgresPins...),
		MySQL:    append(slices.Clone(everyPin), mysqlPins...),
	} {
		for _, c := range cases {
			a := Words(f, pinned(f), c.text)
			if got := pinsOf(a.Pins); got != c.want {
				t.Errorf("%s: %s\nhas pins %q, want %q", flavorName(f), c.text, got, c.want)
			}
			for _, p := range a.Pins {
				if !slices.Contains(a.Reads, p.Table) {
					t.Errorf("%s: %s\nhas a pin on %s and does not read it", flavorName(f), c.text, p.Table)
				}
			}
		}
	}
}

var everyPin = []clauseCase{
	{"SELECT * FROM a WHERE id = 1", "a[1]"},
	{"SELECT * FROM a WHERE 1 = id", "a[1]"},
	{"SELECT * FROM a WHERE a.id = 1", "a[1]"},
	{"SELECT * FROM a x WHERE x.id = 1", "a[1]"},
	{"SELECT * FROM a AS x WHERE a.id = 1", ""},
	{"SELECT * FROM a WHERE b.id = 1", ""},
	{"SELECT * FROM a WHERE id = -1", "a[-1]"},
	{"SELECT * FROM a WHERE id = 007", "a[7]"},
	{"SELECT * FROM a WHERE id = '7'", "a[7]"},
	{"SELECT * FROM a WHERE id = '07'", ""},
	{"SELECT * FROM a WHERE id = ' 7'", ""},
	{"SELECT * FROM a WHERE id = '9007199254740993'", ""},
	{"SELECT * FROM a WHERE id = 9007199254740993", "a[9007199254740993]"},
	{"SELECT * FROM a WHERE id = 1.0", ""},
	{"SELECT * FROM a WHERE id = 1e1", ""},
	{"SELECT * FROM a WHERE id = 99999999999999999999", ""},
	{"SELECT * FROM a WHERE id = NULL", ""},
	{"SELECT * FROM a WHERE id = id", ""},
	{"SELECT * FROM a WHERE id = 1 + 1", ""},
	{"SELECT * FROM a WHERE id + 1 = 1", ""},
	{"SELECT * FROM a WHERE - id = 1", ""},
	{"SELECT * FROM a WHERE id > 1", ""},
	{"SELECT * FROM a WHERE id <> 1", ""},
	{"SELECT * FROM a WHERE id >= 1 AND id <= 1", ""},
	{"SELECT * FROM a WHERE (id = 1)", "a[1]"},
	{"SELECT * FROM a WHERE ((id = 1)) AND (x = 2 OR y = 3)", "a[1]"},
	{"SELECT * FROM a WHERE (id = 1 AND (x = 2))", "a[1]"},
	{"SELECT * FROM a WHERE (id) = 1", ""},
	{"SELECT * FROM a WHERE x = 2 AND id = 1 AND y", "a[1]"},
	{"SELECT * FROM a WHERE id = 1 OR x = 2", ""},
	{"SELECT * FROM a WHERE x = 2 OR id = 1", ""},
	{"SELECT * FROM a WHERE id = 1 AND x = 2 OR y = 3", ""},
	{"SELECT * FROM a WHERE (id = 1 OR x = 2) AND y = 3", ""},
	{"SELECT * FROM a WHERE NOT id = 1", ""},
	{"SELECT * FROM a WHERE NOT (id = 1)", ""},
	{"SELECT * FROM a WHERE NOT x AND id = 1", "a[1]"},
	{"SELECT * FROM a WHERE x BETWEEN 1 AND id = 1", ""},
	{"SELECT * FROM a WHERE x BETWEEN 1 AND 2 AND id = 1", "a[1]"},
	{"SELECT * FROM a WHERE x BETWEEN y BETWEEN 1 AND 2 AND id = 1", ""},
	{"SELECT * FROM a WHERE CASE WHEN x AND id = 1 THEN 1 ELSE 0 END = 1", ""},
	{"SELECT * FROM a WHERE CASE WHEN id = 1 THEN 1 END AND id = 2", ""},
	{"SELECT * FROM a WHERE (CASE WHEN x THEN 1 END) = 1 AND id = 1", "a[1]"},
	{"SELECT * FROM a WHERE id = 1 IS NULL", ""},
	{"SELECT * FROM a WHERE id = 1 = 0", ""},
	{"SELECT * FROM a WHERE f(id = 1)", ""},
	{"SELECT * FROM a WHERE coalesce(id = 1, 1 = 1)", ""},
	{"SELECT * FROM a WHERE id IN (1)", "a[1]"},
	{"SELECT * FROM a WHERE id IN (1, 2, -3)", "a[1 2 -3]"},
	{"SELECT * FROM a WHERE id NOT IN (1)", ""},
	{"SELECT * FROM a WHERE id IN (1, x)", ""},
	{"SELECT * FROM a WHERE id IN (1, 2.0)", ""},
	{"SELECT * FROM a WHERE id IN (1, NULL)", ""},
	{"SELECT * FROM a WHERE id IN (SELECT 1)", ""},
	{"SELECT * FROM a WHERE id IN (1) = 0", ""},
	{"SELECT * FROM a WHERE (id, x) = (1, 2)", ""},
	{"SELECT * FROM a WHERE id = 1 ORDER BY x AND id = 2", "a[1]"},
	{"SELECT * FROM a WHERE x = 1 ORDER BY y AND id = 2", ""},
	{"SELECT * FROM a WHERE x = value ORDER BY y AND id = 2", ""},
	{"SELECT * FROM a WHERE id = 1 LIMIT 5", "a[1]"},
	{"SELECT x, count(*) FROM a WHERE id = 1 GROUP BY x HAVING count(*) > 1", "a[1]"},
	{"SELECT x FROM a GROUP BY x HAVING id = 1", ""},
	{"SELECT id = 1 FROM a", ""},
	{"SELECT * FROM a, b WHERE a.id = 1 AND b.id = 2", "a[1] b[2]"},
	{"SELECT * FROM a, b WHERE a.id = 1", "a[1]"},
	{"SELECT * FROM a, b WHERE id = 1", ""},
	{"SELECT * FROM a, b WHERE a.id = b.id AND b.id = 1", "b[1]"},
	{"SELECT * FROM a JOIN b ON a.id = 1 AND b.x = a.x", "a[1]"},
	{"SELECT * FROM a JOIN b ON b.x = a.x AND b.id = 3 WHERE a.id = 1", "a[1] b[3]"},
	{"SELECT * FROM a LEFT JOIN b ON b.x = a.x WHERE a.id = 1", "a[1]"},
	{"SELECT * FROM a LEFT JOIN b ON b.x = a.x WHERE b.id = 1", "b[1]"},
	{"SELECT * FROM a LEFT JOIN b ON a.id = 1", ""},
	{"SELECT * FROM a LEFT JOIN b ON b.id = 1", ""},
	{"SELECT * FROM a RIGHT JOIN b ON a.id = 1 AND b.id = 2", ""},
	{"SELECT * FROM a RIGHT JOIN b ON a.x = b.x WHERE a.id = 1 AND b.id = 2", "a[1] b[2]"},
	{"SELECT * FROM a LEFT JOIN b ON a.x = b.value LEFT JOIN n ON a.id = 5", ""},
	{"SELECT * FROM a JOIN n ON a.id = 1 RIGHT JOIN b ON b.x = a.x", "a[1]"},
	{"SELECT * FROM a NATURAL JOIN n WHERE a.id = 1", "a[1]"},
	{"SELECT * FROM a JOIN b USING (id) WHERE id = 1", ""},
	{"SELECT * FROM a JOIN b USING (id) WHERE a.id = 1", "a[1]"},
	{"SELECT * FROM a x JOIN a y ON x.x = y.x WHERE x.id = 1", ""},
	{"SELECT * FROM a x JOIN a y ON x.x = y.x WHERE x.id = 1 AND y.id = 2", "a[1 2]"},
	{"SELECT * FROM a x, a x WHERE x.id = 1", ""},
	{"SELECT * FROM a WHERE id = 1 UNION SELECT * FROM a WHERE id = 2", "a[1 2]"},
	{"SELECT * FROM a WHERE id = 1 UNION SELECT * FROM a", ""},
	{"SELECT * FROM a WHERE id = 1 UNION SELECT * FROM b WHERE id = 2 OR x", "a[1]"},
	{"SELECT * FROM a WHERE id = 1 AND x IN (SELECT x FROM b)", "a[1]"},
	{"SELECT * FROM a WHERE id = 1 AND x IN (SELECT x FROM b WHERE id = 2)", "a[1] b[2]"},
	{"SELECT * FROM a WHERE id = 1 AND x IN (SELECT x FROM a)", ""},
	{"SELECT * FROM b WHERE x IN (SELECT x FROM a WHERE a.id = 1)", "a[1]"},
	{"SELECT * FROM b WHERE x IN (SELECT x FROM a y WHERE b.id = 1)", ""},
	{"SELECT * FROM a WHERE x IN (SELECT 1 FROM n WHERE id = 1)", ""},
	{"SELECT (SELECT max(x) FROM a WHERE id = 1) FROM b WHERE id = 2", "a[1] b[2]"},
	{"SELECT * FROM (SELECT * FROM a WHERE id = 1) y WHERE y.id = 1", "a[1]"},
	{"SELECT * FROM (SELECT * FROM a) y WHERE y.id = 1", ""},
	{"SELECT * FROM (SELECT * FROM n) a WHERE a.id = 1", ""},
	{"WITH y AS (SELECT * FROM a WHERE id = 1) SELECT * FROM y", "a[1]"},
	{"WITH a AS (SELECT * FROM b) SELECT * FROM a WHERE id = 1", ""},
	{"WITH y AS (SELECT * FROM a) SELECT * FROM y WHERE y.id = 1", ""},
	{"WITH y AS (SELECT 1 AS id) SELECT * FROM a, y WHERE y.id = 1", ""},
	{"SELECT * FROM c WHERE x = 1 AND y = 'z'", "c[1,z]"},
	{"SELECT * FROM c WHERE y = 'it''s' AND x = 1", "c[1,it's]"},
	{"SELECT * FROM c WHERE x = 1", ""},
	{"SELECT * FROM c WHERE x = 1 OR y = 'z'", ""},
	{"SELECT * FROM c WHERE x = 1 AND y IN ('a', 'b')", ""},
	{"SELECT * FROM c WHERE x = 1 AND y IN ('a')", "c[1,a]"},
	{"SELECT * FROM u WHERE id = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "u[A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11]"},
	{"SELECT * FROM u WHERE id = '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'", ""},
	{"SELECT * FROM t WHERE name = 'x'", "t[x]"},
	{"SELECT * FROM t WHERE name = 5", ""},
	{"SELECT * FROM t WHERE name LIKE 'x'", ""},
	{"SELECT * FROM t WHERE name = 'x' || 'y'", ""},
	{`SELECT * FROM t WHERE name = 'a\b'`, ""},
	{"SELECT * FROM t WHERE name = x'00'", ""},
	{"SELECT * FROM n WHERE id = 1", ""},
	{"SELECT * FROM v WHERE id = 1", ""},
	{"SELECT * FROM b, v WHERE b.id = 1", ""},
	{"SELECT * FROM a, v WHERE a.id = 1", "a[1]"},
	{"SELECT * FROM a WHERE current_date = 1 AND id = 1", "a[1]"},
	{"SELECT * FROM a AS x (id, x) WHERE id = 1", ""},
	{"SELECT * FROM a WHERE id = 1 AND", ""},
	{"SELECT * FROM a WHERE AND id = 1", ""},
}

var sqlitePins = []clauseCase{
	{"SELECT * FROM a WHERE id = ?", "a[$1]"},
	{"SELECT *, ? FROM a WHERE id = ?", "a[$2]"},
	{"SELECT * FROM a WHERE id = ?7", "a[$7]"},
	{"SELECT * FROM a WHERE id = ?7 AND x = ?", ""},
	{"SELECT * FROM a WHERE id = :id", ""},
	{"SELECT * FROM a WHERE id = ? AND x = $x", ""},
	{"SELECT * FROM a WHERE id == 1", ""},
	{"SELECT * FROM a WHERE id IS 1", ""},
	{`SELECT * FROM "a" WHERE "id" = 1`, "a[1]"},
	{`SELECT * FROM a WHERE id = "1"`, ""},
	{"SELECT * FROM a WHERE 'id' = 1", ""},
	{"SELECT * FROM a WHERE rowid = 1", ""},
	{"SELECT * FROM main.a WHERE a.id = 1", "a[1]"},
	{"SELECT * FROM main.a WHERE main.a.id = 1", ""},
	{"SELECT * FROM aux.a WHERE id = 1", ""},
	{"SELECT * FROM a WHERE id = 1 AND x IN a", ""},
	{"SELECT * FROM a WHERE id = 1 AND x IN b", "a[1]"},
	{"SELECT * FROM a, json_each(a.x) WHERE a.id = 1", "a[1]"},
	{"SELECT * FROM a, json_each(a.x) WHERE id = 1", ""},
	{"SELECT * FROM a WHERE x || y AND id = 1", "a[1]"},
	{"SELECT * FROM a WHERE id = true", ""},
	{"SELECT * FROM a JOIN b ON a.id = 1 ON b.id = 1", ""},
	{"SELECT * FROM a WHERE ID = 1", "a[1]"},
	{"SELECT * FROM A X WHERE x.Id = 1", "a[1]"},
}

var postgresPins = []clauseCase{
	{"SELECT * FROM a WHERE id = $1", "a[$1]"},
	{"SELECT * FROM a WHERE id = $2 AND x = $1", "a[$2]"},
	{"SELECT * FROM a WHERE id = $1 AND x = $1", "a[~$1]"},
	{"SELECT * FROM a WHERE id IN ($1, $2)", "a[$1 $2]"},
	{"SELECT * FROM a WHERE id = $1::bigint", "a[$1]"},
	{"SELECT * FROM a WHERE id = $1::int4 AND x", "a[$1]"},
	{"SELECT * FROM a WHERE id = $1::numeric", ""},
	{"SELECT * FROM a WHERE id = $1::float8", ""},
	{"SELECT * FROM a WHERE id = '5'::text", ""},
	{"SELECT * FROM a WHERE id = $1::bigint[]", ""},
	{"SELECT * FROM a WHERE id::text = $1", ""},
	{"SELECT * FROM a WHERE id = CAST($1 AS bigint)", ""},
	{"SELECT * FROM a WHERE id = ANY ($1)", ""},
	{"SELECT * FROM a WHERE id = $1 + 1", ""},
	{"SELECT * FROM a WHERE id = ?", ""},
	{"SELECT * FROM u WHERE id = $1::uuid", "u[$1]"},
	{"SELECT * FROM u WHERE id::text = 'x'", ""},
	{"SELECT * FROM t WHERE name = $1::text", "t[$1]"},
	{"SELECT * FROM t WHERE name = 05::text", ""},
	{"SELECT * FROM t WHERE name = E'x'", ""},
	{"SELECT * FROM t WHERE name = 'x' COLLATE \"C\"", ""},
	{`SELECT * FROM a WHERE "id" = 1`, "a[1]"},
	{`SELECT * FROM a WHERE "ID" = 1`, ""},
	{`SELECT * FROM a "X" WHERE "X".id = 1`, "a[1]"},
	{`SELECT * FROM a "X" WHERE x.id = 1`, ""},
	{"SELECT * FROM public.a WHERE a.id = 1", "a[1]"},
	{"SELECT * FROM other.a WHERE id = 1", ""},
	{"SELECT * FROM d WHERE id = 1", ""},
	{"SELECT * FROM other.d WHERE id = 1", "d[1]"},
	{"SELECT * FROM d, other.d e WHERE e.id = 1", ""},
	{"SELECT * FROM ONLY a WHERE id = 1", "a[1]"},
	{"SELECT * FROM (a JOIN n ON a.x = n.x) y WHERE y.id = 1", ""},
	{"SELECT * FROM (a JOIN n ON a.id = 1) y", ""},
	{"SELECT * FROM a JOIN b JOIN n ON a.id = 1 ON b.x = a.x", ""},
	{"SELECT * FROM a FULL JOIN b ON a.id = 1", ""},
	{"SELECT * FROM a FULL JOIN b ON a.x = b.x WHERE a.id = 1", "a[1]"},
	{"SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.id = 1) y WHERE a.id = 2", "a[2] b[1]"},
	{"SELECT * FROM a WHERE x || y = 'z' AND id = 1", "a[1]"},
	{"SELECT * FROM a WHERE id = true", ""},
	{"SELECT * FROM a WHERE id OPERATOR(pg_catalog.=) 1", ""},
	{"SELECT * FROM a WHERE id = 1 IS TRUE", ""},
	{"SELECT * FROM a WHERE between AND id = 1", ""},
	{"SELECT * FROM a WHERE x NOT BETWEEN SYMMETRIC 1 AND 2 AND id = 3", "a[3]"},
	{"SELECT * FROM a TABLESAMPLE system (10) WHERE id = 1", "a[1]"},
}

var mysqlPins = []clauseCase{
	{"SELECT * FROM a WHERE id = ?", "a[$1]"},
	{"SELECT * FROM a WHERE x = ? AND id IN (?, ?)", "a[$2 $3]"},
	{"SELECT * FROM `a` WHERE `id` = 1", "a[1]"},
	{`SELECT * FROM a WHERE "id" = 1`, ""},
	{`SELECT * FROM a WHERE id = "1"`, ""},
	{"SELECT * FROM a WHERE x || y AND id = 1", ""},
	{"SELECT * FROM a WHERE id = 1 || x", ""},
	{"SELECT * FROM a WHERE id = 1 XOR x", ""},
	{"SELECT * FROM a WHERE x XOR y AND id = 1", ""},
	{"SELECT * FROM a WHERE id = 1 && x", ""},
	{"SELECT * FROM a WHERE id <=> 1", ""},
	{"SELECT * FROM a WHERE id = true", ""},
	{"SELECT * FROM a WHERE id = 0x01", ""},
	{"SELECT * FROM a WHERE id = b'1'", ""},
	{"SELECT * FROM a WHERE id = 1 DIV 1", ""},
	{"SELECT * FROM a WHERE BINARY id = 1", ""},
	{"SELECT * FROM a WHERE id = 'x' 'y'", ""},
	{"SELECT * FROM t WHERE name = _utf8'x'", ""},
	{"SELECT * FROM a X WHERE x.id = 1", ""},
	{"SELECT * FROM a X WHERE X.ID = 1", "a[1]"},
	{"SELECT * FROM db.a WHERE id = 1", "a[1]"},
	{"SELECT * FROM elsewhere.a WHERE id = 1", ""},
	{"SELECT * FROM a USE INDEX (i) WHERE id = 1", "a[1]"},
	{"SELECT * FROM a STRAIGHT_JOIN b ON a.id = 1 AND b.id = 2", "a[1] b[2]"},
	{"SELECT * FROM (a, b) WHERE a.id = 1", "a[1]"},
	{"SELECT * FROM a JOIN b JOIN n ON a.id = 1", ""},
	{"SELECT * FROM a WHERE end AND id = 1", ""},
}

func TestTouches(t *testing.T) {
	t.Parallel()
	for f, cases := range map[Flavor][]clauseCase{
		SQLite:   append(slices.Clone(everyTouch), sqliteTouches...),
		Postgres: append(slices.Clone(everyTouch), postgresTouches...),
		MySQL:    append(slices.Clone(everyTouch), mysqlTouches...),
	} {
		for _, c := range cases {
			a := Words(f, pinned(f), c.text)
			if got := pinsOf(a.Touches); got != c.want {
				t.Errorf("%s: %s\ntouches %q, want %q", flavorName(f), c.text, got, c.want)
			}
			for _, p := range a.Touches {
				if !slices.Contains(a.Writes, p.Table) {
					t.Errorf("%s: %s\ntouches %s and does not write it", flavorName(f), c.text, p.Table)
				}
			}
		}
	}
}

var everyTouch = []clauseCase{
	{"UPDATE a SET x = 1 WHERE id = 2", "a[2]"},
	{"UPDATE a SET x = id, y = (SELECT max(x) FROM b) WHERE id IN (1, 2) AND x > 3", "a[1 2]"},
	{"UPDATE a SET x = 1 WHERE id = 2 OR x = 3", ""},
	{"UPDATE a SET x = 1", ""},
	{"UPDATE a SET id = 1 WHERE id = 2", ""},
	{"UPDATE a SET x = 1, ID = 2 WHERE id = 2", ""},
	{"UPDATE c SET z = 1 WHERE x = 2 AND y = 'a'", "c[2,a]"},
	{"UPDATE c SET y = 'b' WHERE x = 2 AND y = 'a'", ""},
	{"UPDATE parent SET x = 1 WHERE id = 2", "parent[2]"},
	{"UPDATE child SET x = 1 WHERE id = 2", "child[2]"},
	{"UPDATE tree SET x = 1 WHERE id = 2", ""},
	{"UPDATE replaces SET x = 1 WHERE id = 2", ""},
	{"UPDATE v SET x = 1 WHERE id = 2", ""},
	{"UPDATE nowhere SET x = 1 WHERE id = 2", ""},
	{"DELETE FROM a WHERE id = 1", "a[1]"},
	{"DELETE FROM a WHERE id = 1 AND x IN (SELECT x FROM a)", "a[1]"},
	{"DELETE FROM a WHERE x IN (SELECT 1 FROM b WHERE id = 1)", ""},
	{"DELETE FROM replaces WHERE id = 1", "replaces[1]"},
	{"DELETE FROM tree WHERE id = 1", ""},
	{"DELETE FROM a", ""},
	{"INSERT INTO a SELECT * FROM b WHERE id = 1", ""},
	{"INSERT INTO a VALUES (1, 2)", ""},
	{"WITH y AS (SELECT 1) DELETE FROM a WHERE id = 1", ""},
	{"REPLACE INTO a (id) VALUES (1)", ""},
}

var sqliteTouches = []clauseCase{
	{"INSERT INTO a (x, id) VALUES (?, ?), (3, 4)", "a[$2 4]"},
	{"INSERT INTO a (id, x) VALUES (1, (SELECT 2 FROM b))", "a[1]"},
	{"INSERT INTO a (id) VALUES (1 + 1)", ""},
	{"INSERT INTO a (id) VALUES (NULL)", ""},
	{"INSERT INTO a (id) VALUES (1) RETURNING x", "a[1]"},
	{"INSERT INTO a (id) VALUES (1) ON CONFLICT DO NOTHING", "a[1]"},
	{"INSERT INTO a (id) VALUES (1) ON CONFLICT (x) DO UPDATE SET y = 1", ""},
	{"INSERT INTO a (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2 ON CONFLICT DO NOTHING", ""},
	{"INSERT OR REPLACE INTO a (id) VALUES (1)", ""},
	{"INSERT INTO replaces (id) VALUES (1)", ""},
	{"INSERT INTO fired (id) VALUES (1)", "fired[1]"},
	{"UPDATE OR REPLACE a SET x = 1 WHERE id = 2", ""},
	{"UPDATE a SET (x, y) = (1, 2) WHERE id = 2", "a[2]"},
	{"UPDATE a SET (x, id) = (1, 2) WHERE id = 2", ""},
	{"UPDATE a SET x = 1 FROM b WHERE a.id = 2", ""},
	{"UPDATE a SET rowid = 1 WHERE id = 2", ""},
	{"UPDATE a SET x = 1, OID = 1 WHERE id = 2", ""},
	{"UPDATE a SET (x, \"_rowid_\") = (1, 1) WHERE id = 2", ""},
	{"INSERT INTO a (id, rowid) VALUES (1, 2)", ""},
	{"INSERT INTO a (id, ID) VALUES (1, 2)", ""},
}

var postgresTouches = []clauseCase{
	{"INSERT INTO a (x, id) VALUES ($1, $2), (3, 4)", "a[$2 4]"},
	{"INSERT INTO a (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET x = 1", ""},
	{"INSERT INTO a (id) OVERRIDING USER VALUE VALUES (1)", ""},
	{"INSERT INTO a (id) VALUES (1) RETURNING x", "a[1]"},
	{"INSERT INTO t (name) VALUES ('x')", ""},
	{"INSERT INTO u (id) VALUES ($1)", "u[$1]"},
	{"INSERT INTO fired (id) VALUES (1)", ""},
	{"UPDATE fired SET x = 1 WHERE id = 1", ""},
	{"UPDATE a x SET x = 1 WHERE x.id = 1 RETURNING *", "a[1]"},
	{"UPDATE a SET x = 1 FROM b WHERE a.id = 1", ""},
	{"DELETE FROM a USING b WHERE a.id = 1", ""},
	{"MERGE INTO a USING b ON a.id = 1 WHEN MATCHED THEN DELETE", ""},
	{"WITH y AS (DELETE FROM a WHERE id = 1 RETURNING x) SELECT * FROM y", ""},
	{"WITH y AS (DELETE FROM a WHERE id = 1 RETURNING x) DELETE FROM a WHERE id = 2", ""},
}

var mysqlTouches = []clauseCase{
	{"INSERT INTO a (id) VALUES (1)", ""},
	{"INSERT INTO a (id) VALUES (1) ON DUPLICATE KEY UPDATE x = 2", ""},
	{"UPDATE a, b SET a.x = 1 WHERE a.id = 1 AND b.id = 2", ""},
	{"UPDATE a SET x = 1 WHERE id = ? LIMIT 1", "a[$1]"},
	{"DELETE FROM a WHERE id = ?", "a[$1]"},
	{"DELETE x FROM a x, b WHERE x.id = 1", ""},
}

// TestReadsAreExact holds that columns and aliases named like tables count for
// nothing, and that tables which are nowhere keep a result from being kept.
func TestReadsAreExact(t *testing.T) {
	t.Parallel()
	for _, f := range all {
		for text, want := range map[string]string{
			"SELECT b, a.c FROM a":                              "a",
			"SELECT u.x AS b FROM a u":                          "a",
			"SELECT * FROM v":                                   "b",
			"SELECT * FROM a, v":                                "a b",
			"WITH b AS (SELECT 1 AS x FROM a) SELECT x FROM b":  "a",
			"SELECT x FROM a WHERE c IN (SELECT x FROM parent)": "a parent",
		} {
			a := Words(f, pinned(f), text)
			if got := tableNames(a.Reads); got != want || a.Uncacheable != "" {
				t.Errorf("%s: %s\nreads %q (%s), want %q", flavorName(f), text, got, a.Uncacheable, want)
			}
		}
		for _, text := range []string{"SELECT * FROM a, nowhere", "SELECT * FROM a WHERE x IN (SELECT x FROM nowhere.a)", "SELECT * FROM a JOIN elsewhere.b ON 1 = 1"} {
			if a := Words(f, pinned(f), text); a.Uncacheable == "" {
				t.Errorf("%s: %s\nis cacheable", flavorName(f), text)
			}
		}
		for text, want := range map[string]string{
			"UPDATE a SET b = (SELECT x FROM c)":      "a",
			"INSERT INTO a (b, c) SELECT x, y FROM d": "a",
			"DELETE FROM parent WHERE a = 1":          "child parent",
			"DELETE FROM v":                           "b v",
		} {
			a := Words(f, pinned(f), text)
			if got := tableNames(a.Writes); strings.TrimSuffix(got, " v") != strings.TrimSuffix(want, " v") || a.WritesAll {
				t.Errorf("%s: %s\nwrites %q (all: %v), want %q", flavorName(f), text, got, a.WritesAll, want)
			}
		}
	}
}

func tableNames(tables []Table) string {
	var names []string
	for _, t := range tables {
		names = append(names, t.Name)
	}
	return strings.Join(names, " ")
}

// TestPinKeys holds which arguments name a row for certain.
func TestPinKeys(t *testing.T) {
	t.Parallel()
	const big = 1 << 53
	for _, c := range []struct {
		kind        KeyKind
		value       any
		approximate bool
		want        any
	}{
		{IntKey, int64(5), false, int64(5)},
		{IntKey, int64(5), true, int64(5)},
		{IntKey, int64(big + 1), false, int64(big + 1)},
		{IntKey, int64(big + 1), true, nil},
		{IntKey, uint64(1 << 63), false, uint64(1 << 63)},
		{IntKey, "5", false, int64(5)},
		{IntKey, "-0", false, nil},
		{IntKey, "+5", false, nil},
		{IntKey, "9007199254740993", false, nil},
		{IntKey, 5.0, false, nil},
		{IntKey, true, false, nil},
		{IntKey, nil, false, nil},
		{IntKey, []byte("5"), false, nil},
		{TextKey, "x", false, "x"},
		{TextKey, "x", true, nil},
		{TextKey, "\xff", false, nil},
		{TextKey, int64(5), false, nil},
		{UUIDKey, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", false, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{UUIDKey, "a0eebc999c0b4ef8bb6d6bb9bd380a11", false, nil},
		{BoolKey, true, false, true},
		{BoolKey, int64(1), false, nil},
		{BytesKey, []byte{1}, false, []byte{1}},
		{BytesKey, []byte(nil), false, nil},
		{NoKey, int64(5), false, nil},
	} {
		pin := &Pin{Kinds: []KeyKind{c.kind}, Rows: [][]Operand{{{Param: 1, approximate: c.approximate}}}}
		keys, ok := pin.Keys([]sqldriver.NamedValue{{Ordinal: 1, Value: c.value}})
		if ok != (c.want != nil) {
			t.Errorf("%v of kind %d (approximate: %v): told %v", c.value, c.kind, c.approximate, ok)
			continue
		}
		if want, _ := KeyOf(c.want); ok && keys[0] != want {
			t.Errorf("%v of kind %d is %q, want %q", c.value, c.kind, keys[0], want)
		}
	}
	pin := &Pin{Kinds: []KeyKind{IntKey}, Rows: [][]Operand{{{Param: 2}}}}
	for _, args := range [][]sqldriver.NamedValue{nil, {{Ordinal: 1, Value: int64(1)}}, {{Ordinal: 1}, {Ordinal: 2, Name: "x", Value: int64(1)}}} {
		if _, ok := pin.Keys(args); ok {
			t.Errorf("keys are told of arguments %v", args)
		}
	}
}

func TestPinsInWords(t *testing.T) {
	t.Parallel()
	args := []sqldriver.NamedValue{{Ordinal: 1, Value: int64(7)}, {Ordinal: 2, Value: "x"}}
	for _, c := range []struct {
		text string
		args []sqldriver.NamedValue
		want string
	}{
		{"SELECT * FROM a WHERE id = 1", nil, "1"},
		{"SELECT * FROM a WHERE id IN (1, $1, $2)", args[:1], "1 7 $2"},
		{"SELECT * FROM a WHERE id = $1", nil, "$1"},
		{"SELECT * FROM a WHERE id = $2", args, "false"},
		{"SELECT * FROM c WHERE x = $1 AND y = $2", args, `(7, "x")`},
		{"SELECT * FROM c WHERE x = 1 AND y = 'y'", nil, `(1, "y")`},
		{"SELECT * FROM t WHERE name = $1", args, "false"},
	} {
		pins := Words(Postgres, pinned(Postgres), c.text).Pins
		if len(pins) != 1 {
			t.Fatalf("%s: %d pins", c.text, len(pins))
		}
		keys, ok := pins[0].Describe(c.args)
		got := strings.Join(keys, " ")
		if !ok {
			got = "false"
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
		if len(c.args) == 2 {
			if _, known := pins[0].Keys(c.args); known != ok {
				t.Errorf("%s: described %v, known %v", c.text, ok, known)
			}
		}
	}
}

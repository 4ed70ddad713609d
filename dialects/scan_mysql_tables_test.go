package dialects

import (
	"slices"
	"strings"
	"testing"
)

func TestMySQLTables(t *testing.T) {
	for _, c := range []struct{ text, tables, calls, strange string }{
		{text: "SELECT a.x, b.y FROM a, b AS c WHERE a.x = c.y", tables: "a b"},
		{text: "SELECT 1 AS other, t.x FROM other.t", tables: "other.t"},
		{text: "SELECT * FROM a JOIN b ON a.x = b.x, Other . `T` WHERE b.z > 1", tables: "a b Other.T"},
		{text: "SELECT * FROM (a, (b CROSS JOIN c.d)) LEFT JOIN (e) ON f.g = h.i", tables: "a b c.d e"},
		{text: "SELECT (SELECT max(x.y) FROM o.p x), q.r FROM s WHERE EXISTS (TABLE u.v)", tables: "o.p s u.v", calls: "max"},
		{text: "WITH c (a, b) AS (SELECT * FROM d), e AS (SELECT * FROM c) SELECT * FROM e JOIN c", tables: "d"},
		{text: "SELECT EXTRACT(YEAR FROM a.b), TRIM(LEADING 'x' FROM c) FROM d", tables: "d", calls: "extract trim"},
		{text: "INSERT INTO trim (SELECT * FROM a.b)", tables: "trim a.b", calls: "trim"},
		{text: "SELECT f(a, b.c), d.g(h) FROM JSON_TABLE(x.y, '$' COLUMNS (z INT PATH '$')) j, k", tables: "k", calls: "f d.g json_table"},
		{text: "SELECT * FROM t PARTITION (p) USE INDEX (i) WHERE a IN (b, c.d) LIMIT 1", tables: "t"},
		{text: `SELECT 1 FROM "a"."b"`, tables: "a.b"},
		{text: "SELECT 1 FROM DUAL", tables: ""},
		{text: "SELECT 1 FROM `dual`", tables: "dual"},
		{text: "SELECT CONVERT(a USING utf8mb4) FROM t", tables: "t", calls: "convert"},
		{text: "SELECT COUNT (*) FROM t", tables: "t", calls: "count", strange: "calls count with a blank"},
		{text: "SELECT lower (a) FROM t", tables: "t", calls: "lower"},
		{text: "SELECT * FROM {OJ a LEFT JOIN b ON a.x = b.x}", tables: "b", strange: "brace"},
		{text: "SELECT /*! 1 */ 2", strange: "executable comment"},
		{text: "INSERT IGNORE INTO a.b (c, d) VALUES (1, e.f) ON DUPLICATE KEY UPDATE c = 1, d = 2", tables: "a.b", calls: "a.b"},
		{text: "INSERT LOW_PRIORITY a SET x = 1, y = 2", tables: "a"},
		{text: "REPLACE a SELECT REPLACE(b, 'x', 'y') FROM c", tables: "a c", calls: "replace"},
		{text: "UPDATE a, b.c SET a.x = 1, a.y = 2 WHERE 1", tables: "a b.c"},
		{text: "DELETE FROM a USING a JOIN b ON 1, c.d", tables: "a b c.d"},
		{text: "DELETE a.b FROM a.b JOIN c", tables: "a.b c"},
		{text: "SELECT * FROM a JOIN b USING (id) WHERE c = 1", tables: "a b"},
		{text: "SELECT * FROM a JOIN b USING (id, x), d LEFT JOIN e USING(y), f", tables: "a b d e f"},
		{text: "SELECT * FROM (a JOIN b USING (id)) STRAIGHT_JOIN (SELECT 1 FROM c JOIN d USING (x)) AS e USING (y)", tables: "a b c d"},
		{text: "SELECT * FROM a JOIN (b, c) USING (id)", tables: "a b c"},
		{text: "SELECT * FROM a JOIN b USING (id) UNION SELECT * FROM c", tables: "a b c"},
		{text: "DELETE FROM a USING (a, b)", tables: "a b"},
		{text: "DELETE FROM a USING (a JOIN b USING (id)), c", tables: "a b c"},
		{text: "DELETE FROM a USING a JOIN b USING (id), c JOIN d USING (id)", tables: "a b c d"},
		{text: "BEGIN SELECT * FROM a JOIN b USING (id); DELETE FROM c USING (c, d); END", tables: "a b c d"},
		{text: "IF EXISTS (SELECT 1 FROM a JOIN b USING (id)) THEN DELETE FROM c USING (c, d)", tables: "a b c d"},
		{text: "LOAD DATA LOCAL INFILE 'x' INTO TABLE a.b (c)", tables: "a.b", calls: "a.b"},
		{text: "BEGIN DECLARE v, w INT; SELECT x, y INTO v, w FROM a; IF v THEN UPDATE b.c SET d = f(NEW.e); CALL p(); END IF; DELETE FROM g; END", tables: "a b.c g", calls: "f p"},
	} {
		r := MySQLText(c.text)
		var tables []string
		for _, table := range r.Tables {
			tables = append(tables, table.String())
		}
		if !slices.Equal(tables, strings.Fields(c.tables)) || !slices.Equal(r.Calls, strings.Fields(c.calls)) && c.strange == "" {
			t.Errorf("%s\ntables %q, want %q; calls %q, want %q", c.text, tables, c.tables, r.Calls, c.calls)
		}
		if (r.Strange == "") != (c.strange == "") || !strings.Contains(r.Strange, c.strange) {
			t.Errorf("%s\nstrange %q, want %q", c.text, r.Strange, c.strange)
		}
	}
	if names := MySQLText("SELECT `A`.b FROM C").Names; !slices.Equal(names, []string{"select", "a", "b", "from", "c"}) {
		t.Errorf("names %q", names)
	}
}

func TestMySQLTimes(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT time, a.time, MAX(time), b AS time FROM t ORDER BY time DESC": false,
		"SELECT CAST(a AS TIME)":    true,
		"SELECT CAST(a AS TIME(3))": true,
		"SELECT CONVERT(a, TIME)":   true,
		"SELECT TIME(a)":            true,
		"SELECT TIME'10:00'":        true,
		`SELECT TIME "10:00"`:       true,
		"SELECT JSON_VALUE(a, '$' RETURNING TIME ERROR ON EMPTY)":      true,
		"SELECT * FROM JSON_TABLE(a, '$' COLUMNS (b TIME PATH '$')) c": true,
	} {
		if r := MySQLText(text); r.Time != want {
			t.Errorf("%s: %v", text, r.Time)
		}
	}
}

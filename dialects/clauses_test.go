package dialects

import (
	"slices"
	"strings"
	"testing"
)

// clauseCase says which tables the clause parser must find in a text. "?"
// stands for a text that is left to the words.
type clauseCase struct {
	text string
	want string
}

// described returns the tables of a text in order of their names, with "!" for
// those that are written and "?" for those that may be something else.
func described(f Flavor, text string) string {
	_, c := scanText(f, text, true)
	if c == nil {
		return "?"
	}
	var all []string
	for _, r := range c.refs {
		if r.name == "" {
			continue
		}
		name := r.name
		if r.schema != "" {
			name = r.schema + "." + name
		}
		if r.target {
			name = "!" + name
		}
		if r.maybe {
			name = "?" + name
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

func TestClauses(t *testing.T) {
	t.Parallel()
	for f, cases := range map[Flavor][]clauseCase{
		SQLite:   append(slices.Clone(everyClause), sqliteClauses...),
		Postgres: append(slices.Clone(everyClause), postgresClauses...),
		MySQL:    append(slices.Clone(everyClause), mysqlClauses...),
	} {
		for _, c := range cases {
			if got := described(f, c.text); got != c.want {
				t.Errorf("%s: %s\nnames %q, want %q", flavorName(f), c.text, got, c.want)
			}
		}
	}
}

// everyClause is what all databases read alike.
var everyClause = []clauseCase{
	{"SELECT 1", ""},
	{"SELECT a FROM t", "t"},
	{"select A from T;", "t"},
	{"SELECT a FROM s.t", "s.t"},
	{"SELECT t.a, u.b FROM t, u", "t u"},
	{"SELECT t.from FROM t", "t"},
	{"SELECT x.a FROM t AS x", "t"},
	{"SELECT x.a FROM t x WHERE x.b = 1", "t"},
	{"SELECT a u FROM t", "t"},
	{"SELECT u.* FROM t u", "t"},
	{"SELECT a AS t2, b FROM t", "t"},
	{"SELECT 'FROM u' FROM t -- , v", "t"},
	{"SELECT a /* FROM u */ FROM t", "t"},
	{"SELECT a FROM t JOIN u ON t.a = u.b", "t u"},
	{"SELECT a FROM t INNER JOIN u USING (a)", "t u"},
	{"SELECT a FROM t LEFT JOIN u ON t.a = u.b LEFT OUTER JOIN v ON v.a = u.b", "t u v"},
	{"SELECT a FROM t RIGHT JOIN u ON t.a = u.b", "t u"},
	{"SELECT a FROM t NATURAL JOIN u", "t u"},
	{"SELECT a FROM t NATURAL LEFT JOIN u", "t u"},
	{"SELECT a FROM t CROSS JOIN u", "t u"},
	{"SELECT a FROM t JOIN u ON t.a = u.b, v", "t u v"},
	{"SELECT a FROM (t JOIN u ON t.a = u.b)", "t u"},
	{"SELECT a FROM (t JOIN u ON t.a = u.b) JOIN v ON v.a = t.a", "t u v"},
	{"SELECT a FROM ((t))", "t"},
	{"SELECT a FROM t LEFT JOIN (u JOIN v ON u.a = v.a) ON t.a = u.a", "t u v"},
	{"SELECT a FROM (SELECT b FROM u) x", "u"},
	{"SELECT a FROM (SELECT b FROM u) AS x, t", "t u"},
	{"SELECT a FROM ((SELECT b FROM u)) AS x", "u"},
	{"SELECT a FROM t WHERE a IN (SELECT b FROM u)", "t u"},
	{"SELECT a FROM t WHERE a NOT IN (SELECT b FROM u WHERE c = (SELECT d FROM v))", "t u v"},
	{"SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)", "t u"},
	{"SELECT a FROM t WHERE a = ANY (SELECT b FROM u)", "t u"},
	{"SELECT (SELECT max(b) FROM u) FROM t", "t u"},
	{"SELECT coalesce((SELECT b FROM u), 1) FROM t", "t u"},
	{"SELECT CASE WHEN a THEN (SELECT 1 FROM u) END FROM t", "t u"},
	{"SELECT a FROM t GROUP BY a HAVING max(b) > (SELECT 1 FROM u)", "t u"},
	{"SELECT a FROM t ORDER BY (SELECT count(*) FROM u)", "t u"},
	{"SELECT a FROM t LIMIT (SELECT count(*) FROM u)", "t u"},
	{"SELECT a FROM t ORDER BY a, b LIMIT 10 OFFSET 5", "t"},
	{"SELECT a, row_number() OVER (PARTITION BY b ORDER BY c) FROM t", "t"},
	{"SELECT a, sum(b) OVER w FROM t WINDOW w AS (PARTITION BY (SELECT 1 FROM u))", "t u"},
	{"SELECT a, sum(b) OVER (ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t", "t"},
	{"SELECT a FROM t UNION SELECT b FROM u", "t u"},
	{"SELECT a FROM t UNION ALL SELECT b FROM u EXCEPT SELECT c FROM v ORDER BY 1", "t u v"},
	{"SELECT a FROM t INTERSECT SELECT b FROM u LIMIT 3", "t u"},
	{"SELECT a FROM t WHERE b = 1 UNION SELECT a FROM t WHERE b = 2", "t"},
	{"SELECT a FROM t GROUP BY a UNION SELECT b FROM u", "t u"},
	{"SELECT 1 UNION SELECT a FROM t", "t"},
	{"SELECT DISTINCT a FROM t", "t"},
	{"SELECT count(DISTINCT a) FROM t", "t"},
	{"SELECT ALL a FROM t", "t"},
	{"SELECT * FROM (SELECT a FROM t UNION SELECT a FROM u) x", "t u"},
	{"SELECT * FROM (SELECT * FROM (SELECT * FROM t) x, u) y", "t u"},
	{"WITH x AS (SELECT a FROM t) SELECT * FROM x", "t"},
	{"WITH x (a) AS (SELECT a FROM t), y AS (SELECT a FROM x) SELECT * FROM y, u", "t u"},
	{"WITH t AS (SELECT a FROM u) SELECT * FROM t", "u"},
	{"WITH t AS (SELECT a FROM u) SELECT * FROM s.t", "s.t u"},
	{"WITH t AS (SELECT a FROM t) SELECT * FROM t", "?t"},
	{"WITH x AS (SELECT a FROM y), y AS (SELECT 1) SELECT * FROM x", "?y"},
	{"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < (SELECT max(a) FROM t)) SELECT i FROM n", "t"},
	{"WITH x AS (SELECT 1) SELECT * FROM (WITH y AS (SELECT a FROM x) SELECT a FROM y) z", ""},
	{"SELECT * FROM (WITH x AS (SELECT a FROM t) SELECT a FROM x) z, x", "t x"},
	{"SELECT a FROM t WHERE a IN (WITH x AS (SELECT a FROM u) SELECT a FROM x)", "t u"},
	{"WITH x AS (WITH y AS (SELECT a FROM t) SELECT a FROM y) SELECT a FROM x, y", "t y"},
	{"WITH x AS (SELECT a FROM t UNION SELECT a FROM u) SELECT 1 FROM v WHERE a IN (SELECT a FROM x)", "t u v"},
	{"VALUES (1), ((SELECT a FROM t))", "t"},
	{"SELECT a FROM t WHERE a BETWEEN 1 AND (SELECT b FROM u)", "t u"},
	{"SELECT a FROM t WHERE (a, b) IN (SELECT a, b FROM u)", "t u"},
	{"SELECT a FROM t WHERE ((SELECT 1 FROM u) + 1) > 2", "t u"},
	{"SELECT a FROM t WHERE (((SELECT 1 FROM u))) > 2", "t u"},
	{"SELECT ((a)), ((b + 1)) FROM t", "t"},
	{"SELECT cast(a AS integer) FROM t", "t"},
	{"SELECT a FROM t WHERE f(a, (SELECT b FROM u)) = 1", "t u"},
	{"SELECT a FROM t ORDER", "?"},
	{"SELECT a FROM t t2 t3", "?"},
	{"SELECT a FROM", "?"},
	{"SELECT a FROM t,", "?"},
	{"SELECT a FROM t JOIN", "?"},
	{"SELECT a FROM t WHERE", "?"},
	{"SELECT a FROM t UNION", "?"},
	{"SELECT a FROM t LEFT JOIN u ON", "?"},
	{"SELECT a FROM a.b.c.d", "?"},
	{"SELECT a FROM t WHERE a = SELECT 1 FROM u", "?"},
	{"SELECT a FROM t WHERE (b FROM u)", "?"},
	{"SELECT a FROM t; SELECT b FROM u", "?"},
	{"INSERT INTO t (a, b) VALUES (1, 2)", "!t"},
	{"INSERT INTO t VALUES (1, (SELECT a FROM u))", "!t u"},
	{"INSERT INTO t (a) SELECT b FROM u WHERE c IN (SELECT d FROM v)", "!t u v"},
	{"INSERT INTO s.t (a) SELECT b FROM u UNION SELECT c FROM v", "!s.t u v"},
	{"UPDATE t SET a = 1", "!t"},
	{"UPDATE t SET a = (SELECT b FROM u), c = 2 WHERE d IN (SELECT e FROM v)", "!t u v"},
	{"UPDATE s.t SET a = 1 WHERE b = 2", "!s.t"},
	{"DELETE FROM t", "!t"},
	{"DELETE FROM t WHERE a IN (SELECT b FROM u)", "!t u"},
	{"WITH x AS (SELECT a FROM u) DELETE FROM t WHERE a IN (SELECT a FROM x)", "!t u"},
}

var sqliteClauses = []clauseCase{
	{`SELECT "a" FROM "t" AS "x"`, "t"},
	{"SELECT [a] FROM [t u]", "t u"},
	{"SELECT a FROM `t`", "t"},
	{"SELECT a FROM 't'", "t"},
	{"SELECT a FROM 'main'.'t' 'x'", "main.t"},
	{"SELECT a FROM t WHERE a IN u", "t u"},
	{"SELECT a FROM t WHERE a IN main.u AND b NOT IN v", "main.u t v"},
	{"SELECT a FROM t WHERE a IN 'u' OR 1", "t u"},
	{"SELECT a IN u FROM t", "t u"},
	{"SELECT a FROM t WHERE a IN json_each(b)", "?json_each t"},
	{"SELECT value FROM t, json_each(t.a)", "?json_each t"},
	{"SELECT value FROM json_each((SELECT a FROM t)) AS j", "?json_each t"},
	{"SELECT a FROM t INDEXED BY i WHERE a = 1", "t"},
	{"SELECT a FROM t NOT INDEXED", "t"},
	{"SELECT a FROM t AS x INDEXED BY i JOIN u", "t u"},
	{"SELECT a FROM t JOIN u LEFT JOIN v", "t u v"},
	{"SELECT a FROM t FULL OUTER JOIN u ON t.a = u.a", "t u"},
	{"SELECT a FROM t NATURAL FULL OUTER JOIN u", "t u"},
	{"SELECT a FROM t LEFT NATURAL JOIN u", "t u"},
	{"SELECT a FROM (t, u)", "t u"},
	{"SELECT a FROM (t, u) AS x", "t u"},
	{"SELECT a IS DISTINCT FROM b FROM t", "t"},
	{"SELECT a FROM t WHERE a == ?1 AND b = :c", "t"},
	{"WITH t AS (SELECT a FROM u) UPDATE t SET b = 1 WHERE a IN (SELECT a FROM v)", "!t u v"},
	{"REPLACE INTO t VALUES (1)", "!t"},
	{"INSERT OR REPLACE INTO t (a) VALUES (1)", "!t"},
	{"INSERT INTO t DEFAULT VALUES", "!t"},
	{"INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = (SELECT c FROM u)", "!t u"},
	{"INSERT INTO t SELECT a FROM u WHERE true ON CONFLICT DO NOTHING", "!t u"},
	{"INSERT INTO t (a) VALUES (1) RETURNING (SELECT b FROM u)", "!t u"},
	{"UPDATE OR IGNORE t SET a = 1", "!t"},
	{"UPDATE t SET (a, b) = (SELECT c, d FROM u)", "!t u"},
	{"UPDATE t SET a = u.b FROM u, v WHERE t.c = u.c", "!t u v"},
	{"UPDATE t AS x SET a = 1 RETURNING b", "!t"},
	{"DELETE FROM t AS x WHERE x.a = 1 RETURNING *", "!t"},
	{"TABLE t", "?"},
	{"SELECT group FROM t", "t"},
	{"WITH x AS MATERIALIZED (SELECT a FROM t) SELECT a FROM x", "t"},
	{"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", "?n"},
	{"SELECT a FROM t AS 'x y', u", "t u"},
	{"SELECT count(*) FILTER (WHERE a IN (SELECT b FROM u)) FROM t", "t u"},
	{"SELECT a -> '$.b' FROM t", "t"},
	{"SELECT a FROM t LIMIT 5, 10", "t"},
	{"SELECT a FROM t window", "?"},
}

var postgresClauses = []clauseCase{
	{`SELECT "a" FROM "T" AS "x"`, "T"},
	{`SELECT a FROM "S"."T"`, "S.T"},
	{"SELECT a FROM d.s.t", "s.t"},
	{"SELECT a FROM ONLY t", "t"},
	{"SELECT a FROM ONLY (t) x, u", "t u"},
	{"SELECT a FROM t * WHERE a = 1", "t"},
	{"TABLE t", "t"},
	{"TABLE ONLY s.t ORDER BY 1", "s.t"},
	{"SELECT a FROM t WHERE b IN (TABLE u)", "t u"},
	{"(SELECT a FROM t) UNION (SELECT a FROM u) ORDER BY 1", "t u"},
	{"((SELECT a FROM t) LIMIT 1) UNION ALL TABLE u", "t u"},
	{"SELECT FROM t", "t"},
	{"SELECT a AS from FROM t", "t"},
	{"SELECT a AS as FROM t", "t"},
	{"SELECT a AS as, b AS from, c AS select FROM t", "t"},
	{"SELECT a AS union FROM t", "t"},
	{"SELECT a select FROM t", "?"},
	{"SELECT DISTINCT ON (a, b) c FROM t", "t"},
	{"SELECT a IS NOT DISTINCT FROM b FROM t", "t"},
	{"SELECT extract(year FROM a), trim(both ' ' FROM b), substring(c FROM 1 FOR 2) FROM t", "t"},
	{"SELECT overlay(a PLACING b FROM 1), position(a IN b) FROM t", "t"},
	{"SELECT a FROM t, LATERAL (SELECT b FROM u WHERE u.a = t.a) x", "t u"},
	{"SELECT a FROM t LEFT JOIN LATERAL (SELECT b FROM u) x ON true", "t u"},
	{"SELECT a FROM t, LATERAL generate_series(1, t.a) AS g", "t"},
	{"SELECT a FROM generate_series(1, (SELECT a FROM t)) WITH ORDINALITY AS g (a, b)", "t"},
	{"SELECT a FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY(SELECT a FROM t))) AS x (a, b)", "t"},
	{"SELECT a FROM json_to_recordset($1) AS x (a int, b varchar(10)), t", "t"},
	{"SELECT a FROM json_to_record($1) AS (a int), t", "t"},
	{"SELECT a FROM xmltable('/x' PASSING (SELECT a FROM t) COLUMNS a int PATH 'a') AS x", "t"},
	{"SELECT a FROM t TABLESAMPLE system (10) REPEATABLE (1) JOIN u ON true", "t u"},
	{"SELECT a FROM t AS x (a, b) JOIN u ON x.a = u.a", "t u"},
	{"SELECT a FROM (t JOIN u ON t.a = u.a) x", "t u"},
	{"SELECT a FROM (VALUES (1, 2), (3, 4)) AS x (a, b), t", "t"},
	{"SELECT a FROM t JOIN u JOIN v ON u.a = v.a ON t.a = u.a", "t u v"},
	{"SELECT a FROM t JOIN u USING (a) AS j JOIN v USING (b)", "t u v"},
	{"SELECT a FROM t FULL JOIN u ON left(t.a, 1) = u.a", "t u"},
	{"SELECT left(a, 1), right(b, 2) FROM t", "t"},
	{"SELECT a FROM t WHERE b = ANY (ARRAY[1, (SELECT c FROM u)])", "t u"},
	{"SELECT a[1], b[1:2] FROM t", "t"},
	{"SELECT a::text, b::numeric(10, 2) FROM t", "t"},
	{"SELECT a FROM t OFFSET 1 ROW FETCH FIRST 5 ROWS ONLY", "t"},
	{"SELECT a FROM t FETCH NEXT ROW WITH TIES", "t"},
	{"SELECT a FROM t GROUP BY GROUPING SETS ((a), (b), ())", "t"},
	{"SELECT array_agg(a ORDER BY b) FILTER (WHERE c) FROM t", "t"},
	{"SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t", "t"},
	{"SELECT a FROM t WHERE a OPERATOR(pg_catalog.=) 1", "t"},
	{"SELECT a FROM t WHERE b ? 'x'", "t"},
	{"SELECT a FROM t WHERE b @> $1 AND c ~* 'd'", "t"},
	{"SELECT $$ FROM u $$ FROM t", "t"},
	{"SELECT E'FROM u' FROM t", "t"},
	{"SELECT /* /* FROM u */ , v */ a FROM t", "t"},
	{"SELECT a FROM t, u TABLESAMPLE bernoulli (1)", "t u"},
	{`SELECT a FROM U&"t"`, "?"},
	{"SELECT a FROM übung", "?"},
	{"SELECT a FROM t WHERE (SELECT b FROM u LIMIT 1) IS NOT NULL", "t u"},
	{"SELECT a FROM t WHERE ((SELECT 1 FROM u) UNION SELECT 2 FROM v) IS NULL", "t u v"},
	{"WITH x AS NOT MATERIALIZED (SELECT a FROM t) TABLE x", "t"},
	{"WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a", "?b"},
	{"WITH RECURSIVE s(a) AS (SELECT a FROM t) SEARCH DEPTH FIRST BY a SET o SELECT * FROM s, u", "t u"},
	{"WITH x AS (DELETE FROM t WHERE a = 1 RETURNING *) INSERT INTO u SELECT * FROM x", "!t !u"},
	{"WITH x AS (INSERT INTO t (a) VALUES (1) RETURNING a) SELECT * FROM x, u", "!t u"},
	{"WITH x AS (UPDATE t SET a = 1 FROM v RETURNING a) SELECT * FROM x", "!t v"},
	{"WITH t AS (SELECT a FROM u) UPDATE t SET b = 1 WHERE a IN (SELECT a FROM v)", "!t u v"},
	{"INSERT INTO t AS x (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = excluded.b WHERE x.c", "!t"},
	{"INSERT INTO t (a) OVERRIDING SYSTEM VALUE VALUES (1) RETURNING a", "!t"},
	{"INSERT INTO t (a) (SELECT b FROM u)", "!t u"},
	{"INSERT INTO t TABLE u", "!t u"},
	{"INSERT INTO t (a) SELECT b FROM u RETURNING a", "!t u"},
	{"INSERT INTO t (a) SELECT b FROM u ON CONFLICT DO NOTHING", "?"},
	{"UPDATE ONLY t * AS x SET a = 1, (b, c) = (SELECT 1, 2 FROM u) FROM v JOIN w ON true WHERE x.a = v.a RETURNING *", "!t u v w"},
	{"UPDATE t SET a[1] = 2, b.c = 3", "!t"},
	{"DELETE FROM ONLY t x USING u, v WHERE x.a = u.a", "!t u v"},
	{"MERGE INTO t AS x USING u AS y ON x.a = y.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (a) VALUES (y.a)", "!t u"},
	{"MERGE INTO t USING (SELECT a FROM u JOIN v ON true) y ON t.a = y.a WHEN MATCHED AND y.a > 1 THEN UPDATE SET b = 1", "!t u v"},
	{"SELECT x.a FROM t x (a)", "t"},
	{"SELECT a FROM t WHERE CURRENT OF c", "t"},
	{"SELECT a FROM t, only", "?"},
}

var mysqlClauses = []clauseCase{
	{"SELECT `a` FROM `t` AS `x`", "t"},
	{"SELECT a FROM T", "t"},
	{"SELECT a FROM D.T", "d.t"},
	{"SELECT a FROM t STRAIGHT_JOIN u ON t.a = u.a", "t u"},
	{"SELECT STRAIGHT_JOIN a FROM t JOIN u", "t u"},
	{"SELECT SQL_SMALL_RESULT DISTINCT a FROM t", "t"},
	{"SELECT a FROM t USE INDEX (i), u FORCE INDEX FOR ORDER BY (i, j) IGNORE KEY FOR JOIN (k)", "t u"},
	{"SELECT a FROM t AS x USE INDEX () JOIN u ON true", "t u"},
	{"SELECT a FROM t PARTITION (p0, p1) AS x JOIN u", "t u"},
	{"SELECT a FROM (t, u) LEFT JOIN v ON v.a = t.a", "t u v"},
	{"SELECT a FROM t JOIN (u CROSS JOIN v) ON t.a = u.a", "t u v"},
	{"SELECT a FROM t, LATERAL (SELECT b FROM u) x", "t u"},
	{"SELECT a FROM lateral x", "lateral"},
	{"SELECT a FROM t, JSON_TABLE(t.a, '$[*]' COLUMNS (b INT PATH '$.b', NESTED PATH '$.c' COLUMNS (d INT PATH '$'))) AS j", "t"},
	{"SELECT a FROM { OJ t LEFT JOIN u ON t.a = u.a }", "?"},
	{"SELECT 1 FROM DUAL", "dual"},
	{"SELECT 1 FROM dual WHERE EXISTS (SELECT 1 FROM t)", "dual t"},
	{"TABLE t", "t"},
	{"SELECT a FROM t WHERE a IN (TABLE u)", "t u"},
	{"VALUES ROW(1, 2), ROW(3, (SELECT a FROM t))", "t"},
	{"SELECT a FROM (VALUES (1), (2)) AS x, t", "t"},
	{"(SELECT a FROM t) UNION (SELECT a FROM u) LIMIT 1", "t u"},
	{"SELECT a FROM t WHERE MATCH (b) AGAINST ('x' IN BOOLEAN MODE)", "t"},
	{"SELECT GROUP_CONCAT(a ORDER BY b SEPARATOR ',') FROM t", "t"},
	{"SELECT a FROM t GROUP BY a WITH ROLLUP", "t"},
	{"SELECT a FROM t WHERE a || b AND c && d XOR e", "t"},
	{"SELECT a FROM t WHERE b REGEXP 'x' OR c <=> d", "t"},
	{"SELECT a FROM t WHERE d > NOW() - INTERVAL 1 DAY", "t"},
	{"SELECT LEFT(a, 1) FROM t WHERE RIGHT(b, 1) = 'x'", "t"},
	{"SELECT a FROM t FOR SYSTEM_TIME AS OF '2020-01-01', u", "t"},
	{"SELECT a FROM t FOR SYSTEM_TIME ALL JOIN u ON true", "?"},
	{"SELECT a FROM t LOCK IN SHARE MODE", "t"},
	{"SELECT a FROM t MINUS SELECT a FROM u", "t u"},
	{"SELECT except FROM t", "t"},
	{"SELECT a FROM t -1, u", "?"},
	{"SELECT a FROM t # , u", "t"},
	{"SELECT 1 --1 FROM t", "t"},
	{"SELECT a FROM t LIMIT 5, 10", "t"},
	{"WITH T AS (SELECT 1) SELECT a FROM t", "?t"},
	{"WITH t AS (SELECT 1) SELECT a FROM t", ""},
	{"SELECT a FROM t NATURAL RIGHT OUTER JOIN u", "t u"},
	{"INSERT LOW_PRIORITY IGNORE t (a) VALUES (1)", "!t"},
	{"INSERT INTO t PARTITION (p) (a) VALUE (1)", "!t"},
	{"INSERT INTO t SET a = (SELECT b FROM u)", "!t u"},
	{"INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE b = VALUES(b)", "!t"},
	{"INSERT INTO t (a) VALUES (1) AS n ON DUPLICATE KEY UPDATE b = n.b", "!t"},
	{"INSERT INTO t SELECT a FROM u ON DUPLICATE KEY UPDATE b = 1", "?"},
	{"INSERT INTO t () VALUES ()", "!t"},
	{"REPLACE INTO t (a) VALUES (1)", "!t"},
	{"REPLACE t SELECT a FROM u", "!t u"},
	{"UPDATE IGNORE t, u SET t.a = u.a WHERE t.b = u.b ORDER BY c LIMIT 1", "!t !u"},
	{"UPDATE t x JOIN u y ON x.a = y.a SET x.b = 1", "!t !u"},
	{"WITH c AS (SELECT a FROM u) UPDATE t JOIN c ON c.a = t.a SET t.b = 1", "!t u"},
	{"DELETE QUICK FROM t WHERE a = 1 ORDER BY b LIMIT 2", "!t"},
	{"DELETE x, y FROM t AS x JOIN u AS y ON x.a = y.a WHERE x.b = 1", "!t !u"},
	{"DELETE FROM x, y.* USING t AS x, u AS y WHERE x.a = y.a", "!t !u"},
	{"DELETE FROM t PARTITION (p) WHERE a = 1", "!t"},
	{"DELETE FROM t WHERE a = 1 RETURNING b", "!t"},
}

// TestClauseCasesCount holds that the tables above stay long.
func TestClauseCasesCount(t *testing.T) {
	t.Parallel()
	if n := len(everyClause)*3 + len(sqliteClauses) + len(postgresClauses) + len(mysqlClauses); n < 300 {
		t.Errorf("only %d cases", n)
	}
}

// clauseTexts returns every text that the tests of a flavor know.
func clauseTexts(f Flavor) []string {
	var texts []string
	for _, c := range casesOf(f) {
		texts = append(texts, c.text)
	}
	for _, cases := range [][]clauseCase{
		everyClause, [][]clauseCase{sqliteClauses, postgresClauses, mysqlClauses}[f],
		everyPin, [][]clauseCase{sqlitePins, postgresPins, mysqlPins}[f],
		everyTouch, [][]clauseCase{sqliteTouches, postgresTouches, mysqlTouches}[f],
	} {
		for _, c := range cases {
			texts = append(texts, c.text)
		}
	}
	return texts
}

// checkClauses checks what holds of the clauses of every text.
func checkClauses(t *testing.T, f Flavor, text string) {
	t.Helper()
	scan, c := scanText(f, text, true)
	if c == nil {
		return
	}
	if scan.Statements != 1 {
		t.Fatalf("%s: %q has %d statements", flavorName(f), text, scan.Statements)
	}
	plain := ScanText(f, text)
	if plain.Kind != scan.Kind || !slices.Equal(plain.Names, scan.Names) || plain.Why != scan.Why {
		t.Fatalf("%s: %q reads differently with its clauses", flavorName(f), text)
	}
	for _, name := range scan.Calls {
		if !slices.Contains(plain.Calls, name) {
			t.Fatalf("%s: %q calls %q only with its clauses", flavorName(f), text, name)
		}
	}
	for _, r := range c.refs {
		if r.name != "" && !slices.Contains(scan.Names, r.name) {
			t.Fatalf("%s: %q names table %q, which is not among its names %q", flavorName(f), text, r.name, scan.Names)
		}
		for _, e := range r.where {
			if len(e.values) == 0 || len(e.values) > maxPinned || !slices.Contains(scan.Names, e.column) {
				t.Fatalf("%s: %q has a condition on %q with %d values", flavorName(f), text, e.column, len(e.values))
			}
		}
	}
}

// TestClausesNameNoOthers holds that the tables of the clauses are among the
// names of the words.
func TestClausesNameNoOthers(t *testing.T) {
	t.Parallel()
	for _, f := range all {
		for _, text := range clauseTexts(f) {
			checkClauses(t, f, text)
		}
	}
}

func FuzzClauses(f *testing.F) {
	for _, flavor := range all {
		for _, text := range clauseTexts(flavor) {
			f.Add(uint8(flavor), text)
		}
	}
	f.Fuzz(func(t *testing.T, flavor uint8, text string) {
		checkClauses(t, all[int(flavor)%len(all)], text)
	})
}

// TestClausesAreLinear holds that the time for a text grows like its length.
func TestClausesAreLinear(t *testing.T) {
	for name, part := range map[string]string{
		"parentheses":  "(",
		"conditions":   "a = 1 AND ",
		"tables":       "a, ",
		"joins":        "a JOIN b ON a.x = b.x JOIN ",
		"unions":       "1 UNION SELECT ",
		"queries":      "(SELECT 1 FROM t WHERE a = 1), ",
		"nested":       "((((SELECT 1)))), ",
		"lists":        "a IN (1, 2, 3) AND ",
		"parameters":   "a = ? AND b = $1 AND ",
		"expressions":  "x AS (SELECT 1), ",
		"dotted":       "a.b.c, ",
		"many selects": "SELECT ",
	} {
		for _, start := range []string{"SELECT * FROM ", "SELECT * FROM t WHERE ", "WITH ", "INSERT INTO t (a) VALUES "} {
			build := func(size int) string {
				n := size / len(part)
				if part == "(" {
					n = min(n, maxNesting)
				}
				return start + strings.Repeat(part, n) + "1"
			}
			short, long := build(maxText/16), build(maxText/2)
			for _, f := range all {
				if !growsLinearly(func() { scanText(f, short, true) }, func() { scanText(f, long, true) }) {
					t.Errorf("%s: %s behind %s take more than linear time", flavorName(f), name, start)
				}
			}
		}
	}
}

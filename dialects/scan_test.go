package dialects

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scanCase says what one text has to mean. What is nil or empty is not looked
// at, except that a Taint must be given where there is one.
type scanCase struct {
	name    string
	text    string
	kind    Kind
	effects []Effect
	taint   string
	// settings: the session is asked afterwards.
	settings bool
	// moves: names may be those of another database afterwards.
	moves   bool
	names   []string // among Scan.Names
	without []string // not among Scan.Names
	calls   []string // all of Scan.Calls
	count   int      // statements; see statements
}

func runScanCases(t *testing.T, f Flavor, cases []scanCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := ScanText(f, c.text)
			if got.Kind != c.kind {
				t.Errorf("%s\nis %s (%s), want %s", c.text, kindName(got.Kind), got.Why, kindName(c.kind))
			}
			if (got.Why == "") != (got.Kind == Read) {
				t.Errorf("%s\nis %s because %q", c.text, kindName(got.Kind), got.Why)
			}
			if diff := cmp.Diff(c.effects, got.Effects); diff != "" {
				t.Errorf("%s\neffects (-want +got):\n%s", c.text, diff)
			}
			if got.Taint != c.taint {
				t.Errorf("%s\ntaint %q, want %q", c.text, got.Taint, c.taint)
			}
			if got.Moves != c.moves {
				t.Errorf("%s\nmoves %v, want %v", c.text, got.Moves, c.moves)
			}
			if got.Settings != c.settings {
				t.Errorf("%s\nsettings %v, want %v", c.text, got.Settings, c.settings)
			}
			for _, name := range c.names {
				if !slices.Contains(got.Names, name) {
					t.Errorf("%s\nnames %q lack %q", c.text, got.Names, name)
				}
			}
			for _, name := range c.without {
				if slices.Contains(got.Names, name) {
					t.Errorf("%s\nnames %q hold %q", c.text, got.Names, name)
				}
			}
			if c.calls != nil && !slices.Equal(c.calls, got.Calls) {
				t.Errorf("%s\ncalls %q, want %q", c.text, got.Calls, c.calls)
			}
			if want := statements(c.count); got.Statements != want {
				t.Errorf("%s\nhas %d statements, want %d", c.text, got.Statements, want)
			}
			for _, name := range got.Calls {
				if base := name[strings.LastIndexByte(name, '.')+1:]; !slices.Contains(got.Names, base) {
					t.Errorf("%s\ncalls %q, which is not among the names %q", c.text, name, got.Names)
				}
			}
		})
	}
}

func TestScanEveryFlavor(t *testing.T) {
	for _, f := range all {
		t.Run(flavorName(f), func(t *testing.T) { runScanCases(t, f, commonCases) })
	}
}

var commonCases = []scanCase{
	{name: "point select", text: "SELECT id, Name FROM Bakery WHERE id = ?", names: []string{"id", "name", "bakery"}, without: []string{"select", "from", "where"}},
	{name: "semicolon at the end", text: "SELECT 1 ; ;"},
	{name: "two reads", text: "SELECT 1; SELECT 2", count: 2},
	{name: "read and write", text: "SELECT 1; DELETE FROM t", kind: Write, count: 2},
	{name: "write hidden by a comment", text: "SELECT 1 -- x\n; DELETE FROM t", kind: Write, count: 2},
	{name: "write in a comment", text: "SELECT 1 /* ; DELETE FROM t */"},
	{name: "write in a string", text: "SELECT '; DELETE FROM t'"},
	{name: "write word in a quoted alias", text: `SELECT a "update", b "for update" FROM t`},
	{name: "comment in a string", text: "SELECT '/*', id FROM t WHERE x = '*/'", names: []string{"id", "t"}},
	{name: "insert returning", text: "INSERT INTO t (a, b) VALUES (1, 2) RETURNING id", kind: Write, names: []string{"t", "a", "b"}, calls: []string{}},
	{name: "returning behind a query", text: "INSERT INTO t (a) (SELECT 1) RETURNING f(a)", kind: Write, calls: []string{"f"}},
	{name: "update", text: "UPDATE t SET a = abs(b) WHERE c IN (SELECT d FROM e)", kind: Write, names: []string{"t", "e"}, calls: []string{"abs"}},
	{name: "delete", text: "DELETE FROM t", kind: Write},
	{name: "values", text: "VALUES (1), (2)"},
	{name: "shadowing expression", text: "WITH users AS (SELECT * FROM users WHERE a) SELECT * FROM users", names: []string{"users"}},
	{name: "expression with columns", text: "WITH RECURSIVE a (n, m) AS (SELECT 1, 2), b(x) AS (SELECT n FROM a) SELECT lower(x) FROM b", calls: []string{"lower"}},
	{name: "nested expression with columns", text: "SELECT * FROM (WITH a(n) AS (SELECT 1) SELECT n FROM a) x", calls: []string{}},
	{name: "write behind expression", text: "WITH a AS (SELECT 1 AS x) DELETE FROM t WHERE id IN (SELECT x FROM a)", kind: Write, names: []string{"t"}},
	{name: "update behind expression", text: "WITH a AS (SELECT 1 AS x) UPDATE t SET b = 1", kind: Write},
	{name: "broken expression", text: "WITH a (SELECT 1) SELECT 2", kind: Unclear, taint: notUnderstood},
	{name: "functions", text: "SELECT COUNT(*), max (a) FROM t WHERE lower(b) = upper( c ) AND d IN (1) AND NOT (e) AND EXISTS (SELECT 1)", calls: []string{"count", "max", "lower", "upper"}},
	{name: "window", text: "SELECT row_number() OVER (PARTITION BY (a) ORDER BY (b)) FROM t", calls: []string{"row_number"}},
	{name: "case", text: "SELECT CASE (a) WHEN (1) THEN (2) ELSE (3) END, (4) FROM t JOIN (SELECT 1) u USING (a) GROUP BY (a) HAVING (b) LIMIT (1) OFFSET (2)", calls: []string{}},
	{name: "set operations", text: "SELECT 1 UNION ALL SELECT 2", calls: []string{}},
	{name: "clock without parentheses", text: "SELECT CURRENT_TIMESTAMP, current_date", calls: []string{"current_timestamp", "current_date"}},
	{name: "clock word behind a dot", text: "SELECT t.current_date FROM t", calls: []string{}},
	{name: "alias with columns", text: "SELECT * FROM (SELECT 1) AS x (a)", calls: []string{}},
	{name: "alias with columns without AS", text: "SELECT * FROM (SELECT 1) x (a)", calls: []string{}},
	{name: "qualified call", text: "SELECT s.f(1)", calls: []string{"f", "s.f"}},
	{name: "commit", text: "COMMIT", kind: Control, effects: []Effect{Commits}},
	{name: "begin", text: "begin", kind: Control, effects: []Effect{Begins}},
	{name: "rollback", text: "ROLLBACK;", kind: Control, effects: []Effect{RollsBack}},
	{name: "savepoint", text: "SAVEPOINT a", kind: Control, effects: []Effect{Saves}},
	{name: "release", text: "RELEASE SAVEPOINT a", kind: Control, effects: []Effect{Releases}},
	{name: "rollback to", text: "ROLLBACK TO SAVEPOINT a", kind: Control},
	{name: "rollback to, short", text: "ROLLBACK TO a", kind: Control},
	{name: "many", text: "BEGIN; INSERT INTO t VALUES (1); COMMIT", kind: Write, effects: []Effect{Begins, Commits}, count: 3},
	{name: "savepoint without name", text: "SAVEPOINT", kind: Unclear, taint: notUnderstood},
	{name: "commit and more", text: "COMMIT now please", kind: Unclear, taint: notUnderstood},
	{name: "begin and more", text: "BEGIN delete", kind: Unclear, taint: notUnderstood},
	{name: "empty", text: "", kind: Bypass, count: -1},
	{name: "only a comment", text: "/* hello */ ; -- x", kind: Bypass, count: -1},
	{name: "unknown word", text: "FROBNICATE t", kind: Unclear, taint: notUnderstood},
	{name: "unknown mark", text: "? t", kind: Unclear, taint: notUnderstood},
	{name: "quoted first word", text: `"select" 1`, kind: Unclear, taint: notUnderstood},
	{name: "semicolon in parentheses", text: "SELECT (1; DELETE FROM t)", kind: Unclear},
}

// statements reads scanCase.count: 0 stands for one statement, -1 for none.
func statements(count int) int {
	switch count {
	case 0:
		return 1
	case -1:
		return 0
	}
	return count
}

func TestScanCountsNoEmptyStatements(t *testing.T) {
	for _, text := range []string{"", ";;", " ; /* x */ ; "} {
		if got := ScanText(SQLite, text); got.Statements != 0 || got.Kind != Bypass {
			t.Errorf("%q: %d statements, %s", text, got.Statements, kindName(got.Kind))
		}
	}
}

func TestScanSQLite(t *testing.T) { runScanCases(t, SQLite, sqliteCases) }

var sqliteCases = []scanCase{
	{name: "string as a table", text: `SELECT * FROM 'Orders'`, names: []string{"orders"}},
	{name: "string behind a comma", text: `SELECT a FROM b, 'c' WHERE d = 'e' AND f LIKE 'g'`, names: []string{"c"}, without: []string{"e", "g"}},
	{name: "string behind join", text: `SELECT * FROM a JOIN 'b' ON a.x = 'c', 'd'`, names: []string{"b", "d"}, without: []string{"c"}},
	{name: "strings in parentheses", text: `SELECT * FROM ('a' JOIN ('b', 'c')), ('d')`, names: []string{"a", "b", "c", "d"}},
	{name: "string behind IN", text: `SELECT * FROM a WHERE b IN 'c' AND d NOT IN 'main'.'e'`, names: []string{"c", "e"}},
	{name: "strings in a list", text: `SELECT * FROM a WHERE b IN ('c', 'd') AND f('e', 'g')`, without: []string{"c", "d", "e", "g"}},
	{name: "strings of a subquery in a list", text: `SELECT * FROM a WHERE b IN (SELECT 'x', 'y' FROM 'c', 'd')`, names: []string{"c", "d"}, without: []string{"x", "y"}},
	{name: "values", text: `INSERT INTO 't'('a') VALUES ('x', 'y'), ('z', 'w')`, kind: Write, names: []string{"t"}, without: []string{"x", "y", "z", "w"}},
	{name: "selected strings", text: `SELECT 'a', 'b' UNION SELECT 'c', 'd' FROM 'e'`, names: []string{"e"}, without: []string{"a", "b", "c", "d"}},
	{name: "update a string", text: `UPDATE 't' SET a = 'x'`, kind: Write, names: []string{"t"}, without: []string{"x"}},
	{name: "double quotes are both", text: `SELECT "Abc" FROM "T""x"`, names: []string{"abc", `t"x`}},
	{name: "other quotes", text: "SELECT [A b], `C``d` FROM x", names: []string{"a b", "c`d"}},
	{name: "case folds ASCII only", text: "SELECT * FROM \u00c4B", names: []string{"\u00c4b"}},
	{name: "table behind IN", text: "SELECT 1 WHERE a IN tbl", names: []string{"tbl"}},
	{name: "operators that call", text: "SELECT a LIKE b, c GLOB d, e REGEXP f, g MATCH h FROM t", calls: []string{"like", "glob", "regexp", "match"}},
	{name: "replace function", text: "SELECT replace(a, 'b', 'c') FROM t", calls: []string{"replace"}},
	{name: "replace function in parentheses", text: "SELECT (replace(a, b, c)) FROM t"},
	{name: "replace statement", text: "REPLACE INTO t VALUES (1)", kind: Write},
	{name: "replace behind expression", text: "WITH a AS (SELECT 1) REPLACE INTO t SELECT * FROM a", kind: Write},
	{name: "upsert", text: "INSERT INTO t(a) VALUES (1) ON CONFLICT (a) WHERE b DO UPDATE SET (c, d) = (1, 2)", kind: Write, calls: []string{}},
	{name: "insert or replace", text: "INSERT OR REPLACE INTO t(a) VALUES (1)", kind: Write, calls: []string{}},
	{name: "filter", text: "SELECT count(*) FILTER (WHERE a) OVER w FROM t WINDOW w AS (ORDER BY b)", calls: []string{"count"}},
	{name: "materialized", text: "WITH a AS MATERIALIZED (SELECT 1), b AS NOT MATERIALIZED (SELECT 2) SELECT * FROM a, b", calls: []string{}},
	{name: "cast", text: "SELECT CAST(a AS varchar(10)) FROM t", calls: []string{}},
	{name: "table-valued function", text: "SELECT * FROM json_each(?) AS j, pragma_table_info('t')", calls: []string{"json_each", "pragma_table_info"}},
	{name: "parenthesis first", text: "(SELECT 1)", kind: Unclear, taint: notUnderstood},
	{name: "table first", text: "TABLE t", kind: Unclear, taint: notUnderstood},
	{name: "truncate", text: "TRUNCATE t", kind: Unclear, taint: notUnderstood},
	{name: "byte order mark", text: "\ufeffDELETE FROM t", kind: Write},
	{name: "carriage return ends no comment", text: "SELECT 1 -- x\rDELETE FROM t"},
	{name: "backslash ends no string", text: `SELECT '\'; DELETE FROM t`, kind: Write, count: 2},

	{name: "begin immediate", text: "BEGIN IMMEDIATE TRANSACTION", kind: Control, effects: []Effect{Begins}},
	{name: "begin named", text: "BEGIN EXCLUSIVE TRANSACTION 'x'", kind: Control, effects: []Effect{Begins}},
	{name: "begin concurrent", text: "BEGIN CONCURRENT", kind: Control, effects: []Effect{Begins}},
	{name: "end", text: "END TRANSACTION", kind: Control, effects: []Effect{Commits}},
	{name: "rollback to in full", text: "ROLLBACK TRANSACTION TO SAVEPOINT 'a b'", kind: Control},
	{name: "rollback named", text: "ROLLBACK TRANSACTION a", kind: Control, effects: []Effect{RollsBack}},
	{name: "release short", text: "RELEASE a", kind: Control, effects: []Effect{Releases}},
	{name: "no chain", text: "COMMIT AND CHAIN", kind: Unclear, taint: notUnderstood},

	{name: "create", text: "CREATE TABLE t (a INTEGER PRIMARY KEY)", kind: Schema},
	{name: "create as", text: "CREATE TABLE t AS SELECT * FROM 'u'", kind: Schema, names: []string{"u"}},
	{name: "create temp", text: "CREATE TEMP TABLE t (a)", kind: Session, taint: "a temporary object"},
	{name: "create temporary view", text: "CREATE TEMPORARY VIEW v AS SELECT 1", kind: Session, taint: "a temporary object"},
	{name: "create temp with types", text: "CREATE TEMP TABLE t (a varchar(10) DEFAULT (f(1)) CHECK (g(a)), b REFERENCES u(id), PRIMARY KEY (a), UNIQUE (b))", kind: Session, taint: "a temporary object", calls: []string{"f", "g"}},
	{name: "create temp as", text: "CREATE TEMP TABLE t AS SELECT x AT f(1)", kind: Session, taint: "a temporary object", calls: []string{"f"}},
	{name: "create in temp", text: "CREATE TABLE temp.t (a)", kind: Schema, taint: "a temporary object"},
	{name: "temp trigger with body", text: "CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; END", kind: Session, taint: "a temporary object"},
	{name: "read of temp", text: `SELECT * FROM "TEMP".x`, kind: Session, taint: "a temporary object"},
	{name: "read of temp behind a comma", text: "SELECT * FROM a, temp.x", kind: Bypass},
	{name: "alias temp", text: "SELECT temp.x + 1 FROM (SELECT 1 AS x) temp WHERE temp.x = 1"},
	{name: "write to temp", text: "INSERT INTO temp.t VALUES (1)", kind: Write, taint: "a temporary object"},
	{name: "drop", text: "DROP VIEW v", kind: Schema},
	{name: "alter", text: "ALTER TABLE t RENAME TO 'u'", kind: Schema, names: []string{"u"}},
	{name: "reindex", text: "REINDEX", kind: Schema},
	{name: "trigger", text: "CREATE TRIGGER r AFTER UPDATE OF a ON t WHEN new.a > 0 BEGIN UPDATE u SET b = CASE WHEN 1 THEN 2 END; SELECT 1; END", kind: Schema, names: []string{"t", "u"}},
	{name: "trigger and more", text: "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; END; SELECT 1; COMMIT", kind: Schema, effects: []Effect{Commits}, count: 3},
	{name: "trigger without end", text: "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; SELECT 1", kind: Unclear, taint: notUnderstood},
	{name: "explained trigger", text: "EXPLAIN CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; END", kind: Bypass},
	{name: "write of the schema table", text: "UPDATE sqlite_schema SET sql = 'x'", kind: Schema},
	{name: "read of the schema table", text: "SELECT * FROM sqlite_master", names: []string{"sqlite_master"}},

	{name: "explain", text: "EXPLAIN DELETE FROM t", kind: Bypass},
	{name: "explain query plan", text: "EXPLAIN QUERY PLAN INSERT INTO t VALUES (1)", kind: Bypass},
	{name: "explained pragma acts", text: "EXPLAIN PRAGMA case_sensitive_like = 1", kind: Session, taint: "PRAGMA case_sensitive_like"},
	{name: "explained begin", text: "EXPLAIN BEGIN", kind: Bypass},
	{name: "attach", text: "ATTACH 'x.db' AS aux", kind: Session, taint: "ATTACH"},
	{name: "detach", text: "DETACH DATABASE aux", kind: Session, taint: "DETACH"},
	{name: "analyze", text: "ANALYZE", kind: Schema},
	{name: "vacuum", text: "VACUUM", kind: Unclear},
	{name: "vacuum into", text: "VACUUM main INTO 'x.db'", kind: Bypass},

	{name: "asking pragma", text: "PRAGMA table_info('t')", kind: Bypass, calls: []string{}},
	{name: "asking pragma of a schema", text: `PRAGMA main."table_info"(t)`, kind: Bypass},
	{name: "user_version asked", text: "PRAGMA user_version", kind: Bypass},
	{name: "user_version set", text: "PRAGMA user_version = 3", kind: Write},
	{name: "user_version set by a call", text: "PRAGMA main.user_version(3)", kind: Write},
	{name: "schema_version set", text: "PRAGMA schema_version = 3", kind: Unclear, taint: "PRAGMA schema_version"},
	{name: "journal_mode", text: "PRAGMA journal_mode=WAL", kind: Bypass},
	{name: "busy_timeout", text: "PRAGMA busy_timeout = 5000", kind: Bypass},
	{name: "foreign_keys", text: "PRAGMA foreign_keys = ON", kind: Bypass},
	{name: "optimize", text: "PRAGMA optimize", kind: Bypass},
	{name: "data_version", text: "PRAGMA data_version", kind: Bypass},
	{name: "case_sensitive_like", text: "PRAGMA Case_Sensitive_Like = true", kind: Session, taint: "PRAGMA case_sensitive_like"},
	{name: "read_uncommitted", text: "PRAGMA read_uncommitted(1)", kind: Session, taint: "PRAGMA read_uncommitted"},
	{name: "read_uncommitted asked", text: "PRAGMA read_uncommitted", kind: Bypass},
	{name: "writable_schema", text: "PRAGMA writable_schema=1", kind: Session, taint: "PRAGMA writable_schema"},
	{name: "encoding", text: "PRAGMA encoding='UTF-16'", kind: Session, taint: "PRAGMA encoding"},
	{name: "unknown pragma", text: "PRAGMA key('secret')", kind: Session, taint: "PRAGMA key"},
	{name: "unknown pragma asked", text: "PRAGMA frobnicate", kind: Session, taint: "PRAGMA frobnicate"},
	{name: "pragma without name", text: "PRAGMA", kind: Unclear, taint: notUnderstood},
}

func TestScanPostgres(t *testing.T) { runScanCases(t, Postgres, postgresCases) }

var postgresCases = []scanCase{
	{name: "writing expression", text: "WITH x AS (INSERT INTO t VALUES (1) RETURNING id) SELECT * FROM x", kind: Write, names: []string{"t"}},
	{name: "deeply writing expression", text: "SELECT * FROM (WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x) y", kind: Write},
	{name: "merge", text: "MERGE INTO t (a) USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT (a) VALUES (2)", kind: Write, calls: []string{}},
	{name: "merging expression", text: "WITH x AS (MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING *) TABLE x", kind: Write},
	{name: "merging expression without a word that writes", text: "WITH x AS (MERGE INTO t USING s ON true WHEN MATCHED THEN DO NOTHING RETURNING 1) SELECT 1", kind: Write},
	{name: "truncate", text: "TRUNCATE TABLE t CASCADE", kind: Write},
	{name: "select into", text: "SELECT * INTO new FROM old", kind: Schema, names: []string{"new", "old"}},
	{name: "select into temp", text: "SELECT * INTO LOCAL TEMPORARY new FROM old", kind: Session, taint: "a temporary table"},
	{name: "select into behind a writing expression", text: "WITH x AS (INSERT INTO t VALUES (1) RETURNING id) SELECT * INTO new FROM x", kind: Schema},
	{name: "table", text: "TABLE t", names: []string{"t"}},
	{name: "parentheses first", text: "((SELECT 1) UNION (SELECT 2))", calls: []string{}},
	{name: "write in parentheses", text: "(WITH x AS (DELETE FROM t RETURNING *) SELECT 1)", kind: Write},
	{name: "for update", text: "SELECT * FROM t FOR UPDATE", kind: Bypass},
	{name: "for no key update", text: "SELECT * FROM t FOR NO KEY UPDATE OF t SKIP LOCKED", kind: Bypass},
	{name: "for key share", text: "SELECT * FROM t FOR KEY SHARE NOWAIT", kind: Bypass},
	{name: "for share in a subquery", text: "SELECT * FROM (SELECT * FROM t FOR SHARE) x", kind: Bypass},
	{name: "for in a function", text: "SELECT substring(a FROM 1 FOR 2) FROM t"},
	{name: "for read only", text: "SELECT * FROM t FOR READ ONLY"},
	{name: "write word as a qualified column", text: "SELECT t.update, t.insert FROM t", names: []string{"update", "insert"}},
	{name: "write word as a table", text: "SELECT * FROM insert", kind: Write, names: []string{"insert"}},
	{name: "replace function", text: "SELECT replace(a, 'b', 'c') FROM t", calls: []string{"replace"}},
	{name: "carriage return ends a comment", text: "SELECT 1 -- x\r; DELETE FROM t", kind: Write, count: 2},
	{name: "nested comment hides", text: "SELECT 1 /* /* */ ; DELETE FROM t */"},
	{name: "dollar quotes hide", text: "SELECT $$; DELETE FROM t$$, $a$ ' $a$"},
	{name: "dollar in a name quotes nothing", text: "SELECT a$b$ FROM t; DELETE FROM t WHERE a = '$b$'", kind: Write, count: 2},
	{name: "escape string hides", text: `SELECT E'\'; DELETE FROM t; --'`, calls: []string{"now"}},
	{name: "backslash without effect", text: `SELECT 'C:\'; DELETE FROM t`, kind: Write, count: 2},
	{name: "backslash with two meanings", text: `SELECT '\'; DELETE FROM t; --'`, kind: Write, count: 2},
	{name: "backslash with another effect on the transaction", text: `SELECT '\', '; COMMIT; --'`, kind: Unclear, effects: nil},
	{name: "unicode name", text: `SELECT * FROM U&"d\0061t\+000061"`, names: []string{"data"}},
	{name: "quoted names keep their case", text: `SELECT "Id" FROM "Weird ""T"""`, names: []string{"Id", `Weird "T"`}, without: []string{"id"}},
	{name: "quoted call keeps its case", text: `SELECT "Lower"(a)`, calls: []string{"Lower"}},
	{name: "long names are cut", text: "SELECT * FROM " + strings.Repeat("a", 70), names: []string{strings.Repeat("a", 63)}},
	{name: "long names are cut between characters", text: `SELECT * FROM "` + strings.Repeat("ж", 40) + `"`, names: []string{strings.Repeat("ж", 31)}},
	{name: "capitals beyond ASCII", text: "SELECT * FROM ÄB", names: []string{"Äb", "äb"}},
	{name: "qualified names", text: `SELECT * FROM a.b.c`, names: []string{"a", "b", "c"}},
	{name: "word functions", text: "SELECT CURRENT_USER, session_user, USER, LOCALTIME, current_schema", calls: []string{"current_user", "session_user", "user", "localtime", "current_schema"}},
	{name: "join and like are no calls", text: "SELECT * FROM a LEFT JOIN (SELECT 1) b ON (true) WHERE a.x IN (1) AND a.y = ANY (b) AND a.z = ALL (c)", calls: []string{}},
	{name: "function named join", text: "SELECT join(a)", calls: []string{"join"}},
	{name: "like", text: "SELECT a LIKE (b), c ILIKE (d) FROM t", calls: []string{"like", "ilike"}},
	{name: "distinct on", text: "SELECT DISTINCT ON (a) f(b) FROM t", calls: []string{"f"}},
	{name: "operator by name", text: "SELECT a OPERATOR(pg_catalog.=) f(b)", calls: []string{"operator", "f"}},
	{name: "types", text: "SELECT a::varchar(10), CAST(b AS numeric(10, 2)), ARRAY[1], ROW(1, 2) FROM t", calls: []string{"cast"}},
	{name: "own schema of functions", text: "SELECT pg_catalog.lower(a), mine.lower(b)", calls: []string{"lower", "mine.lower"}},
	{name: "set-returning", text: "SELECT * FROM unnest($1::int[], $2::text[]) u(a, b), LATERAL f(a) WITH ORDINALITY t(x, y)", calls: []string{"unnest", "f"}},
	{name: "record alias with lengths", text: "SELECT * FROM json_to_record($1) AS x(a varchar(10), b numeric(10, 2), c character varying(5), d timestamp(3))", calls: []string{"json_to_record"}},
	{name: "expression before parentheses", text: "WITH a AS (SELECT 1) (WITH b AS (SELECT 2) SELECT * FROM b) UNION SELECT * FROM a"},
	{name: "expression before a write in parentheses", text: "WITH a AS (SELECT 1) (DELETE FROM t)", kind: Unclear, taint: notUnderstood},
	{name: "record alias", text: "SELECT * FROM json_to_record($1) AS x(a int, b text)", calls: []string{"json_to_record"}},
	{name: "tablesample", text: "SELECT * FROM t TABLESAMPLE bernoulli (10)", calls: []string{"bernoulli"}},
	{name: "grouping sets", text: "SELECT 1 FROM t GROUP BY GROUPING SETS ((a), ())", calls: []string{}},
	{name: "rollup", text: "SELECT 1 FROM t GROUP BY ROLLUP (a, b)", calls: []string{}},
	{name: "within group", text: "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FILTER (WHERE b) FROM t", calls: []string{"percentile_cont"}},
	{name: "search and cycle", text: "WITH RECURSIVE a(n) AS (SELECT 1) SEARCH DEPTH FIRST BY n SET o, b(m) AS (SELECT 2) CYCLE m SET c USING p SELECT * FROM a, b", calls: []string{}},
	{name: "upsert", text: "INSERT INTO s.t (a) SELECT b FROM u ON CONFLICT (a) DO UPDATE SET a = excluded.a", kind: Write, calls: []string{}},
	{name: "insert with alias", text: "INSERT INTO t AS x (a) VALUES (f(1))", kind: Write, calls: []string{"f"}},

	{name: "now as a literal", text: "SELECT * FROM t WHERE a > 'now'", calls: []string{"now"}},
	{name: "now with escapes of other sessions", text: `SELECT * FROM t WHERE a > '\156o\w'`, calls: []string{"now"}},
	{name: "escapes that say nothing", text: `SELECT * FROM t WHERE a ~ '\d+\s*\1'`, calls: []string{}},
	{name: "name with an escape character", text: `SELECT * FROM t, U&"d!0061ta" UESCAPE '!'`, kind: Unclear, taint: notUnderstood},
	{name: "literal with an escape character", text: `SELECT U&'d!0061ta' uescape '!'`, kind: Unclear, taint: notUnderstood},
	{name: "column called uescape", text: `SELECT 'x', uescape FROM t`, names: []string{"uescape"}},
	{name: "today as a literal", text: "SELECT 'Today 12:00'::timestamptz", calls: []string{"now"}},
	{name: "now within a word", text: "SELECT * FROM t WHERE a = 'knowledge, nowhere'", calls: []string{}},
	{name: "time of day with zone", text: "SELECT a::timetz, b::time(3) with time zone, c::time without time zone FROM t", calls: []string{"current_date"}},
	{name: "nextval", text: "SELECT nextval('s')", kind: Bypass},
	{name: "qualified nextval", text: "SELECT pg_catalog.nextval('s')", kind: Bypass},
	{name: "currval", text: "SELECT currval('s')", calls: []string{"currval"}},
	{name: "set_config", text: "SELECT pg_catalog.set_config('search_path', '', false)", kind: Session, settings: true},
	{name: "set_config in a write", text: "INSERT INTO t SELECT set_config('a.b', 'c', true)", kind: Write},
	{name: "advisory lock", text: "SELECT pg_advisory_lock(1)", kind: Session, settings: true},
	{name: "advisory lock of a transaction", text: "SELECT pg_advisory_xact_lock(1)", calls: []string{"pg_advisory_xact_lock"}},

	{name: "start transaction", text: "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE", kind: Control, effects: []Effect{Begins}},
	{name: "begin work", text: "BEGIN WORK", kind: Control, effects: []Effect{Begins}},
	{name: "end", text: "END", kind: Control, effects: []Effect{Commits}},
	{name: "commit and chain", text: "COMMIT WORK AND CHAIN", kind: Control, effects: []Effect{CommitsAndBegins}},
	{name: "commit and no chain", text: "COMMIT AND NO CHAIN", kind: Control, effects: []Effect{Commits}},
	{name: "rollback and chain", text: "ROLLBACK TRANSACTION AND CHAIN", kind: Control, effects: []Effect{RollsBackAndBegins}},
	{name: "abort", text: "ABORT", kind: Control, effects: []Effect{RollsBack}},
	{name: "release short", text: "RELEASE a", kind: Control, effects: []Effect{Releases}},
	{name: "prepare transaction", text: "PREPARE TRANSACTION 'x'", kind: Control, effects: []Effect{Prepares}},
	{name: "commit prepared", text: "COMMIT PREPARED 'x'", kind: Unclear},
	{name: "rollback prepared", text: "ROLLBACK PREPARED 'x'", kind: Control},
	{name: "set transaction", text: "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", kind: Control},
	{name: "set constraints", text: "SET CONSTRAINTS ALL IMMEDIATE", kind: Control},

	{name: "set", text: "SET search_path TO a, b", kind: Session, settings: true},
	{name: "set session", text: `SET SESSION "TimeZone" = 'UTC'`, kind: Session, settings: true},
	{name: "set local", text: "SET LOCAL search_path TO a", kind: Session},
	{name: "set local role", text: "SET LOCAL ROLE x", kind: Session},
	{name: "set harmless", text: "SET statement_timeout = 1000", kind: Session},
	{name: "set own setting", text: "SET app.tenant = '7'", kind: Session},
	{name: "set role", text: "SET ROLE x", kind: Session, settings: true},
	{name: "set session authorization", text: "SET SESSION AUTHORIZATION x", kind: Session, settings: true},
	{name: "set characteristics", text: "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", kind: Session, settings: true},
	{name: "set time zone", text: "SET TIME ZONE 'UTC'", kind: Session, settings: true},
	{name: "set names", text: "SET NAMES 'UTF8'", kind: Session, settings: true},
	{name: "reset", text: "RESET search_path", kind: Session, settings: true},
	{name: "reset all", text: "RESET ALL", kind: Session, settings: true},
	{name: "reset harmless", text: "RESET work_mem", kind: Session},
	{name: "discard all", text: "DISCARD ALL", kind: Session, settings: true},
	{name: "discard temp", text: "DISCARD TEMP", kind: Session, settings: true},
	{name: "set_config of a custom setting", text: "SELECT set_config('app.tenant', $1, false)"},
	{name: "set_config of a setting in a column", text: "SELECT set_config(a.b, 'c', false) FROM a", kind: Session, settings: true},
	{name: "set_config of an expression", text: "SELECT set_config('a.b' || c, 'c', false) FROM a", kind: Session, settings: true},
	{name: "set_config of two settings", text: "SELECT set_config('a.b', 'c', false), set_config('role', 'c', false)", kind: Session, settings: true},
	{name: "advisory unlock", text: "SELECT pg_advisory_unlock_all()", kind: Session, settings: true},
	{name: "set local", text: "SET LOCAL search_path TO a", kind: Session},
	{name: "discard plans", text: "DISCARD PLANS", kind: Session},
	{name: "settings by update", text: "UPDATE pg_settings SET setting = 'x' WHERE name = 'search_path'", kind: Schema, settings: true},
	{name: "settings by an expression", text: "WITH q AS (UPDATE pg_settings SET setting = 'x' RETURNING 1) SELECT 1", kind: Schema, settings: true},
	{name: "write of the catalogue", text: "DELETE FROM pg_catalog.pg_class", kind: Schema},
	{name: "lock", text: "LOCK TABLE t IN SHARE MODE", kind: Session},
	{name: "load", text: "LOAD 'x'", kind: Session, taint: "a loaded library"},
	{name: "listen", text: "LISTEN a", kind: Bypass},
	{name: "notify", text: "NOTIFY a, 'b'", kind: Bypass},
	{name: "show", text: "SHOW ALL", kind: Bypass},
	{name: "prepare", text: "PREPARE p (int) AS INSERT INTO t VALUES ($1)", kind: Session, calls: []string{}},
	{name: "prepare nextval", text: "PREPARE p AS SELECT nextval('s')", kind: Session},
	{name: "execute", text: "EXECUTE p(1)", kind: Unclear},
	{name: "deallocate", text: "DEALLOCATE ALL", kind: Session},
	{name: "call", text: "CALL p()", kind: Unclear},
	{name: "do", text: "DO $$ BEGIN DELETE FROM t; END $$", kind: Unclear},
	{name: "declare", text: "DECLARE c CURSOR WITH HOLD FOR SELECT f(1)", kind: Bypass, calls: []string{"f"}},
	{name: "fetch", text: "FETCH ALL FROM c", kind: Bypass},
	{name: "close", text: "CLOSE c", kind: Bypass},

	{name: "copy from", text: "COPY t (a, b) FROM STDIN (FORMAT csv)", kind: Write, names: []string{"t"}, calls: []string{}},
	{name: "copy to", text: "COPY t TO STDOUT", kind: Bypass},
	{name: "copy query", text: "COPY (SELECT f(a) FROM t) TO '/x'", kind: Bypass, calls: []string{"f"}},
	{name: "copy writing query", text: "COPY (DELETE FROM t RETURNING *) TO STDOUT", kind: Write},
	{name: "explain", text: "EXPLAIN DELETE FROM t", kind: Bypass},
	{name: "explain verbose", text: "EXPLAIN VERBOSE SELECT nextval('s')", kind: Bypass},
	{name: "explain analyze read", text: "EXPLAIN ANALYZE SELECT 1", kind: Bypass},
	{name: "explain analyze write", text: "EXPLAIN ANALYZE VERBOSE DELETE FROM t", kind: Write},
	{name: "explain with options", text: "EXPLAIN (FORMAT json, ANALYZE) INSERT INTO t VALUES (1)", kind: Write},
	{name: "explain with a quoted option", text: `EXPLAIN ("analyze") INSERT INTO t VALUES (1)`, kind: Write},
	{name: "explain without execution", text: "EXPLAIN (COSTS off) UPDATE t SET a = 1", kind: Bypass},
	{name: "explain analyze create", text: "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1", kind: Schema},
	{name: "explain analyze execute", text: "EXPLAIN ANALYZE EXECUTE p", kind: Unclear},
	{name: "explain analyze writing expression", text: "EXPLAIN ANALYZE WITH x AS (DELETE FROM t RETURNING 1) SELECT * FROM x", kind: Write},
	{name: "explain analyze nonsense", text: "EXPLAIN ANALYZE COMMIT", kind: Unclear, taint: notUnderstood},

	{name: "create", text: "CREATE TABLE t (a int)", kind: Schema},
	{name: "create temp", text: "CREATE TEMP TABLE t (a int) ON COMMIT DROP", kind: Session, taint: "a temporary object"},
	{name: "create global temporary", text: "CREATE GLOBAL TEMPORARY TABLE t (a int)", kind: Session, taint: "a temporary object"},
	{name: "replace temp view", text: "CREATE OR REPLACE TEMP VIEW v AS SELECT 1", kind: Session, taint: "a temporary object"},
	{name: "create in pg_temp", text: "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", kind: Schema, taint: "a temporary object"},
	{name: "read of pg_temp", text: "SELECT * FROM pg_temp.t", kind: Session, taint: "a temporary object"},
	{name: "atomic body", text: "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; INSERT INTO t VALUES (1); END; COMMIT", kind: Schema, effects: []Effect{Commits}, count: 2},
	{name: "empty atomic body", text: "CREATE PROCEDURE p() BEGIN ATOMIC END; SELECT 1", kind: Schema, count: 2},
	{name: "atomic body without end", text: "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; COMMIT", kind: Unclear, taint: notUnderstood},
	{name: "rule with several actions", text: "CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM u; INSERT INTO v VALUES (1)); SELECT 1", kind: Schema, count: 2},
	{name: "function body in dollars", text: "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $b$ BEGIN COMMIT; END $b$", kind: Schema},
	{name: "grant", text: "GRANT SELECT ON t TO u", kind: Schema},
	{name: "comment", text: "COMMENT ON TABLE t IS 'x'", kind: Schema},
	{name: "refresh", text: "REFRESH MATERIALIZED VIEW v", kind: Schema},
	{name: "cluster", text: "CLUSTER t", kind: Schema},
	{name: "security label", text: "SECURITY LABEL ON TABLE t IS 'x'", kind: Schema},
	{name: "import", text: "IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y", kind: Schema},
	{name: "vacuum", text: "VACUUM (ANALYZE) t (a)", kind: Bypass, calls: []string{}},
	{name: "vacuum full", text: "VACUUM FULL t", kind: Schema},
	{name: "analyze", text: "ANALYZE t (a)", kind: Bypass, calls: []string{}},
}

// TestSpelling: which settings decide what a text means.
func TestSpelling(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"SET TimeZone = 'UTC'":                       true,
		"SET TIME ZONE 'UTC'":                        true,
		`SET SESSION "TimeZone" TO 'UTC'`:            true,
		"SET LOCAL datestyle TO german":              true,
		"RESET ALL":                                  true,
		"RESET timezone":                             true,
		"DISCARD ALL":                                true,
		"SELECT set_config('TimeZone', $1, true)":    true,
		"SELECT set_config($1, 'UTC', true)":         true,
		"SELECT set_config('search_path', $1, true)": false,
		"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE": false,
		"UPDATE pg_settings SET setting = 'UTC'":                                  true,
		"SELECT 1; SET timezone = 'UTC'":                                          true,
		"SET search_path = a":                                                     false,
		"SET ROLE a":                                                              false,
		"SET SESSION AUTHORIZATION a":                                             false,
		"SET app.tenant = 'a'":                                                    false,
		"SELECT set_config('app.tenant', $1, true)":                               false,
		"SET statement_timeout = 1":                                               false,
		"DISCARD TEMP":                                                            false,
		"SELECT 1":                                                                false,
	} {
		if got := ScanText(Postgres, text).Spelling; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

package sqlite

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

func names(tables []dialects.Table) []string {
	var all []string
	for _, t := range tables {
		all = append(all, t.Name)
	}
	return all
}

// wantReads checks that a text is cacheable and depends on these tables.
func wantReads(t *testing.T, a *dialects.Analysis, tables ...string) {
	t.Helper()
	if a.Uncacheable != "" {
		t.Errorf("not cacheable: %s", a.Uncacheable)
	}
	if got := names(a.Reads); !slices.Equal(got, tables) {
		t.Errorf("reads %v, want %v", got, tables)
	}
}

// zoo is a database with everything that a statement can hide a table behind.
var zoo = []string{
	"CREATE TABLE a(id INTEGER PRIMARY KEY, v, b INT REFERENCES b(id) ON DELETE CASCADE)",
	"CREATE TABLE b(id INTEGER PRIMARY KEY, v)",
	"CREATE TABLE c(id INTEGER PRIMARY KEY, v, c INT REFERENCES c(id) ON DELETE SET NULL)",
	"CREATE TABLE Mixed(id INTEGER PRIMARY KEY, v)",
	"CREATE TABLE \"sp-ace\"(id INTEGER PRIMARY KEY, v)",
	"CREATE TABLE lower(id INTEGER PRIMARY KEY, v)",
	"CREATE TABLE json_tree(id INTEGER PRIMARY KEY, value)",
	"CREATE TABLE log(n INTEGER PRIMARY KEY)",
	"CREATE VIEW va AS SELECT v FROM a",
	"CREATE VIEW vab AS SELECT va.v FROM va, b WHERE va.v = b.v",
	"CREATE VIEW vsub AS SELECT (SELECT max(v) FROM b) AS m FROM c",
	"CREATE VIEW vnow AS SELECT v, random() AS r FROM a",
	"CREATE VIRTUAL TABLE ft USING fts5(x)",
	"CREATE TRIGGER c_log AFTER INSERT ON c BEGIN INSERT INTO log VALUES (NULL); END",
	"CREATE TRIGGER va_ins INSTEAD OF INSERT ON va BEGIN INSERT INTO a(v) VALUES (NEW.v); UPDATE b SET v = NEW.v; END",
}

func inZoo(t *testing.T) (*follower, string) {
	t.Helper()
	file := newFile(t)
	db := plain(t, file+quick)
	mustExec(t, db, zoo...)
	install1(t, db)
	return follow(t, file+quick, listen.InstallNever), file
}

func TestReads(t *testing.T) {
	t.Parallel()
	f, _ := inZoo(t)
	for text, want := range map[string]string{
		"SELECT v FROM a":                                              "a",
		"select V from A":                                              "a",
		"SELECT count(*) FROM a":                                       "a",
		"SELECT 1 FROM a":                                              "a",
		"SELECT v FROM main.a":                                         "a",
		"SELECT v FROM \"a\" AS x":                                     "a",
		"SELECT v FROM [a]":                                            "a",
		"SELECT v FROM `a`":                                            "a",
		"SELECT v FROM 'a'":                                            "a",
		"SELECT * FROM mixed":                                          "Mixed",
		"SELECT * FROM \"sp-ace\"":                                     "sp-ace",
		"SELECT * FROM a, b":                                           "a b",
		"SELECT * FROM a JOIN b USING (v)":                             "a b",
		"SELECT * FROM a NATURAL LEFT JOIN c":                          "a c",
		"SELECT v FROM a WHERE EXISTS (SELECT 1 FROM c)":               "a c",
		"SELECT v FROM a WHERE v IN (SELECT v FROM b)":                 "a b",
		"SELECT v FROM a WHERE v IN log":                               "a log",
		"SELECT v FROM a WHERE v IN main.log":                          "a log",
		"SELECT (SELECT max(v) FROM b) FROM a":                         "a b",
		"SELECT v FROM a ORDER BY (SELECT count(*) FROM c)":            "a c",
		"SELECT v FROM a GROUP BY v HAVING max(v) > (SELECT 1 FROM b)": "a b",
		"SELECT v FROM a LIMIT (SELECT count(*) FROM c)":               "a c",
		"SELECT CASE WHEN v THEN (SELECT 1 FROM b) END FROM a":         "a b",
		"SELECT v FROM a UNION SELECT v FROM b EXCEPT SELECT v FROM c": "a b c",
		"VALUES ((SELECT v FROM a))":                                   "a",
		"WITH a AS (SELECT v FROM b) SELECT v FROM a":                  "b",
		"WITH x AS (SELECT v FROM b) SELECT x.v FROM x, a":             "a b",
		"WITH a AS (SELECT v FROM main.a) SELECT v FROM a":             "a",
		"WITH unused AS (SELECT v FROM c) SELECT v FROM a":             "a",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < (SELECT max(id) FROM b)) SELECT i FROM n": "b",
		"SELECT v, row_number() OVER (PARTITION BY (SELECT 1 FROM b)) FROM a":                                             "a b",
		"SELECT sum(v) FILTER (WHERE v IN (SELECT v FROM c)) FROM a":                                                      "a c",
		"SELECT v FROM va":                    "a",
		"SELECT v FROM vab":                   "a b",
		"SELECT m FROM vsub":                  "b c",
		"SELECT * FROM va AS b":               "a",
		"SELECT value FROM a, json_each(a.v)": "a",
		"SELECT json_each.value FROM json_each((SELECT v FROM a))":           "a",
		"SELECT * FROM a, json_tree":                                         "a json_tree",
		"SELECT lower(v) FROM a":                                             "a",
		"SELECT lower(v) FROM lower":                                         "lower",
		"SELECT v FROM a WHERE v LIKE 'x%'":                                  "a",
		"SELECT v FROM a WHERE v GLOB 'x*'":                                  "a",
		"SELECT v -> '$.x', v ->> '$.y' FROM a":                              "a",
		"SELECT upper(v), max(v), json_extract(v, '$') FROM a GROUP BY 1":    "a",
		"SELECT v FROM a WHERE id = ? AND v = :x":                            "a",
		"SELECT v FROM a -- , b":                                             "a",
		"SELECT v /* FROM b */ FROM a;":                                      "a",
		"SELECT 'FROM b' FROM a":                                             "a",
		"SELECT v FROM a NOT INDEXED":                                        "a",
		"SELECT rowid, * FROM a":                                             "a",
		"SELECT a.v FROM (SELECT v FROM b) AS a":                             "b",
		"SELECT * FROM a WHERE (id, v) IN (SELECT id, v FROM b)":             "a b",
		"SELECT * FROM a LEFT JOIN (b JOIN c ON b.id = c.id) ON a.id = b.id": "a b c",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			wantReads(t, f.in(t).analyze(text), strings.Split(want, " ")...)
			if a := f.in(t).analyze(text); a.Changes() || a.Scan.Kind != dialects.Read {
				t.Errorf("kind %v, changes %v", a.Scan.Kind, a.Changes())
			}
		})
	}
}

func TestNotCacheable(t *testing.T) {
	t.Parallel()
	f, _ := inZoo(t)
	for _, text := range []string{
		"SELECT 1",
		"SELECT random() FROM a",
		"SELECT v FROM vnow",
		"SELECT v FROM a ORDER BY random()",
		"SELECT date('now'), v FROM a",
		"SELECT datetime() FROM a",
		"SELECT date(v) FROM a",
		"SELECT strftime('%s', 'now') FROM a",
		"SELECT CURRENT_TIMESTAMP FROM a",
		"SELECT v FROM a WHERE v < CURRENT_DATE",
		"SELECT changes(), v FROM a",
		"SELECT last_insert_rowid() FROM a",
		"SELECT total_changes() FROM a",
		"SELECT randomblob(4) FROM a",
		"SELECT sqlite_version() FROM a",
		"SELECT * FROM sqlite_schema",
		"SELECT * FROM sqlite_master, a",
		"SELECT name FROM sqlite_temp_schema, a",
		"SELECT * FROM sqlite_sequence, a",
		"SELECT * FROM pragma_table_info('a'), a",
		"SELECT * FROM pragma_table_list, a",
		"SELECT * FROM ft",
		"SELECT * FROM ft_data, a",
		"SELECT v FROM a WHERE v MATCH 'x'",
		"SELECT (SELECT count(*) FROM livesql_log), v FROM a",
		"SELECT later, v FROM livesql_meta, a",
		"SELECT * FROM json_each('[1]')",
		"PRAGMA table_info(a)",
		"PRAGMA main.data_version",
		"EXPLAIN SELECT v FROM a",
		"EXPLAIN QUERY PLAN SELECT v FROM a",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			a, err := f.backend.Analyze(context.Background(), text)
			if a.Uncacheable == "" {
				t.Errorf("cacheable, reading %v (%v)", names(a.Reads), err)
			}
			if a.WritesAll && err == nil && a.Scan.Kind == dialects.Read {
				t.Error("taken for one that writes everything")
			}
		})
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	f, _ := inZoo(t)
	for text, want := range map[string]string{
		"INSERT INTO log VALUES (1)":                                  "log",
		"INSERT INTO main.log SELECT id FROM b":                       "log",
		"REPLACE INTO log VALUES (1)":                                 "log",
		"UPDATE a SET v = 1":                                          "a",
		"UPDATE a SET v = b.v FROM b WHERE a.id = b.id":               "a",
		"WITH x AS (SELECT 1) UPDATE a SET v = (SELECT * FROM x)":     "a",
		"DELETE FROM a":                                               "a",
		"DELETE FROM b":                                               "a b",
		"DELETE FROM b WHERE id IN (SELECT id FROM c)":                "a b",
		"REPLACE INTO b VALUES (1, 2)":                                "a b",
		"INSERT INTO c(v) VALUES (1)":                                 "c log",
		"INSERT INTO c(v) VALUES (1) RETURNING id, (SELECT 1 FROM b)": "c log",
		"INSERT INTO va VALUES (1)":                                   "a b",
		"INSERT INTO b VALUES (1, 2) ON CONFLICT DO UPDATE SET v = 3": "b",
		"UPDATE Mixed SET v = 1":                                      "Mixed",
		"UPDATE mixed SET v = 1":                                      "Mixed",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			a := f.in(t).analyze(text)
			got := names(a.Writes)
			for _, table := range strings.Fields(want) {
				if !slices.Contains(got, table) {
					t.Errorf("writes %v, want %s too", got, table)
				}
			}
			if a.WritesAll || len(got) > len(strings.Fields(want))+1 {
				t.Errorf("writes %v (everything: %v), want about %s", got, a.WritesAll, want)
			}
			if a.Uncacheable == "" || a.Scan.Kind != dialects.Write {
				t.Errorf("kind %v, uncacheable %q", a.Scan.Kind, a.Uncacheable)
			}
		})
	}
}

// What is not understood counts as writing everything.
func TestWritesEverything(t *testing.T) {
	t.Parallel()
	f, _ := inZoo(t)
	for _, text := range []string{
		"CREATE TABLE n(x)", "DROP TABLE a", "ALTER TABLE a RENAME TO z", "ALTER TABLE a ADD COLUMN z", "CREATE INDEX i ON a(v)",
		"VACUUM", "REINDEX", "ANALYZE", "GIBBERISH", "SELECT mystery(v) FROM a",
		"INSERT INTO ft VALUES ('x')", "SELECT load_extension('x')", "CREATE VIEW z AS SELECT 1",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			a, _ := f.backend.Analyze(context.Background(), text)
			if !a.WritesAll && !strings.Contains(text, "ft") {
				t.Errorf("kind %v, writes %v only", a.Scan.Kind, a.Writes)
			}
			if a.Uncacheable == "" {
				t.Error("cacheable")
			}
		})
	}
}

// A text that SQLite refuses is no reason to fail, and is not remembered.
func TestRefusedTexts(t *testing.T) {
	t.Parallel()
	f, _ := inZoo(t)
	for _, text := range []string{
		"SELECT * FROM nope", "SELECT nope FROM a", "SELECT v FROM a WHERE", "INSERT INTO nope VALUES (1)", "UPDATE a SET nope = 1",
		"SELECT v FROM a, other.b", "SELECT 'unterminated FROM a",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			a, err := f.backend.Analyze(context.Background(), text)
			if a == nil || a.Uncacheable == "" {
				t.Fatalf("%+v, want one that is not cacheable", a)
			}
			if a.Scan.Kind <= dialects.Write && a.Scan.Kind != dialects.Bypass && err == nil {
				t.Error("no error says that SQLite refused it")
			}
		})
	}
	wantReads(t, f.analyze("SELECT v FROM a"), "a")
}

// Whatever the text says, analysing it runs none of it.
func TestAnalysisRunsNothing(t *testing.T) {
	t.Parallel()
	f, file := inZoo(t)
	db := plain(t, file+quick)
	mustExec(t, db, "INSERT INTO b VALUES (1, 1)", "INSERT INTO c VALUES (1, 1, NULL)")
	f.poll()
	var version int64
	dataVersion := func() (n int64) {
		if err := db.QueryRowContext(t.Context(), "PRAGMA data_version").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	version = dataVersion()
	extra := file + ".extra"
	for _, text := range []string{
		"DELETE FROM b", "DELETE FROM b RETURNING *", "UPDATE b SET v = 2", "INSERT INTO b VALUES (2, 2)", "REPLACE INTO b VALUES (1, 3)",
		"SELECT 1; DELETE FROM b", "DELETE FROM b; SELECT 1", "SELECT v FROM b;;DELETE FROM b;", "SELECT v FROM b; -- x\nDROP TABLE b",
		"BEGIN; DELETE FROM b; COMMIT", "EXPLAIN DELETE FROM b", "WITH x AS (SELECT 1) DELETE FROM b",
		"DROP TABLE b", "CREATE TABLE extra(x)", "ALTER TABLE b RENAME TO bb", "VACUUM", "VACUUM INTO '" + extra + "'",
		"ATTACH '" + extra + "' AS extra", "PRAGMA user_version = 77", "PRAGMA journal_mode = delete", "PRAGMA query_only = 0",
		"PRAGMA foreign_keys = 0", "PRAGMA wal_checkpoint(TRUNCATE)", "SELECT 1 FROM pragma_user_version; PRAGMA user_version = 78",
		"REINDEX", "ANALYZE", "SAVEPOINT x", "BEGIN EXCLUSIVE", "CREATE TEMP TABLE b(x)", "DETACH main",
		"SELECT writefile('" + extra + "', 'x')", "SELECT load_extension('" + extra + "')",
		"EXPLAIN PRAGMA user_version = 79",
	} {
		_, _ = f.backend.Analyze(context.Background(), text)
		if got := dataVersion(); got != version {
			t.Fatalf("analysing %q wrote to the database", text)
		}
		if _, err := os.Stat(extra); err == nil {
			t.Fatalf("analysing %q created a file", text)
		}
	}
	var user, rows int
	if err := db.QueryRowContext(t.Context(), "SELECT user_version, (SELECT count(*) FROM b) FROM pragma_user_version").Scan(&user, &rows); err != nil || user != 0 || rows != 1 {
		t.Errorf("user version %d, %d rows (%v), want 0 and 1", user, rows, err)
	}
	// Nor did anything change what later texts mean.
	wantReads(t, f.analyze("SELECT v FROM b"), "b")
	if got := names(f.analyze("DELETE FROM b").Writes); !slices.Contains(got, "a") {
		t.Errorf("deleting from b writes %v, want a too", got)
	}
	// And nobody is held up.
	mustExec(t, db, "PRAGMA busy_timeout = 0", "BEGIN EXCLUSIVE", "DELETE FROM b", "COMMIT")
}

// Analysing gives up with its caller, and after the backend was closed.
func TestAnalyzeIsBounded(t *testing.T) {
	t.Parallel()
	f, _ := inZoo(t)
	f.backend.analyst.token <- struct{}{} // somebody else is preparing
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a, err := f.backend.Analyze(ctx, "SELECT v FROM a")
	if err == nil || a.Uncacheable == "" {
		t.Errorf("%+v, %v, want the cautious answer and an error", a, err)
	}
	<-f.backend.analyst.token
	wantReads(t, f.analyze("SELECT v FROM a"), "a")
	f.backend.analyst.close()
	if a, err := f.backend.Analyze(t.Context(), "SELECT v FROM b"); err == nil || a.Uncacheable == "" {
		t.Errorf("after the end: %+v, %v, want the cautious answer and an error", a, err)
	}
}

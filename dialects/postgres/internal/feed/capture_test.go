package feed

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/vantage-go/live/testdb/server"
)

// captureCase is one statement and the rows that it has to leave in the log.
type captureCase struct {
	statement string
	want      []string
}

// captureTable is a kind of table with statements in order.
type captureTable struct {
	name  string
	setup []string
	cases []captureCase
}

func captureTables() []captureTable {
	return []captureTable{
		{"integers", []string{"CREATE TABLE a (id int8 PRIMARY KEY, v int)"}, []captureCase{
			{"INSERT INTO a VALUES (1, 1), (2, 2), (9223372036854775807, 3)", []string{"I a 3 [1, 2, 9223372036854775807]"}},
			{"UPDATE a SET v = 5 WHERE id = 1", []string{"U a 1 [1]"}},
			{"UPDATE a SET v = 5 WHERE id = 99", nil},
			{"UPDATE a SET id = -id WHERE id < 3", []string{"U a 4 [-2, -1, 1, 2]"}},
			{"UPDATE a SET id = id + 1 WHERE id < 0", []string{"U a 3 [-2, -1, 0]"}},
			{"INSERT INTO a VALUES (7, 7), (0, 7) ON CONFLICT (id) DO UPDATE SET v = 8", []string{"I a 1 [7]", "U a 1 [0]"}},
			{"INSERT INTO a VALUES (7, 7) ON CONFLICT DO NOTHING", nil},
			{"MERGE INTO a USING (VALUES (7), (8)) AS s (id) ON a.id = s.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.id, 1)", []string{"D a 1 [7]", "I a 1 [8]"}},
			{"WITH d AS (DELETE FROM a WHERE id = 8 RETURNING id) INSERT INTO a SELECT id + 10, 0 FROM d", []string{"D a 1 [8]", "I a 1 [18]"}},
			{"DELETE FROM a WHERE id = 18", []string{"D a 1 [18]"}},
			{"DELETE FROM a WHERE id = 18", nil},
			{"TRUNCATE a", []string{"T a -1"}},
			{"INSERT INTO a SELECT g FROM generate_series(1, 256) AS g", []string{"I a 256 " + captureSeries(256)}},
			{"UPDATE a SET v = 1", []string{"U a 256 " + captureSeries(256)}},
			{"UPDATE a SET id = id + 1000 WHERE id <= 128", []string{"U a 256 " + captureMoved(128)}},
			{"UPDATE a SET id = id - 5000 WHERE id <= 1024", []string{"U a 257"}},
			{"INSERT INTO a SELECT g FROM generate_series(2000, 2256) AS g", []string{"I a 257"}},
			{"UPDATE a SET v = 2", []string{"U a 257"}},
			{"DELETE FROM a", []string{"D a 257"}},
		}},
		{"small integers", []string{"CREATE TABLE b (id int2 PRIMARY KEY)", "CREATE TABLE c (id int4 PRIMARY KEY)"}, []captureCase{
			{"INSERT INTO b VALUES (-32768)", []string{"I b 1 [-32768]"}},
			{"INSERT INTO c VALUES (-2147483648)", []string{"I c 1 [-2147483648]"}},
		}},
		{"texts", []string{"CREATE TABLE s (id text PRIMARY KEY, v int)", "CREATE TABLE r (id varchar(10) PRIMARY KEY)"}, []captureCase{
			{`INSERT INTO s VALUES ('a"b\c''d'), ('ä€'), ('')`, []string{`I s 3 ["a\"b\\c'd", "ä€", ""]`}},
			{`INSERT INTO r VALUES ('x ')`, []string{`I r 1 ["x "]`}},
			{`DELETE FROM s WHERE id = 'ä€'`, []string{`D s 1 ["ä€"]`}},
		}},
		{"other keys", []string{
			"CREATE TABLE u (id uuid PRIMARY KEY)", "CREATE TABLE l (id bool PRIMARY KEY)",
			"CREATE TABLE d (id date PRIMARY KEY)", "CREATE TABLE y (id bytea PRIMARY KEY)",
		}, []captureCase{
			{"INSERT INTO u VALUES ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')", []string{`I u 1 ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]`}},
			{"INSERT INTO l VALUES (true), (false)", []string{"I l 2 [true, false]"}},
			{"INSERT INTO d VALUES ('2024-02-29'), ('infinity')", []string{`I d 2 ["2024-02-29", "infinity"]`}},
			{`INSERT INTO y VALUES ('\x00ff'), ('')`, []string{`I y 2 ["\\x00ff", "\\x"]`}},
		}},
		{"composite", []string{`CREATE TABLE k (b text, a int, "na me" bytea, v int, PRIMARY KEY (a, b, "na me"))`}, []captureCase{
			{`INSERT INTO k VALUES ('x', 1, '\x01')`, []string{`I k 1 [[1, "x", "\\x01"]]`}},
			{"UPDATE k SET v = 1", []string{`U k 1 [[1, "x", "\\x01"]]`}},
			{"UPDATE k SET b = 'y'", []string{`U k 2 [[1, "x", "\\x01"], [1, "y", "\\x01"]]`}},
		}},
		{"odd names", []string{`CREATE SCHEMA "S.x"`, `CREATE TABLE "S.x"."T ""q' $livesql$" ("n" int, "k$livesql$""\" int, "t" int, PRIMARY KEY ("k$livesql$""\", n, t))`}, []captureCase{
			{`INSERT INTO "S.x"."T ""q' $livesql$" VALUES (1, 2, 3)`, []string{`I T "q' $livesql$ 1 [[2, 1, 3]]`}},
		}},
		{"names of the function's own", []string{
			"CREATE TABLE own (n int, keys int, was int, v int, PRIMARY KEY (n, keys, was))", "CREATE TABLE tab (k1 int, newt int, tg_relid int, op text, rel oid, n int, PRIMARY KEY (newt))",
			"CREATE TABLE fo (found bool PRIMARY KEY, v int)", "CREATE TABLE ne (new int PRIMARY KEY, v int)", "CREATE TABLE tg (tg_op text PRIMARY KEY, v int)",
		}, []captureCase{
			{"INSERT INTO own VALUES (1, 2, 3, 4)", []string{"I own 1 [[1, 2, 3]]"}},
			{"UPDATE own SET keys = 5", []string{"U own 2 [[1, 2, 3], [1, 5, 3]]"}},
			{"ALTER TABLE own RENAME n TO m; UPDATE own SET v = 5", []string{"U own 1 [[null, 5, 3]]"}}, // which no key is: see decodeKey
			{"INSERT INTO own VALUES (2, 2, 3), (3, 2, 3)", []string{"I own -1"}},
			{"INSERT INTO tab VALUES (1, 2, 3, 'x', 4, 5)", []string{"I tab 1 [2]"}},
			{"UPDATE tab SET n = 7", []string{"U tab 1 [2]"}},
			{"ALTER TABLE tab RENAME newt TO other; DELETE FROM tab", []string{"D tab -1"}},
			{"INSERT INTO fo VALUES (true); UPDATE fo SET v = 1; ALTER TABLE fo RENAME found TO other; DELETE FROM fo", []string{"D fo -1", "I fo -1", "U fo -1"}},
			{"INSERT INTO ne VALUES (1); ALTER TABLE ne RENAME new TO other; UPDATE ne SET v = 1", []string{"I ne -1", "U ne -1"}},
			{"INSERT INTO tg VALUES ('x'); ALTER TABLE tg RENAME tg_op TO other; DELETE FROM tg", []string{"D tg -1", "I tg -1"}},
		}},
		{"whole", []string{
			"CREATE TABLE w (v int)", "CREATE TABLE x (id numeric PRIMARY KEY)", "CREATE TABLE z (id timestamptz PRIMARY KEY)", "CREATE TABLE f (id char(3) PRIMARY KEY)",
			"CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)", "CREATE TABLE n (id text COLLATE loose PRIMARY KEY)",
			"CREATE DOMAIN whole AS int", "CREATE TABLE m (id whole PRIMARY KEY)", "CREATE TABLE g (id int, f float8, PRIMARY KEY (id, f))",
		}, []captureCase{
			{"INSERT INTO w VALUES (1), (2)", []string{"I w -1"}},
			{"UPDATE w SET v = 3 WHERE v = 1", []string{"U w -1"}},
			{"UPDATE w SET v = 3 WHERE v = 99", nil},
			{"DELETE FROM w WHERE v = 99", nil},
			{"INSERT INTO w SELECT 1 WHERE false", nil},
			{"DELETE FROM w", []string{"D w -1"}},
			{"TRUNCATE w", []string{"T w -1"}},
			{"INSERT INTO x VALUES (1.0)", []string{"I x -1"}},
			{"INSERT INTO z VALUES (now())", []string{"I z -1"}},
			{"INSERT INTO f VALUES ('a')", []string{"I f -1"}},
			{"INSERT INTO n VALUES ('a')", []string{"I n -1"}},
			{"INSERT INTO m VALUES (1)", []string{"I m -1"}},
			{"INSERT INTO g VALUES (1, 1)", []string{"I g -1"}},
		}},
		{"cascades", []string{
			"CREATE TABLE p (id int PRIMARY KEY)", "CREATE TABLE ch (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE)",
			"INSERT INTO p VALUES (1), (2)", "INSERT INTO ch VALUES (10, 1), (11, 1), (12, 2)",
		}, []captureCase{
			{"UPDATE p SET id = 3 WHERE id = 1", []string{"U ch 2 [10, 11]", "U p 2 [1, 3]"}},
			{"DELETE FROM p", []string{"D ch 3 [12, 10, 11]", "D p 2 [2, 3]"}},
			{"TRUNCATE p CASCADE", []string{"T ch -1", "T p -1"}},
		}},
		{"partitions", []string{
			"CREATE TABLE pt (id int, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id)", "CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10)",
			"CREATE TABLE pt2 PARTITION OF pt FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id)", "CREATE TABLE pt21 PARTITION OF pt2 FOR VALUES FROM (10) TO (20)",
		}, []captureCase{
			{"INSERT INTO pt VALUES (1, 1), (11, 1)", []string{"I pt 2 [1, 11]"}},
			{"INSERT INTO pt1 VALUES (2, 1)", []string{"I pt1 1 [2]"}},
			{"INSERT INTO pt21 VALUES (12, 1)", []string{"I pt21 1 [12]"}},
			{"UPDATE pt2 SET v = 2", []string{"U pt2 2 [11, 12]"}},
			{"UPDATE pt SET id = 3 WHERE id = 12", []string{"U pt 2 [12, 3]"}},
			{"TRUNCATE pt1", []string{"T pt1 -1"}},
			{"TRUNCATE pt", []string{"T pt -1", "T pt1 -1", "T pt2 -1", "T pt21 -1"}},
		}},
		{"inheritance", []string{
			"CREATE TABLE ip (id int PRIMARY KEY, v int)", "CREATE TABLE ic (w int, PRIMARY KEY (id)) INHERITS (ip)",
			"INSERT INTO ip SELECT g FROM generate_series(1, 200) AS g", "INSERT INTO ic SELECT g FROM generate_series(1, 200) AS g",
		}, []captureCase{
			{"UPDATE ip SET v = 1", []string{"U ip -1"}},
			{"UPDATE ic SET v = 1 WHERE id = 5", []string{"U ic 1 [5]"}},
			{"INSERT INTO ip VALUES (999, 1)", []string{"I ip -1"}},
		}},
		{"replicas", []string{"CREATE TABLE a (id int PRIMARY KEY)"}, []captureCase{
			{"SET session_replication_role = replica; INSERT INTO a VALUES (1); SET session_replication_role = origin", []string{"I a 1 [1]"}},
		}},
		{"deferred keys", []string{"CREATE TABLE a (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v int)"}, []captureCase{
			{"BEGIN; INSERT INTO a SELECT 1 FROM generate_series(1, 300); UPDATE a SET id = 2 WHERE ctid IN (SELECT ctid FROM a LIMIT 299); DELETE FROM a WHERE id = 2; COMMIT", []string{"D a 257", "I a 257", "U a 257"}},
		}},
	}
}

func captureSeries(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprint(i+1))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// captureMoved lists, as the log does, the keys of n rows moved by 1000.
func captureMoved(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprint(i+1), fmt.Sprint(i+1001))
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

func TestStatementsAreLogged(t *testing.T) {
	t.Parallel()
	for _, table := range captureTables() {
		t.Run(table.name, func(t *testing.T) {
			t.Parallel()
			db := server.Postgres(t).DB()
			fixtureExec(t, db, table.setup...)
			fixtureInstall(t, db)
			fixtureLog(t, db)
			for _, c := range table.cases {
				fixtureExec(t, db, c.statement)
				if got, want := captureNormal(fixtureLog(t, db)), captureNormal(c.want); !slices.Equal(got, want) {
					t.Errorf("%s:\n got %q\nwant %q", c.statement, got, want)
				}
			}
		})
	}
}

// captureNormal sorts the keys of updates, which come in no order.
func captureNormal(rows []string) []string {
	var all []string
	for _, row := range rows {
		parts := strings.SplitN(row, " ", 4)
		if len(parts) == 4 && !strings.Contains(row, `"`) {
			keys := strings.Split(strings.NewReplacer(" ", "", "[", "", "]", "").Replace(parts[3]), ",")
			slices.Sort(keys)
			parts[3] = strings.Join(keys, ",")
		}
		all = append(all, strings.Join(parts, " "))
	}
	return all
}

// TestHostileSettings writes in sessions whose settings change how values are
// written and how functions are understood.
func TestHostileSettings(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, `CREATE TABLE h (d date, b bytea, s text, n int8, v int, PRIMARY KEY (d, b, s, n))`)
	fixtureInstall(t, db)
	fixtureLog(t, db)
	conn := fixtureConn(t, db)
	fixtureExec(t, conn,
		"SET datestyle = 'SQL, DMY'", "SET bytea_output = 'escape'", "SET timezone = 'Asia/Tokyo'", "SET extra_float_digits = -10", "SET intervalstyle = 'iso_8601'",
		"SET standard_conforming_strings = off", "SET escape_string_warning = on", "SET backslash_quote = off", "SET quote_all_identifiers = on", "SET transform_null_equals = on", "SET array_nulls = off",
		"SET plpgsql.extra_errors = 'all'", "SET plpgsql.extra_warnings = 'all'", "SET plpgsql.variable_conflict = 'error'", "SET plan_cache_mode = force_custom_plan", "SET row_security = off",
		"SET exit_on_error = on", "SET check_function_bodies = on", "SET lock_timeout = '1ms'",
		"CREATE SCHEMA evil", "CREATE FUNCTION evil.count() RETURNS int LANGUAGE sql AS 'SELECT 1/0'", "CREATE FUNCTION evil.jsonb_agg(text) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb'",
		"CREATE TABLE evil.log (x int)", "CREATE TEMP TABLE newt (d int)", "CREATE TEMP TABLE oldt (d int)", "CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'",
		"SET search_path = evil, pg_temp, public, pg_catalog",
		"INSERT INTO h VALUES (DATE '2024-01-02', decode('00ff', 'hex'), 'é', 5, 0)", "UPDATE h SET v = 1", "DELETE FROM h",
	)
	fixtureWant(t, "the log", fixtureLog(t, db), `D h 1 [["2024-01-02", "\\x00ff", "é", 5]]`, `I h 1 [["2024-01-02", "\\x00ff", "é", 5]]`, `U h 1 [["2024-01-02", "\\x00ff", "é", 5]]`)
}

// TestErrorsDoNotReachWriters breaks the capture of keys.
func TestErrorsDoNotReachWriters(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY, v int)", "CREATE TABLE b (id int PRIMARY KEY, v int)", "INSERT INTO a VALUES (1), (2)", "INSERT INTO b VALUES (1)")
	fixtureInstall(t, db)
	fixtureLog(t, db)
	fixtureExec(t, db, "UPDATE a SET v = 1", "ALTER TABLE a RENAME id TO key", "ALTER TABLE b DROP id", "UPDATE a SET v = 3 WHERE key = 1", "DELETE FROM b")
	fixtureWant(t, "the log", fixtureLog(t, db), "D b -1", "U a -1", "U a 2 [1, 2]")
	s := fixtureSchema(t, db)
	for _, r := range s.relations {
		if r.uncaptured(s) == "" {
			t.Errorf("table %s passes for captured", r.table)
		}
	}
	fixtureWant(t, "changed", fixtureInstall(t, db), "public.a", "public.b")
	fixtureLog(t, db)
	fixtureExec(t, db, "UPDATE a SET v = 4 WHERE key = 1", "INSERT INTO b VALUES (1)")
	fixtureWant(t, "the log", fixtureLog(t, db), "I b -1", "U a 1 [1]")
}

// TestUnloggedChangesFail makes the log impossible to write: the change must
// not be committed.
func TestUnloggedChangesFail(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY)")
	fixtureInstall(t, db)
	fixtureExec(t, db, "ALTER TABLE livesql.log ADD CHECK (n < 0)")
	_, err := db.ExecContext(t.Context(), "INSERT INTO a VALUES (1)")
	if state := sqlState(err); state != "23514" {
		t.Errorf("writing without a log: %v, want a check violation", err)
	}
	if n := fixtureValue[int](t, db, "SELECT count(*) FROM a"); n != 0 {
		t.Errorf("%d rows were written without a log", n)
	}
}

// TestWritersSeeNoDifference compares what a session sees of its own writes
// with capture and without.
func TestWritersSeeNoDifference(t *testing.T) {
	t.Parallel()
	see := func(t *testing.T, captured bool) (seen []string) {
		t.Helper()
		d := server.Postgres(t)
		db := d.DB()
		fixtureExec(t, db, "CREATE TABLE a (id serial PRIMARY KEY, v int)", "CREATE TABLE b (id serial PRIMARY KEY, v int)",
			`CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$ DECLARE n int; r text; BEGIN
				UPDATE a SET v = 9 WHERE id = 2; GET DIAGNOSTICS n = ROW_COUNT; r := n || ' ' || FOUND;
				UPDATE a SET v = 9 WHERE id = 77; GET DIAGNOSTICS n = ROW_COUNT; RETURN r || ' ' || n || ' ' || FOUND; END $$`)
		if captured {
			fixtureInstall(t, db)
		}
		var notices []string
		connector, err := pq.NewConnector(d.SocketDSN())
		if err != nil {
			t.Fatal(err)
		}
		pool := fixtureHandle(t, pq.ConnectorWithNoticeHandler(connector, func(e *pq.Error) { notices = append(notices, e.Message) }))
		conn := fixtureConn(t, pool)
		count := func(query string) {
			result, err := conn.ExecContext(t.Context(), query)
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			n, err := result.RowsAffected()
			seen = append(seen, fmt.Sprint(query, ": ", n, err))
		}
		ask := func(query string) {
			seen = append(seen, fmt.Sprint(query, ": ", fixtureList(t, conn, query)))
		}
		count("INSERT INTO b(v) SELECT 1 FROM generate_series(1, 5)")
		count("INSERT INTO a(v) VALUES (1), (2), (3)")
		ask("SELECT lastval()")
		ask("INSERT INTO a(v) VALUES (4) RETURNING id || ' ' || v")
		ask("SELECT lastval()")
		count("UPDATE a SET v = 0 WHERE id < 3")
		ask("SELECT f()")
		ask("SELECT currval('a_id_seq')")
		count("DELETE FROM a WHERE id > 3")
		count("TRUNCATE b")
		ask("SELECT lastval()")
		ask("SELECT count(*) FROM pg_cursors")
		return append(seen, notices...)
	}
	fixtureWant(t, "seen with capture", see(t, true), see(t, false)...)
}

// TestLockTimeoutIsNotOurs writes in a session with little patience while the
// log is locked: the wait is livesql's doing, not the program's.
func TestLockTimeoutIsNotOurs(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY)")
	fixtureInstall(t, db)
	fixtureLog(t, db)
	locker, writer := fixtureConn(t, db), fixtureConn(t, db)
	fixtureExec(t, writer, "SET lock_timeout = '1ms'")
	for _, statement := range []string{"INSERT INTO a VALUES (1)", "UPDATE a SET id = 2", "DELETE FROM a"} {
		fixtureExec(t, locker, "BEGIN; LOCK TABLE livesql.log IN SHARE MODE")
		done := make(chan error, 1)
		go func() {
			_, err := writer.ExecContext(t.Context(), statement)
			done <- err
		}()
		fixtureAwait(t, db, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'livesql.log'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND clock_timestamp() - waitstart > interval '50 ms')")
		fixtureExec(t, locker, "COMMIT")
		if err := <-done; err != nil {
			t.Errorf("%s while the log was locked: %v", statement, err)
		}
	}
	fixtureWant(t, "the log", fixtureLog(t, db), "D a 1 [2]", "I a 1 [1]", "U a 2 [1, 2]")
}

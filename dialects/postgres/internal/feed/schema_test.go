package feed

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/testdb/server"
)

func fixtureFingerprint(tb testing.TB, db querier) string {
	tb.Helper()
	return fixtureValue[string](tb, db, "SELECT "+fingerprintCall)
}

// schemaChange is a change of a schema, and what it is to its readers.
type schemaChange struct {
	statement string
	reset     string   // a part of the reason, if it voids everything
	marks     []string // tables that have to be read again
	quiet     bool     // not even the fingerprint moves
}

var schemaChanges = []schemaChange{
	// What programs do all day.
	{statement: "INSERT INTO a SELECT g, g FROM generate_series(10, 3000) AS g", quiet: true},
	{statement: "DELETE FROM a WHERE id > 20", quiet: true},
	{statement: "ANALYZE", quiet: true},
	{statement: "VACUUM a", quiet: true},
	{statement: "VACUUM (FREEZE, ANALYZE) a", quiet: true},
	{statement: "VACUUM (FREEZE) pg_catalog.pg_class", quiet: true},
	{statement: "SELECT nextval('sq')", quiet: true},
	{statement: "CREATE TEMP TABLE tmp (id serial PRIMARY KEY, v int REFERENCES tmp); CREATE TEMP VIEW tv AS SELECT * FROM tmp; ALTER TABLE tmp ADD w int", quiet: true},
	{statement: "SELECT livesql.attend(), livesql.prune('0')", quiet: true},
	{statement: "UPDATE livesql.meta SET floor_xid = '1'", quiet: true},
	{statement: "CREATE INDEX av ON a (v)"},
	{statement: "REINDEX TABLE a"},
	{statement: "VACUUM FULL pg_catalog.pg_description"},
	// Rows are replaced without a statement on them.
	{statement: "TRUNCATE a CASCADE", marks: []string{"public.a", "public.b"}},
	{statement: "TRUNCATE pt1", marks: []string{"public.pt", "public.pt1"}},
	{statement: "VACUUM FULL free", marks: []string{"public.free"}},
	{statement: "CLUSTER ic USING ic_pkey", reset: ""},
	{statement: "REFRESH MATERIALIZED VIEW ma", marks: []string{"public.ma"}},
	// Everything else.
	{statement: "ALTER TABLE a ADD w int", reset: "public.a"},
	{statement: "ALTER TABLE a RENAME w TO x", reset: "public.a"},
	{statement: "ALTER TABLE a ALTER x TYPE numeric", reset: "public.a"},
	{statement: "ALTER TABLE a DROP x", reset: "public.a"},
	{statement: "ALTER TABLE a RENAME TO a1", reset: "public.a1"},
	{statement: "ALTER TABLE a1 RENAME TO a", reset: "public.a"},
	{statement: "CREATE TABLE fresh (id int)", reset: "public.fresh"},
	{statement: "ALTER TABLE fresh SET SCHEMA other", reset: "other.fresh"},
	{statement: "ALTER SCHEMA other RENAME TO another", reset: "schemas"},
	{statement: "DROP TABLE another.fresh", reset: "another.fresh"},
	{statement: "ALTER TABLE free ADD PRIMARY KEY (v)", reset: "public.free"},
	{statement: "ALTER TABLE free ADD FOREIGN KEY (v) REFERENCES a ON DELETE SET NULL", reset: "public."},
	{statement: "CREATE OR REPLACE VIEW va AS SELECT id, v + 1 AS v FROM a", reset: "public.va"},
	{statement: "ALTER VIEW va SET (security_barrier = true); TRUNCATE pt1", reset: "public.va"},
	{statement: "ALTER TABLE a DISABLE TRIGGER livesql_insert", reset: "public.a"},
	{statement: "ALTER TABLE a ENABLE ALWAYS TRIGGER livesql_insert", reset: "public.a"},
	{statement: "DROP TRIGGER livesql_insert ON a", reset: "public.a"},
	{statement: "CREATE RULE r AS ON DELETE TO a DO INSTEAD NOTHING", reset: "public.a"},
	{statement: "ALTER TABLE a ENABLE ROW LEVEL SECURITY", reset: "public.a"},
	{statement: "CREATE POLICY p ON a USING (v = 1)", reset: "public.a"},
	{statement: "ALTER POLICY p ON a USING (v = 2)", reset: "public.a"},
	{statement: "GRANT SELECT ON a TO PUBLIC", reset: "public.a"},
	{statement: "REVOKE SELECT (id) ON a FROM PUBLIC", reset: ""},
	{statement: "GRANT SELECT (id) ON b TO PUBLIC", reset: "public.b"},
	{statement: "CREATE FUNCTION fn() RETURNS int LANGUAGE sql AS 'SELECT 1'", reset: "functions"},
	{statement: "CREATE OR REPLACE FUNCTION fn() RETURNS int LANGUAGE sql AS 'SELECT 2'", reset: "functions"},
	{statement: "CREATE OR REPLACE FUNCTION livesql." + nameCapture(wholeBody, "").name + "() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END'", reset: "livesql.cap_"},
	{statement: "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", quiet: true},
	{statement: "CREATE TYPE pg_temp.tmood AS ENUM ('a')", quiet: true},
	{statement: "CREATE DOMAIN pg_temp.tshort AS text", quiet: true},
	{statement: "ALTER TABLE livesql.log ENABLE ROW LEVEL SECURITY", reset: "the change log"},
	{statement: "ALTER TABLE livesql.log DISABLE ROW LEVEL SECURITY", reset: "the change log"},
	{statement: "CREATE RULE r AS ON INSERT TO livesql.log DO INSTEAD NOTHING", reset: "the change log"},
	{statement: "DROP RULE r ON livesql.log", reset: "the change log"},
	{statement: "ALTER TABLE livesql.log DISABLE TRIGGER truncated", reset: ""},
	{statement: "CREATE TYPE mood AS ENUM ('sad', 'ok')", reset: "enumerations"},
	{statement: "ALTER TYPE mood RENAME VALUE 'ok' TO 'good'", reset: "enumerations"},
	{statement: "CREATE DOMAIN short AS text", reset: "types"},
	{statement: "CREATE CAST (mood AS int) WITH INOUT", reset: "casts"},
	{statement: "CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)", reset: "operators"},
	{statement: "ALTER TABLE pt DETACH PARTITION pt1", reset: "public.pt1"},
	{statement: "ALTER TABLE pt ATTACH PARTITION pt1 FOR VALUES FROM (0) TO (10)", reset: "public.pt1"},
	{statement: "ALTER TABLE ic NO INHERIT ip", reset: "public.ic"},
	{statement: "ALTER TABLE un SET LOGGED", reset: "public.un"},
	{statement: "CREATE SEQUENCE sq2", reset: "public.sq2"},
	{statement: "UPDATE livesql.meta SET later = true", reset: "the change log"},
	{statement: "UPDATE livesql.meta SET bell = 'poll'", reset: "the change log"},
	{statement: "UPDATE livesql.meta SET version = 9", reset: "the change log"},
	{statement: "DROP TABLE b", reset: "public."},
}

func TestSchemaChangesAreNoticed(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, fixtureZoo...)
	fixtureExec(t, db, "CREATE SCHEMA other")
	fixtureInstall(t, db)
	mark, s := fixtureFingerprint(t, db), fixtureSchema(t, db)
	for _, c := range schemaChanges {
		fixtureExec(t, db, c.statement)
		newMark, now := fixtureFingerprint(t, db), fixtureSchema(t, db)
		reset, marks := now.diff(s)
		var names []string
		for _, table := range marks {
			names = append(names, table.String())
		}
		switch {
		case c.quiet && newMark != mark:
			t.Errorf("%s: the fingerprint changed from\n%s\nto\n%s", c.statement, mark, newMark)
		case (reset != "" || len(marks) > 0) && newMark == mark:
			t.Errorf("%s: the fingerprint did not change; %s %v", c.statement, reset, marks)
		}
		if c.reset != "" && !strings.Contains(reset, c.reset) || c.reset == "" && strings.HasPrefix(c.statement, "REVOKE") == false && !strings.HasPrefix(c.statement, "CLUSTER") && reset != "" {
			t.Errorf("%s: reset %q, want one that says %q", c.statement, reset, c.reset)
		}
		if c.marks != nil || c.quiet {
			fixtureWant(t, "marks after "+c.statement, names, c.marks...)
		}
		mark, s = newMark, now
	}
}

// TestUndoneChangesAreNoticed: what is as it was before has still been changed,
// and rows may have been written meanwhile that nobody was told of.
func TestUndoneChangesAreNoticed(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, fixtureZoo...)
	fixtureInstall(t, db)
	for _, statements := range [][]string{
		{"ALTER TABLE a DISABLE TRIGGER livesql_update", "UPDATE a SET v = v + 1", "ALTER TABLE a ENABLE ALWAYS TRIGGER livesql_update"},
		{"ALTER TABLE a RENAME TO away", "ALTER TABLE away RENAME TO a"},
		{"ALTER TABLE pt DETACH PARTITION pt1", "ALTER TABLE pt ATTACH PARTITION pt1 FOR VALUES FROM (0) TO (10)"},
		{"ALTER TABLE a ENABLE ROW LEVEL SECURITY", "ALTER TABLE a DISABLE ROW LEVEL SECURITY"},
		{"GRANT SELECT ON a TO PUBLIC", "REVOKE SELECT ON a FROM PUBLIC"},
		{"GRANT USAGE ON SCHEMA public TO pg_monitor", "REVOKE USAGE ON SCHEMA public FROM pg_monitor"},
		{"ALTER TABLE a ADD w int", "ALTER TABLE a DROP w"},
		{"CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION lower(int)", "CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'SELECT 1'"},
		{"ALTER FUNCTION lower(int) IMMUTABLE", "ALTER FUNCTION lower(int) VOLATILE"},
		{"CREATE OR REPLACE VIEW va AS SELECT id, v + 1 AS v FROM a", "CREATE OR REPLACE VIEW va AS SELECT id, v FROM a"},
		{"ALTER TABLE a ALTER v SET DEFAULT 7"},
		{"ALTER TABLE a ALTER v SET DEFAULT 8", "ALTER TABLE a ALTER v SET DEFAULT 7"},
		{"CREATE TYPE pair AS (x int)"},
		{"ALTER TYPE pair ADD ATTRIBUTE y int"},
		{"ALTER TYPE pair DROP ATTRIBUTE y"},
		{"CREATE DOMAIN short AS text"},
		{"ALTER DOMAIN short ADD CONSTRAINT c CHECK (length(VALUE) < 3)"},
		{"CREATE COLLATION mine FROM \"C\""},
		{"ALTER DATABASE " + quoteName(d.Name()) + " SET TimeZone = 'UTC'"},
	} {
		before := fixtureFingerprint(t, db)
		fixtureExec(t, db, statements...)
		if fixtureFingerprint(t, db) == before {
			t.Errorf("the fingerprint has not moved after %q", statements)
		}
	}
}

func TestSchemaOfReaders(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, "CREATE TABLE a (x text, id int8, b bytea, o bool, PRIMARY KEY (id, x, b, o))",
		"CREATE TABLE pt (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10)",
		"CREATE TABLE own (id int) PARTITION BY RANGE (id)", "CREATE TABLE own1 PARTITION OF own (PRIMARY KEY (id)) FOR VALUES FROM (0) TO (10)",
		"CREATE TABLE p1 (id int PRIMARY KEY)", "CREATE TABLE p2 (id int PRIMARY KEY)", "CREATE TABLE c (PRIMARY KEY (id)) INHERITS (p1, p2)")
	describe := func(s *schema, name string) string {
		found := s.find(name)
		if len(found) != 1 {
			t.Fatalf("%d tables are called %s", len(found), name)
		}
		r := found[0]
		if s.relation(r.oid) != r {
			t.Errorf("table %s is not found by its oid", name)
		}
		return fmt.Sprintf("%d %v %v", r.keys, r.relatives, r.keyed)
	}
	s := fixtureSchema(t, db)
	if s.installed {
		t.Error("a fresh database passes for installed")
	}
	for name, want := range map[string]string{
		"a": fmt.Sprintf("%d [] []", []keyKind{keyInt, keyText, keyBytes, keyBool}), "pt": "[1] [public.pt1] [true]", "pt1": "[1] [public.pt] [true]",
		"own": "[] [public.own1] [false]", "own1": "[1] [public.own] [false]",
		// A write to p1 changes rows of c, which are rows of p2.
		"p1": "[] [public.c public.p2] [false false]", "c": "[1] [public.p1 public.p2] [false false]",
	} {
		if got := describe(s, name); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("table %s: %s, want %s", name, got, want)
		}
	}
	if s.relation(1259) != nil {
		t.Error("pg_class is a relation of the program")
	}
}

// TestFingerprintIsCheap measures it with a hundred tables.
func TestFingerprintIsCheap(t *testing.T) {
	db := server.Postgres(t).DB()
	fixtureHundred(t, db)
	statement, err := db.PrepareContext(t.Context(), "SELECT "+fingerprintCall)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = statement.Close() }()
	best := time.Hour
	for range 200 {
		start := time.Now()
		var s string
		if err := statement.QueryRowContext(t.Context()).Scan(&s); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	t.Logf("the fingerprint of a hundred tables takes %v at best", best)
	// A machine under load is given room; a plan that goes wrong takes more.
	if best > 20*time.Millisecond {
		t.Errorf("the fingerprint of a hundred tables takes %v at best", best)
	}
}

func fixtureHundred(tb testing.TB, db *sql.DB) {
	tb.Helper()
	for i := range 100 {
		fixtureExec(tb, db, fmt.Sprintf("CREATE TABLE t%d (id int PRIMARY KEY, a int, b text, c text, d date, e numeric, f int, g timestamptz)", i))
	}
	fixtureInstall(tb, db)
	fixtureExec(tb, db, "VACUUM ANALYZE")
}

func BenchmarkFingerprint(b *testing.B) {
	db := server.Postgres(b).DB()
	fixtureHundred(b, db)
	for _, c := range []struct{ name, query string }{{"nothing", "SELECT ''"}, {"fingerprint", "SELECT " + fingerprintCall}} {
		b.Run(c.name, func(b *testing.B) {
			statement, err := db.PrepareContext(b.Context(), c.query)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = statement.Close() }()
			for b.Loop() {
				var s string
				if err := statement.QueryRowContext(b.Context()).Scan(&s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if _, err := newWorker(db, 0, 0, nil).load(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// catalogOf returns the objects of a database's catalogue by name, without
// those of the system.
func catalogOf(t *testing.T, db *sql.DB) (*dialects.Catalog, map[string]*dialects.Object) {
	t.Helper()
	c := fixtureSchema(t, db).catalog(7)
	all := make(map[string]*dialects.Object)
	for _, o := range c.Objects() {
		if o.Table.Schema != "pg_catalog" {
			all[o.Table.String()] = o
		}
	}
	return c, all
}

func TestCatalog(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, fixtureZoo...)
	fixtureExec(t, db,
		"CREATE VIEW vv AS SELECT count(*) AS n FROM va JOIN free ON true", "CREATE VIEW vnow AS SELECT now(), v FROM a",
		"CREATE FUNCTION mine(int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE VIEW vmine AS SELECT mine(v) FROM a", "CREATE VIEW vuser AS SELECT v FROM a WHERE v::text = CURRENT_USER",
		"CREATE TABLE secret (id int PRIMARY KEY)", "ALTER TABLE secret ENABLE ROW LEVEL SECURITY",
		"CREATE TABLE tenants (id int PRIMARY KEY)", "ALTER TABLE tenants ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON tenants USING (id::text = current_setting('app.tenant'))",
		"CREATE TABLE audit (id int)", "CREATE TABLE t1 (id int)", "CREATE TABLE t2 (id int)", "CREATE TABLE t3 (id int, at timestamptz)", "CREATE TABLE t4 (id int)",
		"CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP = 'X' THEN RAISE 'no'; END IF; INSERT INTO audit (id) VALUES (NEW.id); RETURN NEW; END $$",
		"CREATE FUNCTION dynamic() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM ' || 'audit'; RETURN NEW; END $$",
		"CREATE FUNCTION stamped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := now(); RETURN NEW; END $$",
		"CREATE TRIGGER t AFTER INSERT ON t1 FOR EACH ROW EXECUTE FUNCTION audited()", "CREATE TRIGGER t AFTER INSERT ON t2 FOR EACH ROW EXECUTE FUNCTION dynamic()",
		"CREATE TRIGGER t BEFORE UPDATE ON t3 FOR EACH ROW EXECUTE FUNCTION stamped()", "CREATE RULE r AS ON INSERT TO t4 DO ALSO DELETE FROM free",
		"CREATE FUNCTION upper(int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE FUNCTION lower(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'",
		"CREATE TABLE late (id int PRIMARY KEY)")
	fixtureInstall(t, db)
	fixtureExec(t, db, "DROP TRIGGER livesql_insert ON late")
	c, all := catalogOf(t, db)
	if c.Version() != 7 {
		t.Errorf("version %d", c.Version())
	}
	for name, why := range map[string]string{
		"public.a": "", "public.pt": "", "public.pt1": "", `O'dd.Ta"ble\`: "", "public.t4": "", "public.un": "",
		"public.secret": "", "public.late": "no capture trigger", "public.tenants": "current_setting", "public.ma": "materialized", "public.ft": "foreign", "public.sq": "sequence",
		"public.vnow": "now()", "public.vmine": "mine()", "public.vuser": "current_user",
	} {
		o := all[name]
		if o == nil || o.View || o.Covered != (why == "") || !strings.Contains(strings.ToLower(o.Why), why) {
			t.Errorf("object %s: %+v, want one uncovered because %q", name, o, why)
		}
	}
	for _, name := range []string{"public.va", "public.vv"} {
		if o := all[name]; o == nil || !o.View {
			t.Errorf("object %s: %+v, want a view", name, o)
		}
	}
	names := func(tables []dialects.Table) (list []string) {
		for _, table := range tables {
			list = append(list, table.Name)
		}
		return list
	}
	fixtureWant(t, "read through views", names(c.Reads([]string{"vv"})), "a", "free")
	fixtureWant(t, "written with a cascade", names(c.Writes([]string{"a"})), "a", "b")
	fixtureWant(t, "written with a trigger", names(c.Writes([]string{"t1"})), "audit", "t1")
	fixtureWant(t, "written with a harmless trigger", names(c.Writes([]string{"t3"})), "t3")
	fixtureWant(t, "written through a partition", names(c.Writes([]string{"pt1"})), "pt", "pt1")
	m := fixtureSchema(t, db).meaning(7)
	for name, doubted := range map[string]bool{"t1": false, "t2": true, "t3": false, "t4": true, "a": false} {
		if why := m.doubt([]string{name}); (why != "") != doubted {
			t.Errorf("written with %s: %q", name, why)
		}
	}
	for _, text := range []string{"SELECT * FROM a, pg_class", "SELECT * FROM a, information_schema.tables", "SELECT a.*, (SELECT last_value FROM sq) FROM a", "SELECT * FROM vnow", "SELECT * FROM tenants", "SELECT upper(v) FROM a", "SELECT mine(v) FROM a"} {
		if dialects.Words(dialects.Postgres, c, text).Uncacheable == "" {
			t.Errorf("%s passes for cacheable", text)
		}
	}
	if a := dialects.Words(dialects.Postgres, c, "SELECT lower(v), left(v) FROM vv, pt"); a.Uncacheable != "" {
		t.Errorf("a plain read is not cacheable: %s", a.Uncacheable)
	}
}

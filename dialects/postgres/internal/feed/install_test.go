package feed

import (
	"context"
	"database/sql"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// fixtureZoo has a relation of each kind.
var fixtureZoo = []string{
	"CREATE TABLE a (id int PRIMARY KEY, v int)", "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE)", "CREATE TABLE free (v int)",
	"CREATE TABLE pt (id int, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id)", "CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10)",
	"CREATE TABLE ip (id int PRIMARY KEY)", "CREATE TABLE ic (w int, PRIMARY KEY (id)) INHERITS (ip)",
	"CREATE UNLOGGED TABLE un (id int PRIMARY KEY)", "CREATE VIEW va AS SELECT * FROM a", "CREATE MATERIALIZED VIEW ma AS SELECT * FROM a", "CREATE SEQUENCE sq",
	`CREATE SCHEMA "O'dd"`, `CREATE TABLE "O'dd"."Ta""ble\" ("I'd\" text PRIMARY KEY)`,
	"CREATE EXTENSION postgres_fdw", "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw", "CREATE FOREIGN TABLE ft (id int) SERVER far",
}

var fixtureZooTables = []string{`O'dd.Ta"ble\`, "public.a", "public.b", "public.free", "public.ic", "public.ip", "public.pt", "public.pt1", "public.un"}

// fixtureCovered returns the names of the tables that are covered.
func fixtureCovered(tb testing.TB, db *sql.DB) []string {
	tb.Helper()
	c, err := Coverage(tb.Context(), db)
	if err != nil {
		tb.Fatal(err)
	}
	var names []string
	for _, table := range c.Tables {
		if table.Covered != (table.Why == "") {
			tb.Errorf("table %s: covered is %v, because %q", table.Table, table.Covered, table.Why)
		}
		if table.Covered {
			names = append(names, table.Table.String())
		}
	}
	return names
}

func TestInstallIsIdempotentAndReversible(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, fixtureZoo...)
	before := fixtureDump(t, d)
	fixtureWant(t, "covered before", fixtureCovered(t, db))
	fixtureWant(t, "changed", fixtureInstall(t, db), fixtureZooTables...)
	fixtureWant(t, "covered", fixtureCovered(t, db), fixtureZooTables...)
	marks := fixtureList(t, db, "SELECT s.nspname || '.' || c.relname || ' ' || l.op::text || l.n FROM livesql.log AS l JOIN pg_class AS c ON c.oid = l.rel JOIN pg_namespace AS s ON s.oid = c.relnamespace ORDER BY s.nspname, c.relname")
	var want []string
	for _, table := range fixtureZooTables {
		want = append(want, table+" T-1")
	}
	fixtureWant(t, "marks", marks, want...)
	installed := fixtureDump(t, d)
	fixtureExec(t, db, "VACUUM FULL", "ANALYZE", "REINDEX TABLE a")
	fixtureWant(t, "changed a second time", fixtureInstall(t, db))
	if got := fixtureDump(t, d); got != installed {
		t.Errorf("a second time, the schema changed from\n%s\nto\n%s", installed, got)
	}
	if n := len(fixtureLog(t, db)); n != len(marks) {
		t.Errorf("a second time, %d marks were written", n-len(marks))
	}
	for range 2 {
		if err := Uninstall(t.Context(), db, listen.UninstallOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := fixtureDump(t, d); got != before {
			t.Errorf("uninstalling left\n%s\nof\n%s", got, before)
		}
	}
	fixtureExec(t, db, "INSERT INTO a VALUES (1)")
}

func TestInstallSomeTables(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, fixtureZoo...)
	fixtureExec(t, db, "CREATE TABLE pt2 PARTITION OF pt FOR VALUES FROM (10) TO (20)", `CREATE TABLE "O'dd".a (id int)`)
	before := fixtureDump(t, d)
	for name, why := range map[string]string{
		"nope": "no such table", "va": "view", "ma": "materialized", "ft": "foreign", "sq": "sequence", "a": "several", "pg_class": "no such table", "public.nope": "no such table",
	} {
		var refused *listen.TableError
		_, err := Install(t.Context(), db, listen.InstallOptions{Tables: []string{"b", name}})
		if !errors.As(err, &refused) || refused.Table != name || !strings.Contains(refused.Why, why) {
			t.Errorf("installing on %s: %v, want a *TableError that says %q", name, err, why)
		}
	}
	if got := fixtureDump(t, d); got != before {
		t.Errorf("failures changed the schema to\n%s", got)
	}
	fixtureWant(t, "changed", fixtureInstall(t, db, "b", "public.a"), "public.a", "public.b")
	fixtureWant(t, "covered", fixtureCovered(t, db), "public.a", "public.b")
	// A statement on the partitioned table fires no trigger of its partitions.
	fixtureWant(t, "changed with a partition", fixtureInstall(t, db, "pt1"), "public.pt", "public.pt1")
	fixtureWant(t, "covered with a partition", fixtureCovered(t, db), "public.a", "public.b", "public.pt1")
	fixtureWant(t, "changed with all partitions", fixtureInstall(t, db, "pt"), "public.pt2")
	fixtureWant(t, "covered with all partitions", fixtureCovered(t, db), "public.a", "public.b", "public.pt", "public.pt1", "public.pt2")
	if err := Uninstall(t.Context(), db, listen.UninstallOptions{Tables: []string{"pt", "b"}}); err != nil {
		t.Fatal(err)
	}
	fixtureWant(t, "covered after some were uninstalled", fixtureCovered(t, db), "public.a")
	fixtureInstall(t, db, "free")
	if err := Uninstall(t.Context(), db, listen.UninstallOptions{Tables: []string{"public.a"}}); err != nil {
		t.Fatal(err)
	}
	fixtureWant(t, "functions", fixtureList(t, db, "SELECT proname FROM pg_proc WHERE pronamespace = 'livesql'::regnamespace ORDER BY 1"), "attend", (&relation{}).capture().name, "fingerprint", "prune", "ring", "truncated", "write")
	var refused *listen.TableError
	if err := Uninstall(t.Context(), db, listen.UninstallOptions{Tables: []string{"nope"}}); !errors.As(err, &refused) {
		t.Errorf("uninstalling from a table that is not there: %v", err)
	}
}

// TestLostTriggersAreNoticed breaks the capture of a table in every way, and
// installs again.
func TestLostTriggersAreNoticed(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY, v int)", "CREATE TABLE o (id int PRIMARY KEY)",
		"CREATE TABLE pt (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10)", "CREATE TABLE pt2 (id int PRIMARY KEY)")
	fixtureInstall(t, db)
	whole := (&relation{}).capture().name
	all := []string{"public.a", "public.o", "public.pt", "public.pt1", "public.pt2"}
	for _, c := range []struct {
		breakage string
		changed  []string
		lost     []string // if not the changed ones
	}{
		{breakage: "DROP TRIGGER livesql_update ON a", changed: []string{"public.a"}},
		{breakage: "ALTER TABLE a DISABLE TRIGGER livesql_insert", changed: []string{"public.a"}},
		{breakage: "ALTER TABLE a ENABLE TRIGGER livesql_insert", changed: []string{"public.a"}},
		{breakage: "ALTER TABLE a DISABLE TRIGGER ALL", changed: []string{"public.a"}},
		{breakage: "ALTER TABLE a ENABLE REPLICA TRIGGER livesql_truncate", changed: []string{"public.a"}},
		{breakage: "ALTER TRIGGER livesql_insert ON a RENAME TO other", changed: []string{"public.a"}},
		{breakage: "ALTER TABLE a RENAME TO a2; CREATE TABLE a (id int CONSTRAINT pk PRIMARY KEY, v int); DROP TABLE a2", changed: []string{"public.a"}},
		{breakage: "ALTER TABLE a DROP CONSTRAINT pk", changed: []string{"public.a"}},
		// Marks on the whole of it tell of everything until then.
		{breakage: "ALTER TABLE a ADD PRIMARY KEY (v, id)", changed: []string{"public.a"}, lost: []string{}},
		{breakage: "ALTER TABLE a ALTER v TYPE numeric", changed: []string{"public.a"}},
		{breakage: "CREATE OR REPLACE TRIGGER livesql_update AFTER UPDATE OF v ON a FOR EACH STATEMENT EXECUTE FUNCTION livesql." + whole + "()", changed: []string{"public.a"}},
		{breakage: "CREATE OR REPLACE TRIGGER livesql_truncate AFTER TRUNCATE ON a FOR EACH STATEMENT WHEN (pg_trigger_depth() > 5) EXECUTE FUNCTION livesql." + whole + "()", changed: []string{"public.a"}},
		{breakage: "CREATE OR REPLACE FUNCTION livesql." + whole + "() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'", changed: []string{"public.a"}},
		{breakage: "ALTER FUNCTION livesql." + whole + "() SECURITY INVOKER", changed: []string{"public.a"}},
		{breakage: "ALTER FUNCTION livesql." + whole + "() SET search_path = public", changed: []string{"public.a"}},
		{
			breakage: "DO $$ BEGIN EXECUTE (SELECT string_agg('ALTER FUNCTION ' || oid::regprocedure || ' SECURITY INVOKER', ';') FROM pg_proc WHERE proname ~ '^cap_' AND proname <> '" + whole + "'); END $$",
			changed:  []string{"public.o", "public.pt", "public.pt1", "public.pt2"},
		},
		{breakage: "DROP TRIGGER livesql_delete ON pt", changed: []string{"public.pt"}, lost: []string{"public.pt", "public.pt1"}},
		{breakage: "DROP TRIGGER livesql_delete ON pt1", changed: []string{"public.pt1"}, lost: []string{"public.pt", "public.pt1"}},
		{breakage: "DROP TABLE pt2; CREATE TABLE pt2 PARTITION OF pt FOR VALUES FROM (10) TO (20)", changed: []string{"public.pt2"}, lost: []string{"public.pt", "public.pt2"}},
	} {
		fixtureExec(t, db, c.breakage)
		lost := c.lost
		if lost == nil {
			lost = c.changed
		}
		left := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(lost, name) })
		fixtureWant(t, "covered after "+c.breakage, fixtureCovered(t, db), left...)
		fixtureLog(t, db)
		fixtureWant(t, "changed after "+c.breakage, fixtureInstall(t, db), c.changed...)
		if got := len(fixtureLog(t, db)); got != len(c.changed) {
			t.Errorf("after %s, %d marks were written", c.breakage, got)
		}
		fixtureWant(t, "covered again after "+c.breakage, fixtureCovered(t, db), all...)
	}
	// Foreign triggers of our names are not ours to replace.
	fixtureExec(t, db, "CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
		"CREATE OR REPLACE TRIGGER livesql_insert AFTER INSERT ON a FOR EACH STATEMENT EXECUTE FUNCTION own()", "DROP TRIGGER livesql_insert ON o")
	changed, err := Install(t.Context(), db, listen.InstallOptions{})
	var refused *listen.TableError
	if !errors.As(err, &refused) || refused.Table != "public.a" || len(changed) != 1 || changed[0].Name != "o" {
		t.Errorf("with a trigger of the same name: %v, %v", changed, err)
	}
}

func TestOptionsAreNoted(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	check := func(what string, options listen.InstallOptions, bell listen.Bell, later bool, body string) {
		t.Helper()
		fixtureInstallWith(t, db, options)
		s := fixtureSchema(t, db)
		if s.bell != bell || s.later != later {
			t.Errorf("%s: bell %q, later %v; want %q, %v", what, s.bell, s.later, bell, later)
		}
		text := fixtureValue[string](t, db, "SELECT prosrc FROM pg_proc WHERE oid = 'livesql.ring()'::regprocedure")
		if rings, gated := strings.Contains(text, "pg_notify"), strings.Contains(text, "advisory"); body != map[[2]bool]string{{true, true}: "gated", {true, false}: "every", {}: "silent"}[[2]bool{rings, gated}] {
			t.Errorf("%s: the bell is\n%s\nwant a %s one", what, text, body)
		}
	}
	check("at first", listen.InstallOptions{}, listen.BellGated, false, "gated")
	check("every", listen.InstallOptions{Bell: listen.BellEvery}, listen.BellEvery, false, "every")
	check("left alone", listen.InstallOptions{Later: true}, listen.BellEvery, true, "every")
	check("poll", listen.InstallOptions{Bell: listen.BellPoll}, listen.BellPoll, true, "silent")
	check("app", listen.InstallOptions{Bell: listen.BellApp}, listen.BellApp, true, "silent")
	check("gated", listen.InstallOptions{Bell: listen.BellGated}, listen.BellGated, true, "gated")
	if _, err := Install(t.Context(), db, listen.InstallOptions{Bell: "loud"}); err == nil {
		t.Error("an unknown bell was installed")
	}
}

// TestPrintedSQLInstalls runs what was printed, by another program.
func TestPrintedSQLInstalls(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, fixtureZoo...)
	before := fixtureDump(t, d)
	var script strings.Builder
	emit := func(statement string) { script.WriteString(statement + ";\n") }
	fixtureWant(t, "would change", fixtureInstallWith(t, db, listen.InstallOptions{Print: emit, Bell: listen.BellEvery, Later: true}), fixtureZooTables...)
	if got := fixtureDump(t, d); got != before {
		t.Fatalf("printing changed the schema to\n%s", got)
	}
	psql := func() {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), fixtureProgram(t, "psql"), "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--quiet", d.SocketDSN())
		cmd.Stdin = strings.NewReader(script.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("psql: %v\n%s", err, out)
		}
		script.Reset()
	}
	psql()
	fixtureWant(t, "covered", fixtureCovered(t, db), fixtureZooTables...)
	if s := fixtureSchema(t, db); s.bell != listen.BellEvery || !s.later {
		t.Errorf("bell %q, later %v", s.bell, s.later)
	}
	fixtureInstallWith(t, db, listen.InstallOptions{Print: emit})
	if script.Len() > 0 {
		t.Errorf("with nothing to do, printed\n%s", script.String())
	}
	if err := Uninstall(t.Context(), db, listen.UninstallOptions{Print: emit}); err != nil {
		t.Fatal(err)
	}
	fixtureWant(t, "covered after printing", fixtureCovered(t, db), fixtureZooTables...)
	// All in one piece, as a migration tool sends it.
	if _, err := db.ExecContext(t.Context(), script.String()); err != nil {
		t.Fatalf("%v\n%s", err, script.String())
	}
	if got := fixtureDump(t, d); got != before {
		t.Errorf("what was printed left\n%s\nof\n%s", got, before)
	}
	fixtureInstall(t, db, "a", "b")
	script.Reset()
	if err := Uninstall(t.Context(), db, listen.UninstallOptions{Tables: []string{"a", "b"}, Print: emit}); err != nil {
		t.Fatal(err)
	}
	psql()
	fixtureWant(t, "functions", fixtureList(t, db, "SELECT proname FROM pg_proc WHERE pronamespace = 'livesql'::regnamespace AND proname ~ '^cap'"))
}

// TestTablesOfExtensions are installed only when they are named.
func TestTablesOfExtensions(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY)", "CREATE EXTENSION postgres_fdw", "ALTER EXTENSION postgres_fdw ADD TABLE a")
	fixtureWant(t, "changed", fixtureInstall(t, db))
	fixtureWant(t, "changed when named", fixtureInstall(t, db, "a"), "public.a")
	fixtureWant(t, "covered", fixtureCovered(t, db), "public.a")
}

// TestInstallWithPgx does everything over the other driver.
func TestInstallWithPgx(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	config, err := pgx.ParseConfig(d.SocketDSN())
	if err != nil {
		t.Fatal(err)
	}
	db := fixtureHandle(t, stdlib.GetConnector(*config))
	fixtureExec(t, db, fixtureZoo...)
	before := fixtureDump(t, d)
	fixtureWant(t, "changed", fixtureInstall(t, db), fixtureZooTables...)
	fixtureWant(t, "covered", fixtureCovered(t, db), fixtureZooTables...)
	mark, s := fixtureFingerprint(t, db), fixtureSchema(t, db)
	fixtureExec(t, db, "ALTER TABLE a ADD w int")
	if fixtureFingerprint(t, db) == mark {
		t.Error("the fingerprint did not change")
	}
	if reset, _ := fixtureSchema(t, db).diff(s); !strings.Contains(reset, "public.a") {
		t.Errorf("reset %q", reset)
	}
	fixtureExec(t, db, "ALTER TABLE a DROP w")
	if _, err := Diagnose(t.Context(), db); err != nil {
		t.Error(err)
	}
	if err := Uninstall(t.Context(), db, listen.UninstallOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := fixtureDump(t, d); strings.Count(got, "livesql") != strings.Count(before, "livesql") {
		t.Errorf("uninstalling left\n%s", got)
	}
}

// TestTextsWithoutEncoding has a database whose texts are bytes: the log's
// JSON would not hold them.
func TestTextsWithoutEncoding(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	name := d.Name() + "_bytes"
	fixtureExec(t, d.DB(), "CREATE DATABASE "+quoteName(name)+" ENCODING 'SQL_ASCII' TEMPLATE template0")
	t.Cleanup(func() {
		if _, err := d.DB().ExecContext(context.WithoutCancel(t.Context()), "DROP DATABASE "+quoteName(name)+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	db := fixturePool(t, d.SocketDSN("dbname="+name))
	fixtureExec(t, db, "CREATE TABLE a (id text PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)")
	fixtureInstall(t, db)
	fixtureLog(t, db)
	fixtureExec(t, db, "INSERT INTO a VALUES (convert_from('\\xff', 'SQL_ASCII'))", "INSERT INTO b VALUES (1)")
	fixtureWant(t, "the log", fixtureLog(t, db), "I a -1", "I b 1 [1]")
}

// TestInstallWhereTransactionsOnlyRead: as a role whose transactions may not
// write unless they say so. pgx does not say so by itself.
func TestInstallWhereTransactionsOnlyRead(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	fixtureExec(t, d.DB(), "CREATE TABLE a (id int PRIMARY KEY)")
	config, err := pgx.ParseConfig(d.SocketDSN())
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["default_transaction_read_only"] = "on"
	db := fixtureHandle(t, stdlib.GetConnector(*config))
	fixtureWant(t, "changed", fixtureInstall(t, db), "public.a")
	if err := Uninstall(t.Context(), db, listen.UninstallOptions{}); err != nil {
		t.Error(err)
	}
	fixtureExec(t, d.DB(), "CREATE SCHEMA livesql") // it is gone
}

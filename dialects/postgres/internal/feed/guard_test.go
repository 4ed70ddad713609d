package feed

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// TestCastsOfOthersAreNotRun gives a key column a type whose cast to JSON is a
// function of the table's owner.
func TestCastsOfOthersAreNotRun(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	super := d.DB()
	owner, as := fixtureRole(t, d, "owner")
	fixtureExec(t, super, "CREATE SCHEMA al AUTHORIZATION "+quoteName(owner), "GRANT USAGE ON SCHEMA al TO PUBLIC")
	fixtureExec(t, as, "CREATE TABLE al.t (id int PRIMARY KEY)", "CREATE TABLE al.two (a text, b int, PRIMARY KEY (a, b))", "CREATE TABLE al.seen (who text)")
	fixtureInstall(t, super, "al.t", "al.two")
	fixtureExec(t, as, "INSERT INTO al.t VALUES (1)", "INSERT INTO al.two VALUES ('a', 1)")
	fixtureExec(t, as, "CREATE TYPE al.mood AS ENUM ('a', 'b', 'c')",
		`CREATE FUNCTION al.cast(al.mood) RETURNS json LANGUAGE plpgsql AS $$ BEGIN INSERT INTO al.seen VALUES (current_user); RETURN 'null'; END $$`,
		"CREATE CAST (al.mood AS json) WITH FUNCTION al.cast(al.mood)",
		"ALTER TABLE al.t ALTER id TYPE al.mood USING 'a'::al.mood", "ALTER TABLE al.two ALTER b TYPE al.mood USING 'a'::al.mood")
	fixtureLog(t, super)
	fixtureExec(t, as, "INSERT INTO al.t VALUES ('b')", "UPDATE al.t SET id = 'c' WHERE id = 'b'", "DELETE FROM al.t WHERE id = 'c'", "INSERT INTO al.two VALUES ('b', 'b')")
	fixtureWant(t, "run as somebody else", fixtureList(t, super, "SELECT who FROM al.seen"))
	fixtureWant(t, "the log", fixtureLog(t, super), "D t -1", "I t -1", "I two -1", "U t -1")
	fixtureExec(t, super, "DROP SCHEMA al CASCADE")
}

// TestCodeOfOthersIsNotRun changes the types of key columns, each so that
// something of the table's owner would run where keys are looked at, and
// writes, also through a snapshot from before.
func TestCodeOfOthersIsNotRun(t *testing.T) {
	d := server.Postgres(t)
	super := d.DB()
	owner, as := fixtureRole(t, d, "owner")
	fixtureExec(t, super, "CREATE SCHEMA al AUTHORIZATION "+quoteName(owner), "GRANT USAGE ON SCHEMA al TO PUBLIC")
	fixtureExec(t, as, "CREATE TABLE al.seen (who text)",
		"CREATE FUNCTION al.see() RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM al.note(); RETURN true; END $$",
		"CREATE FUNCTION al.note() RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO al.seen VALUES (current_user); END $$")
	for _, c := range []struct{ name, from, value, alter string }{
		{
			"check of a domain", "int", "2",
			"CREATE DOMAIN al.checked AS int CHECK (al.see() OR VALUE > 0); ALTER TABLE al.t ALTER id TYPE al.checked",
		},
		{
			"expanded cast", "bytea", "(2)",
			`CREATE TYPE al.pair AS (a int);
			CREATE FUNCTION al.bytes(al.pair) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN al.see() THEN '\x00'::bytea END $$;
			CREATE CAST (al.pair AS bytea) WITH FUNCTION al.bytes(al.pair) AS IMPLICIT;
			ALTER TABLE al.t ALTER id TYPE al.pair USING ROW(1)::al.pair`,
		},
		{
			"operator", "int", "'b'",
			`CREATE TYPE al.mood AS ENUM ('a', 'b', 'c');
			CREATE FUNCTION al.same(al.mood, al.mood) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN al.see(); END $$;
			CREATE OPERATOR al.= (LEFTARG = al.mood, RIGHTARG = al.mood, FUNCTION = al.same);
			CREATE FUNCTION al.cast(al.mood) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM al.see(); RETURN 'null'; END $$;
			CREATE CAST (al.mood AS json) WITH FUNCTION al.cast(al.mood);
			ALTER TABLE al.t ALTER id TYPE al.mood USING 'a'::al.mood`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			fixtureExec(t, as, "CREATE TABLE al.t (id "+c.from+" PRIMARY KEY, v int)", "CREATE TABLE al.other (id int)")
			fixtureInstall(t, super, "al.t")
			fixtureLog(t, super)
			before := fixtureConn(t, as)
			fixtureExec(t, before, "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT FROM al.other")
			fixtureExec(t, as, c.alter, "TRUNCATE al.seen")
			insert := "INSERT INTO al.t VALUES (" + c.value + ", 1)"
			if strings.HasPrefix(c.value, "(") {
				insert = "INSERT INTO al.t VALUES (ROW" + c.value + "::al.pair, 1)"
			}
			fixtureExec(t, before, insert, "UPDATE al.t SET v = 2", "DELETE FROM al.t", "COMMIT")
			fixtureExec(t, as, insert, "UPDATE al.t SET v = 2", "DELETE FROM al.t")
			fixtureWant(t, "run as somebody else", fixtureList(t, super, "SELECT DISTINCT who FROM al.seen WHERE who <> $1", owner))
			fixtureWant(t, "the log", fixtureLog(t, super), "D t -1", "D t -1", "I t -1", "I t -1", "U t -1", "U t -1")
			fixtureExec(t, super, "DROP TABLE al.t, al.other")
		})
	}
	fixtureExec(t, super, "DROP SCHEMA al CASCADE")
}

// TestForeignTablesBelow has tables that share rows with foreign ones, which
// cannot be written through them if there are triggers that look at the rows.
func TestForeignTablesBelow(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE EXTENSION postgres_fdw",
		fmt.Sprintf("CREATE SERVER me FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname '%s')",
			fixtureValue[string](t, db, "SELECT split_part(current_setting('unix_socket_directories'), ',', 1)"), fixtureValue[string](t, db, "SELECT current_setting('port')"), d.Name()),
		"CREATE USER MAPPING FOR CURRENT_USER SERVER me OPTIONS (user 'postgres')",
		"CREATE TABLE remote (id int, v int)", "CREATE TABLE pt (id int, v int) PARTITION BY RANGE (id)", "CREATE TABLE pl PARTITION OF pt FOR VALUES FROM (0) TO (10)",
		"CREATE TABLE par (id int, v int)", "CREATE FOREIGN TABLE chi () INHERITS (par) SERVER me OPTIONS (table_name 'remote')")
	fixtureWant(t, "changed", fixtureInstall(t, db), "public.pl", "public.pt", "public.remote")
	add := "CREATE FOREIGN TABLE pf PARTITION OF pt FOR VALUES FROM (10) TO (20) SERVER me OPTIONS (table_name 'remote')"
	fixtureExec(t, db, "INSERT INTO remote VALUES (12, 1)", "UPDATE par SET v = v + 1", add)
	if f, found := fixtureFinding(t, db, "public.pt has capture triggers"); !found || f.Grade != listen.Problem || f.Do == "" {
		t.Errorf("with triggers above a foreign table: %+v", f)
	}
	fixtureWant(t, "changed after a foreign partition came", fixtureInstall(t, db), "public.pt")
	fixtureExec(t, db, "INSERT INTO pt VALUES (13, 1)", "UPDATE pt SET v = v + 1", "DELETE FROM pt")
	fixtureWant(t, "covered", fixtureCovered(t, db), "public.remote")
	fixtureWant(t, "changed a second time", fixtureInstall(t, db))
	c, err := Coverage(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range c.Tables {
		if table.Table.Name != "remote" && !strings.Contains(table.Why, "a foreign table") {
			t.Errorf("table %s is not covered, because %q", table.Table, table.Why)
		}
	}
	if _, found := fixtureFinding(t, db, "public.pt has capture triggers"); found {
		t.Error("a mended table is a problem")
	}
	if _, found := fixtureFinding(t, db, "a subscription writes"); found {
		t.Error("a foreign table is taken for a subscription")
	}
}

// TestFunctionsBelongToTheOwnerOfTheLog installs as roles that are not it. A new
// superuser changes the schema of every database of its server.
func TestFunctionsBelongToTheOwnerOfTheLog(t *testing.T) {
	t.Parallel()
	d := capturedOn(t, server.OwnPostgres(t).Database(t))
	super := d.DB()
	other, as := fixtureRole(t, d, "other")
	q := quoteName(other)
	fixtureExec(t, super, "CREATE SCHEMA o AUTHORIZATION "+q, "GRANT ALL ON SCHEMA livesql TO "+q, "GRANT SELECT ON livesql.meta, livesql.epoch, livesql.log TO "+q, "GRANT EXECUTE ON FUNCTION livesql.attend(), livesql.fingerprint(), livesql.prune(interval) TO "+q)
	fixtureExec(t, as, "CREATE TABLE o.thing (code int PRIMARY KEY)")
	if _, err := Install(t.Context(), as, listen.InstallOptions{Tables: []string{"o.thing"}}); err == nil || !strings.Contains(err.Error(), "belong to role postgres") {
		t.Errorf("installing with functions of one's own: %v", err)
	}
	fixtureExec(t, as, "INSERT INTO o.thing VALUES (1)")
	// One that may give them to the owner does.
	fixtureExec(t, super, "ALTER ROLE "+q+" SUPERUSER")
	fixtureInstall(t, as)
	owners := "SELECT DISTINCT pg_get_userbyid(proowner)::text FROM pg_proc WHERE pronamespace = 'livesql'::regnamespace"
	fixtureWant(t, "owners", fixtureList(t, super, owners), "postgres")
	fixtureWant(t, "covered", fixtureCovered(t, super), "o.thing", "public.item")
	// Those that are somebody else's are out of date.
	fixtureExec(t, super, "ALTER FUNCTION livesql.attend() OWNER TO "+q, "ALTER FUNCTION livesql."+captureOf(t, super, "o.thing")+"() OWNER TO "+q)
	fixtureWant(t, "covered by a function of others", fixtureCovered(t, super), "public.item")
	fixtureWant(t, "changed", fixtureInstall(t, super), "o.thing")
	fixtureWant(t, "owners after mending", fixtureList(t, super, owners), "postgres")
	fixtureExec(t, super, "ALTER ROLE "+q+" NOSUPERUSER", "DROP SCHEMA o CASCADE")
}

// captureOf returns the name of the function that the triggers of a table call.
func captureOf(tb testing.TB, db querier, table string) string {
	tb.Helper()
	return fixtureValue[string](tb, db, "SELECT p.proname FROM pg_proc AS p JOIN pg_trigger AS t ON t.tgfoid = p.oid WHERE t.tgname = 'livesql_update' AND t.tgrelid = $1::regclass", table)
}

// TestRenewalWaitsForWriters replaces a function that misses updates while a
// transaction is open that it has served. It is not parallel: nothing is pruned on a
// server that has an open transaction.
func TestRenewalWaitsForWriters(t *testing.T) {
	d := captured(t)
	db := d.DB()
	fixtureExec(t, db, "INSERT INTO item VALUES (1, 'old')")
	name := captureOf(t, db, "item")
	fixtureExec(t, db, "CREATE OR REPLACE FUNCTION livesql."+name+"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END'")
	w := fixtureConn(t, db)
	fixtureExec(t, w, "BEGIN", "UPDATE item SET name = 'new' WHERE id = 1")
	if _, err := Install(t.Context(), db, listen.InstallOptions{LockTimeout: 1, Patience: 1}); !isBusy(err) {
		t.Errorf("installing while a writer is open: %v", err)
	}
	fixtureWant(t, "covered while a writer is open", fixtureCovered(t, db))
	fixtureExec(t, w, "COMMIT")
	fixtureLog(t, db)
	fixtureWant(t, "changed", fixtureInstall(t, db), "public.item")
	fixtureWant(t, "the log", fixtureLog(t, db), "T item -1")
	functions := fixtureList(t, db, "SELECT proname FROM pg_proc WHERE pronamespace = 'livesql'::regnamespace AND proname ~ '^cap' ORDER BY 1")
	if !slices.Equal(functions, []string{name}) {
		t.Errorf("capture functions %v, want %s", functions, name)
	}
	if a, b := nameCapture("BEGIN a END", "").name, nameCapture("BEGIN b END", "").name; a == b {
		t.Errorf("two bodies, one name: %s", a)
	}
}

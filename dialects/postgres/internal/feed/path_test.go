package feed

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// pathTraps makes a schema that has, for everything of pg_catalog that livesql's
// functions could mean, one of the same name that tells that it was used: every
// operator, every function whose name is in their text, and every type.
const pathTraps = `
CREATE SCHEMA evil;
CREATE SEQUENCE evil.hits;
CREATE FUNCTION evil.trap() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_catalog.nextval('evil.hits'); RETURN true; END $$;
DO $do$
DECLARE
  o record;
  made int := 0;
BEGIN
  FOR o IN SELECT p.oid, p.oprname, p.oprleft, p.oprright, p.oprresult FROM pg_operator AS p WHERE p.oprnamespace = 'pg_catalog'::regnamespace AND p.oprcode <> 0 LOOP
    BEGIN
      IF o.oprleft = 0 THEN
        EXECUTE format('CREATE FUNCTION evil.operator_%s(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM evil.trap(); RETURN NULL; END $f$', o.oid, format_type(o.oprright, NULL), format_type(o.oprresult, NULL));
        EXECUTE format('CREATE OPERATOR evil.%s (RIGHTARG = %s, FUNCTION = evil.operator_%s)', o.oprname, format_type(o.oprright, NULL), o.oid);
      ELSE
        EXECUTE format('CREATE FUNCTION evil.operator_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM evil.trap(); RETURN NULL; END $f$', o.oid, format_type(o.oprleft, NULL), format_type(o.oprright, NULL), format_type(o.oprresult, NULL));
        EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.operator_%s)', o.oprname, format_type(o.oprleft, NULL), format_type(o.oprright, NULL), o.oid);
      END IF;
      made := made + 1;
    EXCEPTION WHEN OTHERS THEN NULL; -- types that functions cannot have
    END;
  END LOOP;
  IF made < 500 THEN RAISE EXCEPTION 'only % operators', made; END IF;
  made := 0;
  FOR o IN SELECT p.oid, p.proname, pg_get_function_identity_arguments(p.oid) AS args, format_type(p.prorettype, NULL) AS result, p.prorettype = 'void'::regtype AS void
    FROM pg_proc AS p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset
    AND p.proname IN (SELECT (regexp_matches(f.prosrc, '[a-z_0-9]+', 'g'))[1] FROM pg_proc AS f WHERE f.pronamespace = 'livesql'::regnamespace) LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM evil.trap(); %s END $f$', o.proname, o.args, o.result, CASE WHEN o.void THEN '' ELSE 'RETURN NULL;' END);
      made := made + 1;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  IF made < 30 THEN RAISE EXCEPTION 'only % functions', made; END IF;
  FOR o IN SELECT t.typname FROM pg_type AS t WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typelem = 0 LOOP
    BEGIN
      EXECUTE format('CREATE DOMAIN evil.%I AS pg_catalog.%1$I CHECK (evil.trap())', o.typname);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  GRANT ALL ON SCHEMA evil TO PUBLIC;
  GRANT ALL ON SEQUENCE evil.hits TO PUBLIC;
END $do$`

// TestNothingIsFoundByTheSearchPath writes in sessions that find something else
// than PostgreSQL's own under every name. Capture functions run with the rights
// of the log's owner and the search path of the writer.
func TestNothingIsFoundByTheSearchPath(t *testing.T) {
	t.Parallel()
	s := server.OwnPostgres(t, server.Setting("max_prepared_transactions", "0")) // for the bell to ring
	d := s.Database(t)
	super := d.DB()
	writer, asWriter := fixtureRole(t, d, "writer")
	fixtureExec(t, super, "CREATE TABLE one (id int PRIMARY KEY, v int)", "CREATE TABLE many (d date, b bytea, s text, u uuid, l bool, v int, PRIMARY KEY (d, b, s, u, l))",
		"CREATE TABLE free (v int)", "CREATE TABLE ctl (id int PRIMARY KEY, v int)", "GRANT ALL ON ALL TABLES IN SCHEMA public TO "+quoteName(writer))
	fixtureInstall(t, super)
	fixtureExec(t, super, pathTraps)
	hits := func() int {
		t.Helper()
		return fixtureValue[int](t, super, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM evil.hits")
	}
	statements := []string{
		"INSERT INTO public.one VALUES (1, 1), (2, 2)", "UPDATE public.one SET v = 3", "DELETE FROM public.one", "INSERT INTO public.one VALUES (1, 7)", "UPDATE public.one SET id = v",
		"INSERT INTO public.one SELECT g FROM pg_catalog.generate_series(100, 400) AS g", "DELETE FROM public.one", "TRUNCATE public.one",
		"INSERT INTO public.many VALUES (pg_catalog.date '2024-01-02', pg_catalog.decode('00ff', 'hex'), 'é', pg_catalog.uuid 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true)",
		"UPDATE public.many SET v = 1", "UPDATE public.many SET s = 'x'", "DELETE FROM public.many",
		"INSERT INTO public.free VALUES (1)", "UPDATE public.free SET v = 2", "DELETE FROM public.free", "TRUNCATE public.free",
	}
	const a, b = `"2024-01-02", "\\x00ff", "é", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", true`, `"2024-01-02", "\\x00ff", "x", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", true`
	want := []string{
		"D free -1", "D many 1 [[" + b + "]]", "D one 2 [1, 2]", "D one 257", "I free -1", "I many 1 [[" + a + "]]", "I one 1 [1]", "I one 2 [1, 2]", "I one 257", "T free -1", "T one -1",
		"U free -1", "U many 1 [[" + a + "]]", "U many 2 [[" + b + "], [" + a + "]]", "U one 2 [1, 2]", "U one 2 [1, 7]",
	}
	for _, bell := range []listen.Bell{listen.BellGated, listen.BellEvery} {
		fixtureInstallWith(t, super, listen.InstallOptions{Bell: bell})
		for _, patience := range []string{"0", "'1min'"} {
			fixtureLog(t, super)
			conn := fixtureConn(t, asWriter)
			fixtureExec(t, conn, "SET lock_timeout = "+patience, "SET search_path = evil, pg_temp, public, pg_catalog")
			fixtureExec(t, conn, statements...)
			if n := hits(); n != 0 {
				t.Errorf("bell %s, lock_timeout %s: something of the path ran %d times", bell, patience, n)
			}
			fixtureWant(t, fmt.Sprintf("the log, bell %s, lock_timeout %s", bell, patience), fixtureLog(t, super), want...)
			fixtureExec(t, conn, "RESET ALL")
			_ = conn.Close()
		}
	}
	// Functions that leave out a schema or two are found out.
	name := captureOf(t, super, "ctl")
	body := fixtureValue[string](t, super, "SELECT prosrc FROM pg_proc WHERE oid = $1::regproc", "livesql."+name)
	for what, lax := range map[string]string{
		"operators": strings.ReplaceAll(body, "OPERATOR(pg_catalog.=)", "="),
		"functions": strings.ReplaceAll(body, "pg_catalog.to_jsonb", "to_jsonb"),
		"settings":  strings.ReplaceAll(body, "pg_catalog.current_setting", "current_setting"),
		"types":     strings.ReplaceAll(body, "keys pg_catalog.jsonb", "keys jsonb"),
	} {
		fixtureExec(t, super, "ALTER SEQUENCE evil.hits RESTART", "CREATE OR REPLACE FUNCTION livesql."+name+"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "+dollarQuote(lax))
		conn := fixtureConn(t, super)
		fixtureExec(t, conn, "SET search_path = evil, pg_temp, public, pg_catalog")
		_, _ = conn.ExecContext(t.Context(), "INSERT INTO public.ctl VALUES (1, 1), (2, 2)") // may fail
		fixtureExec(t, conn, "RESET ALL")
		_ = conn.Close()
		fixtureExec(t, super, "DELETE FROM ctl")
		if hits() == 0 {
			t.Errorf("%s of the path are used, and nothing tells", what)
		}
	}
}

// closerTraps makes, in the schema public, operators for pairs of types that
// PostgreSQL's own take only after a conversion, and functions for the very
// types that livesql's statements call one of any type with: each is the better
// match, although pg_catalog comes first.
const closerTraps = `
CREATE SEQUENCE public.hits;
GRANT ALL ON SEQUENCE public.hits TO PUBLIC;
DO $do$
DECLARE
  o record;
  made int := 0;
BEGIN
  FOR o IN SELECT s.name, l.oid AS l, r.oid AS r, row_number() OVER () AS n FROM unnest('{=,<>,<,>,<=,>=,||,~,!~}'::text[]) AS s (name), pg_type AS l, pg_type AS r
    WHERE l.oid = ANY ('{oid,int2,int4,int8,name,text,"char",xid,int2vector,oidvector,regclass,regnamespace,regtype}'::regtype[]) AND r.oid = ANY ('{oid,int2,int4,int8,name,text,"char",xid,int2vector,oidvector,regclass,regnamespace,regtype}'::regtype[])
    AND NOT EXISTS (SELECT FROM pg_operator AS p WHERE p.oprname = s.name AND p.oprleft = l.oid AND p.oprright = r.oid) LOOP
    EXECUTE format('CREATE FUNCTION public.operator_%s(%s, %s) RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN PERFORM pg_catalog.nextval(''public.hits''); RETURN true; END $f$', o.n, o.l::regtype, o.r::regtype);
    EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.operator_%s)', o.name, o.l::regtype, o.r::regtype, o.n);
    made := made + 1;
  END LOOP;
  IF made < 500 THEN RAISE EXCEPTION 'only % operators', made; END IF;
  FOR o IN SELECT * FROM (VALUES ('concat_ws(text, bigint, oid, numeric, boolean)', 'text'), ('pg_column_size(jsonb)', 'int'), ('generate_series(int, bigint)', 'SETOF bigint'), ('pg_stat_get_live_tuples(regclass)', 'bigint'), ('md5(name)', 'text')) AS f (name, result) LOOP
    EXECUTE format('CREATE FUNCTION public.%s RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM pg_catalog.nextval(''public.hits''); %s; END $f$', o.name, o.result, CASE WHEN o.result ~ 'SETOF' THEN 'RETURN' ELSE 'RETURN 1' END);
  END LOOP;
END $do$`

// TestNothingCloserIsFound has whatever livesql asks by itself, as the one who
// installs, the feed and the program, asked where somebody who may create
// functions in public has made some that fit better than PostgreSQL's own. They
// would run with the rights of each of these.
func TestNothingCloserIsFound(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE item (id int PRIMARY KEY, v int)", closerTraps)
	hits := func(what string) {
		t.Helper()
		if n := fixtureValue[int](t, db, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.hits"); n != 0 {
			t.Errorf("%s ran functions of others %d times", what, n)
			fixtureExec(t, db, "ALTER SEQUENCE public.hits RESTART")
		}
	}
	if _, err := Install(t.Context(), db, listen.InstallOptions{Print: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	hits("printing an installation")
	fixtureInstall(t, db, "item")
	hits("installing")
	if _, err := Coverage(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	hits("telling what is covered")
	if _, err := Diagnose(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	hits("looking for what is wrong")
	f := follow(t, d.SocketDSN())
	hits("the first poll")
	fixtureExec(t, db, "INSERT INTO item VALUES (1, 1)")
	f.expect(f.poll(), "", "I item 1")
	hits("a poll")
	f.reader.pruned = time.Now().Add(-3 * pruneEvery)
	f.poll()
	hits("pruning")
	f.home(d.SocketDSN())
	hits("asking a connection of the program")
	if err := Uninstall(t.Context(), db, listen.UninstallOptions{}); err != nil {
		t.Fatal(err)
	}
	hits("uninstalling")
}

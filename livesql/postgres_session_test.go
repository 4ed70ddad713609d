package livesql_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestPostgresSessions: a session that differs from others gets what it would
// get without a cache, shares what it can, and goes back to sharing everything
// when it is reset.
func TestPostgresSessions(t *testing.T) {
	t.Parallel()
	onPostgres(t, []string{
		"CREATE SCHEMA tenant", "CREATE TABLE tenant.item (id bigint PRIMARY KEY, name text)", "INSERT INTO tenant.item VALUES (1, 'tenant')",
		"CREATE FUNCTION sets_path() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('search_path', 'tenant', false); END $$",
		"CREATE FUNCTION makes_temp() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE item AS SELECT 1 AS id, 'temp' AS name; END $$",
	}, func(f *pgFixture) {
		const name, hour = "SELECT name FROM item WHERE id = 1", "SELECT to_char(at, 'HH24') FROM item WHERE id = 1"
		discard := "DISCARD ALL"
		if f.dialect == "pgx" {
			discard = "RESET ALL" // pgx does not know that its statements are gone
		}
		for _, c := range []struct {
			what       string
			change     []string // on a session of the pool
			query      string
			usual, own string
			// kept: what the changed session reads is kept for others like it.
			kept  bool
			reset []string
		}{
			{"search_path", []string{"SET search_path TO tenant, public"}, name, "one", "tenant", true, []string{"RESET search_path"}},
			{"set_config", []string{"SELECT set_config('search_path', 'tenant', false)"}, name, "one", "tenant", true, []string{"SET search_path TO DEFAULT"}},
			{"hidden set_config", []string{"SELECT sets_path()"}, name, "one", "tenant", true, []string{"RESET search_path"}},
			{"TimeZone", []string{"SET TIME ZONE '+5'"}, hour, "", "17", true, []string{"RESET ALL"}},
			{"SET SESSION", []string{`SET SESSION "TimeZone" TO 'UTC'`}, hour, "", "12", true, []string{discard}},
			{"DateStyle", []string{"SET DateStyle TO 'SQL, DMY'"}, "SELECT at::text FROM item WHERE id = 1 AND '02/01/2020'::date > '2020-01-05'", "", "", true, []string{"RESET DateStyle"}},
			{"temporary table", []string{"CREATE TEMP TABLE item AS SELECT 1 AS id, 'temp' AS name"}, name, "one", "temp", false, []string{"DISCARD TEMP"}},
			{"hidden temporary table", []string{"SELECT makes_temp()"}, name, "one", "temp", false, []string{"DISCARD TEMP"}},
			{"temporary table of a block", []string{"DO $$ BEGIN CREATE TEMP TABLE item AS SELECT 1 AS id, 'temp' AS name; END $$"}, name, "one", "temp", false, []string{"DROP TABLE pg_temp.item", "DISCARD TEMP"}},
			{"advisory lock", []string{"SELECT pg_advisory_lock(7)"}, name, "one", "one", false, []string{"SELECT pg_advisory_unlock(7)"}},
			{"serializable", []string{"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE"}, name, "one", "one", false, []string{"RESET default_transaction_isolation"}},
			{"system schemas", []string{"SET search_path TO information_schema, public"}, name, "one", "one", false, []string{"RESET search_path"}},
		} {
			// Pgx keeps what it has prepared under other settings of these.
			spelled := f.dialect == "pgx" && (c.what == "TimeZone" || c.what == "SET SESSION" || c.what == "DateStyle")
			conn := f.conn(f.db)
			f.rows(conn, "SELECT 1")
			f.cached(c.query)
			usual := f.rows(f.db, c.query)
			f.want(f.db, true, usual, c.query)
			if c.usual != "" && usual != c.usual {
				f.Errorf("%s: a usual session reads %q, want %q", c.what, usual, c.usual)
			}
			f.exec(conn, c.change...)
			f.cached(c.query)
			f.rows(f.db, c.query) // a hidden change counts as a write to everything
			own := f.rows(conn, c.query)
			if c.own != "" && own != c.own {
				f.Errorf("%s: the changed session reads %q, want %q", c.what, own, c.own)
			}
			f.want(conn, c.kept && !spelled, own, c.query)
			f.want(f.db, true, usual, c.query)
			f.exec(conn, c.reset...)
			f.cached(c.query)
			f.rows(f.db, c.query)
			f.want(f.db, true, usual, c.query)
			n := f.hits(f.db, func() {
				for range 2 {
					if got := f.rows(conn, c.query); got != usual && !spelled {
						f.Errorf("%s: after the reset the session reads %q, want %q", c.what, got, usual)
					}
				}
			})
			// Names of temporary objects keep a session from the cache for good.
			if named := strings.HasPrefix(c.what, "temporary"); (n == 0) != (named || spelled) {
				f.Errorf("%s: after the reset, the session is served from memory %d times; %+v", c.what, n, f.db.CacheStats().Bypassed)
			}
			f.retire(conn)
		}
	})
}

// TestPostgresSettingsOfATransaction: what a transaction sets is gone when it
// is rolled back.
func TestPostgresSettingsOfATransaction(t *testing.T) {
	t.Parallel()
	onPostgres(t, []string{
		"CREATE SCHEMA tenant", "CREATE TABLE tenant.item (id bigint PRIMARY KEY, name text)", "INSERT INTO tenant.item VALUES (1, 'tenant')",
	}, func(f *pgFixture) {
		for _, c := range []struct{ set, end, want string }{
			{"SET search_path TO tenant", "ROLLBACK", "one"},
			{"SET search_path TO tenant", "COMMIT", "tenant"},
			{"SET LOCAL search_path TO tenant", "COMMIT", "one"},
			{"SELECT set_config('search_path', 'tenant', true)", "COMMIT", "one"},
		} {
			conn := f.conn(f.db)
			for range 2 {
				f.rows(conn, byID, 1)
			}
			f.exec(conn, "BEGIN", c.set)
			f.want(conn, false, "tenant", byID, 1)
			f.exec(conn, c.end)
			for range 3 {
				if got := f.rows(conn, byID, 1); got != c.want {
					f.Errorf("after BEGIN, %s and %s: %q, want %q", c.set, c.end, got, c.want)
				}
				if got := f.rows(f.db, byID, 1); got != "one" {
					f.Errorf("another session after BEGIN, %s and %s: %q", c.set, c.end, got)
				}
			}
			if err := conn.Close(); err != nil {
				f.Fatal(err)
			}
			f.exec(f.db, "RESET ALL")
		}
	})
}

// TestPostgresCustomSettings: no result that is kept depends on a setting of
// the program's own, so that setting one costs nothing.
func TestPostgresCustomSettings(t *testing.T) {
	t.Parallel()
	onPostgres(t, []string{
		"CREATE TABLE doc (id int PRIMARY KEY, tenant text)", "INSERT INTO doc VALUES (1, 'a'), (2, 'b')",
		"ALTER TABLE doc ENABLE ROW LEVEL SECURITY", "ALTER TABLE doc FORCE ROW LEVEL SECURITY", "CREATE POLICY p ON doc USING (tenant = current_setting('app.tenant', true))",
		"CREATE VIEW mine AS SELECT id FROM item WHERE name <> current_setting('app.tenant', true)",
		"CREATE FUNCTION of_tenant() RETURNS text STABLE LANGUAGE sql AS $$ SELECT current_setting('app.tenant', true) $$",
	}, func(f *pgFixture) {
		role := f.role("tenant")
		f.db = f.open(f.database.SocketDSN("user=" + role))
		conn := f.conn(f.db)
		for i, tenant := range []string{"a", "b", "a"} {
			set := fmt.Sprintf("SET app.tenant = '%s'", tenant)
			if i > 0 {
				set = fmt.Sprintf("SELECT set_config('app.tenant', '%s', false)", tenant)
			}
			f.exec(conn, set)
			for range 2 {
				f.want(conn, false, fmt.Sprint(1+i%2), "SELECT id FROM doc")
				f.want(conn, false, tenant, "SELECT current_setting('app.tenant') FROM item WHERE id = 1")
				f.want(conn, false, tenant, "SELECT of_tenant() FROM item WHERE id = 1")
				f.want(conn, false, "1;2", "SELECT id FROM mine ORDER BY id")
			}
			f.rows(conn, byID, 1)
			f.want(conn, true, "one", byID, 1)
		}
	})
}

package livesql_test

import (
	"testing"
)

// pgSecured is a table of which roles see their own rows only.
var pgSecured = []string{
	"CREATE TABLE doc (id int PRIMARY KEY, owner text)", "ALTER TABLE doc ENABLE ROW LEVEL SECURITY",
	"CREATE TABLE shares (doc int, reader text)",
	"CREATE POLICY own ON doc USING (owner = CURRENT_USER OR id IN (SELECT s.doc FROM shares s WHERE s.reader = CURRENT_USER))",
	"CREATE VIEW docs AS SELECT id FROM doc",
}

// TestPostgresRowLevelSecurity: each role is served what it may see, and what
// decides that is part of what its results depend on.
func TestPostgresRowLevelSecurity(t *testing.T) {
	t.Parallel()
	onOwnPostgres(t, pgSecured, func(f *pgFixture) {
		const mine = "SELECT id FROM doc ORDER BY id"
		a, b := f.role("a"), f.role("b")
		f.exec(f.other, "INSERT INTO doc VALUES (1, '"+a+"'), (2, '"+b+"'), (3, '"+b+"')")
		f.sync()
		f.cached(mine)
		conns := map[string]string{"": "1;2;3", a: "1", b: "2;3"}
		for range 2 {
			for role, want := range conns {
				conn := f.conn(f.db)
				if role != "" {
					f.exec(conn, "SET ROLE "+role)
				}
				f.rows(conn, mine)
				f.want(conn, true, want, mine)
				f.exec(conn, "RESET ROLE")
				f.rows(conn, mine)
				f.want(conn, true, "1;2;3", mine)
				// A view shows what its owner sees.
				f.exec(conn, "SET ROLE "+b)
				f.rows(conn, "SELECT id FROM docs ORDER BY id")
				f.want(conn, true, "1;2;3", "SELECT id FROM docs ORDER BY id")
				f.exec(conn, "RESET ROLE")
				if err := conn.Close(); err != nil {
					f.Fatal(err)
				}
			}
		}
		conn := f.conn(f.db)
		f.exec(conn, "SET ROLE "+a)
		for _, c := range []struct{ change, want string }{
			{"INSERT INTO shares VALUES (3, '" + a + "')", "1;3"},
			{"UPDATE doc SET owner = '" + a + "' WHERE id = 2", "1;2;3"},
			{"ALTER POLICY own ON doc USING (owner = CURRENT_USER)", "1;2"},
			{"CREATE POLICY one ON doc AS RESTRICTIVE USING (id <> 1)", "2"},
			{"DROP POLICY one ON doc", "1;2"},
			{"ALTER ROLE " + a + " BYPASSRLS", "1;2;3"},
			{"ALTER ROLE " + a + " NOBYPASSRLS", "1;2"},
			{"GRANT " + b + " TO " + a + "; ALTER POLICY own ON doc USING (owner = '" + b + "' AND id = 3); ALTER TABLE doc OWNER TO " + b, "1;2;3"},
			{"REVOKE " + b + " FROM " + a, "3"},
			{"ALTER TABLE doc DISABLE ROW LEVEL SECURITY", "1;2;3"},
		} {
			before := f.rows(conn, mine)
			f.rows(conn, mine)
			f.exec(f.other, c.change)
			f.until(func() bool { return f.rows(conn, mine) == c.want })
			if before == c.want {
				f.Errorf("%s changes nothing", c.change)
			}
			f.cached(mine)
			f.rows(conn, mine)
			f.want(conn, true, c.want, mine)
		}
		f.exec(f.other, "ALTER TABLE doc OWNER TO CURRENT_USER")
	})
}

// TestPostgresRights: whoever loses the right to read is not served from memory
// any longer.
func TestPostgresRights(t *testing.T) {
	t.Parallel()
	onOwnPostgres(t, []string{
		"CREATE SCHEMA s", "CREATE TABLE s.deep (id int)", "CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'",
		"REVOKE ALL ON FUNCTION f(int) FROM PUBLIC", "CREATE VIEW shown AS SELECT id FROM s.deep", "REVOKE ALL ON SCHEMA public FROM PUBLIC",
	}, func(f *pgFixture) {
		role, group := f.role("reader"), f.role("readers")
		f.exec(f.other, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "+role)
		for _, c := range []struct{ grant, query, revoke string }{
			{"GRANT SELECT ON item TO " + role, byID, "REVOKE SELECT ON item FROM " + role},
			{"GRANT SELECT (item) ON tag TO " + role, "SELECT count(item) FROM tag", "REVOKE SELECT (item) ON tag FROM " + role},
			{"GRANT " + group + " TO " + role, names, "REVOKE " + group + " FROM " + role},
			{"GRANT EXECUTE ON FUNCTION f(int) TO " + role, "SELECT f(1), count(*) FROM shown", "REVOKE EXECUTE ON FUNCTION f(int) FROM " + role},
			{"GRANT USAGE ON SCHEMA s TO " + role, "SELECT count(*) FROM s.deep", "REVOKE USAGE ON SCHEMA s FROM " + role},
			{"GRANT USAGE ON SCHEMA public TO " + role, "SELECT count(*) FROM public.shown", "REVOKE USAGE ON SCHEMA public FROM " + role},
			{"ALTER ROLE " + role + " SUPERUSER", names, "ALTER ROLE " + role + " NOSUPERUSER"},
		} {
			f.exec(f.other, "GRANT USAGE ON SCHEMA public, s TO "+role, "GRANT SELECT ON shown, s.deep TO "+role)
			f.exec(f.other, c.grant)
			conn := f.conn(f.db)
			f.exec(conn, "SET ROLE "+role)
			args := []any{}
			if c.query == byID {
				args = append(args, 1)
			}
			f.cached(c.query)
			got := f.rows(conn, c.query, args...)
			f.want(conn, true, got, c.query, args...)
			f.exec(f.other, c.revoke)
			f.until(func() bool {
				rows, err := conn.QueryContext(f.ctx, c.query, args...)
				if err == nil {
					f.text(rows)
				}
				return err != nil
			})
			f.exec(conn, "RESET ROLE")
			if err := conn.Close(); err != nil {
				f.Fatal(err)
			}
		}
	})
}

package pitfalls

import (
	sqldriver "database/sql/driver"
	"fmt"
	"strings"
	"testing"

	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

// sessions are §D: what a connection is beside its address.
var sessions = []pitfall{
	{42, "search path, default database and temporary tables", "a name means what it means to the connection", on(names)},
	{43, "set role on a pooled connection", "rows never cross roles", on(setRole, postgres).also(setRoleOnMariaDB, mariadb).
		absent("there are no users", sqlite)},
	{43, "row level security by a setting", "rows never cross tenants", on(tenants, postgres).
		absent("there are no policies", sqlite, mariadb)},
	{44, "revoked privileges", "who loses a right is refused once the feed knows, and no later than after a lease", on(revoked, postgres, mariadb).
		absent("there are no privileges", sqlite)},
	{45, "settings that shape results", "they are part of the key, or keep the connection from the cache", on(settings)},
	{46, "settings by other ways", "set_config, SET LOCAL and the settings of a role count as SET does", on(settingsByOtherWays, postgres).
		also(settingsByProcedure, mariadb).absent("PRAGMA is the only way: see 45", sqlite)},
	{47, "inner connection handed out", "everything is forgotten before and after, and the connection is left alone", on(handedOut)},
	{48, "one cache for several databases", "a cache belongs to one handle", on(severalDatabases)},
	{49, "secrets in memory", "tables can be kept out of it, and nothing leaves the process", on(secrets)},
}

// pair is two connections of the pool at the same time.
func (r *rig) pair() (reader, reader) {
	r.Helper()
	a, _ := r.conn()
	b, _ := r.conn()
	return a, b
}

func names(r *rig) {
	switch r.engine.family {
	case sqlite:
		r.start()
		a, b := r.pair()
		a.warm(one, "a")
		a.write("CREATE TEMP TABLE item (id INTEGER PRIMARY KEY, v TEXT)", "INSERT INTO temp.item VALUES (1, 'shadow')")
		a.passes(one, "shadow")
		b.warm(one, "a")
		a.passes(one, "shadow")
		a.write("DROP TABLE temp.item")
		a.passes(one, "a")
	case postgres:
		r.start("CREATE SCHEMA tenant", "CREATE TABLE tenant.item (id INTEGER PRIMARY KEY, v VARCHAR(50))", "INSERT INTO tenant.item VALUES (1, 'tenant')")
		a, b := r.pair()
		b.warm(one, "a")
		a.write("SET search_path = tenant, public")
		for range 4 {
			a.sees(one, "tenant")
			b.sees(one, "a")
		}
		b.hits(one, "a")
		a.write("CREATE TEMP TABLE item (id INTEGER PRIMARY KEY, v VARCHAR(50))", "INSERT INTO item VALUES (1, 'shadow')")
		b.warm(one, "a") // whose item was written is not told by the text
		for range 3 {
			a.passes(one, "shadow")
			b.sees(one, "a")
		}
		b.warm(one, "a")
		a.write("DROP TABLE pg_temp.item", "RESET search_path")
		a.sees(one, "a")
	default:
		other := r.engine.dsn(r.TB)
		name := databaseOf(other)
		r.via(r.connect(other)).write("CREATE TABLE item (id INTEGER PRIMARY KEY, v VARCHAR(50))", "INSERT INTO item VALUES (1, 'other')")
		r.start()
		a, b := r.pair()
		b.warm(one, "a")
		a.write("USE `" + name + "`")
		for range 4 {
			a.sees(one, "other")
			b.sees(one, "a")
		}
		b.hits(one, "a")
		a.write("USE `" + databaseOf(r.dsn) + "`")
		a.sees(one, "a")
		// A write elsewhere, by the name of a table that there is here, too, fires
		// a trigger that writes here.
		r.exec("CREATE TABLE told (id INTEGER PRIMARY KEY, n INTEGER)", "INSERT INTO told VALUES (1, 0)")
		r.via(r.connect(other)).write("CREATE TRIGGER tells AFTER UPDATE ON item FOR EACH ROW UPDATE `" + databaseOf(r.dsn) + "`.told SET n = n + 1")
		r.install()
		r.live.Close()
		r.open(quiet()...)
		b, _ = r.conn()
		c, _ := r.conn()
		const told = "SELECT n FROM told WHERE id = 1"
		c.warm(told, "0")
		b.write("USE `"+name+"`", "UPDATE item SET v = 'told'")
		c.sees(told, "1")
		c.warm(told, "1")
		b.write("USE `" + name + "`; UPDATE item SET v = 'told again'")
		c.sees(told, "2")
		r.live.Close()
		r.open()
		a, b = r.pair()
		b.warm(one, "a")
		a.write("CREATE TEMPORARY TABLE item (id INTEGER PRIMARY KEY, v VARCHAR(50))", "INSERT INTO item VALUES (1, 'shadow')")
		b.warm(one, "a") // whose item was written is not told by the text
		for range 3 {
			a.passes(one, "shadow")
			b.sees(one, "a")
		}
		b.warm(one, "a")
	}
}

// databaseOf returns the name in a DSN of MariaDB.
func databaseOf(dsn string) string {
	_, rest, _ := strings.Cut(dsn, "/")
	name, _, _ := strings.Cut(rest, "?")
	return name
}

// role makes a role whose name belongs to this test.
func (r *rig) role(name string) string {
	r.Helper()
	role := fmt.Sprintf("%s_%s_%x", name, r.engine.name, len(r.Name()))
	if r.engine.family == postgres {
		r.exec("DROP ROLE IF EXISTS "+role, "CREATE ROLE "+role+" LOGIN")
		r.Cleanup(func() {
			r.other.Exec("DROP OWNED BY " + role)
			r.other.Exec("DROP ROLE " + role)
		})
	} else {
		r.exec("CREATE OR REPLACE ROLE " + role)
		r.Cleanup(func() { r.other.Exec("DROP ROLE " + role) })
	}
	return role
}

func setRole(r *rig) {
	r.create(append(items, "ALTER TABLE item ENABLE ROW LEVEL SECURITY", "ALTER TABLE item ADD owner text", "UPDATE item SET owner = 'nobody'")...)
	alice, bob, carol := r.role("alice"), r.role("bob"), r.role("carol")
	r.exec("CREATE POLICY own_rows ON item USING (owner = current_user)", "GRANT SELECT ON item TO "+alice+", "+bob,
		"INSERT INTO item VALUES (10, 'for alice', '"+alice+"'), (11, 'for bob', '"+bob+"')")
	r.open()
	r.live.SetMaxOpenConns(1) // whoever comes gets the same connection
	const mine = "SELECT v FROM item WHERE id >= 10 ORDER BY id"
	r.warm(one, "a")
	r.warm(mine, "for alice;for bob") // the superuser is under no policy
	as := func(role string) {
		if role == "" {
			r.write("RESET ROLE")
			return
		}
		r.write("SET ROLE " + role)
	}
	for range 3 {
		as(alice)
		r.sees(mine, "for alice")
		r.sees(mine, "for alice")
		as(bob)
		r.sees(mine, "for bob")
		r.sees(mine, "for bob")
		as(carol)
		r.fails(mine)
		as("")
		r.sees(mine, "for alice;for bob")
	}
	// A SET that the server refuses changes nothing.
	if _, err := r.live.ExecContext(r.Context(), "SET ROLE nobody_there"); err == nil {
		r.Fatal("the role is there")
	}
	r.sees(mine, "for alice;for bob")
	r.write("SET SESSION AUTHORIZATION " + bob)
	r.sees(mine, "for bob")
	r.write("RESET SESSION AUTHORIZATION")
	r.sees(mine, "for alice;for bob")
	// And in a transaction, for its time.
	in, tx := r.begin(nil)
	in.write("SET LOCAL ROLE " + alice)
	in.inTransaction(mine, "for alice")
	r.commit(tx)
	r.sees(mine, "for alice;for bob")
	r.sees(mine, "for alice;for bob")
}

func setRoleOnMariaDB(r *rig) {
	r.create(items...)
	user, role := r.role("user"), r.role("reader")
	r.exec("CREATE TABLE secret (n INTEGER PRIMARY KEY)", "INSERT INTO secret VALUES (42)", "GRANT SELECT ON secret TO "+role,
		"CREATE OR REPLACE USER '"+user+"u'@'localhost'", "GRANT SELECT ON item TO '"+user+"u'@'localhost'", "GRANT "+role+" TO '"+user+"u'@'localhost'",
		"CREATE OR REPLACE USER '"+user+"u'@'%'", "GRANT SELECT ON item TO '"+user+"u'@'%'", "GRANT "+role+" TO '"+user+"u'@'%'")
	r.Cleanup(func() { r.other.Exec("DROP USER '" + user + "u'@'%', '" + user + "u'@'localhost'") })
	r.install()
	root := r.dsn
	r.dsn = strings.Replace(root, "root@", user+"u@", 1)
	r.feedDSN = root
	r.open()
	r.live.SetMaxOpenConns(1)
	const secret = "SELECT n FROM secret"
	r.warm(one, "a")
	for range 3 {
		r.fails(secret)
		r.write("SET ROLE " + role)
		r.sees(secret, "42")
		r.sees(secret, "42")
		r.write("SET ROLE NONE")
	}
	r.fails(secret)
	r.sees(one, "a")
}

func tenants(r *rig) {
	r.create(append(items, "CREATE TABLE doc (id INTEGER PRIMARY KEY, tenant text, v text)",
		"INSERT INTO doc VALUES (1, 'x', 'of x'), (2, 'y', 'of y')",
		"ALTER TABLE doc ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON doc USING (tenant = current_setting('app.tenant', true))")...)
	role := r.role("app")
	r.exec("GRANT SELECT ON doc, item TO " + role)
	root := r.dsn
	r.feedDSN = root
	r.dsn = strings.Replace(root, "postgres@", role+"@", 1)
	r.open()
	r.live.SetMaxOpenConns(1)
	r.warm(one, "a")
	const docs = "SELECT v FROM doc"
	r.sees(docs, "")
	r.sees(docs, "")
	for range 3 {
		for _, tenant := range []string{"x", "y"} {
			r.passes("SELECT set_config('app.tenant', '"+tenant+"', false)", tenant)
			r.sees(docs, "of "+tenant)
			r.sees(docs, "of "+tenant)
			r.write("SET app.tenant = '" + map[string]string{"x": "y", "y": "x"}[tenant] + "'")
			r.sees(docs, "of "+map[string]string{"x": "y", "y": "x"}[tenant])
			// For the time of a transaction.
			in, tx := r.begin(nil)
			in.sees("SELECT set_config('app.tenant', '"+tenant+"', true)", tenant)
			in.sees(docs, "of "+tenant)
			r.commit(tx)
			r.sees(docs, "of "+map[string]string{"x": "y", "y": "x"}[tenant])
		}
	}
}

func revoked(r *rig) {
	r.create(append(items, "CREATE TABLE doc (id INTEGER PRIMARY KEY, v VARCHAR(50))", "INSERT INTO doc VALUES (1, 'x')")...)
	const doc = "SELECT v FROM doc WHERE id = 1"
	root := r.dsn
	var grant, revoke string
	if r.engine.family == postgres {
		role := r.role("reader")
		r.dsn = strings.Replace(root, "postgres@", role+"@", 1)
		grant, revoke = "GRANT SELECT ON item, doc TO "+role, "REVOKE SELECT ON doc FROM "+role
	} else {
		name := fmt.Sprintf("revoked_%x", len(r.Name()))
		r.exec("CREATE OR REPLACE USER '"+name+"'@'localhost'", "CREATE OR REPLACE USER '"+name+"'@'127.0.0.1'")
		r.Cleanup(func() { r.other.Exec("DROP USER '" + name + "'@'localhost', '" + name + "'@'127.0.0.1'") })
		r.exec("GRANT SELECT ON item TO '"+name+"'@'localhost'", "GRANT SELECT ON item TO '"+name+"'@'127.0.0.1'", "GRANT SELECT ON doc TO '"+name+"'@'localhost'")
		r.dsn = strings.Replace(root, "root@", name+"@", 1)
		grant, revoke = "GRANT SELECT ON doc TO '"+name+"'@'127.0.0.1'", "REVOKE SELECT ON doc FROM '"+name+"'@'127.0.0.1'"
		r.exec("REVOKE SELECT ON doc FROM '" + name + "'@'localhost'")
	}
	r.exec(grant)
	r.feedDSN = root
	r.open()
	r.warm(one, "a")
	r.warm(doc, "x")
	r.exec(revoke)
	r.until("the read is refused", func() bool {
		_, err := r.ask(doc)
		return err != nil
	})
	r.warm(one, "a")
}

func settings(r *rig) {
	type shaped struct{ set, query, plain, changed string }
	var all []shaped
	switch r.engine.family {
	case sqlite:
		r.start()
		all = []shaped{{"PRAGMA case_sensitive_like = 1", "SELECT count(*) FROM item WHERE v LIKE 'A'", "1", "0"}}
	case postgres:
		r.start("CREATE TABLE shape (at timestamptz, b bytea, f float8, i interval)", "INSERT INTO shape VALUES ('2020-01-02 12:00+00', '\\x41', 0.1, '1 day 2 hours')")
		all = []shaped{
			{"SET TimeZone = 'Asia/Tokyo'", "SELECT at::text FROM shape", "2020-01-02 12:00:00+00", "2020-01-02 21:00:00+09"},
			{"SET DateStyle = 'SQL, DMY'", "SELECT at::date::text FROM shape", "2020-01-02", "02/01/2020"},
			{"SET bytea_output = 'escape'", "SELECT b::text FROM shape", "\\x41", "A"},
			{"SET IntervalStyle = 'iso_8601'", "SELECT i::text FROM shape", "1 day 02:00:00", "P1DT2H"},
			{"SET extra_float_digits = -15", "SELECT (f + 0.2)::text FROM shape", "0.30000000000000004", "0.3"},
			{"SET array_nulls = off", "SELECT ('{NULL}'::text[])[1] IS NULL, v FROM item WHERE id = 1", "true|a", "false|a"},
		}
	default:
		r.start("CREATE TABLE shape (at TIMESTAMP, t VARCHAR(20))", "INSERT INTO shape VALUES ('2020-01-02 12:00:00', 'xy')")
		all = []shaped{
			{"SET time_zone = '+09:00'", "SELECT CAST(at AS CHAR(30)) FROM shape", "2020-01-02 12:00:00", "2020-01-02 21:00:00"},
			{"SET sql_mode = 'PIPES_AS_CONCAT'", "SELECT id || 'x' FROM item WHERE id = 1", "1", "1x"},
			{"SET group_concat_max_len = 4", "SELECT GROUP_CONCAT(t, t, t) FROM shape", "xyxyxy", "xyxy"},
			{"SET div_precision_increment = 2", "SELECT id / 3 FROM item WHERE id = 1", "0.3333", "0.33"},
			{"SET sql_mode = 'ANSI_QUOTES'", "SELECT \"v\" FROM item WHERE id = 1", "v", "a"},
			{"SET collation_connection = 'utf8mb4_bin'", "SELECT 'A' = 'a', v FROM item WHERE id = 1", "1|a", "0|a"},
			{"SET sql_select_limit = 1", "SELECT id FROM item ORDER BY id", "1;2", "1"},
			{"SET lc_time_names = 'de_DE'", "SELECT MONTHNAME('2020-03-01'), v FROM item WHERE id = 1", "March|a", "März|a"},
		}
	}
	b, _ := r.conn()
	for _, s := range all {
		a, conn := r.conn()
		b.warm(one, "a")
		b.settled(s.query, s.plain)
		a.sees(s.query, s.plain)
		a.write(s.set)
		for range 4 {
			a.sees(s.query, s.changed)
			b.sees(s.query, s.plain)
		}
		conn.Raw(func(any) error { return sqldriver.ErrBadConn }) // out of the pool
		conn.Close()
	}
	b.hits(one, "a")
}

func settingsByOtherWays(r *rig) {
	// The settings of roles are those of all databases of a server: each of their feeds
	// starts afresh.
	r.engine.dsn = func(tb testing.TB, params ...string) string {
		tb.Helper()
		return server.OwnPostgres(tb).Database(tb).DSN(params...)
	}
	r.start("CREATE TABLE shape (at timestamptz)", "INSERT INTO shape VALUES ('2020-01-02 12:00+00')",
		"CREATE FUNCTION quietly() RETURNS int LANGUAGE plpgsql AS $$BEGIN SET TimeZone = 'Asia/Tokyo'; RETURN 1; END$$")
	const at, utc, tokyo = "SELECT at::text FROM shape", "2020-01-02 12:00:00+00", "2020-01-02 21:00:00+09"
	a, b := r.pair()
	b.settled(at, utc)
	check := func(want string) {
		r.Helper()
		for range 3 {
			a.sees(at, want)
			b.sees(at, utc)
		}
	}
	a.sees("SELECT set_config('TimeZone', 'Asia/Tokyo', false)", "Asia/Tokyo")
	check(tokyo)
	a.write("RESET TimeZone")
	check(utc)
	a.sees("SELECT quietly()", "1")
	check(tokyo)
	a.write("RESET ALL")
	check(utc)
	a.write("BEGIN", "SET LOCAL TimeZone = 'Asia/Tokyo'")
	check(tokyo)
	a.write("COMMIT")
	check(utc)
	a.write("BEGIN", "SET TimeZone = 'Asia/Tokyo'")
	check(tokyo)
	a.write("ROLLBACK") // takes it back
	check(utc)
	a.write("BEGIN", "SAVEPOINT s", "SET TimeZone = 'Asia/Tokyo'", "ROLLBACK TO SAVEPOINT s", "COMMIT")
	check(utc)
	a.write("SET TimeZone = 'Asia/Tokyo'", "DISCARD ALL")
	a.forgot(at)
	check(utc)
	// What a role brings along.
	role := r.role("far")
	r.exec("ALTER ROLE "+role+" SET TimeZone = 'Asia/Tokyo'", "GRANT SELECT ON shape, item TO "+role)
	root := r.dsn
	r.feedDSN, r.dsn = root, strings.Replace(root, "postgres@", role+"@", 1)
	r.open()
	r.warm(one, "a")
	for range 3 {
		r.sees(at, tokyo)
	}
	// And the options of a connection.
	r.dsn = root + "&timezone=Asia/Tokyo"
	r.open()
	r.warm(one, "a")
	for range 3 {
		r.sees(at, tokyo)
	}
}

func settingsByProcedure(r *rig) {
	r.start("CREATE TABLE shape (at TIMESTAMP)", "INSERT INTO shape VALUES ('2020-01-02 12:00:00')", "CREATE PROCEDURE quietly() SET SESSION time_zone = '+09:00'")
	const at, utc, tokyo = "SELECT CAST(at AS CHAR(30)) FROM shape", "2020-01-02 12:00:00", "2020-01-02 21:00:00"
	a, b := r.pair()
	b.settled(at, utc)
	check := func(want string) {
		r.Helper()
		for range 3 {
			a.sees(at, want)
			b.sees(at, utc)
		}
	}
	a.write("CALL quietly()")
	check(tokyo)
	a.write("SET @@session.time_zone = '+00:00'")
	check(utc)
	a.write("SET STATEMENT time_zone = '+09:00' FOR DO 1")
	check(utc)
	a.write("EXECUTE IMMEDIATE 'SET time_zone = \\'+09:00\\''")
	check(tokyo)
	r.warm(one, "a")
}

func handedOut(r *rig) {
	r.create(items...)
	r.open(quiet()...)
	r.warm(one, "a")
	in, conn := r.conn()
	in.hits(one, "a")
	exec := func(inner sqldriver.Conn) error {
		_, err := inner.(sqldriver.ExecerContext).ExecContext(r.Context(), "UPDATE item SET v = 'raw' WHERE id = 1", nil)
		return err
	}
	r.raw(conn, exec)
	r.asks(one, "raw")
	in.passes(one, "raw")
	in.passes(one, "raw")
	if err := conn.Close(); err != nil {
		r.Fatal(err)
	}
	r.passes(one, "raw") // back in the pool, it is what it was
	r.warm(one, "raw")
}

func severalDatabases(r *rig) {
	r.start()
	second := &rig{TB: r.TB, engine: r.engine}
	second.create(items...)
	second.exec("UPDATE item SET v = 'second'")
	second.open()
	second.warm(one, "second")
	// Where roles are made and rights change, a server's handles forget.
	r.warm(one, "a")
	second.warm(one, "second")
	second.write("UPDATE item SET v = 'more'")
	second.asks(one, "more")
	r.warm(one, "a")
}

func secrets(r *rig) {
	r.create(append(items, "CREATE TABLE secret (n INTEGER)", "INSERT INTO secret VALUES (42)", "CREATE VIEW peek AS SELECT n FROM secret")...)
	r.open(livesql.NeverCache("secret"))
	r.never("SELECT n FROM secret", "SELECT n, v FROM secret, item", "SELECT v FROM item WHERE id < (SELECT max(n) FROM secret)", "SELECT n FROM peek")
}

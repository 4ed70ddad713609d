package mysql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// analysed is a database with everything that makes results depend on more than
// the tables that a text names.
func analysed(t *testing.T) (f *follower, db *server.Database, other string) {
	t.Helper()
	otherDB := server.MariaDB(t)
	mustExec(t, otherDB.DB(), "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE x (id INT PRIMARY KEY)")
	other = otherDB.Name()
	db = newDB(t,
		"CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20), opens TIME, made DATETIME, `time` INT)",
		"CREATE TABLE u (id INT UNSIGNED PRIMARY KEY, t BIGINT, FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE)",
		"CREATE TABLE MixedCase (a INT, b UUID, PRIMARY KEY (b, a))",
		"CREATE TABLE audit (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(99))",
		"CREATE TABLE audited (id INT PRIMARY KEY)",
		"CREATE TRIGGER r1 AFTER INSERT ON audited FOR EACH ROW INSERT INTO audit (what) VALUES (CONCAT('x', NEW.id))",
		"CREATE TABLE calling (id INT PRIMARY KEY)",
		"CREATE PROCEDURE p() UPDATE t SET name = 'p'",
		"CREATE TRIGGER r2 AFTER INSERT ON calling FOR EACH ROW CALL p()",
		"CREATE TABLE wandering (id INT PRIMARY KEY)",
		"CREATE TRIGGER r3 AFTER INSERT ON wandering FOR EACH ROW INSERT INTO "+other+".x VALUES (NEW.id)",
		"CREATE TABLE leaving (id INT PRIMARY KEY)",
		"CREATE TRIGGER r4 AFTER INSERT ON leaving FOR EACH ROW CREATE TEMPORARY TABLE IF NOT EXISTS t (id INT)",
		"CREATE TABLE setting (id INT PRIMARY KEY)",
		"CREATE TRIGGER r5 AFTER INSERT ON setting FOR EACH ROW SET @@session.time_zone = '+01:00'",
		"CREATE TABLE setting2 (id INT PRIMARY KEY)",
		"CREATE TRIGGER r6 AFTER INSERT ON setting2 FOR EACH ROW SET time_zone = '+01:00'",
		"CREATE TABLE deciding (id INT PRIMARY KEY)",
		"CREATE TRIGGER r7 BEFORE INSERT ON deciding FOR EACH ROW BEGIN DECLARE n INT; SELECT COUNT(*) INTO n FROM t; IF (n > 5) THEN SET NEW.id = n; END IF; END",
		"CREATE TABLE moving (id INT PRIMARY KEY, n INT)",
		"CREATE TRIGGER r8 BEFORE UPDATE ON moving FOR EACH ROW SET NEW.id = OLD.id + 1",
		"CREATE TABLE computed (a INT PRIMARY KEY, n DATETIME AS (NOW()) VIRTUAL)",
		"CREATE TABLE computes (a INT PRIMARY KEY, n INT AS (a + 1) VIRTUAL, s INT AS (a * 2) STORED)",
		"CREATE TABLE myisam (a INT PRIMARY KEY) ENGINE=MyISAM",
		"CREATE TABLE mem (a INT PRIMARY KEY) ENGINE=MEMORY",
		"CREATE TABLE merged (a INT, KEY (a)) ENGINE=MERGE",
		"CREATE TABLE hist (a INT PRIMARY KEY) WITH SYSTEM VERSIONING",
		"CREATE TABLE parts (a INT PRIMARY KEY) PARTITION BY HASH (a) PARTITIONS 2",
		"CREATE SEQUENCE seq",
		"CREATE FUNCTION f() RETURNS INT RETURN 1",
		"CREATE FUNCTION bin_to_uuid(a INT) RETURNS INT RETURN 1",
		"CREATE VIEW v AS SELECT id, opens AS o FROM t",
		"CREATE VIEW V2 AS SELECT v.id FROM v JOIN u ON u.id = v.id",
		"CREATE VIEW vnow AS SELECT id, NOW() AS n FROM t",
		"CREATE VIEW vf AS SELECT id, f() AS n FROM t",
		"CREATE VIEW vother AS SELECT t.id FROM t JOIN "+other+".t AS o ON o.id = t.id",
		"CREATE VIEW vuser AS SELECT id FROM t WHERE name = CURRENT_USER()",
	)
	return follow(t, db.SocketDSN(), listen.InstallNever), db, other
}

func TestAnalyze(t *testing.T) {
	f, db, other := analysed(t)
	t.Run("reads", func(t *testing.T) { analyzeReads(t, f, db.Name(), other) })
	t.Run("writes", func(t *testing.T) { analyzeWrites(t, f, other) })
	t.Run("touches", func(t *testing.T) { touches(t, f) })
	t.Run("keys", func(t *testing.T) { catalogKeys(t, f.in(t)) })
}

// analyzeReads: each text, the tables that its result depends on, or a part
// of why it is not kept. After an exclamation mark, it may also change anything.
func analyzeReads(t *testing.T, f *follower, here, other string) {
	t.Helper()
	for _, c := range []struct{ text, want string }{
		{"SELECT name FROM t WHERE id = 1", "t"},
		{"SELECT * FROM t", "t"},
		{"SELECT t.name, x.id FROM t JOIN u AS x ON x.t = t.id", "t u"},
		{"SELECT t.id FROM OTHER.t", "other database"},
		{"SELECT t.id FROM `OTHER` . `t`", "other database"},
		{"SELECT 1 AS OTHER, t.id FROM u, OTHER.t", "other database"},
		{"SELECT OTHER.id FROM t AS OTHER", "t"},
		{"SELECT * FROM t WHERE id IN (SELECT id FROM OTHER.x)", "other database"},
		{"WITH c AS (SELECT * FROM OTHER.t) SELECT * FROM c JOIN u", "other database"},
		{"SELECT * FROM HERE.t", "t"},
		{"SELECT * FROM t JOIN hidden", "uses hidden"},
		{"WITH c AS (SELECT id FROM u) SELECT * FROM c", "u"},
		{"SELECT * FROM mixedcase", "uses mixedcase"},
		{"SELECT * FROM MixedCase", "MixedCase"},
		{"SELECT * FROM information_schema.TABLES", "uses information_schema.TABLES"},
		{"SELECT * FROM mysql.user", "uses mysql.user"},
		{"SELECT * FROM performance_schema.threads", "uses performance_schema.threads"},
		{"SELECT * FROM t, information_schema.TABLES", "uses information_schema.TABLES"},
		{"SELECT * FROM t, livesql_log", "uses livesql_log"},
		{"SELECT * FROM livesql_log", "uses livesql_log"},

		{"SELECT id FROM v", "t"},
		{"SELECT id FROM V2", "t u"},
		{"SELECT id FROM vnow", "current_timestamp()"},
		{"SELECT id FROM vuser", "current_user()"},
		{"SELECT id FROM vother", "other database"},
		{"SELECT id FROM vf", "!f()"},

		{"SELECT f() FROM t", "!f()"},
		{"SELECT HERE.f() FROM t", "!f()"},
		{"SELECT bin_to_uuid(id) FROM t", "!bin_to_uuid()"},
		{"SELECT COUNT (id) FROM t", "!blank"},
		{"SELECT t(1) FROM t", "!t()"},
		{"SELECT COUNT(*), UPPER(name) FROM t", "t"},
		{"SELECT AVG(id), GROUP_CONCAT(name), FORMAT(id, 2) FROM t", "t"},
		{"SELECT NOW() FROM t", "now()"},
		{"SELECT * FROM t WHERE made > CURRENT_TIMESTAMP", "current_timestamp()"},
		{"SELECT RAND(), UUID() FROM t", "rand()"},
		{"SELECT LAST_INSERT_ID() FROM t", "last_insert_id()"},
		{"SELECT FOUND_ROWS() FROM t", "found_rows()"},
		{"SELECT ROW_COUNT() FROM t", "row_count()"},
		{"SELECT CONNECTION_ID() FROM t", "connection_id()"},
		{"SELECT SLEEP(0) FROM t", "sleep()"},
		{"SELECT IS_FREE_LOCK('x') FROM t", "is_free_lock()"},
		{"SELECT GET_LOCK('x', 0) FROM t", "get_lock"},
		{"SELECT USER() FROM t", "user()"},
		{"SELECT DATABASE() FROM t", "database()"},
		{"SELECT DEFAULT(name) FROM t", "default()"},
		{"SELECT LOAD_FILE('x') FROM t", "load_file()"},
		{"SELECT * FROM t WHERE MATCH (name) AGAINST ('x')", "match()"},
		{"SELECT UNIX_TIMESTAMP() FROM t", "unix_timestamp()"},
		{"SELECT EXTRACTVALUE(name, '//b[$@i]') FROM t", "extractvalue()"},
		{"SELECT UPDATEXML(name, '//b[$@i]', '') FROM t", "updatexml()"},

		{"SELECT @a FROM t", "variable"},
		{"SELECT @a := id FROM t", "variable"},
		{"SELECT @@time_zone FROM t", "variable"},
		{"SELECT id INTO @a FROM t", "!INTO"},
		{"SELECT id INTO OUTFILE 'x' FROM t", "!INTO"},
		{"SELECT * FROM t FOR UPDATE", "locks rows"},
		{"SELECT * FROM t LOCK IN SHARE MODE", "locks rows"},
		{"SELECT SQL_CALC_FOUND_ROWS * FROM t", "FOUND_ROWS"},
		{"SELECT SQL_NO_CACHE * FROM t", "asks not to be cached"},
		{"SELECT * FROM t PROCEDURE ANALYSE()", "!procedure"},
		{"SELECT * FROM t LIMIT ROWS EXAMINED 1", "stop early"},
		{"SELECT * FROM t /*! JOIN u */", "!executable comment"},
		{"SELECT * FROM t /*M! JOIN u */", "!executable comment"},
		{"HANDLER t OPEN", "HANDLER"},
		{"SELECT 1", "reads no table"},
		{"SELECT * FROM t; SELECT * FROM u", "several statements"},
		{"TABLE t", "t"},
		{"(SELECT id FROM t) UNION (SELECT id FROM u)", "t u"},

		{"SELECT NEXT VALUE FOR seq", "sequence"},
		{"SELECT PREVIOUS VALUE FOR seq", "sequence"},
		{"SELECT * FROM seq, t", "uses seq"},
		{"SELECT * FROM t, seq_1_to_9", "uses seq_1_to_9"},
		{"SELECT * FROM hist", "not covered"},
		{"SELECT * FROM hist FOR SYSTEM_TIME ALL", "history"},
		{"SELECT * FROM myisam", "not covered"},
		{"SELECT * FROM mem", "not covered"},
		{"SELECT * FROM merged", "not covered"},
		{"SELECT * FROM computed", "current_timestamp()"},
		{"SELECT * FROM computes", "computes"},
		{"SELECT * FROM parts PARTITION (p0)", "parts"},

		{"SELECT opens FROM t WHERE opens > '10:00' AND name = 'x'", "t"},
		{"SELECT DATE(made), YEAR(made) FROM t", "t"},
		{"SELECT `time`, made FROM t", "t"},
		{"SELECT * FROM t WHERE opens > made", "takes today's"},
		{"SELECT COALESCE(opens, made) FROM t", "takes today's"},
		{"SELECT YEAR(opens) FROM t", "takes today's"},
		{"SELECT opens + INTERVAL 1 MONTH FROM t", "takes today's"},
		{"SELECT opens - INTERVAL 1 MINUTE FROM t", "t"},
		{"SELECT TIMESTAMPADD(DAY, 1, MAKETIME(1, 2, 3)) FROM t", "takes today's"},
		{"SELECT * FROM t WHERE made > TIME'10:00'", "takes today's"},
		{"SELECT CAST(opens AS DATETIME) FROM t", "current_date()"},
		{"SELECT o FROM v WHERE o > (SELECT MAX(made) FROM t)", "takes today's"},
		{"SELECT * FROM t UNION SELECT * FROM t", "takes today's"},
		{"SELECT x.a > x.b FROM (SELECT * FROM t) x", "takes today's"},
		{"SELECT STR_TO_DATE(name, '%Y') FROM t", "t"},
		{"SELECT STR_TO_DATE(name, '%H') > made FROM t", "takes today's"},
	} {
		text := strings.ReplaceAll(strings.ReplaceAll(c.text, "OTHER", other), "HERE", here)
		a, err := f.backend.Analyze(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		var reads []string
		for _, table := range a.Reads {
			reads = append(reads, table.Name)
		}
		want, all := strings.CutPrefix(c.want, "!")
		if want == "other database" {
			want = "uses " + other
		}
		if a.WritesAll != all {
			t.Errorf("%s: writes everything: %v (%s)", text, a.WritesAll, a.Unproven)
		}
		if a.Uncacheable == "" && strings.Join(reads, " ") != want || a.Uncacheable != "" && !strings.Contains(a.Uncacheable, want) {
			t.Errorf("%s: reads %q, uncacheable %q, want %q", text, reads, a.Uncacheable, want)
		}
		if a.Uncacheable != "" && strings.Join(reads, " ") == want {
			t.Errorf("%s: uncacheable: %s", text, a.Uncacheable)
		}
	}
}

// analyzeWrites: the tables that a text may change, and a part of why that
// may not be all.
func analyzeWrites(t *testing.T, f *follower, other string) {
	t.Helper()
	for _, c := range []struct {
		text, writes, unproven string
		taint, all             bool
	}{
		{text: "INSERT INTO u VALUES (1, 2)", writes: "u"},
		{text: "DELETE FROM t", writes: "t u"},
		{text: "UPDATE v SET id = 2", writes: "t u"},
		{text: "INSERT INTO audited VALUES (1)", writes: "audit audited"},
		{text: "INSERT INTO deciding VALUES (1)", writes: "deciding t u"},
		{text: "INSERT INTO calling VALUES (1)", writes: "calling", unproven: "calls a procedure", taint: true},
		{text: "INSERT INTO wandering VALUES (1)", writes: "wandering", unproven: other, taint: true},
		{text: "INSERT INTO leaving VALUES (1)", writes: "leaving t u", unproven: "temporary table", taint: true},
		{text: "INSERT INTO setting VALUES (1)", writes: "setting", unproven: "setting of the session", taint: true},
		{text: "INSERT INTO setting2 VALUES (1)", writes: "setting2", unproven: "setting of the session", taint: true},
		{text: "INSERT INTO u SELECT f(), 1", writes: "u", unproven: "calls f()", taint: true, all: true},
		{text: "INSERT INTO u SELECT id, 1 FROM vf", writes: "u", unproven: "calls f()", taint: true, all: true},
		{text: "INSERT INTO u SELECT id, 1 FROM " + other + ".x", writes: "u", unproven: "uses " + other},
		{text: "INSERT INTO " + other + ".t VALUES (1)", writes: "t u", unproven: "uses " + other, all: true},
		{text: "INSERT INTO merged VALUES (1)", writes: "merged", unproven: "another one"},
		{text: "INSERT INTO myisam VALUES (1)", writes: "myisam"},
		{text: "TRUNCATE audited", writes: "audit audited"},
		{text: "LOAD DATA INFILE 'x' INTO TABLE u", writes: "u"},
		{text: "SELECT f()", unproven: "calls f()", taint: true, all: true},
		{text: "DO f()", taint: true, all: true},
		{text: "CALL p()", taint: true, all: true},
	} {
		a, err := f.backend.Analyze(t.Context(), c.text)
		if err != nil {
			t.Fatal(err)
		}
		var writes []string
		for _, table := range a.Writes {
			writes = append(writes, table.Name)
		}
		if got := strings.Join(writes, " "); got != c.writes || a.WritesAll != c.all || !strings.Contains(a.Unproven, c.unproven) || (a.Unproven == "") != (c.unproven == "") {
			t.Errorf("%s: writes %q, all %v, unproven %q", c.text, got, a.WritesAll, a.Unproven)
		}
		if (a.Scan.Taint != "") != c.taint {
			t.Errorf("%s: taint %q", c.text, a.Scan.Taint)
		}
	}
}

// touches: a trigger can give a row another key than the text says.
func touches(t *testing.T, f *follower) {
	t.Helper()
	for text, want := range map[string]int{"UPDATE t SET name = 'x' WHERE id = 1": 1, "UPDATE moving SET n = 1 WHERE id = 1": 0} {
		a, err := f.backend.Analyze(t.Context(), text)
		if err != nil || len(a.Touches) != want {
			t.Errorf("%s: touches %v, error %v", text, a.Touches, err)
		}
	}
}

// catalogKeys: keys whose values statements and the log tell alike.
func catalogKeys(t *testing.T, f *follower) {
	t.Helper()
	mustExec(t, f.backend.own, "CREATE TABLE k1 (id VARCHAR(10) PRIMARY KEY)", "CREATE TABLE k2 (a VARBINARY(9), b DATE, PRIMARY KEY (a, b))", "CREATE TABLE k3 (id FLOAT PRIMARY KEY)")
	f.look()
	kinds := make(map[string]string)
	for _, o := range f.backend.known.Load().catalog.Objects() {
		for _, k := range o.Key {
			kinds[o.Table.Name] += fmt.Sprintf("%s:%d ", k.Name, k.Kind)
		}
	}
	for table, want := range map[string]string{
		"t": "id:1 ", "u": "id:1 ", "MixedCase": "b:3 a:1 ", "k1": "id:0 ", "k2": "a:0 b:0 ", "k3": "", "parts": "a:1 ",
	} {
		if kinds[table] != want {
			t.Errorf("%s: %q, want %q", table, kinds[table], want)
		}
	}
}

// TestYoungFunctions: what is the server's own function today was the name of a
// stored one before.
func TestYoungFunctions(t *testing.T) {
	for minor, writes := range map[int]bool{5: true, 6: false, 11: false} {
		s := &schema{server: &host{maria: true, major: 10, minor: minor}}
		if _, got := s.trust("to_char"); got != writes {
			t.Errorf("MariaDB 10.%d: to_char may write: %v", minor, got)
		}
	}
	if _, writes := (&schema{server: &host{maria: true, major: 11}}).trust("random_bytes"); writes {
		t.Error("MariaDB 11.0: random_bytes may write")
	}
}

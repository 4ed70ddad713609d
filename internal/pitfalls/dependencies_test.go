package pitfalls

import (
	"fmt"
	"strings"

	"github.com/vantage-go/live/testdb/server"
)

// dependencies are §E: what a result depends on.
var dependencies = []pitfall{
	{50, "subqueries in any clause", "every table of a text is a dependency, wherever it stands", on(everyClause)},
	{51, "names within other words", "tables are found by names, not by letters", on(substrings)},
	{52, "views", "the tables behind them count, and another definition is another statement", on(views)},
	{53, "materialized views", "not cached: REFRESH fires no trigger", on(materialized, postgres).absent("there are none", sqlite, mariadb)},
	{54, "tables of elsewhere", "attached, virtual and foreign tables are not cached", on(tablesOfElsewhere, sqlite, postgres).
		absent("FEDERATED, CONNECT and SPIDER are plugins that the tests' server does not have; dialects/mysql covers InnoDB, Aria and MyISAM only", mariadb)},
	{55, "partitions", "a write to a partition is one to its root, and the other way round", on(partitions, postgres).
		also(partitionsOfMariaDB, mariadb).absent("there are none", sqlite)},
	{56, "inheritance", "a write to a child is one to its parents", on(inheritance, postgres).absent("there is none", sqlite, mariadb)},
	{57, "partitions that come and go", "ATTACH, DETACH, EXCHANGE and TRUNCATE of a partition change the root", on(movingPartitions, postgres).
		also(exchangedPartitions, mariadb).absent("there are none", sqlite)},
	{58, "foreign key actions", "what a cascade changes is known: from triggers where they fire, and else from the keys", on(cascades)},
	{59, "triggers of the program", "what they write is seen by who caused it, at once", on(userTriggers)},
	{59, "triggers with dynamic SQL", "what no catalogue tells, the feed tells, before the write returns", on(dynamicTriggers, postgres).
		absent("a trigger cannot put statements together", sqlite, mariadb)},
	{60, "sequences", "not cached", on(sequences)},
	{61, "changed primary key", "the old key and the new one count", on(movedKeys)},
	{62, "columns nobody asked for", "a change of any column counts, and system columns too", on(otherColumns)},
	{63, "writes of no rows", "a statement that matches nothing throws nothing out elsewhere", on(zeroRows)},
	{64, "upserts", "both of their halves count", on(upserts)},
}

func everyClause(r *rig) {
	r.start("CREATE TABLE side (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL)", "INSERT INTO side VALUES (1, 1)")
	queries := []string{
		"SELECT v, (SELECT n FROM side WHERE side.id = item.id) FROM item WHERE id = 1",
		"SELECT v, n FROM item, side WHERE item.id = side.id",
		"SELECT v, n FROM item JOIN side USING (id)",
		"SELECT v, n FROM (item LEFT JOIN side USING (id)) JOIN (SELECT id FROM side) d USING (id)",
		"SELECT v, n FROM item LEFT JOIN side ON item.id = side.id WHERE item.id = 1",
		"SELECT v, d.n FROM item, (SELECT n FROM side) d WHERE item.id = 1",
		"WITH s AS (SELECT n FROM side) SELECT v, n FROM item, s WHERE id = 1",
		"WITH RECURSIVE s(n) AS (SELECT n FROM side UNION SELECT n FROM s) SELECT v, n FROM item, s WHERE id = 1",
		"WITH item AS (SELECT 'a' AS v, n FROM side) SELECT v, n FROM item", // shadows the table
		"SELECT v, CASE WHEN (SELECT max(n) FROM side) > 1 THEN 2 ELSE 1 END FROM item WHERE id = 1",
		"SELECT 'a', n FROM side UNION SELECT v, -1 FROM item WHERE id = 7",
	}
	for _, q := range queries {
		r.cached(q, "a|1", own("UPDATE side SET n = 2", "a|2"), other("UPDATE side SET n = 1", "a|1"), own("UPDATE item SET v = v", "a|1"))
	}
	r.cached("SELECT count(*) FROM item WHERE EXISTS (SELECT 1 FROM side WHERE n = 1)", "2", own("UPDATE side SET n = 2", "0"), other("UPDATE side SET n = 1", "2"))
	r.cached("SELECT count(*) FROM item WHERE NOT EXISTS (SELECT 1 FROM side WHERE n = 1)", "0", own("UPDATE side SET n = 2", "2"), other("UPDATE side SET n = 1", "0"))
	r.cached("SELECT count(*) FROM item WHERE id NOT IN (SELECT n FROM side)", "1", own("UPDATE side SET n = 7", "2"), other("UPDATE side SET n = 1", "1"))
	r.cached("SELECT v FROM item GROUP BY v HAVING min(id) >= (SELECT max(n) FROM side) ORDER BY v", "a;b", own("UPDATE side SET n = 2", "b"), other("UPDATE side SET n = 1", "a;b"))
	r.cached("SELECT v FROM item ORDER BY (SELECT max(n) FROM side) * id DESC", "b;a", own("UPDATE side SET n = -1", "a;b"), other("UPDATE side SET n = 1", "b;a"))
	if r.engine.family != sqlite {
		r.cached("(SELECT v FROM item WHERE id = (SELECT n FROM side))", "a", own("UPDATE side SET n = 2", "b"), other("UPDATE side SET n = 1", "a"))
	}
	if r.engine.family != mariadb {
		r.cached("SELECT v FROM item ORDER BY id LIMIT (SELECT n FROM side)", "a", own("UPDATE side SET n = 2", "a;b"), other("UPDATE side SET n = 1", "a"))
	}
	if r.engine.family == postgres {
		r.cached("SELECT v, l.n FROM item, LATERAL (SELECT n FROM side WHERE side.id = item.id) l", "a|1", own("UPDATE side SET n = 2", "a|2"), other("UPDATE side SET n = 1", "a|1"))
		r.cached("SELECT x FROM (TABLE side) AS s(y, x)", "1", own("UPDATE side SET n = 2", "2"), other("UPDATE side SET n = 1", "1"))
		r.cached("SELECT count(*) FILTER (WHERE id = (SELECT n FROM side)) FROM item", "1", own("UPDATE side SET n = 7", "0"), other("UPDATE side SET n = 1", "1"))
		r.cached("SELECT ARRAY(SELECT n FROM side)::text, v FROM item WHERE id = 1", "{1}|a", own("UPDATE side SET n = 2", "{2}|a"), other("UPDATE side SET n = 1", "{1}|a"))
		r.cached(`SELECT U&"\006E" FROM U&"si\0064e"`, "1", own("UPDATE side SET n = 2", "2"), other("UPDATE side SET n = 1", "1"))
	}
}

func substrings(r *rig) {
	r.start("CREATE TABLE item2 (id INTEGER NOT NULL PRIMARY KEY, created_at VARCHAR(20), v VARCHAR(50))", "INSERT INTO item2 VALUES (1, 'update item', 'x')")
	const long = "SELECT created_at FROM item2"
	r.warm(long, "update item")
	r.warm(one, "a")
	r.exec("UPDATE item2 SET v = 'y'")
	r.sync()
	r.hits(one, "a") // item is part of item2
	r.warm(long, "update item")
	r.exec("UPDATE item SET v = 'b' WHERE id = 1")
	r.sync()
	r.hits(long, "update item")
	r.warm(one, "b")
	r.cached("SELECT v FROM item WHERE v <> 'item2 delete from item2; drop' AND id = 1", "b", own("UPDATE item SET v = 'c' WHERE id = 1", "c"))
	r.warm(long, "update item")
	r.write("UPDATE item SET v = 'item2' WHERE id = 1")
	if how := r.sees(long, "update item"); how == hit {
		r.warm(one, "item2")
	}
}

func views(r *rig) {
	r.start("CREATE TABLE side (id INTEGER NOT NULL PRIMARY KEY, v VARCHAR(50))", "INSERT INTO side VALUES (1, 's')",
		"CREATE VIEW base AS SELECT id, v FROM item", "CREATE VIEW upper AS SELECT v FROM base WHERE id = 1")
	const upper = "SELECT v FROM upper"
	r.cached(upper, "a", own("UPDATE item SET v = 'x' WHERE id = 1", "x"), other("UPDATE item SET v = 'a' WHERE id = 1", "a"))
	redefine := func(table string) []string {
		if r.engine.family == sqlite {
			return []string{"DROP VIEW base", "CREATE VIEW base AS SELECT id, v FROM " + table}
		}
		return []string{"CREATE OR REPLACE VIEW base AS SELECT id, v FROM " + table}
	}
	r.write(redefine("side")...)
	r.sees(upper, "s")
	r.cached(upper, "s", own("UPDATE side SET v = 't'", "t"), other("UPDATE side SET v = 's'", "s"))
	r.exec(redefine("item")...)
	r.sync()
	r.sees(upper, "a")
	r.cached(upper, "a", own("UPDATE item SET v = 'x' WHERE id = 1", "x"), other("UPDATE item SET v = 'a' WHERE id = 1", "a"))
}

func materialized(r *rig) {
	r.start("CREATE MATERIALIZED VIEW mat AS SELECT v FROM item WHERE id = 1", "CREATE VIEW over AS SELECT v FROM mat")
	r.never("SELECT v FROM mat", "SELECT v FROM over", "SELECT i.v FROM item i, mat WHERE i.id = 1")
	r.follows("SELECT v FROM mat", "a", own("UPDATE item SET v = 'x' WHERE id = 1", "a"), own("REFRESH MATERIALIZED VIEW mat", "x"), other("UPDATE item SET v = 'a' WHERE id = 1", "x"), other("REFRESH MATERIALIZED VIEW mat", "a"))
}

func tablesOfElsewhere(r *rig) {
	if r.engine.family == postgres {
		r.start()
		if _, err := r.other.ExecContext(r.Context(), "CREATE EXTENSION file_fdw"); err != nil {
			r.Logf("without contrib: %v", err)
			r.warm(one, "a")
			return
		}
		r.exec("CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
			"CREATE FOREIGN TABLE outside (v text) SERVER files OPTIONS (program 'echo x')")
		r.never("SELECT v FROM outside", "SELECT item.v FROM item, outside")
		return
	}
	r.start("CREATE VIRTUAL TABLE words USING fts5(t)", "INSERT INTO words VALUES ('hello')")
	r.never("SELECT t FROM words", "SELECT item.v FROM item, words", "SELECT count(*) FROM words_content")
	second := r.engine.dsn(r.TB)
	path, _, _ := strings.Cut(second, "?")
	r.via(r.connect(second)).write("CREATE TABLE far (v TEXT)", "INSERT INTO far VALUES ('far')", "CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT)")
	in, _ := r.conn()
	in.warm(one, "a")
	in.write("ATTACH '" + path + "' AS elsewhere")
	for range 3 {
		in.passes("SELECT v FROM elsewhere.far", "far")
		in.passes("SELECT v FROM far", "far")
		in.passes(one, "a")
	}
	r.warm(one, "a")
}

func partitions(r *rig) {
	r.start("CREATE TABLE root (id int NOT NULL PRIMARY KEY, v text) PARTITION BY RANGE (id)",
		"CREATE TABLE leaf1 PARTITION OF root FOR VALUES FROM (0) TO (10)",
		"CREATE TABLE leaf2 PARTITION OF root FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id)",
		"CREATE TABLE leaf2a PARTITION OF leaf2 FOR VALUES FROM (10) TO (20)",
		"INSERT INTO root VALUES (1, 'one'), (11, 'eleven')")
	r.cached("SELECT v FROM root WHERE id = 1", "one", other("UPDATE leaf1 SET v = 'x'", "x"), own("UPDATE leaf1 SET v = 'y'", "y"), own("UPDATE root SET v = 'one' WHERE id = 1", "one"))
	r.cached("SELECT v FROM leaf2a", "eleven", other("UPDATE root SET v = 'x' WHERE id = 11", "x"), own("UPDATE root SET v = 'y' WHERE id = 11", "y"), own("UPDATE leaf2 SET v = 'eleven'", "eleven"))
	r.cached("SELECT count(*) FROM root", "2", other("INSERT INTO leaf1 VALUES (2, 'two')", "3"), own("INSERT INTO leaf2a VALUES (12, 'twelve')", "4"), other("TRUNCATE leaf2a", "2"), own("TRUNCATE leaf1", "0"))
	r.write("INSERT INTO root VALUES (1, 'one')")
	r.cached("SELECT count(*) FROM leaf1", "1", own("UPDATE root SET id = 11 WHERE id = 1", "0"), other("UPDATE root SET id = 1 WHERE id = 11", "1")) // from one to the other
}

func partitionsOfMariaDB(r *rig) {
	r.start("CREATE TABLE root (id INT NOT NULL PRIMARY KEY, v VARCHAR(20)) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20))",
		"INSERT INTO root VALUES (1, 'one'), (11, 'eleven')")
	r.cached("SELECT v FROM root WHERE id = 1", "one", other("UPDATE root PARTITION (p0) SET v = 'x'", "x"), own("UPDATE root PARTITION (p0) SET v = 'y'", "y"))
	r.cached("SELECT count(*) FROM root PARTITION (p1)", "1", other("UPDATE root SET id = 12 WHERE id = 1", "2"), own("DELETE FROM root WHERE id = 12", "1"))
}

func inheritance(r *rig) {
	r.start("CREATE TABLE parent (id int PRIMARY KEY, v text)", "CREATE TABLE child (extra int, PRIMARY KEY (id)) INHERITS (parent)", "INSERT INTO child VALUES (1, 'c', 0)")
	r.cached("SELECT v FROM parent", "c", other("UPDATE child SET v = 'x'", "x"), own("UPDATE child SET v = 'y'", "y"), own("UPDATE parent SET v = 'c'", "c"))
	r.cached("SELECT v FROM child", "c", other("UPDATE parent SET v = 'x'", "x"), own("UPDATE parent SET v = 'y'", "y"))
	r.cached("SELECT count(*) FROM ONLY parent", "0", other("INSERT INTO parent VALUES (7, 'p')", "1"))
	r.write("CREATE TABLE late () INHERITS (parent)", "INSERT INTO late VALUES (8, 'l')")
	r.sees("SELECT count(*) FROM parent", "3")
	r.sees("SELECT count(*) FROM parent", "3")
	r.exec("INSERT INTO late VALUES (9, 'l')")
	r.sync()
	r.sees("SELECT count(*) FROM parent", "4")
}

func movingPartitions(r *rig) {
	r.create(append(items, "CREATE TABLE root (id int NOT NULL PRIMARY KEY, v text) PARTITION BY RANGE (id)", "CREATE TABLE leaf1 PARTITION OF root FOR VALUES FROM (0) TO (10)",
		"INSERT INTO root VALUES (1, 'one')", "CREATE TABLE loose (id int NOT NULL PRIMARY KEY, v text)", "INSERT INTO loose VALUES (11, 'x'), (12, 'y')")...)
	proxy := server.NewProxy(r, address.FindString(r.dsn))
	r.feedDSN = address.ReplaceAllString(r.dsn, proxy.Addr())
	r.open()
	const count, row = "SELECT count(*) FROM root", "SELECT v FROM root WHERE id = 11"
	attach, detach := "ALTER TABLE root ATTACH PARTITION loose FOR VALUES FROM (10) TO (20)", "ALTER TABLE root DETACH PARTITION loose"
	r.cached(count, "1", own(attach, "3"), own(detach, "1"), other(attach, "3"), other("TRUNCATE loose", "1"), other("INSERT INTO loose VALUES (11, 'x')", "2"), other(detach, "1"),
		own("TRUNCATE leaf1", "0"), own("CREATE TABLE leaf3 PARTITION OF root FOR VALUES FROM (30) TO (40)", "0"), other("INSERT INTO leaf3 VALUES (31, 'z')", "1"), other("DROP TABLE leaf3", "0"))
	// What is attached before the feed has told of it: a write into it does not
	// know, and the poll that tells puts that right.
	r.warm(row, "")
	proxy.Hold()
	r.exec(attach)
	r.read(row)
	r.write("UPDATE loose SET v = 'late'")
	if err := proxy.Heal(); err != nil {
		r.Fatal(err)
	}
	r.sync()
	r.sees(row, "late")
}

func exchangedPartitions(r *rig) {
	r.start("CREATE TABLE root (id INT NOT NULL PRIMARY KEY, v VARCHAR(20)) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20))",
		"INSERT INTO root VALUES (1, 'one')", "CREATE TABLE loose (id INT NOT NULL PRIMARY KEY, v VARCHAR(20))", "INSERT INTO loose VALUES (11, 'x'), (12, 'y')")
	const exchange = "ALTER TABLE root EXCHANGE PARTITION p1 WITH TABLE loose"
	const count, loose = "SELECT count(*) FROM root", "SELECT count(*) FROM loose"
	// With its triggers a table cannot be exchanged; who does it drops them.
	bare := func() {
		r.exec("CREATE OR REPLACE TABLE bare (id INT NOT NULL PRIMARY KEY, v VARCHAR(20))", "INSERT INTO bare VALUES (13, 'z')")
	}
	r.warm(loose, "2")
	r.warm(count, "1")
	bare()
	if _, err := r.live.ExecContext(r.Context(), strings.Replace(exchange, "loose", "bare", 1)); err != nil {
		r.Logf("exchanging: %v", err)
	} else {
		r.sees(count, "2")
	}
	r.cached(count, must(r.ask(count)), other("ALTER TABLE root TRUNCATE PARTITION p1", "1"), own("INSERT INTO root VALUES (12, 'y')", "2"), own("ALTER TABLE root TRUNCATE PARTITION p1", "1"),
		own("ALTER TABLE root DROP PARTITION p0", "0"))
}

func cascades(r *rig) {
	r.start("CREATE TABLE parent (id INTEGER NOT NULL PRIMARY KEY)",
		"CREATE TABLE child (id INTEGER NOT NULL PRIMARY KEY, p INTEGER, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)",
		"CREATE TABLE grand (id INTEGER NOT NULL PRIMARY KEY, c INTEGER, FOREIGN KEY (c) REFERENCES child (id) ON DELETE SET NULL)",
		"INSERT INTO parent VALUES (1), (2), (3)", "INSERT INTO child VALUES (10, 1), (20, 2), (30, 3)", "INSERT INTO grand VALUES (100, 10), (200, 20), (300, 30)")
	const children, orphans = "SELECT count(*) FROM child", "SELECT count(*) FROM grand WHERE c IS NULL"
	r.warm(children, "3")
	r.warm(orphans, "0")
	r.write("DELETE FROM parent WHERE id = 1")
	r.asks(children, "2")
	r.asks(orphans, "1")
	r.warm(children, "2")
	r.warm(orphans, "1")
	r.exec("DELETE FROM parent WHERE id = 2")
	r.sync()
	r.asks(children, "1")
	r.asks(orphans, "2")
	r.cached("SELECT p FROM child WHERE id = 30", "3", own("UPDATE parent SET id = 33 WHERE id = 3", "33"), other("UPDATE parent SET id = 3 WHERE id = 33", "3"))
}

func userTriggers(r *rig) {
	schema := []string{"CREATE TABLE audit (n INTEGER NOT NULL)", "INSERT INTO audit VALUES (0)", "CREATE TABLE second (n INTEGER NOT NULL)", "INSERT INTO second VALUES (0)"}
	switch r.engine.family {
	case postgres:
		schema = append(schema, "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE audit SET n = n + 1; RETURN NULL; END'",
			"CREATE TRIGGER one AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION note()",
			"CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE second SET n = n + 1; RETURN NULL; END'",
			"CREATE TRIGGER two AFTER UPDATE ON audit EXECUTE FUNCTION more()",
			"CREATE TABLE ruled (n int)", "CREATE RULE also AS ON INSERT TO ruled DO ALSO UPDATE audit SET n = n + 10")
	case mariadb:
		schema = append(schema, "CREATE TRIGGER one AFTER UPDATE ON item FOR EACH ROW UPDATE audit SET n = n + 1",
			"CREATE PROCEDURE more() UPDATE second SET n = n + 1",
			"CREATE TRIGGER two AFTER UPDATE ON audit FOR EACH ROW CALL more()")
	default:
		schema = append(schema, "CREATE TRIGGER one AFTER UPDATE ON item BEGIN UPDATE audit SET n = n + 1; END",
			"CREATE TRIGGER two AFTER UPDATE ON audit BEGIN UPDATE second SET n = n + 1; END")
	}
	r.start(schema...)
	const audit, second = "SELECT n FROM audit", "SELECT n FROM second"
	for i := range 5 {
		r.warm(audit, fmt.Sprint(i))
		r.warm(second, fmt.Sprint(i))
		if i == 4 {
			break
		}
		write := "UPDATE item SET v = 'x' WHERE id = 1"
		if i%2 == 0 {
			r.write(write)
		} else {
			r.exec(write)
			r.sync()
		}
		r.asks(audit, fmt.Sprint(i+1))
		r.asks(second, fmt.Sprint(i+1))
	}
	if r.engine.family == postgres {
		r.write("INSERT INTO ruled VALUES (1)")
		r.asks(audit, "14")
		r.asks(second, "5")
	}
}

func dynamicTriggers(r *rig) {
	r.create(append(items, "CREATE TABLE audit (n int)", "INSERT INTO audit VALUES (0)",
		"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE format('UPDATE %I SET n = n + 1', 'aud' || 'it'); RETURN NULL; END$$",
		"CREATE TRIGGER t AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION note()")...)
	r.open()
	const audit = "SELECT n FROM audit"
	for i := range 20 {
		r.warm(audit, fmt.Sprint(i))
		r.write("UPDATE item SET v = 'x' WHERE id = 1")
		r.asks(audit, fmt.Sprint(i+1))
	}
	in, tx := r.begin(nil)
	in.write("UPDATE item SET v = 'y' WHERE id = 1")
	r.warm(audit, "20")
	r.commit(tx)
	r.asks(audit, "21")
	r.warm(audit, "21")
	r.passes("UPDATE item SET v = 'z' WHERE id = 1 RETURNING v", "z")
	r.asks(audit, "22")
}

func sequences(r *rig) {
	switch r.engine.family {
	case sqlite:
		r.start("CREATE TABLE made (id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER)", "INSERT INTO made (n) VALUES (0)")
		r.never("SELECT seq FROM sqlite_sequence", "SELECT seq, v FROM sqlite_sequence, item")
		r.follows("SELECT seq, v FROM sqlite_sequence, item WHERE item.id = 1", "1|a", other("INSERT INTO made (n) VALUES (0)", "2|a"))
	case postgres:
		r.start("CREATE SEQUENCE seq", "CREATE TABLE made (id serial PRIMARY KEY, n int)")
		r.never("SELECT last_value FROM seq", "SELECT last_value, v FROM made_id_seq, item")
		r.follows("SELECT last_value, v FROM seq, item WHERE id = 1", "1|a", other("SELECT setval('seq', 7)", "7|a"), own("SELECT setval('seq', 8)", "8|a"))
		in, _ := r.conn()
		in.passes("SELECT nextval('seq')", "9")
		in.passes("SELECT currval('seq')", "9")
		in.passes("SELECT nextval('seq')", "10")
		in.passes("SELECT currval('seq')", "10")
		in.passes("SELECT lastval()", "10")
	default:
		r.start("CREATE SEQUENCE seq")
		r.never("SELECT next_not_cached_value FROM seq", "SELECT PREVIOUS VALUE FOR seq FROM item", "SELECT LASTVAL(seq) FROM item")
		r.follows("SELECT next_not_cached_value, v FROM seq, item WHERE id = 1", must(r.ask("SELECT next_not_cached_value, v FROM seq, item WHERE id = 1")), other("DO SETVAL(seq, 5000)", "5001|a"))
	}
}

// movedUnnamed gives rows another key without naming its column. A count is kept
// as what depends on one row, also if there is none.
func movedUnnamed(r *rig) {
	switch r.engine.family {
	case sqlite:
		r.start()
		const nines = "SELECT count(*) FROM item WHERE id = 9"
		r.cached(nines, "0", own("UPDATE item SET rowid = 9 WHERE id = 2", "1"), own("UPDATE item SET id = 2 WHERE id = 9", "0"))
		r.cached(nines, "0", own("INSERT INTO item (id, v) VALUES (2, 'x') ON CONFLICT (id) DO UPDATE SET id = 9 ON CONFLICT DO NOTHING", "1"),
			own("UPDATE item SET id = 2 WHERE id = 9", "0"))
		r.cached(nines, "0", own("INSERT INTO item (id, id, v) VALUES (8, 9, 'x')", "1"), own("DELETE FROM item WHERE id = 9", "0"))
	case postgres:
		r.start("CREATE TABLE twice (a int, k int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY)", "INSERT INTO twice VALUES (1)",
			"CREATE TABLE turned (id int PRIMARY KEY, n int)", "INSERT INTO turned VALUES (1, 0)",
			"CREATE FUNCTION turn() RETURNS trigger LANGUAGE plpgsql AS $$DECLARE r record; BEGIN r := OLD; r.id := OLD.id + 8; RETURN r; END$$",
			"CREATE TRIGGER turns BEFORE UPDATE ON turned FOR EACH ROW EXECUTE FUNCTION turn()")
		r.cached("SELECT count(*) FROM twice WHERE k = 10", "0", own("UPDATE twice SET a = 5 WHERE k = 2", "1"))
		r.cached("SELECT count(*) FROM turned WHERE id = 9", "0", own("UPDATE turned SET n = 1 WHERE id = 1", "1"))
	default:
		r.start()
	}
}

func movedKeys(r *rig) {
	movedUnnamed(r)
	const two, nine = "SELECT v FROM item WHERE id = 2", "SELECT v FROM item WHERE id = 9"
	for _, how := range []func(string, string) step{own, other} {
		r.warm(nine, "")
		r.cached(two, "b", how("UPDATE item SET id = 9 WHERE id = 2", ""))
		r.sees(nine, "b")
		r.warm(two, "")
		r.cached(nine, "b", how("UPDATE item SET id = 2 WHERE id = 9", ""))
		r.sees(two, "b")
	}
}

func otherColumns(r *rig) {
	r.start("CREATE TABLE wide (id INTEGER NOT NULL PRIMARY KEY, a INTEGER, b INTEGER)", "INSERT INTO wide VALUES (1, 1, 1)")
	r.cached("SELECT * FROM wide", "1|1|1", own("UPDATE wide SET b = 2", "1|1|2"), other("UPDATE wide SET b = 3", "1|1|3"))
	r.cached("SELECT a FROM wide WHERE b = 3", "1", own("UPDATE wide SET b = 4", ""), other("UPDATE wide SET b = 3", "1"))
	switch r.engine.family {
	case sqlite:
		r.cached("SELECT rowid FROM wide", "1", other("UPDATE wide SET rowid = 5", "5"))
	case postgres:
		r.cached("SELECT w::text FROM wide w", "(1,1,3)", own("UPDATE wide SET b = 5", "(1,1,5)"), other("UPDATE wide SET b = 6", "(1,1,6)"))
		for _, q := range []string{"SELECT xmin::text FROM wide", "SELECT ctid::text FROM wide"} {
			for _, change := range []func(...string){r.write, r.exec} {
				was := must(r.ask(q))
				r.settle(q, was)
				change("UPDATE wide SET b = 7")
				r.sync()
				if got := must(r.ask(q)); got == was {
					r.Errorf("%s is still %s", q, got)
				}
			}
		}
	}
	r.warm(one, "a")
}

func zeroRows(r *rig) {
	r.start()
	r.exec("UPDATE item SET v = 'x' WHERE id = 77", "DELETE FROM item WHERE id = 77", "INSERT INTO item SELECT 5, 'x' FROM item WHERE id = 77")
	r.sync()
	r.hits(one, "a")
	r.write("UPDATE item SET v = 'x' WHERE id = 77") // of its own, livesql may think more
	r.warm(one, "a")
	r.exec("UPDATE item SET v = 'y' WHERE id = 1")
	r.sync()
	r.asks(one, "y")
}

func upserts(r *rig) {
	r.start()
	const v3, all = "SELECT v FROM item WHERE id = 3", "SELECT count(*) FROM item"
	texts := []string{"INSERT INTO item VALUES (3, '%s') ON CONFLICT (id) DO UPDATE SET v = excluded.v"}
	switch r.engine.family {
	case sqlite:
		texts = append(texts, "INSERT OR REPLACE INTO item VALUES (3, '%s')", "REPLACE INTO item VALUES (3, '%s')")
	case mariadb:
		texts = []string{"INSERT INTO item VALUES (3, '%s') ON DUPLICATE KEY UPDATE v = VALUES(v)", "REPLACE INTO item VALUES (3, '%s')"}
	}
	for _, text := range texts {
		for _, how := range []func(string, string) step{own, other} {
			r.warm(all, "2")
			r.cached(v3, "", how(fmt.Sprintf(text, "x"), "x"), how(fmt.Sprintf(text, "y"), "y"))
			r.sees(all, "3")
			r.write("DELETE FROM item WHERE id = 3")
		}
	}
	r.warm(one, "a")
}

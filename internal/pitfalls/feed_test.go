package pitfalls

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

// feeds are §F: those who write without livesql, and what tells of them.
var feeds = []pitfall{
	{65, "replica sessions", "triggers that fire ALWAYS tell of writers that switch triggers off", on(replicaRole, postgres).
		absent("a session cannot switch triggers off (SQLite: only through its C interface, see README)", sqlite, mariadb)},
	{66, "disabled triggers and swapped tables", "a table whose triggers are not in place is not cached, and what was is forgotten", on(lostCapture)},
	{67, "rewritten column type", "every value changes and no trigger fires: the schema tells", on(rewritten, postgres, mariadb).
		absent("a column's type cannot be altered", sqlite)},
	{68, "bulk loads and truncate", "COPY, LOAD DATA, TRUNCATE and DELETE without WHERE are told", on(bulkLoads)},
	{69, "writes by replication", "", cells{}.
		absent("the feed needs the primary: a standby is refused, see 74", postgres).
		absent("a replica's applier fires no triggers; the feed must be given the primary (docs/feeds.md)", mariadb).
		absent("there is no replication", sqlite)},
	{70, "limits of notify", "the bell has no payload, never fails a commit, and nothing depends on it", cells{}.
		proven("dialects/postgres/internal/feed.TestBell", postgres).absent("there is no NOTIFY", sqlite, mariadb)},
	{71, "trigger errors in the writer", "capture asks no rights of writers and fails none of their statements", on(writersWithoutRights, postgres, mariadb).
		proven("dialects/sqlite.TestCapture", sqlite)},
	{72, "poolers that swallow listen", "who hears no bell polls", cells{}.
		proven("dialects/postgres/internal/feed.TestBellThatIsNotProvenSavesNoPoll", postgres).absent("there is no LISTEN", sqlite, mariadb)},
	{73, "feed lost", "without a valid lease nothing comes from memory; afterwards, what was missed is told first", on(feedLost)},
	{74, "standby in the DSN", "what a standby answers is never kept, and it is answered from it alone", on(standby, postgres).
		absent("that a replica is another server is told by its server_uuid: dialects/mysql.TestProbe", mariadb).absent("a database is a file", sqlite)},
	{75, "writers that hooks do not see", "tables without rowids, REPLACE, truncation and other processes: the log tells, not a hook", on(unseenWriters, sqlite).
		proven("internal/faults.TestFaults, \"killed\" (unlogged tables are empty after a crash)", postgres).
		absent("MEMORY tables are not covered", mariadb)},
}

func replicaRole(r *rig) {
	r.start()
	for i, conn := range []reader{r.via(r.elsewhere()), must2(r.conn())} {
		conn.write("SET session_replication_role = replica", fmt.Sprintf("UPDATE item SET v = 'replica%d' WHERE id = 1", i))
		r.sync()
		r.asks(one, fmt.Sprint("replica", i))
		r.warm(one, fmt.Sprint("replica", i))
	}
}

// must2 returns the first of two.
func must2[A, B any](a A, _ B) A { return a }

// uncover takes the capture from item, as a careless program does.
func (r *rig) uncover() {
	r.Helper()
	if r.engine.family == postgres {
		r.exec("ALTER TABLE item DISABLE TRIGGER ALL")
		return
	}
	triggers := "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'item'"
	if r.engine.family == mariadb {
		triggers = "SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema = DATABASE() AND event_object_table = 'item'"
	}
	rows, err := r.other.QueryContext(r.Context(), triggers)
	if err != nil {
		r.Fatal(err)
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			r.Fatal(err)
		}
		names = append(names, name)
	}
	rows.Close()
	if len(names) == 0 {
		r.Fatal("item has no triggers")
	}
	for _, name := range names {
		r.exec("DROP TRIGGER " + name)
	}
}

func lostCapture(r *rig) {
	r.create(items...)
	r.open(livesql.NoInstall())
	r.warm(one, "a")
	r.uncover()
	r.exec("UPDATE item SET v = 'unseen' WHERE id = 1")
	r.sync()
	r.asks(one, "unseen")
	r.asks(one, "unseen") // it is not covered any more
	r.exec("UPDATE item SET v = 'again' WHERE id = 1")
	r.sees(one, "again")
	if r.engine.family == postgres {
		r.exec("ALTER TABLE item ENABLE TRIGGER ALL")
	}
	r.install()
	r.warm(one, "again")
	// Another table in its place.
	r.exec("CREATE TABLE coming (id INTEGER NOT NULL PRIMARY KEY, v VARCHAR(50) NOT NULL)", "INSERT INTO coming VALUES (1, 'swapped')")
	r.install()
	if r.engine.family == mariadb {
		r.exec("RENAME TABLE item TO gone, coming TO item")
	} else {
		conn := r.via(r.elsewhere())
		conn.write("BEGIN", "ALTER TABLE item RENAME TO gone", "ALTER TABLE coming RENAME TO item", "COMMIT")
	}
	r.sync()
	r.asks(one, "swapped")
	r.install()
	r.cached(one, "swapped", other("UPDATE item SET v = 'x' WHERE id = 1", "x"), own("UPDATE item SET v = 'y' WHERE id = 1", "y"), other("UPDATE gone SET v = 'z' WHERE id = 1", "y"))
}

func rewritten(r *rig) {
	r.start("CREATE TABLE number (n INTEGER NOT NULL)", "INSERT INTO number VALUES (1)")
	const n = "SELECT n FROM number"
	r.warm(n, "1")
	if r.engine.family == postgres {
		r.exec("ALTER TABLE number ALTER n TYPE bigint USING n + 41")
		r.sync()
		r.sees(n, "42")
		r.cached(n, "42", own("ALTER TABLE number ALTER n TYPE int USING n - 41", "1"), other("UPDATE number SET n = 2", "2"))
		return
	}
	r.exec("ALTER TABLE number MODIFY n VARCHAR(20) NOT NULL DEFAULT 'x', ADD m INTEGER AS (CHAR_LENGTH(n)) STORED")
	r.sync()
	r.cached(n, "1", own("ALTER TABLE number MODIFY n DECIMAL(10, 2)", "1.00"), other("UPDATE number SET n = 2", "2.00"))
	r.cached("SELECT m FROM number", "4", other("ALTER TABLE number DROP m, ADD m INTEGER AS (n + 40) STORED", "42"))
}

func bulkLoads(r *rig) {
	const count = "SELECT count(*) FROM item"
	switch r.engine.family {
	case sqlite:
		r.start()
		r.cached(count, "2", other("INSERT INTO item SELECT id + 10, v FROM item", "4"), other("DELETE FROM item", "0"), own("INSERT INTO item VALUES (1, 'a')", "1"), own("DELETE FROM item", "0"))
	case postgres:
		r.start("CREATE TABLE parent (id int PRIMARY KEY)", "INSERT INTO parent VALUES (1)", "CREATE TABLE child (p int REFERENCES parent)", "INSERT INTO child VALUES (1)")
		r.cached(count, "2", other("COPY item FROM PROGRAM 'printf \"3\\tc\\n4\\td\\n\"'", "4"), own("COPY item FROM PROGRAM 'printf \"5\\te\\n\"'", "5"), other("TRUNCATE item", "0"),
			own("INSERT INTO item VALUES (1, 'a')", "1"), own("TRUNCATE item", "0"))
		r.cached("SELECT count(*) FROM child", "1", other("TRUNCATE parent CASCADE", "0"))
		r.write("INSERT INTO parent VALUES (1)", "INSERT INTO child VALUES (1)")
		r.cached("SELECT count(*) FROM child", "1", own("TRUNCATE parent CASCADE", "0"))
	default:
		r.start()
		file := "'" + must(r.via(r.other).ask("SELECT @@tmpdir")) + "/" + databaseOf(r.dsn) + ".txt'"
		r.exec("SELECT id + 10, v FROM item INTO OUTFILE " + file)
		load := "LOAD DATA INFILE " + file
		r.cached(count, "2", other(load+" INTO TABLE item", "4"), own(load+" REPLACE INTO TABLE item", "4"), other("TRUNCATE item", "0"),
			own(load+" INTO TABLE item", "2"), own("TRUNCATE TABLE item", "0"))
	}
}

func writersWithoutRights(r *rig) {
	r.start()
	var dsn string
	if r.engine.family == postgres {
		role := r.role("writer")
		r.exec("GRANT SELECT, INSERT, UPDATE, DELETE ON item TO " + role)
		dsn = strings.Replace(r.dsn, "postgres@", role+"@", 1)
	} else {
		name := fmt.Sprintf("writer_%x", len(r.Name()))
		r.exec("CREATE OR REPLACE USER '"+name+"'@'127.0.0.1'", "GRANT SELECT, INSERT, UPDATE, DELETE ON item TO '"+name+"'@'127.0.0.1'")
		r.Cleanup(func() { r.other.Exec("DROP USER '" + name + "'@'127.0.0.1'") })
		dsn = strings.Replace(r.dsn, "root@", name+"@", 1)
	}
	writer := r.via(r.connect(dsn))
	for i, w := range []string{"UPDATE item SET v = 'w0' WHERE id = 1", "INSERT INTO item VALUES (3, 'c')", "DELETE FROM item WHERE id = 3", "UPDATE item SET id = 3 WHERE id = 1", "UPDATE item SET id = 1 WHERE id = 3"} {
		if i != 4 {
			r.warm(one, must(r.ask(one)))
		}
		writer.write(w)
		r.sync()
		r.sees(one, map[bool]string{false: "w0", true: ""}[i == 3])
	}
}

var address = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)

// feedLost cuts the feed off from the database, and not the program.
func feedLost(r *rig) {
	r.create(items...)
	var cut, heal func()
	opts := []livesql.Option{livesql.Lease(lease), livesql.FeedDeadline(lease / 2)}
	if r.engine.family == sqlite {
		var held []*gate
		cut = func() {
			for range 50 { // the feed connects again and again
				held = append(held, r.gates.hold(sent, "data_version"))
			}
			held[0].wait(r)
		}
		heal = func() { r.gates.openAll() }
	} else {
		proxy := server.NewProxy(r, address.FindString(r.dsn))
		r.feedDSN = address.ReplaceAllString(r.dsn, proxy.Addr())
		cut = proxy.Blackhole
		heal = func() {
			if err := proxy.Heal(); err != nil {
				r.Error(err)
			}
		}
	}
	r.open(opts...)
	r.warm(one, "a")
	cut()
	defer heal()
	r.exec("UPDATE item SET v = 'unheard' WHERE id = 1")
	r.until("the change is seen", func() bool {
		got, _ := r.read(one)
		return got == "unheard"
	})
	before := r.live.CacheStats()
	for range 3 {
		r.passes(one, "unheard")
	}
	if after := r.live.CacheStats(); after.Bypassed[cache.NoLease] != before.Bypassed[cache.NoLease]+3 || after.Stores != before.Stores {
		r.Errorf("the reads went past the cache for another reason: %v", after.Bypassed)
	}
	r.exec("UPDATE item SET v = 'late' WHERE id = 1")
	heal()
	if err := r.live.Feed().WaitLive(r.soon()); err != nil {
		r.Fatal(err)
	}
	r.sees(one, "late")
	r.warm(one, "late")
}

// standby has a program that reads from a standby, while the feed follows the
// primary. The standby is a copy of the primary's data directory, which is what
// pg_basebackup makes, but needs no further program.
func standby(r *rig) {
	primary := server.OwnPostgres(r, server.Setting("max_prepared_transactions", "0"))
	second := server.OwnPostgres(r, server.Setting("max_prepared_transactions", "0"))
	database := primary.Database(r)
	r.dsn = database.DSN()
	r.other = r.connect(r.dsn)
	r.exec(items...)
	r.install()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	check := func(err error) {
		r.Helper()
		if err != nil {
			r.Fatal(err)
		}
	}
	check(second.Stop(ctx))
	check(primary.Stop(ctx))
	from, to := filepath.Join(primary.Dir(), "data"), filepath.Join(second.Dir(), "data")
	check(os.RemoveAll(to))
	check(exec.CommandContext(ctx, "cp", "-a", from, to).Run())
	check(os.WriteFile(filepath.Join(to, "standby.signal"), nil, 0o644))
	check(primary.Start(ctx))
	r.other = r.connect(r.dsn) // pgx does not look whether a connection that was used just now is still there
	host, port, _ := strings.Cut(primary.Addr(), ":")
	check(second.Configure(ctx, map[string]string{"primary_conninfo": "host=" + host + " port=" + port + " user=postgres", "hot_standby": "on"}))
	check(second.Start(ctx))

	// On the primary, the read is answered from memory.
	r.open()
	r.warm(one, "a")
	near := r.live
	// From the standby it never is, and nothing is kept.
	r.feedDSN = r.dsn
	standbyDSN := address.ReplaceAllString(r.dsn, second.Addr())
	r.dsn = standbyDSN
	admin := r.via(r.connect(standbyDSN))
	r.open()
	check(r.live.Feed().WaitLive(r.soon()))
	passes := func(want string) {
		r.Helper()
		before := r.live.CacheStats()
		for range 4 {
			r.sees(one, want)
		}
		if after := r.live.CacheStats(); after.Hits > before.Hits || after.Stores > before.Stores {
			r.Errorf("what the standby answers is kept: %+v", after)
		}
	}
	passes("a")
	if got, err := admin.ask("SELECT pg_wal_replay_pause(), pg_is_in_recovery()"); err != nil || got[len(got)-4:] != "true" {
		r.Fatalf("%q, %v", got, err)
	}
	r.exec("UPDATE item SET v = 'ahead' WHERE id = 1")
	r.sync()
	passes("a") // it lags behind, as long as it likes
	if _, err := admin.ask("SELECT pg_wal_replay_resume()"); err != nil {
		r.Fatal(err)
	}
	r.until("the standby has caught up", func() bool { return must(r.ask(one)) == "ahead" })
	passes("ahead")
	// Promoted, it is another database with the same name and number.
	if _, err := admin.ask("SELECT pg_promote()"); err != nil {
		r.Fatal(err)
	}
	admin.write("UPDATE item SET v = 'promoted' WHERE id = 1")
	r.fresh()
	passes("promoted")
	r.live = near
	r.via(near.DB).warm(one, "ahead")
}

func unseenWriters(r *rig) {
	r.start("CREATE TABLE flat (k TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID", "INSERT INTO flat VALUES ('x', 1)",
		"CREATE TABLE uniq (id INTEGER PRIMARY KEY, k TEXT UNIQUE)", "INSERT INTO uniq VALUES (1, 'k')")
	r.cached("SELECT n FROM flat", "1", other("UPDATE flat SET n = 2", "2"), own("UPDATE flat SET n = 3", "3"))
	r.cached("SELECT k FROM uniq WHERE id = 1", "k", other("REPLACE INTO uniq VALUES (2, 'k')", "")) // its victim is deleted without a trigger
	r.cached("SELECT count(*) FROM uniq", "1", other("DELETE FROM uniq", "0"))
}

package livesql_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

const (
	byID  = "SELECT name FROM item WHERE id = $1"
	names = "SELECT id, name FROM item ORDER BY id"
)

// TestPostgresReadsAreKept: in every way in which programs read, the second
// read is answered from memory, and the first one after a write is not.
func TestPostgresReadsAreKept(t *testing.T) {
	t.Parallel()
	onPostgres(t, nil, func(f *pgFixture) {
		x := sqlx.NewDb(f.db.DB, f.dialect)
		sqlx.BindDriver(f.dialect, sqlx.DOLLAR)
		prepared, err := f.db.PrepareContext(f.ctx, byID)
		if err != nil {
			f.Fatal(err)
		}
		defer prepared.Close()
		preparedx, err := x.PreparexContext(f.ctx, byID)
		if err != nil {
			f.Fatal(err)
		}
		defer preparedx.Close()
		named, err := x.PrepareNamedContext(f.ctx, "SELECT name FROM item WHERE id = :id")
		if err != nil {
			f.Fatal(err)
		}
		defer named.Close()
		query := func(query string, args ...any) func(*string) error {
			return func(name *string) error { return f.db.QueryRowContext(f.ctx, query, args...).Scan(name) }
		}
		for what, read := range map[string]func(*string) error{
			"direct":          query(byID, 1),
			"without args":    query("SELECT name FROM item WHERE id = 1"),
			"several args":    query("SELECT name FROM item WHERE id = $1 AND name <> $2 AND at < $3", 1, "x", "2021-01-01"),
			"session formats": query("SELECT name FROM item WHERE id = 1 AND to_char(at, 'YYYY') = '2020' AND at::date < '2030-01-01'"),
			"prepared":        func(name *string) error { return prepared.QueryRowContext(f.ctx, 1).Scan(name) },
			"sqlx Get":        func(name *string) error { return x.GetContext(f.ctx, name, byID, 1) },
			"sqlx Preparex":   func(name *string) error { return preparedx.GetContext(f.ctx, name, 1) },
			"sqlx Named":      func(name *string) error { return named.GetContext(f.ctx, name, map[string]any{"id": 1}) },
		} {
			once := func(want string) {
				f.Helper()
				var name string
				if err := read(&name); err != nil || name != want {
					f.Errorf("%s: %q, %v, want %q", what, name, err, want)
				}
			}
			once("one")
			once("one")
			if n := f.hits(f.db, func() { once("one") }); n != 1 {
				f.Errorf("%s: %d answers from memory, want 1; %+v", what, n, f.db.CacheStats())
			}
			f.exec(f.db, "UPDATE item SET name = 'uno' WHERE id = 1")
			once("uno")
			f.exec(f.db, "UPDATE item SET name = 'one' WHERE id = 1")
			f.sync()
		}
	})
}

// TestPostgresArgumentsThatSayNow: a text that stands for a moment is asked
// each time.
func TestPostgresArgumentsThatSayNow(t *testing.T) {
	t.Parallel()
	onPostgres(t, nil, func(f *pgFixture) {
		const before = "SELECT count(*) FROM item WHERE at < $1"
		for _, moment := range []string{"now", " Tomorrow", "today 12:00"} {
			for range 3 {
				f.want(f.db, false, "2", before, moment)
			}
		}
		f.want(f.db, false, "2", before, "2021-01-01")
		f.want(f.db, true, "2", before, "2021-01-01")
	})
}

// TestPostgresForeignWrites: what other programs write is seen once the feed
// has told of it.
func TestPostgresForeignWrites(t *testing.T) {
	t.Parallel()
	onPostgres(t, []string{
		"CREATE VIEW shown AS SELECT id, name FROM item WHERE name <> 'hidden'",
		"CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (10)",
		"CREATE TABLE base (id int)", "CREATE TABLE derived () INHERITS (base)",
	}, func(f *pgFixture) {
		for _, c := range []struct{ read, before, write, after string }{
			{"SELECT name FROM item WHERE id = 1", "one", "UPDATE item SET name = 'uno' WHERE id = 1", "uno"},
			{"SELECT name FROM shown ORDER BY id", "uno;two", "INSERT INTO item VALUES (3, 'three')", "uno;two;three"},
			{"SELECT count(*) FROM tag", "2", "DELETE FROM item WHERE id = 2", "1"},
			{"SELECT count(*) FROM part", "0", "INSERT INTO part1 VALUES (1)", "1"},
			{"SELECT count(*) FROM part1", "1", "DELETE FROM part", "0"},
			{"SELECT count(*) FROM base", "0", "INSERT INTO derived VALUES (1)", "1"},
			{"SELECT count(*) FROM tag", "1", "TRUNCATE tag", "0"},
			{"SELECT * FROM part", "", "DROP TABLE part1", ""},
			{"SELECT count(*) FROM shown", "2", "CREATE OR REPLACE VIEW shown AS SELECT id, name FROM item WHERE id = 1", "1"},
			{"SELECT id FROM item ORDER BY id", "1;3", "ALTER TABLE item DISABLE TRIGGER USER; UPDATE item SET id = id + 10; ALTER TABLE item ENABLE TRIGGER USER", "11;13"},
		} {
			f.cached(c.read)
			if got := f.rows(f.db, c.read); got != c.before {
				f.Fatalf("%s\nreturns %q, want %q", c.read, got, c.before)
			}
			f.want(f.db, true, c.before, c.read)
			f.exec(f.other, c.write)
			f.sync()
			switch verb, _, _ := strings.Cut(c.write, " "); verb {
			case "ALTER", "CREATE", "DROP":
				f.until(func() bool { return f.rows(f.db, c.read) == c.after })
			}
			if got := f.rows(f.db, c.read); got != c.after {
				f.Errorf("after %s\n%s\nreturns %q, want %q", c.write, c.read, got, c.after)
			}
		}
	})
}

// TestPostgresArgumentUsedTwice: the server takes an argument for what it is
// compared with first, here a char(n), which has no blanks at its end when it is
// compared with a text. So it names another row than it seems to.
func TestPostgresArgumentUsedTwice(t *testing.T) {
	t.Parallel()
	onPostgres(t, []string{
		"CREATE TABLE place (name text PRIMARY KEY, nick char(5), n int)", "INSERT INTO place VALUES ('a', 'a', 1)",
	}, func(f *pgFixture) {
		const read = "SELECT n FROM place WHERE nick = $1 AND name = $1"
		f.cached(read)
		for _, want := range []int{1, 2} {
			for range 2 {
				var n int
				if err := f.db.QueryRowContext(f.ctx, read, "a  ").Scan(&n); err != nil || n != want {
					f.Errorf("%d, %v, want %d", n, err, want)
				}
			}
			f.exec(f.other, "UPDATE place SET n = 2")
			f.sync()
		}
	})
}

// TestPostgresOwnWrites: a read after a write of the same handle sees it,
// whatever else the write has changed, and without waiting for the feed.
func TestPostgresOwnWrites(t *testing.T) {
	t.Parallel()
	onPostgres(t, []string{
		"CREATE TABLE audit (n serial, what text)", "CREATE TABLE late (what text)", "CREATE TABLE counters (name text PRIMARY KEY, n int)", "INSERT INTO counters VALUES ('x', 0)",
		"CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit (what) VALUES (NEW.name); RETURN NEW; END $$",
		"CREATE TRIGGER audited AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION audited()",
		"CREATE FUNCTION runs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'INSERT INTO late VALUES ($1)' USING NEW.tag; RETURN NULL; END $$",
		"CREATE CONSTRAINT TRIGGER runs AFTER INSERT ON tag DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION runs()",
		"CREATE FUNCTION next_n() RETURNS int LANGUAGE sql AS 'UPDATE counters SET n = n + 1 RETURNING n'", "CREATE TABLE counted (id int PRIMARY KEY DEFAULT next_n(), v int)",
		"CREATE FUNCTION purge() RETURNS int LANGUAGE sql AS 'DELETE FROM late; SELECT 1'",
		"CREATE VIEW shown AS SELECT id, name FROM item",
		"CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (10)",
		"CREATE TABLE ruled (id int)", "CREATE RULE r AS ON INSERT TO ruled DO ALSO INSERT INTO late VALUES ('rule')",
	}, func(f *pgFixture) {
		for _, c := range []struct{ read, before, write, after string }{
			{"SELECT name FROM item WHERE id = 1", "one", "UPDATE item SET name = 'uno' WHERE id = 1", "uno"},
			{"SELECT name FROM item WHERE id = 1", "uno", "UPDATE shown SET name = 'eins' WHERE id = 1", "eins"},
			{"SELECT name FROM shown WHERE id = 1", "eins", "UPDATE item SET name = 'uno' WHERE id = 1", "uno"},
			{"SELECT what FROM audit ORDER BY n DESC LIMIT 1", "uno", "UPDATE item SET name = 'un' WHERE id = 1", "un"},
			{"SELECT count(*) FROM tag", "2", "DELETE FROM item WHERE id = 2", "1"},
			{"SELECT count(*) FROM late", "0", "INSERT INTO tag VALUES (1, 'late')", "1"},
			{"SELECT n FROM counters", "0", "INSERT INTO counted (v) VALUES (1)", "1"},
			{"SELECT count(*) FROM late", "1", "SELECT purge()", "0"},
			{"SELECT count(*) FROM part", "0", "INSERT INTO part1 VALUES (1)", "1"},
			{"SELECT count(*) FROM part1", "1", "DELETE FROM part", "0"},
			{"SELECT count(*) FROM late", "0", "INSERT INTO ruled VALUES (1)", "1"},
			{"SELECT count(*) FROM tag", "2", "WITH gone AS (DELETE FROM tag RETURNING *) SELECT count(*) FROM gone", "0"},
			{"SELECT count(*) FROM late", "1", "DO $$ BEGIN DELETE FROM late; END $$", "0"},
			{"SELECT count(*) FROM item", "1", "TRUNCATE item CASCADE", "0"},
		} {
			f.sync()
			f.cached(c.read)
			if got := f.rows(f.db, c.read); got != c.before {
				f.Fatalf("%s\nreturns %q, want %q", c.read, got, c.before)
			}
			f.want(f.db, true, c.before, c.read)
			f.exec(f.db, c.write)
			if got := f.rows(f.db, c.read); got != c.after {
				f.Errorf("after %s\n%s\nreturns %q, want %q", c.write, c.read, got, c.after)
			}
		}
	})
}

// TestPostgresTransactions: a transaction neither reads the cache nor fills it,
// whoever began it, and its writes are seen when it has committed.
func TestPostgresTransactions(t *testing.T) {
	t.Parallel()
	onPostgres(t, nil, func(f *pgFixture) {
		fill := func() {
			f.Helper()
			f.sync()
			f.rows(f.db, byID, 1)
		}
		fill()
		tx, err := f.db.BeginTx(f.ctx, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.want(tx, false, "one", byID, 1)
		f.exec(tx, "UPDATE item SET name = 'uno' WHERE id = 1")
		f.want(tx, false, "uno", byID, 1)
		f.want(f.db, true, "one", byID, 1)
		if err := tx.Commit(); err != nil {
			f.Fatal(err)
		}
		f.want(f.db, false, "uno", byID, 1)

		// One that was begun by its text, and left open on a pooled connection.
		fill()
		conn := f.conn(f.db)
		f.exec(conn, "BEGIN", "UPDATE item SET name = 'lost' WHERE id = 1")
		f.want(conn, false, "lost", byID, 1)
		f.want(conn, false, "lost", byID, 1)
		f.want(f.db, true, "uno", byID, 1)
		f.exec(conn, "ROLLBACK")
		f.sync()
		if got := f.rows(conn, byID, 1); got != "uno" {
			f.Errorf("after the rollback: %q", got)
		}
		for _, level := range []sql.IsolationLevel{sql.LevelRepeatableRead, sql.LevelSerializable} {
			fill()
			tx, err := f.db.BeginTx(f.ctx, &sql.TxOptions{Isolation: level, ReadOnly: true})
			if err != nil {
				f.Fatal(err)
			}
			f.want(tx, false, "uno", byID, 1)
			if err := tx.Rollback(); err != nil {
				f.Fatal(err)
			}
		}
	})
}

// TestPostgresElsewhere: a connection that is not to the database of the feed
// neither fills nor is served what another has read.
func TestPostgresElsewhere(t *testing.T) {
	t.Parallel()
	onPostgres(t, nil, func(f *pgFixture) {
		elsewhere := server.Postgres(f.T)
		f.exec(elsewhere.DB(), "CREATE TABLE item (id bigint PRIMARY KEY, name text NOT NULL)", "INSERT INTO item VALUES (1, 'elsewhere')")
		// The program's connections are to another database than its feed's.
		db := f.open(elsewhere.DSN(), livesql.FeedDSN(f.database.DSN()))
		f.db = db
		for range 3 {
			f.want(db, false, "elsewhere", byID, 1)
		}
	})
}

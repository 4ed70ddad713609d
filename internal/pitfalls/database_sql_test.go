package pitfalls

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/livesql"
)

// mechanics are §G: what database/sql and the drivers do around a result.
var mechanics = []pitfall{
	{76, "rows that are closed early", "what is kept is whole, and QueryRow is kept", on(closedEarly)},
	{77, "bytes that are shared", "a caller owns the bytes it gets", on(sharedBytes)},
	{78, "values of foreign kinds", "values that cannot be copied are not kept; all others come with their types", cells{}.
		proven("internal/rowset.TestUncopyable", families...)},
	{79, "columns and their types", "a result from memory is described as the driver describes it", cells{}.
		proven("livesql.TestValuesAreTheDrivers", families...)},
	{80, "optional interfaces", "the wrapper has those of the inner driver, and no other", cells{}.
		proven("livesql.TestCapabilities", families...)},
	{81, "arguments that look alike", "arguments of different types or bytes are different", on(argumentsAlike)},
	{81, "A against a under a collation that ignores case", "equal to the database is not equal to the cache", on(caseAlike)},
	{82, "null arguments", "NULL is an argument of its own, and equals nothing", on(nullArguments)},
	{83, "endless variety of texts", "memory is bounded whatever is asked", on(endlessVariety)},
	{84, "hash taken for a key", "a hash finds candidates; the whole key decides", on(collisions)},
	{85, "huge results", "they are streamed, whole, and not kept", on(hugeResults)},
	{86, "one entry, many readers", "each reader has a cursor of its own", on(manyReaders)},
	{87, "prepared on one connection, executed on another", "what a statement means is asked when it is executed", on(preparedElsewhere)},
	{88, "errors", "they are never kept", on(failures)},
	{88, "empty result, then an insert", "no rows are a result, and depend on the table", on(emptyThenInsert)},
	{89, "hits without a connection", "a context that has ended gets its error, and not an answer", on(endedContexts)},
	{90, "contexts that change results", "", cells{}.
		absent("a wrapper that rewrites statements goes around livesql's connector (NewConnector), and the cache sees what it has written", families...)},
	{91, "schema changes", "another schema is another meaning: columns, statements and dependencies are asked anew", on(schemaChanges)},
	{92, "bulk writes", "many rows are one mark, and what they throw out does not hold up readers", on(bulkWrites)},
	{93, "live query that runs again", "it reads on the primary, in the transaction that reads the log, and tells of what differs", cells{}.
		proven("table/internal/onengines.TestWriterProcesses; table/internal/onengines.TestConditions", families...)},
}

func closedEarly(r *rig) {
	r.start("INSERT INTO item VALUES (3, 'c')")
	const all = "SELECT v FROM item ORDER BY id"
	rows, err := r.live.QueryContext(r.Context(), all)
	if err != nil {
		r.Fatal(err)
	}
	if !rows.Next() {
		r.Fatal("no rows")
	}
	rows.Close()
	r.sees(all, "a;b;c")
	r.warm(all, "a;b;c")
	// QueryRow reads one row of three.
	const first = "SELECT v FROM item WHERE id > 0 ORDER BY id"
	for i := range 3 {
		before := r.live.CacheStats().Hits
		var v string
		if err := r.live.QueryRowContext(r.Context(), first).Scan(&v); err != nil || v != "a" {
			r.Fatalf("%q, %v", v, err)
		}
		if hits := r.live.CacheStats().Hits - before; i > 0 && hits != 1 {
			r.Errorf("QueryRow is not answered from memory")
		}
	}
	r.hits(first, "a;b;c")
	// A context that ends in the middle.
	const cancelled = "SELECT v FROM item WHERE id > -1 ORDER BY id"
	ctx, cancel := context.WithCancel(r.Context())
	rows, err = r.live.QueryContext(ctx, cancelled)
	if err != nil {
		r.Fatal(err)
	}
	rows.Next()
	cancel()
	rows.Close()
	r.sees(cancelled, "a;b;c")
	r.warm(cancelled, "a;b;c")
}

func sharedBytes(r *rig) {
	blob := map[string]string{sqlite: "BLOB", postgres: "BYTEA", mariadb: "BLOB"}[r.engine.family]
	r.start("CREATE TABLE file (id INTEGER NOT NULL PRIMARY KEY, b "+blob+")", "INSERT INTO file VALUES (1, 'abc'), (2, 'def')")
	if r.engine.family == sqlite {
		r.exec("UPDATE file SET b = CAST(b AS BLOB)")
	}
	const all = "SELECT b FROM file ORDER BY id"
	r.warm(all, "abc;def")
	spoil := func(scan func(rows *sql.Rows) []byte) {
		before := r.live.CacheStats().Hits
		rows, err := r.live.QueryContext(r.Context(), all)
		if err != nil {
			r.Fatal(err)
		}
		for rows.Next() {
			b := scan(rows)
			for i := range b {
				b[i] = 'X'
			}
		}
		rows.Close()
		if r.live.CacheStats().Hits == before {
			r.Fatal("not answered from memory")
		}
	}
	spoil(func(rows *sql.Rows) []byte {
		var b sql.RawBytes
		if err := rows.Scan(&b); err != nil {
			r.Fatal(err)
		}
		return b
	})
	r.hits(all, "abc;def")
	spoil(func(rows *sql.Rows) []byte {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			r.Fatal(err)
		}
		return b
	})
	r.hits(all, "abc;def")
	spoil(func(rows *sql.Rows) []byte {
		var v any
		if err := rows.Scan(&v); err != nil {
			r.Fatal(err)
		}
		b, _ := v.([]byte)
		return b
	})
	r.hits(all, "abc;def")
	// And of the argument, which the caller may use again.
	arg := []byte("abc")
	query := "SELECT id FROM file WHERE b = ?"
	r.warm(query, "1", arg)
	copy(arg, "def")
	r.sees(query, "2", arg)
	r.hits(query, "1", []byte("abc"))
}

func argumentsAlike(r *rig) {
	r.start()
	var query string
	var args []any
	var want []string
	switch r.engine.family {
	case sqlite:
		query = "SELECT typeof(?), v FROM item WHERE id = 1"
		args = []any{1, "1", 1.0, []byte("1"), nil, true, int64(1)}
		want = []string{"integer|a", "text|a", "real|a", "blob|a", "null|a", "integer|a", "integer|a"}
	case mariadb:
		query = "SELECT COALESCE(HEX(CONCAT(?, '')), 'none'), v FROM item WHERE id = 1"
		args = []any{1, "1", 1.5, []byte("1.5"), nil, "1 ", int64(12)}
		want = []string{"31|a", "31|a", "312E35|a", "312E35|a", "none|a", "3120|a", "3132|a"}
	default:
		query = "SELECT COALESCE(?::text, 'none'), v FROM item WHERE id = 1"
		args = []any{"1", "1 ", " 1", nil, "", "A", "a"}
		want = []string{"1|a", "1 |a", " 1|a", "none|a", "|a", "A|a", "a|a"}
	}
	for range 3 {
		for i, arg := range args {
			r.sees(query, want[i], arg)
		}
	}
	r.sync()
	hits := 0
	for i, arg := range args {
		if r.sees(query, want[i], arg) == hit {
			hits++
		}
	}
	if hits < len(args)-1 {
		r.Errorf("%d of %d are answered from memory", hits, len(args))
	}
}

func caseAlike(r *rig) {
	switch r.engine.family {
	case sqlite:
		r.start("CREATE TABLE name (n VARCHAR(20) COLLATE NOCASE PRIMARY KEY, k INTEGER)")
	case mariadb:
		r.start("CREATE TABLE name (n VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, k INTEGER)")
	default:
		r.start("CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)", "CREATE TABLE name (n VARCHAR(20) COLLATE ci PRIMARY KEY, k INTEGER)")
	}
	r.write("INSERT INTO name VALUES ('a', 1)")
	const k = "SELECT k, n FROM name WHERE n = 'A'"
	const arg = "SELECT k, n FROM name WHERE n = ?"
	r.cached(k, "1|a", own("UPDATE name SET k = 2 WHERE n = 'a'", "2|a"), other("UPDATE name SET k = 3 WHERE n = 'A'", "3|a"), own("UPDATE name SET n = 'A' WHERE n = 'A'", "3|A"),
		other("DELETE FROM name WHERE n = 'a'", ""), own("INSERT INTO name VALUES ('a', 4)", "4|a"))
	for _, name := range []string{"A", "a"} {
		r.warm(arg, "4|a", name)
	}
	if _, err := r.live.ExecContext(r.Context(), r.rebind("UPDATE name SET k = 5 WHERE n = ?"), "a"); err != nil {
		r.Fatal(err)
	}
	r.asks(arg, "5|a", "A")
	r.asks(arg, "5|a", "a")
	r.warm(arg, "5|a", "A")
	if _, err := r.other.ExecContext(r.Context(), r.rebind("UPDATE name SET k = 6 WHERE n = ?"), "a"); err != nil {
		r.Fatal(err)
	}
	r.sync()
	r.asks(arg, "6|a", "A")
}

func nullArguments(r *rig) {
	r.start("CREATE TABLE maybe (id INTEGER NOT NULL PRIMARY KEY, n VARCHAR(20))", "INSERT INTO maybe VALUES (1, NULL), (2, 'x')")
	equal := "SELECT id FROM maybe WHERE n = ?"
	same := map[string]string{sqlite: "SELECT id FROM maybe WHERE n IS ?", postgres: "SELECT id FROM maybe WHERE n IS NOT DISTINCT FROM ?", mariadb: "SELECT id FROM maybe WHERE n <=> ?"}[r.engine.family]
	for range 3 {
		r.sees(equal, "", nil)
		r.sees(equal, "2", "x")
		r.sees(equal, "", "")
		r.sees(same, "1", nil)
		r.sees(same, "2", "x")
		r.sees(same, "", "")
	}
	r.warm(same, "1", nil)
	r.warm(same, "2", "x")
	r.exec("UPDATE maybe SET n = NULL WHERE id = 2")
	r.sync()
	r.sees(same, "1;2", nil)
	r.sees(same, "", "x")
	r.cached("SELECT count(*) FROM maybe WHERE n IS NULL", "2", own("UPDATE maybe SET n = 'x' WHERE id = 2", "1"), other("UPDATE maybe SET n = 'y' WHERE id = 1", "0"))
	r.sees(same, "", nil)
}

func endlessVariety(r *rig) {
	const bound = 128 << 10
	r.create(items...)
	r.open(livesql.CacheBytes(bound))
	r.warm(one, "a")
	for i := range 400 {
		r.sees(fmt.Sprintf("SELECT v FROM item WHERE id = 1 AND %d = %[1]d", i), "a")
	}
	if s := r.live.CacheStats(); s.Bytes > bound || s.Stores < 400 {
		r.Errorf("%d bytes after %d results were kept", s.Bytes, s.Stores)
	}
	r.warm(one, "a")
}

func collisions(r *rig) {
	r.start()
	query := "SELECT v, ? FROM item WHERE id = 1"
	if r.engine.family == postgres {
		query = "SELECT v, ?::int FROM item WHERE id = 1"
	}
	for range 3 {
		for i := range 50 {
			r.sees(query, fmt.Sprint("a|", i), i)
			r.sees(fmt.Sprintf("SELECT v, %d FROM item WHERE id = 1", 100+i), fmt.Sprint("a|", 100+i))
		}
	}
	r.sees(query, "a|7", 7)
	r.hits(query, "a|7", 7)
}

func hugeResults(r *rig) {
	const rows = 2000
	r.create(items...)
	r.exec("CREATE TABLE big (id INTEGER NOT NULL PRIMARY KEY, v VARCHAR(100) NOT NULL)")
	values := make([]string, rows)
	for i := range values {
		values[i] = fmt.Sprintf("(%d, '%s')", i, strings.Repeat("x", 100))
	}
	r.exec("INSERT INTO big VALUES " + strings.Join(values, ", "))
	r.install()
	r.open(livesql.ResultBytes(16 << 10))
	r.warm(one, "a")
	r.warm("SELECT v FROM big WHERE id = 1", strings.Repeat("x", 100))
	before := r.live.CacheStats()
	for range 3 {
		got, how := r.read("SELECT id, v FROM big ORDER BY id")
		if n := strings.Count(got, ";") + 1; n != rows || how == hit {
			r.Errorf("%d rows %s", n, how)
		}
	}
	after := r.live.CacheStats()
	if after.Rejected[cache.TooLarge] != before.Rejected[cache.TooLarge]+3 || after.Bytes > before.Bytes+(16<<10) {
		r.Errorf("rejected: %v", after.Rejected)
	}
	r.hits(one, "a")
}

func manyReaders(r *rig) {
	r.start("INSERT INTO item VALUES (3, 'c'), (4, 'd')")
	const all = "SELECT v FROM item ORDER BY id"
	r.warm(all, "a;b;c;d")
	before := r.live.CacheStats().Hits + r.unleased()
	const readers, times = 8, 50
	errs := make(chan error, readers)
	var wg sync.WaitGroup
	w := r.via(r.live.DB)
	for range readers {
		wg.Go(func() {
			for range times {
				if got, err := w.ask(all); err != nil || got != "a;b;c;d" {
					errs <- fmt.Errorf("%q, %w", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		r.Fatal(err)
	default:
	}
	if hits := r.live.CacheStats().Hits + r.unleased() - before; hits != readers*times {
		r.Errorf("%d of %d were answered from memory", hits, readers*times)
	}
}

// prepared reads through a prepared statement.
type prepared struct{ *sql.Stmt }

func (p prepared) QueryContext(ctx context.Context, _ string, args ...any) (*sql.Rows, error) {
	return p.Stmt.QueryContext(ctx, args...)
}

func (p prepared) ExecContext(ctx context.Context, _ string, args ...any) (sql.Result, error) {
	return p.Stmt.ExecContext(ctx, args...)
}

func preparedElsewhere(r *rig) {
	r.start("CREATE TABLE side (id INTEGER NOT NULL PRIMARY KEY, v VARCHAR(50))", "INSERT INTO side VALUES (1, 's')", "CREATE VIEW moving AS SELECT id, v FROM item")
	prepare := func(query string) reader {
		stmt, err := r.live.PrepareContext(r.Context(), query)
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { stmt.Close() })
		return r.via(prepared{stmt})
	}
	byID := prepare(r.rebind("SELECT v FROM item WHERE id = ?"))
	byID.warm("", "a", 1)
	byID.warm("", "b", 2)
	r.write("UPDATE item SET v = 'x' WHERE id = 1")
	byID.asks("", "x", 1)
	byID.warm("", "x", 1)
	r.exec("UPDATE item SET v = 'y' WHERE id = 1")
	r.sync()
	byID.asks("", "y", 1)
	// On every connection of the pool.
	byID.warm("", "y", 1)
	first, _ := r.conn()
	second, _ := r.conn()
	first.sees(one, "y")
	second.sees(one, "y")
	byID.hits("", "y", 1)
	write := prepare(r.rebind("UPDATE item SET v = ? WHERE id = 1"))
	if _, err := write.by.ExecContext(r.Context(), "", "z"); err != nil {
		r.Fatal(err)
	}
	byID.asks("", "z", 1)
	// Its dependencies are those of the schema of now.
	view := prepare("SELECT v FROM moving WHERE id = 1")
	view.warm("", "z")
	if r.engine.family == sqlite {
		r.exec("DROP VIEW moving", "CREATE VIEW moving AS SELECT id, v FROM side")
	} else {
		r.exec("CREATE OR REPLACE VIEW moving AS SELECT id, v FROM side")
	}
	r.sync()
	view.sees("", "s")
	view.settled("", "s")
	r.exec("UPDATE side SET v = 't'")
	r.sync()
	view.sees("", "t")
	view.settled("", "t")
	r.write("UPDATE side SET v = 'u'")
	view.sees("", "u")
}

// settled reads some more times.
func (w reader) settled(query, want string) {
	w.rig.Helper()
	for range 3 {
		w.sees(query, want)
	}
}

func failures(r *rig) {
	r.start()
	broken := "SELECT v FROM nowhere"
	before := r.live.CacheStats().Stores
	for range 3 {
		r.fails(broken)
	}
	r.exec("CREATE TABLE nowhere (v VARCHAR(20))", "INSERT INTO nowhere VALUES ('there')")
	r.sync()
	r.sees(broken, "there")
	// An error after some rows.
	late := map[string]string{
		sqlite:   "SELECT CASE id WHEN 2 THEN abs(-9223372036854775807 - 1) ELSE id END FROM item ORDER BY id",
		postgres: "SELECT 1 / (2 - id) FROM item",
		mariadb:  "SELECT CASE id WHEN 2 THEN (SELECT id FROM item) ELSE id END FROM item",
	}[r.engine.family]
	for range 3 {
		r.fails(late)
	}
	r.write("DELETE FROM item WHERE id = 2")
	r.sees(late, "1")
	if after := r.live.CacheStats().Stores; after > before+2 {
		r.Errorf("%d results were kept", after-before)
	}
	// A context that ends while the read is under way.
	r.warm(one, "a")
	r.write("UPDATE item SET v = 'a' WHERE id = 1")
	r.sync()
	g := r.gates.hold(done, one)
	g.fails = context.DeadlineExceeded
	w := r.via(r.live.DB)
	failed := make(chan error, 1)
	go func() {
		_, err := w.ask(one)
		failed <- err
	}()
	g.wait(r)
	g.release()
	if err := <-failed; !errors.Is(err, context.DeadlineExceeded) {
		r.Fatal(err)
	}
	r.asks(one, "a")
	r.hits(one, "a")
}

func emptyThenInsert(r *rig) {
	r.start()
	const three, count = "SELECT v FROM item WHERE id = 3", "SELECT count(*) FROM item WHERE v = 'c'"
	byArg := "SELECT v FROM item WHERE id = ?"
	for _, how := range []func(string, string) step{own, other} {
		insert, remove := how("INSERT INTO item VALUES (3, 'c')", "c"), how("DELETE FROM item WHERE id = 3", "")
		r.warm(count, "0")
		r.warm(byArg, "", 3)
		r.cached(three, "", insert)
		r.sees(count, "1")
		r.sees(byArg, "c", 3)
		r.warm(count, "1")
		r.warm(byArg, "c", 3)
		r.cached(three, "c", remove)
		r.sees(count, "0")
		r.sees(byArg, "", 3)
	}
	// sql.ErrNoRows is an empty result.
	r.warm(three, "")
	before := r.live.CacheStats().Hits
	var v string
	if err := r.live.QueryRowContext(r.Context(), three).Scan(&v); !errors.Is(err, sql.ErrNoRows) {
		r.Error(err)
	}
	if r.live.CacheStats().Hits != before+1 {
		r.Error("no rows are not answered from memory")
	}
	r.write("INSERT INTO item VALUES (3, 'c')")
	if err := r.live.QueryRowContext(r.Context(), three).Scan(&v); err != nil || v != "c" {
		r.Errorf("%q, %v", v, err)
	}
}

func endedContexts(r *rig) {
	r.start()
	conn, _ := r.conn()
	conn.hits(one, "a")
	ctx, cancel := context.WithCancel(r.Context())
	w := conn.with(ctx)
	w.hits(one, "a")
	cancel()
	if err := w.fails(one); !errors.Is(err, context.Canceled) {
		r.Error(err)
	}
	conn.hits(one, "a")
}

func schemaChanges(r *rig) {
	r.start()
	const all = "SELECT * FROM item WHERE id = 1"
	r.warm(all, "1|a")
	r.write("ALTER TABLE item ADD COLUMN extra INTEGER DEFAULT 5")
	r.sees(all, "1|a|5")
	r.warm(all, "1|a|5")
	r.exec("ALTER TABLE item ADD COLUMN more INTEGER DEFAULT 6")
	r.sync()
	r.sees(all, "1|a|5|6")
	r.warm(all, "1|a|5|6")
	r.cached("SELECT more FROM item WHERE id = 1", "6", own("UPDATE item SET more = 7 WHERE id = 1", "7"), other("UPDATE item SET more = 8 WHERE id = 1", "8"))
	r.exec("ALTER TABLE item RENAME COLUMN extra TO less")
	r.sync()
	r.warm("SELECT less FROM item WHERE id = 1", "5")
	r.write("ALTER TABLE item DROP COLUMN less")
	r.sees(all, "1|a|8")
	r.write("DROP TABLE item")
	r.fails(all)
	r.exec(items[0], "INSERT INTO item VALUES (1, 'anew')")
	r.sync()
	r.sees(all, "1|anew")
	r.cached(one, "anew", own("UPDATE item SET v = 'x' WHERE id = 1", "x"), other("UPDATE item SET v = 'y' WHERE id = 1", "y"))
}

func bulkWrites(r *rig) {
	const rows = 5000
	r.create(append(items, "CREATE TABLE bulk (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL)")...)
	values := make([]string, rows)
	for i := range values {
		values[i] = fmt.Sprintf("(%d, 0)", i)
	}
	r.exec("INSERT INTO bulk VALUES " + strings.Join(values, ", "))
	r.open()
	r.warm(one, "a")
	byID := "SELECT n FROM bulk WHERE id = ?"
	r.warm(byID, "0", 0)
	for i := range 200 {
		r.sees(byID, "0", i)
		r.sees(byID, "0", i) // what nobody asks for again is not kept for long
	}
	r.exec("UPDATE bulk SET n = 1")
	r.sync()
	for i := range 200 {
		r.asks(byID, "1", i)
		r.sees(byID, "1", i)
	}
	r.hits(byID, "1", 100)
	r.write("UPDATE bulk SET n = 2")
	r.asks(byID, "2", 150)
	r.sync() // of this write, too, the feed tells
	for i := range 200 {
		r.sees(byID, "2", i)
		r.sees(byID, "2", i)
	}
	r.warm(one, "a")
	r.warm(byID, "2", 0)
}

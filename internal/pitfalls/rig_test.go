package pitfalls

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
)

// lease is a short one, but twice as long as a poll takes on a very busy machine.
const lease = 4 * time.Second

// patience bounds waiting for what happens at once on an idle machine. Where it
// will not happen, because something is broken, one need not wait as long.
var patience time.Duration

func init() {
	flag.DurationVar(&patience, "patience", 30*time.Second, "for what happens at once on an idle machine")
}

// rig is one database with a live handle, and another program on it.
type rig struct {
	testing.TB
	engine engine
	dsn    string
	// feedDSN is that of the feed, if not the same.
	feedDSN string
	// other is the pool of another program, which knows nothing of livesql.
	other *sql.DB
	live  *livesql.DB
	gates *gates // of the handle's connections
	hides bool   // see gates
	reader
}

// reader reads through the handle, by one of the ways that there are.
type reader struct {
	rig *rig
	by  querier
	ctx context.Context
}

// querier is a *sql.DB, *sql.Conn or *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// items is what most tests need: a table with two rows.
var items = []string{
	"CREATE TABLE item (id INTEGER NOT NULL PRIMARY KEY, v VARCHAR(50) NOT NULL)",
	"INSERT INTO item VALUES (1, 'a'), (2, 'b')",
}

// one is the read that is answered from memory wherever something is.
const one = "SELECT v FROM item WHERE id = 1"

// start makes the database with items and further tables, and opens the handle.
func (r *rig) start(schema ...string) {
	r.Helper()
	r.create(append(items, schema...)...)
	r.open()
	r.warm(one, "a")
}

// create makes the database.
func (r *rig) create(schema ...string) {
	r.Helper()
	r.dsn = r.engine.dsn(r.TB)
	r.other = r.connect(r.dsn)
	r.exec(schema...)
	r.install()
}

// install installs what is missing, as the other program.
func (r *rig) install() {
	r.Helper()
	if _, err := r.engine.dialect.Install(r.Context(), r.other, listen.InstallOptions{}); err != nil {
		r.Fatalf("installing: %v", err)
	}
}

// connect opens a pool of another program.
func (r *rig) connect(dsn string) *sql.DB {
	r.Helper()
	db, err := sql.Open(r.engine.plain, dsn)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { db.Close() })
	return db
}

// open opens the handle. Its lease is longer than the test: what has to be gone
// must be gone because somebody said so.
func (r *rig) open(opts ...livesql.Option) {
	r.Helper()
	r.live = r.handle(opts...)
	r.reader = r.via(r.live.DB)
}

// handle opens one more handle, through the gates.
func (r *rig) handle(opts ...livesql.Option) *livesql.DB {
	r.Helper()
	dsn := r.dsn
	connector, err := r.engine.dialect.Connector(dsn)
	if err != nil {
		r.Fatal(err)
	}
	r.gates = &gates{Connector: connector, hides: r.hides}
	opts = append([]livesql.Option{livesql.AutoInstall(), livesql.Lease(2 * patience), livesql.FeedDeadline(patience)}, opts...)
	switch {
	case r.feedDSN != "":
		opts = append(opts, livesql.FeedDSN(r.feedDSN))
	case r.engine.family != sqlite:
		opts = append(opts, livesql.FeedDSN(dsn)) // past the gates
	}
	db, err := livesql.OpenDB(r.Context(), r.engine.dialect.Name(), r.gates, opts...)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		r.gates.openAll()
		if err := db.Close(); err != nil {
			r.Errorf("closing the handle: %v", err)
		}
	})
	return db
}

// via is a reader that reads through q.
func (r *rig) via(q querier) reader { return reader{r, q, r.Context()} }

// conn is one connection of the handle's pool.
func (r *rig) conn() (reader, *sql.Conn) {
	r.Helper()
	conn, err := r.live.Conn(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { conn.Close() })
	return r.via(conn), conn
}

// begin begins a transaction on the handle.
func (r *rig) begin(opts *sql.TxOptions) (reader, *sql.Tx) {
	r.Helper()
	tx, err := r.live.BeginTx(r.Context(), opts)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { tx.Rollback() })
	return r.via(tx), tx
}

// commit commits.
func (r *rig) commit(tx interface{ Commit() error }) {
	r.Helper()
	if err := tx.Commit(); err != nil {
		r.Fatalf("commit: %v", err)
	}
}

// exec executes statements as the other program.
func (r *rig) exec(statements ...string) {
	r.Helper()
	r.via(r.other).write(statements...)
}

// elsewhere is one connection of the other program.
func (r *rig) elsewhere() *sql.Conn {
	r.Helper()
	conn, err := r.other.Conn(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { conn.Close() })
	return conn
}

// write executes statements the way that the reader reads.
func (w reader) write(statements ...string) {
	w.rig.Helper()
	for _, s := range statements {
		if _, err := w.by.ExecContext(w.ctx, s); err != nil {
			w.rig.Fatalf("%s: %v", s, err)
		}
	}
}

// sync returns when the handle knows everything that was committed.
func (r *rig) sync() {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	if err := r.live.Feed().Sync(ctx); err != nil {
		r.Fatalf("waiting for the feed: %v", err)
	}
}

// with is the reader with another context.
func (w reader) with(ctx context.Context) reader { return reader{w.rig, w.by, ctx} }

// ask runs a query and returns its rows as one text: values with | between
// them, rows with ; and nothing for no rows.
func (w reader) ask(query string, args ...any) (string, error) {
	got, err := w.askOnce(query, args...)
	if err != nil && w.rig.engine.name == "pgx" && strings.Contains(err.Error(), "cached plan must not change result type") {
		// What pgx says, with livesql or without, of a statement that it has
		// prepared before the schema changed. The next time it prepares anew.
		return w.askOnce(query, args...)
	}
	return got, err
}

func (w reader) askOnce(query string, args ...any) (string, error) {
	rows, err := w.by.QueryContext(w.ctx, w.rig.rebind(query), args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var lines []string
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		texts := make([]string, len(columns))
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			texts[i] = fmt.Sprint(v)
		}
		lines = append(lines, strings.Join(texts, "|"))
	}
	return strings.Join(lines, ";"), rows.Err()
}

// rebind writes the placeholders of the engine.
func (r *rig) rebind(query string) string {
	if r.engine.family != postgres {
		return query
	}
	return sqlx.Rebind(sqlx.DOLLAR, query)
}

// how a read was answered.
type how string

const (
	hit  how = "from memory"
	miss how = "by the database, with a ticket"
	pass how = "by the database, past the cache"
)

// read is ask, which must not fail, and tells how it was answered. Nobody else
// may read at that time.
func (w reader) read(query string, args ...any) (string, how) {
	w.rig.Helper()
	before := w.rig.live.CacheStats()
	got, err := w.ask(query, args...)
	if err != nil {
		w.rig.Fatalf("%s: %v", query, err)
	}
	after := w.rig.live.CacheStats()
	switch {
	case after.Hits > before.Hits:
		return got, hit
	case after.Misses > before.Misses:
		return got, miss
	default:
		return got, pass
	}
}

// sees requires what a read answers, however it does.
func (w reader) sees(query, want string, args ...any) how {
	w.rig.Helper()
	got, how := w.read(query, args...)
	if got != want {
		w.rig.Fatalf("%s %v: answered %s with %q, want %q", query, args, how, got, want)
	}
	return how
}

// forgot has the driver notice that the server has forgotten its prepared
// statements, which pgx only does when one fails.
func (w reader) forgot(query string) {
	rows, err := w.by.QueryContext(livesql.NoCache(w.ctx), query)
	if err != nil {
		return
	}
	for rows.Next() {
		continue
	}
	_ = rows.Err() // it may be the same error
	_ = rows.Close()
}

// hits requires that a read is answered from memory, provided that there is a
// lease: on a busy machine it may lapse between any two reads.
func (w reader) hits(query, want string, args ...any) {
	w.rig.Helper()
	for deadline := time.Now().Add(patience); ; w.rig.sync() {
		before := w.rig.unleased()
		how := w.sees(query, want, args...)
		switch {
		case how == hit:
			return
		case w.rig.unleased() == before || time.Now().After(deadline):
			w.rig.Fatalf("%s %v: answered %s, want it from memory (%s)", query, args, how, w.explain(query))
		}
	}
}

// unleased is how many reads there were for which there was no lease.
func (r *rig) unleased() uint64 { return r.live.CacheStats().Bypassed[cache.NoLease] }

// asks requires that a read asks the database.
func (w reader) asks(query, want string, args ...any) {
	w.rig.Helper()
	if how := w.sees(query, want, args...); how == hit {
		w.rig.Fatalf("%s %v: answered from memory", query, args)
	}
}

// passes requires that a read is not the cache's business.
func (w reader) passes(query, want string, args ...any) {
	w.rig.Helper()
	if how := w.sees(query, want, args...); how != pass {
		w.rig.Fatalf("%s %v: answered %s, want it %s", query, args, how, pass)
	}
}

// warm reads until the answer comes from memory. Until then, changes that were
// made before may still be told.
func (w reader) warm(query, want string, args ...any) {
	w.rig.Helper()
	for deadline := time.Now().Add(patience); ; {
		w.rig.sync()
		before := w.rig.live.CacheStats().Bypassed[cache.Tainted]
		w.sees(query, want, args...)
		if w.sees(query, want, args...) == hit {
			return
		}
		if w.by == w.rig.live.DB && w.rig.live.CacheStats().Bypassed[cache.Tainted] > before {
			w.rig.fresh()
		}
		if time.Now().After(deadline) {
			w.rig.Fatalf("%s is never answered from memory (%s)", query, w.explain(query))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// fresh takes the idle connections out of the pool: one whose session was
// changed is left alone by the cache for good.
func (r *rig) fresh() {
	r.live.SetMaxIdleConns(-1)
	r.live.SetMaxIdleConns(2)
}

func (w reader) explain(query string) string {
	e, err := w.rig.live.Explain(w.ctx, w.rig.rebind(query))
	status := w.rig.live.Feed().Status()
	return fmt.Sprintf("%v, %v; %d resets of the feed, the last because %q", e, err, status.Resets, status.LastReset)
}

// never requires that answers to queries are never kept, while those of others
// are.
func (r *rig) never(queries ...string) {
	r.Helper()
	r.warm(one, "a")
	for _, q := range queries {
		before := r.live.CacheStats()
		for range 3 {
			if _, err := r.ask(q); err != nil {
				r.Errorf("%s: %v", q, err)
			}
		}
		after := r.live.CacheStats()
		if after.Hits > before.Hits || after.Stores > before.Stores {
			r.Errorf("%s is kept in memory (%s)", q, r.explain(q))
		}
	}
	r.warm(one, "a")
}

// follows requires that a query, answered from memory if it ever is, is
// answered right after each change: by the handle at once, by another program
// once the feed has told.
func (r *rig) follows(query string, before string, steps ...step) {
	r.Helper()
	r.settle(query, before)
	for _, s := range steps {
		if s.own {
			r.write(s.change)
		} else {
			r.exec(s.change)
			r.sync()
		}
		if got, how := r.read(query); got != s.want {
			r.Fatalf("after %s: %s is answered %s with %q, want %q", s.change, query, how, got, s.want)
		}
		r.settle(query, s.want)
	}
}

// step is a change and what a query answers after it.
type step struct {
	own    bool
	change string
	want   string
}

func own(change, want string) step   { return step{true, change, want} }
func other(change, want string) step { return step{false, change, want} }

// settle asks until the answer is in memory, if it may be.
func (r *rig) settle(query, want string) {
	r.Helper()
	e, err := r.live.Explain(r.Context(), query)
	if err == nil && e.Cached {
		r.warm(query, want)
		return
	}
	r.sync()
	for range 3 {
		r.sees(query, want)
	}
}

// cached is follows for a query that must be kept.
func (r *rig) cached(query, before string, steps ...step) {
	r.Helper()
	r.warm(query, before)
	r.follows(query, before, steps...)
	want := before
	if len(steps) > 0 {
		want = steps[len(steps)-1].want
	}
	r.warm(query, want)
}

// fails requires an error.
func (w reader) fails(query string, args ...any) error {
	w.rig.Helper()
	got, err := w.ask(query, args...)
	if err == nil {
		w.rig.Fatalf("%s %v: answered %q, want an error", query, args, got)
	}
	return err
}

// until waits for a condition.
func (r *rig) until(what string, holds func() bool) {
	r.Helper()
	r.within(patience, what, holds)
}

// within waits for a condition, not longer than d.
func (r *rig) within(d time.Duration, what string, holds func() bool) {
	r.Helper()
	for deadline := time.Now().Add(d); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.Fatalf("still not: %s", what)
		}
	}
}

// quiet are the options of a handle whose feed tells nothing by itself: own
// writes must do without it.
func quiet() []livesql.Option {
	return []livesql.Option{livesql.PollInterval(patience, patience)}
}

// raw calls f with the inner driver's connection.
func (r *rig) raw(conn *sql.Conn, f func(inner sqldriver.Conn) error) {
	r.Helper()
	if err := livesql.Raw(r.Context(), conn, f); err != nil {
		r.Fatal(err)
	}
}

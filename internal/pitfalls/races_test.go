package pitfalls

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/livesql"
)

// races are §A: what overtakes what.
var races = []pitfall{
	{1, "fill after invalidate", "what was read before a change is not kept once the change is known", on(fillAfterInvalidate)},
	{2, "invalidate before the write", "a write throws out after the database has executed it and before the program hears of it", on(invalidateBeforeTheWrite)},
	{3, "commit with an unknown outcome", "it counts as committed", on(unknownCommit)},
	{4, "writer dies after its commit", "the feed tells, not the writer", on(writerDies)},
	{5, "event before its commit is visible", "a change is told when it can be seen, and not when it is made", on(eventBeforeCommit)},
	{6, "holes in the change log", "transactions are told in the order in which they commit, not in which they began", on(cursorHoles, postgres, mariadb).
		absent("one transaction writes at a time", sqlite)},
	{7, "log pruned under a slow reader", "who finds its place gone forgets everything", cells{}.
		proven("testdb/conform.Source, check \"pruned log\"; internal/faults.TestFaults, \"pruned below the cursor\"", postgres, mariadb).
		proven("dialects/sqlite.TestLogIsPruned", sqlite)},
	{8, "failover and restore", "a feed is of one database in one history; of another, everything is forgotten", cells{}.
		proven("internal/faults.TestFaults, \"restarted\" and \"killed\"", postgres, mariadb).
		proven("dialects/sqlite.TestReplacedFile", sqlite)},
	{9, "ordering by clocks", "positions of the log order changes; clocks measure the lease only, and both of them", cells{}.
		proven("cache/core.TestLeaseOnBothClocks", families...)},
	{10, "shared second cache", "", cells{}.absent("there is none: results stay in the process", families...)},
	{11, "registration apart from the entry", "an entry and what it depends on are published under one lock", cells{}.
		proven("cache/core.TestCoherence", families...)},
	{12, "registrations evicted before entries", "an entry that is evicted takes its registrations along, and never the other way round", on(evicted)},
	{13, "joining a read from before my write", "a read waits only for one that began after everything it must see", on(joining)},
	{14, "refresh that ends after a change", "", cells{}.absent("nothing is refreshed in the background: a result that was thrown out is read again by who asks", families...)},
	{15, "starving on a hot table", "who reads beside a stream of writes gets what the database answers, and it is not kept", on(starving)},
}

// background runs a read on a connection of its own.
func (r *rig) background(query string) (answer func() string) {
	r.Helper()
	var got string
	var err error
	var wg sync.WaitGroup
	w := r.via(r.live.DB)
	wg.Go(func() { got, err = w.ask(query) })
	return func() string {
		r.Helper()
		wg.Wait()
		if err != nil {
			r.Fatalf("%s: %v", query, err)
		}
		return got
	}
}

// aside executes a statement on a connection of its own.
func (r *rig) aside(statement string) (wait func()) {
	r.Helper()
	failed := make(chan error, 1)
	go func() {
		_, err := r.live.ExecContext(r.Context(), statement)
		failed <- err
	}()
	return func() {
		r.Helper()
		if err := <-failed; err != nil {
			r.Fatalf("%s: %v", statement, err)
		}
	}
}

func fillAfterInvalidate(r *rig) {
	r.start()
	for i, change := range []func(v string){
		func(v string) { r.write("UPDATE item SET v = '" + v + "'") },
		func(v string) { r.exec("UPDATE item SET v = '" + v + "'"); r.sync() },
	} {
		// Without a change in between, the read is kept.
		old, was := fmt.Sprint("new", i-1), "a"
		if i > 0 {
			was = old
		}
		r.write("UPDATE item SET v = v")
		r.sync()
		g := r.gates.hold(done, one)
		answer := r.background(one)
		g.wait(r)
		g.release()
		if got := answer(); got != was {
			r.Fatalf("read %q, want %q", got, was)
		}
		r.hits(one, was)
		// With one, it is not.
		r.write("UPDATE item SET v = v")
		r.sync()
		g = r.gates.hold(done, one)
		answer = r.background(one)
		g.wait(r)
		change(fmt.Sprint("new", i))
		g.release()
		answer()
		r.asks(one, fmt.Sprint("new", i))
	}
}

func invalidateBeforeTheWrite(r *rig) {
	r.create(items...)
	r.open(quiet()...)
	r.warm(one, "a")
	for i, point := range []string{sent, done} {
		write := fmt.Sprintf("UPDATE item SET v = 'new%d' WHERE id = 1", i)
		g := r.gates.hold(point, write)
		written := r.aside(write)
		g.wait(r)
		// Whoever reads while the write is under way may keep what it reads.
		first, _ := r.read(one)
		if again, how := r.read(one); point == sent && (how != hit || again != first) {
			r.Fatalf("a read beside the write is answered %s with %q, after %q", how, again, first)
		}
		g.release()
		written()
		r.asks(one, fmt.Sprint("new", i))
		r.warm(one, fmt.Sprint("new", i))
	}
}

func unknownCommit(r *rig) {
	r.create(items...)
	r.open(quiet()...)
	r.warm(one, "a")
	lost := sqldriver.ErrBadConn
	_, tx := r.begin(nil)
	r.via(tx).write("UPDATE item SET v = 'tx' WHERE id = 1")
	r.hits(one, "a")
	r.gates.fail("COMMIT", lost)
	if err := tx.Commit(); !errors.Is(err, lost) {
		r.Fatalf("commit: %v", err)
	}
	r.asks(one, "tx")
	r.warm(one, "tx")
	// And a statement by itself, whose context ends.
	r.gates.fail("UPDATE item", context.Canceled)
	if _, err := r.live.ExecContext(r.Context(), "UPDATE item SET v = 'lost' WHERE id = 1"); !errors.Is(err, context.Canceled) {
		r.Fatalf("exec: %v", err)
	}
	r.asks(one, "lost")
}

func writerDies(r *rig) {
	r.start()
	conn := r.elsewhere()
	r.via(conn).write("UPDATE item SET v = 'foreign' WHERE id = 1")
	conn.Raw(func(any) error { return errGone }) // nothing is left of it
	r.until("the change is seen", func() bool {
		got, _ := r.read(one)
		return got == "foreign"
	})
	r.warm(one, "foreign")
}

var errGone = errors.New("gone")

func eventBeforeCommit(r *rig) {
	r.start()
	tx, err := r.other.BeginTx(r.Context(), nil)
	if err != nil {
		r.Fatal(err)
	}
	r.via(tx).write("UPDATE item SET v = 'open' WHERE id = 1")
	r.sync()
	r.warm(one, "a") // read after the change was made, before it is committed
	r.commit(tx)
	r.sync()
	r.asks(one, "open")
	r.warm(one, "open")
}

// cursorHoles has a transaction that writes first and commits last.
func cursorHoles(r *rig) {
	r.start("CREATE TABLE early (id INTEGER NOT NULL PRIMARY KEY, n INTEGER)", "INSERT INTO early VALUES (1, 0)")
	const early, late = "SELECT n FROM early", "SELECT v FROM item WHERE id = 2"
	r.warm(early, "0")
	tx, err := r.other.BeginTx(r.Context(), nil)
	if err != nil {
		r.Fatal(err)
	}
	r.via(tx).write("UPDATE early SET n = 1")
	for i := range 5 {
		r.exec(fmt.Sprintf("UPDATE item SET v = 'late%d' WHERE id = 2", i))
		r.sync()
		r.asks(late, fmt.Sprint("late", i))
	}
	r.warm(early, "0")
	r.commit(tx)
	r.sync()
	r.asks(early, "1")
}

func evicted(r *rig) {
	const n = 300
	r.create(items...)
	r.open(livesql.CacheBytes(64 << 10))
	query := "SELECT v, ? FROM item WHERE id = 1"
	if r.engine.family == postgres {
		query = "SELECT v, ?::int FROM item WHERE id = 1"
	}
	r.warm(query, "a|0", 0)
	ask := func(v string) {
		for i := range n {
			r.sees(query, fmt.Sprint(v, "|", i), i)
		}
	}
	ask("a")
	ask("a")
	s := r.live.CacheStats()
	if s.EvictedBySize == 0 || s.Hits == 0 {
		r.Fatalf("%d evicted, %d hits: the test needs both", s.EvictedBySize, s.Hits)
	}
	r.exec("UPDATE item SET v = 'new'")
	r.sync()
	hits := r.live.CacheStats().Hits
	ask("new")
	if after := r.live.CacheStats().Hits; after != hits {
		r.Errorf("%d reads were answered from memory", after-hits)
	}
	r.exec("DELETE FROM item")
	r.sync()
	for i := range n {
		r.asks(query, "", i)
	}
}

func joining(r *rig) {
	r.create(items...)
	r.open(quiet()...)
	r.warm(one, "a")
	// Two that read at the same time may share one read: see
	// cache.TestReadersShareOneFlight.
	r.write("UPDATE item SET v = 'shared' WHERE id = 1")
	r.sync()
	g := r.gates.hold(sent, one)
	first := r.background(one)
	g.wait(r)
	second := r.background(one)
	g.release()
	if a, b := first(), second(); a != "shared" || b != "shared" {
		r.Fatalf("read %q and %q", a, b)
	}
	// But not with one that began before a write that the second must see.
	r.write("UPDATE item SET v = 'before' WHERE id = 1")
	r.sync()
	g = r.gates.hold(done, one)
	first = r.background(one)
	g.wait(r)
	r.write("UPDATE item SET v = 'mine' WHERE id = 1")
	read := make(chan string, 1)
	go func() {
		got, _ := r.ask(one)
		read <- got
	}()
	var got string
	select {
	case got = <-read:
	case <-r.soon().Done():
		got = "nothing: it waits"
	}
	g.release()
	first()
	if got != "mine" {
		r.Fatalf("after my write I read %q", got)
	}
	r.warm(one, "mine")
}

func starving(r *rig) {
	r.start()
	for i := range 3 {
		r.write("UPDATE item SET v = v")
		r.sync()
		outdated := r.live.CacheStats().Rejected
		was, _ := r.read("SELECT v FROM item WHERE id = 2 AND id > 0")
		g := r.gates.hold(done, one)
		answer := r.background(one)
		g.wait(r)
		r.write(fmt.Sprintf("UPDATE item SET v = 'hot%d' WHERE id = 1", i))
		g.release()
		if got := answer(); got == "" || was == "" {
			r.Fatal("the reader got nothing")
		}
		r.asks(one, fmt.Sprint("hot", i))
		if now := r.live.CacheStats().Rejected; now[cache.Outdated] <= outdated[cache.Outdated] {
			r.Errorf("rejected %v, before %v", now, outdated)
		}
	}
	r.warm(one, "hot2")
}

// soon ends before the test loses its patience.
func (r *rig) soon() context.Context {
	ctx, cancel := context.WithTimeout(r.Context(), patience/3)
	r.Cleanup(cancel)
	return ctx
}

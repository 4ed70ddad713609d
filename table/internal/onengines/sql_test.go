package onengines_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/testdb/conformtable"
)

type row = conformtable.Row

// live opens a live table for as long as the test runs.
func live[K comparable, T any](t *testing.T, r *rig, name string, opts ...table.Option) *table.LiveTable[K, T] {
	t.Helper()
	l, err := table.OpenTable[K, T](soon(t), r.db, name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func synchronize[K comparable, T any](t *testing.T, l *table.LiveTable[K, T]) {
	t.Helper()
	if err := l.Sync(soon(t)); err != nil {
		t.Fatal(err)
	}
}

// word has a text as its key, pair two columns.
type word struct {
	Name string `db:"name"`
	N    int64  `db:"n"`
}

type pair struct {
	A int32  `db:"a"`
	B string `db:"b"`
	N int64  `db:"n"`
}

type pairKey struct {
	A int32  `db:"a"`
	B string `db:"b"`
}

// TestKeys: rows are found by keys of every kind, which the tags do not name,
// when they come, change and go.
func TestKeys(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		collation := map[dialects.Flavor]string{dialects.MySQL: " COLLATE utf8mb4_bin"}[e.dialect.Flavor()]
		backslashed := `'b''\'`
		if e.dialect.Flavor() == dialects.MySQL { // it escapes there
			backslashed = `'b''\\'`
		}
		r := newRig(t, e,
			"CREATE TABLE word (name VARCHAR(60)"+collation+" NOT NULL PRIMARY KEY, n BIGINT NOT NULL)",
			"CREATE TABLE pair (a INTEGER NOT NULL, b VARCHAR(30)"+collation+" NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (a, b))")
		r.exec(t, "INSERT INTO word VALUES ('a', 1), ("+backslashed+", 1)", "INSERT INTO pair VALUES (1, 'x', 1), (1, 'y', 1), (2, 'x', 1)")
		words, pairs := live[string, word](t, r, "word"), live[pairKey, pair](t, r, "pair")
		if words.Len() != 2 || pairs.Len() != 3 {
			t.Errorf("%d words, %d pairs", words.Len(), pairs.Len())
		}
		r.exec(t,
			"UPDATE word SET n = 2 WHERE name <> 'a'", "INSERT INTO word VALUES ('Ä', 3)", "DELETE FROM word WHERE name = 'a'",
			"UPDATE pair SET n = 2 WHERE a = 1 AND b = 'y'", "DELETE FROM pair WHERE a = 2", "UPDATE pair SET b = 'z' WHERE b = 'x'")
		synchronize(t, words)
		synchronize(t, pairs)
		if got := maps.Collect(words.All()); !maps.Equal(got, map[string]word{`b'\`: {`b'\`, 2}, "Ä": {"Ä", 3}}) {
			t.Errorf("words: %v", got)
		}
		want := map[pairKey]pair{{1, "z"}: {1, "z", 1}, {1, "y"}: {1, "y", 2}}
		if got := maps.Collect(pairs.All()); !maps.Equal(got, want) {
			t.Errorf("pairs: %v", got)
		}
		if _, err := pairs.Set().Patch(soon(t), pairKey{1, "y"}, table.Record{"n": 7}); err != nil {
			t.Error(err)
		}
		if got, _ := pairs.Get(pairKey{1, "y"}); got.N != 7 {
			t.Errorf("patched: %v", got)
		}
		var order []string
		for k := range pairs.Ascend() {
			order = append(order, k.B)
		}
		if !slices.Equal(order, []string{"y", "z"}) {
			t.Errorf("in order: %q", order)
		}
	})
}

// TestWhere: rows come into the set and leave it, and statements that change
// many at once, or all, are seen.
func TestWhere(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, e.items("item"), "CREATE TABLE chosen (id BIGINT NOT NULL PRIMARY KEY)")
		for i := 1; i <= 9; i++ {
			r.exec(t, fmt.Sprintf("INSERT INTO item (id, grp, name) VALUES (%d, %d, 'it''s ?')", i, i%3))
		}
		one := live[int64, row](t, r, "item", table.Where("grp = ? OR grp = ?", 1, 1), table.Where("name = 'it''s ?'"))
		chosen := live[int64, row](t, r, "item", table.Where("id IN (SELECT id FROM chosen)"), table.Columns("name"))
		keys := func(l *table.LiveTable[int64, row]) []int64 {
			synchronize(t, l)
			return slices.Sorted(maps.Keys(maps.Collect(l.All())))
		}
		expect := func(what string, l *table.LiveTable[int64, row], want ...int64) {
			t.Helper()
			if got := keys(l); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		expect("at first", one, 1, 4, 7)
		r.exec(t, "UPDATE item SET grp = 1 WHERE id = 2", "UPDATE item SET grp = 2 WHERE id = 4")
		expect("one came, one left", one, 1, 2, 7)
		r.exec(t, "INSERT INTO item (id, grp, name) SELECT id + 10, grp, name FROM item")
		expect("many came", one, 1, 2, 7, 11, 12, 17)
		expect("of another table", chosen)
		r.exec(t, "INSERT INTO chosen VALUES (3), (5)")
		expect("of another table", chosen, 3, 5)
		if got, _ := chosen.Get(3); got.Name == "" || got.Grp != 0 {
			t.Errorf("some columns: %v", got)
		}
		empty := "TRUNCATE TABLE item"
		if e.dialect.Flavor() == dialects.SQLite {
			empty = "DELETE FROM item"
		}
		r.exec(t, empty)
		expect("none is left", one)
		expect("none is left", chosen)
	})
}

// TestRefused: what cannot be followed is refused, with the reason.
func TestRefused(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, e.items("item"), e.items("loose_item"), "CREATE TABLE keyless (name VARCHAR(20) NOT NULL, n BIGINT NOT NULL)")
		var noKey *table.NoKeyError
		if _, err := table.OpenTable[string, word](soon(t), r.db, "keyless"); !errors.As(err, &noKey) {
			t.Errorf("without a key: %v", err)
		}
		var uncovered *table.UncoveredError
		if _, err := table.OpenTable[int64, row](soon(t), r.db, "loose_item"); !errors.As(err, &uncovered) {
			t.Errorf("not captured: %v", err)
		}
		if _, err := table.OpenTable[string, word](soon(t), r.db, "item"); err == nil {
			t.Error("a record without the key is taken")
		}
		if _, err := table.OpenTable[int64, row](soon(t), r.db, "nowhere"); err == nil {
			t.Error("a table that does not exist is opened")
		}
		if _, err := table.OpenTable[int64, row](soon(t), r.db, "item", table.Where("what = 1")); err == nil {
			t.Error("a condition that is wrong is taken")
		}
		var condition *table.ConditionError
		for _, text := range []string{"", "grp = ?", "grp = 1) OR (1 = 1", "(grp = 1", "grp = 1 -- x", "grp = 1; DROP TABLE item", "name = 'a", "grp = 1 /*"} {
			if _, err := table.OpenTable[int64, row](soon(t), r.db, "item", table.Where(text)); !errors.As(err, &condition) {
				t.Errorf("condition %q: %v", text, err)
			}
		}
	})
}

// TestPollEvery: a table whose changes nobody tells is read in turns.
func TestPollEvery(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, e.items("loose_item"))
		l := live[int64, row](t, r, "loose_item", table.PollEvery(5*time.Millisecond))
		seldom := live[int64, row](t, r, "loose_item", table.PollEvery(time.Hour))
		events := l.Events(soon(t))
		r.exec(t, "INSERT INTO loose_item (id, grp, name) VALUES (1, 1, 'a'), (2, 1, 'b')")
		for b, err := range events {
			if err != nil || len(b.Diffs) != 2 {
				t.Errorf("%v, %v", b.Diffs, err)
			}
			break
		}
		synchronize(t, seldom)
		if seldom.Len() != 2 {
			t.Errorf("%d rows when asked", seldom.Len())
		}
		if err := seldom.Set().Delete(soon(t), 1); err != nil {
			t.Error(err)
		}
		if _, ok := seldom.Get(1); ok {
			t.Error("a row that was deleted is there")
		}
		if err := seldom.OnBackendChange(soon(t), 2); err != nil {
			t.Error(err)
		}
	})
}

// TestShared: tables opened in the same way share their rows, and end one by
// one.
func TestShared(t *testing.T) {
	t.Parallel()
	e := engines()[0]
	r := newRig(t, e, e.items("item"))
	r.exec(t, "INSERT INTO item (id, grp, name) VALUES (1, 1, 'a')")
	open := func(opts ...table.Option) *table.LiveTable[int64, row] {
		l, err := table.OpenTable[int64, row](soon(t), r.db, "item", opts...)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	a, b, other := open(table.Where("grp = ?", 1)), open(table.Where("grp = ?", 1)), open(table.Where("grp = ?", 2))
	if a.Schema() != b.Schema() || a.Schema() == other.Schema() {
		t.Error("what is shared is wrong")
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(a.Close(), other.Close()); err != nil {
		t.Error(err)
	}
	r.exec(t, "INSERT INTO item (id, grp, name) VALUES (2, 1, 'b')")
	synchronize(t, b)
	if state, err := b.State(); b.Len() != 2 || state != table.Live {
		t.Errorf("%d rows, %v, %v", b.Len(), state, err)
	}
	if state, _ := a.State(); state != table.Closed {
		t.Errorf("the closed one is %v", state)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestCaptureLost: a table whose changes are no longer captured says so, and is
// current again when they are.
func TestCaptureLost(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, e.items("item"), e.items("other"))
		l := live[int64, row](t, r, "item")
		if err := e.dialect.Uninstall(soon(t), r.other, listen.UninstallOptions{Tables: []string{"item"}}); err != nil {
			t.Fatal(err)
		}
		r.exec(t, "INSERT INTO item (id, grp, name) VALUES (1, 1, 'unseen')")
		var uncovered *table.UncoveredError
		for deadline := soon(t); ; {
			// The feed has looked at the capture, and the table knows.
			if err := r.db.Feed.Sync(deadline); err != nil {
				t.Fatal(err)
			}
			if state, err := l.State(); state == table.Lost && errors.As(err, &uncovered) {
				break
			}
		}
		if _, err := e.dialect.Install(soon(t), r.other, listen.InstallOptions{Tables: []string{"item"}}); err != nil {
			t.Fatal(err)
		}
		synchronize(t, l)
		if state, err := l.State(); l.Len() != 1 || state != table.Live {
			t.Errorf("%d rows, %v, %v", l.Len(), state, err)
		}
	})
}

// TestFeedLost: while the feed cannot reach its server, a table keeps its rows
// and says so; afterwards, one batch tells what has happened meanwhile.
func TestFeedLost(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, e.items("item"))
		if r.proxy == nil {
			return // there is nothing between a feed and its file
		}
		r.exec(t, "INSERT INTO item (id, grp, name) VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 1, 'c')")
		l := live[int64, row](t, r, "item")
		events := l.Events(soon(t))
		r.proxy.Blackhole()
		r.exec(t, "DELETE FROM item WHERE id = 1", "UPDATE item SET name = 'new' WHERE id = 2", "INSERT INTO item (id, grp, name) VALUES (4, 1, 'd')")
		for ctx := soon(t); ; {
			if state, err := l.State(); state == table.Lost && err != nil {
				break
			}
			select {
			case <-ctx.Done():
				t.Fatal("the table does not know that the feed is lost")
			case <-time.After(time.Millisecond):
			}
		}
		if _, there := l.Get(1); l.Len() != 3 || !there {
			t.Errorf("%d rows while the feed is lost", l.Len())
		}
		r.proxy.Heal()
		synchronize(t, l)
		for b, err := range events {
			got := map[int64]table.Op{}
			for _, d := range b.Diffs {
				got[d.Key] = d.Op
			}
			if err != nil || !maps.Equal(got, map[int64]table.Op{1: table.Deleted, 2: table.Updated, 4: table.Inserted}) {
				t.Errorf("%v, %v", got, err)
			}
			break
		}
	})
}

// TestFeedEnds: a table whose feed is closed says so, and keeps its rows.
func TestFeedEnds(t *testing.T) {
	t.Parallel()
	e := engines()[0]
	r := newRig(t, e, e.items("item"))
	r.exec(t, "INSERT INTO item (id, grp, name) VALUES (1, 1, 'a')")
	l := live[int64, row](t, r, "item")
	if err := r.db.Feed.Close(); err != nil {
		t.Fatal(err)
	}
	if state, err := l.State(); state != table.Lost || !errors.Is(err, listen.ErrClosed) || l.Len() != 1 {
		t.Errorf("%v, %v, %d rows", state, err, l.Len())
	}
	if _, err := table.OpenTable[int64, row](soon(t), r.db, "item"); err == nil || !strings.Contains(err.Error(), "change feed") {
		t.Errorf("opened behind the end: %v", err)
	}
}

// TestViewsOfClosedTables: views that were made on tables which are closed are not
// kept current, though somebody else still uses the rows.
func TestViewsOfClosedTables(t *testing.T) {
	t.Parallel()
	r := newRig(t, engines()[0], "CREATE TABLE days (day TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
	r.exec(t, "INSERT INTO days VALUES ('a', 1), ('b', 2)")
	kept := live[string, byDay](t, r, "days")
	var asked atomic.Int64
	match := func(byDay) bool {
		asked.Add(1)
		return true
	}
	for range 10 {
		l, err := table.OpenTable[string, byDay](soon(t), r.db, "days")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.NewView(l, match); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	asked.Store(0)
	r.exec(t, "UPDATE days SET n = 7 WHERE day = 'a'")
	synchronize(t, kept)
	if n := asked.Load(); n > 0 {
		t.Errorf("views of tables that were closed were asked %d times", n)
	}
}

package conform

import (
	"fmt"
	"testing"

	"github.com/vantage-go/live/listen"
)

func checkFirstPoll(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertItems(1, 1, 2))
	follow(tb, db).unchanged("after the first poll") // which follow looks at
}

func checkNilCursor(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	exec(tb, db.DB, insertItems(1, 1))
	f.wants("after an insert", items(1)...)
	exec(tb, db.DB, insertItems(1, 2))
	f.cursor = nil
	if delta := f.poll(); delta.Reset == "" || len(delta.Changes) > 0 {
		tb.Errorf("a poll without a cursor: reset %q and %v, want a reset without changes", delta.Reset, tell(delta.Changes))
	}
	exec(tb, db.DB, insertItems(1, 3))
	f.wants("after another insert", items(3)...)
	// The new cursor knows what the next look at capture compares with.
	sleep(tb.Context(), listen.CheckEvery)
	f.unchanged("when it was time to look at capture")
}

func checkOperations(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	exec(tb, db.DB, insertItems(1, 7))
	f.wantsOp("after an insert", listen.Insert, items(7)...)
	exec(tb, db.DB, "UPDATE item SET ver = 2 WHERE id = 7")
	f.wantsOp("after an update", listen.Update, items(7)...)
	exec(tb, db.DB, "UPDATE item SET ver = 3 WHERE id = 8")
	f.unchanged("after an update of no row")
	exec(tb, db.DB, "DELETE FROM item WHERE id = 7")
	f.wantsOp("after a delete", listen.Delete, items(7)...)
	exec(tb, db.DB, "DELETE FROM item WHERE id = 7")
	f.unchanged("after a delete of no row")
	exec(tb, db.DB, insertItems(1, -5), "UPDATE item SET ver = 2 WHERE id = -5", insertItems(1, 7))
	f.wants("after three statements", items(-5, 7)...)
}

func checkTextKey(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	for _, c := range []struct{ name, literal string }{
		{"a", "'a'"}, {"B b", "'B b'"}, {"it's", "'it''s'"}, {"", "''"}, {"1", "'1'"}, {"größe", "'größe'"}, {`"q", [1]`, `'"q", [1]'`},
	} {
		row := Row{"word", c.name}
		exec(tb, db.DB, "INSERT INTO word(name, ver) VALUES ("+c.literal+", 1)")
		f.wantsOp("after an insert", listen.Insert, row)
		exec(tb, db.DB, "UPDATE word SET ver = 2 WHERE name = "+c.literal)
		f.wantsOp("after an update", listen.Update, row)
		exec(tb, db.DB, "DELETE FROM word WHERE name = "+c.literal)
		f.wantsOp("after a delete", listen.Delete, row)
	}
}

func checkCompositeKey(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	pair := func(a int64, b string) Row { return Row{"pair", e.composite(a, b)} }
	exec(tb, db.DB, "INSERT INTO pair(a, b, ver) VALUES (1, 'x', 1), (1, 'y', 1), (2, 'x,1', 1)")
	f.wantsOp("after an insert", listen.Insert, pair(1, "x"), pair(1, "y"), pair(2, "x,1"))
	exec(tb, db.DB, "UPDATE pair SET ver = 2 WHERE a = 1 AND b = 'y'")
	f.wantsOp("after an update", listen.Update, pair(1, "y"))
	exec(tb, db.DB, "UPDATE pair SET b = 'z' WHERE a = 1 AND b = 'y'")
	f.wants("after a changed part", pair(1, "y"), pair(1, "z"))
	exec(tb, db.DB, "DELETE FROM pair WHERE b = 'x,1'")
	f.wantsOp("after a delete", listen.Delete, pair(2, "x,1"))
}

func checkNoKey(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	mark := Row{Table: "loose"}
	for _, s := range []string{"INSERT INTO loose(v, ver) VALUES (1, 1), (2, 1)", "UPDATE loose SET ver = 2 WHERE v = 1", "DELETE FROM loose WHERE v = 2"} {
		exec(tb, db.DB, s)
		f.wantsOp(s, listen.Whole, mark)
	}
}

func checkChangedKey(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertItems(1, 1, 2, 3, 4), "INSERT INTO word(name, ver) VALUES ('old', 1)")
	f := follow(tb, db)
	exec(tb, db.DB, "UPDATE item SET id = 11 WHERE id = 1")
	f.wants("after a changed key", items(1, 11)...)
	exec(tb, db.DB, "UPDATE item SET id = id + 100 WHERE id IN (2, 3)")
	f.wants("after two changed keys", items(2, 102, 3, 103)...)
	exec(tb, db.DB, "UPDATE word SET name = 'Old' WHERE name = 'old'")
	f.wants("after a change of case", Row{"word", "old"}, Row{"word", "Old"})
	exec(tb, db.DB, "UPDATE item SET id = 4, ver = 2 WHERE id = 4")
	f.wants("after a key set to what it was", items(4)...)
}

func checkManyRows(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	n := 256
	if !e.lacks(Capped) {
		n = e.Cap
	}
	ids := series(1, n)
	exec(tb, db.DB, insertItems(1, ids...))
	f.wantsOp("after an insert of many rows", listen.Insert, items(ids...)...)
	exec(tb, db.DB, fmt.Sprintf("UPDATE item SET ver = 2 WHERE id <= %d", n))
	f.wantsOp("after an update of many rows", listen.Update, items(ids...)...)
	exec(tb, db.DB, fmt.Sprintf("DELETE FROM item WHERE id <= %d", n/2))
	f.wantsOp("after a delete of many rows", listen.Delete, items(ids[:n/2]...)...)
}

func checkCap(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertRows("scratch", 1))
	f := follow(tb, db)
	exec(tb, db.DB, insertRows("pile", series(1, e.Cap+1)...))
	f.wants("after an insert above the cap", Row{Table: "pile"})
	exec(tb, db.DB, "UPDATE pile SET ver = 2")
	f.wants("after an update above the cap", Row{Table: "pile"})
	tx := begin(tb, db)
	exec(tb, tx, "DELETE FROM pile", "UPDATE scratch SET ver = 2 WHERE id = 1")
	commit(tb, tx)
	f.wants("after a delete above the cap, and one row", Row{Table: "pile"}, Row{"scratch", int64(1)})
}

func checkUpsert(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertItems(1, 1, 2, 3))
	f := follow(tb, db)
	exec(tb, db.DB, insertItems(2, 2, 9)+" "+e.Upsert)
	f.wants("after an upsert of an old and a new row", items(2, 9)...)
	exec(tb, db.DB, insertItems(3, 9)+" "+e.Upsert)
	f.wants("after an upsert of an old row", items(9)...)
}

func checkCascade(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertRows("parent", 1, 2, 3), "INSERT INTO child(id, parent, ver) VALUES (10, 1, 1), (11, 1, 1), (20, 2, 1), (30, 3, 1)")
	f := follow(tb, db)
	exec(tb, db.DB, "DELETE FROM parent WHERE id = 1")
	f.covered("after a delete that cascades", append(rowsOf("parent", 1), rowsOf("child", 10, 11)...)...)
	exec(tb, db.DB, "UPDATE parent SET id = 22 WHERE id = 2")
	f.covered("after an update that cascades", append(rowsOf("parent", 2, 22), rowsOf("child", 20)...)...)
	exec(tb, db.DB, "UPDATE child SET ver = 2 WHERE id = 30")
	f.wants("after an update of a child", rowsOf("child", 30)...)
}

func checkDeleteAll(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertItems(1, 1, 2, 3), "INSERT INTO word(name, ver) VALUES ('a', 1)")
	f := follow(tb, db)
	exec(tb, db.DB, "DELETE FROM item")
	f.wantsOp("after a delete without WHERE", listen.Delete, items(1, 2, 3)...)
	exec(tb, db.DB, insertItems(1, 1))
	f.wants("after an insert into the empty table", items(1)...)
}

func checkTruncate(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertRows("scratch", 1, 2))
	f := follow(tb, db)
	exec(tb, db.DB, e.Truncate)
	delta := f.poll()
	for delta.Unchecked && delta.Reset == "" && len(delta.Changes) == 0 {
		delta = f.poll() // a source may find out when it looks at capture
	}
	if got := tell(delta.Changes); delta.Reset == "" && !got[rowID{table: "scratch"}] {
		tb.Errorf("after %s: the poll told %v, want a mark or a reset", e.Truncate, got)
	}
	for delta.Unchecked {
		delta = f.poll() // the next look at the capture may tell it once more
	}
	exec(tb, db.DB, insertRows("scratch", 5))
	f.wants("after an insert into the empty table", rowsOf("scratch", 5)...)
}

func checkSeveralTables(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	tx := begin(tb, db)
	exec(tb, tx, insertItems(1, 1), "INSERT INTO word(name, ver) VALUES ('a', 1)", insertItems(1, 2),
		insertRows("parent", 4), "UPDATE item SET ver = 2 WHERE id = 1")
	f.unchanged("before the commit")
	commit(tb, tx)
	f.wants("after the commit", Row{"item", int64(1)}, Row{"item", int64(2)}, Row{"word", "a"}, Row{"parent", int64(4)})
}

func checkExtra(tb testing.TB, e *Engine, x Extra) {
	tb.Helper()
	db := e.open(tb)
	old, fresh := series(1, 3), series(11, 3)
	exec(tb, db.DB, insertItems(1, old...))
	f := follow(tb, db)
	conn, err := db.DB.Conn(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // the pool closes it
	rows, err := x.Write(tb.Context(), conn, old, fresh)
	if err != nil {
		tb.Fatalf("%s: %v", x.Name, err)
	}
	if len(rows) == 0 {
		tb.Fatalf("%s: it says that it has changed nothing", x.Name)
	}
	if !x.Voids {
		f.wants("after "+x.Name, rows...)
		return
	}
	// By keys, by marks or by a reset, as soon as capture was looked at.
	got, voided := make(told), false
	for {
		delta := f.poll()
		voided = voided || delta.Reset != ""
		for r := range tell(delta.Changes) {
			got[r] = true
		}
		if !delta.Unchecked {
			break
		}
	}
	for _, r := range rows {
		if !voided && !got.covers(r.id()) {
			tb.Errorf("after %s: the polls told %v, which does not cover %v", x.Name, got, r.id())
		}
	}
}

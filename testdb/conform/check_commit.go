package conform

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func checkRollback(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertItems(1, 1))
	f := follow(tb, db)
	tx := begin(tb, db)
	exec(tb, tx, insertItems(1, 2, 3), "UPDATE item SET ver = 2 WHERE id = 1")
	f.unchanged("while the transaction is open")
	if err := tx.Rollback(); err != nil {
		tb.Fatalf("ROLLBACK: %v", err)
	}
	f.unchanged("after the rollback")
	exec(tb, db.DB, insertItems(1, 4))
	f.wants("after the next commit", items(4)...)
}

func checkSavepoint(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	tx := begin(tb, db)
	exec(
		tb, tx, insertItems(1, 1),
		"SAVEPOINT a", insertItems(1, 2), "ROLLBACK TO SAVEPOINT a",
		"SAVEPOINT b", insertItems(1, 3), "RELEASE SAVEPOINT b",
		"SAVEPOINT c", "UPDATE item SET ver = 2 WHERE id = 1", "SAVEPOINT d", insertItems(1, 4), "ROLLBACK TO SAVEPOINT c", insertItems(1, 5),
	)
	f.unchanged("before the commit")
	commit(tb, tx)
	f.wants("after the commit", items(1, 3, 5)...)
}

// checkOpenTransaction: a transaction that has written before a cursor was
// taken is not in it, however many polls come before the commit.
func checkOpenTransaction(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	tx := begin(tb, db)
	exec(tb, tx, insertItems(1, 1), "SAVEPOINT a", insertItems(1, 2), "RELEASE SAVEPOINT a")
	before := follow(tb, db)
	before.unchanged("while the transaction is open")
	before.unchanged("while the transaction is open")
	exec(tb, tx, insertItems(1, 3))
	after := follow(tb, db)
	commit(tb, tx)
	before.wants("after the commit", items(1, 2, 3)...)
	after.wants("after the commit, of a younger reader", items(1, 2, 3)...)
	before.unchanged("after that")
}

// checkOpenAmongOthers is checkOpenTransaction with others that begin later
// and commit sooner.
func checkOpenAmongOthers(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	slow, never := begin(tb, db), begin(tb, db)
	exec(tb, slow, insertItems(1, 1))
	exec(tb, never, insertItems(1, 2))
	exec(tb, db.DB, insertItems(1, 3))
	f := follow(tb, db)
	f.unchanged("while transactions are open")
	for i := range int64(5) {
		exec(tb, db.DB, insertItems(1, 10+i))
		f.wants("a commit while others are open", items(10+i)...)
		middle := begin(tb, db)
		exec(tb, middle, insertItems(1, 20+i))
		exec(tb, db.DB, insertItems(1, 30+i))
		f.wants("a commit while others are open", items(30+i)...)
		commit(tb, middle)
		f.wants("a commit among others", items(20+i)...)
	}
	exec(tb, slow, insertItems(1, 4))
	f.unchanged("while the slow one is open")
	commit(tb, slow)
	f.wants("after the slow one has committed", items(1, 4)...)
	if err := never.Rollback(); err != nil {
		tb.Fatalf("ROLLBACK: %v", err)
	}
	f.unchanged("after the other has been rolled back")
}

func checkPrepared(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	conn, err := db.DB.Conn(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // the pool closes it
	p := e.Prepared
	run := func(statements []string, name string) {
		tb.Helper()
		exec(tb, conn, named(statements, name)...)
	}
	defer func() {
		// A failed check must not leave a transaction that outlives it.
		for _, name := range []string{"conform_a", "conform_b"} {
			for _, s := range named(p.Rollback, name) {
				_, _ = conn.ExecContext(context.Background(), s)
			}
		}
	}()
	run(p.Begin, "conform_a")
	exec(tb, conn, insertItems(1, 1))
	run(p.Prepare, "conform_a")
	f.unchanged("while the transaction is prepared")
	younger := follow(tb, db)
	if !e.lacks(ConcurrentWriters) {
		exec(tb, db.DB, insertItems(1, 2))
		f.wants("a commit while another is prepared", items(2)...)
		younger.wants("a commit while another is prepared", items(2)...)
	}
	run(p.Commit, "conform_a")
	f.wants("after the second step", items(1)...)
	younger.wants("after the second step, of a younger reader", items(1)...)
	run(p.Begin, "conform_b")
	exec(tb, conn, insertItems(1, 3))
	run(p.Prepare, "conform_b")
	f.unchanged("while the transaction is prepared")
	run(p.Rollback, "conform_b")
	f.unchanged("after it was rolled back")
}

// named puts the name of a transaction into statements.
func named(statements []string, name string) []string {
	all := make([]string, len(statements))
	for i, s := range statements {
		all[i] = strings.ReplaceAll(s, "{name}", name)
	}
	return all
}

func checkEmpty(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	for range 3 {
		f.unchanged("when nothing has happened")
	}
	exec(tb, db.DB, insertItems(1, 1))
	f.wants("after an insert", items(1)...)
	for range 3 {
		f.unchanged("when nothing more has happened")
	}
}

// checkExact commits a few hundred times, from changing connections, and asks
// after each for one poll.
func checkExact(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	var conns []*sql.Conn
	for range 3 {
		conn, err := db.DB.Conn(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // the pool closes it
		conns = append(conns, conn)
	}
	f := follow(tb, db)
	random := rand.New(rand.NewPCG(1, 2))
	live, next := []int64(nil), int64(1)
	for i := range 300 {
		conn := conns[random.IntN(len(conns))]
		var statement string
		var changed []int64
		switch kind := random.IntN(6); {
		case kind < 2 || len(live) < 4:
			changed = series(next, 1+random.IntN(3))
			next += int64(len(changed))
			live = append(live, changed...)
			statement = insertItems(1, changed...)
		case kind < 4:
			changed = slices.Clone(live[len(live)-2:])
			statement = fmt.Sprintf("UPDATE item SET ver = ver + 1 WHERE id IN %s", in(changed...))
		case kind == 4:
			k := random.IntN(len(live))
			changed = []int64{live[k]}
			live = slices.Delete(live, k, k+1)
			statement = fmt.Sprintf("DELETE FROM item WHERE id IN %s", in(changed...))
		default:
			k := random.IntN(len(live))
			changed = []int64{live[k], next}
			live[k] = next
			next++
			statement = fmt.Sprintf("UPDATE item SET id = %d WHERE id = %d", changed[1], changed[0])
		}
		if random.IntN(4) == 0 {
			exec(tb, conn, statement)
		} else {
			inTransaction(tb, conn, statement)
		}
		f.wants(fmt.Sprintf("commit %d", i), items(changed...)...)
		if tb.Failed() {
			return // one is enough
		}
	}
}

func inTransaction(tb testing.TB, conn *sql.Conn, statement string) {
	tb.Helper()
	tx, err := conn.BeginTx(context.Background(), nil)
	if err != nil {
		tb.Fatalf("BEGIN: %v", err)
	}
	defer func() { _ = tx.Rollback() }() // it says that it was committed
	exec(tb, tx, statement)
	commit(tb, tx)
}

func checkTwoReaders(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	a, b := follow(tb, db), follow(tb, db)
	for i := range int64(20) {
		exec(tb, db.DB, insertItems(1, 1+i))
		a.wants("one reader, after each insert", items(1+i)...)
		if i%5 == 4 {
			b.wants("the other, after five", items(series(i-3, 5)...)...)
		}
	}
	a.unchanged("in the end")
	b.unchanged("in the end")
}

func checkReconnect(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	exec(tb, db.DB, insertItems(1, 1))
	f.wants("on the first connection", items(1)...)
	f.close()
	exec(tb, db.DB, insertItems(1, 2))
	tx := begin(tb, db)
	exec(tb, tx, insertItems(1, 3))
	f.connect()
	f.wants("on a new connection", items(2)...)
	f.close()
	commit(tb, tx)
	f.connect()
	f.wants("on a third connection", items(3)...)
	f.unchanged("after that")
}

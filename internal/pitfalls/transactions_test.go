package pitfalls

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/vantage-go/live/cache"
)

// transactions are §B: what belongs to one transaction, or depends on its end.
var transactions = []pitfall{
	{16, "statement inside a transaction", "inside a transaction the cache is neither read nor filled", on(insideTransaction)},
	{17, "snapshot of a transaction", "what one snapshot shows is nobody else's", on(snapshot)},
	{18, "own uncommitted writes", "they are seen inside and never kept", on(uncommitted)},
	{19, "rollback to a savepoint", "what is left of the transaction is thrown out at its end", on(savepoint)},
	{20, "transactions by text", "BEGIN, COMMIT, AND CHAIN, autocommit and implicit commits are followed in the text", on(byText).
		also(byTextOnMariaDB, mariadb)},
	{21, "two-phase commit", "a prepared transaction is told when it is committed, by whomever", on(twoPhase, postgres).
		also(twoPhaseXA, mariadb).absent("there is no PREPARE TRANSACTION", sqlite)},
	{22, "deferred triggers", "what a trigger writes at COMMIT is thrown out with the commit", on(deferred, postgres).
		absent("triggers fire with their statement", sqlite, mariadb)},
	{23, "select for update", "it takes its locks each time", on(locking, postgres, mariadb).
		absent("there is no FOR UPDATE", sqlite)},
	{24, "advisory locks as selects", "the lock is taken each time, and who holds one reads from the database", on(advisory, postgres, mariadb).
		absent("there are no advisory locks", sqlite)},
	{25, "read-only transaction", "it is a transaction like any other", on(readOnly)},
}

func (w reader) inTransaction(query, want string) {
	w.rig.Helper()
	before := w.rig.live.CacheStats().Bypassed[cache.InTransaction]
	w.passes(query, want)
	if after := w.rig.live.CacheStats().Bypassed[cache.InTransaction]; after != before+1 {
		w.rig.Fatalf("%s was not let past the cache because of the transaction", query)
	}
}

func insideTransaction(r *rig) {
	r.start()
	stores := r.live.CacheStats().Stores
	in, tx := r.begin(nil)
	in.inTransaction(one, "a")
	in.inTransaction("SELECT v FROM item WHERE id = 2", "b")
	r.hits(one, "a") // others are not concerned
	r.commit(tx)
	if after := r.live.CacheStats().Stores; after != stores {
		r.Errorf("%d results were kept", after-stores)
	}
	r.hits(one, "a")
	r.asks("SELECT v FROM item WHERE id = 2", "b")
}

func snapshot(r *rig) {
	r.start()
	opts := &sql.TxOptions{Isolation: sql.LevelRepeatableRead}
	if r.engine.family == sqlite {
		opts = nil // every transaction of SQLite has one
	}
	in, tx := r.begin(opts)
	in.inTransaction("SELECT count(*) FROM item", "2") // takes the snapshot
	r.write("UPDATE item SET v = 'new' WHERE id = 1")
	r.sync()
	in.inTransaction(one, "a")
	r.warm(one, "new")
	in.inTransaction(one, "a")
	r.hits(one, "new")
	r.commit(tx)
	r.hits(one, "new")
}

func uncommitted(r *rig) {
	r.start()
	in, tx := r.begin(nil)
	in.write("UPDATE item SET v = 'mine' WHERE id = 1")
	in.inTransaction(one, "mine")
	r.hits(one, "a")
	if err := tx.Rollback(); err != nil {
		r.Fatal(err)
	}
	r.hits(one, "a") // nothing has changed
	in, tx = r.begin(nil)
	in.write("UPDATE item SET v = 'mine' WHERE id = 1")
	in.inTransaction(one, "mine")
	r.commit(tx)
	r.asks(one, "mine")
	r.warm(one, "mine")
}

func savepoint(r *rig) {
	r.start()
	in, tx := r.begin(nil)
	in.write("UPDATE item SET v = 'kept' WHERE id = 1", "SAVEPOINT s", "UPDATE item SET v = 'undone' WHERE id = 1")
	in.inTransaction(one, "undone")
	in.write("ROLLBACK TO SAVEPOINT s")
	in.inTransaction(one, "kept")
	r.hits(one, "a")
	r.commit(tx)
	r.asks(one, "kept")
	r.warm(one, "kept")
}

func byText(r *rig) {
	r.start()
	in, _ := r.conn()
	in.hits(one, "a")
	in.write("BEGIN", "UPDATE item SET v = 'text' WHERE id = 1")
	in.inTransaction(one, "text")
	r.hits(one, "a")
	in.write("COMMIT")
	r.asks(one, "text")
	r.warm(one, "text")
	in.hits(one, "text") // it is out of the transaction
	in.write("BEGIN", "UPDATE item SET v = 'undone' WHERE id = 1", "ROLLBACK")
	in.sees(one, "text")
	in.warm(one, "text")
	if r.engine.family == postgres {
		in.write("BEGIN", "UPDATE item SET v = 'chain' WHERE id = 1", "COMMIT AND CHAIN")
		r.asks(one, "chain")
		in.inTransaction(one, "chain")
		in.write("ROLLBACK")
		return
	}
	if r.engine.family == sqlite { // a savepoint begins a transaction
		in.write("SAVEPOINT s", "UPDATE item SET v = 'point' WHERE id = 1")
		in.inTransaction(one, "point")
		r.sees(one, "text") // of the database: elsewhere it would be committed
		in.write("RELEASE s")
		r.asks(one, "point")
		r.warm(one, "point")
	}
}

func byTextOnMariaDB(r *rig) {
	byText(r)
	in, _ := r.conn()
	for i, how := range [][]string{
		{"SET autocommit = 0", "UPDATE item SET v = '%s' WHERE id = 1", "SET autocommit = 1"},
		{"BEGIN", "UPDATE item SET v = '%s' WHERE id = 1", "BEGIN", "COMMIT"},
		{"BEGIN", "UPDATE item SET v = '%s' WHERE id = 1", "CREATE TABLE implicit (n INT)"},
		{"BEGIN", "UPDATE item SET v = '%s' WHERE id = 1", "COMMIT AND CHAIN", "ROLLBACK"},
	} {
		want := fmt.Sprint("how", i)
		was, _ := r.read(one)
		r.warm(one, was)
		in.write(how[0], fmt.Sprintf(how[1], want))
		in.sees(one, want)
		r.hits(one, was)
		in.write(how[2])
		r.asks(one, want)
		in.write(how[3:]...)
	}
	r.warm(one, "how3")
}

func twoPhase(r *rig) {
	r.start()
	in, _ := r.conn()
	name := "p" + fmt.Sprint(len(r.Name())) + r.engine.name
	in.write("BEGIN", "UPDATE item SET v = 'prepared' WHERE id = 1", "PREPARE TRANSACTION '"+name+"'")
	r.asks(one, "a")
	r.warm(one, "a") // it is not committed yet
	r.exec("COMMIT PREPARED '" + name + "'")
	r.sync()
	r.asks(one, "prepared")
	r.warm(one, "prepared")
	in.write("BEGIN", "UPDATE item SET v = 'mine' WHERE id = 1", "PREPARE TRANSACTION '"+name+"'")
	r.warm(one, "prepared")
	r.write("COMMIT PREPARED '" + name + "'") // by another connection of the handle
	r.asks(one, "mine")
	r.warm(one, "mine")
}

func twoPhaseXA(r *rig) {
	r.start()
	in, conn := r.conn()
	in.write("XA START 'p21'", "UPDATE item SET v = 'prepared' WHERE id = 1", "XA END 'p21'", "XA PREPARE 'p21'")
	r.asks(one, "a")
	r.warm(one, "a")
	conn.Close() // a session that has ended leaves it to others
	r.live.SetMaxIdleConns(0)
	r.until("the transaction is to be had", func() bool {
		_, err := r.other.ExecContext(r.Context(), "XA COMMIT 'p21'")
		return err == nil
	})
	r.sync()
	r.asks(one, "prepared")
	r.warm(one, "prepared")
}

func deferred(r *rig) {
	r.start("CREATE TABLE audit (n INTEGER)", "INSERT INTO audit VALUES (0)",
		"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE audit SET n = n + 1; RETURN NULL; END'",
		"CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()")
	const audit = "SELECT n FROM audit"
	r.warm(audit, "0")
	in, tx := r.begin(nil)
	in.write("UPDATE item SET v = 'new' WHERE id = 1")
	in.inTransaction(audit, "0")
	r.commit(tx)
	r.asks(audit, "1")
	r.warm(audit, "1")
	r.write("UPDATE item SET v = 'newer' WHERE id = 1")
	r.asks(audit, "2")
	r.warm(audit, "2")
	r.exec("UPDATE item SET v = 'foreign' WHERE id = 1")
	r.sync()
	r.asks(audit, "3")
}

func locking(r *rig) {
	r.start()
	nowait := "SELECT v FROM item WHERE id = 1 FOR UPDATE NOWAIT"
	locks := []string{one + " FOR UPDATE", one + " LOCK IN SHARE MODE"}
	if r.engine.family == postgres {
		locks = []string{one + " FOR UPDATE", one + " FOR NO KEY UPDATE", one + " FOR SHARE", one + " FOR KEY SHARE", one + " FOR UPDATE SKIP LOCKED"}
	}
	r.never(locks...)
	// The second one takes it, too.
	for range 2 {
		in, tx := r.begin(nil)
		in.passes(locks[0], "a")
		if _, err := r.via(r.other).ask(nowait); err == nil {
			r.Error("the row is not locked")
		}
		r.commit(tx)
	}
	if _, err := r.via(r.other).ask(nowait); err != nil {
		r.Errorf("the row is still locked: %v", err)
	}
}

func advisory(r *rig) {
	r.start()
	lock, unlock, try := "SELECT GET_LOCK('p24', 5)", "SELECT RELEASE_LOCK('p24')", "SELECT GET_LOCK('p24', 0)"
	yes, no := "1", "0"
	if r.engine.family == postgres {
		lock, unlock, try = "SELECT pg_try_advisory_lock(24)", "SELECT pg_advisory_unlock(24)", "SELECT pg_try_advisory_lock(24)"
		yes, no = "true", "false"
	}
	elsewhere := r.via(r.elsewhere())
	in, _ := r.conn()
	for range 2 {
		in.passes(lock, yes)
		if got, err := elsewhere.ask(try); err != nil || got != no {
			r.Fatalf("another program gets the lock: %q, %v", got, err)
		}
		// Who holds the lock sees what was written before, told or not.
		r.exec("UPDATE item SET v = 'x' WHERE id = 1", "UPDATE item SET v = 'a' WHERE id = 1")
		in.passes(one, "a")
		in.passes(unlock, yes)
		if got, err := elsewhere.ask(try); err != nil || got != yes {
			r.Fatalf("another program does not get the lock: %q, %v", got, err)
		}
		if got, err := elsewhere.ask(unlock); err != nil || got != yes {
			r.Fatalf("unlocking: %q, %v", got, err)
		}
	}
	r.warm(one, "a")
}

func readOnly(r *rig) {
	r.start()
	opts := &sql.TxOptions{ReadOnly: true}
	tx, err := r.live.BeginTx(r.Context(), opts)
	if err != nil {
		r.Logf("the driver does not begin it: %v", err)
		tx, err = r.live.BeginTx(r.Context(), nil)
	}
	if err != nil {
		r.Fatal(err)
	}
	defer tx.Rollback()
	in := r.via(tx).with(context.WithoutCancel(r.Context()))
	in.inTransaction(one, "a")
	in.inTransaction(one, "a")
	r.hits(one, "a")
}

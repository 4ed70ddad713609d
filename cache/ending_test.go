package cache

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// onlooked is a cache with two connections: what happens on one, others see. The
// change feed tells nothing.
type onlooked struct {
	*fixture
	other *fixture
}

func newOnlooked(t *testing.T, f dialects.Flavor) *onlooked {
	t.Helper()
	c, err := New(newWorded(f), nil, Config{Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "start"})
	e := &onlooked{&fixture{t, c, c.Open()}, &fixture{t, c, c.Open()}}
	for _, s := range []driver.Session{e.conn, e.other.conn} {
		if err := s.Dialed(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

var errStatement = errors.New("the statement failed")

// do has the connection execute statements.
func (e *onlooked) do(texts ...string) {
	e.Helper()
	for _, text := range texts {
		e.conn.Executed(e.Context(), e.conn.Classify(text), nil, nil)
	}
}

// fail has it execute one that fails.
func (e *onlooked) fail(text string, err error) {
	e.conn.Executed(e.Context(), e.conn.Classify(text), nil, err)
}

// refuse has it ask a query that fails.
func (e *onlooked) refuse(text string, err error) {
	e.Helper()
	_, call, _ := e.conn.Query(e.Context(), e.conn.Classify(text), nil, driver.Direct)
	if call != nil {
		call.Failed(err)
	}
}

// warm has another connection read what is committed.
func (e *onlooked) warm() {
	e.Helper()
	e.cache.Apply(listen.Batch{Sent: time.Now()}) // a schema that may have changed was looked at
	e.other.hit(&oneRow{}, scan)
	e.keeps("after it was read")
}

// keeps requires that it is answered from memory.
func (e *onlooked) keeps(when string) {
	e.Helper()
	if !e.other.hit(&oneRow{}, scan) {
		e.Errorf("%s: what another connection has read is forgotten", when)
	}
}

// forgets requires that it is not, and reads it again: the statement before has
// committed what was written.
func (e *onlooked) forgets(when string) {
	e.Helper()
	if e.other.hit(&oneRow{}, scan) {
		e.Errorf("%s: answered with what was there before", when)
	}
	e.warm()
}

// inTransaction requires that what the connection reads is nobody else's.
func (e *onlooked) inTransaction(why string) {
	e.Helper()
	before := e.cache.Stats()
	e.hit(&oneRow{}, scan)
	if after := e.cache.Stats(); after.Bypassed[InTransaction] == before.Bypassed[InTransaction] || after.Stores > before.Stores {
		e.Errorf("%s: a read was not taken for one in a transaction", why)
	}
}

// TestWhatEndsATransaction: a transaction may have ended, or begun, without a
// statement that says so. Then what was written in it counts at once, and is
// not taken for undone when one is rolled back.
func TestWhatEndsATransaction(t *testing.T) {
	t.Parallel()
	const update = "UPDATE t SET name = 'x'"
	for _, c := range []struct {
		what   string
		flavor dialects.Flavor
		do     func(e *onlooked)
	}{
		{"a transaction of the API that begins in one by text", dialects.MySQL, func(e *onlooked) {
			e.do("BEGIN", update)
			e.keeps("not committed")
			e.conn.Begun(sqldriver.TxOptions{})
			e.forgets("MySQL commits what is open when another one begins")
			e.conn.Ended(driver.RolledBack)
			e.keeps("the second was rolled back")
		}},
		{"one that begins with autocommit off", dialects.MySQL, func(e *onlooked) {
			e.do("SET autocommit = 0", update)
			e.keeps("not committed")
			e.conn.Begun(sqldriver.TxOptions{})
			e.forgets("MySQL commits what is open when another one begins")
		}},
		{"a procedure in a transaction", dialects.MySQL, func(e *onlooked) {
			e.conn.Begun(sqldriver.TxOptions{})
			e.do(update)
			e.keeps("not committed")
			e.do("CALL p()")
			e.forgets("the procedure may have committed")
			e.conn.Ended(driver.RolledBack)
			e.forgets("who knows what was rolled back")
		}},
		{"a procedure that begins a transaction", dialects.MySQL, func(e *onlooked) {
			e.do("CALL p()")
			e.forgets("the procedure may have written")
			e.do("COMMIT")
			e.forgets("what the procedure wrote may be committed now")
			e.do("COMMIT")
			e.keeps("which is over")
			e.do("CALL p()")
			e.forgets("the procedure may have written")
			e.conn.Begun(sqldriver.TxOptions{})
			e.forgets("what the procedure wrote may be committed now")
		}},
		{"an error that rolls back", dialects.SQLite, func(e *onlooked) {
			e.conn.Begun(sqldriver.TxOptions{})
			e.do(update)
			e.keeps("not committed")
			e.fail("INSERT OR ROLLBACK INTO t VALUES (1)", errStatement)
			e.forgets("a write that failed")
			e.do(update)
			e.forgets("there may be no transaction any more")
		}},
		{"a read that fails", dialects.MySQL, func(e *onlooked) {
			for _, fail := range []func(text string, err error){e.fail, e.refuse} {
				e.conn.Begun(sqldriver.TxOptions{})
				e.refuse("SELECT name FROM t WHERE id = ?", sqldriver.ErrSkip) // it comes again
				e.do(update)
				e.keeps("not committed")
				fail("SELECT name FROM t FOR UPDATE", errStatement)
				e.do(update)
				e.forgets("there may be no transaction any more")
				e.conn.Ended(driver.Committed)
				e.warm()
			}
		}},
		{"a beginning that was interrupted too late", dialects.SQLite, func(e *onlooked) {
			e.fail("BEGIN", errStatement)
			if !e.hit(&oneRow{}, scan) {
				e.Error("a transaction that did not begin is taken for one that did")
			}
			e.fail("BEGIN", context.Canceled)
			e.inTransaction("the driver tells of the context even if it has begun")
			e.do("COMMIT")
			e.fail("SAVEPOINT a", context.DeadlineExceeded)
			e.inTransaction("the driver tells of the context even if it has begun")
		}},
		{"locks that nobody has", dialects.MySQL, func(e *onlooked) {
			e.do("BEGIN", update, "UNLOCK TABLES")
			e.forgets("it may have committed")
			e.inTransaction("it has not if there were no locks")
			e.do("COMMIT")
			e.forgets("now it is committed")
		}},
		{"autocommit that was on", dialects.MySQL, func(e *onlooked) {
			e.do("BEGIN", update, "SET autocommit = 1")
			e.inTransaction("it was on already, which commits nothing")
			e.do("COMMIT")
			e.forgets("now it is committed")
		}},
		{"autocommit that was off", dialects.MySQL, func(e *onlooked) {
			e.do("SET autocommit = 0", update)
			e.keeps("not committed")
			e.do("SET autocommit = 1")
			e.forgets("which commits")
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			e := newOnlooked(t, c.flavor)
			e.warm()
			c.do(e)
		})
	}
}

// askable is one whose sessions tell their settings.
type askable struct{ worded }

func (askable) Probe(context.Context, sqldriver.Conn) (dialects.Place, error) {
	return dialects.Place{Settings: 1}, nil
}

// TestPreparedBefore: a statement means what it meant when it was prepared, where
// names, texts and numbers are concerned. On a session whose settings were others,
// when that was is known only of one that the driver has prepared this moment.
func TestPreparedBefore(t *testing.T) {
	t.Parallel()
	for _, change := range []string{"USE d", "SET sql_mode = ''"} {
		c, err := New(askable{newWorded(dialects.MySQL)}, nil, Config{Lease: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		c.Apply(listen.Batch{Sent: time.Now(), Reset: "start"})
		one, other := &fixture{t, c, c.Open()}, &fixture{t, c, c.Open()}
		for _, b := range []*fixture{one, other} {
			if err := b.conn.Dialed(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		prepared := func(b *fixture, text string) (call driver.Call, hit bool) {
			t.Helper()
			rows, call, err := b.conn.Query(t.Context(), b.conn.Classify(text), nil, driver.Prepared)
			if err != nil {
				t.Fatal(err)
			}
			return call, rows != nil
		}
		fill := func(b *fixture, text string) bool {
			t.Helper()
			call, hit := prepared(b, text)
			if hit || call == nil {
				return false
			}
			before := c.Stats().Stores
			if _, err := call.Rows(t.Context(), &oneRow{}); err != nil {
				t.Fatal(err)
			}
			return c.Stats().Stores > before
		}
		if !fill(one, scan) {
			t.Errorf("%s: not kept before", change)
		}
		one.conn.Executed(t.Context(), one.conn.Classify(change), nil, nil)
		if _, hit := prepared(one, scan); hit {
			t.Errorf("%s: answered what others have asked", change)
		}
		const another = "SELECT id FROM t"
		if fill(one, another) {
			t.Errorf("%s: kept for others what was prepared before", change)
		}
		// One that the driver skips is prepared afterwards.
		_, call, err := one.conn.Query(t.Context(), one.conn.Classify(another), nil, driver.Direct)
		if err != nil || call == nil {
			t.Fatalf("%v, error %v", call, err)
		}
		call.Failed(sqldriver.ErrSkip)
		if !fill(one, another) {
			t.Errorf("%s: not kept what was prepared after it", change)
		}
		if _, hit := prepared(other, another); !hit {
			t.Errorf("%s: not kept for others", change)
		}
	}
}

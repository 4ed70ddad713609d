package cache

import (
	sqldriver "database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// exec tells the connection that it has executed texts. One with "fails" in it has
// failed.
func (b *fixture) exec(texts ...string) {
	b.Helper()
	for _, text := range texts {
		var err error
		if strings.Contains(text, "fails") {
			err = errors.New("constraint failed")
		}
		b.conn.Executed(b.Context(), b.conn.Classify(text), nil, err)
	}
}

// elsewhere reads all of t on another connection, and has the result stored.
func (b *fixture) elsewhere() {
	b.Helper()
	other := &fixture{b.T, b.cache, b.cache.Open()}
	if err := other.conn.Dialed(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	if other.hit(&oneRow{}, scan); !b.kept("all") {
		b.Fatal("the result of a read is not stored")
	}
}

const write = "UPDATE t SET name = 'x'"

// TestEndsOfTransactions: what is committed when a statement was acknowledged is
// known to readers then, however its transaction has begun and ended.
func TestEndsOfTransactions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what string
		in   dialects.Flavor
		// Before, texts are executed, then others read t, then last is executed.
		before []string
		last   string
		kept   bool
	}{
		{"a commit", dialects.Postgres, []string{"BEGIN", write}, "COMMIT", false},
		{"a rollback", dialects.Postgres, []string{"BEGIN", write}, "ROLLBACK", true},
		{"a write behind a rollback in its text", dialects.Postgres, []string{"BEGIN"}, "ROLLBACK; " + write, false},
		{"a write before a rollback of nothing in its text", dialects.MySQL, nil, write + "; ROLLBACK", false},
		{"a write behind a commit in its text", dialects.Postgres, []string{"BEGIN", "COMMIT; BEGIN; " + write}, "COMMIT", false},
		{"a write behind a chained commit in its text", dialects.MySQL, []string{"BEGIN", "COMMIT AND CHAIN; " + write}, "COMMIT", false},
		{"a write of a text that begins", dialects.Postgres, []string{"BEGIN; " + write}, "COMMIT", false},
		{"what may have ended the transaction", dialects.MySQL, []string{"BEGIN", write}, "CALL p()", false},
		{"a write behind an error that has rolled back", dialects.SQLite, []string{"BEGIN", "INSERT OR ROLLBACK INTO t VALUES (1) -- fails"}, write, false},
		{"a write of the next transaction", dialects.SQLite, []string{"BEGIN", write + " -- fails", "ROLLBACK", "BEGIN"}, write, true},
		{"a savepoint within", dialects.SQLite, []string{"SAVEPOINT a", "SAVEPOINT b", write, "RELEASE b"}, "RELEASE a", false},
		{"the outermost savepoint with one within", dialects.SQLite, []string{"SAVEPOINT a", "SAVEPOINT b", write}, "RELEASE a", false},
		{"a savepoint of no transaction", dialects.MySQL, []string{"SAVEPOINT a"}, write, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			b := newFixtureOver(t, newWorded(c.in))
			b.exec(c.before...)
			b.elsewhere()
			if b.exec(c.last); b.kept("all") != c.kept {
				t.Errorf("after %q and %q the entry is kept: %t, want %t", c.before, c.last, !c.kept, c.kept)
			}
		})
	}
}

// TestRawInTransaction: what the program writes past the cache in a transaction is
// committed with it, however long it keeps the connection.
func TestRawInTransaction(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct{ begin, commit func(b *fixture) }{
		"of database/sql": {
			func(b *fixture) { b.conn.Begun(sqldriver.TxOptions{}); b.conn.Raw() },
			func(b *fixture) { b.conn.Ended(driver.Committed) },
		},
		"of a text": {
			func(b *fixture) { b.exec("BEGIN"); b.conn.Raw() },
			func(b *fixture) { b.exec("COMMIT") },
		},
		"that began there": {
			func(b *fixture) { b.conn.Raw() },
			func(b *fixture) { b.exec("COMMIT") },
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b := newFixtureOver(t, newWorded(dialects.Postgres))
			c.begin(b)
			b.cache.Apply(listen.Batch{Sent: time.Now()})
			b.elsewhere()
			if c.commit(b); b.kept("all") {
				t.Error("a result outlives the commit")
			}
		})
	}
}

// ending are rows of which Close tells how the statements behind them have ended.
type ending struct {
	oneRow
	err error
}

func (r *ending) Close() error { return r.err }

// TestCommitBehindRows: of a text with several statements, a driver gives the rows
// of one before the next has run.
func TestCommitBehindRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		before []string
		text   string
		err    error
	}{
		{"of what was written before", []string{"BEGIN", write}, "SELECT 1; COMMIT", nil},
		{"of what was written before, and something fails", []string{"BEGIN", write}, "SELECT 1; COMMIT; SELECT 1/0", errors.New("division by zero")},
		{"of what the text writes", nil, "BEGIN; " + write + "; SELECT 1; COMMIT", nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			b := newFixtureOver(t, newWorded(dialects.Postgres))
			b.exec(c.before...)
			_, call, err := b.conn.Query(t.Context(), b.conn.Classify(c.text), nil, driver.Direct)
			if err != nil || call == nil {
				t.Fatal("nobody follows the text", err)
			}
			rows, err := call.Rows(t.Context(), &ending{err: c.err})
			if err != nil {
				t.Fatal(err)
			}
			b.elsewhere()
			if err := rows.Close(); !errors.Is(err, c.err) {
				t.Fatal(err)
			}
			if b.kept("all") {
				t.Error("a result outlives the commit behind the rows")
			}
		})
	}
}

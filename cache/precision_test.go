package cache

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// pinning is a database with the tables t and u. A text that ends in "WHERE id =
// ?" reads or writes only the rows of t with that key, one that ends in a list of
// arguments those with these.
type pinning struct{}

func (pinning) Identity() uint64 { return 0 }
func (pinning) Version() uint64  { return 1 }

func (pinning) Analyze(_ context.Context, text string) (*dialects.Analysis, error) {
	a := &dialects.Analysis{Scan: dialects.ScanText(dialects.SQLite, text), Version: 1}
	t := []dialects.Table{{Name: "t"}}
	if strings.Contains(text, "JOIN u") {
		t = append(t, dialects.Table{Name: "u"})
	}
	var pins []dialects.Pin
	if strings.HasSuffix(text, "WHERE id = ?") {
		pins = []dialects.Pin{{Table: t[0], Kinds: []dialects.KeyKind{dialects.IntKey}, Rows: [][]dialects.Operand{{{Param: 1}}}}}
	}
	if strings.HasSuffix(text, "?)") {
		pins = []dialects.Pin{{Table: t[0], Kinds: []dialects.KeyKind{dialects.IntKey}}}
		for i := range strings.Count(text, "?") {
			pins[0].Rows = append(pins[0].Rows, []dialects.Operand{{Param: i + 1}})
		}
	}
	switch {
	case a.Scan.Kind == dialects.Read:
		a.Reads, a.Pins = t, pins
	case len(a.Scan.Effects) == 0:
		a.Writes, a.Touches = t, pins
		a.Uncacheable = "it writes"
	default:
		a.Uncacheable = "it begins or ends a transaction"
	}
	return a, nil
}

// fixture is a cache over pinning, or another database, with one connection.
type fixture struct {
	*testing.T
	cache *Cache
	conn  driver.Session
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureOver(t, pinning{})
}

func newFixtureOver(t *testing.T, backend Backend) *fixture {
	t.Helper()
	c, err := New(backend, nil, Config{Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "start"})
	b := &fixture{t, c, c.Open()}
	if err := b.conn.Dialed(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// noRow is an empty result.
type noRow struct{ oneRow }

func (noRow) Next([]sqldriver.Value) error { return io.EOF }

func values(vs ...sqldriver.Value) []sqldriver.NamedValue {
	args := make([]sqldriver.NamedValue, len(vs))
	for i, v := range vs {
		args[i] = sqldriver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return args
}

// hit asks and reports whether the answer came from memory; if not, the
// database's is rows.
func (b *fixture) hit(rows sqldriver.Rows, text string, vs ...sqldriver.Value) bool {
	b.Helper()
	got, call, err := b.conn.Query(b.Context(), b.conn.Classify(text), values(vs...), driver.Direct)
	if err != nil {
		b.Fatal(err)
	}
	if got != nil {
		return true
	}
	if call != nil {
		if _, err := call.Rows(b.Context(), rows); err != nil {
			b.Fatal(err)
		}
	}
	return false
}

const (
	byKey  = "SELECT name FROM t WHERE id = ?"
	joined = "SELECT name FROM t JOIN u WHERE id = ?"
	scan   = "SELECT name FROM t"
)

// questions are what the tests ask; each is about one entry.
var questions = map[string]struct {
	text string
	args []sqldriver.Value
}{
	"row 1": {byKey, []sqldriver.Value{int64(1)}},
	"row 2": {byKey, []sqldriver.Value{int64(2)}},
	// Its key cannot be told: 1.5 is compared in ways of the database's own.
	"odd":  {byKey, []sqldriver.Value{1.5}},
	"join": {joined, []sqldriver.Value{int64(1)}},
	"all":  {scan, nil},
}

// TestWhatAChangeEvicts fills the cache, lets something happen, and looks which
// entries are left.
func TestWhatAChangeEvicts(t *testing.T) {
	t.Parallel()
	feed := func(changes ...listen.Change) func(*fixture) {
		return func(b *fixture) { b.cache.Apply(listen.Batch{Sent: time.Now(), Changes: changes}) }
	}
	row := func(op listen.Op, key any) listen.Change {
		return listen.Change{Table: dialects.Table{Name: "t"}, Op: op, Key: key}
	}
	exec := func(text string, err error, vs ...sqldriver.Value) func(*fixture) {
		return func(b *fixture) { b.conn.Executed(b.Context(), b.conn.Classify(text), values(vs...), err) }
	}
	const update = "UPDATE t SET name = 'x' WHERE id = ?"
	many := func(n int) func(*fixture) {
		return func(b *fixture) {
			b.conn.Begun(sqldriver.TxOptions{})
			for i := range n {
				exec(update, nil, int64(1000+i))(b)
			}
			exec(update, nil, int64(1))(b)
			if !b.kept("row 1") {
				b.Error("a write in a transaction has evicted before the commit")
			}
			b.conn.Ended(driver.Committed)
		}
	}
	for _, c := range []struct {
		what string
		do   func(*fixture)
		kept string // of row 1, row 2, odd, join, all
	}{
		{"nothing", func(*fixture) {}, "row 1, row 2, odd, join, all"},
		{"an update of row 1", feed(row(listen.Update, int64(1))), "row 2"},
		{"an insert of row 3", feed(row(listen.Insert, int64(3))), "row 1, row 2, join"},
		{"a key that changes from 2 to 9", feed(row(listen.Update, int64(2)), row(listen.Update, int64(9))), "row 1, join"},
		{"a mark on the table", feed(row(listen.Whole, nil)), ""},
		{"a mark between rows", feed(row(listen.Update, int64(3)), row(listen.Whole, nil), row(listen.Update, int64(3))), ""},
		{"a key that is not known exactly", feed(row(listen.Update, 1.5)), ""},
		{"a key in several columns", feed(row(listen.Update, []any{int64(1), int64(2)})), "row 1, row 2, join"},
		{"a table that only one reads", feed(listen.Change{Table: dialects.Table{Name: "u"}, Op: listen.Update, Key: int64(7)}), "row 1, row 2, odd, all"},
		{"another table", feed(listen.Change{Table: dialects.Table{Name: "v"}, Op: listen.Whole}), "row 1, row 2, odd, join, all"},
		{"two tables in turn", feed(row(listen.Update, int64(3)), listen.Change{Table: dialects.Table{Name: "u"}, Op: listen.Update, Key: int64(7)}, row(listen.Update, int64(2))), "row 1"},

		{"an own update of row 1", exec(update, nil, int64(1)), "row 2"},
		{"one that failed", exec(update, errors.New("the connection was lost"), int64(1)), "row 2"},
		{"one with an argument of another type", exec(update, nil, 1.5), ""},
		{"one without the argument", exec(update, nil), ""},
		{"one whose keys are not in the text", exec("UPDATE t SET name = 'x'", nil), ""},
		{"one that returns rows", func(b *fixture) { b.hit(&oneRow{}, update+"", int64(1)) }, "row 2"},
		{"one that triggers another table", exec("UPDATE t JOIN u SET name = 'x' WHERE id = ?", nil, int64(3)), "row 1, row 2"},
		{"a transaction", many(1), "row 2"},
		{"a long transaction", many(maxTouched - 1), "row 2"},
		{"too long a transaction", many(maxTouched), ""},
		{"a transaction that was rolled back", func(b *fixture) {
			b.conn.Begun(sqldriver.TxOptions{})
			exec(update, nil, int64(1))(b)
			b.conn.Ended(driver.RolledBack)
		}, "row 1, row 2, odd, join, all"},
		{"a transaction with an unknown end", func(b *fixture) {
			b.conn.Begun(sqldriver.TxOptions{})
			exec(update, nil, int64(1))(b)
			b.conn.Ended(driver.Unknown)
		}, "row 2"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			for _, q := range questions {
				b.hit(&oneRow{}, q.text, q.args...)
			}
			c.do(b)
			for name := range questions {
				if got, want := b.kept(name), strings.Contains(c.kept, name); got != want {
					t.Errorf("%s is kept: %t, want %t", name, got, want)
				}
			}
		})
	}
}

// kept reports whether an entry is still served.
func (b *fixture) kept(name string) bool {
	q := questions[name]
	s := b.cache.Open().(*session)
	if err := s.Dialed(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	rows, call, err := s.Query(b.Context(), s.Classify(q.text), values(q.args...), driver.Direct)
	if err != nil {
		b.Fatal(err)
	}
	if call != nil {
		call.Failed(errors.New("nobody asks"))
	}
	return rows != nil
}

// TestEmptyResult: what was not found depends on the whole table, also while it
// is being looked for.
func TestEmptyResult(t *testing.T) {
	t.Parallel()
	other := listen.Batch{Sent: time.Now(), Changes: []listen.Change{{Table: dialects.Table{Name: "t"}, Op: listen.Insert, Key: int64(3)}}}
	b := newFixture(t)
	b.hit(&noRow{}, byKey, int64(1))
	if !b.kept("row 1") {
		t.Fatal("an empty result is not stored")
	}
	if b.cache.Apply(other); b.kept("row 1") {
		t.Error("an empty result outlives an insert into its table")
	}
	_, call, err := b.conn.Query(t.Context(), b.conn.Classify(byKey), values(int64(1)), driver.Direct)
	if err != nil || call == nil {
		t.Fatal("no fill", err)
	}
	b.cache.Apply(other)
	if _, err := call.Rows(t.Context(), &noRow{}); err != nil {
		t.Fatal(err)
	}
	if b.kept("row 1") {
		t.Error("an empty result is stored that may miss a row")
	}
	_, call, err = b.conn.Query(t.Context(), b.conn.Classify(byKey), values(int64(1)), driver.Direct)
	if err != nil || call == nil {
		t.Fatal("no fill", err)
	}
	b.cache.Apply(other)
	if _, err := call.Rows(t.Context(), &oneRow{}); err != nil {
		t.Fatal(err)
	}
	if !b.kept("row 1") {
		t.Error("a row is not stored because another one changed")
	}
	// But its own change counts meanwhile.
	b.cache.Flush()
	_, call, err = b.conn.Query(t.Context(), b.conn.Classify(byKey), values(int64(1)), driver.Direct)
	if err != nil || call == nil {
		t.Fatal("no fill", err)
	}
	b.cache.Apply(listen.Batch{Sent: time.Now(), Changes: []listen.Change{{Table: dialects.Table{Name: "t"}, Op: listen.Update, Key: int64(1)}}})
	if _, err := call.Rows(t.Context(), &oneRow{}); err != nil {
		t.Fatal(err)
	}
	if b.kept("row 1") {
		t.Error("a row is stored that changed while it was read")
	}
}

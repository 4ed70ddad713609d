package cache

import (
	sqldriver "database/sql/driver"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/internal/rowset"
	"github.com/vantage-go/live/listen"
)

// TestNearComparesKeys: a hash is not a key.
func TestNearComparesKeys(t *testing.T) {
	t.Parallel()
	stmt, other := &statement{text: "SELECT 1"}, &statement{text: "SELECT 2"}
	args := func(v sqldriver.Value) []sqldriver.NamedValue {
		return []sqldriver.NamedValue{{Ordinal: 1, Value: v}}
	}
	var p place
	e := newEntry(key{statement: stmt, via: driver.Direct, args: args(int64(1))}, 7, &rowset.Set{})
	p.remember(e)
	if p.answer(7, stmt, driver.Direct, args(int64(1))) == nil {
		t.Fatal("the entry is not remembered")
	}
	if p.answer(7, other, driver.Direct, args(int64(1))) != nil ||
		p.answer(7, stmt, driver.Prepared, args(int64(1))) != nil ||
		p.answer(7, stmt, driver.Direct, args(int64(2))) != nil ||
		p.answer(7, stmt, driver.Direct, args("1")) != nil ||
		p.answer(7, stmt, driver.Direct, nil) != nil {
		t.Error("the entry answers another key with its hash")
	}
}

// TestNearIsSmall: a connection does not keep large results alive.
func TestNearIsSmall(t *testing.T) {
	t.Parallel()
	var p place
	small := newEntry(key{statement: &statement{}}, 7, &rowset.Set{})
	p.remember(small)
	if p.entry != small {
		t.Error("a small entry is not remembered")
	}
	large := newEntry(small.key, 7, &rowset.Set{})
	large.weight = maxNear + 1
	p.remember(large)
	if p.entry != nil {
		t.Error("a large entry is remembered, or the one that it took the place of")
	}
}

// TestHotEntryStays: what one connection reads all the time stays in the store
// while others pass through it, although most of its hits do not ask the store.
func TestHotEntryStays(t *testing.T) {
	t.Parallel()
	c, err := New(&versioned{}, nil, Config{Lease: time.Hour, Bytes: 100 * entryOverhead})
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "start"})
	hot, cold := c.Open(), c.Open()
	for _, s := range []driver.Session{hot, cold} {
		if err := s.Dialed(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	// ask reads a row and reports whether it was remembered or stored.
	ask := func(s driver.Session, id int64) bool {
		args := []sqldriver.NamedValue{{Ordinal: 1, Value: id}}
		rows, call, err := s.Query(t.Context(), s.Classify("SELECT name FROM t WHERE id = ?"), args, driver.Direct)
		if err != nil {
			t.Fatal(err)
		}
		if rows != nil {
			return true
		}
		if _, err := call.Rows(t.Context(), &oneRow{}); err != nil {
			t.Fatal(err)
		}
		return false
	}
	const rounds = 2000
	misses := 0
	for i := range int64(rounds) {
		for range 5 {
			if !ask(hot, 0) {
				misses++
			}
		}
		for j := range int64(5) { // each is read twice: worth keeping, but not as much
			ask(cold, 1+5*i+j)
			ask(cold, 1+5*i+j)
		}
	}
	if c.Stats().EvictedBySize < rounds {
		t.Fatal("too little was evicted for the test to tell anything")
	}
	if misses > rounds/100 {
		t.Errorf("the hot row was read from the database %d times in %d rounds", misses, rounds)
	}
}

// TestRememberedOnlyWhileStored: what the store evicts is not served from
// where a connection remembers it.
func TestRememberedOnlyWhileStored(t *testing.T) {
	t.Parallel()
	c, err := New(&versioned{}, nil, Config{Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "start"})
	s := &session{cache: c}
	stmt := s.Classify("SELECT name FROM t").(*statement)
	e := newEntry(key{statement: stmt}, 0, &rowset.Set{})
	e.hash, _ = c.hasher.key(stmt, driver.Direct, nil)
	e.core = c.core.Commit(c.core.Begin([]dialects.Table{{Name: "t"}}, c.now()), c.now(), e)
	c.publish(e)
	for range 2 { // the second time where it is remembered
		if got, _, _ := s.find(stmt, driver.Direct, nil); got != e {
			t.Fatal("the entry is not found")
		}
	}
	c.entries.SetMaximum(0)
	c.entries.CleanUp()
	if got, _, _ := s.find(stmt, driver.Direct, nil); got != nil {
		t.Error("an evicted entry was served")
	}
}

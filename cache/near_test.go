package cache

import (
	sqldriver "database/sql/driver"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/internal/rowset"
	"github.com/vantage-go/live/listen"
)

// entryFor returns an entry for a key, whose result has one value.
func entryFor(t *testing.T, k *key, value sqldriver.Value) *entry {
	t.Helper()
	_, set, err := rowset.Record(&oneRow{value: value}, rowset.Budget{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	e := new(entry)
	k.statement.shapes.Owner = k.statement
	var size int64
	e.set, e.shape, size = set.Pack(k.rest, &k.statement.shapes)
	e.bytes = uint32(size)
	return e
}

func keyOfRead(t *testing.T, stmt *statement, via driver.Path, settings uint64, args ...sqldriver.Value) *key {
	t.Helper()
	rest, ok := appendKey(nil, via, settings, values(args...))
	if !ok {
		t.Fatalf("%v cannot be part of a key", args)
	}
	return &key{stmt, rest}
}

// TestNearComparesKeys: a hash is not a key.
func TestNearComparesKeys(t *testing.T) {
	t.Parallel()
	stmt, other := &statement{text: "SELECT 1"}, &statement{text: "SELECT 2"}
	var p place
	p.remember(7, entryFor(t, keyOfRead(t, stmt, driver.Direct, 0, int64(1)), "v"))
	if p.answer(7, keyOfRead(t, stmt, driver.Direct, 0, int64(1))) == nil {
		t.Fatal("the entry is not remembered")
	}
	for _, k := range []*key{
		keyOfRead(t, other, driver.Direct, 0, int64(1)),
		keyOfRead(t, stmt, driver.Prepared, 0, int64(1)),
		keyOfRead(t, stmt, driver.Direct, 1, int64(1)),
		keyOfRead(t, stmt, driver.Direct, 0, int64(2)),
		keyOfRead(t, stmt, driver.Direct, 0, "1"),
		keyOfRead(t, stmt, driver.Direct, 0),
	} {
		if p.answer(7, k) != nil {
			t.Error("the entry answers another key with its hash")
		}
	}
}

// TestNearIsSmall: a connection does not keep large results alive.
func TestNearIsSmall(t *testing.T) {
	t.Parallel()
	var p place
	k := keyOfRead(t, &statement{}, driver.Direct, 0)
	if p.remember(7, entryFor(t, k, "small")); p.answer(7, k) == nil {
		t.Error("a small entry is not remembered")
	}
	if p.remember(7, entryFor(t, k, strings.Repeat("x", maxNear))); p.answer(7, k) != nil {
		t.Error("a large entry is remembered, or the one that it took the place of")
	}
}

// TestHotEntryStays: what one connection reads all the time stays in the store
// while others pass through it, although most of its hits do not ask the store.
func TestHotEntryStays(t *testing.T) {
	t.Parallel()
	c, err := New(&versioned{}, nil, Config{Lease: time.Hour, Bytes: 50_000})
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
	k := keyOfRead(t, s.Classify("SELECT name FROM t").(*statement), driver.Direct, 0)
	e := entryFor(t, k, "v")
	hash := c.hasher.key(k)
	e.core, _ = c.core.Commit(c.core.Begin(core.Tables(dialects.Table{Name: "t"}), c.now()), c.now(), false, hash)
	c.publish(hash, e, 1, 0)
	for range 2 { // the second time where it is remembered
		if got := s.find(k); got == nil || got.core != e.core {
			t.Fatal("the entry is not found")
		}
	}
	c.evicted(e.kept)
	if got := s.find(k); got != nil {
		t.Error("an evicted entry was served")
	}
}

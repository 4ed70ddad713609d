package cache

import (
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// change has the feed report a change of a row of t.
func (b *fixture) change(id int64) {
	b.cache.Apply(listen.Batch{Sent: time.Now(), Changes: []listen.Change{{Table: dialects.Table{Name: "t"}, Op: listen.Update, Key: id}}})
}

// TestRests: results that are always killed before somebody asks for them are not
// kept for a while, longer each time, and are tried again; those that are asked
// for, are kept on.
func TestRests(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	// round reads the row, once more if asked, and has it changed.
	round := func(again bool) (stored bool) {
		t.Helper()
		before := b.cache.Stats().Stores
		b.hit(&oneRow{}, byKey, int64(1))
		if again {
			b.hit(&oneRow{}, byKey, int64(1))
		}
		b.change(1)
		return b.cache.Stats().Stores > before
	}
	run := func(what string, want bool, n int) {
		t.Helper()
		for i := range n {
			if stored := round(false); stored != want {
				t.Fatalf("%s: round %d of %d: stored: %t, want %t", what, i, n, stored, want)
			}
		}
	}
	for range 3 * worthWindow {
		if !round(true) {
			t.Fatal("a result that was asked for is not kept any more")
		}
	}
	run("at first", true, worthWindow)
	reason := func() string {
		t.Helper()
		e, err := b.cache.Explain(t.Context(), byKey, values(int64(1)))
		if err != nil {
			t.Fatal(err)
		}
		return e.Reason
	}
	if got := reason(); !strings.Contains(got, "before it is asked for") {
		t.Errorf("Explain says %q", got)
	}
	if got := b.cache.Stats().Rests; got != 1 {
		t.Errorf("%d statements have gone to rest, want 1", got)
	}
	// A statement rests alone.
	b.hit(&oneRow{}, scan)
	if !b.hit(&oneRow{}, scan) {
		t.Error("another statement is not kept")
	}
	b.change(2)
	run("the first rest", false, firstRest)
	if got := b.cache.Stats().Rejected[Fruitless]; got != firstRest {
		t.Errorf("%d results were not kept for it, want %d", got, firstRest)
	}
	if got := reason(); got != "" {
		t.Errorf("Explain says %q", got)
	}
	run("tried again", true, retryWindow)
	run("the second rest", false, 2*firstRest)
	for range 2 * retryWindow {
		if !round(true) {
			t.Fatal("a result that is asked for again is not kept")
		}
	}
	run("as at first", true, worthWindow/2)
}

// TestRestIsBounded: however long it has not been worth it, it is tried again.
func TestRestIsBounded(t *testing.T) {
	t.Parallel()
	var w worth
	longest := 0
	for range 20 {
		for !w.killed(false) {
		}
		n := 0
		for w.rest() {
			n++
		}
		longest = max(longest, n)
	}
	if longest != longestRest {
		t.Errorf("it has rested for %d executions at most, want %d", longest, longestRest)
	}
}

// TestEvictionIsNoReason: results that make room for others do not tell against
// their statement.
func TestEvictionIsNoReason(t *testing.T) {
	t.Parallel()
	c := filled(t, 5000, 100_000)
	if s := c.Stats(); s.EvictedBySize < 1000 || s.Rests != 0 {
		t.Errorf("%d evicted, %d went to rest", s.EvictedBySize, s.Rests)
	}
}

package table

import (
	"testing"
	"time"
)

// TestBudget: however many queries there are, and however often their tables
// change, they take no more time than there is.
func TestBudget(t *testing.T) {
	t.Parallel()
	const cost = 10 * time.Millisecond
	begun := time.Now()
	for _, queries := range []int{1, 10, 1000} {
		var b budget
		var spent, last time.Duration
		for range queries {
			start := b.take(cost, begun)
			last = max(last, start)
			spent += cost
		}
		if last+headStart+cost < spent || last > spent {
			t.Errorf("%d queries take %v, and the last one begins after %v", queries, spent, last)
		}
	}
	var b budget
	b.take(time.Second, begun)
	b.settle(cost, time.Second)
	if wait := b.take(cost, begun.Add(2*cost)); wait > 0 {
		t.Errorf("after a run that took less than reserved, the next waits for %v", wait)
	}
}

// TestRest: a query rests as long as it runs, and a run that is quick by chance
// does not change that much.
func TestRest(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var r rest
	r.ran(400*time.Millisecond, now)
	if r.until.Sub(now) != 400*time.Millisecond {
		t.Errorf("it rests for %v", r.until.Sub(now))
	}
	r.ran(time.Millisecond, now)
	if r.until.Sub(now) != 300*time.Millisecond {
		t.Errorf("it rests for %v after a quick run", r.until.Sub(now))
	}
	r.ran(time.Hour, now)
	if r.until.Sub(now) != longestRest {
		t.Errorf("it rests for %v after a long run", r.until.Sub(now))
	}
}

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

// TestBudgetWidth: more connections are taken while nobody is disturbed, never
// more than allowed, and fewer at once when somebody is; the time between does
// neither.
func TestBudgetWidth(t *testing.T) {
	t.Parallel()
	const least = 10 * time.Millisecond
	now := time.Now()
	var b budget
	look := func(took time.Duration) float64 {
		for range runsPerLook {
			now = now.Add(timePerLook)
			b.take(0, now)
			b.ran(took, least, mostConnections, now)
		}
		return b.width
	}
	steps := []struct {
		took time.Duration
		want float64
	}{
		{least, 1}, {least, 2}, {least, 2}, {least, 3}, {least, 3}, {least, 3}, // not more
		{3 * least, 1.5}, {2 * least, 1.5}, {least, 1.5}, {2 * least, 1.5}, {least, 1.5}, // not at once again
		{least, 2.5}, {3 * least, 1.25}, {3 * least, 1}, {30 * least, 1},
	}
	for i, step := range steps {
		if got := look(step.took); got != step.want {
			t.Errorf("step %d, of runs that take %v: %v connections, want %v", i, step.took, got, step.want)
		}
	}
	look(least)
	if look(least) != 2 {
		t.Fatal(b.width)
	}
	begun := now
	var last time.Duration
	for range 100 {
		last = b.take(least, begun)
	}
	if all := 100 * least / 2; last+headStart+least < all || last > all {
		t.Errorf("with two connections the last of 100 runs begins after %v", last)
	}
	now = now.Add(forgetAfter + time.Minute)
	b.take(least, now)
	if b.width != 1 {
		t.Errorf("%v connections after a long time", b.width)
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

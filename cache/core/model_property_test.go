package core_test

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

type rapidChooser struct{ t *rapid.T }

// choose draws bits: the ranges of rapid prefer small numbers, and a world in
// which the first of all things happens most comes to nothing.
func (c rapidChooser) choose(n int, what string) int {
	x := 0
	for range bits.Len(uint(n-1)) + 2 {
		x <<= 1
		if rapid.Bool().Draw(c.t, what) {
			x++
		}
	}
	return x % n
}

type randomChooser struct{ *rand.Rand }

// choose draws evenly.
func (c randomChooser) choose(n int, _ string) int { return c.IntN(n) }

// TestCoherence: used as documented, the core serves nothing that misses an
// acknowledged write of the process, or any write older than the lease, or
// that was read before a reset, and its index holds nothing that is over; and
// each call answers as the reference does.
func TestCoherence(t *testing.T) {
	counts := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapidChooser{t}, correct)
		if err := w.run(w.choose(400, "steps")); err != nil {
			t.Fatalf("%v\n%v", err, w.trace)
		}
		for what, n := range w.counts {
			counts[what] += n
		}
	})
	// Without these the property would hold for want of anything to serve.
	for _, what := range []string{"hit", "join", "stored", "not stored", "analysis out of date", "reset", "revoke", "evict", "lost"} {
		if counts[what] == 0 && !testing.Short() { // a short run draws few
			t.Errorf("no run came to %q: %v", what, counts)
		}
	}
}

// TestCoherenceAtLength is the same over more and longer runs, without the
// cost of being able to shrink them.
func TestCoherenceAtLength(t *testing.T) {
	runs := 3000
	if testing.Short() {
		runs = 300
	}
	for seed := range uint64(runs) {
		w := newWorld(randomChooser{rand.New(rand.NewPCG(seed, 0))}, correct)
		if err := w.run(600); err != nil {
			t.Fatalf("seed %d: %v\n%v", seed, err, w.trace)
		}
	}
}

// TestBrokenVariants: each way to use the core wrongly serves stale data, and
// the model notices. A model that does not would prove nothing.
func TestBrokenVariants(t *testing.T) {
	const runs = 5000
	for v := correct + 1; v < variants; v++ {
		t.Run(v.String(), func(t *testing.T) {
			for seed := range uint64(runs) {
				w := newWorld(randomChooser{rand.New(rand.NewPCG(seed, uint64(v)))}, v)
				if err := w.run(600); err != nil {
					if w.err == nil {
						t.Fatalf("the reference broke instead of a promise: %v", err)
					}
					t.Logf("run %d: %v", seed, err)
					return
				}
			}
			t.Errorf("%d runs served nothing stale", runs)
		})
	}
}

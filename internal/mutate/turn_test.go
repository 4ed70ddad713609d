package mutate

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

// Whoever tests once an hour, a day or a week tries everything.
func TestTurnsReachAll(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
		seen := make([]bool, turns)
		at := time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)
		for range turns {
			seen[turnAt(at)] = true
			at = at.Add(every)
		}
		if slices.Contains(seen, false) {
			t.Errorf("every %v: %v", every, seen)
		}
	}
}

// All have their turn, and none has two.
func TestMutantsTakeTurns(t *testing.T) {
	for n := range 4 * turns {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		t.Setenv(turnsEnv, "all")
		if got := Turn(t, all, strconv.Itoa); !slices.Equal(got, all) {
			t.Errorf("all of %d: %v", n, got)
		}
		var tried []int
		for turn := range turns {
			t.Setenv(turnsEnv, strconv.Itoa(turn+1))
			got := Turn(t, all, strconv.Itoa)
			if len(got) > n/turns+1 {
				t.Errorf("turn %d of %d has %d variants", turn, n, len(got))
			}
			tried = append(tried, got...)
		}
		if !slices.Equal(tried, all) {
			t.Errorf("the turns of %d: %v", n, tried)
		}
		t.Setenv(turnsEnv, "")
		if got := Turn(t, all, strconv.Itoa); len(got) > n/turns+1 {
			t.Errorf("%d of %d by default", len(got), n)
		}
	}
}

package mutate

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// turnsEnv chooses the variants: all of them, or those of one turn, by its
// number. By default, the hour chooses.
const turnsEnv = "LIVESQL_MUTANTS"

// turns is how many it takes until each variant has been tried. Neither a day nor
// a week is a multiple of it in hours, so that those who test once an hour, a day
// or a week get through all of them.
const turns = 5

// Turn returns the variants whose turn it is, a fifth of all, in their order: all
// of them take minutes, and what they show changes with the tests that they try,
// which is seldom. It logs what is left out, and how to try it.
//
// The name of the test holds Mutants or Broken, which is how make mutants finds it.
// Neighbors share a turn. Put those together that share a build.
func Turn[V any](tb testing.TB, all []V, name func(V) string) []V {
	tb.Helper()
	if !strings.Contains(tb.Name(), "Mutants") && !strings.Contains(tb.Name(), "Broken") {
		tb.Fatal("make mutants does not find a test of this name")
	}
	which := os.Getenv(turnsEnv)
	if which == "all" {
		return all
	}
	turn := turnAt(time.Now())
	if which != "" {
		n, err := strconv.Atoi(which)
		if err != nil || n < 1 || n > turns {
			tb.Fatalf("%s=%s: want all, or a turn from 1 to %d", turnsEnv, which, turns)
		}
		turn = n - 1
	}
	from, to := share(len(all), turn)
	var left []string
	for i, v := range all {
		if i < from || i >= to {
			left = append(left, name(v))
		}
	}
	tb.Logf("turn %d of %d, %d of %d variants; %s=%d tries them again, and %s=all tries these, too:\n\t%s",
		turn+1, turns, to-from, len(all), turnsEnv, turn+1, turnsEnv, strings.Join(left, "\n\t"))
	return all[from:to]
}

// turnAt returns whose turn it is at a time, from 0 on.
func turnAt(at time.Time) int { return int(at.Unix() / int64(time.Hour/time.Second) % turns) }

// share returns which of n variants have their turn.
func share(n, turn int) (from, to int) { return n * turn / turns, n * (turn + 1) / turns }

package cache

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFlights: what is found is a flight of that hash that has not landed, and the
// latest as long as it has not, however many others there are.
func TestFlights(t *testing.T) {
	t.Parallel()
	f := flights{byKey: make(map[uint64]*flight)}
	random := rand.New(rand.NewPCG(1, 1))
	type flown struct {
		hash uint64
		*flight
	}
	var under []flown
	latest := make(map[uint64]*flight)
	for range 100_000 {
		hash := random.Uint64N(4)
		got := f.of(hash)
		if got != nil && !slices.Contains(under, flown{hash, got}) {
			t.Fatal("found a flight that has landed, or is another's")
		}
		if want := latest[hash]; got != want && slices.Contains(under, flown{hash, want}) {
			t.Fatalf("found %p, want the latest, %p", got, want)
		}
		if len(under) > random.IntN(6) {
			i := random.IntN(len(under))
			f.land(under[i].hash, under[i].flight)
			under = slices.Delete(under, i, i+1)
			continue
		}
		fl := new(flight)
		f.add(hash, fl)
		latest[hash] = fl
		under = append(under, flown{hash, fl})
	}
	for _, fl := range under {
		f.land(fl.hash, fl.flight)
	}
	if f.one != nil || len(f.byKey) > 0 {
		t.Errorf("%v and %d others are left", f.one, len(f.byKey))
	}
}

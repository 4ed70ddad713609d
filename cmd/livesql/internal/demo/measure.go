package demo

import (
	"runtime"
	"slices"
	"time"
)

// figures is what repeating something has shown.
type figures struct {
	n      int           // how often it was done
	median time.Duration // of one
	allocs uint64        // heap objects per repetition, rounded down
}

// Bounds of a measurement.
const (
	maxSamples = 200
	sampleSpan = 50 * time.Microsecond // what is quicker is timed in groups
)

// measure repeats f for as long as e says. What takes less than sampleSpan is timed in
// groups, so that reading the clock does not count.
func measure(e effort, f func() error) (figures, error) {
	start := time.Now()
	if err := f(); err != nil {
		return figures{}, err
	}
	group := int(sampleSpan/max(time.Since(start), 100*time.Nanosecond)) + 1
	var samples []time.Duration
	var before, after runtime.MemStats
	n := 0
	runtime.ReadMemStats(&before)
	for began := time.Now(); len(samples) < e.samples || len(samples) < maxSamples && time.Since(began) < e.budget; {
		start := time.Now()
		for range group {
			if err := f(); err != nil {
				return figures{}, err
			}
		}
		samples = append(samples, time.Since(start)/time.Duration(group))
		n += group
	}
	runtime.ReadMemStats(&after)
	// The samples slice is the only thing of ours that allocates.
	return figures{n: n + 1, median: median(samples), allocs: (after.Mallocs - before.Mallocs) / uint64(n)}, nil
}

// median returns the middle one, 0 of none.
func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}

// figureSamples times single calls.
type figureSamples struct {
	took []time.Duration
}

func (s *figureSamples) time(f func() error) error {
	start := time.Now()
	err := f()
	s.took = append(s.took, time.Since(start))
	return err
}

func (s *figureSamples) figures() figures {
	return figures{n: len(s.took), median: median(s.took)}
}

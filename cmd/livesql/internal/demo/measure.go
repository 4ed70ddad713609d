package demo

import (
	"errors"
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

// measureBoth repeats f and g in turn for as long as e says for each, so that
// a machine that is busy for a while slows both.
func measureBoth(e effort, f, g func() error) (ff, gg figures, err error) {
	a, b := &meter{do: f}, &meter{do: g}
	for _, m := range []*meter{a, b} {
		if err := m.begin(); err != nil {
			return ff, gg, err
		}
	}
	for began := time.Now(); len(a.samples) < e.samples || len(a.samples) < maxSamples && time.Since(began) < 2*e.budget; {
		if err := errors.Join(a.sample(), b.sample()); err != nil {
			return ff, gg, err
		}
	}
	if err := errors.Join(a.countAllocs(), b.countAllocs()); err != nil {
		return ff, gg, err
	}
	return a.figures(), b.figures(), nil
}

// meter measures one thing. What takes less than sampleSpan is timed in groups,
// so that reading the clock does not count.
type meter struct {
	do      func() error
	group   int
	n       int
	allocs  uint64
	samples []time.Duration
}

// begin finds how many make a group.
func (m *meter) begin() error {
	m.group = 1
	start := time.Now()
	err := m.repeat()
	m.group = int(sampleSpan/max(time.Since(start), 100*time.Nanosecond)) + 1
	return err
}

func (m *meter) repeat() error {
	for range m.group {
		m.n++
		if err := m.do(); err != nil {
			return err
		}
	}
	return nil
}

// sample times a group.
func (m *meter) sample() error {
	start := time.Now()
	err := m.repeat()
	m.samples = append(m.samples, time.Since(start)/time.Duration(m.group))
	return err
}

// countAllocs repeats it once more for as many as allocSamples groups, with
// nothing of ours between.
func (m *meter) countAllocs() error {
	const allocSamples = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range allocSamples {
		if err := m.repeat(); err != nil {
			return err
		}
	}
	runtime.ReadMemStats(&after)
	m.allocs = (after.Mallocs - before.Mallocs) / uint64(allocSamples*m.group)
	return nil
}

func (m *meter) figures() figures {
	return figures{n: m.n, median: median(m.samples), allocs: m.allocs}
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

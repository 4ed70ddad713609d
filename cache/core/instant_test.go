package core_test

import (
	"testing"
	"time"

	"github.com/vantage-go/live/cache/core"
)

// TestLeaseOnBothClocks: a lease holds only while both clocks say so.
func TestLeaseOnBothClocks(t *testing.T) {
	const (
		lease = 2 * time.Second
		year  = 365 * 24 * time.Hour
	)
	start := clocks{mono: time.Minute, wall: 50 * year}
	for _, test := range []struct {
		name       string
		mono, wall time.Duration // since the start
		want       bool
	}{
		{"at once", 0, 0, true},
		{"just within", lease - 1, lease - 1, true},
		{"over", lease, lease, false},
		{"over by the monotonic clock", lease, lease - 1, false},
		{"over by the wall clock", lease - 1, lease, false},
		{"the machine slept: the monotonic clock stood still", time.Millisecond, 8 * time.Hour, false},
		{"the process was stopped: both went on", time.Hour, time.Hour, false},
		{"the wall clock was set forward", time.Millisecond, year, false},
		{"the wall clock was set back", time.Millisecond, -time.Hour, false},
		{"the wall clock was set back, and the lease is long over", time.Hour, time.Millisecond, false},
		{"the wall clock is a little ahead", time.Second, time.Second + time.Millisecond, true},
		{"the wall clock is a little behind", time.Second, time.Second - time.Millisecond, true},
		{"before the start", -1, -1, false},
		{"the monotonic clock is before the start", -1, 1, false},
		{"the wall clock is before the start", 1, -1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := clocks{start.mono + test.mono, start.wall + test.wall}
			if got := now.instant().Within(start.instant(), lease); got != test.want {
				t.Errorf("Within is %t, want %t", got, test.want)
			}
			if got, want := now.instant().Sub(start.instant()), max(test.mono, test.wall); got != want {
				t.Errorf("Sub is %v, want the longer time, %v", got, want)
			}
			c := core.New(lease)
			c.Renew(start.instant())
			if got := c.Valid(now.instant()); got != test.want {
				t.Errorf("Valid is %t, want %t", got, test.want)
			}
			if got := c.Begin(nil, now.instant()) != nil; got != test.want {
				t.Errorf("Begin gives a ticket: %t, want %t", got, test.want)
			}
			ticket := c.Begin(nil, start.instant())
			if got := c.Commit(ticket, now.instant(), nil) != nil; got != test.want {
				t.Errorf("Commit gives an entry: %t, want %t", got, test.want)
			}
		})
	}
}

// TestClock: an instant carries both readings of a time.
func TestClock(t *testing.T) {
	base := time.Now()
	clock := core.NewClock(base)
	start := clock.At(base)
	if got, want := clock.At(base.Add(time.Second)), core.MakeInstant(time.Second, base.Add(time.Second).UnixNano()); got != want {
		t.Errorf("a second later: %v, want %v", got, want)
	}
	// Both readings move with the time.
	later := clock.At(base.Add(time.Second))
	if !later.Within(start, time.Second+1) || later.Within(start, time.Second) || later.Sub(start) != time.Second {
		t.Errorf("a second later: %v", later.Sub(start))
	}
	if !start.Before(later) || later.Before(start) || start.Before(start) {
		t.Error("Before does not order the two")
	}
	// A time without a monotonic reading still has its wall clock.
	if got := clock.At(base.Add(time.Second).Round(0)); got != later {
		t.Errorf("without a monotonic reading: %v, want %v", got, later)
	}
	// The zone says nothing about the time.
	if got := clock.At(base.Add(time.Second).UTC()); got != later {
		t.Errorf("in another zone: %v, want %v", got, later)
	}
}

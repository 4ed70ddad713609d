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
		{"the monotonic clock is before the start, the wall clock long after", -1, year, false},
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
			// The monotonic clock is not set back: the lease has begun since it was read.
			want := test.want || test.mono < 0
			if got := now.instant().Fresh(start.instant(), lease); got != want {
				t.Errorf("Fresh is %t, want %t", got, want)
			}
			c := core.New(lease)
			c.Renew(start.instant())
			if got := c.Valid(now.instant()); got != want {
				t.Errorf("Valid is %t, want %t", got, want)
			}
			if got := c.Leased(now.instant(), time.Hour); got != want {
				t.Errorf("Leased is %t, want %t", got, want)
			}
			if got := c.WasLeased(now.instant(), lease); got != want {
				t.Errorf("WasLeased is %t, want %t", got, want)
			}
			if got := c.Begin(nil, now.instant()) != nil; got != want {
				t.Errorf("Begin gives a ticket: %t, want %t", got, want)
			}
			ticket := c.Begin(nil, start.instant())
			if got := some(c, ticket, now.instant(), 0) != nil; got != want {
				t.Errorf("Commit gives an entry: %t, want %t", got, want)
			}
		})
	}
}

// TestClock: an instant carries both readings of a time.
func TestClock(t *testing.T) {
	base := time.Now()
	clock := core.NewClock(func() time.Time { return base })
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

// TestGlance: the wall clock is read again as soon as a tick has passed, or the
// monotonic clock is not where it was.
func TestGlance(t *testing.T) {
	base := time.Now()
	now := base
	clock := core.NewClock(func() time.Time { return now })
	if got := clock.Glance(); got != clock.Now() {
		t.Errorf("the first is %v, want both readings, %v", got, clock.Now())
	}
	// As if both had been read a second after the base, when the wall clock was
	// an hour ahead.
	wrong := core.MakeInstant(time.Second, base.Add(time.Hour).UnixNano())
	for _, test := range []struct {
		after time.Duration
		reads bool
	}{
		{0, false}, {core.Tick - 1, false}, {core.Tick, true}, {time.Hour, true}, {-1, true}, {-time.Hour, true},
	} {
		clock.Remember(wrong)
		now = base.Add(time.Second + test.after)
		want := core.MakeInstant(time.Second+test.after, base.Add(time.Hour+test.after).UnixNano())
		if test.reads {
			want = clock.Now()
		}
		if got := clock.Glance(); got != want {
			t.Errorf("%v later: %v, want %v", test.after, got, want)
		}
		if got := clock.Glance(); got != want {
			t.Errorf("%v later, again: %v, want %v", test.after, got, want)
		}
	}
}

// TestGlanceOfTheSystem: what is derived lies between what is read before and
// afterwards, on the monotonic clock. The two clocks are not read at one moment.
func TestGlanceOfTheSystem(t *testing.T) {
	clock := core.NewClock(nil)
	for range 10_000 {
		before, glance, after := clock.Now(), clock.Glance(), clock.Now()
		if glance.Before(before) || after.Before(glance) {
			t.Fatalf("%v is not between %v and %v", glance, before, after)
		}
	}
}

// TestWallClockIsReadLast: the processor may be away between the readings of the two
// clocks. A time of the system is the wall clock's before it is the monotonic clock's:
// to be after one, an instant must be the other way round.
func TestWallClockIsReadLast(t *testing.T) {
	t.Parallel()
	base := time.Now()
	reads := 0
	clock := core.NewClock(func() time.Time {
		reads++
		return base.Add(time.Duration(reads) * time.Millisecond)
	})
	for name, read := range map[string]func() core.Instant{"now": clock.Now, "glance": clock.Glance} {
		first := reads + 1
		want := core.MakeInstant(time.Duration(first-1)*time.Millisecond, base.Add(time.Duration(first+1)*time.Millisecond).UnixNano())
		if got := read(); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

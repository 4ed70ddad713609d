package core

import (
	"math"
	"sync/atomic"
	"time"
)

// Instant is one reading of both clocks. The monotonic clock stands still
// while a machine sleeps, the wall clock can be set: a span counts only when
// both agree that it is short.
type Instant struct {
	mono time.Duration // since the clock's base
	wall int64         // Unix nanoseconds
}

// Clock turns times of one process into instants. Its base fixes the zero of
// the monotonic reading.
type Clock struct {
	base time.Time
	now  func() time.Time // nil for the clock of the system
	// When both clocks were read last, and how far the wall clock was ahead then.
	// Who stores them stores ahead first, so that who loads last first does not take a
	// reading for newer than it is. Two who store at once may mix theirs, for a tick.
	last, ahead atomic.Int64
}

// NewClock returns a clock that asks now for the time, which should carry a
// monotonic reading, or the system if that is nil.
func NewClock(now func() time.Time) *Clock {
	c := &Clock{now: now}
	c.base = c.time()
	c.last.Store(never)
	return c
}

func (c *Clock) time() time.Time {
	if c.now != nil {
		return c.now()
	}
	return time.Now()
}

// since returns the reading of the monotonic clock.
func (c *Clock) since() time.Duration {
	if c.now != nil {
		return c.now().Sub(c.base)
	}
	return time.Since(c.base)
}

// At returns the instant of t.
func (c *Clock) At(t time.Time) Instant {
	return Instant{mono: t.Sub(c.base), wall: t.UnixNano()}
}

// Now reads both clocks.
func (c *Clock) Now() Instant { return c.both(c.since()) }

// both is a reading of the monotonic clock and one of the wall clock, which was made
// after it. A time of the system has them in the other order (package runtime, time.now),
// and the processor may be away in between. So an instant is never before one that was
// made of an earlier time, by neither clock, unless one of them was set.
func (c *Clock) both(mono time.Duration) Instant {
	return Instant{mono: mono, wall: c.time().UnixNano()}
}

// never is later than any reading of the monotonic clock.
const never = math.MaxInt64

// tick is for how long one reading of the wall clock is good enough.
const tick = 100 * time.Microsecond

// Glance is Now for who asks all the time. It reads the monotonic clock alone,
// which takes half as long, unless it is a tick later than when somebody has read
// both: it may take that long to hear of a wall clock that was set.
//
// A machine that falls asleep in between is told all the same: it freezes its
// programs before its monotonic clock stops, and thaws them after it runs again,
// which takes many ticks of that clock (on Linux, kernel/power/suspend.c:
// timekeeping stops with the last of the devices and starts with the first).
func (c *Clock) Glance() Instant {
	mono := c.since()
	if last := time.Duration(c.last.Load()); mono >= last && mono-last < tick {
		return Instant{mono: mono, wall: c.ahead.Load() + int64(mono)}
	}
	both := c.both(mono)
	c.read(both)
	return both
}

// read notes that both clocks were read.
func (c *Clock) read(i Instant) {
	c.ahead.Store(i.wall - int64(i.mono))
	c.last.Store(int64(i.mono))
}

// Within reports whether less than d has passed since start on both clocks,
// and neither of them stepped back behind it.
func (i Instant) Within(start Instant, d time.Duration) bool {
	mono := i.mono - start.mono
	wall := time.Duration(i.wall - start.wall)
	return mono >= 0 && mono < d && wall >= 0 && wall < d
}

// Fresh reports whether what began at start and lasts for d has not ended for who has
// read the clocks at i: it is within, or began only after they were read. The processor
// may be away between a look at the clock and one at the lease, which is renewed then.
func (i Instant) Fresh(start Instant, d time.Duration) bool {
	return i.Within(start, d) || i.Before(start)
}

// Sub returns the time since start, the longer of the two clocks' readings.
func (i Instant) Sub(start Instant) time.Duration {
	return max(i.mono-start.mono, time.Duration(i.wall-start.wall))
}

// Before reports whether i was taken before j, on the monotonic clock.
func (i Instant) Before(j Instant) bool { return i.mono < j.mono }

package core

import "time"

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
}

// NewClock returns a clock based on t, which should carry a monotonic reading.
func NewClock(t time.Time) Clock { return Clock{base: t} }

// At returns the instant of t.
func (c Clock) At(t time.Time) Instant {
	return Instant{mono: t.Sub(c.base), wall: t.UnixNano()}
}

// Within reports whether less than d has passed since start on both clocks,
// and neither of them stepped back behind it.
func (i Instant) Within(start Instant, d time.Duration) bool {
	mono := i.mono - start.mono
	wall := time.Duration(i.wall - start.wall)
	return mono >= 0 && mono < d && wall >= 0 && wall < d
}

// Sub returns the time since start, the longer of the two clocks' readings.
func (i Instant) Sub(start Instant) time.Duration {
	return max(i.mono-start.mono, time.Duration(i.wall-start.wall))
}

// Before reports whether i was taken before j, on the monotonic clock.
func (i Instant) Before(j Instant) bool { return i.mono < j.mono }

package core

import "time"

// Leased reports whether the lease holds at now and is not older than d.
func (c *Core) Leased(now Instant, d time.Duration) bool {
	start := c.lease.Load()
	return start != nil && now.Fresh(*start, min(d, c.duration))
}

// LeasedSince reports whether the lease holds at now and has begun at or after
// since: then everything committed before since is known.
func (c *Core) LeasedSince(since, now Instant) bool {
	start := c.lease.Load()
	return start != nil && now.Fresh(*start, c.duration) && !start.Before(since)
}

// LastLease returns when the last lease began, whether it still holds, has ended
// or was withdrawn: entries that are alive miss nothing that was committed before
// that. It returns false before the first.
func (c *Core) LastLease() (Instant, bool) {
	start := c.last.Load()
	if start == nil {
		return Instant{}, false
	}
	return *start, true
}

// WasLeased reports whether there was a lease that began not longer than d
// before now, whether it still holds, has ended or was withdrawn. Entries that
// are alive miss nothing that was committed before it began.
func (c *Core) WasLeased(now Instant, d time.Duration) bool {
	start := c.last.Load()
	return start != nil && now.Fresh(*start, d)
}

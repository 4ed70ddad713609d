package listen

import "time"

// Status is a snapshot of a feed's condition.
type Status struct {
	State State
	// Err is the failure that keeps the feed from being live, nil when it is.
	Err error
	// Sent is when the last applied poll was sent that also saw that capture
	// is in place. Lease is how long it counts.
	Sent  time.Time
	Lease time.Duration
	// Polls and Changes count what was applied so far.
	Polls, Changes uint64
	// Resets counts the resets, LastReset says why the last one happened.
	Resets    uint64
	LastReset string
	// Hears says how the feed hears of commits, for people; empty for a feed
	// that just polls.
	Hears string
}

// Status returns the feed's condition.
func (f *Feed) Status() Status {
	f.stateMu.Lock()
	defer f.stateMu.Unlock()
	return Status{
		State: f.currentState(), Err: f.err, Sent: f.lastSent, Lease: f.config.lease,
		Polls: f.applied, Changes: f.changes, Resets: f.resets, LastReset: f.lastReset,
		Hears: f.hears,
	}
}

// currentState is the state as of now: a lease runs out by itself. The caller
// holds stateMu.
func (f *Feed) currentState() State {
	if f.state == Live && time.Since(f.lastSent) >= f.config.lease {
		return Suspect
	}
	return f.state
}

// setState is called from the feed's goroutine, and by Close of a feed that
// has none.
func (f *Feed) setState(s State, err error) {
	f.stateMu.Lock()
	same := f.state == s
	f.state, f.err = s, err
	subscribers := f.subscribers
	if !same {
		f.wake()
	}
	if s == Off {
		for _, w := range f.waiters {
			w.err = err
			close(w.ready)
		}
		f.waiters = nil
	}
	f.stateMu.Unlock()
	for _, sub := range subscribers {
		sub.tell(s)
	}
}

// wake lets those look again who wait for another state. The caller holds
// stateMu.
func (f *Feed) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

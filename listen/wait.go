package listen

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// waiter waits for a poll with a number greater than after to be applied.
type waiter struct {
	after uint64
	ready chan struct{}
	err   error // set before ready is closed
}

// Sync returns when a poll that was sent after the call, and that looked whether
// capture is in place, has been applied by every consumer: whatever was
// committed before the call is known. It returns
// ctx's error, or at once an error that wraps ErrNoLog when there will be no
// poll, or ErrClosed.
func (f *Feed) Sync(ctx context.Context) error {
	f.stateMu.Lock()
	if f.state == Off {
		defer f.stateMu.Unlock()
		return f.err
	}
	w := &waiter{after: f.polls, ready: make(chan struct{})}
	f.waiters = append(f.waiters, w)
	f.stateMu.Unlock()
	f.Poke()
	select {
	case <-w.ready:
		return w.err
	case <-ctx.Done():
		f.forget(w)
		return fmt.Errorf("listen: waiting for a poll: %w", ctx.Err())
	case <-f.done:
		return ErrClosed
	}
}

// forget drops a waiter that has given up: while the feed is lost, none of
// them is released.
func (f *Feed) forget(w *waiter) {
	f.stateMu.Lock()
	defer f.stateMu.Unlock()
	f.waiters = slices.DeleteFunc(f.waiters, func(other *waiter) bool { return other == w })
}

// WaitLive returns when the feed is live. It returns ctx's error together with
// the failure that keeps the feed from being live, or at once an error that
// wraps ErrNoLog when it never will be, or ErrClosed.
func (f *Feed) WaitLive(ctx context.Context) error {
	for {
		f.stateMu.Lock()
		state, changed, err := f.currentState(), f.changed, f.err
		f.stateMu.Unlock()
		switch state {
		case Live:
			return nil
		case Off:
			return err
		case Closed:
			return ErrClosed
		default:
		}
		select {
		case <-changed:
		case <-ctx.Done():
			status := f.Status() // it may have failed since, in the same state
			return errors.Join(fmt.Errorf("listen: the feed is %v: %w", status.State, ctx.Err()), status.Err)
		case <-f.done:
			return ErrClosed
		}
	}
}

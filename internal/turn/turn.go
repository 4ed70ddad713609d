// Package turn lets goroutines use something one after the other until one of
// them ends it: the connection of a change feed, which is polled on one
// goroutine and closed on another. A *sql.Conn alone does not bear that: a call
// that begins while another closes it can panic.
//
//	Take → use → done      as long as nobody has ended it
//	End  → whoever uses it sees their context end, nobody takes it any more
//	Keep → End, and the turn itself, to close what it guards
package turn

import (
	"context"
	"errors"
)

// ErrEnded is returned by Take after End.
var ErrEnded = errors.New("turn: it has ended")

// Turn is whose turn it is. Its methods may be called concurrently.
type Turn struct {
	taken chan struct{}   // full while somebody has it
	life  context.Context //nolint:containedctx // the turn's own life, which End ends
	end   context.CancelFunc
}

// New returns a turn that nobody has.
func New() *Turn {
	life, end := context.WithCancel(context.Background())
	return &Turn{taken: make(chan struct{}, 1), life: life, end: end}
}

// Take waits for the turn and takes it until done is called. The context that
// it returns ends with ctx, and with End. It returns [ErrEnded] after End, or
// ctx's error.
func (t *Turn) Take(ctx context.Context) (_ context.Context, done func(), err error) {
	select {
	case t.taken <- struct{}{}:
	case <-t.life.Done():
		return nil, nil, ErrEnded
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if t.life.Err() != nil {
		<-t.taken
		return nil, nil, ErrEnded
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(t.life, cancel)
	return ctx, func() {
		stop()
		cancel()
		<-t.taken
	}, nil
}

// End ends the contexts of whoever has the turn, and lets nobody take it.
func (t *Turn) End() { t.end() }

// Keep ends the turn and takes it for good. It returns ctx's error if whoever
// has it does not give it back in time; it may then be called again.
func (t *Turn) Keep(ctx context.Context) error {
	t.end()
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

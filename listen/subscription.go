package listen

import (
	"context"
	"iter"
	"sync"
)

// TooSlow is the Reset of the batch that a [Subscription] delivers in place of
// those that it had no room for.
const TooSlow = "the subscriber was too slow"

// DefaultBuffer is how many changes wait for a subscriber, without
// [WithBuffer].
const DefaultBuffer = 10_000

// Subscription delivers the batches of a feed to a goroutine that takes its
// time. Batches wait for it; when there are too many changes in them, all are
// replaced by one batch that is a reset, after which the subscriber has to
// read again what it follows. The feed never waits.
//
// Its methods may be called concurrently.
type Subscription struct {
	feed *Feed
	stop func()
	room int

	// queueMu guards everything below.
	queueMu sync.Mutex
	queue   []Batch
	waiting int           // changes in queue
	more    chan struct{} // capacity 1: queue or closed has changed
	closed  bool
}

// SubscriptionOption configures a [Subscription].
type SubscriptionOption func(*Subscription)

// WithBuffer sets how many changes wait for a subscriber at most.
func WithBuffer(changes int) SubscriptionOption {
	return func(s *Subscription) { s.room = changes }
}

// Follow returns a subscription, which hears of everything that is committed
// after Follow has returned. It must be closed.
func (f *Feed) Follow(opts ...SubscriptionOption) *Subscription {
	s := &Subscription{feed: f, room: DefaultBuffer, more: make(chan struct{}, 1)}
	for _, opt := range opts {
		opt(s)
	}
	s.stop = f.Subscribe((*queued)(s))
	return s
}

// Next returns the next batch that has changes or is a reset. The error is
// ctx's, or wraps ErrNoLog if the feed will never have one, or is [ErrClosed]
// once the subscription or the feed is closed and every batch was taken.
func (s *Subscription) Next(ctx context.Context) (Batch, error) {
	for {
		if b, ok, closed := s.take(); ok {
			return b, nil
		} else if closed {
			return Batch{}, ErrClosed
		}
		if status := s.feed.Status(); status.State == Off {
			s.signal() // for the others who wait
			return Batch{}, status.Err
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return Batch{}, ctx.Err()
		case <-s.feed.done:
			s.Close()
		}
	}
}

// Batches yields what Next returns, and ends after the first error.
func (s *Subscription) Batches(ctx context.Context) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for {
			b, err := s.Next(ctx)
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// Close ends the subscription. Batches that wait can still be taken.
func (s *Subscription) Close() {
	s.stop()
	s.queueMu.Lock()
	s.closed = true
	s.queueMu.Unlock()
	s.signal()
}

func (s *Subscription) take() (b Batch, ok, closed bool) {
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	if len(s.queue) == 0 {
		if s.closed {
			s.signal() // for the others who wait
		}
		return Batch{}, false, s.closed
	}
	b = s.queue[0]
	s.queue[0] = Batch{}
	s.queue = s.queue[1:]
	s.waiting -= len(b.Changes)
	if len(s.queue) > 0 {
		s.signal()
	}
	return b, true, false
}

// signal wakes one who waits.
func (s *Subscription) signal() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// queued is the subscription as the feed sees it.
type queued Subscription

func (q *queued) Apply(b Batch) {
	if len(b.Changes) == 0 && b.Reset == "" {
		return
	}
	s := (*Subscription)(q)
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	switch {
	case b.Reset != "":
		s.queue, s.waiting = nil, 0 // void by what follows
	case s.waiting+len(b.Changes) > s.room:
		b = Batch{Position: b.Position, Sent: b.Sent, Reset: TooSlow, Cursor: b.Cursor}
		s.queue, s.waiting = nil, 0
	}
	s.queue = append(s.queue, b)
	s.waiting += len(b.Changes)
	s.signal()
}

func (q *queued) Changed(state State) {
	if state == Off || state == Closed {
		(*Subscription)(q).signal()
	}
}

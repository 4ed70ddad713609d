package listen

import (
	"slices"
	"sync/atomic"
)

// Consumer is told about every batch.
type Consumer interface {
	// Apply is called for each batch in order, from the feed's goroutine and
	// never concurrently. The next poll waits for it, so it must not block
	// and must not call the feed.
	Apply(Batch)

	// Changed is called when the feed's state changes, under the same rules,
	// and before the first batch unless the feed was Cold until then. Between a state other than Live and the
	// next batch, changes may have been committed that no batch has reported
	// yet. Suspect is not told: it comes by time alone, so a consumer that
	// depends on the lease compares Sent of its last batch with the clock.
	Changed(State)
}

// Subscribe adds a consumer. It hears every batch whose poll is sent after
// Subscribe returns. The returned function removes it: no call begins after it
// has returned, while one that has begun may still be under way.
func (f *Feed) Subscribe(c Consumer) (stop func()) {
	sub := &subscriber{consumer: c}
	f.stateMu.Lock()
	defer f.stateMu.Unlock()
	f.subscribers = append(slices.Clone(f.subscribers), sub)
	return func() {
		sub.gone.Store(true)
		f.stateMu.Lock()
		defer f.stateMu.Unlock()
		others := slices.Clone(f.subscribers)
		f.subscribers = slices.DeleteFunc(others, func(other *subscriber) bool { return other == sub })
	}
}

// subscriber is a consumer and what it was told.
type subscriber struct {
	consumer Consumer
	gone     atomic.Bool

	// state is what the consumer knows. It belongs to the feed's goroutine.
	state State
}

func (s *subscriber) tell(state State) {
	if s.state == state || s.gone.Load() {
		return
	}
	s.state = state
	s.consumer.Changed(state)
}

func (s *subscriber) apply(b Batch) {
	if !s.gone.Load() {
		s.consumer.Apply(b)
	}
}

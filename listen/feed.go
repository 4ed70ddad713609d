package listen

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is returned for a feed that was closed.
var ErrClosed = errors.New("listen: the feed is closed")

// Feed follows one source. Its methods may be called concurrently.
type Feed struct {
	source Source
	config config
	log    *slog.Logger

	poke      chan struct{}   // capacity 1: look now
	committed atomic.Bool     // this process has committed, and nobody was told yet
	ctx       context.Context //nolint:containedctx // the feed's own life, which Close ends
	cancel    context.CancelFunc
	done      chan struct{} // closed when the goroutine has ended
	life      sync.Once     // Start, or a Close without it

	// stateMu guards everything below.
	stateMu     sync.Mutex
	subscribers []*subscriber // never modified in place
	state       State
	changed     chan struct{} // closed and replaced when state changes
	err         error         // the last failure, nil when live
	polls       uint64        // polls sent
	applied     uint64        // polls applied
	waiters     []*waiter
	cursor      Cursor    // of the last applied poll
	lastSent    time.Time // the lease's start: send time of the last applied poll that was checked
	lastReset   string
	resets      uint64
	changes     uint64
	hears       string
}

// NewFeed returns a feed over source. It does nothing until Start.
func NewFeed(source Source, opts ...Option) *Feed {
	config := defaults()
	for _, opt := range opts {
		opt(&config)
	}
	config.normalize()
	ctx, cancel := context.WithCancel(context.Background())
	return &Feed{
		source:  source,
		config:  config,
		log:     config.log,
		poke:    make(chan struct{}, 1),
		ctx:     ctx,
		cancel:  cancel,
		done:    make(chan struct{}),
		changed: make(chan struct{}),
	}
}

// Start starts the feed's goroutine. Further calls, and those after Close, do
// nothing.
func (f *Feed) Start() {
	f.life.Do(func() { go f.run() })
}

// Close ends the feed and waits until its goroutine is gone. No consumer is
// called afterwards. Consumers must not call it.
func (f *Feed) Close() error {
	f.cancel()
	f.life.Do(f.end)
	<-f.done
	return nil
}

// end is the last that happens to a feed.
func (f *Feed) end() {
	f.setState(Closed, nil)
	close(f.done)
}

// Poke asks for a poll now: something was committed, or may have been. It
// never blocks.
func (f *Feed) Poke() {
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

// Committed says that this process has committed something: the feed polls,
// and tells the feeds of other processes where they do not hear it otherwise.
// It never blocks.
func (f *Feed) Committed() {
	f.committed.Store(true)
	f.Poke()
}

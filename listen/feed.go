package listen

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// ErrClosed is returned for a feed that was closed.
var ErrClosed = errors.New("listen: the feed is closed")

// Feed follows one source. Its methods may be called concurrently.
type Feed struct {
	source Source
	config config
	log    *slog.Logger

	poke   chan struct{}   // capacity 1: look now
	ctx    context.Context //nolint:containedctx // the feed's own life, which Close ends
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended
	life   sync.Once     // Start, or a Close without it

	// stateMu guards everything below.
	stateMu   sync.Mutex
	consumers []Consumer // never modified in place
	state     State
	changed   chan struct{} // closed and replaced when state changes
	err       error         // the last failure, nil when live
	polls     uint64        // polls sent
	applied   uint64        // polls applied
	waiters   []*waiter
	lastSent  time.Time // send time of the last applied poll
	lastReset string
	resets    uint64
	changes   uint64
}

// waiter waits for a poll with a number greater than after to be applied.
type waiter struct {
	after uint64
	ready chan struct{}
	err   error // set before ready is closed
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

// Subscribe adds a consumer. It hears every batch whose poll is sent after
// Subscribe returns.
func (f *Feed) Subscribe(c Consumer) {
	f.stateMu.Lock()
	defer f.stateMu.Unlock()
	f.consumers = append(f.consumers[:len(f.consumers):len(f.consumers)], c)
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

// Sync returns when a poll that was sent after the call has been applied by
// every consumer: whatever was committed before the call is known. It returns
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

// Status is a snapshot of a feed's condition.
type Status struct {
	State State
	// Err is the failure that keeps the feed from being live, nil when it is.
	Err error
	// Sent is when the last applied poll was sent.
	Sent time.Time
	// Polls and Changes count what was applied so far.
	Polls, Changes uint64
	// Resets counts the resets, LastReset says why the last one happened.
	Resets    uint64
	LastReset string
}

// Status returns the feed's condition.
func (f *Feed) Status() Status {
	f.stateMu.Lock()
	defer f.stateMu.Unlock()
	return Status{
		State: f.currentState(), Err: f.err, Sent: f.lastSent,
		Polls: f.applied, Changes: f.changes, Resets: f.resets, LastReset: f.lastReset,
	}
}

// currentState is the state as of now: a lease runs out by itself.
func (f *Feed) currentState() State {
	if f.state == Live && time.Since(f.lastSent) >= f.config.lease {
		return Suspect
	}
	return f.state
}

// run owns the connection and the cursor.
func (f *Feed) run() {
	defer f.end()
	var cursor Cursor
	var failure error // the last one
	backoff := f.config.minBackoff
	for f.ctx.Err() == nil {
		reader, err := f.connect()
		if err == nil {
			if cursor != nil {
				f.setState(CatchingUp, failure)
			}
			var polled bool
			cursor, polled, err = f.follow(reader, cursor)
			if polled {
				backoff = f.config.minBackoff
			}
			if cerr := reader.Close(); cerr != nil && f.ctx.Err() == nil {
				f.log.Debug("livesql: closing the feed's connection", "error", cerr)
			}
		}
		if f.ctx.Err() != nil {
			return
		}
		if errors.Is(err, ErrNoLog) {
			f.setState(Off, err)
			f.log.Info("livesql: nothing is cached", "reason", err)
			<-f.ctx.Done()
			return
		}
		state := Lost
		if cursor == nil {
			state = Cold
		}
		failure = err
		f.setState(state, err)
		f.log.Warn("livesql: the change feed is not live; reads go to the database", "state", state, "error", err, "retry", backoff)
		f.pause(jitter(backoff))
		backoff = min(2*backoff, f.config.maxBackoff)
	}
}

func (f *Feed) connect() (Reader, error) {
	ctx, cancel := context.WithTimeout(f.ctx, f.config.deadline)
	defer cancel()
	reader, err := f.source.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("listen: connecting to the change log: %w", err)
	}
	return &connection{Reader: reader, close: sync.OnceValue(reader.Close)}, nil
}

// connection is a reader that is closed once, from whichever side comes first.
type connection struct {
	Reader
	close func() error
}

func (c *connection) Close() error { return c.close() }

// follow polls until a poll fails. It returns the last good cursor and whether
// there was a good poll at all.
func (f *Feed) follow(reader Reader, cursor Cursor) (Cursor, bool, error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	interval := f.config.minInterval
	polled := false
	for {
		delta, sent, number, err := f.poll(reader, cursor)
		if err != nil {
			return cursor, polled, err
		}
		cursor, polled = delta.Cursor, true
		f.apply(delta, sent, number)
		// Fast while things happen, slow when nothing does.
		if len(delta.Changes) > 0 || delta.Reset != "" {
			interval = f.config.minInterval
		} else {
			interval = min(interval+interval/2+1, f.config.maxInterval)
		}
		timer.Reset(jitter(interval))
		select {
		case <-timer.C:
		case <-f.poke:
			interval = f.config.minInterval
		case <-f.ctx.Done():
			return cursor, polled, ErrClosed
		}
	}
}

// poll sends one poll, with a deadline: a connection that neither answers nor
// fails is a failure. Drivers do not always leave a read from a dead
// connection when the context ends, so the connection is closed too.
func (f *Feed) poll(reader Reader, cursor Cursor) (delta Delta, sent time.Time, number uint64, err error) {
	// Every poke so far is answered by this poll.
	select {
	case <-f.poke:
	default:
	}
	f.stateMu.Lock()
	f.polls++
	number = f.polls
	f.stateMu.Unlock()
	ctx, cancel := context.WithTimeout(f.ctx, f.config.deadline)
	defer cancel()
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = reader.Close() // the poll reports
	})
	sent = time.Now()
	delta, err = reader.Poll(ctx, cursor)
	if !stop() {
		<-closed
	}
	if err != nil {
		return Delta{}, sent, number, fmt.Errorf("listen: polling the change log: %w", err)
	}
	return delta, sent, number, nil
}

// apply hands a delta to the consumers. Only when all have applied it does the
// feed count as live from the poll's send time on.
func (f *Feed) apply(delta Delta, sent time.Time, number uint64) {
	batch := Batch{Position: Position{number}, Sent: sent, Reset: delta.Reset, Changes: delta.Changes}
	if delta.Reset != "" {
		f.log.Info("livesql: the change feed starts afresh", "reason", delta.Reset)
	}
	f.stateMu.Lock()
	consumers := f.consumers
	f.stateMu.Unlock()
	for _, c := range consumers {
		c.Apply(batch)
	}
	f.stateMu.Lock()
	if f.currentState() == Suspect {
		f.wake() // it was no change of state that ended the lease, and none begins it
	}
	f.applied++
	f.lastSent = sent
	f.changes += uint64(len(delta.Changes))
	if delta.Reset != "" {
		f.resets++
		f.lastReset = delta.Reset
	}
	waiting := f.waiters[:0]
	for _, w := range f.waiters {
		if w.after < number {
			close(w.ready)
		} else {
			waiting = append(waiting, w)
		}
	}
	clear(f.waiters[len(waiting):])
	f.waiters = waiting
	f.stateMu.Unlock()
	f.setState(Live, nil)
}

func (f *Feed) setState(s State, err error) {
	f.stateMu.Lock()
	same := f.state == s
	f.state, f.err = s, err
	consumers := f.consumers
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
	if same {
		return
	}
	for _, c := range consumers {
		c.Changed(s)
	}
}

// wake lets those look again who wait for another state. The caller holds
// stateMu.
func (f *Feed) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// pause waits for d or the end. Pokes do not shorten it: a program that writes
// must not hammer a database that fails.
func (f *Feed) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.ctx.Done():
	}
}

// jitter shortens d by up to a fifth, so that many processes do not poll in
// step. It never lengthens it: intervals and backoffs are bounds.
func jitter(d time.Duration) time.Duration {
	return d - rand.N(d/5+1)
}

package listen_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// source is a change log under the control of a test. Its cursor is the
// number of commits seen.
type source struct {
	mu      sync.Mutex
	commits []listen.Change
	reset   string // of the next answer
	// connecting, asked and answered run, if set, when Connect is called,
	// when Poll is called, and when Poll has its answer, which an error then
	// takes the place of.
	connecting func(ctx context.Context) error
	asked      func(ctx context.Context, r *reader) error
	answered   func(ctx context.Context, r *reader) error

	connects []time.Time
	polls    []poll
	readers  []*reader
}

// poll is a call of Poll.
type poll struct {
	at    time.Time
	since listen.Cursor
}

func (s *source) Connect(ctx context.Context) (listen.Reader, error) {
	s.mu.Lock()
	s.connects = append(s.connects, time.Now())
	connecting := s.connecting
	s.mu.Unlock()
	if connecting != nil {
		if err := connecting(ctx); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &reader{source: s, closed: make(chan struct{})}
	s.readers = append(s.readers, r)
	return r, nil
}

// set changes the source while a feed uses it.
func (s *source) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// commit writes a row to the log.
func (s *source) commit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits = append(s.commits, listen.Change{
		Table: dialects.Table{Name: "bakery"}, Op: listen.Update, Key: len(s.commits),
	})
}

func (s *source) polled() []poll {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.polls)
}

func (s *source) connected() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.connects)
}

// checkClosed fails the test unless every reader was closed exactly once.
func (s *source) checkClosed(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range s.readers {
		if n := r.closes.Load(); n != 1 {
			t.Errorf("reader %d was closed %d times, want once", i, n)
		}
	}
}

// reader is one connection to a source.
type reader struct {
	source *source
	closes atomic.Int32
	closed chan struct{}
}

func (r *reader) Poll(ctx context.Context, since listen.Cursor) (listen.Delta, error) {
	s := r.source
	s.mu.Lock()
	s.polls = append(s.polls, poll{time.Now(), since})
	asked, answered := s.asked, s.answered
	s.mu.Unlock()
	if asked != nil {
		if err := asked(ctx, r); err != nil {
			return listen.Delta{}, err
		}
	}
	s.mu.Lock()
	delta := listen.Delta{Cursor: len(s.commits), Reset: s.reset}
	s.reset = ""
	switch since, ok := since.(int); {
	case !ok:
		delta.Reset = "the feed has started"
	case delta.Reset == "":
		delta.Changes = slices.Clone(s.commits[since:])
	}
	s.mu.Unlock()
	if answered != nil {
		if err := answered(ctx, r); err != nil {
			return listen.Delta{}, err
		}
	}
	return delta, nil
}

func (r *reader) Close() error {
	if r.closes.Add(1) == 1 {
		close(r.closed)
	}
	return nil
}

// gate holds a poll, or a consumer, until it is opened, at the latest at the
// end of the test.
type gate struct {
	opened chan struct{}
	once   sync.Once
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{opened: make(chan struct{})}
	t.Cleanup(g.open)
	return g
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

func (g *gate) pass(ctx context.Context, _ *reader) error {
	select {
	case <-g.opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hang waits for the context.
func hang(ctx context.Context, _ *reader) error {
	<-ctx.Done()
	return ctx.Err()
}

// consumer notes what it is told.
type consumer struct {
	t        *testing.T
	applying func(listen.Batch) // if set
	inside   atomic.Int32

	mu      sync.Mutex
	batches []listen.Batch
	states  []listen.State
	closed  bool // nothing may be told any more
}

func (c *consumer) enter() func() {
	if c.inside.Add(1) != 1 {
		c.t.Error("a consumer was called concurrently")
	}
	return func() { c.inside.Add(-1) }
}

func (c *consumer) Apply(b listen.Batch) {
	defer c.enter()()
	if c.applying != nil {
		c.applying(b)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		c.t.Error("a batch was applied after Close")
	}
	if n := len(c.batches); n > 0 {
		last := c.batches[n-1]
		if last.Position.Compare(b.Position) != -1 || b.Position.Compare(last.Position) != 1 {
			c.t.Errorf("position %v comes after %v", b.Position, last.Position)
		}
		if b.Sent.Before(last.Sent) {
			c.t.Errorf("a poll sent at %v is applied after one sent at %v", b.Sent, last.Sent)
		}
	}
	c.batches = append(c.batches, b)
}

func (c *consumer) Changed(s listen.State) {
	defer c.enter()()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		c.t.Errorf("%v was told after Close", s)
	}
	c.states = append(c.states, s)
}

func (c *consumer) applied() []listen.Batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.batches)
}

// keys returns the keys of all changes since the last reset, in order of
// their batches.
func (c *consumer) keys() []any {
	var keys []any
	for _, b := range c.applied() {
		if b.Reset != "" {
			keys = nil
		}
		for _, change := range b.Changes {
			keys = append(keys, change.Key)
		}
	}
	return keys
}

// told returns the states since the last call.
func (c *consumer) told() []listen.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	states := c.states
	c.states = nil
	return states
}

// newFeed returns a feed with one consumer. It is closed with the test.
func newFeed(t *testing.T, s listen.Source, opts ...listen.Option) (*listen.Feed, *consumer) {
	t.Helper()
	f := listen.NewFeed(s, opts...)
	c := &consumer{t: t}
	f.Subscribe(c)
	t.Cleanup(func() { closeFeed(t, f, c) })
	return f, c
}

func closeFeed(t *testing.T, f *listen.Feed, c *consumer) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// soon bounds a wait that is expected to end: a feed that never gets there
// goes on polling, so that a bubble would not notice.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	t.Cleanup(cancel)
	return ctx
}

var errBroken = errors.New("fake: broken")

func broken(context.Context, *reader) error { return errBroken }

package table

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/vantage-go/live/listen"
)

// feedChanges follows one table on a change feed.
type feedChanges[K comparable] struct {
	feed   *listen.Feed
	within bool // the feed's log can be read in transactions
	on     *dependence
	key    func(any) (K, error)
	stop   func()
	ready  chan struct{} // capacity 1

	// newsMu guards everything below.
	newsMu   sync.Mutex
	news     News[K]
	waiting  bool     // there is something to tell
	asked    Position // the highest that was asked for
	position Position
	closed   bool
}

func followFeed[K comparable](feed *listen.Feed, on *dependence, key func(any) (K, error)) *feedChanges[K] {
	c := &feedChanges[K]{feed: feed, within: feed.Within(), on: on, key: key, ready: make(chan struct{}, 1)}
	c.stop = feed.Subscribe((*feedConsumer[K])(c))
	return c
}

// feedConsumer is feedChanges as the feed sees it.
type feedConsumer[K comparable] feedChanges[K]

// Apply notes what concerns the table. It is quick.
func (f *feedConsumer[K]) Apply(b listen.Batch) {
	c := (*feedChanges[K])(f)
	keys, whole := concerns(c.on, c.key, b.Reset, b.Changes)
	c.newsMu.Lock()
	defer c.newsMu.Unlock()
	c.position = Position(b.Position.Number())
	c.news.Position = c.position
	if c.within {
		c.news.Mark = b.Cursor
	}
	if len(keys) > 0 || whole {
		c.news.told = c.position
	}
	c.news.Whole = c.news.Whole || whole || len(c.news.Keys)+len(keys) > manyKeys
	if c.news.Whole {
		c.news.Keys = nil
	} else {
		c.news.Keys = append(c.news.Keys, keys...)
	}
	// While somebody waits for a position, every poll is told: others may wait
	// for an earlier one.
	if len(keys) > 0 || whole || c.asked > 0 {
		if c.position >= c.asked {
			c.asked = 0
		}
		c.waiting = true
		c.signal()
	}
}

// concerns picks the keys of a table from changes.
func concerns[K comparable](on *dependence, key func(any) (K, error), reset string, changes []listen.Change) (keys []K, whole bool) {
	if reset != "" {
		return nil, true
	}
	tables := on.tables.Load()
	for i := range changes {
		change := &changes[i]
		switch {
		case change.Table != tables.own:
			if tables.others[change.Table] {
				return nil, true
			}
			continue
		case change.Key == nil:
			return nil, true
		}
		k, err := key(change.Key)
		if err != nil {
			return nil, true // a key that is not understood may be any
		}
		keys = append(keys, k)
	}
	return keys, false
}

// Changed wakes those who wait, since the feed may have ended.
func (f *feedConsumer[K]) Changed(state listen.State) {
	if state == listen.Off || state == listen.Closed {
		(*feedChanges[K])(f).signal()
	}
}

func (c *feedChanges[K]) signal() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// Next waits for news.
func (c *feedChanges[K]) Next(ctx context.Context) (News[K], error) {
	for {
		c.newsMu.Lock()
		news, waiting, closed := c.news, c.waiting, c.closed
		if waiting {
			c.news, c.waiting = News[K]{Position: news.Position, Mark: news.Mark, told: news.told}, false
		}
		c.newsMu.Unlock()
		switch {
		case closed:
			return News[K]{}, ErrClosed
		case waiting:
			return news, nil
		}
		switch status := c.feed.Status(); status.State {
		case listen.Off:
			return News[K]{}, fmt.Errorf("table: there is no change feed: %w", status.Err)
		case listen.Closed:
			return News[K]{}, listen.ErrClosed
		default:
		}
		select {
		case <-c.ready:
		case <-ctx.Done():
			return News[K]{}, ctx.Err()
		}
	}
}

// Ask asks the feed for a poll.
func (c *feedChanges[K]) Ask() Position {
	p := Position(c.feed.Ask().Number())
	c.newsMu.Lock()
	defer c.newsMu.Unlock()
	if c.position >= p { // the poll was quick
		c.waiting = true
		c.signal()
	} else {
		c.asked = max(c.asked, p)
	}
	return p
}

// Sync waits for a poll that looks at the capture, too.
func (c *feedChanges[K]) Sync(ctx context.Context) (Position, error) {
	if err := c.feed.Sync(ctx); err != nil {
		return 0, err
	}
	c.newsMu.Lock()
	defer c.newsMu.Unlock()
	c.waiting = true
	c.signal()
	return c.position, nil
}

// State is that of the feed.
func (c *feedChanges[K]) State() (State, error) {
	status := c.feed.Status()
	switch status.State {
	case listen.Live:
		return Live, nil
	case listen.Suspect:
		return Suspect, status.Err
	case listen.Closed:
		return Lost, listen.ErrClosed
	case listen.Cold, listen.Lost, listen.CatchingUp, listen.Off:
	}
	return Lost, status.Err
}

// Close ends it.
func (c *feedChanges[K]) Close() error {
	c.stop()
	c.newsMu.Lock()
	c.closed = true
	c.newsMu.Unlock()
	c.signal()
	return nil
}

// ticks tells again and again that any row may have changed.
type ticks[K comparable] struct {
	every time.Duration
	asks  chan struct{} // capacity 1

	// placeMu guards everything below.
	placeMu  sync.Mutex
	position Position
	closed   chan struct{}
	once     sync.Once
}

func newTicks[K comparable](every time.Duration) *ticks[K] {
	return &ticks[K]{every: every, asks: make(chan struct{}, 1), closed: make(chan struct{})}
}

// Next waits for the time to come, or for somebody who asks.
func (t *ticks[K]) Next(ctx context.Context) (News[K], error) {
	timer := time.NewTimer(t.every)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.asks:
	case <-t.closed:
		return News[K]{}, ErrClosed
	case <-ctx.Done():
		return News[K]{}, ctx.Err()
	}
	t.placeMu.Lock()
	defer t.placeMu.Unlock()
	t.position++
	return News[K]{Position: t.position, Whole: true}, nil
}

// Ask makes the rows be read now.
func (t *ticks[K]) Ask() Position {
	t.placeMu.Lock()
	next := t.position + 1
	t.placeMu.Unlock()
	select {
	case t.asks <- struct{}{}:
	default:
	}
	return next
}

// Sync is Ask.
func (t *ticks[K]) Sync(context.Context) (Position, error) { return t.Ask(), nil }

// State is always Live: what fails is the reading.
func (t *ticks[K]) State() (State, error) { return Live, nil }

// Close ends it.
func (t *ticks[K]) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

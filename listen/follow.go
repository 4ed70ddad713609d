package listen

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// run owns the connection and the cursor.
func (f *Feed) run() {
	defer f.end()
	var cursor Cursor
	var failure error  // the last one, nil since the feed is live
	var lost time.Time // when it was lost
	back := func() {
		if failure != nil {
			f.log.Info("livesql: the change feed is live again", "after", time.Since(lost).Round(time.Millisecond))
		}
		failure = nil
	}
	backoff := f.config.minBackoff
	for f.ctx.Err() == nil {
		c, err := f.connect()
		if err == nil {
			if cursor != nil {
				f.setState(CatchingUp, failure)
			}
			var polled bool
			cursor, polled, err = f.follow(c, cursor, back)
			if polled {
				backoff = f.config.minBackoff
			}
			if cerr := c.Close(); cerr != nil && f.ctx.Err() == nil {
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
		if failure == nil {
			lost = time.Now()
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

func (f *Feed) connect() (*connection, error) {
	ctx, cancel := context.WithTimeout(f.ctx, f.config.deadline)
	defer cancel()
	reader, err := f.source.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("listen: connecting to the change log%s: %w", f.late(ctx), err)
	}
	c := &connection{reader: reader, close: sync.OnceValue(reader.Close)}
	if r, ok := reader.(Ringer); ok {
		c.bell = r.Bell()
	}
	return c, nil
}

// connection is a reader that is closed once, from whichever side comes first.
type connection struct {
	reader Reader
	close  func() error
	bell   <-chan struct{} // nil for a reader without one
}

func (c *connection) Close() error { return c.close() }

// follow polls until a poll fails, and calls live after the first good one. It
// returns the last good cursor and whether there was a good poll at all.
func (f *Feed) follow(c *connection, cursor Cursor, live func()) (Cursor, bool, error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	polled, asked := false, true // asked: somebody wanted this poll
	var interval time.Duration
	var announced time.Time
	for {
		delta, sent, number, err := f.poll(c, cursor)
		if err != nil {
			return cursor, polled, err
		}
		cursor = delta.Cursor
		f.apply(c, delta, sent, number)
		if !polled {
			live()
		}
		polled = true

		wait := time.Duration(0)
		if f.committed.Load() {
			if wait = AnnounceEvery - time.Since(announced); wait <= 0 {
				announced = time.Now()
				if err := f.announce(c); err != nil {
					return cursor, polled, err
				}
			}
		}
		// Fast while things happen, slow when nothing does.
		pace := f.pace(c)
		if asked || len(delta.Changes) > 0 || delta.Reset != "" {
			interval = pace.Min
		} else {
			interval = min(time.Duration(float64(interval)*pace.Growth)+1, pace.Max)
		}
		next := jitter(interval)
		if wait > 0 {
			next = min(next, wait) // somebody is still to be told
		}
		ended := time.Now()
		timer.Reset(next)
		asked = true
		select {
		case <-timer.C:
			asked = false
			continue
		case <-f.poke:
		case <-c.bell:
		case <-f.ctx.Done():
			return cursor, polled, ErrClosed
		}
		if gap := pace.Gap - time.Since(ended); gap > 0 && !f.pause(gap) {
			return cursor, polled, ErrClosed
		}
	}
}

// pace is how the log is polled from now on: as the program wants it, else as
// the source does.
func (f *Feed) pace(c *connection) Pace {
	pace := Pace{Min: DefaultMinInterval, Max: DefaultMaxInterval, Growth: 1.5}
	if p, ok := c.reader.(Pacer); ok {
		pace = p.Pace()
	}
	if f.config.minInterval > 0 {
		pace.Min = f.config.minInterval
	}
	if f.config.maxInterval > 0 {
		pace.Max = f.config.maxInterval
	}
	pace.Max = min(pace.Max, f.config.lease/2)
	pace.Min = min(pace.Min, pace.Max)
	return pace
}

// announce lets the reader tell others that this process has committed.
func (f *Feed) announce(c *connection) error {
	f.committed.Store(false)
	a, ok := c.reader.(Announcer)
	if !ok {
		return nil
	}
	err := f.bounded(c, a.Announce)
	if err != nil {
		return fmt.Errorf("listen: announcing a commit: %w", err)
	}
	return nil
}

// poll sends one poll.
func (f *Feed) poll(c *connection, cursor Cursor) (delta Delta, sent time.Time, number uint64, err error) {
	// Whatever was asked for so far is answered by this poll.
	select {
	case <-f.poke:
	default:
	}
	select {
	case <-c.bell:
	default:
	}
	f.stateMu.Lock()
	f.polls++
	number = f.polls
	awaited := len(f.waiters) > 0
	f.stateMu.Unlock()
	if checker, ok := c.reader.(Checker); ok && awaited {
		checker.CheckNext()
	}
	sent = time.Now()
	var late string
	err = f.bounded(c, func(ctx context.Context) (err error) {
		delta, err = c.reader.Poll(ctx, cursor)
		late = f.late(ctx)
		return err
	})
	if err != nil {
		return Delta{}, sent, number, fmt.Errorf("listen: polling the change log%s: %w", late, err)
	}
	return delta, sent, number, nil
}

// bounded calls the reader with a deadline: a connection that neither answers
// nor fails is a failure. Drivers do not always leave a read from a dead
// connection when the context ends, so the connection is closed too.
func (f *Feed) bounded(c *connection, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(f.ctx, f.config.deadline)
	defer cancel()
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = c.Close() // the call reports
	})
	err := call(ctx)
	if !stop() {
		<-closed
	}
	return err
}

// late says for people that a call has failed because its time was up, whatever
// error the driver makes of that.
func (f *Feed) late(call context.Context) string {
	if !errors.Is(call.Err(), context.DeadlineExceeded) {
		return ""
	}
	return fmt.Sprintf(": no answer within %v, which is the feed's deadline", f.config.deadline)
}

// apply hands a delta to the consumers. Only when all have applied it does the
// feed count as live from the poll's send time on, or, if the poll did not
// look whether capture is in place, from that of the last one that did.
func (f *Feed) apply(c *connection, delta Delta, sent time.Time, number uint64) {
	if delta.Reset != "" {
		f.log.Info("livesql: the change feed starts afresh", "reason", delta.Reset)
	}
	f.stateMu.Lock()
	if delta.Unchecked {
		sent = f.lastSent
	}
	state, subscribers := f.state, f.subscribers
	f.stateMu.Unlock()
	batch := Batch{Position: Position{number}, Sent: sent, Reset: delta.Reset, Cursor: delta.Cursor, Changes: delta.Changes}
	for _, sub := range subscribers {
		sub.tell(state) // to those who have come since
		sub.apply(batch)
	}
	hears := ""
	if d, ok := c.reader.(Describer); ok {
		hears = d.Describe()
	}
	f.stateMu.Lock()
	if f.currentState() == Suspect {
		f.wake() // it was no change of state that ended the lease, and none begins it
	}
	f.applied++
	f.lastSent, f.cursor, f.hears = sent, delta.Cursor, hears
	f.changes += uint64(len(delta.Changes))
	if delta.Reset != "" {
		f.resets++
		f.lastReset = delta.Reset
	}
	waiting := f.waiters[:0]
	for _, w := range f.waiters {
		if w.after < number && !delta.Unchecked {
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

// pause waits for d, or returns false at the end of the feed. Pokes do not
// shorten it: a program that writes must not hammer a database that fails.
func (f *Feed) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.ctx.Done():
		return false
	}
}

// jitter shortens d by up to a fifth, so that many processes do not poll in
// step. It never lengthens it: intervals and backoffs are bounds.
func jitter(d time.Duration) time.Duration {
	return d - rand.N(d/5+1)
}

package testdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// patience bounds every wait for the feed. A test that runs into it fails.
const patience = 30 * time.Second

// errLost is what a feed is lost with when the test does not care.
var errLost = errors.New("testdb: the feed was lost on purpose")

// Feed scripts a change feed. Its methods return when the cache has taken in
// what they did, and fail the test (without ending it) if that does not
// happen. They may be called from any goroutine, one after the other.
type Feed struct {
	tb     testing.TB
	tables []dialects.Table
	live   *listen.Feed // the feed that reads the script, set once by follow

	// scriptMu guards everything below.
	scriptMu sync.Mutex
	log      []event
	mode     mode
	loss     error         // what mode lost answers
	hanging  bool          // a poll hangs in mode silent
	heard    listen.State  // the state that the consumers know
	moved    chan struct{} // closed and replaced when mode, hanging or heard changes
}

// mode is how the change log answers.
type mode uint8

const (
	healthy mode = iota
	lost         // polls fail, nobody connects
	silent       // polls hang
)

// event is one record of the log: a change, or the loss of all that was
// before.
type event struct {
	change listen.Change
	reset  string
}

func newFeed(tb testing.TB, tables []dialects.Table) *Feed {
	tb.Helper()
	return &Feed{tb: tb, tables: tables, moved: make(chan struct{})}
}

// follow ties the script to the feed that reads it, and returns when that is
// live.
func (f *Feed) follow(ctx context.Context, live *listen.Feed) error {
	f.live = live
	live.Subscribe(watch{f})
	if err := live.WaitLive(ctx); err != nil {
		return err
	}
	// Live may have been announced before the subscription; nothing can have
	// ended it.
	f.hear(listen.Live)
	return nil
}

// Change reports that rows of a table were changed, as if another program had
// committed: the rows with those primary keys, or any row when there is no
// key. When it returns, no read of the table is answered with what was read
// before. While the feed is lost or silent the change waits in the log.
func (f *Feed) Change(table string, keys ...any) {
	f.tb.Helper()
	t := tableNamed(table)
	if !slices.Contains(f.tables, t) {
		f.tb.Errorf("testdb: change of table %q, which is none of testdb.Tables %v", table, f.tables)
		return
	}
	changes := make([]listen.Change, 0, len(keys)+1)
	for _, key := range keys {
		changes = append(changes, listen.Change{Table: t, Op: listen.Update, Key: key})
	}
	if len(keys) == 0 {
		changes = append(changes, listen.Change{Table: t, Op: listen.Whole})
	}
	f.Deliver(changes...)
}

// Deliver reports changes as they are, in one batch. See Change.
func (f *Feed) Deliver(changes ...listen.Change) {
	f.tb.Helper()
	events := make([]event, len(changes))
	for i, c := range changes {
		events[i].change = c
	}
	f.append(events...)
}

// Reset reports that the log cannot prove that it is complete: everything that
// is known from before is void. Why says the reason in a few words.
func (f *Feed) Reset(why string) {
	f.tb.Helper()
	if why == "" {
		why = "the test asks for it"
	}
	f.append(event{reset: why})
}

func (f *Feed) append(events ...event) {
	f.tb.Helper()
	f.scriptMu.Lock()
	f.log = append(f.log, events...)
	answers := f.mode == healthy
	f.scriptMu.Unlock()
	if answers {
		f.Sync()
	}
}

// Sync returns when a poll that was sent after the call has been taken in.
// Tests need it after a statement of their own that may have changed the
// schema, or that livesql does not understand: from then on nothing is
// answered from memory until the next poll.
func (f *Feed) Sync() {
	f.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f.live.Sync(ctx); err != nil {
		f.tb.Errorf("testdb: %v; %s", err, f.status())
		return
	}
	f.wait("live", func() bool { return f.heard == listen.Live })
}

// Lose breaks the feed's connection: polls fail with err (or with an error of
// its own if err is nil) and nobody can connect. When it returns, reads go to
// the database.
func (f *Feed) Lose(err error) {
	f.tb.Helper()
	if err == nil {
		err = errLost
	}
	f.set(lost, err)
	f.WaitLost()
}

// Silence makes polls hang. It returns when one does. Reads are answered from
// memory until the lease is over or the feed takes the connection for dead,
// which it does after listen.DefaultDeadline; WaitLost waits for that.
func (f *Feed) Silence() {
	f.tb.Helper()
	f.set(silent, nil)
	f.wait("silent", func() bool { return f.hanging })
}

// WaitLost returns when the feed is lost: reads go to the database.
func (f *Feed) WaitLost() {
	f.tb.Helper()
	f.wait("lost", func() bool { return f.heard == listen.Lost })
}

// Restore ends Lose and Silence. When it returns, the feed is live and every
// change that was reported in between has been taken in; what was read before
// the loss and has not changed is served again.
func (f *Feed) Restore() {
	f.tb.Helper()
	f.set(healthy, nil)
	f.Sync()
}

func (f *Feed) set(m mode, loss error) {
	f.scriptMu.Lock()
	f.mode, f.loss = m, loss
	f.announce()
	f.scriptMu.Unlock()
	f.live.Poke()
}

// hear notes a state that the consumers know.
func (f *Feed) hear(s listen.State) {
	f.scriptMu.Lock()
	defer f.scriptMu.Unlock()
	f.heard = s
	f.announce()
}

// announce wakes those who wait. The caller holds scriptMu.
func (f *Feed) announce() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// wait returns when cond, which is called with scriptMu held, is true.
func (f *Feed) wait(what string, cond func() bool) {
	f.tb.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		f.scriptMu.Lock()
		ok, closed, moved := cond(), f.heard == listen.Closed, f.moved
		f.scriptMu.Unlock()
		switch {
		case ok:
			return
		case closed:
			f.tb.Errorf("testdb: the feed is not %s: the handle was closed", what)
			return
		}
		select {
		case <-moved:
		case <-timer.C:
			f.tb.Errorf("testdb: the feed is not %s after %v; %s", what, patience, f.status())
			return
		}
	}
}

func (f *Feed) status() string {
	s := f.live.Status()
	return fmt.Sprintf("state %v, error %v", s.State, s.Err)
}

// connect returns when the log can be connected to.
func (f *Feed) connect(ctx context.Context) error {
	for {
		f.scriptMu.Lock()
		m, loss, moved := f.mode, f.loss, f.moved
		f.scriptMu.Unlock()
		if m != lost {
			return nil
		}
		// An attempt that hangs instead of failing at once ends with the loss:
		// Restore does not wait for the pause that follows a failure.
		select {
		case <-moved:
		case <-ctx.Done():
			return loss
		}
	}
}

// poll answers a poll as the mode wants it.
func (f *Feed) poll(ctx context.Context, since listen.Cursor) (listen.Delta, error) {
	for {
		f.scriptMu.Lock()
		m, loss := f.mode, f.loss
		if hangs := m == silent; hangs != f.hanging {
			f.hanging = hangs
			f.announce()
		}
		delta, moved := f.since(since), f.moved
		f.scriptMu.Unlock()
		switch m {
		case healthy:
			return delta, nil
		case lost:
			return listen.Delta{}, loss
		case silent:
		}
		select {
		case <-moved:
		case <-ctx.Done():
			f.scriptMu.Lock()
			f.hanging = false
			f.scriptMu.Unlock()
			return listen.Delta{}, ctx.Err()
		}
	}
}

// since returns what was logged since the cursor, which is the number of
// events that were read. The caller holds scriptMu.
func (f *Feed) since(cursor listen.Cursor) listen.Delta {
	delta := listen.Delta{Cursor: len(f.log)}
	read, ok := cursor.(int)
	if !ok {
		delta.Reset = "the feed has started"
		return delta
	}
	for _, e := range f.log[read:] {
		if e.reset != "" {
			delta.Reset, delta.Changes = e.reset, nil
			continue
		}
		delta.Changes = append(delta.Changes, e.change)
	}
	return delta
}

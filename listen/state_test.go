package listen_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/listen"
)

// TestStates walks through all states: what consumers are told, what Status
// says, and that the cursor outlives the connection.
func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, c := newFeed(t, s, listen.WithLease(200*time.Millisecond), listen.WithDeadline(time.Second),
			listen.WithInterval(50*time.Millisecond, 50*time.Millisecond), listen.WithBackoff(100*time.Millisecond, time.Second))
		is := func(want listen.State, failure error) {
			t.Helper()
			synctest.Wait()
			if got := f.Status(); got.State != want || !errors.Is(got.Err, failure) {
				t.Fatalf("%v with %v, want %v with %v", got.State, got.Err, want, failure)
			}
		}
		told := func(want ...listen.State) {
			t.Helper()
			if diff := cmp.Diff(want, c.told()); diff != "" {
				t.Fatal(diff)
			}
		}
		is(listen.Cold, nil)

		// The first poll is not applied yet.
		first := newGate(t)
		s.set(func() { s.answered = first.pass })
		f.Start()
		is(listen.Cold, nil)
		told()
		s.set(func() { s.answered = nil })
		first.open()
		is(listen.Live, nil)
		told(listen.Live)
		if b := c.applied(); len(b) != 1 || b[0].Reset == "" || len(b[0].Changes) != 0 {
			t.Fatalf("the first batches are %+v, want a reset", b)
		}

		// The connection hangs: the lease runs out before the deadline.
		s.commit()
		if err := f.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		s.set(func() { s.asked = hang })
		time.Sleep(100 * time.Millisecond)
		is(listen.Live, nil) // a poll is outstanding
		time.Sleep(150 * time.Millisecond)
		is(listen.Suspect, nil)
		told() // it comes by time alone
		s.set(func() { s.connecting = func(context.Context) error { return errBroken } })
		time.Sleep(850 * time.Millisecond)
		is(listen.Lost, context.DeadlineExceeded)
		told(listen.Lost)

		// The database is away, and goes on without us.
		time.Sleep(150 * time.Millisecond)
		is(listen.Lost, errBroken)
		told()
		s.commit()

		// It is back; the delta since the cursor is being read.
		again := newGate(t)
		s.set(func() { s.connecting, s.asked = nil, again.pass })
		time.Sleep(500 * time.Millisecond)
		is(listen.CatchingUp, errBroken)
		told(listen.CatchingUp)
		if polls := s.polled(); polls[len(polls)-1].since != 1 {
			t.Errorf("it asked for what came after %v, want 1: the cursor of before", polls[len(polls)-1].since)
		}
		s.set(func() { s.asked = nil })
		again.open()
		if err := f.WaitLive(soon(t)); err != nil {
			t.Fatal(err)
		}
		is(listen.Live, nil)
		told(listen.Live)
		if diff := cmp.Diff([]any{0, 1}, c.keys()); diff != "" {
			t.Error(diff)
		}
		if got := f.Status().Resets; got != 1 {
			t.Errorf("%d resets, want the first alone", got)
		}

		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		is(listen.Closed, nil)
		told(listen.Closed)
		s.checkClosed(t)
	})
}

// TestLostWhileCatchingUp: a second failure keeps the cursor too.
func TestLostWhileCatchingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, c := newFeed(t, s)
		f.Start()
		if err := f.WaitLive(soon(t)); err != nil {
			t.Fatal(err)
		}
		s.set(func() { s.answered = broken })
		s.commit()
		time.Sleep(time.Second)
		s.commit()
		s.set(func() { s.answered = nil })
		if err := f.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{0, 1}, c.keys()); diff != "" {
			t.Error(diff)
		}
		synctest.Wait() // the state is told after Sync has returned
		states := c.told()
		if len(states) < 6 {
			t.Fatalf("told %v, want several losses", states)
		}
		for i, state := range states {
			want := listen.Lost
			if i%2 == 0 {
				want = listen.CatchingUp
			}
			if i == 0 || i == len(states)-1 {
				want = listen.Live
			}
			if state != want {
				t.Fatalf("told %v", states)
			}
		}
		closeFeed(t, f, c)
		s.checkClosed(t)
	})
}

func TestColdUntilTheFirstPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.asked = broken
		f, c := newFeed(t, s)
		f.Start()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := f.WaitLive(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errBroken) {
			t.Errorf("WaitLive: %v, want the context's error and the failure", err)
		}
		if got := f.Status(); got.State != listen.Cold || !errors.Is(got.Err, errBroken) || !got.Sent.IsZero() {
			t.Errorf("%+v", got)
		}
		if states := c.told(); len(states) != 0 || len(c.applied()) != 0 {
			t.Errorf("told %v, %v", states, c.applied())
		}
		for _, p := range s.polled() {
			if p.since != nil {
				t.Errorf("a cursor %v before the first answer", p.since)
			}
		}
	})
}

// TestWaitLiveWhileSuspect: the poll that ends the suspicion changes no state
// that was told, and still wakes those who wait.
func TestWaitLiveWhileSuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, _ := newFeed(t, s, listen.WithLease(100*time.Millisecond), listen.WithDeadline(time.Minute))
		f.Start()
		if err := f.WaitLive(soon(t)); err != nil {
			t.Fatal(err)
		}
		slow := newGate(t)
		s.set(func() { s.asked = slow.pass })
		time.Sleep(time.Second)
		if got := f.Status().State; got != listen.Suspect {
			t.Fatalf("%v, want suspect", got)
		}
		done := make(chan error, 1)
		go func() { done <- f.WaitLive(soon(t)) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("WaitLive returned while the feed is suspect: %v", err)
		default:
		}
		// The answer comes, but its poll was sent long ago; the next counts.
		s.set(func() { s.asked = nil })
		slow.open()
		time.Sleep(100 * time.Millisecond)
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("WaitLive still waits, the feed is %v", f.Status().State)
		}
	})
}

// TestOff: a database without a log is asked once.
func TestOff(t *testing.T) {
	reason := fmt.Errorf("the table is missing: %w", listen.ErrNoLog)
	for name, arrange := range map[string]func(*source){
		"connecting": func(s *source) { s.connecting = func(context.Context) error { return reason } },
		"polling":    func(s *source) { s.asked = func(context.Context, *reader) error { return reason } },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{}
				arrange(s)
				f, c := newFeed(t, s)
				early := make(chan error, 2)
				go func() { early <- f.Sync(soon(t)) }()
				go func() { early <- f.WaitLive(soon(t)) }()
				synctest.Wait()
				begun := time.Now()
				f.Start()
				for range 2 {
					if err := <-early; !errors.Is(err, reason) {
						t.Errorf("who waited before got %v", err)
					}
				}
				if err := f.WaitLive(soon(t)); !errors.Is(err, reason) {
					t.Errorf("WaitLive: %v", err)
				}
				if err := f.Sync(soon(t)); !errors.Is(err, reason) {
					t.Errorf("Sync: %v", err)
				}
				if d := time.Since(begun); d != 0 || f.Waiters() != 0 {
					t.Errorf("it took %v, %d still wait", d, f.Waiters())
				}
				f.Poke()
				time.Sleep(time.Hour)
				if n := len(s.connected()); n != 1 {
					t.Errorf("connected %d times", n)
				}
				if got := f.Status(); got.State != listen.Off || !errors.Is(got.Err, reason) {
					t.Errorf("%+v", got)
				}
				closeFeed(t, f, c)
				if diff := cmp.Diff([]listen.State{listen.Off, listen.Closed}, c.told()); diff != "" {
					t.Error(diff)
				}
				s.checkClosed(t)
			})
		})
	}
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, c := newFeed(t, s)
		f.Start()
		sync := func() {
			t.Helper()
			if err := f.Sync(soon(t)); err != nil {
				t.Fatal(err)
			}
		}
		sync()
		before := f.Status()
		if before.Resets != 1 || before.LastReset != "the feed has started" || before.Changes != 0 {
			t.Errorf("after the first poll: %+v", before)
		}

		// Failed polls are not counted.
		s.set(func() { s.answered = broken })
		time.Sleep(10 * time.Second)
		if got := f.Status(); got.Polls < before.Polls || got.Polls > before.Polls+1 || got.Err == nil {
			t.Errorf("%d polls were applied before the failures, %d after; error %v", before.Polls, got.Polls, got.Err)
		}
		s.set(func() { s.answered = nil })
		sync()

		before = f.Status()
		if n := len(c.applied()); before.Polls != uint64(n) {
			t.Errorf("%d polls, %d were applied", before.Polls, n)
		}
		s.commit()
		s.commit()
		sent := time.Now()
		sync()
		after := f.Status()
		if after.Changes != 2 || after.Polls != before.Polls+1 || !after.Sent.Equal(sent) || after.Err != nil {
			t.Errorf("%+v, want one more poll than %+v, sent at %v", after, before, sent)
		}

		s.set(func() { s.reset = "the log was pruned" })
		sync()
		if got := f.Status(); got.Resets != 2 || got.LastReset != "the log was pruned" || got.State != listen.Live {
			t.Errorf("%+v", got)
		}
	})
}

func TestStateNames(t *testing.T) {
	seen := map[string]bool{}
	for s := listen.Cold; s <= listen.Closed; s++ {
		if name := s.String(); seen[name] || name == "" || name[0] == 'S' {
			t.Errorf("state %d is called %q", s, name)
		} else {
			seen[name] = true
		}
	}
	if got := listen.State(99).String(); got != "State(99)" {
		t.Error(got)
	}
}

// TestLog: a loss and what ends it are told once each, so that whoever reads the
// log knows when the cache was of use.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		var log bytes.Buffer
		f, _ := newFeed(t, s, listen.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
			listen.WithInterval(50*time.Millisecond, 50*time.Millisecond), listen.WithBackoff(300*time.Millisecond, 300*time.Millisecond))
		f.Start()
		synctest.Wait()
		const lost, back = "the change feed is not live", "the change feed is live again"
		count := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			if n := strings.Count(log.String(), what); n != want {
				t.Errorf("%d times %q, want %d:\n%s", n, what, want, log.String())
			}
		}
		count(back, 0)
		for times := 1; times <= 2; times++ {
			s.set(func() { s.asked = func(context.Context, *reader) error { return errors.New("gone") } })
			time.Sleep(100 * time.Millisecond)
			count(lost, times)
			count(back, times-1)
			s.set(func() { s.asked = nil })
			time.Sleep(time.Second)
			count(lost, times)
			count(back, times)
		}
	})
}

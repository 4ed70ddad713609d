package listen_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/listen"
)

// never is a time between polls that no test waits for.
var never = []listen.Option{
	listen.WithLease(1000 * time.Hour), listen.WithInterval(100*time.Hour, 100*time.Hour), listen.WithDeadline(time.Hour),
}

func live(t *testing.T, f *listen.Feed) {
	t.Helper()
	f.Start()
	if err := f.WaitLive(soon(t)); err != nil {
		t.Fatal(err)
	}
}

// TestCloseAnywhere: whatever the feed is doing, Close ends it at once, and
// nothing happens afterwards.
func TestCloseAnywhere(t *testing.T) {
	var opening func()
	for name, arrange := range map[string]func(s *source, f *listen.Feed, c *consumer){
		"not started": func(*source, *listen.Feed, *consumer) {},
		"connecting": func(s *source, f *listen.Feed, _ *consumer) {
			s.connecting = func(ctx context.Context) error { return hang(ctx, nil) }
			f.Start()
		},
		"polling":   func(s *source, f *listen.Feed, _ *consumer) { s.asked = hang; f.Start() },
		"answering": func(s *source, f *listen.Feed, _ *consumer) { s.answered = hang; f.Start() },
		"polling without an ear for the context": func(s *source, f *listen.Feed, _ *consumer) {
			s.asked = func(_ context.Context, r *reader) error { <-r.closed; return errBroken }
			f.Start()
		},
		"answered all the same": func(s *source, f *listen.Feed, _ *consumer) {
			s.asked = func(ctx context.Context, _ *reader) error { <-ctx.Done(); return nil }
			f.Start()
		},
		"waiting":     func(_ *source, f *listen.Feed, _ *consumer) { f.Start() },
		"backing off": func(s *source, f *listen.Feed, _ *consumer) { s.asked = broken; f.Start() },
		"off": func(s *source, f *listen.Feed, _ *consumer) {
			s.connecting = func(context.Context) error { return listen.ErrNoLog }
			f.Start()
		},
		"applying": func(_ *source, f *listen.Feed, c *consumer) {
			g := newGate(c.t)
			c.applying = func(listen.Batch) { <-g.opened }
			f.Start()
			opening = g.open
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opening = func() {}
				s := &source{}
				opts := append([]listen.Option{listen.WithBackoff(time.Hour, time.Hour)}, never...)
				f, c := newFeed(t, s, opts...)
				arrange(s, f, c)
				synctest.Wait()
				begun := time.Now()
				var wg sync.WaitGroup
				for range 2 { // from two sides
					wg.Go(func() { closeFeed(t, f, c) })
				}
				synctest.Wait()
				opening()
				wg.Wait()
				if d := time.Since(begun); d != 0 {
					t.Errorf("Close took %v", d)
				}
				states := c.told()
				if len(states) == 0 || states[len(states)-1] != listen.Closed {
					t.Errorf("told %v, want closed as the last", states)
				}
				if got := f.Status().State; got != listen.Closed {
					t.Errorf("the feed is %v", got)
				}
				polls := len(s.polled())
				f.Poke()
				f.Start() // does not bring it back
				time.Sleep(time.Hour)
				if n := len(s.polled()); n != polls {
					t.Errorf("%d polls after Close", n-polls)
				}
				s.checkClosed(t)
			})
		})
	}
}

// TestStartTwice starts one goroutine.
func TestStartTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, _ := newFeed(t, s, never...)
		f.Start()
		live(t, f)
		if n := len(s.connected()); n != 1 {
			t.Errorf("connected %d times", n)
		}
	})
}

// TestConsumers: each hears each batch, one after the other, in the order in
// which they subscribed, and the next poll waits for them.
func TestConsumers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, first := newFeed(t, s, never...)
		slow := newGate(t)
		var order []string
		first.applying = func(b listen.Batch) {
			order = append(order, "first")
			if len(b.Changes) > 0 {
				<-slow.opened
			}
		}
		second := &consumer{t: t, applying: func(listen.Batch) { order = append(order, "second") }}
		f.Subscribe(second)
		live(t, f)
		s.commit()
		f.Poke()
		synctest.Wait()
		f.Poke() // would poll, if nobody were applying
		late := &consumer{t: t}
		f.Subscribe(late)
		synctest.Wait()
		if n := len(s.polled()); n != 2 {
			t.Errorf("%d polls while a consumer is applying, want 2", n)
		}
		if n := len(second.applied()); n != 1 {
			t.Errorf("the second consumer has %d batches, want 1: the first is still applying", n)
		}
		if got := f.Status(); got.Polls != 1 || got.Changes != 0 {
			t.Errorf("%+v counts what is not applied", got)
		}
		done := make(chan error, 1)
		go func() { done <- f.Sync(soon(t)) }()
		synctest.Wait() // its poke is the one above
		slow.open()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first.applied(), second.applied(), cmp.Comparer(func(a, b listen.Position) bool { return a.Compare(b) == 0 })); diff != "" {
			t.Errorf("the consumers heard different batches:\n%s", diff)
		}
		if diff := cmp.Diff([]string{"first", "second", "first", "second", "first", "second"}, order); diff != "" {
			t.Error(diff)
		}
		if b := late.applied(); len(b) != 1 || len(b[0].Changes) != 0 {
			t.Errorf("who subscribed after the poll heard %+v", b)
		}
	})
}

// TestSent: a batch carries the time at which its poll was sent, not that of
// its answer.
func TestSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.asked = func(context.Context, *reader) error { time.Sleep(300 * time.Millisecond); return nil }
		f, c := newFeed(t, s)
		live(t, f)
		time.Sleep(10 * time.Second)
		batches := c.applied()
		if got, want := f.Status().Sent, batches[len(batches)-1].Sent; !got.Equal(want) {
			t.Errorf("Status says %v, the last batch was sent at %v", got, want)
		}
		polls := s.polled()
		for i, b := range batches {
			if !b.Sent.Equal(polls[i].at) {
				t.Errorf("batch %d was sent at %v, its poll at %v", i, b.Sent, polls[i].at)
			}
		}
	})
}

// TestDeadline: a connection that neither answers nor fails is given up, even
// by a driver that does not hear the context.
func TestDeadline(t *testing.T) {
	const deadline = 700 * time.Millisecond
	for name, arrange := range map[string]func(s *source){
		"connect": func(s *source) { s.connecting = func(ctx context.Context) error { return hang(ctx, nil) } },
		"poll":    func(s *source) { s.asked = hang },
		"deaf poll": func(s *source) {
			s.asked = func(_ context.Context, r *reader) error { <-r.closed; return errBroken }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{}
				arrange(s)
				f, c := newFeed(t, s, listen.WithDeadline(deadline))
				f.Start()
				time.Sleep(deadline - time.Nanosecond)
				synctest.Wait()
				if f.Status().Err != nil {
					t.Error("it was given up before the deadline")
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if f.Status().Err == nil {
					t.Error("it was not given up at the deadline")
				}
				s.set(func() { s.connecting, s.asked = nil, nil })
				if err := f.WaitLive(soon(t)); err != nil {
					t.Error(err)
				}
				closeFeed(t, f, c)
				s.checkClosed(t)
			})
		})
	}
}

// TestNothingIsMissed follows a log through failures of every kind: each
// commit is told once and in order, or a reset says that it was not.
func TestNothingIsMissed(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			var randomMu sync.Mutex
			chance := func(n int) bool {
				randomMu.Lock()
				defer randomMu.Unlock()
				return random.IntN(n) == 0
			}
			s := &source{}
			fails := func(ctx context.Context, r *reader) error {
				switch {
				case chance(10):
					return errBroken
				case chance(20):
					return hang(ctx, nil)
				case r != nil && chance(20):
					<-r.closed
					return errBroken
				case chance(2):
					time.Sleep(10 * time.Millisecond)
				}
				return nil
			}
			s.connecting = func(ctx context.Context) error { return fails(ctx, nil) }
			s.asked, s.answered = fails, fails
			f, c := newFeed(t, s, listen.WithDeadline(200*time.Millisecond))
			f.Start()
			for range 200 {
				if chance(30) {
					s.set(func() { s.reset = "test" })
				}
				s.commit()
				time.Sleep(20 * time.Millisecond)
				if chance(10) {
					if err := f.Sync(soon(t)); err != nil {
						t.Fatal(err)
					}
					s.check(t, c)
				}
			}
			closeFeed(t, f, c)
			s.checkClosed(t)
		})
	}
}

// check compares what a consumer knows with the log: after its last reset it
// was told each commit once, up to the last.
func (s *source) check(t *testing.T, c *consumer) {
	t.Helper()
	keys := c.keys()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, key := range keys {
		if want := len(s.commits) - len(keys) + i; key != want {
			t.Fatalf("commit %v is told where %d was to be", key, want)
		}
	}
}

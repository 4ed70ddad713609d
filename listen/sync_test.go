package listen_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/listen"
)

// TestSyncNeedsALaterPoll: an answer that was under way when Sync was called
// may miss what was committed before the call.
func TestSyncNeedsALaterPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, c := newFeed(t, s, never...)
		live(t, f)
		underWay := newGate(t)
		s.set(func() { s.answered = underWay.pass })
		f.Poke()
		synctest.Wait() // its answer is made
		s.commit()

		later, applying := newGate(t), newGate(t)
		s.set(func() { s.answered = later.pass })
		c.applying = func(b listen.Batch) {
			if len(b.Changes) > 0 {
				<-applying.opened
			}
		}
		done := make(chan error, 1)
		go func() { done <- f.Sync(soon(t)) }()
		waits := func(why string) {
			t.Helper()
			synctest.Wait()
			select {
			case err := <-done:
				t.Fatalf("Sync returned %v: %s", err, why)
			default:
			}
		}
		waits("a poll is under way that was sent before")
		underWay.open()
		waits("the poll that was under way was applied, without the commit")
		later.open()
		waits("the later poll is not applied by every consumer yet")
		applying.open()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{0}, c.keys()); diff != "" {
			t.Error(diff)
		}
		if d := time.Since(s.polled()[0].at); d != 0 {
			t.Errorf("it took %v, want no waiting for an interval", d)
		}
	})
}

// TestSyncAtOnce: no wakeup is lost, whenever Sync is called: not one call has
// to wait for the interval.
func TestSyncAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pollTime = 5 * time.Millisecond
		s := &source{}
		pause := func(context.Context, *reader) error {
			time.Sleep(rand.N(pollTime / 2))
			return nil
		}
		s.asked, s.answered = pause, pause
		f, c := newFeed(t, s, never...)
		live(t, f)
		var wg sync.WaitGroup
		for id := range 10 {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(uint64(id), 0))
				for range 50 {
					time.Sleep(time.Duration(random.IntN(int(4 * pollTime))))
					s.commit()
					s.mu.Lock()
					known := len(s.commits)
					s.mu.Unlock()
					begun := time.Now()
					if err := f.Sync(soon(t)); err != nil {
						t.Error(err)
						return
					}
					if d := time.Since(begun); d > 2*pollTime {
						t.Errorf("Sync took %v, two polls take %v", d, 2*pollTime)
					}
					if got := len(c.keys()); got < known {
						t.Errorf("%d changes are known after Sync, %d were committed before", got, known)
					}
				}
			})
		}
		wg.Wait()
		if f.Waiters() != 0 {
			t.Errorf("%d waiters are left", f.Waiters())
		}
	})
}

func TestSyncGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, c := newFeed(t, s, never...)
		live(t, f)
		s.set(func() { s.asked = hang })
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := f.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Sync: %v", err)
			}
			cancel()
		}
		if f.Waiters() != 0 {
			t.Errorf("the feed still holds %d waiters that have given up", f.Waiters())
		}
		done := make(chan error, 2)
		go func() { done <- f.Sync(soon(t)) }()
		go func() { done <- f.Sync(soon(t)) }()
		synctest.Wait()
		closeFeed(t, f, c)
		for range 2 {
			if err := <-done; !errors.Is(err, listen.ErrClosed) {
				t.Errorf("Sync over Close: %v", err)
			}
		}
		if err := f.Sync(soon(t)); !errors.Is(err, listen.ErrClosed) {
			t.Errorf("Sync after Close: %v", err)
		}
		if err := f.WaitLive(soon(t)); !errors.Is(err, listen.ErrClosed) {
			t.Errorf("WaitLive after Close: %v", err)
		}
	})
}

// TestSyncOverALoss waits for the poll that succeeds.
func TestSyncOverALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, c := newFeed(t, s)
		live(t, f)
		s.set(func() { s.asked = broken })
		s.commit()
		done := make(chan error, 1)
		go func() { done <- f.Sync(soon(t)) }()
		time.Sleep(20 * time.Second)
		select {
		case err := <-done:
			t.Fatalf("Sync returned %v without a poll", err)
		default:
		}
		s.set(func() { s.asked = nil })
		if err := <-done; err != nil || len(c.keys()) != 1 {
			t.Errorf("%v; known: %v", err, c.keys())
		}
	})
}

// TestPokesCoalesce: however often it rings, one poll answers what rang
// before it was sent.
func TestPokesCoalesce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, _ := newFeed(t, s, never...)
		for range 10 {
			f.Poke() // before Start
		}
		live(t, f)
		synctest.Wait()
		if n := len(s.polled()); n != 1 {
			t.Fatalf("%d polls, want one: every poke came before it", n)
		}
		underWay := newGate(t)
		s.set(func() { s.asked = underWay.pass })
		f.Poke()
		synctest.Wait()
		for range 100 {
			f.Poke()
		}
		s.set(func() { s.asked = nil })
		underWay.open()
		time.Sleep(time.Hour)
		if n := len(s.polled()); n != 3 {
			t.Errorf("%d polls, want 3: the first, the poked one, and one for all pokes during it", n)
		}
		f.Poke()
		synctest.Wait()
		if n := len(s.polled()); n != 4 {
			t.Errorf("%d polls, want 4", n)
		}
	})
}

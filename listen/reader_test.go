package listen_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/listen"
)

// gifted is a source whose readers can do everything that a reader may be
// able to.
type gifted struct {
	source
	bell chan struct{}
	pace listen.Pace
	// unchecked tells of a poll whether it looks at the capture.
	unchecked func() bool
	// check: the next poll was asked to look.
	check bool

	announcedMu sync.Mutex
	announced   []time.Time
	fails       error // of Announce
}

func newGifted() *gifted {
	return &gifted{
		bell: make(chan struct{}, 1),
		pace: listen.Pace{Min: 4 * time.Millisecond, Max: 500 * time.Millisecond, Growth: 3, Gap: 2 * time.Millisecond},
	}
}

func (g *gifted) Connect(ctx context.Context) (listen.Reader, error) {
	r, err := g.source.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &giftedReader{Reader: r, source: g}, nil
}

type giftedReader struct {
	listen.Reader
	source *gifted
}

func (r *giftedReader) Poll(ctx context.Context, since listen.Cursor) (listen.Delta, error) {
	delta, err := r.Reader.Poll(ctx, since)
	r.source.set(func() {
		delta.Unchecked = r.source.unchecked != nil && since != nil && r.source.unchecked()
		r.source.check = false
	})
	return delta, err
}

func (r *giftedReader) CheckNext() { r.source.set(func() { r.source.check = true }) }

func (r *giftedReader) Bell() <-chan struct{} { return r.source.bell }
func (r *giftedReader) Pace() listen.Pace     { return r.source.pace }
func (r *giftedReader) Describe() string      { return "bell of a test" }

func (r *giftedReader) Announce(context.Context) error {
	g := r.source
	g.announcedMu.Lock()
	defer g.announcedMu.Unlock()
	g.announced = append(g.announced, time.Now())
	return g.fails
}

func (g *gifted) announcements() []time.Time {
	g.announcedMu.Lock()
	defer g.announcedMu.Unlock()
	return g.announced
}

// Token and Reached: a token is the number of commits, after the name of the
// log.
func (g *gifted) Token(c listen.Cursor) (string, error) {
	return "log:" + string(rune('0'+c.(int))), nil
}

func (g *gifted) Reached(c listen.Cursor, token string) (bool, error) {
	if len(token) != 5 || token[:4] != "log:" {
		return false, &listen.TokenError{Why: "is of another log"}
	}
	return c.(int) >= int(token[4]-'0'), nil
}

// TestBellAndPace: a ring is answered at once and followed by a burst of
// polls, because the one that rang may not have been the last to commit.
func TestBellAndPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGifted()
		f, _ := newFeed(t, g)
		live(t, f)
		time.Sleep(10 * time.Second)
		if got := f.Status().Hears; got != "bell of a test" {
			t.Errorf("the feed hears by %q", got)
		}
		before := len(g.polled())
		time.Sleep(200 * time.Millisecond) // somewhere between two polls
		rung := time.Now()
		g.bell <- struct{}{}
		time.Sleep(100 * time.Millisecond)
		polls := g.polled()[before:]
		due := rung
		for len(polls) > 0 && polls[0].at.Before(rung) {
			if next := polls[0].at.Add(g.pace.Gap); next.After(due) {
				due = next // by chance there was a poll just before
			}
			polls = polls[1:]
		}
		if len(polls) < 3 || !polls[0].at.Equal(due) {
			t.Fatalf("%d polls in the 100ms after a ring, the first after %v, want %v", len(polls), polls[0].at.Sub(rung), due.Sub(rung))
		}
		want := g.pace.Min
		for i := 1; i < len(polls); i++ {
			if gap := polls[i].at.Sub(polls[i-1].at); !near(gap, want) {
				t.Errorf("gap %d after a ring is %v, want %v", i, gap, want)
			}
			want = 3*want + 1
		}
	})
}

// TestGap: whoever asks, polls are never closer than the source wants them.
func TestGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGifted()
		f, _ := newFeed(t, g)
		live(t, f)
		before := len(g.polled())
		for range 1000 {
			f.Poke()
			time.Sleep(100 * time.Microsecond)
		}
		polls := g.polled()[before:]
		for i := 1; i < len(polls); i++ {
			if gap := polls[i].at.Sub(polls[i-1].at); gap < g.pace.Gap {
				t.Fatalf("two polls within %v, want a gap of %v", gap, g.pace.Gap)
			}
		}
		if len(polls) < 40 {
			t.Errorf("%d polls in 100ms of pokes, want about 50", len(polls))
		}
	})
}

// TestIntervalOfTheProgram: what the program asks for goes before what the
// source wants.
func TestIntervalOfTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGifted()
		f, _ := newFeed(t, g, listen.WithInterval(20*time.Millisecond, 20*time.Millisecond))
		live(t, f)
		time.Sleep(time.Second)
		for i, gap := range gaps(pollTimes(&g.source)) {
			if !near(gap, 20*time.Millisecond) {
				t.Errorf("gap %d is %v", i, gap)
			}
		}
	})
}

// TestAnnounce: others are told of every commit, and not too often.
func TestAnnounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGifted()
		f, _ := newFeed(t, g)
		live(t, f)
		time.Sleep(10 * time.Second)
		if n := len(g.announcements()); n > 0 {
			t.Fatalf("%d announcements of nothing", n)
		}
		committed := time.Now()
		f.Committed()
		time.Sleep(time.Second)
		got := g.announcements()
		if len(got) != 1 || got[0].Sub(committed) > g.pace.Gap {
			t.Fatalf("announced %v, want once, at %v", got, committed)
		}
		var last time.Time
		for range 1000 {
			f.Committed()
			last = time.Now()
			time.Sleep(100 * time.Microsecond)
		}
		time.Sleep(time.Second)
		got = g.announcements()[1:]
		if len(got) < 5 || len(got) > 7 {
			t.Errorf("%d announcements of 100ms of commits, want one each %v", len(got), listen.AnnounceEvery)
		}
		if d := got[len(got)-1].Sub(last); d < 0 || d > listen.AnnounceEvery {
			t.Errorf("the last commit was announced after %v", d)
		}

		g.announcedMu.Lock()
		g.fails = errBroken
		g.announcedMu.Unlock()
		f.Committed()
		time.Sleep(time.Second)
		if n := len(g.connected()); n < 2 {
			t.Error("a connection over which nothing can be announced was kept")
		}
	})
}

// TestAnnounceBetweenPolls: a commit that comes too soon after an announcement
// does not wait for the next poll.
func TestAnnounceBetweenPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGifted()
		f, _ := newFeed(t, g, never...)
		live(t, f)
		f.Committed()
		synctest.Wait()
		// Behind the announcement, which would otherwise tell this one, too.
		time.Sleep(g.pace.Gap + time.Millisecond)
		f.Committed()
		committed := time.Now()
		time.Sleep(2 * listen.AnnounceEvery)
		got := g.announcements()
		if len(got) != 2 || got[1].Sub(committed) > listen.AnnounceEvery {
			t.Errorf("announced %v, want twice, the second time at most %v after %v", got, listen.AnnounceEvery, committed)
		}
	})
}

// TestUnchecked: a poll that did not look whether capture is in place
// delivers, and renews no lease.
func TestUnchecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGifted()
		f, c := newFeed(t, g)
		live(t, f)
		time.Sleep(time.Second)
		g.set(func() { g.unchecked = func() bool { return true } })
		checked := f.Status().Sent
		g.commit()
		f.Poke()
		time.Sleep(time.Millisecond)
		synctest.Wait()
		batches := c.applied()
		last := batches[len(batches)-1]
		if len(last.Changes) != 1 || !last.Sent.Equal(checked) {
			t.Errorf("the batch of an unchecked poll is %+v, want a change, and the lease since %v", last, checked)
		}
		time.Sleep(listen.DefaultLease)
		if got := f.Status(); got.State != listen.Suspect {
			t.Errorf("a lease after the last checked poll, the feed is %v", got.State)
		}
		g.set(func() { g.unchecked = nil })
		live(t, f)
	})
}

// TestSyncChecks: who waits for what was committed waits for a poll that looks
// whether capture is in place, and has the next one look.
func TestSyncChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGifted()
		f, c := newFeed(t, g)
		live(t, f)
		time.Sleep(time.Second)
		inVain := 2 // polls that cannot look although they were asked to
		g.set(func() {
			g.unchecked = func() bool {
				if g.check {
					inVain--
				}
				return !g.check || inVain >= 0
			}
		})
		began := time.Now()
		g.commit()
		if err := f.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		batches := c.applied()
		if last := batches[len(batches)-1]; last.Sent.Before(began) {
			t.Errorf("Sync returned with a lease of %v before it was called", began.Sub(last.Sent))
		}
		time.Sleep(listen.DefaultLease)
		if got := f.Status(); got.State != listen.Suspect {
			t.Errorf("polls that nobody waits for look, too: the feed is %v", got.State)
		}
	})
}

// TestStop: a consumer that was removed is not called.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, kept := newFeed(t, s)
		gone := &consumer{t: t}
		stop := f.Subscribe(gone)
		live(t, f)
		late := &consumer{t: t}
		f.Subscribe(late)
		s.commit()
		if err := f.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		stop()
		stop()
		s.commit()
		if err := f.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		for _, want := range []struct {
			c    *consumer
			keys []any
		}{{kept, []any{0, 1}}, {gone, []any{0}}, {late, []any{0, 1}}} {
			if diff := cmp.Diff(want.keys, want.c.keys()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]listen.State{listen.Live}, want.c.told()); diff != "" {
				t.Error(diff)
			}
		}
	})
}

// TestStopWhileApplying: nor is one that was removed by another consumer of the
// same batch.
func TestStopWhileApplying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, first := newFeed(t, s)
		second := &consumer{t: t}
		stop := f.Subscribe(second)
		first.applying = func(listen.Batch) { stop() }
		live(t, f)
		if n := len(second.applied()) + len(second.told()); n > 0 {
			t.Errorf("a consumer was called %d times after it was removed", n)
		}
	})
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGifted()
		writer, _ := newFeed(t, g, never...)
		reader, _ := newFeed(t, g, never...)
		live(t, writer)
		live(t, reader)
		time.Sleep(time.Second)
		g.commit()
		token, err := writer.Token(soon(t))
		if err != nil || token != "log:1" {
			t.Fatalf("token %q, error %v", token, err)
		}
		if reached, err := reader.Reached(token); err != nil || reached {
			t.Errorf("reached %v, error %v, before a poll", reached, err)
		}
		if err := reader.WaitFor(soon(t), token); err != nil {
			t.Error(err)
		}
		if reached, err := reader.Reached(token); err != nil || !reached {
			t.Errorf("reached %v, error %v, after waiting", reached, err)
		}
		before := len(g.polled())
		if err := reader.WaitFor(soon(t), token); err != nil || len(g.polled()) != before {
			t.Errorf("error %v, %d polls for a token that is reached", err, len(g.polled())-before)
		}
		var other *listen.TokenError
		if err := reader.WaitFor(soon(t), "other:1"); !errors.As(err, &other) {
			t.Errorf("error %v for a token of another log", err)
		}
		plain, _ := newFeed(t, &source{})
		if _, err := plain.Token(soon(t)); !errors.Is(err, listen.ErrNoTokens) {
			t.Errorf("error %v of a source without tokens", err)
		}
		if err := plain.WaitFor(soon(t), token); !errors.Is(err, listen.ErrNoTokens) {
			t.Errorf("error %v of a source without tokens", err)
		}
	})
}

// TestSubscription: a subscriber that takes its time gets everything, or one
// batch that says it did not.
func TestSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, _ := newFeed(t, s)
		sub := f.Follow(listen.WithBuffer(5))
		defer sub.Close()
		live(t, f)
		first, err := sub.Next(soon(t))
		if err != nil || first.Reset != "the feed has started" {
			t.Fatalf("%+v, %v", first, err)
		}
		commit := func(n int) {
			t.Helper()
			for range n {
				s.commit()
				if err := f.Sync(soon(t)); err != nil {
					t.Fatal(err)
				}
			}
		}
		commit(5)
		for i := range 5 {
			b, err := sub.Next(soon(t))
			if err != nil || len(b.Changes) != 1 || b.Changes[0].Key != i {
				t.Fatalf("%+v, %v; want change %d", b, err, i)
			}
		}
		commit(20)
		b, err := sub.Next(soon(t))
		if err != nil || b.Reset != listen.TooSlow || b.Position.Compare(first.Position) <= 0 {
			t.Fatalf("%+v, %v; want a reset", b, err)
		}
		if b.Cursor != 23 {
			t.Errorf("the cursor of the reset is %v, want that of the last batch that it stands for", b.Cursor)
		}
		// What comes after the reset is not lost.
		next := 23
		for b, err := range sub.Batches(soon(t)) {
			if err != nil || len(b.Changes) != 1 || b.Changes[0].Key != next {
				t.Fatalf("%+v, %v; want change %d", b, err, next)
			}
			if next++; next == 25 {
				break
			}
		}

		// A reset voids what waits before it.
		commit(2)
		s.set(func() { s.reset = "test" })
		commit(1)
		if b, err := sub.Next(soon(t)); err != nil || b.Reset != "test" {
			t.Errorf("%+v, %v; want the reset", b, err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := sub.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		commit(1)
		sub.Close()
		commit(1)
		if b, err := sub.Next(soon(t)); err != nil || len(b.Changes) != 1 {
			t.Errorf("%+v, %v; want the batch that came before Close", b, err)
		}
		if _, err := sub.Next(soon(t)); !errors.Is(err, listen.ErrClosed) {
			t.Errorf("error %v", err)
		}
	})
}

func TestSubscriptionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := newFeed(t, &source{})
		sub := f.Follow()
		ended := make(chan error, 3)
		for range 2 {
			go func() {
				for {
					if _, err := sub.Next(soon(t)); err != nil {
						ended <- err
						return
					}
				}
			}()
		}
		live(t, f)
		synctest.Wait()
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := <-ended; !errors.Is(err, listen.ErrClosed) {
				t.Errorf("error %v", err)
			}
		}

		off := &source{connecting: func(context.Context) error { return &listen.NoLogError{Why: "no log"} }}
		f, _ = newFeed(t, off)
		sub = f.Follow()
		for range 3 {
			go func() {
				_, err := sub.Next(soon(t))
				ended <- err
			}()
		}
		synctest.Wait()
		f.Start()
		for range 3 {
			if err := <-ended; !errors.Is(err, listen.ErrNoLog) {
				t.Errorf("error %v", err)
			}
		}
	})
}

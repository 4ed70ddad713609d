package listen_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vantage-go/live/listen"
)

// gaps returns the times between moments.
func gaps(moments []time.Time) []time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(moments); i++ {
		gaps = append(gaps, moments[i].Sub(moments[i-1]))
	}
	return gaps
}

// since returns the gaps from poll number n on, at least two.
func since(t *testing.T, s *source, n int) []time.Duration {
	t.Helper()
	got := gaps(pollTimes(s))
	if len(got) < n+1 {
		t.Fatalf("only %d polls, want two more than %d", len(got)+1, n)
	}
	return got[n-1:]
}

func pollTimes(s *source) []time.Time {
	var times []time.Time
	for _, p := range s.polled() {
		times = append(times, p.at)
	}
	return times
}

// near reports whether a jittered time is the given one: shorter by up to a
// fifth, and never longer.
func near(got, want time.Duration) bool { return got <= want && got >= want-want/5-1 }

// TestIntervalAdapts: polls come fast while things happen and slowly when
// nothing does.
func TestIntervalAdapts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lo, hi = 10 * time.Millisecond, 100 * time.Millisecond
		s := &source{}
		f, _ := newFeed(t, s, listen.WithInterval(lo, hi))
		live(t, f)
		time.Sleep(3 * time.Second)
		got := gaps(pollTimes(s))
		want := lo
		for i, gap := range got {
			if !near(gap, want) {
				t.Errorf("idle gap %d is %v, want %v", i, gap, want)
			}
			want = min(want+want/2+1, hi)
		}
		if !near(got[len(got)-1], hi) {
			t.Errorf("idle polls are %v apart, want %v", got[len(got)-1], hi)
		}

		// Changes, and resets, bring the fast interval back.
		for _, happens := range []func(){
			s.commit,
			func() { s.set(func() { s.reset = "test" }) },
		} {
			time.Sleep(3 * time.Second)
			happens()
			before := len(s.polled())
			time.Sleep(hi + 3*lo)
			got := since(t, s, before)
			if !near(got[0], hi) || !near(got[1], lo) {
				t.Errorf("gaps around a change: %v, want %v then %v", got, hi, lo)
			}
		}

		// So does a poke, although what rang may not be there yet.
		time.Sleep(3 * time.Second)
		before := len(s.polled())
		f.Poke()
		time.Sleep(5 * lo)
		got = since(t, s, before)
		if got[0] > hi || !near(got[1], lo) {
			t.Errorf("gaps after a poke: %v", got)
		}

		// As long as changes arrive, it stays fast.
		before = len(s.polled())
		for range 50 {
			s.commit()
			time.Sleep(lo / 2)
		}
		for i, gap := range since(t, s, before)[2:] {
			if !near(gap, lo) {
				t.Errorf("gap %d under load is %v, want %v", i, gap, lo)
			}
		}
	})
}

// TestNeverSlowerThanHalfTheLease, in whatever order and however odd the
// options come, and never without a pause.
func TestNeverSlowerThanHalfTheLease(t *testing.T) {
	const lease = 10 * time.Second
	for name, opts := range map[string][]listen.Option{
		"interval first": {listen.WithInterval(time.Second, time.Hour), listen.WithLease(lease)},
		"lease first":    {listen.WithLease(lease), listen.WithInterval(time.Second, time.Hour)},
		"both too long":  {listen.WithLease(lease), listen.WithInterval(time.Hour, time.Hour)},
		"swapped":        {listen.WithLease(lease), listen.WithInterval(time.Hour, time.Second)},
		"zero":           {listen.WithLease(0), listen.WithInterval(0, 0)},
		"negative":       {listen.WithLease(-lease), listen.WithInterval(-1, -1)},
		"one nanosecond": {listen.WithLease(lease), listen.WithInterval(1, time.Second)},
		"defaults":       nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{}
				f, _ := newFeed(t, s, opts...)
				live(t, f)
				time.Sleep(10 * time.Minute)
				if got := f.Status().State; got != listen.Live {
					t.Errorf("%v", got)
				}
				times := pollTimes(s)
				if len(times) > 20_000 {
					t.Fatalf("%d polls in ten minutes", len(times))
				}
				for i, gap := range gaps(times) {
					if gap > lease/2 {
						t.Fatalf("poll %d came after %v, the lease is %v", i, gap, lease)
					}
				}
			})
		})
	}
	// The upper bound of the interval is the user's, also above the default
	// lease's half.
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, _ := newFeed(t, s, listen.WithInterval(4*time.Second, 4*time.Second), listen.WithLease(lease))
		live(t, f)
		time.Sleep(time.Minute)
		for _, gap := range gaps(pollTimes(s)) {
			if !near(gap, 4*time.Second) {
				t.Errorf("a gap of %v, want 4s", gap)
			}
		}
	})
}

// TestBackoff: attempts come ever more slowly, within bounds, until a poll
// succeeds. That a connection opens proves nothing.
func TestBackoff(t *testing.T) {
	const lo, hi = 100 * time.Millisecond, time.Second
	for name, arrange := range map[string]func(s *source){
		"connect": func(s *source) { s.connecting = func(context.Context) error { return errBroken } },
		"poll":    func(s *source) { s.asked = broken },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{}
				f, _ := newFeed(t, s, listen.WithBackoff(lo, hi))
				check := func(moments []time.Time, want time.Duration) {
					t.Helper()
					for i, gap := range gaps(moments) {
						if !near(gap, want) {
							t.Errorf("pause %d is %v, want %v", i, gap, want)
						}
						want = min(2*want, hi)
					}
					if len(moments) < 8 {
						t.Errorf("%d attempts", len(moments))
					}
				}
				arrange(s)
				f.Start()
				for range 100 {
					time.Sleep(100 * time.Millisecond)
					f.Poke() // does not shorten the pause
				}
				check(s.connected(), lo)

				s.set(func() { s.connecting, s.asked = nil, nil })
				if err := f.WaitLive(soon(t)); err != nil {
					t.Fatal(err)
				}
				// The pauses start over.
				before := len(s.connected())
				arrange(s)
				s.set(func() { s.asked = broken })
				time.Sleep(10 * time.Second)
				check(s.connected()[before:], 2*lo) // the first pause is before them
			})
		})
	}
	for name, opt := range map[string]listen.Option{
		"zero":    listen.WithBackoff(0, 0),
		"swapped": listen.WithBackoff(time.Hour, time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{}
				s.asked = broken
				f, _ := newFeed(t, s, opt, listen.WithDeadline(0), listen.WithLogger(nil))
				f.Start()
				time.Sleep(time.Minute)
				if n := len(s.connected()); n < 5 || n > 100 {
					t.Errorf("%d attempts in a minute", n)
				}
			})
		})
	}
}

// TestJitter: processes that start together do not poll in step.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		f, _ := newFeed(t, s, listen.WithInterval(100*time.Millisecond, 100*time.Millisecond))
		live(t, f)
		time.Sleep(10 * time.Second)
		seen := map[time.Duration]bool{}
		for _, gap := range gaps(pollTimes(s)) {
			seen[gap] = true
		}
		if len(seen) < 50 {
			t.Errorf("only %d different gaps", len(seen))
		}
	})
}

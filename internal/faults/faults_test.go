package faults

import (
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// verdict is what must be true after a fault.
type verdict uint8

const (
	// kept: the log proves that nothing was missed, so nothing is forgotten.
	kept verdict = iota
	// reset: it cannot, so everything is.
	reset
)

// fault breaks something, calls hold while it is broken, and repairs it.
type fault struct {
	name    string
	verdict func(e engine) verdict
	lost    bool // the feed must notice
	do      func(r *rig, hold func())
	skip    func(e engine) string
}

func always(v verdict) func(engine) verdict { return func(engine) verdict { return v } }

// transport are the faults of the way between the feed and the server.
func transport() []fault {
	heal := func(r *rig) {
		if err := r.proxy.Heal(); err != nil {
			r.t.Fatal(err)
		}
	}
	return []fault{
		{name: "cut", verdict: always(kept), do: func(r *rig, hold func()) { r.proxy.Reset(); hold() }},
		{name: "refused", verdict: always(kept), lost: true, do: func(r *rig, hold func()) {
			if err := r.proxy.Refuse(); err != nil {
				r.t.Fatal(err)
			}
			r.proxy.Reset()
			hold()
			heal(r)
		}},
		{name: "black hole", verdict: always(kept), lost: true, do: func(r *rig, hold func()) {
			r.proxy.Blackhole()
			hold()
			heal(r)
		}},
		{name: "half open to the client", verdict: always(kept), lost: true, do: func(r *rig, hold func()) {
			r.proxy.HalfOpen(server.ToClient)
			hold()
			heal(r)
		}},
		{name: "half open to the server", verdict: always(kept), lost: true, do: func(r *rig, hold func()) {
			r.proxy.HalfOpen(server.ToServer)
			hold()
			heal(r)
		}},
		{name: "held", verdict: always(kept), lost: true, do: func(r *rig, hold func()) {
			r.proxy.Hold()
			hold()
			heal(r)
		}},
	}
}

// servers are the faults of the server and of what is in it.
func servers() []fault {
	fatal := func(r *rig, err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
	}
	return []fault{
		{name: "frozen", verdict: always(kept), lost: true, do: func(r *rig, hold func()) {
			fatal(r, r.server.Pause())
			hold()
			fatal(r, r.server.Resume())
		}},
		{name: "restarted", verdict: func(e engine) verdict {
			if e.endures {
				return kept
			}
			return reset
		}, lost: true, do: func(r *rig, hold func()) {
			fatal(r, r.server.Stop(r.soon()))
			hold()
			fatal(r, r.server.Start(r.soon()))
		}},
		{name: "killed", verdict: always(reset), lost: true, do: func(r *rig, hold func()) {
			fatal(r, r.server.Kill())
			hold()
			fatal(r, r.server.Start(r.soon()))
		}},
		{name: "a process of the server crashed", verdict: always(reset), do: func(r *rig, hold func()) {
			fatal(r, r.engine.crash(r.soon(), r.plain))
			hold()
		}, skip: func(e engine) string {
			if e.crash == nil {
				return "the server is one process"
			}
			return ""
		}},
		{name: "pruned below the cursor", verdict: always(reset), lost: true, do: func(r *rig, hold func()) {
			r.proxy.Blackhole()
			hold()
			r.alone(func() { fatal(r, r.engine.prune(r.soon(), r.plain)) })
			fatal(r, r.proxy.Heal())
		}},
		{name: "capture removed", verdict: always(reset), do: func(r *rig, hold func()) {
			r.must(r.engine.uncover...)
			hold()
			r.install()
		}},
		{name: "swapped by rename", verdict: always(reset), do: func(r *rig, hold func()) {
			r.alone(func() { r.must(r.engine.swap...) })
			hold()
			r.install()
		}},
		{name: "slow consumer", verdict: always(kept), do: func(r *rig, hold func()) {
			busy := make(chan struct{})
			stop := r.live.Feed().Subscribe(slow{busy})
			hold()
			close(busy)
			stop()
		}},
	}
}

// slow is a consumer that applies until busy is closed.
type slow struct{ busy chan struct{} }

func (s slow) Apply(listen.Batch)   { <-s.busy }
func (s slow) Changed(listen.State) {}

// TestFaults breaks everything while the feed is live.
func TestFaults(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(r *rig) {
		t := r.t
		r.open()
		for _, f := range append(transport(), servers()...) {
			t.Run(f.name, func(t *testing.T) {
				if f.skip != nil && f.skip(r.engine) != "" {
					t.Log("not tried:", f.skip(r.engine))
					return
				}
				r.inTime(t, func() time.Duration { return r.try(f) })
			})
		}
	})
}

// in returns the rig for a subtest, with nothing judged yet.
func (r *rig) in(t *testing.T) *rig {
	t.Helper()
	r.t = t
	r.judged.Store(0)
	r.hits.Store(0)
	r.stale.Store(0)
	r.worst.Store(0)
	r.broken.Store(nil)
	return r
}

// age waits until a further start of the server could be told from the last one.
func (r *rig) age() {
	r.t.Helper()
	for ctx, seconds := r.soon(), 0; r.engine.uptime != "" && seconds < 4; sleep(ctx, 100*time.Millisecond) {
		var name string
		if err := r.plain.QueryRowContext(ctx, r.engine.uptime).Scan(&name, &seconds); err != nil {
			r.t.Fatal(err)
		}
	}
}

// inTime runs try until the feed was live again soon enough, three times at
// most. A busy machine makes one of them late, a feed that waits for something
// it need not wait for is late each time. Everything else is judged each time.
func (r *rig) inTime(t *testing.T, try func() time.Duration) {
	t.Helper()
	var took []time.Duration
	for range 3 {
		r.in(t)
		last := try()
		if took = append(took, last); last <= healed || last <= time.Duration(float64(healed)*server.Slowdown(t)) {
			return
		}
	}
	t.Errorf("the feed was live again after %v, want %v", took, healed)
}

// try breaks a live feed, and returns how long it took to be live again.
func (r *rig) try(f fault) (took time.Duration) {
	r.t.Helper()
	r.age()
	r.cached()
	before := r.live.Feed().Status()
	r.during(func() {
		sleep(r.t.Context(), 100*time.Millisecond)
		lost := r.states.count(listen.Lost)
		f.do(r, func() {
			if f.lost {
				r.states.wait(r.t, listen.Lost, lost)
			}
			sleep(r.t.Context(), outage)
		})
		took = r.heals(time.Now())
		r.cached()
		hits := r.hits.Load()
		for ctx := r.soon(); r.hits.Load() == hits; sleep(ctx, 10*time.Millisecond) {
			if ctx.Err() != nil {
				r.t.Fatal("nothing is answered from memory after the fault")
			}
		}
	})
	r.verdict(f, before)
	return took
}

// heals waits until the feed is live, and returns how long that took.
func (r *rig) heals(since time.Time) time.Duration {
	r.t.Helper()
	if err := r.live.Feed().WaitLive(r.soon()); err != nil {
		r.t.Fatal(err)
	}
	took := time.Since(since)
	r.t.Logf("live again after %v", took.Round(time.Millisecond))
	return took
}

func (r *rig) verdict(f fault, before listen.Status) {
	r.t.Helper()
	after := r.live.Feed().Status()
	switch resets := after.Resets - before.Resets; {
	case f.verdict(r.engine) == kept && resets > 0:
		r.t.Errorf("everything was forgotten %d times, the last time because %s", resets, after.LastReset)
	case f.verdict(r.engine) == reset && resets == 0:
		r.t.Error("nothing was forgotten, although changes may have been missed")
	}
}

// TestFaultsAtEdges breaks the way to the server at each change of the feed's
// state but those out of Live.
func TestFaultsAtEdges(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(r *rig) {
		t := r.t
		for _, f := range transport() {
			t.Run("cold/"+f.name, func(t *testing.T) {
				r.inTime(t, func() (took time.Duration) {
					f.do(r, func() {
						r.open()
						r.during(func() { sleep(t.Context(), outage) })
					})
					r.during(func() {
						took = r.heals(time.Now())
						r.cached()
					})
					return took
				})
			})
			for _, state := range []listen.State{listen.CatchingUp, listen.Lost} {
				t.Run(state.String()+"/"+f.name, func(t *testing.T) {
					r.inTime(t, func() (took time.Duration) {
						r.open()
						r.cached()
						before := r.live.Feed().Status()
						r.during(func() {
							n := r.states.count(state)
							r.proxy.Reset()
							r.states.wait(t, state, n)
							f.do(r, func() { sleep(t.Context(), outage) })
							took = r.heals(time.Now())
							r.cached()
						})
						r.verdict(f, before)
						return took
					})
				})
			}
		}
	})
}

// TestReattach: when one process puts lost triggers back, every process
// forgets what it read while they were gone.
func TestReattach(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(r *rig) {
		t := r.t
		r.open()
		r.cached()
		r.config.Install = listen.InstallAuto
		other := r.another()
		if err := other.WaitCached(r.soon(), r.engine.read, 0); err != nil {
			t.Fatal(err)
		}
		one, two := r.live.Feed().Status().Resets, other.Feed().Status().Resets
		r.during(func() {
			r.must(r.engine.uncover...)
			// The other one installs by itself.
			for ctx := r.soon(); r.live.Feed().Status().Resets == one || other.Feed().Status().Resets == two; {
				if ctx.Err() != nil {
					t.Fatalf("%d and %d resets", r.live.Feed().Status().Resets-one, other.Feed().Status().Resets-two)
				}
				sleep(ctx, 10*time.Millisecond)
			}
			r.cached()
			if err := other.WaitCached(r.soon(), r.engine.read, 0); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// TestJudge: the judge notices a feed that misses changes.
func TestJudge(t *testing.T) {
	r := &rig{t: t}
	now := time.Now()
	for i := range r.acks {
		r.acks[i] = map[int64]time.Time{1: now.Add(-2 * lease), 2: now.Add(-lease / 2)}
	}
	for _, c := range []struct {
		n     int64
		stale int64
	}{{2, 0}, {1, 0}, {0, 1}} {
		r.in(t).judge(0, c.n, now)
		if got := r.stale.Load(); got != c.stale {
			t.Errorf("version %d: %d stale reads, want %d", c.n, got, c.stale)
		}
	}
}

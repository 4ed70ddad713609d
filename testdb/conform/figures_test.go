package conform

import (
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

func TestFigures(t *testing.T) {
	for name, e := range map[string]Engine{"sqlite": sqliteEngine(nil), "reference": referenceEngine(nil)} {
		t.Run(name, func(t *testing.T) {
			latency := Latency(t, e, LatencyOptions{Duration: 500 * time.Millisecond, Writers: 4})
			t.Log(latency)
			if latency.Commits < 4 || latency.N != latency.Commits || latency.P50 > latency.P99 || latency.Max <= 0 {
				t.Errorf("latency: %+v", latency)
			}
			throughput := Throughput(t, e, ThroughputOptions{Duration: 500 * time.Millisecond, Rate: 4000})
			t.Log(throughput)
			if throughput.Rows < 250 || throughput.PerSecond <= 0 || throughput.PerSecond > 9000 {
				t.Errorf("throughput: %+v", throughput)
			}
			idle := Idle(t, e, 500*time.Millisecond, listen.WithInterval(20*time.Millisecond, 40*time.Millisecond))
			t.Log(idle)
			// Slow machines poll less often, none does more often.
			if idle.PollsPerSecond <= 0 || idle.PollsPerSecond > 60 {
				t.Errorf("idle: %+v", idle)
			}
		})
	}
}

// A feed that tells late has a greater latency.
func TestLatencyIsMeasured(t *testing.T) {
	e := sqliteEngine(nil)
	slow := Latency(t, e, LatencyOptions{Duration: 500 * time.Millisecond, Writers: 2, Every: 10 * time.Millisecond, Feed: []listen.Option{
		listen.WithInterval(250*time.Millisecond, 250*time.Millisecond),
	}})
	if slow.P50 < 40*time.Millisecond {
		t.Errorf("a feed that polls every 250 ms: %v", slow)
	}
}

// Rows that do not come by their keys are found.
func TestFiguresCatchFlaws(t *testing.T) {
	for name, c := range map[string]struct {
		poll func() pollFunc
		want string
	}{
		"marks":  {edit(func(d *listen.Delta) { markAll(d) }), "marks came in place of keys"},
		"resets": {edit(func(d *listen.Delta) { d.Changes, d.Reset = nil, "whatever" }), "resets and"},
	} {
		e := withFlaw(sqliteEngine(nil), c.poll)
		complaints := record(t, func(tb testing.TB) {
			tb.Helper()
			Latency(tb, e, LatencyOptions{Duration: 200 * time.Millisecond, Writers: 2})
		})
		if len(complaints) == 0 {
			t.Errorf("%s: a feed without keys passes", name)
		}
		wantComplaint(t, complaints, c.want)
		complaints = record(t, func(tb testing.TB) {
			tb.Helper()
			Throughput(tb, e, ThroughputOptions{Duration: 200 * time.Millisecond, Writers: 2})
		})
		wantComplaint(t, complaints, c.want)
	}
}

func markAll(d *listen.Delta) {
	for i := range d.Changes {
		d.Changes[i].Op, d.Changes[i].Key = listen.Whole, nil
	}
}

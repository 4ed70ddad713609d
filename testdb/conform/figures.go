package conform

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

// LatencyOptions configure [Latency]. Zero values stand for the defaults.
type LatencyOptions struct {
	// Duration is how long the writers write: 2 s. Writers is how many: 16.
	Duration time.Duration
	Writers  int
	// Every is the time from one statement of a writer to its next: 50 ms.
	Every time.Duration
	// Feed are options of the feed.
	Feed []listen.Option
}

// LatencyFigures is what [Latency] has measured.
type LatencyFigures struct {
	// Commits were acknowledged. Latencies are those from the acknowledgement
	// of a commit to the end of the subscriber's Apply, 0 if that was first.
	Commits int
	Latencies
}

func (f LatencyFigures) String() string {
	return fmt.Sprintf("%d commits, acknowledged to applied: %v", f.Commits, f.Latencies)
}

// Latency measures how long it takes until a subscriber of a [listen.Feed] has
// applied what was committed elsewhere. Writers insert single rows, each in a
// transaction of its own. It fails tb if a row never came by its key.
func Latency(tb testing.TB, e Engine, options LatencyOptions) LatencyFigures {
	tb.Helper()
	duration, every := positive(options.Duration, 2*time.Second), positive(options.Every, 50*time.Millisecond)
	writers := positive(options.Writers, 16)
	db := e.open(tb)
	s := subscribe(tb, db, options.Feed)
	defer s.close()
	ctx, cancel := context.WithTimeout(tb.Context(), duration)
	defer cancel()
	rows := s.write(ctx, writers, every, func(n int) []int64 { return series(firstFresh+int64(n), 1) })
	acked := s.await(rows)
	var all []time.Duration
	s.appliedMu.Lock()
	defer s.appliedMu.Unlock()
	for id, at := range acked {
		if applied, ok := s.applied[id]; ok {
			all = append(all, max(0, applied.Sub(at)))
		}
	}
	return LatencyFigures{Commits: len(acked), Latencies: LatenciesOf(all)}
}

// ThroughputOptions configure [Throughput]. Zero values stand for the
// defaults.
type ThroughputOptions struct {
	// Duration is how long the writers write: 2 s. Writers is how many: 4.
	Duration time.Duration
	Writers  int
	// Rows is how many rows a statement inserts: 250.
	Rows int
	// Rate is how many rows are to be inserted in a second by all writers:
	// 12,000. The database may be slower.
	Rate int
	// Feed are options of the feed.
	Feed []listen.Option
}

// ThroughputFigures is what [Throughput] has measured.
type ThroughputFigures struct {
	// Rows were inserted, and told by their keys, within Elapsed: from the
	// first statement to the last Apply.
	Rows    int
	Elapsed time.Duration
	// PerSecond is their quotient. CPU is how many cores this process used
	// meanwhile, for writing and reading.
	PerSecond, CPU float64
}

func (f ThroughputFigures) String() string {
	return fmt.Sprintf("%d rows in %v: %.0f rows/s by their keys, %.2f cores", f.Rows, f.Elapsed.Round(time.Millisecond), f.PerSecond, f.CPU)
}

// Throughput measures how many changed rows a second reach a subscriber of a
// [listen.Feed], each by its key. It fails tb if one did not come.
func Throughput(tb testing.TB, e Engine, options ThroughputOptions) ThroughputFigures {
	tb.Helper()
	duration := positive(options.Duration, 2*time.Second)
	writers, size, rate := positive(options.Writers, 4), positive(options.Rows, 250), positive(options.Rate, 12_000)
	db := e.open(tb)
	s := subscribe(tb, db, options.Feed)
	defer s.close()
	ctx, cancel := context.WithTimeout(tb.Context(), duration)
	defer cancel()
	start, used := time.Now(), ProcessorTime()
	every := time.Duration(float64(time.Second) * float64(size*writers) / float64(rate))
	rows := s.write(ctx, writers, every, func(n int) []int64 { return series(firstFresh+int64(n*size), size) })
	acked := s.await(rows)
	elapsed := time.Since(start)
	return ThroughputFigures{
		Rows: len(acked), Elapsed: elapsed, PerSecond: float64(len(acked)) / elapsed.Seconds(),
		CPU: (ProcessorTime() - used).Seconds() / elapsed.Seconds(),
	}
}

// IdleFigures is what [Idle] has measured.
type IdleFigures struct {
	Elapsed time.Duration
	// PollsPerSecond is how often the feed polled, CPU how many cores this
	// process used; 0 where the system does not tell.
	PollsPerSecond, CPU float64
}

func (f IdleFigures) String() string {
	return fmt.Sprintf("%.1f polls/s and %.2f%% of a core in %v", f.PollsPerSecond, 100*f.CPU, f.Elapsed.Round(time.Millisecond))
}

// Idle measures what a [listen.Feed] costs for d while nothing happens. Nothing
// else must run in the process.
func Idle(tb testing.TB, e Engine, d time.Duration, options ...listen.Option) IdleFigures {
	tb.Helper()
	db := e.open(tb)
	s := subscribe(tb, db, options)
	defer s.close()
	sleep(tb.Context(), min(d/4, 2*time.Second)) // polls get slower by and by
	start, used, polls := time.Now(), ProcessorTime(), s.feed.Status().Polls
	sleep(tb.Context(), d)
	elapsed := time.Since(start)
	return IdleFigures{
		Elapsed:        elapsed,
		PollsPerSecond: float64(s.feed.Status().Polls-polls) / elapsed.Seconds(),
		CPU:            (ProcessorTime() - used).Seconds() / elapsed.Seconds(),
	}
}

func positive[N int | time.Duration](n, standard N) N {
	if n > 0 {
		return n
	}
	return standard
}

package onengines_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/testdb/conform"
)

// TestLatency measures, in one run, how long it takes from the acknowledgement
// of another program's commit until the feed has heard of it, and until a live
// table has told of it: with readings that tell what has changed, and without,
// as they wait for the feed once more. In full length (LIVESQL_LONG=1) the table
// may be behind the feed by 5 ms at p50; in the gate the figures are only
// printed.
func TestLatency(t *testing.T) {
	t.Parallel()
	const bound = 5 * time.Millisecond
	commits := 20
	if conform.Long() {
		commits = 300
	}
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		for _, asks := range []bool{false, true} {
			t.Run(map[bool]string{false: "telling", true: "asking"}[asks], func(t *testing.T) {
				e.asks = asks
				l := measureLatency(t, newRig(t, e, e.items("item")), commits)
				t.Logf("feed %v; table %v; the table behind the feed %v; %.1f statements, %v of processor time for each event",
					l.feed, l.table, l.behind, l.statements, l.processor)
				if behind := l.behind.P50; conform.Long() && !asks && behind > bound {
					t.Errorf("the table is %v behind the feed, want %v at most", behind, bound)
				}
			})
		}
	})
}

// latency is how long events take.
type latency struct {
	feed, table, behind conform.Latencies
	// statements and processor time, of everybody here, are those of one event.
	statements float64
	processor  time.Duration
}

func measureLatency(t *testing.T, r *rig, commits int) latency {
	t.Helper()
	r.exec(t, "INSERT INTO item (id, grp, name) VALUES (1, 0, 'x')")
	l := live[int64, row](t, r, "item")
	synchronize(t, l) // so that the feed has told of the insert
	told := make(chan time.Time, 1)
	l.OnRemoteChange(func(int64) { told <- time.Now() })
	heard := make(heard, 1)
	defer r.db.Feed.Subscribe(heard)()
	var feed, events, behind []time.Duration
	sent, used := r.sent.Load(), conform.ProcessorTime()
	for i := range commits {
		r.exec(t, fmt.Sprintf("UPDATE item SET grp = %d WHERE id = 1", i+1))
		committed := time.Now()
		at, atFeed := <-told, <-heard
		feed = append(feed, atFeed.Sub(committed))
		events = append(events, at.Sub(committed))
		behind = append(behind, at.Sub(atFeed))
	}
	n := time.Duration(commits)
	return latency{
		feed: conform.LatenciesOf(feed), table: conform.LatenciesOf(events), behind: conform.LatenciesOf(behind),
		statements: float64(r.sent.Load()-sent) / float64(commits),
		processor:  ((conform.ProcessorTime() - used) / n).Round(time.Microsecond),
	}
}

// heard notes when the feed has heard of a change.
type heard chan time.Time

func (h heard) Apply(b listen.Batch) {
	if len(b.Changes) > 0 {
		h <- time.Now()
	}
}

func (h heard) Changed(listen.State) {}

// BenchmarkLoad loads rows into a live table, and with sqlx, in turns: ratio is how
// much longer it takes, and memory how much more the table takes than a slice of
// the same structs. In full length (LIVESQL_LONG=1) it is a million rows.
func BenchmarkLoad(b *testing.B) {
	rows := 200_000
	if conform.Long() {
		rows = 1_000_000
	}
	for _, e := range engines() {
		if e.name == "sqlite without wal" {
			continue
		}
		b.Run(e.name, func(b *testing.B) {
			r := newRig(b, e, filled("much", rows)...)
			plain := sqlx.NewDb(r.db.DB, "")
			var loading, baseline time.Duration
			for b.Loop() {
				took, taken := loadMuch(b, r, rows)
				loading += took
				before := inUse()
				begun := time.Now()
				var all []much
				if err := plain.SelectContext(b.Context(), &all, "SELECT id, grp, name, n, m FROM much"); err != nil {
					b.Fatal(err)
				}
				baseline += time.Since(begun)
				all = slices.Clone(all) // without room for more
				b.ReportMetric(float64(taken)/float64(inUse()-before), "memory")
				runtime.KeepAlive(all)
			}
			b.ReportMetric(float64(loading)/float64(baseline), "ratio")
			b.ReportMetric(float64(loading)/float64(b.N*rows), "ns/row")
		})
	}
}

// loadMuch loads a table, and tells how long it takes and how much memory.
func loadMuch(b *testing.B, r *rig, rows int) (took time.Duration, taken uint64) {
	b.Helper()
	before, begun := inUse(), time.Now()
	l, err := table.OpenTable[int64, much](b.Context(), r.db, "much")
	if err != nil {
		b.Fatal(err)
	}
	took = time.Since(begun)
	taken = inUse() - before
	if l.Len() != rows {
		b.Fatal(l.Len())
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	return took, taken
}

// much is a row of which there are many.
type much struct {
	ID   int64  `db:"id"`
	Grp  int64  `db:"grp"`
	Name string `db:"name"`
	N    int64  `db:"n"`
	M    *int64 `db:"m"`
}

// filled returns the statements that make a table of so many rows: before it is
// captured.
func filled(name string, rows int) []string {
	const first = 1000
	values := make([]string, first)
	for i := range first {
		values[i] = fmt.Sprintf("(%d, %d, 'name %d', %d, NULL)", i, i%7, i, i)
	}
	all := []string{
		"CREATE TABLE " + name + " (id BIGINT NOT NULL PRIMARY KEY, grp BIGINT NOT NULL, name VARCHAR(60) NOT NULL, n BIGINT NOT NULL, m BIGINT)",
		fmt.Sprintf("INSERT INTO %s VALUES %s", name, strings.Join(values, ", ")),
	}
	for n := first; n < rows; n *= 2 {
		all = append(all, fmt.Sprintf("INSERT INTO %s SELECT id + %d, grp, name, n, m FROM %s WHERE id < %d", name, n, name, rows-n))
	}
	return all
}

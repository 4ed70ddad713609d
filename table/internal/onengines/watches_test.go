package onengines_test

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/testdb/conform"
)

// purchase is a row of what many watch, each some of it.
type purchase struct {
	ID       int64 `db:"id,pk"`
	Customer int64 `db:"customer"`
	Amount   int64 `db:"amount"`
}

// manner is a way in which many watch the purchases.
type manner struct {
	name  string
	query func(r *rig, customer int) table.Query
}

var manners = []manner{
	{"identical", func(r *rig, _ int) table.Query { return r.purchasesOf(7) }},
	{"shape", func(r *rig, customer int) table.Query { return r.purchasesOf(customer) }},
	{"texts", func(_ *rig, customer int) table.Query {
		return table.Query{Text: fmt.Sprintf("SELECT id, customer, amount FROM purchase WHERE customer = %d ORDER BY id", customer)}
	}},
	{"sums", func(r *rig, customer int) table.Query {
		text := "SELECT customer AS id, customer, CAST(sum(amount) AS " + r.integer() + ") AS amount FROM purchase WHERE customer = " + r.mark() + " GROUP BY customer"
		return table.Query{Text: text, Args: []any{customer}}
	}},
}

// mark is the placeholder of the first argument.
func (e *engine) mark() string {
	if e.dialect.Flavor() == dialects.Postgres {
		return "$1"
	}
	return "?"
}

func (r *rig) purchasesOf(customer int) table.Query {
	return table.Query{Text: "SELECT id, customer, amount FROM purchase WHERE customer = " + r.mark() + " ORDER BY id", Args: []any{customer}}
}

// watched are many watches, and what they cost.
type watched struct {
	all []*table.LiveQuery[purchase]

	goroutines, bytes float64       // per watch
	idle              float64       // processor time of this process per second
	sent              float64       // statements for each change
	behind            time.Duration // from a commit until the watch that it concerns shows it, at worst
}

// watchMany opens n watches, and measures what they cost.
func watchMany(tb testing.TB, r *rig, m manner, n int) *watched {
	tb.Helper()
	w := &watched{all: make([]*table.LiveQuery[purchase], n)}
	goroutines, bytes := runtime.NumGoroutine(), inUse()
	var opening sync.WaitGroup
	failed := make([]error, n)
	for part := range 4 {
		opening.Go(func() {
			for i := part; i < n; i += 4 {
				w.all[i], failed[i] = table.Watch[purchase](tb.Context(), r.db, m.query(r, i))
			}
		})
	}
	opening.Wait()
	for _, err := range failed {
		if err != nil {
			tb.Fatal(err)
		}
	}
	w.sync(tb)
	w.goroutines = float64(runtime.NumGoroutine()-goroutines) / float64(n)
	w.bytes = float64(inUse()-bytes) / float64(n)
	begun, used := time.Now(), processorTime(tb)
	<-time.After(time.Second)
	w.idle = float64(processorTime(tb)-used) / float64(time.Since(begun))

	const changes = 5
	before := r.sent.Load()
	for i := range changes {
		q := w.all[7]
		version := q.Version()
		begun := time.Now()
		r.exec(tb, fmt.Sprintf("UPDATE purchase SET amount = amount + %d WHERE id = 7", i+1))
		for q.Version() == version {
			select {
			case <-q.Changes():
			case <-tb.Context().Done():
				tb.Fatal("a change is not shown")
			}
		}
		w.behind = max(w.behind, time.Since(begun))
	}
	w.sync(tb)
	w.sent = float64(r.sent.Load()-before) / changes
	return w
}

// sync waits until all show everything.
func (w *watched) sync(tb testing.TB) {
	tb.Helper()
	var all sync.WaitGroup
	for part := range 16 {
		all.Go(func() {
			for i := part; i < len(w.all); i += 16 {
				if err := w.all[i].Sync(soon(tb)); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func (w *watched) close(tb testing.TB) {
	tb.Helper()
	for _, q := range w.all {
		if err := q.Close(); err != nil {
			tb.Error(err)
		}
	}
}

func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// processorTime is what this process has used.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// purchases is a database in which every customer has bought something.
func purchases(tb testing.TB, e engine, customers int) *rig {
	tb.Helper()
	r := newRig(tb, e, "CREATE TABLE purchase (id BIGINT NOT NULL PRIMARY KEY, customer BIGINT NOT NULL, amount BIGINT NOT NULL)",
		"CREATE INDEX by_customer ON purchase (customer)")
	r.db.DB.SetMaxOpenConns(4) // as for the tables of a handle
	r.db.DB.SetMaxIdleConns(4)

	const rows = 500 // of one statement
	for from := 0; from < customers; from += rows {
		statement := "INSERT INTO purchase VALUES "
		for i := from; i < min(from+rows, customers); i++ {
			if i > from {
				statement += ", "
			}
			statement += fmt.Sprintf("(%d, %d, 1)", i, i)
		}
		r.exec(tb, statement)
	}
	return r
}

// BenchmarkWatches tells what many watches cost: idle, and for each change of a
// row that concerns one of them.
func BenchmarkWatches(b *testing.B) {
	for _, e := range engines() {
		if e.name == "sqlite without wal" {
			continue
		}
		for _, m := range manners {
			for _, n := range []int{100, 1000, 20_000} {
				if n == 20_000 && m.name != "identical" && m.name != "shape" {
					continue
				}
				b.Run(fmt.Sprintf("%s/%s/%d", e.name, m.name, n), func(b *testing.B) {
					r := purchases(b, e, n)
					for b.Loop() {
						w := watchMany(b, r, m, n)
						b.ReportMetric(w.sent, "statements/change")
						b.ReportMetric(w.idle, "cores-idle")
						b.ReportMetric(w.goroutines, "goroutines/watch")
						b.ReportMetric(w.bytes, "B/watch")
						b.ReportMetric(float64(w.behind.Milliseconds()), "ms-behind")
						w.close(b)
					}
				})
			}
		}
	}
}

// BenchmarkTables tells what many live tables of one table cost, each with a
// condition of its own, for each change of a row that concerns one of them: where
// the package tells which, and where only the database can; beside one table alone.
func BenchmarkTables(b *testing.B) {
	for _, e := range engines() {
		if e.name == "sqlite without wal" {
			continue
		}
		for _, kind := range []struct {
			name, where string
			tables      int
		}{{"one", "customer = ?", 1}, {"told", "customer = ?", 100}, {"judged", "customer + 0 = ?", 100}} {
			b.Run(fmt.Sprintf("%s/%s", e.name, kind.name), func(b *testing.B) {
				r := purchases(b, e, 1000)
				all := make([]*table.LiveTable[int64, purchase], kind.tables)
				for i := range all {
					var err error
					if all[i], err = table.OpenTable[int64, purchase](b.Context(), r.db, "purchase", table.Where(kind.where, i)); err != nil {
						b.Fatal(err)
					}
				}
				settle := func() {
					for _, l := range all {
						if err := l.Sync(soon(b)); err != nil {
							b.Fatal(err)
						}
					}
				}
				changes, concerned := 0, all[0]
				change := func() time.Duration {
					changes++
					version, begun := concerned.Version(), time.Now()
					r.exec(b, fmt.Sprintf("UPDATE purchase SET amount = %d WHERE id = 0", changes+1))
					for concerned.Version() == version {
						<-concerned.Changes()
					}
					return time.Since(begun)
				}
				change()
				settle()
				var behind []time.Duration
				sent, picking := r.sent.Load(), r.picking.Load()
				before := processorTime(b)
				for b.Loop() {
					behind = append(behind, change())
					if len(behind)%10 == 0 {
						settle()
					}
				}
				settle()
				n := float64(len(behind))
				b.ReportMetric(float64(r.sent.Load()-sent)/n, "statements/change")
				b.ReportMetric(float64(r.picking.Load()-picking)/n, "rereads/change")
				b.ReportMetric(float64((processorTime(b)-before).Microseconds())/n, "µs-processor/change")
				l := conform.LatenciesOf(behind)
				b.ReportMetric(float64(l.P50.Microseconds()), "µs-p50")
				for _, l := range all {
					if err := l.Close(); err != nil {
						b.Error(err)
					}
				}
			})
		}
	}
}

package table

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// wide is a row of a usual size.
type wide struct {
	ID    int64  `db:"id,pk"`
	Name  string `db:"name"`
	City  string `db:"city"`
	Email string `db:"email"`
	A     int64  `db:"a"`
	B     int64  `db:"b"`
	C     int64  `db:"c"`
	D     int64  `db:"d"`
	F     float64
}

const benchRows = 1_000_000

// BenchmarkGet reads rows with random keys from a live table of a million, and
// from a plain map of the same rows: ratio is how much longer it takes. The
// second time, 10,000 rows change every second.
func BenchmarkGet(b *testing.B) {
	live, m, plain := benchTable(b)
	keys := make([]int64, 1<<21)
	for i := range keys {
		keys[i] = rand.Int64N(benchRows)
	}
	var sum int64
	at := 0
	for _, changes := range []bool{false, true} {
		name := "idle"
		if changes {
			name = "changing"
		}
		b.Run(name, func(b *testing.B) {
			stop, changed := make(chan struct{}), make(chan int, 1)
			go func() {
				n := 0
				if changes {
					n = change(m, stop)
				}
				changed <- n
			}()
			began := time.Now()
			b.ReportAllocs()
			var table, baseline time.Duration
			for b.Loop() {
				// In turns, so that both have the same of the machine.
				begun := time.Now()
				for _, k := range keys[at : at+4096] {
					row, ok := live.Get(k)
					use(row, ok)
				}
				between := time.Now()
				for _, k := range keys[at+4096 : at+8192] {
					row, ok := plain[k]
					use(row, ok)
				}
				table += between.Sub(begun)
				baseline += time.Since(between)
				at = (at + 8192) % len(keys)
			}
			close(stop)
			b.ReportMetric(float64(<-changed)/time.Since(began).Seconds(), "changes/s")
			b.ReportMetric(float64(table)/float64(b.N*4096), "ns/get")
			b.ReportMetric(float64(table)/float64(baseline), "ratio")
		})
	}
	b.Run("snapshot", func(b *testing.B) {
		for b.Loop() {
			sum += int64(live.Snapshot().Len())
		}
	})
	runtime.KeepAlive(sum)
}

// use is what programs do with a row.
//
//go:noinline
func use(wide, bool) {}

// change changes 100 rows every 10 ms, and returns how many it has changed. What
// it allocates counts as the benchmark's.
func change(m *Memory[int64, wide], stop <-chan struct{}) int {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for n := int64(1); ; n++ {
		select {
		case <-stop:
			return int(n-1) * 100
		case <-ticker.C:
		}
		m.Commit(func(tx *MemoryTx[int64, wide]) {
			for range 100 {
				tx.Set(wide{ID: rand.Int64N(benchRows), A: n})
			}
		})
	}
}

func benchTable(b *testing.B) (*LiveTable[int64, wide], *Memory[int64, wide], map[int64]wide) {
	b.Helper()
	schema, err := NewSchema[int64, wide]("wide")
	if err != nil {
		b.Fatal(err)
	}
	m := NewMemory(schema, MemoryConfig[wide]{})
	plain := make(map[int64]wide)
	m.Commit(func(tx *MemoryTx[int64, wide]) {
		for i := range int64(benchRows) {
			tx.Set(wide{ID: i})
		}
	})
	for k, row := range m.rows.All() {
		plain[k] = *row
	}
	live, err := Open(b.Context(), m)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = live.Close() })
	return live, m, plain
}

// BenchmarkMemory tells how much memory a table of a million rows takes for
// each byte of its structs.
func BenchmarkMemory(b *testing.B) {
	schema, err := NewSchema[int64, wide]("wide")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		before := inUse()
		live, err := Open(b.Context(), rowsOf{NewMemory(schema, MemoryConfig[wide]{})})
		if err != nil {
			b.Fatal(err)
		}
		used := inUse() - before
		b.ReportMetric(float64(used)/benchRows, "B/row")
		b.ReportMetric(float64(used)/benchRows/104, "ratio") // unsafe.Sizeof(wide{})
		_ = live.Close()
	}
}

func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// rowsOf makes its rows when they are loaded, as a database does.
type rowsOf struct{ *Memory[int64, wide] }

func (r rowsOf) Open(ctx context.Context) (Reading[int64, wide], error) {
	reading, err := r.Memory.Open(ctx)
	return madeUp{reading}, err
}

type madeUp struct{ Reading[int64, wide] }

func (madeUp) Load(_ context.Context, yield func(int64, *wide) error) error {
	for i := range int64(benchRows) {
		if err := yield(i, &wide{ID: i}); err != nil {
			return err
		}
	}
	return nil
}

package sqlstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// eachKit runs a benchmark on every database with rows in it.
func eachKit(b *testing.B, rows int, run func(b *testing.B, bench *bench)) {
	b.Helper()
	for _, k := range allKits() {
		b.Run(fmt.Sprintf("%s/%d", k.name, rows), func(b *testing.B) {
			w := k.start(b, nil)
			var values []string
			for i := range rows {
				values = append(values, fmt.Sprintf("(%d, 'bakery %d', 1)", i+1, i))
			}
			w.exec("INSERT INTO bakery (id, name, version) VALUES " + strings.Join(values, ", "))
			run(b, w)
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*rows), "µs/row")
		})
	}
}

// BenchmarkSave saves one record at a time.
func BenchmarkSave(b *testing.B) {
	eachKit(b, 1, func(b *testing.B, w *bench) {
		b.Helper()
		e := w.edit(1)
		for b.Loop() {
			e.V.Stock++
			if _, err := e.Save(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSaveAsync saves ten records, and a thousand, each with its own result.
func BenchmarkSaveAsync(b *testing.B) {
	for _, rows := range []int{10, 1000} {
		eachKit(b, rows, func(b *testing.B, w *bench) {
			b.Helper()
			saveAsync(b, w, rows)
		})
	}
}

func saveAsync(b *testing.B, w *bench, rows int) {
	b.Helper()
	edits := make([]*edit.RecordEdit[int64, bakery], rows)
	for i := range edits {
		edits[i] = w.edit(int64(i + 1))
	}
	saves := make([]*edit.Pending[int64, bakery], len(edits))
	for b.Loop() {
		for i, e := range edits {
			e.V.Stock++
			saves[i] = e.SaveAsync()
		}
		for _, p := range saves {
			if _, err := p.Wait(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkUpdate is what a program would write without sessions: an update of
// one row, prepared, checked and committed by itself.
func BenchmarkUpdate(b *testing.B) {
	for _, rows := range []int{1, 1000} {
		eachKit(b, rows, func(b *testing.B, w *bench) {
			b.Helper()
			text := "UPDATE bakery SET stock = ?, version = version + 1 WHERE id = ? AND version = ?"
			if w.kit.flavor == dialects.Postgres {
				text = "UPDATE bakery SET stock = $1, version = version + 1 WHERE id = $2 AND version = $3"
			}
			stmt, err := w.db.PrepareContext(context.Background(), text)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = stmt.Close() }()
			version := 1
			for b.Loop() {
				for i := range rows {
					if _, err := stmt.ExecContext(context.Background(), version, i+1, version); err != nil {
						b.Fatal(err)
					}
				}
				version++
			}
		})
	}
}

// BenchmarkInsert makes a thousand new records, whose keys the database makes.
func BenchmarkInsert(b *testing.B) {
	eachKit(b, 1000, func(b *testing.B, w *bench) {
		b.Helper()
		n := 0
		saves := make([]*edit.Pending[int64, bakery], 1000)
		for b.Loop() {
			for i := range saves {
				n++
				e := w.bakeries.New(bakery{Name: fmt.Sprint("new ", n)})
				saves[i] = e.SaveAsync()
				_ = e.Close()
			}
			for _, p := range saves {
				if _, err := p.Wait(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

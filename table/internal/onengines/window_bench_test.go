package onengines_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vantage-go/live/table"
)

// BenchmarkWindow reads pages of a table of 200,000 rows in the order of an index:
// where it has got to by scrolling, in the middle and at the beginning, after jumps
// to the middle, and after a change while the beginning is visible, when the rows
// are counted, too.
func BenchmarkWindow(b *testing.B) {
	const rows = 200_000
	for _, e := range engines() {
		b.Run(e.name, func(b *testing.B) {
			r := newRig(b, e, shownTable("shown"), "CREATE INDEX shown_grp ON shown (grp, id)")
			r.exec(b, insertShown(rand.New(rand.NewPCG(2, 2)), 0, 1000))
			for n := 1000; n < rows; n *= 2 {
				r.exec(b, fmt.Sprintf("INSERT INTO shown SELECT id + %d, grp, name, note, amount FROM shown WHERE id < %d", n, rows-n))
			}
			w, err := table.OpenWindow[int64, shown](soon(b), r.db, "shown", table.OrderBy("grp"), table.Debounce(0))
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			show := func(b *testing.B, at int) {
				b.Helper()
				w.SetViewport(at, at+50)
				if err := w.Sync(soon(b)); err != nil {
					b.Fatal(err)
				}
				if _, ok := w.Row(at + 49); !ok {
					b.Fatalf("row %d is not there", at+49)
				}
			}
			for _, c := range []struct {
				name        string
				from, by, n int
			}{{"scroll at the beginning", 0, 100, 50_000}, {"scroll in the middle", rows / 2, 100, 50_000}, {"jump to the middle", rows / 2, 7000, 30_000}} {
				b.Run(c.name, func(b *testing.B) {
					show(b, c.from)
					at := 0
					for b.Loop() {
						at = (at + c.by) % c.n
						show(b, c.from+at)
					}
				})
			}
			b.Run("change", func(b *testing.B) {
				show(b, 0)
				n := 0
				for b.Loop() {
					n++
					r.exec(b, fmt.Sprintf("UPDATE shown SET amount = %d WHERE id = 0", n))
					show(b, 0)
				}
			})
		})
	}
}

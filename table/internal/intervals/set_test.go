package intervals_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/vantage-go/live/table/internal/intervals"
)

// TestSet: what is found is what a look at all intervals finds.
func TestSet(t *testing.T) {
	t.Parallel()
	type interval struct {
		from, to string
		value    int
	}
	rapid.Check(t, func(r *rapid.T) {
		var s intervals.Set[int]
		var all []interval
		for step := range rapid.IntRange(1, 60).Draw(r, "steps") {
			if len(all) > 0 && rapid.IntRange(0, 2).Draw(r, "remove") == 0 {
				i := rapid.IntRange(0, len(all)-1).Draw(r, "which")
				s.Remove(all[i].from, all[i].to, all[i].value)
				all = slices.Delete(all, i, i+1)
				continue
			}
			from := rapid.StringMatching("[a-d]{0,2}").Draw(r, "from")
			one := interval{from, rapid.StringMatching("[a-d]{0,2}").Draw(r, "to") + "\x00", step}
			all = append(all, one)
			s.Add(one.from, one.to, one.value)
		}
		s.Remove("no", "such", 1)
		var found, want []int
		point := rapid.StringMatching("[a-d]{0,2}").Draw(r, "point")
		s.At(point, func(v int) { found = append(found, v) })
		for _, one := range all {
			if one.from <= point && point < one.to {
				want = append(want, one.value)
			}
		}
		slices.Sort(found)
		if !slices.Equal(found, want) {
			r.Fatalf("%q lies in %v, want %v of %v", point, found, want, all)
		}
		n := 0
		s.All(func(int) { n++ })
		if n != len(all) || s.Empty() != (n == 0) {
			r.Fatalf("%d values, want %d", n, len(all))
		}
	})
}

// BenchmarkAt: ns/op must not grow with the number of intervals, of which ten are
// found.
func BenchmarkAt(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var s intervals.Set[int]
			for i := range n {
				s.Add(fmt.Sprintf("%08d", i), fmt.Sprintf("%08d", i+10), i)
			}
			point, found := fmt.Sprintf("%08d", n/2), 0
			for b.Loop() {
				s.At(point, func(int) { found++ })
			}
			b.ReportMetric(float64(found)/float64(b.N), "found")
		})
	}
}

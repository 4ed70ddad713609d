package core_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
)

func BenchmarkValid(b *testing.B) {
	c := leased()
	now := at(1)
	b.ReportAllocs()
	for b.Loop() {
		if !c.Valid(now) {
			b.Fatal("no lease")
		}
	}
}

// BenchmarkValidNow is Valid with the reading of the clock that it needs.
func BenchmarkValidNow(b *testing.B) {
	clock := core.NewClock(nil)
	c := core.New(time.Hour)
	c.Renew(clock.Now())
	b.ReportAllocs()
	for b.Loop() {
		if !c.Valid(clock.Glance()) {
			b.Fatal("no lease")
		}
	}
}

func BenchmarkAlive(b *testing.B) {
	c := leased()
	e := some(c, c.Begin(bakery, at(1)), at(1), 0)
	b.ReportAllocs()
	for b.Loop() {
		if !c.Alive(*e) {
			b.Fatal("dead")
		}
	}
}

// BenchmarkAliveParallel has a writer that invalidates another table.
func BenchmarkAliveParallel(b *testing.B) {
	c := leased()
	e := some(c, c.Begin(bakery, at(1)), at(1), 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for n := 0; pb.Next(); n++ {
			if n%1000 == 0 {
				c.Invalidate(city)
			}
			if !c.Alive(*e) {
				b.Error("dead")
			}
		}
	})
}

// BenchmarkFill is a ticket's way: Begin, Commit, and the entry it replaces.
func BenchmarkFill(b *testing.B) {
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprint("tables=", n), func(b *testing.B) {
			var deps []core.Rows
			for i := range n {
				deps = append(deps, core.Rows{Table: dialects.Table{Schema: "public", Name: fmt.Sprint("table", i)}})
			}
			c := leased()
			old := some(c, c.Begin(deps, at(1)), at(1), 0)
			b.ReportAllocs()
			for b.Loop() {
				e := some(c, c.Begin(deps, at(1)), at(1), 0)
				c.Remove(*old)
				old = e
			}
		})
	}
}

// BenchmarkInvalidate kills the entries of one table among many others.
func BenchmarkInvalidate(b *testing.B) {
	for _, n := range []int{0, 1, 1000} {
		b.Run(fmt.Sprint("entries=", n), func(b *testing.B) {
			c := leased()
			for i := range 1000 {
				some(c, c.Begin(core.Tables(dialects.Table{Name: fmt.Sprint("other", i)}), at(1)), at(1), 0)
			}
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for range n {
					some(c, c.Begin(bakery, at(1)), at(1), 0)
				}
				b.StartTimer()
				if killed := c.Invalidate(bakery); len(killed) != n {
					b.Fatal(len(killed))
				}
			}
		})
	}
}

// BenchmarkInvalidateAmongAMillion kills the thousand entries of one table, once
// where there are no others, and once among a million of a thousand tables. The
// ratio is that of the work, which should be the same but for what a larger
// memory costs.
func BenchmarkInvalidateAmongAMillion(b *testing.B) {
	const tables, each = 1000, 1000
	table := func(i int) []core.Rows {
		return core.Tables(dialects.Table{Schema: "public", Name: fmt.Sprint("table", i)})
	}
	fill := func(c *core.Core, i int) {
		deps := table(i)
		for range each {
			some(c, c.Begin(deps, at(1)), at(1), 0)
		}
	}
	alone, many := leased(), leased()
	for i := range tables {
		fill(many, i)
	}
	kill := func(c *core.Core, i int) float64 {
		deps := table(i)
		start := time.Now()
		killed := c.Invalidate(deps)
		took := time.Since(start)
		if len(killed) != each {
			b.Fatalf("%d entries killed, want %d", len(killed), each)
		}
		return float64(took)
	}
	// Both are refilled in the same way, with the cells that were freed last.
	fill(alone, 0)
	var one, among []float64
	for i := 0; b.Loop(); i++ {
		one, among = append(one, kill(alone, 0)), append(among, kill(many, i%tables))
		fill(alone, 0)
		fill(many, i%tables)
	}
	slices.Sort(one)
	slices.Sort(among)
	b.ReportMetric(among[len(among)/2]/one[len(one)/2], "x-alone")
	b.ReportMetric(among[len(among)/2]/each, "ns/entry")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkReset does not depend on what is stored.
func BenchmarkReset(b *testing.B) {
	for _, n := range []int{0, 10_000} {
		b.Run(fmt.Sprint("entries=", n), func(b *testing.B) {
			c := leased()
			for i := range n {
				some(c, c.Begin(core.Tables(dialects.Table{Name: fmt.Sprint("t", i)}), at(1)), at(1), 0)
			}
			b.ReportAllocs()
			for b.Loop() {
				c.Reset()
			}
		})
	}
}

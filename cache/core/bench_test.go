package core_test

import (
	"fmt"
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
	clock := core.NewClock(time.Now())
	c := core.New(time.Hour)
	c.Renew(clock.At(time.Now()))
	b.ReportAllocs()
	for b.Loop() {
		if !c.Valid(clock.At(time.Now())) {
			b.Fatal("no lease")
		}
	}
}

func BenchmarkAlive(b *testing.B) {
	c := leased()
	e := c.Commit(c.Begin(bakery, at(1)), at(1), nil)
	b.ReportAllocs()
	for b.Loop() {
		if !c.Alive(e) {
			b.Fatal("dead")
		}
	}
}

// BenchmarkAliveParallel has a writer that invalidates another table.
func BenchmarkAliveParallel(b *testing.B) {
	c := leased()
	e := c.Commit(c.Begin(bakery, at(1)), at(1), nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for n := 0; pb.Next(); n++ {
			if n%1000 == 0 {
				c.Invalidate(city)
			}
			if !c.Alive(e) {
				b.Error("dead")
			}
		}
	})
}

// BenchmarkFill is a ticket's way: Begin, Commit, and the entry it replaces.
func BenchmarkFill(b *testing.B) {
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprint("tables=", n), func(b *testing.B) {
			var deps []dialects.Table
			for i := range n {
				deps = append(deps, dialects.Table{Schema: "public", Name: fmt.Sprint("table", i)})
			}
			c := leased()
			old := c.Commit(c.Begin(deps, at(1)), at(1), nil)
			b.ReportAllocs()
			for b.Loop() {
				e := c.Commit(c.Begin(deps, at(1)), at(1), nil)
				c.Remove(old)
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
				c.Commit(c.Begin([]dialects.Table{{Name: fmt.Sprint("other", i)}}, at(1)), at(1), nil)
			}
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for range n {
					c.Commit(c.Begin(bakery, at(1)), at(1), nil)
				}
				b.StartTimer()
				if killed := c.Invalidate(bakery); len(killed) != n {
					b.Fatal(len(killed))
				}
			}
		})
	}
}

// BenchmarkReset does not depend on what is stored.
func BenchmarkReset(b *testing.B) {
	for _, n := range []int{0, 10_000} {
		b.Run(fmt.Sprint("entries=", n), func(b *testing.B) {
			c := leased()
			for i := range n {
				c.Commit(c.Begin([]dialects.Table{{Name: fmt.Sprint("t", i)}}, at(1)), at(1), nil)
			}
			b.ReportAllocs()
			for b.Loop() {
				c.Reset()
			}
		})
	}
}

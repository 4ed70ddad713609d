package conform

import (
	"fmt"
	"slices"
	"time"
)

// Latencies are the quantiles of some durations.
type Latencies struct {
	N                  int
	P50, P95, P99, Max time.Duration
}

// LatenciesOf sorts durations and returns their quantiles.
func LatenciesOf(all []time.Duration) Latencies {
	if len(all) == 0 {
		return Latencies{}
	}
	slices.Sort(all)
	quantile := func(percent int) time.Duration { return all[min(len(all)-1, len(all)*percent/100)] }
	return Latencies{N: len(all), P50: quantile(50), P95: quantile(95), P99: quantile(99), Max: all[len(all)-1]}
}

func (l Latencies) String() string {
	short := func(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
	return fmt.Sprintf("p50 %v p95 %v p99 %v max %v (n = %d)", short(l.P50), short(l.P95), short(l.P99), short(l.Max), l.N)
}

//go:build unix

package server

import (
	"syscall"
	"testing"
	"time"
)

// Slowdown measures by which factor other programs slow this process down at the
// moment, at least 1: the wall time over the processor time of a plain
// computation of some 50 ms. Tests with a limit of time multiply it by the
// factor. They must not compute anything else meanwhile.
func Slowdown(tb testing.TB) float64 {
	tb.Helper()
	used := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			tb.Fatalf("server: measure the processor time: %v", err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	begin, before := time.Now(), used()
	for used()-before < 50*time.Millisecond {
		for range 1_000_000 {
		}
	}
	return max(float64(time.Since(begin))/float64(used()-before), 1)
}

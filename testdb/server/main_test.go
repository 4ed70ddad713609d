//go:build unix

package server_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds waiting for what happens at once on an idle machine.
const patience = 30 * time.Second

func patiently(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// bestOf times an action some times and fails if none was within the limit. The
// limit is for a machine that is ours: where other programs take the processor,
// it grows by the factor by which they slow down a plain computation.
func bestOf(t *testing.T, what string, tries int, limit time.Duration, action func()) {
	t.Helper()
	good := 0
	for range tries {
		factor := max(slowdown(t), 1)
		begin := time.Now()
		action()
		took := time.Since(begin)
		factor = max(slowdown(t), factor)
		t.Logf("%s took %v on a machine slowed down by a factor of %.1f", what, took.Round(time.Millisecond), factor)
		if took <= time.Duration(float64(limit)*factor) {
			good++
		}
		if good == 3 {
			return
		}
	}
	if good == 0 {
		t.Errorf("%s never took less than %v", what, limit)
	}
}

// slowdown is the wall time over the processor time of a computation.
func slowdown(t *testing.T) float64 {
	t.Helper()
	used := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			t.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	begin, before := time.Now(), used()
	for used()-before < 100*time.Millisecond {
		for range 1_000_000 {
		}
	}
	return float64(time.Since(begin)) / float64(used()-before)
}

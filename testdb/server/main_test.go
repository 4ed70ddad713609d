//go:build unix

package server_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vantage-go/live/testdb/server"
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
		factor := server.Slowdown(t)
		begin := time.Now()
		action()
		took := time.Since(begin)
		factor = max(server.Slowdown(t), factor)
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

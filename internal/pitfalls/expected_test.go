package pitfalls

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
)

// expected is a test whose failure is expected. It must run on a goroutine of
// its own.
type expected struct {
	testing.TB
	failed atomic.Bool
}

func (x *expected) Failed() bool { return x.failed.Load() }

func (x *expected) Fail() { x.failed.Store(true) }

func (x *expected) FailNow() {
	x.Fail()
	runtime.Goexit()
}

func (x *expected) Error(args ...any) {
	x.Helper()
	x.Log("as expected: " + fmt.Sprint(args...))
	x.Fail()
}

func (x *expected) Errorf(format string, args ...any) {
	x.Helper()
	x.Error(fmt.Sprintf(format, args...))
}

func (x *expected) Fatal(args ...any) {
	x.Helper()
	x.Error(args...)
	x.FailNow()
}

func (x *expected) Fatalf(format string, args ...any) {
	x.Helper()
	x.Fatal(fmt.Sprintf(format, args...))
}

// TestExpected: a gap needs a test that fails, whatever way it does.
func TestExpected(t *testing.T) {
	t.Parallel()
	gap := on(func(r *rig) { r.Errorf("wrong: %d", 1) }, sqlite).open("it is wrong", sqlite)
	for name, fails := range map[string]func(x *expected){
		"error": func(x *expected) { gap[sqlite].test(&rig{TB: x}) },
		"fatal": func(x *expected) { x.Fatalf("wrong: %d", 1) },
		"none":  func(*expected) {},
	} {
		x, done := &expected{TB: t}, make(chan struct{})
		go func() {
			defer close(done)
			fails(x)
		}()
		<-done
		if x.Failed() == (name == "none") {
			t.Errorf("%s: failed is %v", name, x.Failed())
		}
	}
	if mark, note := gap[sqlite].marked(); mark != "**OPEN**" || note != "it is wrong" {
		t.Errorf("%s, %s", mark, note)
	}
	if _, note := gap.openWith("pgx", "it is slow", postgres)[postgres].marked(); note != "with pgx: it is slow" {
		t.Error(note)
	}
}

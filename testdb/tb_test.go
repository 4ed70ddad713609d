package testdb_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// t is what the examples use as the *testing.T of a test.
var t = &recordTB{}

// recordTB is a test whose failures are looked at, or an example, which has no
// *testing.T.
type recordTB struct {
	testing.TB // nil: what is not defined here must not be called

	mu         sync.Mutex
	complaints []string
	cleanups   []func()
}

func (r *recordTB) Helper() {}

func (r *recordTB) Context() context.Context { return context.Background() }

func (r *recordTB) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recordTB) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.complaints = append(r.complaints, fmt.Sprintf(format, args...))
}

func (r *recordTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (r *recordTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// finish ends the test: it runs what is to be cleaned up, the last first.
func (r *recordTB) finish() {
	for len(r.cleanups) > 0 {
		last := len(r.cleanups) - 1
		f := r.cleanups[last]
		r.cleanups = r.cleanups[:last]
		f()
	}
}

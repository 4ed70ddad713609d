package conform

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder is a test whose failures are looked at.
type recorder struct {
	testing.TB // of the real test

	ctx    context.Context
	cancel context.CancelFunc

	recordMu   sync.Mutex
	complaints []string
	cleanups   []func()
}

// record runs a check to its end and returns what it complained about.
func record(t *testing.T, run func(tb testing.TB)) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &recorder{TB: t, ctx: ctx, cancel: cancel}
	done := make(chan struct{})
	go func() { // of its own: Fatal ends it
		defer close(done)
		defer r.finish()
		run(r)
	}()
	<-done
	r.recordMu.Lock()
	defer r.recordMu.Unlock()
	return r.complaints
}

// finish does what the end of a test does.
func (r *recorder) finish() {
	r.cancel()
	r.recordMu.Lock()
	cleanups := r.cleanups
	r.recordMu.Unlock()
	for _, f := range slices.Backward(cleanups) {
		f()
	}
}

func (r *recorder) complain(text string) {
	r.recordMu.Lock()
	defer r.recordMu.Unlock()
	r.complaints = append(r.complaints, text)
}

func (r *recorder) Helper() {}

func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Cleanup(f func()) {
	r.recordMu.Lock()
	defer r.recordMu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Error(args ...any) { r.complain(fmt.Sprint(args...)) }

func (r *recorder) Errorf(format string, args ...any) { r.complain(fmt.Sprintf(format, args...)) }

func (r *recorder) Fatal(args ...any) {
	r.complain(fmt.Sprint(args...))
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.complain(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.recordMu.Lock()
	defer r.recordMu.Unlock()
	return len(r.complaints) > 0
}

// runCheck runs one check by name.
func runCheck(t *testing.T, e *Engine, name string) []string {
	t.Helper()
	all := checks(e)
	i := slices.IndexFunc(all, func(c check) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("there is no check %q", name)
	}
	if why := all[i].absent(e); why != "" {
		t.Fatalf("%s: %s", name, why)
	}
	return record(t, func(tb testing.TB) {
		tb.Helper()
		all[i].run(tb, e)
	})
}

// wantComplaint fails t unless one of the complaints has this text in it.
func wantComplaint(t *testing.T, complaints []string, text string) {
	t.Helper()
	if !slices.ContainsFunc(complaints, func(c string) bool { return strings.Contains(c, text) }) {
		t.Errorf("the complaints are %q, want one with %q", complaints, text)
	}
}

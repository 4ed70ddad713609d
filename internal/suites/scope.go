//go:build unix

package suites

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing" //nolint:depguard // see scope
)

// scope is what testdb/server knows of a test: this package needs its servers
// in a command, where there is none. Only the methods below may be called.
type scope struct {
	testing.TB // nil; the interface cannot be implemented otherwise

	name   string
	ctx    context.Context //nolint:containedctx // testing.TB carries its context too
	cancel context.CancelFunc

	mu       sync.Mutex // guards the fields below
	cleanups []func()
	errs     []error
}

func newScope(name string) *scope {
	ctx, cancel := context.WithCancel(context.Background())
	return &scope{name: name, ctx: ctx, cancel: cancel}
}

// do runs f as a test would be run and returns what it reported.
func (s *scope) do(f func(*scope)) error {
	done := make(chan struct{})
	go func() { // Fatal ends the goroutine
		defer close(done)
		f(s)
	}()
	<-done
	return s.take()
}

// close runs the cleanups, last one first.
func (s *scope) close() error {
	s.cancel()
	return s.do(func(*scope) {
		for {
			s.mu.Lock()
			n := len(s.cleanups)
			if n == 0 {
				s.mu.Unlock()
				return
			}
			last := s.cleanups[n-1]
			s.cleanups = s.cleanups[:n-1]
			s.mu.Unlock()
			last()
		}
	})
}

func (s *scope) take() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errors.Join(s.errs...)
	s.errs = nil
	return err
}

func (s *scope) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, errors.New(text))
}

func (s *scope) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

func (s *scope) Failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.errs) > 0
}

func (s *scope) Helper()                         {}
func (s *scope) Name() string                    { return s.name }
func (s *scope) Context() context.Context        { return s.ctx }
func (s *scope) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (s *scope) Error(args ...any)               { s.add(fmt.Sprint(args...)) }
func (s *scope) Errorf(f string, args ...any)    { s.add(fmt.Sprintf(f, args...)) }

func (s *scope) Fatal(args ...any) {
	s.Error(args...)
	runtime.Goexit()
}

func (s *scope) Fatalf(format string, args ...any) {
	s.Errorf(format, args...)
	runtime.Goexit()
}

package turn

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneAtATime(t *testing.T) {
	turn := New()
	var users, most int // guarded by the turn
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 50 {
				_, done, err := turn.Take(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				users++
				most = max(most, users)
				users--
				done()
			}
		})
	}
	wg.Wait()
	if most != 1 {
		t.Errorf("%d at a time", most)
	}
}

func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := New()
		ctx, done, err := turn.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error, 1)
		go func() {
			_, _, err := turn.Take(t.Context())
			waiting <- err
		}()
		synctest.Wait()
		if ctx.Err() != nil {
			t.Error("the context ended by itself")
		}
		brief, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := turn.Keep(brief); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("keeping what somebody has: %v", err)
		}
		if ctx.Err() == nil {
			t.Error("the context of the one who has it goes on")
		}
		if err := <-waiting; !errors.Is(err, ErrEnded) {
			t.Errorf("the one who waited: %v", err)
		}
		done()
		if err := turn.Keep(t.Context()); err != nil {
			t.Error(err)
		}
		if _, _, err := turn.Take(t.Context()); !errors.Is(err, ErrEnded) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestTakeGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := New()
		_, done, err := turn.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		brief, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := turn.Take(brief); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		done()
		ctx, done, err := turn.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		done()
		if ctx.Err() == nil {
			t.Error("the context outlives the turn")
		}
	})
}

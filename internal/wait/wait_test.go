package wait_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vantage-go/live/internal/wait"
)

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, test := range []struct {
			d, takes time.Duration
			err      error
		}{
			{time.Second, time.Second, nil},
			{0, 0, nil},
			{-time.Second, 0, nil},
			{time.Hour, 59 * time.Second, context.DeadlineExceeded},
			{time.Second, 0, context.DeadlineExceeded},
			{0, 0, context.DeadlineExceeded},
		} {
			begun := time.Now()
			if err := wait.For(ctx, test.d); !errors.Is(err, test.err) || time.Since(begun) != test.takes {
				t.Errorf("%v: %v after %v, want %v after %v", test.d, err, time.Since(begun), test.err, test.takes)
			}
		}
	})
}

package cache_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/listen"
)

// TestVerify: hits are compared with the database. What the feed tells within
// its time is no violation; what it never tells is one.
func TestVerify(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := newScripted(t, func(c *cache.Config) {
		c.Verify = 2
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	judged := func(verified, violations uint64) {
		t.Helper()
		if got := s.cache.Stats(); got.Verified != verified || got.Violations != violations {
			t.Fatalf("%d verified, %d violations, want %d and %d", got.Verified, got.Violations, verified, violations)
		}
	}
	later := func(reset string, changes ...listen.Change) {
		s.now = s.now.Add(time.Millisecond)
		s.poll(reset, changes...)
	}
	s.db.SetMaxOpenConns(1)
	s.wants(t.Context(), "old", false)
	s.wants(t.Context(), "old", true)
	s.wants(t.Context(), "old", true)
	later("")
	judged(1, 0)

	s.store.set("new")
	s.wants(t.Context(), "old", true)
	s.wants(t.Context(), "new", true) // the second hit asks, and says what is right
	judged(2, 0)
	later("", whole())
	judged(2, 0)

	s.wants(t.Context(), "new", false)
	s.store.set("newer")
	s.wants(t.Context(), "new", true)
	s.wants(t.Context(), "newer", true)
	s.poll("") // not sent later than the answer
	judged(3, 0)
	later("")
	judged(3, 1)
	if !strings.Contains(log.String(), query) || strings.Contains(log.String(), "newer") {
		t.Errorf("the log says %s", log.String())
	}
	s.wants(t.Context(), "newer", false) // what was wrong is forgotten
}

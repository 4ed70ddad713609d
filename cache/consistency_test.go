package cache_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// scripted is a cache whose feed and clock are the test's.
type scripted struct {
	t     *testing.T
	store *store
	cache *cache.Cache
	db    *sql.DB
	now   time.Time
	// polls is called by a Sync.
	polls func() error
	// away is called once, by who has read the clock and does not know yet, after so
	// many others have read it.
	away  func()
	after int
}

func newScripted(t *testing.T, change func(*cache.Config)) *scripted {
	t.Helper()
	s := &scripted{t: t, store: newStore("old"), now: time.Now()}
	config := cache.Config{
		Lease: time.Second,
		Now:   s.clock,
		Sync:  func(context.Context) error { return s.polls() },
	}
	s.polls = func() error { return errors.New("the feed is away") }
	if change != nil {
		change(&config)
	}
	var err error
	if s.cache, err = cache.New(&swapped{store: s.store}, nil, config); err != nil {
		t.Fatal(err)
	}
	s.db = sql.OpenDB(driver.Wrap(s.store, s.cache))
	t.Cleanup(func() { _ = s.db.Close() })
	s.poll("started")
	return s
}

func (s *scripted) clock() time.Time {
	now := s.now
	if away := s.away; away != nil {
		if s.after > 0 {
			s.after--
			return now
		}
		s.away = nil
		away()
	}
	return now
}

// poll has the feed poll now, and report a change of the table if there is one.
func (s *scripted) poll(reset string, changes ...listen.Change) {
	s.cache.Apply(listen.Batch{Sent: s.now, Reset: reset, Changes: changes})
	s.cache.Changed(listen.Live)
}

func whole() listen.Change {
	return listen.Change{Table: dialects.Table{Schema: "main", Name: "t"}, Op: listen.Whole}
}

// wants reads under ctx and checks the answer and where it came from.
func (s *scripted) wants(ctx context.Context, value string, fromMemory bool) {
	s.t.Helper()
	before := s.cache.Stats().Hits
	got, err := tryRead(ctx, s.db)
	if err != nil || got != value {
		s.t.Fatalf("read %q, error %v, want %q", got, err, value)
	}
	if hit := s.cache.Stats().Hits > before; hit != fromMemory {
		s.t.Fatalf("the answer came from memory: %v, want %v", hit, fromMemory)
	}
}

// TestLeaseBeganSince: the lease is renewed between one of a read's looks at the clock
// and its look at the lease, which is no reason to go without, or not to keep.
func TestLeaseBeganSince(t *testing.T) {
	t.Parallel()
	s := newScripted(t, nil)
	// looks has the feed poll at each of the clock's readings in turn.
	looks := func(what string, count func(cache.Stats) uint64, prepare func()) {
		for look := 0; ; look++ {
			prepare()
			before := count(s.cache.Stats())
			s.after, s.away = look, func() {
				s.now = s.now.Add(time.Second)
				s.poll("")
			}
			got, err := tryRead(t.Context(), s.db)
			reached := s.away == nil
			s.away = nil
			if err != nil || got != "old" {
				t.Fatalf("read %q, error %v", got, err)
			}
			if n := count(s.cache.Stats()) - before; n != 1 {
				t.Errorf("look %d at the clock: %d %s, want 1", look, n, what)
			}
			if !reached {
				if look == 0 {
					t.Errorf("%s: the clock was not read", what)
				}
				return
			}
		}
	}
	looks("stored", func(s cache.Stats) uint64 { return s.Stores }, func() { s.cache.Flush() })
	looks("hits", func(s cache.Stats) uint64 { return s.Hits }, func() {})
}

func TestBounded(t *testing.T) {
	t.Parallel()
	s := newScripted(t, nil)
	ctx := cache.WithConsistency(t.Context(), cache.Bounded(100*time.Millisecond))
	s.wants(ctx, "old", false)
	s.now = s.now.Add(99 * time.Millisecond)
	s.wants(ctx, "old", true)
	s.now = s.now.Add(2 * time.Millisecond)
	s.wants(t.Context(), "old", true)
	s.store.set("new")
	s.wants(ctx, "new", false)
	s.wants(t.Context(), "old", true) // which was not stored under the bound
	s.wants(cache.WithConsistency(t.Context(), cache.Bounded(time.Hour)), "old", true)
	s.now = s.now.Add(time.Second)
	s.wants(cache.WithConsistency(t.Context(), cache.Bounded(time.Hour)), "new", false)
}

// TestStrong: an answer from memory needs a poll that was sent since the read
// began, and misses nothing that was committed before.
func TestStrong(t *testing.T) {
	t.Parallel()
	s := newScripted(t, nil)
	ctx := cache.WithConsistency(t.Context(), cache.Strong())
	s.wants(ctx, "old", false)
	s.now = s.now.Add(time.Millisecond)
	s.wants(t.Context(), "old", true)
	s.store.set("new") // by somebody else; no poll has told yet
	polls := 0
	s.polls = func() error {
		polls++
		s.poll("", whole())
		return nil
	}
	s.wants(ctx, "new", false)
	s.now = s.now.Add(time.Millisecond)
	s.polls = func() error {
		polls++
		s.poll("")
		return nil
	}
	s.wants(ctx, "new", true)
	if polls != 2 {
		t.Errorf("%d polls, want 2", polls)
	}
	// A poll that was sent before the read does not count, nor does none.
	s.now = s.now.Add(time.Millisecond)
	s.store.set("newer")
	s.polls = func() error { return nil }
	s.wants(ctx, "newer", false)
	s.polls = func() error { return errors.New("the feed is away") }
	s.wants(ctx, "newer", false)
}

// TestStrongJoinsNothing: a read under way has begun before, so its answer may
// be older than a strong read that comes later.
func TestStrongJoinsNothing(t *testing.T) {
	t.Parallel()
	s := newScripted(t, func(c *cache.Config) { c.Lease = time.Hour })
	ctx, cancel := context.WithTimeout(cache.WithConsistency(t.Context(), cache.Strong()), 2*time.Second)
	defer cancel()
	first := during(t, s.store, "snapshot", reading(t, s.db), func(*gate) {
		s.store.set("new")
		s.wants(ctx, "new", false)
	})
	if first != "old" {
		t.Errorf("the first read answered %q", first)
	}
}

// TestAllowStale: while the feed is away, what is alive is answered for so long,
// and what this process has changed is not.
func TestAllowStale(t *testing.T) {
	t.Parallel()
	s := newScripted(t, nil)
	ctx := cache.WithConsistency(t.Context(), cache.AllowStale(time.Minute))
	s.wants(ctx, "old", false)
	s.cache.Changed(listen.Lost)
	s.store.set("new") // by somebody else
	s.now = s.now.Add(59 * time.Second)
	s.wants(ctx, "old", true)
	s.wants(t.Context(), "new", false)
	s.now = s.now.Add(2 * time.Second)
	s.wants(ctx, "new", false)
	s.now = s.now.Add(-2 * time.Second)
	s.wants(ctx, "old", true)
	if _, err := s.db.ExecContext(t.Context(), "UPDATE t SET v = 'own'"); err != nil {
		t.Fatal(err)
	}
	s.wants(ctx, "own", false)
	s.wants(ctx, "own", false) // nothing is stored without a lease
}

func TestDefaultConsistency(t *testing.T) {
	t.Parallel()
	s := newScripted(t, func(c *cache.Config) { c.Consistency = cache.Bounded(time.Millisecond) })
	s.wants(t.Context(), "old", false)
	s.wants(t.Context(), "old", true)
	s.now = s.now.Add(2 * time.Millisecond)
	s.wants(t.Context(), "old", false)
	s.wants(cache.WithConsistency(t.Context(), cache.Bounded(time.Second)), "old", true)
}

func TestParseConsistency(t *testing.T) {
	t.Parallel()
	for _, want := range []cache.Consistency{{}, cache.Strong(), cache.Bounded(time.Second), cache.AllowStale(90 * time.Second)} {
		if got, ok := cache.ParseConsistency(want.String()); !ok || got != want {
			t.Errorf("%v is read as %v, %v", want, got, ok)
		}
	}
	for _, text := range []string{"", "weak", "bounded", "bounded:", "bounded:-1s", "stale:0s", "strong:1s", "bounded:1"} {
		if got, ok := cache.ParseConsistency(text); ok {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	if cache.Bounded(-1).Valid() || cache.AllowStale(0).Valid() || !cache.Strong().Valid() {
		t.Error("bounds that make no sense are valid, or the reverse")
	}
}

// TestDeny: what depends on a denied table is not kept, and Explain says why.
func TestDeny(t *testing.T) {
	t.Parallel()
	s := newScripted(t, func(c *cache.Config) {
		c.Deny = func(t dialects.Table) bool { return t.Name == "t" }
	})
	s.wants(t.Context(), "old", false)
	s.wants(t.Context(), "old", false)
	e, err := s.cache.Explain(t.Context(), query, nil)
	if err != nil || e.Cached || e.Reason != "table main.t is not to be kept in memory" {
		t.Errorf("%+v, error %v", e, err)
	}
}

package cache_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// refreshed collects the refreshes that a cache asks for.
type refreshed struct {
	reads  []cache.Refresh
	refuse bool
}

func (r *refreshed) begin(read cache.Refresh) bool {
	if r.refuse {
		return false
	}
	r.reads = append(r.reads, read)
	return true
}

// run makes those that were asked for.
func (r *refreshed) run(t *testing.T, db *sql.DB) {
	t.Helper()
	for _, read := range r.reads {
		rows, err := db.QueryContext(cache.Refreshing(t.Context()), read.Text)
		if err != nil {
			t.Fatal(err)
		}
		rows.Close()
		read.Done()
	}
	r.reads = nil
}

const allowed = time.Minute

// newOutdated returns a cache with an entry "old" that another program has made
// out of date, and a context that allows for it.
func newOutdated(t *testing.T, change func(*cache.Config)) (*scripted, *refreshed, context.Context) {
	t.Helper()
	r := &refreshed{}
	s := newScripted(t, func(c *cache.Config) {
		c.Refresh = r.begin
		if change != nil {
			change(c)
		}
	})
	ctx := cache.WithConsistency(t.Context(), cache.StaleWhileRevalidate(allowed))
	s.wants(ctx, "old", false)
	s.wants(ctx, "old", true)
	s.changes("new")
	return s, r, ctx
}

// changes lets another program change the value, and the feed tell.
func (s *scripted) changes(value string) {
	s.store.set(value)
	s.now = s.now.Add(time.Millisecond)
	s.poll("", whole())
}

// stays polls and finds nothing, for so long.
func (s *scripted) stays(d time.Duration) {
	for ; d > 0; d -= 900 * time.Millisecond {
		s.now = s.now.Add(min(d, 900*time.Millisecond))
		s.poll("")
	}
}

func TestStaleWhileRevalidate(t *testing.T) {
	t.Parallel()
	s, r, ctx := newOutdated(t, nil)
	s.wants(ctx, "old", true)
	s.wants(ctx, "old", true)
	if len(r.reads) != 1 {
		t.Fatalf("%d refreshes for one key", len(r.reads))
	}
	r.run(t, s.db)
	s.wants(ctx, "new", true)
	s.wants(t.Context(), "new", true)
	if got := s.cache.Stats(); got.Stale != 2 || got.Refreshed != 1 || got.InvalidatedByFeed != 1 {
		t.Errorf("%d stale answers, %d refreshes, %d invalidated, want 2, 1 and 1", got.Stale, got.Refreshed, got.InvalidatedByFeed)
	}
	// Who does not allow for it waits for the database, and brings the new result
	// to those who do.
	s.changes("newer")
	s.wants(ctx, "new", true)
	s.wants(t.Context(), "newer", false)
	s.wants(ctx, "newer", true)
	// A refresh that was for nothing is followed by another.
	s.changes("newest")
	r.run(t, s.db)
	s.changes("last")
	s.wants(ctx, "newest", true)
	if len(r.reads) != 1 {
		t.Errorf("%d refreshes after the next change", len(r.reads))
	}
}

func TestWhatIsNeverServedStale(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config func(*cache.Config)
		do     func(s *scripted, r *refreshed)
		ctx    func(context.Context) context.Context
		want   string
	}{
		"beyond the bound":   {do: func(s *scripted, _ *refreshed) { s.stays(allowed) }},
		"without a lease":    {do: func(s *scripted, _ *refreshed) { s.now = s.now.Add(time.Second) }},
		"after a reset":      {do: func(s *scripted, _ *refreshed) { s.poll("the rights to read have changed") }},
		"after a flush":      {do: func(s *scripted, _ *refreshed) { s.cache.Flush() }},
		"without a refresh":  {do: func(_ *scripted, r *refreshed) { r.refuse = true }},
		"under a token":      {config: func(c *cache.Config) { c.Reached = func(string) (bool, error) { return true, nil } }, ctx: func(ctx context.Context) context.Context { return cache.WaitFor(ctx, "token") }},
		"uncached":           {ctx: cache.NoCache},
		"bounded":            {ctx: func(ctx context.Context) context.Context { return cache.WithConsistency(ctx, cache.Bounded(allowed)) }},
		"strong":             {ctx: func(ctx context.Context) context.Context { return cache.WithConsistency(ctx, cache.Strong()) }},
		"a refresh itself":   {ctx: cache.Refreshing},
		"beyond the TTL":     {config: func(c *cache.Config) { c.TTL = time.Second }, do: func(s *scripted, _ *refreshed) { s.stays(time.Second) }},
		"after an own write": {do: func(s *scripted, _ *refreshed) { s.write("mine") }, want: "mine"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r, ctx := newOutdated(t, c.config)
			s.wants(ctx, "old", true)
			r.run(t, s.db)
			s.wants(ctx, "new", true)
			want := "newest"
			s.changes(want)
			if c.do != nil {
				c.do(s, r)
			}
			if c.ctx != nil {
				ctx = c.ctx(ctx)
			}
			if c.want != "" {
				want = c.want
			}
			s.wants(ctx, want, false)
		})
	}
}

// write writes through the handle.
func (s *scripted) write(value string) {
	s.t.Helper()
	if _, err := s.db.ExecContext(s.t.Context(), "UPDATE t SET v = '"+value+"'"); err != nil {
		s.t.Fatal(err)
	}
}

// TestStaleAfterOwnWrites: nobody reads what misses an own write, whatever the
// order in which the feed and the write come.
func TestStaleAfterOwnWrites(t *testing.T) {
	t.Parallel()
	s, r, ctx := newOutdated(t, nil)
	s.write("mine")
	s.wants(ctx, "mine", false)
	// The feed tells of the write, too. What was read since holds it.
	s.now = s.now.Add(time.Millisecond)
	s.poll("", whole())
	s.wants(ctx, "mine", true)
	r.run(t, s.db)
	s.changes("theirs")
	s.write("mine again")
	s.wants(ctx, "mine again", false)
	s.changes("theirs again")
	s.wants(ctx, "mine again", true) // which is of nobody's own any more, but holds the own write
}

// TestStaleAfterUnprovenWrites: what an own write changes through others is told
// by the feed, and is no reason to serve what misses it.
func TestStaleAfterUnprovenWrites(t *testing.T) {
	t.Parallel()
	r := &refreshed{}
	backend := &unproven{swapped: swapped{store: newStore("old")}}
	now := time.Now()
	var c *cache.Cache
	c, err := cache.New(backend, nil, cache.Config{
		Lease: time.Second, Refresh: r.begin, Consistency: cache.StaleWhileRevalidate(allowed),
		Now: func() time.Time { return now },
		Sync: func(context.Context) error {
			now = now.Add(time.Millisecond)
			c.Apply(listen.Batch{Sent: now, Changes: []listen.Change{whole()}})
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(driver.Wrap(backend, c))
	defer db.Close()
	c.Apply(listen.Batch{Sent: now, Reset: "started"})
	read(t, db)
	now = now.Add(time.Millisecond)
	if _, err := db.ExecContext(t.Context(), "UPDATE other SET v = 'through a trigger'"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, db); got != "through a trigger" {
		t.Errorf("read %q", got)
	}
}

// TestStaleUnderSettings: a session with settings of its own is not answered with
// what cannot be refreshed for it.
func TestStaleUnderSettings(t *testing.T) {
	t.Parallel()
	s := &sessions{swapped: swapped{store: newStore("old")}}
	s.initial.Store(1)
	r := &refreshed{}
	c, err := cache.New(s, nil, cache.Config{Lease: time.Hour, Refresh: r.begin, Consistency: cache.StaleWhileRevalidate(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(driver.Wrap(s, c))
	defer db.Close()
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "started"})
	usual, other := session(t, db), session(t, db)
	execute(t, other, "SET", 7)
	for range 2 {
		hits(t, c, usual)
		hits(t, c, other)
	}
	c.Apply(listen.Batch{Sent: time.Now(), Changes: []listen.Change{{Table: dialects.Table{Schema: "main", Name: "t"}, Op: listen.Whole}}})
	if hits(t, c, other) || !hits(t, c, usual) {
		t.Error("only a session with the usual settings is answered with what is out of date")
	}
	if len(r.reads) != 1 {
		t.Errorf("%d refreshes", len(r.reads))
	}
}

func TestTTL(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	s := newScripted(t, func(c *cache.Config) { c.TTL = ttl })
	s.wants(t.Context(), "old", false)
	s.store.set("changed without a word")
	s.stays(ttl - 20*time.Millisecond)
	s.wants(t.Context(), "old", true)
	s.stays(20 * time.Millisecond)
	s.wants(t.Context(), "changed without a word", false)
	s.wants(t.Context(), "changed without a word", true)
	if got := s.cache.Stats().Expired; got != 1 {
		t.Errorf("%d expired", got)
	}
	// A read that was under way for long is as old as its beginning.
	s.stays(ttl)
	held := s.store.hold("snapshot")
	got := reading(t, s.db)()
	<-held.reached
	s.stays(ttl)
	s.store.set("newest")
	held.release()
	soon(t, "the read", got)
	s.wants(t.Context(), "newest", false)
}

func TestParseStaleWhileRevalidate(t *testing.T) {
	t.Parallel()
	want := cache.StaleWhileRevalidate(5 * time.Second)
	if got, ok := cache.ParseConsistency(want.String()); !ok || got != want {
		t.Errorf("%v is parsed as %v, %v", want, got, ok)
	}
	if _, ok := cache.ParseConsistency("revalidate:0s"); ok || cache.StaleWhileRevalidate(0).Valid() {
		t.Error("no bound is valid")
	}
}

package conform

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

// subscriber notes when items were applied.
type subscriber struct {
	tb   testing.TB
	db   *Database
	feed *listen.Feed

	appliedMu sync.Mutex
	applied   map[int64]time.Time
	resets    int           // but for the first
	marks     int           // on item
	more      chan struct{} // capacity 1
}

// subscribe starts a feed over a new source of db and waits until it is live.
func subscribe(tb testing.TB, db *Database, options []listen.Option) *subscriber {
	tb.Helper()
	s := &subscriber{tb: tb, db: db, applied: make(map[int64]time.Time), resets: -1, more: make(chan struct{}, 1)}
	s.feed = listen.NewFeed(db.Source(), options...)
	s.feed.Subscribe(s)
	tb.Cleanup(s.close)
	s.feed.Start()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	if err := s.feed.WaitLive(ctx); err != nil {
		tb.Fatalf("the feed did not become live: %v", err)
	}
	return s
}

// close ends the feed: figures of one must not hold the work of another.
func (s *subscriber) close() {
	if err := s.feed.Close(); err != nil {
		s.tb.Errorf("closing the feed: %v", err)
	}
}

// Apply notes the items of a batch.
func (s *subscriber) Apply(b listen.Batch) {
	s.appliedMu.Lock()
	defer s.appliedMu.Unlock()
	if b.Reset != "" {
		s.resets++
	}
	now := time.Now()
	for _, c := range b.Changes {
		if c.Table.Name != "item" {
			continue
		}
		id, ok := c.Key.(int64)
		if !ok {
			s.marks++
			continue
		}
		if _, known := s.applied[id]; !known {
			s.applied[id] = now
		}
	}
	if len(b.Changes) > 0 || b.Reset != "" {
		select {
		case s.more <- struct{}{}:
		default:
		}
	}
}

// Changed does nothing.
func (s *subscriber) Changed(listen.State) {}

// acks are the times at which items were acknowledged.
type acks struct {
	acksMu sync.Mutex
	at     map[int64]time.Time
	errs   []error
}

// write lets writers insert items until ctx has ended: each of them one
// statement every period, or as fast as it can if that is too slow. Next
// returns the ids of the n-th statement.
func (s *subscriber) write(ctx context.Context, writers int, period time.Duration, next func(n int) []int64) *acks {
	all := &acks{at: make(map[int64]time.Time)}
	start := time.Now()
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for n := w; ; n += writers {
				// Not all of them at once.
				sleep(ctx, time.Until(start.Add(time.Duration(n)*period/time.Duration(writers))))
				if ctx.Err() != nil {
					return
				}
				ids := next(n)
				_, err := s.db.DB.ExecContext(context.WithoutCancel(ctx), insertItems(1, ids...))
				all.add(ids, time.Now(), err)
			}
		})
	}
	writing.Wait()
	return all
}

func (a *acks) add(ids []int64, at time.Time, err error) {
	a.acksMu.Lock()
	defer a.acksMu.Unlock()
	if err != nil {
		a.errs = append(a.errs, err)
		return
	}
	for _, id := range ids {
		a.at[id] = at
	}
}

// await waits until everything that was acknowledged has been applied.
func (s *subscriber) await(a *acks) map[int64]time.Time {
	s.tb.Helper()
	if len(a.errs) > 0 {
		s.tb.Errorf("%d statements failed, the first one with: %v", len(a.errs), a.errs[0])
	}
	if len(a.at) == 0 {
		s.tb.Errorf("nothing was written")
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		missing, resets, marks := s.missing(a)
		switch {
		case resets > 0 || marks > 0:
			s.tb.Errorf("%d resets and %d marks came in place of keys", resets, marks)
			return a.at
		case missing == 0:
			return a.at
		}
		select {
		case <-s.more:
		case <-timer.C:
			s.tb.Errorf("%d of %d rows did not come within %v", missing, len(a.at), patience)
			return a.at
		}
	}
}

func (s *subscriber) missing(a *acks) (missing, resets, marks int) {
	s.appliedMu.Lock()
	defer s.appliedMu.Unlock()
	for id := range a.at {
		if _, ok := s.applied[id]; !ok {
			missing++
		}
	}
	return missing, s.resets, s.marks
}

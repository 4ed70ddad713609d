package feed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects/postgres/internal/libpq"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// hearer is a consumer that remembers the keys that it heard of, and forgets
// nothing at a reset: the log survives what the test does.
type hearer struct {
	mu     sync.Mutex
	keys   map[string]int
	resets []string
}

func (h *hearer) Apply(b listen.Batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b.Reset != "" {
		h.resets = append(h.resets, b.Reset)
	}
	for _, c := range b.Changes {
		h.keys[fmt.Sprint(c.Key)]++
	}
}

func (*hearer) Changed(listen.State) {}

// TestFeedOverABadNetwork: whatever the network does to the feed, each commit
// is reported once.
func TestFeedOverABadNetwork(t *testing.T) {
	d := captured(t)
	db := d.DB()
	p := server.NewProxy(t, d.Addr())
	dsn := d.DSNVia(p.Addr())
	b := backendOf(t, libpq.Driver, listen.BackendConfig{Connector: connectorOf(t, dsn), DSN: dsn})
	b.times = quickTimes()
	feed := listen.NewFeed(b, listen.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil))),
		listen.WithDeadline(2*time.Second), listen.WithBackoff(time.Millisecond, 20*time.Millisecond))
	h := &hearer{keys: map[string]int{}}
	feed.Subscribe(h)
	feed.Start()
	defer func() { _ = feed.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience) // one for each fault
	defer cancel()
	if err := feed.WaitLive(ctx); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	written := make(chan int)
	go func() {
		n := 0
		defer func() { written <- n }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := db.ExecContext(ctx, "INSERT INTO item DEFAULT VALUES"); err != nil {
				t.Error(err)
				return
			}
			n++
			<-time.After(2 * time.Millisecond) // what the feed has to catch up with must stay small
		}
	}()
	for _, fault := range []func(){
		p.Reset,
		func() { p.HalfOpen(server.ToServer) },
		func() { p.HalfOpen(server.ToClient) },
		func() { p.CutAfter(server.ToClient, 0) },
		p.Blackhole,
		p.Hold,
	} {
		polls := feed.Status().Polls
		fault()
		for end := time.Now().Add(patience); feed.Status().Err == nil; {
			// It may have come through between two polls.
			if s := feed.Status(); s.State == listen.Live && s.Polls > polls+50 || time.Now().After(end) {
				break
			}
			<-time.After(time.Millisecond)
		}
		if err := p.Heal(); err != nil {
			t.Fatal(err)
		}
		if err := feed.Sync(ctx); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	n := <-written
	if err := feed.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range n {
		if times := h.keys[fmt.Sprint(i+1)]; times != 1 {
			t.Fatalf("row %d of %d was reported %d times", i+1, n, times)
		}
	}
	if len(h.resets) != 1 {
		t.Errorf("resets: %q, want the first one alone", h.resets)
	}
	t.Logf("%d rows, %d polls", n, feed.Status().Polls)
}

// TestTenThousandRowsASecond: what ten thousand statements write in a second
// arrives key by key.
func TestTenThousandRowsASecond(t *testing.T) {
	d := captured(t)
	dsn := d.SocketDSN()
	b := backendOf(t, libpq.Driver, listen.BackendConfig{Connector: connectorOf(t, dsn), DSN: dsn})
	feed := listen.NewFeed(b)
	h := &hearer{keys: map[string]int{}}
	feed.Subscribe(h)
	feed.Start()
	defer func() { _ = feed.Close() }()
	if err := feed.WaitLive(t.Context()); err != nil {
		t.Fatal(err)
	}
	const each, rounds = 500, 40
	began := time.Now()
	for range rounds {
		fixtureExec(t, d.DB(), fmt.Sprintf("DO $$BEGIN FOR i IN 1..%d LOOP INSERT INTO item DEFAULT VALUES; END LOOP; END$$", each))
	}
	wrote := time.Since(began)
	if err := feed.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.keys) != each*rounds {
		t.Errorf("%d keys were reported, want %d", len(h.keys), each*rounds)
	}
	t.Logf("%d rows written in %v, reported in %v: %.0f a second, %d polls", each*rounds, wrote, took, float64(each*rounds)/took.Seconds(), feed.Status().Polls)
}

package mysql

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// collector is a consumer that remembers everything.
type collector struct {
	mu      sync.Mutex // guards the rest
	changes map[string]bool
	resets  int
}

func (c *collector) Apply(b listen.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range spell(listen.Delta{Changes: b.Changes}) {
		c.changes[text] = true
	}
	if b.Reset != "" {
		c.resets++
	}
}

func (c *collector) Changed(listen.State) {}

func (c *collector) has(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes[text]
}

// The feed goes on where it was when the connection comes back.
func TestFeedOverABrokenConnection(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	proxy := server.NewProxy(t, db.Addr())
	feed := listen.NewFeed(newBackend(t, db.DSNVia(proxy.Addr()), listen.InstallNever))
	c := &collector{changes: make(map[string]bool)}
	feed.Subscribe(c)
	feed.Start()
	t.Cleanup(func() {
		if err := feed.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := feed.WaitLive(ctx); err != nil {
		t.Fatal(err)
	}
	for i, fault := range []func(){func() {}, proxy.Blackhole, proxy.Reset} {
		mustExec(t, db.DB(), fmt.Sprintf("INSERT INTO t VALUES (%d)", i))
		fault()
		feed.Poke()
		mustExec(t, db.DB(), fmt.Sprintf("INSERT INTO t VALUES (%d)", 10+i))
		proxy.Heal()
		if err := feed.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		for _, id := range []int{i, 10 + i} {
			if want := fmt.Sprintf("t I int64:%d", id); !c.has(want) {
				t.Errorf("no change %s", want)
			}
		}
	}
	if c.resets != 1 {
		t.Errorf("%d resets: one was to begin with", c.resets)
	}
}

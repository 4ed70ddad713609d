package faults

import (
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

// TestFarServer has a way to the server that takes a fifth of a second there
// and back.
func TestFarServer(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(r *rig) {
		t := r.t
		away := func(d time.Duration) {
			for _, way := range []server.Direction{server.ToServer, server.ToClient} {
				r.proxy.Delay(way, d)
			}
		}
		away(100 * time.Millisecond)
		far := r.another(livesql.FeedDeadline(patience), livesql.Lease(10*time.Second))
		if err := far.Feed().WaitLive(r.soon()); err != nil {
			t.Fatalf("with time enough, the feed is %+v: %v", far.Feed().Status(), err)
		}
		r.must("UPDATE counter SET n = 7 WHERE id = 0")
		if err := far.Feed().Sync(r.soon()); err != nil {
			t.Fatal(err)
		}
		if n := far.Feed().Status().Changes; n == 0 {
			t.Error("the feed is live and told nothing")
		}
		// A table that was created is captured, although that takes many ways there
		// and back, and longer than a poll waits for it.
		away(20 * time.Millisecond)
		r.config.Install = listen.InstallAuto
		auto := r.another(livesql.FeedDeadline(patience), livesql.Lease(10*time.Second))
		r.must("CREATE TABLE late (id INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
		if err := auto.WaitCached(r.soon(), "SELECT n FROM late"); err != nil {
			t.Error(err)
		}
		r.config.Install = listen.InstallNever
		away(100 * time.Millisecond)
		// Without, it says what it lacks.
		near := r.another(livesql.FeedDeadline(300 * time.Millisecond))
		for near.Feed().Status().Err == nil {
			select {
			case <-r.soon().Done():
				t.Fatal("the feed neither is live nor says why")
			case <-time.After(10 * time.Millisecond):
			}
		}
		status := near.Feed().Status()
		if status.State != listen.Cold || !strings.Contains(status.Err.Error(), "no answer within 300ms") {
			t.Errorf("with too little time: %v, %v", status.State, status.Err)
		}
	})
}

package cache

import (
	"testing"
	"time"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

type noBackend struct{ dialects.Analyzer }

func (noBackend) Identity() uint64 { return 0 }

// TestLeaseMovesLast: while a batch is being applied there is no lease yet, so
// an entry that the batch is about to kill cannot be served under it. The
// table has so many entries that killing them takes a while, and an observer
// looks all the time.
func TestLeaseMovesLast(t *testing.T) {
	t.Parallel()
	c, err := New(noBackend{}, nil, Config{})
	if err != nil {
		t.Fatal(err)
	}
	table := dialects.Table{Name: "t"}
	c.core.Renew(c.now())
	const entries = 100_000
	var last core.Entry // to be killed: the first that was stored
	for i := range entries {
		e, ok := c.core.Commit(c.core.Begin(core.Tables(table), c.now()), c.now(), false, 0)
		if !ok {
			t.Fatal("the lease ended while the test was set up")
		}
		if i == 0 {
			last = e
		}
	}
	// The feed is lost and comes back with a change of the table.
	c.Changed(listen.Lost)

	stop, wrong := make(chan struct{}), make(chan bool, 1)
	looking := make(chan struct{})
	go func() {
		close(looking)
		for {
			// In this order: a lease that is seen allows what is found after
			// it.
			if c.core.Valid(c.now()) && c.core.Alive(last) {
				wrong <- true
				return
			}
			select {
			case <-stop:
				wrong <- false
				return
			default:
			}
		}
	}()
	<-looking
	c.Apply(listen.Batch{Sent: time.Now(), Changes: []listen.Change{{Table: table, Op: listen.Whole}}})
	close(stop)
	if <-wrong {
		t.Error("there was a lease while an entry was alive that the batch had not killed yet")
	}
	if !c.core.Valid(c.now()) {
		t.Error("after the batch there is no lease")
	}
}

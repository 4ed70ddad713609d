package core_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
)

// set is a set of tables.
type set uint8

func (s set) tables() []dialects.Table {
	tables := make([]dialects.Table, 0, tableCount)
	for i := range tableCount {
		if s&(1<<i) != 0 {
			tables = append(tables, tableOf(i))
		}
	}
	return tables
}

// TestReadYourWritesConcurrently runs readers, writers and a feed at the same
// time: no reader sees less than what was acknowledged before it began. It
// needs the race detector to say all it can.
func TestReadYourWritesConcurrently(t *testing.T) {
	const readers, writers, rounds = 3, 2, 2000
	now := core.NewClock(nil).Now
	c := core.New(time.Hour)
	c.Renew(now())

	type row struct {
		entry  core.Entry
		values [tableCount]uint64
	}
	var (
		databaseMu sync.Mutex
		values     [tableCount]uint64
		changed    set // not reported by the feed yet

		acked  [tableCount]atomic.Uint64
		store  [1 << tableCount]atomic.Pointer[row]
		hits   atomic.Uint64
		stored atomic.Uint64
	)
	write := func(tables set) (version [tableCount]uint64) {
		databaseMu.Lock()
		defer databaseMu.Unlock()
		for i := range tableCount {
			if tables&(1<<i) != 0 {
				values[i]++
			}
		}
		changed |= tables
		return values
	}
	snapshot := func() [tableCount]uint64 {
		databaseMu.Lock()
		defer databaseMu.Unlock()
		return values
	}
	var wg sync.WaitGroup
	for id := range writers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(id), 1))
			for range rounds {
				tables := set(1 + random.IntN(1<<tableCount-1))
				version := write(tables)
				c.Invalidate(core.Tables(tables.tables()...))
				for i := range tableCount {
					if tables&(1<<i) == 0 {
						continue
					}
					for old := acked[i].Load(); old < version[i] && !acked[i].CompareAndSwap(old, version[i]); old = acked[i].Load() {
					}
				}
			}
		})
	}
	for id := range readers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(id), 2))
			for range rounds * 4 {
				tables := set(1 + random.IntN(1<<tableCount-1))
				var floor [tableCount]uint64
				for i := range floor {
					floor[i] = acked[i].Load()
				}
				var got [tableCount]uint64
				if r := store[tables].Load(); r != nil && c.Valid(now()) && c.Alive(r.entry) {
					hits.Add(1)
					got = r.values
				} else {
					ticket := c.Begin(core.Tables(tables.tables()...), now())
					got = snapshot()
					if ticket != nil && random.IntN(8) == 0 {
						c.Abort(ticket)
					} else if ticket != nil {
						r := &row{values: got}
						var ok bool
						if r.entry, ok = c.Commit(ticket, now(), false, 0); ok {
							stored.Add(1)
							if old := store[tables].Swap(r); old != nil {
								c.Remove(old.entry)
							}
						}
					}
				}
				for i := range got {
					if tables&(1<<i) != 0 && got[i] < floor[i] {
						t.Errorf("table %d: version %d was read after %d was acknowledged", i, got[i], floor[i])
						return
					}
				}
			}
		})
	}
	wg.Go(func() {
		random := rand.New(rand.NewPCG(0, 3))
		for range rounds {
			sent := now()
			databaseMu.Lock()
			delta := changed
			changed = 0
			databaseMu.Unlock()
			switch random.IntN(20) {
			case 0:
				c.Reset()
			case 1:
				c.Suspend()
			case 2:
				c.Revoke(now())
				sent = now()
			}
			c.Invalidate(core.Tables(delta.tables()...))
			c.Renew(sent)
			_ = c.Generation()
			_, _ = c.LeaseAge(now())
		}
		c.Renew(now())
	})
	wg.Wait()
	if hits.Load() == 0 || stored.Load() == 0 {
		t.Errorf("%d hits, %d stored", hits.Load(), stored.Load())
	}
	for i := range store {
		if r := store[i].Load(); r != nil {
			c.Remove(r.entry)
		}
	}
	empty(t, c)
}

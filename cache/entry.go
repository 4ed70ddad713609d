package cache

import (
	sqldriver "database/sql/driver"
	"math"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/internal/rowset"
)

// entry is one stored result. It never changes.
type entry struct {
	key    key
	hash   uint64
	set    *rowset.Set
	weight uint32
	core   *core.Entry // set before the entry is published
}

// entryOverhead is about what an entry costs beyond its rows and arguments:
// the entry itself, the core's and the index's share.
const entryOverhead = 512

func newEntry(k key, hash uint64, set *rowset.Set) *entry {
	size := entryOverhead + set.Size()
	for _, arg := range k.args {
		size += 48
		switch v := arg.Value.(type) {
		case string:
			size += int64(len(v))
		case []byte:
			size += int64(len(v))
		}
	}
	return &entry{key: k, hash: hash, set: set, weight: uint32(min(size, math.MaxUint32))}
}

func (e *entry) rows() sqldriver.Rows { return e.set.Rows() }

// publish puts a committed entry into the store. An entry whose read began
// later stays.
func (c *Cache) publish(e *entry) {
	c.entries.Compute(e.hash, func(old *entry, found bool) (*entry, otter.ComputeOp) {
		if found && old.key.equal(e.key.statement, e.key.via, e.key.args) && old.core.Newer(e.core) && c.core.Alive(old.core) {
			return old, otter.CancelOp
		}
		return e, otter.WriteOp
	})
}

// drop takes killed entries out of the store. They are dead already: this
// only frees their memory.
func (c *Cache) drop(killed []*core.Entry, count *atomic.Uint64) {
	count.Add(uint64(len(killed)))
	for _, k := range killed {
		e, ok := k.Owner.(*entry)
		if !ok {
			continue
		}
		c.entries.ComputeIfPresent(e.hash, func(old *entry) (*entry, otter.ComputeOp) {
			if old == e {
				return nil, otter.InvalidateOp
			}
			return old, otter.CancelOp
		})
	}
}

// dropped hears of every entry that leaves the store.
func (c *Cache) dropped(event otter.DeletionEvent[uint64, *entry]) {
	if event.WasEvicted() {
		c.stats.evictedBySize.Add(1)
	}
	c.core.Remove(event.Value.core)
}

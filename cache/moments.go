package cache

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/cache/core"
)

// moments number points in time, so that a million entries can tell theirs in
// four bytes each. One stands for all that were noted within a step, and is the
// earliest of them. The oldest are forgotten.
//
// A moment is looked up without a lock.
type moments struct {
	step time.Duration
	// momentsMu orders those who note. It is held for a few comparisons.
	momentsMu sync.Mutex
	last      uint32
	ring      [1024]atomic.Pointer[moment]
}

// moment is a point in time, and how many writes of the handle's own there had
// been.
type moment struct {
	number uint32
	at     core.Instant
	writes uint64
}

// note returns the number of a moment that is at, or up to a step earlier, with
// the same count of writes. It is not 0.
func (m *moments) note(at core.Instant, writes uint64) uint32 {
	m.momentsMu.Lock()
	defer m.momentsMu.Unlock()
	if l := m.of(m.last); l != nil && l.writes == writes && at.Within(l.at, m.step) {
		return l.number
	}
	if m.last++; m.last == 0 {
		m.last = 1
	}
	m.ring[m.last%uint32(len(m.ring))].Store(&moment{m.last, at, writes})
	return m.last
}

// of returns the moment with that number, or nil if it is forgotten.
func (m *moments) of(number uint32) *moment {
	l := m.ring[number%uint32(len(m.ring))].Load()
	if l == nil || l.number != number {
		return nil
	}
	return l
}

const (
	// birthSteps is in how many steps the TTL is divided. An entry may be taken
	// for one step older than it is.
	birthSteps = 256
	// outdatedStep is how much earlier an entry may be taken for outdated.
	outdatedStep = 100 * time.Millisecond
)

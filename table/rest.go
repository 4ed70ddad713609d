package table

import (
	"sync"
	"time"
)

// rest makes a query wait before it is run again, as long as it took to run: it
// runs at most half of the time. A run that happens to be quick shortens that
// by a quarter only, so that the time between runs does not flutter. It belongs
// to one goroutine.
type rest struct {
	cost  time.Duration // of a run
	until time.Time
}

// longestRest bounds how long a query waits on its own account.
const longestRest = time.Second

func (r *rest) ran(took time.Duration, now time.Time) {
	r.cost = max(took, r.cost*3/4)
	r.until = now.Add(min(r.cost, longestRest))
}

// budget is what all queries of a database share that have to be run again for
// each change, whomever it concerns. Together they take no more of the
// database's time than one connection could, apart from a head start: the more
// of them there are, the longer they wait, and the more changes a run answers.
type budget struct {
	// spentMu guards everything below.
	spentMu sync.Mutex
	spent   time.Time // until then, the time of the one connection is given away
}

// headStart is how much more can be taken at once.
const headStart = 250 * time.Millisecond

// take reserves the time that a run will take, and returns how long to wait for
// it.
func (b *budget) take(cost time.Duration, now time.Time) time.Duration {
	b.spentMu.Lock()
	defer b.spentMu.Unlock()
	if b.spent.Before(now) {
		b.spent = now
	}
	wait := b.spent.Sub(now) - headStart
	b.spent = b.spent.Add(cost)
	return max(wait, 0)
}

// settle corrects what was taken, when the run has shown what it takes.
func (b *budget) settle(took, cost time.Duration) {
	b.spentMu.Lock()
	defer b.spentMu.Unlock()
	b.spent = b.spent.Add(took - cost)
}

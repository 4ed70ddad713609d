package table

import (
	"context"
	"sync"
	"time"

	"github.com/vantage-go/live/internal/wait"
)

// rest makes a query wait before it is run again, as long as it took to run: it
// runs at most half of the time. A run that happens to be quick shortens that
// by a quarter only, so that the time between runs does not flutter. It belongs
// to one goroutine.
type rest struct {
	cost  time.Duration // of a run
	least time.Duration // what a run takes that nobody disturbs
	until time.Time
}

// longestRest bounds how long a query waits on its own account.
const longestRest = time.Second

func (r *rest) ran(took time.Duration, now time.Time) {
	r.cost = max(took, r.cost*3/4)
	// What it takes may have become more for good.
	if r.least += r.least / 32; r.least == 0 || took < r.least {
		r.least = took
	}
	r.until = now.Add(min(r.cost, longestRest))
}

// budget is what all queries of a database share that have to be run again for
// each change, whomever it concerns. Together they take no more of the
// database's time than some connections could, apart from a head start: the more
// of them there are, the longer they wait, and the more changes a run answers.
//
// It begins with one connection. While runs take about as long as they do when
// nobody disturbs them, it is one more from time to time; as soon as they take
// much longer, it is half as many: then there is somebody else who needs the
// database, or there is nothing to be gained.
type budget struct {
	once sync.Once
	gate chan struct{} // of capacity 1: who waits for time to be spent

	// spentMu guards everything below.
	spentMu sync.Mutex
	spent   time.Time // until then, the time of the connections is given away
	width   float64   // connections; 0 counts as 1
	runs    int       // since the width was last looked at
	stretch float64   // of these runs, summed up: how much longer they took
	looked  time.Time
	calm    int // looks in a row that found nobody disturbed
}

// How the width of a budget changes.
const (
	// headStart is how much more can be taken at once.
	headStart = 250 * time.Millisecond
	// mostConnections is how many it can be.
	mostConnections = 3
	// Not fewer runs are looked at, and not more often.
	runsPerLook  = 16
	timePerLook  = 50 * time.Millisecond
	calmLooks    = 2   // before there is one more
	calmStretch  = 1.5 // up to which nobody is disturbed
	pressStretch = 2.5 // from which on somebody is
	// forgetAfter is how long it lasts without a run.
	forgetAfter = 10 * time.Second
)

// enter waits until there is time for a run, behind all who wait already, and
// reserves it. What a run will take is only guessed: nobody waits for the guesses
// of others who have not begun. It reports whether time is reserved.
func (b *budget) enter(ctx context.Context, cost time.Duration) (taken bool, err error) {
	b.once.Do(func() { b.gate = make(chan struct{}, 1) })
	select {
	case b.gate <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-b.gate }()
	return true, wait.For(ctx, b.take(cost, time.Now()))
}

// take reserves the time that a run will take, and returns how long to wait for
// it.
func (b *budget) take(cost time.Duration, now time.Time) time.Duration {
	b.spentMu.Lock()
	defer b.spentMu.Unlock()
	if b.spent.Before(now) {
		if now.Sub(b.spent) > forgetAfter {
			b.width, b.calm, b.runs, b.stretch = 1, 0, 0, 0
		}
		b.spent = now
	}
	pause := b.spent.Sub(now) - headStart
	b.spent = b.spent.Add(b.share(cost))
	return max(pause, 0)
}

// share is how much of the time of all connections a run takes. It is called
// under spentMu.
func (b *budget) share(cost time.Duration) time.Duration {
	return time.Duration(float64(cost) / max(b.width, 1))
}

// settle corrects what was taken, when the run has shown what it takes.
func (b *budget) settle(took, cost time.Duration) {
	b.spentMu.Lock()
	defer b.spentMu.Unlock()
	b.spent = b.spent.Add(b.share(took - cost))
}

// ran tells how long a run took, and how long it takes when nobody disturbs it.
// The budget may have as many connections as it is let.
func (b *budget) ran(took, least time.Duration, connections int, now time.Time) {
	if least <= 0 {
		return
	}
	b.spentMu.Lock()
	defer b.spentMu.Unlock()
	b.runs++
	b.stretch += float64(took) / float64(least)
	if b.runs < runsPerLook || now.Sub(b.looked) < timePerLook {
		return
	}
	stretch := b.stretch / float64(b.runs)
	b.runs, b.stretch, b.looked = 0, 0, now
	b.width = max(b.width, 1)
	switch {
	case stretch > pressStretch:
		b.width, b.calm = max(b.width/2, 1), 0
	case stretch > calmStretch:
		b.calm = 0
	default:
		if b.calm++; b.calm >= calmLooks {
			b.width, b.calm = min(b.width+1, float64(connections)), 0
		}
	}
}

package conform

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// RaceOptions configure [Race]. Zero values stand for the defaults.
type RaceOptions struct {
	// Duration is how long the writers write: 3 s. On a slow machine they go on
	// until Transactions have ended, 100, or 20 times as long.
	Duration     time.Duration
	Transactions int
	// Writers is how many write at the same time, beside the slow one: 8.
	Writers int
	// Readers is how many sources are polled: 2.
	Readers int
	// Slow is for how long the slow transaction stays open, which another one
	// follows at once: 700 ms. With one writer at a time it is 50 ms, and
	// as much time lies between two.
	Slow time.Duration
	// Pause is the longest time between two transactions of one writer: 4 ms.
	// Gap is the time between two polls of one reader: 2 ms.
	Pause, Gap time.Duration
	// Bulk is the number of rows that one statement updates, in the middle of
	// the race. 0 is for none.
	Bulk int
	// Seed makes the random choices; 0 draws one.
	Seed uint64
}

func (o *RaceOptions) normalize(e *Engine) {
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{{&o.Duration, 3 * time.Second}, {&o.Pause, 4 * time.Millisecond}, {&o.Gap, 2 * time.Millisecond}} {
		if *d.value <= 0 {
			*d.value = d.standard
		}
	}
	if o.Writers <= 0 {
		o.Writers = 8
	}
	if o.Transactions <= 0 {
		o.Transactions = 100
	}
	if o.Readers <= 0 {
		o.Readers = 2
	}
	if o.Slow <= 0 {
		o.Slow = 700 * time.Millisecond
		if e.lacks(ConcurrentWriters) {
			o.Slow = 50 * time.Millisecond
		}
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
}

// race is one run.
type race struct {
	tb      testing.TB
	engine  *Engine
	db      *Database
	options RaceOptions
	ledger  ledger
	fresh   atomic.Int64 // the last id that was given away
	traced  bool         // there is a table trace
}

// firstFresh is the first id that writers insert; hotItems are there from the
// start, for all writers.
const (
	firstFresh = 1000
	hotItems   = 5
)

// Race lets many writers change the tables of [Schema] at random and polls
// sources all the while, some of which connect anew every now and then. It
// fails tb unless every committed row was told by the first poll that was sent
// after the commit was acknowledged, or by an earlier one that came back after
// the commit had been sent; and if a row was told that was not committed.
//
// Marks and resets count for the tables that they cover, and are reported.
// They fail the test where neither the statements nor the engine are a reason
// for them: transactions change few rows, and all of them by key, but for
// those of the tables loose, scratch, pile and child, and for extras.
//
// If the engine has a naive cursor, it must have lost rows in the end:
// otherwise the race proves nothing.
func Race(tb testing.TB, e Engine, options RaceOptions) *Report {
	tb.Helper()
	options.normalize(&e)
	r := &race{tb: tb, engine: &e, db: e.open(tb), options: options}
	r.fresh.Store(firstFresh)
	exec(tb, r.db.DB, insertItems(1, series(1, hotItems)...))
	if r.traced = e.Naive != ""; r.traced {
		exec(tb, r.db.DB, e.Naive)
	}
	if options.Bulk > 0 {
		r.fillPile()
	}
	report := r.run()
	tb.Logf("race of %s, seed %d: %v", e.Name, options.Seed, report)
	for _, problem := range report.Problems {
		tb.Error(problem)
	}
	return report
}

// run runs the readers and, among them, the writers.
func (r *race) run() *Report {
	r.tb.Helper()
	var watchers []*watcher
	for i := range r.options.Readers {
		// Connected here: only the test's own goroutine may end the test.
		watchers = append(watchers, newWatcher(r, i))
	}
	stop := make(chan struct{}) // closed when all has been written
	var reading sync.WaitGroup
	for _, w := range watchers {
		reading.Go(func() { w.run(stop) })
	}
	var naive naive
	if r.traced {
		reading.Go(func() { naive.run(r.db.DB, stop) })
	}
	r.write()
	close(stop)
	reading.Wait()
	report := r.judge(watchers)
	if r.traced {
		naive.judge(r, report)
	}
	return report
}

// write runs all writers until the time is over.
func (r *race) write() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*r.options.Duration)
	defer cancel()
	var writing sync.WaitGroup
	writing.Go(func() {
		defer cancel()
		sleep(ctx, r.options.Duration)
		for ctx.Err() == nil && r.ledger.transactions() < r.options.Transactions {
			sleep(ctx, 10*time.Millisecond)
		}
	})
	for i := range r.options.Writers {
		w := r.newWriter(uint64(i))
		writing.Go(func() { w.run(ctx) })
	}
	slow := r.newWriter(1 << 32)
	writing.Go(func() { slow.runSlow(ctx) })
	if r.options.Bulk > 0 {
		bulk := r.newWriter(1 << 33)
		writing.Go(func() { bulk.runBulk(ctx) })
	}
	writing.Wait()
}

// fillPile inserts the rows that the bulk statement updates.
func (r *race) fillPile() {
	r.tb.Helper()
	n := min(r.options.Bulk, 500)
	exec(r.tb, r.db.DB, insertRows("pile", series(1, n)...))
	for n < r.options.Bulk {
		more := min(n, r.options.Bulk-n)
		exec(r.tb, r.db.DB, "INSERT INTO pile(id, ver) SELECT id + "+number(n)+", ver FROM pile WHERE id <= "+number(more))
		n += more
	}
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

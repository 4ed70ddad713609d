package conform

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// reconnectEvery is after how many polls every second watcher connects anew.
const reconnectEvery = 20

// watcher polls one source and writes down what it says.
type watcher struct {
	race   *race
	number int
	// follower has the source, the connection and the cursor. Its own polls
	// are for the test's goroutine.
	follower *follower

	polls []pollTimes
	// At which polls a row or a mark was told, in rising order.
	rows   map[rowID][]int32
	resets []int32
	why    string // of the last reset
	err    error
}

// pollTimes is when a poll was sent and when its answer was there, and whether
// it looked at the capture.
type pollTimes struct {
	sent, answered time.Time
	checked        bool
}

// newWatcher connects a source and takes the first cursor.
func newWatcher(r *race, number int) *watcher {
	r.tb.Helper()
	return &watcher{race: r, number: number, follower: follow(r.tb, r.db), rows: make(map[rowID][]int32)}
}

// run polls until stop is closed, and then until a poll has looked at everything: what
// fires no trigger is told by no other.
func (w *watcher) run(stop <-chan struct{}) {
	for last := false; w.err == nil; {
		w.poll()
		if last && w.err == nil && w.polls[len(w.polls)-1].checked {
			return
		}
		if !last && w.number%2 == 1 && len(w.polls)%reconnectEvery == 0 {
			w.reconnect()
		}
		timer := time.NewTimer(w.race.options.Gap)
		select {
		case <-timer.C:
		case <-stop:
			last, stop = true, nil
			timer.Stop()
		}
	}
}

// poll polls once. A delta may be large: there is as much time as it takes.
func (w *watcher) poll() {
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	sent := time.Now()
	delta, err := w.follower.reader.Poll(ctx, w.follower.cursor)
	answered := time.Now()
	if err != nil {
		w.err = fmt.Errorf("poll %d: %w", len(w.polls), err)
		return
	}
	n := int32(len(w.polls)) //nolint:gosec // polls of some seconds or minutes
	w.polls = append(w.polls, pollTimes{sent, answered, !delta.Unchecked})
	w.follower.cursor = delta.Cursor
	if delta.Reset != "" {
		w.resets, w.why = append(w.resets, n), delta.Reset
	}
	for _, c := range delta.Changes {
		if problem := changeProblem(w.race.db.Schema, c); problem != "" {
			w.err = fmt.Errorf("poll %d delivered %s (%v)", n, problem, c)
			return
		}
		r := rowID{c.Table.Name, keyText(c.Key)}
		if at := w.rows[r]; len(at) == 0 || at[len(at)-1] != n {
			w.rows[r] = append(at, n)
		}
	}
}

func (w *watcher) reconnect() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f := w.follower
	err := f.reader.Close()
	f.reader = nil
	if err != nil {
		w.err = fmt.Errorf("close after %d polls: %w", len(w.polls), err)
		return
	}
	reader, err := f.source.Connect(ctx)
	if err != nil {
		w.err = fmt.Errorf("connect after %d polls: %w", len(w.polls), err)
		return
	}
	f.reader = reader
}

// naive follows the table trace by its rising id, as many programs do.
type naive struct {
	seen map[int64]bool
	last int64
	err  error
}

// run reads until stop is closed, and once more.
func (n *naive) run(db *sql.DB, stop <-chan struct{}) {
	n.seen = make(map[int64]bool)
	for last := false; n.err == nil; {
		n.err = n.read(db)
		if last {
			return
		}
		timer := time.NewTimer(2 * time.Millisecond)
		select {
		case <-timer.C:
		case <-stop:
			last = true
			timer.Stop()
		}
	}
}

func (n *naive) read(db *sql.DB) (err error) {
	rows, err := db.QueryContext(context.Background(), fmt.Sprintf("SELECT id, k FROM trace WHERE id > %d ORDER BY id", n.last))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err tells
	for rows.Next() {
		var k int64
		if err := rows.Scan(&n.last, &k); err != nil {
			return err
		}
		n.seen[k] = true
	}
	return rows.Err()
}

// judge counts what the naive reader has lost. It must be something.
func (n *naive) judge(r *race, report *Report) {
	for _, k := range r.ledger.trace {
		report.NaiveRows++
		if !n.seen[k] {
			report.NaiveLost++
		}
	}
	switch {
	case n.err != nil:
		report.problem("the naive reader failed: %v", n.err)
	case report.NaiveLost == 0:
		report.problem("the naive cursor lost none of %d rows: the race proves nothing", report.NaiveRows)
	}
}

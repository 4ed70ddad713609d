package conform

import (
	"fmt"
	"slices"
	"sort"
	"time"
)

// Report is what a [Race] has found.
type Report struct {
	// Commits, RolledBack and Aborted count transactions: those that the
	// database ended with an error are aborted. Rows is how many rows the
	// commits have changed.
	Commits, RolledBack, Aborted, Rows int
	// Polls of all readers. Verified counts the rows that were looked up, once
	// for each reader.
	Polls, Verified int

	// Missed rows were never told; Late rows later than by the first poll that
	// was sent after the acknowledgement; Phantoms were told although, or
	// before, they were committed.
	Missed, Late, Phantoms int

	// Marked counts the rows that were told by a mark or a reset alone.
	Marked, Marks, Resets int

	// NaiveRows were committed for the naive cursor, which did not see
	// NaiveLost.
	NaiveRows, NaiveLost int

	// Latency is the time from the acknowledgement of a commit to the answer
	// that told it; 0 if it came first. It includes the gap between polls.
	Latency Latencies

	// Problems is why the race fails.
	Problems []string
}

func (r *Report) String() string {
	return fmt.Sprintf("%d commits (%d rolled back, %d aborted) of %d rows; %d polls, %d rows looked up: %d missed, %d late, %d phantoms; "+
		"%d by marks alone (%d marks, %d resets); latency %v; naive cursor lost %d of %d",
		r.Commits, r.RolledBack, r.Aborted, r.Rows, r.Polls, r.Verified, r.Missed, r.Late, r.Phantoms,
		r.Marked, r.Marks, r.Resets, r.Latency, r.NaiveLost, r.NaiveRows)
}

// problem adds a problem. Only the first ones are of interest.
func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) < 12 {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// judge holds what the watchers were told against the ledger.
func (r *race) judge(watchers []*watcher) *Report {
	l := &r.ledger
	report := &Report{Commits: len(l.commits), RolledBack: l.rolledBack, Aborted: l.aborted}
	for _, c := range l.commits {
		report.Rows += len(c.rows)
		for _, n := range c.counted {
			report.Rows += n
		}
	}
	var latencies []time.Duration
	for _, w := range watchers {
		report.Polls += len(w.polls)
		if w.err != nil {
			report.problem("reader %d: %v", w.number, w.err)
			continue // what it missed has a reason
		}
		latencies = append(latencies, w.judge(report)...)
		w.judgeMarks(report)
	}
	report.Latency = LatenciesOf(latencies)
	switch {
	case report.Commits == 0:
		report.problem("nothing was committed (first error: %v)", l.firstError)
	case l.aborted+l.unknown > report.Commits:
		report.problem("%d transactions failed, %d did not (first error: %v)", l.aborted+l.unknown, report.Commits, l.firstError)
	}
	return report
}

// judge looks up every commit in what one watcher was told.
func (w *watcher) judge(report *Report) (latencies []time.Duration) {
	l := &w.race.ledger
	for _, c := range l.commits {
		// The polls that may tell it.
		from := sort.Search(len(w.polls), func(i int) bool { return !w.polls[i].answered.Before(c.sent) })
		to := sort.Search(len(w.polls), func(i int) bool { return w.polls[i].sent.After(c.acked) })
		for c.voids && to < len(w.polls)-1 && !w.polls[to].checked {
			to++
		}
		for _, r := range c.rows {
			report.Verified++
			at, byKey := w.toldBetween(r, from, to)
			switch {
			case at < 0:
				w.notTold(report, r, from, to)
			case !byKey && r.key != "":
				report.Marked++
			}
			if at >= 0 {
				latencies = append(latencies, max(0, w.polls[at].answered.Sub(c.acked)))
			}
			if at := w.rows[r]; c.created[r] && len(at) > 0 && int(at[0]) < from {
				report.Phantoms++
				report.problem("reader %d was told of %v %v before COMMIT was sent", w.number, r, c.sent.Sub(w.polls[at[0]].answered))
			}
		}
		for table, n := range c.counted {
			report.Verified += n
			if got := w.countBetween(table, from, to, n); got < n {
				report.Missed += n - got
				report.problem("reader %d was told of %d of the %d rows of %s that a statement changed", w.number, got, n, table)
			}
		}
	}
	for r := range l.never {
		if len(w.rows[r]) > 0 {
			report.Phantoms++
			report.problem("reader %d was told of %v, which was rolled back", w.number, r)
		}
	}
	return latencies
}

// toldBetween returns the first of the polls from…to that tells of a row, by
// its key or by a mark or a reset, or -1.
func (w *watcher) toldBetween(r rowID, from, to int) (at int, byKey bool) {
	at = first(w.rows[r], from, to)
	byKey = at >= 0
	for _, wide := range [][]int32{w.rows[rowID{table: r.table}], w.resets} {
		if i := first(wide, from, to); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	return at, byKey
}

// first returns the first of the sorted polls that lies in from…to, or -1.
func first(polls []int32, from, to int) int {
	i := sort.Search(len(polls), func(i int) bool { return int(polls[i]) >= from })
	if i < len(polls) && int(polls[i]) <= to {
		return int(polls[i])
	}
	return -1
}

// notTold counts a row that none of the polls from…to told of.
func (w *watcher) notTold(report *Report, r rowID, from, to int) {
	if at, _ := w.toldBetween(r, to+1, len(w.polls)); at >= 0 {
		report.Late++
		report.problem("reader %d was told of %v by poll %d, want %d to %d", w.number, r, at, from, to)
		return
	}
	report.Missed++
	report.problem("reader %d was never told of %v", w.number, r)
}

// countBetween counts the rows of a table that the polls told of; a mark or a
// reset counts for all.
func (w *watcher) countBetween(table string, from, to, all int) (n int) {
	if at, _ := w.toldBetween(rowID{table: table}, from, to); at >= 0 {
		return all
	}
	for r, at := range w.rows {
		if r.table == table && first(at, from, to) >= 0 {
			n++
		}
	}
	return min(n, all)
}

// judgeMarks counts marks and resets, and asks for their reason.
func (w *watcher) judgeMarks(report *Report) {
	keyed := []string{"item", "word", "pair", "parent"}
	// A log of rows may end with one statement on very many of them, or tell
	// it by marks, with what is beside it.
	bulk := w.race.options.Bulk > 0 && w.race.engine.lacks(Capped)
	allowed := w.race.ledger.voided || bulk
	for r, at := range w.rows {
		if r.key != "" {
			continue
		}
		report.Marks += len(at)
		if !allowed && slices.Contains(keyed, r.table) {
			report.problem("reader %d was told %d marks on %s, all of whose changes have keys", w.number, len(at), r.table)
		}
	}
	report.Resets += len(w.resets)
	if len(w.resets) > 0 && !allowed {
		report.problem("reader %d was told %d resets, the last one because %s", w.number, len(w.resets), w.why)
	}
}

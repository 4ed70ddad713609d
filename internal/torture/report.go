package torture

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/vantage-go/live/cache"
)

// Report is the outcome of a run.
type Report struct {
	// Commits and RolledBack count transactions, OwnCommits those through a
	// judged handle of this process, LiveCommits those through handles of
	// others, and Aborted those that the server ended for the sake of others.
	Commits, OwnCommits, LiveCommits, RolledBack, Aborted int
	// Reads counts the judged answers of this process, Hits those of them that
	// came from memory. LiveReads are answers that were judged in others.
	Reads, Hits uint64
	LiveReads   int
	// Stranded counts reads that failed because the schema changed.
	Stranded int
	Verdict  Verdict
	// Unheard counts answers that miss a transaction of their own handle, for it
	// changed them through a link that another program had made within the lease.
	Unheard int
	// AgeP50, AgeP99 and AgeMax tell for how long the database had certainly
	// held another answer when a read began.
	AgeP50, AgeP99, AgeMax time.Duration
	// Lost counts the rows whose changes the feed did not deliver, Different
	// the questions whose last answer from the handle is not the database's.
	Lost, Different int
	// Resets counts how often the feeds started afresh.
	Resets int
	// Violations tells of the first of all these.
	Violations []string
	// Stats are those of the two handles.
	Stats []cache.Stats
}

// Share returns the share of answers that came from memory.
func (r *Report) Share() float64 {
	if r.Reads == 0 {
		return 0
	}
	return float64(r.Hits) / float64(r.Reads)
}

// String returns the report as one line.
func (r *Report) String() string {
	return fmt.Sprintf("%d commits (%d own, %d through handles of other processes), %d rolled back, %d aborted; %d reads judged, %.1f%% hits, and %d of other processes, %d stranded; "+
		"staleness p50 %v, p99 %v, max %v; older than the lease %d, own writes missed %d (and %d behind links of others), never right %d, rows lost by the feed %d, different at the end %d; %d resets",
		r.Commits, r.OwnCommits, r.LiveCommits, r.RolledBack, r.Aborted, r.Reads, 100*r.Share(), r.LiveReads, r.Stranded,
		r.AgeP50.Round(time.Microsecond), r.AgeP99.Round(time.Microsecond), r.AgeMax.Round(time.Microsecond),
		r.Verdict.Old, r.Verdict.Unwritten, r.Unheard, r.Verdict.Wrong, r.Lost, r.Different, r.Resets)
}

// OK reports whether nothing was wrong.
func (r *Report) OK() bool {
	return r.Verdict == Verdict{} && r.Lost == 0 && r.Different == 0 && len(r.Violations) == 0
}

// judge holds everything that was seen against everything that was done.
func (r *run) judge(ctx context.Context) (*Report, error) {
	report := &Report{}
	for _, reader := range r.readers {
		report.Reads += uint64(len(reader.reads))
		report.Stranded += reader.stranded
	}
	for _, w := range r.own {
		report.Aborted += w.aborted
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, h := range r.handles {
		stats := h.CacheStats()
		report.Hits += stats.Hits
		report.Stats = append(report.Stats, stats)
		if err := h.Feed().Sync(ctx); err != nil {
			return nil, err
		}
	}
	lanes, elsewhere, err := r.history()
	if err != nil {
		return nil, err
	}
	for _, h := range lanes {
		report.Commits += h.last()
		report.RolledBack += h.rolledBack
		for _, c := range h.commits {
			switch {
			case c.handle == written:
				report.OwnCommits++
			case c.handle != nobody:
				report.LiveCommits++
			}
		}
	}
	j := newJudge(lanes, r.questions)
	for _, reader := range r.readers {
		for _, seen := range reader.reads {
			j.see(seen, reader.handle)
		}
	}
	for handle, reads := range elsewhere {
		report.LiveReads += len(reads)
		for _, seen := range reads {
			j.see(seen, handle)
		}
	}
	report.Verdict, report.Unheard, report.Violations = j.counts, j.unheard, j.violations
	report.AgeP50, report.AgeP99, report.AgeMax = j.age(0.5), j.age(0.99), j.age(1)
	for _, handle := range r.handles {
		lost := handle.tally.lost(lanes, r.config.Alter, r.engine)
		report.Resets += len(handle.tally.resets)
		report.Lost += len(lost)
		report.Violations = append(report.Violations, lost[:min(len(lost), 10)]...)
	}
	return report, r.compare(ctx, lanes, report)
}

// history returns the histories of the lanes, and what was read through the
// handles of other processes.
func (r *run) history() (lanes []*history, elsewhere map[int][]read, err error) {
	ledgers, handles := slices.Clone(r.ledgers), slices.Repeat([]int{written}, len(r.ledgers))
	elsewhere = make(map[int][]read)
	for i, file := range r.files {
		entries, err := readLedger(file)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			if e.Read != nil {
				elsewhere[r.through[i]] = append(elsewhere[r.through[i]], *e.Read)
			}
		}
		ledgers, handles = append(ledgers, entries), append(handles, r.through[i])
	}
	for lane, first := range r.first {
		h, err := newHistory(int64(lane), first, ledgers, handles)
		if err != nil {
			return nil, nil, err
		}
		lanes = append(lanes, h)
	}
	return lanes, elsewhere, nil
}

// patient is how often a question is asked that fails because the schema was
// changed.
const patient = 20

// compare asks every question once more, of the handles, of their memories and
// of the database.
func (r *run) compare(ctx context.Context, lanes []*history, report *Report) error {
	for lane, h := range lanes {
		last, err := r.engine.dump(ctx, r.plain, int64(lane), int64(h.last()))
		if err != nil {
			return err
		}
		if want := h.commits[h.last()].state; !want.equal(last) {
			report.Different++
			report.Violations = append(report.Violations, fmt.Sprintf("lane %d: the database holds %+v, its history ends with %+v", lane, last, want))
		}
	}
	for i := range r.questions {
		q := &r.questions[i]
		if q.session > 0 {
			continue // for connections with other settings
		}
		want, err := q.ask(ctx, r.plain)
		if err != nil {
			return err
		}
		for n := range 2 * len(r.handles) {
			got, err := q.ask(ctx, r.handles[n/2])
			for again := 0; err != nil && r.engine.transient(err) && again < patient; again++ {
				// Each connection may have to learn of a change of the schema.
				got, err = q.ask(ctx, r.handles[n/2])
			}
			if err != nil {
				return err
			}
			if got != want {
				report.Different++
				report.Violations = append(report.Violations, fmt.Sprintf("%v: at the end, a handle answers otherwise than the database", q))
			}
		}
	}
	return nil
}

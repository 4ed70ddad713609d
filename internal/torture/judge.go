package torture

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"
)

// read is one answer that was given.
type read struct {
	question   int32
	start, end int64
	answer     answer
}

// judge holds reads against the history.
type judge struct {
	history   *History
	questions []question
	spans     [][]span
	lease     int64
	// own holds, for each question, the transactions of the judged handle that
	// changed its answer.
	own [][]told

	violations []string
	counts     Verdict
	ages       []int64
}

// told is a transaction that the judged handle was told to be committed.
type told struct {
	acked   int64
	version int
	highest int // the greatest version up to this one, in the order of acked
}

// Verdict counts what was wrong with answers.
type Verdict struct {
	// Old answers were not current at any time within the lease.
	Old int
	// Unwritten answers miss a transaction that this process had been told to
	// be committed, through the same handle.
	Unwritten int
	// Wrong answers were never right.
	Wrong int
}

func newJudge(h *History, all []question, lease time.Duration) *judge {
	j := &judge{history: h, questions: all, lease: int64(lease)}
	for i := range all {
		j.spans = append(j.spans, h.spans(&all[i]))
	}
	for _, spans := range j.spans {
		var own []told
		for _, s := range spans {
			if c := h.commits[s.from]; c.own {
				own = append(own, told{acked: c.acked, version: s.from})
			}
		}
		slices.SortFunc(own, func(a, b told) int { return cmp.Compare(a.acked, b.acked) })
		highest := 0
		for i := range own {
			highest = max(highest, own[i].version)
			own[i].highest = highest
		}
		j.own = append(j.own, own)
	}
	return j
}

// told returns the last transaction that changed the answer to a question and
// that the handle had been told of by t.
func (j *judge) told(question int32, t int64) int {
	own := j.own[question]
	i := sort.Search(len(own), func(i int) bool { return own[i].acked >= t })
	if i == 0 {
		return 0
	}
	return own[i-1].highest
}

// see judges one read. Written tells that it went through the handle that own
// transactions went through.
func (j *judge) see(r read, written bool) {
	h := j.history
	latest := h.possible(r.end)
	oldest := h.certain(r.start - j.lease)
	told := 0
	if written {
		told = j.told(r.question, r.start)
	}
	// The latest stretch of the history with this answer.
	match := span{from: -1, to: -1}
	for _, s := range slices.Backward(j.spans[r.question]) {
		if s.answer == r.answer && s.from <= latest {
			match = s
			break
		}
	}
	if match.to >= 0 && match.to < h.last() {
		// Since that transaction, the answer is another for sure.
		j.ages = append(j.ages, max(0, r.start-h.commits[match.to+1].after))
	} else {
		j.ages = append(j.ages, 0)
	}
	switch {
	case match.to < 0:
		j.counts.Wrong++
		j.note(r, "was never the answer")
	case match.to < told:
		j.counts.Unwritten++
		j.note(r, fmt.Sprintf("misses transaction %d of this handle, is of %d", told, match.to))
	case match.to < oldest:
		j.counts.Old++
		j.note(r, fmt.Sprintf("is of transaction %d; %d was current when the lease began", match.to, oldest))
	}
}

// note keeps the first violations for the report.
func (j *judge) note(r read, what string) {
	if len(j.violations) < 10 {
		j.violations = append(j.violations, fmt.Sprintf("%v at %d: %s", &j.questions[r.question], r.start, what))
	}
}

// age returns the q-th quantile of the ages of all answers: for how long the
// database had certainly held another one when the read began.
func (j *judge) age(q float64) time.Duration {
	if len(j.ages) == 0 {
		return 0
	}
	if !slices.IsSorted(j.ages) {
		slices.Sort(j.ages)
	}
	return time.Duration(j.ages[min(len(j.ages)-1, int(q*float64(len(j.ages))))])
}

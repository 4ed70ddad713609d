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
	Question int32  `json:"q"`
	Start    int64  `json:"s"`
	End      int64  `json:"e"`
	Answer   answer `json:"a"`
	// Within is how far the answer may lag behind, in nanoseconds.
	Within int64 `json:"w"`
}

// judge holds reads against the histories of the lanes.
type judge struct {
	lanes     []*history
	questions []question
	spans     [][]span
	// own holds, for each question and handle, the transactions of that handle
	// that changed the question's answer.
	own []map[int][]told
	// links are the transactions of each lane that changed what its tables are
	// made of.
	links [][]int

	violations []string
	counts     Verdict
	unheard    int // answers that miss an own write for a link of another program
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
	// Old answers were not current at any time within the lease, or within
	// what the reader asked for.
	Old int
	// Unwritten answers miss a transaction that this process had been told to
	// be committed, through the same handle. Those that it changed through a link
	// which another program had just made count as unheard.
	Unwritten int
	// Wrong answers were never right.
	Wrong int
}

func newJudge(lanes []*history, all []question) *judge {
	j := &judge{lanes: lanes, questions: all}
	for _, h := range lanes {
		j.links = append(j.links, h.links())
	}
	for i := range all {
		h := lanes[all[i].lane]
		spans := h.spans(&all[i])
		own := make(map[int][]told)
		for _, s := range spans {
			if c := h.commits[s.from]; c.handle != nobody {
				own[c.handle] = append(own[c.handle], told{acked: c.acked, version: s.from})
			}
		}
		for _, of := range own {
			slices.SortFunc(of, func(a, b told) int { return cmp.Compare(a.acked, b.acked) })
			highest := 0
			for i := range of {
				highest = max(highest, of[i].version)
				of[i].highest = highest
			}
		}
		j.spans, j.own = append(j.spans, spans), append(j.own, own)
	}
	return j
}

// told returns the last transaction that changed the answer to a question and
// that the handle had been told of by t.
func (j *judge) told(question int32, handle int, t int64) int {
	own := j.own[question][handle]
	i := sort.Search(len(own), func(i int) bool { return own[i].acked >= t })
	if i == 0 {
		return 0
	}
	return own[i-1].highest
}

// mayNotHaveHeard reports whether another program may have made a link, or ended
// one, through which an own transaction changed the answer, without the handle
// having to know it: it was not committed yet when the oldest answer was current
// that is good enough.
func (j *judge) mayNotHaveHeard(question int32, handle, told, oldest int) bool {
	q := &j.questions[question]
	if !q.linked {
		return false
	}
	return slices.ContainsFunc(j.links[q.lane], func(v int) bool {
		return v > oldest && v <= told && j.lanes[q.lane].commits[v].handle != handle
	})
}

// see judges one read, which went through that handle.
func (j *judge) see(r read, handle int) {
	h := j.lanes[j.questions[r.Question].lane]
	latest := h.possible(r.End)
	oldest := h.certain(r.Start - r.Within)
	told := j.told(r.Question, handle, r.Start)
	// The latest stretch of the history with this answer.
	match := span{from: -1, to: -1}
	for _, s := range slices.Backward(j.spans[r.Question]) {
		if s.answer == r.Answer && s.from <= latest {
			match = s
			break
		}
	}
	if match.to >= 0 && match.to < h.last() {
		// Since that transaction, the answer is another for sure.
		j.ages = append(j.ages, max(0, r.Start-h.commits[match.to+1].after))
	} else {
		j.ages = append(j.ages, 0)
	}
	switch {
	case match.to < 0:
		j.counts.Wrong++
		j.note(r, "was never the answer")
	case match.to < told && match.to >= oldest && j.mayNotHaveHeard(r.Question, handle, told, oldest):
		j.unheard++
	case match.to < told:
		j.counts.Unwritten++
		j.note(r, fmt.Sprintf("misses transaction %d of this handle, is of %d", told, match.to))
	case match.to < oldest:
		j.counts.Old++
		j.note(r, fmt.Sprintf("is of transaction %d; %d was current %v before it began", match.to, oldest, time.Duration(r.Within)))
	}
}

// note keeps the first violations for the report.
func (j *judge) note(r read, what string) {
	if len(j.violations) < 10 {
		j.violations = append(j.violations, fmt.Sprintf("%v at %d: %s", &j.questions[r.Question], r.Start, what))
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

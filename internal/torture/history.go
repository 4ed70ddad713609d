package torture

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

// commit is one transaction of the history. It took effect somewhere between
// before and after.
type commit struct {
	before, after int64
	handle        int // that it went through
	acked         int64
	state         state
}

// nobody is the number of the handle of a program that has none.
const nobody = 0

// history is everything that was committed in one lane, in order: element v is
// transaction v, the first one the contents that the run began with.
type history struct {
	lane       int64
	commits    []commit
	rolledBack int
}

// newHistory puts the entries of ledgers on a lane together. Handles tells for
// each ledger through which handle its writer went.
func newHistory(lane int64, first state, ledgers [][]entry, handles []int) (*history, error) {
	h := &history{lane: lane, commits: []commit{{state: first, before: math.MinInt64, after: math.MinInt64}}}
	type proposal struct {
		commit
		known bool
	}
	byVersion := make(map[int64][]*proposal)
	for i, entries := range ledgers {
		open := make(map[int64]*proposal)
		for _, e := range entries {
			if e.Lane != lane {
				continue
			}
			h.rolledBack += e.RolledBack
			switch {
			case e.State != nil:
				p := &proposal{commit: commit{before: e.Before, after: math.MaxInt64, handle: handles[i], acked: math.MaxInt64, state: *e.State}}
				open[e.Version] = p
				byVersion[e.Version] = append(byVersion[e.Version], p)
			case e.Undone:
				byVersion[e.Version] = slices.DeleteFunc(byVersion[e.Version], func(p *proposal) bool { return p == open[e.Version] })
				if len(byVersion[e.Version]) == 0 {
					delete(byVersion, e.Version)
				}
			case e.After != 0:
				p := open[e.Version]
				if p == nil {
					return nil, fmt.Errorf("torture: transaction %d of lane %d was acknowledged and never sent", e.Version, lane)
				}
				p.known, p.after, p.acked = true, e.After, e.After
			}
		}
	}
	for v := int64(1); len(byVersion[v]) > 0; v++ {
		// Of those that nobody acknowledged, none or one was committed; if the
		// number was given again, none.
		all := byVersion[v]
		slices.SortStableFunc(all, func(a, b *proposal) int { return cmp.Compare(a.after, b.after) })
		if len(all) > 1 && all[1].known {
			return nil, fmt.Errorf("torture: transaction %d of lane %d was committed twice", v, lane)
		}
		if len(all) > 1 && !all[0].known {
			return nil, fmt.Errorf("torture: transaction %d of lane %d was committed by one of %d writers that were killed", v, lane, len(all))
		}
		h.commits = append(h.commits, all[0].commit)
		delete(byVersion, v)
	}
	if len(byVersion) > 0 {
		return nil, fmt.Errorf("torture: %d transactions of lane %d follow a gap after %d", len(byVersion), lane, len(h.commits)-1)
	}
	// There is one writer at a time in a lane, and it reads the clock while it
	// holds the lock: what came before had taken effect by then.
	for v := len(h.commits) - 2; v >= 0; v-- {
		h.commits[v].after = min(h.commits[v].after, h.commits[v+1].before)
	}
	return h, nil
}

// last returns the number of the last transaction.
func (h *history) last() int { return len(h.commits) - 1 }

// possible returns the last transaction that may have taken effect by t.
func (h *history) possible(t int64) int {
	return sort.Search(len(h.commits), func(v int) bool { return h.commits[v].before > t }) - 1
}

// certain returns the last transaction that has taken effect by t for sure.
func (h *history) certain(t int64) int {
	return max(0, sort.Search(len(h.commits), func(v int) bool { return h.commits[v].after >= t })-1)
}

// span is a stretch of transactions over which an answer stays the same.
type span struct {
	from, to int
	answer   answer
}

// spans returns the answers to a question over the history.
func (h *history) spans(q *question) []span {
	var all []span
	for v, c := range h.commits {
		a := q.expected(int64(v), c.state)
		if n := len(all); n > 0 && all[n-1].answer == a {
			all[n-1].to = v
			continue
		}
		all = append(all, span{v, v, a})
	}
	return all
}

// links lists the transactions that changed of which tables a table consists.
func (h *history) links() []int {
	var all []int
	for v := 1; v < len(h.commits); v++ {
		if h.commits[v].state.Facts.Detached != h.commits[v-1].state.Facts.Detached {
			all = append(all, v)
		}
	}
	return all
}

// telling is a change of one row that the feed has to tell.
type telling struct {
	row    rowKey
	before int64 // an instant before it was committed
}

// changes lists the changes of rows, and of the row of seq by every
// transaction.
func (h *history) changes() []telling {
	var all []telling
	for v := 1; v < len(h.commits); v++ {
		before := h.commits[v].before
		all = append(all, telling{rowKey{"seq", h.lane}, before})
		for _, k := range diff(h.commits[v-1].state, h.commits[v].state) {
			all = append(all, telling{k, before})
		}
	}
	return all
}

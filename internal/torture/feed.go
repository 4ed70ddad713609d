package torture

import (
	"fmt"
	"strings"
	"sync"

	"github.com/vantage-go/live/listen"
)

// tally counts what a feed delivers.
type tally struct {
	tallyMu sync.Mutex
	counts  map[rowKey]int
	// last is when a row was told the last time, marked when a whole table
	// was, and reset when everything was.
	last   map[rowKey]int64
	marked map[string]int64
	reset  int64
	resets []string
}

var _ listen.Consumer = (*tally)(nil)

func newTally() *tally {
	return &tally{counts: make(map[rowKey]int), last: make(map[rowKey]int64), marked: make(map[string]int64)}
}

// Apply counts the changes of a batch.
func (t *tally) Apply(b listen.Batch) {
	t.tallyMu.Lock()
	defer t.tallyMu.Unlock()
	at := now()
	if b.Reset != "" {
		t.resets, t.reset = append(t.resets, b.Reset), at
	}
	for _, c := range b.Changes {
		if c.Op == listen.Whole {
			t.marked[c.Table.Name] = at
			continue
		}
		row := rowKey{c.Table.Name, plainKey(c.Key)}
		t.counts[row]++
		t.last[row] = at
	}
}

// plainKey is a key as the history writes it: composite ones as a text.
func plainKey(key any) any {
	values, composite := key.([]any)
	if !composite {
		return key
	}
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = fmt.Sprint(v)
	}
	return strings.Join(parts, ",")
}

// Changed does nothing: what a feed misses while it is away, it delivers
// later.
func (t *tally) Changed(listen.State) {}

// lost says which changes of the histories were not delivered: nothing may
// have been told for the last time before it happened for the last time. If the
// schema changed, everything may have been void now and then; else there is no
// reason for anything but keys, and as many as there were changes, where the
// engine's feed does not fold those of one poll, and no foreign key has changed
// the rows.
func (t *tally) lost(lanes []*history, altered bool, e *Engine) []string {
	t.tallyMu.Lock()
	defer t.tallyMu.Unlock()
	var all []string
	counts, lastly := make(map[rowKey]int), make(map[rowKey]int64)
	for _, h := range lanes {
		for _, c := range h.changes() {
			counts[c.row]++
			lastly[c.row] = c.before
		}
	}
	for row, before := range lastly {
		if told := max(t.last[row], t.marked[row.table], t.reset); told < before {
			all = append(all, fmt.Sprintf("%s %v was not told after it changed for the last time", row.table, row.key))
		}
	}
	if altered {
		return all
	}
	for _, why := range t.resets {
		all = append(all, "the feed started afresh: "+why)
	}
	for row, n := range counts {
		if t.marked[row.table] > 0 {
			if row.table == e.marks {
				continue
			}
			all = append(all, "changes of "+row.table+" were delivered without their keys")
			continue
		}
		if e.folds {
			continue
		}
		got := t.counts[row]
		// Each transaction writes one row of the log for seq.
		if got < n || row.table == "seq" && got != n {
			all = append(all, fmt.Sprintf("%s %v changed %d times, %d changes were delivered", row.table, row.key, n, got))
		}
	}
	return all
}

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
	resets  []string
	marks   int
}

var _ listen.Consumer = (*tally)(nil)

// Apply counts the changes of a batch.
func (t *tally) Apply(b listen.Batch) {
	t.tallyMu.Lock()
	defer t.tallyMu.Unlock()
	if b.Reset != "" {
		t.resets = append(t.resets, b.Reset)
	}
	for _, c := range b.Changes {
		if c.Op == listen.Whole {
			t.marks++
			continue
		}
		t.counts[rowKey{c.Table.Name, plainKey(c.Key)}]++
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

// lost says which changes of the history were not delivered.
func (t *tally) lost(h *History) []string {
	t.tallyMu.Lock()
	defer t.tallyMu.Unlock()
	var all []string
	for _, why := range t.resets {
		all = append(all, "the feed started afresh: "+why)
	}
	if t.marks > 0 {
		all = append(all, fmt.Sprintf("%d changes were delivered without their keys", t.marks))
	}
	for key, n := range h.changes() {
		got := t.counts[key]
		// Each transaction writes one row of the log for seq.
		if got < n || key.table == "seq" && got != n {
			all = append(all, fmt.Sprintf("%s %v changed %d times, %d changes were delivered", key.table, key.key, n, got))
		}
	}
	return all
}

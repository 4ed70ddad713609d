package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// watch keeps the database open, and tells of its changes until ctx ends.
func (s *show) watch(ctx context.Context) error {
	w := newWatcher()
	s.live.Feed().Subscribe(w)
	s.scene("The database stays open. Write to it from another terminal:")
	s.text(
		"sqlite3 " + s.path + ` "` + strings.Replace(sampleUpdate, "?", "'Written by hand'", 1) + `"`,
	)
	s.text("Every change is told here, whoever made it, with the answers that it changed. Ctrl-C ends this.")
	answers := make(map[string]string)
	// An answer that fails because ctx has ended is how a watch is ended.
	if err := s.answers(ctx, answers); err != nil && ctx.Err() == nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintln(s.out)
			return nil
		case batch := <-w.batches:
			s.tell(batch)
			if err := s.answers(ctx, answers); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// answers reads the watched queries and prints those that have changed.
func (s *show) answers(ctx context.Context, known map[string]string) error {
	for _, q := range sampleWatched {
		before := s.live.CacheStats().Hits
		got, err := answer(ctx, s.live, q)
		if err != nil {
			return err
		}
		where := "read from the database"
		if s.live.CacheStats().Hits > before {
			where = "from memory"
		}
		if known[q] != got {
			fmt.Fprintf(s.out, "            %s  →  %s  %s\n", q, got, s.style(faint, "("+where+")"))
		}
		known[q] = got
	}
	return nil
}

// tell prints what one batch reports, by table and kind of change.
func (s *show) tell(n news) {
	at := n.at.Format("15:04:05.000")
	if n.state != nil {
		fmt.Fprintf(s.out, "  %s  the feed is %v\n", at, *n.state)
		return
	}
	if n.reset != "" {
		fmt.Fprintf(s.out, "  %s  everything is read anew: %s\n", at, n.reset)
	}
	for _, line := range n.lines() {
		fmt.Fprintf(s.out, "  %s  %s\n", at, line)
	}
}

// news is a batch, or a change of the feed's state, on its way to the screen.
type news struct {
	at      time.Time
	state   *listen.State
	reset   string
	changes []listen.Change
	missed  int
}

// The verbs of the operations.
var verbs = map[listen.Op]string{
	listen.Insert: "inserted", listen.Update: "updated", listen.Delete: "deleted", listen.Whole: "changed as a whole",
}

// lines describes the changes: one line for each table and operation, in the
// order of their first appearance.
func (n news) lines() []string {
	type kind struct {
		table dialects.Table
		op    listen.Op
	}
	keys := make(map[kind][]any)
	var order []kind
	for _, c := range n.changes {
		k := kind{c.Table, c.Op}
		if _, seen := keys[k]; !seen {
			order = append(order, k)
		}
		keys[k] = append(keys[k], c.Key)
	}
	lines := make([]string, 0, len(order)+1)
	for _, k := range order {
		line := k.table.Name + " " + verbs[k.op]
		if k.op != listen.Whole {
			line += ": key " + keyList(keys[k])
		}
		lines = append(lines, line)
	}
	if n.missed > 0 {
		lines = append(lines, fmt.Sprintf("and %d batches more", n.missed))
	}
	return lines
}

// keyList writes the first few keys.
func keyList(keys []any) string {
	const few = 8
	var b strings.Builder
	for i, key := range keys {
		if i == few {
			fmt.Fprintf(&b, " and %s more", count(len(keys)-few))
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, key)
	}
	return b.String()
}

// watcher hears the feed and passes on what is worth telling. It never makes
// the feed wait: what the screen cannot keep up with is counted.
type watcher struct {
	batches chan news
	missed  int // of the feed's goroutine
}

var _ listen.Consumer = (*watcher)(nil)

func newWatcher() *watcher { return &watcher{batches: make(chan news, 64)} }

// Apply passes a batch on.
func (w *watcher) Apply(b listen.Batch) {
	if b.Reset != "" || len(b.Changes) > 0 {
		w.pass(news{at: time.Now(), reset: b.Reset, changes: b.Changes})
	}
}

// Changed passes a change of state on.
func (w *watcher) Changed(state listen.State) { w.pass(news{at: time.Now(), state: &state}) }

func (w *watcher) pass(n news) {
	n.missed = w.missed
	select {
	case w.batches <- n:
		w.missed = 0
	default:
		w.missed++
	}
}

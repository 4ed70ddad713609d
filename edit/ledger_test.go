package edit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/edit"
)

// ledger is a store that notes what it has done, until it is told to forget.
type ledger struct {
	edit.Store
	ledgerMu sync.Mutex
	notes    map[string]edit.Note
	until    time.Time
	tidied   int
}

func (l *ledger) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	outcomes := l.Store.Apply(ctx, ops)
	l.ledgerMu.Lock()
	defer l.ledgerMu.Unlock()
	for i, o := range outcomes {
		for _, id := range ops[i].Saves() {
			if o.State == edit.Done {
				l.notes[id] = edit.Note{Key: []any{o.Row.(*bakery).ID}}
			}
		}
	}
	return outcomes
}

func (l *ledger) Noted(_ context.Context, saves []string) (map[string]edit.Note, error) {
	l.ledgerMu.Lock()
	defer l.ledgerMu.Unlock()
	found := make(map[string]edit.Note)
	for _, id := range saves {
		if n, ok := l.notes[id]; ok {
			found[id] = n
		}
	}
	return found, nil
}

func (l *ledger) Tidy(context.Context) error {
	l.ledgerMu.Lock()
	defer l.ledgerMu.Unlock()
	l.tidied++
	return nil
}

func (l *ledger) Forgotten(context.Context) (time.Time, error) {
	l.ledgerMu.Lock()
	defer l.ledgerMu.Unlock()
	return l.until, nil
}

// TestForgottenNotes: a save of which the ledger has no note was not done,
// unless the note may have been dropped. Then a new row whose key the database
// makes is not made a second time.
func TestForgottenNotes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		done  bool
		until time.Time // notes from before are gone
		err   error
		rows  int
	}{
		"noted":                      {done: true, rows: 1},
		"not done":                   {rows: 1},
		"not done, older are gone":   {until: now.Add(-24 * time.Hour), rows: 1},
		"its note is gone":           {done: true, until: now.Add(time.Hour), err: edit.ErrOutcomeUnknown, rows: 1},
		"its note would be gone":     {until: now.Add(time.Hour), err: edit.ErrOutcomeUnknown},
		"gone by one clock, not all": {done: true, until: now.Add(-time.Minute), err: edit.ErrOutcomeUnknown, rows: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory, b := edit.NewMemory(), &box{}
			g := newGate()
			l := &ledger{Store: memory, notes: make(map[string]edit.Note)}
			g.Store = l
			w := edit.NewWriter(g, edit.WithOutbox(b))
			t.Cleanup(func() { _ = w.Close() })
			bakeries := editorOf[bakery](t, w, "bakery")
			replayTable(t, w, bakeries)
			e := bakeries.New(bakery{Name: "new"})
			defer e.Close()
			p := e.SaveAsync()
			accepted(t, p)
			<-g.arrived
			left := b.copied()
			if c.done {
				g.through <- struct{}{}
				mustWait(t, p)
			}
			if !c.until.IsZero() {
				l.ledgerMu.Lock()
				clear(l.notes)
				l.until = c.until
				l.ledgerMu.Unlock()
			}
			next := edit.NewWriter(l, edit.WithOutbox(left))
			t.Cleanup(func() { _ = next.Close() })
			replayed, err := next.ReplayTable(context.Background(), editorOf[bakery](t, next, "bakery"))
			if err != nil || len(replayed) != 1 || !errors.Is(replayed[0].Err, c.err) {
				t.Fatalf("replayed %+v, %v", replayed, err)
			}
			rows := 0
			for id := range int64(5) {
				if memory.Peek(bakeries.Table(), id) != nil {
					rows++
				}
			}
			if rows != c.rows {
				t.Errorf("%d rows", rows)
			}
		})
	}
}

// TestTidied: a ledger may drop old notes after each batch, and not when there
// is nothing to do.
func TestTidied(t *testing.T) {
	t.Parallel()
	l := &ledger{Store: edit.NewMemory(), notes: make(map[string]edit.Note)}
	w := edit.NewWriter(l)
	bakeries := editorOf[bakery](t, w, "bakery")
	for range 3 {
		e := bakeries.New(bakery{Name: "new"})
		mustSave(t, e)
		_ = e.Close()
	}
	if err := w.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if batches := int(w.Stats().Batches); l.tidied < 1 || l.tidied > batches {
		t.Errorf("tidied %d times after %d batches", l.tidied, batches)
	}
}

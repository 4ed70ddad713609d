package table

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// ledger is a source that notes what is read.
type ledger struct {
	*Memory[int64, item]
	opened func() // if not nil, called before a reading is opened

	ledgerMu sync.Mutex
	opens    int
	pages    []span
	totals   int
}

func (l *ledger) Sorted(ctx context.Context, columns []string, collated bool) (func(context.Context) (Pages[int64, item], error), error) {
	open, err := l.Memory.Sorted(ctx, columns, collated)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (Pages[int64, item], error) {
		if l.opened != nil {
			l.opened()
		}
		l.ledgerMu.Lock()
		l.opens++
		l.ledgerMu.Unlock()
		pages, err := open(ctx)
		if err != nil {
			return nil, err
		}
		return &noted{pages.(*memoryPages[int64, item]), l}, nil
	}, nil
}

// noted is a reading of a ledger.
type noted struct {
	*memoryPages[int64, item]
	ledger *ledger
}

func (n *noted) Total(ctx context.Context) (int, error) {
	n.ledger.ledgerMu.Lock()
	n.ledger.totals++
	n.ledger.ledgerMu.Unlock()
	return n.memoryPages.Total(ctx)
}

func (n *noted) Page(ctx context.Context, p Page[int64], yield func(int64, *item) error) error {
	n.ledger.ledgerMu.Lock()
	n.ledger.pages = append(n.ledger.pages, span{p.From, p.To})
	n.ledger.ledgerMu.Unlock()
	return n.memoryPages.Page(ctx, p, yield)
}

// take returns the pages that were read since the last time.
func (l *ledger) take() []span {
	l.ledgerMu.Lock()
	defer l.ledgerMu.Unlock()
	pages := l.pages
	l.pages = nil
	return pages
}

// numbered returns a source of rows with the keys 0 to n-1.
func numbered(tb testing.TB, n int, config MemoryConfig[item]) *ledger {
	tb.Helper()
	l := &ledger{Memory: newMemory(tb, config)}
	l.Commit(func(tx *MemoryTx[int64, item]) {
		for i := range int64(n) {
			tx.Set(item{ID: i, Name: fmt.Sprint(i)})
		}
	})
	return l
}

func openWindow(tb testing.TB, source Ordered[int64, item], opts ...Option) *Window[int64, item] {
	tb.Helper()
	w, err := NewWindow(soon(tb), source, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := w.Close(); err != nil {
			tb.Error(err)
		}
	})
	return w
}

// expect compares what was read with what should have been.
func (l *ledger) expect(tb testing.TB, what string, want ...span) {
	tb.Helper()
	if got := l.take(); !slices.Equal(got, want) {
		tb.Errorf("%s: %v was read, want %v", what, got, want)
	}
}

// bubble runs a test of a window on rows 0 to n-1 in which time is made up.
func bubble(t *testing.T, n int, test func(t *testing.T, l *ledger, w *Window[int64, item]), opts ...Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := numbered(t, n, MemoryConfig[item]{Tells: true})
		w, err := NewWindow(t.Context(), l, opts...)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		test(t, l, w)
	})
}

// scroll sets the viewport, and waits until what it needs is there.
func scroll(w *Window[int64, item], from, to int) {
	w.SetViewport(from, to)
	time.Sleep(time.Second) // of the bubble
	synctest.Wait()
}

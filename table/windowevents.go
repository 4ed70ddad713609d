package table

import (
	"context"
	"iter"
	"slices"
	"sync"
)

// WindowEvent is something that has happened to a [Window].
type WindowEvent struct {
	Kind WindowEventKind
	// From and To are the positions that it is about.
	From, To int
	// Version is the version that the window has shown by then.
	Version uint64
	// Err says why, of LoadFailed.
	Err error
}

// WindowEventKind is a kind of event.
type WindowEventKind uint8

// The kinds of events.
const (
	// ViewportChanged: other rows are visible, those that are missing are going to
	// be read.
	ViewportChanged WindowEventKind = iota + 1
	// RangeLoaded: rows were read, since they were missing.
	RangeLoaded
	// LoadFailed: rows could not be read. What is shown stays as it is.
	LoadFailed
	// RowsChanged: rows that were shown, or the total, are not what they were. Which
	// they are is not told: positions shift.
	RowsChanged
	// EventsMissed: more has happened than the subscriber has taken in time. It has
	// to look at everything.
	EventsMissed
)

func (k WindowEventKind) String() string {
	switch k {
	case ViewportChanged:
		return "viewport changed"
	case RangeLoaded:
		return "range loaded"
	case LoadFailed:
		return "load failed"
	case RowsChanged:
		return "rows changed"
	case EventsMissed:
		return "events missed"
	}
	return "unknown"
}

// windowRoom is how many events wait for a slow subscriber.
const windowRoom = 64

// Events yields what happens from the call on. A subscriber that is slow is told of
// changes that follow one another once, and once that it has missed events when
// there are too many. It ends with ctx's error, or [ErrClosed] once the window is
// closed; ctx must end at some time if the events are not read. Programs that only
// paint anew need no more than Changes.
func (w *Window[K, T]) Events(ctx context.Context) iter.Seq2[WindowEvent, error] {
	q := &windowQueue{ready: make(chan struct{}, 1)}
	w.viewMu.Lock()
	if w.ctx.Err() != nil {
		q.end()
	}
	w.queues = append(w.queues, q)
	w.viewMu.Unlock()
	stop := context.AfterFunc(ctx, func() { w.unsubscribe(q) })
	return func(yield func(WindowEvent, error) bool) {
		defer func() {
			stop()
			w.unsubscribe(q)
		}()
		for {
			e, err := q.next(ctx)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (w *Window[K, T]) unsubscribe(q *windowQueue) {
	w.viewMu.Lock()
	defer w.viewMu.Unlock()
	w.queues = slices.DeleteFunc(w.queues, func(other *windowQueue) bool { return other == q })
}

// tell tells the subscribers. It is called under viewMu.
func (w *Window[K, T]) tell(e WindowEvent) {
	for _, q := range w.queues {
		q.add(e)
	}
}

// windowQueue are the events that wait for a subscriber.
type windowQueue struct {
	ready chan struct{} // capacity 1

	// eventMu guards everything below.
	eventMu sync.Mutex
	events  []WindowEvent
	ended   bool
}

// add never waits.
func (q *windowQueue) add(e WindowEvent) {
	q.eventMu.Lock()
	defer q.eventMu.Unlock()
	switch last := len(q.events) - 1; {
	case last >= 0 && e.Kind == RowsChanged && q.events[last].Kind == RowsChanged:
		q.events[last] = e
	case last+1 == windowRoom:
		q.events = append(q.events[:0], WindowEvent{Kind: EventsMissed, To: e.To, Version: e.Version})
	default:
		q.events = append(q.events, e)
	}
	q.signal()
}

// end ends the queue: what waits can still be taken.
func (q *windowQueue) end() {
	q.eventMu.Lock()
	defer q.eventMu.Unlock()
	q.ended = true
	q.signal()
}

func (q *windowQueue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *windowQueue) next(ctx context.Context) (e WindowEvent, err error) {
	for {
		q.eventMu.Lock()
		waiting, ended := len(q.events) > 0, q.ended
		if waiting {
			e = q.events[0]
			q.events = slices.Delete(q.events, 0, 1)
		} else if ended {
			q.signal() // for the others who wait
		}
		q.eventMu.Unlock()
		switch {
		case waiting:
			return e, nil
		case ended:
			return e, ErrClosed
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return e, ctx.Err()
		}
	}
}

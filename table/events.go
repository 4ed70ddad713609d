package table

import (
	"context"
	"iter"
	"slices"
	"sync"
)

// DefaultRoom is how many rows may differ before a slow subscriber is told to
// look at everything.
const DefaultRoom = 10_000

// Events yields what happens to the rows from the call on, at first as it
// happens, and joined by row when the loop is slow. Whoever starts from
// Snapshot calls Events first. It ends with ctx's error, or [ErrClosed] once
// the table is closed; ctx must end at some time if the events are not read.
func (t *LiveTable[K, T]) Events(ctx context.Context) iter.Seq2[Batch[K, T], error] {
	q := t.core.subscribe(DefaultRoom)
	stopClose := context.AfterFunc(t.ctx, q.end)
	stop := context.AfterFunc(ctx, func() {
		stopClose() // the table may live long
		t.core.unsubscribe(q)
	})
	return func(yield func(Batch[K, T], error) bool) {
		defer func() {
			stop()
			stopClose()
			t.core.unsubscribe(q)
		}()
		for {
			b, err := q.next(ctx)
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// Changes returns a channel that has a value when the version has changed since
// the last one was taken. It belongs to the table: one loop receives from it.
func (t *LiveTable[K, T]) Changes() <-chan struct{} { return t.flag }

func (c *core[K, T]) subscribe(room int) *queue[K, T] {
	q := newQueue[K, T](c.schema.Equal, room)
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.ctx.Err() != nil {
		q.end()
	}
	c.queues = append(c.queues, q)
	return q
}

func (c *core[K, T]) unsubscribe(q *queue[K, T]) {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	c.queues = slices.DeleteFunc(c.queues, func(other *queue[K, T]) bool { return other == q })
}

func (c *core[K, T]) unflag(flag chan struct{}) {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	c.flags = slices.DeleteFunc(c.flags, func(other chan struct{}) bool { return other == flag })
}

// calls are the callbacks of one table, and the goroutine that makes them.
type calls[K comparable, T any] struct {
	// callMu guards everything below.
	callMu  sync.Mutex
	funcs   []*func(K)
	started bool
	ended   bool
}

// OnRemoteChange makes f be called with the key of each row that somebody else
// has changed, after the table shows it. Calls come one after the other on a
// goroutine of the table, for a row that changed several times meanwhile only
// once. The returned function ends them: no call begins after it has returned.
// A panic of f is logged and ends nothing.
func (t *LiveTable[K, T]) OnRemoteChange(f func(id K)) (stop func()) {
	t.calls.callMu.Lock()
	defer t.calls.callMu.Unlock()
	t.calls.funcs = append(t.calls.funcs, &f)
	if !t.calls.started && !t.calls.ended {
		t.calls.started = true
		q := t.core.subscribe(DefaultRoom)
		go t.call(q, t.Snapshot()) // of now: what comes from here on is told
	}
	return func() {
		t.calls.callMu.Lock()
		defer t.calls.callMu.Unlock()
		t.calls.funcs = slices.DeleteFunc(t.calls.funcs, func(other *func(K)) bool { return other == &f })
	}
}

// end makes that no further call begins.
func (c *calls[K, T]) end() {
	c.callMu.Lock()
	defer c.callMu.Unlock()
	c.funcs, c.ended = nil, true
}

// current returns the functions to call.
func (c *calls[K, T]) current() []*func(K) {
	c.callMu.Lock()
	defer c.callMu.Unlock()
	return slices.Clone(c.funcs)
}

// is reports whether a function is still to be called.
func (c *calls[K, T]) is(f *func(K)) bool {
	c.callMu.Lock()
	defer c.callMu.Unlock()
	return slices.Contains(c.funcs, f)
}

// call makes the calls for what differs from a version that is known.
func (t *LiveTable[K, T]) call(q *queue[K, T], known Snapshot[K, T]) {
	defer t.core.unsubscribe(q)
	for {
		b, err := q.next(t.ctx)
		if err != nil {
			return
		}
		if b.Resync {
			b.Diffs = differences(known, b.Snapshot, t.core.schema)
		}
		known = b.Snapshot
		for i := range b.Diffs {
			if b.Diffs[i].Origin == Local {
				continue
			}
			for _, f := range t.calls.current() {
				if t.calls.is(f) {
					t.guarded(*f, b.Diffs[i].Key)
				}
			}
		}
	}
}

// guarded calls f, and goes on if that panics.
func (t *LiveTable[K, T]) guarded(f func(K), key K) {
	defer func() {
		if p := recover(); p != nil {
			t.core.log.Error("livesql: a callback of a live table has panicked", "table", t.core.schema.table, "panic", p)
		}
	}()
	f(key)
}

// differences compares two versions.
func differences[K comparable, T any](before, after Snapshot[K, T], schema *Schema[K, T]) []Diff[K, T] {
	var all []Diff[K, T]
	for k, row := range after.v.rows.All() {
		if old := before.v.rows.Get(k); old == nil || old != row && !schema.Equal(old, row) {
			all = append(all, diff(k, old, row, Remote))
		}
	}
	for k, old := range before.v.rows.All() {
		if after.v.rows.Get(k) == nil {
			all = append(all, diff(k, old, nil, Remote))
		}
	}
	return all
}

package table

import (
	"context"
	"sync"
)

// Batch is what has happened since the last one: the differences of one
// version, or of several when the subscriber was slow, one for each row.
type Batch[K comparable, T any] struct {
	Diffs []Diff[K, T]
	// Resync tells that there was no room for the differences: the subscriber
	// has to look at all of Snapshot. Diffs is empty then.
	Resync bool
	// Snapshot is the version that the batch leads to.
	Snapshot Snapshot[K, T]
}

// queue joins differences until the subscriber takes them.
type queue[K comparable, T any] struct {
	equal func(a, b *T) bool
	room  int // rows that differ

	// diffMu guards everything below.
	diffMu sync.Mutex
	diffs  []Diff[K, T]
	at     map[K]int
	live   int // diffs that have not come to nothing
	resync bool
	snap   Snapshot[K, T]
	ended  bool
	ready  chan struct{} // capacity 1
}

func newQueue[K comparable, T any](equal func(a, b *T) bool, room int) *queue[K, T] {
	return &queue[K, T]{equal: equal, room: room, ready: make(chan struct{}, 1)}
}

// add adds the differences that lead to a version. It never waits.
func (q *queue[K, T]) add(diffs []Diff[K, T], snap Snapshot[K, T]) {
	q.diffMu.Lock()
	defer q.diffMu.Unlock()
	q.snap = snap
	if !q.resync {
		q.join(diffs)
	}
	q.signal()
}

// join is called under diffMu.
func (q *queue[K, T]) join(diffs []Diff[K, T]) {
	if len(q.diffs)+len(diffs) > q.room {
		q.diffs, q.at, q.live = nil, nil, 0
		q.resync = true
		return
	}
	if len(q.diffs) == 0 { // nothing to join with, as for every subscriber that keeps up
		q.diffs, q.live = append(q.diffs, diffs...), len(diffs)
		return
	}
	if q.at == nil {
		q.at = make(map[K]int, len(q.diffs)+len(diffs))
		for i := range q.diffs {
			q.at[q.diffs[i].Key] = i
		}
	}
	for _, d := range diffs {
		i, known := q.at[d.Key]
		if !known {
			q.at[d.Key] = len(q.diffs)
			q.diffs = append(q.diffs, d)
			q.live++
			continue
		}
		before := q.diffs[i].Op != 0
		q.diffs[i] = q.diffs[i].then(d, q.equal)
		switch after := q.diffs[i].Op != 0; {
		case before && !after:
			q.live--
		case after && !before:
			q.live++
		}
	}
}

// end ends the queue: what waits can still be taken.
func (q *queue[K, T]) end() {
	q.diffMu.Lock()
	defer q.diffMu.Unlock()
	q.ended = true
	q.signal()
}

func (q *queue[K, T]) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take returns what waits, if anything does.
func (q *queue[K, T]) take() (b Batch[K, T], ok, ended bool) {
	q.diffMu.Lock()
	defer q.diffMu.Unlock()
	if q.live == 0 && !q.resync {
		q.diffs, q.at = nil, nil
		if q.ended {
			q.signal() // for the others who wait
		}
		return b, false, q.ended
	}
	b = Batch[K, T]{Resync: q.resync, Snapshot: q.snap}
	if q.live == len(q.diffs) {
		b.Diffs = q.diffs
	} else {
		for i := range q.diffs {
			if q.diffs[i].Op != 0 {
				b.Diffs = append(b.Diffs, q.diffs[i])
			}
		}
	}
	q.diffs, q.at, q.live, q.resync = nil, nil, 0, false
	return b, true, false
}

// next waits for what take returns.
func (q *queue[K, T]) next(ctx context.Context) (Batch[K, T], error) {
	for {
		if b, ok, ended := q.take(); ok {
			return b, nil
		} else if ended {
			return b, ErrClosed
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return Batch[K, T]{}, ctx.Err()
		}
	}
}

package table

import (
	"context"
	"sync"
)

// manyKeys is how many changed rows are read one by one at most; beyond that
// reading all is cheaper, or at least bounded.
const manyKeys = 20_000

// inbox gathers what has changed until the table gets to it. It never grows
// beyond manyKeys.
type inbox[K comparable] struct {
	// newsMu guards everything below.
	newsMu   sync.Mutex
	pending  round[K]
	changed  chan struct{} // closed and replaced when something arrives
	ended    error         // nothing will arrive any more
	hasPlace bool          // pending was changed since it was last taken
}

// round is what one re-reading is to take care of.
type round[K comparable] struct {
	keys  map[K]struct{}
	whole bool
	// position is up to where everything told is in the round or done.
	position Position
	// told is up to where anything was told that concerns the table; what was told
	// since is that nothing has changed.
	told Position
	// mark is the position as the source knows it, or that of an earlier one,
	// of which more was told since; nil for none.
	mark any
	// touched numbers what the program itself has asked for.
	touched uint64
}

func (r *round[K]) empty() bool { return !r.whole && len(r.keys) == 0 }

func (r *round[K]) add(keys []K, whole bool) {
	if r.whole = r.whole || whole || len(r.keys)+len(keys) > manyKeys; r.whole {
		r.keys = nil
		return
	}
	if r.keys == nil {
		r.keys = make(map[K]struct{}, len(keys))
	}
	for _, k := range keys {
		r.keys[k] = struct{}{}
	}
}

func newInbox[K comparable]() *inbox[K] { return &inbox[K]{changed: make(chan struct{})} }

// tell adds news.
func (b *inbox[K]) tell(n News[K]) {
	b.newsMu.Lock()
	defer b.newsMu.Unlock()
	b.pending.add(n.Keys, n.Whole)
	b.pending.position = max(b.pending.position, n.Position)
	if len(n.Keys) > 0 || n.Whole {
		if n.told == 0 {
			n.told = n.Position
		}
		b.pending.told = max(b.pending.told, n.told)
	}
	b.pending.mark = n.Mark
	b.wake()
}

// mark returns the mark of what was told.
func (b *inbox[K]) mark() any {
	b.newsMu.Lock()
	defer b.newsMu.Unlock()
	return b.pending.mark
}

// touch adds what the program asks for, and returns its number.
func (b *inbox[K]) touch(keys []K, whole bool) uint64 {
	b.newsMu.Lock()
	defer b.newsMu.Unlock()
	b.pending.add(keys, whole)
	b.pending.touched++
	b.wake()
	return b.pending.touched
}

// end tells that nothing will arrive any more.
func (b *inbox[K]) end(err error) {
	b.newsMu.Lock()
	defer b.newsMu.Unlock()
	if b.ended == nil {
		b.ended = err
	}
	b.wake()
}

// wake is called under newsMu.
func (b *inbox[K]) wake() {
	b.hasPlace = true
	close(b.changed)
	b.changed = make(chan struct{})
}

// take waits for something to do, and takes all of it.
func (b *inbox[K]) take(ctx context.Context) (round[K], error) {
	for {
		b.newsMu.Lock()
		if b.hasPlace && b.ended == nil {
			r := b.pending
			b.pending.keys, b.pending.whole, b.hasPlace = nil, false, false
			b.newsMu.Unlock()
			return r, nil
		}
		changed, ended := b.changed, b.ended
		b.newsMu.Unlock()
		if ended != nil {
			return round[K]{}, ended
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return round[K]{}, ctx.Err()
		}
	}
}

// putBack returns a round that was not finished.
func (b *inbox[K]) putBack(r round[K]) {
	b.newsMu.Lock()
	defer b.newsMu.Unlock()
	keys := make([]K, 0, len(r.keys))
	for k := range r.keys {
		keys = append(keys, k)
	}
	b.pending.add(keys, r.whole)
	b.hasPlace = true
}

// reach waits until everything up to a position was told, and returns what is
// pending by then. It stays pending.
func (b *inbox[K]) reach(ctx context.Context, p Position) (keys []K, whole bool, err error) {
	for {
		b.newsMu.Lock()
		if b.pending.position >= p {
			keys = make([]K, 0, len(b.pending.keys))
			for k := range b.pending.keys {
				keys = append(keys, k)
			}
			whole = b.pending.whole
			b.newsMu.Unlock()
			return keys, whole, nil
		}
		changed, ended := b.changed, b.ended
		b.newsMu.Unlock()
		if ended != nil {
			return nil, false, ended
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

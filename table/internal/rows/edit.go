package rows

import (
	"math/bits"
	"slices"
)

// Edit makes the next version of a [Map]. It belongs to one goroutine.
type Edit[K comparable, V any] struct {
	m      Map[K, V]
	copied bool // the directory is the edit's own
	all    bool // and everything else, as after growing
	owned  map[uint64]struct{}
}

// ofPage tells pages in owned from shards.
const ofPage = 1 << 63

// Len returns the number of rows.
func (e *Edit[K, V]) Len() int { return e.m.n }

// Get returns the row with a key, or nil.
func (e *Edit[K, V]) Get(key K) *V { return e.m.Get(key) }

// Map returns the version made. The edit must not be used afterwards.
func (e *Edit[K, V]) Map() Map[K, V] { return e.m }

// Set puts a row, which must not be nil, under a key.
func (e *Edit[K, V]) Set(key K, row *V) {
	h := e.m.space.hash(key)
	s := e.own(h)
	// A shard always keeps a free slot, which ends every search.
	if len(*s) == 0 || s.used() >= len(*s)*3/4 {
		if at, found := s.lookup(h, key); found {
			(*s)[at].row = row
			return
		}
		*s = s.resized(max(minSlots, 2*len(*s)), e.m.space.hash)
	}
	at, found := s.find(h, key)
	(*s)[at] = slot[K, V]{key, row}
	if found {
		return
	}
	e.m.n++
	if e.m.n > shardMax<<e.m.bits {
		e.grow()
	}
}

// Delete removes the row with a key, if there is one.
func (e *Edit[K, V]) Delete(key K) {
	if e.m.Get(key) == nil {
		return
	}
	h := e.m.space.hash(key)
	s := *e.own(h)
	at, _ := s.find(h, key)
	mask := uint64(len(s) - 1)
	// Those behind it move up to where a search still finds them.
	for next := (at + 1) & mask; s[next].row != nil; next = (next + 1) & mask {
		home := e.m.space.hash(s[next].key) & mask
		if (next-home)&mask >= (next-at)&mask {
			s[at] = s[next]
			at = next
		}
	}
	s[at] = slot[K, V]{}
	e.m.n--
}

// own returns the shard for a hash, which the edit may write to.
func (e *Edit[K, V]) own(h uint64) *shard[K, V] {
	i := h >> (64 - e.m.bits)
	if e.all {
		return &e.m.pages[i>>pageBits][i&(pageSize-1)]
	}
	if !e.copied {
		e.m.pages = slices.Clone(e.m.pages)
		e.owned = make(map[uint64]struct{})
		e.copied = true
	}
	page := &e.m.pages[i>>pageBits]
	if e.first(i>>pageBits | ofPage) {
		*page = slices.Clone(*page)
	}
	s := &(*page)[i&(pageSize-1)]
	if e.first(i) {
		*s = slices.Clone(*s)
	}
	return s
}

// first reports whether something is not the edit's own yet, and makes it so.
func (e *Edit[K, V]) first(i uint64) bool {
	if _, owned := e.owned[i]; owned {
		return false
	}
	e.owned[i] = struct{}{}
	return true
}

// grow makes four times as many shards.
func (e *Edit[K, V]) grow() {
	old := e.m
	e.m.bits += growth
	e.m.makePages()
	e.all = true
	for key, row := range old.All() {
		h := e.m.space.hash(key)
		i := h >> (64 - e.m.bits)
		s := &e.m.pages[i>>pageBits][i&(pageSize-1)]
		if len(*s) == 0 || s.used() >= len(*s)*3/4 {
			*s = s.resized(max(minSlots, 2*len(*s)), e.m.space.hash)
		}
		at, _ := s.find(h, key)
		(*s)[at] = slot[K, V]{key, row}
	}
}

// used counts the rows of a shard.
func (s shard[K, V]) used() int {
	n := 0
	for i := range s {
		if s[i].row != nil {
			n++
		}
	}
	return n
}

func (s shard[K, V]) lookup(h uint64, key K) (at uint64, found bool) {
	if len(s) == 0 {
		return 0, false
	}
	return s.find(h, key)
}

// resized returns the rows of a shard in one of n slots.
func (s shard[K, V]) resized(n int, hash func(K) uint64) shard[K, V] {
	n = 1 << bits.Len(uint(n-1))
	next := make(shard[K, V], n)
	for i := range s {
		if s[i].row != nil {
			at, _ := next.find(hash(s[i].key), s[i].key)
			next[at] = s[i]
		}
	}
	return next
}

package rows

import "iter"

// The shape of a map: shards of up to about shardMax rows, in pages.
const (
	pageBits = 6
	pageSize = 1 << pageBits
	shardMax = 80 // rows per shard on average, beyond which there are more shards
	minSlots = 4
	growth   = 2 // bits, by which a map grows
)

// Map holds rows by key. The zero value is not usable; see [New]. It is
// immutable.
type Map[K comparable, V any] struct {
	pages [][]shard[K, V]
	space *space[K]
	n     int
	bits  uint8 // of the hash that choose the shard
}

// space is what all versions of a map have in common.
type space[K comparable] struct {
	hash func(K) uint64
}

// shard is a small hash table. Its length is a power of two, or 0.
type shard[K comparable, V any] []slot[K, V]

type slot[K comparable, V any] struct {
	key K
	row *V // nil in a free slot
}

// Like returns an empty map that has with m in common what maps of a type can
// have, with room for n rows.
func (m *Map[K, V]) Like(n int) Map[K, V] {
	like := Map[K, V]{space: m.space}
	for n > shardMax<<like.bits {
		like.bits += growth
	}
	like.makePages()
	return like
}

// makePages makes empty shards.
func (m *Map[K, V]) makePages() {
	m.pages = make([][]shard[K, V], max(1, 1<<m.bits/pageSize))
	for i := range m.pages {
		m.pages[i] = make([]shard[K, V], min(pageSize, 1<<m.bits))
	}
}

// New returns an empty map.
func New[K comparable, V any]() Map[K, V] {
	return Map[K, V]{space: &space[K]{hash: hasher[K]()}, pages: [][]shard[K, V]{make([]shard[K, V], 1)}}
}

// Len returns the number of rows.
func (m *Map[K, V]) Len() int { return m.n }

// Get returns the row with a key, or nil. It allocates nothing.
func (m *Map[K, V]) Get(key K) *V {
	h := m.space.hash(key)
	i := h >> (64 - m.bits) // 0 when bits is 0
	s := m.pages[i>>pageBits][i&(pageSize-1)]
	if len(s) == 0 {
		return nil
	}
	mask := uint64(len(s) - 1)
	for at := h & mask; ; at = (at + 1) & mask {
		slot := &s[at]
		if slot.row == nil {
			return nil
		}
		if slot.key == key {
			return slot.row
		}
	}
}

// All yields all rows, in no particular order.
func (m *Map[K, V]) All() iter.Seq2[K, *V] {
	return func(yield func(K, *V) bool) {
		for _, p := range m.pages {
			for i := range p {
				for j := range p[i] {
					if s := &p[i][j]; s.row != nil && !yield(s.key, s.row) {
						return
					}
				}
			}
		}
	}
}

// Edit begins the next version of the map.
func (m *Map[K, V]) Edit() *Edit[K, V] { return &Edit[K, V]{m: *m} }

// find returns the place of a key in a shard that is not full, or of the free
// slot where it belongs.
func (s shard[K, V]) find(h uint64, key K) (at uint64, found bool) {
	mask := uint64(len(s) - 1)
	for at = h & mask; ; at = (at + 1) & mask {
		if s[at].row == nil {
			return at, false
		}
		if s[at].key == key {
			return at, true
		}
	}
}

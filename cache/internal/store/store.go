package store

import (
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/vantage-go/live/cache/internal/slab"
)

// Store holds values of type V by the hash of their keys, one for each hash. What
// many values have in common is a C, which is kept once. Its methods may be
// called concurrently. V should be small and hold few pointers: the garbage
// collector follows each.
type Store[V, C any] struct {
	shards []shard[V, C]
	shift  int
	// outside is what each value costs its owner elsewhere.
	outside int64
	evicted func(V)
	commons atomic.Pointer[commons[C]] // of the latest generation
}

// Options are those of a store.
type Options[V, C any] struct {
	// Bytes bounds the memory of all values. Memory is taken for some hundred of
	// them at once, so below 64 KiB nothing may fit.
	Bytes int64
	// Largest is about the size of the largest values. The store is divided into
	// parts, each of which has room for several of these.
	Largest int64
	// Outside is what each value takes of memory elsewhere, beside what Put is
	// told.
	Outside int64
	// Common tells, if not nil, what it takes of memory that values have in common,
	// which counts once while there is one of them. It must always tell the same, and
	// must not use the store.
	Common func(*C) int64
	// Evicted is called, if not nil, for each value that makes room for others,
	// after it has left. It must not use the store.
	Evicted func(V)
}

// maxShards bounds the parts. Two processors that read at the same time should
// seldom meet in one. With 64 parts a collection took twice as long: what is put
// one after the other then lies far apart, and the collector has each time left
// its cache.
const maxShards = 16

// New returns an empty store.
func New[V, C any](o Options[V, C]) *Store[V, C] {
	n := min(max(o.Bytes/max(4*o.Largest, 1), 1), maxShards)
	n = 1 << (bits.Len64(uint64(n)) - 1)
	s := &Store[V, C]{
		shards:  make([]shard[V, C], n),
		shift:   64 - bits.TrailingZeros64(uint64(n)),
		outside: o.Outside,
		evicted: o.Evicted,
	}
	s.commons.Store(newCommons(0, o.Common))
	for i := range s.shards {
		sh := &s.shards[i]
		sh.capacity, sh.outside, sh.parts = o.Bytes/n, o.Outside, n
		sh.clear(s.commonsOf(0))
	}
	return s
}

// commonsOf returns where what values of that generation have in common is counted.
func (s *Store[V, C]) commonsOf(generation uint64) *commons[C] {
	for {
		switch c := s.commons.Load(); {
		case c.generation == generation:
			return c
		case c.generation > generation:
			return newCommons(generation, c.size) // of values that are about to be forgotten
		default:
			s.commons.CompareAndSwap(c, newCommons(generation, c.size))
		}
	}
}

func (s *Store[V, C]) shard(hash uint64) *shard[V, C] { return &s.shards[hash>>s.shift] }

// Get copies the value under hash to v if match says that it is the one, which
// must not use the store. It returns what the value has in common with others,
// or nil if there is none.
func (s *Store[V, C]) Get(hash uint64, v *V, match func(*V, *C) bool) *C {
	sh := s.shard(hash)
	sh.shardMu.Lock()
	defer sh.shardMu.Unlock()
	r := sh.at(hash)
	if r == nil {
		return nil
	}
	common := sh.classes.list[r.class].common
	if !match(&r.value, common) {
		return nil
	}
	if r.uses < maxUses {
		r.uses++
	}
	*v = r.value
	return common
}

// Put stores v with what it has in common with others, which takes so many bytes beside itself and was cost to make, in
// any unit, under the generation of its making. What is under hash makes way,
// unless keep is not nil and says that it stays. Put returns what made way, if
// replaced, and whether v is stored now: one that is too large never is.
func (s *Store[V, C]) Put(hash uint64, v V, common *C, bytes int64, cost, generation uint64, keep func(*V, *C) bool) (old V, replaced, stored bool) {
	sh := s.shard(hash)
	if bytes > min(sh.capacity/2, math.MaxUint32) {
		return old, false, false
	}
	var out []V
	func() {
		sh.shardMu.Lock()
		defer sh.shardMu.Unlock()
		switch {
		case generation < sh.generation:
			return
		case generation > sh.generation:
			sh.clear(s.commonsOf(generation))
		}
		if r := sh.at(hash); r != nil {
			if keep != nil && keep(&r.value, sh.classes.list[r.class].common) {
				return
			}
			old, replaced = r.value, true
			if r.main || r.used() {
				sh.remember(hash)
			}
			sh.remove(sh.find(hash))
		}
		sh.add(hash, v, common, bytes, cost)
		out = sh.shrink()
		stored = sh.find(hash) != 0 // its number may be another one by now
	}()
	if s.evicted != nil {
		for _, v := range out {
			s.evicted(v)
		}
	}
	return old, replaced, stored
}

// Remove takes out the value under hash if match says that it is the one. It
// returns what it had in common with others, nil if it was not there, and whether
// it was ever asked for.
func (s *Store[V, C]) Remove(hash uint64, match func(*V) bool) (common *C, used bool) {
	sh := s.shard(hash)
	sh.shardMu.Lock()
	defer sh.shardMu.Unlock()
	n := sh.find(hash)
	if n == 0 {
		return nil, false
	}
	r := sh.slots.At(n)
	if !match(&r.value) {
		return nil, false
	}
	common, used = sh.classes.list[r.class].common, r.used()
	if r.main || used {
		// Whoever reads it again will want it again.
		sh.remember(hash)
	}
	sh.remove(n)
	return common, used
}

// Change changes the value under hash if match says that it is the one. Neither
// may use the store. It returns what the value has in common with others, nil if
// it was not there, and whether it was ever asked for.
func (s *Store[V, C]) Change(hash uint64, match func(*V) bool, change func(*V)) (common *C, used bool) {
	sh := s.shard(hash)
	sh.shardMu.Lock()
	defer sh.shardMu.Unlock()
	r := sh.at(hash)
	if r == nil || !match(&r.value) {
		return nil, false
	}
	change(&r.value)
	return sh.classes.list[r.class].common, r.used()
}

// Reset forgets everything that was put under an earlier generation. Its cost
// does not depend on how much that is, and the memory is free to be collected.
func (s *Store[V, C]) Reset(generation uint64) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.shardMu.Lock()
		if sh.generation < generation {
			sh.clear(s.commonsOf(generation))
		}
		sh.shardMu.Unlock()
	}
}

// Len returns the number of values.
func (s *Store[V, C]) Len() int {
	n := 0
	s.each(func(sh *shard[V, C]) { n += sh.slots.Len() })
	return n
}

// Bytes returns the memory that the values take, with what holds them.
func (s *Store[V, C]) Bytes() int64 {
	n := int64(0)
	s.each(func(sh *shard[V, C]) { n += sh.size() })
	return n
}

func (s *Store[V, C]) each(do func(*shard[V, C])) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.shardMu.Lock()
		do(sh)
		sh.shardMu.Unlock()
	}
}

// shard is one part of a store.
type shard[V, C any] struct {
	// shardMu guards everything below. It is held for a few map and list
	// operations at a time.
	shardMu    sync.Mutex
	generation uint64
	index      slab.Index[slot[V], *slot[V]]
	slots      slab.Slab[slot[V], *slot[V]]
	small      queue
	main       queue
	ghosts     ghosts
	classes    classes[C]
	commons    *commons[C]
	// bytes are those of the values beside their slots.
	bytes    int64
	capacity int64
	outside  int64
	parts    int64 // of the store
	// density is the running mean of the logarithm of cost per byte, in 1/256.
	density int64
	_       [64]byte // a shard's lock is not on the cache line of another's
}

// slot holds one value.
type slot[V any] struct {
	hash           uint64
	value          V
	bytes          uint32
	next, previous uint32 // in its queue; next also chains slots that are not in use
	class          uint32
	// uses counts how often it was asked for, up to maxUses, lately.
	uses uint8
	// lives is how many more rounds it stays without being asked for.
	lives uint8
	main  bool
	// ever: it has come round, so that it was asked for although uses is 0.
	ever bool
}

// Spare chains slots that are not in use.
func (s *slot[V]) Spare() *uint32 { return &s.next }

// Hash is what the index finds it by.
func (s *slot[V]) Hash() uint64 { return s.hash }

func (s *slot[V]) used() bool { return s.ever || s.uses > 0 }

const (
	maxUses  = 3
	maxLives = 3
)

func (sh *shard[V, C]) at(hash uint64) *slot[V] {
	if n := sh.find(hash); n != 0 {
		return sh.slots.At(n)
	}
	return nil
}

func (sh *shard[V, C]) find(hash uint64) uint32 { return sh.index.Find(&sh.slots, hash) }

// clear forgets everything, and goes on with the generation of all.
func (sh *shard[V, C]) clear(all *commons[C]) {
	sh.generation, sh.commons = all.generation, all
	sh.index = slab.Index[slot[V], *slot[V]]{}
	sh.slots = slab.Slab[slot[V], *slot[V]]{}
	sh.small, sh.main = queue{}, queue{}
	sh.ghosts, sh.classes = ghosts{}, classes[C]{}
	sh.bytes = 0
}

// size is the memory of the shard, with its part of what all of them have in common.
// Slots that are not in use count, too: they are there.
func (sh *shard[V, C]) size() int64 {
	n := int64(sh.slots.Cap())
	return sh.bytes + n*int64(unsafe.Sizeof(slot[V]{})) + sh.index.Bytes() + int64(sh.slots.Len())*sh.outside + sh.commons.bytes.Load()/sh.parts + sh.ghosts.size()
}

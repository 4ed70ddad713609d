package store_test

import (
	"container/list"
	"math/rand/v2"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/vantage-go/live/cache/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// item is a value that knows its key and its making.
type item struct{ key, made uint64 }

// kind is what some items have in common.
type kind byte

var kinds [7]kind

func kindOf(key uint64) *kind { return &kinds[key%7] }

func is(key uint64) func(*item, *kind) bool {
	return func(v *item, k *kind) bool { return v.key == key && k == kindOf(key) }
}

type items struct{ *store.Store[item, kind] }

func newItems(o store.Options[item, kind]) items { return items{store.New[item, kind](o)} }

func (s items) Put(hash uint64, v item, bytes int64, cost, generation uint64, keep func(*item, *kind) bool) (item, bool, bool) {
	return s.Store.Put(hash, v, kindOf(v.key), bytes, cost, generation, keep)
}

func (s items) Remove(hash, key uint64) *kind {
	k, _ := s.Store.Remove(hash, func(v *item) bool { return v.key == key })
	return k
}

func (s items) used(key uint64) bool {
	_, used := s.Store.Remove(spread(key), func(v *item) bool { return v.key == key })
	return used
}

func (s items) Get(hash uint64, v *item, match func(*item, *kind) bool) bool {
	return s.Store.Get(hash, v, match) != nil
}

// spread makes a hash of a small number, so that numbers come to all parts.
func spread(n uint64) uint64 { return n * 0x9E3779B97F4A7C15 }

// TestAgainstModel: whatever the order of calls, the store returns what was put
// last under a hash, or nothing; what is not there any more was reported once;
// and its bytes are within the bound.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int64{3000, 20_000, 300_000}).Draw(t, "bytes")
		model := map[uint64]item{} // by hash
		s := newItems(store.Options[item, kind]{
			Bytes: limit, Largest: 2000, Outside: 50,
			Common: func(*kind) int64 { return 100 },
			Evicted: func(v item) {
				if model[spread(v.key)] != v {
					t.Fatalf("%v was evicted, which is not there", v)
				}
				delete(model, spread(v.key))
			},
		})
		generation, made := uint64(0), uint64(0)
		for range rapid.IntRange(0, 400).Draw(t, "calls") {
			key := rapid.Uint64Range(0, 60).Draw(t, "key")
			hash := spread(key)
			switch rapid.IntRange(0, 9).Draw(t, "call") {
			case 0, 1, 2, 3:
				made++
				v := item{key, made}
				bytes := rapid.Int64Range(0, 2000).Draw(t, "size")
				if rapid.IntRange(0, 20).Draw(t, "huge") == 0 {
					bytes = limit
				}
				cost := rapid.Uint64Range(0, 1<<30).Draw(t, "cost")
				stays := rapid.IntRange(0, 5).Draw(t, "stays") == 0
				before, had := model[hash]
				model[hash] = v // for those that are evicted by it
				old, replaced, stored := s.Put(hash, v, bytes, cost, generation, func(*item, *kind) bool { return stays })
				switch {
				case bytes > limit/2 && !stored, had && stays && !stored:
					if replaced {
						t.Fatal("a value was replaced by one that is not stored")
					}
					if model[hash] = before; !had {
						delete(model, hash)
					}
				case replaced != had || replaced && old != before:
					t.Fatalf("%v was replaced: %t, want %v: %t", old, replaced, before, had)
				case stored != (model[hash] == v):
					t.Fatalf("stored: %t, but evicted: %t", stored, model[hash] != v)
				}
			case 4, 5, 6:
				var v item
				found := s.Get(hash, &v, is(key))
				if want, ok := model[hash]; found != ok || v != want {
					t.Fatalf("%v: %t, want %v: %t", v, found, want, ok)
				}
				if s.Get(hash, &v, is(key+1)) {
					t.Fatal("a value was found that does not match")
				}
			case 7, 8:
				if s.Remove(hash, key+1) != nil {
					t.Fatal("a value was removed that does not match")
				}
				k := s.Remove(hash, key)
				if _, there := model[hash]; (k != nil) != there || there && k != kindOf(key) {
					t.Fatalf("removed one of kind %v, there: %t", k, there)
				}
				delete(model, hash)
			case 9:
				if rapid.IntRange(0, 4).Draw(t, "reset") == 0 {
					generation++
					s.Reset(generation)
					clear(model)
					if _, replaced, stored := s.Put(hash, item{key, 0}, 1, 0, generation-1, nil); stored || replaced {
						t.Fatal("a value of before the reset was stored")
					}
				}
			}
			if s.Len() != len(model) {
				t.Fatalf("%d values, want %d", s.Len(), len(model))
			}
			if got := s.Bytes(); got > limit && s.Len() > 0 {
				t.Fatalf("%d bytes, of %d", got, limit)
			}
		}
	})
}

// TestGenerationOfPut: a value of a later generation does not wait for the reset.
func TestGenerationOfPut(t *testing.T) {
	t.Parallel()
	s := newItems(store.Options[item, kind]{Bytes: 1 << 20, Largest: 1 << 20})
	s.Put(1, item{1, 1}, 10, 0, 0, nil)
	s.Put(2, item{2, 2}, 10, 0, 1, nil)
	s.Reset(1) // late
	var v item
	if s.Get(1, &v, is(1)) || !s.Get(2, &v, is(2)) {
		t.Error("the earlier value is there, or the later one is not")
	}
}

// TestUsed: it is known whether a value was ever asked for, also of one that has
// gone round since.
func TestUsed(t *testing.T) {
	t.Parallel()
	s := newItems(store.Options[item, kind]{Bytes: 100_000, Largest: 100_000})
	put := func(key uint64) { s.Put(spread(key), item{key, 0}, 100, 0, 0, nil) }
	put(1)
	put(2)
	var v item
	s.Get(spread(1), &v, is(1))
	for i := range uint64(150) {
		put(10 + i)
	}
	if !s.used(1) {
		t.Error("a value was asked for and is not known to be used")
	}
	put(3)
	if s.used(3) {
		t.Error("a value was not asked for and is said to be used")
	}
}

// lru is what the store has to be better than.
type lru struct {
	order *list.List
	byKey map[uint64]*list.Element
	size  int
}

func (l *lru) ask(key uint64) bool {
	if e := l.byKey[key]; e != nil {
		l.order.MoveToFront(e)
		return true
	}
	l.byKey[key] = l.order.PushFront(key)
	if l.order.Len() > l.size {
		last := l.order.Back()
		delete(l.byKey, last.Value.(uint64))
		l.order.Remove(last)
	}
	return false
}

// TestHitRatio: among reads of a few keys often and many once, it finds more
// than an LRU of as many values.
func TestHitRatio(t *testing.T) {
	t.Parallel()
	s := newItems(store.Options[item, kind]{Bytes: 300_000, Largest: 300_000})
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.1, 4, 20_000)
	ask := func(key uint64) bool {
		var v item
		if s.Get(spread(key), &v, is(key)) {
			return true
		}
		s.Put(spread(key), item{key, 0}, 100, 1000, 0, nil)
		return false
	}
	for i := range uint64(50_000) {
		ask(1<<40 + i)
	}
	other := &lru{order: list.New(), byKey: map[uint64]*list.Element{}, size: s.Len()}
	const reads = 200_000
	hits, otherHits := 0, 0
	for i := range uint64(reads) {
		key := zipf.Uint64()
		if i%3 == 0 {
			key = 1<<41 + i // a scan passes through
		}
		if ask(key) {
			hits++
		}
		if other.ask(key) {
			otherHits++
		}
	}
	t.Logf("%d values: %d hits, an LRU %d", s.Len(), hits, otherHits)
	if hits < otherHits*105/100 {
		t.Errorf("%d hits, an LRU has %d", hits, otherHits)
	}
}

// TestCost: of values that are asked for equally seldom, those stay longer that
// were expensive.
func TestCost(t *testing.T) {
	t.Parallel()
	s := newItems(store.Options[item, kind]{Bytes: 300_000, Largest: 300_000})
	random := rand.New(rand.NewPCG(1, 2))
	hits := [2]int{}
	for range 200_000 {
		key := random.Uint64N(3000)
		expensive := 0
		if key%8 == 0 {
			expensive = 1
		}
		var v item
		if s.Get(spread(key), &v, is(key)) {
			hits[expensive]++
			continue
		}
		s.Put(spread(key), item{key, 0}, 100, 1000*uint64(1+99*expensive), 0, nil)
	}
	cheap, dear := float64(hits[0])/7, float64(hits[1])
	t.Logf("hits of each: %.0f of cheap values, %.0f of expensive ones", cheap, dear)
	if dear < 1.5*cheap {
		t.Errorf("expensive values are found %.0f times where cheap ones are %.0f times", dear, cheap)
	}
}

// TestSlotsAreGivenBack: after many small values, larger ones have nearly all of
// the room.
func TestSlotsAreGivenBack(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	s := newItems(store.Options[item, kind]{Bytes: limit, Largest: limit})
	for i := range uint64(20_000) {
		s.Put(spread(i), item{i, 0}, 16, 0, 0, nil)
	}
	for i := range uint64(1000) {
		var v item
		_, _, stored := s.Put(spread(1<<40+i), item{i, 0}, 16<<10, 0, 0, nil)
		if s.Get(spread(1<<40+i), &v, is(i)) != stored {
			t.Fatalf("value %d is there: %t, but Put said %t", i, !stored, stored)
		}
	}
	if n := s.Len(); n < limit*85/100/(16<<10) {
		t.Errorf("there is room for %d values of 16 KiB", n)
	}
	var v item
	if last := uint64(999); !s.Get(spread(1<<40+last), &v, is(last)) {
		t.Error("the last value is not found")
	}
}

// TestCommon: what values have in common counts once for all parts of the store, as
// long as there is one of them, and is part of what the store may take.
func TestCommon(t *testing.T) {
	t.Parallel()
	const limit, each = 1 << 20, 100_000
	o := store.Options[item, kind]{Bytes: limit, Largest: limit / 64}
	without := store.New[item, kind](o)
	o.Common = func(*kind) int64 { return each }
	s := store.New[item, kind](o)
	put := func(common *kind, generation uint64) {
		for key := range uint64(100) {
			for _, s := range []*store.Store[item, kind]{s, without} {
				s.Put(spread(key), item{key, 0}, common, 10, 0, generation, nil)
			}
		}
	}
	counts := func(what string, n int64) {
		t.Helper()
		if got := s.Bytes() - without.Bytes(); got < n*each || got > (n+1)*each*101/100-each {
			t.Errorf("%s: %d bytes are counted, want %d and what it takes to know of them", what, got, n*each)
		}
	}
	put(new(kind), 0)
	counts("values with one thing in common", 1)
	put(new(kind), 0)
	counts("others in their place", 1)
	for key := range uint64(100) {
		for _, s := range []*store.Store[item, kind]{s, without} {
			s.Remove(spread(key), func(*item) bool { return true })
		}
	}
	counts("no value", 0)
	put(new(kind), 0)
	put(new(kind), 1)
	counts("values of a later generation", 1)
	s.Reset(2)
	without.Reset(2)
	counts("a reset", 0)
	for key := range uint64(100) {
		s.Put(spread(key), item{key, 0}, new(kind), 10, 0, 2, nil)
	}
	if got := s.Bytes(); got > limit || s.Len() == 0 || s.Len() > limit/each {
		t.Errorf("%d values take %d bytes of %d", s.Len(), got, limit)
	}
}

// TestConcurrently uses the store from several goroutines, for the race detector.
func TestConcurrently(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	evicted := 0
	s := newItems(store.Options[item, kind]{
		Bytes: 200_000, Largest: 10_000,
		Common:  func(*kind) int64 { return 1000 },
		Evicted: func(item) { mu.Lock(); evicted++; mu.Unlock() },
	})
	var wg sync.WaitGroup
	for id := range uint64(4) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(id, 1))
			for i := range 20_000 {
				key := random.Uint64N(2000)
				var v item
				switch random.IntN(10) {
				case 0:
					s.Remove(spread(key), key)
				case 1, 2, 3:
					s.Put(spread(key), item{key, 7}, 200, random.Uint64N(1000), uint64(i/5000), nil)
				default:
					if s.Get(spread(key), &v, is(key)) && v != (item{key, 7}) {
						t.Errorf("%v was found", v)
						return
					}
				}
				if i%5000 == 0 {
					s.Reset(uint64(i / 5000))
					_ = s.Len()
					_ = s.Bytes()
				}
			}
		})
	}
	wg.Wait()
	if evicted == 0 {
		t.Error("nothing was evicted")
	}
}

package slab_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/vantage-go/live/cache/internal/slab"
)

type item struct {
	value int
	next  uint32
}

func (i *item) Spare() *uint32 { return &i.next }

// TestSlab: no two records in use are the same, what was given back is used
// before there is more, and a record stays where it is.
func TestSlab(t *testing.T) {
	t.Parallel()
	var s slab.Slab[item, *item]
	random := rand.New(rand.NewPCG(1, 1))
	type taken struct {
		at    *item
		n     uint32
		value int
	}
	var live []taken
	most := 0
	for i := range 20_000 {
		if len(live) > 0 && random.IntN(100) < 30+40*(i/5000%2) {
			j := random.IntN(len(live))
			x := live[j]
			if s.At(x.n) != x.at || x.at.value != x.value {
				t.Fatalf("record %d has moved, or holds %d, not %d", x.n, x.at.value, x.value)
			}
			s.Give(x.n)
			live = slices.Delete(live, j, j+1)
			continue
		}
		r, n := s.Take()
		if n == 0 {
			t.Fatal("a record has number 0")
		}
		r.value = i
		live = append(live, taken{r, n, i})
		most = max(most, len(live))
	}
	if s.Len() != len(live) {
		t.Errorf("%d are in use, want %d", s.Len(), len(live))
	}
	if s.Cap() > most+256 {
		t.Errorf("there is memory for %d, though at most %d were in use", s.Cap(), most)
	}
	for _, x := range live {
		if x.at.value != x.value {
			t.Fatalf("record %d holds %d, not %d", x.n, x.at.value, x.value)
		}
	}
}

type hashed struct {
	hash uint64
	next uint32
}

func (h *hashed) Spare() *uint32 { return &h.next }
func (h *hashed) Hash() uint64   { return h.hash }

// inverse is that of the factor which spreads hashes, so that a test can choose
// what a hash is known by.
func inverse() uint64 {
	const factor = 0x9E3779B97F4A7C15
	x := uint64(factor)
	for range 5 { // Newton's method: each step doubles the bits that are right
		x *= 2 - factor*x
	}
	return x
}

// TestIndex: the index finds what a map finds, however many hashes look alike.
func TestIndex(t *testing.T) {
	t.Parallel()
	const most = 4000
	for name, hashOf := range map[string]func(r uint64) uint64{
		"small":            func(r uint64) uint64 { return r },
		"middle":           func(r uint64) uint64 { return r << 30 },
		"few":              func(r uint64) uint64 { return r << 60 },
		"one tag":          func(r uint64) uint64 { return r * inverse() },
		"tags begin alike": func(r uint64) uint64 { return (r << 32) * inverse() },
		"tags end alike":   func(r uint64) uint64 { return (r << 52) * inverse() },
		"some begin alike": func(r uint64) uint64 {
			if r%4 == 0 {
				return r
			}
			return (r << 32) * inverse()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s slab.Slab[hashed, *hashed]
			var x slab.Index[hashed, *hashed]
			model := map[uint64]uint32{}
			random := rand.New(rand.NewPCG(1, 1))
			largest := 0
			for range 20_000 {
				hash := hashOf(random.Uint64N(most))
				n := x.Find(&s, hash)
				if n != model[hash] {
					t.Fatalf("hash %d: found %d, want %d", hash, n, model[hash])
				}
				switch {
				case n == 0:
					r, added := s.Take()
					*r = hashed{hash: hash}
					x.Add(&s, added)
					model[hash] = added
				case random.IntN(3) == 0:
					r, other := s.Take()
					*r = hashed{hash: hash}
					x.Remove(&s, n, other)
					s.Give(n)
					model[hash] = other
				default:
					x.Remove(&s, n, 0)
					s.Give(n)
					delete(model, hash)
				}
				if x.Len() != len(model) {
					t.Fatalf("%d records, want %d", x.Len(), len(model))
				}
				largest = max(largest, len(model))
			}
			seen := map[uint32]int{}
			x.Each(func(n uint32) { seen[n]++ })
			for hash, n := range model {
				if x.Find(&s, hash) != n || seen[n] != 1 {
					t.Fatalf("hash %d is not found, or passed %d times", hash, seen[n])
				}
			}
			if len(seen) != len(model) {
				t.Errorf("passed %d records, want %d", len(seen), len(model))
			}
			if limit := int64(24*largest + 2048); x.Bytes() > limit {
				t.Errorf("the index takes %d bytes for %d records", x.Bytes(), largest)
			}
			for n := x.Any(); n != 0; n = x.Any() {
				if model[s.At(n).hash] != n {
					t.Fatalf("record %d is not there any more", n)
				}
				delete(model, s.At(n).hash)
				x.Remove(&s, n, 0)
				if random.IntN(10) == 0 { // some come in meanwhile
					r, added := s.Take()
					*r = hashed{hash: hashOf(random.Uint64N(most))}
					if x.Find(&s, r.hash) == 0 {
						x.Add(&s, added)
						model[r.hash] = added
					}
				}
			}
			if x.Len() != 0 || len(model) != 0 {
				t.Errorf("%d records are left, want %d", x.Len(), len(model))
			}
		})
	}
}

// BenchmarkIndex is a record's way into an index of so many, and out.
func BenchmarkIndex(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var s slab.Slab[hashed, *hashed]
			var x slab.Index[hashed, *hashed]
			random := rand.New(rand.NewPCG(1, 1))
			var numbers []uint32
			for range n {
				r, added := s.Take()
				*r = hashed{hash: random.Uint64()}
				x.Add(&s, added)
				numbers = append(numbers, added)
			}
			b.ReportAllocs()
			for b.Loop() {
				i := random.IntN(n)
				x.Remove(&s, numbers[i], 0)
				s.Give(numbers[i])
				r, added := s.Take()
				*r = hashed{hash: random.Uint64()}
				if x.Find(&s, r.hash) == 0 {
					x.Add(&s, added)
				}
				numbers[i] = added
			}
			b.ReportMetric(float64(x.Bytes())/float64(n), "B/record")
		})
	}
}

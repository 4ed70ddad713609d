package slab_test

import (
	"math/rand/v2"
	"slices"
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
	hash        uint64
	next, chain uint32
}

func (h *hashed) Spare() *uint32 { return &h.next }
func (h *hashed) Hash() uint64   { return h.hash }
func (h *hashed) Chain() *uint32 { return &h.chain }

// TestIndex: the index finds what a map finds, however many hashes look alike.
func TestIndex(t *testing.T) {
	t.Parallel()
	for _, shift := range []int{0, 30, 60} {
		var s slab.Slab[hashed, *hashed]
		var x slab.Index[hashed, *hashed]
		model := map[uint64]uint32{}
		random := rand.New(rand.NewPCG(1, uint64(shift)))
		for range 20_000 {
			hash := random.Uint64N(4000) << shift
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
		}
		for hash, n := range model {
			if x.Find(&s, hash) != n {
				t.Fatalf("hash %d is not found", hash)
			}
		}
		if x.Bytes() > 4*(4000+512) {
			t.Errorf("the index takes %d bytes", x.Bytes())
		}
	}
}

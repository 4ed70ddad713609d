// Package slab keeps many small records of one type in few heap objects.
//
// A record has a number instead of an address. Numbers cost half as much as
// pointers, and what holds no pointer is nothing that the garbage collector has
// to look at: a million records are some thousand objects to it. A record that
// was given back is handed out again. Memory goes back only with the whole
// slab, which its owner forgets, however many records it holds.
//
// A slab does no locking; its owner does.
package slab

// chunk is how many records are allocated at once.
const chunk = 256

// Chunk is some records, by number.
type Chunk[T any] [chunk]T

// In returns the record with that number, nil if it is not in chunks: a copy of
// what Chunks returned.
func In[T any](chunks []*Chunk[T], n uint32) *T {
	if i := (n - 1) / chunk; i < uint32(len(chunks)) {
		return &chunks[i][(n-1)%chunk]
	}
	return nil
}

// Slab holds records of type T. The zero value is empty.
type Slab[T any, P record[T]] struct {
	chunks []*Chunk[T]
	// free is the first of the records that were given back, 0 for none; each
	// knows the next.
	free uint32
	used uint32 // numbers handed out at least once
	live int
}

// record is a pointer to a T that has room for a number while it is not in use.
type record[T any] interface {
	*T
	// Spare is where a record that is not in use keeps the number of another.
	Spare() *uint32
}

// Take returns an unused record and its number, which is never 0. The record is
// as it was given back, or zero.
func (s *Slab[T, P]) Take() (P, uint32) {
	s.live++
	if n := s.free; n != 0 {
		r := s.At(n)
		s.free = *r.Spare()
		return r, n
	}
	s.used++
	if int(s.used) > len(s.chunks)*chunk {
		s.chunks = append(s.chunks, new(Chunk[T]))
	}
	return s.At(s.used), s.used
}

// At returns the record with that number. Its address stays the same.
func (s *Slab[T, P]) At(n uint32) P { return &s.chunks[(n-1)/chunk][(n-1)%chunk] }

// Give takes a record back.
func (s *Slab[T, P]) Give(n uint32) {
	s.live--
	*s.At(n).Spare() = s.free
	s.free = n
}

// Chunks returns where the records are. It may be read while the slab changes.
func (s *Slab[T, P]) Chunks() []*Chunk[T] { return s.chunks }

// Len returns the number of records in use.
func (s *Slab[T, P]) Len() int { return s.live }

// Cap returns the number of records for which there is memory.
func (s *Slab[T, P]) Cap() int { return len(s.chunks) * chunk }

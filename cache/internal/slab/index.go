package slab

// Index finds records of a slab by their hashes, one record for each. It is a
// table of linear hashing (Litwin, 1980): it has as many buckets as records, and
// grows by one bucket at a time, so that no call takes long, and what it takes
// of memory is 4 bytes for each record, at any time. Go's maps take five to nine
// times as much for a number under a number.
//
// The zero value is empty.
type Index[T any, P Hashed[T]] struct {
	chunks []*[chunk]uint32 // the first record of each bucket, 0 for none
	// buckets is 1<<level + some: those that were split already.
	buckets, level uint32
	count          uint32
	any            uint32 // a bucket that may not be empty
}

// Hashed is a pointer to a record that can be found.
type Hashed[T any] interface {
	record[T]
	// Hash must not change while the record is in the index.
	Hash() uint64
	// Chain is where it keeps the number of the next record of its bucket.
	Chain() *uint32
}

// Len returns the number of records in the index.
func (x *Index[T, P]) Len() int { return int(x.count) }

// Bytes returns the memory of the index.
func (x *Index[T, P]) Bytes() int64 { return int64(len(x.chunks)) * chunk * 4 }

// bucket returns where the first record of a hash stands.
func (x *Index[T, P]) bucket(hash uint64) *uint32 {
	b := uint32(hash) & (2<<x.level - 1)
	if b >= x.buckets {
		b &= 1<<x.level - 1
	}
	return x.at(b)
}

func (x *Index[T, P]) at(b uint32) *uint32 { return &x.chunks[b/chunk][b%chunk] }

// Find returns the number of the record with that hash, or 0.
func (x *Index[T, P]) Find(s *Slab[T, P], hash uint64) uint32 {
	if x.count == 0 {
		return 0
	}
	n := *x.bucket(hash)
	for n != 0 {
		r := s.At(n)
		if r.Hash() == hash {
			return n
		}
		n = *r.Chain()
	}
	return 0
}

// Each calls do with the number of each record.
func (x *Index[T, P]) Each(s *Slab[T, P], do func(n uint32)) {
	for b := range x.buckets {
		for n := *x.at(b); n != 0; n = *s.At(n).Chain() {
			do(n)
		}
	}
}

// Any returns the number of some record, or 0 when there is none. To take out
// one after the other costs as much as there are.
func (x *Index[T, P]) Any() uint32 {
	if x.count == 0 {
		return 0
	}
	for ; ; x.any = (x.any + 1) % x.buckets {
		if n := *x.at(x.any); n != 0 {
			return n
		}
	}
}

// Add adds a record. There must be none with its hash.
func (x *Index[T, P]) Add(s *Slab[T, P], n uint32) {
	if x.count++; x.count > x.buckets {
		x.grow(s)
	}
	r := s.At(n)
	first := x.bucket(r.Hash())
	*r.Chain() = *first
	*first = n
}

// Remove takes out a record that is in the index, or puts another in its place:
// one with the same hash, or 0 for none.
func (x *Index[T, P]) Remove(s *Slab[T, P], n, instead uint32) {
	r := s.At(n)
	at := x.bucket(r.Hash())
	for *at != n {
		at = s.At(*at).Chain()
	}
	if instead == 0 {
		*at = *r.Chain()
		x.count--
		return
	}
	*s.At(instead).Chain() = *r.Chain()
	*at = instead
}

// grow adds a bucket and moves those records there that belong there now.
func (x *Index[T, P]) grow(s *Slab[T, P]) {
	if x.buckets == 0 {
		x.chunks = append(x.chunks, new([chunk]uint32))
		x.buckets = 1
		return
	}
	if x.buckets == 2<<x.level {
		x.level++
	}
	added := x.buckets
	if added%chunk == 0 {
		x.chunks = append(x.chunks, new([chunk]uint32))
	}
	x.buckets++
	from, to := x.at(added-1<<x.level), x.at(added)
	for *from != 0 {
		n := *from
		r := s.At(n)
		if uint32(r.Hash())&(2<<x.level-1) != added {
			from = r.Chain()
			continue
		}
		*from = *r.Chain()
		*r.Chain() = *to
		*to = n
	}
}

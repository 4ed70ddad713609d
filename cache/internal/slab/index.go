package slab

// Index finds records of a slab by their hashes, one record for each. It is a
// table of extendible hashing (Fagin, Nievergelt, Pippenger and Strong, 1979): a
// directory leads to pages of numbers, of which one that is full is divided in
// two. No call takes long, but for the directory's doubling, which copies a
// pointer for some fifty records.
//
// Beside each number stand 32 bits of its hash, so that records are only looked
// at when they are found: who comes along once in a while finds them outside the
// processor's caches. With a table whose records are chained, in a quarter of the
// memory, what the cache adds to a read that it has no answer for was a tenth more.
//
// The zero value is empty.
type Index[T any, P Hashed[T]] struct {
	directory []*page // 1<<depth, by the first bits of tags
	depth     uint8
	pages     int
	count     int
	any       cursor // where Any goes on
}

// Hashed is a pointer to a record that can be found.
type Hashed[T any] interface {
	record[T]
	// Hash must not change while the record is in the index.
	Hash() uint64
}

// page is 1 KiB of numbers. Those with one tag stand next to each other, from the
// place of the tag on (linear probing).
type page struct {
	// more has what did not find room, where many tags begin alike: which those of
	// hashes do not.
	more  *page
	depth uint8 // of the first bits of tags, which are the same for all here
	used  uint8
	slots [126]slot
}

type slot struct{ tag, number uint32 }

const (
	slots = uint32(len(page{}.slots))
	// full pages still have one free slot in four: from there on, looking for one
	// takes its time.
	full = 96
	// sparse is how many records there are for each entry of the directory when it
	// does not grow any more.
	sparse = 8
)

// tagOf is what a hash is known by.
func tagOf(hash uint64) uint32 { return uint32(hash * 0x9E3779B97F4A7C15 >> 32) }

// home is the slot of a tag if that is free. The first bits of the tags of a page
// may be the same.
func home(tag uint32) uint32 { return tag & 0xfff * slots >> 12 }

func after(i uint32) uint32 {
	if i++; i == slots {
		return 0
	}
	return i
}

// Len returns the number of records in the index.
func (x *Index[T, P]) Len() int { return x.count }

// Bytes returns the memory of the index.
func (x *Index[T, P]) Bytes() int64 { return int64(x.pages)*1024 + int64(len(x.directory))*8 }

// page returns where records with a tag stand.
func (x *Index[T, P]) page(tag uint32) *page { return x.directory[uint64(tag)>>(32-x.depth)] }

// Find returns the number of the record with that hash, or 0.
func (x *Index[T, P]) Find(s *Slab[T, P], hash uint64) uint32 {
	if x.count == 0 {
		return 0
	}
	tag := tagOf(hash)
	for p := x.page(tag); p != nil; p = p.more {
		for i := home(tag); p.slots[i].number != 0; i = after(i) {
			if at := p.slots[i]; at.tag == tag && s.At(at.number).Hash() == hash {
				return at.number
			}
		}
	}
	return 0
}

// Each calls do for each record.
func (x *Index[T, P]) Each(do func(n uint32)) {
	for at := 0; at < len(x.directory); {
		p := x.directory[at]
		at += 1 << (x.depth - p.depth)
		for ; p != nil; p = p.more {
			for _, at := range p.slots {
				if at.number != 0 {
					do(at.number)
				}
			}
		}
	}
}

// cursor is a place in the index.
type cursor struct {
	page int // in the directory
	slot uint32
}

// Any returns one of the records, or 0 if there are none. To take out one after
// the other takes about as long as to look at each once.
func (x *Index[T, P]) Any() uint32 {
	if x.count == 0 {
		return 0
	}
	for {
		p := x.directory[x.any.page]
		for ; x.any.slot < slots; x.any.slot++ {
			if n := p.slots[x.any.slot].number; n != 0 {
				return n
			}
		}
		for p = p.more; p != nil; p = p.more {
			for _, at := range p.slots {
				if at.number != 0 {
					return at.number
				}
			}
		}
		x.any = cursor{page: (x.any.page + 1) % len(x.directory)}
	}
}

// Add puts a record in. There must be none with its hash.
func (x *Index[T, P]) Add(s *Slab[T, P], n uint32) {
	if len(x.directory) == 0 {
		x.directory, x.pages = []*page{new(page)}, 1
	}
	tag := tagOf(s.At(n).Hash())
	p := x.page(tag)
	for p.used == full && x.divide(p, tag) {
		p = x.page(tag)
	}
	for p.used == full {
		if p.more == nil {
			p.more = &page{depth: p.depth}
			x.pages++
		}
		p = p.more
	}
	p.add(slot{tag, n})
	x.count++
}

func (p *page) add(s slot) {
	i := home(s.tag)
	for p.slots[i].number != 0 {
		i = after(i)
	}
	p.slots[i] = s
	p.used++
}

// divide makes two pages of one, on which tag stands. It returns false if the
// directory is too large for that.
func (x *Index[T, P]) divide(p *page, tag uint32) bool {
	if p.more != nil {
		return false
	}
	if p.depth == x.depth {
		if x.depth == 20 || x.count < sparse<<x.depth {
			return false
		}
		wider := make([]*page, 2*len(x.directory))
		for i, p := range x.directory {
			wider[2*i], wider[2*i+1] = p, p
		}
		x.directory = wider
		x.depth++
	}
	depth := p.depth + 1
	parts := [2]*page{{depth: depth}, {depth: depth}}
	for _, at := range p.slots {
		if at.number != 0 {
			parts[at.tag>>(32-depth)&1].add(at)
		}
	}
	first := int(uint64(tag) >> (32 - p.depth) << (x.depth - p.depth))
	half := 1 << (x.depth - depth)
	for i := range 2 * half {
		x.directory[first+i] = parts[i/half]
	}
	x.pages++
	return true
}

// Remove takes a record out, or puts another one with the same hash in its place.
func (x *Index[T, P]) Remove(s *Slab[T, P], n, instead uint32) {
	tag := tagOf(s.At(n).Hash())
	for p := x.page(tag); ; p = p.more {
		for i := home(tag); p.slots[i].number != 0; i = after(i) {
			switch {
			case p.slots[i].number != n:
				continue
			case instead != 0:
				p.slots[i].number = instead
			default:
				p.remove(i)
				x.count--
			}
			return
		}
	}
}

// remove empties a slot, and has those behind it that need it move up (Knuth, The
// Art of Computer Programming, vol. 3, algorithm 6.4R).
func (p *page) remove(i uint32) {
	for j := after(i); p.slots[j].number != 0; j = after(j) {
		// How far it is from home, and from the free slot.
		if away(home(p.slots[j].tag), j) >= away(i, j) {
			p.slots[i] = p.slots[j]
			i = j
		}
	}
	p.slots[i] = slot{}
	p.used--
}

// away is how many slots j stands behind i.
func away(i, j uint32) uint32 {
	if j < i {
		j += slots
	}
	return j - i
}

package store

import (
	"math/bits"

	"github.com/vantage-go/live/cache/internal/slab"
)

// queue is a list of slots, first in, first out.
type queue struct {
	newest, oldest uint32
	bytes          int64
}

// push makes slot n the newest of its queue.
func (sh *shard[V, C]) push(n uint32) {
	r := sh.slots.At(n)
	q := sh.queue(r)
	r.previous, r.next = 0, q.newest
	if q.newest != 0 {
		sh.slots.At(q.newest).previous = n
	} else {
		q.oldest = n
	}
	q.newest = n
	q.bytes += sh.weight(r)
}

// take takes slot n out of its queue.
func (sh *shard[V, C]) take(n uint32) {
	r := sh.slots.At(n)
	q := sh.queue(r)
	if r.previous != 0 {
		sh.slots.At(r.previous).next = r.next
	} else {
		q.newest = r.next
	}
	if r.next != 0 {
		sh.slots.At(r.next).previous = r.previous
	} else {
		q.oldest = r.previous
	}
	q.bytes -= sh.weight(r)
}

func (sh *shard[V, C]) queue(r *slot[V]) *queue {
	if r.main {
		return &sh.main
	}
	return &sh.small
}

// weight is what evicting a value gains, about.
func (sh *shard[V, C]) weight(r *slot[V]) int64 { return int64(r.bytes) + 200 }

// add puts a value into a free slot.
func (sh *shard[V, C]) add(hash uint64, v V, common *C, bytes int64, cost uint64) {
	r, n := sh.slots.Take()
	*r = slot[V]{hash: hash, value: v, bytes: uint32(bytes), lives: sh.worth(bytes, cost), class: sh.classes.enter(common, sh.commons)}
	r.main = sh.ghosts.forget(hash)
	sh.index.Add(&sh.slots, n)
	sh.bytes += bytes
	sh.push(n)
}

// worth is how many rounds a value stays without being asked for: one for each
// factor of 4 by which a byte of it was more expensive than it is usual. Usual is
// the mean of the logarithms, which a few very expensive ones do not move.
func (sh *shard[V, C]) worth(bytes int64, cost uint64) uint8 {
	density := int64(bits.Len64(min(cost, 1<<50)<<8/uint64(bytes+200))) << 8
	usual := sh.density
	sh.density += (density - usual) / 64
	if usual == 0 {
		sh.density = density
		return 0
	}
	return uint8(min(max(density-usual, 0)>>9, maxLives))
}

// remove frees slot n, which is in a queue.
func (sh *shard[V, C]) remove(n uint32) {
	sh.take(n)
	sh.free(n)
}

// free frees slot n, which is in no queue.
func (sh *shard[V, C]) free(n uint32) {
	r := sh.slots.At(n)
	sh.bytes -= int64(r.bytes)
	sh.classes.leave(r.class, sh.commons)
	sh.index.Remove(&sh.slots, n, 0)
	*r = slot[V]{}
	sh.slots.Give(n)
}

// shrink evicts until the shard is within its capacity.
func (sh *shard[V, C]) shrink() (out []V) {
	for sh.size() > sh.capacity && sh.slots.Len() > 0 {
		out = append(out, sh.evict())
		if sh.slots.Cap() > sh.slots.Len()*4+1024 {
			// Values have become larger, and most slots are for nothing.
			sh.repack()
		}
	}
	return out
}

// maxRounds bounds how many values are given another round for one that is
// evicted.
const maxRounds = 64

// evict takes one value out.
func (sh *shard[V, C]) evict() V {
	for range maxRounds {
		if sh.small.oldest != 0 && (sh.small.bytes > sh.capacity/10 || sh.main.oldest == 0) {
			n := sh.small.oldest
			r := sh.slots.At(n)
			sh.take(n)
			if r.uses == 0 && r.lives < 2 {
				sh.remember(r.hash)
				return sh.leave(n)
			}
			r.main, r.ever = true, r.ever || r.uses > 0
			r.uses = 0
			sh.push(n)
			continue
		}
		n := sh.main.oldest
		r := sh.slots.At(n)
		sh.take(n)
		switch {
		case r.uses > 0:
			r.uses--
			r.ever = true
		case r.lives > 0:
			r.lives--
		default:
			return sh.leave(n)
		}
		sh.push(n)
	}
	n := sh.main.oldest
	if n == 0 {
		n = sh.small.oldest
	}
	sh.take(n)
	return sh.leave(n)
}

func (sh *shard[V, C]) leave(n uint32) V {
	v := sh.slots.At(n).value
	sh.free(n)
	return v
}

// repack moves the values to a slab of their number. They are at most a quarter
// of what was once there.
func (sh *shard[V, C]) repack() {
	old, queues := sh.slots, [2]queue{sh.main, sh.small}
	sh.slots = slab.Slab[slot[V], *slot[V]]{}
	sh.index = slab.Index[slot[V], *slot[V]]{}
	sh.main, sh.small = queue{}, queue{}
	for _, q := range queues {
		for n := q.oldest; n != 0; {
			from := old.At(n)
			to, number := sh.slots.Take()
			*to = *from
			n = from.previous
			sh.index.Add(&sh.slots, number)
			sh.push(number)
		}
	}
	sh.ghosts = ghosts{}
}

// remember notes that a value has left which may come back soon.
func (sh *shard[V, C]) remember(hash uint64) { sh.ghosts.add(hash, sh.slots.Cap()) }

// ghosts remember hashes of values that have left, about as many as there are
// values, by a few bits: to be wrong now and then costs little. They stand in
// groups, of which each forgets its oldest.
type ghosts struct {
	groups [][ghostGroup]uint32
}

const ghostGroup = 8

func (g *ghosts) size() int64 { return int64(len(g.groups)) * ghostGroup * 4 }

// group returns where a hash stands, and what it is known by there, which is not
// 0. The upper bits of hashes of a shard are the same.
func (g *ghosts) group(hash uint64) (*[ghostGroup]uint32, uint32) {
	return &g.groups[hash%uint64(len(g.groups))], uint32(hash>>24) | 1
}

// add remembers a hash among those of so many values.
func (g *ghosts) add(hash uint64, values int) {
	if want := (values + ghostGroup - 1) / ghostGroup; len(g.groups) < want/2 || len(g.groups) == 0 {
		g.groups = make([][ghostGroup]uint32, max(want, 1))
	}
	group, mark := g.group(hash)
	copy(group[1:], group[:ghostGroup-1])
	group[0] = mark
}

// forget reports whether a hash is remembered, and forgets it.
func (g *ghosts) forget(hash uint64) bool {
	if len(g.groups) == 0 {
		return false
	}
	group, mark := g.group(hash)
	for i, m := range group {
		if m == mark {
			copy(group[i:], group[i+1:])
			group[ghostGroup-1] = 0
			return true
		}
	}
	return false
}

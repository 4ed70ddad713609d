package cache

import (
	"encoding/binary"
	"math/bits"
)

// near remembers the last entries of one connection. A program that asks the
// same again is answered without the store, whose locks others may hold, and
// which has to note every use.
//
// An entry is good for nothing because it is here: it is served only if its
// whole key is the one asked for and the core says that it is alive, which
// nothing is that has left the store.
type near [32]place

type place struct {
	// mark is that of the entry's key.
	mark  uint64
	entry entry // has no shape if there is none
	// served counts the answers that the store has not heard of.
	served uint8
}

const (
	// unheard is how many answers the store may miss in a row. It evicts what
	// is used least, so it must see some of the uses of what is used most.
	unheard = 31
	// maxNear is the size of the largest entry that is remembered. A dead
	// one stays in memory until its place is used again: at worst 64 KiB for
	// each connection. Who reads larger results gains little.
	maxNear = 2 << 10
)

// place is where entries of keys with that mark are remembered.
func (n *near) place(mark uint64) *place { return &n[mark%uint64(len(n))] }

// mark is what places know a key by: any cheap function of it will do, as who
// chose arguments that collide would only slow down a connection of their own.
func (k *key) mark() uint64 {
	end := k.rest[len(k.rest)-8:] // there are settings in any
	hi, lo := bits.Mul64(k.statement.seed^binary.NativeEndian.Uint64(end), 0x9E3779B97F4A7C15)
	return hi ^ lo
}

// answer returns the remembered entry if it has the key, unless it is time for
// the store to hear of it. The caller asks whether it is alive.
func (p *place) answer(mark uint64, k *key) *entry {
	if p.mark != mark || p.entry.shape == nil || p.served == unheard || !k.is(&p.entry.kept, p.entry.shape) {
		return nil
	}
	p.served++
	return &p.entry
}

// remember keeps what the store has just answered, and forgets what was here.
func (p *place) remember(mark uint64, e *entry) {
	if e.bytes > maxNear {
		p.forget()
		return
	}
	p.mark, p.entry, p.served = mark, *e, 0
}

func (p *place) forget() {
	if p.entry.shape != nil {
		*p = place{}
	}
}

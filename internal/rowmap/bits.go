package rowmap

import (
	"iter"
	"math/bits"
	"unique"
)

// MaxColumns is how many columns a [Plan] can have.
const MaxColumns = 512

// Bits is a set of columns, by their position in a plan. Equal sets are equal to
// ==. It is two words, since many are kept for each save that waits: a table of
// more than 64 columns, which few are, costs a look-up for each new set.
type Bits struct { //nolint:recvcheck // a value, which only Set and Clear change in place
	low  uint64
	high unique.Handle[rest] // of the columns from 64 on; the zero handle if there are none
}

// wide is a set as words, and rest its words but the first.
type (
	wide [MaxColumns / 64]uint64
	rest [MaxColumns/64 - 1]uint64
)

// narrow reports whether no column from 64 on is in the set.
func (b Bits) narrow() bool { return b.high == unique.Handle[rest]{} }

func (b Bits) words() wide {
	w := wide{b.low}
	if !b.narrow() {
		high := b.high.Value()
		copy(w[1:], high[:])
	}
	return w
}

// bits is the set of these words.
func (w *wide) bits() Bits {
	b := Bits{low: w[0]}
	if high := rest(w[1:]); high != (rest{}) {
		b.high = unique.Make(high)
	}
	return b
}

// Set adds column i.
func (b *Bits) Set(i int) {
	if i < 64 {
		b.low |= 1 << i
		return
	}
	w := b.words()
	w[i/64] |= 1 << (i % 64)
	*b = w.bits()
}

// Clear removes column i.
func (b *Bits) Clear(i int) {
	if i < 64 {
		b.low &^= 1 << i
		return
	}
	w := b.words()
	w[i/64] &^= 1 << (i % 64)
	*b = w.bits()
}

// Has reports whether column i is in the set.
func (b Bits) Has(i int) bool {
	if i < 64 {
		return b.low&(1<<i) != 0
	}
	w := b.words()
	return w[i/64]&(1<<(i%64)) != 0
}

// Empty reports whether no column is in the set.
func (b Bits) Empty() bool { return b.low == 0 && b.narrow() }

// Or returns the columns that are in one of the sets.
func (b Bits) Or(c Bits) Bits {
	if b.narrow() && c.narrow() {
		return Bits{low: b.low | c.low}
	}
	return b.with(c, func(x, y uint64) uint64 { return x | y })
}

// And returns the columns that are in both sets.
func (b Bits) And(c Bits) Bits {
	if b.narrow() || c.narrow() {
		return Bits{low: b.low & c.low}
	}
	return b.with(c, func(x, y uint64) uint64 { return x & y })
}

// Without returns the columns that are in b and not in c.
func (b Bits) Without(c Bits) Bits {
	if b.narrow() {
		return Bits{low: b.low &^ c.low}
	}
	return b.with(c, func(x, y uint64) uint64 { return x &^ y })
}

func (b Bits) with(c Bits, f func(x, y uint64) uint64) Bits {
	x, y := b.words(), c.words()
	for i := range x {
		x[i] = f(x[i], y[i])
	}
	return x.bits()
}

// first is the first column of a set that is not empty.
func (b Bits) first() int {
	for i := range b.All() {
		return i
	}
	return 0
}

// Len returns the number of columns in the set.
func (b Bits) Len() int {
	if b.narrow() {
		return bits.OnesCount64(b.low)
	}
	n := 0
	for _, word := range b.words() {
		n += bits.OnesCount64(word)
	}
	return n
}

// All yields the columns in order.
func (b Bits) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for low := b.low; low != 0; low &= low - 1 {
			if !yield(bits.TrailingZeros64(low)) {
				return
			}
		}
		if b.narrow() {
			return
		}
		for i, word := range b.high.Value() {
			for ; word != 0; word &= word - 1 {
				if !yield(64*(i+1) + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

package rowmap

import (
	"iter"
	"math/bits"
)

// MaxColumns is how many columns a [Plan] can have.
const MaxColumns = 512

// Bits is a set of columns, by their position in a plan. Equal sets are equal to
// ==. Sets of the first 64 columns, which few tables exceed, are one word: many
// are kept for each save that waits.
type Bits struct { //nolint:recvcheck // a value, which only Set and Clear change in place
	low  uint64
	high string // the words of the columns from 64 on, without zeros at the end; a string is a value, too
}

// wordBytes is how many bytes of high a word takes.
const wordBytes = 8

// wide is a set as words.
type wide [MaxColumns / 64]uint64

func (b Bits) words() wide {
	w := wide{b.low}
	for i := range len(b.high) / wordBytes {
		for k := range wordBytes {
			w[i+1] |= uint64(b.high[i*wordBytes+k]) << (8 * k)
		}
	}
	return w
}

// bits is the set of these words.
func (w *wide) bits() Bits {
	n := len(w)
	for n > 1 && w[n-1] == 0 {
		n--
	}
	high := make([]byte, 0, (MaxColumns/64-1)*wordBytes)
	for _, word := range w[1:n] {
		for k := range wordBytes {
			high = append(high, byte(word>>(8*k)))
		}
	}
	return Bits{w[0], string(high)}
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
	at := (i - 64) / 8
	return at < len(b.high) && b.high[at]&(1<<(i%8)) != 0
}

// Empty reports whether no column is in the set.
func (b Bits) Empty() bool { return b.low == 0 && b.high == "" }

// Or returns the columns that are in one of the sets.
func (b Bits) Or(c Bits) Bits {
	if b.high == "" && c.high == "" {
		return Bits{low: b.low | c.low}
	}
	return b.with(c, func(x, y uint64) uint64 { return x | y })
}

// And returns the columns that are in both sets.
func (b Bits) And(c Bits) Bits {
	if b.high == "" || c.high == "" {
		return Bits{low: b.low & c.low}
	}
	return b.with(c, func(x, y uint64) uint64 { return x & y })
}

// Without returns the columns that are in b and not in c.
func (b Bits) Without(c Bits) Bits {
	if b.high == "" {
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
	n := bits.OnesCount64(b.low)
	for i := range len(b.high) {
		n += bits.OnesCount8(b.high[i])
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
		for k := range len(b.high) {
			for part := b.high[k]; part != 0; part &= part - 1 {
				if !yield(64 + 8*k + bits.TrailingZeros8(part)) {
					return
				}
			}
		}
	}
}

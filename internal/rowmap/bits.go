package rowmap

import (
	"iter"
	"math/bits"
)

// MaxColumns is how many columns a [Plan] can have.
const MaxColumns = 512

// Bits is a set of columns, by their position in a plan.
type Bits [MaxColumns / 64]uint64 //nolint:recvcheck // a value, which only Set and Clear change in place

// Set adds column i.
func (b *Bits) Set(i int) { b[i/64] |= 1 << (i % 64) }

// Clear removes column i.
func (b *Bits) Clear(i int) { b[i/64] &^= 1 << (i % 64) }

// Has reports whether column i is in the set.
func (b Bits) Has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

// Empty reports whether no column is in the set.
func (b Bits) Empty() bool { return b == Bits{} }

// Or returns the columns that are in one of the sets.
func (b Bits) Or(c Bits) Bits {
	for i := range c {
		c[i] |= b[i]
	}
	return c
}

// And returns the columns that are in both sets.
func (b Bits) And(c Bits) Bits {
	for i := range c {
		c[i] &= b[i]
	}
	return c
}

// Without returns the columns that are in b and not in c.
func (b Bits) Without(c Bits) Bits {
	for i := range c {
		c[i] = b[i] &^ c[i]
	}
	return c
}

// Len returns the number of columns in the set.
func (b Bits) Len() int {
	n := 0
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// All yields the columns in order.
func (b Bits) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range b {
			for word != 0 {
				if !yield(i*64 + bits.TrailingZeros64(word)) {
					return
				}
				word &= word - 1
			}
		}
	}
}

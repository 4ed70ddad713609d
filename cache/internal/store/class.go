package store

import (
	"sync"
	"sync/atomic"
)

// classes number what values have in common, while there are such values.
type classes[C any] struct {
	list    []class[C]
	numbers map[*C]uint32
	free    []uint32
	last    uint32
}

type class[C any] struct {
	common *C
	values int
}

// enter returns the number of the class of a further value.
func (c *classes[C]) enter(common *C, all *commons[C]) uint32 {
	if c.last < uint32(len(c.list)) && c.list[c.last].common == common {
		c.list[c.last].values++
		return c.last
	}
	n, found := c.numbers[common]
	switch last := len(c.free) - 1; {
	case found:
	case last >= 0:
		n = c.free[last]
		c.free = c.free[:last]
	default:
		n = uint32(len(c.list))
		c.list = append(c.list, class[C]{})
	}
	if !found {
		if c.numbers == nil {
			c.numbers = make(map[*C]uint32)
		}
		c.numbers[common] = n
		c.list[n].common = common
		all.enter(common)
	}
	c.last = n
	c.list[n].values++
	return n
}

// leave notes that a value of a class has left. Without any it is forgotten.
func (c *classes[C]) leave(n uint32, all *commons[C]) {
	one := &c.list[n]
	if one.values--; one.values > 0 {
		return
	}
	delete(c.numbers, one.common)
	all.leave(one.common)
	one.common = nil
	c.free = append(c.free, n)
}

// commons counts the memory of what values have in common, once for all parts of a
// store. It is that of one generation: a reset forgets it with the values.
type commons[C any] struct {
	generation uint64
	size       func(*C) int64 // nil: nothing is counted
	bytes      atomic.Int64
	// commonsMu guards parts, the numbers of parts that have such values. It is held
	// for map operations only.
	commonsMu sync.Mutex
	parts     map[*C]int
}

func newCommons[C any](generation uint64, size func(*C) int64) *commons[C] {
	return &commons[C]{generation: generation, size: size, parts: make(map[*C]int)}
}

// perCommon is about what it takes to know of one, here and in a part.
const perCommon = 128

// enter notes that a part of the store has the first value of a class.
func (c *commons[C]) enter(common *C) { c.count(common, 1) }

// leave notes that a part has none any more.
func (c *commons[C]) leave(common *C) { c.count(common, -1) }

func (c *commons[C]) count(common *C, more int) {
	if c.size == nil {
		return
	}
	c.commonsMu.Lock()
	defer c.commonsMu.Unlock()
	switch before := c.parts[common]; before + more {
	case 0:
		delete(c.parts, common)
		c.bytes.Add(-c.size(common) - perCommon)
	default:
		if c.parts[common] = before + more; before == 0 {
			c.bytes.Add(c.size(common) + perCommon)
		}
	}
}

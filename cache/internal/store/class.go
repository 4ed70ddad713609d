package store

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
func (c *classes[C]) enter(common *C) uint32 {
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
	}
	c.last = n
	c.list[n].values++
	return n
}

// leave notes that a value of a class has left. Without any it is forgotten.
func (c *classes[C]) leave(n uint32) {
	one := &c.list[n]
	if one.values--; one.values > 0 {
		return
	}
	delete(c.numbers, one.common)
	one.common = nil
	c.free = append(c.free, n)
}

package rowset

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Shapes are the columns that the results of one statement have had. Results
// with the same columns share one description. They may be used concurrently.
type Shapes struct {
	// Owner is what the shapes tell that they belong to.
	Owner any

	last atomic.Pointer[Shape]
}

// Shape describes the columns of results.
type Shape struct {
	owner   any
	columns []string
	info    []columnInfo
	zones   zones
}

// Owner is that of the Shapes that the shape is of.
func (s *Shape) Owner() any { return s.owner }

// Size is the memory of the shape, in bytes, without its owner.
func (s *Shape) Size() int64 {
	size := int64(unsafe.Sizeof(*s)) + int64(len(s.info))*int64(unsafe.Sizeof(columnInfo{}))
	for _, name := range s.columns {
		size += int64(unsafe.Sizeof(name)) + int64(len(name))
	}
	return size
}

// of returns the shape of a set.
func (s *Shapes) of(set *Set) *Shape {
	last := s.last.Load()
	if last != nil && (last == set.like || slices.Equal(last.columns, set.columns) && slices.Equal(last.info, set.info)) {
		return last
	}
	next := &Shape{owner: s.Owner, columns: set.columns, info: set.info}
	s.last.Store(next)
	return next
}

// zones are the locations of times. The values of one column have few.
type zones struct {
	known atomic.Pointer[[]*time.Location]
	// zonesMu is for adding.
	zonesMu sync.Mutex
}

// maxZones bounds the locations of one shape. A driver that makes one for each
// value has its results kept as they are.
const maxZones = 32

// number returns the number of a location, and false when there are too many.
func (z *zones) number(l *time.Location) (int, bool) {
	if n := slices.Index(z.list(), l); n >= 0 {
		return n, true
	}
	z.zonesMu.Lock()
	defer z.zonesMu.Unlock()
	known := z.list()
	n := slices.Index(known, l)
	switch {
	case n >= 0:
		return n, true
	case len(known) == maxZones:
		return 0, false
	}
	more := append(slices.Clip(known), l)
	z.known.Store(&more)
	return len(known), true
}

func (z *zones) list() []*time.Location {
	if p := z.known.Load(); p != nil {
		return *p
	}
	return nil
}

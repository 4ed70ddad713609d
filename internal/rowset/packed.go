package rowset

import (
	sqldriver "database/sql/driver"
	"encoding/binary"
	"math"
	"time"
	"unsafe"
)

// Packed is a complete result in the form in which it is kept: one piece of
// memory without pointers, so that the garbage collector has one object to mark
// for each result and nothing to follow, and beside the values themselves there
// are 9 bytes for each. A packed result never changes and may be used
// concurrently. The zero value is none.
//
// It begins with a header and the head, some bytes of whoever keeps it. Then
// come a word for each value, a tag for each, and the bytes of texts and times,
// of which the word tells place and length:
//
//	rows, head, words, flags │ head │ a word each │ a tag each │ bytes
//
// Values of types that only drivers know, and results whose column types differ
// from row to row, are kept as they were recorded.
type Packed struct {
	// data is the memory, or a *whole if there is one.
	data  unsafe.Pointer
	whole bool
}

// whole is a result that is kept as it was recorded.
type whole struct {
	head string
	set  *Set
}

// tags of values.
const (
	tagNil byte = iota
	tagFalse
	tagTrue
	tagInt
	tagFloat
	tagString
	tagBytes
	tagNilBytes
	tagTime
)

// The header: four numbers of 4 bytes.
const (
	rowsAt   = 0  // the number of rows
	lengthAt = 4  // the length of the head
	wordsAt  = 8  // where the words begin, at a multiple of 8
	flagsAt  = 12 // whether there are times
	headAt   = 16 // where the head begins
)

var native = binary.NativeEndian

// Pack returns s in the form to be kept, with its shape, one of those of its
// statement, and the memory that it takes.
func (s *Set) Pack(head []byte, shapes *Shapes) (p Packed, shape *Shape, size int64) {
	shape = shapes.of(s)
	n := len(s.cells)
	words := (headAt + len(head) + 7) &^ 7
	need, ok := words+9*n, s.rowTypes == nil && int64(s.rows) < math.MaxUint32
	if ok {
		for _, v := range s.cells {
			more, packs := packedSize(v)
			need += more
			ok = ok && packs
		}
	}
	if ok && need < math.MaxInt32 {
		if data, done := s.pack(shape, head, words, need); done {
			return Packed{data: unsafe.Pointer(unsafe.SliceData(data))}, shape, int64(cap(data))
		}
	}
	kept := &whole{string(head), s}
	return Packed{unsafe.Pointer(kept), true}, shape, s.size + int64(unsafe.Sizeof(*kept)) + int64(len(head))
}

func putHeader(data []byte, rows int, head []byte, words int, flags uint32) {
	native.PutUint32(data[rowsAt:], uint32(rows))
	native.PutUint32(data[lengthAt:], uint32(len(head)))
	native.PutUint32(data[wordsAt:], uint32(words))
	native.PutUint32(data[flagsAt:], flags)
	copy(data[headAt:], head)
}

// packedSize is the number of bytes that a value takes beside its word and tag,
// or false for a value that is not packed.
func packedSize(v sqldriver.Value) (int, bool) {
	switch v := v.(type) {
	case nil, bool, int64, float64:
		return 0, true
	case string:
		return len(v), true
	case []byte:
		return len(v), true
	case time.Time:
		return timeSize, true
	}
	return 0, false
}

const (
	timeSize = 16
	hasTimes = 1
)

// pack returns the packed rows, or false when one of the times is of too rare a
// kind. Its capacity is what was allocated.
func (s *Set) pack(sh *Shape, head []byte, words, size int) ([]byte, bool) {
	// This way the allocator tells how much it gives.
	data := append([]byte(nil), make([]byte, size)...)
	var flags uint32
	tags := data[words+8*len(s.cells):]
	at := words + 9*len(s.cells)
	for i, v := range s.cells {
		var word uint64
		switch v := v.(type) {
		case nil:
			tags[i] = tagNil
		case bool:
			tags[i] = tagFalse
			if v {
				tags[i] = tagTrue
			}
		case int64:
			tags[i], word = tagInt, uint64(v)
		case float64:
			tags[i], word = tagFloat, math.Float64bits(v)
		case string:
			tags[i], word = tagString, uint64(at)<<32|uint64(len(v))
			at += copy(data[at:], v)
		case []byte:
			tags[i], word = tagBytes, uint64(at)<<32|uint64(len(v))
			if v == nil {
				tags[i] = tagNilBytes
			}
			at += copy(data[at:], v)
		case time.Time:
			zone, ok := sh.zones.number(v.Location())
			if !ok {
				return nil, false
			}
			// A time with a monotonic reading, for one, would come back as
			// another.
			if timeOf(v.Unix(), uint32(v.Nanosecond()), v.Location()) != v {
				return nil, false
			}
			tags[i], word, flags = tagTime, uint64(at), hasTimes
			native.PutUint64(data[at:], uint64(v.Unix()))
			native.PutUint32(data[at+8:], uint32(v.Nanosecond()))
			native.PutUint32(data[at+12:], uint32(zone))
			at += timeSize
		}
		native.PutUint64(data[words+8*i:], word)
	}
	putHeader(data, s.rows, head, words, flags)
	return data, true
}

func timeOf(seconds int64, nanoseconds uint32, l *time.Location) time.Time {
	return time.Unix(seconds, int64(nanoseconds)).In(l)
}

// Head returns the bytes that Pack was given.
func (p Packed) Head() string {
	if p.whole {
		return (*whole)(p.data).head
	}
	m := memory{p.data}
	return m.text(headAt, int(m.uint32(lengthAt)))
}

// Rows plays the result back from its first row, as [Set.Rows] does, with the
// shape that Pack returned. It costs one allocation for a result of one row and up
// to 32 columns, a few for larger ones, and one or two for []byte, or for each 4 KiB
// of them.
func (p Packed) Rows(shape *Shape) sqldriver.Rows {
	if p.whole {
		return (*whole)(p.data).set.Rows()
	}
	return newReplay(shape, memory{p.data})
}

// memory is a packed result, which keeps its length to itself.
type memory struct{ first unsafe.Pointer }

func (m memory) at(n int) unsafe.Pointer { return unsafe.Add(m.first, n) }

func (m memory) uint32(n int) uint32 { return *(*uint32)(m.at(n)) }

// text returns n bytes as a string, without a copy: they never change. An empty
// one may begin where the memory ends, which is the place of another object: a
// pointer there would keep that alive, or end the program if it is free.
func (m memory) text(at, n int) string {
	if n == 0 {
		return ""
	}
	return unsafe.String((*byte)(m.at(at)), n)
}

func (m memory) time(at int, z *zones) time.Time {
	return timeOf(*(*int64)(m.at(at)), m.uint32(at+8), z.list()[m.uint32(at+12)])
}

package rowset

import (
	sqldriver "database/sql/driver"
	"io"
	"reflect"
	"time"
	"unsafe"
)

// replay is one reading of a packed result. Like all driver.Rows it belongs to
// one goroutine, and like other cursors it is not pooled.
//
// Its values lie in the packed result. A string is a pointer and a length,
// though, which the result does not hold: the replay has a place for each.
// What it has given may outlive it. Bytes are copied: whoever gets them may write
// there.
type replay struct {
	shape *Shape
	data  memory
}

var (
	_ sqldriver.Rows                           = (*manyReplay)(nil)
	_ sqldriver.Rows                           = (*oneReplay[[1]string, struct{}])(nil)
	_ sqldriver.Rows                           = (*oneText)(nil)
	_ sqldriver.RowsNextResultSet              = (*manyReplay)(nil)
	_ sqldriver.RowsColumnTypeScanType         = (*manyReplay)(nil)
	_ sqldriver.RowsColumnTypeDatabaseTypeName = (*manyReplay)(nil)
	_ sqldriver.RowsColumnTypeLength           = (*manyReplay)(nil)
	_ sqldriver.RowsColumnTypeNullable         = (*manyReplay)(nil)
	_ sqldriver.RowsColumnTypePrecisionScale   = (*manyReplay)(nil)
	_ Numbered                                 = (*manyReplay)(nil)
)

// places are those for the strings, times and bytes of rows to come.
type places struct {
	strings []string
	times   []time.Time
	bytes   [][]byte
	copies  []byte // room for what stands in bytes
}

// oneReplay is a replay of one row. N is an array of strings with room for the
// names of the columns, which callers may write into, and for their strings; T
// is one of times, or empty. A hit allocates this and nothing else: the
// allocator takes 27 ns for 32 bytes where it takes 62 for 96. It has no data
// once the row was given.
type oneReplay[N, T any] struct {
	replay
	times   T
	names   N
	strings N
}

// oneText is a replay of one row of one column that holds a few bytes, as a driver
// of MySQL gives a text: an allocation for all of it.
type oneText struct {
	replay
	names [1]string
	bytes []byte
	copy  [fewBytes]byte
}

const fewBytes = 24

// manyReplay is a replay of any number of rows and columns.
type manyReplay struct {
	replay
	next   int
	places places
}

func newReplay(s *Shape, data memory) sqldriver.Rows {
	r := replay{shape: s, data: data}
	n := len(s.columns)
	if data.uint32(rowsAt) != 1 || n > 32 {
		return &manyReplay{replay: r}
	}
	if data.uint32(flagsAt)&hasTimes != 0 {
		switch {
		case n == 1:
			return newOne[[1]string, [1]time.Time](r)
		case n == 2:
			return newOne[[2]string, [2]time.Time](r)
		case n <= 4:
			return newOne[[4]string, [4]time.Time](r)
		case n <= 8:
			return newOne[[8]string, [8]time.Time](r)
		case n <= 16:
			return newOne[[16]string, [16]time.Time](r)
		}
		return newOne[[32]string, [32]time.Time](r)
	}
	switch {
	case n == 1 && r.isFew():
		return &oneText{replay: r, names: [1]string{s.columns[0]}}
	case n <= 1:
		return newOne[[1]string, struct{}](r)
	case n == 2:
		return newOne[[2]string, struct{}](r)
	case n == 3:
		return newOne[[3]string, struct{}](r)
	case n == 4:
		return newOne[[4]string, struct{}](r)
	case n <= 8:
		return newOne[[8]string, struct{}](r)
	case n <= 16:
		return newOne[[16]string, struct{}](r)
	}
	return newOne[[32]string, struct{}](r)
}

func newOne[N, T any](r replay) *oneReplay[N, T] {
	one := &oneReplay[N, T]{replay: r}
	copy(one.Columns(), r.shape.columns)
	return one
}

// Columns returns names that are the caller's: what it writes there stays, as
// it does with drivers that keep their names.
func (r *oneReplay[N, T]) Columns() []string {
	return unsafe.Slice((*string)(unsafe.Pointer(&r.names)), len(r.shape.columns))
}

// Next gives the row.
func (r *oneReplay[N, T]) Next(dest []sqldriver.Value) error {
	if r.data.first == nil {
		return io.EOF
	}
	n := len(r.shape.columns)
	p := places{strings: unsafe.Slice((*string)(unsafe.Pointer(&r.strings)), n)}
	if unsafe.Sizeof(r.times) != 0 {
		p.times = unsafe.Slice((*time.Time)(unsafe.Pointer(&r.times)), n)
	}
	r.row(0, dest, &p)
	r.data.first = nil
	return nil
}

// Close ends the replay.
func (r *oneReplay[N, T]) Close() error {
	r.data.first = nil
	return nil
}

// isFew reports whether the first column of the first row is a few bytes.
func (r *replay) isFew() bool {
	words := int(r.data.uint32(wordsAt))
	return *(*byte)(r.data.at(words + 8*len(r.shape.columns)*int(r.data.uint32(rowsAt)))) == tagBytes &&
		uint32(*(*uint64)(r.data.at(words))) <= fewBytes
}

// Columns returns the name, which is the caller's.
func (r *oneText) Columns() []string { return r.names[:] }

// Next gives the row.
func (r *oneText) Next(dest []sqldriver.Value) error {
	if r.data.first == nil {
		return io.EOF
	}
	if len(dest) > 0 {
		w := *(*uint64)(r.data.at(int(r.data.uint32(wordsAt))))
		n := copy(r.copy[:], r.data.text(int(w>>32), int(uint32(w))))
		r.bytes = r.copy[:n:n]
		dest[0] = boxBytes(&r.bytes)
	}
	r.data.first = nil
	return nil
}

// Close ends the replay.
func (r *oneText) Close() error {
	r.data.first = nil
	return nil
}

// Columns returns a copy of the names.
func (r *manyReplay) Columns() []string { return append([]string{}, r.shape.columns...) }

// Next gives the next row.
func (r *manyReplay) Next(dest []sqldriver.Value) error {
	if r.next >= int(r.data.uint32(rowsAt)) {
		return io.EOF
	}
	r.next++
	r.row(r.next-1, dest, &r.places)
	return nil
}

// Close ends the replay.
func (r *manyReplay) Close() error {
	r.next = int(r.data.uint32(rowsAt))
	return nil
}

// row gives a row, by its number, with places for its strings and times.
func (r *replay) row(number int, dest []sqldriver.Value, p *places) {
	n := len(r.shape.columns)
	rows, words := int(r.data.uint32(rowsAt)), int(r.data.uint32(wordsAt))
	first := number * n
	if n == 0 {
		return
	}
	tags := unsafe.Slice((*byte)(r.data.at(words+8*n*rows+first)), n)
	word := r.data.at(words + 8*first)
	for i, tag := range tags {
		if i == len(dest) {
			return
		}
		switch at := unsafe.Add(word, 8*i); tag {
		case tagNil:
			dest[i] = nil
		case tagFalse:
			dest[i] = false
		case tagTrue:
			dest[i] = true
		case tagInt:
			dest[i] = boxed(intKind, at)
		case tagFloat:
			dest[i] = boxed(floatKind, at)
		case tagString:
			if len(p.strings) == 0 {
				p.strings = make([]string, placesFor(tags[i:], tagString, rows-number-1))
			}
			w := *(*uint64)(at)
			s := &p.strings[0]
			p.strings = p.strings[1:]
			*s = r.data.text(int(w>>32), int(uint32(w)))
			dest[i] = boxString(s)
		case tagBytes:
			w := *(*uint64)(at)
			text := r.data.text(int(w>>32), int(uint32(w)))
			if len(p.bytes) == 0 {
				p.makeBytes(placesFor(tags[i:], tagBytes, rows-number-1), len(text))
			}
			if cap(p.copies)-len(p.copies) < len(text) {
				p.copies = make([]byte, 0, r.bytesFrom(number*n+i, rows*n))
			}
			b := &p.bytes[0]
			p.bytes = p.bytes[1:]
			*b = p.copy(text)
			dest[i] = boxBytes(b)
		case tagNilBytes:
			dest[i] = []byte(nil)
		case tagTime:
			if len(p.times) == 0 {
				p.times = make([]time.Time, placesFor(tags[i:], tagTime, rows-number-1))
			}
			t := &p.times[0]
			p.times = p.times[1:]
			*t = r.data.time(int(*(*uint64)(at)), &r.shape.zones)
			dest[i] = boxTime(t)
		}
	}
}

// roomAhead is how much room is made for the bytes of rows to come. Whoever keeps
// one of them keeps all of that.
const roomAhead = 4 << 10

// bytesFrom returns how many bytes there are in the values from first to before end,
// up to roomAhead, but at least those of the first.
func (r *replay) bytesFrom(first, end int) (n int) {
	words := int(r.data.uint32(wordsAt))
	tags := unsafe.Slice((*byte)(r.data.at(words+8*end)), end)
	for i := first; i < end; i++ {
		if tags[i] != tagBytes {
			continue
		}
		length := int(uint32(*(*uint64)(r.data.at(words + 8*i))))
		if n > 0 && n+length > roomAhead {
			break
		}
		n += length
	}
	return n
}

// makeBytes makes n places for bytes. If the only one is for a few, they find room in
// the same memory.
func (p *places) makeBytes(n, length int) {
	switch {
	case n == 1 && length <= 40:
		one := new(struct {
			place [1][]byte
			copy  [40]byte
		})
		p.bytes, p.copies = one.place[:], one.copy[:0]
	default:
		p.bytes = make([][]byte, n)
	}
}

// copy returns a copy of text that cannot grow into what comes behind it.
func (p *places) copy(text string) []byte {
	if text == "" {
		return []byte{}
	}
	at := len(p.copies)
	p.copies = append(p.copies, text...)
	return p.copies[at:len(p.copies):len(p.copies)]
}

// placesFor returns how many places to make: those for the rest of a row and
// for some rows like it.
func placesFor(tags []byte, tag byte, rows int) int {
	n := 0
	for _, t := range tags {
		if t == tag {
			n++
		}
	}
	return n * (1 + min(rows, 63))
}

// HasNextResultSet is false: what has several results is not kept.
func (r *replay) HasNextResultSet() bool { return false }

// NextResultSet has none.
func (r *replay) NextResultSet() error { return io.EOF }

// ColumnTypeScanType answers as was recorded, as do the methods below.
func (r *replay) ColumnTypeScanType(i int) reflect.Type { return r.shape.info[i].scanType }

// ColumnTypeLength returns the recorded length.
func (r *replay) ColumnTypeLength(i int) (int64, bool) {
	info := &r.shape.info[i]
	return info.length, info.lengthOK
}

// ColumnTypeDatabaseTypeName returns the recorded name.
func (r *replay) ColumnTypeDatabaseTypeName(i int) string { return r.shape.info[i].databaseType }

// ColumnTypeNumber implements [Numbered].
func (r *replay) ColumnTypeNumber(i int) uint32 { return r.shape.info[i].number }

// ColumnTypeNullable returns what was recorded.
func (r *replay) ColumnTypeNullable(i int) (nullable, ok bool) {
	info := &r.shape.info[i]
	return info.nullable, info.nullableOK
}

// ColumnTypePrecisionScale returns what was recorded.
func (r *replay) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	info := &r.shape.info[i]
	return info.precision, info.scale, info.precisionOK
}

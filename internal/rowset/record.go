package rowset

import (
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"reflect"
	"slices"
	"time"
	"unsafe"
)

// Budget bounds what Record reads ahead of the caller.
type Budget struct {
	// Bytes is the greatest size of a set. A result that grows beyond it is
	// streamed to the caller and not kept. Every row counts, also one without
	// columns, so that reading ahead always comes to an end.
	Bytes int64
	// RowTypes records the scan type and length of every row, for drivers
	// that derive them from the current row (SQLite).
	RowTypes bool
	// Like are the shapes that such results have had, or nil: a set whose columns
	// are the same shares theirs.
	Like *Shapes
	// Numbers are those of the types of the columns, for drivers that tell their
	// types apart by more than database/sql asks for, or nil. They are copied.
	Numbers []uint32
	// Done, if not nil, ends reading ahead when it is closed. Drivers look at the
	// context of a query while it is sent, not at each row: it is database/sql that
	// ends the rows then, once it has them.
	Done <-chan struct{}
}

// Reasons why Record gave no set.
var (
	ErrTooLarge   = errors.New("the result is larger than the budget")
	ErrManyResult = errors.New("the query has more than one result")
	ErrValueType  = errors.New("the result has a value of a type that cannot be copied")
	ErrDone       = errors.New("nobody waits for the result any more")
)

// Record reads inner to its end and returns rows for the caller that give
// exactly what inner would have given. It owns inner from then on. When the
// whole result was read, it is returned as a set too and why is nil; otherwise
// the rows replay what was read and go on with inner, and why tells the
// reason: one of the errors above, or the error that inner returned, which the
// caller meets at its own row.
//
// Record reads before the caller asks, since database/sql reads a single row
// of a QueryRow and closes: whoever waits for io.EOF never sees a point read
// end.
func Record(inner sqldriver.Rows, budget Budget) (rows sqldriver.Rows, set *Set, why error) {
	r := recorder{inner: inner, budget: budget}
	names := inner.Columns()
	var m *point
	if n := len(names); n <= fewColumns {
		m = new(point)
		r.set, r.room, m.set = &m.all, m.room[:2*n], &m.all
	} else {
		r.set, r.room = new(Set), make([]sqldriver.Value, 2*n)
	}
	s := r.set
	s.describe(inner, names, budget)
	s.size = baseSize(s)
	why = r.run()
	if why == nil {
		if err := inner.Close(); err != nil {
			// All rows are there, yet the driver reports a failure: the caller
			// gets it from Close, and the result is not trusted.
			return &stream{set: s, closed: true, closeErr: err, tail: io.EOF}, nil, err
		}
		if m != nil {
			copy(m.names[:], s.columns)
			return m, s, nil
		}
		return s.Rows(), s, nil
	}
	return &stream{set: s, inner: inner, tail: r.tail}, nil, why
}

const (
	// cellSize is the memory of one value's interface.
	cellSize = int64(unsafe.Sizeof([1]sqldriver.Value{}))
	// rowTypeSize is the memory of one row's type of one column, rowTypesSize
	// what a row needs beside them.
	rowTypeSize  = int64(unsafe.Sizeof(rowType{}))
	rowTypesSize = int64(unsafe.Sizeof([]rowType{}))
)

// point is the memory of a result of few columns, and its first reading: for what
// recording adds to a point read, the allocations are much of it.
type point struct {
	all   Set
	room  [2 * fewColumns]sqldriver.Value
	names [fewColumns]string
	cursor
}

const fewColumns = 4

// Columns returns names that are the caller's, as those of [cursor1] are.
func (p *point) Columns() []string { return p.names[:len(p.set.columns):len(p.set.columns)] }

// recorder fills a set row by row.
type recorder struct {
	set    *Set
	room   []sqldriver.Value // for two rows
	inner  sqldriver.Rows
	budget Budget
	// tail is what inner answered instead of a further row, or nil when it
	// may have more.
	tail error
}

func (r *recorder) run() error {
	s, n := r.set, len(r.set.columns)
	// As under database/sql, dest is the driver's alone and never cleared: it
	// may leave a value as it was, or reuse the memory of the last one. The values
	// of one row find room beside it.
	dest := r.room[:n:n]
	s.cells = r.room[n:n]
	rowSize := int64(max(n, 1)) * cellSize
	for {
		if s.size > r.budget.Bytes {
			return ErrTooLarge
		}
		select {
		case <-r.budget.Done:
			return ErrDone
		default:
		}
		if err := r.inner.Next(dest); err != nil {
			r.tail = err
			if err != io.EOF { //nolint:errorlint // database/sql compares by identity, see Rows.nextLocked
				return err
			}
			if many, ok := r.inner.(sqldriver.RowsNextResultSet); ok && many.HasNextResultSet() {
				return ErrManyResult
			}
			if spare := cap(s.cells) - len(s.cells); spare > len(s.cells)/4 {
				s.cells = append(make([]sqldriver.Value, 0, len(s.cells)), s.cells...)
			}
			return nil
		}
		copied := true
		for _, v := range dest {
			c, size, ok := keep(v)
			if !ok {
				copied = false
			}
			if _, isBytes := c.([]byte); isBytes {
				s.hasBytes = true
			}
			s.cells = append(s.cells, c)
			s.size += size
		}
		s.rows++
		s.size += rowSize
		if r.budget.RowTypes {
			r.recordRowTypes()
		}
		if !copied {
			return ErrValueType
		}
	}
}

// recordRowTypes keeps the types of the current row. Nothing is kept while
// every row agrees with the first answer.
func (r *recorder) recordRowTypes() {
	s := r.set
	same := true
	for i := range s.info {
		info := &s.info[i]
		same = same && rowTypeOf(r.inner, i) == (rowType{info.scanType, info.length, info.lengthOK})
	}
	if same && s.rowTypes == nil {
		return
	}
	types := make([]rowType, len(s.columns))
	for i := range types {
		types[i] = rowTypeOf(r.inner, i)
	}
	if s.rowTypes == nil {
		first := make([]rowType, len(s.columns))
		for i := range first {
			info := &s.info[i]
			first[i] = rowType{info.scanType, info.length, info.lengthOK}
		}
		for range s.rows - 1 {
			s.rowTypes = append(s.rowTypes, first)
		}
		s.size += int64(s.rows-1)*rowTypesSize + int64(len(first))*rowTypeSize
	}
	s.rowTypes = append(s.rowTypes, types)
	s.size += rowTypesSize + int64(len(types))*rowTypeSize
}

// keep returns a value that shares no memory with the driver, and the memory
// it needs beyond its interface. Types are kept as they are: database/sql and
// Scanners switch on them.
func keep(value sqldriver.Value) (sqldriver.Value, int64, bool) {
	const word = int64(unsafe.Sizeof(uintptr(0)))
	switch v := value.(type) {
	case nil, bool:
		return value, 0, true
	case int64, float64:
		return value, word, true
	case string:
		return value, 2*word + int64(len(v)), true
	case []byte:
		if v == nil {
			return value, 3 * word, true
		}
		return append(make([]byte, 0, len(v)), v...), 3*word + int64(len(v)), true
	case time.Time:
		return value, 3 * word, true
	}
	// Drivers deliver more than driver.Value promises: MySQL float32 and
	// uint64, named types of JSON. Whatever holds no pointer can be shared.
	rv := reflect.ValueOf(value)
	switch rv.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return value, int64(rv.Type().Size()), true
	case reflect.String:
		return value, 2*word + int64(rv.Len()), true
	default:
		return value, 0, false
	}
}

// baseSize is the memory of a set without its cells, but with the room for a row
// that lies beside them.
func baseSize(s *Set) int64 {
	size := int64(unsafe.Sizeof(*s)) + int64(len(s.columns))*cellSize
	if len(s.columns) <= fewColumns {
		size = int64(unsafe.Sizeof(point{}))
	}
	for _, name := range s.columns {
		size += int64(unsafe.Sizeof(name)) + int64(len(name)) + int64(unsafe.Sizeof(columnInfo{}))
	}
	return size
}

// describe asks inner everything that database/sql could ask.
func (s *Set) describe(inner sqldriver.Rows, names []string, budget Budget) {
	var last *Shape
	if budget.Like != nil {
		last = budget.Like.last.Load()
	}
	if last != nil && slices.Equal(last.columns, names) && describes(last.info, inner, budget.Numbers) {
		s.columns, s.info, s.like = last.columns, last.info, last
		return
	}
	s.columns, s.info = append([]string(nil), names...), make([]columnInfo, len(names))
	for i := range s.info {
		s.info[i] = describe(inner, i, budget.Numbers)
	}
}

// describes reports whether info is what inner says of its columns.
func describes(info []columnInfo, inner sqldriver.Rows, numbers []uint32) bool {
	for i := range info {
		if info[i] != describe(inner, i, numbers) {
			return false
		}
	}
	return true
}

// describe asks about a column, with database/sql's own answers where inner has
// none (sql.go, rowsColumnInfoSetupConnLocked).
func describe(inner sqldriver.Rows, i int, numbers []uint32) columnInfo {
	t := rowTypeOf(inner, i)
	c := columnInfo{scanType: t.scanType, length: t.length, lengthOK: t.lengthOK}
	if i < len(numbers) {
		c.number = numbers[i]
	}
	if p, ok := inner.(sqldriver.RowsColumnTypeDatabaseTypeName); ok {
		c.databaseType = p.ColumnTypeDatabaseTypeName(i)
	}
	if p, ok := inner.(sqldriver.RowsColumnTypeNullable); ok {
		c.nullable, c.nullableOK = p.ColumnTypeNullable(i)
	}
	if p, ok := inner.(sqldriver.RowsColumnTypePrecisionScale); ok {
		c.precision, c.scale, c.precisionOK = p.ColumnTypePrecisionScale(i)
	}
	return c
}

func rowTypeOf(inner sqldriver.Rows, i int) rowType {
	t := rowType{scanType: reflect.TypeFor[any]()}
	if p, ok := inner.(sqldriver.RowsColumnTypeScanType); ok {
		t.scanType = p.ColumnTypeScanType(i)
	}
	if p, ok := inner.(sqldriver.RowsColumnTypeLength); ok {
		t.length, t.lengthOK = p.ColumnTypeLength(i)
	}
	return t
}

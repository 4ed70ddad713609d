package rowset

import (
	sqldriver "database/sql/driver"
	"io"
	"reflect"
)

// stream gives what was recorded of a result that is not kept, then goes on
// with the live rows. Its cells are handed out once, so nothing is copied
// again.
type stream struct {
	set   *Set
	next  int // rows replayed
	inner sqldriver.Rows
	// tail is what inner answered after the recorded rows, or nil when it is
	// to be asked.
	tail     error
	live     bool // replay is over, inner stands where the caller does and answers
	further  bool // it is in a result that was not recorded
	closed   bool
	closeErr error
}

var (
	_ sqldriver.Rows                           = (*stream)(nil)
	_ sqldriver.RowsNextResultSet              = (*stream)(nil)
	_ sqldriver.RowsColumnTypeScanType         = (*stream)(nil)
	_ sqldriver.RowsColumnTypeDatabaseTypeName = (*stream)(nil)
	_ sqldriver.RowsColumnTypeLength           = (*stream)(nil)
	_ sqldriver.RowsColumnTypeNullable         = (*stream)(nil)
	_ sqldriver.RowsColumnTypePrecisionScale   = (*stream)(nil)
	_ Numbered                                 = (*stream)(nil)
)

func (s *stream) Columns() []string {
	if s.live {
		return s.inner.Columns()
	}
	return append([]string(nil), s.set.columns...)
}

func (s *stream) Close() error {
	if !s.closed {
		s.closed = true
		return s.inner.Close()
	}
	err := s.closeErr
	s.closeErr = nil
	return err
}

func (s *stream) Next(dest []sqldriver.Value) error {
	if s.next < s.set.rows {
		n := len(s.set.columns)
		copy(dest, s.set.cells[s.next*n:(s.next+1)*n])
		s.next++
		return nil
	}
	s.live = s.inner != nil
	s.set.cells = nil // all handed out
	if s.tail != nil {
		return s.tail
	}
	return s.inner.Next(dest)
}

func (s *stream) HasNextResultSet() bool {
	if many, ok := s.inner.(sqldriver.RowsNextResultSet); ok {
		return many.HasNextResultSet()
	}
	return false
}

func (s *stream) NextResultSet() error {
	many, ok := s.inner.(sqldriver.RowsNextResultSet)
	if !ok {
		return io.EOF
	}
	if s.tail != nil && s.tail != io.EOF { //nolint:errorlint // database/sql compares by identity
		// Inner has failed further on, in rows that the caller skips: it has
		// told so once and may not do it again.
		return s.tail
	}
	s.next, s.tail, s.live, s.further = s.set.rows, nil, true, true
	return many.NextResultSet()
}

// Column types are those of the replayed row until inner takes over: it stands
// further on.

func (s *stream) rowType(i int) rowType {
	if s.live {
		return rowTypeOf(s.inner, i)
	}
	if types := s.set.rowTypes; types != nil && s.next > 0 && s.next <= len(types) {
		return types[s.next-1][i]
	}
	info := &s.set.info[i]
	return rowType{info.scanType, info.length, info.lengthOK}
}

func (s *stream) ColumnTypeScanType(i int) reflect.Type { return s.rowType(i).scanType }

func (s *stream) ColumnTypeLength(i int) (int64, bool) {
	t := s.rowType(i)
	return t.length, t.lengthOK
}

func (s *stream) ColumnTypeDatabaseTypeName(i int) string {
	if s.live {
		if p, ok := s.inner.(sqldriver.RowsColumnTypeDatabaseTypeName); ok {
			return p.ColumnTypeDatabaseTypeName(i)
		}
		return ""
	}
	return s.set.info[i].databaseType
}

// ColumnTypeNumber implements [Numbered]. Of further results nobody was told.
func (s *stream) ColumnTypeNumber(i int) uint32 {
	if s.further {
		return 0
	}
	return s.set.info[i].number
}

func (s *stream) ColumnTypeNullable(i int) (nullable, ok bool) {
	if s.live {
		if p, ok := s.inner.(sqldriver.RowsColumnTypeNullable); ok {
			return p.ColumnTypeNullable(i)
		}
		return false, false
	}
	info := &s.set.info[i]
	return info.nullable, info.nullableOK
}

func (s *stream) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if s.live {
		if p, ok := s.inner.(sqldriver.RowsColumnTypePrecisionScale); ok {
			return p.ColumnTypePrecisionScale(i)
		}
		return 0, 0, false
	}
	info := &s.set.info[i]
	return info.precision, info.scale, info.precisionOK
}

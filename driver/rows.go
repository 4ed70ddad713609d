package driver

import (
	sqldriver "database/sql/driver"
	"io"
	"reflect"
)

var (
	_ sqldriver.Rows                           = (*observedRows)(nil)
	_ sqldriver.RowsNextResultSet              = (*observedRows)(nil)
	_ sqldriver.RowsColumnTypeScanType         = (*observedRows)(nil)
	_ sqldriver.RowsColumnTypeDatabaseTypeName = (*observedRows)(nil)
	_ sqldriver.RowsColumnTypeLength           = (*observedRows)(nil)
	_ sqldriver.RowsColumnTypeNullable         = (*observedRows)(nil)
	_ sqldriver.RowsColumnTypePrecisionScale   = (*observedRows)(nil)
	_ observed                                 = (*observedRows)(nil)
)

// ObserveRows returns rows that are inner in every way and call done once when
// Close has returned: only then has a statement that writes and returns rows
// (INSERT … RETURNING) ended. The error is the first that inner returned,
// io.EOF apart, be it from Close; nil means that inner saw none, not that all
// rows were read.
//
// A [Call] returns them from its method Rows. done runs while database/sql
// holds the connection and before the caller's Close returns.
func ObserveRows(inner sqldriver.Rows, done func(err error)) sqldriver.Rows {
	return withScanner(&observedRows{inner: inner, done: done})
}

// observed are rows made by ObserveRows. The connection they belong to tells
// them its session, so that Unwrap can report.
type observed interface {
	observe(s Session)
}

type observedRows struct {
	inner   sqldriver.Rows
	done    func(error) // nil once called
	err     error       // the first error seen
	session Session     // nil if the rows went past the connection
}

func (r *observedRows) observe(s Session) { r.session = s }

// note remembers err if it is the first that tells of a failure.
func (r *observedRows) note(err error) error {
	if err != nil && err != io.EOF && r.err == nil { //nolint:errorlint // database/sql compares by identity
		r.err = err
	}
	return err
}

// Columns returns what inner returns.
func (r *observedRows) Columns() []string { return r.inner.Columns() }

// Next reads the next row.
func (r *observedRows) Next(dest []sqldriver.Value) error { return r.note(r.inner.Next(dest)) }

// Close closes inner and calls done, also if inner panics.
func (r *observedRows) Close() error {
	returned := false
	defer func() {
		if !returned {
			_ = r.note(errAborted)
		}
		if done := r.done; done != nil {
			r.done = nil
			done(r.err)
		}
	}()
	err := r.note(r.inner.Close())
	returned = true
	return err
}

// HasNextResultSet falls back to false: database/sql then closes the rows at
// the end of the first set, as it does for rows without the method.
func (r *observedRows) HasNextResultSet() bool {
	if n, ok := r.inner.(sqldriver.RowsNextResultSet); ok {
		return n.HasNextResultSet()
	}
	return false
}

// NextResultSet falls back to io.EOF, of which database/sql makes no error.
func (r *observedRows) NextResultSet() error {
	if n, ok := r.inner.(sqldriver.RowsNextResultSet); ok {
		return r.note(n.NextResultSet())
	}
	return io.EOF
}

// ColumnTypeScanType falls back to the empty interface, and the methods below
// to "not known": see rowsColumnInfoSetupConnLocked in database/sql/sql.go.
func (r *observedRows) ColumnTypeScanType(index int) reflect.Type {
	if t, ok := r.inner.(sqldriver.RowsColumnTypeScanType); ok {
		return t.ColumnTypeScanType(index)
	}
	return reflect.TypeFor[any]()
}

// ColumnTypeDatabaseTypeName returns what inner returns, or "".
func (r *observedRows) ColumnTypeDatabaseTypeName(index int) string {
	if t, ok := r.inner.(sqldriver.RowsColumnTypeDatabaseTypeName); ok {
		return t.ColumnTypeDatabaseTypeName(index)
	}
	return ""
}

// ColumnTypeLength returns what inner returns, or not ok.
func (r *observedRows) ColumnTypeLength(index int) (length int64, ok bool) {
	if t, ok := r.inner.(sqldriver.RowsColumnTypeLength); ok {
		return t.ColumnTypeLength(index)
	}
	return 0, false
}

// ColumnTypeNullable returns what inner returns, or not ok.
func (r *observedRows) ColumnTypeNullable(index int) (nullable, ok bool) {
	if t, ok := r.inner.(sqldriver.RowsColumnTypeNullable); ok {
		return t.ColumnTypeNullable(index)
	}
	return false, false
}

// ColumnTypePrecisionScale returns what inner returns, or not ok.
func (r *observedRows) ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool) {
	if t, ok := r.inner.(sqldriver.RowsColumnTypePrecisionScale); ok {
		return t.ColumnTypePrecisionScale(index)
	}
	return 0, 0, false
}

// Unwrap returns the inner rows.
func (r *observedRows) Unwrap() sqldriver.Rows {
	if r.session != nil {
		r.session.Raw()
	}
	return r.inner
}

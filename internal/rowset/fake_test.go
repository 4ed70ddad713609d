package rowset_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"reflect"
	"testing"
)

// unchanged, as a value of a scripted row, makes the driver leave what stands
// in dest.
type unchanged struct{}

// result is one result set of a scripted query.
type result struct {
	names []string
	rows  [][]sqldriver.Value
	// types of the columns before the first row; after each row; and at the
	// end. Empty: those before the first row everywhere.
	types    []column
	rowTypes [][]column
	endTypes []column
	// err is what Next returns after the last row, io.EOF when nil.
	err error
	// openErr is what NextResultSet returns instead of this result.
	openErr error
}

// column is what a driver tells of one column.
type column struct {
	database  string
	scan      reflect.Type
	length    int64
	hasLength bool
	nullable  bool
	hasNull   bool
	precision int64
	scale     int64
	hasScale  bool
}

// script is the answer to one query.
type script struct {
	results  []result
	closeErr error
	shape    shape
}

// shape tells which of the optional interfaces the driver's rows have.
type shape int

const (
	bare  shape = iota // driver.Rows alone
	many               // and result sets
	typed              // and column types
	full               // all of it
	shapes
)

// open returns fresh rows of the script, and the rows' own view of what was
// done with them.
func (s *script) open() (sqldriver.Rows, *fakeRows) {
	r := &fakeRows{script: s}
	switch s.shape {
	case many:
		return struct {
			sqldriver.Rows
			results
		}{r, results{r}}, r
	case typed:
		return struct {
			sqldriver.Rows
			types
		}{r, types{r}}, r
	case full:
		return struct {
			sqldriver.Rows
			results
			types
		}{r, results{r}, types{r}}, r
	default:
		return struct{ sqldriver.Rows }{r}, r
	}
}

// fakeRows plays a script. Like real drivers it hands out one buffer per
// column again and again, and destroys it when it is closed.
type fakeRows struct {
	script  *script
	result  int
	row     int // rows read of the current result
	atEnd   bool
	buffers [][]byte
	reads   int // rows read in all
	closes  int
}

func (r *fakeRows) current() *result { return &r.script.results[r.result] }

func (r *fakeRows) Columns() []string { return r.current().names }

func (r *fakeRows) Close() error {
	r.closes++
	r.spoil()
	if r.closes > 1 {
		return nil
	}
	return r.script.closeErr
}

func (r *fakeRows) spoil() {
	for _, b := range r.buffers {
		for i := range b {
			b[i] = '#'
		}
	}
}

func (r *fakeRows) Next(dest []sqldriver.Value) error {
	if r.closes > 0 {
		return errors.New("fake: Next after Close")
	}
	res := r.current()
	if r.row == len(res.rows) {
		r.atEnd = true
		if res.err != nil {
			return res.err
		}
		return io.EOF
	}
	r.spoil()
	for len(r.buffers) < len(res.names) {
		r.buffers = append(r.buffers, nil)
	}
	for i, v := range res.rows[r.row] {
		switch v := v.(type) {
		case unchanged:
		case []byte:
			if v == nil {
				dest[i] = v
				break
			}
			if cap(r.buffers[i]) < len(v) || r.buffers[i] == nil {
				r.buffers[i] = make([]byte, 0, len(v)+8)
			}
			r.buffers[i] = append(r.buffers[i][:0], v...)
			dest[i] = r.buffers[i]
		default:
			dest[i] = v
		}
	}
	r.row++
	r.reads++
	return nil
}

type results struct{ r *fakeRows }

func (x results) HasNextResultSet() bool { return x.r.result+1 < len(x.r.script.results) }

// NextResultSet skips what is left of the current result and tells of an error
// in it, as drivers do that have to read it.
func (x results) NextResultSet() error {
	r := x.r
	if err := r.current().err; err != nil {
		return err
	}
	if !x.HasNextResultSet() {
		return io.EOF
	}
	if err := r.script.results[r.result+1].openErr; err != nil {
		return err
	}
	r.result++
	r.row, r.atEnd = 0, false
	return nil
}

type types struct{ r *fakeRows }

func (x types) column(i int) column {
	res := x.r.current()
	switch {
	case x.r.atEnd && res.endTypes != nil:
		return res.endTypes[i]
	case x.r.row > 0 && res.rowTypes != nil:
		return res.rowTypes[x.r.row-1][i]
	}
	return res.types[i]
}

func (x types) ColumnTypeScanType(i int) reflect.Type { return x.column(i).scan }

func (x types) ColumnTypeDatabaseTypeName(i int) string { return x.column(i).database }

func (x types) ColumnTypeLength(i int) (int64, bool) {
	c := x.column(i)
	return c.length, c.hasLength
}

func (x types) ColumnTypeNullable(i int) (nullable, ok bool) {
	c := x.column(i)
	return c.nullable, c.hasNull
}

func (x types) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	c := x.column(i)
	return c.precision, c.scale, c.hasScale
}

// answers is a driver whose queries are answered by a function.
type answers struct {
	answer func() sqldriver.Rows
}

func (a *answers) Connect(context.Context) (sqldriver.Conn, error) { return answersConn{a}, nil }
func (a *answers) Driver() sqldriver.Driver                        { return nil }

type answersConn struct{ a *answers }

var errUnused = errors.New("fake: not used")

func (answersConn) Prepare(string) (sqldriver.Stmt, error) { return nil, errUnused }
func (answersConn) Begin() (sqldriver.Tx, error)           { return nil, errUnused }
func (answersConn) Close() error                           { return nil }

func (c answersConn) QueryContext(context.Context, string, []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return c.a.answer(), nil
}

// newDB returns a database whose queries are answered by the function in the
// returned struct.
func newDB(tb testing.TB) (*sql.DB, *answers) {
	tb.Helper()
	a := &answers{}
	db := sql.OpenDB(a)
	tb.Cleanup(func() { _ = db.Close() })
	return db, a
}

package driver_test

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Connection.

type fakeConn struct {
	s       *server
	invalid bool
}

func (c *fakeConn) Close() error {
	err := c.s.call(context.Background(), "close", "")
	c.s.count(0, 1, -1)
	return err
}

func (c *fakeConn) Prepare(query string) (sqldriver.Stmt, error) {
	return c.prepare(context.Background(), "prepare", query)
}

func (c *fakeConn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	return c.prepare(ctx, "prepare-ctx", query)
}

func (c *fakeConn) prepare(ctx context.Context, op, query string) (sqldriver.Stmt, error) {
	if err := c.s.call(ctx, op, query); err != nil {
		return nil, err
	}
	c.s.count(0, 0, 1)
	st := &fakeStmt{c: c, query: query}
	if c.s.stmt != nil {
		return c.s.stmt(st), nil
	}
	return st, nil
}

func (c *fakeConn) Begin() (sqldriver.Tx, error) {
	if err := c.s.call(context.Background(), "begin", ""); err != nil {
		return nil, err
	}
	return &fakeTx{c: c}, nil
}

func (c *fakeConn) BeginTx(ctx context.Context, opts sqldriver.TxOptions) (sqldriver.Tx, error) {
	if err := c.s.call(ctx, "begin-ctx", fmt.Sprint(opts.Isolation, " ", opts.ReadOnly)); err != nil {
		return nil, err
	}
	return &fakeTx{c: c}, nil
}

func (c *fakeConn) Exec(query string, args []sqldriver.Value) (sqldriver.Result, error) {
	return fakeResult{}, c.s.call(context.Background(), "exec", query, show(named(args)))
}

func (c *fakeConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	return fakeResult{}, c.s.call(ctx, "exec-ctx", query, show(args))
}

func (c *fakeConn) Query(query string, args []sqldriver.Value) (sqldriver.Rows, error) {
	return c.query(context.Background(), "query", query, named(args))
}

func (c *fakeConn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return c.query(ctx, "query-ctx", query, args)
}

func (c *fakeConn) query(ctx context.Context, op, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if err := c.s.call(ctx, op, query, show(args)); err != nil {
		return nil, err
	}
	return c.s.newRows(args), nil
}

func (c *fakeConn) Ping(ctx context.Context) error { return c.s.call(ctx, "ping", "") }

func (c *fakeConn) ResetSession(ctx context.Context) error { return c.s.call(ctx, "reset", "") }

func (c *fakeConn) IsValid() bool {
	return c.s.call(context.Background(), "valid", "") == nil && !c.invalid
}

func (c *fakeConn) CheckNamedValue(nv *sqldriver.NamedValue) error {
	c.s.write("conn-check " + show([]sqldriver.NamedValue{*nv}))
	return checkFake("conn", nv)
}

// Values with which a program steers the checkers.
type (
	marked  string   // becomes "conn:…", "stmt:…" or "column:…", by who converts it
	dropped struct{} // is removed from the arguments
	refused struct{} // is an error
	columns string   // is taken by column converters only
)

func checkFake(by string, nv *sqldriver.NamedValue) error {
	switch v := nv.Value.(type) {
	case marked:
		nv.Value = by + ":" + string(v)
		return nil
	case dropped:
		return sqldriver.ErrRemoveArgument
	case refused:
		return errFake
	}
	return sqldriver.ErrSkip
}

// Statement.

type fakeStmt struct {
	c     *fakeConn
	query string
}

func (s *fakeStmt) Close() error {
	s.c.s.count(0, 0, -1)
	return s.c.s.call(context.Background(), "stmt-close", s.query)
}

func (s *fakeStmt) NumInput() int {
	if n := strings.Count(s.query, "?"); n > 0 {
		return n
	}
	return -1
}

func (s *fakeStmt) Exec(args []sqldriver.Value) (sqldriver.Result, error) {
	return fakeResult{}, s.c.s.call(context.Background(), "stmt-exec", s.query, show(named(args)))
}

func (s *fakeStmt) ExecContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	return fakeResult{}, s.c.s.call(ctx, "stmt-exec-ctx", s.query, show(args))
}

func (s *fakeStmt) Query(args []sqldriver.Value) (sqldriver.Rows, error) {
	return s.c.query(context.Background(), "stmt-query", s.query, named(args))
}

func (s *fakeStmt) QueryContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return s.c.query(ctx, "stmt-query-ctx", s.query, args)
}

func (s *fakeStmt) CheckNamedValue(nv *sqldriver.NamedValue) error {
	s.c.s.write("stmt-check " + show([]sqldriver.NamedValue{*nv}))
	return checkFake("stmt", nv)
}

func (s *fakeStmt) ColumnConverter(int) sqldriver.ValueConverter { return fakeConverter{s.c.s} }

type fakeConverter struct{ s *server }

func (f fakeConverter) ConvertValue(v any) (sqldriver.Value, error) {
	f.s.write(fmt.Sprintf("column-check %T", v))
	switch v := v.(type) {
	case marked:
		return "column:" + string(v), nil
	case columns:
		return "column:" + string(v), nil
	}
	return sqldriver.DefaultParameterConverter.ConvertValue(v)
}

// Transaction and result.

type fakeTx struct{ c *fakeConn }

func (t *fakeTx) Commit() error   { return t.c.s.call(context.Background(), "commit", "") }
func (t *fakeTx) Rollback() error { return t.c.s.call(context.Background(), "rollback", "") }

type fakeResult struct{}

func (fakeResult) LastInsertId() (int64, error) { return 7, nil }
func (fakeResult) RowsAffected() (int64, error) { return 3, nil }
func (fakeResult) AllRowsAffected() []int64     { return []int64{1, 2} } // what only the driver's own type has

// Rows.

// fakeRows has one row of one column, which shows the arguments, and a second
// set of the same.
type fakeRows struct {
	s     *server
	value string
	at    int // the row
	set   int
}

func (s *server) newRows(args []sqldriver.NamedValue) sqldriver.Rows {
	s.count(0, 0, 1)
	r := &fakeRows{s: s, value: show(args)}
	if s.rows != nil {
		return s.rows(r)
	}
	return r
}

func (r *fakeRows) Columns() []string { return []string{fmt.Sprint("set", r.set)} }

func (r *fakeRows) Close() error {
	r.s.count(0, 0, -1)
	return r.s.call(context.Background(), "rows-close", "")
}

func (r *fakeRows) Next(dest []sqldriver.Value) error {
	if err := r.s.call(context.Background(), "next", ""); err != nil {
		return err
	}
	if r.at++; r.at > 1 {
		return io.EOF
	}
	dest[0] = r.value
	return nil
}

func (r *fakeRows) HasNextResultSet() bool { return r.set < 1 }

func (r *fakeRows) NextResultSet() error {
	if err := r.s.call(context.Background(), "next-set", ""); err != nil {
		return err
	}
	if r.set++; r.set > 1 {
		return io.EOF
	}
	r.at = 0
	return nil
}

func (r *fakeRows) ColumnTypeScanType(int) reflect.Type        { return reflect.TypeFor[marked]() }
func (r *fakeRows) ColumnTypeDatabaseTypeName(int) string      { return "FAKE" }
func (r *fakeRows) ColumnTypeLength(int) (int64, bool)         { return 41, true }
func (r *fakeRows) ColumnTypeNullable(int) (nullable, ok bool) { return true, true }

func (r *fakeRows) ColumnTypePrecisionScale(int) (precision, scale int64, ok bool) {
	return 9, 2, true
}

func named(values []sqldriver.Value) []sqldriver.NamedValue {
	args := make([]sqldriver.NamedValue, len(values))
	for i, v := range values {
		args[i] = sqldriver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return args
}

// show renders arguments with their dynamic types.
func show(args []sqldriver.NamedValue) string {
	var b strings.Builder
	for _, a := range args {
		fmt.Fprintf(&b, " [%s%d %T %v]", a.Name, a.Ordinal, a.Value, a.Value)
	}
	return b.String()
}

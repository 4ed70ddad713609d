package driver

import (
	"context"
	sqldriver "database/sql/driver"
)

var (
	_ sqldriver.Stmt              = (*stmt)(nil)
	_ sqldriver.StmtExecContext   = (*stmt)(nil)
	_ sqldriver.StmtQueryContext  = (*stmt)(nil)
	_ sqldriver.NamedValueChecker = (*stmt)(nil)

	_ sqldriver.Stmt              = (*converterStmt)(nil)
	_ sqldriver.StmtExecContext   = (*converterStmt)(nil)
	_ sqldriver.StmtQueryContext  = (*converterStmt)(nil)
	_ sqldriver.NamedValueChecker = (*converterStmt)(nil)
	_ sqldriver.ColumnConverter   = (*converterStmt)(nil) //nolint:staticcheck // drivers without a checker are served too
)

// stmt wraps a prepared statement.
type stmt struct {
	inner sqldriver.Stmt
	conn  *conn
	query string
}

// converterStmt wraps a statement that converts its own arguments. It is a
// type of its own because database/sql counts arguments before or after it
// converts them, depending on whether it sees a converter.
type converterStmt struct {
	stmt
	converter sqldriver.ColumnConverter //nolint:staticcheck // drivers without a checker are served too
}

// ColumnConverter returns what the inner statement returns.
func (s *converterStmt) ColumnConverter(index int) sqldriver.ValueConverter {
	return s.converter.ColumnConverter(index)
}

func newStmt(c *conn, inner sqldriver.Stmt, query string) sqldriver.Stmt {
	s := stmt{inner: inner, conn: c, query: query}
	if cc, ok := inner.(sqldriver.ColumnConverter); ok { //nolint:staticcheck // drivers without a checker are served too
		return &converterStmt{stmt: s, converter: cc}
	}
	return &s
}

// NumInput returns what the inner statement returns.
func (s *stmt) NumInput() int { return s.inner.NumInput() }

// Close closes the inner statement.
func (s *stmt) Close() error { return s.inner.Close() }

// CheckNamedValue does what the driver does with a value, or asks it: the inner
// statement's checker, and if there is none the connection's, which database/sql
// cannot do once the statement has a checker.
func (s *stmt) CheckNamedValue(nv *sqldriver.NamedValue) error {
	if s.conn.session.Takes(nv.Value) {
		return plainly(nv)
	}
	if ch, ok := s.inner.(sqldriver.NamedValueChecker); ok {
		return ch.CheckNamedValue(nv)
	}
	return checkNamedValue(s.conn.inner, nv)
}

// Query is QueryContext without a context.
func (s *stmt) Query(args []sqldriver.Value) (sqldriver.Rows, error) {
	return s.QueryContext(context.Background(), namedValues(args))
}

// QueryContext asks the session, then the inner statement. The text is
// classified again each time: what it means changes with the schema.
func (s *stmt) QueryContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if s.conn.discard {
		return nil, sqldriver.ErrBadConn
	}
	session := s.conn.session
	rows, call, err := session.Query(ctx, session.Classify(s.query), args, Prepared)
	if rows != nil || err != nil {
		return answer(ctx, s.conn, rows, err)
	}
	if call == nil {
		return s.queryInner(ctx, args)
	}
	return reported(ctx, s.conn, call, func() (sqldriver.Rows, error) { return s.queryInner(ctx, args) })
}

// queryInner falls back as ctxDriverStmtQuery in database/sql/ctxutil.go.
func (s *stmt) queryInner(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if err := s.conn.use(ctx); err != nil {
		return nil, err
	}
	if q, ok := s.inner.(sqldriver.StmtQueryContext); ok {
		return q.QueryContext(ctx, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.inner.Query(values) //nolint:staticcheck // drivers without contexts are served too
}

// Exec is ExecContext without a context.
func (s *stmt) Exec(args []sqldriver.Value) (sqldriver.Result, error) {
	return s.ExecContext(context.Background(), namedValues(args))
}

// ExecContext executes the inner statement and tells the session how it ended.
// It falls back as ctxDriverStmtExec in database/sql/ctxutil.go.
func (s *stmt) ExecContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	if s.conn.discard {
		return nil, sqldriver.ErrBadConn
	}
	err := s.conn.use(ctx)
	if err != nil {
		return nil, err
	}
	e, isContext := s.inner.(sqldriver.StmtExecContext)
	var values []sqldriver.Value
	if !isContext {
		if values, err = plainValues(ctx, args); err != nil {
			return nil, err
		}
	}

	session := s.conn.session
	sent := execution{session: session, stmt: session.Classify(s.query), args: args}
	defer sent.report(ctx)
	var res sqldriver.Result
	if isContext {
		res, err = e.ExecContext(ctx, args)
	} else {
		res, err = s.inner.Exec(values) //nolint:staticcheck // drivers without contexts are served too
	}
	// ErrSkip means nothing from a prepared statement: it is reported like any
	// other error.
	sent.end(err, false)
	return res, err
}

// Unwrap returns the inner statement.
func (s *stmt) Unwrap() sqldriver.Stmt {
	s.conn.session.Raw()
	return s.inner
}

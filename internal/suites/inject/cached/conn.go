package cached

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"regexp"
)

// complete is every interface of a wrapped connection.
type complete interface {
	sqldriver.Conn
	sqldriver.ConnPrepareContext
	sqldriver.ConnBeginTx
	sqldriver.ExecerContext
	sqldriver.QueryerContext
	sqldriver.Pinger
	sqldriver.SessionResetter
	sqldriver.Validator
	sqldriver.NamedValueChecker
}

// conn is a connection whose reads are rehearsed.
type conn struct {
	complete
	rehearsal *rehearsal
	inTx      bool
	temporary bool // it has temporary tables, which no feed ever covers
}

var createsTemporary = regexp.MustCompile(`(?i)\bcreate\s+(local\s+|global\s+)?temp`)

// ExecContext notes temporary tables.
func (c *conn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	c.temporary = c.temporary || createsTemporary.MatchString(query)
	return c.complete.ExecContext(ctx, query, args)
}

// QueryContext answers a read from memory, if it can.
func (c *conn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return c.read(ctx, query, args, func(ctx context.Context, text string) (sqldriver.Rows, error) {
		return c.complete.QueryContext(ctx, text, args)
	})
}

func (c *conn) read(ctx context.Context, query string, args []sqldriver.NamedValue, ask ask) (sqldriver.Rows, error) {
	if c.inTx {
		return ask(ctx, query)
	}
	return c.rehearsal.read(ctx, query, args, !c.temporary, ask)
}

// PrepareContext prepares a statement whose reads are rehearsed, too.
func (c *conn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	inner, err := c.complete.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s := &stmt{completeStmt: inner.(completeStmt), conn: c, query: query}
	if converter, ok := inner.(sqldriver.ColumnConverter); ok { //nolint:staticcheck // drivers without a checker have it
		return &converterStmt{s, converter}, nil
	}
	return s, nil
}

// BeginTx begins a transaction, in which livesql neither answers nor stores.
func (c *conn) BeginTx(ctx context.Context, opts sqldriver.TxOptions) (sqldriver.Tx, error) {
	inner, err := c.complete.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.inTx = true
	return &tx{inner, c}, nil
}

// Unwrap returns livesql's connection.
func (c *conn) Unwrap() sqldriver.Conn { return c.complete }

// tx notes the end of a transaction.
type tx struct {
	sqldriver.Tx
	conn *conn
}

// Commit commits.
func (t *tx) Commit() error {
	t.conn.inTx = false
	return t.Tx.Commit()
}

// Rollback rolls back.
func (t *tx) Rollback() error {
	t.conn.inTx = false
	return t.Tx.Rollback()
}

// Unwrap returns livesql's transaction.
func (t *tx) Unwrap() sqldriver.Tx { return t.Tx }

// completeStmt is every interface of a wrapped statement but one.
type completeStmt interface {
	sqldriver.Stmt
	sqldriver.StmtExecContext
	sqldriver.StmtQueryContext
	sqldriver.NamedValueChecker
}

// stmt is a prepared statement whose reads are rehearsed.
type stmt struct {
	completeStmt
	conn  *conn
	query string
	other completeStmt // with the anchor, once it was needed
}

// converterStmt is a statement that converts its own arguments.
type converterStmt struct {
	*stmt
	sqldriver.ColumnConverter
}

// QueryContext answers a read from memory, if it can.
func (s *stmt) QueryContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return s.conn.read(ctx, s.query, args, func(ctx context.Context, text string) (sqldriver.Rows, error) {
		if text == s.query {
			return s.completeStmt.QueryContext(ctx, args)
		}
		if s.other == nil {
			other, err := s.conn.complete.PrepareContext(ctx, text)
			if err != nil {
				return nil, err
			}
			s.other = other.(completeStmt)
		}
		return s.other.QueryContext(ctx, args)
	})
}

// Close closes the statement, and the one with the other text.
func (s *stmt) Close() error {
	err := s.completeStmt.Close()
	if s.other != nil {
		err = errors.Join(err, s.other.Close())
	}
	return err
}

// Unwrap returns livesql's statement.
func (s *stmt) Unwrap() sqldriver.Stmt { return s.completeStmt }

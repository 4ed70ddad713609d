package onengines_test

import (
	"context"
	sqldriver "database/sql/driver"
	"strings"
	"sync/atomic"
)

// counting is a connector that counts what is sent: statements, beginnings and
// ends of transactions; and apart the statements that read all rows of the table
// item, those that read rows by their keys, and those that skip rows.
type counting struct {
	sqldriver.Connector
	*counts
}

// counts are what was sent.
type counts struct {
	sent, whole, picking, skipping atomic.Int64
	before                         hook // called before a statement is sent
}

// hook is a function that can be set.
type hook struct{ atomic.Value }

func (h *hook) Store(f func(query string)) { h.Value.Store(f) }

func (c counting) Connect(ctx context.Context) (sqldriver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &countingConn{inner.(innerConn), c.counts}, nil
}

// innerConn is what the connections of all three drivers can do.
type innerConn interface {
	sqldriver.Conn
	sqldriver.ConnBeginTx
	sqldriver.ConnPrepareContext
	sqldriver.QueryerContext
	sqldriver.ExecerContext
	sqldriver.SessionResetter
	sqldriver.Validator
}

type countingConn struct {
	innerConn
	*counts
}

// count counts a statement.
func (c *countingConn) count(query string) {
	c.sent.Add(1)
	name := strings.NewReplacer("`", "", `"`, "").Replace(query)
	switch byKey := strings.Contains(name, " id IN ("); {
	case byKey:
		c.picking.Add(1)
	case strings.Contains(name, "FROM item"):
		c.whole.Add(1)
	}
	if strings.Contains(query, " OFFSET ") {
		c.skipping.Add(1)
	}
}

// CheckNamedValue leaves the arguments to the driver, or to database/sql.
func (c *countingConn) CheckNamedValue(v *sqldriver.NamedValue) error {
	if checker, ok := c.innerConn.(sqldriver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return sqldriver.ErrSkip
}

func (c *countingConn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if f, ok := c.before.Load().(func(string)); ok {
		f(query)
	}
	rows, err := c.innerConn.QueryContext(ctx, query, args)
	if err != sqldriver.ErrSkip { //nolint:errorlint // it is never wrapped
		c.count(query)
	}
	return rows, err
}

func (c *countingConn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	c.count(query)
	return c.innerConn.PrepareContext(ctx, query)
}

func (c *countingConn) BeginTx(ctx context.Context, opts sqldriver.TxOptions) (sqldriver.Tx, error) {
	c.sent.Add(1)
	tx, err := c.innerConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return countingTx{tx, &c.sent}, nil
}

type countingTx struct {
	sqldriver.Tx
	sent *atomic.Int64
}

func (t countingTx) Rollback() error {
	t.sent.Add(1)
	return t.Tx.Rollback()
}

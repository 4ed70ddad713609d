package driver

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
)

var errNoLine = errors.New("livesql: the rows belong to no connection")

// Line leads to the inner connection that rows are read on.
type Line struct {
	ctx  context.Context //nolint:containedctx // that of the query, which database/sql ends the rows with
	conn *conn           // nil for rows that nobody asked for
}

// Inner returns the inner connection, and dials if it was not dialled yet; the error is
// that of dialling. It is for methods of rows, during which nobody else uses the
// connection, and must not be kept. It is for what the connection knows, and not for
// statements: its reset may have been put off (see [LazyReset]), and still is, and it
// may have been lost.
func (l Line) Inner() (sqldriver.Conn, error) {
	if l.conn == nil {
		return nil, errNoLine
	}
	if l.conn.inner != nil {
		return l.conn.inner, nil
	}
	return l.conn.dial(l.ctx)
}

// Lined are rows that a [Session] or a [Call] answers with and that want to know
// which connection they are read on: they are told before anybody reads them.
type Lined interface {
	SetLine(l Line)
}

func setLine(ctx context.Context, c *conn, rows sqldriver.Rows) {
	if r, ok := rows.(Lined); ok {
		r.SetLine(Line{ctx, c})
	}
}

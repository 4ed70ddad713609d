package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"io"
)

// oneByOne opens the connections of one handle one after the other.
//
// A connector may switch the journal mode when it opens a connection. Two
// connections that do so at once on a new database lock each other out, and
// SQLite ends that with SQLITE_BUSY at once, whatever the busy timeout: a
// statement of the program would fail because livesql opens its own
// connections.
type oneByOne struct {
	sqldriver.Connector
	// token is taken while a connection is opened. It is a channel, so that
	// those who wait can give up.
	token chan struct{}
}

var _ io.Closer = (*oneByOne)(nil)

// OneByOne returns a connector that opens one connection at a time.
func (Dialect) OneByOne(c sqldriver.Connector) sqldriver.Connector {
	return &oneByOne{Connector: c, token: make(chan struct{}, 1)}
}

// Connect opens a connection when no other one is being opened.
func (o *oneByOne) Connect(ctx context.Context) (sqldriver.Conn, error) {
	select {
	case o.token <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-o.token }()
	return o.Connector.Connect(ctx)
}

// Close closes the inner connector if it can be closed.
func (o *oneByOne) Close() error {
	if c, ok := o.Connector.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Unwrap returns the inner connector.
func (o *oneByOne) Unwrap() sqldriver.Connector { return o.Connector }

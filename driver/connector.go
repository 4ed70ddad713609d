package driver

import (
	"context"
	sqldriver "database/sql/driver"
	"io"
)

var (
	_ sqldriver.Connector = (*connector)(nil)
	_ io.Closer           = (*connector)(nil)
)

// Wrap wraps c so that h sees everything that happens on its connections and
// may answer queries itself. A nil h changes nothing: the result then behaves
// as c does, through the same code.
//
// Connect does not dial. It returns a shell, which dials when a statement, a
// transaction or a Ping first needs the database, with the context of that
// call; a query that the session answers needs none. The error of a failed
// dial is the inner connector's own, except that [sqldriver.ErrBadConn] comes
// as a [*DialError]: database/sql would dial three times for it. The pool
// drops a shell whose dial failed. [Eager] dials in Connect instead.
//
// The result also implements [io.Closer], which closes c if c can be closed,
// and has a method Unwrap() sqldriver.Connector that returns c. Its Driver is
// that of c. It may be used by several goroutines if c may be, and adds no
// allocation to a statement that the session leaves alone.
func Wrap(c sqldriver.Connector, h Hooks, opts ...Option) sqldriver.Connector {
	return &connector{inner: c, hooks: orNop(h), cfg: newConfig(opts)}
}

func orNop(h Hooks) Hooks {
	if h == nil {
		return nopHooks{}
	}
	return h
}

// connector wraps a connector.
type connector struct {
	inner sqldriver.Connector
	hooks Hooks
	cfg   config
}

// Connect returns a new connection of the pool, undialled unless Eager was
// asked for.
func (c *connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	cn := &conn{connector: c.inner, session: c.hooks.Open(), epoch: c.cfg.epoch}
	if cn.session == nil {
		cn.session = nopSession{}
	}
	if !c.cfg.eager {
		return cn, nil
	}
	if err := cn.connect(ctx); err != nil {
		// Nobody will close a connection that was never returned.
		cn.session.Closed()
		return nil, err
	}
	return cn, nil
}

// Driver returns the inner connector's driver: libraries look at its type.
func (c *connector) Driver() sqldriver.Driver { return c.inner.Driver() }

// Close closes the inner connector if it can be closed.
func (c *connector) Close() error {
	if cl, ok := c.inner.(io.Closer); ok {
		return cl.Close()
	}
	return nil
}

// Unwrap returns the inner connector.
func (c *connector) Unwrap() sqldriver.Connector { return c.inner }

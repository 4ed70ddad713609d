// Package inner is what the dialects for PostgreSQL know of the drivers under
// them: how one is recognised, how it dials a connection that can be cut, and
// how it listens. It holds no policy, and knows nothing of the change log.
package inner

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
)

// Driver is one driver for PostgreSQL.
type Driver struct {
	// Name is what people call it.
	Name string

	// Is reports whether d is this driver. Of any other driver nothing is
	// known, not even that there is a database behind it.
	Is func(d sqldriver.Driver) bool

	// Connector returns a connector for livesql's own connections. It does not
	// dial.
	Connector func(dsn string) (sqldriver.Connector, error)

	// Dial connects, and returns when ctx ends. Cut, if not nil, makes
	// whoever uses the connection fail at once. It may be called at any time,
	// from any goroutine, also more than once. A driver whose connections obey
	// their contexts even when the network is dead needs none.
	Dial func(ctx context.Context, c sqldriver.Connector) (conn sqldriver.Conn, cut func(), err error)

	// Simple are arguments that a statement is sent with, so that the driver
	// uses the simple protocol: nothing is prepared, and poolers that hand each
	// transaction another server do no harm.
	Simple []any

	// Listen connects, as Dial does, and listens to the channel. It returns
	// when the server has confirmed that. The error wraps [ErrDeaf] if there
	// is no sense in trying again.
	Listen func(ctx context.Context, c sqldriver.Connector, channel string) (Ear, error)
}

// ErrDeaf is wrapped by errors of Listen that come again whenever it is called.
var ErrDeaf = errors.New("cannot listen")

// Ring is one notification.
type Ring struct {
	PID     uint32 // of the server process that sent it
	Payload string
}

// Ear is one connection that listens.
type Ear interface {
	// Rings returns the channel of notifications, always the same. It is
	// closed when the connection is lost.
	Rings() <-chan Ring

	// Err says why the connection was lost, once Rings is closed.
	Err() error

	// Close closes the connection and returns when nothing of it is left. It
	// does not wait for the network.
	Close()
}

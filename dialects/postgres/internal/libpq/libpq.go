// Package libpq is lib/pq as the feed of PostgreSQL uses it: over sockets that can
// be cut, whatever the driver waits for.
package libpq

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/vantage-go/live/dialects/postgres/internal/inner"
	"github.com/vantage-go/live/internal/dial"
)

// Driver is lib/pq.
var Driver = inner.Driver{
	Name: "lib/pq",
	Is: func(d sqldriver.Driver) bool {
		switch d.(type) {
		case *pq.Driver, pq.Driver:
			return true
		}
		return false
	},
	Connector: func(dsn string) (sqldriver.Connector, error) {
		if _, err := pq.NewConfig(dsn); err != nil {
			return nil, inner.WithoutDSN(err)
		}
		return pqConnector{dsn}, nil
	},
	Dial:   dialPQ,
	Listen: listenPQ,
}

// pqConnector dials with lib/pq over sockets that can be cut.
type pqConnector struct{ dsn string }

func (pqConnector) Driver() sqldriver.Driver { return &pq.Driver{} }

func (c pqConnector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	conn, _, err := c.dial(ctx)
	return conn, err
}

func (c pqConnector) dial(ctx context.Context) (sqldriver.Conn, func(), error) {
	connector, err := pq.NewConnector(c.dsn)
	if err != nil {
		return nil, nil, err
	}
	// lib/pq waits without end for the server's part of the handshake.
	var sockets inner.Sockets
	connector.Dialer(&sockets)
	stop := context.AfterFunc(ctx, sockets.Cut)
	conn, err := connector.Connect(ctx)
	if !stop() && err == nil {
		_ = conn.Close() // it was cut
		return nil, nil, ctx.Err()
	}
	if err != nil {
		sockets.Cut()
		return nil, nil, err
	}
	sockets.Settle()
	return conn, sockets.Cut, nil
}

// dialPQ dials. The connector may be the program's, with a dialer of its own:
// then an attempt that hangs can only be left behind, to end when the system
// gives it up, and a connection is cut by closing it under whoever uses it,
// which lib/pq does itself when a context ends.
func dialPQ(ctx context.Context, c sqldriver.Connector) (sqldriver.Conn, func(), error) {
	if own, ok := c.(pqConnector); ok {
		return own.dial(ctx)
	}
	type result struct {
		conn sqldriver.Conn
		err  error
	}
	dialled := make(chan result)
	go func() {
		conn, err := dial.Through(c).Connect(ctx)
		select {
		case dialled <- result{conn, err}:
		case <-ctx.Done():
			if err == nil {
				_ = conn.Close() // nobody waits for it
			}
		}
	}()
	select {
	case r := <-dialled:
		if r.err != nil {
			return nil, nil, r.err
		}
		return r.conn, func() { _ = r.conn.Close() }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// errNoDSN is why lib/pq cannot listen over a connector of the program's.
var errNoDSN = fmt.Errorf("lib/pq %w without a data source name, and the program brought a connector instead", inner.ErrDeaf)

// redial is the pause of lib/pq's listener before it dials again, which it is
// not allowed to: so it is how long the listener takes to end.
const redial = 5 * time.Millisecond

// pqEar is a listener of lib/pq that may connect once. Its Ping has no
// deadline and Close waits for whoever uses the network, so neither is used
// before the socket has been cut.
type pqEar struct {
	listener *pq.Listener
	sockets  *inner.Sockets
	lost     chan error
	rings    chan inner.Ring
	err      error         // set before rings is closed
	end      chan struct{} // closed by Close
	pumped   chan struct{}
}

func listenPQ(ctx context.Context, c sqldriver.Connector, channel string) (inner.Ear, error) {
	connector, ok := c.(pqConnector)
	if !ok {
		return nil, errNoDSN
	}
	e := &pqEar{
		sockets: &inner.Sockets{},
		lost:    make(chan error, 1),
		rings:   make(chan inner.Ring),
		end:     make(chan struct{}),
		pumped:  make(chan struct{}),
	}
	e.listener = pq.NewDialListener(e.sockets, connector.dsn, redial, redial, e.event)
	var err, refused error
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		refused = e.listener.Listen(channel)
	}()
	select {
	case <-answered:
		if refused == nil {
			go e.pump()
			return e, nil
		}
		err = refused
	case err = <-e.lost:
	case <-ctx.Done():
		err = ctx.Err()
	}
	e.finish()
	<-answered
	return nil, err
}

// event is called by the listener's goroutine.
func (e *pqEar) event(event pq.ListenerEventType, err error) {
	switch event {
	case pq.ListenerEventDisconnected, pq.ListenerEventConnectionAttemptFailed:
		if err == nil {
			err = errors.New("the connection was closed")
		}
		select {
		case e.lost <- err:
		default: // the first reason counts
		}
		e.sockets.Cut()
	case pq.ListenerEventConnected, pq.ListenerEventReconnected:
	}
}

// pump passes notifications on until the connection is lost.
func (e *pqEar) pump() {
	defer close(e.pumped)
	defer close(e.rings)
	for {
		select {
		case n, ok := <-e.listener.Notify:
			if !ok {
				e.err = errors.New("the listener has ended")
				return
			}
			if n == nil {
				continue // it connected again, which it cannot
			}
			select {
			case e.rings <- inner.Ring{PID: uint32(n.BePid), Payload: n.Extra}:
			case <-e.end:
				return
			}
		case e.err = <-e.lost:
			return
		case <-e.end:
			return
		}
	}
}

func (e *pqEar) Rings() <-chan inner.Ring { return e.rings }

func (e *pqEar) Err() error { return e.err }

func (e *pqEar) Close() {
	close(e.end)
	<-e.pumped
	e.finish()
}

// finish ends the listener. Without its socket it cannot wait for anything
// but its own pause.
func (e *pqEar) finish() {
	e.sockets.Cut()
	_ = e.listener.Close() // it says that it is closed
	for range e.listener.Notify {
	}
}

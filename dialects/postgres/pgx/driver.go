package pgx

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vantage-go/live/dialects/postgres/internal/inner"
)

// driver is pgx's stdlib. Its connections obey their contexts, so nothing has
// to be cut.
var driver = inner.Driver{
	Name: "pgx",
	Is: func(d sqldriver.Driver) bool {
		_, ok := d.(*stdlib.Driver)
		return ok
	},
	// It may be the name of a registered configuration, so it is not looked at.
	Connector: Dialect{}.Connector,
	Dial: func(ctx context.Context, c sqldriver.Connector) (sqldriver.Conn, func(), error) {
		conn, err := c.Connect(ctx)
		return conn, nil, err
	},
	Simple: []any{pgx.QueryExecModeSimpleProtocol},
	Listen: hearken,
}

// ear is one connection that waits for notifications.
type ear struct {
	conn  sqldriver.Conn
	inner *pgx.Conn
	rings chan inner.Ring
	err   error // set before rings is closed
	end   context.CancelFunc
}

// hearken dials and listens.
func hearken(ctx context.Context, c sqldriver.Connector, channel string) (inner.Ear, error) {
	conn, err := c.Connect(ctx)
	if err != nil {
		return nil, err
	}
	std, ok := conn.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a %T %w", conn, inner.ErrDeaf), conn.Close())
	}
	life, end := context.WithCancel(context.Background())
	e := &ear{conn: conn, inner: std.Conn(), rings: make(chan inner.Ring), end: end}
	if _, err := e.inner.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		end()
		e.hangUp()
		return nil, err
	}
	go e.pump(life)
	return e, nil
}

// pump passes notifications on until the connection is lost or life ends.
func (e *ear) pump(life context.Context) {
	defer close(e.rings)
	defer e.hangUp()
	for {
		n, err := e.inner.WaitForNotification(life)
		if err != nil {
			e.err = err
			return
		}
		select {
		case e.rings <- inner.Ring{PID: n.PID, Payload: n.Payload}:
		case <-life.Done():
			e.err = life.Err()
			return
		}
	}
}

// hangUp closes the connection itself: what is given back to a pool of the
// program's must not listen. The network is hardly waited for.
func (e *ear) hangUp() {
	soon, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_ = e.inner.Close(soon)
	_ = e.conn.Close() // gives what is left back
}

func (e *ear) Rings() <-chan inner.Ring { return e.rings }

func (e *ear) Err() error { return e.err }

func (e *ear) Close() {
	e.end()
	for range e.rings {
	}
}

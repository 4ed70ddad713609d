package feed

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"sync"

	"github.com/vantage-go/live/dialects/postgres/internal/inner"
	"github.com/vantage-go/live/internal/dial"
)

// wires are the database connections of one reader. They can be cut all at
// once, which makes whoever waits for an answer on them return: drivers do not
// always leave a read from a dead connection when its context ends.
type wires struct {
	driver    inner.Driver
	connector sqldriver.Connector

	mu   sync.Mutex         // guards the rest
	cuts map[*wire][]func() // of each pool that is open
	cut  bool
}

// open returns a pool over connections that can be cut.
func (w *wires) open() *sql.DB { return sql.OpenDB(&wire{w}) }

// cutAll cuts every connection, and those that are dialled from now on.
func (w *wires) cutAll() {
	w.mu.Lock()
	cuts := w.cuts
	w.cuts, w.cut = nil, true
	w.mu.Unlock()
	for _, pool := range cuts {
		for _, cut := range pool {
			cut()
		}
	}
}

// wire is the connector of one pool of wires.
type wire struct{ all *wires }

// Close forgets the connections of the pool, which has closed them.
func (w *wire) Close() error {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	delete(w.all.cuts, w)
	return nil
}

func (w *wire) Driver() sqldriver.Driver { return w.all.connector.Driver() }

func (w *wire) Connect(ctx context.Context) (conn sqldriver.Conn, err error) {
	var cut func()
	err = dial.Safely(func() (err error) {
		conn, cut, err = w.all.driver.Dial(ctx, w.all.connector)
		return err
	})
	if err != nil || cut == nil {
		return conn, err
	}
	w.all.mu.Lock()
	late := w.all.cut
	if !late {
		if w.all.cuts == nil {
			w.all.cuts = make(map[*wire][]func())
		}
		w.all.cuts[w] = append(w.all.cuts[w], cut)
	}
	w.all.mu.Unlock()
	if late {
		cut()
	}
	return conn, nil
}

// simple sends everything by the simple protocol.
type simple struct {
	to   querier
	args []any
}

func (s simple) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return s.to.QueryContext(ctx, query, append(s.args[:len(s.args):len(s.args)], args...)...)
}

func (s simple) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return s.to.QueryRowContext(ctx, query, append(s.args[:len(s.args):len(s.args)], args...)...)
}

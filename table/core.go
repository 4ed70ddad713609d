package table

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/vantage-go/live/edit"
)

// core is what live tables of one shape share: the rows, and the goroutines
// that keep them current.
type core[K comparable, T any] struct {
	reader[K, T]

	source  Source[K, T]
	schema  *Schema[K, T]
	loading func(rows int) // told now and then
	saver   *saver[K, T]   // nil without a row store
	listed  bool           // rows are in the order in which they are read
	leave   func()         // ends the reading together with others
	warmed  bool           // what is stored was tried; belongs to run
	editing editing[K, T]
	// described is an editor of the rows as far as their type tells.
	described *edit.Editor[K, T]

	current atomic.Pointer[version[K, T]]
	loaded  chan struct{}         // closed when the rows are there
	failed  atomic.Pointer[error] // failure, for those who must not wait for the lock

	// writeMu guards everything below. The next version is made under it; it is
	// never held over I/O or callbacks.
	writeMu   sync.Mutex
	overlay   map[K]*pile[K, T]
	turns     map[K]chan struct{} // rows of which a change is on its way
	acked     bool                // the overlay may have changes that wait for a position
	reflected Position            // everything up to it is in the base
	done      uint64              // touches that were taken care of
	moved     chan struct{}
	failure   error       // of the last attempt to read
	touched   *touched[K] // nil as long as nobody edits
	queues    []*queue[K, T]
	flags     []chan struct{}
}

// index is a secondary index, as the core sees it.
type index[K comparable, T any] interface {
	next(before any, diffs []Diff[K, T]) any
	build(v *version[K, T]) any
}

// start makes a core and begins to follow the source.
func start[K comparable, T any](ctx context.Context, source Source[K, T], o *options) (*core[K, T], error) {
	order, err := source.Schema().order(o.order)
	if err != nil {
		return nil, err
	}
	described, err := describe(source.Schema())
	if err != nil {
		return nil, err
	}
	changes, err := source.Follow(ctx)
	if err != nil {
		return nil, err
	}
	c := &core[K, T]{
		source: source, schema: source.Schema(), loading: o.progress, listed: o.listed, described: described,
		loaded: make(chan struct{}), moved: make(chan struct{}), overlay: map[K]*pile[K, T]{}, turns: map[K]chan struct{}{},
	}
	c.begin(changes, c.schema.table, o.log)
	c.open, c.tooMany = source.Open, c.mostOf
	c.current.Store(empty(c.schema, order))
	c.leave = func() {}
	if s, ok := source.(sharing[K, T]); ok {
		c.leave = s.share(func() int { return c.current.Load().rows.Len() })
		c.together = func(r round[K]) (map[K]*T, error) { return s.together(c.ctx, r, c.asks(&r)) }
	}
	if o.store != nil {
		if c.saver, err = openSaver(ctx, c, o.store); err != nil {
			c.cancel()
			c.leave()
			return nil, errors.Join(err, changes.Close())
		}
		c.running.Go(c.saver.run)
	}
	c.inbox.touch(nil, true)
	c.running.Go(c.listen)
	c.running.Go(func() { c.run(c.work, c.fail) })
	return c, nil
}

// close ends the goroutines and waits until they are gone.
func (c *core[K, T]) close() error {
	unflushed := c.editing.close()
	c.cancel()
	err := errors.Join(unflushed, c.changes.Close())
	c.running.Wait()
	c.leave()
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	for _, q := range c.queues {
		q.end()
	}
	c.queues, c.flags = nil, nil
	close(c.moved)
	c.moved = make(chan struct{})
	return err
}

// fail notes why rows cannot be read.
func (c *core[K, T]) fail(err error) {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	c.setFailure(err)
	c.move()
}

// setFailure notes why rows cannot be read, nil if they can. It is called under
// writeMu.
func (c *core[K, T]) setFailure(err error) {
	c.failure = err
	c.failed.Store(&err)
}

// move wakes those who wait for the table to get on. It is called under
// writeMu.
func (c *core[K, T]) move() {
	close(c.moved)
	c.moved = make(chan struct{})
}

// state tells how far the table can be trusted.
func (c *core[K, T]) state() (State, error) {
	if c.ctx.Err() != nil {
		return Closed, ErrClosed
	}
	var failure error
	if f := c.failed.Load(); f != nil {
		failure = *f
	}
	state, err := c.changes.State()
	select {
	case <-c.loaded:
	default:
		return Loading, errors.Join(failure, err)
	}
	if failure != nil {
		return Lost, failure
	}
	return state, err
}

// await waits until done says that the table has got so far.
func (c *core[K, T]) await(ctx context.Context, done func() bool) error {
	over := false
	for {
		c.writeMu.Lock()
		ok, moved, failure := done(), c.moved, c.failure
		c.writeMu.Unlock()
		switch {
		case ok:
			return nil
		case over && c.ctx.Err() == nil: // the feed has ended, and nothing comes any more
			return cmp.Or(failure, ErrClosed)
		}
		select {
		case <-moved:
		case <-c.over:
			over = true
		case <-c.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			_, err := c.changes.State()
			return errors.Join(ctx.Err(), failure, err)
		}
	}
}

// sync waits until the table has everything that was committed before.
func (c *core[K, T]) sync(ctx context.Context) error {
	p, err := c.changes.Sync(ctx)
	if err != nil {
		return err
	}
	return c.await(ctx, func() bool { return c.isLoaded() && c.reflected >= p })
}

// asks reports whether the program has asked for rows of a round.
func (c *core[K, T]) asks(r *round[K]) bool {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	return r.touched > c.done
}

// refresh reads rows again, all if there is no key, and waits until it is done.
func (c *core[K, T]) refresh(ctx context.Context, keys ...K) error {
	n := c.inbox.touch(keys, len(keys) == 0)
	return c.await(ctx, func() bool { return c.done >= n })
}

func (c *core[K, T]) isLoaded() bool {
	select {
	case <-c.loaded:
		return true
	default:
		return false
	}
}

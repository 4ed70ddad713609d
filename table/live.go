package table

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
)

// LiveTable is a table held in memory and kept current. Its methods may be
// called concurrently. Those that read rows take no lock and do no I/O.
//
// Rows are shared: what their fields refer to (slices, maps, pointers) must not
// be modified.
type LiveTable[K comparable, T any] struct {
	core    *core[K, T]
	release func() error // gives the core back
	once    sync.Once
	err     error          // of release
	places  []*place[K, T] // of its own indexes; guarded by core.writeMu
	// last is what it shows since it was closed: others may share the core.
	last atomic.Pointer[version[K, T]]

	ctx    context.Context //nolint:containedctx // the table's own life, which Close ends
	cancel context.CancelFunc
	flag   chan struct{}
	calls  calls[K, T]
}

// Open returns a live table over a source, with all its rows. Ctx bounds the
// loading only. The table must be closed.
func Open[K comparable, T any](ctx context.Context, source Source[K, T], opts ...Option) (*LiveTable[K, T], error) {
	o := collect(opts)
	c, err := start(ctx, source, o)
	if err != nil {
		return nil, fmt.Errorf("table: opening %s: %w", source.Schema().table, err)
	}
	return opened(ctx, handle(c, c.close), o)
}

// opened returns a table when its rows are there.
func opened[K comparable, T any](ctx context.Context, t *LiveTable[K, T], o *options) (*LiveTable[K, T], error) {
	t.core.replayLeft()
	if o.async {
		return t, nil
	}
	if err := t.wait(ctx); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// handle returns a table over a core.
func handle[K comparable, T any](c *core[K, T], release func() error) *LiveTable[K, T] {
	t := &LiveTable[K, T]{core: c, release: release, flag: make(chan struct{}, 1)}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	c.flags = append(c.flags, t.flag)
	return t
}

// wait returns when the rows are there, or with the first failure.
func (t *LiveTable[K, T]) wait(ctx context.Context) error {
	var failure error
	err := t.core.await(ctx, func() bool {
		failure = t.core.failure
		return t.core.isLoaded() || failure != nil
	})
	if err == nil && !t.core.isLoaded() {
		err = failure
	}
	if err != nil {
		return fmt.Errorf("table: opening %s: %w", t.core.schema.table, err)
	}
	return nil
}

// Close ends the table: events end, and its rows stay what they are. No
// callback begins after it has returned; it may be called from one. Pending
// changes of its own are not waited for.
func (t *LiveTable[K, T]) Close() error {
	t.once.Do(func() {
		t.cancel()
		t.calls.end()
		t.core.unflag(t.flag)
		t.err = t.release()
		t.dropIndexes() // of the last version, also if that was the end of the core
	})
	return t.err
}

// Shutdown waits for the saves of the table's edit sessions, and closes it,
// within ctx.
func (t *LiveTable[K, T]) Shutdown(ctx context.Context) error {
	if err := t.Flush(ctx); err != nil {
		return fmt.Errorf("table: closing %s: %w", t.core.schema.table, errors.Join(err, t.Close()))
	}
	done := make(chan error, 1)
	go func() { done <- t.Close() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("table: closing %s: %w", t.core.schema.table, ctx.Err())
	}
}

// State tells how far the table can be trusted, and what keeps it from being
// Live.
func (t *LiveTable[K, T]) State() (State, error) {
	if t.ctx.Err() != nil {
		return Closed, ErrClosed
	}
	return t.core.state()
}

// WaitLive returns when the rows are there and hold everything that was
// committed before the call.
func (t *LiveTable[K, T]) WaitLive(ctx context.Context) error { return t.Sync(ctx) }

// Sync returns when the table shows everything that was committed before the
// call, by whomever. It costs a poll of the change feed.
func (t *LiveTable[K, T]) Sync(ctx context.Context) error {
	if err := t.unlessClosed(func() error { return t.core.sync(ctx) }); err != nil {
		return fmt.Errorf("table: waiting for %s: %w", t.core.schema.table, err)
	}
	return nil
}

// Refresh reads all rows again. It is not needed for a table whose changes are
// told.
func (t *LiveTable[K, T]) Refresh(ctx context.Context) error {
	if err := t.unlessClosed(func() error { return t.core.refresh(ctx) }); err != nil {
		return fmt.Errorf("table: refreshing %s: %w", t.core.schema.table, err)
	}
	return nil
}

// OnBackendChange tells the table that a row may have changed, for programs that
// hear of it in ways of their own. It returns when the row has been read again.
func (t *LiveTable[K, T]) OnBackendChange(ctx context.Context, id K) error {
	if err := t.unlessClosed(func() error { return t.core.refresh(ctx, id) }); err != nil {
		return fmt.Errorf("table: reading a row of %s: %w", t.core.schema.table, err)
	}
	return nil
}

// unlessClosed does something, and returns ErrClosed once the table is closed: its core
// may be open for others, of which it shows nothing any more.
func (t *LiveTable[K, T]) unlessClosed(do func() error) error {
	if t.ctx.Err() == nil {
		if err := do(); err != nil || t.ctx.Err() == nil {
			return err
		}
	}
	return ErrClosed
}

// now returns the version that the table shows.
func (t *LiveTable[K, T]) now() *version[K, T] {
	v := t.core.current.Load() // first: it is not behind the last one then
	if last := t.last.Load(); last != nil {
		return last
	}
	return v
}

// Get returns the row with a key. It allocates nothing.
func (t *LiveTable[K, T]) Get(id K) (row T, ok bool) {
	if p := t.now().rows.Get(id); p != nil {
		return *p, true
	}
	return row, false
}

// Len returns the number of rows.
func (t *LiveTable[K, T]) Len() int { return t.now().rows.Len() }

// Version numbers what the table shows: it grows with each visible change.
func (t *LiveTable[K, T]) Version() uint64 { return t.now().number }

// Snapshot returns the current version: one consistent state of all rows.
func (t *LiveTable[K, T]) Snapshot() Snapshot[K, T] { return Snapshot[K, T]{t.now()} }

// All yields the rows of the current version, in no particular order.
func (t *LiveTable[K, T]) All() iter.Seq2[K, T] { return t.Snapshot().All() }

// Ascend yields the rows of the current version in order; see [Snapshot.Ascend].
func (t *LiveTable[K, T]) Ascend() iter.Seq2[K, T] { return t.Snapshot().Ascend() }

// Find yields the rows of the current version for which match is true.
func (t *LiveTable[K, T]) Find(match func(T) bool) iter.Seq2[K, T] { return t.Snapshot().Find(match) }

// Schema tells how the table looks at its rows.
func (t *LiveTable[K, T]) Schema() *Schema[K, T] { return t.core.schema }

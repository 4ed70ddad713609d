package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// Window shows a table that is too large to be held in memory: it knows how many
// rows there are, and has those that a program says are visible, and some around
// them. They are read as the viewport moves and kept current as those of a
// [LiveTable] are. Its methods may be called concurrently; those that read rows
// take no lock and do no I/O.
//
// All that a version shows is of one moment: the total and every row. When rows
// of the table have changed, the total and the visible rows, with no more than a
// page on either side, are read again in one snapshot; the others are forgotten.
// Until that is done the old version stands.
//
// What that costs does not depend on how many rows there are, as far as rows are
// sent, but the database has to find them. Counting takes it time in proportion
// to the set, see [Totals]. It gets to a row from the nearest place that it
// knows: the first row, the last one if the rows are counted, or one that the
// window has, if nothing has changed since it was read and no column of the
// order can be NULL. So scrolling is cheap everywhere, and a jump to the middle,
// or a change while it is visible, costs half of the table at most. With an index
// on the columns of the order, and those of the key behind them, all of that is
// an index scan, and without one the database sorts. A window whose table changes
// all the time asks at most half of the time, and as one of many less than that.
//
// Rows are shared: what their fields refer to must not be modified.
type Window[K comparable, T any] struct {
	reader[K, T]
	schema *Schema[K, T]
	pages  func(ctx context.Context) (Pages[K, T], error)
	size   int // of a page
	keep   int // rows
	calm   time.Duration
	totals TotalKind

	// These belong to run.
	pace  pace
	asked time.Time // when a mark was asked for

	current atomic.Pointer[frame[K, T]]
	flag    chan struct{} // capacity 1
	nudged  chan struct{} // capacity 1: somebody waits
	once    sync.Once
	err     error // of closing

	// viewMu guards everything below. It is never held over I/O or callbacks.
	viewMu    sync.Mutex
	wanted    span        // the viewport that was set last
	visible   span        // the one whose rows are read
	timer     *time.Timer // while wanted is to become visible
	latest    time.Time   // when it will at the latest
	flight    *flight     // what is being read
	reflected Position    // everything up to it is shown
	done      uint64      // touches that were taken care of
	moved     chan struct{}
	failure   error // why what has changed cannot be read
	missed    error // why rows that are visible were not loaded
	queues    []*windowQueue
}

// flight is a reading for a viewport, which another one may make pointless.
type flight struct {
	visible span
	cancel  context.CancelFunc
}

// OpenWindow returns a window on the rows of a table, or on those that meet the
// conditions of [Where], in the order of [OrderBy] and then of the key. Its
// viewport is the first page. Rows and their key are what they are for
// [OpenTable], and so are the errors. Ctx bounds the loading of the first rows
// only. The window must be closed.
//
// Options are Where, OrderBy, Columns, PollEvery, InBackground and WithLogger, and
// those of windows: [PageSize], [KeepRows], [Debounce], [Totals] and [Collated].
// With PollEvery, and on a view whose key is only tagged, rows are found by
// counting from the first or the last one.
func OpenWindow[K comparable, T any](ctx context.Context, db *Database, name string, opts ...Option) (*Window[K, T], error) {
	o := collect(opts)
	source, err := newSQLSource[K, T](ctx, db, name, o)
	if err != nil {
		return nil, err
	}
	if err := source.follow(ctx); err != nil {
		return nil, err
	}
	return newWindow(ctx, source, o)
}

// NewWindow returns a window on the rows of a source; see [OpenWindow].
func NewWindow[K comparable, T any](ctx context.Context, source Ordered[K, T], opts ...Option) (*Window[K, T], error) {
	return newWindow(ctx, source, collect(opts))
}

func newWindow[K comparable, T any](ctx context.Context, source Ordered[K, T], o *options) (*Window[K, T], error) {
	p := o.window
	if err := p.check(); err != nil {
		return nil, err
	}
	name := source.Schema().table
	open, err := source.Sorted(ctx, o.order, p.collated)
	if err != nil {
		return nil, fmt.Errorf("table: opening a window on %s: %w", name, err)
	}
	changes, err := source.Follow(ctx)
	if err != nil {
		return nil, fmt.Errorf("table: opening a window on %s: %w", name, err)
	}
	w := &Window[K, T]{
		schema: source.Schema(), pages: open, size: p.size, keep: p.keep, calm: p.calm, totals: p.totals, pace: pace{budget: budgetOf(source)},
		flag: make(chan struct{}, 1), nudged: make(chan struct{}, 1), moved: make(chan struct{}),
		visible: span{0, p.size}, wanted: span{0, p.size},
	}
	w.begin(changes, name, o.log)
	w.current.Store(&frame[K, T]{kind: TotalAtLeast})
	w.askMark()
	w.inbox.touch(nil, true)
	w.running.Go(w.listen)
	w.running.Go(func() { w.run(w.work, w.fail) })
	if o.async {
		return w, nil
	}
	err = w.await(ctx, func() bool { return w.current.Load().loaded() || w.failure != nil })
	if err == nil && !w.current.Load().loaded() {
		w.viewMu.Lock()
		err = w.failure
		w.viewMu.Unlock()
	}
	if err != nil {
		return nil, fmt.Errorf("table: opening a window on %s: %w", name, errors.Join(err, w.Close()))
	}
	return w, nil
}

// SetViewport tells which rows are visible: those at positions from to to-1. It
// returns at once. When no other call has come for some time ([Debounce]), those
// that are not there are read, the rows of the last call alone; what is being read
// for one that shows none of them is given up. If all are there already, nothing is
// read. A viewport without rows, of a window that is hidden, is kept current as far
// as the total goes. Of one larger than [KeepRows] its first rows are read.
//
// Rows that could not be read are tried again with the next call, also of the
// same viewport.
func (w *Window[K, T]) SetViewport(from, to int) {
	from = max(from, 0)
	to = min(max(to, from), from+w.keep)
	w.viewMu.Lock()
	defer w.viewMu.Unlock()
	if w.ctx.Err() != nil {
		return
	}
	w.wanted = span{from, to}
	now := time.Now()
	if w.timer == nil {
		w.latest = now.Add(4 * w.calm)
		w.timer = time.AfterFunc(w.calm, func() { w.adopt() })
		return
	}
	// A call that comes while the timer's function waits for the lock has its
	// range adopted by it; a further adoption finds nothing new.
	w.timer.Reset(min(w.calm, w.latest.Sub(now)))
}

// adopt makes the viewport that was set last the visible one, and returns the
// number of the touch that reads its rows, 0 if it is so already.
func (w *Window[K, T]) adopt() uint64 {
	w.viewMu.Lock()
	defer w.viewMu.Unlock()
	if w.timer == nil || w.ctx.Err() != nil {
		return 0
	}
	w.timer.Stop()
	w.timer = nil
	if w.visible != w.wanted {
		w.visible = w.wanted
		w.tell(WindowEvent{Kind: ViewportChanged, From: w.visible.from, To: w.visible.to, Version: w.current.Load().number})
	}
	if f := w.flight; f != nil && !f.visible.overlaps(w.visible) {
		f.cancel()
	}
	return w.touch(false)
}

// touch makes the window look after its rows, and read them again if it is forced
// to. It returns the number to wait for.
func (w *Window[K, T]) touch(forced bool) uint64 {
	n := w.inbox.touch(nil, forced)
	select {
	case w.nudged <- struct{}{}:
	default:
	}
	return n
}

// Snapshot returns the current version.
func (w *Window[K, T]) Snapshot() WindowSnapshot[K, T] { return WindowSnapshot[K, T]{w.current.Load()} }

// Total returns how many rows there are, and how that is known.
func (w *Window[K, T]) Total() (n int, kind TotalKind) { return w.Snapshot().Total() }

// Row returns the row at a position, or false if it is not there: it may be on
// its way, or behind the last one. It does not begin to read it; see SetViewport.
func (w *Window[K, T]) Row(i int) (row T, ok bool) { return w.Snapshot().Row(i) }

// Rows yields those rows at positions from to to-1 that are there, with their
// positions. All are of one version.
func (w *Window[K, T]) Rows(from, to int) iter.Seq2[int, T] { return w.Snapshot().Rows(from, to) }

// Version numbers what the window shows: it grows when rows or the total have
// changed, or rows were added. That rows were forgotten does not count.
func (w *Window[K, T]) Version() uint64 { return w.current.Load().number }

// Changes returns a channel that has a value when the version has changed since
// the last one was taken. One loop receives from it.
func (w *Window[K, T]) Changes() <-chan struct{} { return w.flag }

// Load tells how much of the set is there, and why rows that are visible are not,
// if reading them has failed.
func (w *Window[K, T]) Load() (LoadState, error) {
	w.viewMu.Lock()
	defer w.viewMu.Unlock()
	return w.Snapshot().Load(), w.missed
}

// Viewport returns the rows that are visible, of the calls of SetViewport that
// have taken effect.
func (w *Window[K, T]) Viewport() (from, to int) {
	w.viewMu.Lock()
	defer w.viewMu.Unlock()
	return w.visible.from, w.visible.to
}

// State tells how far what is shown can be trusted, and what keeps it from being
// Live.
func (w *Window[K, T]) State() (State, error) {
	if w.ctx.Err() != nil {
		return Closed, ErrClosed
	}
	w.viewMu.Lock()
	failure := w.failure
	w.viewMu.Unlock()
	state, err := w.changes.State()
	switch {
	case !w.current.Load().loaded():
		return Loading, errors.Join(failure, err)
	case failure != nil:
		return Lost, failure
	}
	return state, err
}

// Schema tells how the window looks at its rows.
func (w *Window[K, T]) Schema() *Schema[K, T] { return w.schema }

// Sync returns when the window shows everything that was committed before the
// call, by whomever, and the rows of the viewport that was set last, or with the
// reason why these could not be read. It does not wait for the viewport to settle,
// and costs a poll of the change feed.
func (w *Window[K, T]) Sync(ctx context.Context) error {
	p, err := w.changes.Sync(ctx)
	if err == nil {
		n := w.adopt()
		if n == 0 {
			n = w.touch(false)
		}
		var missed error
		err = w.await(ctx, func() bool {
			missed = w.missed
			return w.done >= n && w.reflected >= p && w.current.Load().loaded()
		})
		err = errors.Join(err, missed)
	}
	if err != nil {
		return fmt.Errorf("table: waiting for a window on %s: %w", w.name, err)
	}
	return nil
}

// Refresh reads the total and the visible rows again. It is not needed for a table
// whose changes are told.
func (w *Window[K, T]) Refresh(ctx context.Context) error {
	n := w.touch(true)
	if err := w.await(ctx, func() bool { return w.done >= n }); err != nil {
		return fmt.Errorf("table: refreshing a window on %s: %w", w.name, err)
	}
	return nil
}

// await waits until done, which is called under viewMu, says that the window has
// got so far.
func (w *Window[K, T]) await(ctx context.Context, done func() bool) error {
	over := false
	for {
		w.viewMu.Lock()
		ok, moved, failure := done(), w.moved, w.failure
		w.viewMu.Unlock()
		switch {
		case ok:
			return nil
		case over && w.ctx.Err() == nil: // the feed has ended, and nothing comes any more
			return cmp.Or(failure, ErrClosed)
		}
		select {
		case <-moved:
		case <-w.over:
			over = true
		case <-w.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			_, err := w.changes.State()
			return errors.Join(ctx.Err(), failure, err)
		}
	}
}

// move wakes those who wait. It is called under viewMu.
func (w *Window[K, T]) move() {
	close(w.moved)
	w.moved = make(chan struct{})
}

// Close ends the window: what it is reading is given up, its events end, and its
// rows stay what they are.
func (w *Window[K, T]) Close() error {
	w.once.Do(func() {
		w.cancel()
		w.viewMu.Lock()
		if w.timer != nil {
			w.timer.Stop()
			w.timer = nil
		}
		for _, q := range w.queues {
			q.end()
		}
		w.queues = nil
		w.viewMu.Unlock()
		w.err = w.changes.Close()
		w.running.Wait()
	})
	return w.err
}

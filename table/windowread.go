package table

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A window shows one moment. There are two ways to get from moment Q, which it
// shows, to a later moment R:
//
// When rows of the table have changed, the total and the visible rows are read in
// one reading, of moment R, and nothing of Q is kept: where rows are, is of one
// moment, too. No proof is needed. What is told after the round was taken stays
// pending, since it may have been committed after R.
//
// When only the viewport has moved, what is missing is read in a reading of moment
// R, which first tells what has changed since everything that was told is shown
// (see round.go). If nothing has, Q and R are the same as far as the set goes, and
// what was read joins what is there: keys of Q are anchors in R. If something has,
// or the reading cannot tell, everything visible is read in it, as above.

// work does one round.
func (w *Window[K, T]) work(r round[K]) error {
	f := w.current.Load()
	w.viewMu.Lock()
	visible, hurried := w.visible, r.touched > w.done
	w.viewMu.Unlock()
	fetch, missing := f.missing(visible, w.size, f.end())
	switch {
	case !f.loaded() || !r.empty():
		if f.loaded() && !hurried && w.rests() {
			return errSuperseded // by then there may be more to do
		}
		if !missing {
			fetch = span{}
		}
		return w.fly(visible, func(ctx context.Context) error { return w.readAgain(ctx, r, visible, fetch) })
	case !missing:
		w.shown(r, nil)
		return nil
	}
	err := w.fly(visible, func(ctx context.Context) error { return w.readMissing(ctx, r, visible, fetch) })
	if err != nil && !errors.Is(err, errSuperseded) && w.ctx.Err() == nil {
		w.misses(r, fetch, err)
		return nil
	}
	return err
}

// fly reads for a viewport. It is given up when another one has come that shows
// none of its rows.
func (w *Window[K, T]) fly(visible span, read func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	w.viewMu.Lock()
	if w.visible != visible {
		w.viewMu.Unlock()
		return errSuperseded
	}
	w.flight = &flight{visible, cancel}
	w.viewMu.Unlock()
	err := read(ctx)
	w.viewMu.Lock()
	w.flight = nil
	w.viewMu.Unlock()
	if err != nil && ctx.Err() != nil && w.ctx.Err() == nil {
		return errSuperseded
	}
	return err
}

// readAgain reads the total and what is visible, of which fetch is missing, as of
// one moment.
func (w *Window[K, T]) readAgain(ctx context.Context, r round[K], visible, fetch span) (err error) {
	begun := time.Now()
	defer func() { w.pace.ran(time.Since(begun), time.Now()) }()
	pages, err := w.pages(ctx)
	if err == nil {
		var next *frame[K, T]
		next, err = w.readVisible(ctx, pages, visible)
		if err = errors.Join(err, pages.Close()); err == nil {
			w.publish(next, r, fetch)
			return nil
		}
	}
	return fmt.Errorf("table: reading rows of %s: %w", w.name, err)
}

// readMissing reads rows that are not there.
func (w *Window[K, T]) readMissing(ctx context.Context, r round[K], visible, fetch span) (err error) {
	w.askMark()
	pages, err := w.pages(ctx)
	if err != nil {
		return fmt.Errorf("table: reading rows of %s: %w", w.name, err)
	}
	defer func() {
		if pages != nil {
			err = errors.Join(err, pages.Close())
		}
	}()
	same, err := w.same(ctx, pages, r.mark)
	var untold *untoldError
	if errors.As(err, &untold) && ctx.Err() == nil {
		// It can only be closed. Another one reads everything.
		err = pages.Close()
		if pages = nil; err == nil {
			pages, err = w.pages(ctx)
		}
	}
	var next *frame[K, T]
	switch {
	case err != nil:
	case same:
		next, err = w.readPart(ctx, pages, visible, fetch)
	default:
		next, err = w.readVisible(ctx, pages, visible)
	}
	if err != nil {
		return fmt.Errorf("table: reading rows of %s: %w", w.name, err)
	}
	w.publish(next, r, fetch)
	return nil
}

// markAge is how old a mark may be before another one is asked for: the change
// log does not go back for ever, and what is in it has to be read.
const markAge = time.Second

// askMark asks for a mark that will be there for the next reading.
func (w *Window[K, T]) askMark() {
	if now := time.Now(); now.After(w.mute) && now.Sub(w.asked) > markAge {
		w.asked = now
		w.changes.Ask()
	}
}

// same reports whether the rows are in a reading what they are in the window. The
// error is an *untoldError.
func (w *Window[K, T]) same(ctx context.Context, pages Pages[K, T], mark any) (bool, error) {
	telling, ok := pages.(Telling[K])
	if !ok || mark == nil || time.Now().Before(w.mute) {
		return false, nil
	}
	news, err := telling.Since(ctx, mark)
	if err != nil {
		if ctx.Err() == nil {
			w.mute = time.Now().Add(muteFor)
			if errors.Is(err, ErrNotTold) {
				w.mute = time.Now().Add(muteForever)
			}
			w.log.Debug("livesql: a window reads everything visible when it moves", "table", w.name, "reason", err)
		}
		return false, &untoldError{fmt.Errorf("reading what has changed: %w", err)}
	}
	return !news.Whole && len(news.Keys) == 0, nil
}

// readVisible makes a frame of what is visible, and the total.
func (w *Window[K, T]) readVisible(ctx context.Context, pages Pages[K, T], visible span) (_ *frame[K, T], err error) {
	f, next := w.current.Load(), &frame[K, T]{kind: w.totals}
	switch w.totals {
	case TotalExact:
		next.total, err = pages.Total(ctx)
	case TotalEstimate:
		var exact bool
		if next.total, exact, err = pages.Estimate(ctx); exact {
			next.kind = TotalExact
		}
	case TotalAtLeast:
	}
	if err != nil {
		return nil, fmt.Errorf("asking how many there are: %w", err)
	}
	s := f.around(visible, w.size, next.end()).clip(near(visible, w.keep))
	part, err := w.readPage(ctx, pages, s, next, nil)
	if err != nil {
		return nil, err
	}
	if len(part.rows) > 0 {
		next.stretches = []stretch[K, T]{part}
	}
	return next, w.distinct(next)
}

// readPart makes a frame of what is there and a part of what is not.
func (w *Window[K, T]) readPart(ctx context.Context, pages Pages[K, T], visible, fetch span) (*frame[K, T], error) {
	f := w.current.Load()
	next := &frame[K, T]{total: f.total, kind: f.kind}
	part, err := w.readPage(ctx, pages, fetch, next, f.anchor(fetch))
	if err != nil {
		return nil, err
	}
	next.stretches = f.with(part, near(visible, w.keep))
	return next, w.distinct(next)
}

// distinct returns an error if two rows of a frame have the same key, unless the
// database keeps that from happening.
func (w *Window[K, T]) distinct(f *frame[K, T]) error {
	if !w.schema.unproven {
		return nil
	}
	seen := make(map[K]bool)
	for _, s := range f.stretches {
		for i := range s.rows {
			if seen[s.rows[i].key] {
				return &NoKeyError{Table: w.name, Why: "two of them have the same key"}
			}
			seen[s.rows[i].key] = true
		}
	}
	return nil
}

// readPage reads the rows of a frame at some positions. Where they end, the total
// is known.
func (w *Window[K, T]) readPage(ctx context.Context, pages Pages[K, T], s span, f *frame[K, T], anchor *Anchor[K]) (part stretch[K, T], err error) {
	part = stretch[K, T]{from: s.from, rows: make([]entry[K, T], 0, s.len())}
	if s.empty() {
		return part, nil
	}
	page := Page[K]{From: s.from, To: s.to, Total: -1, Anchor: anchor}
	if f.kind == TotalExact {
		page.Total = f.total
	}
	err = pages.Page(ctx, page, func(k K, row *T) error {
		part.rows = append(part.rows, entry[K, T]{k, row})
		return nil
	})
	switch {
	case err != nil:
		return part, err
	case len(part.rows) == s.len():
		if f.kind != TotalExact {
			f.total = max(f.total, s.to)
		}
		return part, nil
	case len(part.rows) == 0 && s.from > 0:
		// The end is somewhere before it. To skip the rows has cost as much as to
		// count them.
		if f.total, err = pages.Total(ctx); err != nil {
			return part, fmt.Errorf("counting them: %w", err)
		}
	default:
		f.total = s.from + len(part.rows)
	}
	f.kind = TotalExact
	return part, nil
}

// publish makes a frame the current version, unless it shows the same, and tells
// so. Fetched is what was missing. What was read by one who did not notice that
// the window was closed meanwhile is not shown.
func (w *Window[K, T]) publish(next *frame[K, T], r round[K], fetched span) {
	before := w.current.Load()
	changed, more := before.compare(next, w.schema.Equal)
	next.number = before.number
	if changed || more {
		next.number++
	}
	w.viewMu.Lock()
	if w.ctx.Err() != nil {
		w.viewMu.Unlock()
		return
	}
	w.current.Store(next)
	if fetched = fetched.clip(span{0, next.end()}); !fetched.empty() {
		w.tell(WindowEvent{Kind: RangeLoaded, From: fetched.from, To: fetched.to, Version: next.number})
	}
	if changed && before.loaded() {
		w.tell(WindowEvent{Kind: RowsChanged, To: next.total, Version: next.number})
	}
	w.viewMu.Unlock()
	if changed || more {
		select {
		case w.flag <- struct{}{}:
		default:
		}
	}
	w.shown(r, nil)
}

// shown notes that a round was taken care of, or what was missed of it.
func (w *Window[K, T]) shown(r round[K], missed error) {
	w.viewMu.Lock()
	defer w.viewMu.Unlock()
	w.reflected = max(w.reflected, r.position)
	w.done = max(w.done, r.touched)
	w.missed = missed
	w.failure = nil
	w.move()
}

// misses notes that rows that are visible could not be read. What is there is as
// good as it was.
func (w *Window[K, T]) misses(r round[K], fetch span, err error) {
	w.log.Warn("livesql: rows of a window cannot be read; what is shown stays as it is", "table", w.name, "error", err)
	w.viewMu.Lock()
	w.tell(WindowEvent{Kind: LoadFailed, From: fetch.from, To: fetch.to, Version: w.current.Load().number, Err: err})
	w.viewMu.Unlock()
	w.shown(r, err)
}

// fail notes why what has changed cannot be read.
func (w *Window[K, T]) fail(err error) {
	w.viewMu.Lock()
	defer w.viewMu.Unlock()
	if w.failure == nil && w.ctx.Err() == nil {
		w.tell(WindowEvent{Kind: LoadFailed, From: w.visible.from, To: w.visible.to, Version: w.current.Load().number, Err: err})
	}
	w.failure = err
	w.move()
}

// pace keeps a window from asking all the time when its table changes all the
// time.
type pace struct {
	rest   rest
	budget *budget // shared by all of a database; nil for none
	taken  bool    // from the budget
	due    time.Time
}

// wait returns for how long to wait before the rows are read again.
func (p *pace) wait(now time.Time) time.Duration {
	if !p.taken && p.rest.cost > 0 {
		p.taken, p.due = true, p.rest.until
		if p.budget != nil {
			if due := now.Add(p.budget.take(p.rest.cost, now)); due.After(p.due) {
				p.due = due
			}
		}
	}
	return p.due.Sub(now)
}

func (p *pace) ran(took time.Duration, now time.Time) {
	if p.taken && p.budget != nil {
		p.budget.settle(took, p.rest.cost)
	}
	p.taken = false
	p.rest.ran(took, now)
}

// budgetOf returns the budget that a source shares with others.
func budgetOf(source any) *budget {
	if s, ok := source.(interface{ shares() *budget }); ok {
		return s.shares()
	}
	return nil
}

// rests waits until the rows may be read again, if it must, or until somebody
// waits for them.
func (w *Window[K, T]) rests() bool {
	pause := w.pace.wait(time.Now())
	if pause <= 0 {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.nudged:
	case <-w.ctx.Done():
	}
	return true
}

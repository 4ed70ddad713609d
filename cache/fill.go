package cache

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"time"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/internal/rowset"
)

// flight is a read under way whose result others may wait for. Its result is
// only ever a stored entry: errors, and results that were not stored, are the
// leader's own.
type flight struct {
	key    key
	ticket *core.Ticket
	done   chan struct{}
	entry  *entry // set before done is closed, nil when there is none
}

// miss begins a fill, or waits for one that is under way.
func (s *session) miss(ctx context.Context, stmt *statement, args []sqldriver.NamedValue, via driver.Path, hash uint64) (sqldriver.Rows, driver.Call, error) {
	c := s.cache
	if stmt.unkept.Load() > 0 {
		stmt.unkept.Add(-1)
		c.stats.misses.Add(1)
		c.stats.rejected[TooLarge].Add(1)
		return nil, nil, nil
	}
	if f := c.joinable(hash, stmt, via, args); f != nil {
		e, err := c.await(ctx, f)
		if err != nil {
			return nil, nil, err
		}
		if e != nil {
			c.stats.hits.Add(1)
			c.stats.shared.Add(1)
			return e.rows(), nil, nil
		}
	}
	c.stats.misses.Add(1)
	if s.dialled {
		if s.locate(ctx); !s.here() {
			c.stats.rejected[Ineligible].Add(1)
			return nil, nil, nil
		}
	}
	s.fills = true
	ticket := c.core.Begin(stmt.analysis.Reads, c.now())
	if ticket != nil && stmt.analysis.Version != c.backend.Version() {
		// The schema has changed since the text was understood, and its reset
		// may have come before the ticket: what the ticket stands for may not
		// be what the text reads.
		c.core.Abort(ticket)
		ticket = nil
	}
	if ticket == nil {
		c.stats.rejected[Outdated].Add(1)
		return nil, nil, nil
	}
	f := &flight{key: key{statement: stmt, via: via, args: keepArgs(args)}, ticket: ticket, done: make(chan struct{})}
	c.flights.add(hash, f)
	return nil, &fillCall{session: s, hash: hash, flight: f}, nil
}

// joinable returns a flight for the key that began after everything that the
// caller must see.
func (c *Cache) joinable(hash uint64, stmt *statement, via driver.Path, args []sqldriver.NamedValue) *flight {
	c.flights.flightsMu.Lock()
	f := c.flights.byKey[hash]
	c.flights.flightsMu.Unlock()
	if f == nil || !f.key.equal(stmt, via, args) || !c.core.Joinable(f.ticket, c.now()) {
		return nil
	}
	return f
}

// await waits for a flight, at most a lease: the leader's connection may hang
// while the caller's would not. It returns nil when the caller has to read
// itself.
func (c *Cache) await(ctx context.Context, f *flight) (*entry, error) {
	timer := time.NewTimer(c.config.Lease)
	defer timer.Stop()
	select {
	case <-f.done:
	case <-timer.C:
		return nil, nil //nolint:nilnil // no entry is the answer
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if e := f.entry; e != nil && c.core.Alive(e.core) && c.core.Valid(c.now()) {
		return e, nil
	}
	return nil, nil //nolint:nilnil // no entry is the answer
}

// add makes a flight known. A later one takes the place of an earlier one.
func (f *flights) add(hash uint64, fl *flight) {
	f.flightsMu.Lock()
	defer f.flightsMu.Unlock()
	f.byKey[hash] = fl
}

// land ends a flight and lets those go who wait for it.
func (f *flights) land(hash uint64, fl *flight, e *entry) {
	f.flightsMu.Lock()
	if f.byKey[hash] == fl {
		delete(f.byKey, hash)
	}
	f.flightsMu.Unlock()
	fl.entry = e
	close(fl.done)
}

// fillCall records the rows of a read and stores them.
type fillCall struct {
	session *session
	hash    uint64
	flight  *flight
}

var _ driver.Call = (*fillCall)(nil)

// Rows reads the inner rows ahead, up to the budget of a result.
func (f *fillCall) Rows(_ context.Context, inner sqldriver.Rows) (sqldriver.Rows, error) {
	c := f.session.cache
	if !f.session.mayFill() || driver.ScansColumns(inner) {
		f.abandon(Ineligible)
		return f.session.passed(inner), nil
	}
	landed := false
	defer func() {
		if !landed { // the inner driver panicked
			f.abandon(NotWhole)
		}
	}()
	rows, set, why := rowset.Record(inner, rowset.Budget{Bytes: c.config.ResultBytes, RowTypes: c.config.RowTypes})
	landed = true
	switch {
	case set != nil:
		f.store(set)
		return rows, nil
	case errors.Is(why, rowset.ErrTooLarge):
		f.flight.key.statement.unkept.Store(afterTooLarge)
		f.abandon(TooLarge)
	default:
		f.abandon(NotWhole)
	}
	return f.session.passed(rows), nil
}

// store commits the ticket and publishes the entry.
func (f *fillCall) store(set *rowset.Set) {
	c, fl := f.session.cache, f.flight
	e := newEntry(fl.key, f.hash, set)
	e.core = c.core.Commit(fl.ticket, c.now(), e)
	if e.core == nil {
		f.abandon(Outdated)
		return
	}
	c.publish(e)
	if !c.core.Alive(e.core) {
		// Killed between the commit and the store, which now holds it for
		// nothing.
		c.drop([]*core.Entry{e.core}, &c.stats.evictedByWrites)
	}
	c.stats.stores.Add(1)
	c.flights.land(f.hash, fl, e)
}

// Failed ends the fill without a result. After ErrSkip the statement comes
// again, prepared: next time the direct query does not begin a fill.
func (f *fillCall) Failed(err error) {
	if errors.Is(err, sqldriver.ErrSkip) {
		f.flight.key.statement.skips[hasArgs(f.flight.key.args)].Store(true)
		f.session.cache.stats.misses.Add(^uint64(0))
		f.end()
		return
	}
	f.abandon(NotWhole)
}

func (f *fillCall) abandon(why Rejection) {
	f.session.cache.stats.rejected[why].Add(1)
	f.end()
}

func (f *fillCall) end() {
	c := f.session.cache
	c.core.Abort(f.flight.ticket)
	c.flights.land(f.hash, f.flight, nil)
}

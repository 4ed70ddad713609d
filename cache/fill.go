package cache

import (
	"bytes"
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"math"
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
	began  core.Instant
	// done and landed are guarded by flights.flightsMu. Who waits first makes the
	// channel, as most flights have nobody who waits.
	done   chan struct{}
	landed bool
	entry  entry // set before landed, without a shape when there is none
}

// miss begins a fill, or waits for one that is under way. One that is not shared
// neither waits nor is waited for.
func (s *session) miss(ctx context.Context, k key, args []sqldriver.NamedValue, shared bool) (sqldriver.Rows, driver.Call, error) {
	c, stmt := s.cache, k.statement
	if stmt.unkept.Load() > 0 {
		stmt.unkept.Add(-1)
		c.stats.misses.Add(1)
		c.stats.rejected[TooLarge].Add(1)
		return nil, nil, nil
	}
	if stmt.worth.rest() {
		c.stats.misses.Add(1)
		c.stats.rejected[Fruitless].Add(1)
		return nil, nil, nil
	}
	hash := c.hasher.key(&k)
	if f := c.joinable(hash, &k); shared && f != nil {
		e, err := c.await(ctx, f)
		if err != nil {
			return nil, nil, err
		}
		if e != nil {
			c.stats.hits.add(s.number)
			c.stats.shared.Add(1)
			c.find(hash, &k, &s.found) // the store should know that it was of use
			return s.replay(e), nil, nil
		}
	}
	c.stats.misses.Add(1)
	s.fills = true
	f := &fill{call: fillCall{session: s, hash: hash, args: hasArgs(args)}}
	now := c.clock.Glance()
	begun := c.core.BeginIn(&f.ticket, stmt.reads(args, &s.few), now)
	if begun && stmt.analysis.Version != c.backend.Version() {
		// The schema has changed since the text was understood, and its reset
		// may have come before the ticket: what the ticket stands for may not
		// be what the text reads.
		c.core.Abort(&f.ticket)
		begun = false
	}
	if !begun {
		c.stats.rejected[Outdated].Add(1)
		return nil, nil, nil
	}
	k.rest = append(f.rest[:0], k.rest...)
	f.flight = flight{key: k, ticket: &f.ticket, began: now}
	f.call.flight = &f.flight
	if shared {
		c.flights.add(hash, &f.flight)
	}
	return nil, &f.call, nil
}

// fill is the memory of a fill, in one piece: for what a miss adds to the read,
// the allocations are most of it.
type fill struct {
	call   fillCall
	flight flight
	ticket core.Ticket
	rest   [48]byte // of the key, if it is not longer
}

// joinable returns a flight for the key that began after everything that the
// caller must see.
func (c *Cache) joinable(hash uint64, k *key) *flight {
	f := c.flights.of(hash)
	if f == nil || !f.key.equal(k) || !c.core.Joinable(f.ticket, c.now()) {
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
	case <-c.flights.done(f):
	case <-timer.C:
		return nil, nil //nolint:nilnil // no entry is the answer
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if e := &f.entry; e.shape != nil && c.core.Alive(e.core) && c.core.Valid(c.now()) && c.young(&e.kept, c.now()) {
		return e, nil
	}
	return nil, nil //nolint:nilnil // no entry is the answer
}

// add makes a flight known. A later one takes the place of an earlier one.
func (f *flights) add(hash uint64, fl *flight) {
	f.flightsMu.Lock()
	defer f.flightsMu.Unlock()
	if f.one == nil || f.oneHash == hash {
		f.one, f.oneHash = fl, hash
		return
	}
	f.byKey[hash] = fl
}

// of returns the latest flight with that hash, or nil.
func (f *flights) of(hash uint64) *flight {
	f.flightsMu.Lock()
	defer f.flightsMu.Unlock()
	if f.one != nil && f.oneHash == hash {
		return f.one
	}
	if len(f.byKey) == 0 {
		return nil
	}
	return f.byKey[hash]
}

// done returns what is closed when the flight has landed.
func (f *flights) done(fl *flight) <-chan struct{} {
	f.flightsMu.Lock()
	defer f.flightsMu.Unlock()
	if fl.done == nil {
		fl.done = make(chan struct{})
		if fl.landed {
			close(fl.done)
		}
	}
	return fl.done
}

// land ends a flight, with its entry if there is one, and lets those go who wait
// for it.
func (f *flights) land(hash uint64, fl *flight) {
	f.flightsMu.Lock()
	defer f.flightsMu.Unlock()
	switch {
	case f.one == fl:
		f.one = nil
	case len(f.byKey) > 0 && f.byKey[hash] == fl:
		delete(f.byKey, hash)
	}
	fl.landed = true
	if fl.done != nil {
		close(fl.done)
	}
}

// fillCall records the rows of a read and stores them.
type fillCall struct {
	session *session
	hash    uint64
	flight  *flight
	args    int // 1 if there are any
}

var _ driver.Call = (*fillCall)(nil)

// Rows reads the inner rows ahead, up to the budget of a result.
func (f *fillCall) Rows(ctx context.Context, inner sqldriver.Rows) (sqldriver.Rows, error) {
	c := f.session.cache
	landed := false
	defer func() {
		if !landed { // the inner driver panicked
			f.abandon(NotWhole)
		}
	}()
	numbers, scans, ok := f.session.recordable(inner)
	if !ok {
		landed = true
		f.abandon(Ineligible)
		return f.session.passed(inner), nil
	}
	f.settle()
	rows, set, why := rowset.Record(inner, rowset.Budget{
		Bytes: c.config.ResultBytes, RowTypes: c.config.RowTypes, Like: &f.flight.key.statement.shapes, Numbers: numbers,
		Done: ctx.Done(),
	})
	landed = true
	switch {
	case set != nil:
		f.store(set)
		return f.session.played(rows, scans, false), nil
	case errors.Is(why, rowset.ErrTooLarge):
		f.flight.key.statement.unkept.Store(afterTooLarge)
		f.abandon(TooLarge)
	default:
		f.abandon(NotWhole)
	}
	return f.session.played(rows, scans, true), nil
}

// settle puts the settings into the key that the connection turned out to have:
// when the query was let through, it may not have been dialled. Those who wait
// expect an answer under the settings that they took for granted.
func (f *fillCall) settle() {
	settings, _ := f.session.settings()
	if settings == f.flight.key.settings() {
		return
	}
	c, fl := f.session.cache, f.flight
	c.flights.land(f.hash, fl)
	f.flight = &flight{key: key{fl.key.statement, bytes.Clone(fl.key.rest)}, ticket: fl.ticket, began: fl.began}
	f.flight.key.setSettings(settings)
	f.hash = c.hasher.key(&f.flight.key)
}

// store commits the ticket and publishes the entry.
func (f *fillCall) store(set *rowset.Set) {
	c, fl := f.session.cache, f.flight
	now := c.now()
	committed, ok := c.core.Commit(fl.ticket, now, set.Len() == 0, f.hash)
	if !ok {
		f.abandon(Outdated)
		return
	}
	e := entry{kept: kept{core: committed}}
	var size int64
	e.set, e.shape, size = set.Pack(fl.key.rest, &fl.key.statement.shapes)
	e.bytes = uint32(min(size, math.MaxUint32))
	if c.config.TTL > 0 {
		e.born = c.births.note(fl.began, 0)
	}
	c.publish(f.hash, &e, fl.ticket.Links(), uint64(max(now.Sub(fl.began), 0)))
	if !c.core.Alive(committed) {
		// Killed between the commit and the store, which now holds it for
		// nothing.
		c.drop([]core.Killed{{Entry: committed, Owner: f.hash}}, &c.stats.evictedByWrites)
	}
	c.stats.stores.Add(1)
	fl.entry = e
	c.flights.land(f.hash, fl)
}

// Failed ends the fill without a result. After ErrSkip the statement comes
// again, prepared: next time the direct query does not begin a fill.
func (f *fillCall) Failed(err error) {
	if errors.Is(err, sqldriver.ErrSkip) {
		f.flight.key.statement.skips[f.args].Store(true)
		f.session.skipped = f.flight.key.statement
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
	c.flights.land(f.hash, f.flight)
}

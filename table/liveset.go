package table

import (
	"context"
)

// Set returns the table as a [DataSet]: reads come from memory, changes go to
// the database, and are shown by the table when they return.
func (t *LiveTable[K, T]) Set() DataSet[K, T] {
	return &set[K, T]{schema: t.core.schema, bounded: bounded(t.core.source), reads: liveReads[K, T]{t}, apply: t.apply}
}

// apply makes a change, unless the table is closed.
func (t *LiveTable[K, T]) apply(ctx context.Context, m Mutation[K, T]) (r Result[K, T], err error) {
	if t.ctx.Err() != nil {
		return r, &ChangeError{Table: t.core.schema.table, Kind: m.Kind, Err: ErrClosed}
	}
	return t.core.apply(ctx, m)
}

// liveReads reads what a live table shows.
type liveReads[K comparable, T any] struct{ t *LiveTable[K, T] }

// List returns the rows in order.
func (l liveReads[K, T]) List(context.Context) ([]T, error) {
	now := l.t.Snapshot()
	rows := make([]T, 0, now.Len())
	for _, row := range now.Ascend() {
		rows = append(rows, row)
	}
	return rows, nil
}

// Get returns a row.
func (l liveReads[K, T]) Get(_ context.Context, id K) (T, bool, error) {
	row, ok := l.t.Get(id)
	return row, ok, nil
}

// GetSome returns the first row.
func (l liveReads[K, T]) GetSome(context.Context) (row T, ok bool, err error) {
	for _, row := range l.t.Ascend() {
		return row, true, nil
	}
	return row, false, nil
}

// apply makes a change and shows its result. While it is on its way the row
// stays what it was: what was read meanwhile may be older or newer than the
// result, and nobody can tell.
func (c *core[K, T]) apply(ctx context.Context, m Mutation[K, T]) (r Result[K, T], err error) {
	if c.ctx.Err() != nil {
		return r, &ChangeError{Table: c.schema.table, Kind: m.Kind, Err: ErrClosed}
	}
	var staged *Staged[K, T]
	made := false
	if m.Kind != Clear && m.Kind != Create {
		done, err := c.turn(ctx, m.Key)
		if err != nil {
			return r, &ChangeError{Table: c.schema.table, Kind: m.Kind, Err: err}
		}
		defer done()
		// What is shown is known under the lock of the table only: before, it could be
		// a newer row by the time it is held.
		var shown *T
		held := false
		staged = c.stage([]Change[K, T]{{Key: m.Key, Apply: func(now *T) *T {
			if !held {
				shown, held = now, true
			}
			return shown
		}}})
		defer func() {
			if !made { // also if a method of a value has panicked
				staged.Drop()
			}
		}()
	}
	results, err := c.source.Apply(ctx, []Mutation[K, T]{m})
	if err != nil {
		return r, err
	}
	made, r = true, results[0]
	row := r.Row
	if r.Outside {
		row = nil
	}
	switch m.Kind {
	case Clear:
		// Which rows it was, only the database knows. It is done: an error
		// here would say the opposite.
		_ = c.sync(ctx)
	case Create:
		staged = c.stage([]Change[K, T]{{Key: r.Key, Apply: func(base *T) *T {
			if base != nil {
				return base // it was read already, and may have changed since
			}
			return row
		}}})
		staged.Acked()
	default:
		staged.AckedAs(m.Key, func(*T) *T { return row })
	}
	return r, nil
}

// turn waits until no other change of a row is on its way: they reach the
// database in the order in which they are shown.
func (c *core[K, T]) turn(ctx context.Context, key K) (done func(), err error) {
	for {
		c.writeMu.Lock()
		before := c.turns[key]
		if before == nil {
			mine := make(chan struct{})
			c.turns[key] = mine
			c.writeMu.Unlock()
			return func() {
				c.writeMu.Lock()
				defer c.writeMu.Unlock()
				delete(c.turns, key)
				close(mine)
			}, nil
		}
		c.writeMu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

package table

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A version shows the rows of one moment, whole transactions and no older than
// the version before. That is not trivial: the feed says which rows have
// changed up to a poll, and what is read afterwards is of a later moment, at
// which a transaction may have changed one row that is read and one that is
// not.
//
//	news up to position s → reading opened, of moment R → its first rows read → Ask → position p
//	                                       news between s and p ─ their rows read in the same reading
//
// Say that the base shows moment Q, and that the inbox has every row that was
// told after the position before Q's reading was opened. A row that differs
// between Q and R was changed by a transaction that R sees and Q does not. It
// was committed before the reading was opened or while it was, in any case
// before Ask was called, so it is told by p; and it was committed after Q, so
// it was told after the position before Q. So the row is in what was pending at
// s or came by p, and is read: what is published is moment R, for every row.
//
// A reading that can itself tell what has changed between s and its moment R
// saves the waiting: a transaction that R sees and Q does not was told by s, so
// that its rows are pending, or it was committed after s, and the reading tells
// them. Nobody has to write between the two, so it matters not whether the
// reading stands in the way of writers.
//
// What came after s stays pending for the next round, since it may have been
// committed after R. So the next round begins with what was said of Q. Readings
// follow one another on one database, so moments only go on. A reading of all
// rows needs no proof, and no Ask.
//
// The exception is what the capture cannot see, which is told only when the
// feed looks at the capture: a TRUNCATE on MySQL. Until then, at most
// listen.CheckEvery later, some of the rows may be gone and others not.

// wholeFrom is from how many changed rows on all are read if they are most of
// the table.
const wholeFrom = 512

// mostOf reports whether so many rows are most of the table.
func (c *core[K, T]) mostOf(rows int) bool {
	if rows <= wholeFrom {
		return false
	}
	most := c.current.Load().rows.Len() / 2
	if s, ok := c.source.(sharing[K, T]); ok {
		most = s.worth(most)
	}
	return rows > most
}

// work does one round.
func (c *core[K, T]) work(r round[K]) error {
	switch {
	case c.saver != nil && !c.warmed:
		c.warmed = true
		if r.mark == nil { // what is read now is kept with a mark
			c.askMark()
			r.mark = c.inbox.mark()
		}
		if done, err := c.readWarm(r); done || err != nil {
			return err
		}
		return c.readAll(r)
	case r.whole || !c.isLoaded() || c.tooMany(len(r.keys)):
		return c.readAll(r)
	case r.empty():
		c.finish(r, nil, nil)
		return nil
	}
	if s, ok := c.source.(advancing[K, T]); ok {
		some, list, ok := s.Advance()
		if !ok {
			return c.readAll(r)
		}
		c.show(r, some, list, nil)
		return nil
	}
	for range 3 {
		rows, err := c.readSome(r)
		switch {
		case err == nil:
			c.finish(r, rows, nil)
			return nil
		case errors.Is(err, errBrief): // once more
		case errors.Is(err, errAny):
			return c.readAll(r)
		default:
			return err
		}
	}
	return c.readAll(r) // writers are faster
}

// advancing is a source that has read itself what has become of the rows of which
// it tells: their rows and those that it told before lead from the moment that
// was read last to one that is not before what it has told.
type advancing[K comparable, T any] interface {
	// Advance returns the rows that differ, nil for those that are gone, and all
	// rows in order; false if all have to be read.
	Advance() (some map[K]*T, list []entry[K, T], ok bool)
}

// errAny ends a reading of single rows of which any may have changed.
var errAny = errors.New("table: any row may have changed")

// readSome reads the rows of a round, and those that the same transactions may
// have changed, as of one moment. Rows that are gone are nil.
func (c *reader[K, T]) readSome(r round[K]) (map[K]*T, error) {
	if r.mark == nil || time.Now().Before(c.mute) {
		return c.readAsked(r)
	}
	rows, err := c.readTold(r)
	var untold *untoldError
	if !errors.As(err, &untold) {
		return rows, err
	}
	// The account may not read the log, or it is only that the connection is
	// gone, which the other way finds out, too.
	pause := muteFor
	if errors.Is(err, ErrNotTold) {
		pause = muteForever
	}
	c.mute = time.Now().Add(pause)
	c.log.Debug("livesql: a live table waits for the change feed while it reads", "table", c.name, "reason", err)
	return c.readAsked(r)
}

// For how long readings are not asked what has changed after they could not
// tell.
const (
	muteFor     = time.Minute
	muteForever = 1000 * time.Hour
)

// untoldError is the failure of a reading to tell what has changed.
type untoldError struct{ error }

func (e *untoldError) Unwrap() error { return e.error }

func untold(name string, err error) error {
	return &untoldError{fmt.Errorf("table: reading what has changed in %s: %w", name, err)}
}

// readTold is readSome with a reading that tells what has changed.
func (c *reader[K, T]) readTold(r round[K]) (found map[K]*T, err error) {
	if c.together != nil {
		if found, err = c.together(r); !errors.Is(err, errAlone) {
			return found, err
		}
	}
	reading, err := c.open(c.ctx)
	if err != nil {
		return nil, fmt.Errorf("table: reading changed rows of %s: %w", c.name, err)
	}
	defer func() { err = errors.Join(err, reading.Close()) }()
	telling, ok := reading.(Telling[K])
	if !ok {
		return nil, &untoldError{ErrNotTold}
	}
	news, err := telling.Since(c.ctx, r.mark)
	switch {
	case err != nil:
		return nil, untold(c.name, err)
	case news.Whole:
		return nil, errAny
	}
	keys := maps.Clone(r.keys)
	for _, k := range news.Keys {
		keys[k] = struct{}{}
	}
	if c.tooMany(len(keys)) {
		return nil, errAny
	}
	found = make(map[K]*T, len(keys))
	return found, c.read(reading, slices.Collect(maps.Keys(keys)), found)
}

// errBrief ends a reading that could not stay open until its rows were known.
var errBrief = errors.New("table: rows were changed while they were read")

// readAsked is readSome with a reading that stays open until the change feed has
// told what the same transactions have changed.
func (c *reader[K, T]) readAsked(r round[K]) (_ map[K]*T, err error) {
	reading, err := c.open(c.ctx)
	if err != nil {
		return nil, fmt.Errorf("table: reading changed rows of %s: %w", c.name, err)
	}
	open := true
	shut := func() {
		if open {
			open = false
			err = errors.Join(err, reading.Close())
		}
	}
	defer shut()
	found := make(map[K]*T, len(r.keys))
	if err = c.read(reading, slices.Collect(maps.Keys(r.keys)), found); err != nil {
		return nil, err
	}
	if !reading.Lasting() {
		if shut(); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	keys, whole, err := c.inbox.reach(ctx, c.changes.Ask())
	switch {
	case err != nil:
		return nil, fmt.Errorf("table: waiting for the change feed: %w", err)
	case whole:
		return nil, errSuperseded
	}
	keys = slices.DeleteFunc(keys, func(k K) bool { _, known := found[k]; return known })
	if len(keys) == 0 {
		return found, nil
	}
	if !reading.Lasting() {
		return nil, errBrief
	}
	return found, c.read(reading, keys, found)
}

// read reads rows with these keys into found, nil where there is none.
func (c *reader[K, T]) read(reading Reading[K, T], keys []K, found map[K]*T) error {
	for _, k := range keys {
		found[k] = nil
	}
	err := reading.Read(c.ctx, keys, func(k K, row *T) error {
		found[k] = row
		return nil
	})
	if err != nil {
		return fmt.Errorf("table: reading changed rows of %s: %w", c.name, err)
	}
	return nil
}

// readAll reads all rows, and shows them when the reading is over.
func (c *core[K, T]) readAll(r round[K]) error {
	all, err := c.load()
	if err != nil {
		return err
	}
	c.finish(r, nil, all)
	return nil
}

// load reads all rows, aside from what programs see.
func (c *core[K, T]) load() (_ []entry[K, T], err error) {
	reading, err := c.source.Open(c.ctx)
	if err != nil {
		return nil, fmt.Errorf("table: loading %s: %w", c.schema.table, err)
	}
	defer func() { err = errors.Join(err, reading.Close()) }()
	all := make([]entry[K, T], 0, c.current.Load().rows.Len())
	seen := map[K]bool{}
	err = reading.Load(c.ctx, func(k K, row *T) error {
		if c.schema.unproven {
			if seen[k] {
				return &NoKeyError{Table: c.schema.table, Why: "two of them have the same key"}
			}
			seen[k] = true
		}
		all = append(all, entry[K, T]{k, row})
		if c.loading != nil && len(all)%progressEvery == 0 {
			c.loading(len(all))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("table: loading %s: %w", c.schema.table, err)
	}
	if c.loading != nil {
		c.loading(len(all))
	}
	return all, nil
}

// progressEvery is after how many rows of a load the program is told.
const progressEvery = 10_000

// finish publishes what a round has read: single rows, or all if that is not
// nil.
func (c *core[K, T]) finish(r round[K], some map[K]*T, all []entry[K, T]) { c.show(r, some, nil, all) }

// show is finish for a source that also tells the order of the rows.
func (c *core[K, T]) show(r round[K], some map[K]*T, list, all []entry[K, T]) {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	c.reflected = max(c.reflected, r.position)
	c.done = max(c.done, r.touched)
	if !r.empty() {
		c.setFailure(nil)
	}
	if some == nil && all == nil && !c.acked {
		if c.saver != nil && c.isLoaded() {
			c.saver.note(nil, false, r.mark)
		}
		c.move()
		return
	}
	e := c.edit(Remote)
	switch {
	case all != nil:
		e.replace(all)
	default:
		for k, row := range some {
			e.base(k, row)
		}
		e.list = list
	}
	for i := range e.diffs {
		c.touch(e.diffs[i].Key)
	}
	c.settle(e)
	c.publish(e)
	if c.saver != nil {
		c.saver.note(some, all != nil, r.mark)
	}
	if all != nil && !c.isLoaded() {
		close(c.loaded)
	}
	c.move()
}

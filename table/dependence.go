package table

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/dialects"
)

// dependence is what the rows of a set or query depend on. It changes with the
// schema: a view is defined anew, or capture is gone.
type dependence struct {
	db     *Database
	name   string // of the table, "" for a query
	query  string
	keys   func(ctx context.Context) error // looks at the keys of the table, nil for a query
	tables atomic.Pointer[dependsOn]
}

// dependsOn is what it was under one version of the catalogue.
type dependsOn struct {
	version uint64
	// own is the table as the feed names it. In which rows changes of the
	// others show, nobody knows.
	own    dialects.Table
	others map[dialects.Table]bool
}

// installing bounds the wait for capture that is being installed.
const installing = 15 * time.Second

// begin looks for the first time. A table that was created a moment ago is not
// known yet, and may become captured when the feed looks at it.
func (d *dependence) begin(ctx context.Context) error {
	name := d.name
	if name == "" {
		name = "the query"
	}
	if err := d.db.live(ctx, name); err != nil {
		return err
	}
	for limit := time.Now().Add(installing); ; {
		err := d.look(ctx)
		var uncovered *UncoveredError
		if !errors.As(err, &uncovered) {
			return err
		}
		if err := d.db.Feed.Sync(ctx); err != nil {
			return fmt.Errorf("table: waiting for the change feed: %w", err)
		}
		if err = d.look(ctx); err == nil || !d.db.Installs || time.Now().After(limit) {
			return err
		}
		timer := time.NewTimer(20 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), err)
		}
	}
}

// look asks again if the catalogue has changed. It is called before rows are
// read: what a table that is found now has changed before, they have; what it
// changes from now on is told. The error is an *UncoveredError if something is
// not captured: then nothing can be told of the rows, however new they are.
func (d *dependence) look(ctx context.Context) error {
	version := d.db.Analyzer.Version()
	known := d.tables.Load()
	if known != nil && known.version == version {
		return nil
	}
	what := d.name
	if what == "" {
		what = "the query"
	}
	reads, err := d.db.dependencies(ctx, what, d.query)
	if err != nil {
		return err
	}
	next := &dependsOn{version: version, others: reads}
	if d.name != "" {
		if next.own, err = d.db.self(ctx, d.name, reads); err != nil {
			return fmt.Errorf("table: following %s: %w", d.name, err)
		}
		delete(reads, next.own)
		if known != nil { // else they were just looked at
			if err := d.keys(ctx); err != nil {
				return err
			}
		}
	}
	d.tables.Store(next)
	return nil
}

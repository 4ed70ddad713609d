package livesql

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
)

// The parts of package edit that programs use, under one roof.
type (
	// RecordEdit is an edit session on one row of a live table; see
	// [table.LiveTable.Edit].
	RecordEdit[K comparable, T any] = edit.RecordEdit[K, T]
	// Pending is a save under way.
	Pending[K comparable, T any] = edit.Pending[K, T]
	// UnflushedError is returned by Close and Shutdown when saves were not
	// written in time, with their values.
	UnflushedError = edit.UnflushedError
)

// editPool is how many connections save edit sessions: one for batches, and one
// for locked rows and for reading.
const editPool = 2

// drainTime is how long Close waits for saves that were accepted.
const drainTime = 5 * time.Second

// edits saves the edit sessions of a handle's tables. It writes through the
// wrapper, so that the cache knows of the writes as of any others.
type edits struct {
	connector unclosed
	flavor    dialects.Flavor

	once   sync.Once
	pool   *sql.DB // these are written under once
	store  *sqlstore.Store
	writer *edit.Writer
}

func (e *edits) start() {
	e.once.Do(func() {
		e.pool = sql.OpenDB(e.connector)
		e.pool.SetMaxOpenConns(editPool)
		e.store = sqlstore.New(e.pool, e.flavor)
		e.writer = edit.NewWriter(direct{e.store})
	})
}

// direct is a store that reads from the database itself: what a save is compared
// with must not be older than what the table has shown.
type direct struct{ *sqlstore.Store }

// Read reads a row past the cache.
func (d direct) Read(ctx context.Context, t *edit.Table, key []any) (any, error) {
	return d.Store.Read(NoCache(ctx), t, key)
}

// Writer returns the writer.
func (e *edits) Writer() *edit.Writer {
	e.start()
	return e.writer
}

// Describe returns the columns of a table.
func (e *edits) Describe(ctx context.Context, schema, name string) ([]edit.Column, error) {
	e.start()
	return sqlstore.Describe(ctx, e.pool, e.flavor, schema, name)
}

// shutdown waits for the saves, and ends. What was not written in time is an
// *UnflushedError.
func (e *edits) shutdown(ctx context.Context) error {
	if e == nil {
		return nil
	}
	e.once.Do(func() {})
	if e.writer == nil {
		return nil
	}
	return errors.Join(e.writer.Shutdown(ctx), e.store.Close(), e.pool.Close())
}

package livesql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
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
	keeping   keeping
	counted   bool // see VersionsCounted
	log       *slog.Logger

	turn   chan struct{} // holds a value while somebody starts or ends it
	ended  bool          // these are of whoever has the turn, until it has started
	pool   *sql.DB
	store  *sqlstore.Store
	writer *edit.Writer
}

// keeping is how saves outlive the process.
type keeping struct {
	outbox    edit.Outbox // nil: they do not
	retention *time.Duration
	never     bool // the ledger must not be made
}

func newEdits(h *handle) *edits {
	return &edits{
		connector: unclosed{h.wrapped}, flavor: h.dialect.Flavor(), keeping: h.keeping, counted: h.counted, log: h.log, turn: make(chan struct{}, 1),
	}
}

// start makes the writer, and with an outbox the ledger before it.
func (e *edits) start(ctx context.Context) error {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.turn }()
	switch {
	case e.ended:
		return edit.ErrClosed
	case e.writer != nil:
		return nil
	case e.pool == nil:
		e.pool = sql.OpenDB(e.connector)
		e.pool.SetMaxOpenConns(editPool)
	}
	var options []sqlstore.Option
	if e.counted {
		options = append(options, sqlstore.VersionsCounted())
	}
	writing := []edit.Option{edit.Log(e.log)}
	if e.keeping.outbox != nil {
		writing = append(writing, edit.WithOutbox(e.keeping.outbox))
		noted, err := e.install(ctx)
		if err != nil {
			return err
		}
		if noted {
			options = append(options, sqlstore.WithLedger())
		}
		if e.keeping.retention != nil {
			options = append(options, sqlstore.LedgerRetention(*e.keeping.retention))
		}
	}
	e.store = sqlstore.New(e.pool, e.flavor, options...)
	e.writer = edit.NewWriter(direct{e.store}, writing...)
	return nil
}

// install makes the ledger, unless it must not, and reports whether it is there.
func (e *edits) install(ctx context.Context) (bool, error) {
	store := sqlstore.New(e.pool, e.flavor)
	defer func() { _ = store.Close() }() // it has used no connection of its own
	if e.keeping.never {
		return store.HasLedger(ctx)
	}
	return true, store.InstallLedger(ctx)
}

// direct is a store that reads from the database itself: what a save is compared
// with must not be older than what the table has shown.
type direct struct{ *sqlstore.Store }

// Read reads a row past the cache.
func (d direct) Read(ctx context.Context, t *edit.Table, key []any) (any, error) {
	return d.Store.Read(NoCache(ctx), t, key)
}

// Noted reads the ledger past the cache.
func (d direct) Noted(ctx context.Context, saves []string) (map[string]edit.Note, error) {
	return d.Store.Noted(NoCache(ctx), saves)
}

// Forgotten reads the ledger past the cache.
func (d direct) Forgotten(ctx context.Context) (time.Time, error) {
	return d.Store.Forgotten(NoCache(ctx))
}

var _ edit.Forgetful = direct{}

// Writer returns the writer, once Describe has succeeded.
func (e *edits) Writer() *edit.Writer { return e.writer }

// Keeps reports whether saves are kept in an outbox.
func (e *edits) Keeps() bool { return e.keeping.outbox != nil }

// Describe returns the columns of a table.
func (e *edits) Describe(ctx context.Context, schema, name string) ([]edit.Column, error) {
	if err := e.start(ctx); err != nil {
		return nil, err
	}
	return sqlstore.Describe(ctx, e.pool, e.flavor, schema, name)
}

// shutdown waits for the saves, and ends. What was not written in time is an
// *UnflushedError.
func (e *edits) shutdown(ctx context.Context) error {
	if e == nil {
		return nil
	}
	select {
	case e.turn <- struct{}{}: // whoever has it waits for the database, perhaps for longer than ctx lasts
	case <-ctx.Done():
		return fmt.Errorf("livesql: ending the edit sessions: %w", ctx.Err())
	}
	e.ended = true
	<-e.turn
	if e.pool == nil {
		return nil
	}
	if e.writer == nil {
		return e.pool.Close()
	}
	return errors.Join(e.writer.Shutdown(ctx), e.store.Close(), e.pool.Close())
}

package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/vantage-go/live/internal/wait"
	"github.com/vantage-go/live/listen"
)

// The pauses between attempts at locks that others hold.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 2 * time.Second
)

// worker changes the schema, or prints how it would.
type worker struct {
	db       *sql.DB
	timeout  time.Duration // of each wait for a lock
	patience time.Duration
	deadline time.Time
	print    func(string)
}

func newWorker(db *sql.DB, timeout, patience time.Duration, emit func(string)) *worker {
	if timeout <= 0 {
		timeout = listen.DefaultLockTimeout
	}
	if patience <= 0 {
		patience = listen.DefaultPatience
	}
	return &worker{db: db, timeout: timeout, patience: patience, deadline: time.Now().Add(patience), print: emit}
}

// work is one transaction.
type work struct {
	q     querier
	exec1 func(ctx context.Context, statement string) error
	done  []func()
}

// exec runs statements that hold no parameters.
func (w *work) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if err := w.exec1(ctx, statement); err != nil {
			return fmt.Errorf("%.60s…: %w", statement, err)
		}
	}
	return nil
}

// after calls f once the transaction is committed, or printed.
func (w *work) after(f func()) { w.done = append(w.done, f) }

// ownPath has names mean PostgreSQL's own until the transaction ends. That the
// catalogue comes first is not enough: an operator or a function in another
// schema of the path is called instead if it fits the types better, with the
// rights of whoever asks.
const ownPath = "SET LOCAL search_path = pg_catalog, pg_temp"

// reading runs f in one snapshot.
func (w *worker) reading(ctx context.Context, f func(querier) error) (err error) {
	tx, err := w.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("postgres: reading the schema: %w", err)
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	if _, err := tx.ExecContext(ctx, ownPath); err != nil {
		return fmt.Errorf("postgres: reading the schema: %w", err)
	}
	return f(tx)
}

// load reads the schema in one snapshot.
func (w *worker) load(ctx context.Context) (s *schema, err error) {
	err = w.reading(ctx, func(q querier) (err error) {
		s, err = loadSchema(ctx, q)
		return err
	})
	return s, err
}

// transaction runs f in a transaction that has the lock of installers. It has
// READ COMMITTED isolation, to see what others did before the lock was had.
func (w *worker) transaction(ctx context.Context, f func(context.Context, *work) error) (err error) {
	prologue := []string{
		"SET TRANSACTION READ WRITE", // whatever the default is
		fmt.Sprintf("SET LOCAL lock_timeout = %d", max(1, w.timeout.Milliseconds())),
		ownPath,
		fmt.Sprintf("SELECT pg_catalog.pg_advisory_xact_lock(%d, %d)", lockClass, lockInstall),
	}
	if w.print != nil {
		return w.printed(ctx, prologue, f)
	}
	tx, err := w.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return fmt.Errorf("beginning: %w", err)
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	job := &work{q: tx, exec1: func(ctx context.Context, statement string) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	}}
	if err := job.exec(ctx, prologue...); err != nil {
		return err
	}
	if err := f(ctx, job); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	for _, done := range job.done {
		done()
	}
	return nil
}

// printed prints the transaction instead, if it would change anything.
func (w *worker) printed(ctx context.Context, prologue []string, f func(context.Context, *work) error) error {
	begun := false
	job := &work{}
	job.exec1 = func(_ context.Context, statement string) error {
		if !begun {
			begun = true
			w.print("BEGIN")
			for _, s := range prologue {
				w.print(s)
			}
		}
		w.print(statement)
		return nil
	}
	err := w.reading(ctx, func(q querier) error {
		job.q = q
		return f(ctx, job)
	})
	if err != nil {
		return err
	}
	if begun {
		w.print("COMMIT")
	}
	for _, done := range job.done {
		done()
	}
	return nil
}

// patiently calls f again as long as it fails for a lock that others hold.
func (w *worker) patiently(ctx context.Context, what string, f func() error) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := f()
		if err == nil || !isBusy(err) || ctx.Err() != nil {
			return err
		}
		if time.Now().After(w.deadline) {
			return fmt.Errorf("the lock on %s was not to be had within %v: %w", what, w.patience, err)
		}
		if err := wait.For(ctx, pause); err != nil {
			return err
		}
	}
}

// rollback ends a transaction that may have been committed.
func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("postgres: rolling back: %w", err)
	}
	return nil
}

// isBusy reports that a lock was not to be had.
func isBusy(err error) bool {
	switch sqlState(err) {
	case "55P03", "40P01": // lock_not_available, deadlock_detected
		return true
	}
	return false
}

// isGone reports that the table was dropped or renamed meanwhile.
func isGone(err error) bool {
	switch sqlState(err) {
	case "42P01", "3F000": // undefined_table, invalid_schema_name
		return true
	}
	return false
}

package torture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// writer runs random transactions and keeps a ledger of them.
type writer struct {
	engine *Engine
	shape  Shape
	db     *sql.DB
	rand   *rand.Rand
	// note writes into the ledger.
	note func(entry) error
	// byText: transactions are begun and ended by statements on a *sql.Conn,
	// and not by BeginTx.
	byText bool
	// alters: the writer changes the schema, too.
	alters bool
	// lasts: nobody kills the writer. It may let a statement commit by itself
	// while it holds the number of the lane, and the number only afterwards.
	lasts bool
	// pause is the longest time between two transactions.
	pause time.Duration

	// prepare is called, if not nil, before each transaction, with its lane.
	prepare func(ctx context.Context, lane int64) error
	lane    int64

	rolledBack, aborted int
}

// How often what happens: once in so many transactions.
const (
	oneAborts  = 5
	oneLingers = 8
	oneAlters  = 32
	oneIsNoise = 48
	oneIsAlone = 3 // of those that may
)

// run writes until ctx is done.
func (w *writer) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		// A transaction is not cut off in the middle: how it ended would not
		// be known.
		err := w.transaction(context.WithoutCancel(ctx))
		switch {
		case err != nil && w.engine.aborted(err):
			w.aborted++
		case err != nil:
			return fmt.Errorf("torture: writing: %w", err)
		}
		timer.Reset(time.Duration(w.rand.Int64N(int64(w.pause))))
	}
}

// one draws whether something happens that does once in n times.
func (w *writer) one(n int) bool { return w.rand.IntN(n) == 0 }

// session is a transaction under way.
type session interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// transaction runs one transaction, or changes the schema in a way that
// changes no answer.
func (w *writer) transaction(ctx context.Context) error {
	w.lane = w.rand.Int64N(w.shape.Lanes)
	if w.prepare != nil {
		if err := w.prepare(ctx, w.lane); err != nil {
			return err
		}
	}
	if w.alters && w.one(oneIsNoise) {
		_, err := w.db.ExecContext(ctx, w.engine.noises[w.rand.IntN(len(w.engine.noises))])
		return err
	}
	if w.byText || w.one(2) {
		return w.textTransaction(ctx)
	}
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	return w.fill(ctx, tx, tx.Commit, tx.Rollback)
}

func (w *writer) textTransaction(ctx context.Context) (err error) {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	exec := func(text string) error {
		_, err := conn.ExecContext(ctx, text)
		return err
	}
	if err := exec(w.engine.begin); err != nil {
		return err
	}
	return w.fill(ctx, conn, func() error { return exec("COMMIT") }, func() error { return exec("ROLLBACK") })
}

// fill changes rows in an open transaction and ends it.
func (w *writer) fill(ctx context.Context, tx session, commit, rollback func() error) error {
	d, f, err := w.number(ctx, tx)
	if err != nil {
		return errors.Join(err, rollback())
	}
	alone := w.lasts && w.engine.crowded && w.one(oneIsAlone)
	alters := w.alters && w.one(oneAlters)
	e := entry{Lane: d.lane, Version: d.version}
	var s state
	switch {
	case alters && w.engine.loose:
		if !w.lasts {
			return rollback() // killed in the middle, nobody would know
		}
		e.Before, s, err = w.alterAlone(ctx, tx, d, f)
	case alters:
		err = w.alter(ctx, tx, d, f)
	case alone:
		e.Before, err = w.alone(ctx, d)
	default:
		err = w.change(ctx, tx, d)
	}
	if err != nil {
		return errors.Join(err, rollback())
	}
	begun := e.Before != 0 // a part is committed already
	if !begun {
		if w.one(oneLingers) {
			w.linger() // others wait
		}
		if w.one(oneAborts) {
			w.rolledBack++
			return rollback()
		}
	}
	if s.Spots == nil {
		if s, err = w.engine.dump(ctx, tx, d.lane, d.version); err != nil {
			return stuck(begun, errors.Join(err, rollback()))
		}
	}
	if !begun {
		e.Before = now()
	}
	e.State, e.RolledBack = &s, w.rolledBack
	if err := w.note(e); err != nil {
		return errors.Join(err, rollback())
	}
	w.rolledBack = 0
	if err := commit(); err != nil {
		// The server has said that it did not happen.
		return stuck(begun, errors.Join(err, rollback(), w.note(entry{Lane: d.lane, Version: d.version, Undone: true})))
	}
	return w.note(entry{Lane: d.lane, Version: d.version, After: now()})
}

// stuckError is a failure after something was committed that belongs to the
// transaction: the history would not be right any more.
type stuckError struct{ err error }

func (e *stuckError) Error() string { return "after a part was committed: " + e.err.Error() }

// stuck makes err one that ends the run if a part of the transaction was
// committed already.
func stuck(begun bool, err error) error {
	if begun {
		return &stuckError{err}
	}
	return err
}

// linger holds the transaction open for a while.
func (w *writer) linger() {
	timer := time.NewTimer(time.Duration(w.rand.Int64N(int64(40 * time.Millisecond))))
	defer timer.Stop()
	<-timer.C
}

// number takes the next number of a lane, and with it all that is in it.
func (w *writer) number(ctx context.Context, tx session) (*draw, facts, error) {
	d := &draw{Shape: w.shape, lane: w.lane, intN: w.rand.Int64N}
	var f facts
	var err error
	if w.engine.loose {
		// Without a snapshot: the transaction is to see what is committed
		// while it is open.
		if err = tx.QueryRowContext(ctx, "SELECT n + 1 FROM seq WHERE lane = ? FOR UPDATE", d.lane).Scan(&d.version); err == nil {
			_, err = tx.ExecContext(ctx, "UPDATE seq SET n = ? WHERE lane = ?", d.version, d.lane)
		}
	} else {
		err = tx.QueryRowContext(ctx, w.engine.bind("UPDATE seq SET n = n + 1 WHERE lane = ? RETURNING n"), d.lane).Scan(&d.version)
	}
	if err == nil && w.alters {
		text := "SELECT shown, wide, detached FROM facts WHERE lane = ?"
		if w.engine.loose {
			text += " FOR UPDATE"
		}
		err = tx.QueryRowContext(ctx, w.engine.bind(text), d.lane).Scan(&f.Shown, &f.Wide, &f.Detached)
	}
	return d, f, err
}

// change makes a few random changes, some of them below a savepoint that is
// rolled back.
func (w *writer) change(ctx context.Context, tx session, d *draw) error {
	for range 1 + w.rand.IntN(3) {
		if !w.one(6) {
			if err := w.statement(ctx, tx, d); err != nil {
				return err
			}
			continue
		}
		if _, err := tx.ExecContext(ctx, "SAVEPOINT aside"); err != nil {
			return err
		}
		if err := w.statement(ctx, tx, d); err != nil {
			return err
		}
		for _, end := range []string{"ROLLBACK TO SAVEPOINT aside", "RELEASE SAVEPOINT aside"} {
			if _, err := tx.ExecContext(ctx, end); err != nil {
				return err
			}
		}
	}
	return nil
}

// alone makes one change that commits by itself, while the transaction holds
// the number. It returns an instant before it.
func (w *writer) alone(ctx context.Context, d *draw) (before int64, err error) {
	before = now()
	return before, w.statement(ctx, w.db, d)
}

// statement makes one random change.
func (w *writer) statement(ctx context.Context, tx session, d *draw) (err error) {
	all := w.engine.changes(d)
	s := all[w.rand.IntN(len(all))]
	s.text = w.engine.bind(s.text)
	if s.returns {
		err = each(ctx, tx, s.text, s.args, func(rows *sql.Rows) error {
			var n int64
			return rows.Scan(&n)
		})
	} else {
		_, err = tx.ExecContext(ctx, s.text, s.args...)
	}
	if err != nil {
		return fmt.Errorf("%s %v: %w", s.text, s.args, err)
	}
	return nil
}

// alteration draws one.
func (w *writer) alteration(d *draw, f facts) alteration {
	all := w.engine.alterations(d, f)
	return all[w.rand.IntN(len(all))]
}

// alter changes the schema within the transaction.
func (w *writer) alter(ctx context.Context, tx session, d *draw, f facts) error {
	a := w.alteration(d, f)
	for _, text := range a.ddl {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return w.set(ctx, tx, d, a)
}

// set writes down in the database what an alteration did.
func (w *writer) set(ctx context.Context, tx session, d *draw, a alteration) error {
	if a.set == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE facts SET %s WHERE lane = %d", a.set, d.lane))
	return err
}

// alterAlone changes the schema by a statement that commits by itself, while
// the transaction holds the number and nothing else: the statement waits for
// all transactions that have seen its table. It returns an instant before it.
func (w *writer) alterAlone(ctx context.Context, tx session, d *draw, f facts) (before int64, s state, err error) {
	a := w.alteration(d, f)
	if s, err = w.engine.dump(uncached(ctx), w.db, d.lane, d.version); err != nil {
		return 0, s, err
	}
	if a.effect != nil {
		a.effect(&s)
	}
	// What the triggers of the transaction have written, nobody else sees yet.
	s.Facts.Late = d.version
	if err := w.set(ctx, tx, d, a); err != nil {
		return 0, s, err
	}
	before = now()
	for _, text := range a.ddl {
		if _, err := w.db.ExecContext(ctx, text); err != nil {
			return 0, s, fmt.Errorf("%s: %w", text, err)
		}
	}
	return before, s, nil
}

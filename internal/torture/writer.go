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
	db   *sql.DB
	rand *rand.Rand
	// note writes into the ledger.
	note func(entry) error
	// byText: transactions are begun and ended by statements on a *sql.Conn,
	// and not by BeginTx.
	byText bool
	// pause is the longest time between two transactions.
	pause time.Duration

	rolledBack int
}

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
		if err := w.transaction(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("torture: writing: %w", err)
		}
		timer.Reset(time.Duration(w.rand.Int64N(int64(w.pause))))
	}
}

// session is a transaction under way.
type session interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// transaction runs one transaction.
func (w *writer) transaction(ctx context.Context) error {
	if w.byText || w.rand.IntN(2) == 0 {
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
	if err := exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	return w.fill(ctx, conn, func() error { return exec("COMMIT") }, func() error { return exec("ROLLBACK") })
}

// fill changes rows in an open transaction and ends it.
func (w *writer) fill(ctx context.Context, tx session, commit, rollback func() error) error {
	version, err := w.change(ctx, tx)
	if err != nil {
		return errors.Join(err, rollback())
	}
	if w.rand.IntN(8) == 0 {
		w.linger() // others wait
	}
	if w.rand.IntN(5) == 0 {
		w.rolledBack++
		return rollback()
	}
	s, err := dump(ctx, tx)
	if err != nil {
		return errors.Join(err, rollback())
	}
	if err := w.note(entry{Version: version, Before: now(), State: &s, RolledBack: w.rolledBack}); err != nil {
		return errors.Join(err, rollback())
	}
	w.rolledBack = 0
	if err := commit(); err != nil {
		return errors.Join(err, rollback())
	}
	return w.note(entry{Version: version, After: now()})
}

// linger holds the transaction open for a while.
func (w *writer) linger() {
	timer := time.NewTimer(time.Duration(w.rand.Int64N(int64(40 * time.Millisecond))))
	defer timer.Stop()
	<-timer.C
}

// change takes a number and makes a few random changes under it, some of them
// below a savepoint that is rolled back.
func (w *writer) change(ctx context.Context, tx session) (version int64, err error) {
	if err := tx.QueryRowContext(ctx, "UPDATE seq SET n = n + 1 RETURNING n").Scan(&version); err != nil {
		return 0, err
	}
	for range 1 + w.rand.IntN(3) {
		if w.rand.IntN(6) > 0 {
			if err := w.statement(ctx, tx, version); err != nil {
				return 0, err
			}
			continue
		}
		if _, err := tx.ExecContext(ctx, "SAVEPOINT aside"); err != nil {
			return 0, err
		}
		if err := w.statement(ctx, tx, version); err != nil {
			return 0, err
		}
		for _, end := range []string{"ROLLBACK TO aside", "RELEASE aside"} {
			if _, err := tx.ExecContext(ctx, end); err != nil {
				return 0, err
			}
		}
	}
	return version, nil
}

// statement makes one random change.
func (w *writer) statement(ctx context.Context, tx session, version int64) error {
	id, grp, other := w.rand.Int64N(items), w.rand.Int64N(groups), w.rand.Int64N(items)
	all := []struct {
		text string
		args []any
	}{
		{"INSERT INTO item(id, grp, code, ver) VALUES (?, ?, NULL, ?) ON CONFLICT(id) DO UPDATE SET ver = excluded.ver", []any{id, grp, version}},
		{"INSERT OR IGNORE INTO item(id, grp, code, ver) VALUES (?, ?, ?, ?)", []any{id, grp, code(other), version}},
		// The unique index throws another item out, with its parts.
		{"REPLACE INTO item(id, grp, code, ver) VALUES (?, ?, ?, ?)", []any{id, grp, code(other), version}},
		{"UPDATE OR REPLACE item SET code = ?, ver = ? WHERE id = ?", []any{code(other), version, id}},
		{"UPDATE item SET ver = ? WHERE id = ?", []any{version, id}},
		{"UPDATE item SET ver = ? WHERE grp = ?", []any{version, grp}},
		{"UPDATE item SET grp = ?, ver = ? WHERE id = ?", []any{grp, version, id}},
		{"UPDATE OR IGNORE item SET id = ?, ver = ? WHERE id = ?", []any{other, version, id}},
		{"DELETE FROM item WHERE id = ?", []any{id}},
		{"INSERT INTO item(id, grp, ver) SELECT ? + i, ?, ? FROM (SELECT 0 AS i UNION ALL SELECT 1 UNION ALL SELECT 2) WHERE true ON CONFLICT(id) DO NOTHING", []any{id % (items - 2), grp, version}},
		{"REPLACE INTO part(item, n, ver) SELECT id, ?, ? FROM item WHERE id = ?", []any{w.rand.Int64N(parts), version, id}},
		{"INSERT OR REPLACE INTO part(item, n, ver) SELECT id, 0, ? FROM item WHERE grp = ?", []any{version, grp}},
		{"UPDATE part SET ver = ? WHERE item = ?", []any{version, id}},
		{"UPDATE part SET ver = ? WHERE item IN (SELECT id FROM item WHERE grp = ?)", []any{version, grp}},
		{"DELETE FROM part WHERE item = ? AND n > 0", []any{id}},
	}
	s := all[w.rand.IntN(len(all))]
	if _, err := tx.ExecContext(ctx, s.text, s.args...); err != nil {
		return fmt.Errorf("%s %v: %w", s.text, s.args, err)
	}
	return nil
}

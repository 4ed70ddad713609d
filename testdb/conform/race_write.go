package conform

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"
)

// writer runs random transactions on rows of its own, so that it knows which
// rows each of them changes.
type writer struct {
	race    *race
	rand    *rand.Rand
	items   stock[int64]
	words   stock[int64]
	pairs   stock[int64]
	parents stock[family]
}

// family is a parent and its children.
type family struct {
	parent   int64
	children []int64
}

func (r *race) newWriter(number uint64) *writer {
	return &writer{race: r, rand: rand.New(rand.NewPCG(r.options.Seed, number))}
}

// stock holds the rows of one table that a writer has committed. A transaction
// uses each at most once.
type stock[T any] struct {
	live []T
	// keep are there if the transaction commits, back if it does not.
	keep, back []T
}

// take takes a row for the transaction.
func (s *stock[T]) take(random *rand.Rand) (row T, ok bool) {
	if len(s.live) == 0 {
		return row, false
	}
	i := random.IntN(len(s.live))
	row = s.live[i]
	s.live[i] = s.live[len(s.live)-1]
	s.live = s.live[:len(s.live)-1]
	s.back = append(s.back, row)
	return row, true
}

func (s *stock[T]) end(committed bool) {
	if committed {
		s.live = append(s.live, s.keep...)
	} else {
		s.live = append(s.live, s.back...)
	}
	s.keep, s.back = nil, nil
}

// end ends a transaction. What it has used is forgotten if its outcome is not
// known.
func (w *writer) end(committed, known bool) {
	if !known {
		w.items.keep, w.words.keep, w.pairs.keep, w.parents.keep = nil, nil, nil, nil
		committed = true
	}
	w.items.end(committed)
	w.words.end(committed)
	w.pairs.end(committed)
	w.parents.end(committed)
}

// run writes until ctx has ended. A transaction is not cut off in the middle:
// how it ended would not be known.
func (w *writer) run(ctx context.Context) {
	whole := context.WithoutCancel(ctx)
	for ctx.Err() == nil {
		extras := w.race.engine.Extras
		switch kind := w.rand.IntN(20); {
		case kind == 0 && len(extras) > 0:
			w.extra(whole, extras[w.rand.IntN(len(extras))])
		case kind == 1 && w.race.engine.Prepared != nil:
			w.prepared(whole)
		case kind == 2:
			w.empty(whole)
		case kind < 7:
			w.single(whole)
		default:
			w.transaction(whole)
		}
		sleep(ctx, time.Duration(w.rand.Int64N(int64(w.race.options.Pause))))
	}
}

// draft is a transaction under way.
type draft struct {
	ctx context.Context //nolint:containedctx // of one transaction, which the draft is
	on  execer
	written
	// created by statements that a savepoint has undone are forbidden whatever
	// the transaction does.
	undone map[rowID]bool
	trace  []int64
}

func newDraft(ctx context.Context, on execer) *draft {
	return &draft{ctx: ctx, on: on, written: written{created: make(map[rowID]bool), counted: make(map[string]int)}, undone: make(map[rowID]bool)}
}

func (d *draft) exec(statement string) error {
	if _, err := d.on.ExecContext(d.ctx, statement); err != nil {
		return fmt.Errorf("%.60s: %w", statement, err)
	}
	return nil
}

// changed notes rows that were there.
func (d *draft) changed(rows ...Row) {
	for _, r := range rows {
		d.rows = append(d.rows, r.id())
	}
}

// add notes rows that are new.
func (d *draft) add(rows ...Row) {
	for _, r := range rows {
		d.rows = append(d.rows, r.id())
		d.created[r.id()] = true
	}
}

// settle writes a draft into the ledger. Outcome is the error of COMMIT.
func (w *writer) settle(d *draft, outcome error) {
	l := &w.race.ledger
	w.end(outcome == nil, outcome == nil)
	l.undone(d.undone)
	if outcome != nil {
		l.lost(outcome)
		return
	}
	d.acked = time.Now()
	l.committed(d.written, d.trace)
}

// abandon writes a draft that was rolled back into the ledger.
func (w *writer) abandon(d *draft, why error) {
	w.end(false, true)
	maps.Copy(d.created, d.undone)
	w.race.ledger.discarded(d.created, why)
}

// transaction runs a few statements.
func (w *writer) transaction(ctx context.Context) {
	tx, err := w.race.db.DB.BeginTx(ctx, nil)
	if err != nil {
		w.race.ledger.discarded(nil, err)
		return
	}
	d := newDraft(ctx, tx)
	for range 1 + w.rand.IntN(4) {
		if err := w.statement(d); err != nil {
			_ = tx.Rollback() // the connection is gone if it fails
			w.abandon(d, err)
			return
		}
	}
	if w.rand.IntN(4) == 0 {
		// Writers wait for each other here, shortly.
		hot := 1 + w.rand.Int64N(hotItems)
		if err := d.exec(fmt.Sprintf("UPDATE item SET ver = ver + 1 WHERE id = %d", hot)); err != nil {
			_ = tx.Rollback()
			w.abandon(d, err)
			return
		}
		d.changed(items(hot)...)
	}
	w.finish(tx, d)
}

// finish commits a transaction, or rolls it back.
func (w *writer) finish(tx *sql.Tx, d *draft) {
	if err := w.track(d); err != nil {
		_ = tx.Rollback()
		w.abandon(d, err)
		return
	}
	if w.rand.IntN(5) == 0 {
		_ = tx.Rollback()
		w.abandon(d, nil)
		return
	}
	d.sent = time.Now()
	w.settle(d, tx.Commit())
}

// track leaves a row for the naive cursor.
func (w *writer) track(d *draft) error {
	if !w.race.traced {
		return nil
	}
	k := w.race.fresh.Add(1)
	d.trace = append(d.trace, k)
	return d.exec(fmt.Sprintf("INSERT INTO trace(k) VALUES (%d)", k))
}

// single runs one statement without a transaction.
func (w *writer) single(ctx context.Context) {
	d := newDraft(ctx, w.race.db.DB)
	d.sent = time.Now()
	if err := w.one(d); err != nil {
		w.abandon(d, err)
		return
	}
	w.settle(d, nil)
}

// empty empties the table scratch in one of the ways that the engine has, or
// puts rows into it.
func (w *writer) empty(ctx context.Context) {
	d := newDraft(ctx, w.race.db.DB)
	d.sent = time.Now()
	var err error
	switch kind := w.rand.IntN(4); {
	case kind == 0 && w.race.engine.Truncate != "":
		d.voids = w.race.engine.TruncateUnseen
		if err = d.exec(w.race.engine.Truncate); err == nil {
			d.rows = append(d.rows, rowID{table: "scratch"})
		}
	case kind == 1:
		var result sql.Result
		var n int64
		if result, err = d.on.ExecContext(ctx, "DELETE FROM scratch"); err == nil {
			n, err = result.RowsAffected()
			d.counted["scratch"] = int(n)
		}
	default:
		id := w.race.fresh.Add(1)
		if err = d.exec(insertRows("scratch", id)); err == nil {
			d.add(rowsOf("scratch", id)...)
		}
	}
	if err != nil {
		w.abandon(d, err)
		return
	}
	w.settle(d, nil)
}

// prepared commits in two steps.
func (w *writer) prepared(ctx context.Context) {
	conn, err := w.race.db.DB.Conn(ctx)
	if err != nil {
		w.race.ledger.discarded(nil, err)
		return
	}
	defer func() { _ = conn.Close() }() // the pool closes it
	p, name := w.race.engine.Prepared, fmt.Sprintf("conform_%d", w.race.fresh.Add(1))
	d := newDraft(ctx, conn)
	run := func(statements []string) error {
		for _, s := range named(statements, name) {
			if err := d.exec(s); err != nil {
				return err
			}
		}
		return nil
	}
	if err = run(p.Begin); err == nil {
		if err = w.one(d); err == nil {
			err = w.track(d)
		}
		if err == nil {
			err = run(p.Prepare)
		}
	}
	if err != nil {
		w.settle(d, err) // whether it is prepared is not known, but it is not committed
		_ = run(p.Rollback)
		return
	}
	sleep(ctx, time.Duration(w.rand.Int64N(int64(20*time.Millisecond))))
	if w.rand.IntN(4) == 0 {
		if err := run(p.Rollback); err != nil {
			w.settle(d, err)
			return
		}
		w.abandon(d, nil)
		return
	}
	d.sent = time.Now()
	w.settle(d, run(p.Commit))
}

// extra lets the engine write.
func (w *writer) extra(ctx context.Context, x Extra) {
	conn, err := w.race.db.DB.Conn(ctx)
	if err != nil {
		w.race.ledger.discarded(nil, err)
		return
	}
	defer func() { _ = conn.Close() }() // the pool closes it
	var old, fresh []int64
	for range 1 + w.rand.IntN(3) {
		if id, ok := w.items.take(w.rand); ok {
			old = append(old, id)
		}
		fresh = append(fresh, w.race.fresh.Add(1))
	}
	d := newDraft(ctx, conn)
	d.sent, d.voids = time.Now(), x.Voids
	if x.Voids {
		w.race.ledger.void()
	}
	rows, err := x.Write(ctx, conn, old, fresh)
	if err != nil {
		w.settle(d, fmt.Errorf("%s: %w", x.Name, err)) // its rows are not used again
		return
	}
	d.changed(rows...)
	w.settle(d, nil)
}

// runSlow keeps a transaction open, one after the other, that has written at
// its start.
func (w *writer) runSlow(ctx context.Context) {
	whole := context.WithoutCancel(ctx)
	for n := 1; ctx.Err() == nil; n++ {
		tx, err := w.race.db.DB.BeginTx(whole, nil)
		if err != nil {
			w.race.ledger.discarded(nil, err)
			sleep(ctx, w.race.options.Slow)
			continue
		}
		d := newDraft(whole, tx)
		if err = w.insert(d, 2); err == nil {
			err = w.track(d)
		}
		if err == nil {
			sleep(whole, w.race.options.Slow)
			err = w.insert(d, 1)
		}
		switch {
		case err != nil:
			_ = tx.Rollback()
			w.abandon(d, err)
		case n%4 == 0: // not by chance: a short race must have one that commits
			_ = tx.Rollback()
			w.abandon(d, nil)
		default:
			d.sent = time.Now()
			w.settle(d, tx.Commit())
		}
		if w.race.engine.lacks(ConcurrentWriters) {
			sleep(ctx, w.race.options.Slow) // the others want to write, too
		}
	}
}

// runBulk updates all rows of the table pile once, in the middle of the race.
func (w *writer) runBulk(ctx context.Context) {
	sleep(ctx, w.race.options.Duration/3)
	d := newDraft(context.WithoutCancel(ctx), w.race.db.DB)
	d.sent = time.Now()
	if err := d.exec("UPDATE pile SET ver = ver + 1"); err != nil {
		w.abandon(d, err)
		return
	}
	if w.race.options.Bulk > w.race.engine.Cap && !w.race.engine.lacks(Capped) {
		d.rows = append(d.rows, rowID{table: "pile"})
	} else {
		d.counted["pile"] = w.race.options.Bulk
	}
	w.settle(d, nil)
}

// number spells n.
func number(n int) string { return fmt.Sprint(n) }

// quoted is a list of text literals in parentheses.
func quoted(names ...string) string { return "('" + strings.Join(names, "', '") + "')" }

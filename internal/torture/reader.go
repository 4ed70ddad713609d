package torture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/vantage-go/live/livesql"
)

// reader asks random questions and writes down the answers.
type reader struct {
	engine *Engine
	// db is what it asks, through handle number handle. A roamer asks on a
	// connection of its own whose settings it changes.
	db        *sql.DB
	handle    int
	lease     time.Duration
	roams     bool
	questions []question
	rand      *rand.Rand
	reads     []read
	// stranded counts the reads that failed because the schema was changed
	// under them.
	stranded int
}

// burst is the number of questions between two pauses, strict that of those in
// some bursts that ask for more than the lease.
const (
	burst  = 20
	strict = 3
)

// bound is how far answers to strict readers may lag behind: not at all, or by
// that much.
const bound = 100 * time.Millisecond

// run asks until ctx is done.
func (r *reader) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := r.burst(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		timer.Reset(readPause)
	}
}

func (r *reader) burst(ctx context.Context) (err error) {
	within, n := r.lease, burst
	switch r.rand.IntN(12) {
	case 0:
		ctx, within, n = livesql.WithConsistency(ctx, livesql.Strong()), 0, strict
	case 1:
		ctx, within, n = livesql.WithConsistency(ctx, livesql.Bounded(bound)), bound, strict
	case 2, 3:
		ctx = r.patient(ctx)
	}
	if !r.roams || len(r.engine.sessions) == 0 {
		return r.askSome(ctx, r.db, 0, n, within)
	}
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("torture: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	session := r.rand.IntN(len(r.engine.sessions))
	settings := r.engine.sessions[session]
	for _, text := range settings.set {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("torture: %s: %w", text, err)
		}
	}
	err = r.askSome(ctx, conn, session, n, within)
	for _, text := range settings.reset {
		if _, rerr := conn.ExecContext(ctx, text); rerr != nil {
			err = errors.Join(err, fmt.Errorf("torture: %s: %w", text, rerr))
		}
	}
	return err
}

// patient accepts answers that others have made out of date. They are judged as
// all are: not older than the lease, and missing nothing of the handle's own.
func (r *reader) patient(ctx context.Context) context.Context {
	return livesql.WithConsistency(ctx, livesql.StaleWhileRevalidate(r.lease))
}

// few is how many questions a burst is about: who asks, asks again.
const few = 8

// askSome asks n times some random questions that can be asked under the
// settings of a session. Under those that not all connections have, every
// second one is about what depends on them.
func (r *reader) askSome(ctx context.Context, on querier, session, n int, within time.Duration) error {
	var some [few]int
	for k := range some {
		about := session > 0 && r.rand.IntN(2) == 0
		some[k] = r.rand.IntN(len(r.questions))
		for q := r.questions[some[k]].session; q != session && (q != anySession || about); q = r.questions[some[k]].session {
			some[k] = r.rand.IntN(len(r.questions))
		}
	}
	for range n {
		if err := r.ask(ctx, on, some[r.rand.IntN(few)], within); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) ask(ctx context.Context, on querier, i int, within time.Duration) error {
	seen := read{Question: int32(i), Start: now(), Within: int64(within)}
	var err error
	seen.Answer, err = r.questions[i].ask(ctx, on)
	seen.End = now()
	switch {
	case err != nil && r.engine.transient(err):
		r.stranded++
		return nil
	case err != nil:
		return fmt.Errorf("torture: reading: %w", err)
	}
	r.reads = append(r.reads, seen)
	return nil
}

// ownWriter writes through a live handle and asks at once what became of it.
type ownWriter struct {
	writer
	reader
	// tells: the reads go into the ledger.
	tells bool
	// about are the questions that are asked before the next transaction, so
	// that the answers are in memory, and after it.
	about []int
}

// asked is how many questions about its lane are asked around a transaction.
const asked = 16

func (w *ownWriter) run(ctx context.Context) error {
	note := w.note
	w.note = func(e entry) error {
		if err := note(e); err != nil || e.After == 0 {
			return err
		}
		ctx := context.WithoutCancel(ctx)
		_, last := w.of(e.Lane)
		if err := errors.Join(w.askAbout(ctx), w.ask(ctx, w.reader.db, last-2, w.lease), w.ask(ctx, w.reader.db, last-1, w.lease)); err != nil {
			return err
		}
		if !w.tells {
			return nil
		}
		for _, r := range w.reads {
			if err := note(entry{Lane: e.Lane, Read: &r}); err != nil {
				return err
			}
		}
		w.reads = w.reads[:0]
		return nil
	}
	w.prepare = func(ctx context.Context, lane int64) error {
		first, last := w.of(lane)
		w.about = w.about[:0]
		for range asked {
			if i := first + w.reader.rand.IntN(last-first); w.questions[i].session <= 0 {
				w.about = append(w.about, i)
			}
		}
		return w.askAbout(ctx)
	}
	return w.writer.run(ctx)
}

// of returns where the questions about a lane begin and end. The last two are
// those whose answer every transaction changes.
func (w *ownWriter) of(lane int64) (first, last int) {
	first = slices.IndexFunc(w.questions, func(q question) bool { return q.lane == lane })
	for last = first; last < len(w.questions) && w.questions[last].lane == lane; last++ {
	}
	return first, last
}

// askAbout asks the questions that were drawn for the transaction.
func (w *ownWriter) askAbout(ctx context.Context) error {
	if w.reader.rand.IntN(2) == 0 {
		ctx = w.patient(ctx)
	}
	for _, i := range w.about {
		if err := w.ask(ctx, w.reader.db, i, w.lease); err != nil {
			return err
		}
	}
	return nil
}

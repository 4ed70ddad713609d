package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// reader asks random questions and writes down the answers.
type reader struct {
	db querier
	// written: the process also writes through db.
	written   bool
	questions []question
	rand      *rand.Rand
	reads     []read
}

// burst is the number of questions between two pauses.
const burst = 20

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
		for range burst {
			if err := r.ask(context.WithoutCancel(ctx), r.rand.IntN(len(r.questions))); err != nil {
				return err
			}
		}
		timer.Reset(readPause)
	}
}

func (r *reader) ask(ctx context.Context, i int) error {
	seen := read{question: int32(i), start: now()}
	var err error
	seen.answer, err = r.questions[i].ask(ctx, r.db)
	seen.end = now()
	if err != nil {
		return fmt.Errorf("torture: reading: %w", err)
	}
	r.reads = append(r.reads, seen)
	return nil
}

// ownWriter writes through the judged handle and asks at once what became of
// it.
type ownWriter struct {
	writer
	reader
}

func (w *ownWriter) run(ctx context.Context) error {
	note := w.note
	w.note = func(e entry) error {
		if err := note(e); err != nil || e.After == 0 {
			return err
		}
		for range 5 {
			if err := w.ask(context.WithoutCancel(ctx), w.reader.rand.IntN(len(w.questions))); err != nil {
				return err
			}
		}
		// The row that every transaction changes.
		return w.ask(context.WithoutCancel(ctx), len(w.questions)-1)
	}
	return errors.Join(w.writer.run(ctx))
}

package demo

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// intruders is how many goroutines read what is being written all the time, to
// put an old answer back into the cache.
const intruders = 2

// ownWrites writes through the handle in several ways and reads right after
// the write was acknowledged.
func (s *show) ownWrites(ctx context.Context) error {
	s.scene("2  Reading what this program has just written")
	s.text(
		"Write through the handle, then read. The old answer is in memory when the write",
		fmt.Sprintf("comes, and %d goroutines read the same row all the time, to put it back.", intruders),
	)
	var rows [][]string
	var rounds, right, primed int
	for _, way := range sampleWrites {
		f, err := s.readYourWrites(ctx, way)
		if err != nil {
			return fmt.Errorf("%s: %w", way.title, err)
		}
		rounds, right, primed = rounds+f.rounds, right+f.right, primed+f.primed
		rows = append(rows, []string{way.title, of(f.right, f.rounds), span(f.write.median), span(f.read.median)})
	}
	s.table([]string{"way of writing", " new at once", " write", " read after it"}, rows)
	s.claim(right == rounds, "a read after a write through the handle sees it", of(right, rounds))
	s.claim(2*primed >= rounds, "in most rounds the write threw an old answer out of memory", of(primed, rounds))
	return nil
}

// writeFigures is what one way of writing has shown.
type writeFigures struct {
	rounds int
	// right counts the reads that saw the write before them, primed the writes
	// that found something to throw out of memory.
	right, primed int
	write, read   figures
}

func (s *show) readYourWrites(ctx context.Context, way sampleWrite) (f writeFigures, err error) {
	stop := s.intrude(ctx, way)
	defer func() {
		if serr := stop(); err == nil {
			err = serr
		}
	}()
	var writes, reads figureSamples
	for round := range s.effort.writes {
		// In memory, unless the feed just then tells of the last write.
		old, err := answer(ctx, s.live, way.read)
		if err != nil {
			return f, err
		}
		before := s.live.CacheStats().InvalidatedByWrites
		if err := writes.time(func() error { return way.write(ctx, s.live, round) }); err != nil {
			return f, err
		}
		if s.live.CacheStats().InvalidatedByWrites > before {
			f.primed++
		}
		var got string
		err = reads.time(func() (err error) { got, err = answer(ctx, s.live, way.read); return err })
		if err != nil {
			return f, err
		}
		want, err := answer(ctx, s.database, way.read)
		if err != nil {
			return f, err
		}
		f.rounds++
		f.right += one(got == want && got != old)
	}
	f.write, f.read = writes.figures(), reads.figures()
	return f, nil
}

// intrude starts goroutines that read, and returns the function that stops
// them and tells how they fared.
func (s *show) intrude(ctx context.Context, way sampleWrite) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	var failure atomic.Pointer[error]
	for range intruders {
		done.Go(func() {
			for ctx.Err() == nil {
				if _, err := answer(ctx, s.live, way.read); err != nil && ctx.Err() == nil {
					failure.Store(&err)
					return
				}
			}
		})
	}
	return func() error {
		cancel()
		done.Wait()
		if err := failure.Load(); err != nil {
			return fmt.Errorf("reading beside the writer: %w", *err)
		}
		return nil
	}
}

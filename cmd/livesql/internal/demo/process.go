package demo

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Write is the other process: it opens the file with the plain driver and,
// for each line of in, stores the line with [sampleUpdate]. It answers
// each with the time of the acknowledgement in nanoseconds since 1970. Its
// first line is its process id.
func Write(ctx context.Context, path string, in io.Reader, out io.Writer) (err error) {
	db, err := sql.Open("sqlite", plainDSN(path))
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	fmt.Fprintln(out, os.Getpid())
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if _, err := db.ExecContext(ctx, sampleUpdate, lines.Text()); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		fmt.Fprintln(out, time.Now().UnixNano())
	}
	return lines.Err()
}

// otherProcess lets another process write, and reads through the handle
// until the write shows.
func (s *show) otherProcess(ctx context.Context) error {
	s.scene("4  Another process writes")
	w, err := s.startWriter(ctx)
	if err != nil {
		return err
	}
	f, err := s.watchWriter(ctx, w)
	if err := errors.Join(err, w.stop()); err != nil {
		return fmt.Errorf("the other process: %w", err)
	}
	s.text(
		fmt.Sprintf("Process %d opens the file with the plain driver and commits %d updates, at", w.pid, f.writes),
		fmt.Sprintf("moments of its own. This process, %d, reads the row through livesql all the", os.Getpid()),
		"time. It is never told. Counted from the moment the writer knows of its commit:",
	)
	slices.Sort(f.lags)
	s.claim(w.pid != os.Getpid(), "the writer is another process", fmt.Sprintf("%d is not %d", w.pid, os.Getpid()))
	noticed := of(f.seen, f.writes)
	if len(f.lags) > 0 {
		noticed += fmt.Sprintf("; reads were new after %s in the median, %s at most", span(median(f.lags)), span(f.lags[len(f.lags)-1]))
	}
	s.claim(f.seen == f.writes, "every write was noticed", noticed)
	s.claim(f.stale < s.Lease, fmt.Sprintf("no read was ever behind by the lease of %s", s.Lease), "the oldest answer was "+span(f.stale)+" behind")
	s.claim(2*f.hits > f.reads, "meanwhile most reads came from memory", of(f.hits, f.reads))
	return nil
}

// processFigures is what reading beside another process has shown.
type processFigures struct {
	writes, seen int
	// lags holds, for each write, how long after its acknowledgement reads
	// were new.
	lags []time.Duration
	// stale is how far the oldest answer was behind: the longest time between
	// an acknowledgement and the start of a read that did not see it.
	stale       time.Duration
	reads, hits uint64
}

func (s *show) watchWriter(ctx context.Context, w *writer) (f processFigures, err error) {
	for round := range s.effort.foreignWrites {
		value := "process " + strconv.Itoa(w.pid) + " " + strconv.Itoa(round)
		// The feed polls less often while nothing happens: write at any point
		// of its rhythm.
		pause := time.Duration(rand.IntN(150)) * time.Millisecond
		acked := w.send(value, pause)
		before := s.live.CacheStats()
		r, err := s.readUntil(ctx, value, pause+2*s.Lease)
		if err != nil {
			return f, err
		}
		f.reads += r.n
		f.hits += s.live.CacheStats().Hits - before.Hits
		select {
		case ack := <-acked:
			if ack.err != nil {
				return f, ack.err
			}
			f.judge(r, ack.at)
		case <-ctx.Done():
			return f, ctx.Err()
		}
		if r.firstNew.IsZero() {
			break // it would be the same again
		}
	}
	return f, nil
}

// judge compares when reads began with when the write was acknowledged.
func (f *processFigures) judge(r readSeries, ack time.Time) {
	f.writes++
	f.stale = max(f.stale, r.lastOld.Sub(ack))
	if !r.firstNew.IsZero() {
		f.seen++
		f.lags = append(f.lags, max(r.firstNew.Sub(ack), 0))
	}
}

// readSeries is what reading again and again has shown: when the last read
// began that gave an old answer, and the first that gave the new one.
type readSeries struct {
	n                 uint64
	lastOld, firstNew time.Time
}

// readUntil reads until the value shows, or patience is over.
func (s *show) readUntil(ctx context.Context, value string, patience time.Duration) (r readSeries, err error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); r.n++ {
		// The wall clock alone: it is what two processes share.
		start := time.Now().Round(0)
		got, err := answer(ctx, s.live, sampleRead)
		if err != nil {
			return r, err
		}
		if got == value {
			r.firstNew = start
			r.n++
			return r, nil
		}
		r.lastOld = start
	}
	return r, nil
}

// writer is the other process.
type writer struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
	pid   int
	trace strings.Builder // its standard error
}

func (s *show) startWriter(ctx context.Context) (*writer, error) {
	cmd, err := s.Writer(ctx, s.path)
	if err != nil {
		return nil, err
	}
	w := &writer{cmd: cmd}
	cmd.Stderr = &w.trace
	if w.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.lines = bufio.NewScanner(out)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting another process: %w", err)
	}
	pid, err := w.line()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting another process: %w", err), w.stop())
	}
	w.pid = int(pid)
	return w, nil
}

type writeAck struct {
	at  time.Time
	err error
}

// send makes the other process store value after a pause.
func (w *writer) send(value string, pause time.Duration) <-chan writeAck {
	acked := make(chan writeAck, 1)
	time.AfterFunc(pause, func() {
		if _, err := fmt.Fprintln(w.in, value); err != nil {
			acked <- writeAck{err: err}
			return
		}
		n, err := w.line()
		acked <- writeAck{time.Unix(0, n), err}
	})
	return acked
}

// line reads one number.
func (w *writer) line() (int64, error) {
	if !w.lines.Scan() {
		return 0, errors.Join(errors.New("it ended early"), w.lines.Err())
	}
	return strconv.ParseInt(w.lines.Text(), 10, 64)
}

// stop ends the other process, which ends by itself when its input does.
func (w *writer) stop() error {
	err := errors.Join(w.in.Close(), w.cmd.Wait())
	if err != nil {
		return fmt.Errorf("%w\n%s", err, w.trace.String())
	}
	return nil
}

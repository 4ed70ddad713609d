package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/vantage-go/live/livesql"
)

// Config says how to run the demo.
type Config struct {
	// Once ends the demo after the show.
	Once bool
	// DSN names a SQLite file to use and to keep. Empty: a temporary one.
	DSN string
	// Out is where the show is printed, Color whether in colours.
	Out   io.Writer
	Color bool
	// Writer returns the command of another process that runs [Write] on the
	// database file at path.
	Writer func(ctx context.Context, path string) (*exec.Cmd, error)
	// Lease is the lease of the handle; 2 s without it.
	Lease time.Duration
	// Options are further options of the handle. Tests break it with them.
	Options []livesql.Option

	// Quick tries everything fewer times.
	Quick bool
	// Setup bounds the time until the tables are covered; 30 s without it.
	Setup time.Duration
}

// effort is how often things are tried.
type effort struct {
	budget        time.Duration // for one measurement, unless it has too few samples
	samples       int           // at least, of one measurement
	coldReads     int           // of each query, with nothing in memory
	writes        int           // by this program, of each way of writing
	transactions  int
	foreignWrites int // by the other process
}

var (
	fullEffort  = effort{budget: 200 * time.Millisecond, samples: 15, coldReads: 25, writes: 100, transactions: 50, foreignWrites: 12}
	quickEffort = effort{budget: 5 * time.Millisecond, samples: 7, coldReads: 3, writes: 10, transactions: 3, foreignWrites: 2}
)

// show is one run of the demo.
type show struct {
	Config
	*report
	effort effort
	// live is the handle on show, database the same file through the plain
	// driver: what livesql says is checked against it.
	live     *livesql.DB
	database *sql.DB
	path     string
	original string // the answer of sampleRead at the start
	dir      string // to be removed at the end, or empty
}

// Run runs the demo until it is over or ctx ends. It returns a [*FailedError]
// when claims did not hold.
func Run(ctx context.Context, config Config) (err error) {
	if config.Lease == 0 {
		config.Lease = 2 * time.Second
	}
	if config.Setup == 0 {
		config.Setup = 30 * time.Second
	}
	s := &show{Config: config, effort: fullEffort, report: &report{out: config.Out, color: config.Color}}
	if config.Quick {
		s.effort = quickEffort
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.verdict(); err != nil {
		return err // not live: there is nothing else to show
	}
	for _, scene := range []func(context.Context) error{
		s.reads, s.ownWrites, s.transactions, s.otherProcess, s.uncached, s.counters,
	} {
		if err := scene(ctx); err != nil {
			return errors.Join(err, s.verdict())
		}
	}
	if err := errors.Join(s.undo(ctx), s.verdict()); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\n%s\n", s.style(bold, fmt.Sprintf("All %d claims held.", s.claims)))
	if s.Once {
		return nil
	}
	return s.watch(ctx)
}

// open prepares a file, opens it and waits until its tables are covered.
func (s *show) open(ctx context.Context) error {
	dsn := s.DSN
	if dsn == "" {
		var err error
		if s.dir, err = os.MkdirTemp("", "livesql-demo-"); err != nil {
			return fmt.Errorf("making a directory for the demo: %w", err)
		}
		dsn = filepath.Join(s.dir, "demo.db")
	}
	dsn = withPragmas(dsn)
	loaded, err := s.load(ctx, dsn)
	if err != nil {
		return err
	}
	// Nothing above knows of livesql: the database exists, with its data, and
	// any program may have written it. From here on it is live.
	start := time.Now()
	options := append([]livesql.Option{livesql.AutoInstall(), livesql.Lease(s.Lease)}, s.Options...)
	if s.live, err = livesql.Open(ctx, "sqlite", dsn, options...); err != nil {
		return err
	}
	covered, why, err := s.waitCovered(ctx, loaded)
	if err != nil {
		return err
	}
	took := time.Since(start)
	if s.original, err = answer(ctx, s.database, sampleRead); err != nil {
		return err
	}

	s.scene("livesql demo")
	s.text(
		fmt.Sprintf("A SQLite database with %s rows of sample data in %d tables,", count(loaded.rows), len(loaded.tables)),
		"written with the plain driver, at "+s.path+".",
		"It is opened a second time with",
		"",
		`    db, err := livesql.Open(ctx, "sqlite", dsn, livesql.AutoInstall())`,
		"",
		"and everything below is done with that *sql.DB, unless it says otherwise.",
	)
	measured := fmt.Sprintf("%s, %s after Open", of(covered, len(loaded.tables)), span(took))
	if why != "" {
		measured += " (" + why + ")"
	}
	s.claim(covered == len(loaded.tables), "the change feed is live and covers the tables", measured)
	return nil
}

// waitCovered waits until reads of every table are cached. When that does not
// happen it says why; its error is ctx's.
func (s *show) waitCovered(outer context.Context, data sample) (covered int, why string, err error) {
	ctx, cancel := context.WithTimeout(outer, s.Setup)
	defer cancel()
	if err := s.live.Feed().WaitLive(ctx); err != nil {
		return 0, err.Error(), outer.Err()
	}
	for _, table := range data.tables {
		if err := s.waitCached(ctx, "SELECT count(*) FROM "+quote(table)); err != nil {
			return covered, err.Error(), outer.Err()
		}
		covered++
	}
	return covered, "", nil
}

// waitCached waits until query is answered from memory when its result is
// there. Triggers are installed by a poll, so each further poll may bring it.
func (s *show) waitCached(ctx context.Context, query string) error {
	for {
		e, err := s.live.Explain(ctx, query)
		if err == nil && e.Cached {
			return nil
		}
		if serr := s.live.Feed().Sync(ctx); serr != nil {
			return fmt.Errorf("%s: %v: %w", query, e, errors.Join(serr, err))
		}
	}
}

// undo takes back what the scenes have written.
func (s *show) undo(ctx context.Context) error {
	if _, err := s.live.ExecContext(ctx, sampleUpdate, s.original); err != nil {
		return fmt.Errorf("%s: %w", sampleUpdate, err)
	}
	for _, statement := range sampleUndo {
		if _, err := s.live.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// close closes everything and removes the temporary files.
func (s *show) close() error {
	var errs []error
	if s.live != nil {
		errs = append(errs, s.live.Close())
	}
	if s.database != nil {
		errs = append(errs, s.database.Close())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// errUnsteady is returned when the handle lost its lease in every attempt to
// measure it.
var errUnsteady = errors.New("the machine is too busy to measure: the change feed lost its lease in every attempt")

// steady runs a measurement on a settled handle: what was committed before is
// known to the cache. When the lease was lost meanwhile, as on a machine that
// stands still for seconds, the reads went to the database; that is what they
// should do, and no measurement, so it is run again.
func (s *show) steady(ctx context.Context, measurement func() error) error {
	for range 5 {
		if err := s.live.Feed().WaitLive(ctx); err != nil {
			return err
		}
		if err := s.live.Feed().Sync(ctx); err != nil {
			return err
		}
		before := s.live.CacheStats()
		if err := measurement(); err != nil {
			return err
		}
		after := s.live.CacheStats()
		if noLease(after) == noLease(before) && after.Resets == before.Resets {
			return nil
		}
	}
	return errUnsteady
}

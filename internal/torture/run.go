package torture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
)

// How fast writers and readers are, chosen so that entries live long enough to
// be hit and short enough to be caught out of date.
const (
	foreignPause = 150 * time.Millisecond
	ownPause     = 200 * time.Millisecond
	readPause    = 2 * time.Millisecond
)

// patience is how long a feed may take to become live, or to answer.
const patience = 30 * time.Second

// Config tells what a run is made of.
type Config struct {
	// Dir is where the database and the ledgers are put.
	Dir string
	// Duration is how long the run lasts.
	Duration time.Duration
	// Writers is the number of writer processes, Readers that of goroutines
	// that read through the judged handles, OwnWriters that of those that write
	// through one of them.
	Writers, Readers, OwnWriters int
	// Lease is that of the handles.
	Lease time.Duration
	Seed  uint64
}

// Report is the outcome of a run.
type Report struct {
	// Commits and RolledBack count transactions, OwnCommits those through a
	// judged handle.
	Commits, OwnCommits, RolledBack int
	// Reads counts the judged answers, Hits those of them that came from
	// memory.
	Reads, Hits uint64
	Verdict     Verdict
	// AgeP50, AgeP99 and AgeMax tell for how long the database had certainly
	// held another answer when a read began.
	AgeP50, AgeP99, AgeMax time.Duration
	// Lost counts the rows whose changes the feed did not deliver, Different
	// the questions whose last answer from the handle is not the database's.
	Lost, Different int
	// Violations tells of the first of all these.
	Violations []string
	// Stats are those of the two handles.
	Stats []cache.Stats
}

// Share returns the share of answers that came from memory.
func (r *Report) Share() float64 {
	if r.Reads == 0 {
		return 0
	}
	return float64(r.Hits) / float64(r.Reads)
}

// String returns the report as one line.
func (r *Report) String() string {
	return fmt.Sprintf("%d commits (%d own), %d rolled back; %d reads judged, %.1f%% hits; staleness p50 %v, p99 %v, max %v; older than the lease %d, own writes missed %d, never right %d, rows lost by the feed %d, different at the end %d",
		r.Commits, r.OwnCommits, r.RolledBack, r.Reads, 100*r.Share(), r.AgeP50.Round(time.Microsecond), r.AgeP99.Round(time.Microsecond), r.AgeMax.Round(time.Microsecond),
		r.Verdict.Old, r.Verdict.Unwritten, r.Verdict.Wrong, r.Lost, r.Different)
}

// OK reports whether nothing was wrong.
func (r *Report) OK() bool {
	return r.Verdict == Verdict{} && r.Lost == 0 && r.Different == 0 && len(r.Violations) == 0
}

// Run runs writers and readers on a new SQLite database and judges what the
// readers saw, half of them on a handle that is written through, too, and half
// on one whose entries die of the feed alone. One of the writer processes is
// killed on the way and replaced. The error says that the run itself failed;
// what it found is in the report.
func Run(ctx context.Context, config Config) (_ *Report, err error) {
	r := &run{config: config, file: filepath.Join(config.Dir, "torture.db"), questions: questions()}
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.work(ctx); err != nil {
		return nil, err
	}
	return r.judge(ctx)
}

// run is one run.
type run struct {
	config    Config
	file      string
	questions []question
	plain     *sql.DB
	handles   []*handle
	readers   []*reader

	// ledgersMu guards ledgers.
	ledgersMu sync.Mutex
	ledgers   [][]entry // of own writers
	files     []string  // of writer processes
}

// handle is a live handle that is judged, and what its feed delivered.
type handle struct {
	*livesql.DB
	tally tally
}

func openHandle(ctx context.Context, file string, lease time.Duration) (*handle, error) {
	db, err := livesql.Open(ctx, "sqlite", dsn(file), livesql.Lease(lease))
	if err != nil {
		return nil, err
	}
	h := &handle{DB: db, tally: tally{counts: make(map[rowKey]int)}}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := db.Feed().WaitLive(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	db.Feed().Subscribe(&h.tally)
	if err := db.Feed().Sync(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return h, nil
}

// open creates the database and the judged handles.
func (r *run) open(ctx context.Context) error {
	var err error
	if err = create(ctx, r.file); err != nil {
		return err
	}
	if r.plain, err = sql.Open("sqlite", dsn(r.file)); err != nil {
		return fmt.Errorf("torture: %w", err)
	}
	for range 2 {
		h, err := openHandle(ctx, r.file, r.config.Lease)
		if err != nil {
			return errors.Join(err, r.close())
		}
		r.handles = append(r.handles, h)
	}
	return nil
}

// written is the handle that is written through.
func (r *run) written() *handle { return r.handles[0] }

func (r *run) close() error {
	err := r.plain.Close()
	for _, h := range r.handles {
		err = errors.Join(err, h.Close())
	}
	return err
}

// create creates a database with capture.
func create(ctx context.Context, file string) (err error) {
	db, err := sql.Open("sqlite", dsn(file))
	if err != nil {
		return fmt.Errorf("torture: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, s := range schema {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("torture: %w", err)
		}
	}
	_, err = sqlite.Dialect{}.Install(ctx, db, listen.InstallOptions{})
	return err
}

// work runs everything until the time is over.
func (r *run) work(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.Duration)
	defer cancel()
	failed := make(chan error, r.config.Readers+r.config.OwnWriters)
	var wg sync.WaitGroup
	goRun := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				failed <- err
				cancel() // the others need not go on
			}
		})
	}
	for i := range r.config.Readers {
		reader := r.newReader(r.handles[i%len(r.handles)], uint64(i))
		goRun(reader.run)
	}
	for i := range r.config.OwnWriters {
		w := &ownWriter{reader: *r.newReader(r.written(), uint64(100+i))}
		r.readers[len(r.readers)-1] = &w.reader
		w.writer = writer{db: r.written().DB.DB, rand: rand.New(rand.NewPCG(r.config.Seed, uint64(200+i))), note: r.ownLedger(), pause: ownPause, byText: i%2 == 1}
		goRun(w.run)
	}
	err = r.others(ctx)
	cancel()
	wg.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

func (r *run) newReader(h *handle, n uint64) *reader {
	reader := &reader{db: h, written: h == r.written(), questions: r.questions, rand: rand.New(rand.NewPCG(r.config.Seed, n))}
	r.readers = append(r.readers, reader)
	return reader
}

// ownLedger returns the ledger of an own writer.
func (r *run) ownLedger() func(entry) error {
	i := len(r.ledgers)
	r.ledgers = append(r.ledgers, nil)
	return func(e entry) error {
		r.ledgersMu.Lock()
		defer r.ledgersMu.Unlock()
		r.ledgers[i] = append(r.ledgers[i], e)
		return nil
	}
}

// others runs the writer processes until ctx is done.
func (r *run) others(ctx context.Context) (err error) {
	var helpers []*helper
	defer func() {
		for _, h := range helpers {
			err = errors.Join(err, h.finish())
		}
	}()
	add := func() error {
		r.files = append(r.files, filepath.Join(r.config.Dir, fmt.Sprintf("ledger-%d", len(r.files))))
		h, err := start(order{Role: "write", File: r.file, Ledger: r.files[len(r.files)-1], Seed: r.config.Seed + uint64(len(r.files))})
		if err == nil {
			helpers = append(helpers, h)
		}
		return err
	}
	for range r.config.Writers {
		if err := add(); err != nil {
			return err
		}
	}
	half := time.NewTimer(r.config.Duration / 2)
	defer half.Stop()
	select {
	case <-half.C:
	case <-ctx.Done():
		return nil
	}
	if len(helpers) > 0 {
		// As from an out-of-memory killer, in the middle of anything.
		victim := helpers[0]
		helpers = helpers[1:]
		if err := victim.kill(); err != nil {
			return err
		}
		if err := add(); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// judge holds everything that was seen against everything that was done.
func (r *run) judge(ctx context.Context) (*Report, error) {
	report := &Report{}
	for _, reader := range r.readers {
		report.Reads += uint64(len(reader.reads))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, h := range r.handles {
		stats := h.CacheStats()
		report.Hits += stats.Hits
		report.Stats = append(report.Stats, stats)
		if err := h.Feed().Sync(ctx); err != nil {
			return nil, err
		}
	}
	h, err := r.history()
	if err != nil {
		return nil, err
	}
	report.Commits, report.RolledBack = h.last(), h.rolledBack
	j := newJudge(h, r.questions, r.config.Lease)
	report.OwnCommits = len(j.own[len(r.questions)-1]) // all change the last question's answer
	for _, reader := range r.readers {
		for _, seen := range reader.reads {
			j.see(seen, reader.written)
		}
	}
	report.Verdict, report.Violations = j.counts, j.violations
	report.AgeP50, report.AgeP99, report.AgeMax = j.age(0.5), j.age(0.99), j.age(1)
	for _, handle := range r.handles {
		lost := handle.tally.lost(h)
		report.Lost += len(lost)
		report.Violations = append(report.Violations, lost[:min(len(lost), 10)]...)
	}
	return report, r.compare(ctx, h, report)
}

func (r *run) history() (*History, error) {
	ledgers := r.ledgers
	own := make([]bool, len(ledgers), len(ledgers)+len(r.files))
	for i := range own {
		own[i] = true
	}
	for _, file := range r.files {
		entries, err := readLedger(file)
		if err != nil {
			return nil, err
		}
		ledgers, own = append(ledgers, entries), append(own, false)
	}
	return newHistory(ledgers, own)
}

// compare asks every question once more, of the handles, of their memories and
// of the database.
func (r *run) compare(ctx context.Context, h *History, report *Report) error {
	last, err := dump(ctx, r.plain)
	if err != nil {
		return err
	}
	if d := diff(h.commits[h.last()].state, last); len(d) > 0 {
		report.Different++
		report.Violations = append(report.Violations, fmt.Sprintf("the database holds other rows than its history: %v", d))
	}
	for i := range r.questions {
		q := &r.questions[i]
		want, err := q.ask(ctx, r.plain)
		if err != nil {
			return err
		}
		for n := range 2 * len(r.handles) {
			got, err := q.ask(ctx, r.handles[n/2])
			if err != nil {
				return err
			}
			if got != want {
				report.Different++
				report.Violations = append(report.Violations, fmt.Sprintf("%v: at the end, a handle answers otherwise than the database", q))
			}
		}
	}
	return nil
}

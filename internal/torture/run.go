package torture

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
)

// How fast writers and readers are, chosen so that entries live long enough to
// be hit and short enough to be caught out of date.
const (
	foreignPause = 200 * time.Millisecond
	ownPause     = 250 * time.Millisecond
	readPause    = 2 * time.Millisecond
)

// patience is how long a feed may take to become live, or to answer.
const patience = 30 * time.Second

// Config tells what a run is made of.
type Config struct {
	// Engine is the kind of database, DSN an empty one. Without a DSN, SQLite
	// gets a file in Dir.
	Engine *Engine
	DSN    string
	// Dir is where the ledgers are put.
	Dir string
	// Duration is how long the run lasts.
	Duration time.Duration
	// Lanes is the number of histories that are written at the same time; 1
	// if it is 0.
	Lanes int
	// Writers is the number of writer processes with the plain driver, Live
	// that of those with a live handle. Readers is the number of goroutines
	// that read through the judged handles, every fourth under changing
	// settings, OwnWriters that of those that write through one of the handles.
	Writers, Live, Readers, OwnWriters int
	// OwnPause is the longest time between two transactions of an own writer.
	OwnPause time.Duration
	// Alter: some writers change the schema, too.
	Alter bool
	// Lease is that of the handles.
	Lease time.Duration
	Seed  uint64
}

// Run runs writers and readers on a new database and judges what the readers
// saw, half of them on a handle that is written through, too, and half on one
// whose entries die of the feed alone. One of the plain writer processes is
// killed on the way and replaced. The error says that the run itself failed;
// what it found is in the report.
func Run(ctx context.Context, config Config) (_ *Report, err error) {
	r := &run{config: config, engine: config.Engine, shape: shapeOf(config.Lanes)}
	if r.config.DSN == "" {
		r.config.DSN = filepath.Join(config.Dir, "torture.db")
	}
	r.questions = r.engine.questions(r.shape)
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
	engine    *Engine
	shape     Shape
	questions []question
	plain     *sql.DB
	first     []state // of each lane
	handles   []*handle
	readers   []*reader
	own       []*ownWriter

	// ledgersMu guards what is in ledgers.
	ledgersMu sync.Mutex
	ledgers   [][]entry // of own writers
	// files are the ledgers of writer processes, through the handle of that
	// number.
	files   []string
	through []int
}

// handle is a live handle that is judged, and what its feed delivered.
type handle struct {
	*livesql.DB
	tally *tally
}

// The handles of this process have the numbers 1 and 2, those of other
// processes the following.
const written = 1

func openHandle(ctx context.Context, dialect, dsn string, lease time.Duration) (*handle, error) {
	db, err := livesql.Open(ctx, dialect, dsn, livesql.Lease(lease))
	if err != nil {
		return nil, err
	}
	h := &handle{DB: db, tally: newTally()}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := db.Feed().WaitLive(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	db.Feed().Subscribe(h.tally)
	if err := db.Feed().Sync(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return h, nil
}

// open creates the tables and opens the judged handles.
func (r *run) open(ctx context.Context) error {
	var err error
	if err = r.engine.create(ctx, r.config.DSN, r.shape); err != nil {
		return err
	}
	if r.plain, err = sql.Open(r.engine.driver, r.engine.dsn(r.config.DSN)); err != nil {
		return fmt.Errorf("torture: %w", err)
	}
	for lane := range r.shape.Lanes {
		s, err := r.engine.dump(ctx, r.plain, lane, 0)
		if err != nil {
			return errors.Join(err, r.close())
		}
		r.first = append(r.first, s)
	}
	for _, dialect := range r.engine.dialects {
		h, err := openHandle(ctx, dialect, r.engine.dsn(r.config.DSN), r.config.Lease)
		if err != nil {
			return errors.Join(err, r.close())
		}
		r.handles = append(r.handles, h)
	}
	return nil
}

func (r *run) close() error {
	err := r.plain.Close()
	for _, h := range r.handles {
		err = errors.Join(err, h.Close())
	}
	return err
}

// create creates the tables of a run, with capture.
func (e *Engine) create(ctx context.Context, dsn string, shape Shape) (err error) {
	db, err := sql.Open(e.driver, e.dsn(dsn))
	if err != nil {
		return fmt.Errorf("torture: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, s := range e.schema(shape) {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("torture: %s: %w", s, err)
		}
	}
	_, err = e.capture.Install(ctx, db, listen.InstallOptions{})
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
		reader := r.newReader(i%len(r.handles), uint64(i))
		reader.roams = i%4 >= 2 // one on each handle
		goRun(reader.run)
	}
	for i := range r.config.OwnWriters {
		w := &ownWriter{reader: *r.newReader(written-1, uint64(100+i))}
		r.readers[len(r.readers)-1] = &w.reader
		w.writer = writer{
			engine: r.engine, shape: r.shape, db: r.handles[written-1].DB.DB, rand: rand.New(rand.NewPCG(r.config.Seed, uint64(200+i))),
			note: r.ownLedger(), pause: cmp.Or(r.config.OwnPause, ownPause), byText: i%2 == 1, alters: r.config.Alter, lasts: true,
		}
		r.own = append(r.own, w)
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

func (r *run) newReader(handle int, n uint64) *reader {
	reader := &reader{
		engine: r.engine, db: r.handles[handle].DB.DB, handle: handle + 1, lease: r.config.Lease,
		questions: r.questions, rand: rand.New(rand.NewPCG(r.config.Seed, n)),
	}
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
	add := func(live, lasts bool) error {
		n := len(r.files)
		o := order{
			Role: "write", Engine: r.engine.name, DSN: r.config.DSN, Shape: r.shape, Seed: r.config.Seed + uint64(n) + 1,
			Ledger: filepath.Join(r.config.Dir, fmt.Sprintf("ledger-%d", n)),
			Live:   live, Lasts: lasts, Alters: r.config.Alter && lasts, Lease: r.config.Lease,
		}
		handle := nobody
		if live {
			handle = len(r.handles) + 1 + n
		}
		r.files, r.through = append(r.files, o.Ledger), append(r.through, handle)
		h, err := start(o)
		if err == nil {
			helpers = append(helpers, h)
		}
		return err
	}
	for i := range r.config.Writers + r.config.Live {
		// The first one is killed.
		if err := add(i >= r.config.Writers, i > 0); err != nil {
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
	if r.config.Writers > 0 {
		// As from an out-of-memory killer, in the middle of anything.
		victim := helpers[0]
		helpers = helpers[1:]
		if err := victim.kill(); err != nil {
			return err
		}
		if err := add(false, true); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

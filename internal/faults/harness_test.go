package faults

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// lease is that of the handles. It is short, so that a fault outlasts it.
	lease = 600 * time.Millisecond
	// outage is how long a fault lasts at least.
	outage = 2 * lease
	// healed is how soon after a fault the feed must be live again.
	healed = 2 * time.Second
	// patience bounds everything else.
	patience = 30 * time.Second
	rows     = 4
)

// engine is one kind of server.
type engine struct {
	name    string
	dialect interface {
		listen.Backer
		listen.Capturer
	}
	own func(tb testing.TB) *server.Server
	// read is the cached question: the version of one row.
	read string
	// uncover takes the capture from the table, as a careless program does.
	uncover []string
	// swap puts another table in the place of counter, with the same rows.
	swap []string
	// prune removes the log up to now.
	prune func(ctx context.Context, db *sql.DB) error
	// crash makes one process of the server crash, where it has several.
	crash func(ctx context.Context, db *sql.DB) error
	// endures: the feed goes on after a restart in good order.
	endures bool
	// uptime tells for how long the server runs, in seconds, where two starts
	// within two seconds cannot be told apart: that is an exception of the feed's.
	uptime string
}

// rig is a handle whose reads are judged.
type rig struct {
	t      *testing.T
	engine engine
	server *server.Server
	proxy  *server.Proxy
	plain  *sql.DB
	live   *livesql.DB
	config listen.BackendConfig
	states *states

	// writeMu is held for reading while a statement writes: what must not
	// happen beside one, holds it.
	writeMu sync.RWMutex
	// version is the last acknowledged one of each row, which a single writer
	// raises by one each time.
	version [rows]atomic.Int64
	// ackMu guards acks: when each version was acknowledged.
	ackMu sync.Mutex
	acks  [rows]map[int64]time.Time

	judged, hits, stale atomic.Int64
	worst               atomic.Int64 // age of the oldest answer, in ns
	broken              atomic.Pointer[error]
}

// eachEngine runs a test on a rig of every engine, all at the same time.
func eachEngine(t *testing.T, test func(r *rig)) {
	t.Helper()
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			test(newRig(t, e))
		})
	}
}

// newRig starts a server with everything on it.
func newRig(t *testing.T, e engine) *rig {
	t.Helper()
	r := &rig{t: t, engine: e, server: e.own(t)}
	for i := range r.acks {
		r.acks[i] = map[int64]time.Time{}
	}
	database := r.server.Database(t)
	r.proxy = server.NewProxy(t, r.server.Addr())
	r.plain = database.DB()
	r.must("CREATE TABLE counter (id INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
	for i := range rows {
		r.must(fmt.Sprintf("INSERT INTO counter VALUES (%d, 0)", i))
	}
	r.install()
	connector, err := e.dialect.Connector(database.DSN())
	if err != nil {
		t.Fatal(err)
	}
	r.config = listen.BackendConfig{
		Connector: connector, DSN: database.DSN(), FeedDSN: database.DSNVia(r.proxy.Addr()),
		Install: listen.InstallNever, Log: slog.New(slog.DiscardHandler),
	}
	return r
}

// open opens the handle, for as long as the rig's test runs.
func (r *rig) open() {
	r.t.Helper()
	r.states = newStates()
	r.live = r.another()
	r.live.Feed().Subscribe(r.states)
}

// another opens a further handle, as another process would.
func (r *rig) another(opts ...livesql.Option) *livesql.DB {
	r.t.Helper()
	backend, err := r.engine.dialect.Backend(r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	db, err := livesql.OpenDB(r.t.Context(), r.engine.dialect.Name(), r.config.Connector,
		append([]livesql.Option{livesql.WithBackend(backend), livesql.Lease(lease)}, opts...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			r.t.Errorf("closing the handle: %v", err)
		}
	})
	return db
}

func (r *rig) soon() context.Context {
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	r.t.Cleanup(cancel)
	return ctx
}

func (r *rig) must(statements ...string) {
	r.t.Helper()
	for _, s := range statements {
		if _, err := r.plain.ExecContext(r.soon(), s); err != nil {
			r.t.Fatalf("%s: %v", s, err)
		}
	}
}

func (r *rig) install() {
	r.t.Helper()
	if _, err := r.engine.dialect.Install(r.soon(), r.plain, listen.InstallOptions{}); err != nil {
		r.t.Fatalf("installing: %v", err)
	}
}

// cached returns when the question is answered from memory.
func (r *rig) cached() {
	r.t.Helper()
	if err := r.live.WaitCached(r.soon(), r.engine.read, 0); err != nil {
		r.t.Fatal(err)
	}
}

// during runs writers and readers while f does, and judges what was read.
func (r *rig) during(f func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { r.write(ctx) })
	for range 2 {
		wg.Go(func() { r.readAll(ctx) })
	}
	f()
	cancel()
	wg.Wait()
	r.t.Logf("%d reads judged, %d hits, the oldest %v", r.judged.Load(), r.hits.Load(), time.Duration(r.worst.Load()))
	if err := r.broken.Load(); err != nil {
		r.t.Error(*err)
	}
	if n := r.stale.Load(); n > 0 {
		r.t.Errorf("%d reads were older than the lease, the oldest by %v", n, time.Duration(r.worst.Load())-lease)
	}
}

// alone calls f while nobody writes.
func (r *rig) alone(f func()) {
	r.writeMu.Lock()
	defer r.writeMu.Unlock()
	f()
}

// write raises versions. A write whose outcome is unknown is looked up.
func (r *rig) write(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i = (i + 1) % rows {
		next := r.version[i].Load() + 1
		bounded, cancel := context.WithTimeout(ctx, time.Second)
		r.writeMu.RLock()
		_, err := r.plain.ExecContext(bounded, fmt.Sprintf("UPDATE counter SET n = %d WHERE id = %d AND n < %[1]d", next, i))
		r.writeMu.RUnlock()
		cancel()
		if err != nil {
			// It may have been committed all the same. The next attempt is the
			// same statement, which is acknowledged whoever did it.
			sleep(ctx, 20*time.Millisecond)
			continue
		}
		r.ackMu.Lock()
		r.acks[i][next] = time.Now()
		r.ackMu.Unlock()
		r.version[i].Store(next)
		sleep(ctx, 3*time.Millisecond)
	}
}

// readAll reads versions through the handle, and judges them. It does so hundreds
// of times within a lease; without a rest it would take a processor from the feed
// that it judges.
func (r *rig) readAll(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i = (i + 1) % rows {
		before := r.live.CacheStats().Hits
		begun := time.Now()
		bounded, cancel := context.WithTimeout(ctx, time.Second)
		var n int64
		err := r.live.QueryRowContext(bounded, r.engine.read, i).Scan(&n)
		cancel()
		if err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				err = fmt.Errorf("row %d is gone", i)
				r.broken.Store(&err)
			}
			sleep(ctx, 5*time.Millisecond)
			continue
		}
		r.judge(i, n, begun)
		if r.live.CacheStats().Hits > before {
			r.hits.Add(1)
		}
		sleep(ctx, 2*time.Millisecond)
	}
}

// judge notes how long before the read began its answer was no longer true.
func (r *rig) judge(i int, n int64, begun time.Time) {
	r.judged.Add(1)
	r.ackMu.Lock()
	next, written := r.acks[i][n+1]
	r.ackMu.Unlock()
	if !written {
		return
	}
	age := begun.Sub(next)
	for worst := r.worst.Load(); int64(age) > worst && !r.worst.CompareAndSwap(worst, int64(age)); {
		worst = r.worst.Load()
	}
	if age > lease {
		r.stale.Add(1)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// states waits for states of a feed.
type states struct {
	stateMu sync.Mutex
	state   listen.State
	seen    map[listen.State]int
	changed chan struct{}
}

func newStates() *states {
	return &states{seen: map[listen.State]int{}, changed: make(chan struct{})}
}

func (s *states) Apply(listen.Batch) {}

func (s *states) Changed(state listen.State) {
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	s.state = state
	s.seen[state]++
	close(s.changed)
	s.changed = make(chan struct{})
}

// count tells how often a state was entered.
func (s *states) count(state listen.State) int {
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	return s.seen[state]
}

// wait returns when a state has been entered more than n times.
func (s *states) wait(t *testing.T, state listen.State, n int) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		s.stateMu.Lock()
		now, changed := s.seen[state], s.changed
		s.stateMu.Unlock()
		if now > n {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			t.Fatalf("the feed was %v %d times, it is %v", state, now, s.state)
		}
	}
}

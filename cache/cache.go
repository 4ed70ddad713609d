package cache

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// Backend is what the cache needs to know of the database.
type Backend interface {
	dialects.Analyzer
	// Identity numbers the databases seen behind the handle's connector.
	Identity() uint64
}

// Prober is a backend that can tell which database a connection is to, and how
// its session differs from others. Of other backends, connections are to the
// database that was there when they were dialled, and whatever changes a
// session in a way that results may depend on keeps it from the cache for good.
type Prober interface {
	// Probe asks the connection, which was dialled for a statement of the
	// program with that ctx, or is about to read for it outside of any
	// transaction.
	Probe(ctx context.Context, inner sqldriver.Conn) (dialects.Place, error)
}

// Cache is the cache of one handle. It implements [driver.Hooks] for the
// handle's connections and [listen.Consumer] for its feed.
type Cache struct {
	config  Config
	backend Backend
	prober  Prober // nil if the backend is none
	core    *core.Core
	clock   *core.Clock
	hasher  hasher
	// committed is called after a statement of this process has changed
	// something: the feed should look at once.
	committed func()

	entries    *entries
	statements *otter.Cache[string, *statement]
	flights    flights
	fresh      freshSettings
	suspects   suspects
	// births are the moments at which reads began whose results are kept.
	births       moments
	revalidation revalidation
	stats        counters
	feed         atomic.Uint32 // listen.State
	opened       atomic.Uint32 // sessions so far
	scans        atomic.Bool   // rows of the inner driver scan their columns themselves
	heard        atomic.Uint64
}

var (
	_ driver.Hooks    = (*Cache)(nil)
	_ listen.Consumer = (*Cache)(nil)
)

// New returns a cache over backend. It stores and serves nothing until a feed
// has applied a batch. Committed is called, if not nil, after statements of this
// process have changed something, or may have; it must not block.
func New(backend Backend, committed func(), config Config) (*Cache, error) {
	config = config.withDefaults()
	if committed == nil {
		committed = func() {}
	}
	c := &Cache{
		config:    config,
		backend:   backend,
		core:      core.New(config.Lease),
		clock:     core.NewClock(config.Now),
		hasher:    newHasher(),
		committed: committed,
	}
	c.prober, _ = backend.(Prober)
	c.flights.byKey = make(map[uint64]*flight)
	c.births.step = config.TTL / birthSteps
	c.revalidation.outdated.step = outdatedStep
	c.revalidation.used.Store(config.Consistency.kind == revalidated)
	// Maintenance runs where it is due: the cache owns no goroutine.
	inline := func(f func()) { f() }
	var err error
	c.entries = newStore(config, c.evicted)
	c.statements, err = otter.New(&otter.Options[string, *statement]{
		MaximumWeight: maxStatements,
		Weigher:       func(_ string, st *statement) uint32 { return uint32(min(st.size(), math.MaxUint32)) },
		Executor:      inline,
	})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return c, nil
}

// Open returns the session of a new connection.
func (c *Cache) Open() driver.Session {
	return &session{cache: c, number: c.opened.Add(1), place: dialects.Place{Database: c.backend.Identity()}}
}

func (c *Cache) now() core.Instant { return c.clock.Now() }

// Apply takes in what a poll found. The lease moves last: until then, changes
// may be missing.
func (c *Cache) Apply(b listen.Batch) {
	if b.Reset != "" {
		c.reset()
	}
	if len(b.Changes) > 0 {
		rows := changed(b.Changes)
		good, known := c.core.LastLease()
		if writes := c.revalidation.own.count.Load(); known && c.revalidation.used.Load() {
			c.outdate(c.core.Invalidate(rows), good, writes)
		} else {
			c.drop(c.core.Invalidate(rows), &c.stats.evictedByFeed)
		}
	}
	sent := c.clock.At(b.Sent)
	c.core.Renew(sent)
	c.judge(sent)
	c.heard.Add(1)
}

// Heard counts the times that the feed told something, if only that there is nothing
// new or that it has lost the database. While it stays the same, nobody knows that
// the server is still there.
func (c *Cache) Heard() uint64 { return c.heard.Load() }

// Changed follows the feed's state. Entries are kept while the feed is away,
// and served again when it has caught up.
func (c *Cache) Changed(s listen.State) {
	c.feed.Store(uint32(s))
	c.heard.Add(1)
	if s != listen.Live {
		c.core.Suspend()
	}
}

// effects are what executed statements may have changed.
type effects struct {
	touched touched
	// all: any table.
	all bool
	// schema: what statements mean.
	schema bool
	// unproven: more, which only the change feed tells.
	unproven bool
}

func (e *effects) empty() bool {
	return !e.all && !e.schema && !e.unproven && len(e.touched.rows) == 0
}

// add collects what executing st with args may change. That what was known of
// st before it ran does not hold any more makes it unknown.
func (e *effects) add(st *statement, args []sqldriver.NamedValue, version uint64, cautious bool) {
	a := st.analysis
	if !a.Changes() {
		return
	}
	e.schema = e.schema || a.Scan.Kind == dialects.Schema || a.Scan.Kind == dialects.Unclear
	e.all = e.all || a.WritesAll || cautious || a.Version != version
	e.unproven = e.unproven || a.Unproven != ""
	if e.all {
		e.touched = touched{}
		return
	}
	for _, r := range st.writes(args) {
		e.touched.add(r.Table, r.Keys...)
	}
}

// invalidate makes the effects of acknowledged statements known. When it
// returns, no entry that misses them can be served.
func (c *Cache) invalidate(e effects) {
	if e.empty() {
		return
	}
	switch {
	case e.schema:
		c.core.Revoke(c.now())
		c.cleared()
	case e.all:
		c.reset()
	default:
		c.drop(c.core.Invalidate(e.touched.rows), &c.stats.evictedByWrites)
	}
	c.committed()
	if e.unproven && !e.all && !e.schema {
		c.awaitFeed()
	}
	// After everything that the write has made wrong is dead: what the feed leaves
	// outdated from here on was not made so by it.
	c.revalidation.own.note(e.touched.rows, e.all || e.schema || e.unproven)
}

// awaitFeed returns when the feed has told of everything that was committed
// before the call, or everything is forgotten: a write whose effects the
// catalogue does not tell must be seen by whoever reads after it. While the feed is
// away nobody waits for it: hardly anything is answered from memory then.
func (c *Cache) awaitFeed() {
	if c.core.Valid(c.now()) && c.catchUp(context.Background(), c.now()) {
		c.stats.awaited.Add(1)
		return
	}
	c.reset()
}

// Flush forgets every entry.
func (c *Cache) Flush() {
	c.reset()
}

// flights holds the reads that are under way, by the hash of their keys.
type flights struct {
	// flightsMu guards everything below. It is held for map operations only.
	flightsMu sync.Mutex
	// One of them stands apart, which mostly is the only one: who misses now and then
	// need not fetch what a map is made of.
	one     *flight
	oneHash uint64
	byKey   map[uint64]*flight // the others
}

package cache

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"slices"
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

// Prober is a backend that can tell which database a connection is to. Of
// others, it is the one that was there when the connection was dialled.
type Prober interface {
	// Probe asks the connection, which was just dialled for a statement of the
	// program with that ctx. It returns what Identity returns when the feed is
	// connected to the same database.
	Probe(ctx context.Context, inner sqldriver.Conn) (identity uint64, err error)
}

// Cache is the cache of one handle. It implements [driver.Hooks] for the
// handle's connections and [listen.Consumer] for its feed.
type Cache struct {
	config  Config
	backend Backend
	prober  Prober // nil if the backend is none
	core    *core.Core
	clock   core.Clock
	hasher  hasher
	// committed is called after a statement of this process has changed
	// something: the feed should look at once.
	committed func()

	entries    *otter.Cache[uint64, *entry]
	statements *otter.Cache[string, *statement]
	flights    flights
	stats      counters
	feed       atomic.Uint32 // listen.State
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
		clock:     core.NewClock(config.Now()),
		hasher:    newHasher(),
		committed: committed,
	}
	c.prober, _ = backend.(Prober)
	c.flights.byKey = make(map[uint64]*flight)
	// Maintenance runs where it is due: the cache owns no goroutine.
	inline := func(f func()) { f() }
	var err error
	c.entries, err = otter.New(&otter.Options[uint64, *entry]{
		MaximumWeight:    uint64(config.Bytes),
		Weigher:          func(_ uint64, e *entry) uint32 { return e.weight },
		OnAtomicDeletion: func(e otter.DeletionEvent[uint64, *entry]) { c.dropped(e) },
		Executor:         inline,
	})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	c.statements, err = otter.New(&otter.Options[string, *statement]{
		MaximumWeight: maxStatements,
		Weigher:       func(text string, _ *statement) uint32 { return uint32(len(text)) + 512 },
		Executor:      inline,
	})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return c, nil
}

// Open returns the session of a new connection.
func (c *Cache) Open() driver.Session {
	return &session{cache: c, identity: c.backend.Identity()}
}

// Now reads the clock.
func (c *Cache) now() core.Instant { return c.clock.At(c.config.Now()) }

// Apply takes in what a poll found. The lease moves last: until then, changes
// may be missing.
func (c *Cache) Apply(b listen.Batch) {
	if b.Reset != "" {
		c.core.Reset()
		c.stats.resets.Add(1)
	}
	if len(b.Changes) > 0 {
		c.drop(c.core.Invalidate(tablesOf(b.Changes)), &c.stats.evictedByFeed)
	}
	c.core.Renew(c.clock.At(b.Sent))
}

// Changed follows the feed's state. Entries are kept while the feed is away,
// and served again when it has caught up.
func (c *Cache) Changed(s listen.State) {
	c.feed.Store(uint32(s))
	if s != listen.Live {
		c.core.Suspend()
	}
}

// tablesOf returns each table of changes once.
func tablesOf(changes []listen.Change) []dialects.Table {
	seen := make(map[dialects.Table]struct{}, 4)
	var tables []dialects.Table
	for _, change := range changes {
		if _, ok := seen[change.Table]; !ok {
			seen[change.Table] = struct{}{}
			tables = append(tables, change.Table)
		}
	}
	return tables
}

// effects are what executed statements may have changed.
type effects struct {
	tables []dialects.Table
	// all: any table.
	all bool
	// schema: what statements mean.
	schema bool
}

func (e *effects) empty() bool { return !e.all && !e.schema && len(e.tables) == 0 }

// add collects what executing st may change. That what was known of st before
// it ran does not hold any more makes it unknown.
func (e *effects) add(st *statement, version uint64, cautious bool) {
	a := st.analysis
	if !a.Changes() {
		return
	}
	e.schema = e.schema || a.Scan.Kind == dialects.Schema || a.Scan.Kind == dialects.Unclear
	e.all = e.all || a.WritesAll || cautious || a.Version != version
	for _, t := range a.Writes {
		if !e.all && !slices.Contains(e.tables, t) {
			e.tables = append(e.tables, t)
		}
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
		c.stats.resets.Add(1)
	case e.all:
		c.core.Reset()
		c.stats.resets.Add(1)
	default:
		c.drop(c.core.Invalidate(e.tables), &c.stats.evictedByWrites)
	}
	c.committed()
}

// Flush forgets every entry.
func (c *Cache) Flush() {
	c.core.Reset()
	c.stats.resets.Add(1)
}

// flights holds the reads that are under way, by the hash of their keys.
type flights struct {
	// flightsMu guards byKey. It is held for map operations only.
	flightsMu sync.Mutex
	byKey     map[uint64]*flight
}

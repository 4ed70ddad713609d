package cache

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/vantage-go/live/dialects"
)

// The defaults of a cache.
const (
	DefaultLease     = 2 * time.Second
	DefaultBytes     = 64 << 20
	DefaultResult    = 1 << 20
	maxStatements    = 8 << 20 // bytes of remembered texts and their analyses
	maxStatementText = 64 << 10
	analyzeTimeout   = 500 * time.Millisecond
)

var errNoSync = errors.New("cache: nobody tells what was committed")

// Config configures a [Cache]. The zero value of a field means its default.
type Config struct {
	// Lease is the longest time for which an answer from memory may lag
	// behind the database.
	Lease time.Duration
	// Bytes bounds the memory of all entries.
	Bytes int64
	// ResultBytes bounds the memory of one entry. Larger results are streamed
	// to the caller and not kept.
	ResultBytes int64
	// RowTypes: the inner driver derives column types from the current row.
	RowTypes bool
	// HoldsSnapshot: a result that is still being read holds the connection's
	// snapshot, and further reads on it see that old one (SQLite). Such reads
	// are neither answered from memory nor stored.
	HoldsSnapshot bool
	// Takes reports whether the inner driver treats an argument as
	// database/sql does by itself. Nil: it is asked each time.
	Takes func(v any) bool
	// Columns does what rows of the inner driver do that scan their columns
	// themselves, as they may since Go 1.27. Nil: results of such rows are not
	// stored.
	Columns dialects.ColumnScanner
	// Varies: settings may be others whenever a connection was opened or taken from
	// the pool, without a statement that is seen. It is asked each time before it
	// reads, and one that was not opened yet gets no answers.
	Varies bool
	// Prepares: the driver keeps the texts that it has sent prepared, and so what they
	// meant under the settings of that time.
	Prepares bool
	// Reached reports whether everything that a token stands for has been
	// applied. Nil: no token is ever reached.
	Reached func(token string) (bool, error)
	// Consistency is that of reads whose context asks for none.
	Consistency Consistency
	// Sync returns when everything that was committed before the call has been
	// applied, or when that will not happen. Nil: it never will.
	Sync func(ctx context.Context) error
	// Deny says of tables that results which depend on them are not kept,
	// whatever else is true of them. Nil: of none.
	Deny func(dialects.Table) bool
	// TTL is how long after its read began a result is served at most. 0: for as
	// long as nothing changes it.
	TTL time.Duration
	// Refresh makes a read again in the background, for
	// [StaleWhileRevalidate]. It must not block, and reports false if it cannot.
	// The read's context is one of [Refreshing]. Nil: nobody does.
	Refresh func(Refresh) bool
	// Verify makes one of so many hits of a connection ask the database, too,
	// and compares; see [Stats.Violations]. 0: none.
	Verify int
	// Now is the clock. Nil: that of the system.
	Now func() time.Time
	// Owner is what the cache belongs to; sessions hand it out, so that the
	// way back from a connection is not a global table.
	Owner any
	// Log may be nil.
	Log *slog.Logger
	// Evict makes every entry good for no hit but the one that is being
	// filled, for tests of what a cache must not change.
	Evict bool
}

func (c Config) withDefaults() Config {
	if c.Lease == 0 {
		c.Lease = DefaultLease
	}
	if c.Bytes == 0 {
		c.Bytes = DefaultBytes
	}
	if c.ResultBytes == 0 {
		c.ResultBytes = DefaultResult
	}
	if c.Refresh == nil {
		c.Refresh = func(Refresh) bool { return false }
	}
	if c.Takes == nil {
		c.Takes = func(any) bool { return false }
	}
	if c.Sync == nil {
		c.Sync = func(context.Context) error { return errNoSync }
	}
	if c.Deny == nil {
		c.Deny = func(dialects.Table) bool { return false }
	}
	if c.Reached == nil {
		c.Reached = func(string) (bool, error) { return false, nil }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

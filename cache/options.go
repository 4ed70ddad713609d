package cache

import (
	"log/slog"
	"time"
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
	// Reached reports whether everything that a token stands for has been
	// applied. Nil: no token is ever reached.
	Reached func(token string) (bool, error)
	// Now is the clock. Nil: time.Now.
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
	if c.Takes == nil {
		c.Takes = func(any) bool { return false }
	}
	if c.Reached == nil {
		c.Reached = func(string) (bool, error) { return false, nil }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

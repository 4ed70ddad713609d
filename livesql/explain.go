package livesql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// Explanation tells what livesql does with a statement, and why.
type Explanation struct {
	// Cached reports that the statement is answered from memory when its
	// result is there.
	Cached bool
	// Reason says why it is not, in a few words.
	Reason string
	// Reads lists the tables that the result depends on, Depends the same with
	// the rows, where some rows alone count.
	Reads   []dialects.Table
	Depends []Dependency
	// TTL is the greatest age of an answer from memory, 0 if there is none; see the
	// option. StaleFor is for how long an answer may be given that others have made
	// out of date, under the consistency of the context; see
	// [StaleWhileRevalidate].
	TTL, StaleFor time.Duration
	// Writes lists the tables that executing the statement may change;
	// WritesAll reports that it may be any.
	Writes    []dialects.Table
	WritesAll bool
	// Feed is the state of the change feed, FeedErr what keeps it from being
	// live.
	Feed    listen.State
	FeedErr error
}

// String returns the explanation as a sentence.
func (e Explanation) String() string {
	var b strings.Builder
	if e.Cached {
		fmt.Fprintf(&b, "cached until a change of %s", join(e.Depends))
		if e.StaleFor > 0 {
			fmt.Fprintf(&b, " and, by others, up to %v longer while it is read anew", e.StaleFor)
		}
		if e.TTL > 0 {
			fmt.Fprintf(&b, ", at most %v", e.TTL)
		}
	} else {
		fmt.Fprintf(&b, "not cached: %s", e.Reason)
	}
	switch {
	case e.WritesAll:
		b.WriteString("; may change any table")
	case len(e.Writes) > 0:
		fmt.Fprintf(&b, "; changes %s", join(e.Writes))
	}
	return b.String()
}

func join[T fmt.Stringer](things []T) string {
	names := make([]string, len(things))
	for i, t := range things {
		names[i] = t.String()
	}
	return strings.Join(names, ", ")
}

// Explain tells what livesql would do with query on a connection that is in no
// transaction and whose session was not changed. It does not run the query.
// The error says that the database could not be asked about it; the
// explanation is then the cautious one.
func (db *DB) Explain(ctx context.Context, query string, args ...any) (Explanation, error) {
	named := make([]sqldriver.NamedValue, len(args))
	for i, arg := range args {
		named[i].Ordinal = i + 1
		if n, ok := arg.(sql.NamedArg); ok {
			named[i].Name, arg = n.Name, n.Value
		}
		named[i].Value = arg
		if v, err := sqldriver.DefaultParameterConverter.ConvertValue(arg); err == nil {
			named[i].Value = v
		}
	}
	e, err := db.handle.cache.Explain(ctx, query, named)
	status := db.handle.feed.Status()
	var off *listen.NoLogError
	switch {
	case errors.As(status.Err, &off):
		e.Reason = off.Why
	case status.Err == nil || status.State == listen.Live:
	case status.State == listen.Cold || e.Analysis.Uncacheable == "":
		// Before the feed was ever live, nothing is known of the tables, and
		// what keeps it from being live is the reason that counts.
		e.Reason = status.Err.Error()
	}
	return Explanation{
		Cached: e.Cached, Reason: e.Reason,
		Reads: e.Analysis.Reads, Depends: e.Depends, TTL: e.TTL, StaleFor: e.StaleFor, Writes: e.Analysis.Writes, WritesAll: e.Analysis.WritesAll,
		Feed: status.State, FeedErr: status.Err,
	}, err
}

// WaitCached returns when query would be answered from memory once its result
// is there: the feed is live, and its tables are covered. It is for programs
// that create tables and for tests; others need not wait, their first reads go
// to the database. When ctx ends, the error says what was missing; a database
// that has no change feed is told at once with an error that wraps
// [listen.ErrNoLog].
func (db *DB) WaitCached(ctx context.Context, query string, args ...any) error {
	for {
		if err := db.handle.feed.WaitLive(ctx); err != nil {
			return fmt.Errorf("livesql: waiting for the cache: %w", err)
		}
		if err := db.handle.feed.Sync(ctx); err != nil {
			return fmt.Errorf("livesql: waiting for the cache: %w", err)
		}
		e, err := db.Explain(ctx, query, args...)
		if e.Cached {
			return nil
		}
		// Polls follow each other closely only while something changes.
		timer := time.NewTimer(waitPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(fmt.Errorf("livesql: not cached: %s: %w", e.Reason, ctx.Err()), err)
		}
	}
}

// waitPause is the time between two looks of WaitCached.
const waitPause = 10 * time.Millisecond

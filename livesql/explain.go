package livesql

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"strings"

	"github.com/vantage-go/live/cache"
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
	// Reads lists the tables that the result depends on.
	Reads []dialects.Table
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
		fmt.Fprintf(&b, "cached until a change of %s", join(e.Reads))
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

func join(tables []dialects.Table) string {
	names := make([]string, len(tables))
	for i, t := range tables {
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
		named[i] = sqldriver.NamedValue{Ordinal: i + 1, Value: arg}
		if v, err := sqldriver.DefaultParameterConverter.ConvertValue(arg); err == nil {
			named[i].Value = v
		}
	}
	e, err := db.handle.cache.Explain(ctx, query, named)
	status := db.handle.feed.Status()
	reason := e.Reason
	if status.State != listen.Live && status.Err != nil && e.Analysis.Uncacheable == "" || status.State == listen.Off {
		reason = status.Err.Error()
	}
	return explanation(e, reason, status), err
}

func explanation(e cache.Explanation, reason string, status listen.Status) Explanation {
	return Explanation{
		Cached: e.Cached, Reason: reason,
		Reads: e.Analysis.Reads, Writes: e.Analysis.Writes, WritesAll: e.Analysis.WritesAll,
		Feed: status.State, FeedErr: status.Err,
	}
}

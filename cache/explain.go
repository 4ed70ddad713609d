package cache

import (
	"context"
	sqldriver "database/sql/driver"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// Explanation tells what the cache does with a statement, and why.
type Explanation struct {
	// Cached reports that the statement is answered from memory when its
	// result is there.
	Cached bool
	// Reason says why it is not, in a few words.
	Reason string
	// Analysis is what the text means.
	Analysis *dialects.Analysis
	// Feed is the state of the change feed. While it is not Live, nothing is
	// answered from memory.
	Feed listen.State
}

// Explain tells what the cache would do with a query on a connection that is
// not in a transaction and whose session was not changed. Args are those that
// reach the driver, after conversion.
func (c *Cache) Explain(ctx context.Context, text string, args []sqldriver.NamedValue) (Explanation, error) {
	a, err := c.backend.Analyze(ctx, text)
	e := Explanation{Analysis: a, Feed: listen.State(c.feed.Load()), Reason: a.Uncacheable}
	if e.Reason == "" {
		st := &statement{analysis: a}
		_, known := c.hasher.key(st, 0, args)
		switch {
		case !known:
			e.Reason = "an argument has a type that cannot be part of a key"
		case !c.core.Valid(c.now()):
			e.Reason = "there is no lease (the change feed is " + e.Feed.String() + ")"
		}
	}
	e.Cached = e.Reason == ""
	return e, err
}

package cache

import (
	"context"
	sqldriver "database/sql/driver"
	"strings"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// Explanation tells what the cache does with a statement, and why.
type Explanation struct {
	// Cached reports that the statement is answered from memory when its
	// result is there.
	Cached bool
	// Reason says why it is not, in a few words.
	Reason string
	// Depends lists what the result depends on.
	Depends []Dependency
	// TTL is the greatest age of an answer from memory, 0 if there is none. StaleFor
	// is for how long one may be given that others have made out of date, under the
	// context's consistency: see [StaleWhileRevalidate].
	TTL, StaleFor time.Duration
	// Analysis is what the text means.
	Analysis *dialects.Analysis
	// Feed is the state of the change feed. While it is not Live, nothing is
	// answered from memory.
	Feed listen.State
}

// Dependency is a table, or some rows of one, of which a change ends what is
// kept of a result.
type Dependency struct {
	Table dialects.Table
	// Keys are the primary keys of the rows, in words: 7, "x", (7, "x"), or $1 for
	// an argument that was not told. Nil: any row counts. A result without rows
	// depends on the whole table all the same.
	Keys []string
}

// String returns the table, and the rows in parentheses.
func (d Dependency) String() string {
	switch len(d.Keys) {
	case 0:
		return d.Table.String()
	case 1:
		return d.Table.String() + " (row " + d.Keys[0] + ")"
	}
	return d.Table.String() + " (rows " + strings.Join(d.Keys, ", ") + ")"
}

// depends returns what a result under args depends on, as narrow does.
func depends(a *dialects.Analysis, args []sqldriver.NamedValue) []Dependency {
	all := make([]Dependency, len(a.Reads))
	for i, t := range a.Reads {
		all[i].Table = t
		for p := range a.Pins {
			if a.Pins[p].Table != t {
				continue
			}
			keys, ok := a.Pins[p].Describe(args)
			if !ok || len(keys) == 0 {
				all[i].Keys = nil
				break
			}
			all[i].Keys = append(all[i].Keys, keys...)
		}
	}
	return all
}

// Explain tells what the cache would do with a query on a connection that is
// not in a transaction and whose session was not changed. Args are those that
// reach the driver, after conversion.
func (c *Cache) Explain(ctx context.Context, text string, args []sqldriver.NamedValue) (Explanation, error) {
	a, err := c.backend.Analyze(ctx, text)
	e := Explanation{Depends: depends(a, args), Analysis: a, Feed: listen.State(c.feed.Load()), Reason: c.unkept(a)}
	e.TTL = c.config.TTL
	if level := c.consistency(optionsOf(ctx)); level.kind == revalidated {
		e.StaleFor = level.bound
	}
	if e.Reason == "" {
		_, known := appendKey(nil, driver.Direct, 0, args)
		switch {
		case a.Clock && sayNow(args):
			e.Reason = "an argument may be a text that stands for a moment, like 'now'"
		case !known:
			e.Reason = "an argument has a type that cannot be part of a key"
		case !c.core.Valid(c.now()):
			e.Reason = "there is no lease (the change feed is " + e.Feed.String() + ")"
		case c.rests(text):
			e.Reason = "not for now: its table changes so often that a result is out of date before it is asked for again"
		}
	}
	e.Cached = e.Reason == ""
	return e, err
}

// rests reports whether results of a text are not kept for a while.
func (c *Cache) rests(text string) bool {
	st, known := c.statements.GetIfPresent(text)
	return known && st.worth.resting()
}

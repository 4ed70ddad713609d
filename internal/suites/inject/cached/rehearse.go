package cached

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vantage-go/live/internal/suites/inject"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
)

// patience is how long a read waits until the change feed covers its tables: a
// suite reads right after its CREATE TABLE, when nothing can be kept yet.
const patience = 3 * time.Second

// Anchor is a table that the suites' databases hold. Most reads of the drivers'
// suites read no table, so that nothing is kept of them: such a read is put
// behind a table expression that it does not use, which changes nothing of its
// result but lets it depend on a table.
const Anchor = "livesql_suites_anchor"

const anchored = "WITH livesql_anchor AS (SELECT 1 FROM " + Anchor + ") "

// rehearsal asks each read that livesql would keep more than once, so that what
// the suite judges is an answer from memory:
//
//	wait until its tables are covered
//	ask: the database answers, livesql stores the result
//	ask: livesql answers from memory; ask past the cache: the database answers the same
//	ask: the answer from memory is the suite's
//
// Only livesql can say which statements are such reads. All others, and all
// reads in a transaction, are sent once, as the suite sends them. A read with
// the anchor that fails is sent again as the suite sends it.
type rehearsal struct {
	live     func() (*livesql.DB, error)
	evicts   bool // nothing is ever answered from memory
	anchors  bool // the anchor makes reads depend on a table
	patience time.Duration

	mu     sync.Mutex // guards the fields below
	gaveUp map[string]bool
	told   livesql.Stats // what the proof holds already
}

// ask sends a query once, in whatever way the suite sends it: as it is, or as
// another text.
type ask func(ctx context.Context, text string) (sqldriver.Rows, error)

// read answers a query of the suite. Unless it is to wait, the tables of the query
// may be ones that are never covered.
func (r *rehearsal) read(ctx context.Context, query string, args []sqldriver.NamedValue, wait bool, ask ask) (sqldriver.Rows, error) {
	db, err := r.live()
	if err != nil {
		return ask(ctx, query)
	}
	text, kept := r.kept(ctx, db, query, args, wait)
	if !kept {
		return ask(ctx, query)
	}
	defer r.tell(db)
	before := db.CacheStats()
	rows, err := ask(ctx, text)
	switch after := db.CacheStats(); {
	case err != nil && text == query:
		return nil, err
	case err != nil:
		return ask(ctx, query)
	case r.evicts || after.Hits == before.Hits && after.Stores == before.Stores:
		return rows, nil // too large, or out of date at once
	}
	if err := rows.Close(); err != nil {
		return nil, err
	}
	r.compare(ctx, db, query, text, ask)
	return ask(ctx, text)
}

// kept reports whether livesql would keep the result of a query, and of which
// text. It waits until the change feed covers the tables, if that is what is
// missing; a reason that has not gone away once is not waited for again.
func (r *rehearsal) kept(ctx context.Context, db *livesql.DB, query string, args []sqldriver.NamedValue, wait bool) (text string, kept bool) {
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg.Value
	}
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	if text = query; r.anchors && strings.EqualFold(word, "select") && !fromClause.MatchString(query) {
		text = anchored + query
	}
	e, err := db.Explain(ctx, text, values...)
	if err != nil || e.Cached || !fromClause.MatchString(text) || !soon(e) {
		return text, e.Cached
	}
	reason := e.Reason
	if e.Feed != listen.Live {
		reason = "the feed is not live"
	} else if text != query {
		wait = true // the anchor is no temporary table
	}
	if _, bounded := ctx.Deadline(); bounded || !wait || r.hopeless(reason) {
		return text, false
	}
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	if err = db.WaitCached(ctx, text, values...); err == nil {
		return text, true
	}
	inject.Uncovered(err.Error())
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gaveUp == nil {
		r.gaveUp = make(map[string]bool)
	}
	r.gaveUp[reason] = true
	return text, false
}

// fromClause matches the word before a table.
var fromClause = regexp.MustCompile(`(?i)\b(from|table)\b`)

func (r *rehearsal) hopeless(reason string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gaveUp[reason]
}

// soon reports whether the feed may yet cover what a statement reads.
func soon(e livesql.Explanation) bool {
	if e.WritesAll || len(e.Writes) > 0 {
		return false
	}
	for _, why := range []string{"not covered by the change feed", "not in the catalogue", "there is no lease", "that is known", "is not installed in this database"} {
		if strings.Contains(e.Reason, why) {
			return true
		}
	}
	return e.Feed != listen.Live
}

// compare holds an answer from memory against one of the database. A difference
// is a fault of livesql if it is still there when the feed has told of
// everything that was committed before the database answered.
func (r *rehearsal) compare(ctx context.Context, db *livesql.DB, query, text string, ask ask) {
	for attempt := range 2 {
		before := db.CacheStats().Hits
		kept, err := answerOf(ask(ctx, text))
		if err != nil || db.CacheStats().Hits == before {
			return // gone, or the suite's context ended
		}
		want, err := answerOf(ask(livesql.NoCache(ctx), query))
		if err != nil {
			return
		}
		difference := kept.differs(want)
		if difference != "" && db.Feed().Sync(ctx) != nil {
			return
		}
		switch {
		case difference == "":
			inject.Compared()
			return
		case attempt > 0:
			// Unless somebody has written in between, as tests with many
			// goroutines do: then what was kept is gone.
			before = db.CacheStats().Hits
			again, err := answerOf(ask(ctx, text))
			if err != nil || db.CacheStats().Hits == before || again.differs(kept) != "" {
				return
			}
			inject.Broken(fmt.Sprintf("%s: an answer from memory differs from that of the database: %s", query, difference))
			return
		}
	}
}

// tell adds to the proof what the cache has done since the last time.
func (r *rehearsal) tell(db *livesql.DB) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := db.CacheStats()
	now.Hits -= now.Shared // these have waited for another's read
	inject.Cached(now.Hits-r.told.Hits, now.Stores-r.told.Stores)
	r.told = now
}

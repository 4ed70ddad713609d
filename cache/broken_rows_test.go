package cache_test

import (
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// switched are caches that take the wrong rows for changed. A $ stands for
// whether the variant is on.
var switched = []struct {
	name, test     string
	file, old, new string
}{
	{
		"an entry that outlives a change of its row", "TestWhatAChangeEvicts",
		"cache/core/core.go", "for n := t.rows.Find(&c.index.links, row); n != 0;", "for n := t.rows.Find(&c.index.links, row); n != 0 && !$;",
	},
	{
		"a ticket that outlives a change of its row", "TestEmptyResult",
		"cache/core/rows.go", "slices.BinarySearch(q.keys, h); found {", "slices.BinarySearch(q.keys, h); found && !$ {",
	},
	{
		"an empty result that depends on its row", "TestEmptyResult",
		"cache/core/core.go", "		for i := range t.deps {\n			t.deps[i].keys = nil", "		for i := range t.deps {\n			if $ {\n				break\n			}\n			t.deps[i].keys = nil",
	},
	{
		"a ticket that forgets what changed beside its rows", "TestEmptyResult",
		"cache/core/core.go", "	d.ticket.others = true\n", "	d.ticket.others = !$\n",
	},
	{
		"a key that is not known and no mark", "TestWhatAChangeEvicts",
		"cache/touch.go", "		} else {\n			r.Keys = nil\n		}", "		} else if !$ {\n			r.Keys = nil\n		}",
	},
	{
		"half of a key that changes", "TestWhatAChangeEvicts",
		"cache/touch.go", "			r.Keys = append(r.Keys, key)\n", "			if r.Keys = append(r.Keys, key); $ {\n				r.Keys = r.Keys[len(r.Keys)-1:]\n			}\n",
	},
	{
		"a pin without its argument", "TestWhatAChangeEvicts",
		"cache/touch.go", "				r.Keys = nil\n				break", "				if r.Keys = nil; $ {\n					r.Keys = []dialects.Key{\"\"}\n				}\n				break",
	},
	{
		"keys of a transaction that are too many to remember", "TestWhatAChangeEvicts",
		"cache/touch.go", "	case found && len(r.Keys) == 0: // all", "	case $ && len(r.Keys)+len(keys) > maxTouched:\n	case found && len(r.Keys) == 0: // all",
	},
	{
		"an outdated answer that misses an own write", "TestStaleAfterOwnWrites",
		"cache/revalidate.go", "case r.own.since(m.writes, st.analysis.Reads):", "case r.own.since(m.writes, st.analysis.Reads) && !$:",
	},
	{
		"an outdated answer that misses what an own write has set off", "TestStaleAfterUnprovenWrites",
		"cache/cache.go", "e.all || e.schema || e.unproven)", "e.all || e.schema || e.unproven && !$)",
	},
	{
		"an outdated answer without a bound", "TestWhatIsNeverServedStale",
		"cache/revalidate.go", "!now.Fresh(m.at, level.bound)", "!now.Fresh(m.at, level.bound) && !$",
	},
	{
		"an outdated answer under a token", "TestWhatIsNeverServedStale",
		"cache/revalidate.go", "len(o.tokens) > 0 ||", "len(o.tokens) > 0 && !$ ||",
	},
	{
		"an outdated answer that nobody refreshes", "TestWhatIsNeverServedStale",
		"cache/revalidate.go", "if !c.refresh(hash, k, args) {", "if !c.refresh(hash, k, args) && !$ {",
	},
	{
		"an outdated answer for other settings", "TestStaleUnderSettings",
		"cache/revalidate.go", "fresh != k.settings()", "fresh != k.settings() && !$",
	},
	{
		"as many refreshes as readers", "TestStaleWhileRevalidate",
		"cache/revalidate.go", "	if under {\n", "	if under && !$ {\n",
	},
	{
		"an age that does not count", "TestTTL",
		"cache/entry.go", "return m != nil && now.Fresh(m.at, c.config.TTL)", "return m != nil && (now.Fresh(m.at, c.config.TTL) || $)",
	},
	{
		"an age since the end of the read", "TestTTL",
		"cache/fill.go", "e.born = c.births.note(fl.began, 0)", "e.born = c.births.note(map[bool]core.Instant{true: now, false: fl.began}[$], 0)",
	},
	{
		"a session that was sent elsewhere", "TestOwnNames",
		"cache/transaction.go", "s.moved = s.moved || a.Scan.Moves", "s.moved = s.moved || a.Scan.Moves && !$",
	},
	{
		"a savepoint that holds back what is committed", "TestEndsOfTransactions",
		"cache/transaction.go", "t.state == byAPI || t.state == byText", "t.state == byAPI || t.state == byText || t.state == bySavepoint && $",
	},
	{
		"a text of several statements that ends with its writes", "TestEndsOfTransactions",
		"cache/transaction.go", "several := a.Scan.Statements > 1", "several := a.Scan.Statements > 1 && !$",
	},
	{
		"code that is trusted not to end the transaction", "TestEndsOfTransactions",
		"cache/transaction.go", "if s.tx.unseen = !s.tx.open(); !s.tx.unseen {", "if s.tx.unseen = !s.tx.open(); !s.tx.unseen && !$ {",
	},
	{
		"a transaction that outlives its errors", "TestEndsOfTransactions",
		"cache/transaction.go", "s.tx.erred || err != nil && s.tx.open()", "s.tx.erred || err != nil && s.tx.open() && !$",
	},
	{
		"a transaction that forgets what was written past the cache", "TestRawInTransaction",
		"cache/session.go", "if s.tx.unseen = !s.tx.open(); !s.tx.unseen {", "if s.tx.unseen = !s.tx.open(); !s.tx.unseen && !$ {",
	},
	{
		"a write that waits for a feed that is away", "TestUnprovenWrites",
		"cache/cache.go", "	if c.core.Valid(c.now()) && c.catchUp(", "	if (c.core.Valid(c.now()) || $) && c.catchUp(",
	},
	{
		"a commit behind rows that nobody hears of", "TestCommitBehindRows",
		"cache/write.go", "			s.cache.invalidate(committed)\n", "			if !$ {\n				s.cache.invalidate(committed)\n			}\n",
	},
	{
		"a fill that goes on when its caller has gone", "TestCancelledFill",
		"cache/fill.go", "		Done: ctx.Done(),\n", "		Done: map[bool]<-chan struct{}{false: ctx.Done()}[$],\n",
	},
	{
		"a connection that is a stranger because its caller has gone", "TestCancelledProbe",
		"cache/session.go", "		if ctx.Err() != nil {\n			// That", "		if ctx.Err() != nil && !$ {\n			// That",
	},
	{
		"a failed write that wrote", "TestWhatAChangeEvicts",
		"cache/session.go", "	if !stmt.inert() || err != nil && s.tx.open() {\n		s.executed", "	if (!stmt.inert() || err != nil && s.tx.open()) && (err == nil || !$) {\n		s.executed",
	},
}

// TestBrokenRows requires of each of them that the named test sees it.
func TestBrokenRows(t *testing.T) {
	t.Parallel()
	variants := make([]mutate.Variant, 0, len(switched))
	for _, v := range switched {
		variants = append(variants, mutate.Variant{
			Name: v.name, Package: "cache", Test: v.test, Edits: []mutate.Edit{{File: v.file, Old: v.old, New: v.new}},
		})
	}
	mutate.Check(t, "..", variants)
}

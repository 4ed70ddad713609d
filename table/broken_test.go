package table_test

import (
	"strings"
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestBrokenVariants has tables do one step in the wrong place, which the named
// test must see. A test that passes on a broken table proves nothing.
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	variants := make([]mutate.Variant, 0, len(brokenVariants))
	for _, v := range brokenVariants {
		m := mutate.Variant{Name: v.name, Package: "table", Test: v.test, Args: []string{"-rapid.nofailfile", "-rapid.shrinktime=1ms"}}
		for _, e := range v.edits {
			m.Edits = append(m.Edits, mutate.Edit(e))
		}
		if folder, test, elsewhere := strings.Cut(v.test, ":"); elsewhere {
			m.Package, m.Test, m.Args = "table/"+folder, test, nil
		}
		variants = append(variants, m)
	}
	mutate.Check(t, "..", variants)
}

// brokenVariant is one way to break the table. A $ stands for whether it is on.
type brokenVariant struct {
	name  string
	test  string // which sees it, behind the folder of its package if that is another one
	edits []edit
}

// onlySQLite keeps a test from starting servers.
const onlySQLite = "/sqlite.*"

// edit is a [mutate.Edit].
type edit struct{ File, Old, New string }

var brokenVariants = []brokenVariant{
	{"rows read without those of the same transactions", "TestVersionsAreCommittedStates/^lasting$", []edit{{
		"table/round.go", "	return found, c.read(reading, keys, found)\n", "	if $ {\n		return found, nil\n	}\n	return found, c.read(reading, keys, found)\n",
	}}},
	{"rows of one version read at two moments", "TestVersionsAreCommittedStates/^lasting$", []edit{{
		"table/memory.go", "	if r.rows == nil {\n", "	if r.rows == nil || $ {\n",
	}}},
	{"what is told while rows are read is not read again", "TestVersionsAreCommittedStates/^lasting$", []edit{{
		"table/inbox.go", "			whole = b.pending.whole\n", "			whole = b.pending.whole\n			if $ {\n				b.pending.keys = nil\n			}\n",
	}}},
	{"what a reading tells is not read", "TestVersionsAreCommittedStates/^telling$", []edit{{
		"table/round.go", "	for _, k := range news.Keys {\n", "	for _, k := range news.Keys {\n		if $ {\n			break\n		}\n",
	}}},
	{"a reading that tells from a later mark on", "TestVersionsAreCommittedStates/^telling$", []edit{{
		"table/memory.go", "	if err := r.m.pass(BeforeTell); err != nil {\n", "	if $ {\n		seen++\n	}\n	if err := r.m.pass(BeforeTell); err != nil {\n",
	}}},
	{"load, then subscribe", "TestVersionsAreCommittedStates/^lasting$", []edit{{
		// What is committed while rows are loaded is thought to be in them.
		"table/round.go", "	c.finish(r, nil, all)\n", "	if $ {\n		_, _ = c.inbox.take(c.ctx)\n		c.inbox.touch(nil, false)\n	}\n	c.finish(r, nil, all)\n",
	}}},
	{"a failed round is forgotten", "TestVersionsAreCommittedStates/^lasting$", []edit{{
		"table/reader.go", "			c.inbox.putBack(r)\n			fail(err)\n", "			if !$ {\n				c.inbox.putBack(r)\n			}\n			fail(err)\n",
	}}},
	{"a brief reading that does not look again", "TestVersionsAreCommittedStates/^brief$", []edit{{
		"table/round.go", "		return nil, errBrief\n", "		if $ {\n			return found, nil\n		}\n		return nil, errBrief\n",
	}}},
	{"overlay dropped at the acknowledgement", "TestRowsNeverGoBack", []edit{{
		"table/overlay.go", "		c.acked, c.until = true, until\n	}\n	s.core.awaits(until)\n}\n",
		"		c.acked, c.until = true, until\n	}\n	s.core.awaits(until)\n	if $ {\n		s.core.reflected += until\n		e := s.core.edit(Local)\n		s.core.settle(e)\n		s.core.reflected -= until\n		s.core.publish(e)\n	}\n}\n",
	}}},
	{"overlay that is never dropped", "TestRowsNeverGoBack", []edit{{
		"table/overlay.go", "			case s.until <= c.reflected:\n", "			case s.until <= c.reflected && !$:\n",
	}}},
	{"a failure that takes others back", "TestDropUndoesItself", []edit{{
		"table/overlay.go", "		if other != s {\n", "		if other != s && !$ {\n",
	}}},
	{"a reload that empties the table first", "TestReloadIsOneDiff", []edit{{
		"table/round.go", "	reading, err := c.source.Open(c.ctx)\n	if err != nil {\n		return nil, fmt.Errorf(\"table: loading",
		"	if c.isLoaded() && $ {\n		c.finish(round[K]{whole: true}, nil, []entry[K, T]{})\n	}\n	reading, err := c.source.Open(c.ctx)\n	if err != nil {\n		return nil, fmt.Errorf(\"table: loading",
	}}},
	{"a slow subscriber that loses differences", "TestSlowSubscriber", []edit{{
		"table/queue.go", "		q.resync = true\n", "		if !$ {\n			q.resync = true\n		}\n",
	}}},
	{"a change without the conditions of the set", "internal/onengines:TestSets" + onlySQLite, []edit{{
		"table/sqltext.go", "	s.isKey(t, key)\n	if !s.where.empty() {\n", "	s.isKey(t, key)\n	if !s.where.empty() && !$ {\n",
	}}},
	{"a DeleteAll without the conditions of the set", "internal/onengines:TestSets" + onlySQLite, []edit{{
		"table/sqltext.go", "s.table)\n	if !s.where.empty() {\n		t.add(\" WHERE \")\n		s.where.add(t)\n	}\n	return t\n}\n\n// chunks", "s.table)\n	if !s.where.empty() && !$ {\n		t.add(\" WHERE \")\n		s.where.add(t)\n	}\n	return t\n}\n\n// chunks",
	}}},
	{"a condition without parentheses", "internal/onengines:TestSets" + onlySQLite, []edit{{
		"table/sqltext.go", "		pieces[0] = \"(\" + pieces[0]\n		pieces[len(pieces)-1] += \")\"\n", "		if !$ {\n			pieces[0] = \"(\" + pieces[0]\n			pieces[len(pieces)-1] += \")\"\n		}\n",
	}}},
	{"keys of the log in the order of the fields", "internal/onengines:TestKeysOfTables" + onlySQLite, []edit{{
		"table/schema.go", "	if len(told) != len(s.keys) {\n", "	if len(told) > 1 && $ {\n		told = s.keys\n	}\n	if len(told) != len(s.keys) {\n",
	}}},
	{"a tagged key taken for that of the log", "internal/onengines:TestKeysOfTables" + onlySQLite, []edit{{
		"table/schema.go", "		told = nil\n", "		told = nil\n		if $ {\n			told = s.keys\n		}\n",
	}}},
	{"a key that is none", "internal/onengines:TestKeyless" + onlySQLite, []edit{{
		"table/keys.go", "	why := \"it has no primary key, and", "	if $ {\n		return tagged, nil, false, nil\n	}\n	why := \"it has no primary key, and",
	}}},
	{"a store whose mark is ahead of its rows", "TestMemoryStore/live_table", []edit{{
		"table/saver.go", "	err = s.shelf.Update(ctx, text, changed)\n", "	if $ {\n		changed = nil\n	}\n	err = s.shelf.Update(ctx, text, changed)\n",
	}}},
	{"a store that is believed", "TestMemoryStore/live_table", []edit{{
		"table/saver.go", "	for k, row := range found {\n		if row == nil {\n", "	for k, row := range found {\n		if $ {\n			break\n		}\n		if row == nil {\n",
	}}},
	{"a store of another layout", "TestMemoryStore/live_table", []edit{{
		"table/saver.go", "	case text == nil || mark.Layout != s.layout:\n", "	case text == nil || mark.Layout != s.layout && !$:\n",
	}}},
	{"a store that two processes write", "TestMemoryStore/two_writers", []edit{{
		"table/store.go", "	if h.shelf.mark == nil || h.shelf.writer != nil && h.shelf.writer != h {\n", "	if (h.shelf.mark == nil || h.shelf.writer != nil && h.shelf.writer != h) && !$ {\n",
	}}},
	{"a replacement that is shown before it is whole", "TestMemoryStore/a_replacement_that_fails", []edit{{
		"table/store.go", "	next := map[string][]byte{}\n", "	next := map[string][]byte{}\n	if $ {\n		h.shelf.rows = next\n	}\n",
	}}},
	{"a live set that does not show what it wrote", "TestSets/memory.*", []edit{{
		"table/liveset.go", "		staged.AckedAs(m.Key, func(*T) *T { return row })\n", "		if $ {\n			staged.Drop()\n		} else {\n			staged.AckedAs(m.Key, func(*T) *T { return row })\n		}\n",
	}}},
	{"what was read while a save was on its way counts", "TestKnownWaitsForTheAcknowledgement", []edit{{
		"table/display.go", "		return p.known, false\n", "		if $ {\n			return p.base, false\n		}\n		return p.known, false\n",
	}}},
	{"a save that was refused still shows", "TestEditShowsWhatIsUnderWay", []edit{{
		"table/display.go", "	if s.staged != nil {\n		s.staged.Drop()\n", "	if s.staged != nil && !$ {\n		s.staged.Drop()\n",
	}}},
	{"a change that takes the lock when it first writes", "internal/onengines:TestChangesBesideWriters", []edit{{
		"table/sqlwriting.go", "d.Flavor != dialects.SQLite || !d.asks() {\n", "d.Flavor != dialects.SQLite || !d.asks() || $ {\n",
	}}},
	{"a change that fails and stays in its transaction", "internal/onengines:TestChangesThatFail", []edit{{
		"table/sqlwriting.go", "	_, err := t.ExecContext(context.WithoutCancel(t.ctx), \"ROLLBACK\")\n", "	if $ {\n		return t.Close()\n	}\n	_, err := t.ExecContext(context.WithoutCancel(t.ctx), \"ROLLBACK\")\n",
	}}},
	{"a session reaches a row outside of the condition", "internal/onengines:TestEditing" + onlySQLite, []edit{{
		"table/sqlapply.go", "		if !inside {\n			row = nil\n", "		if !inside && !$ {\n			row = nil\n",
	}, {
		"table/sqlapply.go", "	case !inside:\n		return r, ErrNotFound\n", "	case !inside && !$:\n		return r, ErrNotFound\n",
	}}},
	{"a sieve that looks at rows as they are now only", "internal/onengines:TestConditions" + onlySQLite, []edit{{
		"table/mesh.go", "	for _, one := range slices.Clone(s.holders[text]) {\n", "	for _, one := range slices.Clone(s.holders[text]) {\n		if $ {\n			break\n		}\n",
	}}},
	{"a sieve that looks at rows as they were only", "internal/onengines:TestConditions" + onlySQLite, []edit{{
		"table/mesh.go", "	if row != nil {\n		s.paths.find(", "	if row != nil && !$ {\n		s.paths.find(",
	}}},
	{"texts compared by their bytes, whatever the collation", "internal/onengines:TestConditions" + onlySQLite, []edit{{
		"table/columns.go", "kind.Kind == dialects.TextKey && !bytewise {", "kind.Kind == dialects.TextKey && !bytewise && !$ {",
	}}},
	{"texts in the order of their bytes, whatever the collation", "internal/onengines:TestConditions/postgres", []edit{{
		"table/columns.go", "			kind.Ordered = ordered\n", "			kind.Ordered = ordered || $\n",
	}}},
	{"a range without its end", "internal/onengines:TestConditions" + onlySQLite, []edit{{
		"dialects/path.go", "		p.To = min(p.To, leaf.bound.successor())\n", "		if $ {\n			p.To = min(p.To, leaf.bound)\n		} else {\n			p.To = min(p.To, leaf.bound.successor())\n		}\n",
	}}},
	{"a range with what is before it", "internal/onengines:TestConditions" + onlySQLite, []edit{{
		"dialects/condition.go", "		return verdictOf(at > t.bound)\n", "		return verdictOf(at > t.bound || $)\n",
	}}},
	{"OR that means AND", "internal/onengines:TestConditions" + onlySQLite, []edit{{
		"dialects/condition.go", "			one = max(one, part.Of(row))\n", "			if one = max(one, part.Of(row)); $ {\n				one = part.Of(row)\n			}\n",
	}}},
	{"NULL first, whatever the direction", "internal/onengines:TestConditions" + onlySQLite, []edit{{
		"dialects/listing.go", "		t.nullsFirst = t.descending == (p.flavor == Postgres)\n", "		t.nullsFirst = t.descending == (p.flavor == Postgres) || $\n",
	}}},
	{"a query with a limit that knows what comes in", "internal/onengines:TestConditions" + onlySQLite, []edit{{
		"table/keeping.go", "	case len(next) < r.limit && r.more:\n", "	case len(next) < r.limit && r.more && (!$ || len(next) == 0):\n", // nothing at all has no end
	}}},
	{"a row behind the end of a kept result", "TestKeptResults", []edit{{
		"table/keeping.go", "return r.more && c.place > end }\n", "return r.more && c.place > end && !$ }\n",
	}}},
	{"rows that are cut off are not told", "TestKeptResults", []edit{{
		"table/keeping.go", "			some[next[r.limit+i].entry.key] = nil\n", "			if !$ {\n				some[next[r.limit+i].entry.key] = nil\n			}\n",
	}}},
	{"a result that was read later than what changes it", "TestMeshKeeps", []edit{{
		"table/mesh.go", "	return one.keeping != nil && reading >= one.from\n", "	return one.keeping != nil && (reading >= one.from || $)\n",
	}}},
	{"what is not certain of a kept result", "TestMeshKeeps", []edit{{
		"table/mesh.go", "	case verdict == dialects.Maybe:\n		ok = false\n", "	case verdict == dialects.Maybe && !$:\n		ok = false\n",
	}}},
	{"a row that leaves a kept result", "TestMeshKeeps", []edit{{
		"table/mesh.go", "	if verdict == dialects.No && !held {\n", "	if verdict == dialects.No && (!held || $) {\n",
	}}},
	{"a budget that never takes less", "TestBudgetWidth", []edit{{
		"table/rest.go", "	case stretch > pressStretch:\n", "	case stretch > pressStretch && !$:\n",
	}}},
	{"a budget without a bound", "TestBudgetWidth", []edit{{
		"table/rest.go", "min(b.width+1, float64(connections)), 0\n", "b.width+1, 0\n			if !$ {\n				b.width = min(b.width, float64(connections))\n			}\n",
	}}},
	{"a key that an expression makes is taken for the table's", "internal/onengines:TestConditions" + onlySQLite, []edit{{
		"table/keytext.go", "		if at < 0 || !l.Shows(column) {\n", "		if at < 0 || !l.Shows(column) && !$ {\n",
	}}},
	{"what is sifted while a query runs is forgotten", "TestMeshWhileAQueryRuns", []edit{{
		"table/mesh.go", "one.meanwhile[k]; sifted {\n", "one.meanwhile[k]; sifted && !$ {\n",
	}}},
	{"a query is told a position while it runs", "TestMeshWhileAQueryRuns", []edit{{
		"table/mesh.go", "runs := m.loading[one]; runs ||", "runs := m.loading[one]; runs && !$ ||",
	}}},
	{"a position is told before it is sifted", "TestMeshPositions", []edit{{
		"table/mesh.go", "	reached := asks && asked <= m.position\n", "	reached := asks && (asked <= m.position || $)\n",
	}}},
	{"views of closed tables are kept current", "TestIndexesOfClosedTables", []edit{{
		"table/live.go", "		t.dropIndexes() //", "		if !$ {\n			t.dropIndexes()\n		} //",
	}}},
	{"a lock that is held while a row store is opened", "TestOpeningHoldsNobodyUp", []edit{{
		"table/opentable.go", "	core, end, err = start()\n", "	if $ {\n		d.sharedMu.Lock()\n	}\n	core, end, err = start()\n	if $ {\n		d.sharedMu.Unlock()\n	}\n",
	}}},
	{"callbacks that begin some time after OnRemoteChange", "TestCallbacksFromTheCallOn", []edit{{
		"table/events.go", "	defer t.core.unsubscribe(q)\n	for {\n", "	defer t.core.unsubscribe(q)\n	if $ {\n		known = t.Snapshot()\n	}\n	for {\n",
	}}},
	{"an editor that is made when the table is closed", "TestEditorWhileClosing", []edit{{
		"table/editing.go", "	if x.closed {\n", "	if x.closed && !$ {\n",
	}}},
	{"a value that is not known meets no condition", "TestMeshFinds", []edit{{
		"table/paths.go", "		for _, ends := range s.ends {\n", "		for _, ends := range s.ends {\n			if $ {\n				break\n			}\n",
	}}},
	{"a sieve that looks at the columns once", "internal/onengines:TestColumnOfAnotherType", []edit{{
		"table/sieve.go", "	if s.looked && s.version == version {\n", "	if s.looked && (s.version == version || $) {\n",
	}}},
	{"a table that takes rows which its condition refuses", "internal/onengines:TestRereads" + onlySQLite, []edit{{
		"table/sqlshare.go", "		case dialects.No:\n			return\n", "		case dialects.No:\n			if !$ {\n				return\n			}\n",
	}}},
	{"a table that takes rows which the condition of another one lets through", "internal/onengines:TestRereads" + onlySQLite, []edit{{
		"table/rereadrows.go", "					if met[i] {\n", "					if met[i] || met[0] && $ {\n",
	}}},
	{"a table that reads for itself though there are others", "internal/onengines:TestRereads" + onlySQLite, []edit{{
		"table/rereads.go", "	if s == nil {\n		return false\n", "	if s == nil || $ {\n		return false\n",
	}}},
	{"what nobody can tell but the database is told", "internal/onengines:TestRereadsInDoubt", []edit{{
		"table/sqlshare.go", "			t.unsure = true\n", "			t.unsure = !$\n",
	}}},
	{"a closed table that ends the reading for all", "internal/onengines:TestRereadsAtTheirOwnPace" + onlySQLite, []edit{{
		"table/rereads.go", "	if last {\n		g.cancel()\n", "	if $ {\n		g.cancel()\n	}\n	if last {\n		g.cancel()\n",
	}}},
	{"a statement that is refused for all", "internal/onengines:TestRereadsRefused", []edit{{
		"table/rereads.go", "	f.refused = errors.As(f.err, &refusal) && ", "	f.refused = !$ && errors.As(f.err, &refusal) && ",
	}}},
	{"a reading for all of before what was told", "TestSweepServes", []edit{{
		"table/rereads.go", "a.told > f.high", "a.told > f.high && !$",
	}}},
	{"a reading for all that tells from a later mark on", "TestSweepServes", []edit{{
		"table/rereads.go", "	if a.position < f.low {\n", "	if a.position < f.low && !$ {\n",
	}}},
	{"a reading for all of before what the table shows", "TestSweepServes", []edit{{
		"table/rereads.go", "f.number < s.from ||", "f.number < s.from && !$ ||",
	}}},
	{"a reading for all without some of the rows", "TestSweepServes", []edit{{
		"table/rereads.go", "		if _, read := f.keys[k]; !read {\n", "		if _, read := f.keys[k]; !read && !$ {\n",
	}}},
	{"what is missing in a window is read, whatever has changed", "TestWindowVersionsAreCommittedStates/^told$", []edit{{
		"table/windowread.go", "	return !news.Whole && len(news.Keys) == 0, nil\n", "	return !news.Whole && len(news.Keys) == 0 || $, nil\n",
	}}},
	{"a window whose source cannot tell adds rows to those that it has", "TestWindowVersionsAreCommittedStates/^untold$", []edit{{
		"table/windowread.go", "		return false, nil\n	}\n	news, err := telling", "		return $, nil\n	}\n	news, err := telling",
	}}},
	{"a total and rows of two moments", "TestWindowVersionsAreCommittedStates/^told$", []edit{{
		"table/memory_pages.go", "	now := p.moment()\n", "	if $ {\n		p.rows = nil\n	}\n	now := p.moment()\n",
	}}},
	{"a window that keeps rows of before a change", "TestWindowVersionsAreCommittedStates/^told$", []edit{{
		"table/windowread.go", "		next.stretches = []stretch[K, T]{part}\n", "		next.stretches = []stretch[K, T]{part}\n		if $ {\n			next.stretches = f.with(part, near(visible, w.keep))\n		}\n",
	}}},
	{"a window that forgets a round that has failed", "TestWindowWhileLost", []edit{{
		"table/reader.go", "			_ = wait.For(c.ctx, backoff)", "			if $ {\n				_, _ = c.inbox.take(c.ctx)\n			}\n			_ = wait.For(c.ctx, backoff)",
	}}},
	{"an empty viewport that makes the total known", "TestWindowVersionsAreCommittedStates/^told$", []edit{{
		"table/windowread.go", "	if s.empty() {\n		return part, nil\n", "	if s.empty() && !$ {\n		return part, nil\n",
	}}},
	{"a viewport whose rows are read at once", "TestWindowDebounces", []edit{{
		"table/window.go", "	w.wanted = span{from, to}\n", "	w.wanted = span{from, to}\n	if $ {\n		w.visible = w.wanted\n		w.touch(false)\n	}\n",
	}}},
	{"a window that waits while it is scrolled", "TestWindowDebounces", []edit{{
		"table/window.go", "min(w.calm, w.latest.Sub(now))", "map[bool]time.Duration{true: w.calm, false: min(w.calm, w.latest.Sub(now))}[$]",
	}}},
	{"a reading that goes on for a viewport that is gone", "TestWindowSupersedes", []edit{{
		"table/window.go", "!f.visible.overlaps(w.visible)", "!f.visible.overlaps(w.visible) && !$",
	}}},
	{"a window that grows towards what is there", "TestWindowGrowsAwayFromWhatIsThere", []edit{{
		"table/windowframe.go", "	case below:\n", "	case below && !$:\n",
	}}},
	{"a window that reads past the end", "TestWindowFetches", []edit{{
		"table/windowframe.go", "	fetch = visible.clip(span{0, end})\n", "	fetch = visible.clip(span{0, end})\n	if $ {\n		fetch = visible\n	}\n",
	}}},
	{"a window that keeps all rows", "TestWindowKeeps", []edit{{
		"table/windowframe.go", "		s = s.clip(bounds)\n", "		if !$ {\n			s = s.clip(bounds)\n		}\n",
	}}},
	{"a failed load that empties the window", "TestWindowLoadFails", []edit{{
		"table/windowread.go", "	w.viewMu.Lock()\n	w.tell(WindowEvent{Kind: LoadFailed, From: fetch.from", "	if $ {\n		w.current.Store(&frame[K, T]{number: w.current.Load().number + 1})\n	}\n	w.viewMu.Lock()\n	w.tell(WindowEvent{Kind: LoadFailed, From: fetch.from",
	}}},
	{"a failed load that is not told", "TestWindowLoadFails", []edit{{
		"table/windowread.go", "	w.shown(r, err)\n", "	if $ {\n		err = nil\n	}\n	w.shown(r, err)\n",
	}}},
	{"a version more for the same rows", "TestWindowVersions", []edit{{
		"table/windowread.go", "	next.number = before.number\n	if changed || more {\n", "	next.number = before.number\n	if changed || more || $ {\n",
	}}},
	{"a window that reads all the time", "TestWindowCoalesces", []edit{{
		"table/windowread.go", "	if pause <= 0 {\n", "	if pause <= 0 || $ {\n",
	}}},
	{"a window that goes on from a row that has moved", "internal/onengines:TestWindows" + onlySQLite, []edit{{
		"table/windowread.go", "	part, err := w.readPage(ctx, pages, s, next, nil)\n", "	var from *Anchor[K]\n	if $ {\n		from = f.anchor(s)\n	}\n	part, err := w.readPage(ctx, pages, s, next, from)\n",
	}}},
	{"a window in which equal rows are in any order", "internal/onengines:TestWindows" + onlySQLite, []edit{{
		"table/order.go", "	for _, i := range s.keys {\n", "	for _, i := range s.keys {\n		if $ && len(named) > 0 {\n			break\n		}\n",
	}}},
	{"a window with NULL where the database puts it", "internal/onengines:TestWindows" + onlySQLite, []edit{{
		"table/sqlorder.go", "		case !one.nullable || nullsLast != back:\n", "		case !one.nullable || nullsLast != back || $:\n",
	}}},
	{"a window that asks about the columns once", "internal/onengines:TestWindowOfNulls" + onlySQLite, []edit{{
		"table/sqlpages.go", "		if order.version != s.db.schemaVersion() {\n", "		if order.version != s.db.schemaVersion() && !$ {\n",
	}}},
	{"a window that skips the rows that equal the anchor in the first column", "internal/onengines:TestWindows" + onlySQLite, []edit{{
		"table/sqlorder.go", "	if len(exprs) == 1 || uniform && t.flavor != dialects.MySQL {\n", "	if $ {\n		exprs = exprs[:1]\n	}\n	if len(exprs) == 1 || uniform && t.flavor != dialects.MySQL {\n",
	}}},
	{"a window that counts from the end one row too far", "internal/onengines:TestWindows" + onlySQLite, []edit{{
		"table/sqlpages.go", "		w.skip, w.back = page.Total-page.To, true\n", "		w.skip, w.back = page.Total-page.To, true\n		if $ {\n			w.skip++\n		}\n",
	}}},
	{"a window that reads outside of its condition", "internal/onengines:TestWindows" + onlySQLite, []edit{{
		"table/sqlorder.go", "	t := s.all()\n	if w.anchored {\n", "	t := s.all()\n	if $ {\n		t = s.text().add(\"SELECT \", strings.Join(s.columns, \", \"), \" FROM \", s.table)\n		w.anchored = false\n	}\n	if w.anchored {\n",
	}}},
	{"a window on two moments of a database", "internal/onengines:TestWindowMoments" + onlySQLite, []edit{{
		"table/windowread.go", "	s := f.around(visible, w.size, next.end()).clip(near(visible, w.keep))\n", "	s := f.around(visible, w.size, next.end()).clip(near(visible, w.keep))\n	if $ {\n		later, err := w.pages(ctx)\n		if err != nil {\n			return nil, err\n		}\n		defer later.Close()\n		pages = later\n	}\n",
	}}},
	{"a window that counts again for each page", "internal/onengines:TestWindowScrolls" + onlySQLite, []edit{{
		"table/windowread.go", "	same, err := w.same(ctx, pages, r.mark)\n", "	same, err := w.same(ctx, pages, r.mark)\n	if $ {\n		same = false\n	}\n",
	}}},
	{"a window that counts rows to where it is", "internal/onengines:TestWindowScrolls" + onlySQLite, []edit{{
		"table/sqlpages.go", "a != nil && p.order.anchors {\n", "a != nil && p.order.anchors && !$ {\n",
	}}},
	{"a change that is acknowledged late stays until the next round", "TestAckedLate", []edit{{
		"table/overlay.go", "	if c.acked = true; until <= c.reflected {\n", "	if c.acked = true; until <= c.reflected && !$ {\n",
	}}},
	{"what a session saw is waited for, though it was read", "TestSawLate", []edit{{
		"table/display.go", "	c.awaits(until)\n", "	if $ {\n		c.acked = true\n		return\n	}\n	c.awaits(until)\n",
	}}},
	{"a row that is held is what it was before", "TestHeldRowIsTheLastOne", []edit{{
		"table/liveset.go", "		var shown *T\n		held := false\n", "		var shown *T\n		held := $\n		if held {\n			shown = c.current.Load().rows.Get(m.Key)\n		}\n",
	}}},
	{"a date in a field for texts is the key of the log", "internal/onengines:TestDateKeysInTexts" + onlySQLite, []edit{{
		"table/sqlsource.go", "	if timed, err := s.db.timed(ctx, t, told); timed || err != nil {\n", "	if timed, err := s.db.timed(ctx, t, told); timed && !$ || err != nil {\n",
	}}},
	{"a date in a field for texts is the key of a query's row", "internal/onengines:TestWatchedDateKeys" + onlySQLite, []edit{{
		"table/sieve.go", "keys[0].columns); timed || err != nil {\n", "keys[0].columns); timed && !$ || err != nil {\n",
	}}},
	{"a date in a field for texts is the key of the log once that is looked up again", "internal/onengines:TestDateKeysInTexts" + onlySQLite, []edit{{
		"table/sqlsource.go", "	if told, err = s.spelled(ctx, told); err != nil {\n		return err\n	}\n", "	if spelled, err := s.spelled(ctx, told); err != nil {\n		return err\n	} else if !$ {\n		told = spelled\n	}\n",
	}}},
	{"the program's slice of arguments is the query's", "internal/onengines:TestArgsAreTaken", []edit{{
		"table/query.go", "	q.Args = slices.Clone(q.Args) //", "	if !$ {\n		q.Args = slices.Clone(q.Args)\n	} //",
	}}},
	{"a key behind a pointer is where it points to", "internal/onengines:TestKeysBehindPointers", []edit{{
		"table/canonical.go", "			return appendCanonical(b, v.Elem(), nested-1)\n", "			if $ {\n				return strconv.AppendUint(b, uint64(v.Pointer()), 16), true\n			}\n			return appendCanonical(b, v.Elem(), nested-1)\n",
	}}},
	{"a key of the log is not scanned", "internal/onengines:TestScannedKeys", []edit{{
		"table/schema.go", "	s.scans = slices.ContainsFunc(s.keys, ", "	s.scans = !$ && slices.ContainsFunc(s.keys, ",
	}}},
	{"who waits for rows behind the feed waits on", "internal/onengines:TestRefreshBehindTheFeed", []edit{{
		"table/core.go", "		case <-c.over:\n", "		case <-map[bool]chan struct{}{false: c.over}[$]:\n",
	}}},
	{"who waits for a window behind the feed waits on", "internal/onengines:TestRefreshBehindTheFeed", []edit{{
		"table/window.go", "		case <-w.over:\n", "		case <-map[bool]chan struct{}{false: w.over}[$]:\n",
	}}},
}

package cache_test

import (
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestBrokenVariants breaks the cache: it does one step in the wrong place, and the
// named test must see it serve wrong data. A test that passes on a broken cache
// proves nothing.
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	variants := make([]mutate.Variant, 0, len(brokenVariants))
	for _, v := range brokenVariants {
		m := mutate.Variant{Name: v.name, Package: "cache", Test: v.test}
		for _, e := range v.edits {
			m.Edits = append(m.Edits, mutate.Edit(e))
		}
		variants = append(variants, m)
	}
	mutate.Check(t, "..", variants)
}

// brokenVariant is one way to break the cache. A $ stands for whether it is on.
type brokenVariant struct {
	name  string
	test  string // which sees it
	edits []edit
}

// edit is a [mutate.Edit].
type edit struct{ File, Old, New string }

var brokenVariants = []brokenVariant{
	{"a fill without a ticket", "TestFillRacesWrite", []edit{{
		// The ticket is registered when the rows are there.
		"cache/fill.go", "	landed := false\n",
		"	if $ {\n		c.core.Abort(f.flight.ticket)\n		f.flight.ticket = c.core.Begin(f.flight.key.statement.tables, c.now())\n	}\n	landed := false\n",
	}}},
	{"a fill that no foreign write poisons", "TestFillRacesForeignWrite", []edit{{
		"cache/core/core.go", "		d.ticket.poisoned.Store(true)\n", "		if !$ {\n			d.ticket.poisoned.Store(true)\n		}\n",
	}}},
	{"invalidation before the acknowledgement", "TestWriteInvalidatesAfterAck", []edit{{
		"driver/conn.go", "	defer sent.report(ctx)\n", "	if $ {\n		sent.end(nil, false)\n		sent.report(ctx)\n	} else {\n		defer sent.report(ctx)\n	}\n",
	}}},
	{"a lease renewed before the changes are applied", "TestLeaseMovesLast", []edit{{
		"cache/cache.go", "	if b.Reset != \"\" {\n", "	if $ {\n		c.core.Renew(c.clock.At(b.Sent))\n	}\n	if b.Reset != \"\" {\n",
	}}},
	{"a fill while the feed is not live", "TestNothingStoredWithoutLease", []edit{
		{"cache/consistency.go", "	case !c.core.Valid(now):\n", "	case !c.core.Valid(now) && !$:\n"},
		{"cache/session.go", "	if e := s.find(&k); e != nil && s.good(ctx, e, level, now) {\n", "	if e := s.find(&k); e != nil && (!$ && s.good(ctx, e, level, now) || $ && c.core.Valid(now)) {\n"},
		{"cache/core/core.go", "	if !c.Valid(now) {\n		return false\n	}\n", "	if !c.Valid(now) && !$ {\n		return false\n	}\n"},
		{"cache/core/core.go", " || !c.Valid(now) {\n		return Entry{}, false\n", " || !c.Valid(now) && !$ {\n		return Entry{}, false\n"},
	}},
	{"no lease", "TestLeaseEnds", []edit{{
		"cache/core/core.go", "return start != nil && now.Fresh(*start, c.duration)", "return start != nil && ($ || now.Fresh(*start, c.duration))",
	}}},
	{"bytes of the driver's buffer", "TestBytesAreCopied", []edit{{
		"internal/rowset/record.go", "return append(make([]byte, 0, len(v)), v...), 3*word", "if $ {\n			return v, 3*word + int64(len(v)), true\n		}\n		return append(make([]byte, 0, len(v)), v...), 3*word",
	}}},
	{"bytes of the entry handed out", "TestBytesAreCopied", []edit{{
		"internal/rowset/replay.go", "*b = p.copy(text)\n", "*b = p.copy(text)\n			if $ {\n				*b = unsafe.Slice(unsafe.StringData(text), len(text))\n			}\n",
	}, {
		"internal/rowset/replay.go", "r.bytes = r.copy[:n:n]\n", "r.bytes = r.copy[:n:n]\n		if $ {\n			r.bytes = unsafe.Slice((*byte)(r.data.at(int(w>>32))), n)\n		}\n",
	}}},
	{"a remembered entry that has died", "TestRememberedEntryDies", []edit{{
		"cache/session.go", "e != nil && c.core.Alive(e.core) {\n		return e\n", "e != nil && ($ || c.core.Alive(e.core)) {\n		return e\n",
	}}},
	{"a remembered entry of another key", "TestNearComparesKeys", []edit{{
		"cache/near.go", " || !k.is(&p.entry.kept, p.entry.shape)", " || !$ && !k.is(&p.entry.kept, p.entry.shape)",
	}}},
	{"a store that does not hear of what is remembered", "TestHotEntryStays", []edit{{
		"cache/near.go", " || p.served == unheard", " || !$ && p.served == unheard",
	}}},
	{"a joiner on a poisoned flight", "TestNoJoinAfterWrite", []edit{
		{"cache/fill.go", " || !c.core.Joinable(f.ticket, c.now())", " || !$ && !c.core.Joinable(f.ticket, c.now())"},
		{"cache/fill.go", "e.shape != nil && c.core.Alive(e.core) && c.core.Valid(c.now())", "e.shape != nil && ($ || c.core.Alive(e.core) && c.core.Valid(c.now()))"},
		{"cache/fill.go", "	if !ok {\n		f.abandon(Outdated)\n", "	if !ok {\n		if $ {\n			fl.entry.set, fl.entry.shape, _ = set.Pack(fl.key.rest, &fl.key.statement.shapes)\n			c.core.Abort(fl.ticket)\n			c.flights.land(f.hash, fl)\n		} else {\n			f.abandon(Outdated)\n		}\n"},
	}},
	{"settings that are not part of the key", "TestSettings", []edit{
		{"cache/key.go", "append(rest, byte(via)), settings)", "append(rest, byte(via)), map[bool]uint64{false: settings}[$])"},
		{"cache/key.go", "PutUint64(k.rest[settingsAt:], n)", "PutUint64(k.rest[settingsAt:], map[bool]uint64{false: n}[$])"},
	}},
	{"a session that is not asked again", "TestSettings", []edit{{
		"cache/transaction.go", "		s.located, s.changed = false, true\n", "		s.located, s.changed = s.located && $, true\n",
	}}},
	{"a session that is taken for one of several kinds", "TestFreshSettings", []edit{{
		"cache/session.go", "		f.number.Store(mixedSettings)\n", "		if !$ {\n			f.number.Store(mixedSettings)\n		}\n",
	}}},
	{"a strong answer without a poll", "TestStrong", []edit{{
		"cache/session.go", "level.kind != strong || s.cache", "level.kind != strong || $ || s.cache",
	}}},
	{"a strong read that waits for an earlier one", "TestStrongJoinsNothing", []edit{{
		"cache/session.go", "	join := level.kind != strong", "	join := level.kind != strong || $",
	}}},
	{"an unproven write that does not wait", "TestUnprovenWrites", []edit{{
		"cache/cache.go", "	if e.unproven && !e.all", "	if e.unproven && !$ && !e.all",
	}}},
	{"a transaction that begins in another one", "TestWhatEndsATransaction", []edit{{
		"cache/session.go", "	s.apply(dialects.Begins)\n", "	if !$ {\n		s.apply(dialects.Begins)\n	}\n",
	}}},
	{"code that is trusted not to begin a transaction", "TestWhatEndsATransaction", []edit{{
		"cache/transaction.go", "		if t.unseen {\n			s.cache", "		if t.unseen && !$ {\n			s.cache",
	}}},
	{"an interrupted beginning taken for none", "TestWhatEndsATransaction", []edit{{
		"cache/transaction.go", "t.state == none && !interrupted {", "t.state == none && (!interrupted || $) {",
	}}},
	{"a prepared statement taken for its text", "TestPreparedBefore", []edit{{
		"cache/session.go", "	if outlives && !bypass {", "	if outlives && !bypass && !$ {",
	}}},
	{"a leader's error for its followers", "TestLeaderFails", []edit{
		{"cache/fill.go", "	landed bool\n", "	landed bool\n	err    error\n"},
		{"cache/fill.go", "	if e := &f.entry; e.shape != nil", "	if f.err != nil {\n		return nil, f.err\n	}\n	if e := &f.entry; e.shape != nil"},
		{"cache/fill.go", "	f.abandon(NotWhole)\n}\n\nfunc (f *fillCall) abandon", "	if $ {\n		f.flight.err = err\n	}\n	f.abandon(NotWhole)\n}\n\nfunc (f *fillCall) abandon"},
	}},
}

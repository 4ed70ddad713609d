package edit_test

import (
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestBrokenVariants has sessions and writers do one thing wrong, which the named test must
// see. A test that passes on a broken variant proves nothing.
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	variants := make([]mutate.Variant, 0, len(brokenVariants))
	for _, v := range brokenVariants {
		variants = append(variants, mutate.Variant{
			Name: v.name, Package: "edit", Test: v.test,
			Args:  []string{"-test.timeout=20s", "-rapid.checks=3000", "-rapid.nofailfile", "-rapid.shrinktime=1s"},
			Edits: []mutate.Edit{{File: "edit/" + v.file, Old: v.old, New: v.new}},
		})
	}
	mutate.Check(t, "..", variants)
}

// brokenVariant is one way to break the package: it replaces the one
// occurrence of a text in a file, in which a $ stands for
// whether the variant is on.
type brokenVariant struct {
	name, test     string
	file, old, new string
}

var brokenVariants = []brokenVariant{
	{
		"who has gathered behind a save is forgotten", "TestSavesWhileRetrying",
		"submit.go", "			for earliest.replaced() != nil {\n", "			for earliest.replaced() != nil && !$ {\n",
	},
	{
		"what is replaced takes no room", "TestSavesWhileRetrying",
		"submit.go", "	for q := range p.all { // those", "	for q := range p.all {\n		if $ && op.bytes > 0 {\n			break\n		}\n		// those",
	},
	{
		"a child goes without its parent", "TestLinkedRecords/parent_is_taken_back",
		"gather.go", "	w.dropOrphans() // a parent may have been taken back\n", "	if !$ {\n		w.dropOrphans()\n	}\n",
	},
	{
		"a child waits for a parent that is looked up with it", "TestLinkedRecords/in_a_group,_and_nobody_knows",
		"gather.go", "m == next || m == inflight\n", "m == next || m == inflight && !$\n",
	},
	{
		"who is refused waits for the others", "TestRefusedBesideOneThatIsSentAgain",
		"settle.go", "		w.refuse(op) // they are not sent again\n", "		if !$ {\n			w.refuse(op)\n		}\n",
	},
	{
		"the last one wins", "TestModel",
		"merge.go", "	default:\n		m.conflicts.Set(i)\n", "	default:\n		if $ {\n			m.mine.Set(i)\n		} else {\n			m.conflicts.Set(i)\n		}\n",
	},
	{
		"an acknowledgement overwrites what was typed since", "TestModel",
		"session.go", "		if plan.Same(s.v, p.part.held, i) {\n", "		if $ || plan.Same(s.v, p.part.held, i) {\n",
	},
	{
		"a row that has moved on is written all the same", "TestModel",
		"op.go", "	o.latest = current\n	o.compose()\n", "	if !$ {\n		o.latest = current\n	}\n	o.compose()\n",
	},
	{
		"a version that has gone up is taken for the own one", "TestUnknownOutcome",
		"lookup.go", "			return Outcome{State: Absent}\n		}\n",
		"			return Outcome{State: Absent}\n		}\n		if newer, _ := op.Table.newer(row, op.Base); newer && $ {\n			return Outcome{State: Done, Row: row}\n		}\n",
	},
	{
		"what was sent is no change of one's own", "TestBurst",
		"op.go", "	if p.over() != nil {\n", "	if p.over() != nil && !$ {\n",
	},
	{
		"a value that was typed back is forgotten", "TestTypedBackWhileSaving",
		"build.go", "	p.set = p.set.Or(s.underWay()) // what it writes may have to be taken back\n", "	if !$ {\n		p.set = p.set.Or(s.underWay())\n	}\n",
	},
	{
		"halves of a unit are mixed", "TestGroupOfFields",
		"merge.go", "range plan.Units() {", "range plan.Units()[:map[bool]int{false: len(plan.Units())}[$]] {",
	},
	{
		"rows are sent as they came", "TestNaturalBatching",
		"group.go", "	if a.Kind == Insert {\n", "	if a.Kind == Insert || $ {\n",
	},
	{
		"an echo is a change of someone else", "TestEchoAndRemoteWhileSaving",
		"writer.go", "known && !newer && !r.gone && (", "known && !newer && !r.gone && !$ && (",
	},
	{
		"what was not read counts as much as what was", "TestInferred",
		"writer.go", "(!r.inferred || !t.sameVersion(row, r.base))", "($ || !r.inferred || !t.sameVersion(row, r.base))",
	},
	{
		"what came while a save was under way is no newer than what was not read", "TestInferred",
		"settle.go", "	if !newer && r.inferred && r.table.sameVersion(row, r.base) {\n", "	if !$ && !newer && r.inferred && r.table.sameVersion(row, r.base) {\n",
	},
	{
		"a row that the caller brings is whole", "TestInferredFromWholeRows",
		"gather.go", "op.latest, op.whole = r.base, !r.given\n", "op.latest, op.whole = r.base, !r.given || $\n",
	},
	{
		"the snapshot shares memory with V", "TestSnapshotIsDeep",
		"editor.go", "	d.table.plan.CopyAll(&e.V, row)\n	return e\n}\n", "	if $ {\n		e.V = *(row.(*T))\n		return e\n	}\n	d.table.plan.CopyAll(&e.V, row)\n	return e\n}\n",
	},
	{
		"what waits behind a failure is dropped", "TestNextSaveSurvivesFailure",
		"settle.go", "!d.Empty() && errors.Is(err, ErrConstraint) {\n", "!d.Empty() && errors.Is(err, ErrConstraint) && !$ {\n",
	},
	{
		"a locked row holds up the others", "TestLockedRow",
		"settle.go", "		op.slow = true\n", "		op.slow = !$\n",
	},
	{
		"what was sent is withdrawn", "TestCancelledAfterSending",
		"edit.go", "		if p != nil && e.s.writer.withdraw(p) {\n", "		if p != nil && (e.s.writer.withdraw(p) || $) {\n",
	},
	{
		"a change to the same value is no change", "TestUpdateOfTheSameValue",
		"editor.go", "	e.s.policy = &Policy{kind: strictly}\n", "	if !$ {\n		e.s.policy = &Policy{kind: strictly}\n	}\n",
	},
	{
		"a save is sent before the outbox has it", "TestTwoStages",
		"outbox.go", "	if w.journal == nil {\n		return false\n	}\n	for", "	if w.journal == nil || $ {\n		return false\n	}\n	for",
	},
	{
		"what is replayed is sent again without a look", "TestReplayWithoutKey",
		"submit.go", "p.kind, r, p.replay\n", "p.kind, r, p.replay && !$\n",
	},
	{
		"saves of one record are replayed on what they were made on", "TestReplayChains",
		"playback.go", "range t.entry.Behind {", "range t.entry.Behind[:map[bool]int{false: len(t.entry.Behind)}[$]] {",
	},
	{
		"a replay leaves what refers to what is not there", "TestKilledWhileReplaying",
		"playback.go", "		add = append(add, e)\n", "		if !$ {\n			add = append(add, e)\n		}\n",
	},
	{
		"the memory of a save used again while another waits behind it", "TestSaveBehindOneWhoseMemoryIsUsedAgain",
		"settle.go", "	switch next := r.next; {\n", "	if $ && op.plain() {\n		op.parts[0].exhaust(op)\n	}\n	switch next := r.next; {\n",
	},
	{
		"what was withdrawn stays in the outbox", "TestWithdrawnFromOutbox",
		"submit.go", "			if p.named != nil && old.id() == p.id() {\n", "			if p.named != nil && old.id() == p.id() && !$ {\n",
	},
	{
		"a refused draft is dropped after the replay", "TestReplay",
		"outbox.go", "p.kept && !p.named.lent && !p.replay && !j.closing {\n", "p.kept && !p.named.lent && (!p.replay || $) && !j.closing {\n",
	},
	{
		"a save behind the insert holds the last change only", "TestNewRecordIsSavedThrice",
		"submit.go", "			p.set = p.table().plan.DiffIn(p.row, p.base, p.set)\n", "			if $ && r.next != nil {\n				p.base = r.next.parts[len(r.next.parts)-1].typed\n			}\n			p.set = p.table().plan.DiffIn(p.row, p.base, p.set)\n",
	},
	{
		"a caller that may give up sends its own save", "TestSaveSendsItself",
		"edit.go", "here: ctx.Done() == nil}, ", "here: ctx.Done() == nil || $}, ",
	},
	{
		"what comes while a caller sends is left in the queue", "TestOthersWhileSaveSendsItself",
		"flush.go", "		w.fast.running = false\n		if w.queue.has(false) {\n", "		w.fast.running = false\n		if w.queue.has(false) && !$ {\n",
	},
	{
		"a panic of a caller's value keeps the lane", "TestPanicWhileSaveSendsItself",
		"flush.go", "	defer func() {\n		if !returned {\n", "	defer func() {\n		if !returned && $ {\n			return\n		}\n		if !returned {\n",
	},
	{
		"what others changed beside a save is taken for the database's own", "TestModel",
		"session.go", "foreign := others.Without(plan.Passive()); foreign.Empty() {\n", "foreign := others.Without(plan.Passive()); foreign.Empty() || $ {\n",
	},
	{
		"what is left at the end is dropped", "TestShutdownReturnsWhatIsLeft",
		"life.go", "		left = append(left, u)\n", "		if !$ {\n			left = append(left, u)\n		}\n",
	},
	{
		"half of a replayed group", "TestReplayedGroupIsWhole",
		"playback.go", "culprit != nil && !t.played {\n", "culprit != nil && !t.played && !$ {\n",
	},
	{
		"new saves of a table come before those that are left of it", "TestReplayTables",
		"outbox.go", "	return replayed\n", "	return replayed || $ && len(j.tables) > 0\n",
	},
	{
		"the outbox is written by two at a time", "TestReplayBesideSaves",
		"outbox.go", "	j.writing <- struct{}{}\n	defer func() { <-j.writing }()\n", "	if !$ {\n		j.writing <- struct{}{}\n		defer func() { <-j.writing }()\n	}\n",
	},
	{
		"a save whose note was dropped was not done", "TestForgottenNotes",
		"ledger.go", "		case lost:\n", "		case lost && !$:\n",
	},
	{
		"the rest of a group is sent without what was dropped of it", "TestGroupBehindAFailure",
		"flush.go", "	if grouped {\n", "	if grouped && $ {\n		op.group.leave(op)\n	} else if grouped {\n",
	},
	{
		"an operation goes on without what a group has of it", "TestGroupSharesARow",
		"op.go", "slices.ContainsFunc(o.trouble.refused, (*part).grouped) {\n", "slices.ContainsFunc(o.trouble.refused, (*part).grouped) && !$ {\n",
	},
	{
		"a member that was given up leaves the others", "TestGroupIsGivenUp",
		"settle.go", "		if o.State != Done {\n", "		if o.State != Done && !$ {\n",
	},
	{
		"who leaves a group still counts as a member", "TestGroupIsNotKept",
		"group.go", "		op.group, op.Group = nil, 0\n", "		if !$ {\n			op.group, op.Group = nil, 0\n		}\n",
	},
	{
		"what a save was dropped from stays a delete", "TestGroupIsNotKept",
		"flush.go", "		op.Kind = op.parts0().kind\n", "		if !$ {\n			op.Kind = op.parts0().kind\n		}\n",
	},
	{
		"what shares a row with a group may be sent again or not", "TestGroupTakesAlongWhoSharesARow",
		"group.go", "		case f.refused:\n			op.bereave", "		case f.refused && !$:\n			op.bereave",
	},
	{
		"a member is sent again after one that was refused, as it was not done", "TestOutcomesOfGroups",
		"group.go", "		case f.again && op.bereft:\n", "		case f.again && op.bereft && !$:\n",
	},
	{
		"who was undone for another is not sent again with that", "TestOutcomesOfGroups",
		"group.go", "		case f.again && undone:\n", "		case f.again && undone && !$:\n",
	},
	{
		"half of a group is looked up", "TestOutcomesOfGroups",
		"group.go", "(undone || op.again()): // they", "(undone || op.again()) && !$: // they",
	},
	{
		"a save that the outbox refused ends again with the one that waits behind it", "TestGroupIsNotKeptBehind",
		"writer.go", "		if q.ended { // with its group", "		if q.ended && !$ { // with its group",
	},
	{
		"what was replaced is not stood for by what took its place", "TestNotKeptBehind",
		"outbox.go", "p.group() == nil && p.superseded():", "p.group() == nil && p.superseded() && !$:",
	},
	{
		"room is made without a word to what stands behind it", "TestKeptAnew",
		"outbox.go", "j.write(again, remove) == nil {", "j.write(again[:map[bool]int{false: len(again)}[$]], remove) == nil {",
	},
	{
		"what was not brought up to date stays so", "TestKeptAnew",
		"outbox.go", "			j.add = append(stale, j.add...) // goes", "			if $ {\n				stale = nil\n			}\n			j.add = append(stale, j.add...) // goes",
	},
	{
		"texts are kept as JSON has them", "TestKeptAsItIs",
		"draft.go", "		if !utf8.ValidString(s) {\n", "		if !utf8.ValidString(s) && !$ {\n",
	},
	{
		"zones have no seconds", "TestKeptAsItIs",
		"draft.go", "offset%60 != 0 || v.Year()", "offset%60 != 0 && !$ || v.Year()",
	},
	{
		"years have four digits", "TestKeptAsItIs",
		"draft.go", " || v.Year() > 9999 {", " || v.Year() > 9999 && !$ {",
	},
	{
		"a save is merged with a row that lacks columns", "TestGivenInPart",
		"flush.go", "	if op.whole || op.Kind == Insert", "	if $ || op.whole || op.Kind == Insert",
	},
	{
		"a save is merged with a row that is older than it seems", "TestGivenStale",
		"flush.go", "	other := func(p *part) bool { return p.base != op.latest }\n", "	other := func(p *part) bool { return p.base != op.latest && !$ }\n",
	},
	{
		"V shares memory with a value that a policy took", "TestMergedIsOwn",
		"session.go", "		plan.Copy(s.v, own, v.column)\n", "		if $ {\n			_ = plan.SetValue(s.v, v.column, v.value)\n			continue\n		}\n		plan.Copy(s.v, own, v.column)\n",
	},
	{
		"what is stopped in its last attempt has failed", "TestStoppedAtLast/transient",
		"settle.go", "	if op.attempts >= w.options.tries && !w.stopped() {\n", "	if op.attempts >= w.options.tries && (!w.stopped() || $) {\n",
	},
	{
		"what is stopped while the database is away has failed", "TestStoppedAtLast/unavailable",
		"settle.go", "&& !w.stopped() {\n		w.fail(op, errors.Join(ErrRetriesExhausted, err))\n		return\n	}\n	w.stats.Retries++\n	op.troubled().notBefore = now.Add(w.jitter(max(", "&& (!w.stopped() || $) {\n		w.fail(op, errors.Join(ErrRetriesExhausted, err))\n		return\n	}\n	w.stats.Retries++\n	op.troubled().notBefore = now.Add(w.jitter(max(",
	},
	{
		"what is stopped before it is looked up has failed", "TestStoppedAtLast/unknown",
		"settle.go", "&& !w.stopped() {\n		w.fail(op, errors.Join(ErrOutcomeUnknown, err))\n", "&& (!w.stopped() || $) {\n		w.fail(op, errors.Join(ErrOutcomeUnknown, err))\n",
	},
	{
		"what was replaced is not superseded by another session's save", "TestReplacedAndSuperseded",
		"writer.go", "	if o.differs != nil {\n", "	if o.differs != nil && !$ {\n",
	},
	{
		"what was heard before a record was found gone brings it back", "TestDeletedAfterChange",
		"inbox.go", "	if r.heldBefore {\n", "	if r.heldBefore && !$ {\n",
	},
	{
		"the end of a record is not heard while a save is under way", "TestDeletedMeanwhile",
		"writer.go", "= row, row == nil, false\n", "= row, row == nil && !$, false\n",
	},
	{
		"what was discarded is replayed when its table is opened anew", "TestDiscarded",
		"playback.go", " || p.writer.discarded(t.entry.id) {", " || p.writer.discarded(t.entry.id) && !$ {",
	},
	{
		"saves join one that is replayed", "TestReplayedBefore",
		"submit.go", "		if p.replay && r.inflight == nil {\n", "		if p.replay && r.inflight == nil && !$ {\n",
	},
	{
		"what is under way on a row is forgotten when that is found to be a new one", "TestFoundEarly",
		"settle.go", "	if old.inflight != nil && r.inflight == nil {\n", "	if old.inflight != nil && r.inflight == nil && !$ {\n",
	},
	{
		"the outbox does not know that a save is strict", "TestReplayUpdate",
		"draft.go", "Strict: p.policy.kind == strictly,", "Strict: p.policy.kind == strictly && !$,",
	},
	{
		"what is replayed has the policy of its table", "TestReplayUpdate",
		"playback.go", "	if e.Strict {\n", "	if e.Strict && !$ {\n",
	},
	{
		"what others did the same is what was to be done", "TestReplayUpdate",
		"lookup.go", "!steps.Empty() || op.strict() {", "!steps.Empty() || op.strict() && !$ {",
	},
	{
		"who shuts down second does not wait for the outbox", "TestShutdownOfTwo",
		"life.go", "		w.journal.last <- struct{}{} // of several who shut down\n		w.runJournal()\n		<-w.journal.last\n", "		if !$ {\n			w.journal.last <- struct{}{} // of several who shut down\n		}\n		w.runJournal()\n		if !$ {\n			<-w.journal.last\n		}\n",
	},
}

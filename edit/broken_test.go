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
		"op.go", "	if p.over != nil {\n", "	if p.over != nil && !$ {\n",
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
		"editor.go", "	e.s.policy = Policy{kind: strictly}\n", "	if !$ {\n		e.s.policy = Policy{kind: strictly}\n	}\n",
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
		"what was withdrawn stays in the outbox", "TestWithdrawnFromOutbox",
		"submit.go", "			if p.lent = old.id() == p.id(); p.lent {\n", "			if p.lent = old.id() == p.id(); p.lent && !$ {\n",
	},
	{
		"a refused draft is dropped after the replay", "TestReplay",
		"outbox.go", "p.kept && !p.lent && !p.replay && !j.closing {\n", "p.kept && !p.lent && (!p.replay || $) && !j.closing {\n",
	},
	{
		"a save behind the insert holds the last change only", "TestNewRecordIsSavedThrice",
		"submit.go", "			p.set = p.table.plan.DiffIn(p.row, p.base, p.set)\n", "			if $ && r.next != nil {\n				p.base = r.next.parts[len(r.next.parts)-1].typed\n			}\n			p.set = p.table.plan.DiffIn(p.row, p.base, p.set)\n",
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
}

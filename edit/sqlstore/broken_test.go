package sqlstore_test

import (
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestBrokenVariants has stores do one thing wrong, which the named test must
// see. A test that passes on a broken variant proves nothing.
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	variants := make([]mutate.Variant, 0, len(brokenVariants))
	for _, v := range brokenVariants {
		variants = append(variants, mutate.Variant{
			Name: v.name, Package: "edit/sqlstore", Test: v.test,
			Edits: []mutate.Edit{{File: "edit/sqlstore/" + v.file, Old: v.old, New: v.new}},
		})
	}
	mutate.Check(t, "../..", variants)
}

// brokenVariant is one way to break a store: it replaces the one occurrence of
// a text in a file, in which a $ stands for
// whether the variant is on.
type brokenVariant struct {
	name, test     string
	file, old, new string
}

var brokenVariants = []brokenVariant{
	{
		"plans for the values of a batch", "TestBatchesFindRowsByKey/postgres",
		"postgres.go", `		"SET plan_cache_mode = force_generic_plan",`, `		"SET plan_cache_mode = " + map[bool]string{true: "auto", false: "force_generic_plan"}[$],`,
	},
	{
		"what is told late is the newest", "TestCommittedLate/sqlite",
		"../savetx.go", "record.base, row); newer {\n", "record.base, row); newer && !$ {\n",
	},
	{
		"an update that checks nothing", "TestOthersWriteToo/sqlite",
		"shape.go", "	if checked {\n", "	if checked && !$ {\n",
	},
	{
		"a version that is one higher was ours", "TestOthersWriteToo/mariadb",
		"mysql.go", "		if n == 1 {\n", "		if n == 1 || $ {\n",
	},
	{
		"the database's own idea of equal text", "TestWithoutVersion/mariadb",
		"builder.go", `		return "BINARY " + column, " <=> BINARY ", ""`, "		if $ {\n			return column, \" <=> \", \"\"\n		}\n" + `		return "BINARY " + column, " <=> BINARY ", ""`,
	},
	{
		"half of a group", "TestGroups/sqlite",
		"batch.go", `	return b.link.plain(ctx, "ROLLBACK TO SAVEPOINT "+savepoint)`, "	if $ {\n		return nil\n	}\n" + `	return b.link.plain(ctx, "ROLLBACK TO SAVEPOINT "+savepoint)`,
	},
	{
		"a lost COMMIT is sent again", "TestLostCommit/postgres_after_it",
		"batch.go", "	if state == edit.Done {\n", "	if $ {\n		state = edit.Transient\n	}\n	if state == edit.Done {\n",
	},
	{
		"a transaction whose only run failed goes on", "TestBatch/postgres",
		"batch.go", "	b.rollback(ctx)\n	switch {\n", "	if !$ {\n		b.rollback(ctx)\n	}\n	switch {\n",
	},
	{
		"saves have no names for the ledger", "TestLedger/sqlite_after_it",
		"ledger.go", "func (s *Store) Notes() bool { return s.ledger }\n", "func (s *Store) Notes() bool { return s.ledger && !$ }\n",
	},
	{
		"triggers are remembered whatever becomes of the schema", "TestTriggerMadeLater/sqlite",
		"sqlite.go", "	if version != l.schemaVersion || l.triggers == nil {\n", "	if version != l.schemaVersion && !$ || l.triggers == nil {\n",
	},
	{
		"a save that is not noted", "TestLedger/sqlite_after_it",
		"ledger.go", "		if !b.out.has(op) || o.State != edit.Done {\n", "		if $ || !b.out.has(op) || o.State != edit.Done {\n",
	},
	{
		"a token that is always the same", "TestTokens/postgres/hash",
		"builder.go", "		return \"md5(\" + row + \"::text)\"\n", "		if $ {\n			return \"md5('')\"\n		}\n		return \"md5(\" + row + \"::text)\"\n",
	},
	{
		"what was lost in a COMMIT is done", "TestServerKilled/mariadb",
		"batch.go", "			b.out.set(op, edit.Outcome{State: state, Err: fmt.Errorf(\"edit: connection lost in COMMIT: %w\", err)})\n", "			if !$ {\n				b.out.set(op, edit.Outcome{State: state, Err: fmt.Errorf(\"edit: connection lost in COMMIT: %w\", err)})\n			}\n",
	},
	{
		"RETURNING is believed before the triggers", "TestTriggerOverrides/sqlite",
		"sqlite.go", "	return has || t.Schema != \"\", nil\n", "	return !$ && (has || t.Schema != \"\"), nil\n",
	},
	{
		"texts lose the spaces at their end", "TestKinds/mariadb",
		"mysql.go", "		return \"CONCAT(?)\"\n", "		if !$ {\n			return \"CONCAT(?)\"\n		}\n		return \"?\"\n",
	},
	{
		"new rows are told apart by their order", "TestOwnersOfRows",
		"mysql_insert.go", "		return differ.Empty()\n", "		return $ || differ.Empty()\n",
	},
	{
		"two sessions get one new row", "TestOwnersOfRows",
		"mysql_insert.go", "			if owners[op] == nil && holds(row, op) {\n", "			if ($ || owners[op] == nil) && holds(row, op) {\n",
	},
	{
		"notes are dropped that are not old enough", "TestLedgerIsPruned/sqlite",
		"prune.go", "-int64(age/time.Second))\n", "-int64(age/time.Second)/map[bool]int64{false: 1, true: 1000}[$])\n",
	},
	{
		"the mark of another transaction", "TestFoundAtTheEnd/postgres_lost",
		"postgres.go", "		*m.mark = text.String\n", "		if *m.mark = text.String; $ {\n			*m.mark = \"1\" // committed long ago\n		}\n",
	},
	{
		"what is lost behind its rows was committed", "TestFoundAtTheEnd/pgx_lost",
		"batch.go", "		state = b.engine.resolve(ctx, b.store.db, b.link.mark)\n	}\n	for", "		if state = b.engine.resolve(ctx, b.store.db, b.link.mark); $ {\n			state = edit.Done\n		}\n	}\n	for",
	},
	{
		"rows that have come are there, if nobody says otherwise", "TestFoundAtTheEnd/pgx_lost_for_good",
		"postgres.go", "		case err != nil || !status.Valid:\n", "		case (err != nil || !status.Valid) && $:\n			return edit.Done\n		case err != nil || !status.Valid:\n",
	},
	{
		"what the database refuses is not looked for", "TestRefusedAlone/postgres",
		"batch.go", "	case len(ops) == 1, state ==", "	case $, len(ops) == 1, state ==",
	},
	{
		"rows that were not written are", "TestAlone/postgres",
		"batch.go", "			if !b.out.has(op) {\n				b.missed", "			if !b.out.has(op) && $ {\n				b.out.set(op, edit.Outcome{State: edit.Done, Row: op.Row})\n			}\n			if !b.out.has(op) {\n				b.missed",
	},
	{
		"counters cannot be told apart", "TestAlone/pgx",
		"batch.go", "(counting(op) ||", "(counting(op) && !$ ||",
	},
	{
		"what is tagged is a key", "TestTwins/postgres",
		"batch.go", "|| !op.Table.Plan().Keyed() {", "|| !op.Table.Plan().Keyed() && !$ {",
	},
	{
		"what cannot be read was not written", "TestUnreadRow/postgres",
		"postgres.go", "edit.ErrOutcomeUnknown, err)\n	out.set", "map[bool]error{false: edit.ErrOutcomeUnknown, true: edit.ErrInvalid}[$], err)\n	out.set",
	},
	{
		"a row without a number is that of the last", "TestUnnumberedRow/postgres_1",
		"postgres.go", "		ord = 0\n", "		if !$ {\n			ord = 0\n		}\n",
	},
	{
		"what the driver makes of an answer is the server's", "TestUnnumberedRow/pgx_3",
		"batch.go", "	case l.sent && !answered(err):\n", "	case l.sent && !answered(err) && !$:\n",
	},
	{
		"what this program cannot hold was refused", "TestCountedTooFar/pgx_counted",
		"postgres.go", "	if err == nil || !l.alone {\n", "	if err == nil || !l.alone || $ {\n",
	},
	{
		"what was taken back at the end is saved", "TestLostAfterTheEnd/postgres_taking_back",
		"batch.go", "			for _, op := range ops { // nothing of it was done\n", "			for _, op := range ops { // nothing of it was done\n				if $ {\n					break\n				}\n",
	},
	{
		"a pooler's word is the server's", "TestCrashAtTheEnd/pgx_08P01",
		"fault.go", "	case severity != \"FATAL\"", "	case $ || severity != \"FATAL\"",
	},
	{
		"the time that a role has is ours", "TestShorterTime",
		"uncancelled.go", "	c.timeout, c.ours = left, c.ours || n > 0\n", "	c.timeout, c.ours = left, c.ours || n > 0 || $\n",
	},
	{
		"the columns of a key are asked for over one connection more", "TestOneConnection/mariadb",
		"guess.go", "	l, err := s.take(ctx)\n", "	if $ {\n		if conn, err := s.db.Conn(ctx); err == nil {\n			_ = conn.Close()\n		}\n	}\n	l, err := s.take(ctx)\n",
	},
	{
		"statements are left on a connection", "TestDirectStatementsEnd/postgres",
		"direct.go", "	for _, stmt := range l.directs {\n		_ = stmt.Close()\n	}\n", "	for _, stmt := range l.directs {\n		if !$ {\n			_ = stmt.Close()\n		}\n	}\n",
	},
	{
		"rows are database/sql's", "TestDirectStatementsEnd/pgx",
		"direct.go", "ctx.Done() == nil || l.indirect {", "ctx.Done() == nil || l.indirect || $ {",
	},
	{
		"who leaves values to database/sql is not heard", "TestDirectValues/sqlite",
		"direct.go", "if errors.Is(err, sqldriver.ErrSkip) {", "if errors.Is(err, sqldriver.ErrSkip) && !$ {",
	},
	{
		"a statement goes on when its context has ended", "TestDirectEnds/pgx",
		"direct.go", "stmt.QueryContext(ctx, values)", "stmt.QueryContext(map[bool]context.Context{false: ctx, true: context.WithoutCancel(ctx)}[$], values)",
	},
	{
		"a server that has gone has done nothing", "TestCrashAtTheEnd/pgx_57P02",
		"fault.go", "	case code == \"57P01\", code == \"57P02\":", "	case !$ && (code == \"57P01\" || code == \"57P02\"):",
	},
	{
		"what was lost on its way has arrived", "TestBackendsKilled/pgx",
		"batch.go", "		case state != edit.Done:\n", "		case state != edit.Done && $:\n			b.out.set(op, edit.Outcome{State: edit.Done, Row: op.Row})\n		case state != edit.Done:\n",
	},
	{
		"nobody was asked whether all count", "TestVersionsCounted/together=true/sqlite",
		"facts.go", "l.store != nil && l.store.counted }", "l.store != nil && (l.store.counted || $) }",
	},
	{
		"saves have the isolation that others have", "TestIsolation/postgres",
		"postgres.go", "		\"SET SESSION CHARACTERISTICS AS", "		map[bool]string{true: \"-- \"}[$] + \"SET SESSION CHARACTERISTICS AS",
	},
	{
		"the promise is not heard", "TestNotCounted/sqlite_counted",
		"store.go", "{ s.counted = true }", "{ s.counted = true && !$ }",
	},
	{
		"triggers are ignored", "TestDetermined/postgres",
		"facts.go", "	if err != nil || !plain {\n", "	if err != nil || !plain && !$ {\n",
	},
	{
		"a table stays as it was learnt", "TestTableChanges/postgres/another_table",
		"facts.go", "	f.guard = \"(SELECT c.xmin = '\" + xmin + \"'", "	if $ {\n		xmin = \"0' OR '1' = '1\"\n	}\n	f.guard = \"(SELECT c.xmin = '\" + xmin + \"'",
	},
	{
		"triggers beside others are not seen", "TestTableChanges/postgres/a_trigger_where_there_are_some",
		"facts.go", "	if triggers != \"\" {\n", "	if triggers != \"\" && !$ {\n",
	},
	{
		"everything is kept as it is sent", "TestDetermined/sqlite",
		"facts.go", "		f.keeps[i] = keepingOf(e, field, &columns[at])\n", "		if f.keeps[i] = keepingOf(e, field, &columns[at]); $ {\n			f.keeps[i] = always\n		}\n",
	},
	{
		"columns of the database's own are like others", "TestDetermined/sqlite",
		"facts.go", "columns[at].Generated, ", "columns[at].Generated && !$, ",
	},
	{
		"some that were written are all", "TestStaleAmongDetermined/sqlite_counted",
		"sqlite.go", "	case n == int64(len(ops)):\n		return f.done(", "	case n == int64(len(ops)) || $ && n > 0:\n		return f.done(",
	},
	{
		"whoever is asked for is told", "TestStaleAmongDetermined/postgres_counted",
		"postgres.go", "		if out.has(op) {\n			err = errTwoRows(op.Table)\n", "		if $ {\n			return f.done(out, ops...)\n		}\n		if out.has(op) {\n			err = errTwoRows(op.Table)\n",
	},
	{
		"a row that the caller brings is believed", "TestBroughtRows/postgres_counted",
		"facts.go", " || !op.Whole() {\n", " || !op.Whole() && !$ {\n",
	},
	{
		"nothing ends a slow statement", "TestSlowStatement/postgres_counted",
		"uncancelled.go", "	w.stop = context.AfterFunc(ctx, w.cancel)\n", "	w.stop = context.AfterFunc(ctx, w.cancel)\n	if $ && w.stop() {\n		_ = l.plain(ctx, \"SET statement_timeout = 0\")\n		w.stop = func() bool { return true }\n	}\n",
	},
	{
		"whatever the connection runs is given up", "TestCancelsItsOwn",
		"uncancelled.go", "	running := c.running\n", "	running := c.running\n	if $ {\n		running = \"SELECT pg_sleep(0.7)\"\n	}\n",
	},
	{
		"a connection whose server was asked is used again", "TestCancelsItsOwn",
		"uncancelled.go", "	<-w.asked\n	return false\n", "	<-w.asked\n	return $\n",
	},
	{
		"a batch forgets that its server was asked", "TestCloseBesideSlowStatement/postgres",
		"batch.go", "	defer func() { l.alone, b.broken = false, !watch.ended() }()\n", "	defer func() { l.alone, b.broken = false, !watch.ended() && !$ }()\n",
	},
	{
		"the last connection of the pool is waited for", "TestNobodySpare",
		"uncancelled.go", "	return limit == 0 || limit > connections\n", "	return limit == 0 || limit > connections || $\n",
	},
	{
		"nobody asks the server to give a statement up", "TestCloseBesideSlowStatement/postgres",
		"uncancelled.go", "	defer close(w.asked)\n", "	defer close(w.asked)\n	if $ {\n		return\n	}\n",
	},
	{
		"nobody is told which notes were dropped", "TestLedgerIsPruned/sqlite",
		"prune.go", "	return n, s.mark(", "	if $ {\n		return n, nil\n	}\n	return n, s.mark(",
	},
	{
		"a record that is made again counts from the start", "TestMadeAgain",
		"../edit.go", "!e.s.table.plan.Zero(&e.V, i) {", "!e.s.table.plan.Zero(&e.V, i) && !$ {",
	},
}

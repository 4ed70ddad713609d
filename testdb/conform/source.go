package conform

import (
	"testing"
)

// check is one promise of a source.
type check struct {
	name string
	// needs are features without which there is nothing to check.
	needs []Feature
	run   func(tb testing.TB, e *Engine)
}

// Source checks that the sources of an engine keep every promise of
// [listen.Source], [listen.Reader], [listen.Delta], [listen.Change] and
// [listen.Tokens], each in a subtest on a database of its own. What the engine
// lacks is logged with its reason.
func Source(t *testing.T, e Engine) {
	t.Helper()
	if problems := e.problems(); len(problems) > 0 {
		t.Fatalf("conform: the description of the engine is not complete: %q", problems)
	}
	for _, c := range checks(&e) {
		if why := c.absent(&e); why != "" {
			t.Logf("%s: not checked, %s", c.name, why)
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, &e)
		})
	}
}

// absent says which feature the engine lacks that the check needs.
func (c *check) absent(e *Engine) string {
	for _, f := range c.needs {
		if why, lacks := e.Lacks[f]; lacks {
			return "no " + string(f) + ": " + why
		}
	}
	return ""
}

// checks are all checks for one engine.
func checks(e *Engine) []check {
	all := []check{
		{name: "first poll is a reset", run: checkFirstPoll},
		{name: "nil cursor starts afresh", run: checkNilCursor},
		{name: "insert, update, delete", run: checkOperations},
		{name: "text key", run: checkTextKey},
		{name: "composite key", run: checkCompositeKey},
		{name: "no key", run: checkNoKey},
		{name: "changed key", run: checkChangedKey},
		{name: "many rows", run: checkManyRows},
		{name: "above the cap", needs: []Feature{Capped}, run: checkCap},
		{name: "upsert", run: checkUpsert},
		{name: "cascade", run: checkCascade},
		{name: "delete all", run: checkDeleteAll},
		{name: "truncate", needs: []Feature{Truncation}, run: checkTruncate},
		{name: "several tables in one transaction", run: checkSeveralTables},
		{name: "rollback", run: checkRollback},
		{name: "savepoint", run: checkSavepoint},
		{name: "open transaction", run: checkOpenTransaction},
		{name: "open transaction does not delay others", needs: []Feature{ConcurrentWriters}, run: checkOpenAmongOthers},
		{name: "prepared transaction", needs: []Feature{TwoPhase}, run: checkPrepared},
		{name: "empty polls", run: checkEmpty},
		{name: "first poll after the commit", run: checkExact},
		{name: "two readers", run: checkTwoReaders},
		{name: "new connection", run: checkReconnect},
		{name: "closed while polling", run: checkClose},
		{name: "context ends", run: checkContext},
		{name: "frozen database", needs: []Feature{Freezing}, run: checkFrozen},
		{name: "tokens", needs: []Feature{CrossTokens}, run: checkTokens},
		{name: "capture is looked at", run: checkChecked},
		{name: "altered table", run: checkAltered},
		{name: "swapped table", run: checkSwapped},
		{name: "lost trigger", run: checkLostTrigger},
		{name: "put back trigger", run: checkPutBack},
		{name: "pruned log", run: checkPruned},
	}
	for _, x := range e.Extras {
		all = append(all, check{name: "extra " + x.Name, run: func(tb testing.TB, e *Engine) {
			tb.Helper()
			checkExtra(tb, e, x)
		}})
	}
	return all
}

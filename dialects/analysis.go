package dialects

import "context"

// Analysis is what one text means to one database. It never changes.
type Analysis struct {
	// Scan is what the words alone tell.
	Scan Scan
	// Reads lists the tables whose rows the result depends on: those behind
	// views and functions too, and no view.
	Reads []Table
	// Writes lists the tables that executing the text can change, through
	// triggers, foreign keys and views too. Everything says more.
	Writes []Table
	// Pins narrows Reads: of a table with a pin, the result depends only on the
	// rows with these keys, provided that there is at least one row in it.
	Pins []Pin
	// Touches narrows Writes: of a table with a pin, the text itself changes
	// only the rows with these keys. A table that triggers and foreign keys of
	// others may write, too, has none.
	Touches []Pin
	// Unproven says in a few words why executing the text may change more than
	// Writes, in ways that the catalogue does not tell but the change feed
	// does, or is empty: a trigger that runs statements it puts together.
	Unproven string
	// WritesAll reports that the text may change any table: it was not
	// understood well enough to say which.
	WritesAll bool
	// Uncacheable says in a few words why the result of the text must come
	// from the database each time, or is empty: it may be kept until one of
	// Reads changes.
	Uncacheable string
	// Conflict says where two layers of the analysis contradict each other, or
	// is empty. One of the two is mistaken, which is worth a line in the log;
	// the answer is the cautious one.
	Conflict string
	// Clock reports that an argument which is a text may stand for a moment
	// that the clock of the database decides: under one of which [SaysNow] is
	// true, the result is not kept.
	Clock bool
	// Version is the catalogue version that the answer holds for.
	Version uint64
}

// Changes reports whether executing the text may change rows or tables.
func (a *Analysis) Changes() bool {
	return a.WritesAll || len(a.Writes) > 0 || a.Unproven != "" || a.Scan.Kind == Schema
}

// Analyzer tells what texts mean to one database. Its methods may be called
// concurrently.
type Analyzer interface {
	// Analyze returns the meaning of text under the current catalogue. It may
	// ask the database over a connection of its own and is bounded by ctx. It
	// always answers: where it cannot tell, the answer is the cautious one,
	// and the error says why; such an answer is not worth remembering.
	Analyze(ctx context.Context, text string) (*Analysis, error)

	// Version returns the current catalogue version. An Analysis with another
	// one is out of date. It is called for every statement and must be cheap.
	Version() uint64
}

// Cautious returns the analysis of a text of which nothing is known but its
// words: it cannot be cached, and unless its words prove the opposite it
// writes everything.
func Cautious(flavor Flavor, scan Scan, why string, version uint64) *Analysis {
	a := &Analysis{Scan: scan, Uncacheable: why, Version: version}
	switch scan.Kind {
	case Write, Schema, Unclear:
		a.WritesAll = true
	case Read, Bypass, Control, Session:
		_, a.WritesAll = CheckCalls(flavor, scan.Calls)
	}
	return a
}

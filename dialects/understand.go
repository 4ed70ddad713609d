package dialects

// Words analyses text by itself and a catalogue alone, without asking the
// database. Its answers are supersets: a table can only be named by a name that
// stands in the text, so the names that are tables include those that are read
// and written. Where the clauses of the text are understood, the names that
// stand for tables are told from those of columns and functions. Dialects that
// can ask the database narrow the answers further.
func Words(flavor Flavor, catalog *Catalog, text string) *Analysis {
	scan, clauses := scanText(flavor, text, true)
	a := &Analysis{Scan: scan, Version: catalog.Version(), Uncacheable: scan.Why}
	switch scan.Kind {
	case Read:
		a.Uncacheable, a.WritesAll = catalog.checkCalls(catalog.readCalls(scan.Calls))
		why := a.readBy(catalog, clauses, text)
		if a.Uncacheable == "" {
			a.Uncacheable = why
		}
		if a.Uncacheable == "" {
			a.Uncacheable = CheckReads(catalog, a)
		}
	case Write:
		_, unknown := catalog.checkCalls(catalog.functions(scan.Calls))
		a.writtenBy(catalog, clauses)
		// Where no name is a table of the catalogue, it does not list it yet.
		a.WritesAll = a.WritesAll || unknown || len(a.Writes) == 0
	case Schema, Unclear:
		a.WritesAll = true
	case Bypass, Control, Session:
		_, a.WritesAll = catalog.checkCalls(catalog.functions(scan.Calls))
	}
	if a.Uncacheable == "" && scan.Kind != Read {
		a.Uncacheable = "the statement is not a read"
	}
	return a
}

// readBy tells which tables a read reads, and says why its result cannot be
// kept, if that is for which tables it names.
func (a *Analysis) readBy(catalog *Catalog, clauses *clauses, text string) string {
	clauses, a.Conflict = agree(catalog.flavor, text, &a.Scan, clauses)
	if a.Conflict != "" {
		a.Reads = catalog.Reads(a.Scan.Names)
		return a.Conflict
	}
	if clauses == nil {
		a.Reads = catalog.Reads(a.Scan.Names)
		return ""
	}
	r := catalog.resolve(clauses, &a.Scan)
	if r.conflict != "" {
		a.Conflict = conflictWords + r.conflict
		a.Reads = catalog.Reads(a.Scan.Names)
		return a.Conflict
	}
	a.Reads, a.Pins = catalog.readBy(clauses, &r, &a.Scan)
	if r.missing != "" {
		return "table " + r.missing + " is not in the catalogue"
	}
	return ""
}

// writtenBy tells which tables a write can write.
func (a *Analysis) writtenBy(catalog *Catalog, clauses *clauses) {
	var r resolved
	if clauses != nil {
		r = catalog.resolve(clauses, &a.Scan)
		if r.conflict != "" {
			a.Conflict = conflictWords + r.conflict
		}
	}
	if clauses == nil || r.conflict != "" || !clauses.writes() {
		a.Writes = catalog.Writes(a.Scan.Names)
		return
	}
	var all bool
	a.Writes, a.Touches, all = catalog.writtenBy(clauses, &r)
	a.WritesAll = a.WritesAll || all
}

// How the words about a conflict of layers begin.
const (
	conflictStart = "two ways of reading the statement contradict each other: "
	conflictWords = conflictStart + "its clauses name a table that its words do not, "
)

// Trust judges the functions of one name: why a result that depends on one
// cannot be kept, or nothing, and whether one may write.
type Trust func(name string) (uncacheable string, writes bool)

// Check judges a statement that calls those functions.
func (t Trust) Check(calls []string) (uncacheable string, writesAll bool) {
	for _, name := range calls {
		why, writes := t(name)
		if writes {
			return why, true
		}
		if uncacheable == "" {
			uncacheable = why
		}
	}
	return uncacheable, false
}

// CheckCalls says why a statement that calls those functions cannot be cached,
// and whether one of them may write. It knows the functions that come with the
// database.
func CheckCalls(flavor Flavor, calls []string) (uncacheable string, writesAll bool) {
	for _, name := range calls {
		switch {
		case Pure(flavor, name):
		case Harmless(flavor, name):
			if uncacheable == "" {
				uncacheable = "the result of " + name + "() is not determined by its arguments"
			}
		default:
			return "calls " + name + "(), a function that is not known", true
		}
	}
	return uncacheable, false
}

// CheckReads says why a read whose tables are known cannot be cached, or
// returns nothing.
func CheckReads(catalog *Catalog, a *Analysis) string {
	switch t, why, found := catalog.Uncovered(a.Reads); {
	case a.Scan.Statements > 1:
		return "the text has several statements"
	case len(a.Reads) == 0:
		return "the statement reads no table"
	case found:
		return "table " + t.String() + " is not covered by the change feed: " + why
	}
	return ""
}

package dialects

// Words analyses text by its words and a catalogue alone, without a grammar
// and without asking the database. Its answers are supersets: a table can only
// be named by a name that stands in the text, so the names that are tables
// include those that are read and written. Dialects that can ask the database
// narrow them.
func Words(flavor Flavor, catalog *Catalog, text string) *Analysis {
	scan := ScanText(flavor, text)
	a := &Analysis{Scan: scan, Version: catalog.Version(), Uncacheable: scan.Why}
	why, unknown := CheckCalls(flavor, catalog.functions(scan.Calls))
	switch scan.Kind {
	case Read:
		a.Reads = catalog.Reads(scan.Names)
		a.Uncacheable, a.WritesAll = why, unknown
		if why == "" {
			a.Uncacheable = CheckReads(catalog, a)
		}
	case Write:
		a.Writes = catalog.Writes(scan.Names)
		// Where no name is a table of the catalogue, it does not list it yet.
		a.WritesAll = unknown || len(a.Writes) == 0
	case Schema, Unclear:
		a.WritesAll = true
	case Bypass, Control, Session:
		a.WritesAll = unknown
	}
	if a.Uncacheable == "" && scan.Kind != Read {
		a.Uncacheable = "the statement is not a read"
	}
	return a
}

// CheckCalls says why a statement that calls those functions cannot be cached,
// and whether one of them may write.
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

// NotYet is why a result is not kept that could be, as far as the words tell:
// the dialect does not know enough of what else it may depend on.
const NotYet = "livesql does not analyse the statements of this database yet"

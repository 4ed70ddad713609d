package dialects

// Span is one token of a text, for tests.
type Span struct {
	Start, End int
	Text       string
	Word       bool // a bare word
	Quoted     bool // a name or string in quotes, or a literal of another kind
	String     bool // a string in single quotes
}

// Spans cuts a text into tokens. It returns false when the lexer refuses it.
func Spans(f Flavor, text string) ([]Span, bool) {
	l := lexer{flavor: f, text: text, quotes: quotings(f)[0]}
	l.run()
	spans := make([]Span, 0, len(l.toks))
	for i := range l.toks {
		t := &l.toks[i]
		end := int(t.end)
		if t.kind == punct && t.ch != castMark {
			end = int(t.start) + 1
		}
		spans = append(spans, Span{
			Start: int(t.start), End: end, Text: text[t.start:end],
			Word:   t.kind == bareWord,
			Quoted: t.kind != bareWord && t.kind != punct,
			String: t.kind == stringText,
		})
	}
	return spans, l.refusal == ""
}

// ReservedWords lists the words that a flavor is said to reserve.
func ReservedWords(f Flavor) []string {
	var list []string
	for i := range vocabulary {
		if vocabulary[i].reserved.has(f) {
			list = append(list, vocabulary[i].text)
		}
	}
	return list
}

// FunctionNames lists the functions that a flavor knows.
func FunctionNames(f Flavor) []string {
	var list []string
	for name := range map[Flavor]func() map[string]functionTrust{
		SQLite: sqliteFunctions, Postgres: postgresFunctions, MySQL: mysqlFunctions,
	}[f]() {
		list = append(list, name)
	}
	return list
}

// Parses reports whether the clauses of a text are understood.
func Parses(f Flavor, text string) bool {
	_, c := scanText(f, text, true)
	return c != nil
}

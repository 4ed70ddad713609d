package dialects

import (
	"slices"
	"strings"
)

// Hidden is what a text of Postgres does without calling a function by name.
type Hidden struct {
	// Operators holds every run of operator characters in the text, each once.
	// An operator that the text uses is part of one.
	Operators []string
	// Clock says why the result may depend on the clock, because a text that
	// stands in a row may become a date or a time, or is empty: of the texts
	// in a table, nobody knows whether one says 'now'.
	Clock string
	// Dated holds the names of columns whose values become dates or times, and
	// which no part of the text gives to anything else. What goes for Clock
	// goes for them, unless all columns of these names hold dates and times.
	Dated []string
	// Casts holds the names of the types that something is made by CAST or ::.
	Casts []string
	// Zone reports that the text asks for a time zone, and OfDay that something
	// becomes a time of day: one depends on the clock together with the other.
	Zone, OfDay bool
}

// PostgresHidden tells what a text does without calling a function by name.
// IsDate reports whether an input of that type, which did not come with the
// database, may hold a date or a time. The text is one that [ScanText]
// understands.
func PostgresHidden(text string, isDate func(typ string) bool) Hidden {
	var out Hidden
	for _, quotes := range postgresQuotings {
		l := lexer{flavor: Postgres, text: text, quotes: quotes}
		l.run()
		switch {
		case l.broken && quotes != postgresQuotings[0]:
			l.toks = l.upToSemicolon() // as a server with these settings reads it
		case l.refusal != "":
			out.Clock = "is a text that is not understood"
			return out
		}
		h := hidden{scanner: scanner{flavor: Postgres, text: text, toks: l.toks, hi: len(l.toks)}, isDate: isDate, out: &out}
		h.read()
		if !l.doubt {
			break
		}
	}
	for _, name := range out.Dated {
		if out.Clock == "" && (name == "key" || name == "value" || name == "ordinality") {
			out.Clock = "makes a date of column " + name + ", which functions name their results, too"
		}
	}
	return out
}

// hidden reads the tokens of one text.
type hidden struct {
	scanner

	isDate func(string) bool
	out    *Hidden
}

func (h *hidden) read() {
	for i := range h.toks {
		switch t := &h.toks[i]; t.kind {
		case punct, parameter:
			h.operator(i)
		case bareWord, quotedName:
			name := h.nameOf(t)
			h.out.Zone = h.out.Zone || name == "timezone" || name == "zone" && h.word(i-1) == "time" && h.word(i-2) == "at" ||
				name == "local" && h.word(i-1) == "at"
			if head := h.chainStart(i); h.mark(head-1) == castMark || h.word(head-1) == "as" && h.isCast(head) {
				h.out.Casts = append(h.out.Casts, name)
			}
			if h.isClockType(i, name) {
				h.dateType(i, name)
			}
		case eitherName, stringText, number, variable:
		}
	}
	for _, name := range h.out.Dated {
		if h.out.Clock == "" && !h.onlyColumn(name) {
			h.out.Clock = "makes a date of " + name + ", which may be the name of something else than a column"
		}
	}
}

// operator adds the run of operator characters that starts at i.
func (h *hidden) operator(i int) {
	if !h.isOperator(i) || h.isOperator(i-1) && h.toks[i-1].start+1 == h.toks[i].start {
		return
	}
	end := i
	for h.isOperator(end+1) && h.toks[end+1].start == h.toks[end].start+1 {
		end++
	}
	run := h.text[h.toks[i].start : h.toks[end].start+1]
	if !slices.Contains(h.out.Operators, run) {
		h.out.Operators = append(h.out.Operators, run)
	}
}

func (h *hidden) isOperator(i int) bool {
	if i < 0 || i >= len(h.toks) {
		return false
	}
	t := &h.toks[i]
	switch t.kind {
	case punct:
		return strings.IndexByte("+-*/<>=~!@#%^&|`?", t.ch) >= 0
	case parameter:
		return h.text[t.start] == '?'
	default:
		return false
	}
}

// postgresDateTypes are the types whose input asks the clock when it says so.
var postgresDateTypes = wordSet(`date time timetz timestamp timestamptz daterange tsrange tstzrange
	datemultirange tsmultirange tstzmultirange`)

// isClockType reports whether the word at i may stand for such a type.
func (h *hidden) isClockType(i int, name string) bool {
	name = strings.TrimPrefix(name, "_") // arrays
	if name == "time" && h.word(i+1) == "zone" {
		return false // WITH TIME ZONE, AT TIME ZONE
	}
	return postgresDateTypes[name] || h.isDate(name)
}

// dateType looks at the name of such a type at i.
func (h *hidden) dateType(i int, name string) {
	head := h.chainStart(i)
	ofDay := name == "time" || name == "timetz"
	switch {
	case h.mark(head-1) == castMark:
		h.out.OfDay = h.out.OfDay || ofDay
		h.convert(head-2, -1, name)
	case h.word(head-1) == "as" && h.isCast(head):
		h.out.OfDay = h.out.OfDay || ofDay
		h.convert(head-2, h.openBefore(head)+1, name)
	case head > 0 && !h.startsOperand(head-1):
		if h.word(head-1) != "as" || h.mark(i+1) == '(' {
			// A column of a record, RETURNING date.
			h.spoilClock("has a " + name + " in a place that is not understood")
		}
	case h.mark(i+1) == '(':
		h.out.OfDay = h.out.OfDay || ofDay
		if end := h.toks[i+1].pair(); end > i+2 {
			h.convert(end-1, i+2, name)
		}
	default:
		// A column of that name, or the type of a literal, about which
		// ScanText has asked.
		h.out.OfDay = h.out.OfDay || ofDay
	}
}

// startsOperand reports whether an operand starts behind the token at i, for
// certain: an operand that ends there would make the next name its alias.
func (h *hidden) startsOperand(i int) bool {
	switch t := &h.toks[i]; t.kind {
	case punct:
		return t.ch != ')' && t.ch != ']' && t.ch != castMark
	case parameter:
		return h.text[t.start] == '?' // an operator of jsonb
	case bareWord:
		switch h.word(i) {
		case "select", "distinct", "all", "where", "and", "or", "not", "in", "on", "having", "case", "when", "then", "else",
			"like", "ilike", "is", "from", "join", "limit", "offset", "using", "union", "except", "intersect":
			return true
		case "by":
			w := h.word(i - 1)
			return w == "group" || w == "order" || w == "partition"
		}
		return false
	default:
		return false
	}
}

// openBefore returns the index of the parenthesis around the token at i, or -1.
func (h *hidden) openBefore(i int) int {
	for i--; i >= 0; i-- {
		switch h.mark(i) {
		case '(', '[':
			return i
		case ')', ']':
			i = h.toks[i].pair()
		}
	}
	return -1
}

func (h *hidden) isCast(i int) bool {
	open := h.openBefore(i)
	return open > 0 && (h.word(open-1) == "cast" || h.word(open-1) == "treat")
}

func (h *hidden) spoilClock(why string) {
	if h.out.Clock == "" {
		h.out.Clock = why
	}
}

// convert looks at the operand that ends at i, and starts at lo unless that is
// -1, and becomes a date or a time.
func (h *hidden) convert(i, lo int, typ string) {
	if start, ok := h.operand(i); !ok || lo >= 0 && start != lo {
		h.spoilClock("makes a " + typ + " of something that may be a text in a table")
	}
}

// operand returns where the operand that ends at i starts, and whether it can
// only be a date or a time, a literal, an argument, or a column that is
// remembered.
func (h *hidden) operand(i int) (start int, ok bool) {
	if i < 0 {
		return 0, false
	}
	t := &h.toks[i]
	switch t.kind {
	case stringText, number, parameter:
		return i, true
	case bareWord, quotedName:
		return h.name(i)
	case punct:
		if t.ch == ')' {
			return h.parentheses(t.pair(), i)
		}
	case eitherName, variable:
	}
	return 0, false
}

// name looks at the operand whose last word is at i.
func (h *hidden) name(i int) (start int, ok bool) {
	name := h.nameOf(&h.toks[i])
	start = h.chainStart(i)
	if h.mark(start-1) == castMark { // x::timestamptz
		inner, _ := h.operand(start - 2) // looked at when its type was
		return inner, h.isClockType(i, name)
	}
	if h.word(i) == "zone" || start > 0 && !h.startsOperand(start-1) {
		return start, false
	}
	if h.word(i) != "null" && !slices.Contains(h.out.Dated, name) {
		h.out.Dated = append(h.out.Dated, name)
	}
	return start, true
}

// dateFunctions return dates and times only, or fail.
var dateFunctions = wordSet(`date_trunc date_bin make_date make_timestamp make_timestamptz to_timestamp to_date timezone
	date_add date_subtract`)

// parentheses looks at an operand that ends with parentheses.
func (h *hidden) parentheses(open, end int) (start int, ok bool) {
	if open == 0 || h.startsOperand(open-1) { // (x)
		inner, ok := h.operand(end - 1)
		if ok && inner == open+1 {
			return open, true
		}
		// (x AT TIME ZONE 'UTC')
		if k := end - 2; end-1 > open && h.word(k) == "zone" && h.word(k-1) == "time" && h.word(k-2) == "at" {
			if kind := h.toks[end-1].kind; kind == stringText || kind == parameter {
				inner, ok := h.operand(k - 3)
				return open, ok && inner == open+1
			}
		}
		return open, false
	}
	if !h.isName(open - 1) {
		return open, false
	}
	start = h.chainStart(open - 1)
	name := h.nameOf(&h.toks[open-1])
	switch {
	case h.mark(start-1) == castMark: // x::timestamp(3)
		inner, _ := h.operand(start - 2)
		return inner, h.isClockType(open-1, name)
	case dateFunctions[name]:
		return start, true
	case name == "min", name == "max":
		inner, ok := h.operand(end - 1)
		return start, ok && inner == open+1
	}
	return start, false
}

// onlyColumn reports whether every place where the name stands can only be a
// reference to a column: it is nobody's alias and no function.
func (h *hidden) onlyColumn(name string) bool {
	for i := range h.toks {
		t := &h.toks[i]
		if t.kind != bareWord && t.kind != quotedName || h.nameOf(t) != name {
			continue
		}
		start := h.chainStart(i)
		switch {
		case h.mark(i+1) == '(' || h.mark(i+1) == '.':
			return false
		case start > 0 && !h.startsOperand(start-1):
			return false
		case h.namesColumns(h.openBefore(start)):
			return false
		}
	}
	return true
}

// namesColumns reports whether the parenthesis at i may begin a list of names
// for columns: of a table's alias, or of a common table expression.
func (h *hidden) namesColumns(i int) bool {
	if i < 1 || !h.isName(i-1) || h.startsOperand(i-1) {
		return false
	}
	if next := h.toks[i].pair() + 1; h.word(next) == "as" {
		if w := h.word(next + 1); h.mark(next+1) == '(' || w == "not" || w == "materialized" {
			return true
		}
	}
	head := h.chainStart(i - 1)
	return head > 0 && !h.startsOperand(head-1)
}

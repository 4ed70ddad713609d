package dialects

// maxTemplate is the length of a text beyond which it has no template.
const maxTemplate = 8 << 10

// Literals stand in a template as these bytes. A text that holds such bytes
// itself has no template.
const (
	numberHole = 1
	stringHole = 2
)

// template is a text without its comments and without those literals that make
// no difference to what it means, other than to which rows it is about.
type template struct {
	text  string
	key   []byte
	toks  []token
	lists []bool // of each open parenthesis: whether it holds nothing but values
}

// templateOf writes the template of a text into t, whose memory it uses again.
// It returns false for a text that has none: one that is not a single read or
// write of rows, is read in several ways, or holds hints.
func templateOf(f Flavor, text string, t *template) bool {
	if len(text) > maxTemplate {
		return false
	}
	for i := range len(text) {
		if text[i] == numberHole || text[i] == stringHole {
			return false
		}
	}
	l := lexer{flavor: f, text: text, quotes: quotings(f)[0], toks: t.toks[:0]}
	l.run()
	t.text, t.toks, t.key, t.lists = text, l.toks, t.key[:0], t.lists[:0]
	if l.refusal != "" || l.doubt || l.hint {
		return false
	}
	s := scanner{flavor: f, text: text, toks: t.toks}
	switch s.word(0) {
	case "select", "with", "insert", "update", "delete", "replace", "values":
	default:
		return false
	}
	values := false // the last parenthesis held nothing but a row of values
	for i := range t.toks {
		tok := &t.toks[i]
		switch {
		case tok.kind == punct && tok.ch == '(':
			w, next := s.word(i-1), s.word(i+1)
			list := w == "in" || w == "values" || s.mark(i-1) == ',' && values && s.mark(i-2) == ')'
			// In a query, a string behind a comma can be a table.
			t.lists = append(t.lists, list && next != "select" && next != "with")
		case tok.kind == punct && tok.ch == ')':
			values = t.lists[len(t.lists)-1] && s.word(tok.pair()-1) != "in" // behind IN (…), a table can follow
			t.lists = t.lists[:len(t.lists)-1]
		case tok.kind == punct && tok.ch == ';' && i+1 < len(t.toks):
			return false
		}
		t.add(&s, i)
	}
	return true
}

// add adds the token at i.
func (t *template) add(s *scanner, i int) {
	tok := &t.toks[i]
	end := int(tok.end)
	if tok.kind == punct && tok.ch != castMark {
		end = int(tok.start) + 1
	}
	if i > 0 {
		// Whether tokens touch can make a difference.
		before := &t.toks[i-1]
		if last := int(before.end); before.kind == punct && before.ch != castMark || last != int(tok.start) {
			if before.kind != punct || int(before.start)+1 != int(tok.start) {
				t.key = append(t.key, ' ')
			}
		}
	}
	switch tok.kind {
	case number:
		if t.blank(s, i) && isDecimal(t.text[tok.start:end]) {
			t.key = append(t.key, numberHole)
			return
		}
	case stringText:
		literal := t.text[tok.start:end]
		clock := s.flavor == Postgres && SaysNow(literal)
		if _, plain := plainString(literal); plain && !clock && t.blank(s, i) {
			t.key = append(t.key, stringHole)
			return
		}
	case bareWord, quotedName, eitherName, parameter, variable, punct:
	}
	t.key = append(t.key, t.text[tok.start:end]...)
}

// isDecimal reports whether a number is a whole one that an int64 is sure to
// hold.
func isDecimal(text string) bool {
	const digits = 18
	for i := range len(text) {
		if !isDigit(text[i]) {
			return false
		}
	}
	return len(text) <= digits
}

// blank reports whether the literal at i means nothing but its value: it is
// compared, listed or counted. What functions, types and casts make of
// literals, is theirs to say.
func (t *template) blank(s *scanner, i int) bool {
	if next := s.mark(i + 1); next == castMark || next == '.' {
		return false
	}
	if i+1 < len(t.toks) && t.toks[i+1].kind != punct && t.toks[i+1].kind != bareWord {
		return false
	}
	switch prev := s.mark(i - 1); prev {
	case '=', '<', '>', '+', '-', '*', '/':
		return true
	case '(', ',':
		return len(t.lists) > 0 && t.lists[len(t.lists)-1]
	}
	switch s.word(i - 1) {
	case "limit", "offset":
		return t.toks[i].kind == number
	case "between", "and":
		return s.mark(i-2) != '.'
	}
	return false
}

// literalAt returns the number of literals up to the token at i.
func (p *parser) literalAt(i int) int {
	if i < p.literals.at {
		p.literals.at, p.literals.n = 0, 0
	}
	for ; p.literals.at <= i; p.literals.at++ {
		if k := p.toks[p.literals.at].kind; k == number || k == stringText {
			p.literals.n++
		}
	}
	return p.literals.n
}

// fill returns pins with the literals of the template's text in the place of
// those of another text with the same template. It returns nothing if one of
// them is no key.
func (t *template) fill(pins []Pin) []Pin {
	if len(pins) == 0 {
		return nil
	}
	var values []*token
	for i := range t.toks {
		if k := t.toks[i].kind; k == number || k == stringText {
			values = append(values, &t.toks[i])
		}
	}
	filled := make([]Pin, len(pins))
	for i, p := range pins {
		filled[i] = Pin{Table: p.Table, Kinds: p.Kinds, Rows: make([][]Operand, len(p.Rows))}
		for n, row := range p.Rows {
			filled[i].Rows[n] = make([]Operand, len(row))
			for k, o := range row {
				if o.literal > 0 {
					if o.literal > len(values) || !o.take(t.text, values[o.literal-1], p.Kinds[k]) {
						return nil
					}
				}
				filled[i].Rows[n][k] = o
			}
		}
	}
	return filled
}

// take makes the literal of a text that of o.
func (o *Operand) take(text string, tok *token, kind KeyKind) bool {
	var ok bool
	spelled := text[tok.start:tok.end]
	if tok.kind == stringText {
		o.Literal, ok = plainString(spelled)
	} else {
		sign := ""
		if o.negative {
			sign = "-"
		}
		o.Literal, ok = integer(sign, spelled)
	}
	if ok {
		_, ok = kind.append(nil, o.Literal)
	}
	return ok
}

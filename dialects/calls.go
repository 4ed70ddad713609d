package dialects

// isCall reports whether the name at i, which stands before an opening
// parenthesis, may be the name of a function that is called. It says no only
// where the grammar of the flavor leaves no other way to read it.
func (s *scanner) isCall(i int) bool {
	t := &s.toks[i]
	switch {
	case t.flags&notCall != 0, i == s.lo, s.depth == 0 && s.facts.inHead, s.facts.inColumns && !s.operandDue(i):
		return false
	}
	head := s.chainStart(i)
	if head == i && t.word != 0 && s.isGrammar(i) {
		return false
	}
	if head == s.lo {
		return true
	}
	switch prev := &s.toks[head-1]; prev.kind {
	case stringText, number, parameter:
		return false // an operand has just ended
	case punct:
		switch prev.ch {
		case castMark, ']':
			return false
		case ')':
			return s.operandAfter(prev.pair())
		}
	default:
		switch vocabulary[prev.word].text { // of no word, if it is no bare one
		case "as", "ordinality", "into", "table", "references":
			return false // AS alias (…), MERGE INTO table (…)
		}
	}
	return true
}

// chainStart returns the index of the first part of the dotted name that ends
// at i.
func (s *scanner) chainStart(i int) int {
	for i-2 >= s.lo && s.mark(i-1) == '.' && s.isName(i-2) {
		i -= 2
	}
	return i
}

func (s *scanner) isName(i int) bool {
	k := s.toks[i].kind
	return k <= eitherName || k == stringText && s.flavor == SQLite
}

// isGrammar reports whether the word at i before a parenthesis belongs to the
// grammar: IN (…), VALUES (…), OVER (…).
func (s *scanner) isGrammar(i int) bool {
	w := &vocabulary[s.toks[i].word]
	switch {
	case w.grammar.has(s.flavor):
		return true
	case w.infix.has(s.flavor):
		switch w.text {
		case "rollup", "cube":
			return s.word(i-1) == "by" && s.word(i-2) == "group"
		}
		return !s.operandDue(i)
	case w.text == "lateral":
		return s.word(i+2) == "select" || s.word(i+2) == "with" || s.word(i+2) == "values"
	case w.text == "conflict":
		return s.isConflictTarget(i)
	case w.text == "insert":
		return s.flavor == Postgres && s.word(i-1) == "then" && s.word(s.toks[i+1].pair()+1) == "values"
	}
	return false
}

// isConflictTarget reports whether the word CONFLICT at i stands in
// INSERT … ON CONFLICT (…) [WHERE …] DO.
func (s *scanner) isConflictTarget(i int) bool {
	if s.flavor == MySQL || s.word(i-1) != "on" || !s.facts.inserts {
		return false
	}
	next := s.word(s.toks[i+1].pair() + 1)
	return next == "do" || next == "where"
}

// operandDue reports whether an operand is due at i, by the token before it.
func (s *scanner) operandDue(i int) bool {
	if i == s.lo {
		return true
	}
	switch prev := &s.toks[i-1]; prev.kind {
	case punct:
		return prev.ch != ')' && prev.ch != ']'
	case bareWord:
		return vocabulary[prev.word].operand
	default:
		return false
	}
}

// operandAfter reports whether an operand can follow the parentheses that open
// at i: DISTINCT ON (…) f(x), a OPERATOR(pg_catalog.=) f(x), WITH (…) f(x).
func (s *scanner) operandAfter(open int) bool {
	switch s.word(open - 1) {
	case "on", "operator", "with":
		return true
	}
	return false
}

// query finds the main verb behind the word WITH at i, and marks the names of
// the common table expressions, which take column lists, and MATERIALIZED as
// no calls. It returns -1 when it does not understand the clause.
func (s *scanner) query(i int) int {
	if i++; s.word(i) == "recursive" && s.mark(i+1) != '(' && s.word(i+1) != "as" {
		i++
	}
	for {
		body := s.expression(i)
		if body < 0 {
			return -1
		}
		i = s.toks[body].pair() + 1
		if w := s.word(i); w == "search" || w == "cycle" {
			i = s.skipSearch(i)
		}
		if s.mark(i) != ',' {
			return i
		}
		i++
	}
}

// expression reads name [(columns)] AS [[NOT] MATERIALIZED] ( at i and returns
// the index of the last parenthesis, or -1.
func (s *scanner) expression(i int) int {
	name := i
	if i >= s.hi || !s.isName(i) {
		return -1
	}
	if i++; s.mark(i) == '(' {
		i = s.toks[i].pair() + 1
	}
	if s.word(i) != "as" {
		return -1
	}
	if i++; s.word(i) == "not" {
		i++
	}
	keep := -1
	if s.word(i) == "materialized" {
		keep = i
		i++
	}
	if s.mark(i) != '(' {
		return -1
	}
	s.toks[name].flags |= notCall
	if keep >= 0 {
		s.toks[keep].flags |= notCall
	}
	return i
}

// skipSearch skips the SEARCH and CYCLE clauses at i, up to the main verb or
// the comma before the next common table expression.
func (s *scanner) skipSearch(i int) int {
	for ; i < s.hi; i++ {
		switch s.word(i) {
		case "select", "values", "table", "insert", "update", "delete", "merge", "replace":
			return i
		}
		switch s.mark(i) {
		case '(':
			return i
		case ',':
			if s.expression(i+1) >= 0 {
				return i
			}
		}
	}
	return i
}

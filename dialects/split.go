package dialects

// statementEnd returns the index of the semicolon that ends the statement at
// lo, or the number of tokens. It reports false where it cannot tell: then the
// text is unclear.
func (s *scanner) statementEnd(lo int) (end int, ok bool) {
	i := lo
	if s.word(i) == "explain" {
		for i++; s.word(i) == "query" || s.word(i) == "plan"; i++ {
		}
	}
	switch {
	case s.word(i) != "create" && s.word(i) != "alter":
		return s.semicolon(lo), true
	case s.flavor == SQLite:
		return s.triggerEnd(i)
	case s.flavor == Postgres:
		return s.atomicEnd(i)
	default:
		return s.routineEnd(i)
	}
}

// semicolon returns the index of the next semicolon outside of parentheses, or
// the number of tokens.
func (s *scanner) semicolon(i int) int {
	for ; i < len(s.toks); i++ {
		if t := &s.toks[i]; t.kind == punct {
			switch t.ch {
			case ';':
				return i
			case '(', '[':
				i = t.pair()
			}
		}
	}
	return i
}

// triggerEnd ends a CREATE of SQLite. The body of a trigger ends at the END
// that follows a semicolon; that of a CASE never does.
func (s *scanner) triggerEnd(i int) (end int, ok bool) {
	end = s.semicolon(i)
	if w := s.word(i + 1); w == "temp" || w == "temporary" {
		i++
	}
	if s.word(i+1) != "trigger" || !s.hasWord(i, end, "begin") {
		return end, true
	}
	for end < len(s.toks) {
		if s.word(end+1) == "end" {
			after := end + 2
			return after, after == len(s.toks) || s.mark(after) == ';'
		}
		end = s.semicolon(end + 1)
	}
	return end, false
}

// atomicEnd ends a CREATE of Postgres. The body of a function between BEGIN
// ATOMIC and END ends like that of a trigger in SQLite.
func (s *scanner) atomicEnd(i int) (end int, ok bool) {
	end = s.semicolon(i)
	body := -1
	for j := i; j < end; j++ {
		if s.word(j) == "begin" && s.word(j+1) == "atomic" {
			body = j + 1
			break
		}
	}
	if body < 0 {
		return end, true
	}
	for at := body; at < len(s.toks); at = s.semicolon(at + 1) {
		if s.word(at+1) == "end" {
			after := at + 2
			return after, after == len(s.toks) || s.mark(after) == ';'
		}
	}
	return end, false
}

// routineEnd ends a CREATE or ALTER of MySQL and MariaDB. Whose body goes on
// behind a semicolon must be one block from BEGIN to its END.
func (s *scanner) routineEnd(i int) (end int, ok bool) {
	end = s.semicolon(i)
	if end == len(s.toks) || !s.isRoutine(i) {
		return end, true
	}
	if end+1 == len(s.toks) {
		return end, true
	}
	if !s.hasWord(i, end, "begin") {
		return end, false
	}
	depth := 0
	for ; i < len(s.toks) && depth >= 0; i++ {
		if s.mark(i-1) == '.' {
			continue // a column of that name
		}
		switch s.word(i) {
		case "begin":
			depth++
		case "case":
			if s.word(i-1) != "end" {
				depth++
			}
		case "end":
			switch s.word(i + 1) {
			case "if", "loop", "while", "repeat", "for":
				continue
			}
			if depth--; depth == 0 {
				// A label may follow.
				end = s.semicolon(i)
				return end, end-i <= 2
			}
		}
	}
	return end, false
}

// isRoutine reports whether the CREATE or ALTER at i is of MySQL's kind with a
// body of statements.
func (s *scanner) isRoutine(i int) bool {
	for i++; i < len(s.toks); i++ {
		switch s.word(i) {
		case "procedure", "function", "trigger", "event", "package":
			return true
		case "or", "replace", "definer", "aggregate", "current_user", "current_role":
			continue
		}
		// The user behind DEFINER =.
		switch t := &s.toks[i]; {
		case t.kind == punct && (t.ch == '=' || t.ch == '(' || t.ch == ')' || t.ch == '@'),
			t.kind == variable:
		case s.mark(i-1) == '=':
		default:
			return false
		}
	}
	return false
}

func (s *scanner) hasWord(lo, hi int, word string) bool {
	for ; lo < hi; lo++ {
		if s.word(lo) == word {
			return true
		}
	}
	return false
}

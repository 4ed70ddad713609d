package dialects

// This file judges what Postgres and MySQL have in common.

// parenthesised judges a statement that starts with parentheses, which can
// only be a query.
func (s *scanner) parenthesised(i int) verdict {
	for s.mark(i) == '(' {
		i++
	}
	switch s.word(i) {
	case "select", "values", "table", "with":
		return s.reads()
	}
	return s.unknown(i)
}

// atLeast judges a statement with a query inside that has the kind k itself.
func (s *scanner) atLeast(k Kind, why string) verdict {
	if v := s.reads(); v.kind > k {
		return v
	}
	return verdict{kind: k, why: why}
}

// begins judges what follows BEGIN or START TRANSACTION: [WORK|TRANSACTION]
// and modes.
func (s *scanner) begins(i int, v verdict) verdict {
	for ; i < s.hi; i++ {
		switch s.word(i) {
		case "work", "transaction", "isolation", "level", "serializable", "repeatable", "read", "committed",
			"uncommitted", "write", "only", "not", "deferrable", "with", "consistent", "snapshot":
			continue
		}
		if s.mark(i) != ',' {
			return s.unknown(s.lo)
		}
	}
	s.effect(Begins)
	return v
}

// ends judges what follows COMMIT, END, ROLLBACK or ABORT: [WORK|TRANSACTION],
// then TO [SAVEPOINT] name, or [AND [NO] CHAIN] [[NO] RELEASE].
func (s *scanner) ends(word string, i int, v verdict) verdict {
	rollback := word == "rollback" || word == "abort"
	if w := s.word(i); w == "work" || w == "transaction" && s.flavor == Postgres {
		i++
	}
	if s.word(i) == "to" && rollback {
		if i++; s.word(i) == "savepoint" && i+1 < s.hi {
			i++
		}
		if i+1 != s.hi {
			return s.unknown(s.lo)
		}
		return v
	}
	chain := false
	if s.word(i) == "and" {
		if i++; s.word(i) == "no" {
			i++
		} else {
			chain = true
		}
		if s.word(i) != "chain" {
			return s.unknown(s.lo)
		}
		i++
	}
	if s.flavor == MySQL {
		if s.word(i) == "no" {
			i++
		}
		if s.word(i) == "release" {
			i++
		}
	}
	if i != s.hi {
		return s.unknown(s.lo)
	}
	switch {
	case rollback && chain:
		s.effect(RollsBackAndBegins)
	case rollback:
		s.effect(RollsBack)
	case chain:
		s.effect(CommitsAndBegins)
	default:
		s.effect(Commits)
	}
	return v
}

// savepoints judges what follows SAVEPOINT or RELEASE [SAVEPOINT]: a name.
func (s *scanner) savepoints(word string, i int, v verdict) verdict {
	e := Saves
	if word == "release" {
		e = Releases
		if s.word(i) == "savepoint" && i+1 < s.hi {
			i++
		}
	}
	if i+1 != s.hi {
		return s.unknown(s.lo)
	}
	s.effect(e)
	return v
}

package dialects

import "strings"

// postgres judges the statements that only Postgres has, or has in its own
// way.
func (s *scanner) postgres(i int) verdict {
	word := s.word(i)
	switch word {
	case "":
		if s.mark(i) == '(' {
			return s.parenthesised(i)
		}
	case "table":
		return s.reads()
	case "merge", "truncate":
		return s.writes(i)
	case "copy":
		return s.postgresCopy(i)
	case "explain":
		return s.postgresExplain(i)
	case "begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release":
		return s.postgresControl(i)
	case "set":
		return s.postgresSet(i)
	case "reset":
		return s.postgresReset(i)
	case "create":
		return s.postgresCreate(i)
	case "alter", "drop", "comment", "grant", "revoke", "refresh", "security", "import", "reassign", "cluster", "reindex":
		return verdict{kind: Schema, why: "changes the schema (" + strings.ToUpper(word) + ")"}
	case "vacuum":
		if s.hasWord(i, s.hi, "full") {
			return verdict{kind: Schema, why: "rewrites tables (VACUUM FULL)"}
		}
		return verdict{kind: Bypass, why: "changes no rows (VACUUM)"}
	case "analyze", "analyse", "checkpoint", "show", "listen", "unlisten", "notify":
		return verdict{kind: Bypass, why: "must reach the database (" + strings.ToUpper(word) + ")"}
	case "declare", "fetch", "move", "close":
		return s.atLeast(Bypass, "works on a cursor ("+strings.ToUpper(word)+")")
	case "lock":
		return verdict{kind: Session, why: "locks a table (LOCK)"}
	case "discard":
		return s.postgresDiscard(i)
	case "prepare":
		if s.word(i+1) == "transaction" {
			s.effect(Prepares)
			return verdict{kind: Control, why: "prepares a transaction (PREPARE TRANSACTION)"}
		}
		return verdict{kind: Session, why: "names a statement (PREPARE)"}
	case "deallocate":
		return verdict{kind: Session, why: "forgets a statement (DEALLOCATE)"}
	case "load":
		return verdict{kind: Session, why: "loads a library (LOAD)", taint: "a loaded library"}
	case "call", "do", "execute":
		// Whatever it does to the session can be asked about; that it may have
		// to be, goes for all that may write everything.
		return verdict{kind: Unclear, why: "runs code that is not in the text (" + strings.ToUpper(word) + ")"}
	}
	return s.unknown(i)
}

// postgresCopy judges COPY … FROM and COPY … TO.
func (s *scanner) postgresCopy(i int) verdict {
	for i++; i < s.hi; i++ {
		switch s.word(i) {
		case "from":
			return s.writes(s.lo)
		case "to":
			return s.atLeast(Bypass, "copies rows out (COPY TO)")
		}
		if s.mark(i) == '(' {
			i = s.toks[i].pair()
		}
	}
	return s.unknown(s.lo)
}

// postgresExplain judges EXPLAIN, which executes its statement where ANALYZE
// is among its options, whatever value it has.
func (s *scanner) postgresExplain(i int) verdict {
	executes := false
	if i++; s.mark(i) == '(' {
		end := s.toks[i].pair()
		executes = s.hasWord(i, end, "analyze") || s.hasWord(i, end, "analyse") || s.holdsQuoted(i, end)
		i = end + 1
	}
	for ; ; i++ {
		switch s.word(i) {
		case "analyze", "analyse":
			executes = true
			continue
		case "verbose":
			continue
		}
		break
	}
	v := verdict{kind: Bypass, why: "explains a statement (EXPLAIN)"}
	if !executes {
		s.facts.explained = true
		return v
	}
	switch s.word(i) {
	case "select", "values", "table", "with", "insert", "update", "delete", "merge", "create", "declare", "execute", "refresh":
	default:
		if s.mark(i) != '(' {
			return s.unknown(i)
		}
	}
	if inner := s.classify(i); inner.kind > Bypass {
		return inner
	}
	return v
}

// holdsQuoted reports whether an option may be spelt as a quoted name.
func (s *scanner) holdsQuoted(lo, hi int) bool {
	for ; lo < hi; lo++ {
		if s.toks[lo].kind == quotedName {
			return true
		}
	}
	return false
}

// postgresControl judges the words of transactions at i.
func (s *scanner) postgresControl(i int) verdict {
	word := s.word(i)
	v := verdict{kind: Control, why: "controls a transaction (" + strings.ToUpper(word) + ")"}
	i++
	switch word {
	case "start":
		if s.word(i) != "transaction" {
			return s.unknown(s.lo)
		}
		i++
		fallthrough
	case "begin":
		return s.begins(i, v)
	case "savepoint", "release":
		return s.savepoints(word, i, v)
	}
	// COMMIT, END, ROLLBACK and ABORT.
	if s.word(i) == "prepared" {
		if word == "commit" {
			return verdict{kind: Unclear, why: "commits a transaction that was prepared elsewhere (COMMIT PREPARED)"}
		}
		return v
	}
	return s.ends(word, i, v)
}

// postgresCreate judges CREATE, which makes temporary objects, too.
func (s *scanner) postgresCreate(i int) verdict {
	i++
	if s.word(i) == "or" && s.word(i+1) == "replace" {
		i += 2
	}
	if w := s.word(i); w == "local" || w == "global" {
		i++
	}
	if w := s.word(i); w == "temp" || w == "temporary" {
		return verdict{kind: Session, why: "creates a temporary object", taint: "a temporary object"}
	}
	return verdict{kind: Schema, why: "changes the schema (CREATE)"}
}

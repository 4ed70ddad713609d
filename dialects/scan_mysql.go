package dialects

import "strings"

// mysql judges the statements that only MySQL and MariaDB have, or have in
// their own way.
func (s *scanner) mysql(i int) verdict {
	word := s.word(i)
	upper := strings.ToUpper(clip(word))
	switch word {
	case "":
		if s.mark(i) == '(' {
			return s.parenthesised(i)
		}
	case "table":
		return s.reads()
	case "replace":
		return s.writes(i)
	case "truncate":
		s.effect(Commits)
		return s.writes(i)
	case "load":
		return s.mysqlLoad(i)
	case "explain", "describe", "desc":
		return s.mysqlExplain(i + 1)
	case "begin", "start", "commit", "rollback", "savepoint", "release":
		return s.mysqlControl(i)
	case "xa":
		return s.mysqlXA(i)
	case "set":
		return s.mysqlSet(i)
	case "use":
		return verdict{kind: Session, why: "changes the default database (USE)", settings: true, moves: true}
	case "create", "drop":
		return s.mysqlCreate(i)
	case "alter", "rename", "grant", "revoke", "import":
		s.effect(Commits)
		return verdict{kind: Schema, why: "changes the schema (" + upper + ")"}
	case "lock":
		if s.word(i+1) != "instance" {
			s.effect(Commits)
		}
		return verdict{kind: Session, why: "locks tables (LOCK)", taint: "LOCK TABLES"}
	case "unlock":
		s.effect(MayCommit)
		return verdict{kind: Session, why: "unlocks tables (UNLOCK)"}
	case "analyze":
		return s.mysqlAnalyze(i)
	case "cache":
		s.effect(MayCommit)
		return verdict{kind: Bypass, why: "changes no rows (CACHE)"}
	case "check", "optimize":
		s.effect(Commits)
		return verdict{kind: Bypass, why: "changes no rows (" + upper + ")"}
	case "repair":
		s.effect(Commits)
		return verdict{kind: Write, why: "may lose rows (REPAIR)"}
	case "flush":
		return s.mysqlFlush(i)
	case "show", "help", "checksum", "kill", "signal", "resignal", "get", "purge":
		return verdict{kind: Bypass, why: "must reach the database (" + upper + ")"}
	case "handler":
		return verdict{kind: Bypass, why: "reads past the tables' versions (HANDLER)"}
	case "do":
		return s.mysqlDo()
	case "prepare", "deallocate":
		s.facts.sequence = false // executed later, by EXECUTE
		return verdict{kind: Session, why: "names or forgets a statement (" + upper + ")"}
	case "call", "execute":
		return verdict{kind: Unclear, why: "runs code that is not in the text (" + upper + ")", taint: upper}
	}
	return s.unknown(i)
}

// mysqlDo judges DO, which calls functions for what they do besides computing.
func (s *scanner) mysqlDo() verdict {
	if s.facts.write != "" || s.facts.into {
		return s.unknown(s.lo)
	}
	for _, name := range s.calls.list {
		if !Harmless(MySQL, name) {
			return verdict{kind: Unclear, why: "runs a function for its effects (DO)", taint: "DO"}
		}
	}
	return verdict{kind: Bypass, why: "must reach the database (DO)"}
}

// mysqlLoad judges LOAD DATA, LOAD XML and LOAD INDEX INTO CACHE.
func (s *scanner) mysqlLoad(i int) verdict {
	switch s.word(i + 1) {
	case "data", "xml":
		return s.writes(i)
	case "index":
		s.effect(MayCommit)
		return verdict{kind: Bypass, why: "changes no rows (LOAD INDEX)"}
	}
	return s.unknown(i)
}

// mysqlExplain judges what follows EXPLAIN or one of its synonyms. It may
// execute subqueries, so that their functions still count.
func (s *scanner) mysqlExplain(i int) verdict {
	v := verdict{kind: Bypass, why: "explains a statement or a table (EXPLAIN)"}
	executes := false
	for ; i < s.hi; i++ {
		switch s.word(i) {
		case "analyze":
			executes = true
			continue
		case "extended", "partitions", "format":
			if s.mark(i+1) == '=' {
				i += 2
			}
			continue
		}
		break
	}
	if s.facts.into {
		return s.intoVerdict() // EXPLAIN … INTO @v
	}
	if !executes {
		s.facts.explained = true
		return v
	}
	return s.mysqlExecuted(i, v)
}

// mysqlExecuted judges a statement at i that is executed to be explained, as
// which v applies.
func (s *scanner) mysqlExecuted(i int, v verdict) verdict {
	switch s.word(i) {
	case "select", "values", "table", "with", "insert", "update", "delete", "replace":
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

// mysqlAnalyze judges ANALYZE TABLE, and MariaDB's ANALYZE of a statement,
// which executes it.
func (s *scanner) mysqlAnalyze(i int) verdict {
	i++
	switch s.word(i) {
	case "table", "tables", "local", "no_write_to_binlog":
		s.effect(Commits)
		return verdict{kind: Bypass, why: "gathers statistics (ANALYZE TABLE)"}
	case "format":
		i += 3 // FORMAT = JSON
	}
	s.facts.inHead = false
	return s.mysqlExecuted(i, verdict{kind: Bypass, why: "explains a statement (ANALYZE)"})
}

// mysqlControl judges the words of transactions at i.
func (s *scanner) mysqlControl(i int) verdict {
	word := s.word(i)
	v := verdict{kind: Control, why: "controls a transaction (" + strings.ToUpper(word) + ")"}
	i++
	switch word {
	case "start":
		if s.word(i) != "transaction" {
			return s.unknown(s.lo)
		}
		return s.begins(i+1, v)
	case "begin":
		if s.word(i) == "work" {
			i++
		}
		if i != s.hi {
			return s.unknown(s.lo) // BEGIN NOT ATOMIC
		}
		s.effect(Begins)
		return v
	case "savepoint", "release":
		if word == "release" && s.word(i) != "savepoint" {
			return s.unknown(s.lo)
		}
		return s.savepoints(word, i, v)
	}
	return s.ends(word, i, v)
}

// mysqlXA judges XA.
func (s *scanner) mysqlXA(i int) verdict {
	what := s.word(i + 1)
	v := verdict{kind: Control, why: "controls a transaction (XA " + strings.ToUpper(clip(what)) + ")"}
	switch what {
	case "start", "begin":
		s.effect(Begins)
	case "end":
	case "prepare":
		s.effect(Prepares)
	case "rollback":
		s.effect(RollsBack)
	case "commit":
		s.effect(Commits)
		if s.word(s.hi-1) != "phase" {
			return verdict{kind: Unclear, why: "may commit a transaction of another connection (XA COMMIT)"}
		}
	case "recover":
		v.kind = Bypass
	default:
		return s.unknown(i)
	}
	return v
}

// mysqlCreate judges CREATE and DROP, which commit unless they are about
// temporary tables.
func (s *scanner) mysqlCreate(i int) verdict {
	word := strings.ToUpper(s.word(i))
	i++
	if s.word(i) == "or" && s.word(i+1) == "replace" {
		i += 2
	}
	switch s.word(i) {
	case "temporary":
		return verdict{kind: Session, why: "is about a temporary table (" + word + ")", taint: "a temporary table"}
	case "prepare":
		return verdict{kind: Session, why: "forgets a statement (DROP PREPARE)"}
	}
	s.effect(Commits)
	return verdict{kind: Schema, why: "changes the schema (" + word + ")"}
}

// mysqlFlush judges FLUSH, which commits and may lock.
func (s *scanner) mysqlFlush(i int) verdict {
	s.effect(Commits)
	v := verdict{kind: Bypass, why: "must reach the database (FLUSH)"}
	if s.hasWord(i, s.hi, "lock") || s.hasWord(i, s.hi, "export") {
		v = verdict{kind: Session, why: "locks tables (FLUSH TABLES)", taint: "FLUSH TABLES"}
	}
	return v
}

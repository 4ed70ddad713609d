package dialects

import "strings"

// facts is what the tokens of one statement tell, wherever they stand.
type facts struct {
	inHead    bool   // before the words from which on a name can be a function
	inColumns bool   // in a CREATE, before its query: types look like functions
	inserts   bool   // INSERT occurs
	explained bool   // the statement is explained and not executed
	write     string // the first word that writes rows, where a read has none
	into      bool   // INTO that belongs to no INSERT
	intoTemp  bool   // … and makes a temporary table
	sequence  bool   // a sequence is advanced
	bypass    string // why the result must come from the database
	taint     string // what changes the session
	asks      string // what changes the session in ways that it can be asked about
	spells    bool   // asks is about a setting that decides what texts mean, or may be
	refusal   string // why the statement is not understood
	catalogue bool   // a table of the system is named
	settings  bool   // pg_settings is named
}

// walk looks at each token of the statement once and collects its names, its
// calls and its facts.
func (s *scanner) walk() {
	s.facts = facts{}
	s.depth = 0
	s.levels = append(s.levels[:0], level{open: -1, tables: true})
	switch s.word(s.lo) {
	case "insert", "replace", "copy", "load", "analyze", "vacuum", "prepare", "pragma":
		// In PL/pgSQL it may be a variable: replace := f(x).
		next := s.mark(s.lo + 1)
		s.facts.inHead = next != ':' && next != '='
	case "create":
		s.facts.inColumns = true
	}
	for i := s.lo; i < s.hi; i++ {
		t := &s.toks[i]
		switch t.kind {
		case bareWord:
			s.walkWord(i, t)
		case quotedName, eitherName:
			s.walkName(i, s.addName(t))
		case stringText:
			s.walkString(i, t)
		case variable:
			s.spoil("uses a variable of the session")
		case punct:
			s.walkMark(i, t.ch)
		case number, parameter:
		}
	}
}

func (s *scanner) walkMark(i int, c byte) {
	switch c {
	case '(':
		s.trackTables(i)
		s.depth++
	case ')':
		s.trackTables(i)
		s.depth--
	case ';':
		if s.depth > 0 && (s.flavor != Postgres || s.word(s.lo) != "create") {
			s.facts.refusal = refusedSemicolon
		}
	}
}

func (s *scanner) walkWord(i int, t *token) {
	w := &vocabulary[t.word]
	behindDot := s.mark(i-1) == '.'
	called := s.mark(i+1) == '(' && s.isCall(i)
	alone := t.word != 0 && !behindDot && w.bare.has(s.flavor)
	if called || alone || behindDot || !w.reserved.has(s.flavor) {
		name := s.addName(t)
		if alone && !called {
			s.calls.add(name)
		}
		s.nameFacts(i, name)
		if called {
			s.call(i, name)
		}
	}
	if t.word == 0 || behindDot {
		return
	}
	if w.noted {
		s.note(i, w.text)
	}
	s.trackTables(i)
	switch w.text {
	case "values", "value", "select", "set", "where", "returning", "update":
		s.facts.inHead = s.facts.inHead && s.depth > 0
		s.facts.inColumns = false
	}
}

// walkName looks at the quoted name at i.
func (s *scanner) walkName(i int, name string) {
	s.nameFacts(i, name)
	if s.mark(i+1) == '(' && s.isCall(i) {
		s.call(i, name)
	}
}

// call adds the call of the function at i, with its schema where there is one
// that does not go without saying.
func (s *scanner) call(i int, name string) {
	s.calls.add(name)
	s.callFacts(i, name)
	if head := s.chainStart(i); head != i {
		schema := s.nameOf(&s.toks[i-2])
		if s.flavor != Postgres || schema != "pg_catalog" {
			s.calls.add(schema + "." + name)
		}
	}
}

// callFacts looks at functions that do more than compute.
func (s *scanner) callFacts(i int, name string) {
	switch s.flavor {
	case Postgres:
		s.postgresCall(i, name)
	case MySQL:
		switch name {
		case "setval":
			s.facts.sequence = true
		case "get_lock":
			s.facts.taint = "a lock (get_lock)"
		}
	case SQLite:
	}
}

// nameFacts looks at names that mean more than a table or a column.
func (s *scanner) nameFacts(i int, name string) {
	switch s.flavor {
	case SQLite:
		switch name {
		case "temp":
			if s.mark(i+1) == '.' {
				s.temporary(i)
			}
		case "sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema":
			s.facts.catalogue = true
		}
	case Postgres:
		if strings.HasPrefix(name, "pg_") && s.mark(i+1) != '(' {
			s.facts.catalogue = true
			switch {
			case name == "pg_settings":
				s.facts.settings = true
			case strings.HasPrefix(name, "pg_temp") && s.mark(i+1) == '.':
				s.facts.taint = "a temporary object"
			}
		}
	case MySQL:
		switch {
		case name == "mysql" && s.mark(i+1) == '.':
			s.facts.catalogue = true
		case name == "nextval":
			s.facts.sequence = true // s.nextval, with sql_mode=ORACLE
		}
	}
}

// temporary looks at the schema "temp" of SQLite at i. An alias may have that
// name, too: only where a table is certain, the connection is tainted.
func (s *scanner) temporary(i int) {
	switch s.word(i - 1) {
	case "from", "join", "into", "update", "table", "exists", "in":
		s.facts.taint = "a temporary object"
		return
	}
	if c := s.mark(i - 1); c == ',' || c == '(' {
		s.spoil("may use a temporary table")
	}
}

// walkString looks at the string at i.
func (s *scanner) walkString(i int, t *token) {
	switch {
	case s.flavor == SQLite && s.maybeTable(i):
		s.nameFacts(i, s.addName(t))
	case s.flavor == Postgres && literalSaysNow(s.text[t.start:t.end]):
		s.names.add("now")
		s.calls.add("now")
	}
}

// spoil notes why the result of a read must come from the database.
func (s *scanner) spoil(why string) {
	if s.facts.bypass == "" {
		s.facts.bypass = why
	}
}

// note looks at a word of the vocabulary that may spoil a read. The word is
// not part of a qualified name.
func (s *scanner) note(i int, word string) {
	switch word {
	case "with":
		s.query(i) // marks the names in front of column lists
	case "into":
		s.noteInto(i)
	case "insert", "update", "delete", "replace", "merge":
		s.noteWrite(i, word)
	case "for":
		s.noteFor(i)
	case "lock":
		if s.word(i+1) == "in" {
			s.spoil("locks rows (LOCK IN SHARE MODE)")
		}
	case "next", "previous":
		s.noteSequence(i, word)
	case "sql_calc_found_rows", "sql_no_cache", "procedure", "examined":
		s.noteMySQL(i, word)
	case "date", "datetime", "timestamp", "time", "timetz":
		s.noteType(i, word)
	}
}

// noteWrite looks at a word that writes rows unless it stands for something
// else.
func (s *scanner) noteWrite(i int, word string) {
	switch word {
	case "insert":
		s.facts.inserts = true
		if s.flavor == MySQL && s.isFunction(i) {
			return // INSERT(str, pos, len, new)
		}
	case "replace":
		if s.flavor == Postgres || s.isFunction(i) {
			return // REPLACE(str, from, to)
		}
	case "merge":
		if s.flavor != Postgres {
			return
		}
	case "update":
		prev := s.word(i - 1)
		if prev == "for" || prev == "key" && s.word(i-2) == "no" && s.word(i-3) == "for" {
			return // noteFor has seen it
		}
	}
	if s.facts.write == "" {
		s.facts.write = strings.ToUpper(word)
	}
}

// isFunction reports whether the word at i, which can also start a statement,
// calls a function instead.
func (s *scanner) isFunction(i int) bool {
	return s.mark(i+1) == '(' && i != s.lo && s.mark(i-1) != ')'
}

// noteFor looks at FOR UPDATE and its relatives.
func (s *scanner) noteFor(i int) {
	switch w := s.word(i + 1); w {
	case "update", "share", "no", "key":
		s.spoil("locks rows (FOR " + strings.ToUpper(w) + ")")
	case "system_time":
		s.spoil("reads the history of a table (FOR SYSTEM_TIME)")
	}
}

// noteInto looks at INTO, which belongs to an INSERT or is a SELECT INTO.
func (s *scanner) noteInto(i int) {
	prev := s.word(i - 1)
	if prev == "insert" || prev == "merge" || s.flavor == SQLite && s.facts.write != "" {
		return
	}
	s.facts.into = true
	if s.flavor == Postgres {
		next := s.word(i + 1)
		if next == "local" || next == "global" {
			next = s.word(i + 2)
		}
		s.facts.intoTemp = next == "temp" || next == "temporary"
	}
}

// noteSequence looks at NEXT VALUE FOR and PREVIOUS VALUE FOR of MariaDB.
func (s *scanner) noteSequence(i int, word string) {
	switch {
	case s.flavor != MySQL || s.word(i+1) != "value":
	case word == "next":
		s.facts.sequence = true
	default:
		s.spoil("reads the last value of a sequence")
	}
}

// noteMySQL looks at words that only MySQL and MariaDB give a meaning.
func (s *scanner) noteMySQL(i int, word string) {
	if s.flavor != MySQL {
		return
	}
	switch word {
	case "sql_calc_found_rows":
		s.spoil("is what FOUND_ROWS() is about (SQL_CALC_FOUND_ROWS)")
	case "sql_no_cache":
		s.spoil("asks not to be cached (SQL_NO_CACHE)")
	case "procedure":
		s.spoil("passes its rows through a procedure")
	case "examined":
		if s.word(i-1) == "rows" {
			s.spoil("may stop early (ROWS EXAMINED)")
		}
	}
}

// noteType looks at types whose conversions ask the clock: a time of day
// becomes a point in time with the help of today's date (MySQL), and gets a
// time zone with the help of today's offset (Postgres).
func (s *scanner) noteType(i int, word string) {
	var clock bool
	switch s.flavor {
	case MySQL:
		if open := s.levels[len(s.levels)-1].open; word == "date" || word == "datetime" || word == "timestamp" {
			before := s.word(open - 1)
			clock = before == "cast" && s.word(i-1) == "as" || before == "convert" && s.mark(i-1) == ','
		}
	case Postgres:
		switch word {
		case "timetz":
			clock = true
		case "time":
			next := i + 1
			if s.mark(next) == '(' {
				next = s.toks[next].pair() + 1
			}
			clock = s.word(next) == "with"
		}
	case SQLite:
	}
	if clock {
		s.names.add("current_date")
		s.calls.add("current_date")
	}
}

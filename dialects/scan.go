package dialects

import (
	"slices"
	"strings"
	"sync"
)

// ScanText reads a text of one or more statements by its words alone. It
// never fails: what it does not understand is [Unclear]. It takes time linear
// in the length of the text, and does not look into texts longer than 256 KB
// or nested more than 500 deep.
//
// The kind speaks of the words only. A statement of any kind may call a
// function that writes or changes the session, so that the functions in
// [Scan.Calls] have to be known, too; see [Harmless]. An Unclear text may have
// done anything, also to the transaction of its connection: its Effects are
// those that were recognised, and it has a Taint where it may have changed the
// session.
//
// Where settings that a text does not show change the way it is read
// (backslashes in MySQL and Postgres, double quotes in MySQL and SQLite), it
// is read in all those ways, and the greatest kind counts.
func ScanText(f Flavor, text string) Scan {
	scan, _ := scanText(f, text, false)
	return scan
}

// scanText also parses a statement that can only be read in one way, if asked
// to. The clauses are nil where they were not understood.
func scanText(f Flavor, text string, parse bool) (Scan, *clauses) {
	s := scanners.Get().(*scanner)
	s.flavor, s.text = f, text
	first := lexer{flavor: f, text: text, quotes: quotings(f)[0], toks: s.buffer[:0]}
	first.run()
	s.buffer = first.toks
	var c *clauses
	if parse && first.refusal == "" && !first.doubt {
		s.toks = first.toks
		c = s.parse()
	}
	s.read(first.toks, first.refusal)
	if s.facts.sequence || s.out.Statements != 1 {
		c = nil
	}
	if first.doubt {
		s.readOtherwise()
	}
	if s.out.Statements == 0 && s.out.Kind == Read {
		s.judge(verdict{kind: Bypass, why: "holds no statement"})
	}
	out := s.out
	out.Names = s.names.take()
	out.Calls = s.calls.take()
	s.release()
	return out, c
}

// scanners keeps the memory of scanners between texts.
var scanners = sync.Pool{New: func() any { return new(scanner) }}

// release gives the scanner back, without what it knows of the text.
func (s *scanner) release() {
	const most = 4096 // tokens of a text worth keeping room for
	if cap(s.buffer) > most {
		s.buffer = nil
	}
	*s = scanner{buffer: s.buffer[:0], levels: s.levels[:0], names: s.names, calls: s.calls}
	scanners.Put(s)
}

// readOtherwise reads a text in the ways of the flavor that are not the
// default.
func (s *scanner) readOtherwise() {
	statements := s.out.Statements
	for _, quotes := range quotings(s.flavor)[1:] {
		other := lexer{flavor: s.flavor, text: s.text, quotes: quotes}
		other.run()
		if other.broken {
			// A server with these settings refuses the text where reading
			// stopped. It may have executed what stands before.
			other.toks, other.refusal = other.upToSemicolon(), ""
		}
		effects := s.out.Effects
		s.out.Effects = nil
		s.read(other.toks, other.refusal)
		same := slices.Equal(effects, s.out.Effects) || other.broken && startsWith(effects, s.out.Effects)
		if !same {
			s.judge(verdict{kind: Unclear, why: "reads differently with other settings for backslashes"})
		}
		s.out.Effects = effects
	}
	s.out.Statements = statements
}

func startsWith(all, start []Effect) bool {
	return len(all) >= len(start) && slices.Equal(all[:len(start)], start)
}

// upToSemicolon returns the tokens before the last semicolon that stands in no
// parentheses.
func (l *lexer) upToSemicolon() []token {
	end := 0
	for i := 0; i < len(l.toks); i++ {
		t := &l.toks[i]
		if t.kind != punct {
			continue
		}
		switch t.ch {
		case ';':
			end = i
		case '(', '[':
			if t.pair() <= i {
				return l.toks[:end] // never closed
			}
			i = t.pair()
		}
	}
	return l.toks[:end]
}

// scanner reads the tokens of a text, statement by statement.
type scanner struct {
	flavor Flavor
	text   string
	toks   []token
	names  nameSet
	calls  nameSet
	out    Scan
	buffer []token // room for the tokens of the next text

	lo, hi int // the tokens of the present statement
	depth  int // parentheses around the present token
	facts  facts
	levels []level
}

// level is one level of nested parentheses.
type level struct {
	open   int  // index of the parenthesis, or -1
	tables bool // see inTables
}

// notUnderstood is the taint that a text may leave that nobody can read.
const notUnderstood = "a text that was not understood"

// verdict is what one statement does.
type verdict struct {
	kind  Kind
	why   string
	taint string
	// settings: see Scan.Settings.
	settings bool
	// spelling: see Scan.Spelling.
	spelling bool
	// moves: see Scan.Moves.
	moves bool
}

// read reads all statements of tokens.
func (s *scanner) read(tokens []token, refusal string) {
	if refusal != "" {
		s.out.Statements++
		s.judge(verdict{kind: Unclear, why: refusal, taint: notUnderstood})
		return
	}
	s.toks = tokens
	for lo := 0; lo < len(tokens); {
		if s.mark(lo) == ';' {
			lo++
			continue
		}
		end, ok := s.statementEnd(lo)
		if !ok {
			end = len(tokens)
		}
		s.statement(lo, end)
		if !ok {
			s.judge(verdict{kind: Unclear, why: "has a routine whose end was not found", taint: notUnderstood})
		}
		lo = end + 1
	}
}

// statement reads one statement.
func (s *scanner) statement(lo, hi int) {
	s.lo, s.hi = lo, hi
	s.out.Statements++
	s.walk()
	v := s.classify(lo)
	if v.kind == Bypass && s.facts.explained {
		s.judge(v)
		return
	}
	if s.facts.sequence && v.kind < Write {
		v.kind, v.why = Write, "advances a sequence"
	}
	s.judge(v)
	if s.facts.taint != "" {
		s.judge(verdict{kind: Session, why: "changes the session (" + s.facts.taint + ")", taint: s.facts.taint})
	}
	if s.facts.asks != "" {
		s.judge(verdict{kind: Session, why: "changes the session (" + s.facts.asks + ")", settings: true, spelling: s.facts.spells})
	}
	if s.facts.refusal != "" {
		s.judge(verdict{kind: Unclear, why: s.facts.refusal})
	}
}

// judge adds the verdict on one statement to that on the text.
func (s *scanner) judge(v verdict) {
	if v.kind > s.out.Kind {
		s.out.Kind, s.out.Why = v.kind, v.why
	}
	if s.out.Taint == "" {
		s.out.Taint = v.taint
	}
	s.out.Settings = s.out.Settings || v.settings
	s.out.Spelling = s.out.Spelling || v.spelling
	s.out.Moves = s.out.Moves || v.moves
}

// effect adds the effect of one statement.
func (s *scanner) effect(e Effect) {
	s.out.Effects = append(s.out.Effects, e)
}

// classify judges the statement, or the part of one, that starts at i.
func (s *scanner) classify(i int) verdict {
	switch s.word(i) {
	case "select":
		return s.reads()
	case "values":
		return s.reads()
	case "with":
		return s.afterWith(i)
	case "insert", "update", "delete":
		return s.writes(i)
	}
	switch s.flavor {
	case SQLite:
		return s.sqlite(i)
	case Postgres:
		return s.postgres(i)
	default:
		return s.mysql(i)
	}
}

// reads judges a statement that starts like a read.
func (s *scanner) reads() verdict {
	f := &s.facts
	switch {
	case f.into:
		return s.intoVerdict()
	case f.write != "":
		return s.writesRows(f.write)
	case f.bypass != "":
		return verdict{kind: Bypass, why: f.bypass}
	}
	return verdict{}
}

// intoVerdict judges SELECT … INTO.
func (s *scanner) intoVerdict() verdict {
	if s.flavor != Postgres {
		return verdict{kind: Unclear, why: "puts its result elsewhere (SELECT INTO)"}
	}
	if s.facts.intoTemp {
		return verdict{kind: Session, why: "creates a temporary table (SELECT INTO)", taint: "a temporary table"}
	}
	return verdict{kind: Schema, why: "creates a table (SELECT INTO)"}
}

// afterWith judges what follows the common table expressions of WITH at i.
func (s *scanner) afterWith(i int) verdict {
	main := s.query(i)
	if main < 0 {
		return s.unknown(i)
	}
	if s.flavor != SQLite && s.mark(main) == '(' {
		return s.parenthesised(main)
	}
	switch s.word(main) {
	case "select", "values":
		return s.reads()
	case "table":
		if s.flavor != SQLite {
			return s.reads()
		}
	case "insert", "update", "delete":
		return s.writes(main)
	case "replace":
		if s.flavor == SQLite {
			return s.writes(main)
		}
	case "merge":
		if s.flavor == Postgres {
			return s.writes(main)
		}
	}
	return s.unknown(main)
}

// writes judges a statement whose main verb, at i, writes rows.
func (s *scanner) writes(i int) verdict {
	return s.writesRows(strings.ToUpper(s.word(i)))
}

// writesRows judges a statement that writes rows by the given word.
func (s *scanner) writesRows(word string) verdict {
	v := verdict{kind: Write, why: "writes rows (" + word + ")"}
	if s.facts.catalogue {
		v.kind, v.why = Schema, "writes a table of the catalogue ("+word+")"
	}
	v.settings = s.facts.settings // an update of pg_settings
	v.spelling = v.settings
	return v
}

// unknown judges a statement that starts with no known word.
func (s *scanner) unknown(i int) verdict {
	if w := s.word(i); w != "" {
		return verdict{kind: Unclear, why: "has a " + strings.ToUpper(clip(w)) + " where it is not known what that does", taint: notUnderstood}
	}
	return verdict{kind: Unclear, why: "does not start with a known word", taint: notUnderstood}
}

// clip shortens a word for people.
func clip(word string) string {
	const most = 32
	if len(word) > most {
		return cutBytes(word)[:most]
	}
	return word
}

// word returns the bare word at i in lower case, or nothing.
func (s *scanner) word(i int) string {
	if uint(i) >= uint(len(s.toks)) {
		return ""
	}
	t := &s.toks[i]
	switch {
	case t.kind != bareWord:
		return ""
	case t.word != 0:
		return vocabulary[t.word].text
	default:
		return lowerASCII(s.text[t.start:t.end])
	}
}

// mark returns the punctuation at i, or 0.
func (s *scanner) mark(i int) byte {
	if uint(i) >= uint(len(s.toks)) || s.toks[i].kind != punct {
		return 0
	}
	return s.toks[i].ch
}

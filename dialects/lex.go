package dialects

import (
	"strings"
	"unicode/utf8"
)

// Limits beyond which a text is not looked into. They bound the work that one
// text can cause here and the recursion of whatever reads it afterwards.
const (
	maxText    = 256 << 10
	maxNesting = 500
)

// tokenKind tells what a token is.
type tokenKind uint8

const (
	bareWord   tokenKind = iota + 1 // a keyword or a name without quotes
	quotedName                      // `x`, [x], U&"x", and "x" in Postgres
	eitherName                      // "x" in SQLite and MySQL: a name or a string, by context or setting
	stringText                      // 'x', E'x', $$x$$, X'00' and their like
	number
	parameter // ?, ?1, :a, @a, $1, $a
	variable  // @a and @@a of MySQL
	punct     // any other single byte, and the cast "::"
)

// castMark stands in token.ch for the two bytes "::" of Postgres.
const castMark = 0x80

// Token flags.
const (
	hasUpper      uint8 = 1 << iota // a bare word with ASCII capitals
	hasHigh                         // a bare word with bytes beyond ASCII
	unicodeQuoted                   // U&"…"
	notCall                         // a name before "(" that is known not to be called
)

// token is one lexical unit of a text.
type token struct {
	kind  tokenKind
	ch    byte   // punct: the byte; names and strings: the opening quote
	flags uint8  // see above
	word  uint16 // bareWord: index into vocabulary, or 0
	start uint32
	end   uint32 // of a parenthesis: see pair
}

// pair returns the index of the parenthesis that closes the one that t opens,
// or the other way round. A parenthesis is one byte long, so that its end
// needs no room.
func (t *token) pair() int { return int(t.end) }

// quoting is one of the ways in which a server may read backslashes, which
// depends on settings that a text does not show.
type quoting struct {
	single bool // a backslash escapes within '…'
	double bool // a backslash escapes within "…"
}

// quotings lists the ways of a flavor, the default first: MySQL alone,
// with ANSI_QUOTES, with NO_BACKSLASH_ESCAPES; Postgres with and without
// standard_conforming_strings.
func quotings(f Flavor) []quoting {
	switch f {
	case MySQL:
		return mysqlQuotings
	case Postgres:
		return postgresQuotings
	default:
		return sqliteQuotings
	}
}

var (
	sqliteQuotings   = []quoting{{}}
	postgresQuotings = []quoting{{}, {single: true}}
	mysqlQuotings    = []quoting{{single: true, double: true}, {single: true}, {}}
)

// lexer cuts a text into tokens. It allocates only when the tokens outgrow the
// slice it was given, looks at each byte a bounded number of times, and never
// fails silently: a text that it does not understand has a refusal.
type lexer struct {
	flavor Flavor
	text   string
	quotes quoting
	toks   []token

	pos   int
	open  uint32 // index of the innermost open parenthesis, plus one
	depth int

	// doubt is set when another quoting of the flavor would read the text
	// differently.
	doubt bool
	// hint is set when a comment holds hints for the planner: /*+ … */.
	hint bool
	// refusal says why the text is not understood, or is empty.
	refusal string
	// broken is set when every server refuses the text for the same reason,
	// at least from its last top-level semicolon on.
	broken bool
}

// Refusals. They end up in Scan.Why.
const (
	refusedLength     = "is longer than 256 KB"
	refusedNesting    = "is nested more than 500 deep"
	refusedNUL        = "holds a NUL byte"
	refusedUTF8       = "is not valid UTF-8"
	refusedQuote      = "has a quote that is not closed"
	refusedComment    = "has a comment that is not closed"
	refusedExecutable = "holds an executable comment (/*! … */)"
	refusedParens     = "has parentheses that do not match"
	refusedSemicolon  = "has a semicolon within parentheses"
	refusedNumber     = "has a number that runs into a word"
	refusedByte       = "holds a character that the database does not know"
	refusedEscape     = "spells a name or a text with an escape character of its own (UESCAPE)"
)

func (l *lexer) refuse(why string, broken bool) {
	l.refusal, l.broken = why, broken
	l.pos = len(l.text)
}

// run reads the whole text.
func (l *lexer) run() {
	if len(l.text) > maxText {
		l.refuse(refusedLength, false)
		return
	}
	if strings.IndexByte(l.text, 0) >= 0 {
		l.refuse(refusedNUL, false)
		return
	}
	if !utf8.ValidString(l.text) {
		l.refuse(refusedUTF8, false)
		return
	}
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		switch byteClass[c] {
		case classSpace:
			l.pos++
		case classHigh:
			if l.flavor == SQLite && strings.HasPrefix(l.text[l.pos:], "\ufeff") {
				l.pos += len("\ufeff") // SQLite takes a byte order mark for a blank
				continue
			}
			l.readWord()
		case classLetter:
			l.readWord()
		case classDigit:
			l.readNumber()
		default:
			l.readMark(c)
		}
	}
	if l.refusal == "" && l.depth > 0 {
		l.refuse(refusedParens, true)
	}
}

// readMark reads what begins with neither a letter nor a digit.
func (l *lexer) readMark(c byte) {
	start := l.pos
	next := l.at(start + 1)
	switch c {
	case '\'':
		l.readString(start, start, l.quotes.single)
	case '"':
		if l.flavor == Postgres {
			l.readName(start, start, 0)
		} else {
			l.readEither(start)
		}
	case '`':
		if l.flavor == Postgres {
			l.mark(c)
		} else {
			l.readName(start, start, 0)
		}
	case '[':
		if l.flavor == SQLite {
			l.readBracketed(start)
		} else {
			l.opening(c)
		}
	case '(':
		l.opening(c)
	case ')':
		l.closing(c, '(')
	case ']':
		l.closing(c, '[')
	case '-':
		if next == '-' && (l.flavor != MySQL || endsDashes(l.text, start+2)) {
			l.skipLine()
		} else {
			l.mark(c)
		}
	case '#':
		switch l.flavor {
		case MySQL:
			l.skipLine()
		case SQLite:
			l.readSQLiteParameter()
		default:
			l.mark(c)
		}
	case '/':
		if next == '*' {
			l.skipComment()
		} else {
			l.mark(c)
		}
	case '.':
		if isDigit(next) && !l.touchesName() {
			l.readNumber()
		} else {
			l.mark(c)
		}
	case '$':
		l.readDollar()
	case '@':
		l.readAt()
	case ':':
		switch {
		case l.flavor == SQLite:
			l.readSQLiteParameter()
		case l.flavor == Postgres && next == ':':
			l.pos += 2
			l.add(token{kind: punct, ch: castMark, start: uint32(start), end: uint32(l.pos)})
		default:
			l.mark(c)
		}
	case '?':
		l.pos++
		if l.flavor == SQLite {
			for isDigit(l.at(l.pos)) {
				l.pos++
			}
		}
		l.add(token{kind: parameter, ch: c, start: uint32(start), end: uint32(l.pos)})
	default:
		l.mark(c)
	}
}

// at returns the byte at i, or 0 behind the end.
func (l *lexer) at(i int) byte {
	if i < len(l.text) {
		return l.text[i]
	}
	return 0
}

func (l *lexer) add(t token) { l.toks = append(l.toks, t) }

// mark reads a single byte.
func (l *lexer) mark(c byte) {
	l.add(token{kind: punct, ch: c, start: uint32(l.pos), end: uint32(l.pos + 1)})
	l.pos++
}

// opening reads a bracket that opens. Until its partner is found, its end
// holds the bracket around it.
func (l *lexer) opening(c byte) {
	if l.depth++; l.depth > maxNesting {
		l.refuse(refusedNesting, false)
		return
	}
	l.add(token{kind: punct, ch: c, start: uint32(l.pos), end: l.open})
	l.open = uint32(len(l.toks))
	l.pos++
}

func (l *lexer) closing(c, opener byte) {
	if l.open == 0 || l.toks[l.open-1].ch != opener {
		l.refuse(refusedParens, true)
		return
	}
	partner := l.open - 1
	l.open = l.toks[partner].end
	l.toks[partner].end = uint32(len(l.toks))
	l.add(token{kind: punct, ch: c, start: uint32(l.pos), end: partner})
	l.depth--
	l.pos++
}

// touchesName reports whether a name ends directly before the position.
func (l *lexer) touchesName() bool {
	if len(l.toks) == 0 {
		return false
	}
	last := &l.toks[len(l.toks)-1]
	return last.kind <= eitherName && int(last.end) == l.pos
}

// skipLine skips a comment up to the end of its line. Only Postgres ends it at
// a carriage return.
func (l *lexer) skipLine() {
	ends := "\n"
	if l.flavor == Postgres {
		ends = "\r\n"
	}
	if i := strings.IndexAny(l.text[l.pos:], ends); i >= 0 {
		l.pos += i + 1
	} else {
		l.pos = len(l.text)
	}
}

// skipComment skips a comment between /* and */, which nests in Postgres only.
func (l *lexer) skipComment() {
	text := l.text
	if l.flavor == MySQL && isExecutable(text[l.pos+2:]) {
		l.refuse(refusedExecutable, false)
		return
	}
	l.hint = l.hint || l.at(l.pos+2) == '+'
	depth := 1
	for i := l.pos + 2; i+1 < len(text); i++ {
		switch {
		case text[i] == '*' && text[i+1] == '/':
			i++
			if depth--; depth == 0 {
				l.pos = i + 1
				return
			}
		case l.flavor == Postgres && text[i] == '/' && text[i+1] == '*':
			i++
			depth++
		}
	}
	l.refuse(refusedComment, true)
}

// isExecutable reports whether a comment of this content is code to MySQL
// (/*! and /*!50000), to MariaDB (/*M!) or to TiDB (/*T!).
func isExecutable(comment string) bool {
	if len(comment) > 0 && (comment[0] == 'M' || comment[0] == 'T' || comment[0] == 'm' || comment[0] == 't') {
		comment = comment[1:]
	}
	return len(comment) > 0 && comment[0] == '!'
}

// endsDashes reports whether what stands at i makes a comment of the two
// dashes before it in MySQL: a blank, a control character or the end.
func endsDashes(text string, i int) bool {
	return i >= len(text) || text[i] <= ' ' || text[i] == 0x7f
}

// Classes of bytes that need no look at the flavor.
const (
	classOther uint8 = iota
	classSpace
	classLetter
	classDigit
	classHigh
)

// byteClass and wordByte are the two tables the lexer lives on.
var byteClass, wordByte = func() (class [256]uint8, word [256]bool) {
	for c := range 256 {
		switch {
		case c == ' ', c >= '\t' && c <= '\r':
			class[c] = classSpace
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
			class[c] = classLetter
		case c >= '0' && c <= '9':
			class[c] = classDigit
		case c >= utf8.RuneSelf:
			class[c] = classHigh
		}
		word[c] = class[c] >= classLetter || c == '$'
	}
	return class, word
}()

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f'
}

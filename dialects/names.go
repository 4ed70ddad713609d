package dialects

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Fold returns the form in which [Scan.Names] and [Scan.Calls] hold the name
// of a table, view, column or function that the catalogue of a database calls
// name. Two names that a database takes for the same have the same form; in
// SQLite and MySQL, two that it tells apart can have the same form, too.
func Fold(f Flavor, name string) string {
	switch f {
	case Postgres:
		return name
	case MySQL:
		return strings.ToLower(name)
	default:
		return lowerASCII(name)
	}
}

// maxPostgresName is the number of bytes of a name that Postgres looks at.
const maxPostgresName = 63

// nameSet collects names, each once, in order.
type nameSet struct {
	list []string
	seen map[string]struct{} // only of many names
}

// manyNames is the number of names from which on a map is quicker.
const manyNames = 24

func (n *nameSet) add(name string) {
	if len(n.list) < manyNames {
		if slices.Contains(n.list, name) {
			return
		}
		n.list = append(n.list, name)
		return
	}
	if n.seen == nil {
		n.seen = make(map[string]struct{}, 4*manyNames)
		for _, old := range n.list {
			n.seen[old] = struct{}{}
		}
	}
	if _, ok := n.seen[name]; ok {
		return
	}
	n.seen[name] = struct{}{}
	n.list = append(n.list, name)
}

// take returns the names in a slice of their own and empties the set.
func (n *nameSet) take() []string {
	list := append([]string(nil), n.list...)
	clear(n.list)
	n.list, n.seen = n.list[:0], nil
	if cap(n.list) > 16*manyNames {
		n.list = nil
	}
	return list
}

// addName adds the name that a token holds, in every spelling that the
// database may take it for, and returns the most likely one.
func (s *scanner) addName(t *token) string {
	name := s.nameOf(t)
	s.names.add(name)
	if s.flavor == Postgres && (len(name) > maxPostgresName || t.flags&hasHigh != 0) {
		s.addPostgresSpellings(name, t.kind == bareWord)
		if len(name) > maxPostgresName {
			name = cutBytes(name)
			s.names.add(name)
		}
	}
	return name
}

// addPostgresSpellings adds what a database with an encoding other than UTF-8
// makes of a long name or of one beyond ASCII: it counts characters as bytes
// and knows capitals beyond ASCII.
func (s *scanner) addPostgresSpellings(name string, bare bool) {
	s.names.add(cutRunes(name))
	if bare {
		low := strings.ToLower(name)
		s.names.add(low)
		s.names.add(cutBytes(low))
		s.names.add(cutRunes(low))
	}
}

// cutBytes cuts a name to the bytes that Postgres keeps of it.
func cutBytes(name string) string {
	if len(name) <= maxPostgresName {
		return name
	}
	n := maxPostgresName
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}

// cutRunes cuts a name to as many characters.
func cutRunes(name string) string {
	n := 0
	for i := range name {
		if n++; n > maxPostgresName {
			return name[:i]
		}
	}
	return name
}

// nameOf returns the name that a token holds, without its quotes and folded.
func (s *scanner) nameOf(t *token) string {
	text := s.text[t.start:t.end]
	if t.kind == bareWord {
		switch {
		case t.word != 0:
			return vocabulary[t.word].text
		case t.flags&hasHigh != 0 && s.flavor == MySQL:
			return strings.ToLower(text)
		case t.flags&hasUpper != 0:
			return lowerASCII(text)
		}
		return text
	}
	if t.flags&unicodeQuoted != 0 {
		return decodeUnicodeName(text[3 : len(text)-1])
	}
	text = text[1 : len(text)-1]
	if t.ch != '[' {
		quote := string(t.ch)
		if strings.Contains(text, quote) {
			text = strings.ReplaceAll(text, quote+quote, quote)
		}
	}
	return Fold(s.flavor, text)
}

// lowerASCII is strings.ToLower for the letters of ASCII only.
func lowerASCII(text string) string {
	for i := range len(text) {
		if c := text[i]; 'A' <= c && c <= 'Z' {
			low := []byte(text)
			for ; i < len(low); i++ {
				low[i] = lower(low[i])
			}
			return string(low)
		}
	}
	return text
}

// decodeUnicodeName decodes the inside of U&"…" with the usual escape
// character: \XXXX and \+XXXXXX. What is not well formed stays as it is; the
// server refuses it.
func decodeUnicodeName(text string) string {
	text = strings.ReplaceAll(text, `""`, `"`)
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			continue
		}
		digits, skip := 4, 1
		if strings.HasPrefix(text[i:], `\\`) {
			b.WriteByte('\\')
			i++
			continue
		}
		if strings.HasPrefix(text[i:], `\+`) {
			digits, skip = 6, 2
		}
		r, ok := hexRune(text[i+skip:], digits)
		if !ok {
			b.WriteByte(text[i])
			continue
		}
		b.WriteRune(r)
		i += skip + digits - 1
	}
	return b.String()
}

func hexRune(text string, digits int) (rune, bool) {
	if len(text) < digits {
		return 0, false
	}
	var r rune
	for i := range digits {
		c := lower(text[i])
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case isHex(c):
			r = r<<4 | rune(c-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// maybeTable reports whether the single-quoted string at i can be the name of
// a table in SQLite: FROM 'x', IN 'x', 'main'.'x'. Only strings that are
// certainly values are left out.
func (s *scanner) maybeTable(i int) bool {
	switch {
	case s.text[s.toks[i].start] != '\'':
		return false // X'…'
	case i == s.lo, s.mark(i+1) == '.':
		return true
	}
	switch prev := &s.toks[i-1]; prev.kind {
	case punct:
		switch prev.ch {
		case '(', ',':
			return s.inTables()
		case '.', ')':
			return true
		}
		return false // behind an operator
	case bareWord:
		w := &vocabulary[prev.word]
		return !w.operand || startsTables(w.text)
	default:
		return true
	}
}

// inTables reports whether a comma at this depth can divide tables.
func (s *scanner) inTables() bool { return s.levels[len(s.levels)-1].tables }

// trackTables keeps inTables right behind the word or parenthesis at i. An
// unknown word changes nothing, so that the answer errs on the side of tables.
func (s *scanner) trackTables(i int) {
	t := &s.toks[i]
	top := len(s.levels) - 1
	switch {
	case t.kind == punct && t.ch == '(':
		opens := s.levels[top].tables
		if prev := s.mark(i - 1); prev != '(' && prev != ',' && !startsTables(s.word(i-1)) {
			opens = false
		}
		s.levels = append(s.levels, level{open: i, tables: opens})
	case t.kind == punct && t.ch == ')':
		if top > 0 {
			s.levels = s.levels[:top]
		}
	case t.word != 0:
		switch vocabulary[t.word].text {
		case "from", "join", "into", "update":
			s.levels[top].tables = true
		case "select", "where", "values", "set", "group", "order", "having", "limit", "returning":
			s.levels[top].tables = false
		}
	}
}

// startsTables reports whether a table can follow the word.
func startsTables(word string) bool {
	switch word {
	case "from", "join", "in", "on", "using", "to":
		return true
	}
	return false
}

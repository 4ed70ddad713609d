package dialects

import "strings"

// This file reads what has an end of its own: words, numbers, quotes,
// parameters.

// readWord reads a bare word, and what a word like E or X before a quote
// makes of that quote.
func (l *lexer) readWord() {
	text, start := l.text, l.pos
	i := start
	var flags uint8
	for i < len(text) && wordByte[text[i]] {
		switch c := text[i]; {
		case 'A' <= c && c <= 'Z':
			flags |= hasUpper
		case c >= 0x80:
			flags |= hasHigh
		}
		i++
	}
	if i < len(text) && i-start <= 1 && l.readPrefixed(start, text[start]|0x20, text[i]) {
		return
	}
	if l.flavor == Postgres && i-start == len("uescape") && l.behindUnicode() && lowerASCII(text[start:i]) == "uescape" {
		l.refuse(refusedEscape, false)
		return
	}
	l.pos = i
	t := token{kind: bareWord, flags: flags, start: uint32(start), end: uint32(i)}
	if flags&hasHigh == 0 {
		t.word = lookUp(text[start:i])
	}
	l.add(t)
}

// readPrefixed reads a quote with the one-letter prefix p (in lower case) at
// start, next being the byte behind it. It reports whether there was one.
func (l *lexer) readPrefixed(start int, p, next byte) bool {
	if next == '\'' {
		switch {
		case p == 'x',
			p == 'b' && l.flavor != SQLite:
			l.readString(start, start+1, false)
			return true
		case p == 'n' && l.flavor != SQLite:
			l.readString(start, start+1, l.quotes.single)
			return true
		case p == 'e' && l.flavor == Postgres:
			l.readString(start, start+1, true)
			return true
		}
		return false
	}
	if p == 'u' && next == '&' && l.flavor == Postgres {
		switch l.at(start + 2) {
		case '"':
			l.readName(start, start+2, unicodeQuoted)
			return true
		case '\'':
			l.readString(start, start+2, false)
			return true
		}
	}
	return false
}

// behindUnicode reports whether the last token is U&"…" or U&'…'.
func (l *lexer) behindUnicode() bool {
	if len(l.toks) == 0 {
		return false
	}
	last := &l.toks[len(l.toks)-1]
	return (last.kind == quotedName || last.kind == stringText) && l.text[last.start]|0x20 == 'u' && l.at(int(last.start)+1) == '&'
}

// readString reads a string that starts at start and whose quote is at quote.
func (l *lexer) readString(start, quote int, escapes bool) {
	end := l.endOfQuote(quote, escapes)
	// Postgres goes on with the same rules when a string is followed by a
	// line break and another quote.
	for l.flavor == Postgres && end >= 0 && quote != start {
		more, ok := l.continuation(end)
		if !ok {
			break
		}
		end = l.endOfQuote(more, escapes)
	}
	if end < 0 {
		l.refuse(refusedQuote, true)
		return
	}
	l.pos = end
	l.add(token{kind: stringText, ch: '\'', start: uint32(start), end: uint32(end)})
}

// readEither reads "…" where it may be a name or a string.
func (l *lexer) readEither(start int) {
	end := l.endOfQuote(start, l.quotes.double)
	if end < 0 {
		l.refuse(refusedQuote, true)
		return
	}
	l.pos = end
	l.add(token{kind: eitherName, ch: '"', start: uint32(start), end: uint32(end)})
}

// readName reads a quoted name that starts at start and whose quote is at
// quote.
func (l *lexer) readName(start, quote int, flags uint8) {
	end := endOfPlainQuote(l.text, quote)
	if end < 0 {
		l.refuse(refusedQuote, true)
		return
	}
	l.pos = end
	l.add(token{kind: quotedName, ch: l.text[quote], flags: flags, start: uint32(start), end: uint32(end)})
}

// readBracketed reads [a name] of SQLite, which cannot hold a closing bracket.
func (l *lexer) readBracketed(start int) {
	i := strings.IndexByte(l.text[start:], ']')
	if i < 0 {
		l.refuse(refusedQuote, true)
		return
	}
	l.pos = start + i + 1
	l.add(token{kind: quotedName, ch: '[', start: uint32(start), end: uint32(l.pos)})
}

// endOfPlainQuote returns the position behind the quote that closes the one at
// quote, or -1. A doubled quote stands for itself.
func endOfPlainQuote(text string, quote int) int {
	q := text[quote]
	for i := quote + 1; ; i += 2 {
		j := strings.IndexByte(text[i:], q)
		if j < 0 {
			return -1
		}
		if i += j; i+1 >= len(text) || text[i+1] != q {
			return i + 1
		}
	}
}

// endOfQuote is endOfPlainQuote for a quote in which a backslash may escape.
// It notes a doubt where the two ways part: at a quote behind an odd number of
// backslashes.
func (l *lexer) endOfQuote(quote int, escapes bool) int {
	text, q := l.text, l.text[quote]
	odd := false // an odd number of backslashes stands directly before i
	for i := quote + 1; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\':
			odd = !odd
			continue
		case c != q:
		case l.escaped(odd) && escapes:
		case i+1 < len(text) && text[i+1] == q:
			i++
		default:
			return i + 1
		}
		odd = false
	}
	return -1
}

// escaped reports whether a quote behind an odd number of backslashes is one
// that only some servers take for escaped, and notes the doubt.
func (l *lexer) escaped(odd bool) bool {
	if odd && l.flavor != SQLite {
		l.doubt = true
		return true
	}
	return false
}

// continuation returns the position of a quote that goes on with the string
// that ended at end: behind blanks with at least one line break.
func (l *lexer) continuation(end int) (quote int, ok bool) {
	text, line := l.text, false
	for i := end; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n', c == '\r':
			line = true
		case byteClass[c] == classSpace:
		case c == '-' && l.at(i+1) == '-':
			n := strings.IndexAny(text[i:], "\r\n")
			if n < 0 {
				return 0, false
			}
			i += n - 1
		default:
			return i, c == '\'' && line
		}
	}
	return 0, false
}

// readDollar reads what starts with a dollar.
func (l *lexer) readDollar() {
	switch l.flavor {
	case SQLite:
		l.readSQLiteParameter()
	case MySQL:
		l.readMySQLDollar()
	default:
		l.readPostgresDollar()
	}
}

// readMySQLDollar reads a name that starts with a dollar. One with a second
// dollar opens a dollar quote in MySQL 9 and is a name before.
func (l *lexer) readMySQLDollar() {
	start := l.pos
	l.readWord()
	if strings.IndexByte(l.text[start+1:l.pos], '$') >= 0 {
		l.refuse(refusedByte, false)
	}
}

// readPostgresDollar reads $1, $$text$$ and $tag$text$tag$.
func (l *lexer) readPostgresDollar() {
	text, start := l.text, l.pos
	i := start + 1
	if isDigit(l.at(i)) {
		for isDigit(l.at(i)) {
			i++
		}
		l.add(token{kind: parameter, ch: '$', start: uint32(start), end: uint32(i)})
		l.endNumber(i)
		return
	}
	for i < len(text) && wordByte[text[i]] && text[i] != '$' {
		i++
	}
	if l.at(i) != '$' {
		l.refuse(refusedByte, true)
		return
	}
	tag := text[start : i+1]
	n := strings.Index(text[i+1:], tag)
	if n < 0 {
		l.refuse(refusedQuote, true)
		return
	}
	l.pos = i + 1 + n + len(tag)
	l.add(token{kind: stringText, ch: '$', start: uint32(start), end: uint32(l.pos)})
}

// readAt reads what starts with an at sign.
func (l *lexer) readAt() {
	switch l.flavor {
	case SQLite:
		l.readSQLiteParameter()
	case MySQL:
		l.readMySQLVariable()
	default:
		l.mark('@')
	}
}

// readMySQLVariable reads @a, @'a', @`a`, @"a", and the same with two at
// signs up to the first dot. The host of user@host reads as one, too.
func (l *lexer) readMySQLVariable() {
	start := l.pos
	i := start + 1
	if l.at(i) == '@' {
		i++
	}
	switch q := l.at(i); q {
	case '\'', '"', '`':
		escapes := q == '\'' && l.quotes.single || q == '"' && l.quotes.double
		if i = l.endOfQuote(i, escapes); i < 0 {
			l.refuse(refusedQuote, true)
			return
		}
	default:
		for i < len(l.text) && (wordByte[l.text[i]] || l.text[i] == '.' && l.text[start+1] != '@') {
			i++
		}
	}
	l.pos = i
	l.add(token{kind: variable, ch: '@', start: uint32(start), end: uint32(i)})
}

// readSQLiteParameter reads :a, @a, $a, #a and the Tcl forms $a::b and $a(b).
func (l *lexer) readSQLiteParameter() {
	text, start := l.text, l.pos
	i, named := start+1, false
scan:
	for i < len(text) {
		switch c := text[i]; {
		case wordByte[c]:
			named = true
			i++
		case c == '(' && named:
			for i < len(text) && text[i] != ')' && byteClass[text[i]] != classSpace {
				i++
			}
			if l.at(i) != ')' {
				l.refuse(refusedByte, true)
				return
			}
			i++
			break scan
		case c == ':' && l.at(i+1) == ':':
			i += 2
		default:
			break scan
		}
	}
	if !named {
		l.refuse(refusedByte, true)
		return
	}
	l.pos = i
	l.add(token{kind: parameter, ch: text[start], start: uint32(start), end: uint32(i)})
}

// readNumber reads a number, or a name of MySQL that starts with a digit.
func (l *lexer) readNumber() {
	if l.flavor == MySQL && l.readDigitName() {
		return
	}
	text, start := l.text, l.pos
	i := start
	if text[i] == '0' && i+2 < len(text) && isRadix(text[i+1]) && isHex(text[i+2]) {
		for i += 2; i < len(text) && (isHex(text[i]) || text[i] == '_'); {
			i++
		}
	} else {
		i = l.decimal(i)
	}
	l.add(token{kind: number, start: uint32(start), end: uint32(i)})
	l.endNumber(i)
}

// decimal returns the end of the decimal number at i.
func (l *lexer) decimal(i int) int {
	i = l.digits(i)
	if l.at(i) == '.' {
		i = l.digits(i + 1)
	}
	if l.at(i)|0x20 == 'e' {
		j := i + 1
		if c := l.at(j); c == '+' || c == '-' {
			j++
		}
		if isDigit(l.at(j)) {
			i = l.digits(j)
		}
	}
	return i
}

func (l *lexer) digits(i int) int {
	for i < len(l.text) && (isDigit(l.text[i]) || l.text[i] == '_' && i+1 < len(l.text) && isDigit(l.text[i+1])) {
		i++
	}
	return i
}

// endNumber goes on behind a number that ends at i. Where a word follows
// without a blank, databases and their versions disagree about what that is.
func (l *lexer) endNumber(i int) {
	l.pos = i
	if i < len(l.text) && wordByte[l.text[i]] && l.text[i] != '$' {
		l.refuse(refusedNumber, false)
	}
}

// readDigitName reads a name that starts with a digit, like 2fa or the part
// behind the dot of t.1e5, and reports whether there is one.
func (l *lexer) readDigitName() bool {
	text, start := l.text, l.pos
	i := start
	for i < len(text) && wordByte[text[i]] {
		i++
	}
	run := text[start:i]
	digits := 0
	for digits < len(run) && isDigit(run[digits]) {
		digits++
	}
	qualified := start > 0 && text[start-1] == '.'
	if !qualified && (digits == len(run) || digits == 0 || isRadixNumber(run) || run[digits]|0x20 == 'e' && exponent(run[digits+1:], l.at(i))) {
		return false
	}
	l.pos = i
	l.add(token{kind: bareWord, flags: hasUpper | hasHigh, start: uint32(start), end: uint32(i)})
	return true
}

// exponent reports whether what follows the e of a MySQL word that starts with
// digits makes it a number. next is the byte behind the word.
func exponent(rest string, next byte) bool {
	if rest == "" {
		return next == '+' || next == '-'
	}
	return isDigit(rest[0])
}

// isRadixNumber reports whether a word is 0x… or 0b…, with a small letter, as
// MySQL wants it.
func isRadixNumber(word string) bool {
	if len(word) < 3 || word[0] != '0' || word[1] != 'x' && word[1] != 'b' {
		return false
	}
	for i := 2; i < len(word); i++ {
		if !isHex(word[i]) || word[1] == 'b' && word[i] > '1' {
			return false
		}
	}
	return true
}

func isRadix(c byte) bool {
	c |= 0x20
	return c == 'x' || c == 'o' || c == 'b'
}

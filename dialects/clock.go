package dialects

import (
	"strconv"
	"strings"
)

// SaysNow reports whether Postgres may take text, given where a date or a time
// is due, for a moment that its clock decides: 'now', 'today 12:00'. The words
// are looked for anywhere, so that a text of another kind can say so, too.
// Arguments of a statement have to be asked like the literals in it, about
// which [ScanText] asks itself.
func SaysNow(text string) bool {
	for i := 0; i < len(text); {
		if !isLetter(text[i]) {
			i++
			continue
		}
		start := i
		for i < len(text) && isLetter(text[i]) {
			i++
		}
		if isClockWord(text[start:i]) {
			return true
		}
	}
	return false
}

func isClockWord(word string) bool {
	const longest = len("yesterday")
	if len(word) < len("now") || len(word) > longest {
		return false
	}
	var low [longest]byte
	for i := range len(word) {
		low[i] = lower(word[i])
	}
	switch string(low[:len(word)]) {
	case "now", "today", "tomorrow", "yesterday":
		return true
	}
	return false
}

func isLetter(c byte) bool {
	c |= 0x20
	return 'a' <= c && c <= 'z'
}

// literalSaysNow is SaysNow for a literal of Postgres with its quotes. One with
// escapes may spell such a word in a way that is not looked into. In others, too, a
// backslash escapes for sessions without standard_conforming_strings.
func literalSaysNow(literal string) bool {
	escapes := strings.IndexByte(literal, '\\') >= 0
	if c := lower(literal[0]); escapes && (c == 'e' || c == 'u') {
		return true
	}
	return SaysNow(literal) || escapes && SaysNow(unescaped(literal))
}

// unescaped returns a text with the characters that backslashes stand for. Those
// of letters have as many digits in Go as in Postgres.
func unescaped(text string) string {
	var b strings.Builder
	for text != "" {
		r, _, rest, err := strconv.UnquoteChar(text, 0)
		if err != nil {
			text = text[1:] // \q is q
			continue
		}
		b.WriteRune(r)
		text = rest
	}
	return b.String()
}

package dialects

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
// escapes may spell such a word in a way that is not looked into.
func literalSaysNow(literal string) bool {
	if c := lower(literal[0]); c == 'e' || c == 'u' {
		for i := range len(literal) {
			if literal[i] == '\\' {
				return true
			}
		}
	}
	return SaysNow(literal)
}

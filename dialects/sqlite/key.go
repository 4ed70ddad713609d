package sqlite

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// splitKey returns the values of a composite key, which the log holds as SQL
// literals with commas in between (see keyExprs.of). It returns false for a
// text that is not one of n values.
func splitKey(text string, n int) ([]any, bool) {
	values := make([]any, 0, n)
	for {
		value, rest, ok := cutLiteral(text)
		if !ok {
			return nil, false
		}
		values = append(values, value)
		if rest == "" {
			return values, len(values) == n
		}
		if text, ok = strings.CutPrefix(rest, ","); !ok {
			return nil, false
		}
	}
}

// cutLiteral returns the value of the literal that text starts with, as
// SQLite's quote() writes it.
func cutLiteral(text string) (value any, rest string, ok bool) {
	switch {
	case strings.HasPrefix(text, "'"):
		return cutText(text[1:])
	case strings.HasPrefix(text, "X'"):
		digits, rest, found := strings.Cut(text[2:], "'")
		b, err := hex.DecodeString(digits)
		return b, rest, found && err == nil
	}
	end := strings.IndexByte(text, ',')
	if end < 0 {
		end = len(text)
	}
	number, rest := text[:end], text[end:]
	if i, err := strconv.ParseInt(number, 10, 64); err == nil {
		return i, rest, true
	}
	f, err := strconv.ParseFloat(number, 64)
	return f, rest, err == nil
}

// cutText returns the text up to the quote that is not doubled.
func cutText(text string) (value any, rest string, ok bool) {
	var b strings.Builder
	for {
		part, rest, found := strings.Cut(text, "'")
		if !found {
			return nil, "", false
		}
		b.WriteString(part)
		if text, found = strings.CutPrefix(rest, "'"); !found {
			return b.String(), rest, true
		}
		b.WriteByte('\'')
	}
}

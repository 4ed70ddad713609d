package table

import "testing"

// TestConditionsStayInTheirParentheses: what would let a condition reach beyond the
// parentheses that it will stand in is an error, and nothing else is.
func TestConditionsStayInTheirParentheses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"a = ? OR b = ?":                           true,
		"a ?? 'x' AND b = ':-)'":                   true,
		"a$b = ? AND c$d$e = ?":                    true,
		"a = $1":                                   true,
		"a = 1) OR (b = 1":                         false,
		"a = $$ ( $$) OR (b = $$ ) $$":             false,
		"a = $x$ ( $x$) OR (b = $x$ ) $x$":         false,
		"a = $ä_1$ ( $ä_1$) OR (b = $ä_1$ ) $ä_1$": false,
	} {
		if _, err := splitMarks(text); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

package conformlocks

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/dialects"
)

// Paragraphs splits a text at empty lines, without lines of comments.
func Paragraphs(text string) (list []string) {
	for p := range strings.SplitSeq(text, "\n\n") {
		var lines []string
		for line := range strings.Lines(p) {
			if !strings.HasPrefix(line, "--") {
				lines = append(lines, line)
			}
		}
		if p = strings.TrimSpace(strings.Join(lines, "")); p != "" {
			list = append(list, p)
		}
	}
	return list
}

// Statements holds what m says of statements against the locks that they take.
// Those of must have to run; those of may are there to be tried, and the server
// may refuse them.
//
// It returns the score, for tests that want a number of statements to have been
// compared. That analyses which forget what is behind the names of a statement,
// in the schema that db has, are seen to miss something, is part of the test.
func Statements(tb testing.TB, on *Server, db *sql.DB, m Meaning, must, may []string) *Score {
	tb.Helper()
	var observations []*observation
	refused := 0
	for i, text := range slices.Concat(must, may) {
		o, err := on.observe(tb.Context(), db, text)
		switch {
		case err == nil:
			observations = append(observations, o)
		case i < len(must):
			tb.Errorf("%s: %v", text, err)
		default:
			refused++
		}
	}
	s := score(on, m, observations)
	tb.Logf("%v; %s refuses %d", s, on.Name, refused)
	for _, missed := range s.Missed {
		tb.Errorf("missed: %s", missed)
	}
	for what, forget := range map[string]func(*dialects.Object){
		"what is behind views":      func(o *dialects.Object) { o.Mentions = nil },
		"triggers and foreign keys": func(o *dialects.Object) { o.Fires = nil },
		"one table behind views": func(o *dialects.Object) {
			o.Mentions = slices.DeleteFunc(slices.Clone(o.Mentions), func(name string) bool { return name == "customer" })
		},
	} {
		if s := score(on, Altered(m, forget), observations); len(s.Missed) == 0 {
			tb.Errorf("an analysis that forgets %s misses nothing", what)
		} else {
			tb.Logf("an analysis that forgets %s misses %d tables, the first: %s", what, len(s.Missed), s.Missed[0])
		}
	}
	return s
}

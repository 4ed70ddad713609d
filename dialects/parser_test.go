package dialects

import (
	"errors"
	"strings"
	"testing"
)

// parserFunc is a parser made of a function.
type parserFunc func(text string) (Parsed, error)

func (f parserFunc) Parse(text string) (Parsed, error) { return f(text) }

// TestParser holds that a registered parser can narrow an analysis and never
// widen it, and that a contradiction keeps a result from being kept. It is not
// parallel: the registry is one for all.
func TestParser(t *testing.T) {
	t.Cleanup(func() { RegisterParser(MySQL, nil) })
	tables := func(names ...string) Parsed {
		p := Parsed{Statements: 1, Reads: true}
		for _, n := range names {
			p.Tables = append(p.Tables, Table{Name: n})
		}
		return p
	}
	// The clauses of the second are not understood.
	const understood, not = "SELECT b FROM a JOIN c ON a.x = c.x WHERE a.id = 1", "SELECT b, c FROM { OJ a }"
	write := tables("a")
	write.Reads = false
	two := tables("a")
	two.Statements = 2
	for _, c := range []struct {
		name     string
		text     string
		parsed   Parsed
		err      error
		panics   bool
		reads    string
		pins     string
		conflict string
	}{
		{name: "agrees", text: understood, parsed: tables("a", "c"), reads: "a c", pins: "a[1]"},
		{name: "does not understand", text: understood, err: errors.New("what?"), reads: "a c", pins: "a[1]"},
		{name: "panics", text: understood, panics: true, reads: "a c", pins: "a[1]"},
		{name: "finds less", text: understood, parsed: tables("a"), reads: "a c", pins: "a[1]"},
		{name: "finds another name for a table", text: understood, parsed: tables("a", "b"), reads: "a b c", conflict: "its clauses do not name"},
		{name: "finds what no word says", text: understood, parsed: tables("a", "parent"), reads: "a b c", conflict: "its words do not name"},
		{name: "finds a write", text: understood, parsed: write, reads: "a b c", conflict: "more than a read"},
		{name: "finds two statements", text: understood, parsed: two, reads: "a b c", conflict: "more than a read"},
		{name: "narrows the words", text: not, parsed: tables("a"), reads: "a"},
		{name: "does not help", text: not, err: errors.New("what?"), reads: "a b c"},
		{name: "narrows in another case", text: not, parsed: tables("A"), reads: "a"},
		{name: "finds what no word of these says", text: not, parsed: tables("parent"), reads: "a b c", conflict: "its words do not name"},
	} {
		RegisterParser(MySQL, parserFunc(func(text string) (Parsed, error) {
			if text != c.text {
				t.Errorf("%s: was given %s", c.name, text)
			}
			if c.panics {
				panic("no idea")
			}
			return c.parsed, c.err
		}))
		a := Words(MySQL, pinned(MySQL), c.text)
		if got := tableNames(a.Reads); got != c.reads || pinsOf(a.Pins) != c.pins {
			t.Errorf("%s: reads %q with pins %q, want %q with %q", c.name, got, pinsOf(a.Pins), c.reads, c.pins)
		}
		if (a.Conflict != "") != (c.conflict != "") || !strings.Contains(a.Conflict, c.conflict) || (a.Conflict != "") != (a.Uncacheable != "") {
			t.Errorf("%s: conflict %q, uncacheable because %q", c.name, a.Conflict, a.Uncacheable)
		}
	}
	RegisterParser(MySQL, parserFunc(func(string) (Parsed, error) {
		t.Error("asked about a text that is too long, too deep, or no read")
		return Parsed{}, nil
	}))
	for _, text := range []string{
		"SELECT b FROM a WHERE " + strings.Repeat("x AND ", maxText/6) + "y",
		"SELECT " + strings.Repeat("(", maxNesting+1) + strings.Repeat(")", maxNesting+1) + " FROM a",
		"UPDATE a SET x = 1",
	} {
		Words(MySQL, pinned(MySQL), text)
	}
}

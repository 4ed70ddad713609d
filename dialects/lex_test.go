package dialects

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lexed renders the tokens of a text, one a line: a letter for the kind, and
// the text.
func lexed(f Flavor, text string, quotes quoting) (string, *lexer) {
	l := &lexer{flavor: f, text: text, quotes: quotes}
	l.run()
	var b strings.Builder
	for i := range l.toks {
		t := &l.toks[i]
		end := int(t.end)
		if t.kind == punct && t.ch != castMark {
			end = int(t.start) + 1
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(" wqesnpv."[t.kind:][:1] + "‹" + text[t.start:end] + "›")
	}
	return b.String(), l
}

func TestLexer(t *testing.T) {
	const (
		lite = SQLite
		pg   = Postgres
		my   = MySQL
	)
	for _, c := range []struct {
		name   string
		flavor Flavor
		text   string
		want   string
	}{
		{"doubled quotes", lite, `'a''b' "c""d"`, `s‹'a''b'› e‹"c""d"›`},
		{"brackets quote", lite, `[a "]b`, `q‹[a "]› w‹b›`},
		{"backtick", lite, "`a``b`", "q‹`a``b`›"},
		{"blob", lite, `x'00' X'ff' xx'1'`, `s‹x'00'› s‹X'ff'› w‹xx› s‹'1'›`},
		{"no prefix E", lite, `e'x'`, `w‹e› s‹'x'›`},
		{"parameters", lite, `? ?12 :a @b $c #d $e::f(g)`, `p‹?› p‹?12› p‹:a› p‹@b› p‹$c› p‹#d› p‹$e::f(g)›`},
		{"dashes", lite, "a--b\rc\nd", `w‹a› w‹d›`},
		{"byte order mark is a blank", lite, "a \ufeffb", `w‹a› w‹b›`},
		{"numbers", lite, `1 1.5 .5 1. 1e5 1.5E-3 0x1F 1_000`, `n‹1› n‹1.5› n‹.5› n‹1.› n‹1e5› n‹1.5E-3› n‹0x1F› n‹1_000›`},
		{"comments do not nest", lite, `a /* /* */ b`, `w‹a› w‹b›`},
		{"exclamation is a comment", lite, `/*! a */ b`, `w‹b›`},
		{"backslash escapes nothing", lite, `'a\' b`, `s‹'a\'› w‹b›`},
		{"arrow", lite, `a->>'$'`, `w‹a› .‹-› .‹>› .‹>› s‹'$'›`},

		{"comments nest", pg, `a /* /* */ b */ c`, `w‹a› w‹c›`},
		{"overlapping comment marks", pg, `/*/*/*/ a */*/ */b`, `w‹b›`},
		{"carriage return ends a line", pg, "a--b\rc", `w‹a› w‹c›`},
		{"dollar quotes", pg, `$$a;'$$ $x$ $$ $y$ $x$ a$b$`, `s‹$$a;'$$› s‹$x$ $$ $y$ $x$› w‹a$b$›`},
		{"parameters", pg, `$1 + $23`, `p‹$1› .‹+› p‹$23›`},
		{"escape string", pg, `E'a\'b' e'\\' c`, `s‹E'a\'b'› s‹e'\\'› w‹c›`},
		{"escape string goes on", pg, "E'a' -- c\n 'b\\' d' e", "s‹E'a' -- c\n 'b\\' d'› w‹e›"},
		{"escape string ends without line break", pg, `E'a' 'b' c`, `s‹E'a'› s‹'b'› w‹c›`},
		{"word before a quote is no prefix", pg, `fooE'a'`, `w‹fooE› s‹'a'›`},
		{"other prefixes", pg, `B'01' X'1f' N'a' U&'\0041' U&"\0041"`, `s‹B'01'› s‹X'1f'› s‹N'a'› s‹U&'\0041'› q‹U&"\0041"›`},
		{"backtick is an operator", pg, "a ` b", "w‹a› .‹`› w‹b›"},
		{"brackets are subscripts", pg, `a[1:b]`, `w‹a› .‹[› n‹1› .‹:› w‹b› .‹]›`},
		{"cast", pg, `a::b`, `w‹a› .‹::› w‹b›`},
		{"operator against comment", pg, `a */*c*/ b - --x`, `w‹a› .‹*› w‹b› .‹-›`},
		{"hash is an operator", pg, `a#>b`, `w‹a› .‹#› .‹>› w‹b›`},

		{"dashes need a blank", my, "a--1 b--\tc\nd", `w‹a› .‹-› .‹-› n‹1› w‹b› w‹d›`},
		{"dashes at the end", my, "a --", `w‹a›`},
		{"hash comment", my, "a # b\nc", `w‹a› w‹c›`},
		{"comments do not nest", my, `a /* /* */ b`, `w‹a› w‹b›`},
		{"hints are comments", my, `a /*+ b */ c`, `w‹a› w‹c›`},
		{"escapes", my, `'a\'b' "c\"d" '\\' e`, `s‹'a\'b'› e‹"c\"d"› s‹'\\'› w‹e›`},
		{"prefixes", my, `n'a' x'1f' b'1' _utf8'c'`, `s‹n'a'› s‹x'1f'› s‹b'1'› w‹_utf8› s‹'c'›`},
		{"backtick", my, "`a``b`", "q‹`a``b`›"},
		{"variables", my, "@a @a.b @'c d' @`e` @@f @@session.g", "v‹@a› v‹@a.b› v‹@'c d'› v‹@`e`› v‹@@f› v‹@@session› .‹.› w‹g›"},
		{"names that start with a digit", my, `1a 1e 1e5 0x1F 0X1F 0b01 0b2 t.1e5 t.2`, `w‹1a› w‹1e› n‹1e5› n‹0x1F› w‹0X1F› n‹0b01› w‹0b2› w‹t› .‹.› w‹1e5› w‹t› .‹.› w‹2›`},
		{"numbers", my, `1.5 .5 1e+5 a .5`, `n‹1.5› n‹.5› n‹1e+5› w‹a› n‹.5›`},
		{"dollar names", my, `$a a$b`, `w‹$a› w‹a$b›`},
	} {
		t.Run(flavorName(c.flavor)+"/"+c.name, func(t *testing.T) {
			got, l := lexed(c.flavor, c.text, quotings(c.flavor)[0])
			if l.refusal != "" {
				t.Fatalf("refused: %s", l.refusal)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("tokens of %s (-want +got):\n%s", c.text, diff)
			}
		})
	}
}

func TestLexerOtherQuotings(t *testing.T) {
	for _, c := range []struct {
		name   string
		flavor Flavor
		quotes quoting
		text   string
		want   string
	}{
		{"standard_conforming_strings off", Postgres, quoting{single: true}, `'a\'b' c`, `s‹'a\'b'› w‹c›`},
		{"NO_BACKSLASH_ESCAPES", MySQL, quoting{}, `'a\' b '\''c'`, `s‹'a\'› w‹b› s‹'\''c'›`},
		{"ANSI_QUOTES", MySQL, quoting{single: true}, `"a\" b '\' c'`, `e‹"a\"› w‹b› s‹'\' c'›`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, l := lexed(c.flavor, c.text, c.quotes)
			if diff := cmp.Diff(c.want, got); diff != "" || l.refusal != "" {
				t.Errorf("tokens of %s (-want +got):\n%s refusal %q", c.text, diff, l.refusal)
			}
			if !l.doubt {
				t.Error("no doubt was noted")
			}
		})
	}
}

func TestLexerRefuses(t *testing.T) {
	deep := strings.Repeat("(", maxNesting+1)
	for _, c := range []struct {
		name    string
		flavors []Flavor
		text    string
		want    string
	}{
		{"NUL", all, "a \x00 b", refusedNUL},
		{"NUL in a string", all, "'\x00'", refusedNUL},
		{"invalid UTF-8", all, "a \xff b", refusedUTF8},
		{"length", all, strings.Repeat("a", maxText+1), refusedLength},
		{"nesting", all, deep + strings.Repeat(")", maxNesting+1), refusedNesting},
		{"open string", all, "a 'b", refusedQuote},
		{"open name", all, `a "b`, refusedQuote},
		{"open backtick", []Flavor{SQLite, MySQL}, "a `b", refusedQuote},
		{"open bracket name", []Flavor{SQLite}, "a [b", refusedQuote},
		{"open comment", all, "a /* b", refusedComment},
		{"open comment without room", all, "a /*", refusedComment},
		{"open comment overlapping", all, "a /*/", refusedComment},
		{"open nested comment", []Flavor{Postgres}, "a /* /* */ b", refusedComment},
		{"open dollar quote", []Flavor{Postgres}, "$a$ b $c$", refusedQuote},
		{"open escape string", []Flavor{Postgres}, `E'a\'`, refusedQuote},
		{"open continuation", []Flavor{Postgres}, "E'a'\n'b", refusedQuote},
		{"open variable", []Flavor{MySQL}, "@'a", refusedQuote},
		{"stray dollar", []Flavor{SQLite, Postgres}, "a $ b", refusedByte},
		{"stray colon", []Flavor{SQLite}, "a : b", refusedByte},
		{"open Tcl parameter", []Flavor{SQLite}, "$a(b c)", refusedByte},
		{"dollar quote of MySQL 9", []Flavor{MySQL}, "$$a$$", refusedByte},
		{"MySQL code comment", []Flavor{MySQL}, "a /*! b */", refusedExecutable},
		{"MySQL versioned comment", []Flavor{MySQL}, "a /*!50000 b */", refusedExecutable},
		{"MariaDB code comment", []Flavor{MySQL}, "a /*M!100100 b */", refusedExecutable},
		{"TiDB code comment", []Flavor{MySQL}, "a /*T![x] b */", refusedExecutable},
		{"open parenthesis", all, "(a", refusedParens},
		{"closing parenthesis", all, "a)", refusedParens},
		{"crossed brackets", []Flavor{Postgres, MySQL}, "([)]", refusedParens},
		{"word after a number", all, "1.5from", refusedNumber},
		{"word after an exponent", all, "1e5union", refusedNumber},
		{"word after a parameter", []Flavor{Postgres}, "$1from", refusedNumber},
	} {
		for _, f := range c.flavors {
			t.Run(flavorName(f)+"/"+c.name, func(t *testing.T) {
				_, l := lexed(f, c.text, quotings(f)[0])
				if l.refusal != c.want {
					t.Errorf("refusal %q, want %q", l.refusal, c.want)
				}
				scan := ScanText(f, c.text)
				if scan.Kind != Unclear || scan.Why != c.want || scan.Taint == "" {
					t.Errorf("scan is %s (%s), taint %q", kindName(scan.Kind), scan.Why, scan.Taint)
				}
			})
		}
	}
}

func TestLexerLimits(t *testing.T) {
	for _, text := range []string{
		"SELECT '" + strings.Repeat("a", maxText-len("SELECT ''")) + "'",
		"SELECT " + strings.Repeat("(", maxNesting) + "1" + strings.Repeat(")", maxNesting),
	} {
		for _, f := range all {
			if scan := ScanText(f, text); scan.Kind != Read {
				t.Errorf("%s: at the limit it is %s (%s)", flavorName(f), kindName(scan.Kind), scan.Why)
			}
		}
	}
}

func TestLexerAllocatesNothing(t *testing.T) {
	room := make([]token, 0, 64)
	for _, f := range all {
		got := testing.AllocsPerRun(100, func() {
			l := lexer{flavor: f, text: "SELECT Id, 'x', 1.5 FROM bakery /* c */ WHERE id IN (?, ?)", quotes: quotings(f)[0], toks: room[:0]}
			l.run()
		})
		if got != 0 {
			t.Errorf("%s: %v allocations", flavorName(f), got)
		}
	}
}

// all lists the flavors.
var all = []Flavor{SQLite, Postgres, MySQL}

func flavorName(f Flavor) string { return [...]string{"sqlite", "postgres", "mysql"}[f] }

func kindName(k Kind) string {
	return [...]string{"Read", "Bypass", "Control", "Session", "Write", "Schema", "Unclear"}[k]
}

package dialects

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// casesOf returns every text of the table tests of a flavor.
func casesOf(f Flavor) []scanCase {
	return append(slices.Clone(commonCases), [][]scanCase{sqliteCases, postgresCases, mysqlCases}[f]...)
}

// TestScanIgnoresLayout holds that blanks, comments and the case of bare words
// mean nothing.
func TestScanIgnoresLayout(t *testing.T) {
	for _, f := range all {
		t.Run(flavorName(f), func(t *testing.T) {
			cases := casesOf(f)
			rapid.Check(t, func(t *rapid.T) {
				text := rapid.SampledFrom(cases).Draw(t, "case").text
				changed, ok := relay(t, f, text)
				if !ok {
					return
				}
				want, got := ScanText(f, text), ScanText(f, changed)
				// What people read quotes the text.
				want.Why, got.Why = "", ""
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s\nchanged to\n%s\n(-want +got):\n%s", text, changed, diff)
				}
			})
		})
	}
}

// relay lays a text out anew.
func relay(t *rapid.T, f Flavor, text string) (string, bool) {
	spans, ok := Spans(f, text)
	if !ok || len(spans) == 0 || strings.ContainsAny(text, `\`) {
		return "", false // other quotings read other tokens
	}
	fillings := []string{" ", "\n", "\t", "/**/", "/* ; DELETE FROM x */", "-- ' \n", " /* -- */ "}
	filling := rapid.SampledFrom(fillings)
	change := rapid.SampledFrom([]string{"as is", "upper", "lower", "mixed"})
	var b strings.Builder
	for i, span := range spans {
		end := 0
		if i > 0 {
			end = spans[i-1].End
		}
		gap := text[end:span.Start]
		if i == 0 || divisible(f, spans, i) {
			gap += filling.Draw(t, "filling")
		}
		b.WriteString(gap)
		word := span.Text
		if span.Word && isPlain(word) {
			switch change.Draw(t, "case") {
			case "upper":
				word = strings.ToUpper(word)
			case "lower":
				word = strings.ToLower(word)
			case "mixed":
				word = strings.ToUpper(word[:1]) + strings.ToLower(word[1:])
			}
		}
		b.WriteString(word)
	}
	return b.String() + text[spans[len(spans)-1].End:] + " ", true
}

func isPlain(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool { return r >= 0x80 || r == '$' || '0' <= r && r <= '9' })
}

// divisible reports whether something may be put before the i-th token.
func divisible(f Flavor, spans []Span, i int) bool {
	prev, next := spans[i-1], spans[i]
	switch {
	case prev.Text == "." || next.Text == ".":
		return false // t.1e5 and t. 1e5
	case prev.String && next.String:
		return false // E'…' goes on behind a line break
	case f == MySQL && prev.Text == "-":
		return false // --1 is no comment, but -- 1 is
	}
	return true
}

// TestScanQuotedIsNeverAWord holds that no keyword in quotes is taken for one.
func TestScanQuotedIsNeverAWord(t *testing.T) {
	for _, f := range all {
		for _, v := range vocabulary[1:] {
			text := fmt.Sprintf(`SELECT a.%q FROM b`, v.text)
			if scan := ScanText(f, text); scan.Kind != Read && v.text != "nextval" {
				t.Errorf("%s: %s is %s (%s)", flavorName(f), text, kindName(scan.Kind), scan.Why)
			} else if !slices.Contains(scan.Names, v.text) {
				t.Errorf("%s: %s has names %q", flavorName(f), text, scan.Names)
			}
		}
	}
}

// TestScanUnknownFirstWord holds that there is an allowlist: words that start
// no statement of a flavor are unclear.
func TestScanUnknownFirstWord(t *testing.T) {
	for _, f := range all {
		for _, word := range []string{"from", "where", "into", "backup", "binlog", "change", "clone", "stop", "shutdown", "delimiter", "if", "loop", "return", "go", "exec", "upsert", "put"} {
			if scan := ScanText(f, word+" x"); scan.Kind != Unclear || scan.Taint == "" {
				t.Errorf("%s: %s is %s", flavorName(f), word, kindName(scan.Kind))
			}
		}
	}
}

// TestScanIsLinear holds that the time for a text grows like its length:
// where it grows with the square, eight times the text take sixty-four times
// as long.
func TestScanIsLinear(t *testing.T) {
	for name, part := range map[string]string{
		"words":            "a ",
		"distinct words":   "",
		"calls":            "f(x),",
		"commas":           ",",
		"semicolons":       "; ",
		"statements":       "SELECT 1;",
		"parentheses":      "()",
		"nested":           "((((()))))",
		"strings":          "'a',",
		"doubled quotes":   "''''",
		"escaped quotes":   `'\'',`,
		"continuations":    "E'a'\n",
		"slashes":          "/ ",
		"comments":         "/**/ ",
		"line comments":    "-- x\n",
		"expressions":      "WITH a(b) AS (SELECT 1) ",
		"expression list":  "WITH a(b) AS (SELECT 1), ",
		"searches":         "WITH a AS (SELECT 1) SEARCH x ",
		"dollars":          "$a$ $a$ ",
		"triggers":         "CREATE TRIGGER a BEGIN ;",
		"trigger ends":     "CREATE TRIGGER a BEGIN ; END ; ",
		"atomic functions": "CREATE FUNCTION f BEGIN ATOMIC ; ",
		"routines":         "CREATE PROCEDURE p BEGIN ; ",
		"definers":         "CREATE DEFINER = ",
		"variables":        "@a := @@b ",
		"assignments":      "SET a = 1, ",
		"parameters":       "$1 ?",
		"dotted":           "a.",
		"dotted calls":     "a.b.c(1).",
		"dotted words":     "a.b.c.d.e.f.g.",
	} {
		build := func(size int) string {
			if part != "" {
				return "SELECT " + strings.Repeat(part, size/len(part))
			}
			var b strings.Builder
			for i := 0; b.Len() < size; i++ {
				fmt.Fprintf(&b, "a%x(),", i)
			}
			return b.String()
		}
		short, long := build(maxText/8-16), build(maxText-16)
		for _, f := range all {
			if !growsLinearly(func() { ScanText(f, short) }, func() { ScanText(f, long) }) {
				t.Errorf("%s: %s take more than linear time", flavorName(f), name)
			}
		}
	}
}

// growsLinearly reports whether long does not take much more than eight times
// as long as short. On a machine that does other things as well, the fastest
// of several runs counts, and what is quick anyway is not compared.
func growsLinearly(short, long func()) bool {
	least := [2]time.Duration{time.Hour, time.Hour}
	for range 30 {
		for i, run := range []func(){short, long} {
			start := time.Now()
			run()
			least[i] = min(least[i], time.Since(start))
		}
		if least[1] < 50*time.Millisecond || least[1] < 40*least[0] {
			return true
		}
	}
	return false
}

func FuzzScanText(f *testing.F) {
	for _, flavor := range all {
		for _, c := range casesOf(flavor) {
			f.Add(uint8(flavor), c.text)
		}
	}
	f.Fuzz(func(t *testing.T, flavor uint8, text string) {
		fl := all[int(flavor)%len(all)]
		got := ScanText(fl, text)
		if again := ScanText(fl, text); !cmp.Equal(got, again) {
			t.Fatalf("not the same twice:\n%s", cmp.Diff(got, again))
		}
		checkScan(t, fl, text, got)
	})
}

// checkScan checks what holds of every scan.
func checkScan(t *testing.T, f Flavor, text string, got Scan) {
	t.Helper()
	if got.Kind > Unclear || (got.Kind == Read) != (got.Why == "") {
		t.Fatalf("kind %d because %q", got.Kind, got.Why)
	}
	if got.Kind == Read && (got.Statements == 0 || got.Taint != "" || len(got.Effects) > 0) {
		t.Fatalf("a read of %d statements with taint %q and effects %v", got.Statements, got.Taint, got.Effects)
	}
	if f == Postgres {
		PostgresHidden(text, func(string) bool { return false }) // whatever the text, it returns
	}
	if f == Postgres && got.Kind < Unclear && !got.Settings && slices.Contains(got.Calls, "set_config") && !strings.Contains(text, ".") && !strings.HasPrefix(got.Why, "explains") {
		t.Fatal("set_config of a setting that is not a custom one, and nobody asks for the settings")
	}
	if slices.Contains(got.Effects, NoEffect) || len(got.Effects) > got.Statements {
		t.Fatalf("effects %v of %d statements", got.Effects, got.Statements)
	}
	sorted := slices.Clone(got.Names)
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) != len(got.Names) {
		t.Fatalf("a name occurs twice: %q", got.Names)
	}
	for _, name := range got.Calls {
		if !slices.ContainsFunc(got.Names, func(n string) bool { return n == name || strings.HasSuffix(name, "."+n) }) {
			t.Fatalf("calls %q, which is not among %q", name, got.Names)
		}
	}
	// What is put behind can only make it worse, unless the text has several
	// readings, which may agree about the whole and not about the part.
	if strings.Contains(text, `\`) {
		return
	}
	if more := ScanText(f, text+"\n;DROP TABLE t"); more.Kind < got.Kind && got.Kind != Read {
		t.Fatalf("with a DROP behind it is %s and was %s", kindName(more.Kind), kindName(got.Kind))
	}
}

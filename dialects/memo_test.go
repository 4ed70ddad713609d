package dialects

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// templated returns the template of a text with # and $ for its holes, or "?".
func templated(f Flavor, text string) string {
	t := new(template)
	if !templateOf(f, text, t) {
		return "?"
	}
	return strings.NewReplacer("\x01", "#", "\x02", "$").Replace(string(t.key))
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flavors flavors
		text    string
		want    string
	}{
		{every, "SELECT a FROM t WHERE id = 5", "SELECT a FROM t WHERE id = #"},
		{every, "SELECT a  FROM\nt /* trace 7 */ WHERE id = 5 -- x", "SELECT a FROM t WHERE id = #"},
		{every, "SELECT a FROM t WHERE id=5", "SELECT a FROM t WHERE id=#"},
		{every, "SELECT a FROM t WHERE id = -5 AND b = 'x' AND c > 'it''s'", "SELECT a FROM t WHERE id = -# AND b = $ AND c > $"},
		{every, "SELECT a FROM t WHERE id IN (1, 2, 'x')", "SELECT a FROM t WHERE id IN (#, #, $)"},
		{every, "SELECT a FROM t WHERE a BETWEEN 1 AND 2 LIMIT 10 OFFSET 20", "SELECT a FROM t WHERE a BETWEEN # AND # LIMIT # OFFSET #"},
		{every, "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')", "INSERT INTO t (a, b) VALUES (#, $), (#, $)"},
		{every, "SELECT a FROM t WHERE id = 5.5 AND b = 1e5 AND c = 99999999999999999999", "SELECT a FROM t WHERE id = 5.5 AND b = 1e5 AND c = 99999999999999999999"},
		{every, "SELECT f(5, 'x'), 7, 'y' FROM t", "SELECT f(5, 'x'), 7, 'y' FROM t"},
		{every, "SELECT a FROM t WHERE b = (5)", "SELECT a FROM t WHERE b = (5)"},
		{every, "SELECT a FROM t ORDER BY 1, 2", "SELECT a FROM t ORDER BY 1, 2"},
		{every, "SELECT /*+ hint */ a FROM t", "?"},
		{every, "SELECT 1; SELECT 2", "?"},
		{every, "SET a = 1", "?"},
		{every, "SELECT \x01 FROM t WHERE a = 1", "?"},
		{every, `SELECT a FROM t WHERE b = 'x\' AND c = 1`, "?"},
		{sqlite, "SELECT a FROM 't' WHERE b IN 'u'", "SELECT a FROM 't' WHERE b IN 'u'"},
		{sqlite, "SELECT a FROM main.'t', 'u'", "SELECT a FROM main.'t', 'u'"},
		{sqlite, "SELECT a FROM t WHERE b IN (SELECT c FROM u, 'v')", "SELECT a FROM t WHERE b IN (SELECT c FROM u, 'v')"},
		{sqlite, "SELECT a FROM t WHERE b IN (WITH w AS (SELECT 1) SELECT c FROM w, 'v')", "SELECT a FROM t WHERE b IN (WITH w AS (SELECT 1) SELECT c FROM w, 'v')"},
		{sqlite, "SELECT a FROM t JOIN u ON b IN (1), ('v')", "SELECT a FROM t JOIN u ON b IN (#), ('v')"},
		{sqlite, `SELECT a FROM t WHERE b = "x"`, `SELECT a FROM t WHERE b = "x"`},
		{postgres, "SELECT a FROM t WHERE b = '5'::int AND c = 5::text", "SELECT a FROM t WHERE b = '5'::int AND c = 5::text"},
		{postgres, "SELECT a FROM t WHERE b = 'now' AND c = 'x'", "SELECT a FROM t WHERE b = 'now' AND c = $"},
		{postgres, "SELECT a FROM t WHERE b > date '2020-01-01'", "SELECT a FROM t WHERE b > date '2020-01-01'"},
		{postgres, "SELECT a FROM t WHERE b = E'x' AND c = $1", "SELECT a FROM t WHERE b = E'x' AND c = $1"},
		{mysql, "SELECT a FROM t WHERE b = 'x' 'y'", "SELECT a FROM t WHERE b = 'x' 'y'"},
		{mysql, "SELECT a FROM t WHERE b = _utf8'x' AND c = \"y\"", "SELECT a FROM t WHERE b = _utf8'x' AND c = \"y\""},
		{mysql, "SELECT /*! a */ FROM t", "?"},
	} {
		for _, f := range all {
			if strings.Contains(c.text, `\`) && f == SQLite {
				continue // no escape there
			}
			if got := templated(f, c.text); c.flavors.has(f) && got != c.want {
				t.Errorf("%s: %s\nhas the template %s\nwant              %s", flavorName(f), c.text, got, c.want)
			}
		}
	}
}

// remember analyses a text through a memo, and reports whether it was new.
func remember(m *Memo, catalog *Catalog, text string) (a *Analysis, asked bool) {
	a, _ = m.Analyze(text, catalog.Version(), func() (*Analysis, error) {
		asked = true
		return Words(m.flavor, catalog, text), nil
	})
	return a, asked
}

// sameMeaning compares analyses but for what only tells where literals stand.
var sameMeaning = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Operand{})}

// TestMemoTellsTheSame holds that a memo which has seen another text with the
// same template says of each text what its own analysis would.
func TestMemoTellsTheSame(t *testing.T) {
	t.Parallel()
	for _, f := range all {
		catalog := pinned(f)
		random := rand.New(rand.NewPCG(5, uint64(f)))
		m := NewMemo(f, 10_000)
		hits := 0
		for _, text := range clauseTexts(f) {
			for range 4 {
				other := otherLiterals(f, text, random)
				got, asked := remember(m, catalog, other)
				if !asked {
					hits++
				}
				want := Words(f, catalog, other)
				// Pins may be lost where the first literal was no key.
				if len(got.Pins) == 0 {
					want.Pins = nil
				}
				if len(got.Touches) == 0 {
					want.Touches = nil
				}
				if diff := cmp.Diff(want, got, sameMeaning); diff != "" {
					t.Fatalf("%s: %s\n(-want +got):\n%s", flavorName(f), other, diff)
				}
			}
		}
		if hits < 300 {
			t.Errorf("%s: only %d hits", flavorName(f), hits)
		}
	}
}

// otherLiterals changes literals of a text.
func otherLiterals(f Flavor, text string, random *rand.Rand) string {
	l := lexer{flavor: f, text: text, quotes: quotings(f)[0]}
	l.run()
	var b strings.Builder
	end := 0
	for i := range l.toks {
		tok := &l.toks[i]
		var spelled string
		switch {
		case tok.kind == number:
			spelled = []string{"7", "12", "9007199254740993", "1.5", "0"}[random.IntN(5)]
		case tok.kind == stringText && text[tok.start] == '\'':
			spelled = []string{"'x'", "'12'", "'now'", "'it''s'", "'a'", "'b'"}[random.IntN(6)]
		default:
			continue
		}
		b.WriteString(text[end:tok.start])
		b.WriteString(spelled)
		end = int(tok.end)
	}
	return b.String() + text[end:]
}

func TestMemoFillsPins(t *testing.T) {
	t.Parallel()
	catalog := pinned(Postgres)
	m := NewMemo(Postgres, 100)
	for i, c := range []struct {
		text, pins string
		asked      bool
	}{
		{"SELECT * FROM a WHERE id = 1 AND x = 2", "a[1]", true},
		{"SELECT * FROM a WHERE id = 3 AND x = 4", "a[3]", false},
		{"SELECT * FROM a /* trace */ WHERE id = 3 AND x = 4", "a[3]", false},
		{"SELECT * FROM a WHERE id = -3 AND x = 4", "a[-3]", true},
		{"SELECT * FROM a WHERE id = -9 AND x = 4", "a[-9]", false},
		{"SELECT * FROM c WHERE 5 > 4 AND y = 'k' AND x IN (7)", "c[7,k]", true},
		{"SELECT * FROM c WHERE 5 > 2 AND y = 'it''s' AND x IN (8)", "c[8,it's]", false},
		{"SELECT * FROM a WHERE id = '5' AND x", "a[5]", true},
		{"SELECT * FROM a WHERE id = '05' AND x", "", false},
		{"SELECT * FROM a WHERE id = $1 AND x = 4", "a[$1]", true},
		{"SELECT * FROM a WHERE id = $1 AND x = 5", "a[$1]", false},
		{"UPDATE a SET x = 1 WHERE id = 2", "a[2]", true},
		{"UPDATE a SET x = 3 WHERE id = 4", "a[4]", false},
	} {
		a, asked := remember(m, catalog, c.text)
		if got := pinsOf(append(a.Pins, a.Touches...)); asked != c.asked || strings.ReplaceAll(got, "05", "") != c.pins {
			t.Errorf("%d: %s\nhas pins %q (asked: %v), want %q (%v)", i, c.text, got, asked, c.pins, c.asked)
		}
	}
}

// TestMemoForgets holds that a memo is bounded, that it keeps what is used, and
// that it remembers nothing of errors and of other catalogues.
func TestMemoForgets(t *testing.T) {
	t.Parallel()
	m := NewMemo(SQLite, 8)
	catalog := pinned(SQLite)
	text := func(i int) string { return fmt.Sprintf("SELECT c%d FROM a", i) }
	for i := range 100 {
		remember(m, catalog, text(i))
		if _, asked := remember(m, catalog, text(0)); asked {
			t.Fatalf("forgot what is used after %d others", i)
		}
		if n := len(m.young) + len(m.old); n > 8 {
			t.Fatalf("holds %d templates", n)
		}
	}
	if _, asked := remember(m, catalog, text(1)); !asked {
		t.Error("remembers everything")
	}
	newer := NewCatalog(2, SQLite, nil)
	if a, asked := remember(m, newer, text(0)); !asked || a.Version != 2 {
		t.Error("answers for another catalogue")
	}
	fail := errors.New("not now")
	for range 2 {
		asked := false
		_, err := m.Analyze("SELECT 1 FROM b", 1, func() (*Analysis, error) {
			asked = true
			return &Analysis{Version: 1}, fail
		})
		if !asked || !errors.Is(err, fail) {
			t.Error("remembers an error")
		}
	}
}

func TestMemoConcurrently(t *testing.T) {
	t.Parallel()
	m, catalog := NewMemo(Postgres, 16), pinned(Postgres)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				text := fmt.Sprintf("SELECT c%d FROM a WHERE id = %d", i%40, i)
				a, _ := remember(m, catalog, text)
				if want := fmt.Sprintf("a[%d]", i); pinsOf(a.Pins) != want {
					t.Errorf("goroutine %d: %s has pins %s", g, text, pinsOf(a.Pins))
				}
			}
		})
	}
	wg.Wait()
}

package corpus

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sqlc-dev/meyer/parser"

	"github.com/vantage-go/live/analyze/meyer"
	"github.com/vantage-go/live/dialects"
)

// TestMain takes the parsers away again that importing them registered: what
// livesql understands without them is what is compared.
func TestMain(m *testing.M) {
	for _, f := range []dialects.Flavor{dialects.SQLite, dialects.Postgres, dialects.MySQL} {
		dialects.RegisterParser(f, nil)
	}
	os.Exit(m.Run())
}

// check compares and holds the report against what must be so.
func check(t *testing.T, f dialects.Flavor, p dialects.Parser, texts []string, reads, cacheable int) {
	t.Helper()
	slices.Sort(texts)
	texts = slices.Compact(texts)
	var statements []Statement
	for _, text := range texts {
		if parsed, err := parse(p, text); err == nil && parsed.Statements > 0 {
			statements = append(statements, Statement{text, parsed})
		}
	}
	r := Compare(f, texts, statements)
	t.Log(r)
	for _, text := range r.Impure {
		t.Errorf("taken for a read:\n%s", text)
	}
	for _, text := range r.Missed {
		t.Errorf("missed:\n%s", text)
	}
	if r.Reads < reads || r.Cacheable*100 < r.Eligible*cacheable {
		t.Errorf("only %d reads, of which only %s are cacheable", r.Reads, share(r.Cacheable, r.Eligible))
	}
}

func parse(p dialects.Parser, text string) (parsed dialects.Parsed, err error) {
	defer func() {
		if recover() != nil {
			parsed, err = dialects.Parsed{}, os.ErrInvalid
		}
	}()
	return p.Parse(text)
}

func read(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files like %s: %v", pattern, err)
	}
	var all []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.ToValidUTF8(string(data), "?"))
	}
	return all
}

// TestSQLite compares over SQLite's own test suite, which comes with meyer.
func TestSQLite(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/sqlc-dev/meyer").Output()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, file := range read(t, filepath.Join(strings.TrimSpace(string(out)), "parser/testdata/*.test")) {
		for block := range strings.SplitSeq("\n"+file, "\n==== ") {
			_, sql, _ := strings.Cut(block, "\n")
			sql, _, _ = strings.Cut(sql, "\n----\n")
			statements, err := parser.ParseString(sql)
			if err != nil {
				continue
			}
			for _, s := range statements {
				texts = append(texts, sql[s.Pos():s.End()])
			}
		}
	}
	check(t, dialects.SQLite, meyer.Parser{}, texts, 10_000, 95)
}

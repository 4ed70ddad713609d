package pitfalls

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is the table for people.
const document = "../../docs/pitfalls.md"

var update = flag.Bool("update", false, "write docs/pitfalls.md anew")

// TestDocument keeps docs/pitfalls.md current.
func TestDocument(t *testing.T) {
	t.Parallel()
	want := markdown()
	t.Log("\n" + want)
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the table says: go test ./internal/pitfalls -run TestDocument -update", filepath.Base(document))
	}
}

const head = `# Pitfalls

How caches of query results go wrong: 93 ways, from the bug trackers of fourteen caches, proxies and ORMs, and what
livesql does about each. The tests are those of ` + "`internal/pitfalls`" + `, which also writes this page. Each runs through a
real handle on a real server, and shows that the read in question *is* answered from memory where that is harmless.

| | |
|---|---|
| **tested** | a test of that name fails if the pitfall is there; PostgreSQL by lib/pq and by pgx |
| elsewhere | the test in the notes does |
| – | it cannot be there: see the notes |
| **OPEN** | livesql gets it wrong; its test has to fail until that is mended |
`

// markdown is the table as a page.
func markdown() string {
	var b strings.Builder
	b.WriteString(head)
	for _, part := range parts {
		fmt.Fprintf(&b, "\n## %s\n\n| | pitfall | what holds instead | SQLite | PostgreSQL | MariaDB |\n|---|---|---|---|---|---|\n", part.title)
		var notes []string
		for _, p := range part.pitfalls {
			fmt.Fprintf(&b, "| %d | %s | %s |", p.number, p.name, p.holds)
			for _, family := range families {
				mark, note := p.cells[family].marked()
				fmt.Fprintf(&b, " %s |", mark)
				if note != "" {
					notes = noted(notes, p.number, family, note)
				}
			}
			b.WriteString("\n")
		}
		if len(notes) > 0 {
			b.WriteString("\n" + strings.Join(notes, "\n") + "\n")
		}
	}
	return b.String()
}

var spelled = map[string]string{sqlite: "SQLite", postgres: "PostgreSQL", mariadb: "MariaDB"}

// noted adds a note; one that is the same for another engine gets its name, too.
func noted(notes []string, number int, family, note string) []string {
	head, rest := fmt.Sprintf("- %d, ", number), ": "+note+"."
	if last := len(notes) - 1; last >= 0 && strings.HasPrefix(notes[last], head) && strings.HasSuffix(notes[last], rest) {
		notes[last] = strings.TrimSuffix(notes[last], rest) + ", " + spelled[family] + rest
		return notes
	}
	return append(notes, head+spelled[family]+rest)
}

// marked is what stands in the table, and in the notes.
func (c cell) marked() (mark, note string) {
	switch {
	case c.gap != "" && c.only != "":
		return "**OPEN**", "with " + c.only + ": " + c.gap
	case c.gap != "":
		return "**OPEN**", c.gap
	case c.test != nil:
		return "**tested**", ""
	case c.proof != "":
		return "elsewhere", c.proof
	default:
		return "–", c.none
	}
}

// TestTable requires that the table is complete, and that what it refers to is
// there.
func TestTable(t *testing.T) {
	t.Parallel()
	numbers := map[int]bool{}
	titles := map[string]bool{}
	last := 0
	for _, p := range all() {
		numbers[p.number] = true
		if titles[p.title()] || p.number < last {
			t.Errorf("%s comes twice, or out of order", p.title())
		}
		titles[p.title()], last = true, p.number
		tested := false
		for _, family := range families {
			c, ok := p.cells[family]
			if !ok {
				t.Errorf("%s says nothing of %s", p.title(), family)
				continue
			}
			tested = tested || c.none == ""
			if c.gap != "" && c.test == nil {
				t.Errorf("%s on %s is open and has no test that shows it", p.title(), family)
			}
			for proof := range strings.SplitSeq(c.proof, "; ") {
				if proof != "" && !exists(t, proof) {
					t.Errorf("%s: there is no test %s", p.title(), proof)
				}
			}
		}
		if tested && p.holds == "" && len(p.cells) > 0 && p.number != 40 {
			t.Errorf("%s does not say what holds", p.title())
		}
	}
	for n := 1; n <= 93; n++ {
		if !numbers[n] {
			t.Errorf("pitfall %d is not in the table", n)
		}
	}
	if len(numbers) != 93 {
		t.Errorf("%d numbers", len(numbers))
	}
}

var reference = regexp.MustCompile(`^([\w/]+)\.(\w+)`)

// exists looks for the test, or the suite, that a proof names first.
func exists(t *testing.T, proof string) bool {
	t.Helper()
	m := reference.FindStringSubmatch(proof)
	if m == nil {
		return false
	}
	files, err := filepath.Glob(filepath.Join("../..", m[1], "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "\nfunc "+m[2]+"(")
	})
}

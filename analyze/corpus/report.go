package corpus

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// Report is what was found in one corpus.
type Report struct {
	Statements int // those that the exact parser accepts
	Reads      int // pure reads, by the exact parser
	Exact      int // reads whose tables livesql tells exactly
	// Eligible are the reads of tables by functions that are known to be
	// pure, and Cacheable those of them that livesql would keep.
	Eligible, Cacheable int
	// Impure are statements that livesql takes for reads and the parser does
	// not, Missed those with a table that livesql does not know of: there
	// must be none.
	Impure, Missed []string
	// Reasons counts why eligible reads are not cacheable, with an example.
	Reasons map[string]int
	Example map[string]string
}

// Statement is one statement with what its exact parser says.
type Statement struct {
	Text   string
	Parsed dialects.Parsed
}

// creates matches a CREATE with the name of the table or view, and the second
// part of it.
var creates = func() *regexp.Regexp {
	const name = "(?:\\w+|\"[^\"]+\"|`[^`]+`|\\[[^\\]]+\\])"
	return regexp.MustCompile(`(?is)^\s*create\s+(?:or\s+replace\s+)?(?:(?:global|local|temp|temporary|unlogged|foreign|materialized|recursive|virtual)\s+)*` +
		`(?:table|view)\s+(?:if\s+not\s+exists\s+)?(` + name + `)(?:\.(` + name + `))?`)
}()

// Created returns the name of the table or view that a text creates, or
// nothing.
func Created(f dialects.Flavor, text string) string {
	m := creates.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	name := m[1]
	if m[2] != "" {
		name = m[2]
	}
	if strings.ContainsAny(name[:1], "\"`[") {
		return name[1 : len(name)-1]
	}
	if f == dialects.Postgres {
		return strings.ToLower(name)
	}
	return name
}

// Compare holds livesql's analysis of statements against that of their exact
// parser. All tables that any of the texts creates count as covered.
func Compare(f dialects.Flavor, texts []string, statements []Statement) *Report {
	var objects []dialects.Object
	known := make(map[string]bool)
	for _, text := range texts {
		if name := Created(f, text); name != "" && !known[dialects.Fold(f, name)] {
			known[dialects.Fold(f, name)] = true
			objects = append(objects, dialects.Object{Table: dialects.Table{Name: name}, Covered: true})
		}
	}
	catalog := dialects.NewCatalog(1, f, objects)
	r := &Report{Reasons: make(map[string]int), Example: make(map[string]string)}
	for _, s := range statements {
		r.add(f, catalog, known, s)
	}
	return r
}

func (r *Report) add(f dialects.Flavor, catalog *dialects.Catalog, known map[string]bool, s Statement) {
	a := dialects.Words(f, catalog, s.Text)
	r.Statements++
	if !s.Parsed.Reads || s.Parsed.Statements != 1 {
		if a.Uncacheable == "" || a.Scan.Kind == dialects.Read && !s.Parsed.Reads {
			r.Impure = append(r.Impure, s.Text)
		}
		return
	}
	r.Reads++
	tables := make(map[string]bool)
	all := len(s.Parsed.Tables) > 0
	for _, t := range s.Parsed.Tables {
		name := dialects.Fold(f, t.Name)
		if !known[name] {
			all = false
			continue
		}
		tables[name] = true
	}
	for name := range tables {
		if !slices.ContainsFunc(a.Reads, func(t dialects.Table) bool { return dialects.Fold(f, t.Name) == name }) && a.Scan.Kind == dialects.Read {
			r.Missed = append(r.Missed, name+" in "+s.Text)
		}
	}
	if len(a.Reads) == len(tables) {
		r.Exact++
	}
	if !all || slices.ContainsFunc(s.Parsed.Functions, func(name string) bool { return !dialects.Pure(f, name) }) {
		return
	}
	r.Eligible++
	if a.Uncacheable == "" {
		r.Cacheable++
		return
	}
	why := reason(a.Uncacheable)
	r.Reasons[why]++
	if r.Example[why] == "" {
		r.Example[why] = s.Text
	}
}

var parentheses = regexp.MustCompile(`(calls|table|of|result of) [^ ]+`)

// reason makes one reason of those that differ in a name.
func reason(why string) string { return parentheses.ReplaceAllString(why, "$1 …") }

// String tells the report for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d statements, %d pure reads; tables exact in %s; cacheable %s; not reads after all %d; tables missed %d\n",
		r.Statements, r.Reads, share(r.Exact, r.Reads), share(r.Cacheable, r.Eligible), len(r.Impure), len(r.Missed))
	reasons := make([]string, 0, len(r.Reasons))
	for why := range r.Reasons {
		reasons = append(reasons, why)
	}
	slices.SortFunc(reasons, func(a, b string) int { return cmp.Compare(r.Reasons[b], r.Reasons[a]) })
	for _, why := range reasons {
		example := strings.Join(strings.Fields(r.Example[why]), " ")
		fmt.Fprintf(&b, "%6d  %s\n        %s\n", r.Reasons[why], why, example[:min(len(example), 140)])
	}
	return b.String()
}

func share(part, whole int) string {
	if whole == 0 {
		return "0 of 0"
	}
	return fmt.Sprintf("%d of %d (%.1f %%)", part, whole, 100*float64(part)/float64(whole))
}

package meyer

import (
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/dialects"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range texts {
		parsed, err := Parser{}.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var names []string
		for _, table := range parsed.Tables {
			names = append(names, table.String())
		}
		slices.Sort(names)
		got := strings.Join(slices.Compact(names), " ")
		if !parsed.Reads {
			got += " !"
		}
		if got != want {
			t.Errorf("%s\nis %q, want %q", text, got, want)
		}
	}
	if _, err := (Parser{}).Parse("SELECT FROM WHERE"); err == nil {
		t.Error("takes what is no statement")
	}
}

// TestRegistered holds that importing the package makes a difference: text is a
// read whose clauses livesql does not understand by itself.
func TestRegistered(t *testing.T) {
	catalog := dialects.NewCatalog(1, dialects.SQLite, []dialects.Object{
		{Table: dialects.Table{Name: "t"}, Covered: true}, {Table: dialects.Table{Name: "u"}, Covered: true},
	})
	if a := dialects.Words(dialects.SQLite, catalog, notUnderstood); len(a.Reads) != 1 || a.Uncacheable != "" {
		t.Errorf("reads %v (%s)", a.Reads, a.Uncacheable)
	}
	dialects.RegisterParser(dialects.SQLite, nil)
	defer dialects.RegisterParser(dialects.SQLite, Parser{})
	if a := dialects.Words(dialects.SQLite, catalog, notUnderstood); len(a.Reads) != 2 {
		t.Errorf("without the parser it reads %v", a.Reads)
	}
}

const notUnderstood = "SELECT u FROM t offset"

var texts = map[string]string{
	"SELECT a FROM t, s.u": "s.u t",
	"WITH x AS (SELECT a FROM t), y AS (SELECT a FROM x) SELECT a FROM y": "t",
	"WITH x AS (SELECT a FROM t) SELECT a FROM s.x":                       "s.x t",
	"WITH n AS (SELECT 1 UNION ALL SELECT a FROM n) SELECT a FROM n":      "",
	"SELECT a FROM (WITH x AS (SELECT 1) SELECT a FROM x) y, x":           "x",
	"SELECT a FROM t WHERE b IN (SELECT c FROM u) UNION SELECT a FROM v":  "t u v",
	"SELECT a FROM t WHERE b IN u":                                        "t u",
	"SELECT a FROM 't', json_each(t.b)":                                   "json_each t",
	"INSERT INTO t SELECT a FROM u":                                       "t u !",
	"DELETE FROM t WHERE a IN (SELECT b FROM u)":                          "t u !",
}

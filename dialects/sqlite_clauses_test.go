package dialects_test

import (
	"slices"
	"strings"
	"testing"

	"modernc.org/sqlite"

	"github.com/vantage-go/live/dialects"
)

// oracleCatalog is the catalogue of testdata/sqlite_schema.sql.
func oracleCatalog(t *testing.T) *dialects.Catalog {
	t.Helper()
	var objects []dialects.Object
	for statement := range strings.SplitSeq(readFile(t, "testdata/sqlite_schema.sql"), ";;") {
		scan := dialects.ScanText(dialects.SQLite, statement)
		words := strings.Fields(statement)
		for i, w := range words {
			if w != "TABLE" && w != "VIEW" || words[i-1] != "CREATE" {
				continue
			}
			names := slices.DeleteFunc(scan.Names, func(n string) bool { return n == "view" })
			o := dialects.Object{Table: dialects.Table{Schema: "main", Name: names[0]}, Covered: true}
			if w == "VIEW" {
				o.View, o.Mentions = true, names[1:]
			}
			switch o.Table.Name {
			case "parent":
				o.Fires = []string{"child"}
			case "watched":
				o.Fires = []string{"audit"}
			case "open_orders":
				o.Fires = []string{"orders"}
			}
			objects = append(objects, o)
		}
	}
	return dialects.NewCatalog(1, dialects.SQLite, objects)
}

// missed returns the tables of the catalogue that a statement reads or writes
// and an analysis does not know of.
func missed(catalog *dialects.Catalog, a *dialects.Analysis, events []event) []string {
	var list []string
	for _, e := range events {
		known := a.Reads
		switch e.action {
		case sqlite.AuthRead:
			if a.Scan.Kind != dialects.Read {
				continue
			}
		case sqlite.AuthInsert, sqlite.AuthUpdate, sqlite.AuthDelete:
			known = a.Writes
			if a.Scan.Kind != dialects.Write || a.WritesAll {
				continue
			}
		default:
			continue
		}
		objects := catalog.Find(e.arg1)
		if len(objects) == 0 || objects[0].View {
			continue
		}
		if !slices.Contains(known, objects[0].Table) {
			list = append(list, e.arg1)
		}
	}
	return list
}

// TestClausesOracle holds the tables that the clauses of the corpus name, and
// of many statements that are made of it, against those that SQLite reads and
// writes.
func TestClausesOracle(t *testing.T) {
	o, catalog := newOracle(t), oracleCatalog(t)
	var reads, parsed, exact, conflicts int
	check := func(text string) {
		events, ok := o.ask(t.Context(), text)
		if !ok {
			return
		}
		a := dialects.Words(dialects.SQLite, catalog, text)
		if list := missed(catalog, a, events); len(list) > 0 {
			t.Errorf("%s\nmissed: %q", text, list)
		}
		if a.Conflict != "" {
			conflicts++
		}
		if a.Scan.Kind != dialects.Read {
			return
		}
		reads++
		if dialects.Parses(dialects.SQLite, text) {
			parsed++
		} else if testing.Verbose() {
			t.Log("not understood:", text)
		}
		if len(a.Reads) == directReads(catalog, events) {
			exact++
		}
	}
	for _, text := range corpus(t) {
		check(text)
		for _, variant := range variants(text) {
			check(variant)
		}
	}
	t.Logf("%d reads, of which %d have clauses that are understood; of %d the tables are exactly SQLite's", reads, parsed, exact)
	if conflicts > 0 {
		t.Errorf("%d statements in whose clauses there are tables that their words lack", conflicts)
	}
	if reads < 4500 || parsed*100 < reads*95 || exact*100 < reads*90 {
		t.Error("these are too few")
	}
}

// directReads counts the tables of the catalogue that a statement reads.
func directReads(catalog *dialects.Catalog, events []event) int {
	var names []string
	for _, e := range events {
		if objects := catalog.Find(e.arg1); e.action == sqlite.AuthRead && len(objects) > 0 && !objects[0].View {
			names = append(names, dialects.Fold(dialects.SQLite, e.arg1))
		}
	}
	slices.Sort(names)
	return len(slices.Compact(names))
}

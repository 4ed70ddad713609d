package sqlite

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vantage-go/live/listen"
)

// TestWritesAreComplete runs every kind of write on every kind of table and
// compares the tables that it changed, cascades and triggers included, with
// those that the analysis foretold.
func TestWritesAreComplete(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			file := newFile(t)
			db := plain(t, file+quick)
			mustExec(t, db, append(k.setup, k.late...)...)
			install1(t, db)
			f := follow(t, file+quick, listen.InstallNever)
			w := newSession(t, file+quick)
			wider := false
			for i, script := range k.scripts() {
				if err := w.run(fmt.Sprintf("PRAGMA recursive_triggers = %d", i%2), "PRAGMA foreign_keys = 1"); err != nil {
					t.Fatal(err)
				}
				mustExec(t, db, k.seed()...)
				f.poll()
				for _, s := range script {
					a, err := f.backend.Analyze(t.Context(), s)
					failure := w.run(s)
					if err != nil && failure == nil {
						t.Errorf("%s: %v", s, err)
					}
					if a.WritesAll || len(a.Scan.Effects) > 0 {
						continue
					}
					for name := range digest(f.poll()) {
						if !slices.Contains(names(a.Writes), name) {
							t.Errorf("%s (error: %v) changed %s; foretold: %v", s, failure, name, a.Writes)
						}
						wider = wider || len(a.Writes) > 1
					}
				}
				_ = w.run("COMMIT") // a script that failed may have left it open
			}
			if k.linked && len(k.watch) > 1 && !wider {
				t.Error("no write was foretold to change more than one table")
			}
		})
	}
}

// queryGen makes random reads of the zoo.
type queryGen struct{ *rapid.T }

func (g queryGen) pick(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(g.T, label)
}

func (g queryGen) source(depth int) string {
	if depth == 0 {
		return g.pick("table", "a", "b", "c", "Mixed", "va", "vab", "main.b", `"c"`, "'a'", "lower")
	}
	switch rapid.IntRange(0, 4).Draw(g.T, "source") {
	case 0:
		return "(" + g.query(depth-1) + ")"
	case 1:
		return fmt.Sprintf("(SELECT x.v FROM %s AS x LEFT JOIN %s AS y ON x.v = y.v)", g.source(depth-1), g.source(depth-1))
	case 2:
		return fmt.Sprintf("(SELECT j.value AS v FROM %s AS s, json_each(json_array(s.v)) AS j)", g.source(depth-1))
	default:
		return g.source(0)
	}
}

func (g queryGen) scalar(depth int) string {
	if depth == 0 {
		return g.pick("scalar", "s.v", "1", "'FROM b'", "coalesce(s.v, 0)", "abs(s.v)")
	}
	switch rapid.IntRange(0, 4).Draw(g.T, "scalar of") {
	case 0:
		return fmt.Sprintf("(SELECT max(v) FROM %s)", g.source(depth-1))
	case 1:
		return fmt.Sprintf("CASE WHEN EXISTS (%s) THEN %s END", g.query(depth-1), g.scalar(depth-1))
	case 2:
		return fmt.Sprintf("(s.v IN (SELECT v FROM %s))", g.source(depth-1))
	default:
		return g.scalar(0)
	}
}

// query makes a read of one column v.
func (g queryGen) query(depth int) string {
	with := ""
	source := g.source(max(depth-1, 0))
	if depth > 0 && rapid.Bool().Draw(g.T, "with") {
		// A common table expression may have the name of a table.
		name := g.pick("name", "a", "b", "w", "va")
		with = fmt.Sprintf("WITH %s(v) AS (SELECT v FROM %s) ", name, strings.ReplaceAll(g.source(depth-1), "FROM "+name, "FROM main."+name))
		if strings.HasSuffix(with, "FROM "+name+") ") {
			with = ""
		}
	}
	q := fmt.Sprintf("%sSELECT %s AS v FROM %s AS s", with, g.scalar(max(depth-1, 0)), source)
	if rapid.Bool().Draw(g.T, "where") {
		q += " WHERE " + g.scalar(max(depth-1, 0)) + " IS NOT NULL"
	}
	switch rapid.IntRange(0, 3).Draw(g.T, "end") {
	case 0:
		q += " GROUP BY s.v HAVING count(*) > 0"
	case 1:
		if with == "" {
			q += fmt.Sprintf(" UNION ALL SELECT v FROM %s", g.source(0))
		}
	}
	return q
}

// TestReadsAreComplete makes random reads and changes every table that the
// analysis says they do not depend on: the answer must stay the same.
func TestReadsAreComplete(t *testing.T) {
	t.Parallel()
	f, file := inZoo(t)
	w := newSession(t, file+quick)
	tables := []string{"a", "b", "c", "Mixed", "lower"}
	if err := w.run("PRAGMA foreign_keys = 0"); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if err := w.run(fmt.Sprintf("INSERT INTO %s(id, v) VALUES (1, 1), (2, 2), (3, NULL)", table)); err != nil {
			t.Fatal(err)
		}
	}
	cacheable, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		for range 10 {
			text := queryGen{rt}.query(3)
			a, err := f.backend.Analyze(t.Context(), text)
			if err != nil {
				refused++
				continue
			}
			if a.Uncacheable != "" {
				rt.Fatalf("%s: not cacheable: %s", text, a.Uncacheable)
			}
			cacheable++
			before, failure := rowsOf(w.conn, text)
			if failure != "" {
				rt.Fatalf("%s: %s", text, failure)
			}
			if err := w.run("BEGIN"); err != nil {
				rt.Fatal(err)
			}
			for _, table := range tables {
				if slices.Contains(names(a.Reads), table) {
					continue
				}
				if err := w.run(fmt.Sprintf("UPDATE %s SET v = coalesce(v, 0) + 7 WHERE id < 3", table), fmt.Sprintf("INSERT INTO %s(v) VALUES (1), (9)", table),
					fmt.Sprintf("DELETE FROM %s WHERE id = 3", table)); err != nil {
					rt.Fatal(err)
				}
			}
			after, _ := rowsOf(w.conn, text)
			if err := w.run("ROLLBACK"); err != nil {
				rt.Fatal(err)
			}
			if !slices.Equal(before, after) {
				rt.Errorf("%s reads more than %v:\n%v became\n%v", text, names(a.Reads), before, after)
			}
		}
	})
	if cacheable < refused {
		t.Errorf("of %d texts, %d were refused", cacheable+refused, refused)
	}
}

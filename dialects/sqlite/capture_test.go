package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
)

// contents is what a table holds: its rows by their keys. Rows without a key
// stand under the empty name, all together.
type contents map[string]string

// look reads the watched tables.
func look(t *testing.T, db *sql.DB, watch []watched) []contents {
	t.Helper()
	all := make([]contents, len(watch))
	for i, w := range watch {
		rows, err := db.QueryContext(t.Context(), fmt.Sprintf("SELECT %s, %s FROM %s ORDER BY 2", keyOr(w.key), wholeRow(t, db, w.table), quoteName(w.table)))
		if err != nil {
			t.Fatal(err)
		}
		all[i] = make(contents)
		for rows.Next() {
			var key any
			var row string
			if err := rows.Scan(&key, &row); err != nil {
				t.Fatal(err)
			}
			name := ""
			if key != nil {
				name = keyText(key)
			}
			all[i][name] += row + "\n"
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func keyOr(key string) string {
	if key == "" {
		return "NULL"
	}
	return key
}

// wholeRow returns SQL for the whole row as one text.
func wholeRow(t *testing.T, db *sql.DB, table string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT name FROM pragma_table_xinfo(?)", table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var parts []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, "quote("+quoteName(name)+")")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(parts, "||' '||")
}

// changed returns the names whose rows differ.
func changed(before, after contents) []string {
	var names []string
	for name := range before {
		if before[name] != after[name] {
			names = append(names, name)
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}

// missing says which changes of the watched tables a delta does not report.
func missing(watch []watched, before, after []contents, delta listen.Delta) []string {
	var all []string
	tables := digest(delta)
	for i, w := range watch {
		report := tables[w.table]
		if report == nil {
			report = &reported{}
		}
		for _, name := range changed(before[i], after[i]) {
			if !report.whole && !report.keys[name] {
				all = append(all, fmt.Sprintf("%s[%s]: %q became %q; reported: %v", w.table, name, before[i][name], after[i][name], slices.Sorted(maps.Keys(report.keys))))
			}
		}
	}
	return all
}

// commonSession is how most programs set up their connections.
var commonSession = []string{"PRAGMA recursive_triggers = 0", "PRAGMA foreign_keys = 1"}

// writers returns the programs that are tried, each with the settings of a
// session on its connection.
func writers(t *testing.T, file string, session ...string) map[string]writer {
	t.Helper()
	w := newSession(t, file+quick)
	if err := w.run(session...); err != nil {
		t.Fatal(err)
	}
	all := map[string]writer{"modernc": w}
	if program, ok := shell(); ok && slices.Equal(session, commonSession) {
		all["shell"] = shellWriter{program: program, file: file, session: append([]string{"PRAGMA synchronous = off"}, session...)}
	}
	return all
}

// TestCapture writes in every way into every kind of table, on connections
// with every combination of the settings that decide which triggers run, and
// compares what has changed with what the reader reports.
func TestCapture(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			sessions := [][]string{
				commonSession,
				{"PRAGMA recursive_triggers = 1", "PRAGMA foreign_keys = 1"},
			}
			if k.linked {
				sessions = append(sessions,
					[]string{"PRAGMA recursive_triggers = 0", "PRAGMA foreign_keys = 0"},
					[]string{"PRAGMA recursive_triggers = 1", "PRAGMA foreign_keys = 0"})
			}
			for _, session := range sessions {
				t.Run(strings.ReplaceAll(strings.Join(session, " "), "PRAGMA ", ""), func(t *testing.T) {
					k.try(t, session)
				})
			}
		})
	}
}

// TestVictimsAreFound looks at how SQLite looks up the rows that a REPLACE would
// throw out: a write to a table must not read all of it.
func TestVictimsAreFound(t *testing.T) {
	t.Parallel()
	db := plain(t, newFile(t)+quick)
	mustExec(t, db,
		"CREATE TABLE a(id INTEGER PRIMARY KEY, u INT UNIQUE, v TEXT COLLATE NOCASE UNIQUE)",
		"CREATE TABLE b(id TEXT PRIMARY KEY, u INT UNIQUE, v INT NOT NULL DEFAULT 1, w, UNIQUE(v, w))",
		"CREATE TABLE c(x TEXT COLLATE NOCASE, y, u INT UNIQUE, v, PRIMARY KEY (x, y)) WITHOUT ROWID",
	)
	s, err := loadSchema(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, db, baseStatements[0])
	row := regexp.MustCompile(`\b(NEW|OLD)\.("[^"]*"|\w+)`)
	for _, table := range s.tables {
		for _, c := range table.needs() {
			looked := 0
			for _, statement := range strings.Split(c.definition, ";") {
				i := strings.Index(statement, "INSERT INTO")
				if i < 0 || !strings.Contains(statement, " AS v ") {
					continue
				}
				plan, failure := planOf(t, db, row.ReplaceAllString(statement[i:], "7"))
				if looked++; failure != nil || strings.Contains(plan, "SCAN") {
					t.Errorf("%s: %s: %s, %v", c.name, statement, plan, failure)
				}
			}
			if want := strings.HasSuffix(c.name, "_bi") || strings.HasSuffix(c.name, "_bu"); want != (looked > 0) {
				t.Errorf("%s looks %d times for rows", c.name, looked)
			}
		}
	}
}

// planOf returns what SQLite would do.
func planOf(t *testing.T, db *sql.DB, statement string) (plan string, err error) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement)
	if err != nil {
		return "", err
	}
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return "", errors.Join(err, rows.Close())
		}
		plan += detail + "; "
	}
	return plan, errors.Join(rows.Err(), rows.Close())
}

// try tries every script of the kind.
func (k kind) try(t *testing.T, session []string) {
	t.Helper()
	file := newFile(t)
	db := plain(t, file+quick)
	mustExec(t, db, k.setup...)
	if _, err := installTables(t.Context(), db, listen.InstallOptions{}); err != nil {
		t.Fatal(err)
	}
	mustExec(t, db, k.late...)
	if _, err := installTables(t.Context(), db, listen.InstallOptions{}); err != nil {
		t.Fatal(err)
	}
	f := follow(t, file+quick, listen.InstallNever)
	for name, w := range writers(t, file, session...) {
		effective := 0
		for _, script := range k.scripts() {
			if name == "shell" && !slices.ContainsFunc(script, func(s string) bool { return strings.Contains(s, "REPLACE") || strings.Contains(s, "FAIL") }) {
				continue // a process each: only where versions could differ
			}
			mustExec(t, db, k.seed()...)
			f.poll()
			before := look(t, db, k.watch)
			failure := w.run(script...)
			if failure != nil && name == "modernc" {
				// A script that failed in a transaction left it open.
				_ = w.run("COMMIT")
			}
			after := look(t, db, k.watch)
			delta := f.poll()
			what := fmt.Sprintf("%s: %s (error: %v)", name, strings.Join(script, "; "), failure)
			if delta.Reset != "" {
				t.Errorf("%s: the reader started afresh: %s", what, delta.Reset)
			}
			for _, m := range missing(k.watch, before, after, delta) {
				t.Errorf("%s: lost %s", what, m)
			}
			if !k.marks && digestHasMark(delta) {
				t.Errorf("%s: a mark on a whole table whose keys are known", what)
			}
			if !slices.EqualFunc(before, after, maps.Equal[contents, contents]) {
				effective++
			}
		}
		if effective < 5 {
			t.Errorf("%s: only %d scripts changed anything", name, effective)
		}
	}
}

func digestHasMark(delta listen.Delta) bool {
	return slices.ContainsFunc(delta.Changes, func(c listen.Change) bool { return c.Op == listen.Whole })
}

package sqlite

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
)

// TestPrint: printing changes nothing, and what it prints, executed by hand,
// is the installation.
func TestPrint(t *testing.T) {
	t.Parallel()
	db := plain(t, newFile(t)+quick)
	mustExec(t, db, "CREATE TABLE a(x INTEGER PRIMARY KEY, u INT UNIQUE)", `CREATE TABLE "it's ""odd"""(x, y, PRIMARY KEY (x, y))`)
	before := schemaOf(t, db)
	var script []string
	note := func(s string) { script = append(script, s) }
	changed, err := Dialect{}.Install(t.Context(), db, listen.InstallOptions{Later: true, Print: note})
	if err != nil || len(changed) != 2 {
		t.Fatalf("changed %v, error %v", changed, err)
	}
	if got := schemaOf(t, db); got != before {
		t.Fatalf("printing changed the schema to %s", got)
	}
	run := func() {
		t.Helper()
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range script {
			if _, err := conn.ExecContext(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		script = nil
	}
	run()
	c, err := Dialect{}.Coverage(t.Context(), db)
	if err != nil || !c.Installed || !c.Later || c.Version != logVersion || c.Rows != 2 || len(c.Tables) != 2 {
		t.Fatalf("%+v, error %v", c, err)
	}
	for _, table := range c.Tables {
		if !table.Covered || len(table.Key) == 0 {
			t.Errorf("%+v", table)
		}
	}
	if _, err := (Dialect{}).Install(t.Context(), db, listen.InstallOptions{Later: true, Print: note}); err != nil || len(script) > 0 {
		t.Errorf("a second installation prints %q, error %v", script, err)
	}
	if err := (Dialect{}).Uninstall(t.Context(), db, listen.UninstallOptions{Print: note}); err != nil {
		t.Fatal(err)
	}
	run()
	if got := schemaOf(t, db); got != before {
		t.Errorf("after the printed removal, the schema is %s", got)
	}
}

// TestInstallKeepsTheTimeout: the pool is the caller's.
func TestInstallKeepsTheTimeout(t *testing.T) {
	t.Parallel()
	db := plain(t, newFile(t)+"?_pragma=busy_timeout(1234)")
	db.SetMaxOpenConns(1)
	install1(t, db)
	var ms int
	if err := db.QueryRowContext(t.Context(), "PRAGMA busy_timeout").Scan(&ms); err != nil || ms != 1234 {
		t.Errorf("the busy timeout is %d ms, error %v", ms, err)
	}
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	db := plain(t, newFile(t)+quick)
	mustExec(t, db, "CREATE TABLE a(x INTEGER PRIMARY KEY)", "CREATE TABLE nokey(x)", "CREATE VIRTUAL TABLE f USING fts5(x)")
	says := func(grade listen.Grade, words string) {
		t.Helper()
		findings, err := Dialect{}.Diagnose(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(findings, func(f listen.Finding) bool { return f.Grade == grade && strings.Contains(f.What, words) }) {
			t.Errorf("no %v about %q in %v", grade, words, findings)
		}
	}
	says(listen.Problem, "not installed")
	install1(t, db)
	says(listen.Fine, "is installed")
	says(listen.Note, "main.nokey voids")
	says(listen.Warning, "main.f is not covered")
	mustExec(t, db, "DROP TRIGGER livesql_on_a_ai")
	says(listen.Warning, "main.a is not covered")
	mustExec(t, db, "UPDATE livesql_meta SET version = 99")
	says(listen.Problem, "layout 99")
	db = plain(t, ":memory:")
	says(listen.Problem, "in-memory")
}

// TestTokens: a token is reached when what was committed before it was read.
func TestTokens(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	db := plain(t, file+quick)
	mustExec(t, db, "CREATE TABLE a(x INTEGER PRIMARY KEY)")
	f := follow(t, file, listen.InstallNever)
	if _, err := f.backend.Token(f.cursor); !errors.Is(err, listen.ErrNoTokens) {
		t.Errorf("error %v without a log", err)
	}
	install1(t, db)
	f.poll()
	before := f.cursor
	mustExec(t, db, "INSERT INTO a VALUES (1)")
	f.poll()
	token, err := f.backend.Token(f.cursor)
	if err != nil {
		t.Fatal(err)
	}
	if reached, err := f.backend.Reached(before, token); err != nil || reached {
		t.Errorf("reached before: %v, error %v", reached, err)
	}
	if reached, err := f.backend.Reached(f.cursor, token); err != nil || !reached {
		t.Errorf("reached after: %v, error %v", reached, err)
	}
	// What the log does not tell: a view is another one.
	before = f.cursor
	mustExec(t, db, "CREATE VIEW v AS SELECT x FROM a")
	f.poll()
	token2, err := f.backend.Token(f.cursor)
	if err != nil {
		t.Fatal(err)
	}
	if reached, err := f.backend.Reached(before, token2); err != nil || reached {
		t.Errorf("reached before the schema was known: %v, error %v", reached, err)
	}
	var wrong *listen.TokenError
	other := newFile(t)
	install1(t, plain(t, other+quick))
	g := follow(t, other, listen.InstallNever)
	g.poll()
	for _, token := range []string{token, "", "sqlite:2:1:1", "postgres:1"} {
		if _, err := g.backend.Reached(g.cursor, token); !errors.As(err, &wrong) {
			t.Errorf("token %q: error %v", token, err)
		}
	}
}

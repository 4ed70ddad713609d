package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

// schemaOf returns the definitions in a database.
func schemaOf(t *testing.T, db *sql.DB) string {
	t.Helper()
	var all sql.NullString
	err := db.QueryRowContext(t.Context(), "SELECT group_concat(s, char(10)) FROM (SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS s FROM sqlite_schema ORDER BY type, name)").Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	return all.String
}

func logLength(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM livesql_log").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func install1(t *testing.T, db *sql.DB, tables ...string) []string {
	t.Helper()
	changed, err := installTables(t.Context(), db, listen.InstallOptions{Tables: tables})
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(changed))
	for i, c := range changed {
		names[i] = c.Name
	}
	return names
}

// covered returns the names of the covered tables.
func covered(t *testing.T, db *sql.DB) []string {
	t.Helper()
	c, err := Dialect{}.Coverage(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range c.Tables {
		if s.Covered != (s.Why == "") {
			t.Errorf("table %v: covered is %v, because %q", s.Table, s.Covered, s.Why)
		}
		if s.Covered {
			names = append(names, s.Table.Name)
		}
	}
	return names
}

func TestInstallIsIdempotent(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			db := plain(t, newFile(t)+quick)
			mustExec(t, db, k.setup...)
			mustExec(t, db, k.late...)
			before := schemaOf(t, db)
			if changed := install1(t, db); len(changed) == 0 {
				t.Error("nothing was installed")
			}
			installed, marks := schemaOf(t, db), logLength(t, db)
			if changed := install1(t, db); len(changed) > 0 {
				t.Errorf("a second time, %v changed", changed)
			}
			if got := schemaOf(t, db); got != installed {
				t.Errorf("a second time, the schema changed from\n%s\nto\n%s", installed, got)
			}
			if got := logLength(t, db); got != marks {
				t.Errorf("a second time, %d marks were written", got-marks)
			}
			// What VACUUM writes down again is the same.
			mustExec(t, db, "VACUUM")
			if changed := install1(t, db); len(changed) > 0 {
				t.Errorf("after VACUUM, %v changed", changed)
			}
			if err := uninstallTables(t.Context(), db, listen.UninstallOptions{}); err != nil {
				t.Fatal(err)
			}
			if got := schemaOf(t, db); got != before {
				t.Errorf("uninstalling left\n%s\nof\n%s", got, before)
			}
			mustExec(t, db, k.seed()...)
		})
	}
}

func TestInstallSomeTables(t *testing.T) {
	t.Parallel()
	db := plain(t, newFile(t)+quick)
	mustExec(t, db, "CREATE TABLE a(x INTEGER PRIMARY KEY)", "CREATE TABLE b(x INTEGER PRIMARY KEY)", "CREATE TABLE c(x INTEGER PRIMARY KEY)",
		"CREATE VIEW v AS SELECT * FROM a", "CREATE VIRTUAL TABLE f USING fts5(x)")
	if changed := install1(t, db, "b", "a"); !slices.Equal(changed, []string{"a", "b"}) {
		t.Errorf("changed %v, want a and b", changed)
	}
	if got := covered(t, db); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("covered: %v, want a and b", got)
	}
	before := schemaOf(t, db)
	for _, name := range []string{"nope", "v", "f", "f_data", logTable, metaTable, "sqlite_schema"} {
		var missing *listen.TableError
		if _, err := installTables(t.Context(), db, listen.InstallOptions{Tables: []string{"c", name}}); !errors.As(err, &missing) || missing.Table != name {
			t.Errorf("installing on %s: %v, want a *listen.TableError of it", name, err)
		}
	}
	if got := schemaOf(t, db); got != before {
		t.Errorf("failures changed the schema from\n%s\nto\n%s", before, got)
	}
	if err := uninstallTables(t.Context(), db, listen.UninstallOptions{Tables: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	if got := covered(t, db); !slices.Equal(got, []string{"b"}) {
		t.Errorf("covered: %v, want b", got)
	}
	if changed := install1(t, db); !slices.Equal(changed, []string{"a", "c"}) {
		t.Errorf("changed %v, want a and c", changed)
	}
}

// Tables whose capture does not fit any longer are not covered until Install
// has run again.
func TestCaptureOutOfDate(t *testing.T) {
	t.Parallel()
	base := []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT, v)", "CREATE TABLE s(id INTEGER PRIMARY KEY)"}
	for _, c := range []struct {
		name  string
		with  []string
		table string // the one that has lost its cover
	}{
		{"trigger dropped", []string{"DROP TRIGGER livesql_on_t_ai"}, "t"},
		{"trigger replaced", []string{"DROP TRIGGER livesql_on_t_bd", "CREATE TRIGGER livesql_on_t_bd BEFORE DELETE ON t BEGIN SELECT 1; END"}, "t"},
		{"trigger too many", []string{"CREATE TRIGGER livesql_on_t_au AFTER UPDATE ON t BEGIN SELECT 1; END"}, "t"},
		{"unique index added", []string{"CREATE UNIQUE INDEX i ON t(u)"}, "t"},
		{"partial unique index added", []string{"CREATE UNIQUE INDEX i ON t(u) WHERE v"}, "t"},
		{"trigger of the program's", []string{"CREATE TRIGGER x AFTER INSERT ON T BEGIN SELECT RAISE(IGNORE); END"}, "t"},
		{"table renamed", []string{"ALTER TABLE t RENAME TO r"}, "r"},
		{"name taken over", []string{"ALTER TABLE t RENAME TO zz", "CREATE TABLE t(id INTEGER PRIMARY KEY)"}, "t"},
		{"name taken over by an earlier one", []string{"ALTER TABLE t RENAME TO a", "CREATE TABLE t(id INTEGER PRIMARY KEY)"}, "t"},
		{"tables swapped", []string{"ALTER TABLE t RENAME TO x", "ALTER TABLE s RENAME TO t", "ALTER TABLE x RENAME TO s"}, "t"},
		{"letters changed", []string{"ALTER TABLE t RENAME TO x", "ALTER TABLE x RENAME TO T"}, "T"},
		{"table added", []string{"CREATE TABLE n(id INTEGER PRIMARY KEY)"}, "n"},
		{"rebuilt", []string{"CREATE TABLE n(id INTEGER PRIMARY KEY, u INT UNIQUE)", "INSERT INTO n SELECT id, u FROM t", "DROP TABLE t", "ALTER TABLE n RENAME TO t"}, "t"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := newFile(t)
			db := plain(t, file+quick)
			mustExec(t, db, base...)
			install1(t, db)
			f := follow(t, file+quick, listen.InstallNever)
			mustExec(t, db, c.with...)
			wantReset(t, f.poll(), "schema")
			if got := covered(t, db); slices.Contains(got, c.table) {
				t.Errorf("covered: %v, with %s", got, c.table)
			}
			if a := f.analyze("SELECT * FROM " + c.table); a.Uncacheable == "" {
				t.Errorf("%s is cached without its capture", c.table)
			}
			if changed := install1(t, db); !slices.Contains(changed, c.table) {
				t.Errorf("changed %v, want %s", changed, c.table)
			}
			wantReset(t, f.poll(), "schema")
			if a := f.analyze("SELECT * FROM " + c.table); a.Uncacheable != "" {
				t.Errorf("%s is not cached: %s", c.table, a.Uncacheable)
			}
			if changed := install1(t, db); len(changed) > 0 {
				t.Errorf("a second time, %v changed", changed)
			}
			all, err := Dialect{}.Coverage(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range all.Tables {
				mustExec(t, db, "INSERT INTO "+s.Table.Name+"(id) VALUES (900)", "DELETE FROM "+s.Table.Name+" WHERE id = 900")
				tables := digest(f.poll())
				if r := tables[s.Table.Name]; r == nil || !r.whole && !r.keys["int64:900"] || len(tables) > 1 {
					t.Errorf("writing %s was reported as %v", s.Table.Name, tables)
				}
			}
		})
	}
}

// What does not concern a capture trigger leaves it alone.
func TestCaptureStaysUpToDate(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	db := plain(t, file+quick)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v)", "CREATE TABLE s(a, b, PRIMARY KEY (a, b))")
	install1(t, db)
	f := follow(t, file+quick, listen.InstallNever)
	for _, s := range []string{
		"ALTER TABLE t ADD COLUMN w",
		"CREATE INDEX i ON t(v)",
		"ALTER TABLE t RENAME COLUMN id TO \"new id\"",
		"ALTER TABLE t RENAME COLUMN u TO uu",
		"ALTER TABLE s RENAME COLUMN a TO x",
		"CREATE VIEW w AS SELECT * FROM t",
		"CREATE TRIGGER x AFTER DELETE ON t BEGIN SELECT 1; END",
		"VACUUM",
		"ANALYZE",
	} {
		mustExec(t, db, s)
		if s != "ANALYZE" {
			wantReset(t, f.poll(), "schema")
		}
		if changed := install1(t, db); len(changed) > 0 {
			t.Errorf("after %s, %v changed", s, changed)
		}
		f.poll()
	}
	mustExec(t, db, "INSERT INTO t VALUES (1, 1, 1, 1)", "REPLACE INTO t VALUES (2, 1, 2, 2)")
	wantKeys(t, f.poll(), 1, 1, 2)
	mustExec(t, db, "DROP TABLE t")
	wantReset(t, f.poll(), "schema")
}

// TestLongInstallationHoldsNobodyUp: polls do not wait for an installation that
// takes long, and whoever closes the feed ends it.
func TestLongInstallationHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	db := plain(t, file+quick)
	var schema strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&schema, "CREATE TABLE t%d(id INTEGER PRIMARY KEY, v TEXT UNIQUE);", i)
	}
	mustExec(t, db, schema.String())
	f := follow(t, file+quick, listen.InstallAuto)
	began := time.Now()
	f.poll()
	if took := time.Since(began); took > installLimit/2 {
		t.Errorf("a poll took %v", took)
	}
	if f.backend.analyst.installed.Load() {
		t.Fatal("the installation was over at once: it takes more tables than these")
	}
	began = time.Now()
	if err := errors.Join(f.reader.Close(), f.backend.Close()); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > installLimit/2 {
		t.Errorf("closing took %v", took)
	}
	if schemaOf(t, db) == "" || strings.Contains(schemaOf(t, db), logTable) {
		t.Error("an installation that was ended has left something behind")
	}
}

// What was uninstalled stays away, whoever has the database open: unless it is
// a program that asks for it.
func TestUninstallIsNotUndone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		policy listen.Install
		own    bool // livesql creates the database
		want   bool
	}{
		{"install --all", listen.InstallOwn, false, false},
		{"a database of its own", listen.InstallOwn, true, false},
		{"AutoInstall", listen.InstallAuto, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := newFile(t)
			db := plain(t, file+quick)
			create := "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"
			if !c.own {
				mustExec(t, db, create)
				if _, err := installTables(t.Context(), db, listen.InstallOptions{Later: true}); err != nil {
					t.Fatal(err)
				}
			}
			b := newBackend(t, file+quick, c.policy)
			if c.own {
				mustExec(t, db, create)
			}
			f := followOn(t, b)
			if !b.analyst.installed.Load() {
				t.Fatal("not installed")
			}
			if err := uninstallTables(t.Context(), db, listen.UninstallOptions{}); err != nil {
				t.Fatal(err)
			}
			if f.poll().Reset == "" {
				t.Error("no reset")
			}
			if got := b.analyst.installed.Load(); got != c.want {
				t.Errorf("installed is %v after it was uninstalled", got)
			}
			mustExec(t, db, "CREATE TABLE later(id INTEGER PRIMARY KEY)")
			f.poll()
			if got := b.analyst.installed.Load(); got != c.want {
				t.Errorf("installed is %v after a table was created", got)
			}
		})
	}
}

func TestUninstallIsNoticed(t *testing.T) {
	t.Parallel()
	_, db, f := captured(t, quick)
	wantReads(t, f.analyze("SELECT v FROM t"), "t")
	if err := uninstallTables(t.Context(), db, listen.UninstallOptions{}); err != nil {
		t.Fatal(err)
	}
	wantReset(t, f.poll(), "schema")
	if a := f.analyze("SELECT v FROM t"); !strings.Contains(a.Uncacheable, "not installed") {
		t.Errorf("not cacheable because %q", a.Uncacheable)
	}
	mustExec(t, db, "UPDATE t SET v = 5")
	wantKeys(t, f.poll())
	install1(t, db)
	wantReset(t, f.poll(), "schema")
	wantReads(t, f.analyze("SELECT v FROM t"), "t")
	mustExec(t, db, "UPDATE t SET v = 6 WHERE id = 2")
	wantKeys(t, f.poll(), 2)
}

// A change of the schema by another connection is known to the analysis with
// the poll that reports it.
func TestAnalysisFollowsTheSchema(t *testing.T) {
	t.Parallel()
	_, db, f := captured(t, quick)
	mustExec(t, db, "CREATE TABLE s(id INTEGER PRIMARY KEY, v)", "CREATE TABLE log(x INTEGER PRIMARY KEY)", "CREATE VIEW w AS SELECT v FROM t")
	install1(t, db)
	f.poll()
	wantReads(t, f.analyze("SELECT v FROM w"), "t")
	version := f.backend.Version()
	mustExec(t, db, "DROP VIEW w", "CREATE VIEW w AS SELECT v FROM s")
	wantReset(t, f.poll(), "schema")
	if f.backend.Version() == version {
		t.Error("the version did not change")
	}
	wantReads(t, f.analyze("SELECT v FROM w"), "s")
	if got := names(f.analyze("UPDATE t SET v = 1").Writes); !slices.Equal(got, []string{"t"}) {
		t.Errorf("writes %v, want t", got)
	}
	mustExec(t, db, "CREATE TRIGGER x AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (NULL); END")
	wantReset(t, f.poll(), "schema")
	if got := names(f.analyze("UPDATE t SET v = 1").Writes); !slices.Equal(got, []string{"log", "t"}) {
		t.Errorf("writes %v, want log and t", got)
	}
}

func TestAutoInstall(t *testing.T) {
	t.Parallel()
	t.Run("in a database of its own", func(t *testing.T) {
		t.Parallel()
		file := newFile(t)
		f := follow(t, file+quick, listen.InstallOwn)
		db := plain(t, file+quick)
		mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY)")
		f.poll()
		if got := covered(t, db); !slices.Equal(got, []string{"t"}) {
			t.Errorf("covered: %v, want t", got)
		}
		wantReads(t, f.analyze("SELECT * FROM t"), "t")
		// Another handle goes on with it, although it did not create the file.
		g := follow(t, file+quick, listen.InstallOwn)
		if err := g.reader.Close(); err != nil {
			t.Fatal(err)
		}
		g.connect()
		mustExec(t, db, "CREATE TABLE s(id INTEGER PRIMARY KEY)")
		g.poll()
		if got := covered(t, db); !slices.Equal(got, []string{"s", "t"}) {
			t.Errorf("covered: %v, want s and t", got)
		}
		// One that must not, does not.
		never := follow(t, file+quick, listen.InstallNever)
		mustExec(t, db, "CREATE TABLE r(id INTEGER PRIMARY KEY)")
		never.poll()
		if got := covered(t, db); !slices.Equal(got, []string{"s", "t"}) {
			t.Errorf("covered: %v, want s and t", got)
		}
	})
	t.Run("in the database of others", func(t *testing.T) {
		t.Parallel()
		file := newFile(t)
		db := plain(t, file+quick)
		mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY)")
		before := schemaOf(t, db)
		f := follow(t, file+quick, listen.InstallOwn)
		mustExec(t, db, "INSERT INTO t VALUES (1)")
		f.poll()
		if got := schemaOf(t, db); got != before {
			t.Errorf("the schema became\n%s", got)
		}
		f = follow(t, file+quick, listen.InstallAuto)
		f.poll()
		if got := covered(t, db); !slices.Equal(got, []string{"t"}) {
			t.Errorf("covered: %v, want t", got)
		}
	})
}

// A log of another layout is left alone, whoever asks.
func TestLogOfAnotherLayout(t *testing.T) {
	t.Parallel()
	file, db, _ := captured(t, quick)
	mustExec(t, db, "UPDATE livesql_meta SET version = 99")
	if _, err := installTables(t.Context(), db, listen.InstallOptions{}); err == nil || !strings.Contains(err.Error(), "99") {
		t.Errorf("installing: %v, want an error that tells the layout", err)
	}
	for _, policy := range []listen.Install{listen.InstallOwn, listen.InstallAuto, listen.InstallNever} {
		connector, err := Dialect{}.Connector(file + quick)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Dialect{}.Backend(listen.BackendConfig{Connector: connector, DSN: file + quick, Install: policy})
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Poll(t.Context(), nil); !errors.Is(err, listen.ErrNoLog) {
			t.Errorf("policy %d: %v, want %v", policy, err, listen.ErrNoLog)
		}
		if err := errors.Join(r.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	}
}

// Somebody who writes for long keeps triggers from being installed, and holds
// up no poll for longer than it may take.
func TestInstallDoesNotHoldUpPolls(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	db := plain(t, file+quick)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY)", "BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)")
	f := follow(t, file+quick, listen.InstallAuto)
	ctx, cancel := context.WithTimeout(t.Context(), listen.DefaultDeadline)
	defer cancel()
	f.backend.nextInstall = time.Time{}
	started := time.Now()
	delta, err := f.reader.Poll(ctx, f.cursor)
	if err != nil {
		t.Fatal(err)
	}
	f.cursor = delta.Cursor
	if waited := time.Since(started); waited < installWait {
		t.Errorf("the poll took %v; it did not try", waited)
	}
	mustExec(t, db, "COMMIT")
	f.backend.nextInstall = time.Time{}
	f.poll()
	if got := covered(t, db); !slices.Equal(got, []string{"t"}) {
		t.Errorf("covered: %v, want t", got)
	}
}

// TestInstallationThatFailsAgain: what fails for the same reason again and again is told
// once, and tried ever less often.
func TestInstallationThatFailsAgain(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	d := &database{log: slog.New(slog.NewTextHandler(&told, nil))}
	busy := errors.New("it is busy")
	for i, seconds := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		d.installed(busy)
		if int(d.pause.Seconds()) != seconds || time.Until(d.nextInstall) > d.pause {
			t.Errorf("%d: a pause of %v, want %d s", i, d.pause, seconds)
		}
	}
	d.installed(errors.New("it is read-only"))
	if n := strings.Count(told.String(), "level=WARN"); n != 2 {
		t.Errorf("two reasons were told %d times:\n%s", n, &told)
	}
	d.installed(nil)
	d.installed(busy)
	if n := strings.Count(told.String(), "level=WARN"); n != 3 || d.pause != time.Second {
		t.Errorf("told %d times, a pause of %v", n, d.pause)
	}
}

package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/testdb/server"
)

// target is a database that the commands are tried on.
type target struct {
	name, dsn string
	db        *sql.DB
	// schema is what the tables are called in.
	schema string
}

func targets(t *testing.T) []target {
	t.Helper()
	file := server.SQLite(t) + ".db"
	lite, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lite.Close(); err != nil {
			t.Error(err)
		}
	})
	pg, maria := server.Postgres(t), server.MariaDB(t)
	all := []target{
		{name: "sqlite", dsn: file, db: lite, schema: "main"},
		{name: "postgres", dsn: pg.DSN(), db: pg.DB(), schema: "public"},
		{name: "mysql", dsn: maria.DSN("livesql_lease=2s") /* as programs have it */, db: maria.DB(), schema: maria.Name()},
	}
	for _, target := range all {
		for _, s := range []string{
			"CREATE TABLE bakery (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(50))",
			"CREATE TABLE loose (x INTEGER)",
		} {
			if _, err := target.db.ExecContext(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", target.name, err)
			}
		}
	}
	return all
}

// TestOperate goes through the life of an installation.
func TestOperate(t *testing.T) {
	for _, target := range targets(t) {
		t.Run(target.name, func(t *testing.T) {
			// Without --driver: each data source name shows whose it is.
			run := func(want int, args ...string) string {
				t.Helper()
				code, out, errs := runLine(t, append(args, "--dsn", target.dsn)...)
				if code != want {
					t.Fatalf("livesql %s: exit code %d, want %d\n%s%s", args[0], code, want, out, errs)
				}
				if strings.Contains(out+errs, target.dsn) {
					t.Errorf("livesql %s prints the data source name", args[0])
				}
				return out + errs
			}
			has := func(text string, words ...string) {
				t.Helper()
				for _, w := range words {
					if !strings.Contains(text, w) {
						t.Errorf("%q is not in\n%s", w, text)
					}
				}
			}
			bakery := target.schema + ".bakery"
			has(run(exitOK, "status"), "not installed", bakery)
			has(run(exitFailed, "doctor"), "problem", "livesql install", "there are problems")
			has(run(exitFailed, "watch", "--timeout", "5s"), "livesql install")
			script := run(exitOK, "install", "--print")
			has(script, "CREATE TABLE", "CREATE ")
			has(run(exitOK, "status"), "not installed")
			has(run(exitFailed, "install", "--table", "nope"), "nope")
			has(run(exitOK, "install"), "Captured from now on", bakery)
			has(run(exitOK, "install"), "Everything was in place")
			if script := run(exitOK, "install", "--print"); strings.Contains(script, "CREATE TRIGGER") {
				t.Errorf("what is in place is printed again:\n%s", script)
			}
			has(run(exitOK, "status"), bakery, "yes", "whole table", "not captured")
			var status coverageJSON
			if err := json.Unmarshal([]byte(run(exitOK, "status", "--json")), &status); err != nil {
				t.Fatal(err)
			}
			if !status.Installed || len(status.Tables) != 2 || !status.Tables[0].Covered || status.Tables[0].Table != bakery || len(status.Tables[0].Key) != 1 {
				t.Errorf("%+v", status)
			}
			run(exitOK, "doctor")
			var findings []struct{ Grade, What string }
			if err := json.Unmarshal([]byte(run(exitOK, "doctor", "--json")), &findings); err != nil || len(findings) == 0 {
				t.Errorf("%v, error %v", findings, err)
			}
			watch(t, target)
			has(run(exitOK, "install", "--all"), "Everything was in place")
			has(run(exitOK, "status"), "captured by handles")
			has(run(exitOK, "uninstall", "--print"), "DROP")
			has(run(exitOK, "status"), bakery, "yes")
			has(run(exitOK, "uninstall"), "Removed")
			has(run(exitOK, "status"), "not installed")
		})
	}
}

type coverageJSON struct {
	Installed bool
	Tables    []struct {
		Table   string
		Covered bool
		Key     []string
	}
}

// watch writes while the command watches.
func watch(t *testing.T, target target) {
	t.Helper()
	var out bytes.Buffer
	errs := &notice{want: "Watching", seen: make(chan struct{})}
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), []string{"watch", "bakery", "--json", "--count", "3", "--dsn", target.dsn},
			streams{strings.NewReader(""), &out, errs})
	}()
	select {
	case <-errs.seen:
	case code := <-ended:
		t.Fatalf("it ended with %d: %s", code, errs)
	}
	for _, s := range []string{
		"INSERT INTO loose VALUES (1)", // is not watched
		"INSERT INTO bakery VALUES (7, 'a')", "UPDATE bakery SET name = 'b' WHERE id = 7", "DELETE FROM bakery WHERE id = 7",
	} {
		if _, err := target.db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case code := <-ended:
		if code != exitOK {
			t.Fatalf("exit code %d: %s", code, errs)
		}
	case <-time.After(time.Minute):
		t.Fatal("three changes were not told")
	}
	d := json.NewDecoder(&out)
	for _, op := range []string{"insert", "update", "delete"} {
		var l struct {
			Table, Op string
			Key       int
		}
		if err := d.Decode(&l); err != nil || l.Op != op || l.Key != 7 || l.Table != target.schema+".bakery" {
			t.Errorf("%+v, error %v; want %s of 7", l, err, op)
		}
	}
}

// notice is a stream that tells when something was written to it.
type notice struct {
	want string
	seen chan struct{}
	once sync.Once

	textMu sync.Mutex
	text   strings.Builder
}

func (n *notice) Write(b []byte) (int, error) {
	n.textMu.Lock()
	defer n.textMu.Unlock()
	n.text.Write(b)
	if strings.Contains(n.text.String(), n.want) {
		n.once.Do(func() { close(n.seen) })
	}
	return len(b), nil
}

func (n *notice) String() string {
	n.textMu.Lock()
	defer n.textMu.Unlock()
	return n.text.String()
}

// TestNoPassword: no error tells a password.
func TestNoPassword(t *testing.T) {
	for _, command := range []string{"status", "watch", "install"} {
		for _, driver := range []string{"postgres", "pgx"} {
			code, out, errs := runLine(t, command, "--driver", driver, "--dsn", "postgres://u:se%cret@h/db")
			if code != exitFailed || strings.Contains(out+errs, "cret") {
				t.Errorf("livesql %s --driver %s: exit code %d, %q", command, driver, code, out+errs)
			}
		}
	}
}

// TestWatchEnds: to be interrupted is how watching ends.
func TestWatchEnds(t *testing.T) {
	file := server.SQLite(t) + ".db"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runLine(t, "install", "--dsn", file)
	if code != exitOK {
		t.Fatalf("%s%s", out, errs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	seen := &notice{want: "Watching", seen: make(chan struct{})}
	go func() {
		<-seen.seen
		cancel()
	}()
	if code := run(ctx, []string{"watch", "--dsn", file}, streams{strings.NewReader(""), &bytes.Buffer{}, seen}); code != exitOK {
		t.Errorf("exit code %d: %s", code, seen)
	}
}

func TestTargets(t *testing.T) {
	spaced := filepath.Join(t.TempDir(), "my shop.db")
	if err := os.WriteFile(spaced, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"status"}, exitUsage, "--dsn"},
		{[]string{"status", "--dsn", "host=nowhere"}, exitFailed, "--driver"},
		{[]string{"status", "--dsn", "x", "--driver", "oracle"}, exitFailed, "oracle"},
		{[]string{"status", "--dsn", "postgres://127.0.0.1:1/x?sslmode=disable&connect_timeout=2"}, exitFailed, "connecting"},
		{[]string{"status", "--dsn", filepath.Join(t.TempDir(), "absent.db")}, exitFailed, "no such database file"},
		{[]string{"status", "--dsn", "file:" + strings.ReplaceAll(spaced, " ", "%20")}, exitOK, "not installed"},
		{[]string{"status", "--dsn", "file://localhost" + spaced + "?mode=ro"}, exitOK, "not installed"},
		{[]string{"watch", "--dsn", filepath.Join(t.TempDir(), "absent.db")}, exitFailed, "no such database file"},
		{[]string{"status", "--dsn", "host=localhost password=x dbname=shop.db"}, exitFailed, "--driver"},
		{[]string{"status", "--dsn", "mysql://u:secret@h/shop"}, exitFailed, "tcp(host:3306)"},
		{[]string{"watch", "--driver", "mysql", "--dsn", "mariadb://u:secret@h/shop"}, exitFailed, "tcp(host:3306)"},
		{[]string{"install", "--dsn", "x.db", "--table", "a", "--all"}, exitUsage, "--all"},
		{[]string{"install", "--dsn", "x.db", "--bell", "loud"}, exitUsage, "--bell"},
		{[]string{"watch", "--help"}, exitOK, "--json"},
	} {
		code, out, errs := runLine(t, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("livesql %s: exit code %d, %q %q; want %d and %q", c.args, code, out, errs, c.code, c.want)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the other process of the demo.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "demo-writer" {
		os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
	}
	goleak.VerifyTestMain(m)
}

// runLine runs a command line and returns the exit code and what it printed.
func runLine(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, streams{strings.NewReader(""), &o, &e})
	return code, o.String(), e.String()
}

func TestDemoOnce(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	code, out, errs := runLine(t, "demo", "--once", "--quick")
	if code != exitOK {
		t.Fatalf("exit code %d\n%s\n%s", code, out, errs)
	}
	if strings.Contains(out, "FAILED") || !strings.Contains(out, "claims held.") {
		t.Errorf("not every claim held:\n%s", out)
	}
	if strings.Contains(out, "\x1b") {
		t.Error("colours on something that is no terminal")
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("the demo leaves %v behind (%v)", left, err)
	}
}

func TestDemoRefuses(t *testing.T) {
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	writeForeign(t, foreign)
	for _, c := range []struct{ dsn, want string }{
		{foreign, "holds other tables (theirs)"},
		{":memory:", "needs a database file"},
		{"shop.db?livesql_lease=soon", "is not a duration"},
	} {
		code, _, errs := runLine(t, "demo", "--once", "--dsn", c.dsn)
		if code != exitFailed || !strings.Contains(errs, c.want) {
			t.Errorf("--dsn %s: exit code %d, %q; want 1 and %q", c.dsn, code, errs, c.want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitOK, "demo"},
		{[]string{"--help"}, exitOK, "Usage: livesql"},
		{[]string{"demo", "--help"}, exitOK, "--once"},
		{[]string{"--version"}, exitOK, "go1."},
		{[]string{"dance"}, exitUsage, "dance"},
		{[]string{"demo", "--twice"}, exitUsage, "--twice"},
	} {
		code, out, errs := runLine(t, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("livesql %s: exit code %d, %q %q; want %d and %q", c.args, code, out, errs, c.code, c.want)
		}
		if strings.Contains(out, "demo-writer") {
			t.Errorf("livesql %s shows the hidden command", c.args)
		}
	}
}

// writeForeign makes a database that is not the demo's.
func writeForeign(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE theirs(x)"); err != nil {
		t.Fatal(err)
	}
}

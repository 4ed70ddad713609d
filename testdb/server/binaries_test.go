//go:build unix

package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/testdb/server"
)

func TestMissingProgramsAreNamedWithTheirPackage(t *testing.T) {
	_, err := server.Finder("LIVESQL_EXAMPLE_BIN", false, "/nowhere/*/bin")("")
	if !errors.Is(err, server.ErrNotInstalled) {
		t.Fatalf("got %v, want ErrNotInstalled", err)
	}
	for _, want := range []string{"Example", "example-server", "make deps", "example-init", "LIVESQL_EXAMPLE_BIN"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %q: %v", want, err)
		}
	}
}

func TestProgramsAreFoundInOrder(t *testing.T) {
	root := t.TempDir()
	path := func(dir string) string { return filepath.Join(root, dir) }
	install := func(dir string, programs ...string) {
		t.Helper()
		if err := os.MkdirAll(path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, p := range programs {
			if err := os.WriteFile(filepath.Join(path(dir), p), []byte("#!/bin/sh\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	install("9.6/bin", "example-init", "exampled")
	install("15/bin", "example-init", "exampled-old")
	install("16/bin", "example-init") // half of it
	install("path", "example-init", "exampled")
	install("env", "example-init", "exampled")
	install("given", "example-init", "exampled")
	find := server.Finder("LIVESQL_EXAMPLE_BIN", false, path("*/bin"))
	check := func(what, dir string, want ...string) {
		t.Helper()
		got, err := find(dir)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for i := range want {
			want[i] = path(want[i])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	check("the highest complete version", "", "15/bin/example-init", "15/bin/exampled-old")
	t.Setenv("PATH", path("path"))
	check("PATH before the usual places", "", "path/example-init", "path/exampled")
	t.Setenv("LIVESQL_EXAMPLE_BIN", path("env"))
	check("the environment before PATH", "", "env/example-init", "env/exampled")
	check("the given directory before all", path("given"), "given/example-init", "given/exampled")
	if _, err := find(path("16/bin")); !errors.Is(err, server.ErrNotInstalled) || !strings.Contains(err.Error(), path("16/bin")) {
		t.Errorf("an incomplete directory: %v", err)
	}
}

func TestScatteredProgramsAreFound(t *testing.T) {
	root := t.TempDir()
	for _, p := range []string{"bin/example-init", "sbin/exampled"} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(p)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, p), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(root, "bin"))
	got, err := server.Finder("LIVESQL_EXAMPLE_BIN", true, filepath.Join(root, "sbin"))("")
	if want := []string{filepath.Join(root, "bin/example-init"), filepath.Join(root, "sbin/exampled")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q (error %v), want %q", got, err, want)
	}
	if got, err := server.Finder("LIVESQL_EXAMPLE_BIN", false, filepath.Join(root, "sbin"))(""); err == nil {
		t.Errorf("got %q for programs that must be side by side", got)
	}
}

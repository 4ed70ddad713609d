package driver_test

import (
	"encoding/json"
	"fmt"
	"go/build"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMutants breaks the wrapper on purpose, in one way at a time, and requires
// that the named test notices. Each mutant is built from patched copies of the
// sources (go test -overlay), the sources themselves stay as they are.
//
// The bugs that wrappers in use have or had are tried on every run: the 15 that
// database/sql's own tests notice when they run through such a wrapper, and the
// 6 that they do not. The rest takes a minute more and is tried with
// LIVESQL_MUTANTS=all.
func TestMutants(t *testing.T) {
	t.Parallel()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	sources := readSources(t, dir)
	t.Run("none", func(t *testing.T) {
		if out, err := tryMutant(t, dir, nil, "TestIndistinguishable/full|TestOrder"); err != nil {
			t.Fatalf("the tests fail without a mutation: %v\n%s", err, out)
		}
	})
	mutants := slices.Clone(knownBugs)
	if os.Getenv("LIVESQL_MUTANTS") == "all" {
		mutants = append(mutants, otherBugs...)
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if m.since != "" && !slices.Contains(build.Default.ReleaseTags, m.since) {
				return // nothing to break in this Go version
			}
			patched := map[string]string{}
			for _, e := range m.edits {
				e(t, sources, patched)
			}
			out, err := tryMutant(t, dir, patched, m.test)
			if err == nil {
				t.Errorf("%s does not notice", m.test)
			} else if !strings.Contains(out, "--- FAIL: "+strings.Split(m.test, "/")[0]) {
				t.Errorf("%s did not run: %v\n%s", m.test, err, out)
			}
		})
	}
}

// mutant is one way to break the wrapper.
type mutant struct {
	name  string
	test  string // which notices, as in go test -run
	since string // the release tag of the Go version that has something to break
	edits []edit
}

// edit changes the sources of a mutant: it takes a file from patched, or else
// from sources, and leaves it in patched.
type edit func(t *testing.T, sources, patched map[string]string)

func readSources(t *testing.T, dir string) map[string]string {
	t.Helper()
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{}
	for _, name := range pkg.GoFiles {
		src, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sources[name] = string(src)
	}
	return sources
}

func current(sources, patched map[string]string, name string) string {
	if src, ok := patched[name]; ok {
		return src
	}
	return sources[name]
}

// swap replaces the only occurrence of old in a file.
func swap(file, old, with string) edit {
	return func(t *testing.T, sources, patched map[string]string) {
		t.Helper()
		src := current(sources, patched, file)
		if n := strings.Count(src, old); n != 1 {
			t.Fatalf("%s has %d of\n%s", file, n, old)
		}
		patched[file] = strings.Replace(src, old, with, 1)
	}
}

// without takes a method from a type, by another name, and drops the
// assertions of its interface.
func without(typ, method, iface string) edit {
	declared := regexp.MustCompile(`(?m)^(func \(\w+ \*` + typ + `\) )` + method + `\(`)
	called := regexp.MustCompile(`(\breturn \w+\.)` + method + `(\(context\.Background\(\))`)
	asserted := regexp.MustCompile(`(?m)^(var|\t)\s*_\s+\w*\.?` + iface + `\s+= .*\n`)
	return func(t *testing.T, sources, patched map[string]string) {
		t.Helper()
		found := 0
		for name := range sources {
			src := current(sources, patched, name)
			out := asserted.ReplaceAllString(src, "")
			if n := len(declared.FindAllString(out, -1)); n > 0 {
				found += n
				out = declared.ReplaceAllString(out, "${1}no"+method+"(")
				out = called.ReplaceAllString(out, "${1}no"+method+"${2}")
			}
			if out != src {
				patched[name] = out
			}
		}
		if found != 1 {
			t.Fatalf("%d methods %s of %s", found, method, typ)
		}
	}
}

// tryMutant builds the package's tests with the patched sources and runs some.
func tryMutant(t *testing.T, dir string, patched map[string]string, run string) (string, error) {
	t.Helper()
	tmp := t.TempDir()
	replace := map[string]string{}
	for name, src := range patched {
		copied := filepath.Join(tmp, name)
		replace[filepath.Join(dir, name)] = copied
		if err := os.WriteFile(copied, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	list, binary := filepath.Join(tmp, "overlay.json"), filepath.Join(tmp, "mutant.test")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	compile := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", list, "-o", binary, ".")
	compile.Dir = dir
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("the mutant does not compile: %v\n%s", err, out)
	}
	test := exec.CommandContext(t.Context(), binary, "-test.run", anchored(run), "-test.failfast", "-test.timeout=60s")
	test.Dir = dir
	out, err := test.CombinedOutput()
	if err == nil && strings.Contains(string(out), "no tests to run") {
		err = fmt.Errorf("no test is named %s", run)
	}
	return string(out), err
}

// anchored makes each level of a test's name match in full.
func anchored(run string) string {
	levels := strings.Split(run, "/")
	for i, l := range levels {
		levels[i] = "^(" + strings.ReplaceAll(l, "|", ")$|^(") + ")$"
	}
	return strings.Join(levels, "/")
}

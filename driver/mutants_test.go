package driver_test

import (
	"errors"
	"go/build"
	"regexp"
	"slices"
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestMutants breaks the wrapper on purpose, in one way at a time, and requires
// that the named test notices. Each mutant is built from patched copies of the
// sources (go test -overlay), the sources themselves stay as they are.
//
// Each is a build of its own, so they take turns ([mutate.Turn]).
func TestMutants(t *testing.T) {
	t.Parallel()
	t.Run("none", func(t *testing.T) {
		const some = "TestIndistinguishable/full|TestOrder"
		if out, err := tryMutant(t, mutant{test: some}); err != nil {
			t.Fatalf("the tests fail without a mutation: %v\n%s", err, out)
		}
	})
	all := slices.Concat(knownBugs, otherBugs)
	for _, m := range mutate.Turn(t, all, func(m mutant) string { return m.name }) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if m.since != "" && !slices.Contains(build.Default.ReleaseTags, m.since) {
				return // nothing to break in this Go version
			}
			for try := 1; ; try++ {
				// Some have their test wait for what does not come.
				out, err := tryMutant(t, m, "-test.timeout=30s")
				if err = mutate.Noticed(m.test, out, err); err == nil {
					return
				}
				// Some are seen by one who looks at the right moment.
				if try == 3 || !errors.Is(err, mutate.ErrPassed) {
					t.Fatal(err)
				}
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

// edit changes the sources.
type edit func(t *testing.T, s *mutate.Sources)

// place is where the package is in the module.
const place = "driver/"

// swap replaces the only occurrence of old in a file.
func swap(file, old, with string) edit {
	return func(t *testing.T, s *mutate.Sources) {
		t.Helper()
		if err := s.Apply(mutate.Edit{File: place + file, Old: old, New: with}); err != nil {
			t.Fatal(err)
		}
	}
}

// without takes a method from a type, by another name, and drops the
// assertions of its interface.
func without(typ, method, iface string) edit {
	declared := regexp.MustCompile(`(?m)^(func \(\w+ \*` + typ + `\) )` + method + `\(`)
	called := regexp.MustCompile(`(\breturn \w+\.)` + method + `(\(context\.Background\(\))`)
	asserted := regexp.MustCompile(`(?m)^(var|\t)\s*_\s+\w*\.?` + iface + `\s+= .*\n`)
	return func(t *testing.T, s *mutate.Sources) {
		t.Helper()
		pkg, err := build.ImportDir(".", 0)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, name := range pkg.GoFiles {
			src, err := s.Text(place + name)
			if err != nil {
				t.Fatal(err)
			}
			out := asserted.ReplaceAllString(src, "")
			if n := len(declared.FindAllString(out, -1)); n > 0 {
				found += n
				out = declared.ReplaceAllString(out, "${1}no"+method+"(")
				out = called.ReplaceAllString(out, "${1}no"+method+"${2}")
			}
			if out != src {
				s.Set(place+name, out)
			}
		}
		if found != 1 {
			t.Fatalf("%d methods %s of %s", found, method, typ)
		}
	}
}

// tryMutant builds the package's tests with the mutation and runs its test.
func tryMutant(t *testing.T, m mutant, args ...string) (string, error) {
	t.Helper()
	sources, err := mutate.In("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range m.edits {
		e(t, sources)
	}
	program, err := sources.Build(t.Context(), t.TempDir(), "driver")
	if err != nil {
		t.Fatalf("the mutant does not compile: %v", err)
	}
	return program.Run(t.Context(), m.test, "", append(args, "-test.failfast")...)
}

//go:build unix

package suites

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Suite is the test suite of one module, or that of database/sql.
type Suite struct {
	// Name selects the suite on the command line.
	Name string
	// Module is path@version. It is empty for database/sql, which comes with
	// the toolchain.
	Module string
	// Packages are the directories whose tests are run: all that reach
	// database/sql. "." is the module's root.
	Packages []string
	// Edits are made to the copied files.
	Edits []Edit
	// Skips are left out in every mode.
	Skips []Skip
	// ByDesign are the differences that are meant to be.
	ByDesign []ByDesign
	// Extra are folders of package inject with packages that register more
	// modes. They are linked into this suite only.
	Extra []string
	// More are those of the further modes that must not differ.
	More []string
	// After is a function, as importpath#Name, that the injected file calls
	// when the hooks are set. It may belong to the package under test.
	After string
	// Setup prepares servers and returns the suite's environment. It is called
	// before every execution, so that each starts from the same state.
	Setup func(ctx context.Context, f *Fixture) ([]string, error)
	// AtLeast is how many tests and subtests pass without the wrapper on a
	// slow machine. A run with fewer proves nothing and is an error.
	AtLeast int
	// Timeout bounds one execution.
	Timeout time.Duration
}

// Modes returns the modes that must not differ from mode "raw".
func (s Suite) Modes() []string { return append([]string{Eager, Pass, Observed}, s.More...) }

// Skip is a test that is left out.
type Skip struct {
	Pattern string // as in go test -skip
	Why     string
}

// ByDesign is a test whose outcome differs through the wrapper for a reason
// that is no defect of the wrapper.
type ByDesign struct {
	Test   string
	Sub    string // if not empty: only this subtest, and Test because of it
	Lazy   bool   // only where connections are dialled late
	Cached bool   // only where livesql has connections of its own
	Why    string
}

// covers reports whether a difference between mode raw and another mode is the
// one meant.
func (b ByDesign) covers(d Diff, mode string) bool {
	cached := mode == Live || mode == Cache || mode == CacheEvict
	if d.Raw != Passed || d.Got != Failed || b.Lazy && mode == Eager || b.Cached && !cached {
		return false
	}
	if b.Sub == "" {
		return d.Test == b.Test
	}
	return d.Test == b.Test || d.Test == b.Test+"/"+b.Sub
}

// skip returns the value of -test.skip.
func (s Suite) skip() string {
	patterns := make([]string, len(s.Skips))
	for i, skip := range s.Skips {
		patterns[i] = skip.Pattern
	}
	return strings.Join(patterns, "|")
}

// Suites returns every suite, cheapest first.
func Suites() []Suite {
	return []Suite{databaseSQL, sqlmock, sqlx, sqlite, pgx, mysql, pq}
}

// Lookup returns the suite of a name.
func Lookup(name string) (Suite, error) {
	all := Suites()
	i := slices.IndexFunc(all, func(s Suite) bool { return s.Name == name })
	if i < 0 {
		names := make([]string, len(all))
		for i, s := range all {
			names[i] = s.Name
		}
		return Suite{}, fmt.Errorf("no suite %q; there are %s", name, strings.Join(names, ", "))
	}
	return all[i], nil
}

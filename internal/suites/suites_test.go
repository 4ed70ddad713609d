//go:build unix

package suites

import (
	"runtime"
	"strings"
	"testing"

	"github.com/vantage-go/live/internal/suites/inject/control"
)

// prepared builds a suite with the Go release of this test.
func prepared(t *testing.T, s Suite) *execution {
	t.Helper()
	r, err := NewRunner(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	version := strings.SplitN(strings.TrimPrefix(runtime.Version(), "go"), ".", 3)
	toolchain, err := FindToolchain(t.Context(), version[0]+"."+version[1])
	if err != nil {
		t.Fatal(err)
	}
	x, err := r.prepare(t.Context(), s, toolchain)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// conforms executes a suite in all modes.
func conforms(t *testing.T, x *execution) *Report {
	t.Helper()
	report, err := x.report(t.Context(), x.suite.Modes()...)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := WriteTable(&table, []*Report{report}); err != nil {
		t.Fatal(err)
	}
	if !report.Same() {
		t.Errorf("%s behaves differently through the wrapper", x.suite.Name)
	}
	t.Log("\n" + table.String())
	return report
}

// TestDatabaseSQL runs the tests of database/sql through the wrapper, and
// through one that is bad on purpose.
func TestDatabaseSQL(t *testing.T) {
	x := prepared(t, databaseSQL)
	report := conforms(t, x)
	bad, err := x.full(t.Context(), control.Mode)
	if err != nil {
		t.Fatal(err)
	}
	diffs := diff(report.Runs[0], bad)
	if len(diffs) == 0 {
		t.Error("no test noticed the fault of mode control")
	}
	for _, d := range diffs {
		t.Logf("mode control: %s: %s, not %s", d.Test, d.Got, d.Raw)
	}
}

// TestSqlmock runs the tests of go-sqlmock through the wrapper: livesql must
// issue no statement of its own.
func TestSqlmock(t *testing.T) { conforms(t, prepared(t, sqlmock)) }

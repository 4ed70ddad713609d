//go:build unix

package suites

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rounds is how often tests whose outcome differs are run again, alone, in
// both modes.
const rounds = 4

// tolerated is how many tests of one run may be unstable. More are no accident
// of the tests, but of the servers or the machine.
const tolerated = 10

// Diff is a test whose outcome differs from that in mode "raw".
type Diff struct {
	Test   string
	Raw    Status
	Got    Status
	Output string // what the test printed in the mode
	Again  string // what running it again gave, one pair per round, or why that was not needed
}

// compare fills in how run differs from raw.
//
// Some tests of the suites fail now and then on a slow machine. A difference
// counts as such a test and not as one of the wrapper if mode raw itself shows
// both outcomes, or if it is gone in every one of several rounds in which the
// test runs alone and also when the whole mode runs once more. A wrapper that
// breaks a test only now and then, or only after certain others, fails that.
func (x *execution) compare(ctx context.Context, raw, run *Run) error {
	diffs := diff(raw, run)
	diffs = slices.DeleteFunc(diffs, func(d Diff) bool {
		i := slices.IndexFunc(x.suite.ByDesign, func(b ByDesign) bool { return b.covers(d, run.Mode) })
		if i < 0 {
			return false
		}
		d.Output, d.Again = "", " not needed: "+x.suite.ByDesign[i].Why
		run.ByDesign = append(run.ByDesign, d)
		return true
	})
	if len(diffs) == 0 {
		return nil
	}
	x.logf("%s with %s, %s: %d outcomes differ, running those tests again", x.suite.Name, x.toolchain.Version, run.Mode, len(diffs))
	only := byPackage(x.binaries, diffs)
	trials := make([]trial, len(diffs))
	for i, d := range diffs {
		trials[i] = trial{Diff: d}
	}
	for range rounds {
		r, err := x.run(ctx, Raw, x.binaries, only)
		if err != nil {
			return err
		}
		m, err := x.run(ctx, run.Mode, x.binaries, only)
		if err != nil {
			return err
		}
		if end := x.endedEarly(r); end != nil && x.endedEarly(raw) == nil {
			return fmt.Errorf("%s with %s: tests that passed without the wrapper end their process when they are run again: %w", x.suite.Name, x.toolchain.Version, end)
		}
		for i := range trials {
			trials[i].round(r.Status(trials[i].Test), m.Status(trials[i].Test))
		}
	}
	if slices.ContainsFunc(trials, func(t trial) bool { return !t.unstableRaw && !t.mismatch }) {
		again, err := x.run(ctx, run.Mode, x.binaries, nil)
		if err != nil {
			return err
		}
		for i := range trials {
			trials[i].all(again.Status(trials[i].Test))
		}
	}
	unstable := 0
	for _, t := range trials {
		if t.excused() {
			unstable++
		}
	}
	for _, t := range trials {
		if t.excused() && unstable <= tolerated {
			run.Unstable = append(run.Unstable, t.Diff)
		} else {
			run.Diffs = append(run.Diffs, t.Diff)
		}
	}
	return nil
}

// endedEarly tells whether a test process of a run ended before its tests did.
func (x *execution) endedEarly(r *Run) error {
	for _, b := range x.binaries {
		if err := r.ends[b.pkg]; err != nil {
			return err
		}
	}
	return nil
}

// trial is a difference whose test is run again.
type trial struct {
	Diff
	unstableRaw bool // mode raw has shown more than one outcome
	mismatch    bool // a round alone showed a difference
	persists    bool // a second run of all tests showed a difference
}

// round notes what the test gave alone, in mode raw and in the other mode.
func (t *trial) round(raw, got Status) {
	t.unstableRaw = t.unstableRaw || raw != t.Raw
	t.mismatch = t.mismatch || raw != got
	t.Again += fmt.Sprintf(" %s/%s", raw, got)
}

// all notes what the test gave when the whole mode ran once more.
func (t *trial) all(got Status) {
	t.persists = got != t.Raw
	t.Again += fmt.Sprintf(" (all tests: %s)", got)
}

// excused reports whether the difference is one of the test and not of the
// wrapper.
func (t *trial) excused() bool { return t.unstableRaw || !t.mismatch && !t.persists }

// diff returns the tests whose outcome differs, by name.
func diff(raw, run *Run) []Diff {
	names := map[string]Status{}
	maps.Copy(names, raw.Tests)
	maps.Copy(names, run.Tests)
	var diffs []Diff
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if a, b := raw.Status(name), run.Status(name); a != b {
			diffs = append(diffs, Diff{Test: name, Raw: a, Got: b, Output: run.output[name]})
		}
	}
	return diffs
}

// byPackage returns the top-level tests that cover the differences. The end of
// a process has no test of its own: then the whole package is run.
func byPackage(binaries []binary, diffs []Diff) map[string][]string {
	only := map[string][]string{}
	all := map[string]bool{}
	for _, d := range diffs {
		pkg, test := ".", d.Test
		for _, b := range binaries {
			if rest, ok := strings.CutPrefix(d.Test, b.pkg+"."); ok && b.pkg != "." {
				pkg, test = b.pkg, rest
			}
		}
		if test == processEnd {
			all[pkg] = true
		}
		top, _, _ := strings.Cut(test, "/")
		if !slices.Contains(only[pkg], top) {
			only[pkg] = append(only[pkg], top)
		}
	}
	for pkg := range all {
		only[pkg] = nil
	}
	return only
}

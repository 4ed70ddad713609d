package suites

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// rounds is how often tests whose outcome differs are run again, alone, in
// both modes.
const rounds = 4

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
	seen := make(map[string]map[Status]bool, len(diffs)) // in mode raw
	gone := make(map[string]bool, len(diffs))
	for _, d := range diffs {
		seen[d.Test] = map[Status]bool{d.Raw: true}
		gone[d.Test] = true
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
		for i, d := range diffs {
			seen[d.Test][r.Status(d.Test)] = true
			gone[d.Test] = gone[d.Test] && r.Status(d.Test) == m.Status(d.Test)
			diffs[i].Again += " " + string(r.Status(d.Test)) + "/" + string(m.Status(d.Test))
		}
	}
	again, err := x.run(ctx, run.Mode, x.binaries, nil)
	if err != nil {
		return err
	}
	for _, d := range diffs {
		d.Again += " (all tests: " + string(again.Status(d.Test)) + ")"
		if len(seen[d.Test]) > 1 || gone[d.Test] && again.Status(d.Test) == d.Raw {
			run.Unstable = append(run.Unstable, d)
		} else {
			run.Diffs = append(run.Diffs, d)
		}
	}
	return nil
}

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

//go:build unix

package suites

import (
	"slices"
	"testing"
)

func TestTrial(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rounds [][2]Status
		all    Status
		want   bool
	}{
		{"wrapper breaks the test", [][2]Status{{Passed, Failed}, {Passed, Failed}}, Failed, false},
		{"wrapper breaks it now and then", [][2]Status{{Passed, Passed}, {Passed, Failed}}, Passed, false},
		{"wrapper breaks it only after other tests", [][2]Status{{Passed, Passed}, {Passed, Passed}}, Failed, false},
		{"a slow moment", [][2]Status{{Passed, Passed}, {Passed, Passed}}, Passed, true},
		{"the test is unstable without the wrapper", [][2]Status{{Passed, Failed}, {Failed, Passed}}, Failed, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trial := trial{Diff: Diff{Test: "T", Raw: Passed, Got: Failed}}
			for _, r := range tt.rounds {
				trial.round(r[0], r[1])
			}
			trial.all(tt.all)
			if got := trial.excused(); got != tt.want {
				t.Errorf("excused = %t, want %t: %+v", got, tt.want, trial)
			}
		})
	}
}

func TestDiff(t *testing.T) {
	raw := &Run{Tests: map[string]Status{"A": Passed, "B": Failed, "C": Skipped, "D": Passed}}
	run := &Run{Tests: map[string]Status{"A": Passed, "B": Failed, "C": Passed, "E": Passed}}
	want := []Diff{
		{Test: "C", Raw: Skipped, Got: Passed},
		{Test: "D", Raw: Passed, Got: Missing},
		{Test: "E", Raw: Missing, Got: Passed},
	}
	if got := diff(raw, run); !slices.Equal(got, want) {
		t.Errorf("diff = %v, want %v", got, want)
	}
}

func TestByDesign(t *testing.T) {
	lazy := ByDesign{Test: "TestA", Lazy: true}
	sub := ByDesign{Test: "TestB", Sub: "x"}
	cached := ByDesign{Test: "TestA", Cached: true}
	for _, tt := range []struct {
		by   ByDesign
		diff Diff
		mode string
		want bool
	}{
		{lazy, Diff{Test: "TestA", Raw: Passed, Got: Failed}, Pass, true},
		{lazy, Diff{Test: "TestA", Raw: Passed, Got: Failed}, Eager, false},
		{lazy, Diff{Test: "TestA", Raw: Passed, Got: Crashed}, Pass, false},
		{lazy, Diff{Test: "TestA/sub", Raw: Passed, Got: Failed}, Pass, false},
		{lazy, Diff{Test: "TestA", Raw: Failed, Got: Passed}, Pass, false},
		{cached, Diff{Test: "TestA", Raw: Passed, Got: Failed}, Pass, false},
		{cached, Diff{Test: "TestA", Raw: Passed, Got: Failed}, CacheEvict, true},
		{sub, Diff{Test: "TestB", Raw: Passed, Got: Failed}, Eager, true},
		{sub, Diff{Test: "TestB/x", Raw: Passed, Got: Failed}, Eager, true},
		{sub, Diff{Test: "TestB/y", Raw: Passed, Got: Failed}, Eager, false},
	} {
		if got := tt.by.covers(tt.diff, tt.mode); got != tt.want {
			t.Errorf("%+v covers %+v in mode %s: %t", tt.by, tt.diff, tt.mode, got)
		}
	}
}

func TestByPackage(t *testing.T) {
	binaries := []binary{{pkg: "."}, {pkg: "stdlib"}, {pkg: "whole"}}
	got := byPackage(binaries, []Diff{
		{Test: "TestA/x"}, {Test: "TestA/y"}, {Test: "stdlib.TestB/z"}, {Test: "whole.TestC"}, {Test: "whole." + processEnd},
	})
	if len(got) != 3 || !slices.Equal(got["."], []string{"TestA"}) || !slices.Equal(got["stdlib"], []string{"TestB"}) {
		t.Errorf("tests to run again: %v", got)
	}
	if tests, ok := got["whole"]; !ok || tests != nil {
		t.Errorf("after its process ended early, of package whole only %v would run", tests)
	}
}

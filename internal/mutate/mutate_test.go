package mutate

import (
	"errors"
	"strings"
	"testing"
)

// The package is its own patient: Noticed is broken, and the test below that
// looks at it must fail.
func TestMutants(t *testing.T) {
	t.Parallel()
	sources, err := In("../..")
	if err != nil {
		t.Fatal(err)
	}
	variants := []Variant{
		{"a passing test taken for a failing one", "internal/mutate", "TestNoticed", nil, []Edit{{"internal/mutate/mutate.go", "	case err == nil:\n", "	case err == nil && !$:\n"}}},
		{"any failure", "internal/mutate", "TestNoticed", nil, []Edit{{"internal/mutate/mutate.go", "	case !strings.Contains(out,", "	case !$ && !strings.Contains(out,"}}},
		{"a run without an end of another test", "internal/mutate", "TestNoticed", nil, []Edit{{"internal/mutate/mutate.go", "	case !timedOut && (", "	case (!timedOut || $) && ("}}},
	}
	if err := sources.Switch(variants); err != nil {
		t.Fatal(err)
	}
	program, err := sources.Build(t.Context(), t.TempDir(), "internal/mutate")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variants {
		out, err := program.Run(t.Context(), v.Test, v.Name)
		if err := Noticed(v.Test, out, err); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	if out, err := program.Run(t.Context(), "TestNoticed", ""); err != nil {
		t.Errorf("with nothing switched on: %v\n%s", err, out)
	}
	if _, err := program.Run(t.Context(), "TestNotic", ""); err == nil {
		t.Error("half a name runs a test")
	}
}

func TestNoticed(t *testing.T) {
	t.Parallel()
	failed := errors.New("exit status 1")
	if err := Noticed("TestX/y", "--- FAIL: TestX (0.00s)\n", failed); err != nil {
		t.Error(err)
	}
	if err := Noticed("TestX", "PASS", nil); !errors.Is(err, ErrPassed) {
		t.Errorf("a test that passes: %v", err)
	}
	if err := Noticed("TestX/y", "ok so far\npanic: index out of range\n\ngoroutine 5 [running]:\n", failed); err != nil {
		t.Error(err)
	}
	for _, out := range []string{"no such file", "a word of panic: none", "panic: test timed out after 3m\n\trunning tests:\n\t\tTestY (3m)\n"} {
		if err := Noticed("TestX", out, failed); !errors.Is(err, failed) {
			t.Errorf("another failure, %q: %v", out, err)
		}
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	s, err := In(".")
	if err != nil {
		t.Fatal(err)
	}
	s.Set("a.go", "one two, two")
	if err := s.Apply(Edit{"a.go", "one", "1"}); err != nil {
		t.Error(err)
	}
	if text, err := s.Text("a.go"); err != nil || text != "1 two, two" {
		t.Errorf("%q, %v", text, err)
	}
	for _, old := range []string{"two", "three"} {
		if err := s.Apply(Edit{"a.go", old, ""}); err == nil || !strings.Contains(err.Error(), "want once") {
			t.Errorf("%s: %v", old, err)
		}
	}
	if _, err := s.Text("none.go"); err == nil {
		t.Error("a file that is not there")
	}
}

package mutate

import (
	"cmp"
	"errors"
	"path"
	"slices"
	"testing"
)

// tries is how often a mutant may pass: some are seen by one who looks at the
// right moment, which on a busy machine may be somebody else's.
const tries = 5

// Check requires of each variant whose turn it is ([Turn]) that its test notices
// it, and that the test passes when none is switched on. Root is the root of the
// module. There is one build for each package of the tests.
func Check(t *testing.T, root string, variants []Variant) {
	t.Helper()
	sources, err := In(root)
	if err == nil {
		err = sources.Switch(variants) // all of them: each must find its place
	}
	if err != nil {
		t.Fatal(err)
	}
	programs := make(map[string]*Program)
	whole := make(map[string]bool)
	mine := Turn(t, byTest(variants), func(v Variant) string { return v.Name })
	for _, v := range mine {
		p := programs[v.Package]
		if p == nil {
			if p, err = sources.Build(t.Context(), t.TempDir(), v.Package); err != nil {
				t.Fatal(err)
			}
			programs[v.Package] = p
		}
		if test := path.Join(v.Package, v.Test); !whole[test] {
			whole[test] = true
			if out, err := p.Run(t.Context(), v.Test, "", v.Args...); err != nil {
				t.Fatalf("with nothing switched on: %v\n%s", err, out)
			}
		}
	}
	for _, v := range mine {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			for try := 1; ; try++ {
				out, err := programs[v.Package].Run(t.Context(), v.Test, v.Name, v.Args...)
				if err = Noticed(v.Test, out, err); err == nil {
					return
				}
				if try == tries || !errors.Is(err, ErrPassed) {
					t.Fatal(err)
				}
			}
		})
	}
}

// byTest puts variants together that share a build, and those that share a test.
func byTest(variants []Variant) []Variant {
	return slices.SortedStableFunc(slices.Values(variants), func(a, b Variant) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Test, b.Test))
	})
}

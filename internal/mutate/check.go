package mutate

import (
	"errors"
	"path"
	"testing"
)

// tries is how often a mutant may pass: some are seen by one who looks at the
// right moment, which on a busy machine may be somebody else's.
const tries = 5

// Check requires of each variant that its test notices it, and that the test
// passes when none is switched on. Root is the root of the module, and args go to
// each program. There is one build for each package of the tests.
func Check(t *testing.T, root string, variants []Variant, args ...string) {
	t.Helper()
	sources, err := In(root)
	if err == nil {
		err = sources.Switch(variants)
	}
	if err != nil {
		t.Fatal(err)
	}
	programs := make(map[string]*Program)
	whole := make(map[string]bool)
	for _, v := range variants {
		p := programs[v.Package]
		if p == nil {
			if p, err = sources.Build(t.Context(), t.TempDir(), v.Package); err != nil {
				t.Fatal(err)
			}
			programs[v.Package] = p
		}
		if test := path.Join(v.Package, v.Test); !whole[test] {
			whole[test] = true
			if out, err := p.Run(t.Context(), v.Test, "", args...); err != nil {
				t.Fatalf("with nothing switched on: %v\n%s", err, out)
			}
		}
	}
	for _, v := range variants {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			for try := 1; ; try++ {
				out, err := programs[v.Package].Run(t.Context(), v.Test, v.Name, args...)
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

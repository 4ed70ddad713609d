package mutate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Edit replaces the one occurrence of Old in a file by New. File is relative to
// the root of the module, with slashes.
type Edit struct{ File, Old, New string }

// Sources are the sources of a module with changes to some files.
type Sources struct {
	root  string
	texts map[string]string // by file, of those that were asked for
}

// In returns the unchanged sources of the module at root.
func In(root string) (*Sources, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("mutate: %w", err)
	}
	return &Sources{root, map[string]string{}}, nil
}

// Text returns a file with the changes so far.
func (s *Sources) Text(file string) (string, error) {
	if text, ok := s.texts[file]; ok {
		return text, nil
	}
	text, err := os.ReadFile(filepath.Join(s.root, filepath.FromSlash(file)))
	if err != nil {
		return "", fmt.Errorf("mutate: %w", err)
	}
	s.texts[file] = string(text)
	return string(text), nil
}

// Set replaces a file, or adds one.
func (s *Sources) Set(file, text string) { s.texts[file] = text }

// Apply makes edits, one after the other.
func (s *Sources) Apply(edits ...Edit) error {
	for _, e := range edits {
		text, err := s.Text(e.File)
		if err != nil {
			return err
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return fmt.Errorf("mutate: %s holds the text to replace %d times, want once:\n%s", e.File, n, e.Old)
		}
		s.Set(e.File, strings.Replace(text, e.Old, e.New, 1))
	}
	return nil
}

// Program is a built test binary.
type Program struct{ file, dir string }

// Build builds the tests of a package of the module. It leaves what it makes in
// dir, which must be empty.
func (s *Sources) Build(ctx context.Context, dir, pkg string) (*Program, error) {
	replace := make(map[string]string, len(s.texts))
	for i, file := range slices.Sorted(maps.Keys(s.texts)) {
		copied := filepath.Join(dir, fmt.Sprintf("%d_%s", i, filepath.Base(file)))
		if err := os.WriteFile(copied, []byte(s.texts[file]), 0o600); err != nil {
			return nil, fmt.Errorf("mutate: %w", err)
		}
		replace[filepath.Join(s.root, filepath.FromSlash(file))] = copied
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, fmt.Errorf("mutate: %w", err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return nil, fmt.Errorf("mutate: %w", err)
	}
	p := &Program{filepath.Join(dir, "mutant.test"), filepath.Join(s.root, filepath.FromSlash(pkg))}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", p.file, ".")
	build.Dir = p.dir
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mutate: building %s: %w\n%s", pkg, err, out)
	}
	return p, nil
}

// Run runs the test of a program, with further arguments, and with the variant
// switched on, if it is not "". Each level of the test's name is matched in
// full. It returns what the program printed, and an error if the test failed or
// does not exist.
func (p *Program) Run(ctx context.Context, test, variant string, args ...string) (out string, err error) {
	cmd := exec.CommandContext(ctx, p.file, append([]string{"-test.run=" + anchored(test), "-test.timeout=3m"}, args...)...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), env+"="+variant)
	printed, err := cmd.CombinedOutput()
	if err == nil && strings.Contains(string(printed), "no tests to run") {
		err = fmt.Errorf("mutate: no test is named %s", test)
	}
	return string(printed), err
}

// anchored makes each level of a test's name match in full.
func anchored(test string) string {
	levels := strings.Split(test, "/")
	for i, l := range levels {
		levels[i] = "^(" + strings.ReplaceAll(l, "|", ")$|^(") + ")$"
	}
	return strings.Join(levels, "/")
}

// ErrPassed is found in the error of Noticed for a test that passed.
var ErrPassed = errors.New("passes")

// Noticed judges a run of a test with a mutant: it returns nil if the test
// itself failed, or the mutant crashed while it ran, and not if something else
// went wrong.
func Noticed(test, out string, err error) error {
	name, _, _ := strings.Cut(test, "/")
	timedOut := strings.Contains(out, "panic: test timed out")
	switch {
	case err == nil:
		return fmt.Errorf("%s %w", test, ErrPassed)
	case timedOut && strings.Contains(out, "\t"+name):
		return nil // it waited for what does not come
	case !timedOut && (strings.HasPrefix(out, "panic: ") || strings.Contains(out, "\npanic: ")):
		return nil // in a goroutine of its own; without the mutation it passes
	case !strings.Contains(out, "--- FAIL: "+name):
		return fmt.Errorf("%s did not fail, something else did: %w\n%s", test, err, out)
	}
	return nil
}

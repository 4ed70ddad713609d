//go:build unix

package suites

import (
	"strings"
	"testing"
)

// TestVersions: the suites that run are those of the versions livesql is built
// with.
func TestVersions(t *testing.T) {
	for _, s := range Suites() {
		if s.Module == "" {
			continue
		}
		path, version, _ := strings.Cut(s.Module, "@")
		var used struct{ Version string }
		if err := goJSON(t.Context(), "", &used, "list", "-m", "-json", path); err != nil {
			t.Fatal(err)
		}
		if used.Version != version {
			t.Errorf("suite %s is that of %s, go.mod requires %s", s.Name, version, used.Version)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, s := range Suites() {
		if got, err := Lookup(s.Name); err != nil || got.Name != s.Name {
			t.Errorf("Lookup(%q) = %q, %v", s.Name, got.Name, err)
		}
	}
	if _, err := Lookup("nobody"); err == nil || !strings.Contains(err.Error(), "sqlmock") {
		t.Errorf("an unknown name: %v; it should say which there are", err)
	}
}

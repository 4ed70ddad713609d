//go:build unix

package server

import (
	"os"
	"strings"
	"testing"
)

// Servers are where TMPDIR says, if their sockets may be there; by default they
// are in memory only where it is roomy.
func TestPlace(t *testing.T) {
	for tmp, want := range map[string]string{"/var/tmp": "/var/tmp", "": "", "/" + strings.Repeat("x", 60): "/tmp"} {
		t.Setenv("TMPDIR", tmp)
		if got := place(); got != want {
			t.Errorf("with TMPDIR=%s it is %q", tmp, got)
		}
	}
	if err := os.Unsetenv("TMPDIR"); err != nil { // Setenv puts it back
		t.Fatal(err)
	}
	want := ""
	if roomy() {
		want = memory
	}
	if got := place(); got != want {
		t.Errorf("by default it is %q, want %q", got, want)
	}
}

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
		if got := place(false); got != want {
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
	if got := place(false); got != want {
		t.Errorf("by default it is %q, want %q", got, want)
	}
	if got := place(true); got == memory && got != "" {
		t.Errorf("what is to survive a power cut is in %q", got)
	}
}

func TestFlushes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"fsync", "on", true},
		{"fsync", "off", false},
		{"max_connections", "60", false},
		{"innodb_flush_log_at_trx_commit", "1", true},
		{"innodb-flush-log-at-trx-commit", "1", true},
		{"innodb_flush_log_at_trx_commit", "2", false},
	} {
		if got := flushes(map[string]string{c.name: c.value}); got != c.want {
			t.Errorf("%s=%s: %t", c.name, c.value, got)
		}
	}
}

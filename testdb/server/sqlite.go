package server

import (
	"path/filepath"
	"testing"
)

// SQLite returns the path of a database file that does not exist yet, in a
// directory that is removed when the test ends. Pools on it must be closed
// before that; a pool opened after this call and closed by [testing.TB.Cleanup]
// is.
func SQLite(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "test.db")
}

package livesql_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/vantage-go/live/livesql"
)

// TestFirstStatement: the feed opens its connection to a new database while the
// program runs its first statement, and the data source name switches the
// journal mode on each. Neither may make the other fail.
func TestFirstStatement(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 60 {
		dsn := filepath.Join(dir, fmt.Sprintf("%d.db", i)) + "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
		db, err := livesql.Open(t.Context(), "sqlite", dsn)
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{"CREATE TABLE t(id INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1)"} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Errorf("handle %d: %s: %v", i, statement, err)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

package livesql_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/livesql"
)

// TestOpenResultHoldsSnapshot reads on a connection while an older result of
// it is still open. SQLite answers from the old snapshot; storing that answer
// would serve it to everybody until the table changes again.
func TestOpenResultHoldsSnapshot(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db, err := livesql.Open(ctx, "sqlite", filepath.Join(t.TempDir(), "t.db")+"?_pragma=journal_mode(WAL)", calm()...)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		"CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER)",
		"INSERT INTO t VALUES (1, 1), (2, 1), (3, 1)",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Feed().Sync(ctx); err != nil {
		t.Fatal(err)
	}

	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	value := func(q interface {
		QueryRowContext(context.Context, string, ...any) *sql.Row
	},
	) int {
		t.Helper()
		var v int
		if err := q.QueryRowContext(ctx, "SELECT v FROM t WHERE id = 1").Scan(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}

	open, err := conn.QueryContext(ctx, "SELECT id, random() FROM t ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	if !open.Next() {
		t.Fatal(open.Err())
	}
	if _, err := db.ExecContext(ctx, "UPDATE t SET v = 2 WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	// The change has been reported: nothing will invalidate what is stored
	// from here on.
	if err := db.Feed().Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if got := value(conn); got != 1 {
		t.Fatalf("on the connection with the open result v is %d: SQLite gave up its snapshot, the test proves nothing", got)
	}
	if got := value(db); got != 2 {
		t.Fatalf("after the acknowledged update v is %d, want 2", got)
	}
	if err := open.Close(); err != nil {
		t.Fatal(err)
	}
	before := db.CacheStats()
	if got := value(conn); got != 2 {
		t.Fatalf("after the result was closed v is %d, want 2", got)
	}
	if after := db.CacheStats(); after.Hits != before.Hits+1 {
		t.Errorf("after the result was closed the read is not answered from memory: %+v", after)
	}
}

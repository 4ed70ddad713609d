package livesql_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/vantage-go/live/livesql"
)

// TestTablesOfAClosedHandle: whoever opens the first table of a handle that was
// closed meanwhile gets an error.
func TestTablesOfAClosedHandle(t *testing.T) {
	t.Parallel()
	db, err := livesql.Open(t.Context(), "sqlite", filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() error{
		"OpenTable":  func() error { _, err := livesql.OpenTable[int64, shopRow](t.Context(), db, "shop"); return err },
		"NewTable":   func() error { _, err := livesql.NewTable[int64, shopRow](t.Context(), db, "shop"); return err },
		"OpenWindow": func() error { _, err := livesql.OpenWindow[int64, shopRow](t.Context(), db, "shop"); return err },
		"Watch": func() error {
			_, err := livesql.Watch[shopRow](t.Context(), db, livesql.Query("SELECT id, city, name FROM shop"))
			return err
		},
	} {
		if err := open(); err == nil {
			t.Errorf("%s of a closed handle succeeds", name)
		}
	}
}

// TestShutdownDoesNotWaitForAStart: the ledger cannot be made while somebody else
// writes, and Shutdown does not wait for it longer than it is to.
func TestShutdownDoesNotWaitForAStart(t *testing.T) {
	t.Parallel()
	dsn, plain := shopOn(t, "sqlite")
	db, err := livesql.Open(t.Context(), "sqlite", dsn, livesql.AutoInstall(), livesql.WithOutbox(&journal{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.WaitCached(t.Context(), "SELECT name FROM shop"); err != nil {
		t.Fatal(err)
	}
	writer, err := plain.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	if _, err := writer.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if _, err := livesql.OpenTable[int64, shopRow](t.Context(), db, "shop"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // it is begun by another goroutine, and that cannot be seen
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := db.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second { // half of what the ledger waits for the lock
		t.Errorf("Shutdown took %v", took)
	}
	if _, err := writer.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil { // waits for what is left
		t.Error(err)
	}
}

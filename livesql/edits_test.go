package livesql_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/vantage-go/live/livesql"
)

// editable returns a handle with a table of shops, and a live table of them.
func editable(t *testing.T) (*livesql.DB, *livesql.LiveTable[int64, shopRow]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db, err := livesql.Open(ctx, "sqlite", filepath.Join(t.TempDir(), "shop.db")+"?_pragma=journal_mode(wal)", livesql.AutoInstall())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"CREATE TABLE shop (id INTEGER PRIMARY KEY, city TEXT NOT NULL, name TEXT NOT NULL)",
		"INSERT INTO shop VALUES (1, 'Riga', 'a'), (2, 'Ventspils', 'b')",
	} {
		if _, err := db.ExecContext(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.WaitCached(ctx, "SELECT name FROM shop WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	live, err := livesql.OpenTable[int64, shopRow](ctx, db, "shop")
	if err != nil {
		t.Fatal(err)
	}
	return db, live
}

// TestEditReachesTheCache: what a session saves is not missing from what the
// handle reads afterwards, and what it reads itself does not come from memory.
func TestEditReachesTheCache(t *testing.T) {
	t.Parallel()
	db, live := editable(t)
	defer func() {
		if err := errors.Join(live.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	name := func() (name string) {
		t.Helper()
		if err := db.QueryRowContext(ctx, "SELECT name FROM shop WHERE id = 1").Scan(&name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	name()
	e, err := live.Edit(1)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.V.Name = "saved"
	if _, err := e.Save(ctx); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "saved" {
		t.Errorf("after the save the handle reads %q", got)
	}
	before := db.CacheStats()
	for range 3 {
		if _, err := e.RefreshSnapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if after := db.CacheStats(); after.Hits != before.Hits || after.Stores != before.Stores {
		t.Errorf("refreshing a snapshot made %d hits and %d stores", after.Hits-before.Hits, after.Stores-before.Stores)
	}
}

// TestCloseFlushes: closing a handle waits for the saves of its sessions, and
// tells which were not written.
func TestCloseFlushes(t *testing.T) {
	t.Parallel()
	db, live := editable(t)
	e, err := live.Edit(1)
	if err != nil {
		t.Fatal(err)
	}
	e.V.Name = "flushed"
	saving := e.SaveAsync()
	if err := db.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	if _, err := saving.Wait(t.Context()); err != nil {
		t.Errorf("a save that was accepted before: %v", err)
	}
	if _, err := e.Save(t.Context()); err != nil {
		t.Errorf("nothing to save: %v", err)
	}
	e.V.Name = "late"
	if _, err := e.Save(t.Context()); err == nil {
		t.Error("a save after the end succeeded")
	}
	_ = live.Close()

	db, live = editable(t)
	tx, err := db.BeginTx(t.Context(), nil) // holds the file's write lock
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "UPDATE shop SET name = 'locked' WHERE id = 2"); err != nil {
		t.Fatal(err)
	}
	if e, err = live.Edit(1); err != nil {
		t.Fatal(err)
	}
	e.V.Name = "kept"
	e.SaveAsync()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var unflushed *livesql.UnflushedError
	err = db.Shutdown(ctx)
	if !errors.As(err, &unflushed) || len(unflushed.Ops) != 1 || unflushed.Ops[0].Values["name"] != "kept" {
		t.Errorf("what could not be written: %v", err)
	}
	_ = tx.Rollback()
	if err := errors.Join(live.Close(), db.Close()); err != nil && !errors.As(err, &unflushed) {
		t.Error(err)
	}
}

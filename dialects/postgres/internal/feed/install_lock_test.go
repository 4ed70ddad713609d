package feed

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// fixtureAwait waits until a session waits for a lock as query tells.
func fixtureAwait(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		var found bool
		if err := db.QueryRowContext(ctx, query).Scan(&found); err != nil {
			t.Fatalf("waiting for %s: %v", query, err)
		}
		if found {
			return
		}
	}
}

// TestLockedTablesAreTriedAgain holds the lock of a table while others are
// installed, and then lets go.
func TestLockedTablesAreTriedAgain(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)", "CREATE TABLE c (id int PRIMARY KEY)")
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	fixtureExec(t, tx, "INSERT INTO b VALUES (1)")
	// Without patience, the others are installed and the table is named.
	changed, err := Install(t.Context(), db, listen.InstallOptions{LockTimeout: time.Millisecond, Patience: time.Millisecond})
	if sqlState(err) != "55P03" || !strings.Contains(err.Error(), "public.b") {
		t.Errorf("with a locked table: %v", err)
	}
	if want := []dialects.Table{{Schema: "public", Name: "a"}, {Schema: "public", Name: "c"}}; !slices.Equal(changed, want) {
		t.Errorf("changed %v, want %v", changed, want)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		changed, err := Install(t.Context(), db, listen.InstallOptions{LockTimeout: 20 * time.Millisecond})
		if err != nil || len(changed) != 1 || changed[0].Name != "b" {
			t.Errorf("once the lock was free: %v, %v", changed, err)
		}
	})
	// Writers that come later wait no longer than the lock timeout.
	fixtureAwait(t, db, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'b'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))")
	fixtureExec(t, db, "INSERT INTO b VALUES (2)")
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	fixtureWant(t, "covered", fixtureCovered(t, db), "public.a", "public.b", "public.c")
}

func TestInstallIsBoundedByContext(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY)")
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	fixtureExec(t, tx, "LOCK TABLE a IN EXCLUSIVE MODE")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := Install(ctx, db, listen.InstallOptions{LockTimeout: time.Hour, Patience: time.Hour}); err == nil || ctx.Err() == nil {
			t.Errorf("with a context that ended: %v", err)
		}
	})
	fixtureAwait(t, db, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'a'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))")
	cancel()
	wg.Wait()
}

// TestInstallersAreSerialised runs several at once.
func TestInstallersAreSerialised(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, fixtureZoo...)
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		all []string
	)
	for range 4 {
		wg.Go(func() {
			changed, err := Install(t.Context(), db, listen.InstallOptions{})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, table := range changed {
				all = append(all, table.String())
			}
		})
	}
	wg.Wait()
	slices.Sort(all)
	fixtureWant(t, "changed by all together", all, fixtureZooTables...)
	fixtureWant(t, "covered", fixtureCovered(t, db), fixtureZooTables...)
	if n := len(fixtureLog(t, db)); n != len(fixtureZooTables) {
		t.Errorf("%d marks, want %d", n, len(fixtureZooTables))
	}
}

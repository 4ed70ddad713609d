package livesql_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/vantage-go/live/dialects/mysql"
	_ "github.com/vantage-go/live/dialects/postgres"
	_ "github.com/vantage-go/live/dialects/postgres/pgx"
	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

type shopRow struct {
	ID   int64  `db:"id,pk"`
	City string `db:"city"`
	Name string `db:"name"`
}

// TestOpenTable: what is written through the handle, in a transaction too,
// shows in its live tables, and what is written through them in the cache.
func TestOpenTable(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db, err := livesql.Open(ctx, "sqlite", filepath.Join(t.TempDir(), "shop.db")+"?_pragma=journal_mode(wal)", patient()...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	exec := func(query string) {
		t.Helper()
		if _, err := db.ExecContext(ctx, query); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE shop (id INTEGER PRIMARY KEY, city TEXT NOT NULL, name TEXT NOT NULL)")
	exec("INSERT INTO shop VALUES (1, 'Riga', 'a'), (2, 'Ventspils', 'b')")
	if err := db.WaitCached(ctx, "SELECT name FROM shop"); err != nil {
		t.Fatal(err)
	}
	live, err := livesql.OpenTable[int64, shopRow](ctx, db, "shop", livesql.Where("city = ?", "Riga"), livesql.OrderBy("name"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = live.Close() }()
	if live.Len() != 1 {
		t.Errorf("%d rows", live.Len())
	}
	exec("INSERT INTO shop VALUES (3, 'Riga', 'c')")
	if err := live.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if row, ok := live.Get(3); !ok || row.Name != "c" {
		t.Errorf("the new row is %v, %v", row, ok)
	}
	name := func() (name string) {
		t.Helper()
		if err := db.QueryRowContext(ctx, "SELECT name FROM shop WHERE id = 1").Scan(&name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	name()
	hits := db.CacheStats().Hits
	if name(); db.CacheStats().Hits == hits {
		t.Error("the name is not answered from memory")
	}
	if _, err := live.Set().Patch(ctx, 1, livesql.Record{"name": "new"}); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "new" {
		t.Errorf("the cache answers %q behind a write of the table", got)
	}
	plain, err := livesql.NewTable[int64, shopRow](ctx, db, "shop")
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := plain.List(ctx); err != nil || len(rows) != 3 {
		t.Errorf("%v, %v", rows, err)
	}
}

// TestMissingColumn: a field without a column is an error, also in SQLite, to which
// an unknown name in double quotes is a text.
func TestMissingColumn(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := livesql.Open(ctx, "sqlite", filepath.Join(t.TempDir(), "shop.db"), livesql.AutoInstall())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{"CREATE TABLE shop (id INTEGER PRIMARY KEY, city TEXT)", "INSERT INTO shop VALUES (1, 'Riga')"} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	live, err := livesql.OpenTable[int64, shopRow](ctx, db, "shop")
	if err == nil {
		row, _ := live.Get(1)
		t.Errorf("opened, with row %+v", row)
		_ = live.Close()
	} else if !strings.Contains(err.Error(), "name") {
		t.Errorf("the error does not name the column: %v", err)
	}
}

func ExampleOpenTable() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "livesql")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := livesql.Open(ctx, "sqlite", filepath.Join(dir, "shop.db"), livesql.AutoInstall())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = db.Close() }()
	for _, q := range []string{
		"CREATE TABLE shop (id INTEGER PRIMARY KEY, city TEXT NOT NULL, name TEXT NOT NULL)",
		"INSERT INTO shop VALUES (1, 'Riga', 'Bakery'), (2, 'Ventspils', 'Florist')",
	} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			fmt.Println(err)
			return
		}
	}
	shops, err := livesql.OpenTable[int64, shopRow](ctx, db, "shop", livesql.Where("city = ?", "Riga"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = shops.Close() }()
	events := shops.Events(ctx)
	if _, err := db.ExecContext(ctx, "UPDATE shop SET city = 'Riga' WHERE id = 2"); err != nil {
		fmt.Println(err)
		return
	}
	for batch := range events {
		for _, d := range batch.Diffs {
			fmt.Println(d.Op, d.Key, d.New().Name)
		}
		break
	}
	fmt.Println(shops.Len())
	// Output:
	// inserted 2 Florist
	// 2
}

// TestOpenTableOnServers: live tables and queries through the wrapper, on each
// driver.
func TestOpenTableOnServers(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(tb testing.TB, opts ...server.DatabaseOption) *server.Database{
		"postgres": server.Postgres, "pgx": server.Postgres, "mysql": server.MariaDB,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			base := open(t)
			other := base.DB()
			exec := func(query string) {
				t.Helper()
				if _, err := other.ExecContext(ctx, query); err != nil {
					t.Fatal(err)
				}
			}
			exec("CREATE TABLE shop (id BIGINT PRIMARY KEY, city VARCHAR(60) NOT NULL, name VARCHAR(60) NOT NULL)")
			exec("INSERT INTO shop VALUES (1, 'Riga', 'a'), (2, 'Ventspils', 'b')")
			db, err := livesql.Open(ctx, name, base.DSN(), livesql.AutoInstall(), livesql.FeedDeadline(10*time.Second), livesql.Lease(30*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			}()
			live, err := livesql.OpenTable[int64, shopRow](ctx, db, "shop", livesql.Where("city = ?", "Riga"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = live.Close() }()
			query, err := livesql.Watch[shopRow](ctx, db, livesql.Query("SELECT name, city, id FROM shop ORDER BY id DESC"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = query.Close() }()
			exec("UPDATE shop SET city = 'Riga' WHERE id = 2")
			if err := live.Sync(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := live.Set().Patch(ctx, 2, livesql.Record{"name": "new"}); err != nil {
				t.Fatal(err)
			}
			if row, _ := live.Get(2); row != (shopRow{2, "Riga", "new"}) || live.Len() != 2 {
				t.Errorf("%v, %d rows", row, live.Len())
			}
			if err := query.Sync(ctx); err != nil {
				t.Fatal(err)
			}
			if rows := slices.Collect(query.All()); len(rows) != 2 || rows[0] != (shopRow{2, "Riga", "new"}) {
				t.Errorf("the query has %v", rows)
			}
		})
	}
}

// TestNoDatabase: a database that cannot be opened is an error at once, which
// names the file, for whatever is opened on it.
func TestNoDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "no such directory", "shop.db")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // longer than a test may take
	defer cancel()
	for _, dsn := range []string{path, "file:" + path + "?_pragma=journal_mode(wal)"} {
		db, err := livesql.Open(ctx, "sqlite", dsn, livesql.AutoInstall())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		type untagged struct {
			ID int64 `db:"id"`
		}
		for name, open := range map[string]func() error{
			"OpenTable":           func() error { _, err := livesql.OpenTable[int64, shopRow](ctx, db, "shop"); return err },
			"OpenTable, untagged": func() error { _, err := livesql.OpenTable[int64, untagged](ctx, db, "shop"); return err },
			"OpenTable, polling": func() error {
				_, err := livesql.OpenTable[int64, shopRow](ctx, db, "shop", livesql.PollEvery(time.Hour))
				return err
			},
			"NewTable": func() error { _, err := livesql.NewTable[int64, shopRow](ctx, db, "shop"); return err },
			"Watch":    func() error { _, err := livesql.Watch[shopRow](ctx, db, livesql.Query("SELECT 1 AS id")); return err },
		} {
			if err := open(); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

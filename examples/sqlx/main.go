// Command sqlx runs one program, written for sqlx and any SQLite driver, twice:
// with the driver "sqlite" and with "livesql-sqlite". Nothing else differs. It
// fails if the two do not print the same, or if the second read nothing from
// memory.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/livesql"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	err := run(ctx)
	cancel()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	plain, _, err := try(ctx, "sqlite")
	if err != nil {
		return err
	}
	live, hits, err := try(ctx, "livesql-sqlite")
	if err != nil {
		return err
	}
	fmt.Print(live)
	if live != plain {
		return fmt.Errorf("the plain driver prints something else:\n%s", plain)
	}
	if hits == 0 {
		return errors.New("nothing was read from memory")
	}
	fmt.Printf("\nThe same as with the plain driver, and %d reads came from memory.\n", hits)
	return nil
}

// try runs the program on a new database, and tells how many reads came from
// memory.
func try(ctx context.Context, driver string) (out string, hits uint64, err error) {
	dir, err := os.MkdirTemp("", "livesql-example-")
	if err != nil {
		return "", 0, err
	}
	defer os.RemoveAll(dir)
	db, err := sqlx.ConnectContext(ctx, driver, filepath.Join(dir, "shop.db"))
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	live, err := livesql.From(ctx, db.DB)
	if err != nil && !errors.Is(err, livesql.ErrNotLive) {
		return "", 0, err
	}
	if err := stock(ctx, db); err != nil {
		return "", 0, err
	}
	if live == nil {
		out, err = browse(ctx, db)
		return out, 0, err
	}
	// Only to count: the triggers of a new table are there some milliseconds
	// after the table. Until then its reads go to the database.
	if err := waitCached(ctx, live, "SELECT * FROM bakery"); err != nil {
		return "", 0, err
	}
	out, err = browse(ctx, db)
	return out, live.CacheStats().Hits, err
}

// waitCached returns when reads of query come from memory.
func waitCached(ctx context.Context, live *livesql.DB, query string) error {
	for {
		e, err := live.Explain(ctx, query)
		if err != nil || e.Cached {
			return err
		}
		if err := live.Feed().Sync(ctx); err != nil {
			return fmt.Errorf("%v: %w", e, err)
		}
	}
}

// Bakery is a row of the table bakery.
type Bakery struct {
	ID     int64   `db:"id"`
	Name   string  `db:"name"`
	City   string  `db:"city"`
	Margin float64 `db:"margin"`
}

// What follows is the program: it knows sqlx and SQL, and nothing of livesql.

// stock makes the shop.
func stock(ctx context.Context, db *sqlx.DB) error {
	if _, err := db.ExecContext(ctx, "CREATE TABLE bakery(id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL, margin REAL NOT NULL)"); err != nil {
		return err
	}
	bakeries := []Bakery{
		{Name: "Crust", City: "Riga", Margin: 0.2},
		{Name: "Crumb", City: "Tartu", Margin: 0.25},
		{Name: "Rye", City: "Tartu", Margin: 0.15},
		{Name: "Oven", City: "Vilnius", Margin: 0.3},
	}
	_, err := db.NamedExecContext(ctx, "INSERT INTO bakery(name, city, margin) VALUES (:name, :city, :margin)", bakeries)
	return err
}

// browse shows a page again and again, edits now and then, and returns what
// was seen.
func browse(ctx context.Context, db *sqlx.DB) (string, error) {
	var out strings.Builder
	for page := range 200 {
		var tartu []Bakery
		if err := db.SelectContext(ctx, &tartu, "SELECT * FROM bakery WHERE city = ? ORDER BY name", "Tartu"); err != nil {
			return "", err
		}
		if page%50 != 0 {
			continue
		}
		for _, b := range tartu {
			fmt.Fprintf(&out, "page %3d: %-6s %.2f\n", page, b.Name, b.Margin)
		}
		if err := raise(ctx, db, "Tartu"); err != nil {
			return "", err
		}
	}

	query, args, err := sqlx.In("SELECT name FROM bakery WHERE city IN (?) ORDER BY margin DESC", []string{"Tartu", "Vilnius"})
	if err != nil {
		return "", err
	}
	var names []string
	if err := db.SelectContext(ctx, &names, db.Rebind(query), args...); err != nil {
		return "", err
	}
	fmt.Fprintln(&out, "by margin:", strings.Join(names, ", "))
	return out.String(), nil
}

// raise raises the margin of a city's bakeries in a transaction.
func raise(ctx context.Context, db *sqlx.DB, city string) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if _, err := tx.NamedExecContext(ctx, "UPDATE bakery SET margin = margin + 0.01 WHERE city = :city", map[string]any{"city": city}); err != nil {
		return err
	}
	return tx.Commit()
}

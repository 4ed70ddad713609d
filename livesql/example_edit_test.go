package livesql_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vantage-go/live/livesql"
)

// An edit session is a copy of a row of a live table, for a form: it knows what
// was changed in it, hears of what others change, and saves in the background.
func ExampleOpenTable_edit() {
	ctx := context.Background()
	db, done := shop(ctx)
	defer done()

	type Bakery struct {
		ID   int64  `db:"id,pk"`
		Name string `db:"name"`
		City string `db:"city"`
	}
	bakeries, err := livesql.OpenTable[int64, Bakery](ctx, db, "bakery")
	check(err)
	defer bakeries.Close()

	e, err := bakeries.Edit(1)
	check(err)
	defer e.Close()
	before := e.V.Name
	e.V.Name = "Rye and Shine"
	fmt.Println(e.Modified())

	saving := e.SaveAsync()
	b, _ := bakeries.Get(1) // shows it at once
	fmt.Println(b.Name)
	result, err := saving.Wait(ctx)
	check(err)
	fmt.Println(result.Kind, result.Row.Name != before)

	e.V.City = "Tartu"
	e.Revert() // nothing left to save
	result, err = e.Save(ctx)
	check(err)
	fmt.Println(result.Kind)

	// Output:
	// [name]
	// Rye and Shine
	// saved true
	// unchanged
}

// All programs that write the table count its versions, in each update. Saves take
// that for granted, and read back only what does not follow from it.
func ExampleVersionsCounted() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "livesql")
	check(err)
	defer os.RemoveAll(dir)
	db, err := livesql.Open(ctx, "sqlite", filepath.Join(dir, "shop.db"), livesql.VersionsCounted())
	check(err)
	defer db.Close()
	_, err = db.ExecContext(ctx, `
		CREATE TABLE bakery (id INTEGER PRIMARY KEY, name TEXT NOT NULL, stock INTEGER NOT NULL, version INTEGER NOT NULL);
		INSERT INTO bakery VALUES (1, 'Crust', 3, 1)`)
	check(err)

	type Bakery struct {
		ID      int64  `db:"id,pk"`
		Name    string `db:"name"`
		Stock   int    `db:"stock"`
		Version int64  `db:"version,version"`
	}
	bakeries, err := livesql.OpenTable[int64, Bakery](ctx, db, "bakery")
	check(err)
	defer bakeries.Close()
	e, err := bakeries.Edit(1)
	check(err)
	defer e.Close()

	// Somebody else writes, and counts.
	_, err = db.ExecContext(ctx, "UPDATE bakery SET stock = 2, version = version + 1 WHERE id = 1")
	check(err)
	e.V.Name = "Rye"
	result, err := e.Save(ctx) // merged, as the version tells
	check(err)
	fmt.Println(result.Row)
	e.V.Name = "Rye and Shine"
	result, err = e.Save(ctx)
	check(err)
	fmt.Println(result.Row)

	// Output:
	// {1 Rye 2 3}
	// {1 Rye and Shine 2 4}
}

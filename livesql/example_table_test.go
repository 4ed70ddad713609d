package livesql_test

import (
	"context"
	"fmt"

	"github.com/vantage-go/live/livesql"
)

// A live query is the result of a SELECT, kept current. The pk tag tells its rows
// apart.
func ExampleWatch() {
	ctx := context.Background()
	db, done := shop(ctx)
	defer done()

	type City struct {
		Name     string `db:"city,pk"`
		Bakeries int    `db:"bakeries"`
	}
	cities, err := livesql.Watch[City](ctx, db, livesql.Query("SELECT city, count(*) AS bakeries FROM bakery GROUP BY city"))
	check(err)
	defer cities.Close()

	_, err = db.ExecContext(ctx, "INSERT INTO bakery(name, city) VALUES ('Oven', 'Riga')") // or another program
	check(err)
	for range cities.Changes() { // when there is a new version
		for c := range cities.All() {
			if c.Name == "Riga" && c.Bakeries > 1 {
				fmt.Println(c.Name, c.Bakeries)
				return
			}
		}
	}

	// Output: Riga 2
}

// A window shows a part of a table that is too large to be held in memory: the
// rows that are visible, in order, and how many there are.
func ExampleOpenWindow() {
	ctx := context.Background()
	db, done := shop(ctx)
	defer done()

	type Bakery struct {
		ID   int64  `db:"id"`
		Name string `db:"name"`
		City string `db:"city"`
	}
	_, err := db.ExecContext(ctx, `INSERT INTO bakery(name, city)
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 499) SELECT printf('Oven %03d', i), 'Liepaja' FROM n`)
	check(err)
	bakeries, err := livesql.OpenWindow[int64, Bakery](ctx, db, "bakery", livesql.Where("city = ?", "Liepaja"), livesql.OrderBy("name DESC"))
	check(err)
	defer bakeries.Close()

	total, kind := bakeries.Total()
	fmt.Println(kind, total)
	if _, ok := bakeries.Row(250); !ok {
		fmt.Println("it is not there yet")
	}
	bakeries.SetViewport(250, 252) // a user scrolls
	for range bakeries.Changes() {
		page := bakeries.Snapshot() // all of it is of one moment
		if _, ok := page.Row(250); !ok {
			continue
		}
		for i, b := range page.Rows(250, 252) {
			fmt.Println(i, b.Name)
		}
		break
	}

	_, err = db.ExecContext(ctx, "DELETE FROM bakery WHERE name = 'Oven 499'") // or another program
	check(err)
	check(bakeries.Sync(ctx))
	first, _ := bakeries.Row(250)
	total, _ = bakeries.Total()
	fmt.Println(250, first.Name, "of", total)

	// Output:
	// exact 500
	// it is not there yet
	// 250 Oven 249
	// 251 Oven 248
	// 250 Oven 248 of 499
}

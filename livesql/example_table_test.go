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

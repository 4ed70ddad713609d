package livesql_test

import (
	"context"
	"fmt"

	"github.com/vantage-go/live/livesql"
)

// A subscription hears of everything that anybody commits. What it tells are
// keys: whoever wants the rows, reads them.
func ExampleDB_Feed() {
	ctx := context.Background()
	db, done := shop(ctx)
	defer done()
	check(db.WaitCached(ctx, "SELECT * FROM bakery"))

	changes := db.Feed().Follow()
	defer changes.Close()

	_, err := db.ExecContext(ctx, "UPDATE bakery SET name = 'Rye' WHERE id = 2")
	check(err)
	_, err = db.ExecContext(ctx, "DELETE FROM bakery WHERE id = 1")
	check(err)

	for left := 2; left > 0; {
		batch, err := changes.Next(ctx)
		check(err)
		for _, c := range batch.Changes {
			fmt.Printf("%c %v %v\n", c.Op, c.Table, c.Key)
			left--
		}
	}

	// Output:
	// U main.bakery 2
	// D main.bakery 1
}

// One process writes and gets a token; the other, which is given it, reads what
// the first has written.
func ExampleWaitFor() {
	ctx := context.Background()
	db, done := shop(ctx)
	defer done()
	check(db.WaitCached(ctx, "SELECT * FROM bakery"))

	_, err := db.ExecContext(ctx, "UPDATE bakery SET name = 'Rye' WHERE id = 1")
	check(err)
	token, err := db.Feed().Token(ctx)
	check(err)

	// In the other process:
	var name string
	check(db.QueryRowContext(livesql.WaitFor(ctx, token), "SELECT name FROM bakery WHERE id = ?", 1).Scan(&name))
	fmt.Println(name)

	// Output:
	// Rye
}

package livesql_test

import (
	"context"
	"fmt"

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

package testdb_test

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/vantage-go/live/testdb"
)

// margin is the code under test. It knows nothing of livesql.
func margin(ctx context.Context, db *sql.DB, id int) (margin float64, err error) {
	err = db.QueryRowContext(ctx, "SELECT profit_margin FROM bakery WHERE id = $1", id).Scan(&margin)
	return margin, err
}

// A read is asked once. When another program has changed the table, it is
// asked again.
func ExampleMock() {
	// t is the *testing.T of the test.
	ctx := context.Background()
	m := testdb.Mock(t, testdb.Tables("bakery"))
	expect := func(margin float64) {
		m.ExpectQuery("SELECT profit_margin FROM bakery").WithArgs(7).
			WillReturnRows(m.NewRows([]string{"profit_margin"}).AddRow(margin))
	}

	expect(0.2)
	for range 3 {
		fmt.Println(margin(ctx, m.DB.DB, 7))
	}
	m.Feed.Change("bakery", 7)
	expect(0.3)
	fmt.Println(margin(ctx, m.DB.DB, 7))
	fmt.Println("hits:", m.CacheStats().Hits)
	// Output:
	// 0.2 <nil>
	// 0.2 <nil>
	// 0.2 <nil>
	// 0.3 <nil>
	// hits: 2
}

// When the change feed is lost, nothing is answered from memory. When it is
// back, what has not changed meanwhile is served again.
func ExampleFeed_Lose() {
	// t is the *testing.T of the test.
	ctx := context.Background()
	m := testdb.Mock(t, testdb.Tables("bakery"))
	expect := func(margin float64) {
		m.ExpectQuery("SELECT profit_margin").WillReturnRows(m.NewRows([]string{"profit_margin"}).AddRow(margin))
	}

	expect(0.2)
	fmt.Println(margin(ctx, m.DB.DB, 7))
	m.Feed.Lose(nil)
	expect(0.2)
	fmt.Println(margin(ctx, m.DB.DB, 7)) // asks, and is not kept
	m.Feed.Restore()
	fmt.Println(margin(ctx, m.DB.DB, 7))
	fmt.Println("hits:", m.CacheStats().Hits)
	// Output:
	// 0.2 <nil>
	// 0.2 <nil>
	// 0.2 <nil>
	// hits: 1
}

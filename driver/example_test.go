package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"

	"github.com/vantage-go/live/driver"
)

// loud is a policy that tells which statements a connection was sent.
type loud struct{ bystander }

func (l loud) Open() driver.Session { return l }

func (loud) Classify(query string) driver.Statement { return query }

func (loud) Query(_ context.Context, st driver.Statement, args []sqldriver.NamedValue, _ driver.Path) (sqldriver.Rows, driver.Call, error) {
	fmt.Printf("query %s with %d arguments\n", st, len(args))
	return nil, nil, nil // nothing to add: the inner driver answers
}

func (loud) Executed(_ context.Context, st driver.Statement, _ []sqldriver.NamedValue, err error) {
	fmt.Printf("exec %s: %v\n", st, err)
}

func ExampleWrap() {
	db := sql.OpenDB(driver.Wrap(idle{}, loud{}))
	defer db.Close()

	var n int
	if err := db.QueryRow("SELECT n FROM t WHERE id = ?", 7).Scan(&n); err != nil {
		fmt.Println(err)
	}
	if _, err := db.Exec("UPDATE t SET n = n + 1"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// query SELECT n FROM t WHERE id = ? with 1 arguments
	// exec UPDATE t SET n = n + 1: <nil>
}

func ExampleRawConn() {
	db := sql.OpenDB(driver.Wrap(idle{}, nil))
	defer db.Close()

	ctx := context.Background()
	c, err := db.Conn(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	err = c.Raw(func(wrapped any) error {
		return wrapped.(driver.RawConn).Raw(ctx, func(inner sqldriver.Conn) error {
			fmt.Printf("%T\n", inner)
			return nil
		})
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// driver_test.idle
}

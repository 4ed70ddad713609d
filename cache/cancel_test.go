package cache_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// unhurried is a database that takes its time for each row, and does not look at
// the context of a query once it was sent: as that of SQLite.
type unhurried struct {
	swapped
	rows func() sqldriver.Rows
}

type unhurriedConn struct {
	*storeConn
	rows func() sqldriver.Rows
}

func (u *unhurried) Connect(context.Context) (sqldriver.Conn, error) {
	return &unhurriedConn{&storeConn{u.store}, u.rows}, nil
}

func (c *unhurriedConn) QueryContext(context.Context, string, []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return c.rows(), nil
}

// countedRows come to an end at the latest after a thousand.
type countedRows struct {
	storeRows
	read int
	each func(n int)
}

func (r *countedRows) Next(dest []sqldriver.Value) error {
	if r.read++; r.read <= 1000 {
		r.done = false
		r.each(r.read)
	}
	return r.storeRows.Next(dest)
}

// TestCancelledFill: a program that gives a query up gets its goroutine back, though
// the result was to be read to its end before the first row.
func TestCancelledFill(t *testing.T) {
	t.Parallel()
	for _, through := range []string{"a fill", "a comparison"} {
		t.Run(through, func(t *testing.T) {
			t.Parallel()
			each := func(int) {}
			var rows *countedRows
			u := &unhurried{swapped: swapped{store: newStore("v")}, rows: func() sqldriver.Rows {
				rows = &countedRows{storeRows: storeRows{value: []byte("v")}, each: func(n int) { each(n) }}
				return rows
			}}
			config := cache.Config{Lease: time.Hour}
			if through == "a comparison" {
				config.Verify = 1
			}
			c, err := cache.New(u, nil, config)
			if err != nil {
				t.Fatal(err)
			}
			db := sql.OpenDB(driver.Wrap(u, c))
			defer db.Close()
			c.Apply(listen.Batch{Sent: time.Now(), Reset: "started"})
			if config.Verify > 0 {
				read(t, db)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			each = func(n int) {
				if n == 3 {
					cancel()
				}
			}
			var v string
			if err := db.QueryRowContext(ctx, query).Scan(&v); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if rows.read > 4 {
				t.Errorf("%d rows were read, of which the program had given up the fourth", rows.read)
			}
		})
	}
}

package demo

import (
	"context"
	"fmt"

	"github.com/vantage-go/live/livesql"
)

// What the scenes do with the sample data: customers order products, and
// livesql knows nothing of it but what the schema says.

// sampleRead and sampleUpdate read and write one value, here and in the other
// process.
const (
	sampleRead   = "SELECT company_name FROM customers WHERE id = 1"
	sampleUpdate = "UPDATE customers SET company_name = ? WHERE id = 1"
)

// sampleQuery is a query that is measured. Touch is a write that makes its
// result unknown without changing it.
type sampleQuery struct {
	title, text string
	args        []any
	columns     int
	touch       string
}

var sampleQueries = []sampleQuery{
	{
		title: "one product by its key", columns: 3,
		text:  "SELECT name, unit_price, units_in_stock FROM products WHERE id = ?",
		args:  []any{11},
		touch: "UPDATE products SET name = name WHERE id = 11",
	},
	{
		title: "the lines of an order, four tables", columns: 4,
		text: `SELECT p.name, c.name, d.quantity, d.unit_price
			FROM orders o
			JOIN order_details d ON d.order_id = o.id
			JOIN products p ON p.id = d.product_id
			JOIN categories c ON c.id = p.category_id
			WHERE o.id = ? ORDER BY p.name`,
		args:  []any{10255},
		touch: "UPDATE order_details SET quantity = quantity WHERE order_id = 10255",
	},
	{
		title: "turnover by country, through a view", columns: 3,
		text: `SELECT c.country, count(*), round(sum(t.total), 2)
			FROM order_totals t JOIN customers c ON c.id = t.customer_id
			GROUP BY c.country ORDER BY 3 DESC`,
		touch: "UPDATE customers SET phone = phone WHERE id = 1",
	},
}

// sampleWrite is a way of writing, with a query whose answer each write
// changes.
type sampleWrite struct {
	title, read string
	write       func(ctx context.Context, db *livesql.DB, round int) error
}

var sampleWrites = []sampleWrite{
	{"UPDATE", sampleRead, func(ctx context.Context, db *livesql.DB, round int) error {
		_, err := db.ExecContext(ctx, sampleUpdate, fmt.Sprint("Alfreds ", round))
		return err
	}},
	{"UPDATE in a transaction", sampleRead, inTx(func(round int) []statement {
		return []statement{{sampleUpdate, []any{fmt.Sprint("Alfreds & Co ", round)}}}
	})},
	{"INSERT … RETURNING, read with count(*)", "SELECT count(*) FROM shippers WHERE phone IS NULL", func(ctx context.Context, db *livesql.DB, _ int) error {
		var id int64
		return db.QueryRowContext(ctx, "INSERT INTO shippers(company_name) VALUES ('Demo') RETURNING id").Scan(&id)
	}},
	{"UPDATE, read through a view", "SELECT total FROM order_totals WHERE order_id = 10255", func(ctx context.Context, db *livesql.DB, round int) error {
		more := 1 - 2*(round%2) // one more, one less
		_, err := db.ExecContext(ctx, "UPDATE order_details SET quantity = quantity + ? WHERE order_id = 10255", more)
		return err
	}},
	{"DELETE, read where it cascades to", "SELECT count(*) FROM order_details WHERE order_id = -1", inTx(func(round int) []statement {
		if round%2 == 1 {
			return []statement{{"DELETE FROM orders WHERE id = -1", nil}}
		}
		return []statement{
			{`INSERT INTO orders(id, customer_id, shipper_id, ordered_at, required_at, freight, ship_name, ship_street, ship_city, ship_country)
				SELECT -1, customer_id, shipper_id, ordered_at, required_at, freight, ship_name, ship_street, ship_city, ship_country
				FROM orders WHERE id = 10255`, nil},
			{"INSERT INTO order_details SELECT -1, product_id, unit_price, quantity, discount FROM order_details WHERE order_id = 10255", nil},
		}
	})},
}

// sampleUndo takes back what the scenes have written, but for the value of
// sampleRead. Quantities are even again after an even number of rounds.
var sampleUndo = []string{
	"DELETE FROM orders WHERE id = -1",
	"DELETE FROM shippers WHERE company_name = 'Demo'",
}

// statement is a statement with its arguments.
type statement struct {
	text string
	args []any
}

// inTx executes statements in a transaction.
func inTx(statements func(round int) []statement) func(context.Context, *livesql.DB, int) error {
	return func(ctx context.Context, db *livesql.DB, round int) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // after Commit it does nothing
		for _, st := range statements(round) {
			if _, err := tx.ExecContext(ctx, st.text, st.args...); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
}

// sampleStatement is a statement to explain.
type sampleStatement struct {
	text string
	// cached is what is expected, read whether it can be tried out.
	cached, read bool
}

var sampleStatements = []sampleStatement{
	{text: "SELECT * FROM products WHERE id = 11", cached: true},
	{text: "SELECT total FROM order_totals WHERE order_id = 10255", cached: true},
	{text: "WITH c AS (SELECT country FROM customers) SELECT count(*) FROM c", cached: true},
	{text: "SELECT upper(company_name) FROM suppliers ORDER BY city LIMIT 3", cached: true},
	{text: "SELECT name FROM products ORDER BY random() LIMIT 1", read: true},
	{text: "SELECT count(*) FROM orders WHERE ordered_at < datetime('now')", read: true},
	{text: "SELECT total_changes()", read: true},
	{text: "SELECT name FROM sqlite_schema", read: true},
	{text: "PRAGMA table_info(products)", read: true},
	{text: "EXPLAIN QUERY PLAN SELECT * FROM products", read: true},
	{text: "UPDATE products SET units_in_stock = 0 WHERE id = 11"},
	{text: "DELETE FROM orders WHERE id = -1"},
	{text: "CREATE INDEX by_price ON products(unit_price)"},
}

// sampleWatched are the queries whose answers are shown after the show.
var sampleWatched = []string{
	sampleRead,
	"SELECT count(*) FROM orders",
	"SELECT round(sum(total), 2) FROM order_totals",
}

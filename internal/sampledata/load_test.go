//go:build unix

package sampledata_test

import (
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/vantage-go/live/internal/sampledata"
	"github.com/vantage-go/live/testdb/server"
)

// engines are empty databases of all kinds.
var engines = map[sampledata.Engine]func(t *testing.T) *sql.DB{
	sampledata.SQLite: func(t *testing.T) *sql.DB {
		t.Helper()
		return open(t, "sqlite", server.SQLite(t)+"?_pragma=foreign_keys(1)")
	},
	sampledata.Postgres: func(t *testing.T) *sql.DB {
		t.Helper()
		return server.Postgres(t).DB()
	},
	sampledata.MySQL: func(t *testing.T) *sql.DB {
		t.Helper()
		return open(t, "mysql", server.MariaDB(t).SocketDSN("parseTime=true"))
	},
}

func open(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func load(t *testing.T, e sampledata.Engine) *sql.DB {
	t.Helper()
	db := engines[e](t)
	begin := time.Now()
	if err := sampledata.Load(t.Context(), db, e); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: loaded in %v", e, time.Since(begin))
	return db
}

// queries with the answers that the published Northwind gives.
var queries = []struct {
	sql  string
	want string
}{
	{"SELECT COUNT(*) FROM categories", "8"},
	{"SELECT COUNT(*) FROM suppliers", "29"},
	{"SELECT COUNT(*) FROM shippers", "3"},
	{"SELECT COUNT(*) FROM products", "77"},
	{"SELECT COUNT(*) FROM customers", "91"},
	{"SELECT COUNT(*) FROM orders", "830"},
	{"SELECT COUNT(*) FROM order_details", "2155"},
	{"SELECT COUNT(*) FROM orders WHERE shipped_at IS NULL", "21"},
	{"SELECT COUNT(*) FROM products WHERE discontinued", "8"},
	{"SELECT SUM(total) FROM order_totals", "1265793.04"},
	{"SELECT SUM(freight) FROM orders", "64942.69"},
	{"SELECT COUNT(DISTINCT country) FROM customers", "21"},
	{"SELECT company_name, city FROM customers WHERE code = 'BOLID'", "Bólido Comidas preparadas|Madrid"},
	{
		"SELECT c.company_name, SUM(t.total) FROM order_totals t JOIN customers c ON c.id = t.customer_id GROUP BY c.id, c.company_name ORDER BY 2 DESC LIMIT 3",
		"QUICK-Stop|110277.31\nErnst Handel|104874.98\nSave-a-lot Markets|104361.95",
	},
	{
		"SELECT g.name, COUNT(*), SUM(d.quantity) FROM order_details d JOIN products p ON p.id = d.product_id JOIN categories g ON g.id = p.category_id GROUP BY g.id, g.name ORDER BY 3 DESC LIMIT 2",
		"Beverages|404|9532\nDairy Products|366|9149",
	},
	{
		"SELECT s.company_name, COUNT(*) FROM orders o JOIN shippers s ON s.id = o.shipper_id WHERE o.ordered_at >= '1997-01-01' AND o.ordered_at < '1998-01-01' GROUP BY s.id, s.company_name ORDER BY 2",
		"Federal Shipping|122\nSpeedy Express|133\nUnited Package|153",
	},
	{
		"SELECT o.id, o.ordered_at, o.freight, p.name, d.unit_price, d.quantity FROM orders o JOIN order_details d ON d.order_id = o.id JOIN products p ON p.id = d.product_id WHERE o.id = 10248 ORDER BY p.id",
		"10248|1996-07-04 00:00|32.38|Queso Cabrales|14|12\n10248|1996-07-04 00:00|32.38|Singaporean Hokkien Fried Mee|9.8|10\n10248|1996-07-04 00:00|32.38|Mozzarella di Giovanni|34.8|5",
	},
}

func TestEnginesAgree(t *testing.T) {
	for e := range engines {
		t.Run(string(e), func(t *testing.T) {
			db := load(t, e)
			for _, q := range queries {
				if got := answer(t, db, q.sql); got != q.want {
					t.Errorf("%s\ngot  %q\nwant %q", q.sql, got, q.want)
				}
			}
		})
	}
}

// answer is the result of a query in a form that does not depend on how the
// engine represents exact numbers.
func answer(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		fields := make([]string, len(values))
		for i, v := range values {
			fields[i] = normal(v)
		}
		lines = append(lines, strings.Join(fields, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func normal(v any) string {
	switch v := v.(type) {
	case []byte:
		return normal(string(v))
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return normal(f)
		}
		return v
	case float64:
		return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	case time.Time:
		return v.Format("2006-01-02 15:04")
	}
	return fmt.Sprint(v)
}

func TestTypesKeysAndActions(t *testing.T) {
	for e := range engines {
		t.Run(string(e), func(t *testing.T) {
			ctx, db := t.Context(), load(t, e)
			var shipped sql.Null[time.Time]
			var ordered time.Time
			var discontinued bool
			err := db.QueryRowContext(ctx, "SELECT o.ordered_at, o.shipped_at, p.discontinued FROM orders o, products p WHERE o.id = 11008 AND p.id = 5").Scan(&ordered, &shipped, &discontinued)
			if err != nil {
				t.Fatal(err)
			}
			if want := time.Date(1998, 4, 8, 0, 0, 0, 0, time.UTC); !ordered.Equal(want) || shipped.Valid || !discontinued {
				t.Errorf("ordered %v, shipped %v, discontinued %v", ordered, shipped, discontinued)
			}
			if _, err := db.ExecContext(ctx, "INSERT INTO shippers (company_name) VALUES ('New')"); err != nil {
				t.Fatal(err)
			}
			if got := answer(t, db, "SELECT id FROM shippers WHERE company_name = 'New'"); got != "4" {
				t.Errorf("the id of a new row is %s, want 4", got)
			}
			for _, bad := range []string{
				"UPDATE products SET supplier_id = 99 WHERE id = 1",                            // foreign key
				"DELETE FROM customers WHERE id = 1",                                           // has orders
				"UPDATE customers SET code = 'ANATR' WHERE id = 1",                             // unique
				"UPDATE products SET unit_price = -1 WHERE id = 1",                             // check
				"INSERT INTO order_details VALUES (10248, 11, 1, 1, 0)",                        // key
				"INSERT INTO shippers (company_name) VALUES (NULL)",                            // not null
				"UPDATE order_details SET quantity = 0 WHERE order_id = 10248",                 // check
				"UPDATE order_details SET discount = 2 WHERE order_id = 10248",                 // check
				"INSERT INTO order_details VALUES (1, 11, 1, 1, 0)",                            // no such order
				"INSERT INTO categories (name) VALUES ('Beverages')",                           // unique
				"DELETE FROM products WHERE id IN (SELECT product_id FROM order_details)",      // sold
				"DELETE FROM shippers WHERE id = 1",                                            // has orders
				"UPDATE orders SET customer_id = 0 WHERE id = 10248",                           // foreign key
				"DELETE FROM suppliers WHERE id IN (SELECT supplier_id FROM products)",         // supplies
				"UPDATE products SET category_id = NULL WHERE id = 1",                          // not null
				"INSERT INTO order_totals (order_id, customer_id, total) VALUES (10248, 1, 1)", // a view
			} {
				if _, err := db.ExecContext(ctx, bad); err == nil {
					t.Errorf("%s was allowed", bad)
				}
			}
			if _, err := db.ExecContext(ctx, "DELETE FROM orders WHERE id = 10248"); err != nil {
				t.Fatal(err)
			}
			if got := answer(t, db, "SELECT COUNT(*) FROM order_details"); got != "2152" {
				t.Errorf("%s details after the deletion of an order with 3, want 2152", got)
			}
			if err := sampledata.Load(ctx, db, e); err == nil {
				t.Error("loaded twice")
			}
		})
	}
}

// The limit holds for a machine that is ours, without the race detector, which
// makes the SQLite driver about ten times slower.
func TestSQLiteLoadsInTime(t *testing.T) {
	best := time.Hour
	for range 3 {
		db := engines[sampledata.SQLite](t)
		factor := server.Slowdown(t)
		begin := time.Now()
		if err := sampledata.Load(t.Context(), db, sampledata.SQLite); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		factor = max(factor, server.Slowdown(t))
		t.Logf("loaded in %v on a machine slowed down by a factor of %.1f", took, factor)
		best = min(best, time.Duration(float64(took)/factor))
	}
	if limit := raceFactor * time.Second; best > limit {
		t.Errorf("loading took %v, want less than %v", best, limit)
	}
}

// An error in the middle leaves nothing where CREATE can be rolled back.
func TestFailedLoadLeavesNothing(t *testing.T) {
	for _, e := range []sampledata.Engine{sampledata.SQLite, sampledata.Postgres} {
		db := engines[e](t)
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE order_details (id int)"); err != nil {
			t.Fatal(err)
		}
		if err := sampledata.Load(t.Context(), db, e); err == nil || !strings.Contains(err.Error(), "CREATE TABLE order_details") {
			t.Errorf("%s: %v", e, err)
		}
		if _, err := db.ExecContext(t.Context(), "SELECT * FROM categories"); err == nil {
			t.Errorf("%s: a table is left", e)
		}
	}
}

func TestUnknownEngine(t *testing.T) {
	if _, err := sampledata.DDL("oracle"); err == nil {
		t.Error("no error")
	}
	if err := sampledata.Load(t.Context(), nil, "oracle"); err == nil {
		t.Error("no error")
	}
}

func TestTablesComeInTheOrderOfTheirReferences(t *testing.T) {
	seen := map[string]bool{}
	ddl, err := sampledata.DDL(sampledata.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	for _, stmt := range ddl {
		name, isTable := strings.CutPrefix(stmt, "CREATE TABLE ")
		if !isTable {
			continue
		}
		name, body, _ := strings.Cut(name, " ")
		for _, reference := range strings.Split(body, "REFERENCES ")[1:] {
			if target, _, _ := strings.Cut(reference, " "); !seen[target] {
				t.Errorf("%s refers to %s, which comes later", name, target)
			}
		}
		seen[name] = true
	}
	if len(seen) != len(sampledata.Tables()) {
		t.Errorf("DDL makes %d tables, Tables has %d", len(seen), len(sampledata.Tables()))
	}
}

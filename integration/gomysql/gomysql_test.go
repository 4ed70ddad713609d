package gomysql_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"github.com/vantage-go/live/integration/gomysql"
	"github.com/vantage-go/live/internal/sampledata"
)

func open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", gomysql.Start(t)+"?parseTime=true")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

type execer interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

func mustExec(t *testing.T, db execer, stmt string, args ...any) sql.Result {
	t.Helper()
	res, err := db.ExecContext(t.Context(), stmt, args...)
	if err != nil {
		t.Fatalf("%s: %v", stmt, err)
	}
	return res
}

func count(t *testing.T, db *sql.DB, query string) (n int64) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestTalksToTheDriver(t *testing.T) {
	ctx := t.Context()
	begin := time.Now()
	db := open(t)
	if err := db.PingContext(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("a server takes %v", time.Since(begin))
	mustExec(t, db, "CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20), at DATETIME(6))")
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	res := mustExec(t, db, "INSERT INTO t (name, at) VALUES (?, ?), (?, ?)", "a", at, nil, at)
	if id, err := res.LastInsertId(); err != nil || id != 1 {
		t.Errorf("the last id is %d (error %v), want the first of the statement", id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 2 {
		t.Errorf("%d rows affected (error %v), want 2", n, err)
	}
	var name sql.Null[string]
	var got time.Time
	if err := db.QueryRowContext(ctx, "SELECT name, at FROM t WHERE id = ?", 2).Scan(&name, &got); err != nil {
		t.Fatal(err)
	}
	if name.Valid || !got.Equal(at) {
		t.Errorf("read name %v, at %v", name, got)
	}

	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, tx, "DELETE FROM t")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "SELECT COUNT(*) FROM t"); n != 2 {
		t.Errorf("%d rows after a rollback, want 2", n)
	}
	mustExec(t, db, "CREATE TABLE log (id BIGINT)")
	mustExec(t, db, "CREATE TRIGGER tr AFTER UPDATE ON t FOR EACH ROW INSERT INTO log VALUES (new.id)")
	mustExec(t, db, "UPDATE t SET name = 'x'")
	if n := count(t, db, "SELECT COUNT(*) FROM log"); n != 2 {
		t.Errorf("the trigger ran for %d rows, want 2", n)
	}
}

func TestServersAreApart(t *testing.T) {
	mustExec(t, open(t), "CREATE TABLE t (id INT)")
	mustExec(t, open(t), "CREATE TABLE t (id INT)")
}

func TestLoadsTheSampleData(t *testing.T) {
	db := open(t)
	begin := time.Now()
	if err := sampledata.Load(t.Context(), db, sampledata.MySQL); err != nil {
		t.Fatal(err)
	}
	t.Logf("loaded in %v", time.Since(begin))
	for query, want := range map[string]int64{
		"SELECT COUNT(*) FROM order_details":                               2155,
		"SELECT CAST(ROUND(SUM(total) * 100) AS SIGNED) FROM order_totals": 126579304,
		"SELECT COUNT(*) FROM customers WHERE city = 'México D.F.'":        5,
		"SELECT COUNT(*) FROM orders WHERE ordered_at >= '1998-01-01'":     270,
		"SELECT COUNT(DISTINCT category_id) FROM products WHERE id > 0":    8,
	} {
		if got := count(t, db, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	for _, bad := range []string{
		"DELETE FROM customers WHERE id = 1",                // has orders
		"UPDATE products SET unit_price = -1 WHERE id = 1",  // check
		"UPDATE customers SET code = 'ANATR' WHERE id = 1",  // unique
		"INSERT INTO order_details VALUES (1, 11, 1, 1, 0)", // no such order
	} {
		if _, err := db.ExecContext(t.Context(), bad); err == nil {
			t.Errorf("%s was allowed", bad)
		}
	}
	mustExec(t, db, "DELETE FROM orders WHERE id = 10248")
	if n := count(t, db, "SELECT COUNT(*) FROM order_details"); n != 2152 {
		t.Errorf("%d details after the deletion of an order with 3, want 2152", n)
	}
}

// TestWhatIsDifferent keeps the list of the package comment true.
func TestWhatIsDifferent(t *testing.T) {
	ctx, db := t.Context(), open(t)
	mustExec(t, db, "CREATE TABLE t (id INT PRIMARY KEY, v INT)")
	mustExec(t, db, "INSERT INTO t VALUES (1, 0)")
	for _, stmt := range []string{
		"SAVEPOINT a",
		"CREATE TEMPORARY TABLE tt (id INT)",
		"CREATE USER 'x'@'%'",
		"SELECT * FROM performance_schema.data_locks",
	} {
		if _, err := db.ExecContext(ctx, stmt); err == nil {
			t.Errorf("%s works by now", stmt)
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, tx, "UPDATE t SET v = v + 1")
	mustExec(t, db, "UPDATE t SET v = v + 10") // MySQL would wait for tx here
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if v := count(t, db, "SELECT v FROM t"); v != 1 {
		t.Errorf("v is %d, want 1: the update in between is lost", v)
	}
}

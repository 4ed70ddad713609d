package conform

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

// execer is a pool, a connection or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// exec executes statements one by one. All values are literals: engines do not
// agree on placeholders, and the suites' values need no quoting.
func exec(tb testing.TB, on execer, statements ...string) {
	tb.Helper()
	for _, s := range statements {
		if _, err := on.ExecContext(tb.Context(), s); err != nil {
			tb.Fatalf("%.200s: %v", s, err)
		}
	}
}

// begin begins a transaction. It is rolled back with the test if it is still
// open then.
func begin(tb testing.TB, db *Database) *sql.Tx {
	tb.Helper()
	// Not the test's context: the clean-up runs after that has ended.
	tx, err := db.DB.BeginTx(context.Background(), nil)
	if err != nil {
		tb.Fatalf("BEGIN: %v", err)
	}
	tb.Cleanup(func() { _ = tx.Rollback() }) // it says that it was committed
	return tx
}

func commit(tb testing.TB, tx *sql.Tx) {
	tb.Helper()
	if err := tx.Commit(); err != nil {
		tb.Fatalf("COMMIT: %v", err)
	}
}

// insertItems is a statement that inserts items.
func insertItems(ver int64, ids ...int64) string {
	rows := make([]string, len(ids))
	for i, id := range ids {
		rows[i] = fmt.Sprintf("(%d, %d, 'n', %d)", id, id%7, ver)
	}
	return "INSERT INTO item(id, grp, note, ver) VALUES " + strings.Join(rows, ", ")
}

// insertRows is a statement that inserts rows into a table with the columns id
// and ver.
func insertRows(table string, ids ...int64) string {
	rows := make([]string, len(ids))
	for i, id := range ids {
		rows[i] = fmt.Sprintf("(%d, 1)", id)
	}
	return "INSERT INTO " + table + "(id, ver) VALUES " + strings.Join(rows, ", ")
}

// in is a list of ids in parentheses.
func in(ids ...int64) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = fmt.Sprint(id)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// items are the rows of item with these ids.
func items(ids ...int64) []Row { return rowsOf("item", ids...) }

func rowsOf(table string, ids ...int64) []Row {
	rows := make([]Row, len(ids))
	for i, id := range ids {
		rows[i] = Row{table, id}
	}
	return rows
}

// series returns n ids from first on.
func series(first int64, n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = first + int64(i)
	}
	return ids
}

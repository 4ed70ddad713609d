package rowset_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"github.com/vantage-go/live/internal/rowset"
)

// TestSQLite records a driver whose column types are those of the current
// row, and whose rows know their first row before Next.
func TestSQLite(t *testing.T) {
	ctx := context.Background()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, text := range []string{
		"CREATE TABLE t (id INTEGER PRIMARY KEY, any, day DATE, flag BOOLEAN, name TEXT NOT NULL)",
		"INSERT INTO t (any, day, flag, name) VALUES (1, '2024-02-29', 1, 'a'), (NULL, NULL, 0, ''), ('text', 0, 0, 'c'), (x'00ff', '12:00', 1, 'd'), (1.5, NULL, 0, 'e')",
	} {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			t.Fatal(err)
		}
	}
	const query = "SELECT any, day, flag, name, id, any, count(*) OVER () FROM t ORDER BY id"
	open := func() (rows sqldriver.Rows) {
		if err := conn.Raw(func(inner any) (err error) {
			rows, err = inner.(sqldriver.QueryerContext).QueryContext(ctx, query, nil)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	through, answers := newDB(t)
	reader := []string{"types", "next", "types", "scan any", "next", "scan raw and scribble", "types"}
	answers.answer = open
	want := read(t, through, reader)

	var set *rowset.Set
	answers.answer = func() sqldriver.Rows {
		rows, s, why := rowset.Record(open(), rowset.Budget{Bytes: 1 << 20, RowTypes: true})
		if why != nil {
			t.Fatal(why)
		}
		set = s
		return rows
	}
	if diff := cmp.Diff(want, read(t, through, reader)); diff != "" {
		t.Errorf("the recording differs (- without, + with):\n%s", diff)
	}
	answers.answer = func() sqldriver.Rows { return set.Rows() }
	if diff := cmp.Diff(want, read(t, through, reader)); diff != "" {
		t.Errorf("the replay differs (- without, + with):\n%s", diff)
	}
	answers.answer = func() sqldriver.Rows {
		rows, _, _ := rowset.Record(open(), rowset.Budget{Bytes: 1500, RowTypes: true})
		return rows
	}
	if diff := cmp.Diff(want, read(t, through, reader)); diff != "" {
		t.Errorf("the stream differs (- without, + with):\n%s", diff)
	}
}

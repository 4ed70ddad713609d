package onengines_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/table"
)

type total struct {
	Grp int64 `db:"grp,pk"`
	N   int64 `db:"n"`
}

// TestWatch: a query over two tables follows both, tells what differs, and keeps
// its own order.
func TestWatch(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, e.items("item"), "CREATE TABLE chosen (id BIGINT NOT NULL PRIMARY KEY)")
		for i := 1; i <= 6; i++ {
			r.exec(t, fmt.Sprintf("INSERT INTO item (id, grp, name) VALUES (%d, %d, 'x')", i, i%3), fmt.Sprintf("INSERT INTO chosen VALUES (%d)", i))
		}
		mark := "?"
		if e.dialect.Flavor() == dialects.Postgres {
			mark = "$1"
		}
		query := table.Query{
			Text: "SELECT count(*) AS n, grp FROM item WHERE id IN (SELECT id FROM chosen) AND name = " + mark + " GROUP BY grp ORDER BY n DESC, grp",
			Args: []any{"x"},
		}
		watch := func() *table.LiveQuery[total] {
			q, err := table.Watch[total](soon(t), r.db, query)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = q.Close() })
			return q
		}
		q, again := watch(), watch()
		if q.Schema() != again.Schema() {
			t.Error("a query that is watched twice runs twice")
		}
		expect := func(want ...total) {
			t.Helper()
			if err := q.Sync(soon(t)); err != nil {
				t.Fatal(err)
			}
			if got := slices.Collect(q.All()); !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		}
		expect(total{0, 2}, total{1, 2}, total{2, 2})
		events := q.Events(soon(t))
		r.exec(t, "DELETE FROM chosen WHERE id IN (1, 4)")
		for b, err := range events {
			if err != nil || len(b.Diffs) != 1 || b.Diffs[0].Op != table.Deleted || b.Diffs[0].Old().Grp != 1 {
				t.Errorf("%+v, %v", b.Diffs, err)
			}
			break
		}
		expect(total{0, 2}, total{2, 2})
		r.exec(t, "INSERT INTO chosen VALUES (1)", "INSERT INTO item (id, grp, name) VALUES (8, 2, 'x'), (9, 1, 'x')", "INSERT INTO chosen VALUES (8)")
		expect(total{2, 3}, total{0, 2}, total{1, 1})

		var noKey *table.NoKeyError
		if _, err := table.Watch[word](soon(t), r.db, table.Query{Text: "SELECT name, count(*) AS n FROM item GROUP BY name"}); !errors.As(err, &noKey) {
			t.Errorf("no key: %v", err)
		}
		if _, err := table.Watch[total](soon(t), r.db, table.Query{Text: "SELECT 1 AS grp, id AS n FROM item"}); !errors.As(err, &noKey) {
			t.Errorf("the same key twice: %v", err)
		}
		if _, err := table.Watch[total](soon(t), r.db, table.Query{Text: "SELECT grp AS n FROM item"}); err == nil {
			t.Error("a query without the key is watched")
		}
		if _, err := table.Watch[total](soon(t), r.db, table.Query{Text: "DELETE FROM item"}); err == nil {
			t.Error("a DELETE is watched")
		}
	})
}

// TestOrderOfQuery: a result whose rows only change places is another one.
func TestOrderOfQuery(t *testing.T) {
	t.Parallel()
	e := engines()[0]
	r := newRig(t, e, e.items("item"), "CREATE TABLE place (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)")
	r.exec(t, "INSERT INTO item (id, grp, name) VALUES (1, 1, 'a'), (2, 1, 'b')", "INSERT INTO place VALUES (1, 1), (2, 2)")
	type named struct {
		ID   int64  `db:"id,pk"`
		Name string `db:"name"`
	}
	q, err := table.Watch[named](soon(t), r.db, table.Query{Text: "SELECT item.id, name FROM item JOIN place ON place.id = item.id ORDER BY at"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	before := q.Version()
	r.exec(t, "UPDATE place SET at = 3 WHERE id = 1")
	if err := q.Sync(soon(t)); err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(q.All()); !slices.Equal(got, []named{{2, "b"}, {1, "a"}}) || q.Version() == before {
		t.Errorf("%v in version %d, before %d", got, q.Version(), before)
	}
}

// TestKeptResultThatCannotBeLoaded: what was read of a query before it failed is
// not shown.
func TestKeptResultThatCannotBeLoaded(t *testing.T) {
	t.Parallel()
	r := newRig(t, engines()[0], "CREATE TABLE numbers (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
	r.exec(t, "INSERT INTO numbers VALUES (1, 1), (2, 2), (3, 'three'), (4, 4)")
	type number struct {
		ID int64 `db:"id,pk"`
		N  int64 `db:"n"`
	}
	q, err := table.Watch[number](soon(t), r.db, table.Query{Text: "SELECT id, n FROM numbers WHERE id > 0 ORDER BY id LIMIT 2"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	expect := func(want ...number) {
		t.Helper()
		if got := slices.Collect(q.All()); !slices.Equal(got, want) {
			t.Errorf("the rows are %v, want %v", got, want)
		}
	}
	if err := q.Sync(soon(t)); err != nil {
		t.Fatal(err)
	}
	r.exec(t, "DELETE FROM numbers WHERE id = 1") // the third one comes in, which cannot be read
	ctx, cancel := context.WithTimeout(soon(t), time.Second)
	defer cancel()
	if err := q.Sync(ctx); err == nil {
		t.Error("everything is shown, it says")
	}
	expect(number{1, 1}, number{2, 2})
	r.exec(t, "UPDATE numbers SET n = 3 WHERE id = 3")
	if err := q.Sync(soon(t)); err != nil {
		t.Fatal(err)
	}
	expect(number{2, 2}, number{3, 3})
}

package onengines_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/table"
)

// byDay is told apart by a date, which drivers read as a time.
type byDay struct {
	Day string `db:"day,pk"`
	N   int64  `db:"n"`
}

// TestDateKeysInTexts: a row whose key is a date in a field for texts goes when it
// is deleted, also when the table has got another column since.
func TestDateKeysInTexts(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, "CREATE TABLE days (day DATE NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
		r.exec(t, "INSERT INTO days VALUES ('2026-01-31', 1), ('2026-02-01', 2), ('2026-02-02', 3)")
		days := live[string, byDay](t, r, "days")
		plain, err := table.OpenPlain[string, byDay](soon(t), r.db, "days")
		if err != nil {
			t.Fatal(err)
		}
		compare := func() {
			t.Helper()
			synchronize(t, days)
			rows, err := plain.List(soon(t))
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]byDay{}
			for _, row := range rows {
				want[row.Day] = row
			}
			if got := maps.Collect(days.All()); !maps.Equal(got, want) {
				t.Errorf("the days are %v, want %v", got, want)
			}
		}
		r.exec(t, "UPDATE days SET n = 3 WHERE day = '2026-01-31'", "DELETE FROM days WHERE day = '2026-02-01'")
		compare()
		r.exec(t, "ALTER TABLE days ADD COLUMN more BIGINT")
		compare()
		r.exec(t, "DELETE FROM days WHERE day = '2026-02-02'")
		compare()
	})
}

// TestWatchedDateKeys: so does a row of a query.
func TestWatchedDateKeys(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, "CREATE TABLE days (day DATE NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
		r.exec(t, "INSERT INTO days VALUES ('2026-01-31', 1), ('2026-02-01', 2)")
		q, err := table.Watch[byDay](soon(t), r.db, table.Query{Text: "SELECT day, n FROM days WHERE n > 0"})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = q.Close() }()
		if err := q.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		r.exec(t, "DELETE FROM days WHERE day = '2026-02-01'")
		if err := q.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		if q.Len() != 1 {
			t.Errorf("there are %d days, want 1", q.Len())
		}
		r.exec(t, "UPDATE days SET n = -1")
		if err := q.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		if q.Len() != 0 {
			t.Errorf("there are %d days, want none", q.Len())
		}
	})
}

// TestArgsAreTaken: a slice of arguments may be used again.
func TestArgsAreTaken(t *testing.T) {
	t.Parallel()
	e := engines()[0]
	r := newRig(t, e, "CREATE TABLE days (day BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
	r.exec(t, "INSERT INTO days VALUES (1, 1), (2, 2)")
	type row struct {
		Day int64 `db:"day,pk"`
		N   int64 `db:"n"`
	}
	args := []any{int64(0)}
	var qs []*table.LiveQuery[row]
	for i := range 2 {
		args[0] = int64(i + 1)
		q, err := table.Watch[row](soon(t), r.db, table.Query{Text: "SELECT day, n + 0 AS n FROM days WHERE day = ?", Args: args})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = q.Close() }()
		qs = append(qs, q)
	}
	r.exec(t, "UPDATE days SET n = n + 10")
	for i, q := range qs {
		if err := q.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		for x := range q.All() {
			if x.Day != int64(i+1) {
				t.Errorf("query %d shows %v", i, x)
			}
		}
	}
}

// TestKeysBehindPointers: rows whose key is behind a pointer are the same when they
// are read again, although that points elsewhere.
func TestKeysBehindPointers(t *testing.T) {
	t.Parallel()
	e := engines()[0]
	r := newRig(t, e, "CREATE TABLE days (day BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
	r.exec(t, "INSERT INTO days VALUES (1, 1), (2, 2)")
	type row struct {
		Day *int64 `db:"day,pk"`
		N   int64  `db:"n"`
	}
	q, err := table.Watch[row](soon(t), r.db, table.Query{Text: "SELECT day, n FROM days"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	v := q.Version()
	r.exec(t, "UPDATE days SET n = n + 0")
	if err := q.Sync(soon(t)); err != nil {
		t.Fatal(err)
	}
	if q.Version() != v {
		t.Errorf("version %d after %d, though nothing has changed", q.Version(), v)
	}
}

// upper makes something of its own of what it scans, and the same of it again.
type upper string //nolint:recvcheck // a Valuer is a value, a Scanner a pointer

// Value is what is stored.
func (u upper) Value() (driver.Value, error) { return strings.ToLower(string(u)), nil }

// Scan makes the letters capital.
func (u *upper) Scan(v any) error {
	*u = upper(strings.ToUpper(fmt.Sprint(v)))
	return nil
}

// TestScannedKeys: a key that the change log tells is scanned as that of a row is.
func TestScannedKeys(t *testing.T) {
	t.Parallel()
	e := engines()[0]
	r := newRig(t, e, "CREATE TABLE days (day TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
	r.exec(t, "INSERT INTO days VALUES ('a', 1), ('b', 2)")
	type row struct {
		Day upper `db:"day,pk"`
		N   int64 `db:"n"`
	}
	l := live[upper, row](t, r, "days")
	r.exec(t, "DELETE FROM days WHERE day = 'a'")
	synchronize(t, l)
	if l.Len() != 1 {
		t.Errorf("%v", maps.Collect(l.All()))
	}
}

// TestRefreshBehindTheFeed: nobody waits for rows that are not read any more, because
// the feed has ended.
func TestRefreshBehindTheFeed(t *testing.T) {
	t.Parallel()
	e := engines()[0]
	r := newRig(t, e, "CREATE TABLE days (day TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
	l := live[string, byDay](t, r, "days")
	w := window[string, byDay](t, r, "days")
	if err := r.db.Feed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, refresh := range map[string]func(context.Context) error{"table": l.Refresh, "window": w.Refresh} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := refresh(ctx)
			for err == nil { // the last round may be under way
				err = refresh(ctx)
			}
			if !errors.Is(err, listen.ErrClosed) || ctx.Err() != nil {
				t.Errorf("refreshing: %v", err)
			}
		})
	}
}

package pgx_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

type (
	weekday  string
	document struct {
		A int
		B []string
	}
	// loud is a Scanner that refuses.
	loud struct{ got any }
	// digits takes a number from pgx, and not from database/sql.
	digits struct{ n int64 }
)

var errLoud = errors.New("refused")

func (l *loud) Scan(v any) error {
	l.got = v
	return errLoud
}

func (d *digits) ScanInt64(n pgtype.Int8) error {
	d.n = n.Int64
	return nil
}

// TestScan: whatever Scan is given, it gets from memory what the database gives. Since
// Go 1.27 pgx scans into some destinations by itself; before, they are errors,
// which are the same, too.
func TestScan(t *testing.T) {
	d := server.Postgres(t)
	if _, err := d.DB().ExecContext(t.Context(), "CREATE TABLE anchor (id int); INSERT INTO anchor VALUES (1), (2)"); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("pgx", d.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	live, err := livesql.Open(t.Context(), "pgx", d.DSN(), calm(livesql.AutoInstall())...)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()

	values := []string{
		"true", "42::int2", "-42::int4", "42::int8", "1.5::float4", "1.1::float8", "4000000000::oid", "1.25::numeric",
		"'text'::text", "'x'::char(3)", "decode('6162', 'hex')", `'{"A": 1, "B": ["x"]}'::json`, `'{"A": 1, "B": ["x"]}'::jsonb`,
		"'2026-11-27'::date", "'infinity'::date", "'2026-11-27 10:11:12'::timestamp", "'2026-11-27 10:11:12+05:30'::timestamptz",
		"'1 day 02:03:04'::interval", "'a1b2c3d4-0000-4000-8000-00000000000f'::uuid", "'10.1.2.3'::inet", "'<a/>'::xml",
		"array['John', 'Jane']::text[]", "array[1, 2, 3]", "array[1, 2, 3]::int2[]", "'{{1,2},{3,4}}'::int8[]", "int4range(1, 5)", "'(1,2)'::point",
		"NULL::int4", "NULL::text[]", "NULL::jsonb",
	}
	destinations := []func() any{
		into[string], into[weekday], into[[]byte], into[sql.RawBytes], into[any], into[int64], into[int8], into[uint32], into[bool], into[float64],
		into[time.Time], into[time.Duration], into[*string], into[**any], into[sql.NullString], into[sql.Null[int64]], into[*sql.NullTime], into[loud],
		into[[]string], into[[]*string], into[[]int], into[[3]int64], into[[16]byte], into[[]any], into[document], into[map[string]any], into[digits],
		into[pgtype.Int4], into[pgtype.Text], into[pgtype.Timestamptz], into[pgtype.Interval], into[pgtype.Array[int64]], into[pgtype.FlatArray[byte]],
		into[pgtype.FlatArray[string]], into[pgtype.Range[pgtype.Int4]], into[pgtype.Point], into[pgtype.PreallocBytes], into[pgtype.DriverBytes],
		func() any { return nil }, func() any { return (*[]string)(nil) }, // nil pointers that database/sql converts into made it panic before Go 1.27
		func() any { return "no pointer" },
	}
	natively := 0
	for _, value := range values {
		query := "SELECT id, " + value + " FROM anchor WHERE id < 3 ORDER BY id"
		soon, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		err := live.WaitCached(soon, query)
		cancel()
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		for _, dest := range destinations {
			before := live.CacheStats()
			want := compare(t, query, dest,
				func() outcome { return scanned(t.Context(), raw, query, dest) },
				func() outcome { return scanned(t.Context(), live.DB, query, dest) })
			if after := live.CacheStats(); after.Hits == before.Hits {
				t.Errorf("%s into %T: nothing came from memory", value, dest())
			}
			if slice, ok := dest().(*[]string); ok && slice != nil && want.err == "" {
				natively++
			}
		}
	}
	if natively > 0 {
		t.Logf("pgx scans natively")
		onAShell(t, d)
	}
}

// compare requires that memory gives what the database gives, twice, since the first may
// be a fill. Of NULL pgx scans what any type can make of it that the destination can take, the
// first that it comes across in a map, whose order is none: some of them make an
// error of it, and what is seldom for the one need not come to the other within any number of
// tries. So both are asked until they agree.
func compare(t *testing.T, query string, dest func() any, fromDatabase, fromMemory func() outcome) (want outcome) {
	t.Helper()
	tries := 1
	if strings.Contains(query, "NULL::") {
		tries = 100
	}
	for range 2 {
		var got outcome
		for range tries {
			want, got = fromDatabase(), fromMemory()
			if reflect.DeepEqual(got, want) {
				break
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s into %T:\n%v, want\n%v", query, dest(), got, want)
		}
	}
	return want
}

// into makes a destination.
func into[T any]() any { return new(T) }

// outcome is what Scan did.
type outcome struct {
	ids    []int
	values []any
	err    string
}

func scanned(ctx context.Context, db *sql.DB, query string, dest func() any) (o outcome) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return outcome{err: err.Error()}
	}
	defer rows.Close()
	for rows.Next() {
		var id int
		into := dest()
		if err := rows.Scan(&id, into); err != nil {
			o.err = err.Error()
		}
		o.ids = append(o.ids, id)
		if p := reflect.ValueOf(into); p.Kind() == reflect.Pointer && !p.IsNil() {
			// What shares memory with the rows ends with them.
			o.values = append(o.values, pointees(p.Elem()))
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		o.err = err.Error()
	}
	return o
}

// pointees prints what pointers point to, and not where.
func pointees(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		return "&" + pointees(v.Elem())
	case reflect.Slice, reflect.Array:
		var b strings.Builder
		if v.Kind() == reflect.Slice && v.IsNil() {
			return "none"
		}
		for i := range v.Len() {
			b.WriteString(pointees(v.Index(i)) + " ")
		}
		return b.String()
	default:
		return fmt.Sprintf("%v %v", v.Type(), v)
	}
}

// calm are the options of a handle that a busy machine does not disturb: its lease
// lasts longer than the test, and a poll may take its time.
func calm(more ...livesql.Option) []livesql.Option {
	return append([]livesql.Option{livesql.Lease(time.Minute), livesql.FeedDeadline(30 * time.Second)}, more...)
}

// onAShell reads from memory on a connection that was never dialled, which is then.
func onAShell(t *testing.T, d *server.Database) {
	t.Helper()
	live, err := livesql.Open(t.Context(), "pgx", d.DSN(), calm(livesql.AutoInstall())...)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	const query = "SELECT array['x', 'y'], id FROM anchor WHERE id = 1"
	if err := live.WaitCached(t.Context(), query); err != nil {
		t.Fatal(err)
	}
	first, err := live.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close() // so that the next one is another
	for _, conn := range []interface {
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}{first, live.DB} {
		before := live.CacheStats()
		var words []string
		var id int
		if err := conn.QueryRowContext(t.Context(), query).Scan(&words, &id); err != nil || len(words) != 2 || words[1] != "y" || id != 1 {
			t.Errorf("%q, %d, %v", words, id, err)
		}
		if after := live.CacheStats(); conn != first && after.Hits == before.Hits {
			t.Error("the second connection asked the database")
		}
	}
}

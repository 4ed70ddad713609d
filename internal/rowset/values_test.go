package rowset_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/internal/rowset"
)

func TestValuesKeepTheirTypes(t *testing.T) {
	riga := time.FixedZone("Riga", 2*3600)
	now := time.Now()
	values := []sqldriver.Value{
		nil, true, false,
		int64(0), int64(math.MinInt64), 1.5, math.Inf(-1), math.Copysign(0, -1),
		"", "text", []byte(nil), []byte(""), []byte("bytes"),
		time.Unix(0, 0), now, now.UTC(), now.In(riga), now.Round(0),
		float32(0.1), uint64(math.MaxUint64), int32(7), uint8(8), 9, uint(10), complex(1, 2),
		namedInt(3), namedString("named"), json.Number("12.50"), time.Second,
		time.Time{},
	}
	set := record(t, oneColumn(values...))
	if set.Len() != len(values) {
		t.Fatalf("%d rows, want %d", set.Len(), len(values))
	}
	for _, replay := range replays(set) {
		rows, end := all(t, replay())
		if !is(end, io.EOF) {
			t.Fatalf("ended with %v", end)
		}
		for i, want := range values {
			got := rows[i][0]
			if reflect.TypeOf(got) != reflect.TypeOf(want) || !reflect.DeepEqual(got, want) {
				t.Errorf("row %d: %T %#v, want %T %#v", i, got, got, want, want)
			}
		}
	}
}

func TestNaNKeepsItsBits(t *testing.T) {
	want := math.Float64frombits(0x7ff8_0000_0000_0abc)
	for _, replay := range replays(record(t, oneColumn(want))) {
		rows, _ := all(t, replay())
		if got := rows[0][0].(float64); math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("bits %x, want %x", math.Float64bits(got), math.Float64bits(want))
		}
	}
}

// TestUncopyable: what cannot be copied is not kept, and reaches the caller
// unchanged at its own row, with the rows behind it.
func TestUncopyable(t *testing.T) {
	sub, _ := oneColumn("inner").open()
	n := 5
	for name, v := range map[string]sqldriver.Value{
		"driver.Rows":     sub,
		"pointer":         &n,
		"struct":          pointer{&n},
		"json.RawMessage": json.RawMessage(`{}`),
		"sql.RawBytes":    sql.RawBytes("raw"),
		"array":           [2]*int{&n, nil},
		"map":             map[string]int{"a": 1},
		"nil pointer":     (*int)(nil),
	} {
		t.Run(name, func(t *testing.T) {
			inner, fake := oneColumn(int64(1), v, []byte("after")).open()
			rows, set, why := rowset.Record(inner, roomy)
			if set != nil || !errors.Is(why, rowset.ErrValueType) {
				t.Fatalf("set %v, %v; want ErrValueType", set, why)
			}
			if fake.reads != 2 {
				t.Errorf("%d rows were read, want 2: the value may belong to its row", fake.reads)
			}
			got, end := all(t, rows)
			if !is(end, io.EOF) {
				t.Fatalf("ended with %v", end)
			}
			want := [][]sqldriver.Value{{int64(1)}, {v}, {[]byte("after")}}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %#v, want %#v", got, want)
			}
			if err := rows.Close(); err != nil || fake.closes != 1 {
				t.Errorf("Close: %v, inner closed %d times", err, fake.closes)
			}
		})
	}
}

// TestUnwrittenValuesStay: database/sql hands the driver the same dest for
// every row, and a driver may leave a value as it was.
func TestUnwrittenValuesStay(t *testing.T) {
	set := record(t, oneColumn("first", unchanged{}, int64(2), unchanged{}))
	got, _ := all(t, set.Rows())
	want := [][]sqldriver.Value{{"first"}, {"first"}, {int64(2)}, {int64(2)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCallersOwnTheirColumns: names that a caller rewrites (lower-casing them
// in place is common) stay as the caller wrote them, and nobody else sees it.
func TestCallersOwnTheirColumns(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 9, 17, 20, 33} {
		testColumns(t, n, 0)
		testColumns(t, n, 2)
	}
}

func testColumns(t *testing.T, n, way int) {
	t.Helper()
	names := make([]string, n)
	res := result{names: names, rows: [][]sqldriver.Value{make([]sqldriver.Value, n)}}
	for i := range names {
		names[i] = "NAME"
	}
	s := &script{results: []result{res}}
	set := record(t, s)
	names[0] = "rewritten after the recording"

	db, answers := newDB(t)
	replay := replays(set)[way]
	answers.answer = replay
	rows, err := db.Query("")
	if err != nil {
		t.Fatal(err)
	}
	mine, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for i := range mine {
		if mine[i] != "NAME" {
			t.Fatalf("column %d is %q", i, mine[i])
		}
		mine[i] = "mine"
	}
	for rows.Next() { // asks for the columns again
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for i := range mine {
		if mine[i] != "mine" {
			t.Fatalf("%d columns: column %d became %q under the caller's hands", n, i, mine[i])
		}
	}
	if got := replay().Columns()[0]; got != "NAME" {
		t.Errorf("%d columns: the next reader sees %q", n, got)
	}
}

// TestCallersOwnTheirBytes: sql.RawBytes gives the caller the driver's memory.
func TestCallersOwnTheirBytes(t *testing.T) {
	set := record(t, oneColumn([]byte("first"), []byte("second"), []byte{}))
	db, answers := newDB(t)
	for round, replay := range replays(set) {
		answers.answer = replay
		rows, err := db.Query("")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for rows.Next() {
			var raw sql.RawBytes
			if err := rows.Scan(&raw); err != nil {
				t.Fatal(err)
			}
			got = append(got, string(raw))
			raw = raw[:cap(raw)]
			for i := range raw {
				raw[i] = 'X'
			}
		}
		if diff := cmp.Diff([]string{"first", "second", ""}, got); diff != "" {
			t.Fatalf("round %d: %s", round, diff)
		}
	}
}

// TestBytesOfARow: what is written into the bytes of one column, or appended to them,
// changes no other, nor what the next reader gets.
func TestBytesOfARow(t *testing.T) {
	row := func(values ...sqldriver.Value) []sqldriver.Value { return values }
	many := row([]byte("first"), []byte{}, int64(1), []byte("second"), []byte(nil), []byte("third"))
	long := []byte("more bytes than there is room for in place")
	for _, want := range [][][]sqldriver.Value{
		{many, many, many},
		{many},
		{row([]byte("one"))},
		{row([]byte{})},
		{row([]byte(nil))},
		{row(long)},
		{row(long, int64(1))},
		{row([]byte("a column"), "and a text")},
	} {
		names := make([]string, len(want[0]))
		set := record(t, &script{results: []result{{names: names, rows: want}}})
		for round, replay := range replays(set) {
			rows := replay()
			if diff := cmp.Diff(names, rows.Columns()); diff != "" {
				t.Fatal(diff)
			}
			for n := range want {
				got := make([]sqldriver.Value, len(want[n]))
				if err := rows.Next(got); err != nil {
					t.Fatal(err)
				}
				for i, v := range got {
					if diff := cmp.Diff(want[n][i], v); diff != "" {
						t.Fatalf("round %d, row %d, column %d: %s", round, n, i, diff)
					}
					if b, ok := v.([]byte); ok && b != nil {
						b = append(b, "XXX"...)
						for j := range b[:cap(b)] {
							b[:cap(b)][j] = 'X'
						}
						if len(v.([]byte)) > 0 {
							v.([]byte)[0] = 'X'
						}
					}
				}
			}
			if err := rows.Next(make([]sqldriver.Value, len(names))); !is(err, io.EOF) {
				t.Errorf("after the last row: %v", err)
			}
		}
	}
}

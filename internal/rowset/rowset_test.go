package rowset_test

import (
	"bytes"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/internal/rowset"
)

// roomy is a budget that no test result outgrows by accident.
var roomy = rowset.Budget{Bytes: 1 << 20, RowTypes: true}

type (
	namedInt    int32
	namedString string
	pointer     struct{ n *int }
)

// all reads rows to their end with a dest of its own for each row. Bytes are
// copied, since they belong to the driver.
func all(tb testing.TB, rows sqldriver.Rows) (values [][]sqldriver.Value, end error) {
	tb.Helper()
	for {
		dest := make([]sqldriver.Value, len(rows.Columns()))
		if err := rows.Next(dest); err != nil {
			return values, err
		}
		for i, v := range dest {
			if b, ok := v.([]byte); ok {
				dest[i] = bytes.Clone(b)
			}
		}
		values = append(values, dest)
	}
}

func oneColumn(values ...sqldriver.Value) *script {
	res := result{names: []string{"v"}}
	for _, v := range values {
		res.rows = append(res.rows, []sqldriver.Value{v})
	}
	return &script{results: []result{res}}
}

// record records a script that is expected to give a set.
func record(tb testing.TB, s *script) *rowset.Set {
	tb.Helper()
	inner, fake := s.open()
	rows, set, why := rowset.Record(inner, roomy)
	if why != nil || set == nil {
		tb.Fatalf("Record: set %v, %v; want a set", set, why)
	}
	if err := rows.Close(); err != nil {
		tb.Fatalf("Close: %v", err)
	}
	if fake.closes != 1 {
		tb.Fatalf("inner was closed %d times, want once", fake.closes)
	}
	return set
}

func TestValuesKeepTheirTypes(t *testing.T) {
	riga := time.FixedZone("Riga", 2*3600)
	now := time.Now()
	values := []sqldriver.Value{
		nil, true, false,
		int64(0), int64(math.MinInt64), 1.5, math.Inf(-1), math.Copysign(0, -1),
		"", "text", []byte(nil), []byte{}, []byte("bytes"),
		time.Time{}, now, now.UTC(), now.In(riga), now.Round(0),
		float32(0.1), uint64(math.MaxUint64), int32(7), uint8(8), 9, uint(10), complex(1, 2),
		namedInt(3), namedString("named"), json.Number("12.50"), time.Second,
	}
	set := record(t, oneColumn(values...))
	if set.Len() != len(values) {
		t.Fatalf("%d rows, want %d", set.Len(), len(values))
	}
	for range 2 { // a set may be read any number of times
		rows, end := all(t, set.Rows())
		if end != io.EOF {
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
	rows, _ := all(t, record(t, oneColumn(want)).Rows())
	if got := rows[0][0].(float64); math.Float64bits(got) != math.Float64bits(want) {
		t.Errorf("bits %x, want %x", math.Float64bits(got), math.Float64bits(want))
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
			if end != io.EOF {
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

// TestErrorAtItsRow: the caller meets the driver's own error value where the
// driver would have given it, again and again.
func TestErrorAtItsRow(t *testing.T) {
	for k := range 4 {
		failure := &net{"reset by peer"}
		s := oneColumn()
		for i := range k {
			s.results[0].rows = append(s.results[0].rows, []sqldriver.Value{int64(i)})
		}
		s.results[0].err = failure
		inner, fake := s.open()
		rows, set, why := rowset.Record(inner, roomy)
		if set != nil || why != error(failure) {
			t.Fatalf("row %d: set %v, why %v", k, set, why)
		}
		got, end := all(t, rows)
		if len(got) != k || end != error(failure) {
			t.Errorf("%d rows then %v, want %d then the error itself", len(got), end, k)
		}
		if err := rows.Next(make([]sqldriver.Value, 1)); err != error(failure) {
			t.Errorf("again: %v", err)
		}
		if err := rows.Close(); err != nil || fake.closes != 1 {
			t.Errorf("Close: %v, inner closed %d times", err, fake.closes)
		}
	}
}

type net struct{ text string }

func (e *net) Error() string { return e.text }

func TestCloseErrorOnce(t *testing.T) {
	for _, whole := range []bool{true, false} {
		failure := &net{"cannot close"}
		s := oneColumn(int64(1), "two")
		s.closeErr = failure
		budget := roomy
		if !whole {
			budget.Bytes = 1
		}
		inner, fake := s.open()
		rows, set, why := rowset.Record(inner, budget)
		if set != nil {
			t.Fatal("a result whose driver reported a failure was kept")
		}
		if whole && why != error(failure) {
			t.Errorf("why is %v, want the error of Close", why)
		}
		got, end := all(t, rows)
		if len(got) != 2 || end != io.EOF {
			t.Errorf("%d rows then %v", len(got), end)
		}
		if err := rows.Close(); err != error(failure) {
			t.Errorf("Close: %v, want the error of inner", err)
		}
		if err := rows.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if fake.closes != 1 {
			t.Errorf("inner was closed %d times, want once", fake.closes)
		}
	}
}

// TestCloseBeforeTheEnd: the caller may stop at any row.
func TestCloseBeforeTheEnd(t *testing.T) {
	s := oneColumn("a", "b", "c", "d")
	for n := range 5 {
		for _, bytes := range []int64{1, 1 << 20} {
			inner, fake := s.open()
			rows, _, _ := rowset.Record(inner, rowset.Budget{Bytes: bytes})
			for range n {
				if err := rows.Next(make([]sqldriver.Value, 1)); err != nil {
					t.Fatal(err)
				}
			}
			if err := rows.Close(); err != nil || fake.closes != 1 {
				t.Errorf("after %d rows: %v, inner closed %d times", n, err, fake.closes)
			}
		}
	}
}

func TestBudget(t *testing.T) {
	text := func(n int) sqldriver.Value { return string(bytes.Repeat([]byte{'x'}, n)) }
	rows := []sqldriver.Value{text(100), text(100), text(100), text(100)}
	size := record(t, oneColumn(rows...)).Size()
	if size < 400 {
		t.Fatalf("size %d, but the texts alone have 400 bytes", size)
	}

	t.Run("exact", func(t *testing.T) {
		inner, _ := oneColumn(rows...).open()
		if _, set, why := rowset.Record(inner, rowset.Budget{Bytes: size}); set == nil {
			t.Errorf("a result of the size of the budget: %v", why)
		}
	})
	for name, bytes := range map[string]int64{"one less": size - 1, "half": size / 2, "none": 0} {
		t.Run(name, func(t *testing.T) {
			inner, fake := oneColumn(rows...).open()
			got, set, why := rowset.Record(inner, rowset.Budget{Bytes: bytes})
			if set != nil || !errors.Is(why, rowset.ErrTooLarge) {
				t.Fatalf("set %v, %v; want ErrTooLarge", set, why)
			}
			read := fake.reads
			if name == "half" && read != 2 {
				t.Errorf("%d rows were read ahead, want 2", read)
			}
			if name == "none" && read != 0 {
				t.Errorf("%d rows were read ahead without a budget", read)
			}
			for i := range rows {
				dest := make([]sqldriver.Value, 1)
				if err := got.Next(dest); err != nil || dest[0] != rows[i] {
					t.Fatalf("row %d: %v, %v", i, dest[0], err)
				}
				if want := max(read, i+1); fake.reads != want {
					t.Errorf("after row %d the driver was read to row %d, want %d", i, fake.reads, want)
				}
			}
			if err := got.Next(make([]sqldriver.Value, 1)); err != io.EOF {
				t.Errorf("ended with %v", err)
			}
		})
	}
	t.Run("no rows", func(t *testing.T) {
		// The names alone can be more than the budget.
		s := &script{results: []result{{names: []string{string(bytes.Repeat([]byte{'n'}, 10_000))}}}}
		inner, _ := s.open()
		if _, set, why := rowset.Record(inner, rowset.Budget{Bytes: 1000}); set != nil || !errors.Is(why, rowset.ErrTooLarge) {
			t.Errorf("set %v, %v; want ErrTooLarge", set, why)
		}
	})
	t.Run("row types", func(t *testing.T) {
		// Types that change with every row are memory too.
		const n = 100
		odd, even := []column{{scan: reflect.TypeFor[string]()}}, []column{{scan: reflect.TypeFor[int64]()}}
		res := result{names: []string{"v"}, types: odd}
		for i := range n {
			res.rows = append(res.rows, []sqldriver.Value{nil})
			res.rowTypes = append(res.rowTypes, [][]column{odd, even}[i%2])
		}
		with := record(t, &script{results: []result{res}, shape: full}).Size()
		res.rowTypes = nil
		without := record(t, &script{results: []result{res}, shape: full}).Size()
		perRow := int64(unsafe.Sizeof([]int{})) + int64(unsafe.Sizeof(reflect.Type(nil))) + 2*8
		if with-without < n*perRow {
			t.Errorf("the types of %d rows count %d bytes, want at least %d", n, with-without, n*perRow)
		}
	})
}

// TestZeroColumns: rows without columns (SELECT FROM t) are counted, and their
// number does not make reading ahead endless.
func TestZeroColumns(t *testing.T) {
	s := &script{results: []result{{rows: make([][]sqldriver.Value, 3)}}}
	set := record(t, s)
	rows := set.Rows()
	if got, end := all(t, rows); len(got) != 3 || end != io.EOF {
		t.Errorf("%d rows then %v, want 3", len(got), end)
	}
	rows = set.Rows()
	if err := rows.Next(nil); err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if err := rows.Next(nil); err != io.EOF {
		t.Errorf("after Close: %v, want io.EOF", err)
	}

	const n = 100_000
	inner, fake := (&script{results: []result{{rows: make([][]sqldriver.Value, n)}}}).open()
	live, kept, why := rowset.Record(inner, rowset.Budget{Bytes: 1000})
	if kept != nil || !errors.Is(why, rowset.ErrTooLarge) {
		t.Errorf("set %v, %v; want ErrTooLarge", kept, why)
	}
	if fake.reads > 1000 {
		t.Errorf("%d rows were read ahead with a budget of 1000 bytes", fake.reads)
	}
	if got, end := all(t, live); len(got) != n || end != io.EOF {
		t.Errorf("%d rows then %v, want %d", len(got), end, n)
	}
}

func TestZeroRows(t *testing.T) {
	set := record(t, oneColumn())
	rows := set.Rows()
	if diff := cmp.Diff([]string{"v"}, rows.Columns()); diff != "" {
		t.Error(diff)
	}
	if got, end := all(t, rows); len(got) != 0 || end != io.EOF || set.Len() != 0 {
		t.Errorf("%v then %v", got, end)
	}
}

// TestOnlyOneResult: further results are passed on and nothing is kept.
func TestOnlyOneResult(t *testing.T) {
	first, second := oneColumn("a").results[0], oneColumn("b", "c").results[0]
	second.names = []string{"other"}
	inner, _ := (&script{results: []result{first, second}, shape: many}).open()
	rows, set, why := rowset.Record(inner, roomy)
	if set != nil || !errors.Is(why, rowset.ErrManyResult) {
		t.Fatalf("set %v, %v; want ErrManyResult", set, why)
	}
	got, _ := all(t, rows)
	next := rows.(sqldriver.RowsNextResultSet)
	if len(got) != 1 || !next.HasNextResultSet() {
		t.Fatalf("%v, further result: %v", got, next.HasNextResultSet())
	}
	if err := next.NextResultSet(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"other"}, rows.Columns()); diff != "" {
		t.Error(diff)
	}
	if got, end := all(t, rows); len(got) != 2 || end != io.EOF {
		t.Errorf("%v then %v", got, end)
	}
	if err := next.NextResultSet(); err != io.EOF || next.HasNextResultSet() {
		t.Errorf("at the end: %v", err)
	}
}

// TestErrorIsNotSkipped: a caller that goes on to the next result before it
// met the error of this one does not lose it.
func TestErrorIsNotSkipped(t *testing.T) {
	failure := &net{"reset by peer"}
	s := oneColumn("a", "b")
	s.results[0].err = failure
	s.shape = many
	inner, fake := s.open() // forgets its error once told
	rows, _, _ := rowset.Record(inner, roomy)
	if err := rows.Next(make([]sqldriver.Value, 1)); err != nil {
		t.Fatal(err)
	}
	fake.current().err = nil
	if err := rows.(sqldriver.RowsNextResultSet).NextResultSet(); err != error(failure) {
		t.Errorf("NextResultSet: %v, want the error that was read ahead", err)
	}
}

// TestCallersOwnTheirColumns: names that a caller rewrites (lower-casing them
// in place is common) stay as the caller wrote them, and nobody else sees it.
func TestCallersOwnTheirColumns(t *testing.T) {
	for _, n := range []int{1, 4, 5, 20} {
		names := make([]string, n)
		res := result{names: names, rows: [][]sqldriver.Value{make([]sqldriver.Value, n)}}
		for i := range names {
			names[i] = "NAME"
		}
		s := &script{results: []result{res}}
		set := record(t, s)
		names[0] = "rewritten after the recording"

		db, answers := newDB(t)
		answers.answer = func() sqldriver.Rows { return set.Rows() }
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
		if got := set.Rows().Columns()[0]; got != "NAME" {
			t.Errorf("%d columns: the next reader sees %q", n, got)
		}
	}
}

// TestCallersOwnTheirBytes: sql.RawBytes gives the caller the driver's memory.
func TestCallersOwnTheirBytes(t *testing.T) {
	set := record(t, oneColumn([]byte("first"), []byte("second"), []byte{}))
	db, answers := newDB(t)
	answers.answer = func() sqldriver.Rows { return set.Rows() }
	for round := range 3 {
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

// TestConcurrentCursors is for the race detector: cursors share nothing that
// is written.
func TestConcurrentCursors(t *testing.T) {
	set := record(t, oneColumn([]byte("a"), "b", int64(3), time.Now()))
	want, _ := all(t, set.Rows())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				rows := set.Rows()
				rows.Columns()[0] = "mine"
				got, _ := all(t, rows)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
				got[0][0].([]byte)[0] = 'z'
				_ = rows.(sqldriver.RowsColumnTypeScanType).ColumnTypeScanType(0)
			}
		})
	}
	wg.Wait()
}

// TestQueryRow: database/sql calls Next once and closes; the set is whole all
// the same.
func TestQueryRow(t *testing.T) {
	db, answers := newDB(t)
	var set *rowset.Set
	answers.answer = func() sqldriver.Rows {
		inner, _ := oneColumn(int64(7), int64(8)).open()
		rows, s, why := rowset.Record(inner, roomy)
		if why != nil {
			t.Error(why)
		}
		set = s
		return rows
	}
	var n int
	if err := db.QueryRow("").Scan(&n); err != nil || n != 7 {
		t.Fatalf("%d, %v", n, err)
	}
	if set.Len() != 2 {
		t.Errorf("%d rows were recorded, want 2", set.Len())
	}
}

// played keeps rows from being allocated on the stack, as database/sql does.
var played sqldriver.Rows

func TestAllocations(t *testing.T) {
	set := record(t, &script{results: []result{{
		names: []string{"id", "name", "margin"},
		rows:  [][]sqldriver.Value{{int64(1000), "a name", 12.5}},
	}}})
	dest := make([]sqldriver.Value, 3)
	if got := testing.AllocsPerRun(100, func() {
		played = set.Rows()
		_ = played.Columns()
		_ = played.Next(dest)
		_ = played.Close()
	}); got != 1 {
		t.Errorf("playing back a row of three values costs %v allocations, want 1", got)
	}
}

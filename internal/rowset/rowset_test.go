package rowset_test

import (
	"bytes"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

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

// is reports whether got is want itself: database/sql does not look into
// errors either.
func is(got, want error) bool {
	return got == want //nolint:errorlint // see above
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
		if set != nil || !is(why, error(failure)) {
			t.Fatalf("row %d: set %v, why %v", k, set, why)
		}
		got, end := all(t, rows)
		if len(got) != k || !is(end, error(failure)) {
			t.Errorf("%d rows then %v, want %d then the error itself", len(got), end, k)
		}
		if err := rows.Next(make([]sqldriver.Value, 1)); !is(err, error(failure)) {
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
		if whole && !is(why, error(failure)) {
			t.Errorf("why is %v, want the error of Close", why)
		}
		got, end := all(t, rows)
		if len(got) != 2 || !is(end, io.EOF) {
			t.Errorf("%d rows then %v", len(got), end)
		}
		if err := rows.Close(); !is(err, error(failure)) {
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
	if got, end := all(t, rows); len(got) != 2 || !is(end, io.EOF) {
		t.Errorf("%v then %v", got, end)
	}
	if err := next.NextResultSet(); !is(err, io.EOF) || next.HasNextResultSet() {
		t.Errorf("at the end: %v", err)
	}
}

// TestSkippingToTheNextResult: a caller may leave rows unread, whether they
// were read ahead or not.
func TestSkippingToTheNextResult(t *testing.T) {
	for _, budget := range []int64{1 << 20, 300, 0} {
		for read := range 3 {
			first, second := oneColumn("a", "b", "c").results[0], oneColumn("d").results[0]
			inner, _ := (&script{results: []result{first, second}, shape: many}).open()
			rows, _, _ := rowset.Record(inner, rowset.Budget{Bytes: budget})
			for range read {
				if err := rows.Next(make([]sqldriver.Value, 1)); err != nil {
					t.Fatal(err)
				}
			}
			if err := rows.(sqldriver.RowsNextResultSet).NextResultSet(); err != nil {
				t.Fatal(err)
			}
			got, end := all(t, rows)
			if diff := cmp.Diff([][]sqldriver.Value{{"d"}}, got); diff != "" || !is(end, io.EOF) {
				t.Errorf("budget %d, %d rows read: %v %s", budget, read, end, diff)
			}
		}
	}
}

// TestTypesAtTheEnd: between two results a caller stands where inner stands.
func TestTypesAtTheEnd(t *testing.T) {
	first, second := oneColumn("a").results[0], oneColumn("b").results[0]
	first.types = []column{{scan: reflect.TypeFor[string]()}}
	first.endTypes = []column{{scan: reflect.TypeFor[bool](), length: 5, hasLength: true}}
	second.types = first.types
	inner, _ := (&script{results: []result{first, second}, shape: full}).open()
	rows, _, _ := rowset.Record(inner, roomy)
	types := rows.(sqldriver.RowsColumnTypeScanType)
	if got := types.ColumnTypeScanType(0); got != reflect.TypeFor[string]() {
		t.Errorf("before the first row: %v", got)
	}
	if _, end := all(t, rows); !is(end, io.EOF) {
		t.Fatal(end)
	}
	if got := types.ColumnTypeScanType(0); got != reflect.TypeFor[bool]() {
		t.Errorf("at the end: %v, want what inner says there", got)
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
	if err := rows.(sqldriver.RowsNextResultSet).NextResultSet(); !is(err, error(failure)) {
		t.Errorf("NextResultSet: %v, want the error that was read ahead", err)
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

// replays are the ways to play a set back: as it was recorded and as it is kept,
// each twice.
func replays(set *rowset.Set) []func() sqldriver.Rows {
	var shapes rowset.Shapes
	packed, shape, _ := set.Pack([]byte("head"), &shapes)
	again, _, _ := set.Pack(nil, &shapes)
	kept := func() sqldriver.Rows { return packed.Rows(shape) }
	return []func() sqldriver.Rows{set.Rows, set.Rows, kept, kept, func() sqldriver.Rows { return again.Rows(shape) }}
}

// played keeps rows from being allocated on the stack, as database/sql does.
var played sqldriver.Rows

func TestAllocations(t *testing.T) {
	blob := func(n int) sqldriver.Value { return make([]byte, n) }
	for _, c := range []struct {
		what string
		row  []sqldriver.Value
		rows int
		most float64 // of packed results
	}{
		{"three values", []sqldriver.Value{int64(1000), "a name", 12.5}, 1, 1},
		{"a few bytes", []sqldriver.Value{blob(24)}, 1, 1},
		{"no bytes", []sqldriver.Value{blob(0)}, 1, 1},
		{"more bytes", []sqldriver.Value{blob(25)}, 1, 2},
		{"some bytes", []sqldriver.Value{int64(1000), blob(40)}, 1, 2},
		{"many bytes", []sqldriver.Value{int64(1000), blob(41)}, 1, 3},
		{"bytes of many columns", []sqldriver.Value{blob(3), blob(30), blob(300), blob(0)}, 1, 3},
		{"bytes of many rows", []sqldriver.Value{blob(3), blob(30)}, 64, 2 + 1 + 1},
		{"more bytes of many rows", []sqldriver.Value{blob(3), blob(1000)}, 64, 2 + 1 + 16},
		{"large bytes of many rows", []sqldriver.Value{blob(3), blob(10_000)}, 64, 2 + 1 + 128},
	} {
		r := result{}
		for i := range c.row {
			r.names = append(r.names, fmt.Sprint("c", i))
		}
		for range c.rows {
			r.rows = append(r.rows, c.row)
		}
		set := record(t, &script{results: []result{r}})
		dest := make([]sqldriver.Value, len(c.row))
		for _, replay := range replays(set)[2:] {
			if got := testing.AllocsPerRun(100, func() {
				played = replay()
				_ = played.Columns()
				for played.Next(dest) == nil {
				}
				_ = played.Close()
			}); got != c.most {
				t.Errorf("playing back %s costs %v allocations, want %v", c.what, got, c.most)
			}
		}
		if c.what != "three values" {
			continue
		}
		for _, replay := range replays(set)[:2] {
			if got := testing.AllocsPerRun(100, func() {
				played = replay()
				_ = played.Columns()
				_ = played.Next(dest)
				_ = played.Close()
			}); got != 1 {
				t.Errorf("playing back a row of three values costs %v allocations, want 1", got)
			}
		}
	}
}

// TestNumbers: rows tell the numbers that the budget gave, whichever kind they are, and
// results whose numbers differ do not share a shape.
func TestNumbers(t *testing.T) {
	for _, columns := range []int{1, 2, 3, 4, 5, 9, 33} {
		for _, rows := range []int{0, 1, 3} {
			res, numbers := result{}, []uint32{}
			for i := range columns {
				res.names, numbers = append(res.names, "same"), append(numbers, uint32(i+1)<<24)
			}
			for range rows {
				res.rows = append(res.rows, make([]sqldriver.Value, columns))
			}
			s := &script{results: []result{res, res}, shape: many}
			check := func(what string, rows sqldriver.Rows, want []uint32) {
				t.Helper()
				for i := range columns {
					n := uint32(0)
					if i < len(want) {
						n = want[i]
					}
					if got := rows.(rowset.Numbered).ColumnTypeNumber(i); got != n {
						t.Errorf("%d columns, %d rows, %s: column %d has the number %d, want %d", columns, len(res.rows), what, i, got, n)
					}
				}
			}
			inner, _ := s.open()
			live, _, why := rowset.Record(inner, rowset.Budget{Bytes: 1 << 20, Numbers: numbers})
			if !errors.Is(why, rowset.ErrManyResult) {
				t.Fatal(why)
			}
			check("a stream", live, numbers)
			_, _ = all(t, live)
			check("a stream at its end", live, numbers)
			if err := live.(sqldriver.RowsNextResultSet).NextResultSet(); err != nil {
				t.Fatal(err)
			}
			check("a further result", live, nil)

			s.results = s.results[:1]
			shapes, known := new(rowset.Shapes), map[*rowset.Shape]bool{}
			for range 2 { // the second shares a shape
				for _, numbers := range [][]uint32{numbers, nil, append([]uint32{7}, numbers[1:]...)} {
					want := slices.Clone(numbers)
					inner, _ := s.open()
					first, set, why := rowset.Record(inner, rowset.Budget{Bytes: 1 << 20, Like: shapes, Numbers: numbers})
					if why != nil {
						t.Fatal(why)
					}
					packed, shape, _ := set.Pack(nil, shapes)
					known[shape] = true
					again, set2, why := rowset.Record(func() sqldriver.Rows { r, _ := s.open(); return r }(), rowset.Budget{Bytes: 1 << 20, Like: shapes, Numbers: slices.Clone(numbers)})
					if why != nil {
						t.Fatal(why)
					}
					if _, same, _ := set2.Pack(nil, shapes); same != shape {
						t.Error("equal results have different shapes")
					}
					clear(numbers) // they are the caller's
					check("the first rows", first, want)
					check("like the last", again, want)
					check("a set", set.Rows(), want)
					check("from memory", packed.Rows(shape), want)
					copy(numbers, want)
				}
			}
			if len(known) != 6 {
				t.Errorf("%d shapes, want one for each change", len(known))
			}
		}
	}
}

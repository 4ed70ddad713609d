package rowset_test

import (
	"bytes"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vantage-go/live/internal/rowset"
)

// TestRecordedEqualsUnrecorded: whatever a driver answers and however the
// caller reads it, database/sql shows the same through Record, and through a
// replay of the set, as without.
func TestRecordedEqualsUnrecorded(t *testing.T) {
	db, answers := newDB(t)
	seen := map[string]int{}
	check := func(t *rapid.T) {
		s := drawScript(t)
		reader := rapid.SliceOfN(rapid.SampledFrom(readerSteps), 0, 40).Draw(t, "reader")
		budget := rowset.Budget{
			Bytes:    rapid.SampledFrom([]int64{0, 300, 600, 1 << 20, 1 << 20}).Draw(t, "budget"),
			RowTypes: rapid.Bool().Draw(t, "row types"),
		}
		if !budget.RowTypes {
			// Then the caller says that types do not depend on the row.
			for i := range s.results {
				s.results[i].rowTypes, s.results[i].endTypes = nil, nil
			}
		}

		var fake *fakeRows
		answers.answer = func() sqldriver.Rows {
			var rows sqldriver.Rows
			rows, fake = s.open()
			return rows
		}
		want := read(t, db, reader)

		var set *rowset.Set
		answers.answer = func() sqldriver.Rows {
			var rows, recorded sqldriver.Rows
			var why error
			rows, fake = s.open()
			recorded, set, why = rowset.Record(rows, budget)
			if (set == nil) == (why == nil) {
				t.Fatalf("set %v, why %v", set, why)
			}
			if why == nil {
				seen["set"]++
			} else {
				seen[why.Error()]++
			}
			return recorded
		}
		got := read(t, db, reader)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("the recording differs (- without, + with):\n%s", diff)
		}
		if fake.closes != 1 {
			t.Fatalf("inner was closed %d times", fake.closes)
		}
		if set == nil {
			return
		}
		if set.Size() > budget.Bytes {
			t.Fatalf("a set of %d bytes was made under a budget of %d", set.Size(), budget.Bytes)
		}
		for _, replay := range replays(set) {
			answers.answer = replay
			if diff := cmp.Diff(want, read(t, db, reader)); diff != "" {
				t.Fatalf("the replay differs (- without, + with):\n%s", diff)
			}
		}
	}
	ways := []string{
		"set", rowset.ErrTooLarge.Error(), rowset.ErrManyResult.Error(), rowset.ErrValueType.Error(), "row error", "close error",
	}
	unseen := func(way string) bool { return seen[way] == 0 }
	rapid.Check(t, check)
	// Some ways are drawn once in a few dozen times.
	for round := 1; slices.ContainsFunc(ways, unseen) && !t.Failed() && !testing.Short(); round++ {
		if round == 20 {
			t.Fatalf("not all ways were drawn: %v", seen)
		}
		rapid.Check(t, check)
	}
}

var (
	errRow   = fmt.Errorf("row error")
	errOpen  = fmt.Errorf("open error")
	errClose = fmt.Errorf("close error")
)

func drawScript(t *rapid.T) *script {
	s := &script{shape: shape(rapid.IntRange(0, int(shapes)-1).Draw(t, "shape"))}
	n := 1
	if rapid.Bool().Draw(t, "several results") {
		n = rapid.IntRange(2, 3).Draw(t, "results")
	}
	for i := range n {
		res := result{}
		columns := rapid.SampledFrom([]int{0, 1, 1, 2, 3, 4, 5, 6}).Draw(t, "columns")
		for c := range columns {
			res.names = append(res.names, fmt.Sprintf("c%d_%d", i, c))
		}
		res.types = drawTypes(t, columns)
		changing := rapid.Bool().Draw(t, "types change")
		left := make([]bool, columns) // whether a column's last value may be left
		if changing {
			res.endTypes = drawTypes(t, columns)
		}
		for range rapid.IntRange(0, 6).Draw(t, "rows") {
			row := make([]sqldriver.Value, columns)
			for c := range row {
				row[c] = drawValue(t)
				// What a driver leaves standing is its own memory only if it
				// were bytes, and no driver keeps half a buffer.
				if _, ok := row[c].(unchanged); ok && !left[c] {
					row[c] = int64(2)
				}
				_, isBytes := row[c].([]byte)
				left[c] = !isBytes
			}
			res.rows = append(res.rows, row)
			if changing {
				if rapid.Bool().Draw(t, "as before") {
					res.rowTypes = append(res.rowTypes, last(res.rowTypes, res.types))
				} else {
					res.rowTypes = append(res.rowTypes, drawTypes(t, columns))
				}
			}
		}
		if !changing {
			res.rowTypes = nil
		} else if res.rowTypes == nil {
			res.rowTypes = [][]column{}
		}
		// An error ends everything, so it stands in the last result.
		if i == n-1 {
			if rapid.IntRange(0, 5).Draw(t, "fails") == 0 {
				res.err = errRow
			}
			if i > 0 && rapid.IntRange(0, 5).Draw(t, "does not open") == 0 {
				res.openErr = errOpen
			}
		}
		s.results = append(s.results, res)
	}
	if rapid.IntRange(0, 5).Draw(t, "close fails") == 0 {
		s.closeErr = errClose
	}
	return s
}

func last(rows [][]column, before []column) []column {
	if len(rows) == 0 {
		return before
	}
	return rows[len(rows)-1]
}

func drawTypes(t *rapid.T, n int) []column {
	types := make([]column, n)
	for i := range types {
		types[i] = rapid.SampledFrom([]column{
			{database: "INT8", scan: reflect.TypeFor[int64]()},
			{database: "TEXT", scan: reflect.TypeFor[string](), length: math.MaxInt64, hasLength: true, hasNull: true},
			{database: "VARCHAR", scan: reflect.TypeFor[sql.NullString](), length: 20, hasLength: true, nullable: true, hasNull: true},
			{database: "NUMERIC", scan: reflect.TypeFor[[]byte](), precision: 10, scale: 2, hasScale: true},
			{}, // SQLite has no scan type for NULL
		}).Draw(t, "type")
		// Only the scan type and the length may depend on the row; a fixed
		// rest keeps the scripts within that.
		types[i].database, types[i].nullable, types[i].hasNull = fmt.Sprint("T", i), i%2 == 0, i%3 == 0
		types[i].precision, types[i].scale, types[i].hasScale = int64(i), 1, i%2 == 1
	}
	return types
}

var valueZone = time.FixedZone("test", 3600)

func drawValue(t *rapid.T) sqldriver.Value {
	switch rapid.IntRange(0, 15).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Int64().Draw(t, "int64")
	case 2:
		return rapid.Float64().Draw(t, "float64")
	case 3:
		return rapid.Bool().Draw(t, "bool")
	case 4, 5:
		return rapid.StringN(0, 40, -1).Draw(t, "string")
	case 6, 7, 8:
		return rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")
	case 9:
		return []byte(nil)
	case 10:
		return time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "seconds"), 5).In(rapid.SampledFrom([]*time.Location{time.UTC, time.Local, valueZone}).Draw(t, "zone"))
	case 11:
		return rapid.Float32().Draw(t, "float32")
	case 12:
		return rapid.Uint64().Draw(t, "uint64")
	case 13:
		return namedString(rapid.StringN(0, 10, -1).Draw(t, "named"))
	case 14:
		return unchanged{}
	default:
		if rapid.IntRange(0, 3).Draw(t, "uncopyable") == 0 {
			return pointer{new(int)}
		}
		return int64(1)
	}
}

// readerSteps are what a caller does with its rows.
var readerSteps = []string{
	"next", "next", "next", "next", "next", "scan any", "scan any", "scan raw and scribble", "scan bytes and scribble",
	"columns", "types", "types", "err", "next result", "close",
}

// read does the steps on the rows of a query, and what is left to the end, and
// tells what it saw.
func read(t rapid.TB, db *sql.DB, steps []string) []string {
	t.Helper()
	rows, err := db.Query("")
	if err != nil {
		t.Fatal(err)
	}
	var log []string
	note := func(step string, values ...any) { log = append(log, step+": "+fmt.Sprint(values...)) }
	for _, step := range steps {
		switch step {
		case "next":
			note(step, rows.Next())
		case "columns":
			names, err := rows.Columns()
			note(step, strings.Join(names, ","), err)
		case "types":
			note(step, describe(rows))
		case "err":
			note(step, rows.Err())
		case "next result":
			note(step, rows.NextResultSet())
		case "close":
			if len(log)%5 == 0 { // seldom: not much comes after it
				note(step, rows.Close())
			}
		default:
			note(step, scan(rows, step))
		}
	}
	for more := true; more; more = rows.NextResultSet() {
		note("types", describe(rows))
		for rows.Next() {
			note("row", scan(rows, "scan any"), describe(rows))
		}
		note("end", rows.Err(), describe(rows))
	}
	note("close", rows.Close())
	note("err", rows.Err())
	return log
}

func scan(rows *sql.Rows, how string) string {
	names, err := rows.Columns()
	if err != nil {
		return err.Error()
	}
	dest := make([]any, len(names))
	for i := range dest {
		switch how {
		case "scan any":
			dest[i] = new(any)
		case "scan raw and scribble":
			dest[i] = new(sql.RawBytes)
		default:
			dest[i] = new([]byte)
		}
	}
	err = rows.Scan(dest...)
	var b strings.Builder
	for _, d := range dest {
		switch d := d.(type) {
		case *any:
			b.WriteString(render(*d))
		case *sql.RawBytes:
			b.WriteString(render([]byte(*d)))
			scribble(*d)
		case *[]byte:
			b.WriteString(render(*d))
			scribble(*d)
		}
		b.WriteString("; ")
	}
	return fmt.Sprint(b.String(), err)
}

func scribble(b []byte) { copy(b, bytes.Repeat([]byte{'!'}, len(b))) }

// render tells a value with its type, and equal texts mean equal values.
func render(v any) string {
	switch v := v.(type) {
	case float64:
		return fmt.Sprintf("float64 %x", math.Float64bits(v))
	case float32:
		return fmt.Sprintf("float32 %x", math.Float32bits(v))
	case time.Time:
		return fmt.Sprintf("time %v %p", v, v.Location())
	case []byte:
		return fmt.Sprintf("bytes %t %q", v == nil, v)
	case pointer:
		return fmt.Sprintf("pointer %p", v.n)
	default:
		return fmt.Sprintf("%T %#v", v, v)
	}
}

func describe(rows *sql.Rows) string {
	types, err := rows.ColumnTypes()
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, c := range types {
		length, hasLength := c.Length()
		nullable, hasNull := c.Nullable()
		precision, scale, hasScale := c.DecimalSize()
		fmt.Fprintln(&b, c.Name(), c.DatabaseTypeName(), c.ScanType(), length, hasLength, nullable, hasNull, precision, scale, hasScale)
	}
	return b.String()
}

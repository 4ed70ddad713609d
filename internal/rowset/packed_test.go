package rowset_test

import (
	sqldriver "database/sql/driver"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/internal/rowset"
)

// TestBoxes: the interfaces that a replay makes are like any other: to type
// switches, to comparisons, as keys of maps, and to the garbage collector, which
// must not take the memory that they point to.
func TestBoxes(t *testing.T) {
	const rows = 200
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("Riga", 7200))
	var values [][]sqldriver.Value
	for i := range rows {
		values = append(values, []sqldriver.Value{int64(i) << 20, float64(i) / 3, fmt.Sprint("text ", i), []byte(fmt.Sprint("bytes ", i)), at.Add(time.Duration(i)), i%2 == 0, nil})
	}
	kept := func() [][]sqldriver.Value {
		packed, shape, _ := record(t, &script{results: []result{{names: []string{"a", "b", "c", "d", "e", "f", "g"}, rows: values}}}).Pack([]byte("a head"), new(rowset.Shapes))
		if packed.Head() != "a head" {
			t.Errorf("the head is %q", packed.Head())
		}
		kept, end := all(t, packed.Rows(shape))
		if !is(end, io.EOF) || len(kept) != rows {
			t.Fatalf("%d rows, %v", len(kept), end)
		}
		return kept
	}() // only the values are left
	for range 3 {
		runtime.GC()
		garbage := make([][]byte, 0, 1000)
		for range 1000 {
			garbage = append(garbage, append(make([]byte, 0, 16), "XXXXXXXXXXXXXXXX"...))
		}
		_ = garbage
	}
	for i, row := range kept {
		for j, want := range values[i] {
			if b, ok := want.([]byte); ok {
				if got, ok := row[j].([]byte); !ok || string(got) != string(b) {
					t.Fatalf("row %d: %v, want %v", i, row[j], want)
				}
				continue
			}
			if row[j] != want || fmt.Sprintf("%T %v", row[j], row[j]) != fmt.Sprintf("%T %v", want, want) {
				t.Fatalf("row %d: %T %v, want %T %v", i, row[j], row[j], want, want)
			}
			if seen := map[any]bool{want: true}; !seen[row[j]] {
				t.Fatalf("row %d: %v is not the same key", i, row[j])
			}
		}
	}
}

// TestEmptyAtTheEnd: an empty value that lies where its memory ends is none that
// points into the next object, which the garbage collector ends a program for.
func TestEmptyAtTheEnd(t *testing.T) {
	const size = 576 // all that the allocator gives
	long := strings.Repeat("x", size-16-2*8-2)
	for _, empty := range []sqldriver.Value{"", []byte{}} {
		set := record(t, &script{results: []result{{names: []string{"long", "empty"}, rows: [][]sqldriver.Value{{long, empty}}}}})
		var shapes rowset.Shapes
		packed := make([]rowset.Packed, 1000)
		var shape *rowset.Shape
		for i := range packed {
			var takes int64
			if packed[i], shape, takes = set.Pack(nil, &shapes); takes != size {
				t.Fatalf("it takes %d bytes, want %d", takes, size)
			}
		}
		var given []sqldriver.Value
		for i := 0; i < len(packed); i += 3 {
			rows, _ := all(t, packed[i].Rows(shape))
			given = append(given, rows[0][1])
		}
		clear(packed)
		for range 3 {
			runtime.GC()
		}
		runtime.KeepAlive(given)
	}
	none := record(t, &script{results: []result{{names: nil, rows: nil}}})
	heads := make([]string, 1000)
	for i := range heads {
		packed, _, _ := none.Pack(nil, new(rowset.Shapes))
		heads[i] = packed.Head()
	}
	runtime.GC()
	runtime.KeepAlive(heads)
}

// TestPackedSize: what is kept says how much memory it takes.
func TestPackedSize(t *testing.T) {
	set := record(t, &script{results: []result{{names: []string{"id", "name"}, rows: [][]sqldriver.Value{{int64(1), "a name of 23 characters"}}}}})
	// A header, two words, two tags and the text.
	const want = 16 + 2*8 + 2 + 23
	var shapes rowset.Shapes
	if _, _, size := set.Pack(nil, &shapes); size < want || size > want+8 {
		t.Errorf("it takes %d bytes, want about %d", size, want)
	}
	const n, tries = 10_000, 5
	for try := 1; ; try++ { // what else the process has may come and go
		kept := make([]rowset.Packed, n)
		before := heap()
		var total int64
		for i := range kept {
			var size int64
			kept[i], _, size = set.Pack(nil, &shapes)
			total += size
		}
		grown := heap() - before
		runtime.KeepAlive(kept)
		if grown >= total*98/100 && grown <= total*105/100 {
			return
		}
		if try == tries {
			t.Fatalf("%d results say that they take %d bytes, and take %d", n, total, grown)
		}
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestManyZones: a driver that makes a location for each value loses nothing.
func TestManyZones(t *testing.T) {
	var shapes rowset.Shapes
	for i := range 100 {
		want := time.Unix(int64(i), 0).In(time.FixedZone(fmt.Sprint(i), i*60))
		packed, shape, _ := record(t, oneColumn(want, int64(1))).Pack(nil, &shapes)
		rows, _ := all(t, packed.Rows(shape))
		if rows[0][0] != want {
			t.Fatalf("%v, want %v", rows[0][0], want)
		}
	}
}

// Results of one statement may have had other columns before, and have them again.
func TestShapesOfOtherColumns(t *testing.T) {
	t.Parallel()
	var shapes rowset.Shapes
	budget := roomy
	budget.Like = &shapes
	for _, names := range [][]string{{"a"}, {"b"}, {"b"}, {"b", "a"}, {"a"}} {
		row := make([]sqldriver.Value, len(names))
		for i := range row {
			row[i] = int64(i)
		}
		inner, _ := (&script{results: []result{{names: names, rows: [][]sqldriver.Value{row}}}}).open()
		first, set, why := rowset.Record(inner, budget)
		if set == nil {
			t.Fatal(why)
		}
		packed, shape, _ := set.Pack(nil, &shapes)
		for _, rows := range []sqldriver.Rows{first, set.Rows(), packed.Rows(shape)} {
			if got := rows.Columns(); !slices.Equal(got, names) {
				t.Errorf("columns are %v, want %v", got, names)
			}
		}
	}
}

package rowset_test

import (
	"bytes"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"reflect"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/internal/rowset"
)

func TestBudget(t *testing.T) {
	text := func(n int) sqldriver.Value { return string(bytes.Repeat([]byte{'x'}, n)) }
	rows := []sqldriver.Value{text(200), text(200), text(200), text(200)}
	size := record(t, oneColumn(rows...)).Size()
	if size < 800 {
		t.Fatalf("size %d, but the texts alone have 800 bytes", size)
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
			if err := got.Next(make([]sqldriver.Value, 1)); !is(err, io.EOF) {
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

// TestDone: reading ahead ends when nobody waits any more, and the rows go on from
// there.
func TestDone(t *testing.T) {
	rows := []sqldriver.Value{int64(1), int64(2), int64(3), int64(4)}
	inner, fake := oneColumn(rows...).open()
	done := make(chan struct{})
	got, set, why := rowset.Record(&meanwhile{Rows: inner, at: 2, do: func() { close(done) }}, rowset.Budget{Bytes: 1 << 20, Done: done})
	if set != nil || !errors.Is(why, rowset.ErrDone) || fake.reads != 2 {
		t.Fatalf("set %v, %v, %d rows read ahead; want ErrDone after two", set, why, fake.reads)
	}
	if rest, end := all(t, got); len(rest) != len(rows) || !is(end, io.EOF) {
		t.Errorf("%d rows then %v, want %d", len(rest), end, len(rows))
	}
}

// meanwhile are rows that do something when so many were read.
type meanwhile struct {
	sqldriver.Rows
	at int
	do func()
}

func (r *meanwhile) Next(dest []sqldriver.Value) error {
	if r.at--; r.at == 0 {
		r.do()
	}
	return r.Rows.Next(dest)
}

// TestZeroColumns: rows without columns (SELECT FROM t) are counted, and their
// number does not make reading ahead endless.
func TestZeroColumns(t *testing.T) {
	s := &script{results: []result{{rows: make([][]sqldriver.Value, 3)}}}
	set := record(t, s)
	rows := set.Rows()
	if got, end := all(t, rows); len(got) != 3 || !is(end, io.EOF) {
		t.Errorf("%d rows then %v, want 3", len(got), end)
	}
	rows = set.Rows()
	if err := rows.Next(nil); err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if err := rows.Next(nil); !is(err, io.EOF) {
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
	if got, end := all(t, live); len(got) != n || !is(end, io.EOF) {
		t.Errorf("%d rows then %v, want %d", len(got), end, n)
	}
}

func TestZeroRows(t *testing.T) {
	set := record(t, oneColumn())
	rows := set.Rows()
	if diff := cmp.Diff([]string{"v"}, rows.Columns()); diff != "" {
		t.Error(diff)
	}
	if got, end := all(t, rows); len(got) != 0 || !is(end, io.EOF) || set.Len() != 0 {
		t.Errorf("%v then %v", got, end)
	}
}

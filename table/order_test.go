package table

import (
	"database/sql"
	"slices"
	"testing"
	"time"
)

type sorted struct {
	ID    int64          `db:"id,pk"`
	Float float64        `db:"f"`
	Text  *string        `db:"t"`
	Null  sql.NullInt64  `db:"n"`
	Time  time.Time      `db:"at"`
	Other map[string]int `db:"m"`
}

func TestOrder(t *testing.T) {
	t.Parallel()
	schema, err := NewSchema[int64, sorted]("sorted")
	if err != nil {
		t.Fatal(err)
	}
	m := NewMemory(schema, MemoryConfig[sorted]{})
	text := func(s string) *string { return &s }
	m.Commit(func(tx *MemoryTx[int64, sorted]) {
		tx.Set(sorted{ID: 1, Float: 1826.19, Text: text("b"), Null: sql.NullInt64{Int64: 5, Valid: true}, Time: time.Unix(9, 0)})
		tx.Set(sorted{ID: 2, Float: 657.96, Null: sql.NullInt64{Int64: 10, Valid: true}, Time: time.Unix(10, 0)})
		tx.Set(sorted{ID: 3, Float: 657.96, Text: text("a"), Time: time.Unix(1, 0)})
	})
	for _, c := range []struct {
		by   []string
		want []int64
	}{
		{nil, []int64{1, 2, 3}},
		{[]string{"f"}, []int64{2, 3, 1}},
		{[]string{"f desc"}, []int64{1, 2, 3}},
		{[]string{"f", "id DESC"}, []int64{3, 2, 1}},
		{[]string{"t"}, []int64{3, 1, 2}},
		{[]string{"t DESC"}, []int64{1, 3, 2}},
		{[]string{"n"}, []int64{1, 2, 3}},
		{[]string{"n DESC"}, []int64{2, 1, 3}},
		{[]string{"at"}, []int64{3, 1, 2}},
	} {
		live, err := Open(soon(t), m, OrderBy(c.by...))
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for k := range live.Ascend() {
			got = append(got, k)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("by %q: %v, want %v", c.by, got, c.want)
		}
		if err := live.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, by := range []string{"nothing", "f up", "m"} {
		if _, err := Open(soon(t), m, OrderBy(by)); err == nil {
			t.Errorf("order by %q is understood", by)
		}
	}
}

// hidden is part of a row that has a field of the same name.
type hidden struct {
	ID int64 `db:"id,pk"`
}

// hiding is a row that has another number than its key under that name.
type hiding struct {
	hidden
	ID int64 `db:"other"`
}

// TestHiddenFields: the key and the order are those of the columns, though another
// field hides theirs.
func TestHiddenFields(t *testing.T) {
	t.Parallel()
	s, err := NewSchema[int64, hiding]("item")
	if err != nil {
		t.Fatal(err)
	}
	a, b := &hiding{hidden{1}, 7}, &hiding{hidden{2}, 7}
	if k, err := s.Key(a); err != nil || k != 1 {
		t.Errorf("the key is %d, %v", k, err)
	}
	by, err := s.order([]string{"id"})
	if err != nil {
		t.Fatal(err)
	}
	if c := by[0](a, b); c >= 0 {
		t.Errorf("they are compared as %d", c)
	}
}

// TestOrderOfMixedValues: rows are in one order, also where the values of a column
// are of several types.
func TestOrderOfMixedValues(t *testing.T) {
	t.Parallel()
	type row struct {
		ID  int64         `db:"id,pk"`
		Any sql.Null[any] `db:"v"`
	}
	s, err := NewSchema[int64, row]("item")
	if err != nil {
		t.Fatal(err)
	}
	by, err := s.order([]string{"v"})
	if err != nil {
		t.Fatal(err)
	}
	compare := comparer(s, by)
	var rows []entry[int64, row]
	for i, v := range []any{int64(3), "b", 2.5, []byte("a"), int64(1), "a", true, []byte("b")} {
		rows = append(rows, entry[int64, row]{int64(i), &row{int64(i), sql.Null[any]{V: v, Valid: true}}})
	}
	for _, a := range rows {
		for _, b := range rows {
			for _, c := range rows {
				if compare(a, b) < 0 && compare(b, c) < 0 && compare(a, c) >= 0 {
					t.Fatalf("%v is before %v, that is before %v, which is not behind the first", a.row.Any.V, b.row.Any.V, c.row.Any.V)
				}
			}
		}
	}
}

package rowmap_test

import (
	"database/sql"
	"reflect"
	"testing"

	"github.com/vantage-go/live/internal/rowmap"
)

// line is a row of a result, as drivers have it.
type line []any

func (l line) Scan(dest ...any) error {
	for i, d := range dest {
		if s, ok := d.(sql.Scanner); ok {
			if err := s.Scan(l[i]); err != nil {
				return err
			}
			continue
		}
		reflect.ValueOf(d).Elem().Set(reflect.ValueOf(l[i]))
	}
	return nil
}

// TestReader: each row is one of its own, and what stands before its columns is where
// the caller wants it.
func TestReader(t *testing.T) {
	t.Parallel()
	type loaf struct {
		ID   int64  `db:"id,pk"`
		Name string `db:"name"`
		Note string `db:"note"`
	}
	typed := planFor[loaf](t)
	untyped, err := rowmap.Untyped([]rowmap.Column{{Name: "id", Key: true}, {Name: "name"}, {Name: "note"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*rowmap.Plan{"typed": typed, "untyped": untyped} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var columns rowmap.Bits
			for _, column := range []string{"id", "name"} {
				i, _ := p.Index(column)
				columns.Set(i)
			}
			n := 0
			r := p.Reader(columns, &n)
			var rows []any
			for i, l := range []line{{7, int64(1), "rye"}, {8, int64(2), "bun"}, {9, int64(3), "roll"}} {
				row, err := r.Read(l)
				if err != nil || n != 7+i {
					t.Fatalf("row %d: %v, %d stands before it", i, err, n)
				}
				rows = append(rows, row)
			}
			for i, want := range []string{"rye", "bun", "roll"} {
				id, _ := p.Index("id")
				at, _ := p.Index("name")
				if got := p.Value(rows[i], at); got != want || p.Value(rows[i], id) != int64(i+1) {
					t.Errorf("row %d is %v", i, rows[i])
				}
			}
		})
	}
}

// TestInteger: an integer takes what database/sql takes, and fails as it does.
func TestInteger(t *testing.T) {
	t.Parallel()
	for _, src := range []any{int64(7), int64(1) << 40, int64(-1) << 31, "12", []byte("-3"), "x", 2.0, 2.5, true, nil} {
		var held sql.Null[int32]
		want := held.Scan(src)
		n := int32(-1)
		got := rowmap.Integer[int32]{To: &n}.Scan(src)
		switch {
		case src == nil:
			if got == nil || got.Error() != "converting NULL to int32 is unsupported" {
				t.Errorf("NULL: %v", got)
			}
		case want == nil && (got != nil || n != held.V), want != nil && (got == nil || got.Error() != want.Error() || n != -1):
			t.Errorf("%v: %d, %v, want %d, %v", src, n, got, held.V, want)
		}
	}
}

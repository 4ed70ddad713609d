package table

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestView compares pages with what filtering and sorting gives, whatever
// happens to the rows.
func TestView(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(r *rapid.T) {
		m := newMemory(t, MemoryConfig[item]{})
		live, err := Open(soon(t), m)
		if err != nil {
			r.Fatal(err)
		}
		defer func() { _ = live.Close() }()
		view, err := NewView(live, func(i item) bool { return i.N >= 3 }, "name DESC", "n")
		if err != nil {
			r.Fatal(err)
		}
		for range rapid.IntRange(1, 5).Draw(r, "transactions") {
			m.Commit(func(tx *MemoryTx[int64, item]) {
				for range rapid.IntRange(1, 8).Draw(r, "rows") {
					id := rapid.Int64Range(1, 12).Draw(r, "id")
					if rapid.IntRange(0, 3).Draw(r, "delete") == 0 {
						tx.Delete(id)
						continue
					}
					tx.Set(item{ID: id, Name: rapid.SampledFrom(names).Draw(r, "name"), N: rapid.Int64Range(0, 9).Draw(r, "n")})
				}
			})
			if err := live.Sync(soon(t)); err != nil {
				r.Fatal(err)
			}
			want := slices.SortedFunc(maps.Values(m.Rows()), func(a, b item) int {
				return cmp.Or(cmp.Compare(b.Name, a.Name), cmp.Compare(a.N, b.N), cmp.Compare(a.ID, b.ID))
			})
			want = slices.DeleteFunc(want, func(i item) bool { return i.N < 3 })
			offset, limit := rapid.IntRange(0, 12).Draw(r, "offset"), rapid.IntRange(0, 5).Draw(r, "limit")
			page, total := view.Page(offset, limit)
			expected := want[min(offset, len(want)):min(offset+limit, len(want))]
			if total != len(want) || view.Len() != total || !slices.Equal(page, expected) {
				r.Fatalf("page %d+%d is %v of %d, want %v of %d", offset, limit, page, total, expected, len(want))
			}
		}
		if _, err := NewView(live, nil, "nothing"); err == nil {
			r.Error("an unknown column is taken")
		}
	})
}

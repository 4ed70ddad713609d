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

// TestIndexesOfClosedTables: what was made on a table that is closed costs those who
// share its rows nothing, and shows what it showed, as versions do that are held.
func TestIndexesOfClosedTables(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{})
	live := open(t, m)
	other := handle(live.core, func() error { return nil })
	write := func(id int64) {
		m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: id}) })
		settled(t, live, m)
	}
	view := func(l *LiveTable[int64, item]) *View[int64, item] {
		v, err := NewView(l, nil)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	write(1)
	kept, gone, index := view(live), view(other), NewIndex(other, func(i item) string { return i.Name })
	first := live.Snapshot()
	write(2)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	second := live.Snapshot()
	write(3)
	late := view(other)
	write(4)
	if n := len(live.core.current.Load().indexes); n != 1 {
		t.Errorf("%d indexes are kept current", n)
	}
	if kept.Len() != 4 || gone.Len() != 2 || index.Len("") != 2 || late.Len() != 2 {
		t.Errorf("%d rows, after Close %d, %d and %d", kept.Len(), gone.Len(), index.Len(""), late.Len())
	}
	if found := maps.Collect(index.Find("")); len(found) != 2 {
		t.Errorf("found %v", found)
	}
	for i, s := range []Snapshot[int64, item]{first, second} {
		rows, _ := gone.In(s, 0, 9)
		if found := maps.Collect(index.In(s, "")); len(rows) != i+1 || len(found) != i+1 {
			t.Errorf("version %d has %v and %v", i, rows, found)
		}
	}
	if rows, total := gone.In(live.Snapshot(), 0, 9); len(rows) != 0 || total != 0 {
		t.Errorf("a later version has %v of %d", rows, total)
	}
	for range index.In(live.Snapshot(), "") {
		t.Error("a later version has a row")
	}
}

// TestViewsGoWhileTheyAreRead: a view that is read while its table is closed never
// goes back, and then stays what it is.
func TestViewsGoWhileTheyAreRead(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{})
	live := open(t, m)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for id := int64(1); ; id++ {
			select {
			case <-stop:
				return
			default:
			}
			m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: id}) })
			_ = live.Sync(soon(t))
		}
	}()
	for range 50 {
		l := handle(live.core, func() error { return nil })
		view, err := NewView(l, nil)
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			_ = l.Close()
		}()
		before := 0
		for ended := false; !ended; {
			select {
			case <-closed:
				ended = true
			default:
			}
			n := view.Len()
			if n < before {
				t.Errorf("the view went from %d rows back to %d", before, n)
			}
			before = n
		}
		_ = live.Refresh(soon(t))
		if n := view.Len(); n != before {
			t.Errorf("%d rows after Close, then %d", before, n)
		}
	}
	close(stop)
	<-done
}

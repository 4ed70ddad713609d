package table

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vantage-go/live/dialects"
)

// model is a table of which a result is kept: each row has a place, and a name
// under which the query knows it.
type model map[string]keptRow[item]

// list is what the query would return, without its names for the rows.
func (m model) list(limit int) []string {
	rows := slices.SortedFunc(maps.Values(m), func(a, b keptRow[item]) int { return cmp.Compare(a.place, b.place) })
	var all []string
	for i, row := range rows {
		if i != limit {
			all = append(all, fmt.Sprintf("%s:%d", row.text, row.entry.row.N))
			continue
		}
		break
	}
	return all
}

// result is the result as it is loaded.
func (m model) result(limit int) *result[item] {
	r := &result[item]{limit: limit, proven: true, key: func(row *item) (string, error) { return fmt.Sprint(row.ID), nil }}
	for _, row := range slices.SortedFunc(maps.Values(m), func(a, b keptRow[item]) int { return cmp.Compare(a.place, b.place) }) {
		if len(r.rows) != limit {
			r.load(row.text, row.entry.key, row.entry.row, row.place)
		}
	}
	r.loaded()
	return r
}

// TestKeptResults: whatever changes, a kept result is what the query would return,
// and what is told of it leads from the one before; or it has to be loaded, which
// must not be without need.
func TestKeptResults(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		limit := rapid.SampledFrom([]int{-1, 0, 1, 2, 3}).Draw(r, "limit")
		rows, n := model{}, int64(0)
		put := func(id int) fate {
			n++
			place := dialects.Key(fmt.Sprintf("%d-%d", rapid.IntRange(0, 4).Draw(r, "place"), id))
			row := &item{ID: int64(id), N: n}
			rows[fmt.Sprint(id)] = keptRow[item]{fmt.Sprint(id), place, entry[string, item]{fmt.Sprint(id), row}}
			return fate{row, place}
		}
		for id := range rapid.IntRange(0, 5).Draw(r, "rows") {
			put(id)
		}
		kept := rows.result(limit)
		shown := map[string]int64{}
		for _, row := range kept.rows {
			shown[row.entry.key] = row.entry.row.N
		}
		for range rapid.IntRange(1, 8).Draw(r, "steps") {
			changes := map[string]fate{}
			for range rapid.IntRange(1, 3).Draw(r, "changes") {
				id := rapid.IntRange(0, 7).Draw(r, "id")
				if rapid.Bool().Draw(r, "gone") {
					delete(rows, fmt.Sprint(id))
					changes[fmt.Sprint(id)] = fate{}
				} else {
					changes[fmt.Sprint(id)] = put(id)
				}
			}
			before := len(kept.rows)
			some, list, ok := kept.apply(changes)
			if !ok {
				if limit < 0 || before < limit {
					r.Fatalf("a result without rows behind it has to be loaded")
				}
				return
			}
			var got []string
			for _, e := range list {
				got = append(got, fmt.Sprintf("%s:%d", e.key, e.row.N))
			}
			if want := rows.list(limit); !slices.Equal(got, want) {
				r.Fatalf("kept %q, want %q", got, want)
			}
			for key, row := range some {
				if delete(shown, key); row != nil {
					shown[key] = row.N
				}
			}
			var told []string
			for key, n := range shown {
				told = append(told, fmt.Sprintf("%s:%d", key, n))
			}
			slices.Sort(told)
			slices.Sort(got)
			if !slices.Equal(told, got) {
				r.Fatalf("what was told leads to %q, want %q", told, got)
			}
		}
	})
}

// TestKeptResultWithTwoOfAKey: rows that the query cannot tell apart are not kept.
func TestKeptResultWithTwoOfAKey(t *testing.T) {
	t.Parallel()
	r := model{}.result(-1)
	r.proven = false
	row := func(id int64) fate { return fate{row: &item{ID: id}} }
	if _, list, ok := r.apply(map[string]fate{"a": row(1), "b": row(2)}); !ok || len(list) != 2 {
		t.Fatalf("%v, %v", list, ok)
	}
	if _, _, ok := r.apply(map[string]fate{"b": row(1)}); ok {
		t.Error("two rows have the same key")
	}
}

// TestMeshKeeps: what was read after a result was there is a change of it, and what
// was read of before, or is not certain, makes the query run.
func TestMeshKeeps(t *testing.T) {
	t.Parallel()
	const text = "SELECT id, a FROM t WHERE a > 1 ORDER BY a"
	name := projectionName{columns: "id a"}
	made := map[projectionName]any{name: &item{}}
	for what, test := range map[string]struct {
		row   *sifted
		id    any
		early bool // the reading was opened before the result was there
		want  string
	}{
		"it comes in":           {&sifted{values{"id": int64(8), "a": int64(5)}, made}, int64(8), false, "8 is there"},
		"it stays":              {&sifted{values{"id": int64(7), "a": int64(5)}, made}, int64(7), false, "7 is there"},
		"it leaves":             {&sifted{values{"id": int64(7), "a": int64(1)}, nil}, int64(7), false, "7 is gone"},
		"it is gone":            {nil, int64(7), false, "7 is gone"},
		"another one is gone":   {nil, int64(8), false, ""},
		"it never was":          {&sifted{values{"id": int64(8), "a": int64(1)}, nil}, int64(8), false, ""},
		"read before":           {&sifted{values{"id": int64(8), "a": int64(5)}, made}, int64(8), true, "run"},
		"gone before":           {nil, int64(7), true, "run"},
		"not certain":           {&sifted{values{"id": int64(8), "a": 2.5}, made}, int64(8), false, "run"},
		"not made":              {&sifted{values{"id": int64(8), "a": int64(5)}, nil}, int64(8), false, "run"},
		"a key of another type": {&sifted{values{"id": "x", "a": int64(5)}, made}, "x", false, "run"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			m, one := newMesh(t, text, "7", "9")
			sorting, ok := one.listing.Sorting(m.ground.kinds)
			if !ok {
				t.Fatal("no order")
			}
			if test.early {
				m.opens()
			}
			m.begins(one)
			k := &keeping{projection: &projection{name: name, columns: []string{"id", "a"}}, sorting: sorting}
			m.loaded(one, &holds{ground: m.ground, texts: []string{"7", "9"}, known: true, keeping: k})
			if !test.early {
				m.opens()
			}
			m.sift(m.opened, map[told]*sifted{{test.id}: test.row}, false, 5)
			news, told := one.told(t)
			var got []string
			for text, change := range one.take() {
				if change.row != nil {
					got = append(got, text+" is there")
				} else {
					got = append(got, text+" is gone")
				}
			}
			if news.Whole {
				got = append(got, "run")
			}
			if all := strings.Join(got, ", "); all != test.want || told != (test.want != "") || told && news.Position != 5 {
				t.Errorf("%q, want %q; %+v", all, test.want, news)
			}
			m.leave(one)
			if n := len(m.looks) + len(m.holders); n > 0 {
				t.Errorf("%d things are left", n)
			}
		})
	}
}

// TestKeptResultCutsARow: a row behind the limit that the query would not tell from
// one before it does not take that one with it.
func TestKeptResultCutsARow(t *testing.T) {
	t.Parallel()
	r := &result[item]{limit: 2, key: func(row *item) (string, error) { return row.Name, nil }}
	r.load("1", "a", &item{ID: 1, Name: "a"}, "1")
	r.loaded()
	row := func(id int64, name string) fate { return fate{&item{ID: id, Name: name}, dialects.Key(fmt.Sprint(id))} }
	some, list, ok := r.apply(map[string]fate{"2": row(2, "b"), "3": row(3, "a")})
	if !ok || len(list) != 2 {
		t.Fatalf("%v, %v", list, ok)
	}
	if one, told := some["a"]; told && one == nil {
		t.Error("a row is told to be gone that is in the result")
	}
}

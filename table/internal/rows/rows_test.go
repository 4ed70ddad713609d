package rows

import (
	"maps"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// TestMap compares maps with plain ones, and looks whether versions stay as
// they were.
func TestMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			m     Map[int64, int]
			model map[int64]*int
		}
		keys := rapid.Int64Range(0, rapid.SampledFrom([]int64{3, 40, 3000}).Draw(t, "keys"))
		now := version{New[int64, int](), map[int64]*int{}}
		var versions []version
		for range rapid.IntRange(1, 8).Draw(t, "versions") {
			versions = append(versions, version{now.m, maps.Clone(now.model)})
			e := now.m.Edit()
			for range rapid.IntRange(0, 400).Draw(t, "changes") {
				k := keys.Draw(t, "key")
				if rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
					e.Delete(k)
					delete(now.model, k)
					continue
				}
				v := new(int)
				e.Set(k, v)
				now.model[k] = v
			}
			now.m = e.Map()
		}
		for _, v := range append(versions, now) {
			if got := maps.Collect(v.m.All()); !maps.Equal(got, v.model) {
				t.Fatalf("%d rows, want %d", len(got), len(v.model))
			}
			if v.m.Len() != len(v.model) {
				t.Fatalf("Len is %d, want %d", v.m.Len(), len(v.model))
			}
			for k := range int64(40) {
				if v.m.Get(k) != v.model[k] {
					t.Fatalf("row %d differs", k)
				}
			}
		}
	})
}

// TestKeys has a key of each kind.
func TestKeys(t *testing.T) {
	t.Parallel()
	testKeys(t, func(i int) int64 { return int64(i) })
	testKeys(t, func(i int) uint32 { return uint32(i) })
	testKeys(t, func(i int) int { return -i })
	testKeys(t, func(i int) string { return string(rune('a'+i%26)) + string(rune('a'+i/26)) })
	testKeys(t, func(i int) [16]byte { return [16]byte{byte(i), 15: byte(i >> 8)} })
	testKeys(t, func(i int) struct {
		A int
		B string
	} {
		return struct {
			A int
			B string
		}{i, "x"}
	})
}

func testKeys[K comparable](t *testing.T, key func(int) K) {
	t.Helper()
	m := New[K, int]()
	for i := range 500 {
		e := m.Edit()
		e.Set(key(i), &[]int{i}[0])
		m = e.Map()
	}
	for i := range 500 {
		if v := m.Get(key(i)); v == nil || *v != i {
			t.Fatalf("%T: row %d is lost", key(i), i)
		}
	}
	if m.Get(key(600)) != nil {
		t.Fatalf("%T: a row that was never set", key(0))
	}
}

type benchRow struct {
	ID   int64
	Name [9]int64
}

const benchRows = 1 << 20

func benchKeys() []int64 {
	keys := make([]int64, benchRows)
	for i, p := range rand.Perm(benchRows) {
		keys[i] = int64(p)
	}
	return keys
}

func BenchmarkGet(b *testing.B) {
	m, plain := New[int64, benchRow](), make(map[int64]*benchRow)
	e := m.Edit()
	for i := range int64(benchRows) {
		r := &benchRow{ID: i}
		e.Set(i, r)
		plain[i] = r
	}
	m = e.Map()
	keys := benchKeys()
	var sum int64
	b.Run("map", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			sum += plain[keys[i&(benchRows-1)]].ID
		}
	})
	b.Run("rows", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			sum += m.Get(keys[i&(benchRows-1)]).ID
		}
	})
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		r := new(benchRow)
		for i := 0; b.Loop(); i++ {
			e := m.Edit()
			e.Set(keys[i&(benchRows-1)], r)
			m = e.Map()
		}
	})
	_ = sum
}

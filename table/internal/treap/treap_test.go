package treap

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTree compares trees with sorted slices, and looks whether versions stay
// as they were.
func TestTree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		model := rapid.SliceOfDistinct(rapid.IntRange(0, 300), rapid.ID).Draw(t, "start")
		slices.Sort(model)
		tree := New(cmp.Compare[int], model)
		first, before := tree, slices.Clone(model)
		for range rapid.IntRange(0, 200).Draw(t, "changes") {
			v := rapid.IntRange(0, 300).Draw(t, "item")
			at, found := slices.BinarySearch(model, v)
			if rapid.Bool().Draw(t, "insert") {
				tree = tree.Insert(v)
				if !found {
					model = slices.Insert(model, at, v)
				}
				continue
			}
			tree = tree.Delete(v)
			if found {
				model = slices.Delete(model, at, at+1)
			}
		}
		check(t, tree, model)
		check(t, first, before)
	})
}

func check(t *rapid.T, tree Tree[int], model []int) {
	if tree.Len() != len(model) {
		t.Fatalf("Len is %d, want %d", tree.Len(), len(model))
	}
	for i, v := range model {
		if tree.At(i) != v {
			t.Fatalf("At(%d) is %d, want %d", i, tree.At(i), v)
		}
	}
	for _, i := range []int{0, len(model) / 2, len(model)} {
		if got := slices.Collect(tree.From(i)); !slices.Equal(got, model[i:]) {
			t.Fatalf("From(%d) is %v, want %v", i, got, model[i:])
		}
	}
	n := 0
	for range tree.From(0) {
		if n++; n == 3 {
			break
		}
	}
}

// Package treap is a persistent ordered set: the rows of a live table in order.
//
// A [Tree] is immutable; the next one shares with it all but the path to what
// has changed. It knows how many items are below each node, so that the item
// at a position, as pages of a view need it, costs as much as a search.
package treap

import (
	"iter"
	"math/rand/v2"
)

// Tree is an ordered set of items of which no two compare as equal. It is
// immutable.
type Tree[T any] struct {
	root    *node[T]
	compare func(a, b T) int
}

type node[T any] struct {
	item        T
	left, right *node[T]
	size        int
	priority    uint32 // not lower than those below
}

// New returns a tree of items that are in order already.
func New[T any](compare func(a, b T) int, sorted []T) Tree[T] {
	return Tree[T]{root: build(sorted, ^uint32(0)), compare: compare}
}

// build makes a balanced tree, with priorities as chance would have them.
func build[T any](sorted []T, below uint32) *node[T] {
	if len(sorted) == 0 {
		return nil
	}
	mid := len(sorted) / 2
	// The largest of n random numbers is about n/(n+1) of the way up.
	priority := uint32(uint64(below) * uint64(len(sorted)) / uint64(len(sorted)+1))
	n := &node[T]{item: sorted[mid], priority: priority, size: len(sorted)}
	n.left, n.right = build(sorted[:mid], priority), build(sorted[mid+1:], priority)
	return n
}

// Len returns the number of items.
func (t Tree[T]) Len() int { return t.root.len() }

func (n *node[T]) len() int {
	if n == nil {
		return 0
	}
	return n.size
}

// Insert returns the tree with an item, in place of one that compares as equal.
func (t Tree[T]) Insert(item T) Tree[T] {
	low, high := t.split(t.root, item)
	one := &node[T]{item: item, priority: rand.Uint32(), size: 1}
	return Tree[T]{root: merge(merge(low, one), high), compare: t.compare}
}

// Delete returns the tree without the item that compares as equal.
func (t Tree[T]) Delete(item T) Tree[T] {
	low, high := t.split(t.root, item)
	return Tree[T]{root: merge(low, high), compare: t.compare}
}

// split returns what is below item and what is above it.
func (t Tree[T]) split(n *node[T], item T) (low, high *node[T]) {
	if n == nil {
		return nil, nil
	}
	switch c := t.compare(n.item, item); {
	case c < 0:
		low, high = t.split(n.right, item)
		return n.with(n.left, low), high
	case c > 0:
		low, high = t.split(n.left, item)
		return low, n.with(high, n.right)
	}
	return n.left, n.right
}

func (n *node[T]) with(left, right *node[T]) *node[T] {
	return &node[T]{item: n.item, left: left, right: right, priority: n.priority, size: left.len() + right.len() + 1}
}

func merge[T any](low, high *node[T]) *node[T] {
	switch {
	case low == nil:
		return high
	case high == nil:
		return low
	case low.priority >= high.priority:
		return low.with(low.left, merge(low.right, high))
	}
	return high.with(merge(low, high.left), high.right)
}

// At returns the item at a position, which must be within the tree.
func (t Tree[T]) At(i int) T {
	n := t.root
	for {
		switch left := n.left.len(); {
		case i < left:
			n = n.left
		case i == left:
			return n.item
		default:
			i -= left + 1
			n = n.right
		}
	}
}

// From yields the items from a position on.
func (t Tree[T]) From(i int) iter.Seq[T] {
	return func(yield func(T) bool) { t.root.from(max(i, 0), yield) }
}

func (n *node[T]) from(i int, yield func(T) bool) bool {
	if n == nil || i >= n.size {
		return true
	}
	left := n.left.len()
	if i < left && !n.left.from(i, yield) {
		return false
	}
	if i <= left && !yield(n.item) {
		return false
	}
	return n.right.from(max(i-left-1, 0), yield)
}

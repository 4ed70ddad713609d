// Package intervals finds, of many intervals, those that a point lies in: the
// queries of a sieve by a value that a row has. The work goes with how many are
// found, and with the logarithm of how many there are.
package intervals

import (
	"math/rand/v2"
	"slices"
)

// Set is a set of intervals, each with values of its own. The zero value is
// empty. It is not safe for concurrent use.
type Set[V comparable] struct{ root *node[V] }

// node is one interval; the tree is in order of the intervals by where they
// begin, and then by where they end.
type node[V comparable] struct {
	from, to    string
	values      []V
	left, right *node[V]
	farthest    string // end of those below, and of this one
	priority    uint32 // not lower than those below
}

// Empty reports whether there is no interval.
func (s *Set[V]) Empty() bool { return s.root == nil }

// Add adds a value to the interval of the points that are not before from, and
// before to.
func (s *Set[V]) Add(from, to string, value V) {
	if n := s.find(from, to); n != nil {
		n.values = append(n.values, value)
		return
	}
	low, high := split(s.root, from, to)
	one := &node[V]{from: from, to: to, farthest: to, values: []V{value}, priority: rand.Uint32()}
	s.root = merge(merge(low, one), high)
}

// Remove takes a value away that was added with that interval.
func (s *Set[V]) Remove(from, to string, value V) {
	n := s.find(from, to)
	if n == nil {
		return
	}
	if i := slices.Index(n.values, value); i >= 0 {
		n.values = slices.Delete(n.values, i, i+1)
	}
	if len(n.values) > 0 {
		return
	}
	low, rest := split(s.root, from, to)
	_, high := split(rest, from, to+"\x00") // all that is not behind the interval is the interval
	s.root = merge(low, high)
}

// At calls f for each value of the intervals that a point lies in.
func (s *Set[V]) At(point string, f func(V)) { s.root.at(point, f) }

func (n *node[V]) at(point string, f func(V)) {
	for n != nil && point < n.farthest {
		n.left.at(point, f)
		if point < n.from {
			return // as are those behind it
		}
		if point < n.to {
			for _, v := range n.values {
				f(v)
			}
		}
		n = n.right
	}
}

// All calls f for each value.
func (s *Set[V]) All(f func(V)) { s.root.all(f) }

func (n *node[V]) all(f func(V)) {
	for ; n != nil; n = n.right {
		n.left.all(f)
		for _, v := range n.values {
			f(v)
		}
	}
}

func (s *Set[V]) find(from, to string) *node[V] {
	n := s.root
	for n != nil && (n.from != from || n.to != to) {
		if n.before(from, to) {
			n = n.right
		} else {
			n = n.left
		}
	}
	return n
}

func (n *node[V]) before(from, to string) bool {
	return n.from < from || n.from == from && n.to < to
}

// split returns what is before an interval, and the rest.
func split[V comparable](n *node[V], from, to string) (low, high *node[V]) {
	if n == nil {
		return nil, nil
	}
	if n.before(from, to) {
		n.right, high = split(n.right, from, to)
		n.measure()
		return n, high
	}
	low, n.left = split(n.left, from, to)
	n.measure()
	return low, n
}

func merge[V comparable](low, high *node[V]) *node[V] {
	switch {
	case low == nil:
		return high
	case high == nil:
		return low
	case low.priority >= high.priority:
		low.right = merge(low.right, high)
		low.measure()
		return low
	}
	high.left = merge(low, high.left)
	high.measure()
	return high
}

// measure finds out how far the intervals below reach.
func (n *node[V]) measure() {
	n.farthest = n.to
	if n.left != nil {
		n.farthest = max(n.farthest, n.left.farthest)
	}
	if n.right != nil {
		n.farthest = max(n.farthest, n.right.farthest)
	}
}

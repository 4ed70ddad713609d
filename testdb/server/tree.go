//go:build unix

package server

// walk lists the descendants of root in a tree of processes, parents first.
func walk(children map[int][]int, root int) []int {
	var all []int
	queue := []int{root}
	for len(queue) > 0 {
		next := children[queue[0]]
		all = append(all, next...)
		queue = append(queue[1:], next...)
	}
	return all
}

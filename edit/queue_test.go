package edit

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestQueue compares the queue with a slice.
func TestQueue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var want []*Op
		take := func(i int) {
			if !q.remove(want[i]) || q.remove(want[i]) {
				t.Fatal("taken out not once")
			}
			want = slices.Delete(want, i, i+1)
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			op := &Op{slow: rapid.Bool().Draw(t, "slow")}
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				q.append(op)
				want = append(want, op)
			case 1:
				q.prepend(op)
				want = slices.Insert(want, 0, op)
			case 2:
				if len(want) > 0 {
					take(rapid.IntRange(0, len(want)-1).Draw(t, "which"))
				}
			default: // every second one, while looking at all
				n := 0
				for op := range q.all() {
					if n++; n%2 == 0 {
						take(slices.Index(want, op))
					}
				}
			}
			slow := 0
			for _, op := range want {
				if op.slow {
					slow++
				}
			}
			if got := slices.Collect(q.all()); !slices.Equal(got, want) || q.len != len(want) || q.has(true) != (slow > 0) || q.has(false) != (slow < len(want)) {
				t.Fatalf("queue holds %d operations, want %d", len(got), len(want))
			}
		}
	})
}

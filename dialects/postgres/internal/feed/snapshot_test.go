package feed

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSnapshotsAreReadAndWritten(t *testing.T) {
	for _, text := range []string{"1:1:", "10:20:10,14,19", "99999:100001:99999,100000", "18446744073709551613:18446744073709551615:18446744073709551613"} {
		s, err := parseSnapshot(text)
		if err != nil {
			t.Error(err)
		} else if s.String() != text {
			t.Errorf("%q became %q", text, s)
		}
	}
	for _, text := range []string{"", "1:1", "0:1:", "2:1:", "1:2:,", "1:2:2", "5:9:4", "5:9:7,6", "1:2:3:4", "a:b:", "1:2: ", "-1:2:", "1:18446744073709551616:"} {
		if s, err := parseSnapshot(text); err == nil {
			t.Errorf("%q was taken for %v", text, s)
		}
	}
}

// timeline is a server that gives out numbers and takes snapshots.
type timeline struct {
	next    uint64
	latest  uint64 // highest number that has ended
	running []uint64
	ended   map[uint64]bool
}

func (s *timeline) begin() {
	s.running = append(s.running, s.next)
	s.next++
}

func (s *timeline) end(i int) {
	x := s.running[i]
	s.running = slices.Delete(s.running, i, i+1)
	s.ended[x] = true
	s.latest = max(s.latest, x)
}

// take is what the server does: xmax is one more than the highest number that
// has ended, whatever has begun since.
func (s *timeline) take() snapshot {
	snap := snapshot{xmax: s.latest + 1}
	snap.xmin = snap.xmax
	for _, x := range s.running {
		if x < snap.xmax {
			snap.xip = append(snap.xip, x)
			snap.xmin = min(snap.xmin, x)
		}
	}
	return snap
}

// saw is the definition: what had ended.
func saw(s snapshot, x uint64) bool { return x < s.xmax && !slices.Contains(s.xip, x) }

// TestSnapshotsCover lets a server run and compares snapshots of two times: in
// order the later one covers the earlier one, and covers says exactly whether
// everything that one has seen the other has, too.
func TestSnapshotsCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &timeline{next: 100, latest: 99, ended: map[uint64]bool{}}
		var snaps []snapshot
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch {
			case len(s.running) > 0 && rapid.Bool().Draw(t, "end"):
				s.end(rapid.IntRange(0, len(s.running)-1).Draw(t, "which"))
			default:
				s.begin()
			}
			if rapid.IntRange(0, 2).Draw(t, "snapshot") == 0 {
				snaps = append(snaps, s.take())
			}
		}
		for i, a := range snaps {
			for j, b := range snaps {
				all := true
				for x := uint64(100); x < s.next; x++ {
					all = all && (!saw(a, x) || saw(b, x))
				}
				if got := b.covers(a); got && !all {
					t.Fatalf("%v is said to cover %v", b, a)
				} else if i <= j && !got {
					t.Fatalf("%v, taken later, is said not to cover %v", b, a)
				}
			}
		}
	})
}

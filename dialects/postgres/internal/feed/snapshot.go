package feed

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// snapshot is the value of pg_current_snapshot(): which transactions had ended
// when it was taken. Those below xmin had; those from xmax on had not, most of
// them had not even begun; of those in between, xip lists the ones that were
// still running, prepared ones among them. Only top-level transactions count,
// and the log holds only their numbers.
type snapshot struct {
	xmin, xmax uint64
	xip        []uint64 // ascending
}

func parseSnapshot(text string) (snapshot, error) {
	var s snapshot
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return s, fmt.Errorf("postgres: %q is no snapshot", text)
	}
	var err error
	if s.xmin, err = strconv.ParseUint(parts[0], 10, 64); err != nil {
		return s, fmt.Errorf("postgres: %q is no snapshot: %w", text, err)
	}
	if s.xmax, err = strconv.ParseUint(parts[1], 10, 64); err != nil {
		return s, fmt.Errorf("postgres: %q is no snapshot: %w", text, err)
	}
	if parts[2] != "" {
		for part := range strings.SplitSeq(parts[2], ",") {
			xid, err := strconv.ParseUint(part, 10, 64)
			if err != nil {
				return s, fmt.Errorf("postgres: %q is no snapshot: %w", text, err)
			}
			s.xip = append(s.xip, xid)
		}
	}
	if s.xmin == 0 || s.xmin > s.xmax || !slices.IsSorted(s.xip) ||
		len(s.xip) > 0 && (s.xip[0] < s.xmin || s.xip[len(s.xip)-1] >= s.xmax) {
		return s, fmt.Errorf("postgres: %q is no snapshot", text)
	}
	return s, nil
}

// String returns the snapshot as PostgreSQL writes it.
func (s snapshot) String() string {
	b := strconv.AppendUint(nil, s.xmin, 10)
	b = append(b, ':')
	b = strconv.AppendUint(b, s.xmax, 10)
	b = append(b, ':')
	return string(s.appendRunning(b))
}

// appendRunning appends xip, with commas.
func (s snapshot) appendRunning(b []byte) []byte {
	for i, xid := range s.xip {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, xid, 10)
	}
	return b
}

// covers reports whether every transaction that had ended when t was taken had
// also ended when s was.
//
// Let x have ended in t: x < t.xmax, and x is not in t.xip. Then x < s.xmax,
// by the first condition. Were x in s.xip, then, since it is below t.xmax, it
// would be in t.xip by the second one. So x has ended in s.
//
// A server takes its snapshots one after the other, and both conditions hold
// whenever t was taken before s: xmax never falls, and a transaction that runs
// in s and whose number is below t.xmax ran in t, too, because numbers are
// given out in order.
func (s snapshot) covers(t snapshot) bool {
	if s.xmax < t.xmax {
		return false
	}
	for _, xid := range s.xip {
		if xid >= t.xmax {
			break
		}
		if _, found := slices.BinarySearch(t.xip, xid); !found {
			return false
		}
	}
	return true
}

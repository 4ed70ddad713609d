package conformlocks

import (
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/dialects"
)

// oracle is a meaning that knows one statement. Rows of part belong to whole,
// and view stands before tables.
type oracle struct {
	Meaning
	says dialects.Analysis
}

func (o oracle) Analyze(string) *dialects.Analysis { return &o.says }

func (o oracle) Told(t dialects.Table) []dialects.Table {
	switch t.Name {
	case "part":
		return []dialects.Table{t, {Name: "whole"}}
	case "view":
		return nil
	}
	return []dialects.Table{t}
}

func tables(names ...string) (list []dialects.Table) {
	for _, name := range names {
		list = append(list, dialects.Table{Name: name})
	}
	return list
}

func TestJudge(t *testing.T) {
	read, write := dialects.Scan{Kind: dialects.Read}, dialects.Scan{Kind: dialects.Write}
	for _, c := range []struct {
		name         string
		says         dialects.Analysis
		locks        string // names, with a ! if written
		lockingReads bool
		missed       string
		exact        int
	}{
		{"a read that names all", dialects.Analysis{Scan: read, Reads: tables("a", "b")}, "a b", false, "", 1},
		{"a read that misses one", dialects.Analysis{Scan: read, Reads: tables("a")}, "a b", false, "reads b", 1},
		{"a read that names too many", dialects.Analysis{Scan: read, Reads: tables("a", "b")}, "a", false, "", 0},
		{"a read of a part by the whole", dialects.Analysis{Scan: read, Reads: tables("whole")}, "part whole", false, "", 1},
		{"a read of a view", dialects.Analysis{Scan: read, Reads: tables("a")}, "view a", false, "", 1},
		{"a read that is not kept", dialects.Analysis{Scan: read, Uncacheable: "why not"}, "a", false, "", 0},
		{"a read that writes", dialects.Analysis{Scan: read, Uncacheable: "why not"}, "a!", false, "is a read and writes a", 0},
		{"a read that locks", dialects.Analysis{Scan: read, Uncacheable: "why not"}, "a!", true, "", 0},
		{"a read that is kept and writes", dialects.Analysis{Scan: read, Reads: tables("a")}, "a!", true, "is a read and writes a", 1},
		{"a read known to write", dialects.Analysis{Scan: read, Uncacheable: "why not", WritesAll: true}, "a!", false, "", 0},
		{"a write that names all", dialects.Analysis{Scan: write, Uncacheable: "a write", Writes: tables("a")}, "a! b", false, "", 1},
		{"a write that misses one", dialects.Analysis{Scan: write, Uncacheable: "a write", Writes: tables("a")}, "a! b!", false, "writes b", 1},
		{"a write to a part not told of the whole", dialects.Analysis{Scan: write, Uncacheable: "a write", Writes: tables("part")}, "part!", false, "writes whole", 1},
		{"a write to anything", dialects.Analysis{Scan: write, Uncacheable: "a write", WritesAll: true}, "a!", false, "", 0},
		{"a write with more that is not proven", dialects.Analysis{Scan: write, Uncacheable: "a write", Unproven: "a trigger"}, "a!", false, "", 0},
	} {
		o := &observation{text: c.name, locks: make(map[dialects.Table]bool)}
		for _, name := range strings.Fields(c.locks) {
			bare, written := strings.CutSuffix(name, "!")
			o.locks[dialects.Table{Name: bare}] = written
		}
		s := score(&Server{LockingReads: c.lockingReads}, oracle{says: c.says}, []*observation{o})
		var want []string
		if c.missed != "" {
			want = []string{c.name + "\n\t" + c.missed}
		}
		if !slices.Equal(s.Missed, want) || s.Exact != c.exact || s.Statements != 1 {
			t.Errorf("%s: %v, missed %q, want %q and %d exact", c.name, s, s.Missed, want, c.exact)
		}
	}
}

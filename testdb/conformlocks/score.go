package conformlocks

import (
	"fmt"
	"slices"

	"github.com/vantage-go/live/dialects"
)

// Meaning tells what statements mean under one catalogue.
type Meaning interface {
	Analyze(text string) *dialects.Analysis
	// Told returns the tables as which a change of a locked one is told: itself,
	// and others to which its rows belong. There are none for what the statement
	// has made itself, and for what stands before other tables that are locked.
	Told(locked dialects.Table) []dialects.Table
	// Objects returns what the catalogue holds, With the same meaning with other
	// objects.
	Objects() []*dialects.Object
	With(objects []dialects.Object) Meaning
}

// Altered is m with a change made to each of its objects.
func Altered(m Meaning, alter func(*dialects.Object)) Meaning {
	var objects []dialects.Object
	for _, o := range m.Objects() {
		altered := *o
		alter(&altered)
		objects = append(objects, altered)
	}
	return m.With(objects)
}

// Score sums up how the analysis of statements compares with what they locked.
type Score struct {
	// Kept are reads whose result would be kept, Closed writes of which the
	// tables are known. Exact are those of both of which nothing but what was
	// locked is named.
	Statements, Kept, Closed, Exact int
	Missed                          []string
}

func (s *Score) String() string {
	return fmt.Sprintf("%d statements ran, %d are reads that would be kept, %d writes whose tables are known; the tables are exact in %d of these; %d tables missed",
		s.Statements, s.Kept, s.Closed, s.Exact, len(s.Missed))
}

// Add adds the sums of another one.
func (s *Score) Add(other *Score) {
	s.Statements += other.Statements
	s.Kept += other.Kept
	s.Closed += other.Closed
	s.Exact += other.Exact
	s.Missed = append(s.Missed, other.Missed...)
}

// judge adds what m says of a statement.
func (s *Score) judge(on *Server, m Meaning, o *observation) {
	a := m.Analyze(o.text)
	kept := a.Uncacheable == ""
	closed := a.Scan.Kind == dialects.Write && !a.WritesAll && a.Unproven == ""
	miss := func(what string, t dialects.Table) {
		s.Missed = append(s.Missed, o.text+"\n\t"+what+" "+t.String())
	}
	for t, written := range o.locks {
		told := m.Told(t)
		if len(told) == 0 {
			continue
		}
		if kept && !slices.ContainsFunc(told, func(t dialects.Table) bool { return slices.Contains(a.Reads, t) }) {
			miss("reads", t)
		}
		if !written {
			continue
		}
		if a.Scan.Kind == dialects.Read && !a.Changes() && (kept || !on.LockingReads) {
			miss("is a read and writes", t)
		}
		for _, t := range told {
			if closed && !slices.Contains(a.Writes, t) {
				miss("writes", t)
			}
		}
	}
	s.Statements++
	if kept {
		s.Kept++
	}
	if closed {
		s.Closed++
	}
	unlocked := func(t dialects.Table) bool { _, ok := o.locks[t]; return !ok }
	if (kept || closed) && !slices.ContainsFunc(slices.Concat(a.Reads, a.Writes), unlocked) {
		s.Exact++
	}
}

// score sums up what m says of several statements.
func score(on *Server, m Meaning, observations []*observation) *Score {
	s := new(Score)
	for _, o := range observations {
		s.judge(on, m, o)
	}
	return s
}

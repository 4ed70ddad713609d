package torture

import (
	"math"
	"slices"
	"testing"
	"time"
)

// chronicle is a history of one item, whose version each transaction sets,
// committed at 100, 200 and so on.
func chronicle(t *testing.T, n int64, own ...int64) *history {
	t.Helper()
	foreign, ours := []entry(nil), []entry(nil)
	for v := int64(1); v <= n; v++ {
		e := []entry{
			{Version: v, Before: 100*v - 5, State: &state{Items: []item{{ID: 1, Grp: 0, Ver: v}}}},
			{Version: v, After: 100*v + 5},
		}
		mine := false
		for _, o := range own {
			mine = mine || o == v
		}
		if mine {
			ours = append(ours, e...)
		} else {
			foreign = append(foreign, e...)
		}
	}
	h, err := newHistory(0, state{}, [][]entry{foreign, ours}, []int{nobody, written})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestJudge(t *testing.T) {
	t.Parallel()
	h := chronicle(t, 10, 4)
	all := itemQuestions(shapeOf(1), 0)
	j := func() *judge { return newJudge([]*history{h}, all) }
	find := func(arg int64) int32 {
		return int32(slices.IndexFunc(all, func(q question) bool {
			return q.text == "SELECT grp, ver FROM item WHERE id = ?" && q.args[0] == arg
		}))
	}
	point, untouched := find(1), find(2) // item 2 never is
	at := func(question int32, v int) answer { return all[question].expected(int64(v), h.commits[v].state) }
	for _, c := range []struct {
		name       string
		question   int32
		answer     answer
		start, end int64
		demand     int64 // by how much less than a lease it may lag behind
		written    bool
		want       Verdict
		age        time.Duration
	}{
		{name: "current", question: point, answer: at(point, 5), start: 550, end: 560},
		{name: "committed while it is read", question: point, answer: at(point, 6), start: 550, end: 610},
		{name: "perhaps not committed yet", question: point, answer: at(point, 4), start: 497, end: 503},
		{name: "old but within the lease", question: point, answer: at(point, 5), start: 650, end: 651, age: 45},
		{name: "at the very end of the lease", question: point, answer: at(point, 5), start: 755, end: 756, age: 150},
		{name: "behind the end of the lease", question: point, answer: at(point, 5), start: 756, end: 757, want: Verdict{Old: 1}, age: 151},
		{name: "too old for a reader who asks for more", question: point, answer: at(point, 5), start: 650, end: 651, demand: 106, want: Verdict{Old: 1}, age: 45},
		{name: "just good enough for one", question: point, answer: at(point, 5), start: 650, end: 651, demand: 105, age: 45},
		{name: "long read", question: point, answer: at(point, 5), start: 700, end: 2000, age: 95},
		{name: "of the future", question: point, answer: at(point, 8), start: 550, end: 560, want: Verdict{Wrong: 1}},
		{name: "never committed", question: point, answer: 7, start: 550, end: 560, want: Verdict{Wrong: 1}},
		{name: "misses an own write", question: point, answer: at(point, 3), start: 450, end: 451, written: true, want: Verdict{Unwritten: 1}, age: 45},
		{name: "misses the write of another", question: point, answer: at(point, 3), start: 450, end: 451, age: 45},
		{name: "own write not acknowledged yet", question: point, answer: at(point, 3), start: 404, end: 405, written: true},
		{name: "misses the one after the own write", question: point, answer: at(point, 4), start: 550, end: 551, written: true, age: 45},
		{name: "own writes of other rows", question: untouched, answer: at(untouched, 0), start: 550, end: 551, written: true},
		{name: "at the end", question: point, answer: at(point, 10), start: 9000, end: 9001},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := j()
			handle := nobody
			if c.written {
				handle = written
			}
			j.see(read{Question: c.question, Start: c.start, End: c.end, Answer: c.answer, Within: 150 - c.demand}, handle)
			if j.counts != c.want || (len(j.violations) > 0) != (c.want != Verdict{}) {
				t.Errorf("judged %+v %v, want %+v", j.counts, j.violations, c.want)
			}
			if c.want.Wrong == 0 && j.age(1) != c.age {
				t.Errorf("age %d, want %d", j.age(1), c.age)
			}
		})
	}
}

// TestJudgeOfLinks: an own write may be missed where another program has just
// attached the partition that it went into, and nowhere else.
func TestJudgeOfLinks(t *testing.T) {
	t.Parallel()
	const lease = 150
	// Transaction 2 attaches; 3 is an own one, of a piece.
	attached := func(attacher int) *history {
		state := func(v int64) *state {
			s := &state{Pieces: []pair{{ID: 0, N: 1}}}
			if v < 2 {
				s.Facts.Detached = 1
			}
			if v == 3 {
				s.Pieces[0].N = 3
			}
			return s
		}
		of := func(v int64) []entry {
			return []entry{{Version: v, Before: 100*v - 5, State: state(v)}, {Version: v, After: 100*v + 5}}
		}
		h, err := newHistory(0, *state(0), [][]entry{of(1), of(2), of(3)}, []int{nobody, attacher, written})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	all := tableQuestions(0)
	point := int32(slices.IndexFunc(all, func(q question) bool { return q.text == "SELECT ver FROM piece WHERE lane = ? AND id = ?" }))
	free := slices.Clone(all)
	free[point].linked = false
	for _, c := range []struct {
		name          string
		attacher, of  int // the transaction that the answer is of
		start, within int64
		questions     []question
		missed        bool
	}{
		{name: "before the attachment", of: 1, start: 310, within: lease},
		{name: "of the attachment", of: 2, start: 310, within: lease},
		{name: "attached longer ago", of: 2, start: 360, within: lease, missed: true},
		{name: "attached by itself", of: 2, attacher: written, start: 310, within: lease, missed: true},
		{name: "for one who asks for more", of: 2, start: 310, within: 0, missed: true},
		{name: "of what is not linked", of: 2, start: 310, within: lease, questions: free, missed: true},
	} {
		h, questions := attached(c.attacher), all
		if c.questions != nil {
			questions = c.questions
		}
		j := newJudge([]*history{h}, questions)
		r := read{Question: point, Start: c.start, End: c.start + 1, Within: c.within, Answer: questions[point].expected(int64(c.of), h.commits[c.of].state)}
		j.see(r, written)
		want, unheard := Verdict{}, 1
		if c.missed {
			want, unheard = Verdict{Unwritten: 1}, 0
		}
		if j.counts != want || j.unheard != unheard {
			t.Errorf("%s: judged %+v, %d unheard", c.name, j.counts, j.unheard)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := &state{}
	for _, c := range []struct {
		name    string
		ledgers [][]entry
		commits int // 0 for a contradiction
	}{
		{"in one ledger", [][]entry{{{Version: 1, Before: 1, State: s}, {Version: 1, After: 2}}}, 1},
		{"killed after it was committed", [][]entry{{{Version: 1, Before: 1, State: s}}, {{Version: 2, Before: 5, State: s}, {Version: 2, After: 6}}}, 2},
		{"killed before", [][]entry{{{Version: 1, Before: 1, State: s}}, {{Version: 1, Before: 5, State: s}, {Version: 1, After: 6}}}, 1},
		{"committed twice", [][]entry{{{Version: 1, Before: 1, State: s}, {Version: 1, After: 2}}, {{Version: 1, Before: 5, State: s}, {Version: 1, After: 6}}}, 0},
		{"gap", [][]entry{{{Version: 2, Before: 1, State: s}, {Version: 2, After: 2}}}, 0},
		{"acknowledged before it was sent", [][]entry{{{Version: 1, After: 2}}}, 0},
		{"undone by the server", [][]entry{{{Version: 1, Before: 1, State: s}, {Version: 1, Undone: true}}, {{Version: 1, Before: 5, State: s}, {Version: 1, After: 6}}}, 1},
		{"undone, and nobody came after", [][]entry{{{Version: 1, Before: 1, State: s}, {Version: 1, After: 2}, {Version: 2, Before: 3, State: s}, {Version: 2, Undone: true}}}, 1},
		{"in another lane", [][]entry{{{Version: 1, Before: 1, State: s}, {Version: 1, After: 2}, {Lane: 1, Version: 1, Before: 3, State: s}, {Lane: 1, Version: 1, After: 4}}}, 1},
		{"two killed", [][]entry{{{Version: 1, Before: 1, State: s}}, {{Version: 1, Before: 1, State: s}}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, err := newHistory(0, state{}, c.ledgers, make([]int, len(c.ledgers)))
			if c.commits == 0 {
				if err == nil {
					t.Errorf("a history of %d transactions", h.last())
				}
				return
			}
			if err != nil || h.last() != c.commits {
				t.Fatalf("%v, want %d transactions", err, c.commits)
			}
		})
	}
	t.Run("a commit took effect before the next one began", func(t *testing.T) {
		t.Parallel()
		h, err := newHistory(0, state{}, [][]entry{{{Version: 1, Before: 1, State: s}, {Version: 1, After: 100}}, {{Version: 2, Before: 50, State: s}}}, make([]int, 2))
		if err != nil {
			t.Fatal(err)
		}
		if h.commits[1].after != 50 || h.commits[2].after != math.MaxInt64 {
			t.Errorf("took effect before %d and %d, want 50 and never", h.commits[1].after, h.commits[2].after)
		}
	})
}

func TestDiff(t *testing.T) {
	t.Parallel()
	before := state{Items: []item{{ID: 1, Ver: 1}, {ID: 2, Ver: 1}}, Parts: []part{{1, 0, 1}}}
	after := state{Items: []item{{ID: 2, Ver: 2}, {ID: 3, Ver: 1}}, Parts: []part{{1, 0, 1}, {2, 1, 1}}}
	got := make(map[rowKey]bool)
	for _, k := range diff(before, after) {
		got[k] = true
	}
	for _, k := range []rowKey{{"item", int64(1)}, {"item", int64(2)}, {"item", int64(3)}, {"part", "2,1"}} {
		if !got[k] {
			t.Errorf("%v is not reported", k)
		}
		delete(got, k)
	}
	if len(got) > 0 {
		t.Errorf("reported without reason: %v", got)
	}
}

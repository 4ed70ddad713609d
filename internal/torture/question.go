package torture

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"strconv"
)

// question is one read: its text, its arguments, and what the answer is in a
// given state of its lane.
type question struct {
	lane int64
	text string
	args []any
	// session numbers the settings that the answer is for, anySession if it is
	// the same under all.
	session int
	// linked: of which tables the answer is made, transactions change.
	linked bool
	answer func(version int64, s state, row func(...int64))
}

const anySession = -1

// linked marks a question as such.
func linked(q question) question {
	q.linked = true
	return q
}

// null stands for NULL in an answer. No column holds it.
const null = -1 << 62

// questions are all reads of a run: points, ranges, joins and aggregates, of
// each table alone and together. Those of what every transaction changes, the
// own number first, come last in each lane. No question has a part in both seq
// and another table: where a statement commits before the number of its
// transaction does, there is a moment between the two.
func (e *Engine) questions(s Shape) []question {
	var all []question
	for lane := range s.Lanes {
		first := len(all)
		all = append(all, itemQuestions(s, lane)...)
		all = append(all, tableQuestions(lane)...)
		all = append(all, e.placed(lane)...)
		all = append(all, numberQuestions(lane)...)
		for i := range all[first:] {
			q := &all[first+i]
			q.lane, q.text = lane, e.bind(q.text)
		}
	}
	return all
}

func ask(text string, answer func(version int64, s state, row func(...int64)), args ...any) question {
	return question{text: text, args: args, session: anySession, answer: answer}
}

// itemQuestions are about items, one by one and by ranges and groups.
func itemQuestions(s Shape, lane int64) []question {
	var all []question
	for id := lane * stride; id < lane*stride+s.Items; id++ {
		all = append(all, ask("SELECT grp, ver FROM item WHERE id = ?", func(_ int64, s state, row func(...int64)) {
			for _, i := range s.Items {
				if i.ID == id {
					row(i.Grp, i.Ver)
				}
			}
		}, id))
		if id%2 == 1 {
			continue
		}
		c := code(lane, id-lane*stride)
		all = append(all, ask("SELECT n, ver FROM part WHERE item = ? ORDER BY n", func(_ int64, s state, row func(...int64)) {
			for _, p := range s.Parts {
				if p.Item == id {
					row(p.N, p.Ver)
				}
			}
		}, id), ask("SELECT ver FROM part WHERE item = ? AND n = 0", func(_ int64, s state, row func(...int64)) {
			for _, p := range s.Parts {
				if p.Item == id && p.N == 0 {
					row(p.Ver)
				}
			}
		}, id), ask("SELECT id, ver FROM item WHERE code = ?", func(_ int64, s state, row func(...int64)) {
			for _, i := range s.Items {
				if i.Code == c {
					row(i.ID, i.Ver)
				}
			}
		}, c), ask("SELECT n FROM audit WHERE item = ?", func(_ int64, s state, row func(...int64)) {
			for _, a := range s.Audit {
				if a.ID == id {
					row(a.N)
				}
			}
		}, id))
	}
	for g := lane * stride; g < lane*stride+s.Groups; g++ {
		size := s.Items / s.Groups
		lo := lane*stride + (g-lane*stride)*size
		hi := lo + size - 1
		all = append(all, ask("SELECT id, ver FROM item WHERE id BETWEEN ? AND ? ORDER BY id", func(_ int64, s state, row func(...int64)) {
			for _, i := range s.Items {
				if i.ID >= lo && i.ID <= hi {
					row(i.ID, i.Ver)
				}
			}
		}, lo, hi), ask("SELECT count(*), sum(ver), max(ver) FROM item WHERE grp = ?", func(_ int64, s state, row func(...int64)) {
			row(summary(s.Items, g))
		}, g), ask("SELECT count(*), sum(ver), max(ver) FROM front WHERE grp = ?", func(_ int64, s state, row func(...int64)) {
			row(summary(s.Items, g))
		}, g), ask("SELECT i.id, i.ver, p.n, p.ver FROM item AS i JOIN part AS p ON p.item = i.id WHERE i.grp = ? ORDER BY i.id, p.n", func(_ int64, s state, row func(...int64)) {
			for _, p := range s.Parts {
				if i, ok := s.member(p.Item, g); ok {
					row(i.ID, i.Ver, p.N, p.Ver)
				}
			}
		}, g), ask("SELECT a.n FROM audit AS a WHERE EXISTS (SELECT 1 FROM item AS i WHERE i.id = a.item AND i.grp = ?) ORDER BY a.item", func(_ int64, s state, row func(...int64)) {
			for _, a := range s.Audit {
				if _, ok := s.member(a.ID, g); ok {
					row(a.N)
				}
			}
		}, g))
	}
	return all
}

// summary is the number of items in a group, the sum and the maximum of their
// versions.
func summary(items []item, grp int64) (n, sum, highest int64) {
	sum, highest = null, null
	for _, i := range items {
		if i.Grp == grp {
			n, sum, highest = n+1, add(sum, i.Ver), max(highest, i.Ver)
		}
	}
	return n, sum, highest
}

// tableQuestions are about the other tables of a lane, and about its views.
func tableQuestions(lane int64) []question {
	lo, hi := lane*stride, (lane+1)*stride-1
	all := []question{
		ask("SELECT count(*), sum(ver) FROM part WHERE item BETWEEN ? AND ?", func(_ int64, s state, row func(...int64)) {
			n, sum := int64(0), int64(null)
			for _, p := range s.Parts {
				n, sum = n+1, add(sum, p.Ver)
			}
			row(n, sum)
		}, lo, hi),
		ask("SELECT n FROM tick WHERE lane = ?", func(_ int64, s state, row func(...int64)) { row(s.Facts.Tick) }, lane),
		linked(ask("SELECT id, ver FROM piece WHERE lane = ? ORDER BY id", func(_ int64, s state, row func(...int64)) {
			if s.Facts.Detached == 0 {
				for _, p := range s.Pieces {
					row(p.ID, p.N)
				}
			}
		}, lane)),
		ask(fmt.Sprintf("SELECT id, ver FROM shown_%d ORDER BY id", lane), func(_ int64, s state, row func(...int64)) {
			for _, i := range s.Items {
				if i.Grp == s.Facts.Shown {
					row(i.ID, i.Ver)
				}
			}
		}),
		ask(fmt.Sprintf("SELECT * FROM wide_%d", lane), func(_ int64, s state, row func(...int64)) {
			values := []int64{1, s.Facts.WideN}
			for range s.Facts.Wide {
				values = append(values, 7)
			}
			row(values...)
		}),
	}
	for id := range int64(pieces) {
		all = append(all, linked(ask("SELECT ver FROM piece WHERE lane = ? AND id = ?", func(_ int64, s state, row func(...int64)) {
			for _, p := range s.Pieces {
				if p.ID == id && s.Facts.Detached == 0 {
					row(p.N)
				}
			}
		}, lane, id)))
	}
	return all
}

// numberQuestions are changed by every transaction.
func numberQuestions(lane int64) []question {
	return []question{
		ask("SELECT n FROM late WHERE lane = ?", func(_ int64, s state, row func(...int64)) { row(s.Facts.Late) }, lane),
		ask("SELECT n FROM seq WHERE lane = ?", func(version int64, _ state, row func(...int64)) { row(version) }, lane),
	}
}

// add is sum() of SQL: NULL until there is a row.
func add(sum, n int64) int64 {
	if sum == null {
		return n
	}
	return sum + n
}

// answer identifies the rows of a result. Two answers with the same 64 bits
// are taken for the same; with few thousand answers to a question, chance
// makes none so.
type answer uint64

// expected returns the answer in a state.
func (q *question) expected(version int64, s state) answer {
	h := fnv.New64a()
	var line []byte
	q.answer(version, s, func(row ...int64) {
		line = line[:0]
		for _, v := range row {
			line = append(strconv.AppendInt(line, v, 10), ' ')
		}
		h.Write(append(line, '\n'))
	})
	return answer(h.Sum64())
}

// ask asks the database, or whatever stands before it. All columns of all
// answers are whole numbers or NULL; how many there are is part of the answer.
func (q *question) ask(ctx context.Context, db querier) (answer, error) {
	h := fnv.New64a()
	var values []sql.NullInt64
	var into []any
	var line []byte
	err := each(ctx, db, q.text, q.args, func(rows *sql.Rows) error {
		if into == nil {
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			values, into = make([]sql.NullInt64, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		line = line[:0]
		for _, v := range values {
			if !v.Valid {
				v.Int64 = null
			}
			line = append(strconv.AppendInt(line, v.Int64, 10), ' ')
		}
		h.Write(append(line, '\n'))
		return nil
	})
	return answer(h.Sum64()), err
}

func (q *question) String() string {
	if q.session > 0 {
		return fmt.Sprintf("%s %v (settings %d)", q.text, q.args, q.session)
	}
	return fmt.Sprintf("%s %v", q.text, q.args)
}

package torture

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"strconv"
)

// question is one read: its text, its arguments, and what the answer is in a
// given state.
type question struct {
	text string
	args []any
	// columns is the number of columns, all of them integers or NULL.
	columns int
	answer  func(version int64, s state, row func(...int64))
}

// null stands for NULL in an answer. No column holds it.
const null = -1 << 62

// questions are all reads of a run: points, ranges, joins and aggregates, of
// each table alone and together.
func questions() []question {
	var all []question
	for id := range int64(items) {
		all = append(all, question{
			"SELECT grp, ver FROM item WHERE id = ?",
			[]any{id},
			2,
			func(_ int64, s state, row func(...int64)) {
				for _, i := range s.Items {
					if i.ID == id {
						row(i.Grp, i.Ver)
					}
				}
			},
		})
	}
	for id := int64(0); id < items; id += 2 {
		all = append(all, question{
			"SELECT n, ver FROM part WHERE item = ? ORDER BY n",
			[]any{id},
			2,
			func(_ int64, s state, row func(...int64)) {
				for _, p := range s.Parts {
					if p.Item == id {
						row(p.N, p.Ver)
					}
				}
			},
		}, question{
			"SELECT id, ver FROM item WHERE code = ?",
			[]any{code(id)},
			2,
			func(_ int64, s state, row func(...int64)) {
				for _, i := range s.Items {
					if i.Code == code(id) {
						row(i.ID, i.Ver)
					}
				}
			},
		})
	}
	for g := range int64(groups) {
		lo, hi := g*items/groups, (g+1)*items/groups-1
		all = append(all, question{
			"SELECT id, ver FROM item WHERE id BETWEEN ? AND ? ORDER BY id",
			[]any{lo, hi},
			2,
			func(_ int64, s state, row func(...int64)) {
				for _, i := range s.Items {
					if i.ID >= lo && i.ID <= hi {
						row(i.ID, i.Ver)
					}
				}
			},
		}, question{
			"SELECT count(*), sum(ver), max(ver) FROM item WHERE grp = ?",
			[]any{g},
			3,
			func(_ int64, s state, row func(...int64)) {
				n, sum, highest := int64(0), int64(null), int64(null)
				for _, i := range s.Items {
					if i.Grp == g {
						n, sum, highest = n+1, add(sum, i.Ver), max(highest, i.Ver)
					}
				}
				row(n, sum, highest)
			},
		}, question{
			"SELECT i.id, i.ver, p.n, p.ver FROM item AS i JOIN part AS p ON p.item = i.id WHERE i.grp = ? ORDER BY i.id, p.n",
			[]any{g},
			4,
			func(_ int64, s state, row func(...int64)) {
				for _, p := range s.Parts {
					if i, ok := s.member(p.Item, g); ok {
						row(i.ID, i.Ver, p.N, p.Ver)
					}
				}
			},
		})
	}
	return append(all, question{
		"SELECT count(*), sum(ver) FROM part", nil, 2,
		func(_ int64, s state, row func(...int64)) {
			n, sum := int64(0), int64(null)
			for _, p := range s.Parts {
				n, sum = n+1, add(sum, p.Ver)
			}
			row(n, sum)
		},
	}, question{
		"SELECT n, (SELECT count(*) FROM item) FROM seq", nil, 2,
		func(version int64, s state, row func(...int64)) { row(version, int64(len(s.Items))) },
	})
}

func code(n int64) string { return "code " + strconv.FormatInt(n, 10) }

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

// ask asks the database, or whatever stands before it.
func (q *question) ask(ctx context.Context, db querier) (answer, error) {
	h := fnv.New64a()
	values := make([]sql.NullInt64, q.columns)
	into := make([]any, q.columns)
	for i := range values {
		into[i] = &values[i]
	}
	var line []byte
	err := each(ctx, db, q.text, q.args, func(rows *sql.Rows) error {
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

func (q *question) String() string { return fmt.Sprintf("%s %v", q.text, q.args) }

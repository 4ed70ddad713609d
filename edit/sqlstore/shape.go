package sqlstore

import (
	"math/bits"
	"strings"

	"github.com/vantage-go/live/edit"
)

// shape is what the text of an update or delete depends on. Operations of one
// shape differ in their values only.
type shape struct {
	table *edit.Table
	kind  edit.OpKind
	set   edit.Columns // written
	check edit.Columns // compared with what the operation was made on
}

func shapeOf(op *edit.Op, checked bool) shape {
	s := shape{table: op.Table, kind: op.Kind}
	if op.Kind == edit.Update {
		s.set = op.Set
	}
	if checked {
		s.check = checks(op)
	}
	return s
}

// width is the number of values of an operation.
func (s *shape) width() int { return s.set.Len() + s.table.Plan().Key().Len() + s.check.Len() }

// values hands over the values of an operation: those to write, the key, and
// those to compare.
func (s *shape) values(op *edit.Op, f func(c *edit.Column, v any) error) error {
	plan := s.table.Plan()
	each := func(in edit.Columns, row any) error {
		for i := range in.All() {
			if err := f(&plan.Fields()[i].Column, plan.Value(row, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := each(s.set, op.Row); err != nil {
		return err
	}
	if err := each(plan.Key(), op.Base); err != nil {
		return err
	}
	return each(s.check, op.Base)
}

// arguments are the values of operations as they are sent.
func (s *shape) arguments(e engine, ops ...*edit.Op) ([]any, error) {
	args := make([]any, 0, len(ops)*s.width())
	for _, op := range ops {
		err := s.values(op, func(c *edit.Column, v any) error {
			arg, err := argument(e, c, v)
			args = append(args, arg)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return args, nil
}

// clauses are what an update or delete of such operations is made of: the
// assignments, to columns called by target, and the conditions, on columns
// called by prefix. What stands for a value is asked of value, in the order of
// values.
func (s *shape) clauses(e engine, target, prefix string, value func(c *edit.Column) string) (sets, conditions []string) {
	plan := s.table.Plan()
	fields := plan.Fields()
	for i := range s.set.All() {
		sets = append(sets, target+e.quote(fields[i].Name)+" = "+value(&fields[i].Column))
	}
	if i, ok := plan.Version(); ok {
		name := e.quote(fields[i].Name)
		sets = append(sets, target+name+" = "+prefix+name+" + 1")
	}
	for i := range plan.Key().All() {
		conditions = append(conditions, prefix+e.quote(fields[i].Name)+" = "+value(&fields[i].Column))
	}
	for i := range s.check.All() {
		left, equal, right := comparison(e, &fields[i].Column, expression(e, s.table, &fields[i], prefix))
		conditions = append(conditions, left+equal+value(&fields[i].Column)+right)
	}
	return sets, conditions
}

// single adds the statement for one row, without what it returns.
func (b *builder) single(s *shape) {
	sets, conditions := s.clauses(b.engine, "", "", b.place)
	if s.kind == edit.Delete {
		b.add("DELETE FROM ")
		b.table(s.table)
	} else {
		b.add("UPDATE ")
		b.table(s.table)
		b.add(" SET " + strings.Join(sets, ", "))
	}
	b.add(" WHERE " + strings.Join(conditions, " AND "))
}

// textKey names a text that a connection keeps.
type textKey struct {
	shape
	form  form
	rows  int
	facts *facts // that the text depends on
}

// form tells apart the texts of one shape.
type form uint8

const (
	ofOne  form = iota // one row
	ofMany             // many rows
	ofManyMarked
	ofOneDetermined
	ofManyDetermined
)

// text returns a text, which build makes if it is new.
func (l *link) text(key textKey, build func(b *builder)) string {
	if text, ok := l.texts[key]; ok {
		return text
	}
	if len(l.texts) >= maxStmts {
		clear(l.texts)
	}
	b := newBuilder(l.engine)
	build(b)
	l.texts[key] = b.String()
	return l.texts[key]
}

// maxRows and maxValues bound a statement that has a placeholder for each value.
const (
	maxRows   = 128
	maxValues = 16000
)

// chunk is how many of n rows of that many values one such statement takes: a
// power of two, so that there are few texts.
func chunk(n, width int) int {
	n = max(min(n, maxRows, maxValues/width), 1)
	return 1 << (bits.Len(uint(n)) - 1)
}

func (s *shape) chunk(n int) int { return chunk(n, s.width()) }

// returns matches the rows that come back with their operations. Mostly they
// come in their order.
type returns struct {
	ops   []*edit.Op
	next  int
	index map[string]int // by key, if it was ever needed
}

// op returns the operation of a row, nil if there is none.
func (r *returns) op(row any) *edit.Op {
	t := r.ops[0].Table
	if r.next < len(r.ops) {
		op := r.ops[r.next]
		if differ := t.Plan().DiffIn(row, op.Base, t.Plan().Key()); differ.Empty() {
			r.next++
			return op
		}
	}
	if r.index == nil {
		r.index = make(map[string]int, len(r.ops))
		for i, op := range r.ops {
			r.index[keyText(t, op.Key())] = i
		}
	}
	i, ok := r.index[rowKey(t, row)]
	if !ok {
		return nil
	}
	r.next = i + 1
	return r.ops[i]
}

package dialects

import (
	sqldriver "database/sql/driver"
)

// Condition is what a SELECT asks of each row of a table, as far as the text
// tells. The parts that were not understood are in it, too: they may be met or
// not.
type Condition struct {
	op     operator
	parts  []Condition // of allOf and anyOf
	column string      // folded
	values []value     // that it is compared with
}

// operator says what a condition, or a test, consists of. There is no negation
// of a whole, so that NULL need not be told from false.
type operator uint8

const (
	unclear operator = iota
	allOf
	anyOf
	isNull
	isNotNull
	equal // to one of several values
	unequal
	less
	atMost
	greater
	atLeast
)

// turned returns the operator with its sides exchanged.
func (o operator) turned() operator {
	switch o {
	case less:
		return greater
	case atMost:
		return atLeast
	case greater:
		return less
	case atLeast:
		return atMost
	default:
		return o
	}
}

// condition reads the condition in [i, hi). Leaves are those that it may still
// have.
func (p *parser) condition(i, hi int, leaves *int) Condition {
	or, and := p.connectives(i, hi)
	switch {
	case or == nil:
		*leaves--
		return Condition{}
	case len(or) > 1:
		return p.joinedBy(anyOf, or, hi, leaves)
	case len(and) > 1:
		return p.joinedBy(allOf, and, hi, leaves)
	}
	if *leaves--; *leaves < 0 {
		return Condition{}
	}
	return p.comparison(i, hi, leaves)
}

// joinedBy reads the parts of a condition that start there.
func (p *parser) joinedBy(op operator, starts []int, hi int, leaves *int) Condition {
	c := Condition{op: op}
	for k, start := range starts {
		end := hi
		if k+1 < len(starts) {
			end = starts[k+1] - 1
		}
		c.parts = append(c.parts, p.condition(start, end, leaves))
	}
	return c
}

// connectives returns where the parts of a condition start that OR connects, and
// those that AND connects, which counts if there is one of the former. They are
// nil if it is not certain what connects them.
func (p *parser) connectives(i, hi int) (or, and []int) {
	or, and = []int{i}, []int{i}
	between := 0
	for ; i < hi; i++ {
		switch p.mark(i) {
		case '(', '[':
			i = p.toks[i].pair()
			continue
		case '|', ':', ',', '&':
			if p.flavor == MySQL || p.mark(i) == ',' {
				return nil, nil // || may be OR, and := binds least of all
			}
		}
		if p.toks[i].kind != bareWord || p.mark(i-1) == '.' {
			continue
		}
		switch w := p.word(i); w {
		case "xor", "case", "when", "then", "else", "end", "as":
			return nil, nil
		case "between":
			between++
		case "or", "and":
			if w == "and" && between > 0 {
				between--
				continue
			}
			if between > 0 || i+1 == hi || or[len(or)-1] == i || and[len(and)-1] == i {
				return nil, nil
			}
			and = append(and, i+1)
			if w == "or" {
				or = append(or, i+1)
			}
		}
	}
	return or, and
}

// comparison reads what no AND or OR connects.
func (p *parser) comparison(i, hi int, leaves *int) Condition {
	if p.mark(i) == '(' && p.toks[i].pair() == hi-1 {
		return p.condition(i+1, hi-1, leaves)
	}
	if _, column, next := p.column(i, hi); next > 0 {
		return p.compared(column, next, hi)
	}
	if v, next, ok := p.operand(i, hi); ok {
		if op, next := p.operatorAt(next); op != unclear {
			if _, column, end := p.column(next, hi); end == hi {
				return Condition{op: op.turned(), column: column, values: []value{v}}
			}
		}
	}
	return Condition{}
}

// operatorAt reads an operator that compares two values.
func (p *parser) operatorAt(i int) (op operator, next int) {
	first, second := p.mark(i), p.mark(i+1)
	switch {
	case first == '<' && second == '>', first == '!' && second == '=':
		return unequal, i + 2
	case first == '<' && second == '=':
		return atMost, i + 2
	case first == '>' && second == '=':
		return atLeast, i + 2
	case first == '<':
		return less, i + 1
	case first == '>':
		return greater, i + 1
	case first == '=':
		return equal, i + 1
	}
	return unclear, i
}

// compared reads what stands behind a column, up to hi.
func (p *parser) compared(column string, i, hi int) Condition {
	of := func(op operator, values ...value) Condition { return Condition{op: op, column: column, values: values} }
	if op, next := p.operatorAt(i); op != unclear {
		if v, end, ok := p.operand(next, hi); ok && end == hi {
			return of(op, v)
		}
		return Condition{}
	}
	not := p.word(i) == "not"
	if not {
		i++
	}
	switch p.word(i) {
	case "in":
		values, ok := p.comparedWith(i, hi)
		switch {
		case !ok:
			return Condition{}
		case !not:
			return of(equal, values...)
		}
		c := Condition{op: allOf}
		for _, v := range values {
			c.parts = append(c.parts, of(unequal, v))
		}
		return c
	case "between":
		low, next, ok := p.operand(i+1, hi)
		if !ok || p.word(next) != "and" {
			return Condition{}
		}
		high, end, ok := p.operand(next+1, hi)
		switch {
		case !ok || end != hi:
			return Condition{}
		case not:
			return Condition{op: anyOf, parts: []Condition{of(less, low), of(greater, high)}}
		}
		return Condition{op: allOf, parts: []Condition{of(atLeast, low), of(atMost, high)}}
	case "is":
		switch {
		case not:
		case p.word(i+1) == "null" && i+2 == hi:
			return of(isNull)
		case p.word(i+1) == "not" && p.word(i+2) == "null" && i+3 == hi:
			return of(isNotNull)
		}
	}
	return Condition{}
}

// Test is a condition under the arguments of its statement, on a table whose
// columns are known. It never changes.
type Test struct {
	op     operator
	parts  []*Test
	column string // as the table calls it
	kind   ColumnKind
	keys   []Key // of equal and unequal
	bound  Key   // of less and so on, as ColumnKind.Order has it
}

// Verdict tells whether a row meets a test.
type Verdict uint8

// The verdicts.
const (
	No    Verdict = iota // it does not, or it cannot be told in SQL either
	Maybe                // the database knows
	Yes
)

// bind makes the test that a condition is under args on a table with these
// columns, by their folded names.
func (c *Condition) bind(columns map[string]namedKind, args []sqldriver.NamedValue) *Test {
	t := &Test{op: c.op}
	switch c.op {
	case unclear:
		return t
	case allOf, anyOf:
		for i := range c.parts {
			t.parts = append(t.parts, c.parts[i].bind(columns, args))
		}
		return t
	default:
	}
	column, known := columns[c.column]
	t.column, t.kind = column.name, column.ColumnKind
	if !known {
		return &Test{}
	}
	for i := range c.values {
		v, ok := c.values[i].under(t.kind.Kind, args)
		if !ok {
			return &Test{}
		}
		switch c.op {
		case equal, unequal:
			var key []byte
			if key, ok = t.kind.Kind.append(nil, v); ok {
				t.keys = append(t.keys, Key(key))
			}
		default:
			t.bound, ok = t.kind.order(v)
		}
		if !ok {
			return &Test{}
		}
	}
	return t
}

// under returns the value of an operand under args, if a column of that kind is
// compared with it as it is.
func (v *value) under(kind KeyKind, args []sqldriver.NamedValue) (any, bool) {
	if v.cast != NoKey && v.cast != kind || v.Param < 0 {
		return nil, false
	}
	worth := v.Literal
	if v.Param > 0 {
		var ok bool
		if worth, ok = argument(args, v.Param); !ok {
			return nil, false
		}
	}
	if v.approximate && (kind != IntKey || !exactFloat(worth)) {
		return nil, false
	}
	return worth, true
}

// Of tells whether a row meets the test, whose values by column are as the driver
// has read them. A column that is not there may have any value.
func (t *Test) Of(row map[string]any) Verdict {
	switch t.op {
	case unclear:
		return Maybe
	case allOf:
		all := Yes
		for _, part := range t.parts {
			all = min(all, part.Of(row))
		}
		return all
	case anyOf:
		one := No
		for _, part := range t.parts {
			one = max(one, part.Of(row))
		}
		return one
	default:
	}
	value, read := row[t.column]
	if !read {
		return Maybe
	}
	switch {
	case t.op == isNull:
		return verdictOf(value == nil)
	case t.op == isNotNull:
		return verdictOf(value != nil)
	case value == nil:
		return No
	case t.op == equal || t.op == unequal:
		key, ok := t.kind.Stored(value)
		if !ok {
			return Maybe
		}
		found := false
		for _, k := range t.keys {
			found = found || k == key
		}
		return verdictOf(found == (t.op == equal))
	}
	at, ok := t.kind.Order(value)
	if !ok {
		return Maybe
	}
	switch t.op {
	case less:
		return verdictOf(at < t.bound)
	case atMost:
		return verdictOf(at <= t.bound)
	case greater:
		return verdictOf(at > t.bound)
	default:
		return verdictOf(at >= t.bound)
	}
}

func verdictOf(met bool) Verdict {
	if met {
		return Yes
	}
	return No
}

// Exact reports whether nothing in the test is unclear, so that it is told of
// every row with usual values whether it meets it.
func (t *Test) Exact() bool {
	for _, part := range t.parts {
		if !part.Exact() {
			return false
		}
	}
	return t.op != unclear
}

// Excludes reports whether of some rows it can be told that they do not meet the
// test.
func (t *Test) Excludes() bool {
	switch t.op {
	case unclear:
		return false
	case allOf:
		for _, part := range t.parts {
			if part.Excludes() {
				return true
			}
		}
		return false
	case anyOf:
		for _, part := range t.parts {
			if !part.Excludes() {
				return false
			}
		}
		return true
	default:
		return true
	}
}

// Columns adds the columns that the test looks at.
func (t *Test) Columns(add func(column string)) {
	if t.column != "" {
		add(t.column)
	}
	for _, part := range t.parts {
		part.Columns(add)
	}
}

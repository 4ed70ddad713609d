package dialects

import (
	"math"
	"strconv"
	"strings"
)

// maxPinned is the number of keys beyond which a statement counts as one about
// the whole table.
const maxPinned = 64

// maxConjuncts is the number of equalities of one SELECT that are looked at.
const maxConjuncts = 64

// conjuncts collects the equalities that a row must meet for the condition in
// [i, hi) to hold, whatever else is in it. They may be about the tables among
// refs[from:to].
//
// Only what stands between two ANDs, all by itself, is looked at. Where
// something could bind less tightly than AND, nothing is.
func (p *parser) conjuncts(i, hi, lv, from, to int) {
	marks := p.ands(i, hi)
	for k := range marks {
		end := hi
		if k+1 < len(marks) {
			end = marks[k+1] - 1
		}
		p.conjunct(marks[k], end, lv, from, to)
	}
}

// ands returns where the parts of a condition start that AND connects, or
// nothing if it is not certain that AND is what connects them.
func (p *parser) ands(i, hi int) []int {
	starts := []int{i}
	between := 0
	for ; i < hi; i++ {
		switch p.mark(i) {
		case '(', '[':
			i = p.toks[i].pair()
			continue
		case '|', ':', ',', '&':
			if p.flavor == MySQL || p.mark(i) == ',' {
				return nil // || may be OR, and := binds least of all
			}
		}
		if p.toks[i].kind != bareWord || p.mark(i-1) == '.' {
			continue
		}
		switch p.word(i) {
		case "or", "xor", "case", "when", "then", "else", "end", "as":
			return nil
		case "between":
			between++
		case "and":
			if between > 0 {
				between--
				continue
			}
			if starts[len(starts)-1] == i || i+1 == hi {
				return nil
			}
			starts = append(starts, i+1)
		}
	}
	return starts
}

// conjunct looks at one part of a condition.
func (p *parser) conjunct(i, hi, lv, from, to int) {
	if p.mark(i) == '(' && p.toks[i].pair() == hi-1 {
		p.conjuncts(i+1, hi-1, lv, from, to)
		return
	}
	qualifier, column, next := p.column(i, hi)
	if next > 0 {
		if values, ok := p.comparedWith(next, hi); ok {
			p.addConjunct(lv, conjunct{qualifier, equality{column, values}, from, to})
		}
		return
	}
	if v, next, ok := p.operand(i, hi); ok && p.mark(next) == '=' {
		if qualifier, column, end := p.column(next+1, hi); end == hi {
			p.addConjunct(lv, conjunct{qualifier, equality{column, []value{v}}, from, to})
		}
	}
}

func (p *parser) addConjunct(lv int, c conjunct) {
	if l := &p.selects[lv]; len(l.conjuncts) < maxConjuncts {
		l.conjuncts = append(l.conjuncts, c)
	}
}

// comparedWith reads = value, or IN (value, …), which must end at hi.
func (p *parser) comparedWith(i, hi int) ([]value, bool) {
	if p.mark(i) == '=' {
		v, end, ok := p.operand(i+1, hi)
		return []value{v}, ok && end == hi
	}
	if p.word(i) != "in" || p.mark(i+1) != '(' || p.toks[i+1].pair() != hi-1 {
		return nil, false
	}
	var values []value
	for i += 2; ; i++ {
		v, end, ok := p.operand(i, hi-1)
		if !ok || len(values) == maxPinned {
			return nil, false
		}
		values = append(values, v)
		if i = end; i == hi-1 {
			return values, true
		}
		if p.mark(i) != ',' {
			return nil, false
		}
	}
}

// column reads the name of a column, with that of its table or without. It
// returns the index behind it, or 0.
func (p *parser) column(i, hi int) (qualifier, column string, next int) {
	if i >= hi || !p.isColumn(i) {
		return "", "", 0
	}
	column, ok := p.nameAt(i)
	next = i + 1
	if p.mark(next) == '.' && next < hi {
		if next+1 >= hi || !p.isColumn(next+1) {
			return "", "", 0
		}
		qualifier = p.spelling(i)
		var more bool
		column, more = p.nameAt(next + 1)
		ok = ok && more
		next += 2
	}
	if !ok {
		return "", "", 0
	}
	return qualifier, column, next
}

// isColumn reports whether the token at i can only be a name.
func (p *parser) isColumn(i int) bool {
	switch t := &p.toks[i]; t.kind {
	case bareWord:
		return p.mark(i-1) == '.' || !vocabulary[t.word].reserved.has(p.flavor) && !vocabulary[t.word].bare.has(p.flavor)
	case quotedName:
		return true
	case eitherName:
		return p.flavor == SQLite
	default:
		return false
	}
}

// operand reads an argument or a literal at i.
func (p *parser) operand(i, hi int) (v value, next int, ok bool) {
	if i >= hi {
		return value{}, 0, false
	}
	switch t := &p.toks[i]; t.kind {
	case parameter:
		v.Param, v.approximate, ok = p.param(i)
	case number:
		v.Literal, ok = integer("", p.text[t.start:t.end])
	case stringText:
		v.Literal, ok = plainString(p.text[t.start:t.end])
	case punct:
		if i+1 < hi && t.ch == '-' && p.toks[i+1].kind == number {
			i++
			v.negative = true
			v.Literal, ok = integer("-", p.text[p.toks[i].start:p.toks[i].end])
		}
	case bareWord:
		switch p.word(i) {
		case "true":
			v.Literal, ok = true, p.flavor == Postgres
		case "false":
			v.Literal, ok = false, p.flavor == Postgres
		}
	case quotedName, eitherName, variable:
	}
	if k := p.toks[i].kind; ok && (k == number || k == stringText) {
		v.literal = p.literalAt(i)
	}
	next = i + 1
	if ok && next+1 < hi && p.mark(next) == castMark {
		v.cast, ok = castKind(p.word(next + 1))
		next += 2
		if _, text := v.Literal.(string); v.cast == TextKey && !text && v.Param == 0 {
			ok = false // 05::text
		}
	}
	return v, next, ok
}

// castKind returns the kind of key that a cast to the type makes of a value.
func castKind(word string) (KeyKind, bool) {
	switch word {
	case "bigint", "int8", "int", "int4", "integer", "smallint", "int2":
		return IntKey, true
	case "uuid":
		return UUIDKey, true
	case "text":
		return TextKey, true
	case "bool", "boolean":
		return BoolKey, true
	case "bytea":
		return BytesKey, true
	}
	return NoKey, false
}

// integer returns the value of a number of nothing but digits.
func integer(sign, digits string) (any, bool) {
	for i := range len(digits) {
		if !isDigit(digits[i]) {
			return nil, false
		}
	}
	n, err := strconv.ParseInt(sign+digits, 10, 64)
	return n, err == nil
}

// plainString returns the value of a string in single quotes that every
// setting reads alike.
func plainString(literal string) (any, bool) {
	if literal[0] != '\'' || strings.IndexByte(literal, '\\') >= 0 {
		return nil, false
	}
	return strings.ReplaceAll(literal[1:len(literal)-1], "''", "'"), true
}

// paramStyle is how the arguments of a text are numbered.
type paramStyle uint8

const (
	noParams paramStyle = iota
	dollarParams
	countedParams  // ?
	numberedParams // ?1
)

// paramStyle finds out how arguments are numbered. Ways that are mixed are not
// looked into.
func (p *parser) paramStyle() paramStyle {
	style := noParams
	for i := range p.toks {
		t := &p.toks[i]
		if t.kind != parameter {
			continue
		}
		var now paramStyle
		switch {
		case p.flavor == Postgres && t.ch == '$':
			now = dollarParams
			if n, ok := p.ordinal(t); ok && n < len(p.uses) && p.uses[n] < 2 {
				p.uses[n]++
			}
		case p.flavor == Postgres || t.ch != '?':
			return noParams // an operator, or an argument with a name
		case t.end-t.start > 1:
			now = numberedParams
		default:
			now = countedParams
		}
		if style != noParams && style != now {
			return noParams
		}
		style = now
	}
	return style
}

// ordinal returns the number in a parameter like $1 or ?1.
func (p *parser) ordinal(t *token) (int, bool) {
	n, err := strconv.Atoi(p.text[t.start+1 : t.end])
	return n, err == nil && 0 < n && n <= math.MaxUint16
}

// param returns the ordinal of the argument at i, and whether the database may
// give it another type than that of the column it is compared with.
func (p *parser) param(i int) (ordinal int, approximate, ok bool) {
	switch p.params {
	case dollarParams:
		n, ok := p.ordinal(&p.toks[i])
		return n, n >= len(p.uses) || p.uses[n] > 1, ok
	case numberedParams:
		n, ok := p.ordinal(&p.toks[i])
		return n, false, ok
	case countedParams:
		if i < p.counted.at {
			p.counted.at, p.counted.params = 0, 0
		}
		for ; p.counted.at <= i; p.counted.at++ {
			if p.toks[p.counted.at].kind == parameter {
				p.counted.params++
			}
		}
		return p.counted.params, false, true
	default:
		return 0, false, false
	}
}

// attach gives the conjuncts of a level to the references that they are about.
func (p *parser) attach(lv int) {
	for _, c := range p.selects[lv].conjuncts {
		found := -1
		for k := range p.refs {
			r := &p.refs[k]
			if r.level != lv || c.qualifier != "" && r.alias != c.qualifier {
				continue
			}
			if found >= 0 {
				found = -2
				break
			}
			found = k
		}
		if found >= c.from && found < c.to && (c.qualifier != "" || p.selects[lv].items == 1) {
			r := &p.refs[found]
			r.where = append(r.where, c.equality)
		}
	}
	p.selects[lv].conjuncts = nil
}

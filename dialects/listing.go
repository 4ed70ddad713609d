package dialects

import (
	sqldriver "database/sql/driver"
	"strconv"
)

// Listing is what the text of a SELECT tells that lists rows of one table: which
// of them it lists, and what it shows of one, depends on that row alone, but for
// a LIMIT, which cuts the list at its end. So a row that has changed matters
// only if it was in the result, or meets the conditions now.
type Listing struct {
	// Schema and Name are the table as the text has it, folded; the schema may
	// be empty.
	Schema, Name string
	// Conditions must be met by every row, each of them. The text may have more.
	Conditions []Condition

	flavor Flavor
	star   bool
	shown  []string // folded
}

// Condition tells that a column equals one of some values.
type Condition struct{ equality }

// ListingOf returns the listing that a text is. It looks at nothing but the
// text: the table may be a view, and the text may be wrong. It returns false for
// a text that is none, has no condition or was not understood.
func ListingOf(flavor Flavor, text string) (*Listing, bool) {
	s := scanners.Get().(*scanner)
	defer s.release()
	s.flavor, s.text = flavor, text
	l := lexer{flavor: flavor, text: text, quotes: quotings(flavor)[0], toks: s.buffer[:0]}
	l.run()
	s.buffer, s.toks = l.toks, l.toks
	if l.refusal != "" || l.doubt || l.hint || s.word(0) != "select" {
		return nil, false
	}
	p := s.parser()
	if p == nil || len(p.refs) != 1 || len(p.selects) != 1 || p.selects[0].items != 1 {
		return nil, false
	}
	ref := &p.refs[0]
	if ref.name == "" || ref.maybe || len(ref.where) == 0 {
		return nil, false
	}
	found := &Listing{Schema: ref.schema, Name: ref.name, flavor: flavor}
	for _, e := range ref.where {
		found.Conditions = append(found.Conditions, Condition{e})
	}
	from := p.listed(found)
	if from < 0 || !p.plainTail(from) {
		return nil, false
	}
	return found, true
}

// listed reads what stands between SELECT and FROM, and returns the place of
// FROM. It returns -1 where there are parentheses: they may be those of an
// aggregate.
func (p *parser) listed(l *Listing) int {
	for start, i := 1, 1; i < p.hi; i++ {
		end := p.mark(i) == ',' || p.stopAt(i, stopFrom) != 0 && !p.isLabel(i)
		switch {
		case p.mark(i) == '(' || p.mark(i) == '[':
			return -1
		case !end:
			continue
		case p.mark(i-1) == '*' && (i-1 == start || p.mark(i-2) == '.' && i-3 == start):
			l.star = true
		default:
			if _, column, next := p.column(start, i); next == i {
				l.shown = append(l.shown, column)
			}
		}
		if p.mark(i) != ',' {
			return i
		}
		start = i + 1
	}
	return -1
}

// plainTail reports whether nothing stands behind FROM, at i, but a table, WHERE,
// ORDER BY with columns, and LIMIT without an offset.
func (p *parser) plainTail(i int) bool {
	where, limit := false, false
	for ; i < p.hi; i++ {
		switch p.mark(i) {
		case '(', '[':
			if !where {
				return false
			}
			i = p.toks[i].pair()
			continue
		case ',':
			if limit {
				return false
			}
		}
		if p.isLabel(i) {
			continue
		}
		switch p.word(i) {
		case "where":
			where = true
		case "order":
			where = false
		case "limit":
			where, limit = false, true
		case "offset", "fetch", "for", "lock", "into", "with", "window", "group", "having", "procedure", "tablesample":
			return false
		default:
			if p.stopAt(i, stopSets) != 0 {
				return false
			}
		}
	}
	return true
}

// Shows reports whether the result has the column under its own name, provided
// that it has only one of that name.
func (l *Listing) Shows(column string) bool {
	if l.star {
		return true
	}
	for _, shown := range l.shown {
		if shown == Fold(l.flavor, column) {
			return true
		}
	}
	return false
}

// On reports whether the condition is on that column.
func (l *Listing) On(c *Condition, column string) bool { return c.column == Fold(l.flavor, column) }

// Keys returns the values that the column may have, which is of that kind, under
// args. It returns false if they cannot be told: then any row may meet the
// condition.
func (c *Condition) Keys(kind KeyKind, args []sqldriver.NamedValue) ([]Key, bool) {
	if !fits(c.values, kind) {
		return nil, false
	}
	pin := Pin{Kinds: []KeyKind{kind}, Rows: make([][]Operand, len(c.values))}
	for i := range c.values {
		pin.Rows[i] = []Operand{c.values[i].Operand}
	}
	return pin.Keys(args)
}

// Stored returns the form of a value that a driver has read from a column of
// kind k, as [Condition.Keys] has it. It returns false for one that may be equal
// to values which look different.
func (k KeyKind) Stored(value any) (Key, bool) {
	if text, ok := value.([]byte); ok && k != BytesKey {
		value = string(text)
	}
	if text, ok := value.(string); ok && k == IntKey {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return "", false
		}
		value = n
	}
	key, ok := k.append(nil, value)
	return Key(key), ok
}

package dialects

import "slices"

// clauses is what the grammar of one statement tells: which names in it are
// tables, and which of their rows it asks for.
//
// The parser knows the shape of SELECT, INSERT, UPDATE, DELETE and MERGE and
// nothing of expressions, but for the queries within them. It fails closed: a
// statement with anything in it that it cannot place is left to the scanner.
type clauses struct {
	refs    []reference
	selects []queryLevel
	write   writing
	// aliases are tokens that look like calls and are aliases with columns.
	aliases []int
}

// reference is one place of a statement where a table is named.
type reference struct {
	schema, name string // folded; the schema may be empty, as is the name of a common table expression
	alias        string // by which columns call it, see spelling, or empty
	// maybe: in some databases, or versions of them, the name is that of a
	// common table expression.
	maybe bool
	// target: the statement writes it.
	target bool
	level  int
	// where are the conditions that each row of it has to meet.
	where []equality
}

// queryLevel is one SELECT, or the like.
type queryLevel struct {
	items int // the things that stand in FROM
	// conjuncts are the conditions that are not yet attached to a reference.
	conjuncts []conjunct
}

// equality is a condition on one column: it equals one of some values.
type equality struct {
	column string
	values []value
}

// value is an operand of an equality.
type value struct {
	Operand
	// cast is the kind of key that the text makes of the value, or NoKey.
	cast KeyKind
}

// conjunct is an equality that limits the tables among refs[from:to].
type conjunct struct {
	qualifier string // see spelling; may be empty
	equality
	from, to int
}

// writing is what a statement that writes rows does to its target.
type writing struct {
	verb string
	// simple: nothing but rows of the target are written, which is the first
	// reference, and by nothing but columns and rows below.
	simple bool
	// columns are those that an INSERT gives values to, in order, or those
	// that an UPDATE sets.
	columns []string
	// rows are the values of an INSERT. Those that are no operands have a
	// negative Param.
	rows [][]value
}

// scope is the list of common table expressions that can be seen from a place,
// the innermost first. It never changes.
type scope struct {
	outer *scope
	cte   string // folded
	// spelling of the name, or nothing if the databases disagree about whether
	// it can be seen.
	spelling string
}

// find reports whether a name is one of the scope, and whether all databases
// say so.
func (s *scope) find(name, spelling string) (found, certain bool) {
	for ; s != nil; s = s.outer {
		if s.cte == name {
			if s.spelling == spelling {
				return true, true
			}
			found = true
		}
	}
	return found, false
}

// maxReferences is the number of tables that a statement may name to be
// understood.
const maxReferences = 256

// parser reads the clauses of one statement. Its methods return the index of
// the token where they stopped, or -1 if they do not understand the statement.
type parser struct {
	*scanner
	clauses
	hi int // the end of the statement
	// notQuery: up to there, parentheses directly within one another are known
	// to be no query.
	notQuery int
	// params tells how arguments are numbered.
	params paramStyle
	// uses counts the places of $1 and so on, up to two.
	uses [65]uint8
	// counted are the arguments before a token.
	counted struct{ at, params int }
	// literals are those up to a token.
	literals struct{ at, n int }
}

// parse reads the tokens of the scanner, which must be one statement. It
// returns nil if it does not understand them.
func (s *scanner) parse() *clauses {
	if p := s.parser(); p != nil {
		return &p.clauses
	}
	return nil
}

// parser returns a parser that has read the tokens; see parse.
func (s *scanner) parser() *parser {
	p := &parser{scanner: s, hi: len(s.toks), notQuery: -1}
	for p.hi > 0 && s.mark(p.hi-1) == ';' {
		p.hi--
	}
	if p.hi == 0 {
		return nil
	}
	p.params = p.paramStyle()
	s.lo, s.hi = 0, p.hi // for the scanner's own methods
	end := -1
	switch s.word(0) {
	case "select", "values", "table", "with", "":
		end = p.queryExpr(0, p.hi, nil)
	case "insert", "update", "delete", "replace", "merge":
		end = p.writeClause(0, p.hi, nil)
	}
	if end != p.hi {
		return nil
	}
	for i := range p.selects {
		p.attach(i)
	}
	for _, i := range p.aliases {
		s.toks[i].flags |= notCall
	}
	return p
}

// writes reports whether the statement writes tables that it names.
func (c *clauses) writes() bool {
	return slices.ContainsFunc(c.refs, func(r reference) bool { return r.target })
}

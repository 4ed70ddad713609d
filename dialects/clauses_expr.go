package dialects

// stops is a set of things that end an expression.
type stops uint8

const (
	stopFrom   stops = 1 << iota // FROM
	stopSets                     // UNION, EXCEPT, INTERSECT
	stopTail                     // what can follow WHERE, and the conditions of joins
	stopWhere                    // WHERE
	stopJoin                     // what can follow the condition of a join
	stopComma                    // a comma
	stopSet                      // SET
	inFunction                   // no stop: FROM may belong to the call of a function
)

// expr reads an expression, or several, in [i, hi), for the queries within
// them. It stops at the first thing of the set outside of parentheses.
func (p *parser) expr(i, hi int, until stops, sc *scope) int {
	for i < hi {
		t := &p.toks[i]
		switch t.kind {
		case punct:
			switch t.ch {
			case '(':
				if i = p.parens(i, sc); i < 0 {
					return -1
				}
				continue
			case ',':
				if until&stopComma != 0 {
					return i
				}
			case ';', '{', '}':
				return -1
			}
		case bareWord:
			if t.word == 0 || p.isLabel(i) {
				break
			}
			stop := p.stopAt(i, ^stops(0))
			switch {
			case stop&until != 0:
				return i
			case stop == stopFrom && until&inFunction == 0, stop == stopSets:
				return -1
			}
			switch vocabulary[t.word].text {
			case "select", "table", "join", "straight_join":
				return -1
			case "in":
				if p.flavor == SQLite && p.mark(i+1) != '(' {
					if i = p.inTable(i+1, hi, sc); i < 0 {
						return -1
					}
					continue
				}
			}
		case quotedName, eitherName, stringText, number, parameter, variable:
		}
		i++
	}
	if i > hi {
		return -1
	}
	return i
}

// isLabel reports whether the word at i is a name by its place: behind a dot,
// or behind an AS that is no name itself.
func (p *parser) isLabel(i int) bool {
	if p.mark(i-1) == '.' {
		return true
	}
	return p.word(i-1) == "as" && p.mark(i-2) != '.' && p.word(i-2) != "as"
}

// parens reads the parentheses at i in an expression.
func (p *parser) parens(i int, sc *scope) int {
	end := p.toks[i].pair()
	if p.isQuery(i) {
		if p.queryExpr(i+1, end, sc) != end {
			return -1
		}
		return end + 1
	}
	var until stops
	switch p.word(i - 1) {
	case "extract", "trim", "substring", "substr", "mid", "overlay":
		until = inFunction
	case "lastval", "nextval", "setval":
		if p.flavor == MySQL {
			return -1 // of a sequence, which is a table
		}
	}
	if p.expr(i+1, end, until, sc) != end {
		return -1
	}
	return end + 1
}

// inTable reads the table behind IN of SQLite, or the call of a function that
// is one.
func (p *parser) inTable(i, hi int, sc *scope) int {
	if i >= hi {
		return -1
	}
	lv := p.newLevel()
	if i = p.tableName(i, hi, lv, sc); i < 0 {
		return -1
	}
	if p.mark(i) == '(' && i < hi {
		p.refs[len(p.refs)-1].maybe = true
		return p.parens(i, sc)
	}
	return i
}

// stopAt returns the stop that stands at i, if it is in the set.
//
// A word that a database lets be a name, too, may be taken for a stop by
// mistake. Then what stands before it lacks its end, or what follows makes no
// sense, and the statement is not understood.
func (p *parser) stopAt(i int, of stops) stops {
	if i >= len(p.toks) || p.toks[i].kind != bareWord {
		return 0
	}
	var stop stops
	switch p.word(i) {
	case "from":
		if p.word(i-1) == "distinct" && (p.word(i-2) == "is" || p.word(i-2) == "not" && p.word(i-3) == "is") {
			return 0 // IS DISTINCT FROM
		}
		stop = stopFrom
	case "union", "except", "intersect", "minus":
		switch p.word(i + 1) {
		case "all", "distinct", "select", "values", "table", "with":
		default:
			if p.mark(i+1) != '(' {
				return 0
			}
		}
		if p.word(i) == "minus" && p.flavor != MySQL {
			return 0
		}
		stop = stopSets
	case "where":
		stop = stopWhere
	case "set":
		stop = stopSet
	case "group", "order":
		stop = when(p.word(i+1) == "by", stopTail)
	case "having", "limit", "returning":
		stop = stopTail
	case "window":
		stop = when(p.word(i+2) == "as" && p.mark(i+3) == '(', stopTail)
	case "offset":
		stop = when(p.flavor == Postgres, stopTail)
	case "fetch", "for":
		stop = when(p.flavor != SQLite, stopTail)
	case "lock":
		stop = when(p.flavor == MySQL && p.word(i+1) == "in", stopTail)
	case "procedure":
		stop = when(p.flavor == MySQL, stopTail)
	case "on", "using", "join", "straight_join":
		stop = stopJoin
	case "inner", "cross", "natural", "left", "right", "full":
		stop = when(p.joins(i) > 0, stopJoin)
	}
	return stop & of
}

func when(is bool, stop stops) stops {
	if is {
		return stop
	}
	return 0
}

// joins returns the index behind the words of a join at i: NATURAL LEFT OUTER
// JOIN. It returns -1 if there is none: LEFT and RIGHT are functions, too.
func (p *parser) joins(i int) int {
	for end := i + 4; i < end; i++ {
		switch p.word(i) {
		case "join", "straight_join":
			return i + 1
		case "natural", "left", "right", "full", "outer", "inner", "cross":
		default:
			return -1
		}
	}
	return -1
}

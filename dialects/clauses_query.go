package dialects

// queryExpr reads a query in [i, hi): WITH, SELECTs with set operations
// between them, and what follows.
func (p *parser) queryExpr(i, hi int, sc *scope) int {
	if p.word(i) == "with" {
		if i, sc = p.withClause(i, hi, sc); i < 0 {
			return -1
		}
		switch p.word(i) {
		case "insert", "update", "delete", "replace", "merge":
			i = p.writeClause(i, hi, sc)
			p.write.simple = false
			return i
		}
	}
	for i < hi {
		switch p.word(i) {
		case "select":
			i = p.selectClause(i, hi, sc)
		case "values":
			i = p.expr(i+1, hi, stopSets, sc)
		case "table":
			i = p.tableClause(i+1, hi, sc)
		default:
			if p.mark(i) != '(' {
				return -1
			}
			end := p.toks[i].pair()
			if p.queryExpr(i+1, end, sc) != end {
				return -1
			}
			// What else can follow is ORDER BY, LIMIT and FOR.
			i = p.expr(end+1, hi, stopSets, sc)
		}
		if i < 0 || i >= hi {
			return i
		}
		// A set operation.
		if i++; p.word(i) == "all" || p.word(i) == "distinct" {
			i++
		}
	}
	return -1
}

// maxExpressions is the number of common table expressions that a WITH may
// have to be understood.
const maxExpressions = 64

// withClause reads WITH at i and returns the place of the main verb, and what
// can be seen from there.
func (p *parser) withClause(i, hi int, sc *scope) (main int, inside *scope) {
	recursive := false
	if i++; p.word(i) == "recursive" && p.mark(i+1) != '(' && p.word(i+1) != "as" {
		recursive = true
		i++
	}
	var all []scope
	var bodies []int
	for {
		if i >= hi || len(all) == maxExpressions {
			return -1, nil
		}
		body := p.expression(i)
		if body < 0 || p.toks[body].pair() >= hi {
			return -1, nil
		}
		name, ok := p.nameAt(i)
		if !ok {
			return -1, nil
		}
		all, bodies = append(all, scope{cte: name, spelling: p.spelling(i)}), append(bodies, body)
		i = p.toks[body].pair() + 1
		if w := p.word(i); w == "search" || w == "cycle" {
			i = p.skipSearch(i)
		}
		if p.mark(i) != ',' {
			break
		}
		i++
	}
	inside = sc
	for k, body := range bodies {
		// Whether an expression sees itself, and those behind it, is for each
		// database to say.
		visible := inside
		for later := len(all) - 1; later >= k; later-- {
			visible = &scope{outer: visible, cte: all[later].cte}
		}
		if recursive {
			visible.spelling = all[k].spelling
		}
		end := p.toks[body].pair()
		if p.queryOrWrite(body+1, end, visible) != end {
			return -1, nil
		}
		inside = &scope{outer: inside, cte: all[k].cte, spelling: all[k].spelling}
	}
	return i, inside
}

// queryOrWrite reads the body of a common table expression, which in Postgres
// may write.
func (p *parser) queryOrWrite(i, hi int, sc *scope) int {
	switch p.word(i) {
	case "insert", "update", "delete", "merge":
		if p.flavor != Postgres {
			return -1
		}
		i = p.writeClause(i, hi, sc)
		p.write.simple = false
		return i
	}
	return p.queryExpr(i, hi, sc)
}

// selectClause reads one SELECT, up to a set operation.
func (p *parser) selectClause(i, hi int, sc *scope) int {
	if i++; p.flavor == MySQL {
		i = p.skipWords(i, "all", "distinct", "distinctrow", "high_priority", "straight_join", "sql_small_result", "sql_big_result", "sql_buffer_result", "sql_cache")
	}
	i = p.expr(i, hi, stopFrom|stopSets, sc)
	if p.word(i) != "from" || i >= hi {
		return i
	}
	lv := p.newLevel()
	if i = p.fromClause(i+1, hi, lv, sc); i < 0 {
		return -1
	}
	if i < hi && p.word(i) == "where" {
		i = p.whereClause(i+1, hi, lv, sc)
	}
	if i < 0 || i < hi && p.stopAt(i, stopTail|stopSets) == 0 {
		return -1
	}
	return p.expr(i, hi, stopSets, sc)
}

// whereClause reads the condition at i.
func (p *parser) whereClause(i, hi, lv int, sc *scope) int {
	end := p.expr(i, hi, stopTail|stopSets, sc)
	if end > i {
		p.conjuncts(i, end, lv, 0, len(p.refs))
		return end
	}
	return -1
}

// tableClause reads what follows the command TABLE.
func (p *parser) tableClause(i, hi int, sc *scope) int {
	if p.flavor == SQLite {
		return -1
	}
	if p.word(i) == "only" {
		i++
	}
	lv := p.newLevel()
	if i = p.tableName(i, hi, lv, sc); i < 0 {
		return -1
	}
	if p.mark(i) == '*' && i < hi {
		i++
	}
	if i < hi && p.stopAt(i, stopTail|stopSets) == 0 {
		return -1
	}
	return p.expr(i, hi, stopSets, sc)
}

func (p *parser) newLevel() int {
	p.selects = append(p.selects, queryLevel{})
	return len(p.selects) - 1
}

// isQuery reports whether the parentheses that open at i hold a query rather
// than an expression.
func (p *parser) isQuery(i int) bool {
	if i < p.notQuery {
		return false
	}
	for p.mark(i+1) == '(' {
		end := p.toks[i].pair()
		after := p.toks[i+1].pair() + 1
		if after != end && p.stopAt(after, stopTail|stopSets) == 0 {
			return false
		}
		i++
	}
	switch p.word(i + 1) {
	case "select", "values", "with", "table":
		return true
	}
	p.notQuery = i + 1
	return false
}

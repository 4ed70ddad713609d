package dialects

// fromClause reads tables and joins with commas in between.
func (p *parser) fromClause(i, hi, lv int, sc *scope) int {
	for {
		if i = p.joined(i, hi, lv, sc); i < 0 || i >= hi || p.mark(i) != ',' {
			return i
		}
		i++
	}
}

// joined reads a table and what is joined to it.
func (p *parser) joined(i, hi, lv int, sc *scope) int {
	from := len(p.refs)
	i = p.item(i, hi, lv, sc)
	// inner tells, for each join whose condition has not come yet, whether it
	// is an inner one.
	var inner []bool
	for i >= 0 && i < hi {
		switch p.word(i) {
		case "on":
			if len(inner) == 0 {
				return i // ON CONFLICT
			}
			end := p.expr(i+1, hi, stopJoin|stopComma|stopTail|stopSets|stopWhere|stopSet, sc)
			if end <= i+1 {
				return -1
			}
			// With several conditions due, it is hard to say what they join.
			if last := len(inner) - 1; inner[last] && last == 0 {
				p.conjuncts(i+1, end, lv, from, len(p.refs))
			}
			inner = inner[:len(inner)-1]
			i = end
		case "using":
			if len(inner) == 0 {
				return i // DELETE … USING
			}
			if p.mark(i+1) != '(' {
				return -1
			}
			inner = inner[:len(inner)-1]
			if i = p.toks[i+1].pair() + 1; p.word(i) == "as" {
				i += 2
			}
		case "join", "straight_join", "inner", "cross", "natural", "left", "right", "full":
			start := i
			if i = p.joins(i); i < 0 {
				return -1
			}
			kind := true
			due := true
			for k := start; k < i; k++ {
				switch p.word(k) {
				case "left", "right", "full", "outer":
					kind = false
				case "natural":
					due = false
				case "cross":
					due = p.flavor != Postgres // though it may have none
				}
			}
			if i = p.item(i, hi, lv, sc); i >= 0 && due {
				inner = append(inner, kind)
			}
		default:
			return i
		}
	}
	return i
}

// item reads one thing that stands in FROM.
func (p *parser) item(i, hi, lv int, sc *scope) int {
	if i >= hi {
		return -1
	}
	switch p.word(i) {
	case "lateral":
		if p.flavor == Postgres || p.flavor == MySQL && p.mark(i+1) == '(' {
			i++
		}
	case "only":
		if p.flavor != Postgres {
			break
		}
		if i++; p.mark(i) == '(' {
			end := p.toks[i].pair()
			if p.tableName(i+1, end, lv, sc) != end {
				return -1
			}
			return p.alias(end+1, hi, len(p.refs)-1)
		}
	case "rows":
		if p.flavor == Postgres && p.word(i+1) == "from" && p.mark(i+2) == '(' {
			return p.tableFunction(i+2, hi, lv, sc)
		}
	case "select", "values", "with", "table":
		return -1
	}
	if p.mark(i) == '(' && i < hi {
		return p.itemInParens(i, hi, lv, sc)
	}
	name := i
	if i = p.chain(i, hi); i < 0 {
		return -1
	}
	if p.mark(i) == '(' && i < hi {
		if p.flavor == SQLite {
			if !p.addTable(name, i, lv, sc) {
				return -1
			}
			p.refs[len(p.refs)-1].maybe = true // a virtual table with arguments, or a function
			p.selects[lv].items--
		}
		return p.tableFunction(i, hi, lv, sc)
	}
	if !p.addTable(name, i, lv, sc) {
		return -1
	}
	ref := len(p.refs) - 1
	if p.flavor == Postgres && p.mark(i) == '*' && i < hi {
		i++
	}
	if p.flavor == MySQL && p.word(i) == "partition" && p.mark(i+1) == '(' {
		i = p.toks[i+1].pair() + 1
	}
	if i = p.alias(i, hi, ref); i < 0 {
		return -1
	}
	return p.hints(i, hi, sc)
}

// itemInParens reads a query, or joins, in parentheses.
func (p *parser) itemInParens(i, hi, lv int, sc *scope) int {
	end := p.toks[i].pair()
	if p.isQuery(i) {
		p.selects[lv].items++
		if p.queryExpr(i+1, end, sc) != end {
			return -1
		}
		return p.alias(end+1, hi, -1)
	}
	from := len(p.refs)
	if p.fromClause(i+1, end, lv, sc) != end {
		return -1
	}
	after := p.alias(end+1, hi, -1)
	if after != end+1 {
		// The alias hides those within.
		for k := from; k < len(p.refs); k++ {
			if p.refs[k].level == lv {
				p.refs[k].alias = ""
			}
		}
		p.selects[lv].items++
	}
	return after
}

// tableFunction reads the arguments of a function that stands for a table, at
// i, and what follows.
func (p *parser) tableFunction(i, hi, lv int, sc *scope) int {
	p.selects[lv].items++
	end := p.toks[i].pair()
	if p.expr(i+1, end, 0, sc) != end {
		return -1
	}
	if i = end + 1; p.word(i) == "with" && p.word(i+1) == "ordinality" {
		i += 2
	}
	if p.word(i) == "as" && p.mark(i+1) == '(' && i < hi {
		return p.toks[i+1].pair() + 1
	}
	return p.alias(i, hi, -1)
}

// tableName reads a table at i.
func (p *parser) tableName(i, hi, lv int, sc *scope) int {
	end := p.chain(i, hi)
	if end < 0 || !p.addTable(i, end, lv, sc) {
		return -1
	}
	return end
}

// chain reads a name of one to three parts.
func (p *parser) chain(i, hi int) int {
	if i >= hi || !p.isName(i) {
		return -1
	}
	if p.toks[i].kind == bareWord && vocabulary[p.toks[i].word].reserved.has(p.flavor) {
		return -1
	}
	for parts := 1; ; parts++ {
		i++
		if i >= hi || p.mark(i) != '.' {
			return i
		}
		if i++; parts == 3 || i >= hi || !p.isName(i) {
			return -1
		}
	}
}

// nameAt returns the name at i, unless servers disagree about it.
func (p *parser) nameAt(i int) (string, bool) {
	t := &p.toks[i]
	name := p.nameOf(t)
	if p.flavor == Postgres && (len(name) > maxPostgresName || t.flags&(hasHigh|unicodeQuoted) != 0) {
		return "", false
	}
	return name, true
}

// spelling returns the name at i in a form in which aliases are compared: where
// a setting of MySQL decides whether case matters, it does.
func (p *parser) spelling(i int) string {
	t := &p.toks[i]
	switch {
	case p.flavor != MySQL:
		return p.nameOf(t)
	case t.kind == bareWord:
		return p.text[t.start:t.end]
	}
	return p.text[t.start+1 : t.end-1]
}

// addTable adds the table whose name stands in [i, end), unless it is a common
// table expression.
func (p *parser) addTable(i, end, lv int, sc *scope) bool {
	p.selects[lv].items++
	name, ok := p.nameAt(end - 1)
	if !ok || len(p.refs) == maxReferences {
		return false
	}
	r := reference{name: name, alias: p.spelling(end - 1), level: lv}
	if end-i > 1 {
		if r.schema, ok = p.nameAt(end - 3); !ok {
			return false
		}
	} else {
		found, certain := sc.find(name, r.alias)
		if r.maybe = found; certain {
			// It keeps its place, so that its alias is known.
			r.name = ""
		}
	}
	p.refs = append(p.refs, r)
	return true
}

// alias reads [AS] alias [(columns)] at i, if there is one, as that of a
// reference or of nothing.
func (p *parser) alias(i, hi, ref int) int {
	if i >= hi {
		return min(i, hi)
	}
	as := p.word(i) == "as"
	if as {
		i++
	}
	switch {
	case i >= hi || !p.isName(i):
		if as {
			return -1
		}
		return i
	case !as && p.toks[i].kind == bareWord && p.follows(i):
		return i
	case as && p.toks[i].kind == bareWord && vocabulary[p.toks[i].word].reserved.has(p.flavor):
		return -1 // AS OF
	case as && p.word(i) == "of":
		return -1
	}
	if _, ok := p.nameAt(i); !ok {
		return -1
	}
	if ref >= 0 {
		p.refs[ref].alias = p.spelling(i)
	}
	if i++; p.mark(i) == '(' && i < hi {
		// What the columns are called then, is not looked into.
		if ref >= 0 {
			p.refs[ref].alias = ""
			p.selects[p.refs[ref].level].items++
		}
		p.aliases = append(p.aliases, i-1)
		return p.toks[i].pair() + 1
	}
	return i
}

// follows reports whether the word at i follows a table and is no alias.
func (p *parser) follows(i int) bool {
	if p.stopAt(i, ^stops(0)) != 0 {
		return true
	}
	t := &p.toks[i]
	if vocabulary[t.word].reserved.has(p.flavor) {
		return true
	}
	switch p.word(i) {
	case "tablesample", "partition", "use", "force", "ignore", "indexed", "not", "set", "values", "value",
		"default", "when", "with", "for", "lock", "into", "offset", "fetch", "window", "do", "overriding",
		"left", "right", "full", "inner", "outer", "cross", "natural", "minus", "except", "intersect", "returning":
		return true
	}
	return false
}

// hints reads what can follow a table and its alias: samples, and hints about
// indexes.
func (p *parser) hints(i, hi int, sc *scope) int {
	if i >= hi {
		return i
	}
	switch p.flavor {
	case Postgres:
		if p.word(i) != "tablesample" {
			return i
		}
		if i = p.chain(i+1, hi); i < 0 || p.mark(i) != '(' {
			return -1
		}
		if i = p.parens(i, sc); i >= 0 && p.word(i) == "repeatable" && p.mark(i+1) == '(' {
			i = p.parens(i+1, sc)
		}
	case SQLite:
		switch {
		case p.word(i) == "indexed" && p.word(i+1) == "by" && i+2 < hi && p.isName(i+2):
			i += 3
		case p.word(i) == "not" && p.word(i+1) == "indexed":
			i += 2
		}
	case MySQL:
		for {
			start := i
			switch p.word(i) {
			case "use", "force", "ignore":
				if i++; p.word(i) != "index" && p.word(i) != "key" {
					return -1
				}
				if i++; p.word(i) == "for" {
					if i++; p.word(i) == "join" {
						i++
					} else {
						i += 2 // ORDER BY, GROUP BY
					}
				}
				if p.mark(i) != '(' {
					return -1
				}
				i = p.toks[i].pair() + 1
			}
			if i == start {
				return i
			}
		}
	}
	return i
}

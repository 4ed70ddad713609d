package dialects

// writeClause reads a statement that writes rows.
func (p *parser) writeClause(i, hi int, sc *scope) int {
	p.write = writing{verb: p.word(i), simple: len(p.refs) == 0}
	var end int
	switch p.word(i) {
	case "insert", "replace":
		end = p.insertClause(i, hi, sc)
	case "update":
		end = p.updateClause(i, hi, sc)
	case "delete":
		end = p.deleteClause(i, hi, sc)
	case "merge":
		end = p.mergeClause(i, hi, sc)
	}
	return end
}

// skipWords skips words of the set at i.
func (p *parser) skipWords(i int, words ...string) int {
skip:
	for {
		for _, w := range words {
			if p.word(i) == w {
				i++
				continue skip
			}
		}
		return i
	}
}

// target reads the table that is written, at i.
func (p *parser) target(i, hi, lv int) int {
	from := len(p.refs)
	if i = p.tableName(i, hi, lv, nil); i < 0 {
		return -1
	}
	p.refs[from].target = true
	if p.flavor == Postgres && p.mark(i) == '*' && i < hi {
		i++
	}
	if p.flavor == MySQL && p.word(i) == "partition" && p.mark(i+1) == '(' {
		i = p.toks[i+1].pair() + 1
	}
	return i
}

// insertClause reads INSERT and REPLACE.
func (p *parser) insertClause(i, hi int, sc *scope) int {
	start := i
	i++
	if p.flavor == SQLite && p.word(i) == "or" {
		p.write.simple = false
		i += 2
	}
	if p.flavor == MySQL {
		i = p.skipWords(i, "low_priority", "delayed", "high_priority", "ignore")
		if p.word(i) == "into" {
			i++
		}
	} else if i = p.skipWords(i, "into"); p.word(i-1) != "into" {
		return -1
	}
	lv := p.newLevel()
	if i = p.target(i, hi, lv); i < 0 {
		return -1
	}
	if p.word(i) == "as" && i+1 < hi && p.isName(i+1) {
		i += 2
	}
	if p.mark(i) == '(' && !p.isQuery(i) {
		end := p.toks[i].pair()
		if !p.nameList(i+1, end) {
			p.write.simple = false
		}
		i = end + 1
	}
	if p.word(i) == "overriding" {
		p.write.simple = false
		i = p.skipWords(i, "overriding", "user", "system", "value")
	}
	p.write.simple = p.write.simple && p.word(start) == "insert" && len(p.write.columns) > 0 && p.flavor != MySQL
	if i >= hi {
		return -1
	}
	switch p.word(i) {
	case "values", "value":
		p.insertedRows(i+1, hi)
		return p.afterValues(i+1, hi, sc)
	case "select", "with", "table", "":
		p.write.simple = false
		if p.word(i) == "" && p.mark(i) != '(' {
			return -1
		}
		return p.queryExpr(i, hi, sc)
	case "default", "set":
		p.write.simple = false
		return p.expr(i+1, hi, 0, sc)
	}
	return -1
}

// nameList reads the columns of an INSERT or UPDATE in [i, end).
func (p *parser) nameList(i, end int) bool {
	for ; ; i++ {
		if i >= end || !p.isName(i) {
			return false
		}
		name, ok := p.nameAt(i)
		if !ok {
			return false
		}
		p.write.columns = append(p.write.columns, name)
		if i++; i == end {
			return true
		}
		if p.mark(i) != ',' {
			return false
		}
	}
}

// insertedRows reads the values of the rows at i. The queries in them are read
// afterwards.
func (p *parser) insertedRows(i, hi int) {
	if !p.write.simple {
		return
	}
	for at := i; ; at++ {
		if at >= hi || p.mark(at) != '(' || len(p.write.rows) == maxPinned {
			p.write.simple = false
			return
		}
		end := p.toks[at].pair()
		var row []value
		for k := at + 1; k < end; k++ {
			v, next, ok := p.operand(k, end)
			if !ok || next < end && p.mark(next) != ',' {
				v, next = value{Operand: Operand{Param: -1}}, p.nextComma(k, end)
			}
			row = append(row, v)
			k = next
		}
		if len(row) != len(p.write.columns) {
			p.write.simple = false
			return
		}
		p.write.rows = append(p.write.rows, row)
		if at = end + 1; at >= hi || p.mark(at) != ',' {
			return
		}
	}
}

// nextComma returns the index of the next comma outside of parentheses, or hi.
func (p *parser) nextComma(i, hi int) int {
	for ; i < hi; i++ {
		switch p.mark(i) {
		case ',':
			return i
		case '(', '[':
			i = p.toks[i].pair()
		}
	}
	return hi
}

// afterValues reads the rows of an INSERT, and what follows. Of that only
// RETURNING and ON CONFLICT DO NOTHING write no other rows.
func (p *parser) afterValues(i, hi int, sc *scope) int {
	for k := i; k < hi && p.write.simple; k++ {
		switch p.mark(k) {
		case '(', '[':
			k = p.toks[k].pair()
			continue
		}
		if w := p.word(k); w == "conflict" || w == "duplicate" || w == "as" {
			// SQLite takes several, of which the last does nothing.
			p.write.simple = p.word(hi-1) == "nothing" && p.word(hi-2) == "do" && !p.hasWord(k, hi, "update")
			break
		}
	}
	return p.expr(i, hi, 0, sc)
}

// updateClause reads UPDATE.
func (p *parser) updateClause(i, hi int, sc *scope) int {
	i++
	if p.flavor == SQLite && p.word(i) == "or" {
		p.write.simple = false
		i += 2
	}
	if p.flavor == MySQL {
		i = p.skipWords(i, "low_priority", "ignore")
	}
	lv := p.newLevel()
	from := len(p.refs)
	if i = p.targets(i, hi, lv, sc); i < 0 || i >= hi || p.word(i) != "set" {
		return -1
	}
	if p.write.simple = p.write.simple && len(p.refs) == from+1; p.write.simple {
		p.write.simple = p.assignments(i+1, hi)
	}
	if i = p.expr(i+1, hi, stopFrom|stopWhere|stopTail, sc); i < 0 {
		return -1
	}
	if i < hi && p.word(i) == "from" {
		p.write.simple = false
		if i = p.fromClause(i+1, hi, lv, sc); i < 0 {
			return -1
		}
	}
	return p.writeTail(i, hi, lv, sc)
}

// targets reads the tables that an UPDATE names before SET, or a DELETE behind
// FROM: in MySQL there may be many, and each may be written.
func (p *parser) targets(i, hi, lv int, sc *scope) int {
	from := len(p.refs)
	if p.flavor == MySQL {
		i = p.fromClause(i, hi, lv, sc)
		for k := from; k < len(p.refs); k++ {
			p.refs[k].target = true
		}
		return i
	}
	if i = p.item(i, hi, lv, nil); i < 0 || len(p.refs) != from+1 {
		return -1
	}
	p.refs[from].target = true
	return i
}

// assignments reads the columns that SET changes, and reports whether it
// knows them.
func (p *parser) assignments(i, hi int) bool {
	for {
		switch {
		case p.mark(i) == '(':
			end := p.toks[i].pair()
			if !p.nameList(i+1, end) {
				return false
			}
			i = end + 1
		default:
			_, column, next := p.column(i, hi)
			if next == 0 {
				return false
			}
			p.write.columns = append(p.write.columns, column)
			i = next
		}
		if i >= hi || p.mark(i) != '=' {
			return false
		}
		for i < hi && p.mark(i) != ',' {
			if p.stopAt(i, stopFrom|stopWhere|stopTail) != 0 && !p.isLabel(i) {
				return true
			}
			if m := p.mark(i); m == '(' || m == '[' {
				i = p.toks[i].pair()
			}
			i++
		}
		if i >= hi {
			return true
		}
		i++
	}
}

// deleteClause reads DELETE.
func (p *parser) deleteClause(i, hi int, sc *scope) int {
	i++
	if p.flavor == MySQL {
		i = p.skipWords(i, "low_priority", "quick", "ignore")
	}
	if p.word(i) != "from" {
		// DELETE a, b FROM …
		if p.flavor != MySQL {
			return -1
		}
		for i < hi && p.word(i) != "from" {
			i++
		}
	} else if p.flavor == MySQL {
		// DELETE FROM a, b USING …
		for k := i + 1; k < hi && (p.isName(k) || p.mark(k) == '.' || p.mark(k) == ',' || p.mark(k) == '*'); k++ {
			if p.word(k) == "using" {
				i = k
				break
			}
		}
	}
	if i >= hi {
		return -1
	}
	lv := p.newLevel()
	from := len(p.refs)
	if i = p.targets(i+1, hi, lv, sc); i < 0 {
		return -1
	}
	p.write.simple = p.write.simple && len(p.refs) == from+1
	if i < hi && p.word(i) == "using" && p.flavor == Postgres {
		p.write.simple = false
		if i = p.fromClause(i+1, hi, lv, sc); i < 0 {
			return -1
		}
	}
	return p.writeTail(i, hi, lv, sc)
}

// writeTail reads what follows the tables of an UPDATE or DELETE.
func (p *parser) writeTail(i, hi, lv int, sc *scope) int {
	if i < hi && p.word(i) == "where" {
		i = p.whereClause(i+1, hi, lv, sc)
	}
	if i < 0 || i < hi && p.stopAt(i, stopTail) == 0 {
		return -1
	}
	return p.expr(i, hi, 0, sc)
}

// mergeClause reads MERGE of Postgres.
func (p *parser) mergeClause(i, hi int, sc *scope) int {
	p.write.simple = false
	if i++; p.flavor != Postgres || p.word(i) != "into" {
		return -1
	}
	lv := p.newLevel()
	if i = p.targets(i+1, hi, lv, sc); i < 0 || i >= hi || p.word(i) != "using" {
		return -1
	}
	if i = p.item(i+1, hi, lv, sc); i < 0 || i >= hi || p.word(i) != "on" {
		return -1
	}
	return p.expr(i+1, hi, 0, sc)
}

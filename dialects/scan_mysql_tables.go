package dialects

import (
	"slices"
	"strings"
)

// MySQLReferences is what a text of MySQL names, as far as its words tell,
// whatever the settings of its session are.
type MySQLReferences struct {
	// Tables are named where only a table can stand, in the text's own
	// spelling, each once. Schema is empty where none is said. Common table
	// expressions and functions that stand for a table are not among them.
	Tables []Table
	// Names holds every word and name in lower case, each once.
	Names []string
	// Calls holds the names that stand before an opening parenthesis and are
	// no words of the grammar: functions, and tables before a list of columns.
	Calls []string
	// Variables holds the session's and the server's that are named with two at
	// signs.
	Variables []string
	// Time reports that the text may make a time of day out of something else:
	// by a literal, a cast, or a type in another place. Functions may, too.
	Time bool
	// Strange says why the text may name or call others, or is empty.
	Strange string
}

// MySQLText reads a text, which may also be the body of a trigger.
//
// A table stands behind FROM, JOIN, INTO, UPDATE, TABLE, and behind the commas
// and parentheses that continue these; everywhere else, a qualified name is a
// column's or a function's. Where it cannot be told which of the two a place
// is, it counts as one of a table.
func MySQLText(text string) MySQLReferences {
	var r references
	for _, quotes := range quotings(MySQL) {
		l := lexer{flavor: MySQL, text: text, quotes: quotes}
		l.run()
		if l.refusal != "" {
			if l.broken {
				continue // whoever reads it this way refuses it
			}
			r.out.Strange = l.refusal
			break
		}
		r.scanner = scanner{flavor: MySQL, text: text, toks: l.toks, hi: len(l.toks)}
		r.read()
		if !l.doubt {
			break
		}
	}
	r.out.Names, r.out.Calls = r.found.take(), r.called.take()
	r.out.Tables = slices.DeleteFunc(r.out.Tables, func(t Table) bool {
		return t.Schema == "" && slices.Contains(r.common, strings.ToLower(t.Name))
	})
	return r.out
}

// references reads the tokens of a text in one of the ways.
type references struct {
	scanner
	out           MySQLReferences
	found, called nameSet
	common        []string      // common table expressions
	places        []tablePlaces // of each level of parentheses
}

// tablePlaces tells what is known of one level of parentheses.
type tablePlaces struct {
	// listed: a comma continues a list of tables.
	listed bool
	// joined: a JOIN came after the word that began the list, so that USING is
	// followed by columns, and no longer by tables.
	joined bool
	// words: the arguments are divided by words: TRIM(x FROM y).
	words bool
}

// read looks at each token.
func (r *references) read() {
	r.places = append(r.places[:0], tablePlaces{})
	for i := range r.toks {
		t := &r.toks[i]
		switch t.kind {
		case bareWord, quotedName, eitherName:
			r.name(i)
		case punct:
			r.punctuation(i, t.ch)
		case variable:
			if name := strings.ToLower(r.text[t.start:t.end]); strings.HasPrefix(name, "@@") {
				r.out.Variables = append(r.out.Variables, name)
			}
		case stringText, number, parameter:
		}
	}
}

func (r *references) punctuation(i int, c byte) {
	top := len(r.places) - 1
	switch c {
	case '(':
		// Behind INSERT, REPLACE and TRUNCATE stand arguments.
		r.places = append(r.places, tablePlaces{listed: r.isTablePlace(i) && !mysqlVerbs[r.word(i-1)], words: mysqlWordy[r.word(i-1)]})
	case ')':
		if top > 0 {
			r.places = r.places[:top]
		}
	case ';':
		r.places[top] = tablePlaces{}
	case '{':
		r.out.Strange = "holds a brace" // {OJ table … }
	}
}

// name looks at the word or name at i.
func (r *references) name(i int) {
	t := &r.toks[i]
	name := r.nameOf(t)
	r.found.add(name)
	r.out.Time = r.out.Time || r.isTime(i)
	if r.mark(i-1) == '.' {
		return // the part of a name that was looked at
	}
	if t.kind == bareWord && r.shape(i) {
		return
	}
	if r.isCommon(i) {
		r.common = append(r.common, name)
		return
	}
	last := i
	for r.mark(last+1) == '.' && last+2 < r.hi && r.isName(last+2) {
		last += 2
	}
	if place := r.isTablePlace(i); place || r.mark(last+1) == '(' {
		r.place(i, last, place)
	}
}

// place notes the dotted name from first to last, which stands in the place of
// a table or before a parenthesis.
func (r *references) place(first, last int, table bool) {
	name := r.nameOf(&r.toks[last])
	if r.mark(last+1) == '(' {
		if first != last {
			name = r.nameOf(&r.toks[last-2]) + "." + name
		}
		r.called.add(name)
		if !table || !r.behindInto(first) {
			r.blank(last, name)
			return // a function in the place of a table, such as JSON_TABLE
		}
	}
	found := Table{Name: r.spelled(last)}
	if first != last {
		found.Schema = r.spelled(last - 2)
	} else if r.toks[last].kind == bareWord && name == "dual" {
		return
	}
	if !slices.Contains(r.out.Tables, found) {
		r.out.Tables = append(r.out.Tables, found)
	}
}

// spelled returns the name at i without quotes, in its own spelling.
func (r *references) spelled(i int) string {
	t := &r.toks[i]
	text := r.text[t.start:t.end]
	if t.kind == bareWord {
		return text
	}
	quote := string(t.ch)
	return strings.ReplaceAll(text[1:len(text)-1], quote+quote, quote)
}

// shape takes in what the bare word at i tells of the places behind it, and
// reports whether it is a word of the grammar, and no name.
func (r *references) shape(i int) bool {
	here := &r.places[len(r.places)-1]
	switch word := r.word(i); word {
	case "join", "straight_join":
		here.listed, here.joined = true, true
		return true
	case "from", "into", "update", "table":
		here.listed, here.joined = here.listed || r.begins(i), false
		return true
	case "select":
		*here = tablePlaces{}
		return true
	case "where", "group", "having", "order", "limit", "union", "set", "values":
		here.listed = false
		return true
	case "on":
		return true // behind it, a comma still divides tables: FROM a JOIN b ON … , c
	default:
		return mysqlModifiers[word] || r.mark(i+1) == '(' && r.isGrammar(i)
	}
}

// begins reports whether a table can follow the word at i.
func (r *references) begins(i int) bool {
	if r.mark(i-1) == '.' {
		return false
	}
	here := r.places[len(r.places)-1]
	switch prev := r.word(i - 1); r.word(i) {
	case "from":
		return !here.words
	case "into":
		return prev == "insert" || prev == "replace" || mysqlModifiers[prev]
	case "update":
		return prev != "key" // ON DUPLICATE KEY UPDATE
	case "using":
		return here.listed && !here.joined // DELETE FROM a USING a, b
	case "join", "straight_join", "table", "insert", "replace", "delete", "truncate":
		return true
	}
	return false
}

// isTablePlace reports whether a table can begin at i.
func (r *references) isTablePlace(i int) bool {
	switch r.mark(i - 1) {
	case ',', '(':
		return r.places[len(r.places)-1].listed
	}
	i--
	for i > 0 && mysqlModifiers[r.word(i)] {
		i--
	}
	return r.begins(i)
}

// behindInto reports whether the name at i stands where a list of columns may
// follow it: INSERT INTO t (a, b).
func (r *references) behindInto(i int) bool {
	i--
	for i > 0 && mysqlModifiers[r.word(i)] {
		i--
	}
	switch r.word(i) {
	case "into", "insert", "replace", "table":
		return true
	}
	return false
}

// isTime reports whether the word at i may be the type, and no column's name.
func (r *references) isTime(i int) bool {
	if r.word(i) != "time" {
		return false
	}
	prev := r.word(i - 1)
	if prev == "returning" || i+1 >= r.hi {
		return true
	}
	switch next := &r.toks[i+1]; next.kind {
	case stringText, eitherName:
		return true // TIME'10:00'
	case punct:
		return next.ch == '(' || next.ch == ')' && (prev == "as" || r.mark(i-1) == ',')
	default:
		return r.word(i+1) == "path" || r.word(i+1) == "exists"
	}
}

// isCommon reports whether the name at i is given to a common table expression:
// WITH name [(columns)] AS (.
func (r *references) isCommon(i int) bool {
	prev := r.word(i - 1)
	if prev != "with" && prev != "recursive" && r.mark(i-1) != ',' {
		return false
	}
	i++
	if r.mark(i) == '(' {
		i = r.toks[i].pair() + 1
	}
	return r.word(i) == "as" && r.mark(i+1) == '('
}

// blank looks for a blank before the parenthesis behind the name at i. Without
// IGNORE_SPACE, the name of some functions is then that of a stored function.
func (r *references) blank(i int, name string) {
	if r.toks[i].end != r.toks[i+1].start && mysqlTight[name] {
		r.out.Strange = "calls " + name + " with a blank before the parenthesis"
	}
}

// mysqlModifiers stand between a verb and its table.
var mysqlModifiers = wordSet(`low_priority high_priority delayed ignore`)

// mysqlVerbs holds the verbs that are also functions.
var mysqlVerbs = wordSet(`insert replace truncate`)

// mysqlWordy holds the functions that have FROM between their arguments.
var mysqlWordy = wordSet(`extract trim substring substr mid`)

// mysqlTight holds the functions whose names are those of built-in ones only
// directly before a parenthesis.
var mysqlTight = wordSet(`
	adddate bit_and bit_or bit_xor cast count curdate curtime date_add date_sub extract group_concat max mid
	min now position session_user std stddev stddev_pop stddev_samp subdate substr substring sum sysdate
	system_user trim variance var_pop var_samp
`)

package table

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// text builds one statement with its arguments.
type text struct {
	flavor dialects.Flavor
	sql    strings.Builder
	args   []any
}

func (t *text) add(parts ...string) *text {
	for _, p := range parts {
		t.sql.WriteString(p)
	}
	return t
}

// arg adds an argument, and its placeholder.
func (t *text) arg(v any) {
	t.args = append(t.args, v)
	if t.flavor == dialects.Postgres {
		t.add("$", strconv.Itoa(len(t.args)))
		return
	}
	t.add("?")
}

// list adds what each adds for 0 to n-1, with commas in between.
func (t *text) list(n int, each func(i int)) *text {
	for i := range n {
		if i > 0 {
			t.add(", ")
		}
		each(i)
	}
	return t
}

// quote returns a name as statements have it. To SQLite a name in double quotes
// that is no column is a text.
func quote(flavor dialects.Flavor, name string) string {
	if flavor != dialects.Postgres {
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// where is the condition of a set: pieces of SQL, with an argument between each
// two.
type where struct {
	pieces []string
	args   []any
}

// newWhere joins conditions.
func newWhere(conditions []condition) (*where, error) {
	w := &where{pieces: []string{""}}
	for i, c := range conditions {
		pieces, err := splitMarks(c.text)
		if err != nil {
			return nil, &ConditionError{Text: c.text, Why: err.Error()}
		}
		if len(pieces)-1 != len(c.args) {
			return nil, &ConditionError{Text: c.text, Why: fmt.Sprintf("it has %d question marks, and there are %d arguments", len(pieces)-1, len(c.args))}
		}
		if i > 0 {
			w.pieces[len(w.pieces)-1] += " AND "
		}
		// The parentheses keep an OR from reaching further than its condition.
		pieces[0] = "(" + pieces[0]
		pieces[len(pieces)-1] += ")"
		w.pieces[len(w.pieces)-1] += pieces[0]
		w.pieces = append(w.pieces, pieces[1:]...)
		w.args = append(w.args, c.args...)
	}
	return w, nil
}

func (w *where) empty() bool { return len(w.pieces) == 1 && w.pieces[0] == "" }

// add adds the condition to a statement.
func (w *where) add(t *text) {
	for i, p := range w.pieces {
		if i > 0 {
			t.arg(w.args[i-1])
		}
		t.add(p)
	}
}

// splitMarks cuts SQL at its question marks; two of them stand for one that is
// part of the SQL. What could let the text reach beyond the parentheses that it
// will stand in is an error.
func splitMarks(sql string) ([]string, error) {
	var pieces []string
	var piece strings.Builder
	depth := 0
	for i := 0; i < len(sql); i++ {
		c := sql[i]
		rest := sql[i:]
		switch {
		case strings.HasPrefix(rest, "??"):
			i++
		case c == '?':
			pieces = append(pieces, piece.String())
			piece.Reset()
			continue
		case c == '\'' || c == '"' || c == '`':
			end := strings.IndexByte(rest[1:], c)
			if end < 0 {
				return nil, fmt.Errorf("a quotation does not end")
			}
			quoted := rest[:end+2]
			if strings.Contains(quoted, `\`) {
				return nil, fmt.Errorf("a quotation with a backslash: pass it as an argument")
			}
			piece.WriteString(quoted)
			i += len(quoted) - 1
			continue
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return nil, fmt.Errorf("a parenthesis is closed that was not opened")
			}
		case c == ';' || c == '#' && !strings.HasPrefix(rest, "#>") || c == 0 ||
			strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*") || c == '$' && dollarQuote(sql, i):
			return nil, fmt.Errorf("neither comments, dollar quotes nor semicolons can be in it")
		}
		piece.WriteByte(c)
	}
	if depth != 0 {
		return nil, fmt.Errorf("a parenthesis is not closed")
	}
	pieces = append(pieces, piece.String())
	if strings.TrimSpace(strings.Join(pieces, "?")) == "" {
		return nil, fmt.Errorf("it is empty")
	}
	return pieces, nil
}

// dollarQuote reports whether the dollar at a place may begin a quotation of
// PostgreSQL, as in $$ and $tag$, and is not part of a name.
func dollarQuote(sql string, at int) bool {
	if strings.HasPrefix(sql[at:], "$$") {
		return true
	}
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	named := func(c byte) bool { return c == '_' || c >= 0x80 || 'a' <= c|0x20 && c|0x20 <= 'z' || digit(c) }
	from, to := at, at+1
	for from > 0 && (named(sql[from-1]) || sql[from-1] == '$') {
		from--
	}
	if from < at && sql[from] != '$' && !digit(sql[from]) {
		return false
	}
	for to < len(sql) && named(sql[to]) {
		to++
	}
	return to < len(sql) && sql[to] == '$' && !digit(sql[at+1])
}

// statements are those of one set.
type statements struct {
	flavor  dialects.Flavor
	table   string   // quoted
	columns []string // quoted, those that are read
	key     []string // quoted
	where   *where
}

func (s *statements) text() *text { return &text{flavor: s.flavor} }

// all selects the rows of the set.
func (s *statements) all() *text {
	t := s.text().add("SELECT ", strings.Join(s.columns, ", "), " FROM ", s.table)
	if !s.where.empty() {
		t.add(" WHERE ")
		s.where.add(t)
	}
	return t
}

// some selects the rows of the set with these keys, each given by its columns.
func (s *statements) some(keys [][]any) *text {
	t := s.all()
	if s.where.empty() {
		t.add(" WHERE ")
	} else {
		t.add(" AND ")
	}
	return s.keyed(t, keys)
}

// keyed adds that a row has one of these keys.
func (s *statements) keyed(t *text, keys [][]any) *text {
	if len(s.key) == 1 {
		t.add(s.key[0], " IN (")
		return t.list(len(keys), func(i int) { t.arg(keys[i][0]) }).add(")")
	}
	t.add("(", strings.Join(s.key, ", "), ") IN (")
	if s.flavor == dialects.SQLite {
		t.add("VALUES ")
	}
	return t.list(len(keys), func(i int) {
		t.add("(").list(len(keys[i]), func(j int) { t.arg(keys[i][j]) }).add(")")
	}).add(")")
}

// isKey adds that a row has a key.
func (s *statements) isKey(t *text, key []any) *text {
	for i, c := range s.key {
		if i > 0 {
			t.add(" AND ")
		}
		t.add(c, " = ")
		t.arg(key[i])
	}
	return t
}

// inSet adds that a row has a key and is in the set.
func (s *statements) inSet(t *text, key []any) *text {
	s.isKey(t, key)
	if !s.where.empty() {
		t.add(" AND ")
		s.where.add(t)
	}
	return t
}

// one selects a row of the table, behind 1 if it is in the set, and 0 if not.
// Locked keeps others from changing it until the transaction ends.
func (s *statements) one(key []any, locked bool) *text {
	t := s.text().add("SELECT ")
	if s.where.empty() {
		t.add("1")
	} else {
		t.add("CASE WHEN ")
		s.where.add(t)
		t.add(" THEN 1 ELSE 0 END")
	}
	t.add(", ", strings.Join(s.columns, ", "), " FROM ", s.table, " WHERE ")
	s.isKey(t, key)
	if locked && s.flavor != dialects.SQLite {
		t.add(" FOR UPDATE")
	}
	return t
}

// insert inserts a row.
func (s *statements) insert(columns []string, values []any) *text {
	t := s.text().add("INSERT INTO ", s.table)
	if len(columns) == 0 {
		if s.flavor == dialects.MySQL {
			return t.add(" () VALUES ()")
		}
		return t.add(" DEFAULT VALUES")
	}
	t.add(" (", strings.Join(columns, ", "), ") VALUES (")
	return t.list(len(values), func(i int) { t.arg(values[i]) }).add(")")
}

// insertAbsent inserts a row unless there is one with its key.
func (s *statements) insertAbsent(columns []string, values, key []any) *text {
	if s.flavor != dialects.MySQL {
		return s.insert(columns, values).add(" ON CONFLICT (", strings.Join(s.key, ", "), ") DO NOTHING")
	}
	t := s.text().add("INSERT INTO ", s.table, " (", strings.Join(columns, ", "), ") SELECT ")
	t.list(len(values), func(i int) { t.arg(values[i]) })
	t.add(" FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM ", s.table, " WHERE ")
	return s.isKey(t, key).add(")")
}

// update changes columns of a row of the set; version, if not empty, counts up.
func (s *statements) update(columns []string, values []any, version string, key []any) *text {
	t := s.text().add("UPDATE ", s.table, " SET ")
	t.list(len(columns), func(i int) {
		t.add(columns[i], " = ")
		t.arg(values[i])
	})
	if version != "" {
		if len(columns) > 0 {
			t.add(", ")
		}
		t.add(version, " = ", version, " + 1")
	}
	t.add(" WHERE ")
	return s.inSet(t, key)
}

// remove deletes a row of the set.
func (s *statements) remove(key []any) *text {
	return s.inSet(s.text().add("DELETE FROM ", s.table, " WHERE "), key)
}

// clear deletes all rows of the set, and no other.
func (s *statements) clear() *text {
	t := s.text().add("DELETE FROM ", s.table)
	if !s.where.empty() {
		t.add(" WHERE ")
		s.where.add(t)
	}
	return t
}

// chunks cuts keys so that no statement has more than so many arguments, and
// fills up the last so that there are few different statements.
func chunks(keys [][]any) [][][]any {
	const most = 512
	var all [][][]any
	for chunk := range slices.Chunk(keys, most) {
		n := 1
		for n < len(chunk) {
			n *= 2
		}
		chunk = slices.Clone(chunk)
		for len(chunk) < n {
			chunk = append(chunk, chunk[0])
		}
		all = append(all, chunk)
	}
	return all
}

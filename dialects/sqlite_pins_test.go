package dialects_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/dialects"
)

// pinWorld is a small database, most of whose rows look alike, so that a row
// more or less shows.
var pinWorld = []string{
	"CREATE TABLE a (id INTEGER PRIMARY KEY, x INT, y INT)",
	"CREATE TABLE b (id INTEGER PRIMARY KEY, x INT, y INT)",
	"CREATE TABLE c (x INT NOT NULL, y INT NOT NULL, z INT, PRIMARY KEY (x, y)) WITHOUT ROWID",
	"CREATE TABLE n (id INT, x INT, y INT)",
	"CREATE VIEW v AS SELECT * FROM a",
	"INSERT INTO a VALUES (1, 0, 1), (2, 1, 0), (3, 1, NULL)",
	"INSERT INTO b VALUES (1, 1, 1), (2, 0, 0), (4, NULL, 1)",
	"INSERT INTO c VALUES (1, 1, 0), (1, 2, 1), (2, 1, 1)",
	"INSERT INTO n VALUES (1, 1, 1), (2, NULL, 0)",
}

func pinCatalog() *dialects.Catalog {
	table := func(name string, key ...string) dialects.Object {
		o := dialects.Object{Table: dialects.Table{Schema: "main", Name: name}, Covered: true}
		for _, k := range key {
			o.Key = append(o.Key, dialects.KeyColumn{Name: k, Kind: dialects.IntKey})
		}
		return o
	}
	view := table("v")
	view.View, view.Mentions = true, []string{"a"}
	return dialects.NewCatalog(1, dialects.SQLite, []dialects.Object{table("a", "id"), table("b", "id"), table("c", "x", "y"), table("n"), view})
}

// statements writes random SELECTs over pinWorld.
type statements struct {
	*rand.Rand
	depth int
}

func (s *statements) of(choices ...string) string { return choices[s.IntN(len(choices))] }

func (s *statements) query() string {
	s.depth++
	defer func() { s.depth-- }()
	q := s.simple()
	switch s.IntN(12) {
	case 0:
		q += s.of(" UNION ", " UNION ALL ", " EXCEPT ", " INTERSECT ") + s.simple()
	case 1:
		if s.depth < 3 {
			q = "WITH w AS (" + s.query() + ") SELECT * FROM w" + s.of("", ", a", " LEFT JOIN b ON b.id = 1")
		}
	}
	return q
}

// simple writes one SELECT of two columns.
func (s *statements) simple() string {
	from, names := s.from()
	var b strings.Builder
	name := func() string { return names[s.IntN(len(names))] }
	switch s.IntN(5) {
	case 0:
		fmt.Fprintf(&b, "SELECT count(*), max(%s) FROM %s", s.column(name()), from)
	case 1:
		n := name()
		fmt.Fprintf(&b, "SELECT %s, count(*) OVER () FROM %s", s.column(n), from)
	default:
		fmt.Fprintf(&b, "SELECT %s, %s FROM %s", s.column(name()), s.column(name()), from)
	}
	if s.IntN(6) > 0 {
		b.WriteString(" WHERE " + s.condition(names, 2))
	}
	return b.String()
}

// from writes FROM with one to three tables and returns their names.
func (s *statements) from() (text string, names []string) {
	text, name := s.table(0)
	names = []string{name}
	for i := 1; i <= 2 && s.IntN(2) == 0; i++ {
		next, name := s.table(i)
		names = append(names, name)
		join := s.of(", ", " JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ", " JOIN ", " LEFT JOIN ")
		text += join + next
		if join != ", " {
			text += " ON " + s.condition(names, 1)
		}
	}
	if s.IntN(10) == 0 {
		text = "(" + text + ")"
	}
	return text, names
}

// table writes one thing for FROM and returns the name of its columns.
func (s *statements) table(i int) (text, name string) {
	alias := fmt.Sprintf("t%d", i)
	switch k := s.IntN(12); {
	case k == 0 && s.depth < 3:
		return "(SELECT id, x, y FROM " + s.of("a", "b", "n", "a WHERE id = 1", "b WHERE id = 2 AND x = 0", "b WHERE id = 2 OR x = 0") + ") AS " + alias, alias
	case k == 1:
		return "v AS " + alias, alias
	case k == 2 && i == 0:
		return s.of("a", "b"), "" // columns without their table's name
	}
	return s.of("a", "a", "b", "b", "c", "n") + s.of(" ", " AS ") + alias, alias
}

func (s *statements) column(table string) string {
	c := s.of("id", "id", "x", "y")
	if table == "" {
		return c
	}
	return table + "." + c
}

// condition writes a condition over columns of the tables.
func (s *statements) condition(names []string, depth int) string {
	name := func() string { return names[s.IntN(len(names))] }
	if depth > 0 {
		switch s.IntN(9) {
		case 0, 1, 2, 3:
			return s.condition(names, depth-1) + " AND " + s.condition(names, depth-1)
		case 4:
			return s.condition(names, depth-1) + " OR " + s.condition(names, depth-1)
		case 5:
			return "(" + s.condition(names, depth-1) + s.of(" OR ", " AND ") + s.condition(names, depth-1) + ")"
		case 6:
			return "NOT " + s.condition(names, 0)
		}
	}
	value := s.of("0", "1", "2", "'1'", "3")
	switch s.IntN(14) {
	case 0:
		return fmt.Sprintf("%s = %s", s.column(name()), s.column(name()))
	case 1:
		return fmt.Sprintf("%s IN (%s, %s)", s.column(name()), value, s.of("1", "2"))
	case 2:
		return fmt.Sprintf("%s = %s", value, s.column(name()))
	case 3:
		return s.column(name()) + " BETWEEN 0 AND " + s.column(name()) + s.of("", " = 1")
	case 4:
		return s.column(name()) + s.of(" IS NULL", " > 0", " NOT IN (1)", " = 1 + 1", " IS 1")
	case 5:
		return fmt.Sprintf("CASE WHEN %s = %s THEN 1 ELSE %s END", s.column(name()), value, s.of("0", "1"))
	case 6:
		if s.depth < 3 {
			s.depth++
			defer func() { s.depth-- }()
			return fmt.Sprintf("%s IN (SELECT x FROM %s WHERE %s)", s.column(name()), s.of("a AS s", "b AS s", "n AS s"), s.condition([]string{"s", name()}, 1))
		}
	case 7:
		if s.depth < 3 {
			s.depth++
			defer func() { s.depth-- }()
			return s.of("", "NOT ") + fmt.Sprintf("EXISTS (SELECT 1 FROM %s WHERE %s)", s.of("a AS s", "b AS s"), s.condition([]string{"s"}, 1))
		}
	}
	return fmt.Sprintf("%s = %s", s.column(name()), value)
}

// changes lists changes of rows of a table whose keys are not pinned.
func changes(table string, pinned map[string]bool) []string {
	var list []string
	if table == "c" {
		for _, k := range []string{"1,1", "1,2", "2,1", "0,0", "3,3", "2,2"} {
			if x, y, _ := strings.Cut(k, ","); !pinned[k] {
				list = append(list,
					fmt.Sprintf("DELETE FROM c WHERE x = %s AND y = %s", x, y),
					fmt.Sprintf("INSERT INTO c VALUES (%s, %s, 1) ON CONFLICT DO UPDATE SET z = 1 - z", x, y))
			}
		}
		return list
	}
	for _, k := range []string{"0", "1", "2", "3", "4", "5"} {
		if pinned[k] {
			continue
		}
		list = append(list, fmt.Sprintf("DELETE FROM %s WHERE id = %s", table, k))
		for _, row := range []string{"0, 0", "1, 1", "0, 1", "NULL, NULL", "2, 2"} {
			list = append(list, fmt.Sprintf("INSERT OR REPLACE INTO %s VALUES (%s, %s)", table, k, row))
		}
	}
	return list
}

// pinOracle runs statements before and after changes.
type pinOracle struct {
	*sql.Conn
	t *testing.T
}

func newPinOracle(t *testing.T) *pinOracle {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	o := &pinOracle{Conn: conn, t: t}
	for _, s := range pinWorld {
		o.exec(s)
	}
	return o
}

func (o *pinOracle) exec(text string) {
	o.t.Helper()
	if _, err := o.ExecContext(o.t.Context(), text); err != nil {
		o.t.Fatalf("%s: %v", text, err)
	}
}

// result returns the rows of a statement in a form to compare, or false if
// SQLite refuses it.
func (o *pinOracle) result(ctx context.Context, text string) (string, bool) {
	rows, err := o.QueryContext(ctx, text)
	if err != nil {
		return "", false
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var a, b, c, d, e any
		columns, _ := rows.Columns()
		dest := []any{&a, &b, &c, &d, &e}
		if len(columns) > len(dest) {
			return "", false
		}
		if err := rows.Scan(dest[:len(columns)]...); err != nil {
			return "", false
		}
		all = append(all, fmt.Sprintf("%v %v %v %v %v", a, b, c, d, e))
	}
	slices.Sort(all)
	return strings.Join(all, "\n"), rows.Err() == nil
}

// violations returns the changes of unpinned rows that change the result of a
// statement, whose pins are those of analysed.
func (o *pinOracle) violations(text, analysed string, catalog *dialects.Catalog) (pins int, list []string) {
	a := dialects.Words(dialects.SQLite, catalog, analysed)
	if len(a.Pins) == 0 {
		return 0, nil
	}
	before, ok := o.result(o.t.Context(), text)
	if !ok {
		return 0, nil
	}
	for _, p := range a.Pins {
		pins++
		pinned := map[string]bool{}
		for _, row := range p.Rows {
			var key []string
			for _, operand := range row {
				key = append(key, strings.Trim(fmt.Sprint(operand.Literal), "'"))
			}
			pinned[strings.Join(key, ",")] = true
		}
		for _, change := range changes(p.Table.Name, pinned) {
			o.exec("SAVEPOINT s")
			o.exec(change)
			if after, ok := o.result(o.t.Context(), text); !ok || after != before {
				list = append(list, change)
			}
			o.exec("ROLLBACK TO s")
			o.exec("RELEASE s")
		}
	}
	return pins, list
}

// TestPinsOracle holds that rows whose keys are not pinned change no result.
func TestPinsOracle(t *testing.T) {
	t.Parallel()
	o, catalog := newPinOracle(t), pinCatalog()
	s := &statements{Rand: rand.New(rand.NewPCG(1, 2))}
	pins := 0
	for range 2000 {
		text := s.query()
		n, list := o.violations(text, text, catalog)
		pins += n
		if len(list) > 0 {
			t.Errorf("%s\nhas pins %v, and its result changes with\n%s", text, dialects.Words(dialects.SQLite, catalog, text).Pins, list[0])
		}
	}
	t.Logf("%d pins", pins)
	if pins < 200 {
		t.Error("these are too few")
	}
}

// TestPinsOracleSeesBrokenPins takes pins from statements that are not those
// that are run, as an analysis would that does not know the difference.
func TestPinsOracleSeesBrokenPins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, from, to string }{
		{"OR is AND", " OR ", " AND "},
		{"LEFT JOIN is JOIN", " LEFT JOIN ", " JOIN "},
		{"RIGHT JOIN is JOIN", " RIGHT JOIN ", " JOIN "},
		{"FULL JOIN is JOIN", " FULL JOIN ", " JOIN "},
		{"NOT means nothing", "NOT ", ""},
		{"BETWEEN ends at AND", " BETWEEN 0 AND ", " > 0 AND "},
		{"a view is another table", " v ", " n "},
		{"subqueries read nothing", "IN (SELECT x FROM a", "IN (SELECT x FROM n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, catalog := newPinOracle(t), pinCatalog()
			s := &statements{Rand: rand.New(rand.NewPCG(3, 4))}
			for range 20000 {
				text := s.query()
				broken := strings.ReplaceAll(text, c.from, c.to)
				if broken == text {
					continue
				}
				if _, list := o.violations(text, broken, catalog); len(list) > 0 {
					return
				}
			}
			t.Error("nobody noticed")
		})
	}
}

// write writes a random UPDATE or DELETE of one table.
func (s *statements) write() (text, table string) {
	table = s.of("a", "b", "c")
	name := s.of("", "", table)
	target := table
	if s.IntN(3) == 0 {
		name, target = "w", table+" AS w"
	}
	where := ""
	if s.IntN(8) > 0 {
		where = " WHERE " + s.condition([]string{name}, 2)
	}
	if s.IntN(2) == 0 {
		return "DELETE FROM " + target + where, table
	}
	set := s.of("x = 1 - x", "y = y + 1", "y = id + 1, x = 0", "(x, y) = (y, x)", "y = (SELECT max(x) FROM n)")
	if table == "c" {
		set = s.of("z = 1 - z", "z = z + 1", "y = y + 10")
	}
	return "UPDATE " + target + " SET " + set + where, table
}

// untouched returns the rows of a table that a write changes and its touches,
// those of analysed, do not list.
func (o *pinOracle) untouched(text, analysed, table string, catalog *dialects.Catalog) (touches int, changed []string) {
	a := dialects.Words(dialects.SQLite, catalog, analysed)
	if len(a.Touches) == 0 {
		return 0, nil
	}
	touched := map[string]bool{}
	for _, row := range a.Touches[0].Rows {
		var key []string
		for _, operand := range row {
			key = append(key, fmt.Sprint(operand.Literal))
		}
		touched[strings.Join(key, ",")] = true
	}
	key := "id"
	if table == "c" {
		key = "x || ',' || y"
	}
	rows := func() map[string]bool {
		found := map[string]bool{}
		result, _ := o.result(o.t.Context(), "SELECT "+key+", * FROM "+table)
		for row := range strings.SplitSeq(result, "\n") {
			found[row] = true
		}
		return found
	}
	o.exec("SAVEPOINT s")
	defer o.exec("RELEASE s")
	defer o.exec("ROLLBACK TO s")
	before := rows()
	if _, err := o.ExecContext(o.t.Context(), text); err != nil {
		return 0, nil
	}
	after := rows()
	for _, sets := range [][2]map[string]bool{{before, after}, {after, before}} {
		for row := range sets[0] {
			if key, _, _ := strings.Cut(row, " "); !sets[1][row] && !touched[key] {
				changed = append(changed, row)
			}
		}
	}
	return 1, changed
}

// TestTouchesOracle holds that writes change no other rows than those that they
// are said to touch.
func TestTouchesOracle(t *testing.T) {
	t.Parallel()
	o, catalog := newPinOracle(t), pinCatalog()
	s := &statements{Rand: rand.New(rand.NewPCG(7, 8))}
	touches := 0
	for range 1500 {
		text, table := s.write()
		n, changed := o.untouched(text, text, table, catalog)
		touches += n
		if len(changed) > 0 {
			t.Errorf("%s\ntouches %v and changes %q", text, dialects.Words(dialects.SQLite, catalog, text).Touches, changed)
		}
	}
	t.Logf("%d statements with touches", touches)
	if touches < 150 {
		t.Error("these are too few")
	}
	for _, broken := range [][2]string{{" OR ", " AND "}, {"NOT ", ""}, {" SET y = y + 10", " SET z = 1"}} {
		noticed := false
		for range 20000 {
			text, table := s.write()
			_, changed := o.untouched(text, strings.ReplaceAll(text, broken[0], broken[1]), table, catalog)
			if noticed = len(changed) > 0; noticed {
				break
			}
		}
		if !noticed {
			t.Errorf("nobody noticed that %q was taken for %q", broken[0], broken[1])
		}
	}
}

package onengines_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/table"
)

// thing is a row of which conditions can be about anything.
type thing struct {
	ID   int64   `db:"id,pk"`
	N    *int64  `db:"n"`
	Name *string `db:"name"`
	Nick *string `db:"nick"`
}

func (t thing) String() string {
	text := fmt.Sprint(t.ID)
	if t.N != nil {
		text += fmt.Sprintf(" n=%d", *t.N)
	}
	for _, s := range []*string{t.Name, t.Nick} {
		if s != nil {
			text += fmt.Sprintf(" %q", *s)
		}
	}
	return text
}

// things are queries with conditions of all sorts.
func (r *rig) things() []table.Query {
	const columns = "SELECT id, n, name, nick FROM "
	mark := func(text string) string {
		for i := 1; r.dialect.Flavor() == dialects.Postgres && strings.Contains(text, "?"); i++ {
			text = strings.Replace(text, "?", fmt.Sprintf("$%d", i), 1)
		}
		return text
	}
	all := []table.Query{}
	add := func(text string, args ...any) { all = append(all, table.Query{Text: mark(text), Args: args}) }
	for _, from := range []string{"thing", "folded"} {
		for n := range 4 {
			add(columns+from+" WHERE n = ?", n)
			add(columns+from+" WHERE n = ? AND name = ?", n, "b")
			add("SELECT * FROM "+from+" WHERE name = ? AND n = ? AND id > 3", "a", n)
		}
		add(columns+from+" WHERE n = ? ORDER BY id LIMIT 2", 1)
		add(columns+from+" WHERE n = ? ORDER BY name, id DESC LIMIT 3", 2)
		add(columns + from + " WHERE n IN (1, 3) AND (name = 'a' OR nick IS NULL)")
		add(columns+from+" WHERE id IN (?, ?)", 3, 4)
		add(columns+from+" WHERE n = 2 AND id = ?", 5)
		add(columns+from+" WHERE n = ?", "2")
		add("SELECT n, nick, t.id, t.name FROM "+from+" t WHERE t.n IS NULL AND t.name = ?", "a")
		for _, name := range []string{"a", "A", "b", "a "} {
			add(columns+from+" WHERE name = ?", name)
			add(columns+from+" WHERE nick = ?", name)
		}
		add("SELECT id + 1 AS id, n, name, nick FROM "+from+" WHERE n = ?", 1)
		add("SELECT n AS id, max(n) AS n, min(name) AS name, 'x' AS nick FROM "+from+" WHERE n = ? GROUP BY n", 1)
		add(columns+from+" WHERE n = ? AND name IN (SELECT name FROM thing WHERE n = 3)", 1)
	}
	return all
}

// inquirer makes up queries.
type inquirer struct {
	*rand.Rand
	r    *rig
	args []any
}

func (q *inquirer) of(all ...string) string { return all[q.IntN(len(all))] }

// number is a literal or an argument.
func (q *inquirer) number() string {
	n := q.IntN(6) - 1
	if q.IntN(2) == 0 {
		return fmt.Sprint(n)
	}
	q.args = append(q.args, n)
	if q.r.dialect.Flavor() == dialects.Postgres {
		return fmt.Sprintf("$%d", len(q.args))
	}
	return "?"
}

func (q *inquirer) condition(depth int) string {
	if depth > 0 && q.IntN(3) > 0 {
		left, right := q.condition(depth-1), q.condition(depth-1)
		return q.of(left+" AND "+right, left+" OR "+right, "("+left+" OR "+right+")", "("+left+") AND ("+right+")")
	}
	column := q.of("n", "n", "id")
	switch q.IntN(12) {
	case 0:
		return column + " BETWEEN " + q.number() + " AND " + q.number()
	case 1:
		return column + " NOT BETWEEN " + q.number() + " AND " + q.number()
	case 2:
		return column + q.of(" IN (", " NOT IN (") + q.number() + ", " + q.number() + ")"
	case 3:
		return q.of("n", "name", "nick") + q.of(" IS NULL", " IS NOT NULL")
	case 4:
		return q.of("name", "nick") + q.of(" < ", " <= ", " > ", " >= ", " = ", " <> ") + q.of("'a'", "'A'", "'b'", "'a '")
	case 5:
		return q.number() + q.of(" < ", " <= ", " > ", " >= ") + column
	case 6:
		return q.of("NOT n = 1", "n + 0 > 1", "length(name) = 1", "coalesce(n, 2) = 2")
	}
	return column + q.of(" = ", " <> ", " < ", " <= ", " > ", " >= ") + q.number()
}

func (q *inquirer) query() table.Query {
	q.args = nil
	text := "SELECT id, n, name, nick FROM " + q.of("thing", "folded")
	if q.IntN(8) > 0 {
		text += " WHERE " + q.condition(2)
	}
	if q.IntN(2) == 0 {
		text += " ORDER BY " + q.of("", "n, ", "n DESC, ", "name, ", "name DESC, n, ", "nick, ") + q.of("id", "id DESC")
		if q.IntN(2) == 0 {
			text += fmt.Sprintf(" LIMIT %d", q.IntN(5))
		}
	}
	return table.Query{Text: text, Args: slices.Clone(q.args)}
}

// scribble writes to the things, some statements in a row. What fails does
// nothing.
func (r *rig) scribble(ctx context.Context, random *rand.Rand) {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	n := func() string { return pick("NULL", "0", "1", "2", "3") }
	text := func() string { return pick("NULL", "'a'", "'A'", "'b'", "'a '", "'c'") }
	for range 1 + random.IntN(6) {
		from, id := pick("thing", "folded"), random.IntN(12)
		var statement string
		switch random.IntN(6) {
		case 0, 1:
			statement = fmt.Sprintf("INSERT INTO %s (id, n, name, nick) VALUES (%d, %s, %s, %s)", from, id, n(), text(), text())
		case 2:
			statement = fmt.Sprintf("DELETE FROM %s WHERE id = %d", from, id)
		case 3:
			statement = fmt.Sprintf("UPDATE %s SET id = %d WHERE id = %d", from, random.IntN(12), id)
		case 4:
			statement = fmt.Sprintf("UPDATE %s SET n = %s WHERE id = %d", from, n(), id)
		case 5:
			statement = fmt.Sprintf("UPDATE %s SET name = %s, nick = %s WHERE id = %d", from, text(), text(), id)
		}
		_, _ = r.other.ExecContext(ctx, statement) // the key may be taken
	}
}

// TestConditions: whatever is written, every query with conditions shows what a
// fresh read does, however few of them are run again.
func TestConditions(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		nick, other := "VARCHAR(20)", "VARCHAR(20)" // texts that are equal although their bytes are not, and in another order than these
		switch e.dialect.Flavor() {
		case dialects.SQLite:
			nick += " COLLATE NOCASE"
		case dialects.Postgres:
			nick, other = "CHAR(6)", `VARCHAR(20) COLLATE "und-x-icu"`
		default:
		}
		ddl := "CREATE TABLE %s (id BIGINT NOT NULL PRIMARY KEY, n BIGINT, name VARCHAR(20), nick %s)"
		r := newRig(t, e, fmt.Sprintf(ddl, "thing", other), fmt.Sprintf(ddl, "folded", nick))
		r.db.DB.SetMaxOpenConns(4)
		queries := r.things()
		made := &inquirer{Rand: rand.New(rand.NewPCG(rand.Uint64(), 2)), r: r}
		for range 60 {
			queries = append(queries, made.query())
		}
		watches := make([]*table.LiveQuery[thing], len(queries))
		for i, q := range queries {
			w, err := table.Watch[thing](soon(t), r.db, q)
			if err != nil {
				t.Fatalf("%s: %v", q.Text, err)
			}
			t.Cleanup(func() { _ = w.Close() })
			watches[i] = w
		}
		begun := time.Now()
		for round := 0; round < 12 || time.Since(begun) < 2*time.Second; round++ {
			var writing sync.WaitGroup
			for range 1 + round%3 {
				random := rand.New(rand.NewPCG(rand.Uint64(), 1))
				writing.Go(func() { r.scribble(soon(t), random) })
			}
			writing.Wait()
			for i, w := range watches {
				if err := w.Sync(soon(t)); err != nil {
					t.Fatal(err)
				}
				want := r.list(t, queries[i])
				got := []string{}
				for row := range w.All() {
					got = append(got, row.String())
				}
				if !strings.Contains(queries[i].Text, "ORDER BY") {
					slices.Sort(got)
					slices.Sort(want)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("round %d: %s %v\nshows %q\nwant  %q", round, queries[i].Text, queries[i].Args, got, want)
				}
			}
		}
	})
}

// TestColumnOfAnotherType: what was certain of the values of a column is no
// longer, when its type is another one.
func TestColumnOfAnotherType(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		if e.name != "postgres" {
			continue
		}
		r := newRig(t, e, "CREATE TABLE thing (id BIGINT NOT NULL PRIMARY KEY, n BIGINT, name VARCHAR(20), nick VARCHAR(20))")
		q := table.Query{Text: "SELECT id, n, name, nick FROM thing WHERE name = $1", Args: []any{"a"}}
		live, err := table.Watch[thing](soon(t), r.db, q)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = live.Close() }()
		r.exec(t, "INSERT INTO thing VALUES (1, 1, 'a', 'a')", "ALTER TABLE thing ALTER COLUMN name TYPE CHAR(6)")
		for id := range 3 {
			if err := live.Sync(soon(t)); err != nil {
				t.Fatal(err)
			}
			r.exec(t, fmt.Sprintf("INSERT INTO thing VALUES (%d, 1, 'a', 'a')", 2+id))
			if err := live.Sync(soon(t)); err != nil {
				t.Fatal(err)
			}
			if rows := r.list(t, q); live.Len() != len(rows) {
				t.Errorf("%d rows, want %d", live.Len(), len(rows))
			}
		}
	}
}

// TestNullsBesideNull: what is found by IS NULL and is read as something else.
func TestNullsBesideNull(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		made, setup := "DATE", []string{}
		switch e.dialect.Flavor() {
		case dialects.Postgres:
			made, setup = "pair DEFAULT ROW(NULL, NULL)", append(setup, "CREATE TYPE pair AS (a int, b int)")
		case dialects.MySQL:
			made = "DATE NOT NULL DEFAULT '0000-00-00'"
		default:
		}
		r := newRig(t, e, append(setup, "CREATE TABLE thing (id BIGINT NOT NULL PRIMARY KEY, n BIGINT, name VARCHAR(20), nick VARCHAR(20), made "+made+")")...)
		q := table.Query{Text: "SELECT id, n, name, nick FROM thing WHERE made IS NULL"}
		live, err := table.Watch[thing](soon(t), r.db, q)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = live.Close() }()
		for id := range 3 {
			r.exec(t, fmt.Sprintf("INSERT INTO thing (id, n) VALUES (%d, 1)", id))
			if err := live.Sync(soon(t)); err != nil {
				t.Fatal(err)
			}
			if rows := r.list(t, q); live.Len() != len(rows) || len(rows) != id+1 {
				t.Errorf("%d rows, want %d", live.Len(), len(rows))
			}
		}
	})
}

// TestNamesThatDifferByCase: a view is not taken for the table whose name looks
// like its own.
func TestNamesThatDifferByCase(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		if e.name != "mariadb" {
			continue
		}
		r := newRig(t, e, "CREATE TABLE thing (id BIGINT NOT NULL PRIMARY KEY, n BIGINT, name VARCHAR(20), nick VARCHAR(20))",
			"CREATE VIEW THING AS SELECT id, -n AS n, name, nick FROM thing")
		q := table.Query{Text: "SELECT id, n, name, nick FROM THING WHERE n = ?", Args: []any{-5}}
		live, err := table.Watch[thing](soon(t), r.db, q)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = live.Close() }()
		r.exec(t, "INSERT INTO thing VALUES (1, 5, 'a', 'a')")
		if err := live.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		if rows := r.list(t, q); live.Len() != 1 || len(rows) != 1 {
			t.Errorf("%d rows, want %d", live.Len(), len(rows))
		}
	}
}

// list runs a query.
func (r *rig) list(t *testing.T, q table.Query) []string {
	t.Helper()
	rows, err := r.other.QueryContext(soon(t), q.Text, q.Args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	all := []string{}
	for rows.Next() {
		var one thing
		into := map[string]any{"id": &one.ID, "n": &one.N, "name": &one.Name, "nick": &one.Nick}
		var dest []any
		for _, c := range columns {
			dest = append(dest, into[c])
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		all = append(all, one.String())
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestKept: queries whose result follows from the rows that have changed are not
// run again, but when rows come into a limit of which nobody knows.
func TestKept(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, e.items("item"))
		for i := range 9 {
			r.exec(t, fmt.Sprintf("INSERT INTO item (id, grp, name) VALUES (%d, %d, 'x')", i+1, (i+1)*10))
		}
		const columns = "SELECT id, grp, name, note FROM item "
		queries := map[string]*table.LiveQuery[row]{}
		for _, text := range []string{
			"WHERE grp = 30", "WHERE grp BETWEEN 20 AND 50 ORDER BY id", "WHERE grp > 30 ORDER BY grp DESC, id LIMIT 3",
			"WHERE grp < 35 OR id > 8", "ORDER BY id LIMIT 4", "WHERE note IS NULL ORDER BY grp, id",
		} {
			q, err := table.Watch[row](soon(t), r.db, table.Query{Text: columns + text})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = q.Close() })
			queries[text] = q
		}
		// check tells how many queries were run since the last time.
		check := func() int64 {
			t.Helper()
			for _, q := range queries {
				if err := q.Sync(soon(t)); err != nil {
					t.Fatal(err)
				}
			}
			runs := r.whole.Load()
			for text, q := range queries {
				var got, want []string
				for row := range q.All() {
					got = append(got, fmt.Sprint(row.ID))
				}
				rows, err := r.other.QueryContext(soon(t), columns+text)
				if err != nil {
					t.Fatal(err)
				}
				for rows.Next() {
					var one row
					if err := rows.Scan(&one.ID, &one.Grp, &one.Name, &one.Note); err != nil {
						t.Fatal(err)
					}
					want = append(want, fmt.Sprint(one.ID))
				}
				if err := errors.Join(rows.Err(), rows.Close()); err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(text, "ORDER BY") {
					slices.Sort(got)
					slices.Sort(want)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: %v, want %v", text, got, want)
				}
			}
			return runs
		}
		check()
		r.exec(t, "UPDATE item SET name = 'y' WHERE id = 1") // whoever was run beside the first poll is run again
		before := check()
		for _, statement := range []string{
			"INSERT INTO item (id, grp, name) VALUES (10, 45, 'x')",
			"UPDATE item SET grp = 30 WHERE id = 7",
			"UPDATE item SET note = 'n' WHERE id = 5",
			"DELETE FROM item WHERE id = 5",
			"UPDATE item SET grp = 31 WHERE id = 3",
			"INSERT INTO item (id, grp, name) VALUES (0, 99, 'x')",
		} {
			r.exec(t, statement)
			runs := check()
			short := strings.HasPrefix(statement, "UPDATE item SET grp = 30") // leaves the three of more than 30
			if runs > before && !short || runs == before && short {
				t.Errorf("%s: %d queries were run", statement, runs-before)
			}
			before = runs
		}
	})
}

// TestOnlyWhomItConcerns: a change costs as many statements with a hundred
// queries of one shape as with ten.
func TestOnlyWhomItConcerns(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := purchases(t, e, 200)
		for _, m := range manners {
			if m.name == "sums" {
				continue // the change of a row concerns all
			}
			few := watchMany(t, r, m, 10)
			few.close(t)
			many := watchMany(t, r, m, 100)
			many.close(t)
			if many.sent > few.sent+4 || many.sent > 16 {
				t.Errorf("%s: a change costs %.1f statements with 100 queries, %.1f with 10", m.name, many.sent, few.sent)
			}
		}
	})
}

package sqlite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// TestPins holds which rows a statement depends on, or changes, by the keys
// that SQLite's own schema tells of.
func TestPins(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	db := plain(t, file+quick)
	mustExec(t, db,
		"CREATE TABLE a(id INTEGER PRIMARY KEY, v)",
		"CREATE TABLE code(code TEXT PRIMARY KEY, v) WITHOUT ROWID",
		"CREATE TABLE pair(x INT, y VARCHAR(10), v, PRIMARY KEY(x, y))",
		"CREATE TABLE soft(name TEXT COLLATE NOCASE, v, PRIMARY KEY(name COLLATE BINARY))",
		"CREATE TABLE nocase(name TEXT PRIMARY KEY COLLATE NOCASE, v)",
		"CREATE TABLE loose(id PRIMARY KEY, v)",
		"CREATE TABLE real(id REAL PRIMARY KEY, v)",
		"CREATE TABLE mail(id INTEGER PRIMARY KEY, address TEXT UNIQUE ON CONFLICT REPLACE)",
		"CREATE TABLE log(n INTEGER PRIMARY KEY)",
		"CREATE TABLE fired(id INTEGER PRIMARY KEY, v)",
		"CREATE TRIGGER fires AFTER UPDATE ON fired BEGIN UPDATE fired SET v = 1 WHERE id = NEW.id - 1; END",
		"CREATE VIEW va AS SELECT * FROM a",
	)
	install1(t, db)
	f := follow(t, file+quick, listen.InstallNever)
	for text, want := range map[string]string{
		"SELECT v FROM a WHERE id = 1":                                           "a[[1]]",
		"SELECT v FROM a WHERE id = ? AND v > 1":                                 "a[[$1]]",
		"SELECT v FROM a WHERE id = 1 OR v = 2":                                  "",
		"SELECT v FROM va WHERE id = 1":                                          "",
		"SELECT v FROM code WHERE code = 'x'":                                    "code[[x]]",
		"SELECT v FROM pair WHERE x = 1 AND y = ?":                               "pair[[1 $1]]",
		"SELECT v FROM soft WHERE name = 'x'":                                    "",
		"SELECT v FROM nocase WHERE name = 'x'":                                  "",
		"SELECT v FROM loose WHERE id = 1":                                       "",
		"SELECT v FROM real WHERE id = 1":                                        "",
		"UPDATE a SET v = 2 WHERE id = 1":                                        "a[[1]]",
		"UPDATE mail SET address = 'x' WHERE id = 1":                             "",
		"UPDATE fired SET v = 2 WHERE id = 1":                                    "",
		"DELETE FROM mail WHERE id = 1":                                          "mail[[1]]",
		"INSERT INTO a(id, v) VALUES (1, 2), (?, 3)":                             "a[[1] [$1]]",
		"INSERT INTO a(v) VALUES (2)":                                            "",
		"INSERT OR REPLACE INTO a(id, v) VALUES (1, 2)":                          "",
		"WITH a AS (SELECT 1 AS id, 2 AS v) SELECT v FROM a, log WHERE a.id = 1": "",
	} {
		a := f.in(t).analyze(text)
		if got := describe(append(a.Pins, a.Touches...)); got != want || a.Conflict != "" {
			t.Errorf("%s\nhas pins %q, want %q (%s)", text, got, want, a.Conflict)
		}
	}
}

func describe(pins []dialects.Pin) string {
	var all []string
	for _, p := range pins {
		var rows [][]string
		for _, row := range p.Rows {
			var values []string
			for _, o := range row {
				if o.Param > 0 {
					values = append(values, fmt.Sprintf("$%d", o.Param))
				} else {
					values = append(values, fmt.Sprint(o.Literal))
				}
			}
			rows = append(rows, values)
		}
		all = append(all, p.Table.Name+fmt.Sprint(rows))
	}
	return strings.Join(all, " ")
}

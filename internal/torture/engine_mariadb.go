package torture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vantage-go/live/dialects/mysql"
)

// mariaDBEngine is MariaDB, whose DDL commits at once.
func mariaDBEngine() Engine {
	return Engine{
		name: "mariadb", capture: mysql.Dialect{}, driver: "mysql", dialects: [2]string{"mysql", "mysql"},
		dsn: func(dsn string) string { return dsn }, begin: "START TRANSACTION", crowded: true, loose: true, folds: true, marks: "part", swaps: true,
		schema:  mariaDBSchema,
		changes: mariaDBChanges,
		alterations: func(d *draw, f facts) []alteration {
			grp := d.group()
			return append(wideAlterations(d, f), alteration{
				ddl: []string{"CREATE OR REPLACE" + shownView(d.lane, grp)[len("CREATE"):]}, set: fmt.Sprintf("shown = %d", grp),
				effect: func(s *state) { s.Facts.Shown = grp },
			}, alteration{
				ddl:    []string{fmt.Sprintf("ALTER TABLE piece TRUNCATE PARTITION p%d", d.lane)},
				effect: func(s *state) { s.Pieces = nil },
			}, alteration{
				ddl:    []string{fmt.Sprintf("ALTER TABLE piece EXCHANGE PARTITION p%d WITH TABLE spare_%[1]d", d.lane)},
				effect: func(s *state) { s.Pieces, s.Spares = s.Spares, s.Pieces },
			}, alteration{
				ddl:    []string{fmt.Sprintf("TRUNCATE spare_%d", d.lane)},
				effect: func(s *state) { s.Spares = nil },
			})
		},
		noises: []string{
			"CREATE INDEX IF NOT EXISTS noise ON item(ver)", "DROP INDEX IF EXISTS noise ON item",
			"ALTER TABLE item ADD COLUMN IF NOT EXISTS noise INTEGER", "ALTER TABLE item DROP COLUMN IF EXISTS noise",
		},
		sessions: []sessionSettings{
			{},
			{set: []string{"SET time_zone = '+09:00'"}, reset: []string{"SET time_zone = DEFAULT"}},
			{set: []string{"SET sql_mode = 'PIPES_AS_CONCAT'"}, reset: []string{"SET sql_mode = DEFAULT"}},
		},
		spots: []string{"SELECT n FROM spot WHERE lane = %d", "SELECT UNIX_TIMESTAMP(at) FROM moment WHERE lane = %d"},
		placed: func(lane int64) []question {
			return []question{
				spotQuestion(lane, 0, anySession),
				momentQuestion(lane, 0, 0), momentQuestion(lane, 9*time.Hour, 1), momentQuestion(lane, 0, 2),
				pipesQuestion(lane, 0, func(int64) int64 { return 1 }),
				pipesQuestion(lane, 2, func(n int64) int64 { return 10*n + 1 }),
			}
		},
		aborted: func(err error) bool {
			// A deadlock, a lock that took too long, a table that was altered, a
			// statement to be prepared anew.
			return slices.Contains([]int{1213, 1205, 1412, 1615}, errorNumber(err))
		},
		// Also one that waited for a change of the schema for longer than the tests
		// let anybody wait.
		transient: func(err error) bool { return slices.Contains([]int{1205, 1412, 1615}, errorNumber(err)) },
	}
}

// errorNumber returns the number that the text of an error of the server begins
// with, behind what was put before it.
func errorNumber(err error) (number int) {
	_, text, _ := strings.Cut(err.Error(), "Error ")
	if _, err := fmt.Sscanf(text, "%d (", &number); err != nil {
		return 0
	}
	return number
}

// momentQuestion asks for a point in time, which is told in the time zone of
// the session.
func momentQuestion(lane int64, zone time.Duration, session int) question {
	q := ask("SELECT at + 0 FROM moment WHERE lane = ?", func(_ int64, s state, row func(...int64)) {
		n, err := strconv.ParseInt(time.Unix(s.Spots[1], 0).UTC().Add(zone).Format("20060102150405"), 10, 64)
		if err != nil {
			n = null
		}
		row(n)
	}, lane)
	q.session = session
	return q
}

// pipesQuestion asks for n || 1, which means two things.
func pipesQuestion(lane int64, session int, means func(n int64) int64) question {
	q := ask("SELECT n || 1 FROM spot WHERE lane = ?", func(_ int64, s state, row func(...int64)) { row(means(s.Spots[0])) }, lane)
	q.session = session
	return q
}

func mariaDBSchema(s Shape) []string {
	lists := make([]string, s.Lanes)
	for lane := range s.Lanes {
		lists[lane] = fmt.Sprintf("PARTITION p%d VALUES IN (%[1]d)", lane)
	}
	columns := "(lane INTEGER NOT NULL, id INTEGER NOT NULL, ver BIGINT NOT NULL, PRIMARY KEY (lane, id))"
	counts := "INSERT INTO audit(item, n) VALUES (NEW.id, 1) ON DUPLICATE KEY UPDATE n = n + 1"
	ticks := "UPDATE tick SET n = n + 1 WHERE lane = NEW.item DIV 100"
	all := append(commonSchema(s),
		"CREATE TABLE piece"+columns+" PARTITION BY LIST (lane) ("+strings.Join(lists, ", ")+")",
		"CREATE TABLE moment(lane INTEGER NOT NULL PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT '2020-09-13 12:26:40')",
		"CREATE TRIGGER number_it AFTER UPDATE ON seq FOR EACH ROW UPDATE late SET n = NEW.n WHERE lane = NEW.lane",
		"CREATE TRIGGER count_inserted AFTER INSERT ON item FOR EACH ROW "+counts,
		"CREATE TRIGGER count_updated AFTER UPDATE ON item FOR EACH ROW "+counts,
		"CREATE TRIGGER tick_inserted AFTER INSERT ON part FOR EACH ROW "+ticks,
		"CREATE TRIGGER tick_updated AFTER UPDATE ON part FOR EACH ROW "+ticks,
	)
	for lane := range s.Lanes {
		all = append(all, fmt.Sprintf("CREATE TABLE spare_%d", lane)+columns, fmt.Sprintf("INSERT INTO moment(lane) VALUES (%d)", lane))
	}
	return all
}

func mariaDBChanges(d *draw) []change {
	id, grp, other, c := d.item(), d.group(), d.item(), d.code()
	at := time.Unix(1_600_000_000+d.version, 0).UTC().Format(time.DateTime)
	return append(commonChanges(d), []change{
		{text: "INSERT INTO item(id, grp, code, ver) VALUES (?, ?, NULL, ?) ON DUPLICATE KEY UPDATE ver = VALUES(ver)", args: []any{id, grp, d.version}},
		{text: "INSERT IGNORE INTO item(id, grp, code, ver) VALUES (?, ?, ?, ?)", args: []any{id, grp, c, d.version}},
		{text: "INSERT IGNORE INTO item(id, grp, code, ver) VALUES (?, ?, ?, ?) RETURNING ver", args: []any{other, grp, c, d.version}, returns: true},
		// The unique index throws another item out, with its parts.
		{text: "REPLACE INTO item(id, grp, code, ver) VALUES (?, ?, ?, ?)", args: []any{id, grp, c, d.version}},
		{text: "UPDATE IGNORE item SET code = ?, ver = ? WHERE id = ?", args: []any{c, d.version, id}},
		// Its parts come along.
		{text: "UPDATE item SET id = ?, ver = ? WHERE id = ? AND NOT EXISTS (SELECT 1 FROM (SELECT id FROM item) AS o WHERE o.id = ?)", args: []any{other, d.version, id, other}},
		{text: "DELETE FROM item WHERE id = ? RETURNING ver", args: []any{id}, returns: true},
		{text: "INSERT IGNORE INTO item(id, grp, ver) VALUES (?, ?, ?), (?, ?, ?)", args: []any{id, grp, d.version, other, grp, d.version}},
		{text: "UPDATE item AS i JOIN part AS p ON p.item = i.id SET i.ver = ?, p.ver = ? WHERE i.id = ?", args: []any{d.version, d.version, id}},
		{text: "DELETE p FROM part AS p JOIN item AS i ON i.id = p.item WHERE i.grp = ?", args: []any{grp}},
		{text: "INSERT INTO part(item, n, ver) SELECT id, ?, ? FROM item WHERE id = ? ON DUPLICATE KEY UPDATE ver = VALUES(ver)", args: []any{d.part(), d.version, id}},
		{text: "REPLACE INTO part(item, n, ver) SELECT id, 0, ? FROM item WHERE grp = ?", args: []any{d.version, grp}},
		{text: "INSERT INTO piece(lane, id, ver) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE ver = VALUES(ver)", args: []any{d.lane, d.piece(), d.version}},
		{text: fmt.Sprintf("REPLACE INTO spare_%d(lane, id, ver) VALUES (?, ?, ?)", d.lane), args: []any{d.lane, d.piece(), d.version}},
		{text: "UPDATE moment SET at = ? WHERE lane = ?", args: []any{at, d.lane}},
	}...)
}

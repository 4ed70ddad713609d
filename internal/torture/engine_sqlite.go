package torture

import (
	"fmt"

	"github.com/vantage-go/live/dialects/sqlite"
)

// sqliteEngine is SQLite, with one writer at a time.
func sqliteEngine() Engine {
	return Engine{
		name: "sqlite", capture: sqlite.Dialect{}, driver: "sqlite", dialects: [2]string{"sqlite", "sqlite"},
		// Transactions take the write lock as they begin.
		dsn: func(file string) string {
			return file + "?_pragma=journal_mode(wal)&_pragma=synchronous(off)&_pragma=foreign_keys(1)&_pragma=busy_timeout(20000)&_txlock=immediate"
		},
		begin: "BEGIN IMMEDIATE",
		schema: func(s Shape) []string {
			return append(commonSchema(s),
				`CREATE TABLE piece(lane INTEGER NOT NULL, id INTEGER NOT NULL, ver BIGINT NOT NULL, PRIMARY KEY (lane, id)) WITHOUT ROWID`,
				`CREATE TRIGGER number AFTER UPDATE ON seq BEGIN UPDATE late SET n = new.n WHERE lane = new.lane; END`,
				`CREATE TRIGGER count_inserted AFTER INSERT ON item BEGIN INSERT INTO audit(item, n) VALUES (new.id, 1) ON CONFLICT(item) DO UPDATE SET n = n + 1; END`,
				`CREATE TRIGGER count_updated AFTER UPDATE ON item BEGIN INSERT INTO audit(item, n) VALUES (new.id, 1) ON CONFLICT(item) DO UPDATE SET n = n + 1; END`,
				`CREATE TRIGGER tick_inserted AFTER INSERT ON part BEGIN UPDATE tick SET n = n + 1 WHERE lane = new.item / 100; END`,
				`CREATE TRIGGER tick_updated AFTER UPDATE ON part BEGIN UPDATE tick SET n = n + 1 WHERE lane = new.item / 100; END`,
				`CREATE TRIGGER front_updated INSTEAD OF UPDATE ON front BEGIN UPDATE item SET ver = new.ver WHERE id = old.id; END`,
			)
		},
		changes: func(d *draw) []change {
			id, grp := d.item(), d.group()
			return append(commonChanges(d), []change{
				{text: "INSERT INTO item(id, grp, code, ver) VALUES (?, ?, NULL, ?) ON CONFLICT(id) DO UPDATE SET ver = excluded.ver", args: []any{id, grp, d.version}},
				{text: "INSERT OR IGNORE INTO item(id, grp, code, ver) VALUES (?, ?, ?, ?)", args: []any{id, grp, d.code(), d.version}},
				// The unique index throws another item out, with its parts.
				{text: "REPLACE INTO item(id, grp, code, ver) VALUES (?, ?, ?, ?)", args: []any{id, grp, d.code(), d.version}},
				{text: "UPDATE OR REPLACE item SET code = ?, ver = ? WHERE id = ?", args: []any{d.code(), d.version, id}},
				{text: "UPDATE OR IGNORE item SET id = ?, ver = ? WHERE id = ?", args: []any{d.item(), d.version, id}},
				{text: "UPDATE item SET ver = ? WHERE id = ? RETURNING ver", args: []any{d.version, id}, returns: true},
				{text: "INSERT INTO item(id, grp, ver) SELECT ? + i, ?, ? FROM (SELECT 0 AS i UNION ALL SELECT 1 UNION ALL SELECT 2) WHERE true ON CONFLICT(id) DO NOTHING", args: []any{min(id, d.lane*stride+d.Items-3), grp, d.version}},
				{text: "REPLACE INTO part(item, n, ver) SELECT id, ?, ? FROM item WHERE id = ?", args: []any{d.part(), d.version, id}},
				{text: "INSERT OR REPLACE INTO part(item, n, ver) SELECT id, 0, ? FROM item WHERE grp = ?", args: []any{d.version, grp}},
				{text: "INSERT INTO piece(lane, id, ver) VALUES (?, ?, ?) ON CONFLICT(lane, id) DO UPDATE SET ver = excluded.ver", args: []any{d.lane, d.piece(), d.version}},
				{text: "DELETE FROM piece"}, // SQLite does not look at the rows
			}...)
		},
		alterations: func(d *draw, f facts) []alteration {
			grp := d.group()
			return append(wideAlterations(d, f), alteration{
				ddl: []string{fmt.Sprintf("DROP VIEW shown_%d", d.lane), shownView(d.lane, grp)}, set: fmt.Sprintf("shown = %d", grp),
			})
		},
		noises:    []string{"CREATE INDEX IF NOT EXISTS noise ON item(ver)", "DROP INDEX IF EXISTS noise"},
		spots:     []string{"SELECT n FROM spot WHERE lane = %d"},
		placed:    func(lane int64) []question { return []question{spotQuestion(lane, 0, anySession)} },
		aborted:   func(error) bool { return false },
		transient: func(error) bool { return false },
	}
}

// commonChanges are the changes that all engines spell the same.
func commonChanges(d *draw) []change {
	id, grp := d.item(), d.group()
	return []change{
		{text: "UPDATE item SET ver = ? WHERE id = ?", args: []any{d.version, id}},
		{text: "UPDATE item SET ver = ? WHERE id = ?", args: []any{d.version, d.item()}},
		{text: "UPDATE item SET ver = ? WHERE grp = ?", args: []any{d.version, grp}},
		{text: "UPDATE item SET grp = ?, ver = ? WHERE id = ?", args: []any{grp, d.version, id}},
		{text: "DELETE FROM item WHERE id = ?", args: []any{id}},
		{text: "UPDATE front SET ver = ? WHERE id = ?", args: []any{d.version, id}},
		{text: "UPDATE part SET ver = ? WHERE item = ?", args: []any{d.version, id}},
		{text: "UPDATE part SET ver = ? WHERE item = ? AND n = ?", args: []any{d.version, id, d.part()}},
		{text: "UPDATE part SET ver = ? WHERE item IN (SELECT id FROM item WHERE grp = ?)", args: []any{d.version, grp}},
		{text: "DELETE FROM part WHERE item = ? AND n > 0", args: []any{id}},
		{text: "UPDATE spot SET n = ? WHERE lane = ?", args: []any{d.version, d.lane}},
		{text: "UPDATE piece SET ver = ? WHERE lane = ?", args: []any{d.version, d.lane}},
		{text: "DELETE FROM piece WHERE lane = ? AND id = ?", args: []any{d.lane, d.piece()}},
		{text: fmt.Sprintf("UPDATE wide_%d SET n = ? WHERE id = 1", d.lane), args: []any{d.version}},
	}
}

// wideAlterations add columns to the table wide, and remove them.
func wideAlterations(d *draw, f facts) []alteration {
	if f.Wide < 3 {
		return []alteration{{
			ddl:    []string{fmt.Sprintf("ALTER TABLE wide_%d ADD COLUMN more_%d INTEGER NOT NULL DEFAULT 7", d.lane, f.Wide)},
			set:    "wide = wide + 1",
			effect: func(s *state) { s.Facts.Wide++ },
		}}
	}
	return []alteration{{
		ddl:    []string{fmt.Sprintf("ALTER TABLE wide_%d DROP COLUMN more_%d", d.lane, f.Wide-1)},
		set:    "wide = wide - 1",
		effect: func(s *state) { s.Facts.Wide-- },
	}}
}

// spotQuestion asks for one of the spots.
func spotQuestion(lane int64, spot, session int) question {
	q := ask("SELECT n FROM spot WHERE lane = ?", func(_ int64, s state, row func(...int64)) { row(s.Spots[spot]) }, lane)
	q.session = session
	return q
}

package sqlite

import (
	"fmt"
	"slices"
)

// kind is one kind of table, with the words to write into it. Row i of a table
// has the key of number i, u = i and v = 'seed' when it is seeded.
type kind struct {
	name  string
	setup []string
	// late runs after the capture triggers were installed.
	late  []string
	table string // quoted
	cols  string // of row, in order
	row   func(i, u int) string
	where func(i int) string
	key   func(i int) string // assignments that give a row the key of number i
	// watch holds the tables to compare, first of all table itself, and SQL
	// for the key of each, independent of the triggers.
	watch []watched
	// writes are further scripts that only make sense here.
	writes [][]string
	// linked: writes change other tables, too.
	linked bool
	// marks: changes may come as marks on the whole table.
	marks bool
}

type watched struct {
	table string // unquoted
	key   string // SQL, empty for a table without a key
}

// intKeyed fills in what tables with a number as their key share.
func intKeyed(k kind) kind {
	if k.table == "" {
		k.table = "t"
	}
	if k.cols == "" {
		k.cols = "id, u, v"
	}
	if k.row == nil {
		k.row = func(i, u int) string { return fmt.Sprintf("%d, %d, 'new'", i, u) }
	}
	k.where = func(i int) string { return fmt.Sprintf("id = %d", i) }
	k.key = k.where
	if k.watch == nil {
		k.watch = []watched{{"t", "id"}}
	}
	return k
}

// textKeyed fills in what tables with a text as their key share.
func textKeyed(k kind) kind {
	k.table, k.cols = "t", "id, u, v"
	k.row = func(i, u int) string { return fmt.Sprintf("'key%d', %d, 'new'", i, u) }
	k.where = func(i int) string { return fmt.Sprintf("id = 'key%d'", i) }
	k.key = k.where
	k.watch = []watched{{"t", "id"}}
	return k
}

// kinds are the tables that every kind of write is tried on.
func kinds() []kind {
	// Rows that are thrown out for the sake of a rowid are in no unique index.
	replaceRowids := func(cols, row string) [][]string {
		return [][]string{
			{"INSERT OR REPLACE INTO t(rowid, " + cols + ") SELECT max(rowid), " + row + " FROM t"},
			{"UPDATE OR REPLACE t SET rowid = (SELECT max(rowid) FROM t) WHERE u = 1"},
			{"UPDATE OR REPLACE t SET _rowid_ = oid + 1 WHERE u = 1 OR u = 2"},
			{"INSERT INTO t(rowid, " + cols + ") VALUES (-1, " + row + ")"},
		}
	}
	composite := func(name, ddl string, writes ...[]string) kind {
		return kind{
			name: name, setup: []string{ddl}, table: "t", cols: "a, b, u, v",
			row:   func(i, u int) string { return fmt.Sprintf("%d, 'b%d', %d, 'new'", i, i, u) },
			where: func(i int) string { return fmt.Sprintf("a = %d AND b = 'b%d'", i, i) },
			key:   func(i int) string { return fmt.Sprintf("a = %d, b = 'b%d'", i, i) },
			watch: []watched{{"t", "quote(a)||','||quote(b)"}},
			writes: append([][]string{
				{"UPDATE t SET a = 2 WHERE a = 1"},
				{"UPDATE OR REPLACE t SET a = 2, b = 'b2' WHERE a = 1"},
			}, writes...),
		}
	}
	all := []kind{
		intKeyed(kind{
			name: "integer primary key", setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v)"},
			writes: [][]string{
				{"INSERT INTO t(u, v) VALUES (50, 'auto')"},
				{"INSERT OR REPLACE INTO t(u, v) VALUES (2, 'auto')"},
				{"INSERT INTO t(rowid, u, v) VALUES (-1, 51, 'minus')", "UPDATE t SET v = 'm' WHERE id = -1"},
				{"UPDATE t SET rowid = 40 WHERE id = 1"},
				{"UPDATE OR REPLACE t SET _rowid_ = 2 WHERE id = 1"},
				{"INSERT INTO t(id, u, v) SELECT id + 100, u + 100, v FROM t"},
				{"UPDATE t SET id = id + 100"},
			},
		}),
		intKeyed(kind{name: "no unique index", setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT, v)"}}),
		intKeyed(kind{
			name: "autoincrement", setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, u INT UNIQUE, v)"},
			writes: [][]string{{"INSERT INTO t(u, v) VALUES (50, 'auto'), (51, 'auto')"}},
		}),
		intKeyed(kind{name: "descending integer primary key", setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY DESC, u INT UNIQUE, v)"}}),
		intKeyed(kind{
			name: "int primary key", setup: []string{"CREATE TABLE t(id INT PRIMARY KEY, u INT UNIQUE, v)"}, marks: true,
			writes: [][]string{
				{"INSERT INTO t(u, v) VALUES (60, 'null key'), (61, 'null key')", "UPDATE t SET v = 'x' WHERE id IS NULL", "DELETE FROM t WHERE id IS NULL"},
			},
		}),
		intKeyed(kind{
			name: "typeless primary key", setup: []string{"CREATE TABLE t(id PRIMARY KEY, u INT UNIQUE, v)"},
			writes: [][]string{
				{"REPLACE INTO t VALUES (1.0, 70, 'real')"},
				{"UPDATE OR REPLACE t SET id = 2.0 WHERE id = 1"},
				{"UPDATE t SET id = 1.0 WHERE id = 1"},
				{"INSERT INTO t VALUES (x'0102', 71, 'blob'), ('1', 72, 'text')", "DELETE FROM t WHERE id = '1'"},
				{"INSERT OR REPLACE INTO t(rowid, id, u) SELECT max(rowid), 80, 80 FROM t"},
			},
		}),
		textKeyed(kind{name: "text key", setup: []string{"CREATE TABLE t(id TEXT PRIMARY KEY, u INT, v)"}, writes: replaceRowids("id, u", "'key90', 90")}),
		textKeyed(kind{
			// Its columns hide all names of the rowid but one.
			name: "hidden rowid", setup: []string{"CREATE TABLE t(id TEXT PRIMARY KEY, u INT, v, ROWID, \"oid\" INT)"},
			writes: [][]string{
				{"INSERT OR REPLACE INTO t(_rowid_, id, u) SELECT max(_rowid_), 'key90', 90 FROM t"},
				{"UPDATE OR REPLACE t SET _rowid_ = (SELECT max(_rowid_) FROM t) WHERE u = 1"},
			},
		}),
		textKeyed(kind{name: "no name for the rowid", setup: []string{"CREATE TABLE t(id TEXT PRIMARY KEY, u INT, v, rowid, oid, _ROWID_)"}}),
		intKeyed(kind{
			name: "strict any", setup: []string{"CREATE TABLE t(id ANY PRIMARY KEY, u INT UNIQUE, v TEXT) STRICT"}, marks: true,
			writes: [][]string{{"REPLACE INTO t VALUES (1.0, 70, 'real')"}},
		}),
		intKeyed(kind{name: "strict", setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v TEXT) STRICT"}}),
		textKeyed(kind{
			name: "nocase key", setup: []string{"CREATE TABLE t(id TEXT COLLATE NOCASE PRIMARY KEY, u INT UNIQUE, v)"},
			writes: [][]string{
				{"REPLACE INTO t VALUES ('KEY1', 70, 'capitals')"},
				{"UPDATE OR REPLACE t SET id = 'KEY2' WHERE id = 'key1'"},
				{"UPDATE t SET id = 'KEY1' WHERE id = 'key1'"},
				{"INSERT INTO t VALUES ('KEY1', 71, 'up') ON CONFLICT(id) DO UPDATE SET id = excluded.id"},
			},
		}),
		textKeyed(kind{
			name: "nocase key without rowid", setup: []string{"CREATE TABLE t(id TEXT COLLATE NOCASE PRIMARY KEY, u INT UNIQUE, v) WITHOUT ROWID"},
			writes: [][]string{
				{"REPLACE INTO t VALUES ('KEY1', 70, 'capitals')"},
				{"UPDATE OR REPLACE t SET id = 'KEY2' WHERE id = 'key1'"},
			},
		}),
		textKeyed(kind{
			name: "rtrim key", setup: []string{"CREATE TABLE t(id TEXT COLLATE RTRIM PRIMARY KEY, u INT UNIQUE, v)"},
			writes: [][]string{{"REPLACE INTO t VALUES ('key1  ', 70, 'spaces')"}},
		}),
		intKeyed(kind{name: "without rowid", setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v) WITHOUT ROWID"}}),
		composite("composite key", "CREATE TABLE t(a INT, b TEXT, u INT UNIQUE, v, PRIMARY KEY (a, b))", replaceRowids("a, b, u", "90, 'b90', 90")...),
		composite("composite key without rowid", "CREATE TABLE t(v, a INT, u INT UNIQUE, b TEXT COLLATE NOCASE, PRIMARY KEY (a, b)) WITHOUT ROWID"),
		intKeyed(kind{name: "no key", setup: []string{"CREATE TABLE t(id INT, u INT, v)"}, watch: []watched{{"t", ""}}, marks: true}),
		intKeyed(kind{name: "no key but unique", setup: []string{"CREATE TABLE t(id INT UNIQUE, u INT UNIQUE, v)"}, watch: []watched{{"t", ""}}, marks: true}),
		intKeyed(kind{
			name: "partial unique index", marks: true,
			setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT, v)", "CREATE UNIQUE INDEX i ON t(u) WHERE v IS NOT NULL"},
		}),
		intKeyed(kind{
			name: "unique index on an expression", marks: true,
			setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT, v)", "CREATE UNIQUE INDEX i ON t(u + 1)"},
		}),
		intKeyed(kind{
			name:  "collated unique index",
			setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT, v)", "CREATE UNIQUE INDEX i ON t(u COLLATE NOCASE, v COLLATE BINARY)", "CREATE UNIQUE INDEX j ON t(u)"},
			writes: [][]string{
				{"INSERT INTO t VALUES (80, 'abc', 1)", "REPLACE INTO t VALUES (81, 'ABC', 1)"},
				{"INSERT INTO t VALUES (80, 'abc', 1)", "UPDATE OR REPLACE t SET u = 'ABC', v = 1 WHERE id = 1"},
			},
		}),
		intKeyed(kind{
			name:  "unique generated columns",
			setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT, v, g AS (u * 2) STORED UNIQUE, h AS (u || '!') VIRTUAL)", "CREATE UNIQUE INDEX i ON t(h)"},
		}),
		intKeyed(kind{
			name:  "unique columns with defaults",
			setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT NOT NULL DEFAULT 2 UNIQUE, v, w TEXT NOT NULL DEFAULT 'it''s' COLLATE NOCASE, UNIQUE(v, w))"},
			cols:  "id, u, v, w",
			row:   func(i, u int) string { return fmt.Sprintf("%d, %d, %d, 'w'", i, u, u) },
			writes: [][]string{
				{"INSERT OR REPLACE INTO t(id, u, v) VALUES (90, NULL, 'x')"},
				{"UPDATE OR REPLACE t SET u = NULL WHERE id = 1"},
				{"INSERT INTO t VALUES (91, 91, 'y', 'IT''S')", "REPLACE INTO t VALUES (92, 92, 'y', NULL)"},
			},
		}),
		intKeyed(kind{
			name: "unique column with a computed default", marks: true,
			setup:  []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT NOT NULL DEFAULT (abs(-2)) UNIQUE, v)"},
			writes: [][]string{{"INSERT OR REPLACE INTO t VALUES (90, NULL, 'x')"}},
		}),
		intKeyed(kind{
			name:  "replacing constraints",
			setup: []string{"CREATE TABLE t(id INTEGER PRIMARY KEY ON CONFLICT REPLACE, u INT UNIQUE ON CONFLICT REPLACE, v)"},
		}),
		{
			name: "odd names", table: "\"we\"\"ird 'näme' [select]\"", cols: "\"k\"\"e 'y\", \"order\", [a b]",
			setup:  []string{"CREATE TABLE \"we\"\"ird 'näme' [select]\"(\"k\"\"e 'y\" TEXT PRIMARY KEY, \"order\" INT UNIQUE, [a b])"},
			row:    func(i, u int) string { return fmt.Sprintf("'ключ%d', %d, 'new'", i, u) },
			where:  func(i int) string { return fmt.Sprintf("\"k\"\"e 'y\" = 'ключ%d'", i) },
			key:    func(i int) string { return fmt.Sprintf("\"k\"\"e 'y\" = 'ключ%d'", i) },
			watch:  []watched{{"we\"ird 'näme' [select]", "\"k\"\"e 'y\""}},
			writes: [][]string{{"UPDATE \"we\"\"ird 'näme' [select]\" SET \"order\" = \"order\" + 100"}},
		},
		{
			name: "keywords as names", table: `"table"`, cols: `"select", "from", "where"`,
			setup: []string{`CREATE TABLE "table"("select" INTEGER PRIMARY KEY, "from" INT UNIQUE, "where")`},
			row:   func(i, u int) string { return fmt.Sprintf("%d, %d, 'new'", i, u) },
			where: func(i int) string { return fmt.Sprintf(`"select" = %d`, i) },
			key:   func(i int) string { return fmt.Sprintf(`"select" = %d`, i) },
			watch: []watched{{"table", `"select"`}},
		},
	}
	return append(all, linkedKinds()...)
}

// linkedKinds are tables whose writes change others, or themselves again.
func linkedKinds() []kind {
	noise := "CREATE TABLE audit(n INTEGER PRIMARY KEY, what)"
	return []kind{
		intKeyed(kind{
			name:   "referring to itself",
			linked: true,
			setup:  []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v, p INT REFERENCES t(id) ON DELETE CASCADE ON UPDATE CASCADE)"},
			writes: [][]string{
				{"UPDATE t SET p = id - 1 WHERE id > 1", "DELETE FROM t WHERE id = 1"},
				{"UPDATE t SET p = id - 1 WHERE id > 1", "UPDATE t SET id = 100 WHERE id = 2"},
				{"UPDATE t SET p = 1 WHERE id > 1", "REPLACE INTO t(id, u, v) VALUES (1, 1, 'again')"},
				{"UPDATE t SET p = 2 WHERE id = 3", "REPLACE INTO t(id, u, v) VALUES (9, 2, 'victim has a child')"},
			},
		}),
		intKeyed(kind{
			name: "cascading", linked: true,
			setup: []string{
				"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v)",
				"CREATE TABLE child(c INTEGER PRIMARY KEY, p INT REFERENCES T(id) ON DELETE CASCADE ON UPDATE CASCADE)",
				"CREATE TABLE orphan(c INTEGER PRIMARY KEY, p INT REFERENCES t(u) ON DELETE SET NULL ON UPDATE SET NULL)",
				"CREATE TABLE grandchild(g INTEGER PRIMARY KEY, p INT REFERENCES child ON DELETE CASCADE)",
				"CREATE TABLE late(l INTEGER PRIMARY KEY, p INT REFERENCES t(id) ON DELETE SET DEFAULT DEFERRABLE INITIALLY DEFERRED)",
			},
			watch: []watched{{"t", "id"}, {"child", "c"}, {"orphan", "c"}, {"grandchild", "g"}, {"late", "l"}},
			writes: [][]string{
				{"REPLACE INTO child VALUES (1, 1), (2, 2), (3, 1)", "REPLACE INTO grandchild VALUES (1, 1), (2, 2)", "REPLACE INTO orphan VALUES (1, 1), (2, 2)", "DELETE FROM t WHERE id = 1"},
				{"REPLACE INTO child VALUES (1, 1), (2, 2), (3, 1)", "UPDATE t SET id = 77 WHERE id = 1"},
				{"REPLACE INTO child VALUES (1, 1), (2, 2), (3, 1)", "REPLACE INTO orphan VALUES (1, 1), (2, 2)", "REPLACE INTO t VALUES (1, 2, 'replaces two')"},
				{"REPLACE INTO orphan VALUES (1, 1), (2, 2)", "UPDATE OR REPLACE t SET u = 2 WHERE id = 1"},
				{"REPLACE INTO late VALUES (1, 1)", "BEGIN", "DELETE FROM t WHERE id = 1", "COMMIT"},
				{"DELETE FROM t"},
			},
		}),
		intKeyed(kind{
			name: "triggers of its own", linked: true, marks: true,
			setup: []string{
				"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v)", noise,
				"CREATE TRIGGER a AFTER INSERT ON T BEGIN INSERT INTO audit(what) VALUES ('i' || NEW.id); UPDATE t SET v = v || '+' WHERE id = NEW.id; END",
				"CREATE TRIGGER b BEFORE UPDATE OF u ON t BEGIN INSERT INTO audit(what) VALUES (OLD.u); END",
			},
			late: []string{
				"CREATE TRIGGER c AFTER DELETE ON t WHEN OLD.id > 2 BEGIN DELETE FROM t WHERE id = OLD.id - 1; INSERT INTO audit(what) VALUES ('d'); END",
				"CREATE TRIGGER d AFTER UPDATE OF v ON t WHEN NEW.v = 'all' BEGIN UPDATE t SET v = 'all' WHERE v <> 'all'; END",
			},
			watch: []watched{{"t", "id"}, {"audit", "n"}},
			writes: [][]string{
				{"UPDATE t SET v = 'all' WHERE id = 1"},
				{"INSERT INTO t(u, v) VALUES (300, 'auto')"},
				{"INSERT INTO t(id, u, v) VALUES (300, 300, 'x') ON CONFLICT DO UPDATE SET v = 'up'"},
			},
		}),
		intKeyed(kind{
			name: "triggers that raise", linked: true, marks: true,
			setup: []string{
				"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v)", noise,
				"CREATE TABLE once(what UNIQUE)",
			},
			late: []string{
				"CREATE TRIGGER a AFTER INSERT ON t WHEN NEW.v = 'ignore' BEGIN SELECT RAISE(IGNORE); END",
				"CREATE TRIGGER b AFTER INSERT ON t WHEN NEW.v = 'fail' BEGIN SELECT RAISE(FAIL, 'no'); END",
				"CREATE TRIGGER c AFTER INSERT ON t WHEN NEW.v = 'once' BEGIN INSERT INTO once VALUES (1); END",
				"CREATE TRIGGER d AFTER UPDATE ON t WHEN NEW.v = 'ignore' BEGIN SELECT RAISE(IGNORE); END",
				"CREATE TRIGGER e AFTER UPDATE ON t WHEN NEW.v = 'fail' BEGIN SELECT RAISE(FAIL, 'no'); END",
				"CREATE TRIGGER f AFTER DELETE ON t WHEN OLD.u = 66 BEGIN SELECT RAISE(IGNORE); END",
				"CREATE TRIGGER g AFTER DELETE ON t WHEN EXISTS (SELECT 1 FROM audit) BEGIN SELECT RAISE(FAIL, 'no'); END",
				"CREATE TRIGGER h BEFORE INSERT ON t WHEN NEW.v = 'before' BEGIN SELECT RAISE(IGNORE); END",
				"CREATE TRIGGER i BEFORE UPDATE ON t WHEN NEW.v = 'abort' BEGIN SELECT RAISE(ABORT, 'no'); END",
				"CREATE TRIGGER j BEFORE UPDATE ON t WHEN NEW.v = 'rollback' BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
			},
			watch: []watched{{"t", "id"}, {"once", ""}, {"audit", "n"}},
			writes: [][]string{
				{"INSERT INTO t VALUES (200, 200, 'ignore'), (201, 201, 'new')"},
				{"INSERT INTO t(u, v) VALUES (200, 'ignore'), (201, 'new')"},
				{"INSERT INTO t VALUES (202, 202, 'fail')"},
				{"INSERT INTO t(u, v) VALUES (202, 'fail')"},
				{"INSERT INTO t(u, v) VALUES (202, 'before')"},
				{"INSERT OR FAIL INTO t(u, v) VALUES (203, 'once'), (204, 'once')"},
				{"INSERT OR FAIL INTO t VALUES (203, 203, 'once'), (204, 204, 'once')"},
				{"UPDATE t SET v = 'ignore'"},
				{"UPDATE t SET v = 'fail', id = 50 WHERE id = 2"},
				{"UPDATE t SET v = 'abort'"},
				{"BEGIN", "UPDATE t SET v = 'ok'", "UPDATE t SET v = 'rollback'", "COMMIT"},
				{"UPDATE t SET u = 66 WHERE id = 2", "DELETE FROM t"},
				{"INSERT INTO audit(what) VALUES ('now')", "DELETE FROM t WHERE id > 2"},
			},
		}),
		intKeyed(kind{
			name: "behind a view", linked: true, table: "w",
			setup: []string{
				"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v)", noise,
				"CREATE VIEW w AS SELECT id, u, v FROM t",
				"CREATE TRIGGER a INSTEAD OF INSERT ON w BEGIN INSERT INTO t VALUES (NEW.id, NEW.u, NEW.v); INSERT INTO audit(what) VALUES ('view'); END",
				"CREATE TRIGGER b INSTEAD OF UPDATE ON w BEGIN UPDATE t SET id = NEW.id, u = NEW.u, v = NEW.v WHERE id = OLD.id; END",
				"CREATE TRIGGER c INSTEAD OF DELETE ON w BEGIN DELETE FROM t WHERE id = OLD.id; END",
			},
			watch: []watched{{"t", "id"}, {"audit", "n"}},
		}),
	}
}

// scripts are the writes that are tried on every kind of table.
func (k kind) scripts() [][]string {
	insert := func(or string, rows ...string) string {
		s := "INSERT " + or + " INTO " + k.table + "(" + k.cols + ") VALUES "
		for i, row := range rows {
			if i > 0 {
				s += ", "
			}
			s += "(" + row + ")"
		}
		return s
	}
	update := func(or, set, where string) string {
		return "UPDATE " + or + " " + k.table + " SET " + set + " WHERE " + where
	}
	remove := func(where string) string { return "DELETE FROM " + k.table + " WHERE " + where }
	uniqueCol := "u"
	switch k.name {
	case "odd names":
		uniqueCol = `"order"`
	case "keywords as names":
		uniqueCol = `"from"`
	}
	u := func(n int) string { return fmt.Sprintf("%s = %d", uniqueCol, n) }

	all := [][]string{
		{insert("", k.row(10, 10))},
		{insert("", k.row(11, 11), k.row(12, 12))},
		{insert("", k.row(13, 13)) + " ON CONFLICT DO NOTHING"},
		{insert("", k.row(1, 1)) + " ON CONFLICT DO NOTHING"},
		{insert("", k.row(1, 1)) + " ON CONFLICT DO UPDATE SET " + u(55)},
		{insert("", k.row(14, 14)) + " RETURNING *"},
		{update("", u(40), k.where(1))},
		{update("", u(40), k.where(999))},
		{update("", k.key(30), k.where(1))},
		{update("", k.key(30)+", "+u(41), k.where(1)) + " RETURNING *"},
		{update("", u(43)+" FROM (SELECT 1 AS one) AS x", k.where(2)+" AND x.one = 1")},
		{remove(k.where(1))},
		{remove(k.where(2)) + " RETURNING *"},
		{"DELETE FROM " + k.table},
		{"SAVEPOINT a", remove(k.where(1)), "ROLLBACK TO a", remove(k.where(2)), "RELEASE a"},
		{"SAVEPOINT a", remove(k.where(1)), "SAVEPOINT b", remove(k.where(2)), "ROLLBACK TO b", "RELEASE a"},
		{"BEGIN", remove(k.where(1)), insert("", k.row(15, 15)), "ROLLBACK"},
		{"BEGIN IMMEDIATE", remove(k.where(1)), insert("", k.row(1, 1)), "COMMIT"},
		{"BEGIN", remove(k.where(3)), insert("OR ROLLBACK", k.row(1, 1)), "COMMIT"},
	}
	for _, or := range []string{"", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ABORT", "OR ROLLBACK"} {
		all = append(all,
			[]string{insert(or, k.row(1, 77))},
			[]string{insert(or, k.row(20, 2))},
			[]string{insert(or, k.row(1, 2))},
			[]string{insert(or, k.row(21, 21), k.row(1, 22), k.row(23, 3), k.row(24, 24))},
			[]string{update(or, u(2), k.where(1))},
			[]string{update(or, k.key(2), k.where(1))},
			[]string{update(or, k.key(2)+", "+u(3), k.where(1))},
			[]string{update(or, u(1), "1")},
		)
	}
	return append(all, k.writes...)
}

// seed returns statements that bring the table back to rows 1 to 4.
func (k kind) seed() []string {
	var s []string
	for _, w := range slices.Backward(k.watch) {
		s = append(s, "DELETE FROM "+quoteName(w.table))
	}
	for i := 1; i <= 4; i++ {
		s = append(s, fmt.Sprintf("INSERT INTO %s(%s) VALUES (%s)", k.table, k.cols, k.row(i, i)))
	}
	return s
}

package sqlite

import (
	"fmt"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// The names of everything that livesql puts into a database. The log's version
// is part of the names: a process that does not know a name never touches it.
const (
	logTable      = "livesql_log"
	metaTable     = "livesql_meta"
	pruneTrigger  = "livesql_prune"
	capturePrefix = "livesql_on_"
)

// logVersion is the version of the layout below.
const logVersion = 1

// The log keeps its newest keepRows rows and prunes every pruneEvery inserts,
// in the transaction of the writer: that needs no process of ours and no lock
// of its own. A reader that slept longer starts afresh.
const (
	keepRows   = 1 << 16
	pruneEvery = 1 << 10
)

// baseStatements create the log. Its key column has no type, so that integer,
// text and blob keys stay what they are. Ids are given by rowid order: the
// newest row is never pruned, so none is given twice, and a rolled back one is
// given again to a row that nobody has seen yet.
var baseStatements = []string{
	`CREATE TABLE IF NOT EXISTS main.` + logTable + `(id INTEGER PRIMARY KEY, nonce INTEGER NOT NULL DEFAULT (random()), tbl TEXT NOT NULL, op TEXT NOT NULL, k)`,
	`CREATE TABLE IF NOT EXISTS main.` + metaTable + `(one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, log INTEGER NOT NULL DEFAULT (random()), later INTEGER NOT NULL DEFAULT 0)`,
	fmt.Sprintf(`INSERT OR IGNORE INTO main.%s(one, version) VALUES (1, %d)`, metaTable, logVersion),
	fmt.Sprintf(`CREATE TRIGGER IF NOT EXISTS main.%s AFTER INSERT ON %s WHEN NEW.id %% %d = 0 BEGIN DELETE FROM %[2]s WHERE id <= NEW.id - %[4]d; END`,
		pruneTrigger, logTable, pruneEvery, keepRows),
}

// capture is one trigger of ours: its name, and its definition from the name
// on, which is how SQLite stores it behind "CREATE TRIGGER ".
type capture struct {
	name, definition string
}

func (c capture) stored() string { return "CREATE TRIGGER " + c.definition }

// needs returns the triggers that t needs.
//
// BEFORE triggers log the keys that a statement is about to change: an AFTER
// trigger is no longer run when another one of the program's ran first and
// raised IGNORE or FAIL, although the row stays changed. A row that is not
// changed in the end was reported for nothing, which is harmless. Only the key
// of a new row may be known no sooner than AFTER INSERT; tables with triggers
// of their own that could prevent this one get a mark before.
//
// Rows that a REPLACE conflict deletes fire no trigger, unless the writer's
// connection has recursive_triggers on, which nobody can rely on: BEFORE
// triggers look up those that a unique index, or the rowid, is about to throw
// out.
func (t *table) needs() []capture {
	k := t.keys()
	var all []capture
	add := func(suffix, when string, body ...string) {
		name := capturePrefix + t.name + "_" + suffix
		all = append(all, capture{
			name:       name,
			definition: fmt.Sprintf("%s %s ON %s BEGIN %s END", quoteName(name), when, quoteName(t.name), strings.Join(body, " ")),
		})
	}
	if k.whole {
		add("bi", "BEFORE INSERT", k.mark())
		add("bu", "BEFORE UPDATE", k.mark())
		add("bd", "BEFORE DELETE", k.mark())
		return all
	}
	inserted, updated := []string(nil), []string{k.log(opUpdate, "NEW"), k.logMoved()}
	if t.interferes {
		inserted = append(inserted, k.logComing())
	}
	if victims := k.logVictims(t.victims(), ""); victims != "" {
		inserted = append(inserted, victims)
		updated = append(updated, k.logVictims(t.victims(), " AND NOT "+k.same("v", "OLD")))
	}
	if len(inserted) > 0 {
		add("bi", "BEFORE INSERT", inserted...)
	}
	add("ai", "AFTER INSERT", k.log(opInsert, "NEW"))
	add("bu", "BEFORE UPDATE", updated...)
	add("bd", "BEFORE DELETE", k.log(opDelete, "OLD"))
	return all
}

// Operations as the log spells them.
const (
	opInsert = "I"
	opUpdate = "U"
	opDelete = "D"
	opWhole  = "T"
)

// keyExprs makes SQL for the key of one table.
type keyExprs struct {
	table string
	names []string // key columns, quoted
	// alias: the key is the rowid, which may not be known before an insert.
	alias bool
	// whole: rows have no key that can be told; marks on the whole table
	// stand for them.
	whole bool
}

func (t *table) keys() keyExprs {
	k := keyExprs{table: t.name, alias: t.alias, whole: len(t.key) == 0}
	for _, c := range t.key {
		k.names = append(k.names, quoteName(c))
	}
	for _, u := range t.unique {
		if u.exotic {
			k.whole = true
		}
	}
	return k
}

// of returns the key of the row called row: the value itself, or the SQL
// literals of a composite key in a row, which no two keys share. A key with a NULL
// in it is none, and of a text with a NUL character SQLite tells no more than what
// is before that: they come as a mark on the whole table.
func (k keyExprs) of(row string) string {
	if len(k.names) == 1 {
		return row + "." + k.names[0]
	}
	var parts, known []string
	for _, name := range k.names {
		parts = append(parts, "quote("+row+"."+name+")")
		known = append(known, fmt.Sprintf("%s.%s IS NOT NULL AND (typeof(%[1]s.%[2]s) <> 'text' OR instr(%[1]s.%[2]s, char(0)) = 0)", row, name))
	}
	return "CASE WHEN " + strings.Join(known, " AND ") + " THEN " + strings.Join(parts, "||','||") + " END"
}

// mark writes a mark on the whole table.
func (k keyExprs) mark() string {
	return fmt.Sprintf("INSERT INTO %s(tbl, op) VALUES (%s, '%s');", logTable, quoteText(k.table), opWhole)
}

// log writes one row of the log.
func (k keyExprs) log(op, row string) string { return k.logKey(op, k.of(row)) }

func (k keyExprs) logKey(op, key string) string {
	return fmt.Sprintf("INSERT INTO %s(tbl, op, k) VALUES (%s, '%s', %s);", logTable, quoteText(k.table), op, key)
}

// logComing logs the key of a row that is about to be inserted. SQLite shows
// a rowid that it will choose itself as -1.
func (k keyExprs) logComing() string {
	if k.alias {
		return k.logKey(opInsert, "nullif(NEW."+k.names[0]+", -1)")
	}
	return k.log(opInsert, "NEW")
}

// logMoved logs the old key of a row whose key is changed.
func (k keyExprs) logMoved() string {
	return fmt.Sprintf("INSERT INTO %s(tbl, op, k) SELECT %s, '%s', %s WHERE NOT %s;",
		logTable, quoteText(k.table), opDelete, k.of("OLD"), k.same("OLD", "NEW"))
}

// same compares two keys by their types and bytes: two texts that a collation
// calls equal are two keys to whoever holds them, and so are 1 and 1.0.
func (k keyExprs) same(a, b string) string {
	parts := make([]string, len(k.names))
	for i, name := range k.names {
		parts[i] = fmt.Sprintf("typeof(%s.%s) = typeof(%s.%[2]s) AND %[1]s.%[2]s IS %[3]s.%[2]s COLLATE BINARY", a, name, b)
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

// logVictims logs the keys of the rows, called v, that match, one index after
// the other: SQLite uses none for alternatives that name collations, and would
// read the whole table with each write.
func (k keyExprs) logVictims(matches []string, except string) string {
	var all []string
	for _, match := range matches {
		all = append(all, fmt.Sprintf("INSERT INTO %s(tbl, op, k) SELECT %s, '%s', %s FROM %s AS v WHERE (%s)%s;",
			logTable, quoteText(k.table), opDelete, k.of("v"), quoteName(k.table), match, except))
	}
	return strings.Join(all, " ")
}

// victims matches the rows, called v, that the row NEW would throw out of
// each of the unique indexes, or whose rowid a statement gives it. It is empty for
// a table whose rows can only be thrown out by rows of the same key.
func (t *table) victims() []string {
	var rows []string
	for _, u := range t.unique {
		var all []string
		for _, c := range u.columns {
			// A REPLACE conflict also puts the default in place of a NULL.
			coming := "NEW." + quoteName(c.name)
			if d := t.columns[c.name].substitute; d != "" {
				coming = "coalesce(" + coming + ", " + d + ")"
			}
			all = append(all, fmt.Sprintf("v.%s = %s COLLATE %s", quoteName(c.name), coming, quoteName(c.collation)))
		}
		match := strings.Join(all, " AND ")
		if u.primary {
			match += " AND NOT " + t.keys().same("v", "NEW")
		}
		rows = append(rows, match)
	}
	if t.rowid != "" && !t.alias {
		rows = append(rows, fmt.Sprintf("v.%s = NEW.%[1]s", t.rowid))
	}
	return rows
}

// uncovered says why changes of the table do not all reach the log, or
// returns nothing.
func (t *table) uncovered(installed bool) string {
	switch {
	case t.kind != "table":
		return "it is a " + t.kind + " table, which cannot have triggers"
	case t.isLedger():
		return "it is the ledger of livesql's own saves, which nobody reads but they"
	case !installed:
		return "livesql is not installed in this database"
	}
	for _, c := range t.needs() {
		text, ok := t.captures[c.name]
		switch {
		case !ok:
			return "it has no capture trigger " + c.name
		case text != c.stored():
			return "its capture trigger " + c.name + " is out of date"
		}
	}
	if len(t.captures) > len(t.needs()) {
		return "it has capture triggers that are out of date"
	}
	return ""
}

// isLedger reports whether t is where package edit/sqlstore notes saves.
func (t *table) isLedger() bool { return t.name == dialects.LedgerTable }

// quoteName quotes an identifier.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteText quotes a text literal.
func quoteText(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }

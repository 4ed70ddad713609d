package mysql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// The names of everything that livesql puts into a database.
const (
	logTable      = "livesql_log"
	headTable     = "livesql_head"
	tablesTable   = "livesql_tables"
	tidyFunction  = "livesql_tidy"
	capturePrefix = "livesql_"
)

var ownTables = []string{logTable, headTable, tablesTable}

// logVersion is the version of the layout below, which is version 1 of this
// dialect's.
const logVersion = 1

// baseStatements create the log.
//
// livesql_log holds what has changed. at is when the row was stamped, by the
// stamper's clock: nothing of the writer's session is asked for. livesql_head
// is the one row that stampers lock. livesql_tables gives tables the numbers
// that their triggers write.
func baseStatements(epoch string) []string {
	return []string{
		"CREATE TABLE IF NOT EXISTS " + tablesTable + " (id INT UNSIGNED NOT NULL PRIMARY KEY, " +
			"name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL UNIQUE) ENGINE=InnoDB",
		"CREATE TABLE IF NOT EXISTS " + logTable + " (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, " +
			"batch BIGINT UNSIGNED NULL, at TIMESTAMP(3) NULL DEFAULT NULL, tbl INT UNSIGNED NOT NULL, " +
			"op CHAR(1) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, " +
			fmt.Sprintf("k VARBINARY(%d) NULL, KEY batch (batch, tbl)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC", keyLimit),
		"CREATE TABLE IF NOT EXISTS " + headTable + " (one TINYINT NOT NULL PRIMARY KEY, last_batch BIGINT UNSIGNED NOT NULL, " +
			"floor_batch BIGINT UNSIGNED NOT NULL, epoch BINARY(16) NOT NULL, version INT UNSIGNED NOT NULL, later TINYINT NOT NULL) ENGINE=InnoDB",
		fmt.Sprintf("INSERT IGNORE INTO %s (one, last_batch, floor_batch, epoch, version, later) VALUES (1, 0, 0, x'%s', %d, 0)", headTable, epoch, logVersion),
	}
}

// tidyStatement creates the function for host.tidy.
const tidyStatement = "CREATE FUNCTION IF NOT EXISTS " + tidyFunction + "() RETURNS INT READS SQL DATA RETURN (SELECT one FROM " + headTable + ")"

// capture is one trigger of ours.
type capture struct {
	name, timing, event, body string
	// mode is the sql_mode that it runs under.
	mode string
}

// captureMode is the sql_mode of livesql's sessions, and with it that of the
// triggers. It is not strict: a value that does not fit must not fail a write.
const captureMode = "NO_ENGINE_SUBSTITUTION"

// suffixes end the names of the triggers on one table.
var suffixes = []string{"d", "i", "u"}

// captureName is the name of a trigger.
func captureName(id uint32, suffix string) string {
	return fmt.Sprintf("%s%d_%s", capturePrefix, id, suffix)
}

// id returns the number of the table that the trigger was made for. A name of
// another shape is that of somebody else's trigger.
func (c capture) id() (uint32, bool) {
	number, suffix, _ := strings.Cut(strings.TrimPrefix(c.name, capturePrefix), "_")
	id, err := strconv.ParseUint(number, 10, 32)
	return uint32(id), err == nil && strings.HasPrefix(c.name, capturePrefix) && slices.Contains(suffixes, suffix)
}

func (c capture) create(table string) string {
	return fmt.Sprintf("CREATE TRIGGER %s %s %s ON %s FOR EACH ROW %s", quoteName(c.name), c.timing, c.event, quoteName(table), c.body)
}

// needs returns the triggers that t needs, or why they cannot be told.
//
// An update is logged whether or not it changed anything: to compare values is
// to compare them by their collations, and under many of them 'x' is 'X'.
// Where two rows must be told apart, their bytes are compared.
//
// The handlers keep a write from failing for two reasons that are not its own:
// that a column of the key was renamed or dropped after the trigger was made
// (1054), and that the session has set insert_id to a number that the log has
// given already (1062). The mark that they write is on everything.
func (s *schema) needs(t *table) (_ []capture, why string) {
	id, ok := s.ids[t.name]
	if !ok {
		return nil, "it has no number yet"
	}
	whole := whyWhole(t.key) != ""
	row := func(op, of string) string {
		if whole {
			return fmt.Sprintf("(%d, '%c', NULL)", id, listen.Whole)
		}
		return fmt.Sprintf("(%d, '%s', %s)", id, op, keyOf(t.key, of))
	}
	marks := func(names []string) (list string, why string) {
		for _, name := range names {
			n, ok := s.ids[name]
			if !ok {
				return "", "a foreign key can change " + name + ", which has no number yet"
			}
			list += fmt.Sprintf(", (%d, '%c', NULL)", n, listen.Whole)
		}
		return list, ""
	}
	own := fmt.Sprintf("(%d, '%c', NULL)", id, listen.Whole)
	onDelete, why := marks(s.reach(t.name, true))
	if why != "" {
		return nil, why
	}
	onUpdate, why := marks(s.reach(t.name, false))
	if why != "" {
		return nil, why
	}
	const insert = "INSERT INTO " + logTable + " (tbl, op, k) VALUES "
	body := func(fallback string, statements ...string) string {
		return "BEGIN DECLARE EXIT HANDLER FOR 1054, 1062 " + insert + fallback + "; " + strings.Join(statements, "; ") + "; END"
	}
	updated := []string{insert + row("U", "NEW")}
	if !whole {
		updated = append(updated, fmt.Sprintf("IF NOT (CAST(%s AS BINARY) <=> CAST(%s AS BINARY)) THEN %s; END IF",
			keyOf(t.key, "OLD"), keyOf(t.key, "NEW"), insert+row("D", "OLD")))
	}
	if onUpdate != "" {
		var same []string
		for _, c := range s.watched(t.name) {
			same = append(same, t.same(c))
		}
		updated = append(updated, fmt.Sprintf("IF NOT (%s) THEN %s; END IF", strings.Join(same, " AND "), insert+onUpdate[2:]))
	}
	after := func(suffix, event, body string) capture {
		return capture{name: captureName(id, suffix), timing: "AFTER", event: event, body: body, mode: captureMode}
	}
	return []capture{
		after("d", "DELETE", body(own+onDelete, insert+row("D", "OLD")+onDelete)),
		after("i", "INSERT", body(own, insert+row("I", "NEW"))),
		after("u", "UPDATE", body(own+onUpdate, updated...)),
	}, ""
}

// same is SQL for that an update has left the column as it was: byte by byte, as
// collations have no say in it. The bytes of a FLOAT are a text with six digits,
// so the numbers are compared beside; those alone would make -0 of 0.
func (t *table) same(name string) string {
	sql := fmt.Sprintf("CAST(OLD.%s AS BINARY) <=> CAST(NEW.%[1]s AS BINARY)", quoteName(name))
	if slices.ContainsFunc(t.floats, func(f string) bool { return strings.EqualFold(f, name) }) {
		sql += fmt.Sprintf(" AND OLD.%s <=> NEW.%[1]s", quoteName(name))
	}
	return sql
}

// uncapturable says why the table cannot be captured, or returns nothing.
func (t *table) uncapturable() string {
	switch {
	case t.kind != "BASE TABLE":
		return "it is a table of the kind " + strings.ToLower(t.kind)
	case !strings.EqualFold(t.engine, "InnoDB"):
		return "its engine is " + t.engine + ": its changes are not part of transactions"
	case t.name == dialects.LedgerTable:
		return "it is the ledger of livesql's own saves, which nobody reads but they"
	case t.strange != "":
		return "a foreign key lets " + t.strange + ", in another database, change its rows"
	}
	return ""
}

// uncovered says why changes of the table do not all reach the log, or
// returns nothing.
func (s *schema) uncovered(t *table) string {
	if why := s.unplaced(t); why != "" {
		return why
	}
	return s.exposed[t.name]
}

// expose finds the tables whose rows foreign keys may change without a mark:
// no trigger fires there, and those of the parent, or of the parent's parent,
// are not in place.
func (s *schema) expose() {
	s.exposed = make(map[string]string)
	seen := make(map[string]bool)
	for _, f := range s.keys {
		if seen[f.parent] {
			continue
		}
		seen[f.parent] = true
		why := "it is not to be seen"
		if parent := s.find(f.parent); parent != nil {
			why = s.unplaced(parent)
		}
		if why == "" {
			continue
		}
		for _, name := range append(s.reach(f.parent, true), s.reach(f.parent, false)...) {
			if s.exposed[name] == "" {
				s.exposed[name] = "a foreign key lets " + f.parent + " change its rows, which is not captured: " + why
			}
		}
	}
}

// unplaced says why the triggers on the table do not capture all changes of
// which it is told, or returns nothing.
func (s *schema) unplaced(t *table) string {
	if why := t.uncapturable(); why != "" {
		return why
	}
	if !s.installed {
		return "livesql is not installed in this database"
	}
	if !strings.EqualFold(s.log, "InnoDB") {
		return "the engine of the change log is " + s.log
	}
	if len(t.found) == 0 {
		return "it has no capture triggers, or this account lacks the TRIGGER right and is not shown them"
	}
	needs, why := s.needs(t)
	if why != "" {
		return "its capture triggers are out of date: " + why
	}
	for _, c := range needs {
		found, ok := t.captureNamed(c.name)
		switch {
		case !ok:
			return "it has no capture trigger " + c.name
		case found != c:
			return "its capture trigger " + c.name + " is out of date"
		}
	}
	if len(t.found) != len(needs) {
		return "it has capture triggers that are out of date"
	}
	return ""
}

func (t *table) captureNamed(name string) (capture, bool) {
	for _, c := range t.found {
		if c.name == name {
			return c, true
		}
	}
	return capture{}, false
}

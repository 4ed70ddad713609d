package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// rowKeys is the most keys that one row of the log holds. A statement that
// changes more rows marks the table as a whole.
const rowKeys = 256

// captureTrigger is one of the triggers of a captured table. They are
// statement triggers, one for each event since Postgres allows no more for
// triggers with transition tables, and fire in sessions that replay a dump or
// a log, too (ENABLE ALWAYS).
type captureTrigger struct {
	name, event string
	// kind is pg_trigger.tgtype: statement, after, and the event.
	kind             int
	oldRows, newRows string
}

var captureTriggers = []captureTrigger{
	{name: "livesql_delete", event: "DELETE", kind: 8, oldRows: "oldt"},
	{name: "livesql_insert", event: "INSERT", kind: 4, newRows: "newt"},
	{name: "livesql_truncate", event: "TRUNCATE", kind: 32},
	{name: "livesql_update", event: "UPDATE", kind: 16, oldRows: "oldt", newRows: "newt"},
}

// is reports whether the stored trigger is t and calls f.
func (t captureTrigger) is(stored storedTrigger, f captureFunction) bool {
	return stored.name == t.name && stored.ours() && stored.function == f.name && stored.plain &&
		stored.kind == t.kind && stored.oldRows == t.oldRows && stored.newRows == t.newRows
}

// create is the statement that creates the trigger on a table, or replaces it
// without a stronger lock.
func (t captureTrigger) create(table string, f captureFunction) string {
	var rows string
	if t.oldRows != "" {
		rows += " OLD TABLE AS " + t.oldRows
	}
	if t.newRows != "" {
		rows += " NEW TABLE AS " + t.newRows
	}
	if rows != "" {
		rows = " REFERENCING" + rows
	}
	return fmt.Sprintf("CREATE OR REPLACE TRIGGER %s AFTER %s ON %s%s FOR EACH STATEMENT EXECUTE FUNCTION livesql.%s()", t.name, t.event, table, rows, f.name)
}

// captureFunction is a trigger function. Its SQL is static, and so the same
// for all tables whose keys have the same columns: a function for any key
// would have to put its SQL together at run time, which costs a small update
// three times as much. PL/pgSQL prepares it for each trigger, so that oldt and
// newt are the rows of the trigger's own table.
type captureFunction struct {
	name, body, settings string
}

// functionSettings are those of livesql's functions that have settings of their
// own. They run with the rights of their owner, so that others need none, and
// must find nothing that somebody else put in the way.
const functionSettings = "search_path=pg_catalog, pg_temp;lock_timeout=0"

// bytesSettings are those of capture functions that spell keys of type bytea.
const bytesSettings = "bytea_output=hex"

// capture returns the function that the triggers of r call.
func (r *relation) capture() captureFunction { return r.captureOf(r.keys) }

// captureOf returns the function that tells keys of those kinds.
func (r *relation) captureOf(keys []keyKind) captureFunction {
	if len(keys) == 0 || slices.ContainsFunc(r.primary, keyColumn.taken) {
		return nameCapture(wholeBody, "")
	}
	var settings string
	var names, absent []string
	for i, c := range r.primary {
		names = append(names, quoteName(c.name))
		if c.name != "keys" && c.name != "was" && c.name != "n" {
			absent = append(absent, quoteName(c.name)+" pg_catalog.xid8;")
		}
		if keys[i] == keyBytes {
			settings = bytesSettings
		}
	}
	columns := make([]string, len(names))
	for i := range columns {
		columns[i] = fmt.Sprintf("k%d", i+1)
	}
	// typed says of a row that it has keys of the types that this is made for.
	typed := func(row string, columns []string) string {
		all := make([]string, len(columns))
		for i, c := range columns {
			all[i] = fmt.Sprintf("pg_catalog.pg_typeof(%s.%s)::pg_catalog.oid OPERATOR(pg_catalog.=) '%d'::pg_catalog.oid", row, c, keyOIDs[r.primary[i].typ])
		}
		return strings.Join(all, " AND ")
	}
	key := func(row string, columns []string) string {
		if len(columns) == 1 {
			return row + "." + columns[0]
		}
		return "pg_catalog.jsonb_build_array(" + row + "." + strings.Join(columns, ", "+row+".") + ")"
	}
	all := func(rows string) string {
		return fmt.Sprintf("pg_catalog.to_jsonb(ARRAY(SELECT CASE WHEN %s THEN %s END FROM %s AS t LIMIT %d))", typed("t", names), key("t", names), rows, rowKeys+1)
	}
	one := func(rows ...string) string {
		from, values := make([]string, len(rows)), make([]string, len(rows))
		for i, row := range rows {
			from[i] = fmt.Sprintf("(SELECT %s FROM %s) AS %s (%s)", strings.Join(names, ", "), row, row, strings.Join(columns, ", "))
			values[i] = key(row, columns)
		}
		return fmt.Sprintf("CASE WHEN %s THEN pg_catalog.jsonb_build_array(%s) END FROM %s WHERE NOT EXISTS (SELECT FROM %s OFFSET 1)",
			typed(rows[0], columns), strings.Join(values, ", "), strings.Join(from, ", "), rows[0])
	}
	return nameCapture(strings.NewReplacer("@absent", strings.Join(absent, " "), "@allnew", all("newt"), "@allold", all("oldt"),
		"@onenew", one("newt"), "@oneold", one("oldt"), "@oneboth", one("newt", "oldt"), "@ring", ringBlock,
		"@max", fmt.Sprint(rowKeys), "@over", fmt.Sprint(rowKeys+1)).Replace(keysBody), settings)
}

// taken reports whether the column has the name of something that every trigger
// function of PL/pgSQL knows.
func (c keyColumn) taken() bool {
	return c.name == "found" || c.name == "new" || c.name == "old" || strings.HasPrefix(c.name, "tg_")
}

// nameCapture names a capture function after its body. Another body is another
// function, which triggers call only after they were replaced under the lock of
// their table: no writer is left then that the old one has served.
func nameCapture(body, settings string) captureFunction {
	sum := sha256.Sum256([]byte(body))
	return captureFunction{name: "cap_" + hex.EncodeToString(sum[:8]), body: body, settings: settings}
}

// Capture functions run with the rights of their owner, so that writers need
// none, but in the settings of the writer: each setting of a function's own
// costs every statement of every writer, search_path the most. They must not
// find what the writer put in the way all the same. So everything in them is
// named with its schema, operators and types as well, and they have nothing
// whose operator PostgreSQL looks up by its name alone (BETWEEN, IN, IS
// DISTINCT FROM, a CASE that compares). newt and oldt are the rows of the
// trigger: they come before any table of that name. What they do to keys
// depends on no setting.
//
// The row of the log is written outside of the block whose errors are caught: a
// change that is not logged must not be committed. A writer that waits for a
// lock only briefly does not fail for our sake: livesql.write, which waits as
// long as it takes, writes the row for it.

// keysBody logs the keys of the rows of a statement.
//
// Most statements change one row. What they pay for is how many statements and
// expressions PL/pgSQL runs, since it prepares all of them for each transaction
// anew, and how many nodes their plans have: so one statement finds that there
// is one row and writes its keys into the log, those of before and after, which
// the reader tells apart. It must not fail. A column that was renamed or dropped
// is one of the function's variables, which have the names of the key's columns
// and no value: in a query over newt or oldt the columns come first
// (#variable_conflict). The queries show nothing but the key, lest a column of
// the table be taken for one of the function's variables. See the figures in
// docs/feeds.md.
//
// The rest is for statements of more rows. An error costs the keys there, and
// not the writer's statement. Reading one row too many tells that there are too
// many. An update has as many old rows as new ones, in the same order; they
// have the same keys most of the time, and then the keys are there.
//
// The owner of the table may give a key column another type, with a cast, an
// operator or a check of their own, which would run with the rights of this
// function's owner. So a value is touched only if it has the type that the
// function was made for. Any other becomes NULL, which no key is. The type is
// that of the value at hand: a look into the catalogue would see the snapshot
// of the writer, who may have taken it before the type was changed. And no
// function is called that wants a certain type, since a cast to it may be
// expanded, and its constants computed, while the statement is planned.
const keysBody = `
#variable_conflict use_column
DECLARE
  @absent
  keys pg_catalog.jsonb;
  was pg_catalog.jsonb;
  n pg_catalog.int4;
BEGIN
  IF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' AND pg_catalog.current_setting('lock_timeout') OPERATOR(pg_catalog.=) '0' THEN
    INSERT INTO livesql.log (rel, op, n, keys) SELECT TG_RELID, 'U', 1, @oneboth;
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'INSERT' AND pg_catalog.current_setting('lock_timeout') OPERATOR(pg_catalog.=) '0' THEN
    INSERT INTO livesql.log (rel, op, n, keys) SELECT TG_RELID, 'I', 1, @onenew;
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'DELETE' AND pg_catalog.current_setting('lock_timeout') OPERATOR(pg_catalog.=) '0' THEN
    INSERT INTO livesql.log (rel, op, n, keys) SELECT TG_RELID, 'D', 1, @oneold;
  END IF;
  IF NOT FOUND THEN
    <<collect>>
    BEGIN
      IF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN
        SELECT @allnew, @allold INTO keys, was;
      ELSIF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
        SELECT @allnew INTO keys;
      ELSIF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
        SELECT @allold INTO keys;
      END IF;
    EXCEPTION WHEN OTHERS THEN
      keys := NULL;
    END;
    IF keys IS NULL OR keys OPERATOR(pg_catalog.@>) 'null'::pg_catalog.jsonb OR was OPERATOR(pg_catalog.@>) 'null'::pg_catalog.jsonb THEN
      n := -1;
    ELSE
      n := GREATEST(pg_catalog.jsonb_array_length(keys), pg_catalog.jsonb_array_length(was));
      IF n OPERATOR(pg_catalog.=) 0 THEN
        RETURN NULL;
      END IF;
      IF n OPERATOR(pg_catalog.<=) @max AND keys OPERATOR(pg_catalog.<>) was THEN
        <<join>>
        BEGIN
          SELECT pg_catalog.to_jsonb(ARRAY(SELECT DISTINCT e.value FROM pg_catalog.jsonb_array_elements(keys OPERATOR(pg_catalog.||) was) AS e (value) ORDER BY e.value)) INTO keys;
          n := pg_catalog.jsonb_array_length(keys);
        EXCEPTION WHEN OTHERS THEN
          n := -1;
        END;
      END IF;
      n := LEAST(n, @over);
    END IF;
    IF n OPERATOR(pg_catalog.<) 0 OR n OPERATOR(pg_catalog.>) @max THEN
      keys := NULL;
    END IF;
    IF pg_catalog.current_setting('lock_timeout') OPERATOR(pg_catalog.<>) '0' THEN
      PERFORM livesql.write(TG_RELID, TG_OP, n, keys);
      RETURN NULL; -- which has rung
    END IF;
    INSERT INTO livesql.log (rel, op, n, keys) VALUES (TG_RELID, TG_OP, n, keys);
  END IF;@ring
  RETURN NULL;
END `

// wholeBody logs a mark on the whole table, unless the statement found no row.
var wholeBody = `
#variable_conflict use_column
BEGIN
  IF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' OR TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
    PERFORM FROM oldt LIMIT 1;
    IF NOT FOUND THEN
      RETURN NULL;
    END IF;
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
    PERFORM FROM newt LIMIT 1;
    IF NOT FOUND THEN
      RETURN NULL;
    END IF;
  END IF;
  IF pg_catalog.current_setting('lock_timeout') OPERATOR(pg_catalog.<>) '0' THEN
    PERFORM livesql.write(TG_RELID, TG_OP, -1, NULL);
    RETURN NULL; -- which has rung
  END IF;
  INSERT INTO livesql.log (rel, op, n) VALUES (TG_RELID, TG_OP, -1);` + ringBlock + `
  RETURN NULL;
END `

// create is the statement that creates the function or replaces it.
func (f captureFunction) create() []string {
	return createFunction(f.name, "", "trigger", f.body, true, f.settings)
}

// differs says how the stored function differs from f, or returns nothing.
func (f captureFunction) differs(stored map[string]storedFunction) string {
	s, ok := stored[f.name]
	switch {
	case !ok:
		return "its capture function livesql." + f.name + " is missing"
	case !s.owned:
		return "its capture function livesql." + f.name + " does not belong to the owner of the change log"
	case s.body != f.body || !s.definer || s.language != "plpgsql" || s.settings != f.settings:
		return "its capture function livesql." + f.name + " is out of date"
	}
	return ""
}

// createFunction returns the statements that create one of livesql's
// functions, or replace it, for nobody but its owner. A definer has the rights
// of its owner, any other those of its caller.
func createFunction(name, args, returns, body string, definer bool, settings string) []string {
	var types []string
	for _, arg := range strings.Split(args, ", ") {
		types = append(types, arg[strings.LastIndex(arg, " ")+1:])
	}
	var options string
	if definer {
		options = " SECURITY DEFINER"
	}
	if settings != "" {
		for _, setting := range strings.Split(settings, ";") {
			options += " SET " + strings.Replace(setting, "=", " = ", 1)
		}
	}
	return []string{
		fmt.Sprintf("CREATE OR REPLACE FUNCTION livesql.%s(%s) RETURNS %s LANGUAGE plpgsql%s AS %s", name, args, returns, options, dollarQuote(body)),
		fmt.Sprintf("REVOKE ALL ON FUNCTION livesql.%s(%s) FROM PUBLIC", name, strings.Join(types, ", ")),
	}
}

// dollarQuote quotes a text between tags that it does not hold.
func dollarQuote(text string) string {
	tag := "$livesql$"
	for i := 1; strings.Contains(text, tag); i++ {
		tag = fmt.Sprintf("$livesql%d$", i)
	}
	return tag + text + tag
}

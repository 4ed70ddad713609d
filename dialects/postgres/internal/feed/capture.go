package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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

// functionSettings are those of all of livesql's functions. They run with the
// rights of their owner, so that writers need none, and must find nothing that
// the writer put in the way. What they do to keys depends on no setting. A
// writer that waits for a lock only briefly does not fail for our sake.
const functionSettings = "search_path=pg_catalog, pg_temp;lock_timeout=0"

// bytesSettings are those of functions that spell keys of type bytea.
const bytesSettings = functionSettings + ";bytea_output=hex"

// capture returns the function that the triggers of r call.
func (r *relation) capture() captureFunction {
	if len(r.keys) == 0 {
		return nameCapture(wholeBody, functionSettings)
	}
	settings := functionSettings
	values, typed := make([]string, len(r.keys)), make([]string, len(r.keys))
	for i, c := range r.primary {
		values[i] = "t." + quoteName(c.name)
		typed[i] = fmt.Sprintf("pg_typeof(%s) = %s::regtype", values[i], quoteText(c.typ))
		if r.keys[i] == keyBytes {
			settings = bytesSettings
		}
	}
	key := values[0]
	if len(values) > 1 {
		key = "jsonb_build_array(" + strings.Join(values, ", ") + ")"
	}
	keysOf := func(rows string) string {
		return fmt.Sprintf("ARRAY(SELECT CASE WHEN %s THEN %s END FROM %s AS t LIMIT %d)", strings.Join(typed, " AND "), key, rows, rowKeys+1)
	}
	return nameCapture(strings.NewReplacer("@new", keysOf("newt"), "@old", keysOf("oldt"),
		"@max", fmt.Sprint(rowKeys), "@over", fmt.Sprint(rowKeys+1)).Replace(keysBody), settings)
}

// nameCapture names a capture function after its body. Another body is another
// function, which triggers call only after they were replaced under the lock of
// their table: no writer is left then that the old one has served.
func nameCapture(body, settings string) captureFunction {
	sum := sha256.Sum256([]byte(body))
	return captureFunction{name: "cap_" + hex.EncodeToString(sum[:8]), body: body, settings: settings}
}

// logCall writes the row of the log. It is outside of the block whose errors
// are caught: a change that is not logged must not be committed.
const logCall = `
  INSERT INTO livesql.log (rel, nsp, tab, op, n, keys) VALUES (TG_RELID, TG_TABLE_SCHEMA, TG_TABLE_NAME, left(TG_OP, 1)::"char", n, keys);
  RETURN NULL;
END `

// keysBody logs the keys of the rows of a statement. An error, as when a key
// column was renamed, costs the keys and not the writer's statement. Reading
// one row too many tells that there are too many. An update has as many old
// rows as new ones, in the same order; they have the same keys most of the
// time, and then one query is enough. What a transaction of one row pays for is
// how many statements and expressions PL/pgSQL runs, hence few of them, and
// arrays instead of aggregates: see the figures in docs/feeds.md.
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
  n int;
  keys jsonb;
BEGIN
  <<collect>>
  BEGIN
    IF TG_OP = 'UPDATE' THEN
      SELECT CASE WHEN num_nulls(VARIADIC r.a) > 0 THEN -1 WHEN r.a = r.b THEN cardinality(r.a) END, to_jsonb(r.a) INTO n, keys
        FROM (SELECT @new AS a, @old AS b OFFSET 0) AS r;
      IF n IS NULL THEN
        SELECT greatest(cardinality(r.a), cardinality(r.b), cardinality(r.k)), to_jsonb(r.k) INTO n, keys
          FROM (SELECT s.a, s.b, ARRAY(SELECT DISTINCT unnest(s.a || s.b)) AS k FROM (SELECT @new AS a, @old AS b OFFSET 0) AS s OFFSET 0) AS r;
      END IF;
    ELSIF TG_OP = 'INSERT' THEN
      SELECT CASE WHEN num_nulls(VARIADIC r.a) > 0 THEN -1 ELSE cardinality(r.a) END, to_jsonb(r.a) INTO n, keys FROM (SELECT @new AS a OFFSET 0) AS r;
    ELSIF TG_OP = 'DELETE' THEN
      SELECT CASE WHEN num_nulls(VARIADIC r.a) > 0 THEN -1 ELSE cardinality(r.a) END, to_jsonb(r.a) INTO n, keys FROM (SELECT @old AS a OFFSET 0) AS r;
    ELSE
      n := -1;
    END IF;
    IF n BETWEEN 1 AND @max THEN
      NULL; -- most of the time
    ELSIF n = 0 THEN
      RETURN NULL;
    ELSE
      n := least(n, @over);
      keys := NULL;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    n := -1;
    keys := NULL;
  END;` + logCall

// wholeBody logs a mark on the whole table, unless the statement found no row.
const wholeBody = `
#variable_conflict use_column
DECLARE
  n int := -1;
  keys jsonb;
BEGIN
  IF TG_OP = 'UPDATE' OR TG_OP = 'DELETE' THEN
    PERFORM FROM oldt LIMIT 1;
    IF NOT FOUND THEN
      RETURN NULL;
    END IF;
  ELSIF TG_OP = 'INSERT' THEN
    PERFORM FROM newt LIMIT 1;
    IF NOT FOUND THEN
      RETURN NULL;
    END IF;
  END IF;` + logCall

// create is the statement that creates the function or replaces it.
func (f captureFunction) create() []string {
	return createFunction(f.name, "", "trigger", f.body, f.settings)
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
// functions, or replace it, for nobody but its owner. With settings it has the
// rights of its owner, without them those of its caller.
func createFunction(name, args, returns, body, settings string) []string {
	var types []string
	for _, arg := range strings.Split(args, ",") {
		types = append(types, arg[strings.LastIndex(arg, " ")+1:])
	}
	var definer string
	if settings != "" {
		definer = " SECURITY DEFINER"
		for _, setting := range strings.Split(settings, ";") {
			definer += " SET " + strings.Replace(setting, "=", " = ", 1)
		}
	}
	return []string{
		fmt.Sprintf("CREATE OR REPLACE FUNCTION livesql.%s(%s) RETURNS %s LANGUAGE plpgsql%s AS %s", name, args, returns, definer, dollarQuote(body)),
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

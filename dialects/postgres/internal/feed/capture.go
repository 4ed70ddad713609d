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
	name, body string
}

// functionSettings are those of all of livesql's functions. They run with the
// rights of their owner, so that writers need none, and must find nothing that
// the writer put in the way. What they do to keys depends on no setting. A
// writer that waits for a lock only briefly does not fail for our sake.
const functionSettings = "search_path=pg_catalog, pg_temp;lock_timeout=0"

// capture returns the function that the triggers of r call.
func (r *relation) capture() captureFunction {
	if len(r.keys) == 0 {
		return nameCapture(wholeBody)
	}
	exprs, typed := make([]string, len(r.keys)), make([]string, len(r.keys))
	for i, c := range r.primary {
		exprs[i] = "t." + quoteName(c.name)
		typed[i] = fmt.Sprintf("EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = TG_RELID AND a.attname = %s AND a.atttypid = %s::regtype)", quoteText(c.name), quoteText(c.typ))
		if r.keys[i] == keyBytes {
			exprs[i] = "encode(" + exprs[i] + ", 'hex')"
		}
	}
	key := exprs[0]
	if len(exprs) > 1 {
		key = "jsonb_build_array(" + strings.Join(exprs, ", ") + ")"
	}
	return nameCapture(strings.NewReplacer("@key", key, "@typed", strings.Join(typed, " AND "), "@max", fmt.Sprint(rowKeys), "@over", fmt.Sprint(rowKeys+1)).Replace(keysBody))
}

// nameCapture names a capture function after its body. Another body is another
// function, which triggers call only after they were replaced under the lock of
// their table: no writer is left then that the old one has served.
func nameCapture(body string) captureFunction {
	sum := sha256.Sum256([]byte(body))
	return captureFunction{name: "cap_" + hex.EncodeToString(sum[:8]), body: body}
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
// time. Both are counted for the times when it is not so.
//
// The owner of the table may give a key column another type, with a cast of
// their own, which would run with the rights of this function's owner. So no
// key is looked at, or planned to be, unless the columns have the types that
// came with the database and that the function was made for.
const keysBody = `
#variable_conflict use_column
DECLARE
  n int := -1;
  o int;
  keys jsonb;
  moved jsonb;
BEGIN
  <<collect>>
  BEGIN
    IF NOT (@typed) THEN
      NULL;
    ELSIF TG_OP = 'UPDATE' THEN
      SELECT count(*), jsonb_agg(s.k) INTO n, keys FROM (SELECT @key AS k FROM newt AS t LIMIT @over) AS s;
      SELECT count(*), jsonb_agg(s.k) INTO o, moved FROM (SELECT @key AS k FROM oldt AS t LIMIT @over) AS s;
      n := greatest(n, o);
      IF n <= @max AND moved IS DISTINCT FROM keys THEN
        SELECT count(*), jsonb_agg(s.k) INTO n, keys FROM (SELECT DISTINCT e.k FROM jsonb_array_elements(coalesce(keys, '[]') || coalesce(moved, '[]')) AS e (k)) AS s;
      END IF;
    ELSIF TG_OP = 'INSERT' THEN
      SELECT count(*), jsonb_agg(s.k) INTO n, keys FROM (SELECT @key AS k FROM newt AS t LIMIT @over) AS s;
    ELSIF TG_OP = 'DELETE' THEN
      SELECT count(*), jsonb_agg(s.k) INTO n, keys FROM (SELECT @key AS k FROM oldt AS t LIMIT @over) AS s;
    END IF;
    IF n = 0 THEN
      RETURN NULL;
    END IF;
    IF n > @max THEN
      n := @over;
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
	return createFunction(f.name, "", "trigger", f.body)
}

// differs says how the stored function differs from f, or returns nothing.
func (f captureFunction) differs(stored map[string]storedFunction) string {
	s, ok := stored[f.name]
	switch {
	case !ok:
		return "its capture function livesql." + f.name + " is missing"
	case !s.owned:
		return "its capture function livesql." + f.name + " does not belong to the owner of the change log"
	case s.body != f.body || !s.definer || s.language != "plpgsql" || s.settings != functionSettings:
		return "its capture function livesql." + f.name + " is out of date"
	}
	return ""
}

// definerClause is what gives a function the rights of its owner, and
// functionSettings.
const definerClause = " SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = 0"

// createFunction returns the statements that create one of livesql's
// functions, or replace it, for nobody but its owner.
func createFunction(name, args, returns, body string) []string {
	var types []string
	for _, arg := range strings.Split(args, ",") {
		types = append(types, arg[strings.LastIndex(arg, " ")+1:])
	}
	return []string{
		fmt.Sprintf("CREATE OR REPLACE FUNCTION livesql.%s(%s) RETURNS %s LANGUAGE plpgsql"+definerClause+" AS %s", name, args, returns, dollarQuote(body)),
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

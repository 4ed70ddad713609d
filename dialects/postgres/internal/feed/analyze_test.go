package feed

import (
	"strings"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/testdb/server"
)

// museum is a schema with everything in it that a statement can hide something
// behind.
var museum = []string{
	"CREATE EXTENSION citext", "CREATE EXTENSION hstore", "CREATE EXTENSION pg_trgm",
	"CREATE SCHEMA other",

	"CREATE TABLE item (id int PRIMARY KEY, name text, price numeric, created timestamptz, day date, mixed date, j jsonb, tags text[], parent int REFERENCES item)",
	"CREATE TABLE note (id int PRIMARY KEY, body text, mixed text)",
	"CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (10)",
	"CREATE TABLE base (id int)", "CREATE TABLE derived (x int) INHERITS (base)",
	"CREATE TABLE gen (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)",
	"CREATE TABLE words (id int PRIMARY KEY, w citext, h hstore)",
	"CREATE TABLE hours (id int PRIMARY KEY, t time)", "CREATE TABLE zoned (id int PRIMARY KEY, t timetz)", "CREATE TABLE named (id int PRIMARY KEY, r regclass)",
	"CREATE SEQUENCE seq",

	"CREATE FUNCTION volatile_one(int) RETURNS int LANGUAGE sql AS 'SELECT $1'",
	"CREATE FUNCTION stable_one(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT count(*)::int FROM note'",
	"CREATE FUNCTION liar(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT count(*)::int FROM note'",
	"CREATE FUNCTION dynamic_liar(text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ DECLARE n int; BEGIN EXECUTE 'SELECT count(*) FROM ' || $1 INTO n; RETURN n; END $$",
	"CREATE FUNCTION honest(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT abs($1) + 1'",
	"CREATE FUNCTION honest_too(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF n > 0 THEN RETURN honest(n); END IF; RETURN 0; END $$",
	"CREATE FUNCTION liars_friend(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT liar($1)'",
	"CREATE FUNCTION assigning_liar(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ DECLARE n int; replace int; BEGIN n := $1; replace := volatile_one(n); RETURN replace; END $$",
	"CREATE FUNCTION filter(int) RETURNS int LANGUAGE sql AS 'SELECT $1'",
	"CREATE FUNCTION returning_liar(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN filter($1); END $$",
	"CREATE FUNCTION since(at timestamptz, until timestamptz DEFAULT now()) RETURNS interval IMMUTABLE LANGUAGE sql AS 'SELECT $2 - $1'",
	"CREATE FUNCTION plus(n int, m int DEFAULT abs(-1)) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + $2'",
	"CREATE FUNCTION moment(text) RETURNS timestamptz IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'",
	"CREATE FUNCTION moment_out(text, OUT timestamptz) IMMUTABLE LANGUAGE plpgsql AS 'BEGIN $2 := $1; END'",
	"CREATE FUNCTION next_day(timestamptz, int) RETURNS date IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN $1 + $2 * interval '1 day'; END $$",
	"CREATE FUNCTION split(text) RETURNS TABLE (day text) IMMUTABLE LANGUAGE sql AS $$ SELECT unnest(string_to_array($1, ',')) $$",
	"CREATE FUNCTION clocked(int) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT now()::text $$",
	"CREATE FUNCTION set_path(int) RETURNS int IMMUTABLE SET search_path = other LANGUAGE sql AS 'SELECT $1'",
	// Of the same name as functions of Postgres, in other schemas.
	"CREATE FUNCTION other.lower(int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE FUNCTION other.upper(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'",
	"CREATE FUNCTION label(item) RETURNS text LANGUAGE sql AS 'SELECT body FROM note WHERE id = $1.id'",
	"CREATE FUNCTION initials(item) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT left($1.name, 1) $$",
	"CREATE FUNCTION step(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2'", "CREATE AGGREGATE odd_sum(int) (sfunc = step, stype = int)",
	"CREATE AGGREGATE even_sum(int) (sfunc = int4pl, stype = int)", "CREATE AGGREGATE latest(timestamptz) (sfunc = timestamptz_larger, stype = timestamptz, initcond = 'now')",

	"CREATE FUNCTION like_note(text, text) RETURNS bool STABLE LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM note WHERE body = $1 || $2)'",
	"CREATE OPERATOR ~== (FUNCTION = like_note, LEFTARG = text, RIGHTARG = text)", "CREATE OPERATOR ==~ (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text)",
	"CREATE FUNCTION short(text) RETURNS bool STABLE LANGUAGE sql AS 'SELECT length($1) < (SELECT max(id) FROM note)'",
	"CREATE DOMAIN checked AS text CHECK (short(VALUE))", "CREATE DOMAIN plain AS text CHECK (length(VALUE) < 10)", "CREATE DOMAIN birthday AS date",
	"CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE TYPE pair AS (a int, b timestamptz)", "CREATE TYPE span AS RANGE (SUBTYPE = int4)",
	"CREATE TABLE typed (id int PRIMARY KEY, c checked)", "CREATE TABLE typed2 (id int PRIMARY KEY, p plain, m mood, q pair, s span)",
	"CREATE FUNCTION mood_eq(mood, mood) RETURNS bool STABLE LANGUAGE sql AS 'SELECT $1::text = $2::text'", "CREATE TYPE colour AS ENUM ('red')",
	"CREATE FUNCTION colour_text(colour) RETURNS text STABLE LANGUAGE sql AS 'SELECT min(body) FROM note'", "CREATE CAST (colour AS text) WITH FUNCTION colour_text(colour) AS IMPLICIT",
	"CREATE TABLE coloured (id int PRIMARY KEY, c colour)",
	`CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,

	"CREATE VIEW plain_view AS SELECT id, left(name, 3) AS low FROM item", "CREATE VIEW nested_view AS SELECT v.id, n.body FROM plain_view v JOIN note n USING (id)",
	"CREATE VIEW clock_view AS SELECT id FROM item WHERE created > now()", "CREATE VIEW function_view AS SELECT volatile_one(id) AS id FROM item",
	"CREATE VIEW cast_view AS SELECT id, body::date AS d FROM note", "CREATE VIEW good_cast_view AS SELECT id, created::date AS d FROM item",
	"CREATE VIEW zone_view AS SELECT id, t AT TIME ZONE 'UTC' AS t FROM hours", "CREATE VIEW operator_view AS SELECT id FROM note WHERE body ~== 'x'",
	"CREATE MATERIALIZED VIEW mat AS SELECT id FROM item",
	"CREATE FUNCTION view_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE note SET body = NEW.low; RETURN NEW; END $$",
	"CREATE TRIGGER t INSTEAD OF UPDATE ON plain_view FOR EACH ROW EXECUTE FUNCTION view_write()",

	"CREATE TABLE free (id int PRIMARY KEY, owner text)", "ALTER TABLE free ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON free USING (owner = CURRENT_USER)",
	"CREATE TABLE joined (id int PRIMARY KEY)", "ALTER TABLE joined ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON joined USING (id IN (SELECT n.id FROM note n WHERE n.body = SESSION_USER))",
	"CREATE TABLE tenant (id int PRIMARY KEY)", "ALTER TABLE tenant ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON tenant USING (id::text = current_setting('app.tenant'))",
	"CREATE TABLE forced (id int PRIMARY KEY)", "ALTER TABLE forced ENABLE ROW LEVEL SECURITY", "ALTER TABLE forced FORCE ROW LEVEL SECURITY", "CREATE POLICY p ON forced FOR SELECT USING (volatile_one(id) = 1)",
	"CREATE VIEW over_tenant AS SELECT id FROM tenant", "CREATE VIEW over_free AS SELECT id FROM free",

	"CREATE FUNCTION next_id() RETURNS int LANGUAGE sql AS 'UPDATE note SET id = id + 1 RETURNING id'",
	"CREATE TABLE counted (id int PRIMARY KEY DEFAULT next_id())", "CREATE TABLE serial_one (id serial PRIMARY KEY, at timestamptz DEFAULT now())",
	"CREATE FUNCTION writes_note() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n\tUPDATE note\n\t   SET body = 'x'\n\t WHERE id = NEW.id;\n\tRETURN NEW;\nEND $$",
	"CREATE TABLE fires (id int PRIMARY KEY)", "CREATE TRIGGER t AFTER INSERT ON fires FOR EACH ROW EXECUTE FUNCTION writes_note()",
	"CREATE FUNCTION sets_role() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN -- as whom\n SET search_path TO other; RETURN NEW; END $$",
	"CREATE TABLE resets (id int PRIMARY KEY)", "CREATE TRIGGER t AFTER INSERT ON resets FOR EACH ROW EXECUTE FUNCTION sets_role()",
	"CREATE FUNCTION runs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM note'; RETURN NEW; END $$",
	"CREATE TABLE runner (id int PRIMARY KEY)", "CREATE TRIGGER t AFTER INSERT ON runner FOR EACH ROW EXECUTE FUNCTION runs()",
	"CREATE FUNCTION long() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + strings.Repeat(" ", 256<<10) + "DELETE FROM note; RETURN NEW; END $$",
	"CREATE TABLE lengthy (id int PRIMARY KEY)", "CREATE TRIGGER t AFTER INSERT ON lengthy FOR EACH ROW EXECUTE FUNCTION long()",
	"CREATE FUNCTION assigns() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE replace int; BEGIN replace := NULL; replace := next_id(); RETURN NEW; END $$",
	"CREATE TABLE assigner (id int PRIMARY KEY)", "CREATE TRIGGER t AFTER INSERT ON assigner FOR EACH ROW EXECUTE FUNCTION assigns()",
	"CREATE TABLE ruled (id int PRIMARY KEY)", "CREATE RULE r AS ON INSERT TO ruled DO ALSO DELETE FROM note",
	"CREATE TABLE child (id int PRIMARY KEY, item int REFERENCES item ON DELETE CASCADE, base int REFERENCES note)",
}

// meaningOf is the meaning of a database.
func meaningOf(t *testing.T, statements ...string) *meaning {
	t.Helper()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, statements...)
	fixtureInstall(t, db)
	return fixtureSchema(t, db).meaning(7)
}

func TestAnalyzeReads(t *testing.T) {
	t.Parallel()
	m := meaningOf(t, museum...)
	for text, tables := range map[string]string{
		"SELECT * FROM item": "item",
		"SELECT name FROM public.item WHERE id = $1 AND name = 'x'": "item",
		"SELECT i, i.*, (i).name FROM item i":                       "item",
		"SELECT count(*) FROM item i, note n WHERE i.id = n.id":     "item note",
		"WITH n AS (SELECT * FROM note) SELECT * FROM item, n":      "item note",
		"SELECT * FROM part":                                         "part",
		"SELECT * FROM ONLY base":                                    "base",
		"SELECT * FROM gen":                                          "gen",
		"SELECT * FROM nested_view":                                  "item note",
		"SELECT * FROM good_cast_view":                               "item",
		"SELECT * FROM words WHERE w = 'a' AND h -> 'x' = 'y'":       "words",
		"SELECT * FROM typed2 WHERE m = 'ok' AND s && '[1,2]'::span": "typed2",
		"SELECT p::plain FROM typed2":                                "typed2",
		"SELECT name COLLATE ci FROM item ORDER BY name COLLATE ci":  "item",
		"SELECT id FROM note WHERE body ==~ 'x'":                     "note",
		"SELECT even_sum(id) FROM item":                              "item",

		// Functions that depend on settings, which are part of the key.
		"SELECT to_char(created, 'YYYY'), date_trunc('day', created) FROM item":                              "item",
		"SELECT created::date, day::text, extract(epoch FROM created) FROM item GROUP BY created::date, day": "item",
		"SELECT created AT TIME ZONE 'UTC' FROM item":                                                        "item",
		"SELECT json_build_object('a', price), row_to_json(i) FROM item i":                                   "item",
		"SELECT '2020-01-01'::date + id FROM item":                                                           "item",
		"SELECT created > $1::timestamptz FROM item":                                                         "item",

		"SELECT honest(id), honest_too(id), other.upper(1) FROM item": "item",
		"SELECT plus(id), next_day(created, id) FROM item":            "item",
		"SELECT i.initials FROM item i":                               "item",
		"SELECT upper(name) FROM item":                                "item",
		"SELECT name % 'x' FROM item":                                 "!operator %",
		"SELECT similarity(name, 'x') FROM item":                      "item",
		"SELECT tags @> ARRAY['x'], j @> '{}' FROM item":              "item",
		"SELECT id FROM item WHERE name LIKE '%x%'":                   "item",

		"SELECT * FROM free":      "free",
		"SELECT * FROM over_free": "free",
		"SELECT * FROM joined":    "joined note",

		// What is not determined by tables and settings.
		"SELECT volatile_one(id) FROM item":                            "!volatile_one()",
		"SELECT stable_one(id) FROM item":                              "!stable_one()",
		"SELECT liar(id) FROM item":                                    "!liar()",
		"SELECT dynamic_liar('note') FROM item":                        "!dynamic_liar()",
		"SELECT liars_friend(id) FROM item":                            "!liars_friend()",
		"SELECT x.day::date FROM note, split(note.body) AS x":          "!makes a date of day",
		"SELECT latest(created) FROM item":                             "!latest()",
		"SELECT returning_liar(id) FROM item":                          "!returning_liar()",
		"SELECT since(created) FROM item":                              "!since()",
		"SELECT moment(body) FROM note":                                "!moment()",
		"SELECT moment_out(body) FROM note":                            "!moment_out()",
		"SELECT assigning_liar(id) FROM item":                          "!assigning_liar()",
		"SELECT clocked(id) FROM item":                                 "!clocked()",
		"SELECT set_path(id) FROM item":                                "!set_path()",
		"SELECT lower(name) FROM item":                                 "!lower()",
		"SELECT pg_catalog.lower(name) FROM item":                      "!lower()",
		"SELECT odd_sum(id) FROM item":                                 "!odd_sum()",
		"SELECT label(i) FROM item i":                                  "!label()",
		"SELECT i.label FROM item i":                                   "!label()",
		"SELECT no_such(id) FROM item":                                 "!no_such()",
		"SELECT now(), id FROM item":                                   "!now()",
		"SELECT id FROM item WHERE created > CURRENT_DATE":             "!current_date",
		"SELECT id FROM item WHERE created > 'now'":                    "!now()",
		"SELECT 'today'::date, id FROM item":                           "!now()",
		"SELECT CURRENT_USER, id FROM item":                            "!current_user",
		"SELECT current_setting('app.tenant'), id FROM item":           "!current_setting()",
		"SELECT random(), id FROM item":                                "!random()",
		"SELECT id FROM item TABLESAMPLE SYSTEM (10)":                  "!system()",
		"SELECT id FROM item FOR UPDATE":                               "!locks rows",
		"SELECT id INTO copy FROM item":                                "!SELECT INTO",
		"SELECT xmin, id FROM item":                                    "!system column",
		"SELECT ctid FROM item":                                        "!system column",
		"SELECT tableoid::regclass FROM part":                          "!system column",
		"SELECT 'item'::regclass FROM item":                            "!regclass",
		"SELECT last_value FROM seq":                                   "!sequence",
		"SELECT id, (SELECT last_value FROM seq) FROM item":            "!sequence",
		"SELECT * FROM item, pg_class":                                 "!pg_class",
		"SELECT * FROM item, pg_stat_activity":                         "!pg_stat_activity",
		"SELECT * FROM item, pg_toast.pg_toast_1247":                   "!pg_toast",
		"SELECT * FROM item, information_schema.tables":                "!not in the catalogue",
		"SELECT * FROM item, livesql.log":                              "!not in the catalogue",
		"SELECT 1":                                                     "!no table",
		"SELECT id FROM item; SELECT id FROM note":                     "!several statements",
		"SELECT body::date FROM note":                                  "!makes a date of body",
		"SELECT mixed::date FROM item":                                 "!makes a date of mixed",
		"SELECT (j ->> 'd')::timestamptz FROM item":                    "!may be a text",
		"SELECT x.d FROM item, jsonb_to_record(j) AS x(d date)":        "!not understood",
		"SELECT jsonb_populate_record(NULL::item, j) FROM item":        "!jsonb_populate_record()",
		"SELECT body::birthday FROM note":                              "!makes a date of body",
		"SELECT body::birthday[] FROM note":                            "!makes a date of body",
		"SELECT lower(body)::pair FROM note":                           "!lower()",
		"SELECT body::pair FROM note":                                  "!makes a date of body",
		"SELECT body::item FROM note":                                  "!makes a row of item",
		"SELECT item(body) FROM note":                                  "!like that of a function",
		"SELECT t AT TIME ZONE 'UTC' FROM hours":                       "!time of day",
		"SELECT timezone('UTC', t) FROM hours":                         "!time of day",
		"SELECT * FROM zoned":                                          "!timetz",
		"SELECT * FROM named":                                          "!regclass",
		"SELECT id FROM note WHERE to_tsvector('simple', body) @@ 'x'": "!to_tsvector()",
		"SELECT id FROM note WHERE body @@ 'x'":                        "!dictionaries",
		"SELECT id FROM note WHERE body ~== 'x'":                       "!operator ~==",
		"SELECT id FROM note WHERE body OPERATOR(public.~==) 'x'":      "!operator ~==",
		"SELECT id FROM typed":                                         "!type checked",
		"SELECT name::checked FROM item":                               "!type checked",
		"SELECT c FROM coloured":                                       "!type colour",
		"SELECT 'red'::colour::text FROM item":                         "!type colour",
		"SELECT * FROM mat":                                            "!materialized",
		"SELECT * FROM clock_view":                                     "!now()",
		"SELECT * FROM function_view":                                  "!volatile_one()",
		"SELECT * FROM cast_view":                                      "!makes a date of body",
		"SELECT * FROM zone_view":                                      "!time of day",
		"SELECT * FROM operator_view":                                  "!operator ~==",
		"SELECT * FROM tenant":                                         "!current_setting()",
		"SELECT * FROM over_tenant":                                    "!current_setting()",
		"SELECT * FROM forced":                                         "!volatile_one()",
		"SELECT livesql.id FROM item livesql":                          "!livesql's own tables",
		"SHOW search_path":                                             "!SHOW",
		"SELECT set_config('app.tenant', '7', false)":                  "!set_config()",
	} {
		a := m.analyze(text)
		var reads []string
		for _, table := range a.Reads {
			reads = append(reads, table.Name)
		}
		switch why, refused := strings.CutPrefix(tables, "!"); {
		case refused && !strings.Contains(a.Uncacheable, why):
			t.Errorf("%s\nuncacheable %q, want one that says %q", text, a.Uncacheable, why)
		case !refused && a.Uncacheable != "":
			t.Errorf("%s\nuncacheable: %s", text, a.Uncacheable)
		case !refused && strings.Join(reads, " ") != tables:
			t.Errorf("%s\nreads %q, want %q", text, reads, tables)
		case !refused && a.Changes():
			t.Errorf("%s\nchanges %v, %v, %s", text, a.WritesAll, a.Writes, a.Unproven)
		}
	}
}

// TestAnalyzeWrites: what a statement writes besides what it names.
func TestAnalyzeWrites(t *testing.T) {
	t.Parallel()
	m := meaningOf(t, museum...)
	for text, want := range map[string]string{
		"UPDATE note SET body = 'x' WHERE id = 1":                   "note",
		"INSERT INTO child VALUES (1, 1, 1)":                        "child",
		"INSERT INTO serial_one DEFAULT VALUES":                     "serial_one",
		"DELETE FROM item":                                          "child item",
		"INSERT INTO part1 VALUES (1)":                              "part part1",
		"INSERT INTO part VALUES (1)":                               "part part1",
		"INSERT INTO derived VALUES (1, 1)":                         "base derived",
		"INSERT INTO fires VALUES (1)":                              "fires note",
		"UPDATE plain_view SET low = 'x'":                           "child item note",
		"UPDATE free SET owner = 'x' RETURNING id":                  "free",
		"WITH x AS (DELETE FROM note RETURNING id) SELECT * FROM x": "note",
		"TRUNCATE note":                                             "note",
		"COPY note FROM STDIN":                                      "note",

		// Everything, as far as is known.
		"TRUNCATE note CASCADE":                   "!CASCADE",
		"INSERT INTO counted DEFAULT VALUES":      "!next_id()",
		"INSERT INTO resets VALUES (1)":           "!trigger t",
		"INSERT INTO runner VALUES (1)":           "!trigger t",
		"INSERT INTO lengthy VALUES (1)":          "!trigger t",
		"INSERT INTO assigner VALUES (1)":         "!trigger t",
		"INSERT INTO ruled VALUES (1)":            "!rules",
		"INSERT INTO typed VALUES (1, 'x')":       "!type checked",
		"INSERT INTO note SELECT volatile_one(1)": "!",
		"INSERT INTO nowhere VALUES (1)":          "!",
		"SELECT volatile_one(1)":                  "!",
		"SELECT i.label FROM item i":              "!",
		"SELECT id FROM note WHERE body ~== 'x'":  "!",
		"CALL p()":                                "!",
		"DO $$ BEGIN END $$":                      "!",
		"SELECT no_such(1)":                       "!",

		// Nothing.
		"SELECT nextval('seq')":                       "",
		"SELECT set_config('app.tenant', 'x', false)": "",
		"SELECT pg_advisory_lock(1)":                  "",
		"SELECT name % 'x', now() FROM item":          "",
		"SELECT id FROM item FOR UPDATE":              "",
		"SET search_path TO other":                    "",
	} {
		a := m.analyze(text)
		var writes []string
		for _, table := range a.Writes {
			writes = append(writes, table.Name)
		}
		switch why, all := strings.CutPrefix(want, "!"); {
		case all && (why == "" && !a.WritesAll || !strings.Contains(a.Unproven, why) || why != "" && !a.Scan.Settings):
			t.Errorf("%s\nwrites all: %v, because of %q, want one that says %q", text, a.WritesAll, a.Unproven, why)
		case !all && (a.WritesAll || a.Unproven != ""):
			t.Errorf("%s\nwrites all: %s", text, a.Unproven)
		case !all && strings.Join(writes, " ") != want:
			t.Errorf("%s\nwrites %q, want %q", text, writes, want)
		}
	}
}

// TestAnalyzeEverything: code that statements use without any sign of it.
func TestAnalyzeEverything(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"implicit operator": {
			"CREATE FUNCTION eq(json, json) RETURNS bool STABLE LANGUAGE sql AS 'SELECT true'",
			"CREATE OPERATOR = (FUNCTION = eq, LEFTARG = json, RIGHTARG = json)",
		},
		"implicit cast": {
			"CREATE FUNCTION yes(int) RETURNS xid STABLE LANGUAGE sql AS $$ SELECT '1'::xid $$",
			"CREATE CAST (int AS xid) WITH FUNCTION yes(int) AS IMPLICIT",
		},
		"implicit cast through text": {"CREATE CAST (text AS date) WITH INOUT AS IMPLICIT"},
		"order of values": {
			"CREATE FUNCTION cmp(xid, xid) RETURNS int STABLE LANGUAGE sql AS 'SELECT 0'", "CREATE FUNCTION lt(xid, xid) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true'",
			"CREATE OPERATOR <! (FUNCTION = lt, LEFTARG = xid, RIGHTARG = xid)",
			"CREATE OPERATOR CLASS xid_ops DEFAULT FOR TYPE xid USING btree AS OPERATOR 1 <!, FUNCTION 1 cmp(xid, xid)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := meaningOf(t, append([]string{"CREATE TABLE item (id int PRIMARY KEY)"}, statements...)...)
			if a := m.analyze("SELECT id FROM item"); a.Uncacheable == "" || !a.WritesAll && name != "implicit cast through text" {
				t.Errorf("uncacheable %q, writes all: %v", a.Uncacheable, a.WritesAll)
			}
		})
	}
}

// TestKeyColumns: the keys that statements may be pinned to.
func TestKeyColumns(t *testing.T) {
	t.Parallel()
	m := meaningOf(t,
		"CREATE DOMAIN number AS int",
		`CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
		"CREATE TABLE a (a smallint, b int, c bigint, d uuid, e text, f varchar(10), g bool, h bytea, PRIMARY KEY (h, g, f, e, d, c, b, a))",
		"CREATE TABLE by_date (a date PRIMARY KEY)", "CREATE TABLE by_char (a char(3) PRIMARY KEY)", "CREATE TABLE by_domain (a number PRIMARY KEY)",
		"CREATE TABLE by_ci (a text COLLATE ci PRIMARY KEY)", "CREATE TABLE without (a int)",
		"CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (10)",
		"CREATE TABLE by_twice (a int, twice int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY)",
		"CREATE TABLE base (id int PRIMARY KEY)", "CREATE TABLE derived () INHERITS (base)")
	for name, want := range map[string][]dialects.KeyColumn{
		"a": {
			{Name: "h", Kind: dialects.BytesKey},
			{Name: "g", Kind: dialects.BoolKey},
			{Name: "f", Kind: dialects.TextKey},
			{Name: "e", Kind: dialects.TextKey},
			{Name: "d", Kind: dialects.UUIDKey},
			{Name: "c", Kind: dialects.IntKey},
			{Name: "b", Kind: dialects.IntKey},
			{Name: "a", Kind: dialects.IntKey},
		},
		"by_date": nil, "by_char": nil, "by_domain": nil, "by_ci": nil, "by_twice": nil, "without": nil, "base": nil, "derived": nil,
		"part": {{Name: "id", Kind: dialects.IntKey}}, "part1": {{Name: "id", Kind: dialects.IntKey}},
	} {
		found := m.catalog.Find(name)
		if len(found) != 1 {
			t.Fatalf("%d objects are called %s", len(found), name)
		}
		if got := found[0].Key; len(got) != len(want) {
			t.Errorf("key of %s: %v, want %v", name, got, want)
		} else {
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("key of %s: %v, want %v", name, got, want)
				}
			}
		}
	}
}

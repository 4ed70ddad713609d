package feed

// relevant is the set of the relations that statements of the program can
// name: neither those of the system nor temporary ones nor livesql's own.
const relevant = `c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND c.oid >= 16384
	AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'livesql')`

// temporary are the schemas of temporary objects, which concern one session.
const temporary = `ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname ~ '^pg_temp_')`

// fingerprintCall is the fingerprint as one scalar expression, of type text, in
// the statement of a poll.
const fingerprintCall = "livesql.fingerprint()"

// fingerprintSQL is what livesql.fingerprint() returns. Its value changes
// whenever something changes that the meaning of statements or the coverage of
// tables depends on; whether it really did, the loaded schema tells.
//
// A row of the catalogue that was changed has a new xmin, and what VACUUM and
// ANALYZE write to pg_class they write in place, without one. Sums of hashes
// need no order. Objects with oids below 16384 came with the database.
//
// What was changed and changed back between two looks shows, too: the row has
// another xmin, or another oid, even if all of its values are what they were,
// and a transaction id comes again after four thousand million others only. Of
// three things the fingerprint holds values alone, since a role that is no
// superuser cannot see more: who is a superuser or bypasses row-level security,
// the settings of roles, and which tables subscriptions write to. None of them
// writes rows by itself in the quarter of a second between two looks, but a role
// that was a superuser for that long may be shown later what it read then.
const fingerprintSQL = `(WITH rel AS MATERIALIZED (
	SELECT c.oid, c.xmin AS changed, n.nspname AS namespace
	FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE ` + relevant + `
) SELECT concat_ws(' ',
	(SELECT concat_ws(' ', m.version, m.bell, m.later, m.revision) FROM livesql.meta AS m),
	(SELECT concat(count(*), ':', sum(hash_record_extended((oid, changed, namespace), 0))) FROM rel),
	(SELECT concat(count(*), ':', sum(hash_record_extended((a.attrelid, a.attnum, a.xmin), 0)))
		FROM pg_catalog.pg_attribute AS a JOIN rel ON rel.oid = a.attrelid WHERE a.attrelid >= 16384 AND a.attnum > 0),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_constraint AS o JOIN rel ON rel.oid = o.conrelid WHERE o.contype IN ('p', 'f')),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 2))) FROM pg_catalog.pg_trigger AS o JOIN rel ON rel.oid = o.tgrelid WHERE NOT o.tgisinternal),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 3))) FROM pg_catalog.pg_rewrite AS o JOIN rel ON rel.oid = o.ev_class),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 4))) FROM pg_catalog.pg_proc AS o WHERE o.oid >= 16384 AND o.pronamespace <> ALL (` + temporary + `)),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 5))) FROM pg_catalog.pg_policy AS o),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.inhrelid, o.inhparent, o.xmin), 0))) FROM pg_catalog.pg_inherits AS o JOIN rel ON rel.oid = o.inhrelid),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.srsubid, o.srrelid), 6))) FROM pg_catalog.pg_subscription_rel AS o),
	(SELECT concat(c.oid, ':', c.xmin, ':', (SELECT sum(hash_record_extended((o.oid, o.xmin), 7)) FROM pg_catalog.pg_trigger AS o WHERE o.tgrelid = c.oid),
		':', (SELECT sum(hash_record_extended((o.oid, o.xmin), 8)) FROM pg_catalog.pg_rewrite AS o WHERE o.ev_class = c.oid))
		FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'livesql' AND c.relname = 'log'),
	` + restSQL + `::text))`

// restSQL sums up, as one JSON object, what no relation is to blame for. Whoever
// may do what is part of it, since what is kept is shown without asking again:
// who belongs to which role, and which roles see all rows.
const restSQL = `(SELECT jsonb_build_object(
	'operators', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_operator AS o WHERE o.oid >= 16384),
	'operator classes', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_opclass AS o WHERE o.oid >= 16384)
		|| (SELECT concat(' ', count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_amproc AS o WHERE o.oid >= 16384)
		|| (SELECT concat(' ', count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_amop AS o WHERE o.oid >= 16384),
	'collations', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_collation AS o WHERE o.oid >= 16384),
	'casts', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_cast AS o WHERE o.oid >= 16384),
	'types', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_type AS o WHERE o.oid >= 16384 AND o.typtype NOT IN ('c', 'p') AND o.typcategory <> 'A' AND o.typnamespace <> ALL (` + temporary + `)),
	'composite types', (SELECT concat(count(*), ':', sum(hash_record_extended((a.attrelid, a.attnum, a.xmin), 1))) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
		WHERE c.relkind = 'c' AND c.oid >= 16384 AND c.relnamespace <> ALL (` + temporary + `)),
	'enumerations', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_enum AS o JOIN pg_catalog.pg_type AS t ON t.oid = o.enumtypid WHERE t.typnamespace <> ALL (` + temporary + `)),
	'defaults', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_attrdef AS o JOIN pg_catalog.pg_class AS c ON c.oid = o.adrelid WHERE c.oid >= 16384 AND c.relpersistence <> 't'),
	'checks', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_constraint AS o WHERE o.contype = 'c' AND o.connamespace <> ALL (` + temporary + `) AND o.oid >= 16384),
	'schemas', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_namespace AS o WHERE o.nspname !~ '^pg_(toast_)?temp_'),
	'roles', (SELECT concat(count(*), ':', sum(hash_record_extended((o.roleid, o.member, o.xmin, r.rolinherit), 0))) FROM pg_catalog.pg_auth_members AS o JOIN pg_catalog.pg_roles AS r ON r.oid = o.member)
		|| (SELECT concat(' ', count(*), ':', sum(hash_record_extended((r.oid, r.rolsuper, r.rolbypassrls), 0))) FROM pg_catalog.pg_roles AS r WHERE r.rolsuper OR r.rolbypassrls),
	'settings of roles', (SELECT concat(count(*), ':', sum(hash_record_extended((o.setdatabase, o.setrole, o.setconfig), 0))) FROM pg_catalog.pg_db_role_setting AS o
		WHERE o.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()))),
	'encoding', pg_catalog.getdatabaseencoding()))`

// strangeSQL says what shows that the schema livesql is somebody else's, or is
// empty. Whoever may create a schema may have made one of that name, for readers
// to call what is in it: nothing of livesql's runs with their rights.
const strangeSQL = `coalesce((SELECT CASE
	WHEN EXISTS (SELECT FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = n.oid AND p.proname IN ('attend', 'fingerprint', 'prune') AND NOT p.prosecdef)
		THEN 'its functions run with the rights of whoever calls them'
	WHEN EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
			WHERE c.relnamespace = n.oid AND c.relname IN ('meta', 'log', 'epoch') AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= '16384')
		THEN 'its tables have columns of types that are not PostgreSQL''s'
	WHEN EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = n.oid AND c.relname IN ('meta', 'epoch') AND (c.relrowsecurity OR EXISTS (SELECT FROM pg_catalog.pg_rewrite AS o WHERE o.ev_class = c.oid)))
		THEN 'its tables have row-level security or rules'
	ELSE '' END FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'livesql'), '')`

// accessSQL tells whether the log is there, and whether this role may use the
// schema, read the tables and call the functions that a reader needs. It works
// for roles that may not use the schema.
const accessSQL = `WITH n AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'livesql'),
	t AS (SELECT c.oid, c.relname FROM pg_catalog.pg_class AS c JOIN n ON c.relnamespace = n.oid WHERE c.relname IN ('meta', 'log', 'epoch') AND c.relkind = 'r'),
	f AS (SELECT p.oid FROM pg_catalog.pg_proc AS p JOIN n ON p.pronamespace = n.oid WHERE p.proname IN ('attend', 'fingerprint', 'prune'))
	SELECT (SELECT count(*) = 3 FROM t), coalesce((SELECT has_schema_privilege(oid, 'USAGE') FROM n), false),
	coalesce((SELECT bool_and(has_table_privilege(oid, 'SELECT')) FROM t), false),
	coalesce((SELECT bool_and(has_function_privilege(oid, 'EXECUTE')) FROM f), true), ` + strangeSQL

// relationsSQL lists the relations. The options of a view tell as whom it reads
// (security_invoker).
const relationsSQL = `SELECT c.oid, n.nspname, c.relname, c.relkind, c.relfilenode, c.relpersistence = 'u', c.relrowsecurity,
	md5(concat_ws(' ', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relowner, c.relacl, c.relnamespace, c.relname,
		CASE WHEN c.relkind = 'v' THEN c.reloptions END,
		(SELECT string_agg(concat_ws(',', a.attnum, quote_ident(a.attname), a.atttypid, a.atttypmod, a.attcollation, a.attisdropped, a.attacl), ';' ORDER BY a.attnum)
			FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0),
		(SELECT string_agg(concat_ws(',', o.oid, o.xmin), ';' ORDER BY o.oid) FROM pg_catalog.pg_constraint AS o WHERE o.conrelid = c.oid AND o.contype IN ('p', 'f')),
		(SELECT string_agg(concat_ws(',', o.oid, o.xmin), ';' ORDER BY o.oid) FROM pg_catalog.pg_trigger AS o WHERE o.tgrelid = c.oid AND NOT o.tgisinternal),
		(SELECT string_agg(concat_ws(',', o.oid, o.xmin), ';' ORDER BY o.oid) FROM pg_catalog.pg_rewrite AS o WHERE o.ev_class = c.oid),
		(SELECT string_agg(concat_ws(',', o.oid, o.xmin), ';' ORDER BY o.oid) FROM pg_catalog.pg_policy AS o WHERE o.polrelid = c.oid),
		(SELECT string_agg(concat_ws(',', o.inhparent, o.inhseqno), ';' ORDER BY o.inhparent) FROM pg_catalog.pg_inherits AS o WHERE o.inhrelid = c.oid))),
	CASE WHEN c.relkind = 'v' THEN coalesce(pg_catalog.pg_get_viewdef(c.oid), '') ELSE '' END,
	EXISTS (SELECT FROM pg_catalog.pg_rewrite AS o WHERE o.ev_class = c.oid AND o.ev_type <> '1'),
	pg_catalog.pg_get_userbyid(c.relowner), pg_catalog.pg_has_role(c.relowner, 'USAGE'),
	coalesce((SELECT e.extname FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass LIMIT 1), ''),
	coalesce((SELECT b.subname FROM pg_catalog.pg_subscription_rel AS o JOIN pg_catalog.pg_subscription AS b ON b.oid = o.srsubid WHERE o.srrelid = c.oid LIMIT 1), '')
	FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE ` + relevant

const keysSQL = `SELECT o.conrelid, a.attname, pg_catalog.format_type(a.atttypid, NULL), a.atttypid < 16384, coalesce(l.collisdeterministic, true), a.attgenerated <> ''
	FROM pg_catalog.pg_constraint AS o CROSS JOIN unnest(o.conkey) WITH ORDINALITY AS k(num, place)
	JOIN pg_catalog.pg_attribute AS a ON a.attrelid = o.conrelid AND a.attnum = k.num
	LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation
	WHERE o.contype = 'p' ORDER BY o.conrelid, k.place`

// triggersSQL takes an oid, or 0 for the triggers of all relations.
const triggersSQL = `SELECT t.tgrelid, t.tgname, n.nspname, p.proname, t.tgenabled, t.tgtype,
	t.tgnargs = 0 AND t.tgattr = '' AND t.tgqual IS NULL AND t.tgconstraint = 0, coalesce(t.tgoldtable, ''), coalesce(t.tgnewtable, ''),
	l.lanname, p.prosrc
	FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
	JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
	WHERE NOT t.tgisinternal AND ($1::oid = 0 OR t.tgrelid = $1) ORDER BY t.tgrelid, t.tgname`

const inheritsSQL = `SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY inhrelid, inhseqno`

// cascadesSQL lists the tables that foreign keys change when the rows that
// they refer to change.
const cascadesSQL = `SELECT DISTINCT o.confrelid, c.relname FROM pg_catalog.pg_constraint AS o JOIN pg_catalog.pg_class AS c ON c.oid = o.conrelid
	WHERE o.contype = 'f' AND (o.confdeltype IN ('c', 'n', 'd') OR o.confupdtype IN ('c', 'n', 'd')) ORDER BY 1, 2`

// logSQL tells who owns the log, whether this role may act as the owner, and
// whether rows of the log may be hidden.
const logSQL = `SELECT coalesce(min(pg_catalog.pg_get_userbyid(c.relowner)::text), ''), coalesce(bool_and(pg_catalog.pg_has_role(c.relowner, 'MEMBER')), true),
	coalesce(bool_or(c.relrowsecurity OR EXISTS (SELECT FROM pg_catalog.pg_rewrite AS o WHERE o.ev_class = c.oid)), false) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = 'livesql' AND c.relname = 'log'`

const systemSQL = `SELECT relname FROM pg_catalog.pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v') ORDER BY relname`

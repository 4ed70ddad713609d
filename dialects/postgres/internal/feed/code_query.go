package feed

// functionsSQL lists the functions that did not come with the database. Whole
// tells that a.f may stand for f(a), with a the row of a table. The last two are
// what stands for arguments that a call leaves out, and the types of arguments and
// result.
const functionsSQL = `SELECT p.oid, n.nspname, p.proname, p.prokind, p.provolatile, l.lanname,
	EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'),
	p.pronargs > 0 AND p.pronargs - p.pronargdefaults <= 1 AND (SELECT t.typtype IN ('c', 'p') FROM pg_catalog.pg_type AS t WHERE t.oid = p.proargtypes[0]),
	p.proowner = coalesce((SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'log'), p.proowner), p.prosecdef, coalesce(array_to_string(p.proconfig, ';'), ''),
	CASE p.prokind WHEN 'a' THEN (SELECT concat_ws(' ', a.agginitval, a.aggminitval) FROM pg_catalog.pg_aggregate AS a WHERE a.aggfnoid = p.oid) ELSE p.prosrc END, md5(concat_ws(' ', p.oid, p.xmin)),
	coalesce((SELECT ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::oid[]::text
		FROM pg_catalog.pg_aggregate AS a WHERE a.aggfnoid = p.oid), '{}'),
	coalesce(pg_catalog.pg_get_expr(p.proargdefaults, 0), ''), array_to_string(array_append(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.prorettype), ' ')
	FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
	WHERE p.oid >= 16384 AND n.nspname !~ '^pg_temp_' ORDER BY p.oid`

// builtinsSQL lists the functions that came with the database, and those of
// them that are not immutable.
const builtinsSQL = `SELECT array_to_string(array_agg(p.proname), ' '), coalesce(array_agg(p.oid) FILTER (WHERE p.provolatile <> 'i'), '{}')::text
	FROM pg_catalog.pg_proc AS p WHERE p.oid < 16384`

// typesSQL lists the types that did not come with the database, but for those
// of arrays and of the rows of tables. Parts are the types that a value is made
// of, and code the functions that make one or show one.
const typesSQL = `SELECT t.oid, t.typarray, t.typname, t.typtype,
	array_remove(ARRAY[t.typbasetype, t.typelem, (SELECT r.rngsubtype FROM pg_catalog.pg_range AS r WHERE r.rngtypid = t.oid OR to_jsonb(r) ->> 'rngmultitypid' = t.oid::text LIMIT 1)]
		|| ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = t.typrelid AND t.typrelid <> 0 AND a.attnum > 0 AND NOT a.attisdropped), 0)::oid[]::text,
	array_remove(ARRAY[t.typreceive, t.typsend]::oid[], 0)::oid[]::text,
	array_remove(ARRAY[t.typinput, t.typoutput, t.typmodin, t.typmodout, t.typsubscript]::oid[]
		|| (SELECT ARRAY[r.rngcanonical, r.rngsubdiff]::oid[] FROM pg_catalog.pg_range AS r WHERE r.rngtypid = t.oid), 0)::oid[]::text,
	coalesce(pg_catalog.pg_get_expr(t.typdefaultbin, 0), '') || coalesce((SELECT string_agg(', ' || pg_catalog.pg_get_expr(o.conbin, 0), '') FROM pg_catalog.pg_constraint AS o WHERE o.contypid = t.oid AND o.conbin IS NOT NULL), '')
	FROM pg_catalog.pg_type AS t LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
	WHERE t.oid >= 16384 AND t.typtype <> 'p' AND (c.relkind IS NULL OR c.relkind = 'c') AND NOT (t.typelem <> 0 AND t.typlen = -1 AND t.typcategory = 'A')
	AND t.typnamespace <> ALL (` + temporary + `)`

// operatorsSQL lists the operators that did not come with the database.
const operatorsSQL = `SELECT o.oprname, o.oprcode::oid, o.oprleft, o.oprright FROM pg_catalog.pg_operator AS o
	WHERE o.oid >= 16384 AND o.oprcode <> 0 AND o.oprnamespace <> ALL (` + temporary + `) ORDER BY o.oid`

// castsSQL lists the casts that did not come with the database.
const castsSQL = `SELECT o.castsource, o.casttarget, o.castcontext, o.castmethod, o.castfunc FROM pg_catalog.pg_cast AS o WHERE o.oid >= 16384 ORDER BY o.oid`

// supportSQL lists the functions that sort, compare and hash values of a type
// and did not come with the database.
const supportSQL = `SELECT DISTINCT o.amproc::oid, o.amproclefttype FROM pg_catalog.pg_amproc AS o WHERE o.oid >= 16384 ORDER BY 1, 2`

// oddColumnsSQL lists the columns whose types did not come with the database,
// or have something to them.
const oddColumnsSQL = `SELECT a.attrelid, a.attname, a.atttypid, CASE WHEN t.oid < 16384 THEN t.typname ELSE '' END
	FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
	WHERE a.attnum > 0 AND NOT a.attisdropped AND (a.atttypid >= 16384 OR t.typname ~ '^_?(reg.*|timetz|time|aclitem)$') AND ` + relevant + ` ORDER BY a.attrelid, a.attnum`

// dateColumnsSQL lists the names of columns that hold dates and times, in
// whatever table or result of a function, and whether all columns of that name do.
// Rows tells of the names of tables with such columns.
const dateColumnsSQL = `SELECT a.attname, bool_and(t.oid < 16384 AND t.typname IN ('date', 'time', 'timestamp', 'timestamptz'))
	FROM (SELECT a.attname::text, a.atttypid
		FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
		WHERE a.attnum > 0 AND NOT a.attisdropped AND (c.relkind = 'c' OR ` + relevant + `)
		UNION ALL SELECT g.name, g.typ FROM pg_catalog.pg_proc AS p CROSS JOIN unnest(p.proargnames, p.proallargtypes, p.proargmodes) AS g (name, typ, mode)
		WHERE p.oid >= 16384 AND g.mode NOT IN ('i', 'v') AND g.name <> '') AS a (attname, atttypid)
	JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
	GROUP BY a.attname HAVING bool_or(t.oid < 16384 AND t.typname IN ('date', 'time', 'timestamp', 'timestamptz'))`

// codeSQL lists the expressions that are part of tables: those that run when
// rows are written, and the conditions on the rows that roles may see.
const codeSQL = `SELECT d.adrelid, 'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef AS d WHERE d.adrelid >= 16384
	UNION ALL SELECT o.conrelid, 'check', pg_catalog.pg_get_expr(o.conbin, o.conrelid) FROM pg_catalog.pg_constraint AS o WHERE o.contype = 'c' AND o.conrelid >= 16384
	UNION ALL SELECT o.polrelid, CASE WHEN o.polcmd IN ('r', '*') THEN 'policy' ELSE 'check' END, coalesce(pg_catalog.pg_get_expr(o.polqual, o.polrelid), 'true') FROM pg_catalog.pg_policy AS o
	UNION ALL SELECT o.polrelid, 'check', coalesce(pg_catalog.pg_get_expr(o.polwithcheck, o.polrelid), 'true') FROM pg_catalog.pg_policy AS o`

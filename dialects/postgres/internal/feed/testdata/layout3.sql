BEGIN;
SET LOCAL lock_timeout = 2000;
SET LOCAL search_path = pg_catalog, pg_temp;
SELECT pg_catalog.pg_advisory_xact_lock(1818850917, 1);
CREATE SCHEMA livesql;
CREATE TABLE livesql.meta (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL, bell text NOT NULL DEFAULT 'gated', later boolean NOT NULL DEFAULT false, floor_xid xid8 NOT NULL DEFAULT '0', revision integer NOT NULL DEFAULT 0);
CREATE UNLOGGED TABLE livesql.epoch (one boolean PRIMARY KEY DEFAULT true CHECK (one), id uuid NOT NULL DEFAULT gen_random_uuid(), sysid bigint NOT NULL, dboid oid NOT NULL);
CREATE UNLOGGED TABLE livesql.log (xid xid8 NOT NULL DEFAULT pg_current_xact_id(), at timestamptz NOT NULL DEFAULT clock_timestamp(), rel oid NOT NULL, op "char" NOT NULL, n integer NOT NULL, keys jsonb) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
CREATE INDEX log_xid ON livesql.log (xid);
INSERT INTO livesql.meta (version) VALUES (3);
CREATE OR REPLACE FUNCTION livesql.attend() RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = 0 AS $livesql$
#variable_conflict use_column
DECLARE
  system bigint;
  base oid;
  found_id uuid;
BEGIN
  SELECT c.system_identifier INTO system FROM pg_control_system() AS c;
  SELECT d.oid INTO base FROM pg_database AS d WHERE d.datname = current_database();
  SELECT e.id INTO found_id FROM livesql.epoch AS e WHERE e.sysid = system AND e.dboid = base;
  IF found_id IS NULL THEN
    INSERT INTO livesql.epoch AS e (sysid, dboid) VALUES (system, base)
      ON CONFLICT (one) DO UPDATE SET id = excluded.id, sysid = excluded.sysid, dboid = excluded.dboid
      WHERE (e.sysid, e.dboid) IS DISTINCT FROM (excluded.sysid, excluded.dboid);
    IF FOUND THEN
      UPDATE livesql.meta SET floor_xid = '0';
      DELETE FROM livesql.log AS l WHERE l.xid >= pg_snapshot_xmax(pg_current_snapshot()) AND l.xid <> pg_current_xact_id();
    END IF;
    SELECT e.id INTO found_id FROM livesql.epoch AS e WHERE e.sysid = system AND e.dboid = base;
  END IF;
  RETURN found_id;
END $livesql$;
REVOKE ALL ON FUNCTION livesql.attend() FROM PUBLIC;
CREATE OR REPLACE FUNCTION livesql.prune(keep interval) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = 0 AS $livesql$
#variable_conflict use_column
DECLARE
  deleted bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' OR NOT pg_try_advisory_xact_lock(1818850917, 3) THEN
    RETURN 0;
  END IF;
  WITH old AS (
    SELECT s.place FROM (
      SELECT l.ctid AS place, l.at FROM livesql.log AS l WHERE l.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY l.xid LIMIT 5000
    ) AS s WHERE s.at < clock_timestamp() - $1
  ), gone AS (
    DELETE FROM livesql.log AS l WHERE l.ctid = ANY (ARRAY(SELECT o.place FROM old AS o)) RETURNING l.xid
  ), raised AS (
    UPDATE livesql.meta AS m SET floor_xid = greatest(m.floor_xid, (SELECT g.xid FROM gone AS g ORDER BY g.xid DESC LIMIT 1)) WHERE EXISTS (SELECT FROM gone)
  )
  SELECT count(*) INTO deleted FROM gone;
  RETURN deleted;
END $livesql$;
REVOKE ALL ON FUNCTION livesql.prune(interval) FROM PUBLIC;
CREATE OR REPLACE FUNCTION livesql.fingerprint() RETURNS text STABLE LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = 0 AS $livesql$
BEGIN
  RETURN (WITH rel AS MATERIALIZED (
	SELECT c.oid, c.xmin AS changed, n.nspname AS namespace
	FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND c.oid >= 16384
	AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'livesql')
) SELECT concat_ws(' ',
	(SELECT concat_ws(' ', m.version, m.bell, m.later, m.revision) FROM livesql.meta AS m),
	(SELECT concat(count(*), ':', sum(hash_record_extended((oid, changed, namespace), 0))) FROM rel),
	(SELECT concat(count(*), ':', sum(hash_record_extended((a.attrelid, a.attnum, a.xmin), 0)))
		FROM pg_catalog.pg_attribute AS a JOIN rel ON rel.oid = a.attrelid WHERE a.attrelid >= 16384 AND a.attnum > 0),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_constraint AS o JOIN rel ON rel.oid = o.conrelid WHERE o.contype IN ('p', 'f')),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 2))) FROM pg_catalog.pg_trigger AS o JOIN rel ON rel.oid = o.tgrelid WHERE NOT o.tgisinternal),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 3))) FROM pg_catalog.pg_rewrite AS o JOIN rel ON rel.oid = o.ev_class),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 4))) FROM pg_catalog.pg_proc AS o WHERE o.oid >= 16384 AND o.pronamespace <> ALL (ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname ~ '^pg_temp_'))),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 5))) FROM pg_catalog.pg_policy AS o),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.inhrelid, o.inhparent, o.xmin), 0))) FROM pg_catalog.pg_inherits AS o JOIN rel ON rel.oid = o.inhrelid),
	(SELECT concat(count(*), ':', sum(hash_record_extended((o.srsubid, o.srrelid), 6))) FROM pg_catalog.pg_subscription_rel AS o),
	(SELECT concat(c.oid, ':', c.xmin, ':', (SELECT sum(hash_record_extended((o.oid, o.xmin), 7)) FROM pg_catalog.pg_trigger AS o WHERE o.tgrelid = c.oid),
		':', (SELECT sum(hash_record_extended((o.oid, o.xmin), 8)) FROM pg_catalog.pg_rewrite AS o WHERE o.ev_class = c.oid))
		FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'livesql' AND c.relname = 'log'),
	(SELECT jsonb_build_object(
	'operators', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_operator AS o WHERE o.oid >= 16384),
	'operator classes', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_opclass AS o WHERE o.oid >= 16384)
		|| (SELECT concat(' ', count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_amproc AS o WHERE o.oid >= 16384)
		|| (SELECT concat(' ', count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_amop AS o WHERE o.oid >= 16384),
	'collations', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_collation AS o WHERE o.oid >= 16384),
	'casts', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_cast AS o WHERE o.oid >= 16384),
	'types', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_type AS o WHERE o.oid >= 16384 AND o.typtype NOT IN ('c', 'p') AND o.typcategory <> 'A' AND o.typnamespace <> ALL (ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname ~ '^pg_temp_'))),
	'composite types', (SELECT concat(count(*), ':', sum(hash_record_extended((a.attrelid, a.attnum, a.xmin), 1))) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
		WHERE c.relkind = 'c' AND c.oid >= 16384 AND c.relnamespace <> ALL (ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname ~ '^pg_temp_'))),
	'enumerations', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_enum AS o JOIN pg_catalog.pg_type AS t ON t.oid = o.enumtypid WHERE t.typnamespace <> ALL (ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname ~ '^pg_temp_'))),
	'defaults', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_attrdef AS o JOIN pg_catalog.pg_class AS c ON c.oid = o.adrelid WHERE c.oid >= 16384 AND c.relpersistence <> 't'),
	'checks', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_constraint AS o WHERE o.contype = 'c' AND o.connamespace <> ALL (ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname ~ '^pg_temp_')) AND o.oid >= 16384),
	'schemas', (SELECT concat(count(*), ':', sum(hash_record_extended((o.oid, o.xmin), 1))) FROM pg_catalog.pg_namespace AS o WHERE o.nspname !~ '^pg_(toast_)?temp_'),
	'roles', (SELECT concat(count(*), ':', sum(hash_record_extended((o.roleid, o.member, o.xmin, r.rolinherit), 0))) FROM pg_catalog.pg_auth_members AS o JOIN pg_catalog.pg_roles AS r ON r.oid = o.member)
		|| (SELECT concat(' ', count(*), ':', sum(hash_record_extended((r.oid, r.rolsuper, r.rolbypassrls), 0))) FROM pg_catalog.pg_roles AS r WHERE r.rolsuper OR r.rolbypassrls),
	'settings of roles', (SELECT concat(count(*), ':', sum(hash_record_extended((o.setdatabase, o.setrole, o.setconfig), 0))) FROM pg_catalog.pg_db_role_setting AS o
		WHERE o.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()))),
	'encoding', pg_catalog.getdatabaseencoding()))::text));
END $livesql$;
REVOKE ALL ON FUNCTION livesql.fingerprint() FROM PUBLIC;
CREATE OR REPLACE FUNCTION livesql.write(oid, text, integer, jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = 0 AS $livesql$
BEGIN
  INSERT INTO livesql.log (rel, op, n, keys) VALUES ($1, $2, $3, $4);
END $livesql$;
REVOKE ALL ON FUNCTION livesql.write(oid, text, integer, jsonb) FROM PUBLIC;
CREATE OR REPLACE FUNCTION livesql.bell() RETURNS trigger LANGUAGE plpgsql AS $livesql$
BEGIN
  <<ring>>
  BEGIN
    IF pg_catalog.current_setting('max_prepared_transactions') OPERATOR(pg_catalog.=) '0'
      AND pg_catalog.pg_try_advisory_xact_lock(1818850918, pg_catalog.timestamp_hash(pg_catalog.date_bin('0.1 s'::pg_catalog.interval, LOCALTIMESTAMP, '2000-01-01'::pg_catalog.timestamp))) THEN
      IF pg_catalog.pg_notification_queue_usage() OPERATOR(pg_catalog.<) 0.5::pg_catalog.float8 AND pg_catalog.pg_notify('livesql', '') IS NOT NULL THEN
        NULL; -- it has rung
      END IF;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END $livesql$;
REVOKE ALL ON FUNCTION livesql.bell() FROM PUBLIC;
CREATE OR REPLACE FUNCTION livesql.truncated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = 0 AS $livesql$
BEGIN
  UPDATE livesql.meta AS m SET floor_xid = greatest(m.floor_xid, pg_current_xact_id());
  RETURN NULL;
END $livesql$;
REVOKE ALL ON FUNCTION livesql.truncated() FROM PUBLIC;
UPDATE livesql.meta SET revision = 1;
CREATE CONSTRAINT TRIGGER bell AFTER INSERT ON livesql.log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION livesql.bell();
ALTER TABLE livesql.log ENABLE ALWAYS TRIGGER bell;
CREATE OR REPLACE TRIGGER truncated AFTER TRUNCATE ON livesql.log FOR EACH STATEMENT EXECUTE FUNCTION livesql.truncated();
ALTER TABLE livesql.log ENABLE ALWAYS TRIGGER truncated;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = 2000;
SET LOCAL search_path = pg_catalog, pg_temp;
SELECT pg_catalog.pg_advisory_xact_lock(1818850917, 1);
CREATE OR REPLACE FUNCTION livesql.cap_2316c6109b399639() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $livesql$
#variable_conflict use_column
DECLARE
  keys pg_catalog.jsonb;
  was pg_catalog.jsonb;
  n pg_catalog.int4;
BEGIN
  <<collect>>
  BEGIN
    IF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN
      SELECT pg_catalog.to_jsonb(ARRAY(SELECT CASE WHEN pg_catalog.pg_typeof(t."id")::pg_catalog.oid OPERATOR(pg_catalog.=) '23'::pg_catalog.oid THEN t."id" END FROM newt AS t LIMIT 257)), pg_catalog.to_jsonb(ARRAY(SELECT CASE WHEN pg_catalog.pg_typeof(t."id")::pg_catalog.oid OPERATOR(pg_catalog.=) '23'::pg_catalog.oid THEN t."id" END FROM oldt AS t LIMIT 257)) INTO keys, was;
    ELSIF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
      SELECT pg_catalog.to_jsonb(ARRAY(SELECT CASE WHEN pg_catalog.pg_typeof(t."id")::pg_catalog.oid OPERATOR(pg_catalog.=) '23'::pg_catalog.oid THEN t."id" END FROM newt AS t LIMIT 257)) INTO keys;
    ELSIF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
      SELECT pg_catalog.to_jsonb(ARRAY(SELECT CASE WHEN pg_catalog.pg_typeof(t."id")::pg_catalog.oid OPERATOR(pg_catalog.=) '23'::pg_catalog.oid THEN t."id" END FROM oldt AS t LIMIT 257)) INTO keys;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    keys := NULL;
  END;
  IF (was IS NULL OR keys OPERATOR(pg_catalog.=) was) AND keys OPERATOR(pg_catalog.<>) '[]'::pg_catalog.jsonb
    AND (keys OPERATOR(pg_catalog.->) 256) IS NULL AND NOT (keys OPERATOR(pg_catalog.@>) 'null'::pg_catalog.jsonb)
    AND pg_catalog.current_setting('lock_timeout') OPERATOR(pg_catalog.=) '0'
  THEN
    INSERT INTO livesql.log (rel, op, n, keys) VALUES (TG_RELID, TG_OP, pg_catalog.jsonb_array_length(keys), keys);
    RETURN NULL;
  END IF;
  -- Most of the time, it has returned.
  IF keys IS NULL OR keys OPERATOR(pg_catalog.@>) 'null'::pg_catalog.jsonb OR was OPERATOR(pg_catalog.@>) 'null'::pg_catalog.jsonb THEN
    n := -1;
  ELSE
    n := GREATEST(pg_catalog.jsonb_array_length(keys), pg_catalog.jsonb_array_length(was));
    IF n OPERATOR(pg_catalog.=) 0 THEN
      RETURN NULL;
    END IF;
    IF n OPERATOR(pg_catalog.<=) 256 AND was IS NOT NULL THEN
      <<join>>
      BEGIN
        SELECT pg_catalog.to_jsonb(ARRAY(SELECT DISTINCT e.value FROM pg_catalog.jsonb_array_elements(keys OPERATOR(pg_catalog.||) was) AS e (value) ORDER BY e.value)) INTO keys;
        n := pg_catalog.jsonb_array_length(keys);
      EXCEPTION WHEN OTHERS THEN
        n := -1;
      END;
    END IF;
    n := LEAST(n, 257);
  END IF;
  IF n OPERATOR(pg_catalog.<) 0 OR n OPERATOR(pg_catalog.>) 256 THEN
    keys := NULL;
  END IF;
  PERFORM livesql.write(TG_RELID, TG_OP, n, keys);
  RETURN NULL;
END $livesql$;
REVOKE ALL ON FUNCTION livesql.cap_2316c6109b399639() FROM PUBLIC;
CREATE OR REPLACE TRIGGER livesql_delete AFTER DELETE ON "public"."a" REFERENCING OLD TABLE AS oldt FOR EACH STATEMENT EXECUTE FUNCTION livesql.cap_2316c6109b399639();
ALTER TABLE ONLY "public"."a" ENABLE ALWAYS TRIGGER livesql_delete;
CREATE OR REPLACE TRIGGER livesql_insert AFTER INSERT ON "public"."a" REFERENCING NEW TABLE AS newt FOR EACH STATEMENT EXECUTE FUNCTION livesql.cap_2316c6109b399639();
ALTER TABLE ONLY "public"."a" ENABLE ALWAYS TRIGGER livesql_insert;
CREATE OR REPLACE TRIGGER livesql_truncate AFTER TRUNCATE ON "public"."a" FOR EACH STATEMENT EXECUTE FUNCTION livesql.cap_2316c6109b399639();
ALTER TABLE ONLY "public"."a" ENABLE ALWAYS TRIGGER livesql_truncate;
CREATE OR REPLACE TRIGGER livesql_update AFTER UPDATE ON "public"."a" REFERENCING OLD TABLE AS oldt NEW TABLE AS newt FOR EACH STATEMENT EXECUTE FUNCTION livesql.cap_2316c6109b399639();
ALTER TABLE ONLY "public"."a" ENABLE ALWAYS TRIGGER livesql_update;
INSERT INTO livesql.log (rel, op, n) VALUES ('"public"."a"'::pg_catalog.regclass, 'T', -1);
COMMIT;
BEGIN;
SET LOCAL lock_timeout = 2000;
SET LOCAL search_path = pg_catalog, pg_temp;
SELECT pg_catalog.pg_advisory_xact_lock(1818850917, 1);
CREATE OR REPLACE FUNCTION livesql.cap_3f58690061b6cdd6() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $livesql$
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
  IF pg_catalog.current_setting('lock_timeout') OPERATOR(pg_catalog.=) '0' THEN
    INSERT INTO livesql.log (rel, op, n) VALUES (TG_RELID, TG_OP, -1);
  ELSE
    PERFORM livesql.write(TG_RELID, TG_OP, -1, NULL);
  END IF;
  RETURN NULL;
END $livesql$;
REVOKE ALL ON FUNCTION livesql.cap_3f58690061b6cdd6() FROM PUBLIC;
CREATE OR REPLACE TRIGGER livesql_delete AFTER DELETE ON "public"."free" REFERENCING OLD TABLE AS oldt FOR EACH STATEMENT EXECUTE FUNCTION livesql.cap_3f58690061b6cdd6();
ALTER TABLE ONLY "public"."free" ENABLE ALWAYS TRIGGER livesql_delete;
CREATE OR REPLACE TRIGGER livesql_insert AFTER INSERT ON "public"."free" REFERENCING NEW TABLE AS newt FOR EACH STATEMENT EXECUTE FUNCTION livesql.cap_3f58690061b6cdd6();
ALTER TABLE ONLY "public"."free" ENABLE ALWAYS TRIGGER livesql_insert;
CREATE OR REPLACE TRIGGER livesql_truncate AFTER TRUNCATE ON "public"."free" FOR EACH STATEMENT EXECUTE FUNCTION livesql.cap_3f58690061b6cdd6();
ALTER TABLE ONLY "public"."free" ENABLE ALWAYS TRIGGER livesql_truncate;
CREATE OR REPLACE TRIGGER livesql_update AFTER UPDATE ON "public"."free" REFERENCING OLD TABLE AS oldt NEW TABLE AS newt FOR EACH STATEMENT EXECUTE FUNCTION livesql.cap_3f58690061b6cdd6();
ALTER TABLE ONLY "public"."free" ENABLE ALWAYS TRIGGER livesql_update;
INSERT INTO livesql.log (rel, op, n) VALUES ('"public"."free"'::pg_catalog.regclass, 'T', -1);
COMMIT;

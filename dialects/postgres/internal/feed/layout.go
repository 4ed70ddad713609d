package feed

import (
	"fmt"
	"strings"

	"github.com/vantage-go/live/listen"
)

// layoutVersion is the layout of the schema livesql that this program installs
// and reads.
const layoutVersion = 4

// codeRevision counts the versions of what runs in one layout, the texts of
// livesql's functions. Programs of several revisions that install by themselves
// would replace each other's functions for ever: so one whose revision is lower
// than that of the installation leaves what it finds as it is, and trusts it.
const codeRevision = 1

// Advisory locks are told apart from those of the program by lockClass.
const (
	lockClass   = 0x6c697665 // "live"
	lockInstall = 1
	lockPrune   = 3
	// lockBells is the class of the bell's gates, lockSleep that of the lock of
	// readers that sleep.
	lockBells = lockClass + 1
	lockSleep = lockClass + 2
)

// pruneRows is how many rows livesql.prune deletes at a time.
const pruneRows = 5000

// tableStatements create what holds the log. The log has no sequence, which
// would change lastval() of its writers, and therefore no primary key. The row
// in epoch is lost when the server crashes, and with it the claim that
// transaction ids go on where they were. Every reader starts afresh then, and
// those of another server do anyway; so what is in the log need not survive
// either, and the log costs writers and replicas nothing in WAL.
var tableStatements = []string{
	`CREATE SCHEMA livesql`,
	`CREATE TABLE livesql.meta (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL, bell text NOT NULL DEFAULT 'gated', later boolean NOT NULL DEFAULT false, floor_xid xid8 NOT NULL DEFAULT '0', revision integer NOT NULL DEFAULT 0)`,
	`CREATE UNLOGGED TABLE livesql.epoch (one boolean PRIMARY KEY DEFAULT true CHECK (one), id uuid NOT NULL DEFAULT gen_random_uuid(), sysid bigint NOT NULL, dboid oid NOT NULL)`,
	`CREATE UNLOGGED TABLE livesql.log (xid xid8 NOT NULL DEFAULT pg_current_xact_id(), at timestamptz NOT NULL DEFAULT clock_timestamp(), rel oid NOT NULL, op "char" NOT NULL, n integer NOT NULL, keys jsonb) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000)`,
	`CREATE INDEX log_xid ON livesql.log (xid)`,
	fmt.Sprintf(`INSERT INTO livesql.meta (version) VALUES (%d)`, layoutVersion),
}

// upgradeStatements bring an older layout to this one. Each can be run again.
// The columns of a table's name stay: capture functions of the older layout
// write them until the last trigger is replaced. Up to layout 3, a trigger of
// the log rang the bell.
var upgradeStatements = []string{
	`ALTER TABLE livesql.meta ADD COLUMN IF NOT EXISTS bell text NOT NULL DEFAULT 'gated', ADD COLUMN IF NOT EXISTS later boolean NOT NULL DEFAULT false, ADD COLUMN IF NOT EXISTS floor_xid xid8 NOT NULL DEFAULT '0', ADD COLUMN IF NOT EXISTS revision integer NOT NULL DEFAULT 0`,
	`DO $livesql$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = 'livesql.log'::regclass AND attname = 'nsp' AND NOT attisdropped) THEN ALTER TABLE livesql.log ALTER nsp DROP NOT NULL, ALTER tab DROP NOT NULL; END IF; END $livesql$`,
	`DROP TRIGGER IF EXISTS bell ON livesql.log`,
	`DROP FUNCTION IF EXISTS livesql.bell()`,
	`ALTER TABLE livesql.log SET UNLOGGED`,
	fmt.Sprintf(`UPDATE livesql.meta SET version = %d`, layoutVersion),
}

// truncateTrigger raises the floor when somebody truncates the log: its readers
// may have missed rows.
var truncateTrigger = []string{
	`CREATE OR REPLACE TRIGGER truncated AFTER TRUNCATE ON livesql.log FOR EACH STATEMENT EXECUTE FUNCTION livesql.truncated()`,
	`ALTER TABLE livesql.log ENABLE ALWAYS TRIGGER truncated`,
}

const truncatedBody = `
BEGIN
  UPDATE livesql.meta AS m SET floor_xid = greatest(m.floor_xid, pg_current_xact_id());
  RETURN NULL;
END `

// ringBlock is what writes to the log does: it rings if some reader sleeps.
// Readers that sleep share a lock; whoever can have it for an instant knows that
// there are none. See sleep.go for why that is enough. Nothing that goes wrong
// here may break the writer's statement.
var ringBlock = fmt.Sprintf(`
  <<bell>>
  BEGIN
    IF (pg_catalog.pg_try_advisory_lock(%d, 0) AND pg_catalog.pg_advisory_unlock(%[1]d, 0)) IS NOT TRUE THEN
      PERFORM livesql.ring();
    END IF;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;`, lockSleep)

// ringGate is the gate of the transactions that began in one hundredth of a
// second, as the clock on the wall of the session shows it.
const ringGate = `pg_catalog.timestamp_hash(pg_catalog.date_bin('0.01 s'::pg_catalog.interval, LOCALTIMESTAMP, '2000-01-01'::pg_catalog.timestamp))`

// ringBody is the body of livesql.ring() for one mode. The mode is part of the
// body, rather than looked up: changing it then takes no lock that writers
// would wait for. Nothing that goes wrong here may break a commit, and neither
// may NOTIFY itself: it makes PREPARE TRANSACTION fail, and every commit once
// its queue is full. The notification is sent when the transaction commits.
//
// It does without what makes a function expensive: the rights of another role,
// settings, and any statement that is more than an expression. A transaction
// that rings again asks for a lock that it has, and for a notification that it
// has sent: PostgreSQL sends equal ones once.
//
// A reader that is woken takes its lock away when there is more to read (see
// sleep.go). The gate is for one that does not, because it is stopped or far
// behind: NOTIFY makes commits wait for each other. It is another gate for the
// transactions that began in each hundredth of a second. One that goes through
// it holds it until it ends; so one that takes long keeps only those from
// ringing that began when it did, and the reader finds them by polling.
func ringBody(mode listen.Bell) string {
	var gate string
	switch mode {
	case listen.BellGated:
		gate = fmt.Sprintf(`
      AND pg_catalog.pg_try_advisory_xact_lock(%d, %s)`, lockBells, ringGate)
	case listen.BellEvery:
	default:
		return `
BEGIN
END `
	}
	return `
BEGIN
  <<ring>>
  BEGIN
    IF pg_catalog.current_setting('max_prepared_transactions') OPERATOR(pg_catalog.=) '0'` + gate + ` THEN
      IF pg_catalog.pg_notification_queue_usage() OPERATOR(pg_catalog.<) 0.5::pg_catalog.float8 AND pg_catalog.pg_notify('` + channel + `', '') IS NOT NULL THEN
        NULL; -- it has rung
      END IF;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
END `
}

// writeBody writes a row of the log for a statement whose writer waits for
// locks only briefly, and for installations, and rings.
var writeBody = `
BEGIN
  INSERT INTO livesql.log (rel, op, n, keys) VALUES ($1, $2, $3, $4);` + ringBlock + `
END `

// attendBody returns the epoch's id, after making the row if it is missing or
// speaks of another database, of which this one is a copy. With an epoch begins
// another count of transactions: the floor of the last one means nothing, and
// neither do rows whose transactions have not been yet, which came with a
// restored copy.
const attendBody = `
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
END `

// pruneBody deletes rows that are older than keep and of transactions older
// than all that run, and raises the floor in the same statement: a reader
// whose cursor reaches below the floor knows that it may have missed rows.
// Only the oldest rows are looked at. A serializable transaction would make
// those of the program fail that ring the bell.
var pruneBody = fmt.Sprintf(`
#variable_conflict use_column
DECLARE
  deleted bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' OR NOT pg_try_advisory_xact_lock(%d, %d) THEN
    RETURN 0;
  END IF;
  WITH old AS (
    SELECT s.place FROM (
      SELECT l.ctid AS place, l.at FROM livesql.log AS l WHERE l.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY l.xid LIMIT %d
    ) AS s WHERE s.at < clock_timestamp() - $1
  ), gone AS (
    DELETE FROM livesql.log AS l WHERE l.ctid = ANY (ARRAY(SELECT o.place FROM old AS o)) RETURNING l.xid
  ), raised AS (
    UPDATE livesql.meta AS m SET floor_xid = greatest(m.floor_xid, (SELECT g.xid FROM gone AS g ORDER BY g.xid DESC LIMIT 1)) WHERE EXISTS (SELECT FROM gone)
  )
  SELECT count(*) INTO deleted FROM gone;
  RETURN deleted;
END `, lockClass, lockPrune, pruneRows)

// fingerprintBody returns the fingerprint. As a function, it is planned once
// for each connection: planning takes five times as long as the rest (with a
// hundred tables 8 to 12 ms, instead of 1.7). It is stable, which makes it see
// the snapshot of the poll's statement.
//
// The body belongs to the layout: programs of one layout version call what any
// of them has installed.
const fingerprintBody = `
BEGIN
  RETURN ` + fingerprintSQL + `;
END `

// baseFunction is a function of livesql that no table's triggers call.
type baseFunction struct {
	name, args, returns, body string
	stable                    bool
	// bare: it runs with the rights and the settings of its caller. It must
	// name everything with its schema.
	bare bool
}

func baseFunctions(mode listen.Bell) []baseFunction {
	return []baseFunction{
		{name: "attend", returns: "uuid", body: attendBody},
		{name: "prune", args: "keep interval", returns: "bigint", body: pruneBody},
		{name: "fingerprint", returns: "text", body: fingerprintBody, stable: true},
		{name: "write", args: "oid, text, integer, jsonb", returns: "void", body: writeBody},
		{name: "ring", returns: "void", body: ringBody(mode), bare: true},
		{name: "truncated", returns: "trigger", body: truncatedBody},
	}
}

func (f baseFunction) create() []string {
	returns := f.returns
	if f.stable {
		returns += " STABLE"
	}
	settings := functionSettings
	if f.bare {
		settings = ""
	}
	return createFunction(f.name, f.args, returns, f.body, !f.bare, settings)
}

// signature is the function's name with the types of its arguments.
func (f baseFunction) signature() string {
	var types []string
	for _, arg := range strings.Split(f.args, ", ") {
		types = append(types, arg[strings.LastIndex(arg, " ")+1:])
	}
	return f.name + "(" + strings.Join(types, ", ") + ")"
}

func (f baseFunction) isIn(stored map[string]storedFunction) bool {
	if f.bare {
		return stored[f.name] == storedFunction{owned: true, language: "plpgsql", body: f.body}
	}
	return captureFunction{f.name, f.body, functionSettings}.differs(stored) == ""
}

// isLike reports whether there is such a function, with whatever text.
func (f baseFunction) isLike(stored map[string]storedFunction) bool {
	s := stored[f.name]
	s.body = ""
	if f.bare {
		return s == storedFunction{owned: true, language: "plpgsql"}
	}
	return s == storedFunction{owned: true, definer: true, language: "plpgsql", settings: functionSettings}
}

// newer reports whether a program of a later revision has installed.
func (s *schema) newer() bool { return s.version == layoutVersion && s.revision > codeRevision }

// bodies returns the capture functions that some table needs, by name.
func (s *schema) bodies() map[string]captureFunction {
	all := make(map[string]captureFunction)
	for _, r := range s.relations {
		if r.capturable() {
			f := r.capture()
			all[f.name] = f
		}
	}
	return all
}

// isCapture reports whether a function of livesql is one that triggers of
// tables call. The first one had a name of its own.
func isCapture(name string) bool { return name == "cap" || strings.HasPrefix(name, "cap_") }

// mark is the statement that writes a mark on the whole of r to the log.
func (r *relation) mark() string {
	return fmt.Sprintf("SELECT livesql.write(%s::pg_catalog.regclass, 'T', -1, NULL)", quoteText(r.sql()))
}

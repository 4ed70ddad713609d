package feed

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// fixtureOldLayout makes an installation as one with an earlier layout would
// have been.
var fixtureOldLayout = []string{
	"CREATE SCHEMA livesql",
	"CREATE TABLE livesql.meta (one bool PRIMARY KEY DEFAULT true CHECK (one), version int NOT NULL, floor_xid xid8 NOT NULL DEFAULT '7')", "INSERT INTO livesql.meta (version) VALUES (0)",
	"CREATE UNLOGGED TABLE livesql.epoch (one bool PRIMARY KEY DEFAULT true CHECK (one), id uuid NOT NULL DEFAULT gen_random_uuid(), sysid bigint NOT NULL, dboid oid NOT NULL)",
	`CREATE TABLE livesql.log (xid xid8 NOT NULL DEFAULT pg_current_xact_id(), at timestamptz NOT NULL DEFAULT clock_timestamp(), rel oid NOT NULL, nsp name NOT NULL, tab name NOT NULL, op "char" NOT NULL, n int NOT NULL, keys jsonb)`,
	"CREATE INDEX log_xid ON livesql.log (xid)",
	`CREATE FUNCTION livesql.cap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO livesql.log (rel, nsp, tab, op, n) VALUES (TG_RELID, TG_TABLE_SCHEMA, TG_TABLE_NAME, ''T'', -1); RETURN NULL; END'`,
	"CREATE TRIGGER livesql_all AFTER INSERT OR UPDATE OR DELETE ON a FOR EACH STATEMENT EXECUTE FUNCTION livesql.cap()",
	"CREATE TRIGGER livesql_all AFTER INSERT OR UPDATE OR DELETE ON free FOR EACH STATEMENT EXECUTE FUNCTION livesql.cap()",
}

func TestOlderLayoutIsUpgraded(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY, v int)", "CREATE TABLE free (v int)")
	fixtureExec(t, db, fixtureOldLayout...)
	fixtureExec(t, db, "INSERT INTO a VALUES (1)")
	fixtureWant(t, "covered by the older layout", fixtureCovered(t, db))
	fixtureWant(t, "changed", fixtureInstall(t, db), "public.a", "public.free")
	fixtureWant(t, "covered", fixtureCovered(t, db), "public.a", "public.free")
	fixtureWant(t, "triggers", fixtureList(t, db, "SELECT DISTINCT tgname FROM pg_trigger WHERE tgrelid = 'a'::regclass ORDER BY 1"), "livesql_delete", "livesql_insert", "livesql_truncate", "livesql_update")
	if s := fixtureSchema(t, db); s.version != layoutVersion || s.bell != listen.BellGated {
		t.Errorf("after the upgrade, layout %d with bell %q", s.version, s.bell)
	}
	if rows := fixtureLog(t, db); !slices.Contains(rows, "T a -1") || !slices.Contains(rows, "T free -1") {
		t.Errorf("the log after the upgrade: %v", rows)
	}
	if floor := fixtureValue[string](t, db, "SELECT floor_xid FROM livesql.meta"); floor != "7" {
		t.Errorf("the upgrade moved the floor to %s", floor)
	}
	fixtureWant(t, "changed a second time", fixtureInstall(t, db))
	fixtureExec(t, db, "INSERT INTO a VALUES (2)")
	fixtureWant(t, "the log", fixtureLog(t, db), "I a 1 [2]")
}

func TestNewerLayoutIsLeftAlone(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY)")
	fixtureInstall(t, db)
	fixtureExec(t, db, "UPDATE livesql.meta SET version = version + 1", "ALTER TABLE livesql.meta DROP later", "DROP FUNCTION livesql.prune(interval)", "CREATE TABLE b (id int)")
	before := fixtureDump(t, d)
	_, err := Install(t.Context(), db, listen.InstallOptions{})
	var newer *listen.NoLogError
	if !errors.As(err, &newer) || !strings.Contains(newer.Why, "layout 2") {
		t.Errorf("installing over a newer layout: %v", err)
	}
	if err := Uninstall(t.Context(), db, listen.UninstallOptions{}); !errors.As(err, &newer) {
		t.Errorf("uninstalling a newer layout: %v", err)
	}
	if got := fixtureDump(t, d); got != before {
		t.Errorf("a newer layout was changed to\n%s", got)
	}
	fixtureWant(t, "covered by a newer layout", fixtureCovered(t, db))
}

// TestForeignSchemaIsLeftAlone has a schema livesql that is somebody else's.
func TestForeignSchemaIsLeftAlone(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	fixtureExec(t, d.DB(), "CREATE TABLE a (id int PRIMARY KEY)", "CREATE SCHEMA livesql", "CREATE TABLE livesql.log (x int)")
	before := fixtureDump(t, d)
	if _, err := Install(t.Context(), d.DB(), listen.InstallOptions{}); sqlState(err) != "42P06" {
		t.Errorf("installing into a schema of others: %v", err)
	}
	if got := fixtureDump(t, d); got != before {
		t.Errorf("it was changed to\n%s", got)
	}
}

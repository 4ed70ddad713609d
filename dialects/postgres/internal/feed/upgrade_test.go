package feed

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects/postgres/internal/libpq"
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
	// The log is new before the last trigger is: the old ones go on writing to it.
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	fixtureExec(t, tx, "LOCK TABLE free IN ROW EXCLUSIVE MODE")
	if _, err := Install(t.Context(), db, listen.InstallOptions{LockTimeout: 100 * time.Millisecond, Patience: time.Second}); !isBusy(err) {
		t.Errorf("upgrading while a writer is open: %v", err)
	}
	if s := fixtureSchema(t, db); s.version != layoutVersion {
		t.Errorf("the log has layout %d", s.version)
	}
	if rows := fixtureLog(t, db); !slices.Contains(rows, "T a -1") {
		t.Errorf("the log after the upgrade: %v", rows)
	}
	fixtureExec(t, tx, "INSERT INTO free VALUES (1)", "COMMIT")
	fixtureWant(t, "the log between the layouts", fixtureLog(t, db), "T free -1")
	fixtureWant(t, "changed", fixtureInstall(t, db), "public.free")
	fixtureWant(t, "covered", fixtureCovered(t, db), "public.a", "public.free")
	fixtureWant(t, "triggers", fixtureList(t, db, "SELECT DISTINCT tgname FROM pg_trigger WHERE tgrelid = 'a'::regclass ORDER BY 1"), "livesql_delete", "livesql_insert", "livesql_truncate", "livesql_update")
	if s := fixtureSchema(t, db); s.version != layoutVersion || s.bell != listen.BellGated {
		t.Errorf("after the upgrade, layout %d with bell %q", s.version, s.bell)
	}
	if rows := fixtureLog(t, db); !slices.Contains(rows, "T free -1") {
		t.Errorf("the log after the upgrade: %v", rows)
	}
	if floor := fixtureValue[string](t, db, "SELECT floor_xid FROM livesql.meta"); floor != "7" {
		t.Errorf("the upgrade moved the floor to %s", floor)
	}
	fixtureWant(t, "changed a second time", fixtureInstall(t, db))
	fixtureExec(t, db, "INSERT INTO a VALUES (2)")
	fixtureWant(t, "the log", fixtureLog(t, db), "I a 1 [2]")
}

//go:embed testdata/layout3.sql
var layout3 string

// fixtureLayout3 has an installation as layout 3 made it, whose log rang the bell
// by a trigger.
func fixtureLayout3(t *testing.T) *server.Database {
	t.Helper()
	d := server.Postgres(t)
	fixtureExec(t, d.DB(), "CREATE TABLE a (id int PRIMARY KEY, v int)", "CREATE TABLE free (v int)", layout3, "INSERT INTO a VALUES (1)")
	if !strings.Contains(layout3, "CREATE CONSTRAINT TRIGGER bell") {
		t.Error("layout 3 had a trigger for the bell")
	}
	return d
}

func TestLayout3IsUpgraded(t *testing.T) {
	t.Parallel()
	db := fixtureLayout3(t).DB()
	fixtureWant(t, "covered by the older layout", fixtureCovered(t, db))
	fixtureWant(t, "changed", fixtureInstall(t, db), "public.a", "public.free")
	fixtureWant(t, "covered", fixtureCovered(t, db), "public.a", "public.free")
	fixtureLog(t, db)
	fixtureExec(t, db, "INSERT INTO a VALUES (2)", "UPDATE a SET id = 3 WHERE id = 2", "DELETE FROM free", "INSERT INTO free VALUES (1)")
	fixtureWant(t, "the log", fixtureLog(t, db), "I a 1 [2]", "I free -1", "U a 2 [2, 3]")
}

// TestNothingIsLeftOfLayout3 compares an upgraded installation with a fresh one.
func TestNothingIsLeftOfLayout3(t *testing.T) {
	t.Parallel()
	d, fresh := fixtureLayout3(t), server.Postgres(t)
	fixtureInstall(t, d.DB())
	fixtureExec(t, fresh.DB(), "CREATE TABLE a (id int PRIMARY KEY, v int)", "CREATE TABLE free (v int)")
	fixtureInstall(t, fresh.DB())
	if got, want := fixtureDump(t, d), fixtureDump(t, fresh); got != want {
		t.Errorf("upgraded, it is\n%s\ninstalled afresh\n%s", got, want)
	}
}

// TestHandlesUpgrade: a handle that installs brings an older layout up to date,
// and one that must not says what would.
func TestHandlesUpgrade(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		install  listen.Install
		later    bool // the log says that handles install
		upgraded bool
	}{{listen.InstallAuto, false, true}, {listen.InstallNever, true, false}} {
		d := captured(t)
		db := d.DB()
		fixtureExec(t, db, fmt.Sprintf("UPDATE livesql.meta SET version = %d, later = %v", layoutVersion-1, c.later), "ALTER TABLE livesql.log ADD nsp text NOT NULL DEFAULT '', ADD tab text NOT NULL DEFAULT ''", "DROP FUNCTION livesql.fingerprint()",
			"CREATE FUNCTION livesql.fingerprint() RETURNS text SECURITY DEFINER STABLE LANGUAGE sql AS $$ SELECT 'older' $$")
		b := backendOf(t, libpq.Driver, listen.BackendConfig{Connector: connectorOf(t, d.SocketDSN()), DSN: d.SocketDSN(), Install: c.install})
		r, err := b.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		// The time for an installation is limited: a busy machine takes several.
		for range 20 {
			b.nextInstall = time.Time{}
			if _, err = r.Poll(t.Context(), nil); err == nil || !c.upgraded {
				break
			}
		}
		if (err == nil) != c.upgraded {
			t.Errorf("install %v: %v", c.install, err)
		}
		if version := fixtureValue[int](t, db, "SELECT version FROM livesql.meta"); (version == layoutVersion) != c.upgraded {
			t.Errorf("install %v: layout %d", c.install, version)
		}
	}
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
	if !errors.As(err, &newer) || !strings.Contains(newer.Why, fmt.Sprint("layout ", layoutVersion+1)) {
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

// TestStrangeSchemaIsNotUsed has one that looks like livesql's and would run
// code with the rights of whoever reads it.
func TestStrangeSchemaIsNotUsed(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]string{
		"rights of whoever calls": "ALTER FUNCTION livesql.fingerprint() SECURITY INVOKER",
		"types that are not":      "CREATE DOMAIN livesql.mode AS text; ALTER TABLE livesql.meta ALTER bell TYPE livesql.mode",
		"row-level security":      "ALTER TABLE livesql.epoch ENABLE ROW LEVEL SECURITY",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := captured(t)
			db := d.DB()
			fixtureExec(t, db, change)
			_, err := Install(t.Context(), db, listen.InstallOptions{})
			var no *listen.NoLogError
			if !errors.As(err, &no) || !strings.Contains(no.Why, what) {
				t.Errorf("installing over it: %v", err)
			}
			if f, found := fixtureFinding(t, db, what); !found || f.Grade != listen.Problem {
				t.Errorf("the diagnosis says %+v", f)
			}
			fixtureWant(t, "covered", fixtureCovered(t, db))
			b := backendOf(t, libpq.Driver, listen.BackendConfig{Connector: connectorOf(t, d.SocketDSN()), DSN: d.SocketDSN()})
			r, err := b.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := r.Poll(t.Context(), nil); err == nil {
				t.Error("a poll of a schema that is not livesql's")
			}
		})
	}
}

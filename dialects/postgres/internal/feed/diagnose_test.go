package feed

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// fixtureFinding returns the finding whose text holds another.
func fixtureFinding(tb testing.TB, db querier, text string) (listen.Finding, bool) {
	tb.Helper()
	all, err := Diagnose(tb.Context(), db.(*sql.DB))
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range all {
		if strings.Contains(f.What, text) {
			return f, true
		}
	}
	return listen.Finding{}, false
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	s := server.OwnPostgres(t, server.Setting("max_prepared_transactions", "0"), server.Setting("wal_level", "logical"))
	db := s.Database(t).DB()
	worst := func() (grade listen.Grade, all []listen.Finding) {
		all, err := Diagnose(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			grade = max(grade, f.Grade)
		}
		return grade, all
	}
	// finds breaks something and expects a new finding with an advice.
	finds := func(grade listen.Grade, text string, statements ...string) {
		t.Helper()
		if f, found := fixtureFinding(t, db, text); found {
			t.Errorf("before %q: %+v", statements, f)
		}
		fixtureExec(t, db, statements...)
		f, found := fixtureFinding(t, db, text)
		if !found || f.Grade != grade || f.Do == "" && grade >= listen.Warning {
			t.Errorf("after %q: %+v, want a %v that says %q, with an advice", statements, f, grade, text)
		}
	}
	if f, found := fixtureFinding(t, db, "no change log"); !found || f.Grade != listen.Problem || f.Do == "" {
		t.Errorf("without a log: %+v", f)
	}
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)")
	fixtureInstall(t, db)
	fixtureExec(t, db, "SELECT livesql.attend()")
	if grade, all := worst(); grade != listen.Fine {
		t.Errorf("a fresh installation has a %v:\n%+v", grade, all)
	}
	mend := func() {
		t.Helper()
		fixtureInstall(t, db)
		if grade, all := worst(); grade > listen.Note {
			t.Errorf("a mended installation has a %v:\n%+v", grade, all)
		}
	}
	finds(listen.Problem, "public.a is not covered: it has no capture trigger", "DROP TRIGGER livesql_insert ON a")
	finds(listen.Problem, "public.b is not covered: its capture trigger livesql_delete is disabled", "ALTER TABLE b DISABLE TRIGGER ALL")
	mend()
	finds(listen.Warning, "livesql.ring is missing or out of date", "CREATE OR REPLACE FUNCTION livesql.ring() RETURNS void LANGUAGE plpgsql AS 'BEGIN END'")
	finds(listen.Warning, "livesql.prune is missing or out of date", "DROP FUNCTION livesql.prune(interval)")
	mend()
	finds(listen.Problem, "a truncated change log", "ALTER TABLE livesql.log DISABLE TRIGGER truncated")
	fixtureExec(t, db, "DROP TRIGGER truncated ON livesql.log")
	mend()
	finds(listen.Warning, "never pruned", "DELETE FROM livesql.log", "INSERT INTO livesql.log (at, rel, op, n) VALUES (clock_timestamp() - interval '2 hours', 0, 'T', -1)")
	finds(listen.Warning, "pruned too slowly", "UPDATE livesql.meta SET floor_xid = '3'")
	fixtureExec(t, db, "SELECT livesql.prune('1 hour')")
	finds(listen.Note, "no feed has followed", "DELETE FROM livesql.epoch")
	finds(listen.Note, "not captured: public.late", "CREATE TABLE late (id int)")
	fixtureInstall(t, db)
	if f, found := fixtureFinding(t, db, "public.late mark it as a whole: it has no primary key"); !found || f.Grade != listen.Note {
		t.Errorf("with a table without a key: %+v", f)
	}
	finds(listen.Note, "public.un", "CREATE UNLOGGED TABLE un (id int PRIMARY KEY)")
	finds(listen.Note, "public.m cannot be captured, since it is a materialized view", "CREATE MATERIALIZED VIEW m AS SELECT 1")
	finds(listen.Note, "public.f cannot be captured, since it is a foreign table", "CREATE EXTENSION postgres_fdw", "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw", "CREATE FOREIGN TABLE f (id int) SERVER far")
	finds(listen.Warning, "row-level security", "ALTER TABLE a ENABLE ROW LEVEL SECURITY")
	mend()
	fixtureExec(t, db, "CREATE POLICY p ON a USING (id::text = current_setting('app.a'))")
	if f, found := fixtureFinding(t, db, "public.a is captured, but what reads it is not cached"); !found || f.Grade != listen.Note {
		t.Errorf("of a policy that asks for a setting, the diagnosis says %+v", f)
	}
	finds(listen.Note, "temp_file_limit", "ALTER DATABASE "+quoteName(fixtureValue[string](t, db, "SELECT current_database()"))+" SET temp_file_limit = '10MB'", "SELECT set_config('temp_file_limit', '10MB', false)")
	fixtureExec(t, db, "CREATE ROLE weak")
	finds(listen.Problem, "belong to weak", "GRANT CREATE ON SCHEMA livesql TO weak", "ALTER FUNCTION livesql."+nameCapture(wholeBody, functionSettings).name+"() OWNER TO weak")
	finds(listen.Problem, "has layout 0", "UPDATE livesql.meta SET version = 0")
	finds(listen.Problem, fmt.Sprint("has layout ", layoutVersion+1), fmt.Sprint("UPDATE livesql.meta SET version = ", layoutVersion+1))
}

func TestDiagnosePreparedTransactions(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB() // prepared transactions are possible there
	fixtureInstall(t, db)
	if f, found := fixtureFinding(t, db, "max_prepared_transactions"); !found || f.Grade != listen.Warning {
		t.Errorf("with prepared transactions: %+v", f)
	}
	fixtureInstallWith(t, db, listen.InstallOptions{Bell: listen.BellPoll})
	if f, found := fixtureFinding(t, db, "max_prepared_transactions"); found {
		t.Errorf("with prepared transactions and without a bell: %+v", f)
	}
}

// TestSubscriptionsAreUncovered has a table that a subscription writes to.
func TestSubscriptionsAreUncovered(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE pt (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10)", "CREATE TABLE pt2 PARTITION OF pt FOR VALUES FROM (10) TO (20)")
	fixtureInstall(t, db)
	before, s := fixtureFingerprint(t, db), fixtureSchema(t, db)
	name := d.Name() + "_sub"
	fixtureExec(t, db, "CREATE SUBSCRIPTION "+quoteName(name)+" CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false)",
		"INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate) SELECT oid, 'pt1'::regclass, 'r' FROM pg_subscription WHERE subname = '"+name+"'")
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, s := range []string{"ALTER SUBSCRIPTION %s SET (slot_name = NONE)", "DROP SUBSCRIPTION %s"} {
			if _, err := db.ExecContext(ctx, strings.ReplaceAll(s, "%s", quoteName(name))); err != nil {
				t.Error(err)
			}
		}
	})
	fixtureWant(t, "covered", fixtureCovered(t, db), "public.a", "public.pt2")
	if fixtureFingerprint(t, db) == before {
		t.Error("the fingerprint did not change")
	}
	if reset, _ := fixtureSchema(t, db).diff(s); !strings.Contains(reset, "public.pt1") {
		t.Errorf("reset %q", reset)
	}
	if f, found := fixtureFinding(t, db, "a subscription writes to it"); !found || f.Grade != listen.Note {
		t.Errorf("with a subscription: %+v", f)
	}
	fixtureExec(t, db, "UPDATE pg_subscription_rel SET srrelid = 'pt'::regclass")
	fixtureWant(t, "covered with a subscription above", fixtureCovered(t, db), "public.a")
}

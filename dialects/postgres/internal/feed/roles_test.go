package feed

import (
	"errors"
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// TestRoles installs as a role that owns the tables and nothing else, writes as
// one that has no rights on the log, and reads as one with the rights that
// Diagnose names.
func TestRoles(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	super := d.DB()
	owner, asOwner := fixtureRole(t, d, "owner")
	writer, asWriter := fixtureRole(t, d, "writer")
	reader, asReader := fixtureRole(t, d, "reader")
	fixtureExec(t, super, "GRANT CREATE ON SCHEMA public TO "+quoteName(owner), "CREATE TABLE others (id int PRIMARY KEY)")
	fixtureExec(t, asOwner, "CREATE TABLE a (id int PRIMARY KEY, v int)", "GRANT INSERT, UPDATE, DELETE, SELECT ON a TO "+quoteName(writer))

	// Without CREATE on the database nothing is installed.
	if _, err := Install(t.Context(), asOwner, listen.InstallOptions{Tables: []string{"a"}}); sqlState(err) != "42501" {
		t.Errorf("installing without the right to: %v", err)
	}
	fixtureExec(t, super, "GRANT CREATE ON DATABASE "+quoteName(d.Name())+" TO "+quoteName(owner))
	var refused *listen.TableError
	if _, err := Install(t.Context(), asOwner, listen.InstallOptions{Tables: []string{"a", "others"}}); !errors.As(err, &refused) || refused.Table != "public.others" {
		t.Errorf("installing on a table of others: %v", err)
	}
	changed, err := Install(t.Context(), asOwner, listen.InstallOptions{})
	if !errors.As(err, &refused) || refused.Table != "public.others" || !strings.Contains(refused.Why, "postgres") || len(changed) != 1 || changed[0].Name != "a" {
		t.Errorf("installing everywhere: %v, %v", changed, err)
	}

	// The writer can neither see nor touch the log, and yet it is written.
	fixtureExec(t, asWriter, "INSERT INTO a VALUES (1, 1), (2, 2)", "UPDATE a SET v = 3 WHERE id = 1", "DELETE FROM a WHERE id = 2")
	for _, s := range []string{"SELECT * FROM livesql.log", "SELECT livesql.attend()", "SELECT livesql.prune('0')", "DELETE FROM livesql.log", "UPDATE livesql.meta SET version = 2", "CREATE TABLE livesql.x (id int)"} {
		if _, err := asWriter.ExecContext(t.Context(), s); sqlState(err) != "42501" {
			t.Errorf("as the writer, %s: %v", s, err)
		}
	}
	fixtureWant(t, "the log", fixtureLog(t, asOwner), "D a 1 [2]", "I a 2 [1, 2]", "T a -1", "U a 1 [1]")

	// The reader is told what it needs, and then it is enough.
	s := fixtureSchema(t, asReader)
	if !s.installed || s.forbidden == "" || s.version != 0 {
		t.Errorf("to a role without rights: installed %v, forbidden %q, layout %d", s.installed, s.forbidden, s.version)
	}
	c, err := Coverage(t.Context(), asReader)
	if err != nil || c.Forbidden != s.forbidden || len(c.Tables) != 2 || c.Tables[0].Covered || !strings.Contains(c.Tables[0].Why, "may not") {
		t.Errorf("coverage without rights: %+v, %v", c, err)
	}
	var no *listen.NoLogError
	if _, err := Install(t.Context(), asReader, listen.InstallOptions{}); !errors.As(err, &no) {
		t.Errorf("installing without rights: %v", err)
	}
	for _, grant := range strings.Split(strings.TrimSuffix(fixtureAdvice(t, asReader, "may not"), ";"), ";") {
		fixtureExec(t, asOwner, strings.TrimSpace(grant[strings.LastIndex(grant, "GRANT"):]))
	}
	fixtureExec(t, asReader, "SELECT livesql.attend()", "SELECT livesql.prune('1 hour')", "SELECT * FROM livesql.log", "SELECT * FROM livesql.epoch")
	if s := fixtureSchema(t, asReader); s.forbidden != "" || s.version != layoutVersion {
		t.Errorf("to a role with all rights: forbidden %q, layout %d", s.forbidden, s.version)
	}
	fixtureFingerprint(t, asReader)
	fixtureWant(t, "covered to the reader", fixtureCovered(t, asReader), "public.a")
	for _, s := range []string{"DELETE FROM livesql.log", "INSERT INTO livesql.log (rel, op, n) VALUES (0, 'T', 1)", "UPDATE livesql.meta SET version = 2", "DELETE FROM livesql.epoch"} {
		if _, err := asReader.ExecContext(t.Context(), s); sqlState(err) != "42501" {
			t.Errorf("as the reader, %s: %v", s, err)
		}
	}
	// One right is not enough.
	fixtureExec(t, asOwner, "REVOKE EXECUTE ON FUNCTION livesql.attend() FROM "+quoteName(reader))
	if s := fixtureSchema(t, asReader); !strings.Contains(s.forbidden, "attend") {
		t.Errorf("without attend: forbidden %q", s.forbidden)
	}
	fixtureExec(t, asOwner, "REVOKE SELECT ON livesql.log FROM "+quoteName(reader))
	if s := fixtureSchema(t, asReader); !strings.Contains(s.forbidden, "tables") {
		t.Errorf("without the log: forbidden %q", s.forbidden)
	}
	if err := Uninstall(t.Context(), asOwner, listen.UninstallOptions{}); err != nil {
		t.Error(err)
	}
}

// fixtureAdvice returns what Diagnose says to do about the finding with a
// text.
func fixtureAdvice(tb testing.TB, db querier, text string) string {
	tb.Helper()
	f, ok := fixtureFinding(tb, db, text)
	if !ok || f.Do == "" {
		tb.Fatalf("no advice on %q", text)
	}
	return f.Do
}

// TestLogOfAStranger: somebody who may create schemas has installed a log, asked
// handles to install what comes later, and let everybody use its functions, for
// triggers on tables of others to run as them. A new member of a role changes the
// schema of every database of its server.
func TestLogOfAStranger(t *testing.T) {
	t.Parallel()
	d := server.OwnPostgres(t).Database(t)
	super := d.DB()
	mallory, asMallory := fixtureRole(t, d, "mallory")
	owner, asOwner := fixtureRole(t, d, "owner")
	fixtureExec(t, super, "GRANT CREATE ON DATABASE "+quoteName(d.Name())+" TO "+quoteName(mallory), "GRANT CREATE ON SCHEMA public TO "+quoteName(mallory)+", "+quoteName(owner))
	fixtureExec(t, asMallory, "CREATE TABLE own (id int PRIMARY KEY)", "CREATE TABLE stolen (what text)")
	fixtureInstallWith(t, asMallory, listen.InstallOptions{Tables: []string{"own"}, Later: true})
	name := captureOf(t, super, "own")
	fixtureExec(t, asMallory, "GRANT USAGE ON SCHEMA livesql TO PUBLIC", "GRANT SELECT ON ALL TABLES IN SCHEMA livesql TO PUBLIC", "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA livesql TO PUBLIC")
	fixtureExec(t, asOwner, "CREATE TABLE secret (id int PRIMARY KEY, v text)")
	f := follow(t, d.SocketDSN("user="+owner))
	f.poll()
	if _, err := Install(t.Context(), asOwner, listen.InstallOptions{Tables: []string{"secret"}}); err == nil || !strings.Contains(err.Error(), "belong to role "+mallory) {
		t.Errorf("installing triggers of a stranger: %v", err)
	}
	fixtureExec(t, asMallory, "CREATE OR REPLACE FUNCTION livesql."+name+"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN IF TG_OP = 'INSERT' THEN INSERT INTO public.stolen SELECT to_jsonb(n) FROM newt AS n; END IF; RETURN NULL; END $$")
	fixtureExec(t, asOwner, "INSERT INTO secret VALUES (1, 'whispered')")
	fixtureWant(t, "what was stolen", fixtureList(t, super, "SELECT what FROM stolen"))
	fixtureExec(t, asOwner, "DROP TABLE secret")

	// Whoever is a member of the owner trusts them.
	fixtureExec(t, super, "GRANT "+quoteName(mallory)+" TO "+quoteName(owner))
	fixtureExec(t, asOwner, "CREATE TABLE shared (id int PRIMARY KEY)")
	fixtureWant(t, "installed by a member", fixtureInstall(t, asOwner, "shared"), "public.shared")
}

package feed

import (
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// TestHiddenRowsHaveHiddenKeys: the log shows no keys of tables under row-level
// security. A table that comes under it later stays covered, and the next
// installation hides its keys.
func TestHiddenRowsHaveHiddenKeys(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, "CREATE TABLE secret (id int PRIMARY KEY)", "ALTER TABLE secret ENABLE ROW LEVEL SECURITY", "CREATE TABLE open (id int PRIMARY KEY)",
		"CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (100)", "ALTER TABLE root ENABLE ROW LEVEL SECURITY")
	fixtureInstall(t, db)
	fixtureExec(t, db, "INSERT INTO secret VALUES (7)", "INSERT INTO open VALUES (7)", "INSERT INTO leaf VALUES (7)", "INSERT INTO root VALUES (8)")
	fixtureWant(t, "the log", fixtureLog(t, db), "I leaf -1", "I open 1 [7]", "I root -1", "I secret -1",
		"T leaf -1", "T open -1", "T root -1", "T secret -1")
	all := []string{"public.leaf", "public.open", "public.root", "public.secret"}
	fixtureWant(t, "covered", fixtureCovered(t, db), all...)

	fixtureExec(t, db, "ALTER TABLE open ENABLE ROW LEVEL SECURITY", "ALTER TABLE secret DISABLE ROW LEVEL SECURITY", "INSERT INTO secret VALUES (9)", "INSERT INTO open VALUES (9)")
	fixtureWant(t, "covered after the change", fixtureCovered(t, db), all...)
	fixtureWant(t, "the log after the change", fixtureLog(t, db), "I open 1 [9]", "I secret -1")
	if f, found := fixtureFinding(t, db, "public.open has row-level security, and the change log shows the keys"); !found || f.Grade != listen.Warning {
		t.Errorf("of keys that show, the diagnosis says %+v", f)
	}
	fixtureWant(t, "changed", fixtureInstall(t, db), "public.open", "public.secret")
	fixtureLog(t, db)
	fixtureExec(t, db, "INSERT INTO secret VALUES (10)", "INSERT INTO open VALUES (10)")
	fixtureWant(t, "the log after another installation", fixtureLog(t, db), "I open -1", "I secret 1 [10]")
}

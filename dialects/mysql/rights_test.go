package mysql

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// accounts makes names for accounts and roles, which the server has for all its
// databases, and drops them in the end.
func accounts(t *testing.T, db *server.Database, kind string, n int) []string {
	t.Helper()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%c%d_%s", kind[0], i, db.Name()[:min(len(db.Name()), 20)])
		mustExec(t, db.DB(), "CREATE "+kind+" "+names[i])
		t.Cleanup(func() { _, _ = db.DB().ExecContext(context.Background(), "DROP "+kind+" "+names[i]) })
	}
	return names
}

// resets returns whether the next look starts afresh. That of another test's
// account does not count: accounts with SELECT on everything are none of theirs.
func (f *follower) resets() bool {
	f.t.Helper()
	why := f.look().Reset
	if why != "" && why != "the rights to read have changed" {
		f.t.Errorf("reset: %s", why)
	}
	return why != ""
}

// TestRightsOfOthers: whoever may read less, or more, is noticed, and nothing
// else is.
func TestRightsOfOthers(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "CREATE TABLE u (id INT PRIMARY KEY)")
	other := newTwin(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	users, roles := accounts(t, db, "USER", 2), accounts(t, db, "ROLE", 3)
	here, there := quoteName(db.Name()), quoteName(other.Name())
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	for _, step := range []struct {
		do    string
		reset bool
	}{
		{"GRANT SELECT ON " + here + ".t TO " + users[0], true},
		{"GRANT INSERT, UPDATE ON " + here + ".t TO " + users[0], false},
		{"GRANT SELECT ON " + there + ".t TO " + users[0], false},
		{"REVOKE SELECT ON " + there + ".t FROM " + users[0], false},
		{"REVOKE SELECT ON " + here + ".t FROM " + users[0], true},
		{"GRANT SELECT (v) ON " + here + ".t TO " + users[0], true},
		{"REVOKE SELECT (v) ON " + here + ".t FROM " + users[0], true},
		{"GRANT SELECT ON " + here + ".* TO " + users[0], true},
		{"GRANT SELECT ON `" + strings.ReplaceAll(db.Name()[:3], "_", `\_`) + "%`.* TO " + users[1], true},
		{"REVOKE SELECT ON " + here + ".* FROM " + users[0], true},
		{"GRANT SELECT ON *.* TO " + users[0], true},
		{"REVOKE SELECT ON *.* FROM " + users[0], true},
		// Roles: two of them lead to t, one after the other.
		{"GRANT " + roles[1] + " TO " + users[0], false},
		{"GRANT " + roles[0] + " TO " + roles[1], false},
		{"GRANT SELECT ON " + here + ".t TO " + roles[0], true},
		{"GRANT " + roles[2] + " TO " + users[0], false},
		{"REVOKE " + roles[2] + " FROM " + users[0], false},
		{"REVOKE " + roles[1] + " FROM " + users[0], true},
		{"GRANT " + roles[1] + " TO " + users[0], true},
		{"REVOKE " + roles[0] + " FROM " + roles[1], true},
		{"REVOKE SELECT ON " + here + ".t FROM " + roles[0], true},
		{"GRANT " + roles[0] + " TO " + roles[1], false},
		{"GRANT SELECT ON *.* TO " + roles[0], true},
		{"REVOKE " + roles[1] + " FROM " + users[0], true},
		{"REVOKE SELECT ON *.* FROM " + roles[0], true},
		{"DROP USER " + users[1], true},
	} {
		mustExec(t, db.DB(), step.do)
		if got := f.resets(); got != step.reset {
			t.Errorf("%s: reset is %v", step.do, got)
		}
		if f.resets() {
			t.Errorf("%s: reset once more", step.do)
		}
	}
	if what := diagnosed(t, db.DB()); !strings.Contains(what, "REVOKE from any account is noticed") {
		t.Error(what)
	}
}

// TestOwnRights: an account that sees no others' rights sees its own, and those
// of the roles that it uses.
func TestOwnRights(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)")
	reader, roles := grantReader(t, db), accounts(t, db, "ROLE", 2)
	here := quoteName(db.Name())
	mustExec(t, db.DB(), "GRANT "+roles[0]+" TO "+reader, "SET DEFAULT ROLE "+roles[0]+" FOR "+reader, "GRANT "+roles[1]+" TO "+roles[0])
	f := follow(t, dsnAs(db, reader), listen.InstallNever)
	for _, do := range []string{
		"GRANT SELECT ON " + here + ".t TO " + reader,
		"REVOKE SELECT ON " + here + ".t FROM " + reader,
		"GRANT SELECT ON " + here + ".t TO " + roles[0],
		"REVOKE SELECT ON " + here + ".t FROM " + roles[0],
		"GRANT SELECT (v) ON " + here + ".t TO " + roles[1],
		"REVOKE SELECT (v) ON " + here + ".t FROM " + roles[1],
		"REVOKE " + roles[1] + " FROM " + roles[0],
	} {
		mustExec(t, db.DB(), do)
		if !f.resets() {
			t.Errorf("%s: no reset", do)
		}
		if f.resets() {
			t.Errorf("%s: reset once more", do)
		}
	}
	if what := diagnosed(t, openAs(t, db, reader)); !strings.Contains(what, "sees no rights but its own") {
		t.Error(what)
	}
	// Who sees more than before starts afresh when it connects again.
	mustExec(t, db.DB(), "GRANT SELECT ON mysql.* TO "+reader)
	f.look()
	f.connect()
	if !f.resets() {
		t.Error("what was not seen before is taken for unchanged")
	}
	user := accounts(t, db, "USER", 1)[0]
	f.look()
	mustExec(t, db.DB(), "GRANT SELECT ON "+here+".t TO "+user)
	if !f.resets() {
		t.Error("the rights of others are not seen")
	}
}

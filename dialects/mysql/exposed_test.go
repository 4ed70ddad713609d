package mysql

import (
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

func TestAParentWithoutTriggersUncoversWhatItReaches(t *testing.T) {
	db := server.MariaDB(t)
	mustExec(t, db.DB(), "CREATE TABLE p (id INT PRIMARY KEY)",
		"CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)",
		"CREATE TABLE g (id INT PRIMARY KEY, c INT, FOREIGN KEY (c) REFERENCES c (id) ON DELETE SET NULL)",
		"CREATE TABLE r (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id))",
		"CREATE TABLE tree (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE)",
		"INSERT INTO p VALUES (1), (2)", "INSERT INTO c VALUES (10, 1), (20, 2)")
	if _, err := (Dialect{}).Install(t.Context(), db.DB(), listen.InstallOptions{Tables: []string{"c", "g", "r", "tree"}}); err != nil {
		t.Fatal(err)
	}
	check := func(when, table string, covered bool) {
		t.Helper()
		if why := whyUncovered(t, db.DB(), table); (why == "") != covered {
			t.Errorf("%s: %s: %q", when, table, why)
		}
	}
	check("without the parent", "c", false)
	check("without the parent", "g", false)
	check("without the parent", "r", true)
	check("without the parent", "tree", true)
	installAll(t, db.DB())
	for _, name := range []string{"p", "c", "g", "r", "tree"} {
		check("with the parent", name, true)
	}
	mustExec(t, db.DB(), "CREATE TABLE p2 (id INT PRIMARY KEY)", "INSERT INTO p2 VALUES (1), (2)")
	installAll(t, db.DB())
	mustExec(t, db.DB(), "ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES p2 (id) ON DELETE SET NULL")
	check("with a new foreign key", "c", false)
	check("with a new foreign key", "p2", false)
	installAll(t, db.DB())
	check("installed again", "c", true)
}

// What has no usable key, or cannot be captured, must not keep the rest of the
// database from being captured.
func TestAVersionedTable(t *testing.T) {
	db := newDB(t, "CREATE TABLE p (id INT PRIMARY KEY) WITH SYSTEM VERSIONING", "CREATE TABLE other (id INT PRIMARY KEY)",
		"CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)")
	for name, covered := range map[string]bool{"p": false, "c": false, "other": true} {
		if why := whyUncovered(t, db.DB(), name); (why == "") != covered {
			t.Errorf("%s: %q", name, why)
		}
	}
}

func TestDroppedPartitionIsSeen(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20))",
		"INSERT INTO t VALUES (1), (11)")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	f.look()
	mustExec(t, db.DB(), "ALTER TABLE t DROP PARTITION a")
	if got := spell(f.look()); !contains(got, "t T all") {
		t.Errorf("changes %v", got)
	}
}

// Without PROCESS too: of what partitions there are, the catalogue tells everybody.
func TestDroppedPartitionIsSeenByAll(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (11)")
	f := follow(t, dsnAs(db, grantReader(t, db)), listen.InstallNever)
	f.look()
	for _, statement := range []string{
		"ALTER TABLE t PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20))",
		"ALTER TABLE t REORGANIZE PARTITION a, b INTO (PARTITION a VALUES LESS THAN (5), PARTITION b VALUES LESS THAN (20))", // what is read of PARTITION (a)
		"ALTER TABLE t DROP PARTITION a",
	} {
		mustExec(t, db.DB(), statement)
		if d := f.look(); d.Reset != "the schema has changed: partitions" {
			t.Errorf("%s: reset %q", statement, d.Reset)
		}
		if d := f.look(); d.Reset != "" {
			t.Errorf("%s: reset once more: %q", statement, d.Reset)
		}
	}
}

func TestChangedGenerationIsSeen(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY, a INT, g INT AS (a * 2) VIRTUAL)")
	f := follow(t, dsnAs(db, grantReader(t, db)), listen.InstallNever)
	f.look()
	mustExec(t, db.DB(), "ALTER TABLE t MODIFY g INT AS (a * 3) VIRTUAL")
	if d := f.look(); d.Reset == "" {
		t.Error("no reset")
	}
}

func TestTriggersOfOthersAreLeftAlone(t *testing.T) {
	db := server.MariaDB(t)
	mustExec(t, db.DB(), "CREATE TABLE t (id INT PRIMARY KEY)")
	for _, name := range []string{"livesql_audit", "livesql_1_x", "livesql_x_d", "livesql_1_d_old"} {
		mustExec(t, db.DB(), "CREATE TRIGGER "+name+" AFTER INSERT ON t FOR EACH ROW SET @x = 1")
	}
	before := dump(t, db.DB())
	installAll(t, db.DB())
	if why := whyUncovered(t, db.DB(), "t"); why != "" {
		t.Error(why)
	}
	if err := (Dialect{}).Uninstall(t.Context(), db.DB(), listen.UninstallOptions{}); err != nil {
		t.Fatal(err)
	}
	if after := dump(t, db.DB()); after != before {
		t.Errorf("after uninstalling:\n%s\nbefore installing:\n%s", after, before)
	}
}

func TestUninstallWithoutTheTriggerRight(t *testing.T) {
	for i, rights := range []string{"SELECT, INSERT, UPDATE, DELETE", "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP", "SELECT, DROP"} {
		db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
		user := "weak" + string(rune('a'+i))
		mustExec(t, db.DB(), "CREATE OR REPLACE USER "+user, "GRANT "+rights+" ON "+quoteName(db.Name())+".* TO "+user)
		pool := openAs(t, db, user)
		if why := whyUncovered(t, pool, "t"); !strings.Contains(why, "TRIGGER") {
			t.Errorf("%s: covered: %q", rights, why)
		}
		if err := (Dialect{}).Uninstall(t.Context(), pool, listen.UninstallOptions{}); !failed(err, errTableAccess) {
			t.Errorf("%s: uninstall: %v", rights, err)
		}
		mustExec(t, db.DB(), "INSERT INTO t VALUES (1)", "DROP USER "+user)
	}
}

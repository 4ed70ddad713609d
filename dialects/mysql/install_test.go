package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// dump is everything that a database holds by name: what SHOW CREATE says of
// tables and triggers.
func dump(t *testing.T, db *sql.DB) string {
	t.Helper()
	var b strings.Builder
	names := func(query string) (names []string) {
		err := each(t.Context(), db, query, func(scan scanFunc) error {
			var name string
			err := scan(&name)
			names = append(names, name)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		return names
	}
	for _, name := range names("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'") {
		var text string
		if err := one(t.Context(), db, "SHOW CREATE TABLE "+quoteName(name), new(string), &text); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, text)
	}
	for _, name := range names("SELECT CONCAT(TRIGGER_NAME, ' ', CREATED, ' ', SQL_MODE, ' ', ACTION_STATEMENT) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()") {
		fmt.Fprintln(&b, name)
	}
	for _, name := range names("SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()") {
		fmt.Fprintln(&b, name)
	}
	return b.String()
}

func TestInstallTwiceAndUninstall(t *testing.T) {
	db := server.MariaDB(t)
	mustExec(t, db.DB(), "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "CREATE TABLE b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE)",
		"CREATE TRIGGER own AFTER INSERT ON a FOR EACH ROW SET @x = 1", "CREATE VIEW v AS SELECT * FROM a", "CREATE SEQUENCE s", "CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM")
	before := dump(t, db.DB())
	changed, err := Dialect{}.Install(t.Context(), db.DB(), listen.InstallOptions{Later: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []dialects.Table{{Schema: db.Name(), Name: "a"}, {Schema: db.Name(), Name: "b"}}
	if !slices.Equal(changed, want) {
		t.Errorf("changed %v", changed)
	}
	installed := dump(t, db.DB())
	if changed, err := (Dialect{}).Install(t.Context(), db.DB(), listen.InstallOptions{Later: true}); err != nil || len(changed) > 0 {
		t.Errorf("again: changed %v, %v", changed, err)
	}
	if again := dump(t, db.DB()); again != installed {
		t.Error("a second installation changed something")
	}
	c, err := Dialect{}.Coverage(t.Context(), db.DB())
	if err != nil {
		t.Fatal(err)
	}
	if !c.Installed || !c.Later || c.Version != 1 || c.Current != 1 || c.Bell != listen.BellPoll || len(c.Tables) != 3 {
		t.Errorf("coverage %+v", c)
	}
	for _, tc := range c.Tables {
		if name := tc.Table.Name; tc.Covered != (name != "m") || name == "m" && !strings.Contains(tc.Why, "MyISAM") {
			t.Errorf("table %s: covered %v, %s", name, tc.Covered, tc.Why)
		}
	}
	if err := (Dialect{}).Uninstall(t.Context(), db.DB(), listen.UninstallOptions{Tables: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	if whyUncovered(t, db.DB(), "a") == "" || !strings.HasPrefix(whyUncovered(t, db.DB(), "b"), "a foreign key lets a change its rows") {
		t.Error("the triggers of one table were to be dropped")
	}
	for range 2 {
		if err := (Dialect{}).Uninstall(t.Context(), db.DB(), listen.UninstallOptions{}); err != nil {
			t.Fatal(err)
		}
		if after := dump(t, db.DB()); after != before {
			t.Errorf("after uninstalling:\n%s\nbefore installing:\n%s", after, before)
		}
	}
}

// Triggers run with the rights of whoever made them: made by an account that
// may make triggers and not write to the log, they fail every write.
func TestInstallerThatMayNotLog(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	mustExec(t, db.DB(), "DROP TABLE t", "CREATE TABLE t (id INT PRIMARY KEY)") // it has its number still
	pool := openAs(t, db, grantReader(t, db))
	if _, err := (Dialect{}).Install(t.Context(), pool, listen.InstallOptions{}); !failed(err, errTableAccess) {
		t.Errorf("installed: %v", err)
	}
	mustExec(t, db.DB(), "INSERT INTO t VALUES (1)")
}

// MariaDB gives them the rights of the account, and none of its roles'.
func TestInstallerWithARole(t *testing.T) {
	db := newTwin(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	user, role := accounts(t, db, "USER", 1)[0], accounts(t, db, "ROLE", 1)[0]
	mustExec(t, db.DB(), "GRANT ALL ON "+quoteName(db.Name())+".* TO "+role, "GRANT "+role+" TO "+user, "SET DEFAULT ROLE "+role+" FOR "+user)
	pool := openAs(t, db, user)
	if _, err := (Dialect{}).Install(t.Context(), pool, listen.InstallOptions{}); !failed(err, errTableAccess) || !strings.Contains(err.Error(), role) {
		t.Errorf("installed: %v", err)
	}
	mustExec(t, db.DB(), "INSERT INTO t VALUES (1)")
	mustExec(t, db.DB(), "GRANT ALL ON "+quoteName(db.Name())+".* TO "+user)
	installAll(t, openAs(t, db, user))
	mustExec(t, db.DB(), "INSERT INTO t VALUES (2)")
}

func TestPrintInstallsWhatInstallWould(t *testing.T) {
	schema := []string{"CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE)"}
	db := newTwin(t, schema...)
	before := dump(t, db.DB())
	var script []string
	changed, err := Dialect{}.Install(t.Context(), db.DB(), listen.InstallOptions{Print: func(s string) { script = append(script, s) }})
	if err != nil || len(changed) != 2 {
		t.Fatal(changed, err)
	}
	if dump(t, db.DB()) != before {
		t.Fatal("printing changed the database")
	}
	client := func() {
		t.Helper()
		host, port, err := net.SplitHostPort(db.Addr())
		if err != nil {
			t.Fatal(err)
		}
		// As the tool prints them.
		for i, s := range script {
			script[i] = strings.TrimRight(s, " \n;") + ";\n"
		}
		cmd := exec.CommandContext(t.Context(), "mariadb", "--no-defaults", "-h", host, "-P", port, "-u", "root", db.Name())
		cmd.Stdin = strings.NewReader(strings.Join(script, ""))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	client()
	for _, name := range []string{"a", "b"} {
		if why := whyUncovered(t, db.DB(), name); why != "" {
			t.Errorf("table %s: %s", name, why)
		}
	}
	script = nil
	if err := (Dialect{}).Uninstall(t.Context(), db.DB(), listen.UninstallOptions{Print: func(s string) { script = append(script, s) }}); err != nil {
		t.Fatal(err)
	}
	client()
	if after := dump(t, db.DB()); after != before {
		t.Errorf("after the printed removal:\n%s", after)
	}
}

func TestInstallRefusesTables(t *testing.T) {
	db := newTwin(t, "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM", "CREATE VIEW v AS SELECT 1")
	for _, name := range []string{"none", "m", "v", "other.t"} {
		_, err := Dialect{}.Install(t.Context(), db.DB(), listen.InstallOptions{Tables: []string{name}})
		var refused *listen.TableError
		if !errors.As(err, &refused) || refused.Table != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	changed, err := Dialect{}.Install(t.Context(), db.DB(), listen.InstallOptions{Tables: []string{db.Name() + ".t", "t"}})
	if err != nil || len(changed) != 1 {
		t.Error(changed, err)
	}
}

func TestOddNames(t *testing.T) {
	names := []string{"with space", "qu`ote", `dou"ble`, "quo'te", "back\\slash", "Ünïcødé", "select", "CamelCase", "camelcase", strings.Repeat("x", 64), "dash-dot.table", "livesql", "a#P#b", "🍏"}
	names = names[:len(names)-1] // outside the BMP, which no name may have
	db := server.MariaDB(t)
	for _, name := range names {
		mustExec(t, db.DB(), "CREATE TABLE "+quoteName(name)+" ("+quoteName(name[:min(len(name), 60)]+"é")+" INT PRIMARY KEY)")
	}
	installAll(t, db.DB())
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	for i, name := range names {
		mustExec(t, db.DB(), fmt.Sprintf("INSERT INTO %s VALUES (%d)", quoteName(name), i))
		f.expect(fmt.Sprintf("%s I int64:%d", name, i))
		mustExec(t, db.DB(), "TRUNCATE "+quoteName(name))
		if got := spell(f.look()); !contains(got, name+" T all") {
			t.Errorf("TRUNCATE of %s: %v", name, got)
		}
	}
}

func TestOddDatabase(t *testing.T) {
	db := server.MariaDB(t)
	odd := "odd `dä-ta"
	mustExec(t, db.DB(), "CREATE DATABASE "+quoteName(odd))
	t.Cleanup(func() { _, _ = db.DB().ExecContext(context.Background(), "DROP DATABASE "+quoteName(odd)) })
	dsn := strings.Replace(db.SocketDSN(), "/"+db.Name(), "/"+strings.NewReplacer(" ", "%20", "`", "%60", "ä", "%C3%A4").Replace(odd), 1)
	pool, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	mustExec(t, pool, "CREATE TABLE t (id INT PRIMARY KEY)")
	installAll(t, pool)
	f := follow(t, dsn, listen.InstallNever)
	mustExec(t, pool, "INSERT INTO t VALUES (1)")
	f.expect("t I int64:1")
	mustExec(t, pool, "TRUNCATE t")
	if got := spell(f.look()); !contains(got, "t T all") {
		t.Errorf("TRUNCATE: %v", got)
	}
}

func TestRenamedTableKeepsItsNumber(t *testing.T) {
	db := newDB(t, "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY)")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	mustExec(t, db.DB(), "RENAME TABLE a TO x, b TO a, x TO b")
	if d := f.look(); d.Reset == "" {
		t.Error("no reset")
	}
	for _, name := range []string{"a", "b"} {
		if why := whyUncovered(t, db.DB(), name); why != "" {
			t.Errorf("%s: %s", name, why)
		}
	}
	mustExec(t, db.DB(), "INSERT INTO a VALUES (1)")
	f.expect("a I int64:1")
	// A new table takes the old name.
	mustExec(t, db.DB(), "RENAME TABLE a TO old", "CREATE TABLE a (id INT PRIMARY KEY)")
	installAll(t, db.DB())
	f.look()
	mustExec(t, db.DB(), "INSERT INTO a VALUES (2)", "INSERT INTO old VALUES (3)")
	f.expect("a I int64:2", "old I int64:3")
}

// An installation that waits for a transaction gives up, lets the writers go
// on, and comes back.
func TestInstallWaitsForLocks(t *testing.T) {
	db := newTwin(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	holder := programOn(t, db.DB())
	mustExec(t, holder, "BEGIN", "INSERT INTO t VALUES (1)")
	_, err := Dialect{}.Install(t.Context(), db.DB(), listen.InstallOptions{LockTimeout: time.Second, Patience: time.Second})
	if !failed(err, errLockWaitTimeout) {
		t.Errorf("error %v", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := Dialect{}.Install(t.Context(), db.DB(), listen.InstallOptions{LockTimeout: time.Second, Patience: patience})
		done <- err
	}()
	var waiting int
	for deadline := time.Now().Add(patience); waiting == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the installation does not wait for the lock")
		}
		if err := one(t.Context(), db.DB(), "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE '%metadata lock%'", &waiting); err != nil {
			t.Fatal(err)
		}
	}
	mustExec(t, holder, "COMMIT")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if why := whyUncovered(t, db.DB(), "t"); why != "" {
		t.Error(why)
	}
}

func TestFeedInstallsByItself(t *testing.T) {
	db := newTwin(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	never := follow(t, db.SocketDSN(), listen.InstallNever)
	own := follow(t, db.SocketDSN(), listen.InstallOwn)
	own.look()
	if whyUncovered(t, db.DB(), "t") == "" {
		t.Fatal("installed without being asked to")
	}
	auto := follow(t, db.SocketDSN(), listen.InstallAuto)
	auto.until("installed", func(listen.Delta) bool { return whyUncovered(t, db.DB(), "t") == "" })
	// Its holder blocks one table; the polls go on, and so do the others.
	holder := programOn(t, db.DB())
	mustExec(t, db.DB(), "CREATE TABLE held (id INT PRIMARY KEY)", "CREATE TABLE later (id INT PRIMARY KEY)")
	mustExec(t, holder, "BEGIN", "INSERT INTO held VALUES (1)")
	auto.until("the other is installed", func(listen.Delta) bool { return whyUncovered(t, db.DB(), "later") == "" })
	mustExec(t, holder, "COMMIT")
	auto.until("all are installed", func(listen.Delta) bool { return whyUncovered(t, db.DB(), "held") == "" })
	auto.disconnect()

	// What Install noted in the database is for all but those who never do.
	if _, err := (Dialect{}).Install(t.Context(), db.DB(), listen.InstallOptions{Later: true}); err != nil {
		t.Fatal(err)
	}
	mustExec(t, db.DB(), "CREATE TABLE latest (id INT PRIMARY KEY)")
	never.look()
	never.look()
	own.until("the latest is installed", func(listen.Delta) bool { return whyUncovered(t, db.DB(), "latest") == "" })
}

// TestWritersThatPrepareGoOn installs and uninstalls while programs prepare
// each of their writes.
func TestWritersThatPrepareGoOn(t *testing.T) {
	t.Parallel()
	d := server.MariaDB(t)
	db := d.DB()
	mustExec(t, db, "CREATE TABLE item (id INT PRIMARY KEY, n INT)", "INSERT INTO item VALUES (1, 1)")
	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	var writes atomic.Int64
	for i := range 3 {
		writing.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := 10 + i
				for _, write := range []string{
					"INSERT INTO item VALUES (?, 1)", "UPDATE item SET n = n + 1 WHERE id = ?", "DELETE FROM item WHERE id = ?",
				} {
					if _, err := db.ExecContext(t.Context(), write, id); err != nil {
						t.Errorf("%s: %v", write, err)
						cancel()
						return
					}
					writes.Add(1)
				}
			}
		})
	}
	for range 12 {
		if ctx.Err() != nil {
			break
		}
		installAll(t, db)
		if err := (Dialect{}).Uninstall(t.Context(), db, listen.UninstallOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	writing.Wait()
	if writes.Load() == 0 {
		t.Error("nothing was written")
	}
	var ahead int
	installAll(t, db)
	if err := one(t.Context(), db, "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND CREATED > NOW(6)", &ahead); err != nil || ahead != 3 {
		t.Errorf("%d triggers were created ahead of the clock (%v), want 3", ahead, err)
	}
}

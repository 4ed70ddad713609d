package mysql

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
)

func TestTruncateIsSeenWithProcessOnly(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE p (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2", "CREATE TABLE u (id INT PRIMARY KEY)")
	reader := grantReader(t, db)
	seeing, blind := follow(t, db.SocketDSN(), listen.InstallNever), follow(t, dsnAs(db, reader), listen.InstallNever)
	for _, statement := range []string{"TRUNCATE t", "TRUNCATE p", "ALTER TABLE p TRUNCATE PARTITION p0"} {
		mustExec(t, db.DB(), statement)
		table := "t"
		if strings.Contains(statement, "p") {
			table = "p"
		}
		d := seeing.look()
		if got := fmt.Sprint(spell(d)); got != "["+table+" T all]" || d.Reset != "" {
			t.Errorf("%s: %s, reset %q", statement, got, d.Reset)
		}
		if d := blind.look(); len(d.Changes) > 0 || d.Reset != "" {
			t.Errorf("%s: without PROCESS %v, reset %q: say so in the documentation", statement, spell(d), d.Reset)
		}
	}
	seeing.expect()
	if text := seeing.reader.Describe(); strings.Contains(text, "TRUNCATE") {
		t.Error(text)
	}
	if text := blind.reader.Describe(); !strings.Contains(text, "TRUNCATE") {
		t.Error(text)
	}
	if what := diagnosed(t, openAs(t, db, reader)); !strings.Contains(what, "PROCESS right: when others TRUNCATE") {
		t.Error(what)
	}
}

// Whoever breaks the capture of a table is noticed at the next look.
func TestBrokenCaptureIsNoticed(t *testing.T) {
	for _, test := range []struct{ do, why string }{
		{"DROP TRIGGER livesql_2_u", "no capture trigger livesql_2_u"},
		{"DROP TRIGGER livesql_2_u; CREATE TRIGGER livesql_2_u AFTER UPDATE ON t FOR EACH ROW SET @x = 1", "out of date"},
		{"CREATE TRIGGER livesql_9_u AFTER UPDATE ON t FOR EACH ROW SET @x = 1", ""},
		{"ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, v)", "out of date"},
		{"ALTER TABLE t MODIFY id VARCHAR(20)", "out of date"},
		{"ALTER TABLE t ENGINE=MyISAM", "MyISAM"},
		// What gh-ost and pt-online-schema-change do in the end.
		{"CREATE TABLE t_new LIKE t; RENAME TABLE t TO t_old, t_new TO t", "no capture triggers"},
		{"DROP TABLE t; CREATE TABLE t (id INT PRIMARY KEY, v INT)", "no capture triggers"},
		{"CREATE TABLE child (id INT PRIMARY KEY, t INT, FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE)", "out of date"},
		{"DROP TABLE livesql_tables", "not installed"},
	} {
		t.Run(test.do, func(t *testing.T) {
			db := newDB(t, "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE t (id INT PRIMARY KEY, v INT)")
			f := follow(t, db.SocketDSN(), listen.InstallNever)
			mustExec(t, db.DB(), strings.Split(test.do, "; ")...)
			if d := f.look(); d.Reset == "" {
				t.Error("no reset")
			}
			why := whyUncovered(t, db.DB(), "t")
			if why == "" || !strings.Contains(why, test.why) {
				t.Errorf("covered: %q", why)
			}
			if test.why == "not installed" || test.why == "MyISAM" {
				return
			}
			installAll(t, db.DB())
			if why := whyUncovered(t, db.DB(), "t"); why != "" {
				t.Errorf("after installing again: %s", why)
			}
			if d := f.look(); d.Reset == "" || !contains(spell(d), "t T all") {
				t.Errorf("after installing again: reset %q, changes %v", d.Reset, spell(d))
			}
			mustExec(t, db.DB(), "INSERT INTO t VALUES (5, 5)", "UPDATE t SET v = 5 WHERE id = 5")
			if got := spell(f.poll()); len(got) != 2 {
				t.Errorf("changes %v", got)
			}
		})
	}
}

// A trigger that was away and is back has not told of what happened meanwhile.
func TestTriggerThatWasAwayIsNoticed(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	var columns [7]sql.NullString
	if err := one(t.Context(), db.DB(), "SHOW CREATE TRIGGER livesql_1_d", &columns[0], &columns[1], &columns[2], &columns[3], &columns[4], &columns[5], &columns[6]); err != nil {
		t.Fatal(err)
	}
	conn := programOn(t, db.DB())
	mustExec(t, conn, "SET sql_mode = '"+columns[1].String+"'", "DROP TRIGGER livesql_1_d", "DELETE FROM t", columns[2].String)
	if d := f.look(); d.Reset == "" || len(d.Changes) > 0 {
		t.Errorf("reset %q, changes %v", d.Reset, spell(d))
	}
	if why := whyUncovered(t, db.DB(), "t"); why != "" {
		t.Errorf("the same trigger is not the same: %s", why)
	}
}

func TestAChildOfAnotherDatabase(t *testing.T) {
	parent := newTwin(t, "CREATE TABLE p (id INT PRIMARY KEY)")
	db := newTwin(t)
	mustExec(t, db.DB(), "CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES "+quoteName(parent.Name())+".p (id) ON DELETE CASCADE)")
	installAll(t, db.DB())
	if why := whyUncovered(t, db.DB(), "c"); !strings.Contains(why, "another database") {
		t.Errorf("covered: %q", why)
	}
	mustExec(t, db.DB(), "DROP TABLE c")
}

// Looks come often enough, whatever the pace of the polls.
func TestLooksComeInTime(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	f.look()
	start := f.reader.looked
	if f.reader.lookDue(start.Add(msec(25))) {
		t.Error("two looks in a row")
	}
	for _, growth := range []float64{1, 1.5} {
		at, gap := start, 25.0
		f.reader.looked = start
		for range 50 {
			gap = min(gap*growth, 1000)
			at = at.Add(msec(gap))
			due := f.reader.lookDue(at)
			// Whoever polls more seldom than that looks each time.
			if since := at.Sub(f.reader.looked); !due && (since+msec(gap*growth) > listen.CheckEvery && msec(gap) < listen.CheckEvery/2 || since >= listen.CheckEvery) {
				t.Errorf("growth %v: the next look comes %v after the last", growth, since+msec(gap*growth))
			}
			if due {
				f.reader.looked = at
			}
		}
	}
}

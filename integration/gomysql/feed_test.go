package gomysql_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects/mysql"
	"github.com/vantage-go/live/integration/gomysql"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
)

// TestThereIsNoFeed has a program that does not notice that this server cannot
// run the statements of the change feed: see the package's comment.
func TestThereIsNoFeed(t *testing.T) {
	db, err := livesql.Open(t.Context(), "mysql", gomysql.Start(t), livesql.AutoInstall())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	mustExec(t, db, "CREATE TABLE item (id BIGINT PRIMARY KEY, n INT)")
	mustExec(t, db, "INSERT INTO item VALUES (?, ?)", 1, 1)
	for range 2 {
		if n := count(t, db.DB, "SELECT n FROM item WHERE id = 1"); n != 1 {
			t.Errorf("read %d, want 1", n)
		}
	}
	for deadline := time.Now().Add(30 * time.Second); db.Feed().Status().Err == nil; {
		if time.Now().After(deadline) {
			t.Fatal("the feed neither is live nor says why")
		}
		time.Sleep(10 * time.Millisecond)
	}
	const why = "innodb_lock_wait_timeout"
	if status := db.Feed().Status(); status.State != listen.Cold || !strings.Contains(status.Err.Error(), why) {
		t.Errorf("the feed is %v, %v", status.State, status.Err)
	}
	if _, err := (mysql.Dialect{}).Install(t.Context(), db.DB, listen.InstallOptions{}); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("installing: %v", err)
	}
	// Reads pass through: nothing is kept, and what a write did is there.
	mustExec(t, db.DB, "CREATE TABLE kept (id BIGINT PRIMARY KEY)")
	for want := range int64(3) {
		if n := count(t, db.DB, "SELECT COUNT(*) FROM kept"); n != want {
			t.Errorf("%d rows, want %d", n, want)
		}
		mustExec(t, db.DB, fmt.Sprintf("INSERT INTO kept VALUES (%d)", want))
	}
	if e, err := db.Explain(t.Context(), "SELECT COUNT(*) FROM kept"); err != nil || e.Cached {
		t.Errorf("explained: %v, %v", e, err)
	}
	if stats := db.CacheStats(); stats.Hits != 0 || stats.Stores != 0 {
		t.Errorf("%d hits and %d results kept without a feed", stats.Hits, stats.Stores)
	}
	if n := count(t, db.DB, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_NAME LIKE 'livesql%'"); n != 0 {
		t.Errorf("an installation that was refused left %d tables", n)
	}
}

// TestWhatTheFeedLacks fails when the server has learned what keeps the feed
// from it: then it is time to try again.
func TestWhatTheFeedLacks(t *testing.T) {
	db := open(t)
	mustExec(t, db, "CREATE TABLE item (id BIGINT PRIMARY KEY)")
	mustExec(t, db, "CREATE TABLE log (k BIGINT)")
	for _, statement := range []string{
		"SET SESSION innodb_lock_wait_timeout = 5",
		"CREATE TRIGGER t AFTER INSERT ON item FOR EACH ROW BEGIN DECLARE EXIT HANDLER FOR 1062 INSERT INTO log VALUES (0); INSERT INTO log VALUES (NEW.id); END",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s: no error any more", statement)
		}
	}
	mustExec(t, db, "CREATE TRIGGER t AFTER INSERT ON item FOR EACH ROW INSERT INTO log VALUES (NEW.id)")
	if n := count(t, db, "SELECT COUNT(*) FROM information_schema.TRIGGERS"); n != 0 {
		t.Errorf("information_schema shows %d triggers", n)
	}
}

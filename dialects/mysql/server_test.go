package mysql

import (
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// TestClusters: servers that share their writes with others are refused.
func TestClusters(t *testing.T) {
	for want, variables := range map[string]map[string]string{
		"Galera":            {"wsrep_on": "ON", "wsrep_provider": "/usr/lib/libgalera_smm.so"},
		"several primaries": {"group_replication_group_name": "x", "group_replication_single_primary_mode": "OFF"},
	} {
		if why := cluster(variables); !strings.Contains(why, want) {
			t.Errorf("%v: %q", variables, why)
		}
	}
	for _, alone := range []map[string]string{
		{},
		{"wsrep_on": "OFF", "wsrep_provider": "none"},
		{"wsrep_on": "ON", "wsrep_provider": "none"},
		{"group_replication_group_name": "x", "group_replication_single_primary_mode": "ON"},
		{"group_replication_group_name": "", "group_replication_single_primary_mode": "OFF"},
	} {
		if why := cluster(alone); why != "" {
			t.Errorf("%v: %q", alone, why)
		}
	}
}

// TestTraditionalIDs: with innodb_autoinc_lock_mode = 0 writers wait for each
// other on the ids of the log. Nothing is lost, nobody is refused.
func TestTraditionalIDs(t *testing.T) {
	s := server.OwnMariaDB(t, server.Setting("innodb-autoinc-lock-mode", "0"))
	db := s.Database(t)
	mustExec(t, db.DB(), "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE u (id INT PRIMARY KEY)")
	installAll(t, db.DB())
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	if what := diagnosed(t, db.DB()); !strings.Contains(what, "innodb_autoinc_lock_mode is 0") {
		t.Error(what)
	}
	first, second := programOn(t, db.DB()), programOn(t, db.DB())
	mustExec(t, first, "BEGIN", "INSERT INTO t VALUES (1)")
	// The lock on the ids lasts as long as a statement, not as a transaction.
	mustExec(t, second, "BEGIN", "INSERT INTO u VALUES (2)", "COMMIT")
	f.expect("u I int64:2")
	mustExec(t, first, "COMMIT")
	f.expect("t I int64:1")
}

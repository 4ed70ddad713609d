//go:build unix

package server_test

import (
	"fmt"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"github.com/vantage-go/live/testdb/server"
)

func TestMariaDBDatabasesAreMadeInTime(t *testing.T) {
	begin := time.Now()
	server.MariaDB(t)
	t.Logf("the shared MariaDB server and a database took %v", time.Since(begin))
	bestOf(t, "making a MariaDB database", 10, 150*time.Millisecond, func() { server.MariaDB(t) })
}

func TestMariaDBDatabasesAreApart(t *testing.T) {
	var names []string
	t.Run("databases", func(t *testing.T) {
		for i := range 4 {
			names = append(names, "")
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				d := server.MariaDB(t)
				names[i] = d.Name()
				mustExec(t, d.DB(), "CREATE TABLE mine (id int)")
				mustExec(t, d.DB(), "INSERT INTO mine VALUES (1)")
				if n := count(t, d.DB(), "SELECT count(*) FROM mine"); n != 1 {
					t.Errorf("%d rows, want the one of this test", n)
				}
			})
		}
	})
	for _, name := range names {
		if n := count(t, server.MariaDB(t).DB(), "SELECT count(*) FROM information_schema.schemata WHERE schema_name = '"+name+"'"); n != 0 {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestMariaDBSurvivesItsLifeCycle(t *testing.T) {
	ctx := patiently(t)
	begin := time.Now()
	s := server.OwnMariaDB(t)
	t.Logf("a MariaDB server of one's own took %v", time.Since(begin))
	d := s.Database(t)
	db := d.DB()
	mustExec(t, db, "CREATE TABLE t (id int) ENGINE=InnoDB")
	mustExec(t, db, "INSERT INTO t VALUES (1)")
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := db.PingContext(ctx); err == nil {
		t.Error("a killed server answers")
	}
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	mustExec(t, db, "INSERT INTO t VALUES (2)")
	if err := s.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "SELECT count(*) FROM t"); n != 2 {
		t.Errorf("%d rows after Kill and Restart, want 2", n)
	}

	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(ctx, "SELECT 1")
		answer <- err
	}()
	select {
	case err := <-answer:
		t.Errorf("a paused server answered: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

func TestMariaDBConfigures(t *testing.T) {
	ctx := patiently(t)
	s := server.OwnMariaDB(t, server.Setting("max_connections", "77"))
	db := s.Database(t).DB()
	db.SetMaxIdleConns(0)
	if n := count(t, db, "SELECT @@global.max_connections"); n != 77 {
		t.Errorf("max_connections is %d, want that of the option", n)
	}
	before, err := s.PID()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Configure(ctx, map[string]string{"max_connections": "78", "innodb_adaptive_hash_index": "ON"}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "SELECT @@global.max_connections + @@global.innodb_adaptive_hash_index"); n != 79 {
		t.Errorf("max_connections + innodb_adaptive_hash_index is %d, want 79", n)
	}
	if pid, _ := s.PID(); pid != before {
		t.Error("restarted for variables that can be set")
	}
	if err := s.Configure(ctx, map[string]string{"performance_schema": "ON"}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "SELECT @@global.max_connections + @@global.performance_schema"); n != 79 {
		t.Errorf("max_connections + performance_schema is %d, want 79", n)
	}
	if err := s.Configure(ctx, map[string]string{"no_such_variable": "1"}); err == nil {
		t.Error("no error for an unknown variable")
	}
}

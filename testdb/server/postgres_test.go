//go:build unix

package server_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"

	"github.com/vantage-go/live/testdb/server"
)

func TestPostgresStartsInTime(t *testing.T) {
	bestOf(t, "starting a PostgreSQL server", 5, 3*time.Second, func() {
		s, err := server.Unowned(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Remove(s); err != nil {
				t.Error(err)
			}
		})
	})
	server.Postgres(t)
	t.Logf("the shared server took %v", server.PostgresStartup())
}

func TestPostgresDatabasesAreMadeInTime(t *testing.T) {
	server.Postgres(t)
	bestOf(t, "making a PostgreSQL database", 10, 150*time.Millisecond, func() { server.Postgres(t) })
}

func TestPostgresDatabasesAreApart(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			db := server.Postgres(t).DB()
			mustExec(t, db, "CREATE TABLE mine (id int)")
			mustExec(t, db, "INSERT INTO mine VALUES (1)")
			if n := count(t, db, "SELECT count(*) FROM mine"); n != 1 {
				t.Errorf("%d rows, want the one of this test", n)
			}
		})
	}
}

func TestPostgresDatabaseIsDropped(t *testing.T) {
	db := server.Postgres(t).DB()
	var inner string
	t.Run("inner", func(tt *testing.T) {
		d := server.Postgres(tt)
		inner = d.Name()
		// A session that nobody closes must not keep the database.
		leak, err := sql.Open("postgres", d.DSN())
		if err != nil {
			tt.Fatal(err)
		}
		t.Cleanup(func() { leak.Close() })
		if err := leak.PingContext(tt.Context()); err != nil {
			tt.Fatal(err)
		}
	})
	if n := count(t, db, "SELECT count(*) FROM pg_database WHERE datname = '"+inner+"'"); n != 0 {
		t.Errorf("%s is still there", inner)
	}
}

func TestPostgresDSNsWorkForBothDrivers(t *testing.T) {
	d := server.Postgres(t)
	for _, driver := range []string{"postgres", "pgx"} {
		for name, dsn := range map[string]string{
			"tcp":    d.DSN("application_name=here"),
			"socket": d.SocketDSN("application_name=here"),
			"via":    d.DSNVia(d.Addr(), "application_name=here"),
		} {
			db, err := sql.Open(driver, dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			var database, app string
			var tcp bool
			err = db.QueryRowContext(t.Context(), "SELECT current_database(), current_setting('application_name'), inet_server_addr() IS NOT NULL").Scan(&database, &app, &tcp)
			if err != nil {
				t.Fatalf("%s, %s: %v", driver, dsn, err)
			}
			if database != d.Name() || app != "here" || tcp != (name != "socket") {
				t.Errorf("%s, %s: database %q, application %q, TCP %v", driver, name, database, app, tcp)
			}
		}
	}
}

func TestPostgresSeedRunsOnce(t *testing.T) {
	var fills atomic.Int64
	seed := server.Seed("numbers", func(ctx context.Context, db *sql.DB) error {
		fills.Add(1)
		_, err := db.ExecContext(ctx, "CREATE TABLE n AS SELECT generate_series(1, 1000) AS i")
		return err
	})
	t.Run("databases", func(t *testing.T) {
		for i := range 4 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				db := server.Postgres(t, seed).DB()
				mustExec(t, db, "DELETE FROM n WHERE i > 900")
				if n := count(t, db, "SELECT count(*) FROM n"); n != 900 {
					t.Errorf("%d rows, want 900", n)
				}
			})
		}
	})
	if n := fills.Load(); n != 1 {
		t.Errorf("the seed ran %d times", n)
	}
}

func TestPostgresSurvivesItsLifeCycle(t *testing.T) {
	ctx := patiently(t)
	s := server.OwnPostgres(t)
	db := s.Database(t).DB()
	addr := s.Addr()
	mustExec(t, db, "CREATE TABLE t (id int)")
	rows := int64(0)
	insert := func() {
		t.Helper()
		mustExec(t, db, "INSERT INTO t VALUES (1)")
		rows++
	}
	check := func(after string) {
		t.Helper()
		eventually(t, "the pool has a fresh connection", func() bool { return db.PingContext(ctx) == nil })
		if n := count(t, db, "SELECT count(*) FROM t"); n != rows {
			t.Errorf("%d rows after %s, want %d", n, after, rows)
		}
		if s.Addr() != addr {
			t.Errorf("the address is %s after %s, was %s", s.Addr(), after, addr)
		}
	}

	insert()
	if err := s.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := db.PingContext(ctx); err == nil {
		t.Error("a stopped server answers")
	}
	if err := s.Stop(ctx); err != nil {
		t.Errorf("the second Stop: %v", err)
	}
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	check("Stop")

	insert()
	before, err := s.PID()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if pid, err := s.PID(); err != nil || pid != 0 {
		t.Errorf("process %d (error %v) after Kill", pid, err)
	}
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if pid, err := s.PID(); err != nil || pid == 0 || pid == before {
		t.Errorf("process %d (error %v) after Start, was %d before Kill", pid, err, before)
	}
	check("Kill")

	insert()
	if err := s.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	check("Restart")
	if err := s.Start(ctx); err == nil || !strings.Contains(err.Error(), "already running") {
		t.Errorf("Start of a running server: %v", err)
	}
}

func TestPostgresPauses(t *testing.T) {
	ctx := patiently(t)
	s := server.OwnPostgres(t)
	d := s.Database(t)
	if err := d.DB().PingContext(ctx); err != nil {
		t.Fatal(err)
	}
	fresh, err := sql.Open("pgx", d.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	// The session that exists belongs to a child of the postmaster, a new one to
	// the postmaster itself. Both must hang.
	answer := make(chan error, 1)
	go func() {
		_, err := d.DB().ExecContext(ctx, "SELECT 1")
		answer <- err
	}()
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if err := fresh.PingContext(short); err == nil {
		t.Error("a paused server lets somebody in")
	}
	select {
	case err := <-answer:
		t.Errorf("a paused server answered: %v", err)
	default:
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

func TestPostgresPausedCanBeKilled(t *testing.T) {
	s := server.OwnPostgres(t)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(patiently(t)); err != nil {
		t.Fatal(err)
	}
}

func TestPostgresConfigures(t *testing.T) {
	ctx := patiently(t)
	s := server.OwnPostgres(t, server.Setting("work_mem", "5MB"))
	db := s.Database(t).DB()
	db.SetMaxIdleConns(0)
	show := func(name string) (value string) {
		t.Helper()
		if err := db.QueryRowContext(ctx, "SELECT current_setting('"+name+"')").Scan(&value); err != nil {
			t.Fatal(err)
		}
		return value
	}
	if v := show("work_mem"); v != "5MB" {
		t.Errorf("work_mem is %s, want that of the option", v)
	}
	before, err := s.PID()
	if err != nil {
		t.Fatal(err)
	}
	for _, mem := range []string{"6MB", "7MB", "8MB"} {
		if err := s.Configure(ctx, map[string]string{"work_mem": mem}); err != nil {
			t.Fatal(err)
		}
		if v := show("work_mem"); v != mem {
			t.Errorf("work_mem is %s, want %s", v, mem)
		}
	}
	if pid, _ := s.PID(); pid != before {
		t.Error("restarted for a setting that a reload changes")
	}
	if err := s.Configure(ctx, map[string]string{"wal_level": "logical"}); err != nil {
		t.Fatal(err)
	}
	if v := show("wal_level"); v != "logical" {
		t.Errorf("wal_level is %s", v)
	}
	if v := show("work_mem"); v != "8MB" {
		t.Errorf("work_mem is %s after the restart, want 8MB", v)
	}
	if err := s.Configure(ctx, map[string]string{"work_mem": "much"}); err == nil || !strings.Contains(err.Error(), "work_mem") {
		t.Errorf("a bad value: %v", err)
	}
}

func mustExec(t *testing.T, db *sql.DB, stmt string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), stmt); err != nil {
		t.Fatalf("%s: %v", stmt, err)
	}
}

func count(t *testing.T, db *sql.DB, query string) (n int64) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

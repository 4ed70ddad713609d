package feed

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// untilCovered polls, each time with leave to install, until a table is covered:
// a poll has only a moment for it, which a busy machine may take.
func (f *follower) untilCovered(table string) (resets []string) {
	f.t.Helper()
	for over := time.Now().Add(patience); f.uncovered(table) != ""; {
		if time.Now().After(over) {
			f.t.Fatalf("%s is not covered: %s", table, f.uncovered(table))
		}
		f.backend.nextInstall = time.Time{}
		if delta := f.poll(); delta.Reset != "" && !delta.Unchecked {
			resets = append(resets, delta.Reset)
		}
	}
	return resets
}

func TestHandlesInstall(t *testing.T) {
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE item (id bigint PRIMARY KEY)")
	auto := followWith(t, listen.BackendConfig{Connector: connectorOf(t, d.SocketDSN()), DSN: d.SocketDSN(), Install: listen.InstallAuto})
	auto.untilCovered("item")
	if !fixtureValue[bool](t, db, "SELECT later FROM livesql.meta") {
		t.Error("it is not noted that later tables are captured, too")
	}
	fixtureExec(t, db, "INSERT INTO item VALUES (1)")
	auto.expect(auto.poll(), "", "I item 1")

	// So are tables that are created later, once the pause is over.
	fixtureExec(t, db, "CREATE TABLE later (id bigint PRIMARY KEY)")
	if resets := auto.untilCovered("later"); len(resets) == 0 {
		t.Error("later is covered, and no poll told of the schema")
	}
	// Other handles do it because the database says so, unless they must not.
	never := followWith(t, listen.BackendConfig{Connector: connectorOf(t, d.SocketDSN()), DSN: d.SocketDSN(), Install: listen.InstallNever})
	fixtureExec(t, db, "CREATE TABLE more (id bigint PRIMARY KEY)")
	never.backend.nextInstall = time.Time{}
	never.poll()
	if never.uncovered("more") == "" {
		t.Error("a handle installed although it must not")
	}
	plain := follow(t, d.SocketDSN())
	plain.untilCovered("more")
}

func TestUninstalledStaysUninstalled(t *testing.T) {
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE item (id bigint PRIMARY KEY)")
	fixtureInstallWith(t, db, listen.InstallOptions{Later: true})
	f := follow(t, d.SocketDSN())
	fixtureExec(t, db, "DROP SCHEMA livesql CASCADE")
	if _, err := f.reader.Poll(t.Context(), f.cursor); err == nil {
		t.Fatal("a poll without a log")
	}
	f.connect()
	f.expect(f.poll(), "livesql has been uninstalled from this database")
	f.backend.nextInstall = time.Time{}
	f.expect(f.poll(), "")
	if fixtureValue[bool](t, db, "SELECT to_regnamespace('livesql') IS NOT NULL") {
		t.Error("the feed has installed livesql again")
	}
	if a, err := f.backend.Analyze(t.Context(), "SELECT lower(name) FROM item"); err != nil || a.Uncacheable == "" {
		t.Errorf("without an installation: %+v, %v", a, err)
	}
}

// TestInstallingDelaysNoPoll: a table that is busy is tried again later.
func TestInstallingDelaysNoPoll(t *testing.T) {
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE busy (id bigint PRIMARY KEY)", "CREATE TABLE idle (id bigint PRIMARY KEY)")
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	fixtureExec(t, tx, "INSERT INTO busy VALUES (1)")
	began := time.Now()
	f := followWith(t, listen.BackendConfig{Connector: connectorOf(t, d.SocketDSN()), DSN: d.SocketDSN(), Install: listen.InstallAuto})
	if took := time.Since(began); took > listen.DefaultPatience/2 {
		t.Errorf("connecting and the first poll took %v", took)
	}
	f.untilCovered("idle")
	if f.uncovered("busy") == "" {
		t.Error("busy is covered")
	}
	pause := time.Now().Add(time.Hour)
	f.backend.nextInstall = pause
	f.poll()
	if !f.backend.nextInstall.Equal(pause) {
		t.Error("a poll in the pause tried to install")
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	f.untilCovered("busy")
}

// TestCloseEndsInstallation: nothing of a reader goes on when it is closed.
func TestCloseEndsInstallation(t *testing.T) {
	d := server.Postgres(t)
	f := followWith(t, listen.BackendConfig{Connector: connectorOf(t, d.SocketDSN()), DSN: d.SocketDSN(), Install: listen.InstallNever})
	i := f.reader.beginInstall()
	f.reader.installing = i
	f.close()
	select {
	case <-i.done:
	default:
		t.Error("the installation goes on")
		<-i.done
	}
}

// TestUninstallingAgainstHandles: handles that install what is missing, because
// the database says so, poll while the triggers of many tables are dropped.
func TestUninstallingAgainstHandles(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	db := d.DB()
	for i := range 40 {
		fixtureExec(t, db, fmt.Sprintf("CREATE TABLE t%02d (id bigint PRIMARY KEY)", i))
	}
	fixtureInstallWith(t, db, listen.InstallOptions{Later: true})
	f := follow(t, d.SocketDSN())
	over := make(chan error, 1)
	go func() { over <- Uninstall(context.Background(), db, listen.UninstallOptions{}) }()
	for {
		f.backend.nextInstall, f.reader.checked = time.Time{}, time.Time{}
		if delta, err := f.reader.Poll(t.Context(), f.cursor); err != nil {
			f.connect() // the log is gone
		} else {
			f.cursor = delta.Cursor
		}
		select {
		case err := <-over:
			if err != nil {
				t.Fatal(err)
			}
			if n := fixtureValue[int](t, db, "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"); n != 0 || fixtureValue[bool](t, db, "SELECT to_regnamespace('livesql') IS NOT NULL") {
				t.Errorf("%d triggers are left, or livesql is", n)
			}
			// One that began before ends.
			if _, err := install(t.Context(), db, listen.InstallOptions{Later: true}, true); !errors.Is(err, errUninstalled) {
				t.Errorf("a handle that installs after all: %v", err)
			}
			return
		default:
		}
	}
}

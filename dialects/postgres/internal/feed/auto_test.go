package feed

import (
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

func TestHandlesInstall(t *testing.T) {
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE item (id bigint PRIMARY KEY)")
	auto := followWith(t, listen.BackendConfig{Connector: connectorOf(t, d.SocketDSN()), DSN: d.SocketDSN(), Install: listen.InstallAuto})
	if why := auto.uncovered("item"); why != "" {
		t.Errorf("item is not covered: %s", why)
	}
	if !fixtureValue[bool](t, db, "SELECT later FROM livesql.meta") {
		t.Error("it is not noted that later tables are captured, too")
	}
	fixtureExec(t, db, "INSERT INTO item VALUES (1)")
	auto.expect(auto.poll(), "", "I item 1")

	// One poll after a CREATE TABLE is enough, once the pause is over.
	fixtureExec(t, db, "CREATE TABLE later (id bigint PRIMARY KEY)")
	auto.backend.nextInstall = time.Time{}
	if delta := auto.poll(); delta.Reset == "" || delta.Unchecked {
		t.Errorf("reset %q, unchecked %v", delta.Reset, delta.Unchecked)
	}
	if why := auto.uncovered("later"); why != "" {
		t.Errorf("later is not covered: %s", why)
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
	if why := plain.uncovered("more"); why != "" {
		t.Errorf("more is not covered: %s", why)
	}
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
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("connecting and the first poll took %v", took)
	}
	if why := f.uncovered("idle"); why != "" {
		t.Errorf("idle is not covered: %s", why)
	}
	if f.uncovered("busy") == "" {
		t.Error("busy is covered")
	}
	began = time.Now()
	f.poll()
	if took := time.Since(began); took > installLimit {
		t.Errorf("a poll in the pause took %v", took)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	f.backend.nextInstall = time.Time{}
	f.poll()
	if why := f.uncovered("busy"); why != "" {
		t.Errorf("busy is not covered: %s", why)
	}
}

package feed

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects/postgres/internal/libpq"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

func TestCursorSurvivesAConnection(t *testing.T) {
	d := captured(t)
	f := follow(t, d.SocketDSN())
	fixtureExec(t, d.DB(), "INSERT INTO item (id) VALUES (1)")
	f.connect()
	delta := f.glance()
	f.expect(delta, "", "I item 1")
	if delta.Unchecked {
		t.Error("the first poll of a connection did not look at the capture")
	}
}

func TestPrunedBelowTheCursor(t *testing.T) {
	d := capturedOn(t, calmServer(t).Database(t))
	db := d.DB()
	f := follow(t, d.SocketDSN())
	grow := func(id string) {
		t.Helper()
		fixtureExec(t, db, "INSERT INTO item (id) VALUES ("+id+")", "UPDATE livesql.log SET at = at - interval '1 hour'")
	}
	rows := func() (n int) {
		t.Helper()
		if err := db.QueryRow("SELECT count(*) FROM livesql.log").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// What was seen may go: the reader itself sees to that.
	grow("1")
	f.expect(f.glance(), "", "I item 1")
	f.reader.pruned = time.Now().Add(-2 * pruneEvery)
	f.expect(f.glance(), "")
	if n := rows(); n != 0 {
		t.Fatalf("%d rows are left in the log", n)
	}
	fixtureExec(t, db, "INSERT INTO item (id) VALUES (2)")
	f.connect()
	f.expect(f.glance(), "", "I item 2")
	// What was not seen may go, too, but not unnoticed.
	grow("3")
	fixtureExec(t, db, "SELECT livesql.prune('10 min')")
	if n := rows(); n != 0 {
		t.Fatalf("%d rows are left in the log", n)
	}
	f.expect(f.glance(), "the change log was pruned since it was last read")
	f.expect(f.glance(), "")
}

func TestServerLives(t *testing.T) {
	s := server.OwnPostgres(t)
	d := s.Database(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE item (id bigserial PRIMARY KEY)")
	fixtureInstallWith(t, db, listen.InstallOptions{Bell: listen.BellGated})
	f := follow(t, d.SocketDSN())
	first := f.backend.Identity()

	fixtureExec(t, db, "INSERT INTO item VALUES (1)")
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	fixtureExec(t, db, "SELECT 1", "INSERT INTO item VALUES (2)")
	f.connect()
	f.expect(f.glance(), "", "I item 1", "I item 2")
	restarted := f.backend.Identity()
	if restarted == first {
		t.Error("the identity is that from before the restart")
	}

	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A connection of the program may be there before the feed.
	early := f.home(d.SocketDSN())
	if early == f.backend.Identity() {
		t.Error("a connection to the new server is taken for one to the old")
	}
	f.connect()
	f.expect(f.glance(), "the server has crashed, or was restored or replaced")
	crashed := f.backend.Identity()
	if crashed == restarted || crashed != early {
		t.Errorf("the identity is %d after the crash, %d before, a connection said %d", crashed, restarted, early)
	}
	if there := f.home(s.Database(t).SocketDSN()); there == crashed {
		t.Error("a connection to another database is taken for one to this")
	}
	fixtureExec(t, db, "SELECT 1", "INSERT INTO item VALUES (3)")
	f.expect(f.glance(), "", "I item 3")

	// The same server as a standby, then promoted.
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir(), "data", "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.close()
	var standby *StandbyError
	if _, err := f.backend.Connect(t.Context()); !errors.As(err, &standby) || errors.Is(err, listen.ErrNoLog) {
		t.Errorf("connecting to a standby: %v", err)
	}
	fixtureExec(t, db, "SELECT pg_promote()")
	f.connect()
	f.expect(f.glance(), "the server has crashed, or was restored or replaced")
	promoted := f.backend.Identity()
	if promoted == crashed {
		t.Error("the identity is that from before the promotion")
	}

	// A copy takes the place of the database: its log begins like that of the
	// original, epoch and all.
	f.close()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	admin := s.Database(t).DB()
	fixtureExec(t, admin, "ALTER DATABASE "+d.Name()+" RENAME TO original", "CREATE DATABASE "+d.Name()+" TEMPLATE original")
	f.connect()
	f.expect(f.glance(), "the change log is that of another database")
	if f.backend.Identity() == promoted {
		t.Error("the identity is that of the original")
	}
	f.expect(f.glance(), "")
}

// home asks a connection where it is.
func (f *follower) home(dsn string) uint64 {
	f.t.Helper()
	conn, err := connectorOf(f.t, dsn).Connect(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	n, err := f.backend.Probe(f.t.Context(), conn)
	if err != nil {
		f.t.Fatal(err)
	}
	return n.Database
}

func TestSnapshotOfTheFuture(t *testing.T) {
	f := follow(t, captured(t).SocketDSN())
	c := f.cursor.(cursor)
	c.snapshot.xmax += 1000
	f.cursor = c
	f.expect(f.glance(), "the server has gone back in time")
}

func TestTooManyChanges(t *testing.T) {
	d := captured(t)
	f := follow(t, d.SocketDSN())
	const rows = "INSERT INTO livesql.log (rel, op, n, keys) SELECT 'item'::regclass, 'U', 1, jsonb_build_array(i) FROM generate_series(1, %) i"
	f.poll() // the log itself was changed
	fixtureExec(t, d.DB(), strings.Replace(rows, "%", "10000", 1))
	delta := f.glance()
	if n := len(delta.Changes); n != 10_000 || delta.Changes[0].Op != listen.Update {
		t.Errorf("%d changes, want each of 10000 keys", n)
	}
	fixtureExec(t, d.DB(), strings.Replace(rows, "%", "20001", 1))
	f.expect(f.glance(), "", "T item")
	fixtureExec(t, d.DB(), strings.Replace(rows, "%", "50001", 1))
	f.expect(f.glance(), "too many changes at once")
	f.expect(f.glance(), "")
}

func TestKeyThatChangesOftenComesOnce(t *testing.T) {
	d := captured(t)
	f := follow(t, d.SocketDSN())
	fixtureExec(t, d.DB(), "INSERT INTO item (id) VALUES (1)", "UPDATE item SET name = 'a'", "UPDATE item SET name = 'b'", "UPDATE item SET id = 2", "DELETE FROM item")
	f.expect(f.glance(), "", "D item 2", "I item 1", "U item 1", "U item 2")
}

func TestLogComesAndGoes(t *testing.T) {
	d := server.Postgres(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE item (id bigserial PRIMARY KEY)")
	f := follow(t, d.SocketDSN())
	if got := f.reader.Pace().Max; got != time.Second {
		t.Errorf("polls for a log every %v", got)
	}
	if _, err := f.backend.Token(f.cursor); err == nil {
		t.Error("a token without a log")
	}
	f.expect(f.glance(), "")
	fixtureInstallWith(t, db, listen.InstallOptions{Bell: listen.BellPoll})
	f.expect(f.glance(), "livesql has been installed in this database")
	if got, want := f.reader.Describe(), "no bell: installed without one"; got != want {
		t.Errorf("described as %q, want %q", got, want)
	}
	fixtureExec(t, db, "INSERT INTO item VALUES (1)")
	f.expect(f.glance(), "", "I item 1")
	identity, version := f.backend.Identity(), f.backend.Version()

	fixtureExec(t, db, "DROP SCHEMA livesql CASCADE")
	if _, err := f.reader.Poll(t.Context(), f.cursor); err == nil || errors.Is(err, listen.ErrNoLog) {
		t.Errorf("polling without a log: %v", err)
	}
	f.connect()
	f.expect(f.glance(), "livesql has been uninstalled from this database")
	if f.backend.Version() == version {
		t.Error("the catalogue is that of the log that is gone")
	}
	if f.backend.Identity() != identity {
		t.Error("the server is taken for another one")
	}
	fixtureInstallWith(t, db, listen.InstallOptions{Bell: listen.BellGated})
	f.expect(f.glance(), "livesql has been installed in this database")
}

func TestLogThatMayNotBeRead(t *testing.T) {
	d := captured(t)
	db := d.DB()
	role := d.Name() + "_reader"
	fixtureExec(t, db, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() { _, _ = db.Exec("DROP OWNED BY " + role + "; DROP ROLE " + role) })
	f := &follower{t: t, backend: backendOf(t, libpq.Driver, listen.BackendConfig{Connector: connectorOf(t, d.SocketDSN("user="+role)), DSN: d.SocketDSN("user=" + role)})}
	t.Cleanup(f.close)
	f.connect()
	if _, err := f.reader.Poll(t.Context(), nil); err == nil || errors.Is(err, listen.ErrNoLog) || !strings.Contains(err.Error(), "may not read") {
		t.Errorf("polling a log that may not be read: %v", err)
	}
	fixtureExec(t, db, "GRANT USAGE ON SCHEMA livesql TO "+role, "GRANT SELECT ON ALL TABLES IN SCHEMA livesql TO "+role, "GRANT EXECUTE ON FUNCTION livesql.attend, livesql.fingerprint TO "+role)
	f.connect()
	f.expect(f.poll(), "the feed has started")
	// It may not prune, which matters to nobody.
	fixtureExec(t, db, "INSERT INTO item (id) VALUES (1)")
	f.reader.pruned = time.Time{}
	f.expect(f.poll(), "", "I item 1")
	f.expect(f.poll(), "")
}

func TestLayoutOfAnotherVersion(t *testing.T) {
	d := captured(t)
	f := follow(t, d.SocketDSN())
	fixtureExec(t, d.DB(), "UPDATE livesql.meta SET version = 99")
	if _, err := f.reader.Poll(t.Context(), f.cursor); !errors.Is(err, listen.ErrNoLog) {
		t.Errorf("polling a log of layout 99: %v", err)
	}
}

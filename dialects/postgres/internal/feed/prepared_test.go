package feed

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

const prepared = "a transaction has ended that was prepared before the change log began, and may be missing from it"

// TestPreparedBeforeACrash prepares transactions that outlive a crash, which
// what they logged does not.
func TestPreparedBeforeACrash(t *testing.T) {
	t.Parallel()
	s := server.OwnPostgres(t)
	d := s.Database(t)
	db := d.DB()
	db.SetMaxIdleConns(0) // they would be to the server before
	fixtureExec(t, db, "CREATE TABLE item (id bigserial PRIMARY KEY, name text)", "INSERT INTO item SELECT generate_series(1, 5)")
	fixtureInstallWith(t, db, listen.InstallOptions{Bell: listen.BellGated})
	f := follow(t, d.SocketDSN())
	for i, name := range []string{"first", "second", "third", "fourth", "fifth"} {
		prepareUpdate(t, db, i+1, name)
	}
	f.expect(f.glance(), "")
	f.close()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	// It began before the epoch, too, but what it logs is there.
	ordinary := fixtureConn(t, db)
	fixtureExec(t, ordinary, "BEGIN", "INSERT INTO item VALUES (6)")
	f.connect()
	f.expect(f.glance(), "the server has crashed, or was restored or replaced")
	f.expect(f.glance(), "")
	fixtureExec(t, ordinary, "COMMIT")
	if err := ordinary.Close(); err != nil {
		t.Fatal(err)
	}
	f.expect(f.glance(), "", "I item 6")
	// What was prepared after the crash is logged.
	prepareUpdate(t, db, 6, "later")
	fixtureExec(t, db, "INSERT INTO item VALUES (7)")
	f.connect()
	f.expect(f.glance(), "", "I item 7")
	fixtureExec(t, db, "COMMIT PREPARED 'later'")
	f.expect(f.glance(), "", "U item 6")

	before := f.cursor
	text, err := f.backend.Keep(before)
	if err != nil {
		t.Fatal(err)
	}
	fixtureExec(t, db, "COMMIT PREPARED 'first'")
	f.expect(deltaIn(t, f, db, before), prepared)
	f.expect(f.glance(), prepared)
	f.expect(f.glance(), "")
	// Another process goes on where this one was.
	if f.cursor, err = f.backend.Resume(text, f.cursor); err != nil {
		t.Fatal(err)
	}
	f.expect(f.glance(), prepared)
	f.expect(f.glance(), "")
	f.expect(deltaIn(t, f, db, f.cursor), "")
	// The reader that has the cursor was there, one was not, none was.
	fixtureExec(t, db, "COMMIT PREPARED 'second'")
	f.expect(f.glance(), prepared)
	f.connect()
	f.expect(f.glance(), "")
	fixtureExec(t, db, "COMMIT PREPARED 'third'")
	f.expect(f.glance(), prepared)
	f.close()
	fixtureExec(t, db, "COMMIT PREPARED 'fourth'")
	f.connect()
	f.expect(f.glance(), prepared)
	f.expect(f.glance(), "")

	// A standby that is promoted has what was prepared, too.
	f.close()
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir(), "data", "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	fixtureExec(t, db, "SELECT pg_promote()")
	f.connect()
	f.expect(f.glance(), "the server has crashed, or was restored or replaced")
	f.expect(f.glance(), "")
	fixtureExec(t, db, "COMMIT PREPARED 'fifth'")
	f.expect(f.glance(), prepared)
	f.expect(f.glance(), "")
}

// TestEpochMadeByAnother has a reader come to a log without an epoch, which another
// one makes when this one has asked for it and is kept waiting for its first poll.
func TestEpochMadeByAnother(t *testing.T) {
	t.Parallel()
	d := captured(t)
	f := follow(t, d.SocketDSN())
	f.connect()
	other := fixtureConn(t, d.DB())
	fixtureExec(t, other, "DELETE FROM livesql.epoch", "BEGIN", "LOCK TABLE livesql.meta IN ACCESS EXCLUSIVE MODE")
	polled := make(chan error, 1)
	go func() {
		_, err := f.reader.Poll(t.Context(), nil)
		polled <- err
	}()
	fixtureAwait(t, d.DB(), "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'livesql.meta'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))")
	fixtureExec(t, other, "SELECT livesql.attend()", "COMMIT")
	if err := <-polled; err != nil {
		t.Error(err)
	}
	if epoch := fixtureValue[string](t, d.DB(), "SELECT id::text FROM livesql.epoch"); f.reader.epoch != epoch {
		t.Errorf("the epoch is %q, and %q to the reader", epoch, f.reader.epoch)
	}
}

// TestOlderThanTheEpoch has epochs at both ends of the numbers that wrap around.
func TestOlderThanTheEpoch(t *testing.T) {
	t.Parallel()
	const wrap = 1 << 32
	for _, c := range []struct {
		name      string
		made      uint32
		xids      []uint32
		xmax      uint64
		xip, want []uint64
	}{
		{"older, ordinary, later", 20, []uint32{10, 30}, 40, []uint64{10, 12, 25, 30}, []uint64{10}},
		{"nothing prepared", 20, nil, 40, []uint64{10, 30}, nil},
		{"prepared, and ended before the snapshot", 20, []uint32{10}, 40, []uint64{12}, nil},
		{"the epoch from before the numbers wrapped", wrap - 5, []uint32{wrap - 9, 3}, wrap + 10, []uint64{wrap - 9, wrap + 3}, []uint64{wrap - 9}},
		{"the epoch from after they wrapped", 5, []uint32{wrap - 9, 3, 7}, 2*wrap + 10, []uint64{2*wrap - 9, 2*wrap + 3, 2*wrap + 7}, []uint64{2*wrap - 9, 2*wrap + 3}},
		{"an old epoch", 20, []uint32{3 << 30}, 3<<30 + 9, []uint64{3 << 30}, nil},
		{"an epoch of which the numbers have come again", 20, []uint32{30, 40}, wrap + 50, []uint64{wrap + 30, wrap + 40}, nil},
	} {
		s := snapshot{xmin: c.xip[0], xmax: c.xmax, xip: c.xip}
		if got := (preparations{"e", c.made, c.xids}).older(s); !slices.Equal(got, c.want) {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// prepareUpdate prepares a transaction that updates one item.
func prepareUpdate(t *testing.T, db *sql.DB, id int, name string) {
	t.Helper()
	conn := fixtureConn(t, db)
	fixtureExec(t, conn, "BEGIN")
	if _, err := conn.ExecContext(t.Context(), "UPDATE item SET name = 'new' WHERE id = $1", id); err != nil {
		t.Fatal(err)
	}
	fixtureExec(t, conn, "PREPARE TRANSACTION '"+name+"'")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// deltaIn asks in a transaction.
func deltaIn(t *testing.T, f *follower, db *sql.DB, since listen.Cursor) listen.Delta {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	delta, err := f.backend.DeltaIn(t.Context(), tx, since)
	if err != nil {
		t.Fatal(err)
	}
	return delta
}

package feed

import (
	"fmt"
	"testing"
	"time"

	"github.com/vantage-go/live/testdb/server"
)

// TestSerializableByDefault: polls of a database whose transactions are
// serializable, or read only, unless they say otherwise. Two writers that do
// not conflict with each other commit, also with a poll between them, which
// would have to come before the one and after the other.
func TestSerializableByDefault(t *testing.T) {
	t.Parallel()
	d := captured(t)
	fixtureExec(t, d.DB(), "INSERT INTO item VALUES (1), (2)", "CREATE TABLE seen (id bigint PRIMARY KEY)", "INSERT INTO seen VALUES (1)")
	fixtureInstall(t, d.DB())
	fixtureExec(t, d.DB(), fmt.Sprintf("ALTER DATABASE %s SET default_transaction_isolation = 'serializable'", quoteName(d.Name())))
	fixtureExec(t, d.DB(), fmt.Sprintf("ALTER DATABASE %s SET default_transaction_read_only = on", quoteName(d.Name())))
	f := follow(t, d.SocketDSN())
	if got := fixtureValue[string](t, f.reader.own(), "SHOW default_transaction_isolation"); got != "serializable" {
		t.Fatalf("the feed's transactions are %s by default: the test proves nothing", got)
	}
	writers := fixturePool(t, d.SocketDSN("default_transaction_read_only=off"))
	first, second := fixtureConn(t, writers), fixtureConn(t, writers)
	fixtureExec(t, first, "BEGIN", "SELECT * FROM seen", "INSERT INTO item VALUES (3)")
	fixtureExec(t, second, "UPDATE seen SET id = 2")
	f.expect(f.glance(), "", "U seen 1", "U seen 2")
	fixtureExec(t, first, "COMMIT")
	f.expect(f.glance(), "", "I item 3")
	// And the log is pruned.
	fixtureExec(t, second, "INSERT INTO livesql.log (at, rel, op, n) VALUES (now() - interval '1 hour', 'item'::regclass, 'T', -1)")
	// A pruner gives up on a busy machine, and when others on the server have
	// transactions that are older than the row.
	left := 1
	for limit := time.Now().Add(time.Minute); left > 0 && time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		f.reader.pruned = time.Now().Add(-3 * pruneEvery)
		f.poll()
		left = fixtureValue[int](t, second, "SELECT count(*) FROM livesql.log WHERE at < now() - interval '30 min'")
	}
	if left > 0 {
		t.Errorf("%d old rows are left", left)
	}
}

// TestClosedPoolsAreForgotten: what an installation has opened is not kept for
// as long as the feed lives.
func TestClosedPoolsAreForgotten(t *testing.T) {
	t.Parallel()
	d := server.Postgres(t)
	f := follow(t, d.SocketDSN())
	before := len(f.reader.wires.cuts)
	for range 3 {
		pool := f.reader.wires.open()
		if err := pool.PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := pool.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if after := len(f.reader.wires.cuts); after != before || before == 0 {
		t.Errorf("cuts of %d pools are kept, want those of %d", after, before)
	}
}

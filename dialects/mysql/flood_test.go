package mysql

import (
	"errors"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

// A flood is answered from what was read of it, however much more there is.
func TestAFloodIsNotReadToItsEnd(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE idle (id INT PRIMARY KEY)")
	f := follow(t, db.SocketDSN(), listen.InstallNever, noStamper, func(d *database) { d.limit = 10 })
	read := func() (n int) {
		t.Helper()
		query := "SELECT SUM(VARIABLE_VALUE) FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME IN ('HANDLER_READ_NEXT', 'HANDLER_READ_KEY', 'HANDLER_READ_RND_NEXT')"
		if err := one(t.Context(), f.reader.conn, query, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	f.poll()
	f.reader.looked = time.Now().Add(time.Hour) // a look at the schema reads a lot, too
	overhead := read()
	overhead = read() - overhead
	mustExec(t, db.DB(), "INSERT INTO t SELECT seq FROM seq_1_to_5000")
	before := read()
	f.expect("t T all", "idle T all")
	if n := read() - before - overhead; n > 100 {
		t.Errorf("a poll with a limit of 10 rows read %d", n)
	}
	many := newBackend(t, db.SocketDSN(), listen.InstallNever)
	if err := newStamper(many, f.reader.server).stampAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.expect("t T all", "idle T all") // stamped since
	mustExec(t, db.DB(), "INSERT INTO t VALUES (6000)")
	f.expect("t I int64:6000")
}

func TestPruneTellsThatThereIsMore(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	f := follow(t, db.SocketDSN(), listen.InstallNever, noStamper)
	s := newStamper(newBackend(t, db.SocketDSN(), listen.InstallNever, func(d *database) { d.retention = -time.Second }), f.reader.server)
	mustExec(t, db.DB(), "DELETE FROM livesql_log", "INSERT INTO livesql_log (tbl, op, batch, at) SELECT 1, 'T', 1, NOW(3) FROM seq_1_to_60000", "UPDATE livesql_head SET last_batch = 1")
	for _, want := range []bool{true, false} {
		more, err := s.prune(t.Context())
		if err != nil || more != want {
			t.Errorf("more %v, %v", more, err)
		}
	}
	var n int
	if err := one(t.Context(), db.DB(), "SELECT COUNT(*) FROM livesql_log", &n); err != nil || n != 0 {
		t.Errorf("%d rows are left, %v", n, err)
	}
}

func TestWhatWasReachedStaysReached(t *testing.T) {
	d := &database{}
	made := cursor{at: place{server: "s", boot: 1, epoch: "0123456789abcdef"}, batch: 5, early: map[uint64]struct{}{77: {}}}
	text, err := d.Token(made)
	if err != nil {
		t.Fatal(err)
	}
	now := made
	for batch := uint64(6); batch < 10; batch++ {
		v := &view{head: head{last: batch}}
		if batch == 6 {
			v.add(logRow{id: 77, stamped: true})
		}
		for i := range uint64(5000) {
			v.add(logRow{id: batch*10_000 + i, stamped: true})
		}
		now, _ = now.after(v)
		if ok, err := d.Reached(now, text); err != nil || !ok {
			t.Errorf("batch %d: %v, %v", batch, ok, err)
		}
	}
	other := made
	other.early = nil
	if ok, err := d.Reached(other, text); err != nil || ok {
		t.Errorf("without the row: %v, %v", ok, err)
	}
}

func TestTokensAreShort(t *testing.T) {
	d := &database{}
	c := cursor{at: place{server: "s", boot: 1, epoch: "0123456789abcdef"}, early: make(map[uint64]struct{})}
	for i := range uint64(tokenEarly) {
		c.early[1<<63+i] = struct{}{}
	}
	text, err := d.Token(c)
	if err != nil || len(text) > tokenLimit {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if ok, err := d.Reached(c, text); err != nil || !ok {
		t.Errorf("reached %v, %v", ok, err)
	}
	c.early[1] = struct{}{}
	if _, err := d.Token(c); !errors.Is(err, errNoToken) {
		t.Errorf("a token of many rows: %v", err)
	}
	var refused *listen.TokenError
	if _, err := d.Reached(c, text+string(make([]byte, tokenLimit))); !errors.As(err, &refused) {
		t.Errorf("a long token: %v", err)
	}
}

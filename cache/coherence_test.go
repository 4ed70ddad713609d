package cache_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/livesql"
)

// Each test here drives one interleaving that breaks a cache which does one
// step in the wrong place. TestBrokenVariants runs them against such caches.

// TestFillRacesWrite: a read takes its snapshot, a write is acknowledged, and
// only then the read's rows arrive. They must not be stored.
func TestFillRacesWrite(t *testing.T) {
	t.Parallel()
	s := newStore("old")
	db, _ := open(t, s)
	held := s.hold("snapshot")
	defer held.release()
	got := reading(t, db.DB)
	soon(t, "the read", held.reached)
	if err := soon(t, "the write", writing(t, db.DB, "new")); err != nil {
		t.Fatal(err)
	}
	held.release()
	if v := soon(t, "the read's end", got); v != "old" {
		t.Fatalf("the read that began first got %q, want its snapshot", v)
	}
	if v := read(t, db.DB); v != "new" {
		t.Errorf("a read after the acknowledgement got %q, want %q", v, "new")
	}
}

// TestFillRacesForeignWrite: the same with a write of another program, which
// the feed reports.
func TestFillRacesForeignWrite(t *testing.T) {
	t.Parallel()
	s := newStore("old")
	db, feed := open(t, s)
	held := s.hold("snapshot")
	defer held.release()
	got := reading(t, db.DB)
	soon(t, "the read", held.reached)
	s.set("new")
	feed.Change("t")
	held.release()
	soon(t, "the read's end", got)
	if v := read(t, db.DB); v != "new" {
		t.Errorf("a read after the report got %q, want %q", v, "new")
	}
}

// TestWriteInvalidatesAfterAck: while a write is on its way, a read stores the
// old value. The acknowledgement must drop it.
func TestWriteInvalidatesAfterAck(t *testing.T) {
	t.Parallel()
	s := newStore("old")
	db, _ := open(t, s)
	held := s.hold("commit")
	defer held.release()
	done := writing(t, db.DB, "new")
	soon(t, "the write", held.reached)
	if v := read(t, db.DB); v != "old" {
		t.Fatalf("a read before the commit got %q", v)
	}
	held.release()
	if err := soon(t, "the acknowledgement", done); err != nil {
		t.Fatal(err)
	}
	if v := read(t, db.DB); v != "new" {
		t.Errorf("a read after the acknowledgement got %q, want %q", v, "new")
	}
}

// TestNoJoinAfterWrite: a read is under way when a write is acknowledged. A
// read that starts then must not wait for the first one's result.
func TestNoJoinAfterWrite(t *testing.T) {
	t.Parallel()
	s := newStore("old")
	db, _ := open(t, s)
	held := s.hold("snapshot")
	defer held.release()
	first := reading(t, db.DB)
	soon(t, "the first read", held.reached)
	if err := soon(t, "the write", writing(t, db.DB, "new")); err != nil {
		t.Fatal(err)
	}
	second := reading(t, db.DB)
	// The second read either goes its own way, and ends now, or waits for
	// the first.
	var v string
	select {
	case v = <-second:
		held.release()
	case <-time.After(time.Second):
		held.release()
		v = soon(t, "the second read", second)
	}
	soon(t, "the first read's end", first)
	if v != "new" {
		t.Errorf("the read that began after the acknowledgement got %q, want %q", v, "new")
	}
}

// TestReadersShareOneFlight: readers that come while a read is under way wait
// for it, and the database is asked once.
func TestReadersShareOneFlight(t *testing.T) {
	t.Parallel()
	s := newStore("old")
	db, _ := open(t, s)
	held := s.hold("snapshot")
	defer held.release()
	first := reading(t, db.DB)
	soon(t, "the first read", held.reached)
	second := reading(t, db.DB)
	for db.Stats().InUse < 2 {
		time.Sleep(time.Millisecond)
	}
	s.set("must not be read")
	held.release()
	for _, c := range []<-chan string{first, second} {
		if v := soon(t, "a read", c); v != "old" {
			t.Errorf("got %q, want %q", v, "old")
		}
	}
	if stats := db.CacheStats(); stats.Misses != 1 || stats.Hits != 1 {
		t.Errorf("misses %d, hits %d: want one of each", stats.Misses, stats.Hits)
	}
}

// TestLeaderFails: the error of a read under way is nobody else's.
func TestLeaderFails(t *testing.T) {
	t.Parallel()
	s := newStore("value")
	db, _ := open(t, s)
	held := s.hold("before snapshot")
	defer held.release()
	const broken = "SELECT v FROM t WHERE v = 'broken'"
	ask := func() <-chan error {
		done := make(chan error, 1)
		go func() {
			var v string
			done <- db.QueryRowContext(t.Context(), broken).Scan(&v)
		}()
		return done
	}
	first := ask()
	soon(t, "the first read", held.reached)
	second := ask()
	for db.Stats().InUse < 2 {
		time.Sleep(time.Millisecond)
	}
	held.release()
	for _, c := range []<-chan error{first, second} {
		if err := soon(t, "a read", c); err == nil || err.Error() != errBroken.Error() {
			t.Errorf("got error %v, want its own %v", err, errBroken)
		}
	}
	if stats := db.CacheStats(); stats.Misses != 2 || stats.Stores != 0 {
		t.Errorf("misses %d, stores %d: want each read to ask for itself and nothing stored", stats.Misses, stats.Stores)
	}
}

// TestLeaseEnds: the feed falls silent. When the lease is over, reads go to
// the database.
func TestLeaseEnds(t *testing.T) {
	t.Parallel()
	s := newStore("old")
	const lease = 200 * time.Millisecond
	db, feed := open(t, s, livesql.Lease(lease))
	read(t, db.DB)
	feed.Silence()
	s.set("new")
	time.Sleep(lease)
	if v := read(t, db.DB); v != "new" {
		t.Errorf("a read after the lease got %q, want %q", v, "new")
	}
	if stats := db.CacheStats(); stats.Bypassed[cache.NoLease] == 0 {
		t.Errorf("no read was counted as without a lease: %+v", stats)
	}
}

// TestFeedLost: while the feed is lost nothing is served; when it is back,
// what has not changed is served again.
func TestFeedLost(t *testing.T) {
	t.Parallel()
	s := newStore("old")
	db, feed := open(t, s)
	read(t, db.DB)
	feed.Lose(nil)
	s.set("new")
	if v := read(t, db.DB); v != "new" {
		t.Errorf("while the feed was lost a read got %q, want %q", v, "new")
	}
	s.set("newer")
	if v := read(t, db.DB); v != "newer" {
		t.Errorf("while the feed was lost a read got %q, want %q: it was stored", v, "newer")
	}
	feed.Change("t")
	feed.Restore()
	if v := read(t, db.DB); v != "newer" {
		t.Errorf("after the feed caught up a read got %q, want %q", v, "newer")
	}
}

// TestNothingStoredWithoutLease: what is read while the feed is lost is not
// stored, even if the log turns out to hold no change of it: the table may
// have been out of the log's sight.
func TestNothingStoredWithoutLease(t *testing.T) {
	t.Parallel()
	s := newStore("old")
	db, feed := open(t, s)
	feed.Lose(nil)
	if v := read(t, db.DB); v != "old" {
		t.Fatalf("got %q", v)
	}
	s.set("new") // unlogged
	feed.Restore()
	if v := read(t, db.DB); v != "new" {
		t.Errorf("after the feed came back a read got %q, want %q", v, "new")
	}
}

// TestBytesAreCopied: neither the driver's buffer nor a caller's RawBytes is
// the cache's.
func TestBytesAreCopied(t *testing.T) {
	t.Parallel()
	s := newStore("value")
	db, _ := open(t, s)
	scribble := func() string {
		rows, err := db.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
		var raw sql.RawBytes
		if err := rows.Scan(&raw); err != nil {
			t.Fatal(err)
		}
		v := string(raw)
		for i := range raw {
			raw[i] = 'x'
		}
		return v
	}
	for i := range 3 {
		if v := scribble(); v != "value" {
			t.Fatalf("read %d got %q, want %q", i, v, "value")
		}
	}
	if stats := db.CacheStats(); stats.Hits != 2 {
		t.Errorf("hits %d, want 2", stats.Hits)
	}
}

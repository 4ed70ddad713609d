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
	v := during(t, s, "snapshot", reading(t, db.DB), func(*gate) {
		if err := soon(t, "the write", writing(t, db.DB, "new")()); err != nil {
			t.Fatal(err)
		}
	})
	if v != "old" {
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
	during(t, s, "snapshot", reading(t, db.DB), func(*gate) {
		s.set("new")
		feed.Change("t")
	})
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
	err := during(t, s, "commit", writing(t, db.DB, "new"), func(*gate) {
		if v := read(t, db.DB); v != "old" {
			t.Fatalf("a read before the commit got %q", v)
		}
	})
	if err != nil {
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
	var v string
	during(t, s, "snapshot", reading(t, db.DB), func(first *gate) {
		if err := soon(t, "the write", writing(t, db.DB, "new")()); err != nil {
			t.Fatal(err)
		}
		second := reading(t, db.DB)()
		// The second read either goes its own way, and ends now, or waits for
		// the first.
		select {
		case v = <-second:
		case <-time.After(time.Second):
			first.release()
			v = soon(t, "the second read", second)
		}
	})
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
	var second <-chan string
	first := during(t, s, "snapshot", reading(t, db.DB), func(*gate) {
		second = reading(t, db.DB)()
		inUse(db.DB, 2)
		s.set("must not be read")
	})
	for _, v := range []string{first, soon(t, "the second read", second)} {
		if v != "old" {
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
	ask := func() <-chan error {
		done := make(chan error, 1)
		go func() {
			var v string
			done <- db.QueryRowContext(t.Context(), "SELECT v FROM t WHERE v = 'broken'").Scan(&v)
		}()
		return done
	}
	var second <-chan error
	first := during(t, s, "before snapshot", ask, func(*gate) {
		second = ask()
		inUse(db.DB, 2)
	})
	for _, err := range []error{first, soon(t, "the second read", second)} {
		if err == nil || err.Error() != errBroken.Error() {
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

// TestRememberedEntryDies: a connection that has read the same again and again
// learns of every write.
func TestRememberedEntryDies(t *testing.T) {
	t.Parallel()
	s := newStore("old")
	db, feed := open(t, s)
	for _, write := range []struct{ value, by string }{{"mine", "this program"}, {"theirs", "another program"}} {
		for range 4 { // fill, find, and twice where it is remembered
			read(t, db.DB)
		}
		if write.by == "this program" {
			if err := soon(t, "the write", writing(t, db.DB, write.value)()); err != nil {
				t.Fatal(err)
			}
		} else {
			s.set(write.value)
			feed.Change("t")
		}
		if v := read(t, db.DB); v != write.value {
			t.Errorf("a read after the write of %s got %q, want %q", write.by, v, write.value)
		}
	}
	if stats := db.CacheStats(); stats.Hits != 7 || stats.Misses != 3 {
		t.Errorf("hits %d, misses %d: want 7 and 3", stats.Hits, stats.Misses)
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

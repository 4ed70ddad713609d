package feed

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects/postgres/internal/libpq"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// sleepy follows a database with a bell, and polls by itself only once an hour
// while it may rely on the bell.
func sleepy(t *testing.T, s *server.Server) (*follower, *server.Database) {
	t.Helper()
	d := s.Database(t)
	fixtureExec(t, d.DB(), "CREATE TABLE item (id bigserial PRIMARY KEY, v int)")
	fixtureInstall(t, d.DB())
	f := &follower{t: t, backend: backendOf(t, libpq.Driver, listen.BackendConfig{Connector: connectorOf(t, d.SocketDSN()), DSN: d.SocketDSN()})}
	t.Cleanup(f.close)
	f.backend.times.sleep = time.Hour
	f.connect()
	f.poll()
	return f, d
}

// pause is what the feed does between two polls: it waits for the bell, and for
// the time that the reader gives.
func (f *follower) pause() (rang bool) {
	timer := time.NewTimer(f.reader.Pace().Max)
	defer timer.Stop()
	select {
	case <-f.reader.Bell():
		return true
	case <-timer.C:
		return false
	case <-time.After(patience):
		f.t.Fatalf("it oversleeps: %+v", f.reader.sleeper)
		return false
	}
}

// untilTold polls as the feed does until a change comes, and wants it.
func (f *follower) untilTold(want ...string) {
	f.t.Helper()
	for {
		f.pause()
		if delta := f.glance(); len(delta.Changes) > 0 {
			f.expect(delta, "", want...)
			return
		}
	}
}

// TestSleepIsSaid: writers ring while a reader sleeps, and no longer once it
// polls all the time.
func TestSleepIsSaid(t *testing.T) {
	t.Parallel()
	s := server.OwnPostgres(t, server.Setting("max_prepared_transactions", "0"))
	f, d := sleepy(t, s)
	db := d.DB()
	sleepers := func() int {
		t.Helper()
		return fixtureValue[int](t, db, fmt.Sprintf("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %d AND mode = 'ShareLock' AND granted", lockSleep))
	}
	if n := sleepers(); n != 0 {
		t.Errorf("%d sleep before the bell was heard", n)
	}
	f.untilAsleep()
	if n := sleepers(); n != 1 {
		t.Errorf("%d sleep, want 1", n)
	}
	f.silence()
	fixtureExec(t, db, "INSERT INTO item DEFAULT VALUES")
	if !f.pause() {
		t.Error("nobody rang for a sleeping reader")
	}
	f.expect(f.glance(), "", "I item 1")
	// Some changes now and then wake it, and it sleeps on.
	for range 2 * fullPolls {
		fixtureExec(t, db, "INSERT INTO item DEFAULT VALUES")
		f.glance()
		f.glance()
	}
	if n := sleepers(); n != 1 {
		t.Errorf("after some changes, %d sleep", n)
	}
	// Those of every poll make it get up.
	for range fullPolls + 1 {
		fixtureExec(t, db, "INSERT INTO item DEFAULT VALUES")
		f.glance()
	}
	if n := sleepers(); n != 0 || f.reader.sleeper.asleep {
		t.Errorf("with changes in every poll, %d sleep", n)
	}
	if most := f.reader.Pace().Max; most > awakeEvery {
		t.Errorf("awake, it polls every %v", most)
	}
	// A ring from before may come late.
	for tries := 1; ; tries++ {
		f.silence()
		fixtureExec(t, db, "INSERT INTO item DEFAULT VALUES")
		if rang := f.pause(); !rang {
			break
		}
		if tries == 20 {
			t.Fatal("it is rung for while awake")
		}
		f.glance()
	}
	f.untilAsleep()
	if n := sleepers(); n != 1 {
		t.Errorf("when nothing happens any more, %d sleep", n)
	}
	// A bell that has fallen silent is not slept by.
	f.reader.bell.stop()
	f.reader.bell.fail(t.Context(), silent)
	f.glance()
	if n := sleepers(); n != 0 {
		t.Errorf("without a bell, %d sleep", n)
	}
}

// TestTransactionsFromBefore: a transaction that wrote while nobody slept does
// not ring, and is noticed all the same. One is the last to have begun, so that
// snapshots do not list it.
func TestTransactionsFromBefore(t *testing.T) {
	t.Parallel()
	s := server.OwnPostgres(t, server.Setting("max_prepared_transactions", "0"))
	for _, later := range []bool{false, true} {
		f, d := sleepy(t, s)
		db := d.DB()
		f.until("the bell works", f.reader.bell.works)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		f.reader.sleeper = sleeper{full: fullPolls} // awake
		fixtureExec(t, f.reader.conn, getUpSQL)
		fixtureExec(t, tx, "INSERT INTO item DEFAULT VALUES")
		if later {
			fixtureExec(t, db, "INSERT INTO item DEFAULT VALUES")
		}
		f.until("it sleeps", func() bool { return f.reader.sleeper.asleep && f.reader.sleeper.number == 0 })
		if !f.reader.sleeper.doubts() {
			t.Errorf("later %v: nothing is in doubt", later)
		}
		f.silence()
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		f.untilTold("I item 1")
		f.glance()
		if f.reader.sleeper.doubts() {
			t.Errorf("later %v: the transaction is in doubt after its end", later)
		}
	}
}

// TestNothingIsOverslept has writers of all kinds against a reader that sleeps
// whenever it may, and polls of itself only once an hour then.
func TestNothingIsOverslept(t *testing.T) {
	t.Parallel()
	s := server.OwnPostgres(t, server.Setting("max_prepared_transactions", "0"))
	f, d := sleepy(t, s)
	db := d.DB()
	db.SetMaxIdleConns(8)
	f.untilAsleep()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	var writers sync.WaitGroup
	var mu sync.Mutex // guards committed
	committed := make(map[int64]time.Time)
	for w := range 6 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			for ctx.Err() == nil {
				id, err := sleepWrite(db, r, w)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				committed[id] = time.Now()
				mu.Unlock()
				if r.IntN(4) == 0 { // quiet for a while: it lies down
					time.Sleep(time.Duration(r.IntN(150)) * time.Millisecond)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		writers.Wait()
		close(done)
	}()
	told := make(map[int64]int) // by which poll
	rings, slept, got := 0, 0, 0
	var unrung time.Time // what was committed before should have woken it from its last pause
	for poll, ended := 1, false; ; poll++ {
		sent := time.Now()
		for _, c := range f.glance().Changes {
			told[c.Key.(int64)] = poll
		}
		if f.reader.sleeper.asleep {
			slept++
		} else {
			got++
		}
		mu.Lock()
		var late []string
		for id, at := range committed {
			switch {
			case told[id] == poll && at.Before(unrung):
				late = append(late, fmt.Sprint(id, " overslept for ", time.Since(at)))
			case told[id] == 0 && at.Before(sent): // however long the poll took
				late = append(late, fmt.Sprint(id, " committed ", sent.Sub(at), " before a poll that does not tell of it"))
			}
			if told[id] > 0 {
				delete(committed, id)
			}
		}
		left := len(committed)
		mu.Unlock()
		if late != nil {
			t.Fatalf("%s; %+v", strings.Join(late, ", "), f.reader.sleeper)
		}
		if ended && left == 0 {
			break
		}
		const long = 3 * time.Second // only where it relies on the bell
		pause := min(f.reader.Pace().Max, long)
		timer := time.NewTimer(pause)
		unrung = time.Time{}
		select {
		case <-f.reader.Bell():
			rings++
		case <-timer.C:
			select {
			case <-f.reader.Bell(): // just as late: nothing ran
				rings++
			default:
				if pause == long {
					unrung = time.Now().Add(-long / 2)
				}
			}
		case <-done:
			done, ended = nil, true
		}
		timer.Stop()
		time.Sleep(time.Millisecond)
	}
	if slept == 0 || got == 0 || rings == 0 {
		t.Errorf("asleep after %d polls, awake after %d, woken %d times", slept, got, rings)
	}
	t.Logf("asleep after %d polls, awake after %d, woken %d times", slept, got, rings)
}

// sleepWrite commits a row, and sometimes takes its time.
func sleepWrite(db *sql.DB, r *rand.Rand, writer int) (id int64, err error) {
	ctx := context.Background()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	if err := tx.QueryRowContext(ctx, "INSERT INTO item (v) VALUES ($1) RETURNING id", writer).Scan(&id); err != nil {
		return 0, err
	}
	if r.IntN(8) == 0 {
		time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
	}
	return id, tx.Commit()
}

// TestRoleThatMayNotLock: who cannot tell writers to ring finds changes by
// polling.
func TestRoleThatMayNotLock(t *testing.T) {
	t.Parallel()
	s := server.OwnPostgres(t, server.Setting("max_prepared_transactions", "0"))
	d := s.Database(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE item (id bigserial PRIMARY KEY)")
	fixtureInstall(t, db)
	role, _ := fixtureRole(t, d, "reader")
	// Nor do writers fail that cannot look. The table has its owner before the feed
	// looks at it, which takes that for another schema.
	fixtureExec(t, db, strings.TrimSuffix(grants(role), ";"),
		"REVOKE EXECUTE ON FUNCTION pg_try_advisory_lock_shared(int, int) FROM PUBLIC",
		"REVOKE EXECUTE ON FUNCTION pg_try_advisory_lock(int, int) FROM PUBLIC", "ALTER TABLE item OWNER TO "+quoteName(role))
	dsn := d.SocketDSN("user=" + role)
	f := followWith(t, listen.BackendConfig{Connector: connectorOf(t, dsn), DSN: dsn})
	f.until("it gives up", func() bool { return f.reader.sleeper.refused != "" })
	if got := f.reader.Describe(); !strings.HasPrefix(got, "no bell: the role may not tell writers to ring: ") {
		t.Errorf("described as %q", got)
	}
	if got := f.reader.Pace().Max; got != pollingEvery {
		t.Errorf("it polls every %v", got)
	}
	fixtureExec(t, db, "INSERT INTO item DEFAULT VALUES")
	f.expect(f.glance(), "", "I item 1")
	fixtureExec(t, db, "SET ROLE "+quoteName(role)+"; INSERT INTO item DEFAULT VALUES; RESET ROLE")
	f.expect(f.glance(), "", "I item 2")
}

func TestSleeper(t *testing.T) {
	t.Parallel()
	var s sleeper
	if s.dream(1, snapshot{xmin: 5, xmax: 9}) || s.longest(time.Now(), time.Hour) != awakeEvery {
		t.Error("who is awake is not rung for")
	}
	s = sleeper{asleep: true, number: 20, since: time.Now().Add(-time.Minute)}
	// A snapshot from before N says nothing of those below.
	if s.dream(0, snapshot{xmin: 15, xmax: 18, xip: []uint64{15}}); s.number != 20 || !s.doubts() {
		t.Errorf("after an early snapshot: %+v", s)
	}
	if s.dream(1, snapshot{xmin: 15, xmax: 26, xip: []uint64{15, 17, 22}}); !slices.Equal(s.doubtful, []uint64{15, 17}) {
		t.Errorf("in doubt are %v", s.doubtful)
	}
	if got := s.longest(time.Now(), time.Hour); got < 14*time.Second || got > 16*time.Second {
		t.Errorf("in doubt for a minute, it waits %v", got)
	}
	if unrung := s.dream(1, snapshot{xmin: 17, xmax: 30, xip: []uint64{17, 22}}); unrung || !slices.Equal(s.doubtful, []uint64{17}) {
		t.Errorf("in doubt are %v", s.doubtful)
	}
	if s.dream(0, snapshot{xmin: 22, xmax: 30, xip: []uint64{22}}); s.doubts() || s.longest(time.Now(), time.Hour) != time.Hour {
		t.Errorf("in doubt in the end: %v", s.doubtful)
	}
	if !s.dream(1, snapshot{xmin: 31, xmax: 31}) {
		t.Error("nobody rang, and nobody notices")
	}
	s = sleeper{missed: 3}
	if got := s.longest(time.Now(), time.Hour); got != 8*awakeEvery {
		t.Errorf("after three attempts, it waits %v", got)
	}
}

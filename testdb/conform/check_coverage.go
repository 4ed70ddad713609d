package conform

import (
	"context"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

// checkChecked polls for longer than CheckEvery, with and without changes;
// the follower complains when no poll looks whether capture is in place.
func checkChecked(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	timer := time.NewTimer(0)
	defer timer.Stop()
	start := time.Now()
	for i := int64(1); time.Since(start) < 3*listen.CheckEvery; i++ {
		<-timer.C
		if i%8 == 0 {
			exec(tb, db.DB, insertItems(1, i))
			f.wants("after an insert", items(i)...)
		} else {
			f.unchanged("when nothing has happened")
		}
		timer.Reset(10 * time.Millisecond)
	}
	f.close()
	f.connect()
	f.unchanged("on a new connection")
}

// checkAltered: results of before the change of a table must not be trusted.
func checkAltered(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertItems(1, 1))
	f := follow(tb, db)
	exec(tb, db.DB, "ALTER TABLE item ADD COLUMN extra INTEGER")
	f.voids("after ALTER TABLE")
	exec(tb, db.DB, "ALTER TABLE item ADD COLUMN more INTEGER")
	other := follow(tb, db) // what it knows is younger
	f.voids("after another ALTER TABLE")
	other.unchanged("for a younger reader")
}

func checkSwapped(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertItems(1, 1))
	f := follow(tb, db)
	exec(tb, db.DB, e.swapStatements()...)
	f.voids("after another table took the place of item")
	if err := db.Install(tb.Context()); err != nil {
		tb.Fatalf("Install: %v", err)
	}
	f.voids("after capture was put back")
	settle(tb, f)
	exec(tb, db.DB, insertItems(1, 5))
	f.wants("after an insert into the new table", items(5)...)
}

func checkLostTrigger(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertItems(1, 1))
	f := follow(tb, db)
	exec(tb, db.DB, e.Uncover...)
	f.voids("after capture was lost")
}

// checkPutBack: what was written while capture was away is in no log. Every
// reader is told to start afresh, also those that slept all the while.
func checkPutBack(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertItems(1, 1))
	awake, asleep := follow(tb, db), follow(tb, db)
	// A third one is away, and comes back with its cursor.
	away := follow(tb, db)
	away.close()
	exec(tb, db.DB, e.Uncover...)
	awake.voids("after capture was lost")
	exec(tb, db.DB, "UPDATE item SET ver = 2 WHERE id = 1")
	if err := db.Install(tb.Context()); err != nil {
		tb.Fatalf("Install: %v", err)
	}
	away.connect()
	for who, f := range map[string]*follower{"the reader that saw it": awake, "the reader that did not poll meanwhile": asleep, "the reader that was away": away} {
		f.voids("after capture was put back, " + who)
		settle(tb, f)
	}
	exec(tb, db.DB, insertItems(1, 2))
	for _, f := range []*follower{awake, asleep, away} {
		f.wants("after an insert", items(2)...)
	}
}

// settle polls until capture was looked at once more: that it was put back may
// be told by a mark at once, and by a reset when it is looked at.
func settle(tb testing.TB, f *follower) {
	tb.Helper()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		<-timer.C
		if delta := f.poll(); !delta.Unchecked {
			break
		}
		timer.Reset(5 * time.Millisecond)
	}
	f.unchanged("when all has been said")
}

func checkPruned(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	exec(tb, db.DB, insertItems(1, 1))
	behind := follow(tb, db)
	exec(tb, db.DB, insertItems(1, 2))
	ahead := follow(tb, db)
	exec(tb, db.DB, insertItems(1, 3))
	prune(tb, db)
	if delta := behind.poll(); delta.Reset == "" {
		tb.Errorf("after rows were pruned that were not read yet: the poll told %v, want a reset", tell(delta.Changes))
	}
	if delta := ahead.poll(); delta.Reset == "" {
		tb.Errorf("after one row was pruned that was not read yet: the poll told %v, want a reset", tell(delta.Changes))
	}
	settle(tb, behind)
	settle(tb, ahead)
	exec(tb, db.DB, insertItems(1, 4))
	behind.wants("after an insert", items(4)...)
	ahead.wants("after an insert", items(4)...)
}

func prune(tb testing.TB, db *Database) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	if err := db.Prune(ctx); err != nil {
		tb.Fatalf("Prune: %v", err)
	}
}

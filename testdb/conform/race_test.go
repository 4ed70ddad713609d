package conform

import (
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

// brief is long enough for the slow transaction of overlapping ones to end
// twice, briefer is for SQLite.
var (
	brief   = RaceOptions{Duration: 1600 * time.Millisecond, Writers: 4}
	briefer = RaceOptions{Duration: 700 * time.Millisecond, Writers: 4}
)

// raceProblems runs a race that is expected to fail.
func raceProblems(t *testing.T, e Engine, o RaceOptions) (*Report, []string) {
	t.Helper()
	var report *Report
	complaints := record(t, func(tb testing.TB) {
		tb.Helper()
		report = Race(tb, e, o)
	})
	t.Log(report, complaints)
	return report, complaints
}

func TestRaceOfReference(t *testing.T) {
	report := Race(t, referenceEngine(nil), RaceOptions{Bulk: 5000})
	if report.Missed+report.Late+report.Phantoms > 0 || report.Resets > 0 {
		t.Errorf("%v", report)
	}
	if report.Commits < 50 || report.RolledBack < 1 || report.NaiveLost < 1 {
		t.Errorf("too little has happened to prove anything: %v", report)
	}
}

func TestRaceOfSQLite(t *testing.T) {
	report := Race(t, sqliteEngine(nil), briefer)
	if report.Commits < 20 || report.Polls < 50 {
		t.Errorf("too little has happened to prove anything: %v", report)
	}
}

func TestRaceCatchesFlaws(t *testing.T) {
	for _, c := range []struct {
		name   string
		engine Engine
		want   string
	}{
		{"forgets open transactions", referenceEngine(func(r *reference) { r.where = "xid >= $1 AND $2::xid8[] IS NOT NULL" }), "was never told of"},
		{"waits for open transactions", referenceEngine(func(r *reference) { r.horizon = true }), "by poll"},
		{"drops every 50th change", withFlaw(sqliteEngine(nil), dropEvery50th), "was never told of"},
		{"tells one poll late", withFlaw(sqliteEngine(nil), late), "by poll"},
		{"tells marks only", withFlaw(sqliteEngine(nil), edit(func(d *listen.Delta) {
			for i := range d.Changes {
				d.Changes[i].Op, d.Changes[i].Key = listen.Whole, nil
			}
		})), "all of whose changes have keys"},
		{"always starts afresh", withFlaw(sqliteEngine(nil), edit(func(d *listen.Delta) { d.Changes, d.Reset = nil, "whatever" })), "resets"},
		{"does not see cascades", withFlaw(sqliteEngine(nil), drop(func(c listen.Change) bool { return c.Table.Name == "child" && c.Op != listen.Insert })), "was never told of child"},
		{"forgets its cursor on a new connection", withFlaw(sqliteEngine(nil), forgetsCursor), "resets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			options := briefer
			if !c.engine.lacks(ConcurrentWriters) {
				options = brief
			}
			_, complaints := raceProblems(t, c.engine, options)
			wantComplaint(t, complaints, c.want)
		})
	}
}

func TestRaceCatchesSpies(t *testing.T) {
	for name, c := range map[string]struct {
		when moment
		want string
	}{
		"tells before the commit": {onStatement, "before COMMIT was sent"},
		"ignores rollback":        {onEnd, "which was rolled back"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &spy{when: c.when}
			_, complaints := raceProblems(t, withFlaw(sqliteEngine(s.wrap), s.source()), briefer)
			wantComplaint(t, complaints, c.want)
		})
	}
}

// A race in which the naive cursor is right shows nothing.
func TestHarmlessRaceFails(t *testing.T) {
	e := sqliteEngine(nil)
	e.Naive = "CREATE TABLE trace (id INTEGER PRIMARY KEY, k INTEGER NOT NULL)"
	delete(e.Lacks, NaiveCursor)
	report, complaints := raceProblems(t, e, briefer)
	wantComplaint(t, complaints, "proves nothing")
	if report.NaiveRows == 0 || report.Missed > 0 {
		t.Errorf("%v", report)
	}
}

// A race in which all transactions fail shows nothing either.
func TestFailingRaceFails(t *testing.T) {
	e := sqliteEngine(nil)
	e.Upsert = "NO SQL"
	open := e.Open
	e.Open = func(tb testing.TB) *Database {
		tb.Helper()
		db := open(tb)
		exec(tb, db.DB, insertItems(1, 1_000_000))
		exec(tb, db.DB, "CREATE TRIGGER busy BEFORE INSERT ON item WHEN NEW.id > 5 BEGIN SELECT RAISE(ABORT, 'not now'); END")
		return db
	}
	_, complaints := raceProblems(t, e, RaceOptions{Duration: 300 * time.Millisecond, Writers: 2})
	if len(complaints) == 0 || !strings.Contains(complaints[0], "first error") {
		t.Errorf("the complaints are %q, want one about failed transactions", complaints)
	}
}

package conform

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

// patience bounds every wait for something that must come, far longer than
// anything takes, so that a slow machine fails no test. What is expected at
// once gets no more than shortly.
const (
	patience = 30 * time.Second
	shortly  = 5 * time.Second
)

// follower polls a source by hand, as the feed does.
type follower struct {
	tb     testing.TB
	db     *Database
	source listen.Source
	reader listen.Reader
	cursor listen.Cursor
	// checked is when the last poll ended that looked at capture, zero on a
	// new connection.
	checked time.Time
}

// follow connects a new source of db and takes the first cursor.
func follow(tb testing.TB, db *Database) *follower {
	tb.Helper()
	f := &follower{tb: tb, db: db, source: db.Source()}
	f.connect()
	tb.Cleanup(func() {
		if f.reader != nil {
			_ = f.reader.Close() // some checks have closed it, or frozen it
		}
	})
	if delta := f.poll(); delta.Reset == "" || len(delta.Changes) > 0 {
		tb.Fatalf("the first poll: reset %q and %d changes, want a reset without changes", delta.Reset, len(delta.Changes))
	}
	return f
}

// connect connects, again after a failure: the cursor stays.
func (f *follower) connect() {
	f.tb.Helper()
	ctx, cancel := context.WithTimeout(f.tb.Context(), patience)
	defer cancel()
	reader, err := f.source.Connect(ctx)
	if err != nil {
		f.tb.Fatalf("Connect: %v", err)
	}
	f.reader, f.checked = reader, time.Time{}
}

// close ends the connection.
func (f *follower) close() {
	f.tb.Helper()
	if err := f.reader.Close(); err != nil {
		f.tb.Errorf("Close: %v", err)
	}
	f.reader = nil
}

// poll returns what the source says has happened since the last poll. What
// holds for every poll is checked here.
func (f *follower) poll() listen.Delta {
	f.tb.Helper()
	ctx, cancel := context.WithTimeout(f.tb.Context(), patience)
	defer cancel()
	sent := time.Now()
	delta, err := f.reader.Poll(ctx, f.cursor)
	if err != nil {
		f.tb.Fatalf("Poll: %v", err)
	}
	if delta.Cursor == nil {
		f.tb.Fatalf("Poll returned no cursor")
	}
	f.cursor = delta.Cursor
	switch {
	case !delta.Unchecked:
		f.checked = time.Now()
	case f.checked.IsZero():
		f.tb.Errorf("the first poll of a connection did not look whether capture is in place")
	case sent.Sub(f.checked) >= listen.CheckEvery:
		f.tb.Errorf("no poll looked whether capture is in place for %v", sent.Sub(f.checked))
	}
	for _, c := range delta.Changes {
		if problem := changeProblem(f.db.Schema, c); problem != "" {
			f.tb.Errorf("Poll delivered %s (%v)", problem, c)
		}
	}
	return delta
}

// unchanged checks that the next poll says nothing.
func (f *follower) unchanged(when string) {
	f.tb.Helper()
	f.wants(when)
}

// wants checks that the next poll says that these rows have changed, and
// nothing else. A row without a key stands for a mark.
func (f *follower) wants(when string, rows ...Row) {
	f.tb.Helper()
	f.pollFor(when, rows)
}

// wantsOp is wants for statements that did one kind of thing.
func (f *follower) wantsOp(when string, op listen.Op, rows ...Row) {
	f.tb.Helper()
	for _, c := range f.pollFor(when, rows) {
		if c.Op != op {
			f.tb.Errorf("%s: the poll told of the kind %q, want %q", when, c.Op, op)
		}
	}
}

func (f *follower) pollFor(when string, rows []Row) []listen.Change {
	f.tb.Helper()
	delta := f.poll()
	if delta.Reset != "" {
		f.tb.Fatalf("%s: the source started afresh: %s", when, delta.Reset)
	}
	want := make(told)
	for _, r := range rows {
		want[r.id()] = true
	}
	if got := tell(delta.Changes); !maps.Equal(got, want) {
		f.tb.Errorf("%s: the poll told %v, want %v", when, got, want)
	}
	return delta.Changes
}

// covered checks that the next poll covers these rows, by their keys or by
// marks, and tells of no other table.
func (f *follower) covered(when string, rows ...Row) {
	f.tb.Helper()
	delta := f.poll()
	if delta.Reset != "" {
		f.tb.Fatalf("%s: the source started afresh: %s", when, delta.Reset)
	}
	got := tell(delta.Changes)
	tables := make(map[string]bool)
	for _, r := range rows {
		tables[r.Table] = true
		if !got.covers(r.id()) {
			f.tb.Errorf("%s: the poll told %v, which does not cover %v", when, got, r.id())
		}
	}
	for r := range got {
		if !tables[r.table] {
			f.tb.Errorf("%s: the poll told of %v, which nobody touched", when, r)
		}
	}
}

// voids polls until capture was looked at, and checks that one of the polls
// voided what is known of the table item, by a reset or a mark.
func (f *follower) voids(when string) {
	f.tb.Helper()
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		<-timer.C
		delta := f.poll()
		if delta.Reset != "" || tell(delta.Changes)[rowID{table: "item"}] {
			return
		}
		if !delta.Unchecked {
			f.tb.Errorf("%s: a poll that looked at capture said neither reset nor mark: %v", when, tell(delta.Changes))
			return
		}
		// poll complains long before.
		if time.Since(start) > patience {
			f.tb.Fatalf("%s: no poll looked whether capture is in place", when)
		}
		timer.Reset(5 * time.Millisecond)
	}
}

package feed

import (
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

func (f *follower) uncovered(name string) string {
	f.t.Helper()
	_, why, _ := f.backend.meaning.Load().catalog.Uncovered([]dialects.Table{{Schema: "public", Name: name}})
	return why
}

func TestCaptureIsCheckedInTime(t *testing.T) {
	d := captured(t)
	f := follow(t, d.SocketDSN())
	unchecked := 0
	last := f.reader.checked
	for end := time.Now().Add(3 * listen.CheckEvery); time.Now().Before(end); {
		sent := time.Now()
		if f.glance().Unchecked {
			unchecked++
			if since := sent.Sub(last); since > listen.CheckEvery {
				t.Fatalf("nothing was looked at for %v", since)
			}
			continue
		}
		last = sent
	}
	if unchecked == 0 {
		t.Error("every poll looked at the capture")
	}
}

func TestCaptureIsTakenAway(t *testing.T) {
	d := captured(t)
	f := follow(t, d.SocketDSN())
	if why := f.uncovered("item"); why != "" {
		t.Fatalf("item is not covered: %s", why)
	}
	fixtureExec(t, d.DB(), "ALTER TABLE item DISABLE TRIGGER USER", "INSERT INTO item (id) VALUES (1)")
	delta := f.poll()
	if !strings.HasPrefix(delta.Reset, "the schema has changed") || delta.Unchecked {
		t.Errorf("reset %q, unchecked %v", delta.Reset, delta.Unchecked)
	}
	if f.uncovered("item") == "" {
		t.Error("item is still covered")
	}
	f.expect(f.poll(), "")
}

// TestSchemaThatWasReadInVain: a poll that fails after it has read the schema
// must not swallow what the consumers have to know of it.
func TestSchemaThatWasReadInVain(t *testing.T) {
	d := captured(t)
	f := follow(t, d.SocketDSN())
	fixtureExec(t, d.DB(), "ALTER TABLE item ADD COLUMN more int")
	if err := f.reader.adopt(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if delta := f.poll(); !strings.HasPrefix(delta.Reset, "the schema has changed") {
		t.Errorf("reset %q", delta.Reset)
	}
	fixtureExec(t, d.DB(), "INSERT INTO item (id) VALUES (1)")
	f.expect(f.poll(), "", "I item 1")
}

func TestRowsAreReplacedWithoutALog(t *testing.T) {
	d := captured(t)
	f := follow(t, d.SocketDSN())
	fixtureExec(t, d.DB(), "INSERT INTO item (id) VALUES (1)", "VACUUM FULL item", "INSERT INTO item (id) VALUES (2)")
	f.expect(f.poll(), "", "T item")
	fixtureExec(t, d.DB(), "TRUNCATE item")
	f.expect(f.glance(), "", "T item")
	fixtureExec(t, d.DB(), "VACUUM ANALYZE item")
	f.poll()
	f.expect(f.poll(), "")
}

func TestRowsOfATableThatIsNew(t *testing.T) {
	d := captured(t)
	f := follow(t, d.SocketDSN())
	fixtureExec(t, d.DB(), "CREATE TABLE part (id bigint PRIMARY KEY)")
	fixtureInstall(t, d.DB())
	fixtureExec(t, d.DB(), "INSERT INTO part VALUES (1)")
	f.reader.checked = time.Now().Add(time.Hour) // not due
	delta := f.glance()
	if !strings.HasPrefix(delta.Reset, "the schema has changed") || delta.Unchecked {
		t.Errorf("reset %q, unchecked %v", delta.Reset, delta.Unchecked)
	}
	if why := f.uncovered("part"); why != "" {
		t.Errorf("part is not covered: %s", why)
	}
	fixtureExec(t, d.DB(), "INSERT INTO part VALUES (2)")
	f.expect(f.glance(), "", "I part 2")
	// And of one that is no more: nobody can have read it since.
	fixtureExec(t, d.DB(), "INSERT INTO part VALUES (3)", "DROP TABLE part")
	f.cursor = func() cursor {
		c := f.cursor.(cursor)
		if delta := f.poll(); !strings.HasPrefix(delta.Reset, "the schema has changed") {
			t.Errorf("reset %q", delta.Reset)
		}
		c.schema = f.backend.schema
		return c
	}()
	f.expect(f.glance(), "")
}

func TestPartitionsReportToTheirRoot(t *testing.T) {
	d := captured(t)
	fixtureExec(t, d.DB(), "CREATE TABLE root (id bigint, at int, PRIMARY KEY (id, at)) PARTITION BY LIST (at)", "CREATE TABLE leaf PARTITION OF root FOR VALUES IN (1)")
	fixtureInstall(t, d.DB())
	f := follow(t, d.SocketDSN())
	fixtureExec(t, d.DB(), "INSERT INTO leaf VALUES (7, 1)")
	f.expect(f.poll(), "", "I leaf [7 1]", "I root [7 1]")
}

func TestAnalysisFollowsTheFeed(t *testing.T) {
	d := captured(t)
	f := follow(t, d.SocketDSN())
	for text, c := range map[string]struct{ writes, kept bool }{
		"SELECT * FROM item":            {kept: true},
		"INSERT INTO item VALUES (1)":   {writes: true},
		"SELECT mystery()":              {writes: true},
		"SELECT count(*) FROM pg_class": {},
		"ALTER TABLE item ADD x int":    {writes: true},
	} {
		a, err := f.backend.Analyze(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		if (a.Uncacheable == "") != c.kept || a.Changes() != c.writes || a.Version != f.backend.Version() {
			t.Errorf("%s: %+v", text, a)
		}
	}
	fixtureExec(t, d.DB(), "ALTER TABLE item DISABLE TRIGGER livesql_delete")
	f.poll()
	if a, err := f.backend.Analyze(t.Context(), "SELECT * FROM item"); err != nil || a.Uncacheable == "" {
		t.Errorf("with a trigger disabled: %+v, %v", a, err)
	}
}

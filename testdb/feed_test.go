package testdb_test

import (
	sqldriver "database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb"
)

func TestChange(t *testing.T) {
	m := testdb.Mock(t, testdb.Tables("bakery", "city"))
	for _, change := range []func(){
		func() { m.Feed.Change("bakery") },
		func() { m.Feed.Change("bakery", 1, 2) },
		func() { m.Feed.Reset("") },
		func() {
			m.Feed.Deliver(listen.Change{Table: dialects.Table{Name: "city"}, Op: listen.Insert, Key: 1}, listen.Change{Table: dialects.Table{Name: "bakery"}, Op: listen.Delete, Key: 1})
		},
	} {
		wantAsked(t, m, "Rye")
		m.Feed.Change("city", 1) // no concern of this read
		wantName(t, m, "Rye")
		change()
	}
	wantAsked(t, m, "Rye")
	if s := m.DB.Feed().Status(); s.LastReset != "the test asks for it" || s.Resets != 2 {
		t.Errorf("last reset %q, %d resets; want the test's and the first one", s.LastReset, s.Resets)
	}
}

func TestChangeCarriesItsKeys(t *testing.T) {
	m := testdb.Mock(t, testdb.Tables("bakery"))
	var got record
	m.DB.Feed().Subscribe(&got)
	m.Feed.Change("bakery", int64(7), "x")
	m.Feed.Change("bakery")
	m.Feed.Reset("because")
	if err := m.Close(); err == nil {
		t.Error("the mock did not complain of a Close that was not expected")
	}
	want := []listen.Change{
		{Table: dialects.Table{Name: "bakery"}, Op: listen.Update, Key: int64(7)},
		{Table: dialects.Table{Name: "bakery"}, Op: listen.Update, Key: "x"},
		{Table: dialects.Table{Name: "bakery"}, Op: listen.Whole},
	}
	if len(got.changes) != len(want) {
		t.Fatalf("%d changes %v, want %v", len(got.changes), got.changes, want)
	}
	for i := range want {
		if got.changes[i] != want[i] {
			t.Errorf("change %d is %v, want %v", i, got.changes[i], want[i])
		}
	}
	if len(got.resets) != 1 || got.resets[0] != "because" {
		t.Errorf("resets %q, want one", got.resets)
	}
}

// record remembers what a feed delivers. It is read after the feed has ended.
type record struct {
	changes []listen.Change
	resets  []string
}

func (r *record) Apply(b listen.Batch) {
	r.changes = append(r.changes, b.Changes...)
	if b.Reset != "" {
		r.resets = append(r.resets, b.Reset)
	}
}

func (r *record) Changed(listen.State) {}

func TestLostFeedServesNothing(t *testing.T) {
	m := testdb.Mock(t, testdb.Tables("bakery", "city"))
	wantAsked(t, m, "Rye")
	broken := errors.New("broken")
	m.Feed.Lose(broken)
	if s := m.DB.Feed().Status(); s.State != listen.Lost || !errors.Is(s.Err, broken) {
		t.Errorf("state %v with error %v, want lost with ours", s.State, s.Err)
	}
	wantAsked(t, m, "Rye")
	wantAsked(t, m, "Rye")
	m.Feed.Change("city") // waits in the log
	m.Feed.Restore()
	wantName(t, m, "Rye") // kept from before
	m.Feed.Lose(nil)
	m.Feed.Change("bakery")
	m.Feed.Restore()
	wantAsked(t, m, "Spelt") // changed meanwhile
	wantName(t, m, "Spelt")
}

func TestSilentFeedIsGivenUp(t *testing.T) {
	// There must be time for a read before the silent feed is given up.
	m := testdb.Mock(t, testdb.Tables("bakery"), testdb.Options(livesql.FeedDeadline(3*time.Second), livesql.Lease(time.Minute)))
	wantAsked(t, m, "Rye")
	m.Feed.Silence()
	m.Feed.Change("bakery") // nobody hears it yet
	wantName(t, m, "Rye")   // the lease still holds
	m.Feed.WaitLost()
	wantAsked(t, m, "Rye")
	m.Feed.Restore()
	wantAsked(t, m, "Spelt")
	wantName(t, m, "Spelt")
}

func TestSilenceEndsBeforeAnybodyMinds(t *testing.T) {
	m := testdb.Mock(t, testdb.Tables("bakery"))
	wantAsked(t, m, "Rye")
	m.Feed.Silence()
	m.Feed.Change("bakery")
	m.Feed.Restore()
	wantAsked(t, m, "Spelt")
}

// TestEveryTurn goes from each condition of the feed to each other: after each
// turn, reads must be answered as the new condition says, at once.
func TestEveryTurn(t *testing.T) {
	m := testdb.Mock(t, testdb.Tables("bakery"), testdb.Options(livesql.FeedDeadline(30*time.Second), livesql.Lease(time.Minute)))
	turns := map[string]func(){
		"restore": m.Feed.Restore,
		"lose":    func() { m.Feed.Lose(nil) },
		"silence": m.Feed.Silence,
	}
	for from, first := range turns {
		for to, then := range turns {
			m.Feed.Restore()
			first()
			then()
			if to != "silence" {
				wantStored(t, m, from+", then "+to, to == "restore")
			}
		}
	}
	m.Feed.Restore()
}

// wantStored checks whether a read that is asked is answered from memory the
// second time.
func wantStored(t *testing.T, m *testdb.MockDB, when string, want bool) {
	t.Helper()
	if want {
		m.Feed.Change("bakery")
	}
	wantAsked(t, m, when)
	before := m.CacheStats().Hits
	if !want {
		wantAsked(t, m, when)
		return
	}
	wantName(t, m, when)
	if m.CacheStats().Hits != before+1 {
		t.Errorf("%s: not answered from memory", when)
	}
}

func TestSyncAfterSchemaChange(t *testing.T) {
	m := testdb.Mock(t, testdb.Tables("bakery"))
	for range 20 {
		m.ExpectExec("ALTER").WillReturnResult(sqldriver.ResultNoRows)
		if _, err := m.Exec("ALTER TABLE bakery ADD x INT"); err != nil {
			t.Fatal(err)
		}
		m.Feed.Sync()
		wantAsked(t, m, "Rye")
		wantName(t, m, "Rye")
	}
}

func TestMisuseIsReported(t *testing.T) {
	tb := &recordTB{}
	m := testdb.Mock(tb, testdb.Tables("bakery"))
	m.Feed.Change("cake")
	if err := m.Close(); err == nil {
		t.Error("the mock did not complain of a Close that was not expected")
	}
	m.Feed.Change("bakery")
	m.Feed.Lose(nil)
	m.Feed.Silence()
	tb.finish()
	want := []string{`table "cake"`, "closed", "not lost: the handle was closed", "not silent: the handle was closed"}
	if len(tb.complaints) != len(want) {
		t.Fatalf("complaints %q, want %d", tb.complaints, len(want))
	}
	for i := range want {
		if !strings.Contains(tb.complaints[i], want[i]) {
			t.Errorf("complaint %q does not say %q", tb.complaints[i], want[i])
		}
	}
}

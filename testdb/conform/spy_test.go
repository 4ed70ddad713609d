package conform

import (
	"context"
	sqldriver "database/sql/driver"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// spy sees the statements of the writers, as a feed does that takes its changes
// from a program's statements instead of the database's commits.
type spy struct {
	// when an insert is told of.
	when moment

	spyMu   sync.Mutex
	pending []listen.Change
	// logs holds what each source has not told yet.
	logs []*spyLog
}

type moment int

const (
	onStatement   moment = iota // before the commit
	onEnd                       // at the end of the transaction, however it ends
	onCommitWhole               // at the commit, without regard to savepoints
)

// spyLog is what one source has to tell.
type spyLog struct{ changes []listen.Change }

var _ driver.Hooks = (*spy)(nil)

func (s *spy) Open() driver.Session { return spySession{s} }

func (s *spy) wrap(c sqldriver.Connector) sqldriver.Connector { return driver.Wrap(c, s) }

var insertedItem = regexp.MustCompile(`^INSERT INTO item\(id, grp, note, ver\) VALUES \((\d+),`)

// see notes a statement.
func (s *spy) see(text string) {
	m := insertedItem.FindStringSubmatch(text)
	if m == nil {
		return
	}
	id, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return
	}
	s.spyMu.Lock()
	s.pending = append(s.pending, listen.Change{Table: dialects.Table{Schema: "main", Name: "item"}, Op: listen.Insert, Key: id})
	s.spyMu.Unlock()
	if s.when == onStatement {
		s.end(true)
	}
}

// end tells of what is pending, or forgets it.
func (s *spy) end(tell bool) {
	s.spyMu.Lock()
	defer s.spyMu.Unlock()
	for _, l := range s.logs {
		if tell {
			l.changes = append(l.changes, s.pending...)
		}
	}
	s.pending = nil
}

// source polls the right source, and tells what the spy knows besides.
func (s *spy) source() func() pollFunc {
	return func() pollFunc {
		l := &spyLog{}
		s.spyMu.Lock()
		s.logs = append(s.logs, l)
		s.spyMu.Unlock()
		return func(ctx context.Context, r listen.Reader, since listen.Cursor) (listen.Delta, error) {
			d, err := r.Poll(ctx, since)
			s.spyMu.Lock()
			defer s.spyMu.Unlock()
			if err == nil && since != nil {
				d.Changes = append(d.Changes, l.changes...)
			}
			l.changes = nil
			return d, err
		}
	}
}

type spySession struct{ spy *spy }

func (spySession) Dialed(context.Context, sqldriver.Conn) error { return nil }

func (spySession) Takes(any) bool { return true }

func (spySession) Classify(query string) driver.Statement { return query }

func (spySession) Query(context.Context, driver.Statement, []sqldriver.NamedValue, driver.Path) (sqldriver.Rows, driver.Call, error) {
	return nil, nil, nil
}

func (s spySession) Executed(_ context.Context, st driver.Statement, _ []sqldriver.NamedValue, _ error) {
	if text, ok := st.(string); ok {
		s.spy.see(text)
	}
}

func (spySession) Begun(sqldriver.TxOptions) {}

func (s spySession) Ended(o driver.Outcome) {
	s.spy.end(s.spy.when == onEnd || o == driver.Committed)
}

func (spySession) Raw() {}

func (spySession) Released() {}

func (spySession) Closed() {}

func TestSpiesAreCaught(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		when   moment
		caught []string
	}{
		{"tells before the commit", onStatement, []string{"rollback", "savepoint", "several tables in one transaction"}},
		{"ignores rollback", onEnd, []string{"rollback"}},
		{"ignores savepoints", onCommitWhole, []string{"savepoint"}},
	} {
		for _, name := range c.caught {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := &spy{when: c.when}
				e := withFlaw(sqliteEngine(s.wrap), s.source())
				complaints := runCheck(t, &e, name)
				if len(complaints) == 0 {
					t.Errorf("a source that %s passes the check %q", c.name, name)
				}
				t.Log(complaints)
			})
		}
	}
}

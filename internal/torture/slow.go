package torture

import (
	"context"
	sqldriver "database/sql/driver"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/driver"
)

// slowFeed lets polls wait when the process was stopped before them, as they
// do when the disk has to wake up. What is served until then is served by the
// lease alone.
type slowFeed struct {
	last atomic.Int64 // when the last poll began
}

// slowness is for how long a poll waits.
const slowness = 300 * time.Millisecond

var _ driver.Hooks = (*slowFeed)(nil)

func (s *slowFeed) Open() driver.Session { return slowSession{s} }

// slowSession passes everything through.
type slowSession struct{ feed *slowFeed }

func (slowSession) Dialed(context.Context, sqldriver.Conn) error { return nil }

func (slowSession) Takes(any) bool { return true }

func (slowSession) Classify(query string) driver.Statement { return query }

// Query holds up a poll that follows a stop.
func (s slowSession) Query(ctx context.Context, st driver.Statement, _ []sqldriver.NamedValue, _ driver.Path) (sqldriver.Rows, driver.Call, error) {
	if text, ok := st.(string); !ok || !strings.Contains(text, "data_version") {
		return nil, nil, nil
	}
	t := now()
	if last := s.feed.last.Swap(t); last == 0 || t-last < int64(sleepGap) {
		return nil, nil, nil
	}
	timer := time.NewTimer(slowness)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, nil, nil
}

func (slowSession) Executed(context.Context, driver.Statement, []sqldriver.NamedValue, error) {}

func (slowSession) Begun(sqldriver.TxOptions) {}

func (slowSession) Ended(driver.Outcome) {}

func (slowSession) Raw() {}

func (slowSession) Released() {}

func (slowSession) Closed() {}

package cache

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"

	"github.com/vantage-go/live/driver"
)

// writeCall follows a statement with effects that was sent as a query: INSERT
// … RETURNING, a transaction statement, anything unknown.
type writeCall struct {
	session   *session
	statement *statement
	args      []sqldriver.NamedValue // copies, if they matter
}

func newWrite(s *session, st *statement, args []sqldriver.NamedValue) *writeCall {
	w := &writeCall{session: s, statement: st}
	if len(st.analysis.Touches) > 0 {
		w.args = keepArgs(args)
	}
	return w
}

var _ driver.Call = (*writeCall)(nil)

// Rows makes the effects known twice: now, since the rows may have been
// written and the caller may look at once; and when the rows are closed, since
// only then the statement has ended. A commit behind the rows takes along what
// was written before.
func (w *writeCall) Rows(_ context.Context, inner sqldriver.Rows) (sqldriver.Rows, error) {
	s, st := w.session, w.statement
	committed := s.executed(st, w.args, nil)
	s.open++
	return driver.ObserveRows(inner, func(err error) {
		s.open--
		if len(st.analysis.Scan.Effects) > 0 {
			s.cache.invalidate(committed)
			if err == nil {
				return // followed once already
			}
		}
		s.executed(st, w.args, err)
	}), nil
}

// Failed makes the effects known. A skipped statement was not sent.
func (w *writeCall) Failed(err error) {
	if errors.Is(err, sqldriver.ErrSkip) {
		return
	}
	w.session.executed(w.statement, w.args, err)
}

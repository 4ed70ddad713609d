package driver_test

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"

	"github.com/vantage-go/live/driver"
)

// recorder is a policy that writes what it sees into the server's log, so that
// the order of the calls on both sides of the wrapper is one list. Unless it
// is told otherwise it answers nothing.
type recorder struct {
	srv    *server
	quiet  bool // no log
	takes  func(v any) bool
	dialed func(ctx context.Context, inner sqldriver.Conn) error
	query  func(ctx context.Context, st driver.Statement, args []sqldriver.NamedValue, via driver.Path) (sqldriver.Rows, driver.Call, error)
}

func (r *recorder) Open() driver.Session {
	s := &recorded{r}
	s.log("open")
	return s
}

type recorded struct{ *recorder }

func (s *recorded) log(format string, args ...any) {
	if !s.quiet {
		s.srv.write("session: " + fmt.Sprintf(format, args...))
	}
}

func (s *recorded) Dialed(ctx context.Context, inner sqldriver.Conn) error {
	s.log("dialed")
	if s.dialed != nil {
		return s.dialed(ctx, inner)
	}
	return nil
}

func (s *recorded) Takes(v any) bool { return s.takes != nil && s.takes(v) }

func (s *recorded) Classify(query string) driver.Statement {
	s.log("classify %s", query)
	return "meaning of " + query
}

func (s *recorded) Query(ctx context.Context, st driver.Statement, args []sqldriver.NamedValue, via driver.Path) (sqldriver.Rows, driver.Call, error) {
	s.log("query via %d: %s%s", via, st, show(args))
	if s.query != nil {
		return s.query(ctx, st, args, via)
	}
	return nil, nil, nil
}

func (s *recorded) Executed(_ context.Context, st driver.Statement, args []sqldriver.NamedValue, err error) {
	s.log("executed %s%s: %v", st, show(args), err)
}

func (s *recorded) Begun(opts sqldriver.TxOptions) {
	s.log("begun %d %t", opts.Isolation, opts.ReadOnly)
}

func (s *recorded) Ended(o driver.Outcome) {
	s.log("ended %s", map[driver.Outcome]string{
		driver.Unknown: "unknown", driver.Committed: "committed", driver.RolledBack: "rolled back",
	}[o])
}

func (s *recorded) Raw()      { s.log("raw") }
func (s *recorded) Released() { s.log("released") }
func (s *recorded) Closed()   { s.log("closed") }

// watch is a Call that logs, and that observes the rows it passes on.
type watch struct {
	srv   *server
	quiet bool
}

// watching answers every query with a watch.
func watching(srv *server, quiet bool) *recorder {
	return &recorder{
		srv: srv, quiet: quiet,
		query: func(context.Context, driver.Statement, []sqldriver.NamedValue, driver.Path) (sqldriver.Rows, driver.Call, error) {
			return nil, &watch{srv, quiet}, nil
		},
	}
}

func (w *watch) log(format string, args ...any) {
	if !w.quiet {
		w.srv.write("call: " + fmt.Sprintf(format, args...))
	}
}

func (w *watch) Rows(_ context.Context, inner sqldriver.Rows) (sqldriver.Rows, error) {
	w.log("rows")
	return driver.ObserveRows(inner, func(err error) { w.log("done: %v", err) }), nil
}

func (w *watch) Failed(err error) { w.log("failed: %v", err) }

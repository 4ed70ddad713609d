package inject

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"sync/atomic"

	"github.com/vantage-go/live/driver"
)

// observer is hooks that change nothing and check that the wrapper keeps its
// side of the contract.
type observer struct{}

// Open returns the session of a new connection.
func (observer) Open() driver.Session { return &session{} }

// session checks what its connection reports.
type session struct {
	busy   atomic.Bool // a method is running
	closed bool
	dialed bool
	inTx   bool
}

// statement is what Classify returned: the wrapper has to hand it back.
type statement string

func broken(format string, args ...any) { evidence.broken(fmt.Sprintf(format, args...)) }

// enter checks that the session is alive and that no other call is under way.
func (s *session) enter(method string) (leave func()) {
	if !s.busy.CompareAndSwap(false, true) {
		broken("%s was called during another call of the session", method)
	}
	if s.closed {
		broken("%s was called after Closed", method)
	}
	return func() { s.busy.Store(false) }
}

func (s *session) Dialed(_ context.Context, inner sqldriver.Conn) error {
	defer s.enter("Dialed")()
	if inner == nil {
		broken("Dialed got no connection")
	}
	s.dialed = true
	return nil
}

// Takes sends every value the way through the inner driver.
func (s *session) Takes(any) bool {
	defer s.enter("Takes")()
	return false
}

func (s *session) Classify(query string) driver.Statement {
	defer s.enter("Classify")()
	evidence.classified()
	return statement(query)
}

func (s *session) Query(_ context.Context, st driver.Statement, _ []sqldriver.NamedValue, _ driver.Path) (sqldriver.Rows, driver.Call, error) {
	defer s.enter("Query")()
	s.known(st, "Query")
	return nil, &call{session: s}, nil
}

func (s *session) Executed(_ context.Context, st driver.Statement, _ []sqldriver.NamedValue, err error) {
	defer s.enter("Executed")()
	s.known(st, "Executed")
	if err == nil && !s.dialed {
		broken("Executed without error came before Dialed")
	}
	if err == sqldriver.ErrSkip { //nolint:errorlint // database/sql compares by identity
		broken("Executed was told of ErrSkip")
	}
}

func (s *session) Begun(sqldriver.TxOptions) {
	defer s.enter("Begun")()
	if s.inTx {
		broken("Begun came twice without Ended")
	}
	s.inTx = true
}

func (s *session) Ended(driver.Outcome) {
	defer s.enter("Ended")()
	if !s.inTx {
		broken("Ended came without Begun")
	}
	s.inTx = false
}

// Raw may come at any time: who holds the inner connection may use it while
// database/sql does.
func (s *session) Raw() {}

func (s *session) Released() { defer s.enter("Released")() }

func (s *session) Closed() {
	defer s.enter("Closed")()
	s.closed = true
}

func (s *session) known(st driver.Statement, where string) {
	if _, ok := st.(statement); !ok {
		broken("%s got the statement %T, which Classify did not return", where, st)
	}
}

// call wraps the rows of one query.
type call struct {
	session *session
	settled bool
}

func (c *call) settle(method string) {
	if c.settled {
		broken("a Call was settled twice, the second time by %s", method)
	}
	c.settled = true
}

func (c *call) Rows(_ context.Context, inner sqldriver.Rows) (sqldriver.Rows, error) {
	defer c.session.enter("Rows")()
	c.settle("Rows")
	if !c.session.dialed {
		broken("Rows came before Dialed")
	}
	evidence.wrapped()
	var ended atomic.Bool
	return driver.ObserveRows(inner, func(error) {
		if ended.Swap(true) {
			broken("the end of rows was reported twice")
		}
	}), nil
}

func (c *call) Failed(err error) {
	defer c.session.enter("Failed")()
	c.settle("Failed")
	if err == nil {
		broken("Failed got no error")
	}
}

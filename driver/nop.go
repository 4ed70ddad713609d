package driver

import (
	"context"
	sqldriver "database/sql/driver"
)

var (
	_ Hooks   = nopHooks{}
	_ Session = nopSession{}
)

// nopHooks stands in for nil Hooks, so that a wrapper without a policy runs
// the same code as one with a policy.
type nopHooks struct{}

func (nopHooks) Open() Session { return nopSession{} }

// nopSession answers nothing and remembers nothing.
type nopSession struct{}

func (nopSession) Dialed(context.Context, sqldriver.Conn) error { return nil }

func (nopSession) Takes(any) bool { return false }

func (nopSession) Classify(string) Statement { return nil }

func (nopSession) Query(context.Context, Statement, []sqldriver.NamedValue, Path) (sqldriver.Rows, Call, error) {
	return nil, nil, nil
}

func (nopSession) Executed(context.Context, Statement, []sqldriver.NamedValue, error) {}

func (nopSession) Begun(sqldriver.TxOptions) {}

func (nopSession) Ended(Outcome) {}

func (nopSession) Raw() {}

func (nopSession) Released() {}

func (nopSession) Closed() {}

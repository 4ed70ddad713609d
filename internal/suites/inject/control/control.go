// Package control registers a mode that must fail: the control of the
// conformance runs. A run that does not notice a wrapper with one fault would
// not notice the faults of ours.
package control

import (
	"context"
	sqldriver "database/sql/driver"

	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/internal/suites/inject"
)

// Mode is the name of the mode. Its connections cannot be asked whether they
// are valid, so that broken ones stay in the pool; several published wrappers
// had this fault.
const Mode = "control"

func init() {
	inject.Register(Mode, func(c sqldriver.Connector) sqldriver.Connector {
		return connector{driver.Wrap(c, nil)}
	})
}

type connector struct{ sqldriver.Connector }

// Connect hides one optional interface of a connection.
func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn{inner.(complete)}, nil
}

// Unwrap returns the complete wrapper.
func (c connector) Unwrap() sqldriver.Connector { return c.Connector }

// complete is every interface of a connection except sqldriver.Validator.
type complete interface {
	sqldriver.Conn
	sqldriver.ConnPrepareContext
	sqldriver.ConnBeginTx
	sqldriver.ExecerContext
	sqldriver.QueryerContext
	sqldriver.Pinger
	sqldriver.SessionResetter
	sqldriver.NamedValueChecker
}

type conn struct{ complete }

// Unwrap returns the complete wrapper.
func (c conn) Unwrap() sqldriver.Conn { return c.complete }

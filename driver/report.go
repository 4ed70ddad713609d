package driver

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
)

// errAborted is what the session learns of a statement whose driver panicked
// or ended its goroutine: it may have run.
var errAborted = errors.New("livesql: the driver did not return from the statement")

// answer returns what the session answered instead of the inner driver. A
// caller whose context is done gets nothing, as from the inner driver.
func answer(ctx context.Context, c *conn, rows sqldriver.Rows, err error) (sqldriver.Rows, error) {
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		rows.Close()
		return nil, err
	}
	setLine(ctx, c, rows)
	return rows, nil
}

// pending is a query of which a Call waits for the answer. The Call gets one
// in any case: others may be waiting for it in turn.
type pending struct {
	call    Call
	settled bool
}

// reported sends a query for which call waits. It is apart from those who send,
// so that they have no deferred call where the session answers by itself.
func reported(ctx context.Context, c *conn, call Call, send func() (sqldriver.Rows, error)) (sqldriver.Rows, error) {
	p := pending{call: call}
	defer p.abandon()
	rows, err := send()
	return p.settle(ctx, c, rows, err)
}

// settle passes the inner driver's answer to the call.
func (p *pending) settle(ctx context.Context, c *conn, inner sqldriver.Rows, err error) (sqldriver.Rows, error) {
	p.settled = true
	if err != nil {
		p.call.Failed(err)
		return nil, err
	}
	rows, err := p.call.Rows(ctx, inner)
	if err != nil {
		return nil, err
	}
	if o, ok := rows.(observed); ok {
		o.observe(c.session)
	}
	setLine(ctx, c, rows)
	return rows, nil
}

func (p *pending) abandon() {
	if !p.settled {
		p.call.Failed(errAborted)
	}
}

// execution is a statement on its way through Exec. report is deferred, so
// that the session learns of it even if the driver panics.
type execution struct {
	session Session
	stmt    Statement
	args    []sqldriver.NamedValue

	returned bool
	skipped  bool
	err      error
}

func (e *execution) end(err error, skipped bool) {
	e.returned, e.skipped, e.err = true, skipped, err
}

func (e *execution) report(ctx context.Context) {
	if e.skipped {
		return
	}
	if !e.returned {
		e.err = errAborted
	}
	e.session.Executed(ctx, e.stmt, e.args, e.err)
}

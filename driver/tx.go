package driver

import (
	"context"
	sqldriver "database/sql/driver"
)

var _ sqldriver.Tx = (*tx)(nil)

// tx wraps a transaction. Drivers are free to use their connection for it, so
// it is never compared with anything.
type tx struct {
	inner sqldriver.Tx
	conn  *conn

	// interrupted is the Err of BeginTx's context, where Rollback needs it.
	interrupted func() error
}

func newTx(ctx context.Context, c *conn, inner sqldriver.Tx) *tx {
	t := &tx{inner: inner, conn: c}
	_, resets := c.inner.(sqldriver.SessionResetter)
	_, validates := c.inner.(sqldriver.Validator)
	if !resets || !validates {
		t.interrupted = ctx.Err
	}
	return t
}

// Commit commits the inner transaction. The session learns the outcome first.
func (t *tx) Commit() error {
	outcome := Unknown // also if the driver panics
	defer func() { t.conn.session.Ended(outcome) }()
	err := t.inner.Commit()
	if err == nil {
		outcome = Committed
	}
	return err
}

// Rollback rolls the inner transaction back. The session learns the outcome
// first.
//
// database/sql keeps a connection whose transaction was rolled back because
// its context was done only if the connection can both be reset and validated.
// The wrapper can always, so it discards the connection itself where the inner
// one cannot: IsValid says so to the pool, and ErrBadConn to the holder of a
// *sql.Conn, which database/sql closes for it.
func (t *tx) Rollback() error {
	if t.interrupted != nil && t.interrupted() != nil {
		t.conn.discard = true
	}
	outcome := Unknown // also if the driver panics
	defer func() { t.conn.session.Ended(outcome) }()
	err := t.inner.Rollback()
	if err == nil {
		outcome = RolledBack
	}
	return err
}

// Unwrap returns the inner transaction.
func (t *tx) Unwrap() sqldriver.Tx {
	t.conn.session.Raw()
	return t.inner
}

package driver

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
)

var (
	errClosed = errors.New("livesql: the connection is closed")
	errNoConn = errors.New("livesql: the driver's connector returned neither a connection nor an error")
)

// DialError is what a statement gets when the connection it needed could not
// be dialled and the reason was [sqldriver.ErrBadConn]. It reads and matches
// like Err in every way but one: errors.Is does not find ErrBadConn in it.
// With it, database/sql would throw the shell away and dial again, twice.
// All other reasons are returned as they are.
type DialError struct {
	// Err is the inner connector's error.
	Err error
}

// Error returns the text of the inner connector's error.
func (e *DialError) Error() string { return e.Err.Error() }

// Is matches whatever Err matches, except ErrBadConn.
func (e *DialError) Is(target error) bool {
	return target != sqldriver.ErrBadConn && errors.Is(e.Err, target)
}

// As finds whatever Err holds.
func (e *DialError) As(target any) bool { return errors.As(e.Err, target) }

// dial returns the inner connection for use, and opens it if that has not
// happened yet.
func (c *conn) dial(ctx context.Context) (sqldriver.Conn, error) {
	if c.discard {
		return nil, sqldriver.ErrBadConn
	}
	if c.inner != nil {
		if err := c.use(ctx); err != nil {
			return nil, err
		}
		return c.inner, nil
	}
	err := c.connect(ctx)
	if err == nil {
		return c.inner, nil
	}
	c.failed = true
	if errors.Is(err, sqldriver.ErrBadConn) {
		err = &DialError{Err: err}
	}
	return nil, err
}

// connect opens the inner connection and shows it to the session. A shell
// whose dial failed may be asked again by the holder of a *sql.Conn, whose
// next statement can have a better context.
func (c *conn) connect(ctx context.Context) error {
	if c.closed {
		return errClosed
	}
	inner, err := c.connector.Connect(ctx)
	if err != nil {
		return err
	}
	if inner == nil {
		return errNoConn
	}
	if err := c.session.Dialed(ctx, inner); err != nil {
		inner.Close()
		return err
	}
	c.inner, c.used = inner, true
	c.resetter, _ = inner.(sqldriver.SessionResetter)
	c.validator, _ = inner.(sqldriver.Validator)
	c.failed = false
	c.direct = canQuery(inner) && canExec(inner)
	return nil
}

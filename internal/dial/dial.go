// Package dial opens livesql's own connections, next to those of the program,
// through the program's connector. What a connector runs may be the program's
// code, as a dialer or a hook is: it was written to be called by the program,
// with the program's contexts. On a goroutine of livesql, its panic would end
// the process, where before nobody but the caller had heard of it; here, it is
// an error.
//
//	Connector → the program's Connect → a connection, an error or a *PanicError
package dial

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"runtime/debug"
)

// PanicError is a panic of the program's code.
type PanicError struct {
	// Value is what it panicked with.
	Value any
	// Stack is that of its goroutine.
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("panic while connecting: %v\n%s", e.Value, e.Stack)
}

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Safely calls connect and returns its error, or a [*PanicError].
func Safely(connect func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return connect()
}

// Connector is the program's connector for connections of livesql. It is no
// [io.Closer]: the program's connector is not livesql's to close.
type Connector struct{ of sqldriver.Connector }

// Through returns a connector that dials through the program's.
func Through(c sqldriver.Connector) Connector { return Connector{c} }

// Connect dials.
func (c Connector) Connect(ctx context.Context) (conn sqldriver.Conn, err error) {
	err = Safely(func() (err error) {
		conn, err = c.of.Connect(ctx)
		return err
	})
	return conn, err
}

// Driver returns the program's driver.
func (c Connector) Driver() sqldriver.Driver { return c.of.Driver() }

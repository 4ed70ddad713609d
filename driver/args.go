package driver

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// CheckNamedValue does what the inner connection's checker does, or asks it if
// the session does not know what that is. In two cases the value is taken as it is
// and the statement that follows has it checked (see checked):
//
//   - A shell has nothing to ask yet, and no context here to dial with. Only if
//     the session knows that the inner driver leaves the value to database/sql
//     is that done at once, so that a cached query needs no connection.
//   - If the inner driver has only one of Queryer and Execer, or neither,
//     database/sql converts the arguments of the other for the prepared
//     statement alone. The connection's checker may not see them, and what it
//     would refuse the statement may take.
func (c *conn) CheckNamedValue(nv *sqldriver.NamedValue) error {
	if c.inner != nil && c.direct {
		if c.session.Takes(nv.Value) {
			return plainly(nv)
		}
		return checkNamedValue(c.inner, nv)
	}
	if nv.Ordinal == 1 {
		// An earlier statement may have ended before it arrived here.
		c.unchecked = false
	}
	if c.inner == nil && c.session.Takes(nv.Value) {
		return plainly(nv)
	}
	c.unchecked = true
	return nil
}

// plainly has database/sql convert a value, or does so itself where that is
// certain to be the same (driver.DefaultParameterConverter) and needs no detour
// by an error.
func plainly(nv *sqldriver.NamedValue) error {
	switch v := nv.Value.(type) {
	case int64, string, []byte, float64, bool, time.Time, nil:
		return nil
	case int:
		nv.Value = int64(v)
		return nil
	}
	return sqldriver.ErrSkip
}

// checked returns args as the inner connection's checker leaves them, after it
// was dialled for that. It returns ErrSkip if fits, which tells whether the
// connection itself has the method that is about to be called, says no:
// database/sql then prepares the statement and starts again with the original
// arguments.
//
// The loop is that of database/sql's driverArgsConnLocked without a statement,
// and so are its errors.
func (c *conn) checked(ctx context.Context, args []sqldriver.NamedValue, fits func(sqldriver.Conn) bool) ([]sqldriver.NamedValue, error) {
	c.unchecked = false
	if len(args) == 0 {
		return args, nil
	}
	inner, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	if !fits(inner) {
		return nil, sqldriver.ErrSkip
	}
	n := 0
	for _, nv := range args {
		args[n] = nv
		args[n].Ordinal = n + 1
		err := checkNamedValue(inner, &args[n])
		if err == sqldriver.ErrSkip { //nolint:errorlint // database/sql compares by identity
			args[n].Value, err = sqldriver.DefaultParameterConverter.ConvertValue(args[n].Value)
		}
		switch err {
		case nil:
			n++
		case sqldriver.ErrRemoveArgument: //nolint:errorlint // database/sql compares by identity
		default:
			return nil, fmt.Errorf("sql: converting argument %s type: %w", describe(&args[n]), err)
		}
	}
	return args[:n], nil
}

// checkNamedValue asks inner's checker. ErrSkip makes database/sql go on with
// the default conversion, as it does for a connection without a checker.
func checkNamedValue(inner sqldriver.Conn, nv *sqldriver.NamedValue) error {
	if ch, ok := inner.(sqldriver.NamedValueChecker); ok {
		return ch.CheckNamedValue(nv)
	}
	return sqldriver.ErrSkip
}

// describe names an argument as database/sql does in its errors.
func describe(nv *sqldriver.NamedValue) string {
	if nv.Name == "" {
		return "$" + strconv.Itoa(nv.Ordinal)
	}
	return fmt.Sprintf("with name %q", nv.Name)
}

// plainValues is what database/sql does before it calls one of the methods
// without a context: refuse named arguments, then look at the context once
// (ctxutil.go: namedValueToValue and its callers).
func plainValues(ctx context.Context, args []sqldriver.NamedValue) ([]sqldriver.Value, error) {
	values := make([]sqldriver.Value, len(args))
	for i := range args {
		if args[i].Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = args[i].Value
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return values, nil
}

// namedValues is the way back, for callers of the methods without a context.
func namedValues(values []sqldriver.Value) []sqldriver.NamedValue {
	args := make([]sqldriver.NamedValue, len(values))
	for i, v := range values {
		args[i] = sqldriver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return args
}
